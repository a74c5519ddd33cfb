package apply_test

import (
	"testing"

	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

// TestNewRules: what an older Bursar ignored is applied by one that has a rule for
// it, once, and nobody is told.
func TestNewRules(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, apply.Policy{Runners: map[string]bool{"notice": true}})
		restore := apply.WithoutRule("invoice.payment_failed", func(types string) {
			if err := s.SetMeta(t.Context(), "rules", types); err != nil {
				t.Fatal(err)
			}
		})
		defer restore()
		customer := w.event("customer.created", 0, obj{"id": "cus_1", "object": "customer", "email": "a@example.com", "metadata": obj{"tenant": "acme"}})
		failed := w.event("invoice.payment_failed", 1, obj{
			"id": "in_1", "object": "invoice", "customer": "cus_1", "status": "open", "attempt_count": 1, "amount_due": 2900, "total": 2900, "currency": "usd",
			"billing_reason": "subscription_cycle", "subscription": "sub_1",
		})
		if r := w.results(customer, failed); r[1].Status != store.Ignored {
			t.Fatalf("%+v", r)
		}
		restore()
		for i, want := range []int{1, 0} {
			if n, err := w.e.ApplyNewRules(t.Context()); n != want || err != nil {
				t.Errorf("start %d: %d events, %v", i, n, err)
			}
		}
		if status := w.text(`SELECT status FROM inbox WHERE type = 'invoice.payment_failed'`); status != store.Applied {
			t.Error(status)
		}
		if status := w.text(`SELECT stripe_status FROM invoices WHERE id = 'in_1'`); status != "open" {
			t.Error(status)
		}
		if notice := w.text(`SELECT name || ': ' || status || ', ' || reason FROM effects WHERE kind = 'notice'`); notice != "payment_failed: superseded, an older Bursar had no rule for it" {
			t.Error(notice)
		}
	})
}
