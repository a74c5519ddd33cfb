package bursar_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

// hooksEnv has the child of a test keep tables of its own by On and OnEffect.
const hooksEnv = "BURSAR_TEST_HOOKS"

// appTables are what hookApp writes to.
const appTables = `CREATE TABLE app_events (event TEXT, tenant TEXT); CREATE TABLE app_seats (tenant TEXT PRIMARY KEY, plan TEXT, changes INTEGER);
	CREATE TABLE app_told (key TEXT, plan TEXT)`

// hookApp is a program whose tables change with the events, and that is told afterwards.
func hookApp(b *bursar.Bursar, own *sql.DB) {
	b.On("customer.subscription.updated", func(ctx context.Context, tx *sql.Tx, c bursar.Change) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO app_events VALUES ($1, $2)`, c.Event, c.Tenant)
		return err
	})
	b.On("entitlements.changed", func(ctx context.Context, tx *sql.Tx, c bursar.Change) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO app_seats VALUES ($1, $2, 1) ON CONFLICT (tenant) DO UPDATE SET plan = EXCLUDED.plan, changes = app_seats.changes + 1`,
			c.Tenant, c.Is.Plan)
		return err
	})
	b.OnEffect("entitlements.changed", func(ctx context.Context, c bursar.Change) error {
		_, err := own.ExecContext(ctx, `INSERT INTO app_told VALUES ($1, $2)`, c.Key, c.Is.Plan)
		return err
	})
}

// hookChild is hookApp in a child that is to be killed.
func hookChild(b *bursar.Bursar, url string) {
	if os.Getenv(hooksEnv) == "" {
		return
	}
	s, err := store.Open(context.Background(), url, store.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	hookApp(b, s.Writer())
}

// TestHooksKilled kills a server again and again while events come in whose hooks write:
// the app's rows are those of the events, neither more nor fewer, and each change's
// effect is performed.
func TestHooksKilled(t *testing.T) {
	t.Setenv(hooksEnv, "1")
	storetest.EachURL(t, func(t *testing.T, url string) {
		s, err := store.Open(t.Context(), url, store.Options{Migrate: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		if _, err := s.Writer().Exec(appTables); err != nil {
			t.Fatal(err)
		}
		acknowledged := map[string]int{}
		next := 0
		for range 3 {
			next = underFire(t, url, next, acknowledged)
		}
		for q, want := range map[string]int{
			`SELECT COUNT(*) FROM inbox WHERE status NOT IN ('applied', 'stale')`:                                                                         0,
			`SELECT COUNT(*) FROM inbox AS i WHERE status = 'applied' AND (SELECT COUNT(*) FROM app_events AS a WHERE a.event = i.event_id) <> 1`:         0,
			`SELECT COUNT(*) FROM app_events AS a WHERE NOT EXISTS (SELECT 1 FROM inbox AS i WHERE i.event_id = a.event AND i.status = 'applied')`:        0,
			`SELECT COUNT(*) FROM tenants AS t WHERE NOT EXISTS (SELECT 1 FROM app_seats AS a WHERE a.tenant = t.id AND a.plan = t.plan AND changes = 1)`: 0,
			`SELECT COUNT(*) - (SELECT COUNT(*) FROM tenants) FROM effects WHERE kind = 'hook'`:                                                           0,
		} {
			var got int
			if err := s.Writer().QueryRow(q).Scan(&got); err != nil || got != want {
				t.Errorf("%s: %d %v, want %d", q, got, err, want)
			}
		}
		if len(acknowledged) == 0 {
			t.Fatal("nothing was acknowledged")
		}
		told := func() (n int) {
			err := s.Writer().QueryRow(`SELECT COUNT(*) FROM effects AS e WHERE kind = 'hook' AND NOT EXISTS (SELECT 1 FROM app_told AS t WHERE 'hook:' || t.key = e.key AND t.plan = 'pro')`).Scan(&n)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		// What the last child had begun is a successor's when its lease is over.
		d := openDesk(t, url, bursar.Config{NoticeMaxAge: -1, Now: func() time.Time { return time.Now().Add(3 * time.Minute) }})
		hookApp(d.b, s.Writer())
		d.run()
		d.post(subscriptionEvent(eventID(next), 200, time.Now())) // wakes it: the child's jobs went with it
		eventually(t, 30*time.Second, "all effects are performed", func() bool { return told() == 0 })
	})
}

// TestOn: what On's handler writes commits with the event or not at all, on PostgreSQL
// also where it swallows the database's error.
func TestOn(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		d := openDesk(t, url, bursar.Config{NoticeMaxAge: -1, HookTimeout: 10 * time.Second})
		var fault func(ctx context.Context, tx *sql.Tx) error
		var last bursar.Change
		d.b.On("customer.subscription.updated", func(ctx context.Context, tx *sql.Tx, c bursar.Change) error {
			last = c
			if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS app (tenant TEXT)`); err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO app VALUES ($1)`, c.Tenant); err != nil {
				return err
			}
			return fault(ctx, tx)
		})
		now := time.Now().Add(-time.Minute)
		for i, f := range []func(context.Context, *sql.Tx) error{
			func(context.Context, *sql.Tx) error { return errors.New("no") },
			func(_ context.Context, tx *sql.Tx) error { return tx.Rollback() },
			func(context.Context, *sql.Tx) error { panic("no") },
			func(ctx context.Context, tx *sql.Tx) error {
				if _, err := tx.ExecContext(ctx, `INSERT INTO nowhere VALUES (1)`); err != nil && strings.HasPrefix(url, "postgres") {
					return nil // but PostgreSQL remembers
				}
				return errors.New("no")
			},
		} {
			fault = f
			if a := d.post(subscriptionEvent(eventID(i), i, now)); a.code() != "failed" {
				t.Errorf("fault %d: %d %s", i, a.status, a.body)
			}
			if a := d.get(fmt.Sprintf("/v1/tenants/t%d", i)); a.status != http.StatusNotFound {
				t.Errorf("fault %d: a tenant is there: %s", i, a.body)
			}
		}
		fault = func(context.Context, *sql.Tx) error { return nil }
		for i := range 4 {
			replay := d.request(http.MethodPost, "/v1/events/"+eventID(i)+"/replay", nil)
			replay.Header.Set("Authorization", "Bearer "+apiKey)
			if a := d.do(replay); a.status != http.StatusOK {
				t.Errorf("replay %d: %d %s", i, a.status, a.body)
			}
			if e, err := d.b.Entitlements(t.Context(), fmt.Sprintf("t%d", i)); err != nil || e.Plan != "pro" {
				t.Error(e, err)
			}
		}
		if last.Event != eventID(3) || last.Tenant != "t3" || last.Was.Plan != "free" || last.Is.Plan != "pro" || last.Is.Features["projects"] != int64(20) ||
			last.ObjectID != "sub_3" || len(last.Object) == 0 || last.Created.Unix() != now.Unix() || last.History {
			t.Errorf("told %+v", last)
		}
	})
}

// TestOnEffect: the handler is called after the commit, again where it failed, and once
// under its key.
func TestOnEffect(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		var later atomic.Int64 // how far the clock is ahead
		now := func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
		d := openDesk(t, url, bursar.Config{NoticeMaxAge: -1, Now: now})
		var mu sync.Mutex
		var calls []bursar.Change
		d.b.OnEffect("customer.subscription.updated", func(ctx context.Context, c bursar.Change) error {
			if e, err := d.b.Entitlements(ctx, c.Tenant); err != nil || e.Plan != "pro" {
				t.Error("called before the commit:", e, err)
			}
			mu.Lock()
			defer mu.Unlock()
			if calls = append(calls, c); len(calls) == 1 {
				panic("the world is away")
			}
			return nil
		})
		body := subscriptionEvent(eventID(1), 1, time.Now())
		for range 3 {
			d.post(body)
		}
		d.run()
		told := func(n int) func() bool {
			return func() bool { mu.Lock(); defer mu.Unlock(); return len(calls) >= n }
		}
		eventually(t, 30*time.Second, "it is called", told(1))
		s := openStore(t, url)
		eventually(t, 30*time.Second, "it is marked", func() bool {
			return count(t, s, `SELECT COUNT(*) FROM effects WHERE kind = 'hook' AND status = 'pending'`) == 1
		})
		later.Store(int64(time.Minute))
		for range 2 {
			d.post(body)
		}
		// Another tenant's change wakes the first one's, which is due by now.
		d.post(subscriptionEvent(eventID(2), 2, time.Now()))
		eventually(t, 30*time.Second, "both are told", told(3))
		eventually(t, 30*time.Second, "both are marked", func() bool {
			return count(t, s, `SELECT COUNT(*) FROM effects WHERE kind = 'hook' AND status = 'sent'`) == 2
		})
		slices.SortStableFunc(calls, func(a, b bursar.Change) int { return strings.Compare(a.Tenant, b.Tenant) })
		if len(calls) != 3 || calls[0].Key != calls[1].Key || calls[2].Key == calls[1].Key || len(calls[1].Object) == 0 || calls[1].Is.Plan != "pro" {
			t.Errorf("told %+v", calls)
		}
	})
}

// TestHookTypes: a type that never comes is a mistake of whoever wrote it.
func TestHookTypes(t *testing.T) {
	d := openDesk(t, storetest.MigratedSQLite(t), bursar.Config{})
	for name, add := range map[string]func(){
		"On":       func() { d.b.On("invoice.payed", nil) },
		"OnEffect": func() { d.b.OnEffect("invoice.payed", nil) },
		"a second": func() { d.b.OnEffect("invoice.paid", nil); d.b.OnEffect("invoice.paid", nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was taken", name)
				}
			}()
			add()
		}()
	}
}
