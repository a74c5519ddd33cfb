package bursar

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/effect"
	"github.com/bursarhq/bursar/internal/outbound"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
)

// Change is what the handlers of On and OnEffect are told.
type Change struct {
	// Key is the change's own: a handler is told of it once under this key, which is
	// good as an Idempotency-Key.
	Key  string
	Type string // as it was registered
	// Event is Stripe's event, ans_… where an answer of Stripe's API brought it, and
	// empty where a command or a policy did.
	Event    string
	Created  time.Time // when it happened, by Stripe
	Account  string    // empty for the own one
	Livemode bool
	Tenant   string // empty where nobody knows whose it is
	Customer string // at Stripe
	ObjectID string // of the event's object
	// Object is the event's object, in Stripe's JSON; nil for Bursar's own types, and
	// for OnEffect where the payload is no longer kept.
	Object json.RawMessage
	// History says that it is old: a backfill brought it, or it is from before this
	// database was. OnEffect is not told of such.
	History bool
	// Was and Is are what the tenant might do before the change and may do after it;
	// zero without a tenant. Features' numbers are as in the plans in On, and float64
	// in OnEffect.
	Was, Is Entitlements
}

// hooks are the handlers of a program.
type hooks struct {
	apply.Hooks
	after sync.Map // of OnEffect: type to handler
}

// On has fn called within the transaction in which an event of a type is applied: what
// fn writes with tx commits with the event, or not at all. Bursar's own rows are
// written by then, and tx sees them.
//
// The type is one of Stripe's that docs/events.md has, or one of Bursar's own from
// docs/webhooks.md. Stripe's are told once for each event that is applied, not for
// duplicates, nor for what is older than what is known already: Stripe promises no
// order. Bursar's own, such as entitlements.changed, are told of every difference,
// whatever brought it to light; a copy of a tenant's plan is kept true with those.
//
// Where fn errs, panics or takes longer than Config.HookTimeout, nothing is written: the
// event is kept as failed and tried again with backoff, alone; in a command, the command
// fails. Where the database wants the transaction repeated, fn runs again. fn must not
// end tx, nor call the Bursar, nor do what cannot be rolled back: that is for OnEffect.
//
// Several handlers of a type are called in the order in which they were added. Add them
// before anything is served, in every process that takes events. On panics where there
// is no such type.
func (b *Bursar) On(eventType string, fn func(ctx context.Context, tx *sql.Tx, change Change) error) {
	err := b.hooks.On(eventType, func(ctx context.Context, tx *sql.Tx, c apply.Change) error {
		return fn(ctx, tx, changeOf(c))
	})
	if err != nil {
		panic("bursar: On: " + err.Error())
	}
}

// OnEffect has fn called for a change after it is committed, by Run: once under
// Change.Key, and again, with backoff, where fn erred or panicked or the process died in
// it. After 20 times, which is two days, it is given up. It is planned in the change's
// transaction, so that none is lost. fn has 110 seconds; its context ends then.
//
// The types are those of On; each has one handler. Add them before anything is served,
// in every process that takes events or runs effects. OnEffect panics where there is no
// such type, or has a handler already.
func (b *Bursar) OnEffect(eventType string, fn func(ctx context.Context, change Change) error) {
	if err := b.hooks.OnEffect(eventType); err != nil {
		panic("bursar: OnEffect: " + err.Error())
	}
	b.hooks.after.Store(eventType, fn)
}

// performHook calls the handler of an effect.
func (b *Bursar) performHook(ctx context.Context, e store.Effect) (effect.Outcome, error) {
	fn, ok := b.hooks.after.Load(e.Name)
	if !ok {
		return effect.Outcome{}, fmt.Errorf("this process has no OnEffect handler for %s", e.Name)
	}
	var told apply.Change
	if err := json.Unmarshal([]byte(e.Data), &told); err != nil {
		return effect.Outcome{}, fmt.Errorf("%w: %w", effect.ErrPermanent, err)
	}
	if told.Seq != 0 {
		body, err := b.reader.Payload(ctx, told.Seq)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return effect.Outcome{}, err
		}
		if err == nil {
			ev, err := stripe.ParseEvent(body)
			if err != nil {
				return effect.Outcome{}, err
			}
			told.Object = ev.Object.Raw()
		}
	}
	if err := fn.(func(context.Context, Change) error)(ctx, changeOf(told)); err != nil {
		return effect.Outcome{}, err
	}
	return effect.Outcome{Status: store.Sent}, nil
}

func changeOf(c apply.Change) Change {
	return Change{
		Key: c.Key, Type: c.Type, Event: c.Event, Created: at(c.Created), Account: c.Account, Livemode: c.Livemode,
		Tenant: c.Tenant, Customer: c.Customer, ObjectID: c.ObjectID, Object: c.Object, History: c.History,
		Was: entitlementsOf(c.Was), Is: entitlementsOf(c.Is),
	}
}

func entitlementsOf(e outbound.Entitlements) Entitlements {
	out := Entitlements{Status: e.Status, Access: e.Access, Features: e.Features, Quantity: e.Quantity}
	if e.Plan != nil {
		out.Plan = *e.Plan
	}
	if e.ValidUntil != nil {
		out.ValidUntil = *e.ValidUntil
	}
	return out
}
