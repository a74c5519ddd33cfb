package stripe

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// Rank says how final a snapshot is. A higher rank is newer than a lower one
// whatever the times say: what has ended does not come back.
type Rank int

const (
	RankLive     Rank = iota
	RankTerminal      // canceled, incomplete_expired; paid and void; a schedule's end; a detached payment method
	RankDeleted       // the object is gone
)

// Order is what the order of two snapshots of one object is decided by, apart
// from what they say.
type Order struct {
	Created int64 // event.created; of an answer the second, by Stripe's clock, at which its request was sent
	Rank    Rank
	Born    bool  // the event is the object's *.created
	Asked   int64 // answers only: grows with every request; zero for events
}

// OrderOf reads the order facts of an event.
func OrderOf(e *Event) Order {
	return Order{Created: e.Created, Rank: RankOf(e.Type, e.ObjectType, e.Object), Born: strings.HasSuffix(e.Type, ".created")}
}

// RankOf says how final the snapshot is. typ is the event's type, empty for an
// answer of the API.
func RankOf(typ, objectType string, object Value) Rank {
	if object.Get("deleted").Bool() {
		return RankDeleted
	}
	switch objectType {
	case "subscription":
		// Stripe calls the end "deleted"; the object lives on as canceled.
		status := object.Get("status").Str()
		if status == "canceled" || status == "incomplete_expired" || strings.HasSuffix(typ, ".deleted") {
			return RankTerminal
		}
		return RankLive
	case "invoice":
		// uncollectible may still become paid or void.
		if status := object.Get("status").Str(); status == "paid" || status == "void" {
			return RankTerminal
		}
	case "subscription_schedule":
		// Neither can be updated any more (docs.stripe.com/api/subscription_schedules/object).
		switch object.Get("status").Str() {
		case "completed", "released", "canceled":
			return RankTerminal
		}
	case "payment_method", "card", "source":
		// "After a PaymentMethod is detached, it can no longer be used for a
		// payment or re-attached" (docs.stripe.com/api/payment_methods/detach).
		if strings.HasSuffix(typ, ".detached") {
			return RankTerminal
		}
	}
	if strings.HasSuffix(typ, ".deleted") {
		return RankDeleted
	}
	return RankLive
}

// Verdict is what Compare could say without looking into the snapshots.
type Verdict int

const (
	Older Verdict = iota - 1
	Open          // the same second: only Newest can tell
	Newer
)

// Compare says whether a snapshot with the facts b is newer than one with the
// facts a, by rules 1 to 3 of the order: what has ended stays ended, *.created
// is the oldest, the later second is newer, and of two answers within a second
// the one asked for later.
func Compare(a, b Order) Verdict {
	if a.Rank != b.Rank {
		return Verdict(cmp.Compare(b.Rank, a.Rank))
	}
	if a.Born != b.Born {
		if b.Born {
			return Older
		}
		return Newer
	}
	if a.Created != b.Created {
		return Verdict(cmp.Compare(b.Created, a.Created))
	}
	if a.Asked != 0 && b.Asked != 0 {
		return Verdict(cmp.Compare(b.Asked, a.Asked))
	}
	return Open
}

// Snapshot is one state of one object as Stripe told it. Object is absent where
// the payload is no longer kept; such a snapshot links nothing.
type Snapshot struct {
	Order
	ID         string // the event's id: the last word where nothing else decides
	ObjectType string
	APIVersion string
	Request    string // request.id, empty where Stripe itself acted
	Object     Value
	Previous   Value // data.previous_attributes
}

// Decision is the answer of Newest.
type Decision struct {
	Index int // of the newest snapshot
	// Certain is false where nothing decided but the event's id: the object
	// should be fetched.
	Certain bool
	// Tied says that more than one snapshot stood in the newest second, so that a
	// snapshot of an earlier second that is learnt later can change the answer.
	Tied bool
}

// Newest decides which snapshot of one object is the newest. It is a function of
// the set: order and repetition of all do not matter. all must not be empty.
//
// The rules, in order: what has ended stays ended; *.created is the oldest; the
// later second; within a second the chain that previous_attributes make through
// all of that second's events; facts that only grow; the event's id.
func Newest(all []Snapshot) Decision {
	top := candidates(all)
	if len(top) == 1 {
		return Decision{Index: top[0], Certain: true}
	}
	d := Decision{Tied: true}
	if oneState(all, top) {
		d.Index, d.Certain = lastID(all, top), true
		return d
	}
	second, before := neighbors(all, all[top[0]].Created)
	for _, among := range [][]int{second, top} {
		ends := slices.DeleteFunc(chainEnds(all, among, before), func(k int) bool { return !slices.Contains(top, k) })
		if len(ends) > 0 && oneState(all, ends) {
			d.Index, d.Certain = lastID(all, ends), true
			return d
		}
	}
	most := mostGrown(all, top)
	d.Index, d.Certain = lastID(all, most), oneState(all, most)
	return d
}

// candidates applies rules 1 to 3: the highest rank, without *.created where
// there is anything else, in the latest second. Of several answers only the one
// that was asked for last remains.
func candidates(all []Snapshot) []int {
	var top []int
	for i := range all {
		if len(top) == 0 {
			top = append(top, i)
			continue
		}
		switch Compare(all[top[0]].Order, all[i].Order) {
		case Newer:
			// An answer replaces an answer of its second, not the events beside it.
			if all[i].Asked != 0 && all[i].Created == all[top[0]].Created && all[i].Rank == all[top[0]].Rank && all[i].Born == all[top[0]].Born {
				top = slices.DeleteFunc(top, func(k int) bool { return all[k].Asked != 0 })
				top = append(top, i)
				continue
			}
			top = append(top[:0], i)
		case Open:
			top = append(top, i)
		}
	}
	// Answers may have come to stand beside one another behind an event.
	last := int64(0)
	for _, k := range top {
		last = max(last, all[k].Asked)
	}
	return slices.DeleteFunc(top, func(k int) bool { return all[k].Asked != 0 && all[k].Asked != last })
}

// neighbors returns the snapshots of a second in which a chain is looked for and
// the one that it starts from: the newest snapshot of an earlier second, else the
// object's *.created where it fell into that second, else -1.
func neighbors(all []Snapshot, second int64) (among []int, before int) {
	var earlier, born []int
	for i := range all {
		switch {
		case all[i].Created < second:
			earlier = append(earlier, i)
		case all[i].Created > second:
		case all[i].Born:
			born = append(born, i)
		default:
			among = append(among, i)
		}
	}
	switch {
	case len(earlier) > 0:
	case len(born) > 0:
		return among, lastID(all, born)
	default:
		return among, -1
	}
	sub := make([]Snapshot, len(earlier))
	for i, k := range earlier {
		sub[i] = all[k]
	}
	return among, earlier[Newest(sub).Index]
}

func lastID(all []Snapshot, among []int) int {
	return slices.MaxFunc(among, func(a, b int) int { return strings.Compare(all[a].ID, all[b].ID) })
}

func oneState(all []Snapshot, among []int) bool {
	// Every pair: two states of one version can both be as another version tells it.
	for i, a := range among {
		for _, b := range among[i+1:] {
			if !sameState(&all[a], &all[b]) {
				return false
			}
		}
	}
	return true
}

// mostGrown keeps the snapshots in which the facts that only grow are largest.
func mostGrown(all []Snapshot, among []int) []int {
	best := slices.MaxFunc(among, func(a, b int) int { return slices.Compare(grown(&all[a]), grown(&all[b])) })
	top := grown(&all[best])
	return slices.DeleteFunc(slices.Clone(among), func(k int) bool { return slices.Compare(grown(&all[k]), top) != 0 })
}

// grown are the facts of an object that only grow, the weightiest first.
func grown(s *Snapshot) []int64 {
	switch s.ObjectType {
	case "invoice":
		status := slices.Index([]string{"draft", "open", "uncollectible", "void", "paid"}, s.Object.Get("status").Str())
		return []int64{int64(status), s.Object.Get("attempt_count").Int(), s.Object.Get("amount_paid").Int()}
	case "subscription":
		sub := ReadSubscription(s.Object)
		return []int64{sub.EndedAt, sub.CurrentPeriodEnd}
	case "charge":
		return []int64{s.Object.Get("amount_refunded").Int()}
	}
	return nil
}

// SameState says whether two snapshots of one object say the same, as far as
// Bursar reads them.
func SameState(objectType string, a, b Value) bool {
	return sameState(&Snapshot{ObjectType: objectType, Object: a}, &Snapshot{ObjectType: objectType, Object: b})
}

// Needed yields the indexes of the snapshots whose objects Newest may look into:
// those of the newest second where it is contested, and from there back to the
// first snapshot that is not.
func Needed(all []Snapshot) iter.Seq[int] {
	return func(yield func(int) bool) {
		rest := make([]int, len(all))
		for i := range all {
			rest[i] = i
		}
		for len(rest) > 0 {
			some := make([]Snapshot, len(rest))
			for i, k := range rest {
				some[i] = all[k]
			}
			top := candidates(some)
			second := some[top[0]].Created
			var earlier []int
			for i, k := range rest {
				switch {
				case some[i].Created < second:
					earlier = append(earlier, k)
				case some[i].Created == second && (len(top) > 1 || i == top[0]):
					if !yield(k) {
						return
					}
				}
			}
			if len(top) == 1 {
				return
			}
			rest = earlier
		}
	}
}
