package apply

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/bursarhq/bursar/internal/outbound"
	"github.com/bursarhq/bursar/internal/store"
)

// Change is what a program's hooks are told.
type Change struct {
	Key      string `json:"key"` // it is told once under it
	Type     string `json:"type"`
	Event    string `json:"event"` // empty where a command or policy did it
	Created  int64  `json:"created"`
	Account  string `json:"account"`
	Livemode bool   `json:"livemode"`
	Tenant   string `json:"tenant"`
	Customer string `json:"customer"`
	ObjectID string `json:"object_id"`
	History  bool   `json:"history"` // nobody is to be told of it
	// Was and Is are the tenant's entitlements around the unit of work.
	Was outbound.Entitlements `json:"was"`
	Is  outbound.Entitlements `json:"is"`

	Object []byte `json:"-"` // the event's object, nil without
	Seq    int64  `json:"seq"`
}

// Hook is called within the transaction of a change.
type Hook func(ctx context.Context, tx *sql.Tx, c Change) error

// Hooks are a program's, by type of event: Stripe's, or one of Bursar's own.
type Hooks struct {
	mu     sync.RWMutex
	within map[string][]Hook
	after  map[string]bool
}

// HookKind is the kind of the effects that hooks after the commit are.
const HookKind = "hook"

// ErrEventType says that there is no such type of event.
var ErrEventType = errors.New("no such type of event")

func checkHook(eventType string) error {
	own := slices.ContainsFunc(outbound.EventTypes, func(t outbound.EventType) bool { return t.Name == eventType })
	if !own && ruleOf[eventType] == nil {
		return fmt.Errorf("%w: %q; docs/events.md and docs/webhooks.md have them all", ErrEventType, eventType)
	}
	return nil
}

// On adds a hook within the transaction.
func (h *Hooks) On(eventType string, hook Hook) error {
	if err := checkHook(eventType); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.within == nil {
		h.within = map[string][]Hook{}
	}
	h.within[eventType] = append(h.within[eventType], hook)
	return nil
}

// OnEffect has an effect planned for each change of a type.
func (h *Hooks) OnEffect(eventType string) error {
	if err := checkHook(eventType); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.after == nil {
		h.after = map[string]bool{}
	}
	if h.after[eventType] {
		return fmt.Errorf("%s has a handler", eventType)
	}
	h.after[eventType] = true
	return nil
}

func (h *Hooks) of(eventType string) (within []Hook, after bool) {
	if h == nil {
		return nil, false
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.within[eventType], h.after[eventType]
}

// some says whether there are any, and whether within a transaction.
func (h *Hooks) some() (some, within bool) {
	if h == nil {
		return false, false
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.within)+len(h.after) > 0, len(h.within) > 0
}

// hooked is a change that hooks are to be told of when it is settled.
type hooked struct {
	key, eventType string
	tenant         string
	object         bool
}

// history says whether nobody is to be told: a backfill brings it, or it is from before
// the store's first start.
func (c *change) history() bool {
	return c.d != nil && (c.d.Quiet != "" || c.d.Source == "backfill" || c.d.Asked == 0 && c.e.BeforeStart(c.ev.Created))
}

// remember keeps what a tenant might do before, for whoever is told.
func (c *change) remember(t *store.Tenant) {
	if some, _ := c.e.Hooks.some(); !some {
		return
	}
	if c.was == nil {
		c.was = map[store.Key]outbound.Entitlements{}
	}
	if _, ok := c.was[t.Key]; !ok {
		c.was[t.Key] = c.e.entitlements(t)
	}
}

// hookEvent tells the hooks of the event itself.
func (c *change) hookEvent() {
	if c.ev == nil || c.ev.Thin {
		return
	}
	tenant := c.tenant
	if cust := c.customerRow(c.customer); tenant == "" && cust != nil {
		tenant = cust.Tenant
	}
	c.callHook(hooked{key: c.ev.Type + ":" + c.key.ID, eventType: c.ev.Type, tenant: tenant, object: true})
}

// callHooks tells the hooks of what was settled.
func (c *change) callHooks() {
	for _, h := range c.hooked {
		c.callHook(h)
	}
	c.hooked = nil
}

func (c *change) callHook(h hooked) {
	within, after := c.e.Hooks.of(h.eventType)
	after = after && !c.history()
	if len(within) == 0 && !after {
		return
	}
	told := Change{
		Key: h.key, Type: h.eventType, Event: c.eventID(), Created: c.happenedAt(), Account: c.key.Account, Livemode: c.key.Livemode,
		Tenant: h.tenant, Customer: c.customer, History: c.history(),
	}
	if h.tenant != "" {
		k := c.key.With(h.tenant)
		if t := c.tx.Tenants.Get(k); t != nil {
			told.Is = c.e.entitlements(t)
			told.Was = told.Is
		}
		if was, ok := c.was[k]; ok {
			told.Was = was
		}
	}
	if h.object {
		told.ObjectID, told.Object = c.objectID(), c.ev.Object.Raw()
		if row := c.tx.Inbox.Get(c.key); row != nil {
			told.Seq = row.Seq
		}
	}
	for _, hook := range within {
		c.tx.BeforeCommit(func(ctx context.Context, tx *sql.Tx) error { return hook(ctx, tx, told) })
	}
	if after {
		c.planHook(told)
	}
}

func (c *change) planHook(told Change) {
	key := HookKind + ":" + told.Key
	c.plan(effect{kind: HookKind, key: key, object: told.ObjectID, customer: c.customer})
	row := c.tx.Effects.Get(c.key.With(key))
	if row == nil || row.Status != store.Pending || row.Data != "{}" {
		return
	}
	b, err := json.Marshal(told)
	if err != nil {
		panic(fmt.Errorf("hook %s: %w", key, err)) // the features' values alone could be to blame
	}
	row = c.tx.Effects.Edit(row.Key)
	row.Name, row.Tenant, row.Data = told.Type, told.Tenant, string(b)
}

// errApart is what a step that has hooks ends with where other steps share its unit
// of work, which a hook that fails would take with it.
var errApart = errors.New("it has hooks and wants a unit of work of its own")

// update is a unit of work of the engine's. What it released and has hooks is run after
// it, each alone; where the process dies before, SettleWaits finds it.
func (e *Engine) update(ctx context.Context, locks []store.Key, fn func(*store.Tx) error) error {
	update := e.store.Update
	if _, within := e.Hooks.some(); within {
		update = e.store.UpdateHooked
	}
	var apart []store.Key
	err := update(ctx, locks, func(tx *store.Tx) error {
		err := fn(tx)
		apart = tx.Apart
		return err
	})
	if err != nil {
		return err
	}
	if e.committed != nil {
		e.committed()
	}
	for _, k := range apart {
		if _, err := e.rerun(ctx, k, false, "", isParked); err != nil {
			e.log.WarnContext(ctx, "a parked event is applied later", "event", k.ID, "error", err)
		}
	}
	return nil
}

func isParked(_ *store.Tx, row *store.InboxEvent) bool { return row.Status == store.Parked }

// rerun runs a stored event once more, if it is still as wanted, in a unit of work of
// its own. Where a hook fails the event is marked and kept; the error is the database's.
// The result is empty where it was not run.
func (e *Engine) rerun(ctx context.Context, k store.Key, replay bool, quiet string, wanted func(*store.Tx, *store.InboxEvent) bool) (r Result, err error) {
	err = e.update(ctx, e.eventLocks(ctx, k), func(tx *store.Tx) error {
		r = Result{}
		if wanted != nil {
			if row := tx.Inbox.Get(k); row == nil || !wanted(tx, row) {
				return nil
			}
		}
		released, result, err := e.again(tx, k, replay, quiet, false)
		if err != nil {
			return err
		}
		r = result
		return e.release(tx, released)
	})
	if h := (*store.HookError)(nil); errors.As(err, &h) {
		return e.hookFailed(ctx, k, h)
	}
	return r, err
}

func (e *Engine) hookFailed(ctx context.Context, k store.Key, cause error) (r Result, err error) {
	err = e.store.Update(ctx, e.eventLocks(ctx, k), func(tx *store.Tx) error {
		return tx.Do(func() error {
			row := tx.Inbox.Edit(k)
			c := &change{e: e, tx: tx, key: k, actor: "stripe", customer: row.Customer}
			c.fail(row, cause)
			r = Result{Status: row.Status, Reason: row.Error, Customer: row.Customer}
			return nil
		})
	})
	return r, err
}
