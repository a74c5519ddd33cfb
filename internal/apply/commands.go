package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/store"
)

// ErrInvalid says that a command's input cannot be right; the text names the field.
var ErrInvalid = errors.New("invalid")

// ErrConflict says that the state does not allow the command.
var ErrConflict = errors.New("conflict")

// Patch changes one field: left out it changes nothing, null clears it.
type Patch struct {
	Set   bool
	Value string // empty clears
}

// UnmarshalJSON takes text or null.
func (p *Patch) UnmarshalJSON(b []byte) error {
	p.Set, p.Value = true, ""
	if string(b) == "null" {
		return nil
	}
	return json.Unmarshal(b, &p.Value)
}

// TenantPatch is the body of PUT /v1/tenants/{tenant}.
type TenantPatch struct {
	Name             Patch
	Email            Patch
	StripeCustomerID Patch
	Metadata         *map[string]string // nil leaves it; replaced whole
}

// PutTenant creates or changes a tenant. Linking a customer applies what was
// parked for it. It reports whether the tenant is new.
func (e *Engine) PutTenant(ctx context.Context, k store.Key, p TenantPatch, actor string) (created bool, err error) {
	if !ValidTenant(k.ID) {
		return false, fmt.Errorf("%w: tenant: want [A-Za-z0-9._:-]{1,128}", ErrInvalid)
	}
	locks := []store.Key{k}
	if p.StripeCustomerID.Value != "" {
		locks = append(locks, k.With(p.StripeCustomerID.Value))
	}
	err = e.update(ctx, locks, func(tx *store.Tx) error {
		c := &change{e: e, tx: tx, key: k.With("put"), actor: actor, why: "PUT /v1/tenants/" + k.ID}
		err := tx.Do(func() error {
			created = tx.Tenants.Get(k) == nil
			t := c.ensureTenant(k)
			if t.ErasedAt != 0 {
				return fmt.Errorf("%w: tenant %s was erased", ErrConflict, k.ID)
			}
			if p.Name.Set {
				t.Name = p.Name.Value
			}
			if p.Email.Set {
				t.Email = p.Email.Value
			}
			if p.Metadata != nil {
				m, err := encode(*p.Metadata)
				if err != nil {
					return err
				}
				t.Metadata = m
			}
			t.UpdatedAt = tx.Now
			c.touchTenant(k)
			if id := p.StripeCustomerID.Value; id != "" {
				c.link(id, k.ID, linkPut, tx.Now)
			} else if p.StripeCustomerID.Set {
				c.unlinkAll(k)
			}
			return c.settle()
		})
		if err != nil {
			return err
		}
		return e.release(tx, c.released)
	})
	return created, err
}

// unlinkAll takes a tenant's customers away from it.
func (c *change) unlinkAll(k store.Key) {
	for _, cust := range c.tx.CustomersByTenant.By(k) {
		for _, l := range c.tx.LinksByCustomer.By(cust.Key) {
			c.tx.Links.Delete(l.Key)
		}
		row := c.editCustomer(cust.Key)
		row.Tenant = ""
		t := c.tx.Tenants.Edit(k)
		c.note(t, entry{what: "customer", from: cust.ID, why: c.why})
	}
}

// Replay runs a settled event again: the rules on its object's newest snapshot, so
// that a mended rule mends the rows. What already left the process does not leave again.
func (e *Engine) Replay(ctx context.Context, k store.Key) (Result, error) {
	return e.rerun(ctx, k, true, "", nil)
}

// eventLocks is what a stored event is about.
func (e *Engine) eventLocks(ctx context.Context, k store.Key) []store.Key {
	return []store.Key{k.With(e.store.ObjectOf(ctx, k))}
}

// RetryDue tries the failed events again whose time has come. It returns how many
// there were.
func (e *Engine) RetryDue(ctx context.Context) (int, error) {
	due, err := e.store.DueEvents(ctx, 100)
	if err != nil {
		return 0, err
	}
	for _, k := range due {
		_, err := e.rerun(ctx, k, false, "", func(tx *store.Tx, row *store.InboxEvent) bool {
			return row.Status == store.Failed && row.NextAttemptAt <= tx.Now // else somebody was faster
		})
		if err != nil {
			return 0, fmt.Errorf("retry event %s: %w", k.ID, err)
		}
	}
	return len(due), nil
}

// SettleOverdue looks at the invoices that were sent and are past their grace by
// now: time is the one fact that no event brings.
func (e *Engine) SettleOverdue(ctx context.Context, now time.Time) (int, error) {
	if e.Dunning.Action == billing.Notify {
		return 0, nil
	}
	grace := e.Dunning.Grace
	if grace == 0 {
		grace = 14 * 24 * time.Hour
	}
	due, err := e.store.OverdueInvoices(ctx, now.Add(-grace).Unix(), 100)
	if err != nil {
		return 0, err
	}
	for _, k := range due {
		if err := e.settleOne(ctx, k, func(c *change) { c.touchInvoice(k) }); err != nil {
			return 0, err
		}
	}
	return len(due), nil
}

// Recompute settles everything anew, after the plans or the policy have changed. What a
// hook refuses is logged and counted, and keeps nobody else waiting.
func (e *Engine) Recompute(ctx context.Context) (settled, refused int, err error) {
	for _, table := range []struct {
		keys  func(ctx context.Context, after store.Key, limit int) ([]store.Key, error)
		touch func(*change, store.Key)
	}{
		{e.store.UnpaidKeys, (*change).touchInvoice},
		{e.store.SubscriptionKeys, (*change).touchSubscription},
		{e.store.TenantKeys, (*change).touchTenant},
	} {
		for after := (store.Key{}); ; {
			keys, err := table.keys(ctx, after, settledAtOnce)
			if err != nil {
				return settled, refused, err
			}
			if len(keys) == 0 {
				break
			}
			touch := func(c *change, k store.Key) { table.touch(c, k); c.why = "the plans or the policy were changed" }
			no, err := e.settleAll(ctx, keys, touch)
			settled, refused = settled+len(keys)-no, refused+no
			if err != nil {
				return settled, refused, err
			}
			after = keys[len(keys)-1]
		}
	}
	return settled, refused, nil
}

// settledAtOnce is how many are settled anew in one unit of work.
const settledAtOnce = 100

// settleAll settles many in one unit of work; where there are hooks, each in its own,
// for one that fails must not take others with it. It returns how many hooks refused.
func (e *Engine) settleAll(ctx context.Context, keys []store.Key, touch func(*change, store.Key)) (refused int, err error) {
	if some, _ := e.Hooks.some(); some {
		for _, k := range keys {
			err := e.settleOne(ctx, k, func(c *change) { touch(c, k) })
			if _, ok := errors.AsType[*store.HookError](err); ok && ctx.Err() == nil {
				refused++
				e.log.ErrorContext(ctx, "a hook refused what the new plans or policy make of it", "id", k.ID, "error", err)
			} else if err != nil {
				return refused, err
			}
		}
		return refused, nil
	}
	return 0, e.store.Update(ctx, keys, func(tx *store.Tx) error {
		steps := make([]func() error, len(keys))
		for i, k := range keys {
			steps[i] = func() error {
				c := &change{e: e, tx: tx, key: k, actor: "policy"}
				touch(c, k)
				return c.settle()
			}
		}
		return tx.DoEach(steps, func(_ int, err error) error { return err })
	})
}

func (e *Engine) settleOne(ctx context.Context, k store.Key, touch func(*change)) error {
	return e.update(ctx, []store.Key{k}, func(tx *store.Tx) error {
		return tx.Do(func() error {
			c := &change{e: e, tx: tx, key: k, actor: "policy"}
			touch(c)
			return c.settle()
		})
	})
}
