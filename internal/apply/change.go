package apply

import (
	"errors"
	"fmt"
	"time"

	"github.com/bursarhq/bursar/internal/outbound"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
)

// change is one event (or command) while it is being applied. What it does stays
// in its own overlay until it has succeeded.
type change struct {
	e   *Engine
	tx  *store.Tx
	d   *Delivery     // nil for a command
	ev  *stripe.Event // nil for a command
	key store.Key     // the event's; account and mode for a command
	// actor and why go into the timeline with whatever changes.
	actor, why string

	object stripe.Value // the newest snapshot of the event's object
	asOf   int64        // its second
	fresh  bool         // it is another one than before, or to be applied again
	stale  bool         // the event says less than what is known
	rerun  bool         // the event was in the inbox before
	own    bool         // the newest snapshot is the event's own

	customer string // whose it is, once the rule found out
	tenant   string
	wait     string // the id that it waits for
	reason   string
	result   Result

	trialEnding bool // the event warns of a trial's end, and is right

	released []store.Key // what became known: events may have waited for it
	retried  bool        // the event had failed before
	hooked   []hooked
	was      map[store.Key]outbound.Entitlements // of the tenants that were settled

	invoices      []store.Key // to be settled
	subscriptions []store.Key
	charges       []store.Key
	tenants       []store.Key
}

func newChange(e *Engine, tx *store.Tx, d *Delivery) *change {
	c := &change{e: e, tx: tx, d: d, ev: d.Event, key: d.key(), actor: d.Actor, customer: d.Event.Customer}
	if c.actor == "" {
		c.actor = "stripe"
	}
	return c
}

// receive stores a delivery and applies it.
func (c *change) receive(live bool) error {
	if row := c.tx.Inbox.Get(c.key); row != nil {
		row = c.tx.Inbox.Edit(c.key)
		row.Deliveries++
		c.result = Result{Status: Duplicate, Customer: row.Customer}
		return nil
	}
	row := c.tx.Inbox.Edit(c.key)
	c.fillRow(row)
	c.tx.PutPayload(row.Seq, c.d.Packed, c.ev.Body)
	if c.ev.Livemode != live {
		row.Status, row.Error = store.Ignored, fmt.Sprintf("a %s event, the database holds %s data", modeName(c.ev.Livemode), modeName(live))
		c.result = Result{Status: row.Status, Reason: row.Error, Customer: row.Customer}
		return nil
	}
	if err := c.run(row, false); err != nil {
		return err
	}
	if c.erased(row.Customer) {
		c.tx.DropPayload(row.Seq)
	}
	return nil
}

// fillRow sets what an inbox row says for ever.
func (c *change) fillRow(row *store.InboxEvent) {
	ev, order := c.ev, stripe.OrderOf(c.ev)
	row.Seq = c.tx.NextSeq()
	row.Type, row.ObjectID, row.ObjectType, row.Customer, row.APIVersion = ev.Type, c.objectID(), ev.ObjectType, ev.Customer, ev.APIVersion
	row.Source = c.d.Source
	row.Created, row.Final, row.Born, row.ObservedAt = order.Created, int64(order.Rank), order.Born, c.d.Asked
	row.ReceivedAt, row.Deliveries = c.tx.Now, 1
	row.Status = store.Failed // until its rule has run
}

// objectID is the id under which the event's object is kept; some objects have none.
func (c *change) objectID() string {
	if c.ev.ObjectID != "" {
		return c.ev.ObjectID
	}
	if rule := c.e.Rule(c.ev.Type); rule != nil && rule.perCustomer && c.ev.Customer != "" {
		return c.ev.ObjectType + ":" + c.ev.Customer
	}
	return ""
}

// run applies an event whose inbox row is there. Live traffic, retries, events
// that waited and replays all come through here. again says that the event was
// applied before: its object's newest snapshot is read anew.
func (c *change) run(row *store.InboxEvent, again bool) error {
	rule := c.e.Rule(c.ev.Type)
	if row.ObjectID == "" {
		row.ObjectID = c.objectID() // where there was no rule yet that told
	}
	if c.ev.Thin && (rule != nil || SnapshotType(c.ev.ObjectType) != "") {
		return c.runThin(row)
	}
	if rule == nil || row.ObjectID == "" {
		c.finish(row, store.Ignored, "")
		return nil
	}
	if err := c.observe(row, again); err != nil {
		return err
	}
	if err := rule.Apply(c); err != nil {
		return err
	}
	if err := c.settle(); err != nil {
		return err
	}
	switch {
	case c.wait != "":
		if w := c.tx.Waits.Edit(c.key); w.OnID != c.wait {
			w.OnID = c.wait
		}
		c.finish(row, store.Parked, "waits for "+c.wait)
	case c.reason != "":
		c.finish(row, store.Ignored, c.reason)
	case c.stale:
		c.finish(row, store.Stale, "older than what is known of "+row.ObjectID)
	default:
		c.finish(row, store.Applied, "")
	}
	return nil
}

// runThin has what a thin event tells of fetched: the event with the snapshot, which is
// applied as itself, else the object.
func (c *change) runThin(row *store.InboxEvent) error {
	if id := c.ev.SnapshotEvent; id != "" && c.tx.Inbox.Get(c.key.With(id)) != nil {
		c.finish(row, store.Stale, "the same as "+id)
		return nil
	}
	if c.ev.ObjectID == "" || !c.e.Runners["refetch"] {
		c.finish(row, store.Ignored, "a thin event, and there is no API key to fetch its object with")
		return nil
	}
	c.plan(effect{kind: "refetch", key: store.RefetchThin + c.key.ID, object: c.ev.ObjectID})
	c.finish(row, store.Applied, "")
	return nil
}

func (c *change) finish(row *store.InboxEvent, status, reason string) {
	// What a failed event had to tell is told when it is retried, overtaken or not.
	news := row.AppliedAt == 0 && (status == store.Applied || status == store.Stale && c.retried)
	row.Status, row.Error, row.NextAttemptAt = status, "", 0
	if status == store.Ignored || status == store.Parked {
		row.Error = reason
	}
	if status == store.Applied || status == store.Stale {
		row.AppliedAt = c.tx.Now
	}
	if status != store.Parked && c.rerun && c.tx.Waits.Get(c.key) != nil {
		c.tx.Waits.Delete(c.key)
	}
	row.Customer = c.customer
	c.result = Result{Status: status, Reason: reason, Customer: c.customer, Tenant: c.tenant}
	if news {
		c.hookEvent()
	}
}

// observe decides whether the event's snapshot is the newest of its object, and
// makes the newest one the one that the rule reads.
func (c *change) observe(row *store.InboxEvent, again bool) error {
	k := c.key.With(row.ObjectID)
	known := c.tx.Objects.Get(k)
	mine := orderOf(row)
	newest := stripe.Decision{Certain: true}
	chosen := row
	switch verdict := compare(known, mine); {
	case known == nil:
		c.known(k)
	case known.Seq == row.Seq && !known.Tied:
	case verdict == stripe.Newer && (mine.Asked == 0 || !known.Tied):
	case verdict == stripe.Older && !known.Tied:
		chosen, newest.Certain = nil, !known.Uncertain
	default:
		var err error
		if newest, chosen, err = c.amongAll(k, row); err != nil {
			return err
		}
	}
	if chosen == nil {
		c.stale = true
		if !again {
			return nil
		}
		// A replay: the newest snapshot once more.
		rows := c.tx.InboxBySeq.By(k.With(fmt.Sprint(known.Seq)))
		if len(rows) == 0 {
			return fmt.Errorf("%w: the newest snapshot of %s", store.ErrNotFound, k.ID)
		}
		chosen, newest.Tied = rows[0], known.Tied
	}
	c.fresh = again || known == nil || known.Seq != chosen.Seq
	object := c.ev.Object
	if chosen.Seq != row.Seq {
		other, err := c.eventOf(chosen)
		if err != nil {
			return err
		}
		if other == nil {
			c.fresh, c.stale = false, true
			return nil // its payload is gone; the rows that it made are there
		}
		c.stale = !stripe.SameState(c.ev.ObjectType, other.Object, object)
		object = other.Object
	}
	c.object, c.asOf, c.own = object, chosen.Created, chosen.Seq == row.Seq
	if c.fresh || known.Tied != newest.Tied || known.Uncertain == newest.Certain {
		o := c.tx.Objects.Edit(k)
		o.Type, o.Seq, o.Created, o.Final = chosen.ObjectType, chosen.Seq, chosen.Created, chosen.Final
		o.Born, o.ObservedAt, o.Tied, o.Uncertain = chosen.Born, chosen.ObservedAt, newest.Tied, !newest.Certain
		if chosen.Customer != "" {
			o.Customer = chosen.Customer
		}
	}
	if !newest.Certain {
		// An answer beats only earlier seconds: this one has to be over.
		c.refetch(k.ID, 1500*time.Millisecond)
	}
	return nil
}

func orderOf(row *store.InboxEvent) stripe.Order {
	return stripe.Order{Created: row.Created, Rank: stripe.Rank(row.Final), Born: row.Born, Asked: row.ObservedAt}
}

func compare(known *store.Object, mine stripe.Order) stripe.Verdict {
	if known == nil {
		return stripe.Newer
	}
	return stripe.Compare(stripe.Order{Created: known.Created, Rank: stripe.Rank(known.Final), Born: known.Born, Asked: known.ObservedAt}, mine)
}

// amongAll decides by all that the inbox has of the object.
func (c *change) amongAll(k store.Key, row *store.InboxEvent) (stripe.Decision, *store.InboxEvent, error) {
	var rows []*store.InboxEvent
	var all []stripe.Snapshot
	for _, r := range c.tx.InboxByObject.By(k) {
		// What failed has not told its rule anything yet; it will, when it is retried. A
		// thin event never tells anything itself.
		if r.ID != row.ID && (r.Status == store.Failed || r.Status == store.Dead) || r.Source == "thin" {
			continue
		}
		rows = append(rows, r)
		all = append(all, stripe.Snapshot{Order: orderOf(r), ID: r.ID, ObjectType: r.ObjectType, APIVersion: r.APIVersion})
	}
	for i := range stripe.Needed(all) {
		ev, err := c.eventOf(rows[i])
		if err != nil {
			return stripe.Decision{}, nil, err
		}
		if ev != nil {
			all[i].Object, all[i].Previous, all[i].Request = ev.Object, ev.Previous, ev.RequestID
		}
	}
	d := stripe.Newest(all)
	return d, rows[d.Index], nil
}

// eventOf is the event of an inbox row, nil where its payload is no longer kept.
func (c *change) eventOf(row *store.InboxEvent) (*stripe.Event, error) {
	if row.ID == c.key.ID {
		return c.ev, nil
	}
	raw := c.tx.Payload(row.Seq)
	if raw == nil {
		return nil, nil //nolint:nilnil // documented: absence is an expected answer here
	}
	ev, err := stripe.ParseEvent(raw)
	if err != nil {
		return nil, fmt.Errorf("event %s: %w", row.ID, err)
	}
	return ev, nil
}

// known says that what waits for the id can be applied now.
func (c *change) known(k store.Key) { c.released = append(c.released, k) }

// release applies what waited for the ids that became known, and what waited for
// what that made known.
func (e *Engine) release(tx *store.Tx, ids []store.Key) error {
	for _, id := range ids {
		tx.WaitsOn.Want(id)
	}
	for len(ids) > 0 {
		id := ids[0]
		ids = ids[1:]
		var waiting []store.Key
		err := tx.Do(func() error {
			for _, w := range tx.WaitsOn.By(id) {
				waiting = append(waiting, w.Key)
			}
			return nil
		})
		if err != nil {
			return err
		}
		for _, k := range waiting {
			released, _, err := e.again(tx, k, false, "", true)
			if err != nil {
				return err
			}
			ids = append(ids, released...)
		}
	}
	return nil
}

// again runs an event that is in the inbox once more. Where its rule fails it is
// marked and kept; the error is the database's. quiet is why its notices are not
// news, empty where they are. With shared, one that has hooks is left for later.
func (e *Engine) again(tx *store.Tx, k store.Key, replay bool, quiet string, shared bool) ([]store.Key, Result, error) {
	var c *change
	err := tx.Do(func() error {
		row := tx.Inbox.Get(k)
		if row == nil {
			return fmt.Errorf("%w: event %s", store.ErrNotFound, k.ID)
		}
		raw := tx.Payload(row.Seq)
		if raw == nil {
			return fmt.Errorf("%w: the payload of event %s is no longer kept", ErrGone, k.ID)
		}
		ev, err := stripe.ParseEvent(raw)
		if err != nil {
			return err
		}
		c = newChange(e, tx, &Delivery{Event: ev, Source: row.Source, Account: k.Account, Asked: row.ObservedAt, Quiet: quiet})
		c.key, c.rerun = k, true
		c.retried = row.Status == store.Failed || row.Status == store.Dead
		if c.customer == "" {
			c.customer = row.Customer
		}
		if err := c.run(tx.Inbox.Edit(k), replay || row.Status == store.Parked); err != nil {
			return err
		}
		if shared && tx.Hooked() {
			return errApart
		}
		return nil
	})
	if errors.Is(err, errApart) {
		tx.Apart = append(tx.Apart, k)
		return nil, c.result, nil
	}
	if err == nil {
		return c.released, c.result, nil
	}
	if tx.Failed() != nil || c == nil {
		return nil, Result{}, err
	}
	r := Result{}
	err = tx.Do(func() error {
		row := tx.Inbox.Edit(k)
		c.fail(row, err)
		r = Result{Status: row.Status, Reason: row.Error, Customer: row.Customer}
		return nil
	})
	return nil, r, err
}

// Read reads ahead what an event tells of its object: whoever receives it does so
// while it need not wait yet for its turn. It returns nil where nothing is gained.
func Read(ev *stripe.Event) any {
	switch ev.ObjectType {
	case "charge":
		return stripe.ReadCharge(ev.Object)
	case "customer":
		return stripe.ReadCustomer(ev.Object)
	case "invoice":
		return stripe.ReadInvoice(ev.Object)
	case "subscription":
		return readSubscription(ev.Object)
	}
	return nil
}

// told is the event's own object, read once however often the rule runs.
func told[T any](c *change, read func(stripe.Value) T) T {
	if v, ok := c.d.Told.(T); ok {
		return v
	}
	v := read(c.ev.Object)
	c.d.Told = v
	return v
}

// newest is the newest snapshot of the event's object.
func newest[T any](c *change, read func(stripe.Value) T) T {
	if c.own {
		return told(c, read)
	}
	return read(c.object)
}
