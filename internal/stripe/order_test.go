package stripe

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// snap writes a snapshot: "id second type[@version] {object} <- {previous}".
func snap(t require, line string) Snapshot {
	f := strings.SplitN(line, " ", 4)
	var second int64
	if _, err := fmt.Sscan(f[1], &second); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	object, previous, _ := strings.Cut(f[3], " <- ")
	o, err := Parse([]byte(object))
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	s := Snapshot{ID: f[0], ObjectType: o.Get("object").Str(), APIVersion: "2025-11-17.clover", Object: o}
	typ := f[2]
	if t, version, ok := strings.Cut(typ, "@"); ok {
		typ, s.APIVersion = t, version
	}
	s.Order = Order{Created: second, Rank: RankOf(typ, s.ObjectType, o), Born: strings.HasSuffix(typ, ".created")}
	if typ == "answer" {
		s.Asked = second
		s.Rank, s.Born = RankOf("", s.ObjectType, o), false
	}
	if previous != "" {
		if s.Previous, err = Parse([]byte(previous)); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	return s
}

type require interface{ Fatalf(string, ...any) }

func customerState(name string) string {
	return `{"object":"customer","id":"cus_1","name":"` + name + `"}`
}

// TestNewest is the table of the order: the snapshots of one object, which of them
// is the newest, and whether that is certain. A "?" after the id means: not certain.
func TestNewest(t *testing.T) {
	sub := func(status string) string { return `{"object":"subscription","id":"sub_1","status":"` + status + `"}` }
	inv := func(status string, attempts int) string {
		return fmt.Sprintf(`{"object":"invoice","id":"in_1","status":%q,"attempt_count":%d}`, status, attempts)
	}
	charge := func(refunded int) string {
		return fmt.Sprintf(`{"object":"charge","id":"ch_1","status":"succeeded","amount_refunded":%d}`, refunded)
	}
	for _, tt := range []struct {
		name, want string
		lines      []string
	}{
		{"one", "a", []string{"a 1 customer.updated " + customerState("A")}},
		{"1: a schedule that has ended, within a second", "a", []string{
			`a 1 subscription_schedule.canceled {"object":"subscription_schedule","id":"sub_sched_1","status":"canceled"}`,
			`b 1 subscription_schedule.updated {"object":"subscription_schedule","id":"sub_sched_1","status":"active","end_behavior":"cancel"} <- {"end_behavior":"release"}`,
		}},
		{"1: what has ended stays ended", "a", []string{"a 1 customer.subscription.deleted " + sub("canceled"), "b 9 customer.subscription.updated " + sub("active")}},
		{"1: paid stays paid", "a", []string{"a 1 invoice.paid " + inv("paid", 1), "b 9 invoice.updated " + inv("open", 3)}},
		{"1: uncollectible does not", "b", []string{"a 1 invoice.marked_uncollectible " + inv("uncollectible", 1), "b 9 invoice.updated " + inv("open", 3)}},
		{"1: the deleted object is gone", "a", []string{"a 1 customer.deleted " + customerState("A"), "b 9 customer.updated " + customerState("B")}},
		{"1: between two that ended the later", "b", []string{"a 1 customer.subscription.deleted " + sub("canceled"), "b 9 customer.subscription.updated " + sub("canceled")}},
		{"2: created is the oldest", "a", []string{"a 1 customer.updated " + customerState("A"), "b 9 customer.created " + customerState("B")}},
		{"2: two that say created within a second", "b?", []string{
			"a 2 customer.created " + customerState("A") + ` <- {"name":"A"}`,
			"b 2 customer.created " + customerState("B") + ` <- {"name":"A"}`,
		}},
		{"3: the later second", "b", []string{"a 1 customer.updated " + customerState("A"), "b 2 customer.updated " + customerState("B")}},
		{"3: an answer beats earlier seconds", "b", []string{"a 1 customer.updated " + customerState("A"), "b 2 answer " + customerState("B")}},
		{"3: an answer does not beat its own second", "b?", []string{"b 2 customer.updated " + customerState("A"), "a 2 answer " + customerState("B")}},
		{"4: an answer that fits nowhere else comes after its second's events", "a", []string{
			"x 1 customer.updated " + customerState("A"),
			"b 2 customer.updated " + customerState("B") + ` <- {"name":"A"}`,
			"a 2 answer " + customerState("C"),
		}},
		{"4: an answer that an event has followed", "b", []string{
			"x 1 customer.updated " + customerState("A"),
			"b 2 customer.updated " + customerState("B") + ` <- {"name":"C"}`,
			"z 2 answer " + customerState("C"),
		}},
		{"4: an answer from between two events", "c", []string{
			"x 1 customer.updated " + customerState("A"),
			"b 2 customer.updated " + customerState("B") + ` <- {"name":"A"}`,
			"c 2 customer.updated " + customerState("C") + ` <- {"name":"B"}`,
			"z 2 answer " + customerState("B"),
		}},
		{"4: an answer from before all of its second's events", "c", []string{
			"x 1 customer.updated " + customerState("A"),
			"c 2 customer.updated " + customerState("B") + ` <- {"name":"A"}`,
			"z 2 answer " + customerState("A"),
		}},
		{"4: previous_attributes link", "a", []string{
			"x 1 customer.updated " + customerState("A"),
			"a 2 customer.updated " + customerState("C") + ` <- {"name":"B"}`,
			"b 2 customer.updated " + customerState("B") + ` <- {"name":"A"}`,
		}},
		{"4: there and back again", "a", []string{
			"x 1 customer.updated " + customerState("1"),
			"a 2 customer.updated " + customerState("3") + ` <- {"name":"2"}`,
			"b 2 customer.updated " + customerState("2") + ` <- {"name":"3"}`,
			"c 2 customer.updated " + customerState("3") + ` <- {"name":"1"}`,
		}},
		{"one state in two versions is certain", "b", []string{
			`a 2 invoice.updated@2022-11-15 {"object":"invoice","id":"in_1","status":"open","attempt_count":1,"charge":"ch_1","payment_intent":"pi_1"}`,
			`b 2 invoice.updated {"object":"invoice","id":"in_1","status":"open","attempt_count":1}`,
		}},
		{"two states of a version are not, because another one hides how they differ", "c?", []string{
			`a 2 invoice.updated@2022-11-15 {"object":"invoice","id":"in_1","status":"open","attempt_count":1,"charge":"ch_1"}`,
			`b 2 invoice.updated {"object":"invoice","id":"in_1","status":"open","attempt_count":1}`,
			`c 2 invoice.updated@2022-11-15 {"object":"invoice","id":"in_1","status":"open","attempt_count":1,"charge":"ch_2"}`,
		}},
		{"4: of two event objects of one change the last id", "c", []string{
			"a 2 customer.updated " + customerState("C") + ` <- {"name":"B"}`,
			"b 2 customer.updated " + customerState("B"),
			"c 2 customer.updated " + customerState("C") + ` <- {"name":"B"}`,
		}},
		{"4: there and back from what says nothing of before", "a", []string{
			"c 2 charge.succeeded " + charge(0),
			"z 2 charge.refunded " + charge(2900) + ` <- {"amount_refunded":0}`,
			"a 2 charge.refunded " + charge(0) + ` <- {"amount_refunded":2900}`,
		}},
		{"4: from the created one of the same second", "a", []string{
			"z 2 customer.created " + customerState("1"),
			"a 2 customer.updated " + customerState("3") + ` <- {"name":"2"}`,
			"c 2 customer.updated " + customerState("2") + ` <- {"name":"1"}`,
		}},
		{"4: nothing links", "b?", []string{"a 2 customer.updated " + customerState("A"), "b 2 customer.updated " + customerState("B") + ` <- {}`}},
		{"4: two events that tell one change", "b", []string{
			"x 1 customer.updated " + customerState("A"),
			"a 2 customer.updated " + customerState("B") + ` <- {"name":"A"}`,
			"b 2 customer.updated " + customerState("B") + ` <- {"name":"A"}`,
		}},
		{"4: a companion without previous_attributes", "a", []string{
			"x 1 invoice.created " + inv("draft", 0),
			"b 2 invoice.updated " + inv("open", 0) + ` <- {"status":"draft"}`,
			"c 2 invoice.finalized " + inv("open", 0),
			"a 2 invoice.updated " + inv("open", 1) + ` <- {"attempt_count":0}`,
		}},
		{"5: an invoice's status grows", "a", []string{"a 2 invoice.finalized " + inv("open", 0), "b 2 invoice.updated " + inv("draft", 0)}},
		{"5: attempts grow", "a", []string{"a 2 invoice.payment_failed " + inv("open", 2), "b 2 invoice.payment_failed " + inv("open", 1)}},
		{"the same state twice", "b", []string{"a 2 customer.updated " + customerState("A"), "b 2 customer.updated " + customerState("A")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all := make([]Snapshot, 0, len(tt.lines))
			for _, l := range tt.lines {
				all = append(all, snap(t, l))
			}
			for _, order := range permutations(len(all)) {
				mixed := make([]Snapshot, len(all))
				for i, k := range order {
					mixed[i] = all[k]
				}
				d := Newest(mixed)
				got := mixed[d.Index].ID
				if !d.Certain {
					got += "?"
				}
				if got != tt.want {
					t.Fatalf("in the order %v: %s, want %s", order, got, tt.want)
				}
			}
		})
	}
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var out [][]int
	for _, p := range permutations(n - 1) {
		for i := range n {
			out = append(out, slices.Insert(slices.Clone(p), i, n-1))
		}
	}
	return out
}

// TestNewestAnswers: of two answers within a second the one asked for later is newer.
func TestNewestAnswers(t *testing.T) {
	a, b := snap(t, "b 2 answer "+customerState("A")), snap(t, "a 2 answer "+customerState("B"))
	a.Asked, b.Asked = 1, 2
	for _, all := range [][]Snapshot{{a, b}, {b, a}} {
		if d := Newest(all); all[d.Index].ID != "a" || !d.Certain {
			t.Errorf("%v: %+v", all, d)
		}
	}
}

// TestNewestAcrossVersions: a subscription told by two endpoints of different API
// versions within a second, whose periods stand in different places.
func TestNewestAcrossVersions(t *testing.T) {
	first := snap(t, `x 1 customer.subscription.updated {"object":"subscription","id":"sub_1","status":"active","current_period_start":1,"current_period_end":100,"items":{"data":[{"id":"si_1","price":{"id":"p"},"quantity":1}]}}`)
	first.APIVersion = "2020-08-27"
	b := snap(t, `b 2 customer.subscription.updated {"object":"subscription","id":"sub_1","status":"active","items":{"data":[{"id":"si_1","price":{"id":"p"},"quantity":1,"current_period_start":100,"current_period_end":200}]}} <- {"items":{"data":[{"id":"si_1","price":{"id":"p"},"quantity":1,"current_period_start":1,"current_period_end":100}]}}`)
	a := snap(t, `a 2 customer.subscription.updated {"object":"subscription","id":"sub_1","status":"past_due","current_period_start":100,"current_period_end":200,"items":{"data":[{"id":"si_1","price":{"id":"p"},"quantity":1}]}} <- {"status":"active"}`)
	a.APIVersion = "2020-08-27"
	// a says nothing of the period, so that it could stand first as well, were it not
	// that b's events agree with a's period only when b came first.
	for _, order := range permutations(3) {
		all := []Snapshot{first, a, b}
		mixed := []Snapshot{all[order[0]], all[order[1]], all[order[2]]}
		if d := Newest(mixed); mixed[d.Index].ID != "a" || !d.Certain {
			t.Fatalf("%v: %s %+v", order, mixed[d.Index].ID, d)
		}
	}
}

// TestNewestIsOfTheSet: whatever the snapshots, their order and repetition do not matter.
func TestNewestIsOfTheSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []Snapshot
		for i := range rapid.IntRange(1, 9).Draw(t, "n") {
			line := fmt.Sprintf("e%d %d %s %s", i, rapid.IntRange(1, 3).Draw(t, "second"),
				rapid.SampledFrom([]string{"customer.updated", "customer.updated", "customer.created", "customer.deleted", "answer"}).Draw(t, "type"),
				customerState(rapid.SampledFrom([]string{"A", "B", "C"}).Draw(t, "state")))
			if rapid.Bool().Draw(t, "linked") {
				line += fmt.Sprintf(` <- {"name":%q}`, rapid.SampledFrom([]string{"A", "B", "C"}).Draw(t, "was"))
			}
			s := snap(t, line)
			if s.Asked != 0 {
				s.Asked = int64(i + 1)
			}
			all = append(all, s)
		}
		want := Newest(all)
		mixed := rapid.Permutation(all).Draw(t, "order")
		got := Newest(mixed)
		if mixed[got.Index].ID != all[want.Index].ID || got.Certain != want.Certain || got.Tied != want.Tied {
			t.Fatalf("%s %+v, in another order %s %+v", all[want.Index].ID, want, mixed[got.Index].ID, got)
		}
	})
}

// TestCompareAgrees: where Compare decides between two snapshots, Newest says the same.
func TestCompareAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(id string) Snapshot {
			s := Snapshot{ID: id, Order: Order{Created: rapid.Int64Range(1, 2).Draw(t, "s"), Rank: Rank(rapid.IntRange(0, 2).Draw(t, "r")), Born: rapid.Bool().Draw(t, "b")}}
			if rapid.Bool().Draw(t, "answer") {
				s.Born, s.Asked = false, rapid.Int64Range(1, 2).Draw(t, "asked")
			}
			return s
		}
		a, b := draw("a"), draw("b")
		v := Compare(a.Order, b.Order)
		if v == Open {
			return
		}
		want := map[Verdict]string{Newer: "b", Older: "a"}[v]
		if got := []Snapshot{a, b}[Newest([]Snapshot{a, b}).Index].ID; got != want {
			t.Fatalf("%+v %+v: Compare says %s, Newest %s", a.Order, b.Order, want, got)
		}
	})
}

// TestCompare is what Compare says of two orders: is b newer than a?
func TestCompare(t *testing.T) {
	for _, tt := range []struct {
		name string
		a, b Order
		want Verdict
	}{
		{"later second", Order{Created: 1}, Order{Created: 2}, Newer},
		{"earlier second", Order{Created: 2}, Order{Created: 1}, Older},
		{"same second", Order{Created: 2}, Order{Created: 2}, Open},
		{"ended, though earlier", Order{Created: 2}, Order{Created: 1, Rank: RankTerminal}, Newer},
		{"created, though later", Order{Created: 1}, Order{Created: 2, Born: true}, Older},
		{"asked for later", Order{Created: 2, Asked: 1}, Order{Created: 2, Asked: 2}, Newer},
		{"asked for earlier", Order{Created: 2, Asked: 2}, Order{Created: 2, Asked: 1}, Older},
		{"an answer and an event", Order{Created: 2, Asked: 2}, Order{Created: 2}, Open},
	} {
		if got := Compare(tt.a, tt.b); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}
