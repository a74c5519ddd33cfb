package apply

import (
	"cmp"
	"time"

	"github.com/bursarhq/bursar/internal/store"
)

// notice is one notification: its kind, the object that it is about and, where it
// can come again, the attempt or the period. The three are its key.
type notice struct {
	name     string
	object   string
	repeat   string
	customer string // the change's own where empty
	at       int64  // Unix seconds: of what happened; the event's where zero
	untrue   bool   // no longer so, when it becomes known
	operator bool
	data     noticeData
}

// noticeData is what a notice has to know besides its object when it is sent.
type noticeData struct {
	Invoice  string `json:"invoice,omitempty"`
	Attempt  int64  `json:"attempt,omitempty"`
	Amount   int64  `json:"amount,omitempty"`
	Currency string `json:"currency,omitempty"`
	Full     bool   `json:"full,omitempty"`
	Claimed  string `json:"claimed,omitempty"`

	Subscription string `json:"subscription,omitempty"`
	Since        int64  `json:"since,omitempty"` // Unix seconds
	Reason       string `json:"reason,omitempty"`
}

// notice plans a notification, once: the same key is the same notice, in whatever
// order the events came. Whether it is still true is looked at again before it is sent.
func (c *change) notice(n notice) {
	customer := cmp.Or(n.customer, c.customer)
	tenant := ""
	if cust := c.customerRow(customer); cust != nil {
		tenant = cust.Tenant
	}
	if tenant == "" && !n.operator {
		return // planned when the customer is linked and its events are applied again
	}
	if !n.operator && c.erased(customer) {
		return // there is nobody to tell
	}
	key := n.name + ":" + n.object
	if n.repeat != "" {
		key += ":" + n.repeat
	}
	k := c.key.With(key)
	if c.tx.Effects.Get(k) != nil {
		return
	}
	at := n.at
	// An answer of the API is of now, what it tells of need not be.
	if c.ev != nil && (c.d.Asked == 0 || at == 0) {
		at = max(at, c.ev.Created)
	}
	row := c.tx.Effects.Edit(k)
	row.Kind, row.Name, row.ObjectID, row.Customer, row.Tenant = "notice", n.name, n.object, customer, tenant
	switch {
	case n.untrue:
		row.Status, row.Reason = store.Superseded, "no longer true when it became known"
	case c.d != nil && c.d.Quiet != "":
		row.Status, row.Reason = store.Superseded, c.d.Quiet
	case c.d != nil && c.d.Source == "backfill":
		row.Status, row.Reason = store.Superseded, "backfill"
	case c.old(at):
		row.Status, row.Reason = store.Superseded, "old news"
	case !c.e.Runners["notice"]:
		row.Status, row.Reason = store.Skipped, "no mail is configured"
	case c.e.NoticesOff[n.name]:
		row.Status, row.Reason = store.Skipped, "switched off"
	default:
		row.Status, row.DueAt = store.Pending, c.tx.Now
		c.tx.Wake("notice", row.DueAt)
	}
	c.finishEffect(row)
	if n.data != (noticeData{}) {
		if b, err := encode(n.data); err == nil {
			row.Data = b
		}
	}
}

func (c *change) customerRow(id string) *store.Customer {
	if id == "" {
		return nil
	}
	return c.tx.Customers.Get(c.key.With(id))
}

// old says whether what happened then is no longer news: it is older than allowed,
// or than the store.
func (c *change) old(at int64) bool {
	if c.e.NoticeMaxAge < 0 {
		return false
	}
	micros := at * int64(time.Second/time.Microsecond)
	return micros+1e6 <= c.e.liveSince || c.tx.Now-micros > c.e.NoticeMaxAge.Microseconds()
}

func (c *change) finishEffect(row *store.Effect) {
	row.Seq, row.CreatedAt, row.Data = c.tx.NextSeq(), c.tx.Now, "{}"
	if c.ev != nil {
		row.EventID = c.ev.ID
	}
	if row.Status != store.Pending {
		row.DoneAt = c.tx.Now
	}
}

// effect is something that leaves the process, once under its key.
type effect struct {
	kind, key, object, customer string
	delay                       time.Duration
}

// plan plans an effect unless nobody performs its kind.
func (c *change) plan(p effect) {
	if !c.e.Runners[p.kind] {
		return
	}
	k := c.key.With(p.key)
	if c.tx.Effects.Get(k) != nil {
		return
	}
	row := c.tx.Effects.Edit(k)
	row.Kind, row.Name, row.ObjectID, row.Customer = p.kind, p.kind, p.object, p.customer
	if cust := c.customerRow(p.customer); cust != nil {
		row.Tenant = cust.Tenant
	}
	row.Status, row.DueAt = store.Pending, c.tx.Now+p.delay.Microseconds()
	c.finishEffect(row)
	c.tx.Wake(p.kind, row.DueAt)
}

// refetch asks for the object's state at Stripe, where there is an API key. An
// object is asked for once at a time: one that is already asked for is not again.
func (c *change) refetch(id string, delay time.Duration) {
	if !c.e.Runners["refetch"] {
		return
	}
	k := c.key.With("refetch:" + id)
	row := c.tx.Effects.Get(k)
	if row != nil && row.Status == store.Pending {
		return
	}
	row = c.tx.Effects.Edit(k)
	row.Kind, row.Name, row.ObjectID = "refetch", "refetch", id
	if row.Seq == 0 {
		c.finishEffect(row)
	}
	row.Status, row.Reason, row.Attempts, row.DueAt, row.DoneAt = store.Pending, "", 0, c.tx.Now+delay.Microseconds(), 0
	c.tx.Wake("refetch", row.DueAt)
}
