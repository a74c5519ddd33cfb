package apply_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
	"github.com/bursarhq/bursar/internal/stripe"
)

// results applies events as one batch and returns what became of each.
func (w *world) results(bodies ...[]byte) []apply.Result {
	w.Helper()
	var batch []*apply.Delivery
	for _, b := range bodies {
		ev, err := stripe.ParseEvent(b)
		if err != nil {
			w.Fatal(err)
		}
		batch = append(batch, &apply.Delivery{Event: ev, Packed: store.Pack(b), Source: "webhook"})
	}
	return w.e.Apply(context.Background(), batch)
}

func (w *world) text(q string, args ...any) string {
	w.Helper()
	var v any
	if err := w.s.Writer().QueryRow(q, args...).Scan(&v); err != nil {
		w.Fatalf("%s: %v", q, err)
	}
	return fmt.Sprint(v)
}

// TestPoison: a rule that errs or panics loses what it did; its event is kept as
// failed, tried again with backoff, and in the end dead; the others go through.
func TestPoison(t *testing.T) {
	now := time.Now()
	storetest.EachAt(t, func() time.Time { return now }, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, apply.Policy{})
		mended := false
		apply.WithRule(t.Cleanup, "test.errs", func(string) error {
			if mended {
				return nil
			}
			return errors.New("the rule erred")
		})
		apply.WithRule(t.Cleanup, "test.panics", func(string) error { panic("the rule panicked") })
		o := func(id string) obj { return obj{"id": id, "object": "test"} }
		errs, panics := w.event("test.errs", 0, o("t_1")), w.event("test.panics", 0, o("t_2"))
		good := w.event("customer.created", 0, obj{"id": "cus_1", "object": "customer", "metadata": obj{"tenant": "acme"}})
		var got []string
		for _, r := range w.results(errs, panics, good) {
			got = append(got, r.Status+" "+r.Reason)
		}
		if fmt.Sprintf("%q", got) != `["failed the rule erred" "failed panic: the rule panicked" "applied "]` {
			t.Fatalf("%q", got)
		}
		if n := w.text(`SELECT COUNT(*) FROM products`); n != "0" {
			t.Errorf("%s rows of failed rules are there", n)
		}
		if n := w.text(`SELECT COUNT(*) FROM payloads`); n != "3" {
			t.Errorf("%s payloads", n)
		}
		if r := w.results(errs)[0]; r.Status != "duplicate" {
			t.Error(r)
		}
		// Nothing is due before the backoff is over.
		if n, err := w.e.RetryDue(t.Context()); n != 0 || err != nil {
			t.Fatal(n, err)
		}
		mended = true
		now = now.Add(time.Minute)
		if n, err := w.e.RetryDue(t.Context()); n != 2 || err != nil {
			t.Fatal(n, err)
		}
		if st := w.text(`SELECT status FROM inbox WHERE type = 'test.errs'`); st != store.Applied {
			t.Error(st)
		}
		if n := w.text(`SELECT COUNT(*) FROM products`); n != "1" {
			t.Errorf("%s rows of the mended rule", n)
		}
		for range apply.MaxAttempts {
			now = now.Add(24 * time.Hour)
			if _, err := w.e.RetryDue(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if st := w.text(`SELECT status FROM inbox WHERE type = 'test.panics'`); st != store.Dead {
			t.Error(st)
		}
		if k := w.text(`SELECT key FROM effects`); !strings.HasPrefix(k, "event_dead:evt_") {
			t.Error(k)
		}
	})
}

// TestOtherMode: a database holds one mode; events of the other are kept as ignored.
func TestOtherMode(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, apply.Policy{})
		w.deliver(w.event("customer.created", 0, obj{"id": "cus_1", "object": "customer"}))
		live := []byte(strings.Replace(string(w.event("customer.created", 0, obj{"id": "cus_2", "object": "customer"})), `"livemode":false`, `"livemode":true`, 1))
		if r := w.results(live)[0]; r.Status != store.Ignored || !strings.Contains(r.Reason, "live event") {
			t.Error(r)
		}
		if _, err := apply.New(t.Context(), s, apply.Policy{}, "live", nil); err == nil {
			t.Error("a test database was opened as a live one")
		}
	})
}

// TestPutLinks: linking applies what was parked; moving is the app's alone; null
// takes the customer away.
func TestPutLinks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, apply.Policy{})
		put := func(tenant string, p apply.TenantPatch) {
			t.Helper()
			if _, err := w.e.PutTenant(t.Context(), store.Key{ID: tenant}, p, "key1"); err != nil {
				t.Fatal(err)
			}
		}
		plan := func(tenant string) string { return w.text(`SELECT plan FROM tenants WHERE id = $1`, tenant) }
		if got := w.deliver(w.event("customer.subscription.created", 0, sub("sub_1", "active", "price_pro"))); got[0] != store.Parked {
			t.Fatal(got)
		}
		customer := apply.Patch{Set: true, Value: "cus_1"}
		put("acme", apply.TenantPatch{Name: apply.Patch{Set: true, Value: "Acme"}, StripeCustomerID: customer})
		if plan("acme") != "pro" || w.text(`SELECT status FROM inbox`) != store.Applied || w.text(`SELECT COUNT(*) FROM waits`) != "0" {
			t.Error(plan("acme"), w.text(`SELECT status FROM inbox`))
		}
		// An event that names another tenant does not move the customer; the operator is told.
		moved := sub("sub_1", "active", "price_pro")
		moved["metadata"] = obj{"tenant": "other"}
		w.deliver(w.event("customer.subscription.updated", 1, moved, obj{"metadata": obj{}}))
		if owner := w.text(`SELECT tenant FROM customers`); owner != "acme" {
			t.Error(owner)
		}
		put("globex", apply.TenantPatch{StripeCustomerID: customer})
		if plan("acme") != "free" || plan("globex") != "pro" {
			t.Error(plan("acme"), plan("globex"))
		}
		put("globex", apply.TenantPatch{StripeCustomerID: apply.Patch{Set: true}})
		if owner := w.text(`SELECT tenant FROM customers`); owner != "" || plan("globex") != "free" {
			t.Error(owner, plan("globex"))
		}
		if _, err := w.e.PutTenant(t.Context(), store.Key{ID: "no spaces"}, apply.TenantPatch{}, "key1"); !errors.Is(err, apply.ErrInvalid) {
			t.Error(err)
		}
	})
}

// TestDunning: at the limit the plan is taken away; paying that invoice, and nothing
// else, gives it back.
func TestDunning(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, apply.Policy{
			NoticeMaxAge: -1, Runners: map[string]bool{"notice": true, "cancel": true},
			Dunning: billing.Dunning{MaxAttempts: 2, Action: billing.DowngradeAndCancel},
		})
		o := sub("sub_1", "active", "price_pro")
		o["metadata"] = obj{"tenant": "acme"}
		w.deliver(w.event("customer.subscription.created", 0, o))
		invoice := func(status string, attempts int) obj {
			return obj{
				"id": "in_1", "object": "invoice", "customer": "cus_1", "status": status, "attempt_count": attempts, "billing_reason": "subscription_cycle",
				"currency": "usd", "total": 2900, "amount_due": 2900, "parent": obj{"subscription_details": obj{"subscription": "sub_1"}},
			}
		}
		tenant := func() string { return w.text(`SELECT plan || ' ' || status || ' ' || status_reason FROM tenants`) }
		for i, want := range []string{"pro past_due ", "free canceled dunning"} {
			w.deliver(w.event("invoice.payment_failed", int64(10+i), invoice("open", i+1)))
			if tenant() != want {
				t.Fatalf("after attempt %d: %s", i+1, tenant())
			}
		}
		o["status"] = "active" // what Stripe says of the subscription does not lift it
		w.deliver(w.event("customer.subscription.updated", 20, o, obj{"status": "past_due"}))
		if tenant() != "free canceled dunning" {
			t.Fatal(tenant())
		}
		w.deliver(w.event("invoice.paid", 30, invoice("paid", 2)))
		if tenant() != "pro active " {
			t.Fatal(tenant())
		}
		rows, err := s.Writer().Query(`SELECT key, status FROM effects ORDER BY key`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		var got []string
		for rows.Next() {
			var k, st string
			if err := rows.Scan(&k, &st); err != nil {
				t.Fatal(err)
			}
			got = append(got, k+" "+st)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		want := "cancel:sub_1:in_1 pending,invoice_receipt:in_1 pending,payment_failed:in_1:1 pending,payment_failed:in_1:2 pending,payment_recovered:in_1 pending,subscription_downgraded:sub_1:in_1 pending"
		if strings.Join(got, ",") != want {
			t.Errorf("%s\nwant\n%s", strings.Join(got, ","), want)
		}
	})
}

// TestGrace: an invoice that is sent takes the plan away when its grace is over;
// no event says so.
func TestGrace(t *testing.T) {
	now := time.Now()
	storetest.EachAt(t, func() time.Time { return now }, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, apply.Policy{NoticeMaxAge: -1})
		o := sub("sub_1", "past_due", "price_pro")
		o["metadata"] = obj{"tenant": "acme"}
		w.deliver(w.event("customer.subscription.created", 0, o), w.event("invoice.updated", 1, obj{
			"id": "in_1", "object": "invoice", "customer": "cus_1",
			"status": "open", "collection_method": "send_invoice", "due_date": now.Unix(), "billing_reason": "subscription_cycle", "subscription": "sub_1",
		}))
		began := now
		for _, tt := range []struct {
			days int
			want string
		}{{13, "pro"}, {15, "free"}} {
			now = began.Add(time.Duration(tt.days) * 24 * time.Hour)
			if _, err := w.e.SettleOverdue(t.Context(), now); err != nil {
				t.Fatal(err)
			}
			if plan := w.text(`SELECT plan FROM tenants`); plan != tt.want {
				t.Errorf("after %d days: %s", tt.days, plan)
			}
		}
		if k := w.text(`SELECT key FROM effects`); k != "subscription_downgraded:sub_1:in_1" {
			t.Error(k)
		}
	})
}

// TestReplay: a replay applies the newest snapshot again and tells nobody twice; of
// an event whose payload is gone it says so.
func TestReplay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, apply.Policy{})
		o := sub("sub_1", "active", "price_pro")
		o["metadata"] = obj{"tenant": "acme"}
		w.deliver(w.event("customer.subscription.created", 0, o), w.event("customer.subscription.updated", 5, o, obj{"quantity": 1}))
		if _, err := s.Writer().Exec(`UPDATE subscriptions SET plan = 'wrong', price = 'wrong'`); err != nil {
			t.Fatal(err)
		}
		if r, err := w.e.Replay(t.Context(), store.Key{ID: "evt_0001"}); err != nil || r.Status != store.Applied {
			t.Fatal(r, err)
		}
		if got := w.text(`SELECT plan || ' ' || price FROM subscriptions`); got != "pro price_pro" {
			t.Error(got)
		}
		if _, err := w.e.Replay(t.Context(), store.Key{ID: "evt_none"}); !errors.Is(err, store.ErrNotFound) {
			t.Error(err)
		}
		if n, err := s.DropPayloads(t.Context(), time.Now().Add(time.Hour), 100); err != nil || n != 1 {
			t.Fatal("the newest snapshot's payload must stay", n, err)
		}
		if _, err := w.e.Replay(t.Context(), store.Key{ID: "evt_0001"}); !errors.Is(err, apply.ErrGone) {
			t.Error(err)
		}
	})
}

// TestUnknownStatus: a status that Bursar does not know keeps whatever access there was.
func TestUnknownStatus(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, apply.Policy{})
		o := sub("sub_1", "active", "price_pro")
		o["metadata"] = obj{"tenant": "acme"}
		strange := sub("sub_1", "hibernating", "price_pro")
		w.deliver(w.event("customer.subscription.updated", 5, strange, obj{"status": "active"}), w.event("customer.subscription.updated", 1, o, obj{"quantity": 1}))
		if got := w.text(`SELECT status || ' ' || plan || ' ' || CASE WHEN access THEN 'access' ELSE 'none' END FROM tenants`); got != "hibernating pro access" {
			t.Error(got)
		}
	})
}

// TestOldNewsInAnAnswer: what Stripe's API tells of long ago is not news because it
// was asked for now.
func TestOldNewsInAnAnswer(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, apply.Policy{Runners: map[string]bool{"notice": true}})
		o := sub("sub_1", "active", "price_pro")
		o["metadata"] = obj{"tenant": "acme"}
		w.deliver(w.event("customer.subscription.created", 0, o))
		ended := fmt.Appendf(nil, `{"id":"sub_1","object":"subscription","customer":"cus_1","status":"canceled","ended_at":%d,"livemode":false}`,
			time.Now().Add(-30*24*time.Hour).Unix())
		r, err := w.e.Ingest(t.Context(), apply.Answer{Object: ended, SentAt: time.Now().Unix() + 1, Asked: 1, Source: "refetch"})
		if err != nil || r.Status != store.Applied {
			t.Fatal(r, err)
		}
		if got := w.text(`SELECT status || ' ' || reason FROM effects WHERE key = 'subscription_ended:sub_1'`); got != "superseded old news" {
			t.Error(got)
		}
	})
}
