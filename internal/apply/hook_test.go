package apply_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

// appWorld is a world with a table of the app's own, which a hook writes to.
type appWorld struct {
	*world
	hooks *apply.Hooks
	calls int
	fault func(c apply.Change) error // after the row is written
}

func newAppWorld(t *testing.T, s *store.Store, types ...string) *appWorld {
	t.Helper()
	w := &appWorld{hooks: &apply.Hooks{}, fault: func(apply.Change) error { return nil }}
	s.HookTimeout = 10 * time.Second // the machine may be busy
	w.world = newWorld(t, s, apply.Policy{Hooks: w.hooks, Runners: map[string]bool{apply.HookKind: true}})
	if _, err := s.Writer().Exec(`CREATE TABLE app (n INTEGER, event TEXT, type TEXT, tenant TEXT, was TEXT, plan TEXT, seen TEXT)`); err != nil {
		t.Fatal(err)
	}
	for _, typ := range types {
		err := w.hooks.On(typ, func(ctx context.Context, tx *sql.Tx, c apply.Change) error {
			w.calls++
			var seen sql.NullString // what Bursar's own row says by now
			if err := tx.QueryRowContext(ctx, `SELECT MAX(plan) FROM tenants WHERE id = $1`, c.Tenant).Scan(&seen); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO app VALUES ($1, $2, $3, $4, $5, $6, $7)`,
				w.calls, c.Event, c.Type, c.Tenant, deref(c.Was.Plan), deref(c.Is.Plan), seen.String); err != nil {
				return err
			}
			return w.fault(c)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// rows are what the app's table holds, in the order of the calls.
func (w *appWorld) rows() (out []string) {
	w.Helper()
	rows, err := w.s.Writer().Query(`SELECT event, type, tenant, was, plan, seen FROM app ORDER BY n`)
	if err != nil {
		w.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var c [6]string
		if err := rows.Scan(&c[0], &c[1], &c[2], &c[3], &c[4], &c[5]); err != nil {
			w.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%s %s %s %s>%s %s", c[0], c[1], c[2], c[3], c[4], c[5]))
	}
	if err := rows.Err(); err != nil {
		w.Fatal(err)
	}
	return out
}

func (w *appWorld) wantRows(want ...string) {
	w.Helper()
	if got := w.rows(); !slices.Equal(got, want) {
		w.Errorf("the app's table has\n%q, want\n%q", got, want)
	}
}

func (w *appWorld) customer(at int64, tenant string) []byte {
	return w.event("customer.updated", at, obj{"id": "cus_1", "object": "customer", "metadata": obj{"tenant": tenant}})
}

// TestHook: a hook runs within its event's transaction, sees what the event did, and is
// called once, whatever is delivered how often and in which batch.
func TestHook(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newAppWorld(t, s, "customer.subscription.updated", "entitlements.changed")
		up := w.event("customer.subscription.updated", 2, sub("sub_1", "active", "price_pro"))
		old := w.event("customer.subscription.updated", 1, sub("sub_1", "active", "price_team"))
		product := w.event("product.updated", 0, obj{"id": "prod_1", "object": "product", "name": "P"})
		if got := w.deliver(w.customer(0, "acme"), up, product, up, old); fmt.Sprint(got) != "[applied applied applied duplicate stale]" {
			t.Fatal(got)
		}
		w.deliver(up, old)
		want := []string{
			"evt_0001 entitlements.changed acme free>pro pro", "evt_0001 customer.subscription.updated acme free>pro pro",
		}
		w.wantRows(want...)
		if r, err := w.e.Replay(t.Context(), store.Key{ID: "evt_0001"}); err != nil || r.Status != store.Applied {
			t.Error(r, err)
		}
		w.wantRows(want...)
		if n := w.text(`SELECT COUNT(*) FROM products`); n != "1" {
			t.Errorf("%s products", n)
		}
	})
}

// TestHookFails: where a hook fails nothing of its event is written, neither its rows
// nor Bursar's; the others of the batch go through, and the event is tried again.
func TestHookFails(t *testing.T) {
	for name, fault := range map[string]func(apply.Change) error{
		"errs":   func(apply.Change) error { return errors.New("the hook erred") },
		"panics": func(apply.Change) error { panic("the hook panicked") },
	} {
		now := time.Now()
		t.Run(name, func(t *testing.T) {
			storetest.EachAt(t, func() time.Time { return now }, func(t *testing.T, s *store.Store) {
				w := newAppWorld(t, s, "customer.subscription.updated")
				w.fault = func(c apply.Change) error {
					if c.Event == "evt_0001" {
						return fault(c)
					}
					return nil
				}
				bad := w.event("customer.subscription.updated", 1, sub("sub_1", "active", "price_pro"))
				later := sub("sub_2", "active", "price_pro")
				later["customer"] = "cus_2"
				good := w.event("customer.subscription.updated", 1, later)
				var got []string
				for _, r := range w.results(w.customer(0, "acme"), bad, good) {
					got = append(got, r.Status)
				}
				if fmt.Sprint(got) != "[applied failed parked]" {
					t.Fatal(got)
				}
				w.wantRows()
				if got := w.text(`SELECT COUNT(*) FROM subscriptions WHERE id = 'sub_1'`) + w.text(`SELECT plan FROM tenants`) + w.text(`SELECT COUNT(*) FROM payloads`); got != "0free3" {
					t.Error(got)
				}
				if r := w.results(bad)[0]; r.Status != "duplicate" {
					t.Error(r)
				}
				now = now.Add(time.Minute)
				if n, err := w.e.RetryDue(t.Context()); n != 1 || err != nil {
					t.Fatal(n, err)
				}
				if got := w.text(`SELECT status || attempts FROM inbox WHERE event_id = 'evt_0001'`); got != "failed2" {
					t.Error(got)
				}
				// Overtaken meanwhile, it still has something to tell.
				w.fault = func(apply.Change) error { return nil }
				w.deliver(w.event("customer.subscription.updated", 2, sub("sub_1", "past_due", "price_pro")))
				now = now.Add(time.Hour)
				for range 2 {
					if _, err := w.e.RetryDue(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				w.wantRows("evt_0004 customer.subscription.updated acme free>pro pro", "evt_0001 customer.subscription.updated acme pro>pro pro")
			})
		})
	}
}

// TestHookHeld: a hook that takes too long does not hold the writer any longer.
func TestHookHeld(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newAppWorld(t, s, "customer.created")
		customer := obj{"id": "cus_1", "object": "customer", "metadata": obj{"tenant": "acme"}}
		s.HookTimeout = time.Nanosecond
		if r := w.results(w.event("customer.created", 0, customer))[0]; r.Status != store.Failed {
			t.Error(r)
		}
		w.wantRows()
		if n := w.text(`SELECT COUNT(*) FROM tenants`); n != "0" {
			t.Errorf("%s tenants", n)
		}
	})
}

// TestHookReleased: what was parked and has hooks is applied when its customer is
// linked, each in a transaction of its own, so that one hook which fails leaves the
// link and the others alone.
func TestHookReleased(t *testing.T) {
	now := time.Now()
	storetest.EachAt(t, func() time.Time { return now }, func(t *testing.T, s *store.Store) {
		w := newAppWorld(t, s, "customer.subscription.created", "invoice.created")
		invoice := obj{"id": "in_1", "object": "invoice", "customer": "cus_1", "status": "draft", "currency": "usd"}
		w.deliver(w.event("customer.subscription.created", 0, sub("sub_1", "active", "price_pro")), w.event("invoice.created", 0, invoice))
		w.wantRows()
		w.fault = func(c apply.Change) error {
			if c.Type == "invoice.created" {
				return errors.New("the hook erred")
			}
			return nil
		}
		put := func() error {
			_, err := w.e.PutTenant(t.Context(), store.Key{ID: "acme"}, apply.TenantPatch{StripeCustomerID: apply.Patch{Set: true, Value: "cus_1"}}, "app")
			return err
		}
		if err := put(); err != nil {
			t.Fatal(err)
		}
		first := "evt_0001 customer.subscription.created acme pro>pro pro" // the link had given it
		w.wantRows(first)
		if st := w.text(`SELECT status FROM inbox WHERE event_id = 'evt_0002'`); st != store.Failed {
			t.Error(st)
		}
		w.fault, now = func(apply.Change) error { return nil }, now.Add(time.Minute)
		if n, err := w.e.RetryDue(t.Context()); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		w.wantRows(first, "evt_0002 invoice.created acme pro>pro pro")
		if n := w.text(`SELECT COUNT(*) FROM waits`); n != "0" {
			t.Errorf("%s still wait", n)
		}
	})
}

// TestHookInterrupted: where the process dies between the link and what it released,
// that is found.
func TestHookInterrupted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newAppWorld(t, s, "customer.subscription.created")
		w.deliver(w.event("customer.subscription.created", 0, sub("sub_1", "active", "price_pro")))
		ctx, kill := context.WithCancel(t.Context())
		if err := w.hooks.On("tenant.linked", func(context.Context, *sql.Tx, apply.Change) error { return nil }); err != nil {
			t.Fatal(err)
		}
		apply.AfterCommit(w.e, kill)
		if _, err := w.e.PutTenant(ctx, store.Key{ID: "acme"}, apply.TenantPatch{StripeCustomerID: apply.Patch{Set: true, Value: "cus_1"}}, "app"); err != nil {
			t.Fatal(err)
		}
		w.wantRows()
		apply.AfterCommit(w.e, nil)
		if n, err := w.e.SettleWaits(t.Context()); n != 1 || err != nil {
			t.Fatal(n, err)
		}
		w.wantRows("evt_0001 customer.subscription.created acme pro>pro pro")
	})
}

// TestHookEffects: an effect is planned in the change's transaction, once, and none of
// what is history.
func TestHookEffects(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newAppWorld(t, s)
		for _, typ := range []string{"customer.subscription.updated", "entitlements.changed"} {
			if err := w.hooks.OnEffect(typ); err != nil {
				t.Fatal(err)
			}
		}
		up := w.event("customer.subscription.updated", 1, sub("sub_1", "active", "price_pro"))
		w.deliver(w.customer(0, "acme"), up, up)
		w.deliver(up)
		if got := w.text(`SELECT COUNT(*) FROM effects WHERE kind = 'hook' AND status = 'pending' AND tenant = 'acme'`); got != "2" {
			t.Errorf("%s effects", got)
		}
		if got := w.text(`SELECT key FROM effects WHERE kind = 'hook' AND name = 'customer.subscription.updated'`); got != "hook:customer.subscription.updated:evt_0001" {
			t.Error(got)
		}
		// What was before the database was changes the app's tables and is told to nobody.
		old := sub("sub_2", "past_due", "price_pro")
		history := false
		if err := w.hooks.On("customer.subscription.updated", func(_ context.Context, _ *sql.Tx, c apply.Change) error { history = c.History; return nil }); err != nil {
			t.Fatal(err)
		}
		w.deliver(w.event("customer.subscription.updated", -3600, old))
		if got := w.text(`SELECT COUNT(*) FROM effects WHERE kind = 'hook'`); got != "2" || !history {
			t.Errorf("%s effects, history %t", got, history)
		}
		if err := w.hooks.OnEffect("entitlements.changed"); err == nil {
			t.Error("a second handler was taken")
		}
		if err := w.hooks.OnEffect("invoice.payed"); !errors.Is(err, apply.ErrEventType) {
			t.Error(err)
		}
	})
}

// TestHookRefusesNewPlans: a hook that fails for one tenant keeps no other from being
// settled by new plans, and is asked again.
func TestHookRefusesNewPlans(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newAppWorld(t, s, "entitlements.changed")
		for _, id := range []string{"1", "2"} {
			pro := sub("sub_"+id, "active", "price_pro")
			pro["customer"] = "cus_" + id
			w.deliver(w.event("customer.updated", 0, obj{"id": "cus_" + id, "object": "customer", "metadata": obj{"tenant": "tenant" + id}}),
				w.event("customer.subscription.updated", 1, pro))
		}
		was := len(w.rows())
		w.fault = func(c apply.Change) error {
			if c.Tenant == "tenant1" {
				return errors.New("the hook erred")
			}
			return nil
		}
		w.e = newWorld(t, s, apply.Policy{Hooks: w.hooks, Runners: map[string]bool{apply.HookKind: true}, Catalog: withFeatures(t, map[string]any{"projects": int64(50)})}).e
		for _, want := range []struct {
			refused bool
			told    []string
		}{{true, []string{"tenant2"}}, {false, []string{"tenant2", "tenant1"}}} {
			if _, refused, err := w.e.Recompute(t.Context()); refused > 0 != want.refused || err != nil {
				t.Errorf("%d refused: %v", refused, err)
			}
			var told []string
			for _, row := range w.rows()[was:] {
				told = append(told, strings.Fields(row)[1])
			}
			if !slices.Equal(told, want.told) {
				t.Errorf("%q were told, want %q", told, want.told)
			}
			w.fault = func(apply.Change) error { return nil }
		}
	})
}
