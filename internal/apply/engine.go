package apply

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/outbound"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
)

// Policy is what the rules are told by configuration. The zero value is safe:
// unknown customers are parked, Payment Links link nobody, no notice is sent.
type Policy struct {
	Catalog *billing.Catalog // billing.Builtin() where nil
	Dunning billing.Dunning

	TenantMetadata         []string // keys that name the tenant, in order; tenant, tenant_id where nil
	CreateUnknownCustomers bool
	TrustPaymentLinks      bool

	// NoticeMaxAge is how old news may be to be sent: 7 days where 0, no limit where
	// negative (then news from before the store's first start is sent, too).
	NoticeMaxAge time.Duration

	// Runners are the kinds of effects that somebody performs. A notice that is
	// planned while nobody sends notices is skipped for good.
	Runners map[string]bool
	// NoticesOff are the kinds of notices that are switched off.
	NoticesOff map[string]bool

	// Outbound are the endpoints that outgoing webhooks go to.
	Outbound []outbound.Endpoint
	// Hooks are the program's; nil for none.
	Hooks *Hooks

	// OwnSession says whether a checkout session was made by Bursar.
	OwnSession func(metadata map[string]string) bool
}

// Engine applies events.
type Engine struct {
	Policy
	store     *store.Store
	log       *slog.Logger
	liveSince int64 // Unix microseconds
	mode      atomic.Pointer[bool]
	features  *featureKeys
	committed func() // set by tests
}

// New returns an engine on the store. mode is "live", "test", or empty for that of
// the first event; a database keeps the one that it had first.
func New(ctx context.Context, s *store.Store, p Policy, mode string, log *slog.Logger) (*Engine, error) {
	if p.Catalog == nil {
		p.Catalog = billing.Builtin()
	}
	if p.TenantMetadata == nil {
		p.TenantMetadata = []string{"tenant", "tenant_id"}
	}
	if p.NoticeMaxAge == 0 {
		p.NoticeMaxAge = 7 * 24 * time.Hour
	}
	if p.OwnSession == nil {
		p.OwnSession = func(m map[string]string) bool { return m[OwnSessionKey] != "" }
	}
	e := &Engine{Policy: p, store: s, log: log}
	since, err := s.Meta(ctx, "live_since")
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Sscan(since, &e.liveSince); err != nil {
		return nil, fmt.Errorf("the store's live_since is %q: %w", since, err)
	}
	if e.features, err = newFeatureKeys(ctx, s, p.Catalog); err != nil {
		return nil, err
	}
	if mode == "" {
		if mode, err = s.Meta(ctx, store.Mode); err != nil {
			return nil, err
		}
	}
	if mode != "" {
		if _, err := e.fixMode(ctx, mode == "live"); err != nil {
			return nil, err
		}
		if live := *e.mode.Load(); live != (mode == "live") {
			return nil, fmt.Errorf("the database holds %s data, the configuration wants %s", modeName(live), mode)
		}
	}
	return e, nil
}

// OwnSessionKey is the metadata key that marks the checkout sessions that Bursar made.
const OwnSessionKey = "bursar_session"

func modeName(live bool) string {
	if live {
		return "live"
	}
	return "test"
}

func (e *Engine) fixMode(ctx context.Context, live bool) (bool, error) {
	if m := e.mode.Load(); m != nil {
		return *m, nil
	}
	fixed, err := e.store.FixMode(ctx, modeName(live))
	if err != nil {
		return false, err
	}
	live = fixed == "live"
	e.mode.Store(&live)
	return live, nil
}

// Key is that of an object in the mode that the database has. Until this process
// knows it, another one may have had the first event, which decides.
func (e *Engine) Key(ctx context.Context, account, id string) store.Key {
	live, known := e.Livemode()
	if !known {
		// Who cannot read this can read no row either.
		if mode, err := e.store.Meta(ctx, store.Mode); err == nil && mode != "" {
			live = mode == "live"
			e.mode.Store(&live)
		}
	}
	return store.Key{Account: account, Livemode: live, ID: id}
}

// Livemode is the database's mode; known is false before the first event.
func (e *Engine) Livemode() (live, known bool) {
	if m := e.mode.Load(); m != nil {
		return *m, true
	}
	return false, false
}

// Delivery is an event as it came in, by whichever way.
type Delivery struct {
	Event  *stripe.Event
	Packed store.Packed
	Source string // webhook, poll, thin, reconcile, refetch, backfill, command
	// Account is the account of the endpoint, for events that name none.
	Account string
	// Asked orders the answers of the API among themselves; zero for events.
	Asked int64
	// Actor is who caused it, for the timeline: stripe where empty.
	Actor string
	// Quiet is why nobody is to be told of what it says, empty where they are.
	Quiet string
	// Told is what Read has read; nil for nothing.
	Told any
}

func (d *Delivery) key() store.Key {
	account := d.Event.Account
	if account == "" {
		account = d.Account
	}
	return store.Key{Account: account, Livemode: d.Event.Livemode, ID: d.Event.ID}
}

// Duplicate is the result of an event that was there already.
const Duplicate = "duplicate"

// Result is what became of a delivery.
type Result struct {
	Status   string // duplicate, or the event's status
	Reason   string // why it was not simply applied
	Customer string
	Tenant   string
	Err      error // it could not be stored
}

// Apply stores the deliveries and applies them, in one transaction. It returns a
// result for each, in order. An event whose rule fails is kept as failed and does
// not disturb the others; where the database fails for the batch, each is tried alone.
func (e *Engine) Apply(ctx context.Context, batch []*Delivery) []Result {
	results := make([]Result, len(batch))
	if len(batch) == 0 {
		return results
	}
	live, err := e.fixMode(ctx, batch[0].Event.Livemode)
	var apart []int
	if err == nil {
		apart, err = e.apply(ctx, live, batch, results)
	}
	if err != nil && len(batch) > 1 && ctx.Err() == nil {
		e.log.WarnContext(ctx, "a batch failed and is tried one by one", "events", len(batch), "error", err)
		apart = apart[:0]
		for i := range batch {
			apart = append(apart, i)
		}
	} else if err != nil {
		for i := range batch {
			e.keepAlone(ctx, batch[i:i+1], results[i:i+1], err)
		}
	}
	for _, i := range apart {
		if _, err := e.apply(ctx, live, batch[i:i+1], results[i:i+1]); err != nil {
			e.keepAlone(ctx, batch[i:i+1], results[i:i+1], err)
		}
	}
	e.logResults(ctx, batch, results)
	return results
}

// keepAlone keeps an event whose rows the database refused, or a hook: without what
// its rule did.
func (e *Engine) keepAlone(ctx context.Context, one []*Delivery, result []Result, cause error) {
	result[0] = Result{Err: cause}
	if ctx.Err() != nil || errors.Is(cause, store.ErrUnavailable) {
		return
	}
	err := e.store.Update(ctx, nil, func(tx *store.Tx) error {
		return tx.Do(func() error { return e.keepFailed(tx, one[0], cause, &result[0]) })
	})
	if err != nil {
		result[0] = Result{Err: cause}
	}
}

// apply returns which events want a unit of work of their own, since a hook that fails
// must not take others with it: those that have hooks, and what came behind them of
// the same customer, so that they are applied in the order in which they came.
func (e *Engine) apply(ctx context.Context, live bool, batch []*Delivery, results []Result) (apart []int, err error) {
	err = e.update(ctx, locks(batch), func(tx *store.Tx) error {
		apart = nil
		whose := map[store.Key]bool{} // whose events are left apart
		if err := prefetch(tx, batch); err != nil {
			return err
		}
		changes, steps := make([]*change, len(batch)), make([]func() error, len(batch))
		for i, d := range batch {
			steps[i] = func() error {
				changes[i] = newChange(e, tx, d)
				if whose[d.owner()] {
					return errApart
				}
				if err := changes[i].receive(live); err != nil {
					return err
				}
				if len(batch) > 1 && tx.Hooked() {
					return errApart
				}
				return nil
			}
		}
		var released []store.Key
		err := tx.DoEach(steps, func(i int, err error) error {
			if results[i] = changes[i].result; err == nil {
				released = append(released, changes[i].released...)
				return nil
			}
			if errors.Is(err, errApart) {
				apart, whose[batch[i].owner()] = append(apart, i), true
				return nil
			}
			return tx.Do(func() error { return e.keepFailed(tx, batch[i], err, &results[i]) })
		})
		if err != nil {
			return err
		}
		return e.release(tx, released)
	})
	return apart, err
}

// owner is whose events are applied in the order in which they came.
func (d *Delivery) owner() store.Key { return d.key().With(d.Event.Customer) }

// locks are what the events are about: the customer, else whatever leads to one.
func locks(batch []*Delivery) []store.Key {
	var keys []store.Key
	for _, d := range batch {
		ids := []string{d.Event.Customer}
		if d.Event.Customer == "" {
			ids = append(references(d.Event), d.Event.ObjectID)
		}
		for _, id := range ids {
			// What has a NUL is nobody's id, and PostgreSQL refuses to be asked for it.
			if id != "" && !strings.Contains(id, "\x00") {
				keys = append(keys, d.key().With(id))
			}
		}
	}
	return keys
}

// references are the ids of other objects by which an event finds its owner.
func references(ev *stripe.Event) []string {
	var ids []string
	for _, field := range [...]string{"charge", "payment_intent", "invoice", "subscription", "latest_invoice"} {
		if id := ev.Object.Get(field).ID(); id != "" {
			ids = append(ids, id)
		}
	}
	if sub := ev.Object.Get("parent", "subscription_details", "subscription").ID(); sub != "" {
		ids = append(ids, sub)
	}
	return ids
}

// prefetch loads what nearly every event needs, so that the rules seldom have to
// be stopped for a row that is missing: what the events name, and whose that is.
// A customer comes with its tenant's, a subscription with its customer's; those
// that are new are looked for again, in vain, when a rule asks.
func prefetch(tx *store.Tx, batch []*Delivery) error {
	for _, d := range batch {
		k := d.key()
		object, customer := k.With(d.Event.ObjectID), k.With(d.Event.Customer)
		tx.Inbox.Want(k)
		tx.Objects.Want(object)
		tx.WantOwner(customer)
		switch d.Event.ObjectType {
		case "subscription":
			tx.SchedulesBySub.Want(object)
			tx.UnpaidBySubscription.Want(object)
			tx.LinksByCustomer.Want(customer)
		case "customer", "checkout.session":
			tx.LinksByCustomer.Want(customer)
		case "invoice":
			tx.Invoices.Want(object)
			tx.PaymentLinksByInvoice.Want(object)
			tx.ChargesByInvoice.Want(object)
			tx.PaymentsByInvoice.Want(object)
		case "charge":
			tx.Charges.Want(object)
			tx.PaymentLinksByCharge.Want(object)
			tx.RefundsByCharge.Want(object)
		}
		tx.SubscriptionsBy.Want(customer)
		tx.PaymentMethodsBy.Want(customer)
	}
	return tx.Load()
}

// keepFailed stores an event whose rule failed, to be retried with backoff.
func (e *Engine) keepFailed(tx *store.Tx, d *Delivery, cause error, result *Result) error {
	c := newChange(e, tx, d)
	row := c.tx.Inbox.Edit(c.key)
	if row.Rev == 0 {
		c.fillRow(row)
		c.tx.PutPayload(row.Seq, d.Packed, d.Event.Body)
	}
	c.fail(row, cause)
	*result = Result{Status: row.Status, Reason: row.Error, Customer: row.Customer}
	return nil
}

// MaxAttempts is how often an event whose rule fails is tried before it is dead.
const MaxAttempts = 12

// backoff is how long after its n-th failed attempt an event is tried again: from
// five seconds to six hours, two days in all.
func backoff(n int64) time.Duration {
	return min(5*time.Second<<min(2*(n-1), 20), 6*time.Hour)
}

func (c *change) fail(row *store.InboxEvent, cause error) {
	row.Attempts++
	row.Error = truncate(cause.Error(), 500)
	row.Status, row.NextAttemptAt = store.Failed, c.tx.Now+backoff(row.Attempts).Microseconds()
	if row.Attempts >= MaxAttempts {
		row.Status, row.NextAttemptAt = store.Dead, 0
		c.notice(notice{name: "event_dead", object: row.ID, at: row.Created, operator: true})
	}
	c.tx.Wake("event_retry", row.NextAttemptAt)
	if p := (*store.PanicError)(nil); errors.As(cause, &p) {
		c.e.log.Error("a rule panicked", "event", row.ID, "type", row.Type, "panic", fmt.Sprint(p.Value), "stack", string(p.Stack))
	}
}

func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}

// logResults writes a line for every event that was not simply applied. Payloads
// are never logged.
func (e *Engine) logResults(ctx context.Context, batch []*Delivery, results []Result) {
	for i, r := range results {
		if r.Status == store.Applied {
			continue
		}
		level, ev := slog.LevelInfo, batch[i].Event
		msg, reason := "event "+r.Status, r.Reason
		switch {
		case r.Err != nil:
			level, msg, reason = slog.LevelError, "event not stored", r.Err.Error()
		case r.Status == store.Failed || r.Status == store.Dead:
			level = slog.LevelError
		case r.Status == store.Ignored && e.Rule(ev.Type) == nil:
			level = slog.LevelDebug
		}
		e.log.LogAttrs(ctx, level, msg, slog.String("event", ev.ID), slog.String("type", ev.Type),
			slog.String("customer", r.Customer), slog.String("tenant", r.Tenant), slog.String("reason", reason))
	}
}
