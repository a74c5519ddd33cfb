package apply_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

// TestErase: nothing of who a tenant is remains anywhere, the ledger does, and late
// events bring nothing back.
func TestErase(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, apply.Policy{Runners: map[string]bool{"notice": true}})
		acme := store.Key{ID: "acme"}
		secret := func(at int64) []byte {
			return w.event("customer.updated", at, obj{"id": "cus_1", "object": "customer", "name": "Ada Secret", "email": "ada@secret.example", "metadata": obj{"tenant": "acme"}})
		}
		running := sub("sub_1", "active", "price_pro")
		running["customer"] = "cus_1"
		invoice := w.event("invoice.paid", 2, obj{"id": "in_1", "object": "invoice", "customer": "cus_1", "status": "paid", "total": 2900, "amount_paid": 2900, "currency": "usd", "customer_email": "ada@secret.example"})
		w.results(secret(0), w.event("customer.subscription.created", 1, running), invoice)
		name, email := "Ada Secret", "ada@secret.example"
		if _, err := w.e.PutTenant(t.Context(), acme, apply.TenantPatch{Name: apply.Patch{Set: true, Value: name}, Email: apply.Patch{Set: true, Value: email}}, "app"); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Writer().Exec(`UPDATE effects SET recipient = 'ada@secret.example', subject = 'Dear Ada Secret'`); err != nil {
			t.Fatal(err)
		}
		if err := w.e.EraseTenant(t.Context(), acme, "app"); !errors.Is(err, apply.ErrConflict) || !strings.Contains(err.Error(), "sub_1 is active") {
			t.Errorf("with a running subscription: %v", err)
		}
		running["status"] = "canceled"
		w.results(w.event("customer.subscription.deleted", 3, running))
		if err := w.e.EraseTenant(t.Context(), acme, "app"); err != nil {
			t.Fatal(err)
		}
		late := w.results(secret(5), w.event("x.unknown", 6, obj{"id": "x_1", "object": "x", "customer": "cus_1", "name": "Ada Secret"}))
		if late[0].Status != store.Applied || late[1].Status != store.Ignored {
			t.Errorf("late: %+v", late)
		}
		for _, q := range []string{
			`SELECT name || email || stripe_name || stripe_email || metadata FROM tenants`,
			`SELECT name || email FROM customers`,
			`SELECT COUNT(*) FROM payloads`,
			`SELECT COUNT(*) FROM effects WHERE recipient || subject <> ''`,
		} {
			if got := w.text(q); got != "" && got != "0" && got != "{}" {
				t.Errorf("%s: %s", q, got)
			}
		}
		if paid := w.text(`SELECT amount_paid FROM invoices`); paid != "2900" {
			t.Errorf("the invoice: %s", paid)
		}
		if why := w.text(`SELECT what || ' by ' || actor FROM timeline ORDER BY no DESC LIMIT 1`); why != "erased by app" {
			t.Error(why)
		}
		for _, id := range []string{"acme", "nobody"} {
			if err := w.e.EraseTenant(t.Context(), store.Key{ID: id}, "app"); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: %v", id, err)
			}
		}
	})
}

// TestLiveAfterPut: what the app said before the first event told the mode is there
// in the mode that it told.
func TestLiveAfterPut(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, apply.Policy{})
		if _, err := w.e.PutTenant(t.Context(), w.e.Key(t.Context(), "", "acme"), apply.TenantPatch{StripeCustomerID: apply.Patch{Set: true, Value: "cus_1"}}, "app"); err != nil {
			t.Fatal(err)
		}
		live := w.event("customer.created", 0, obj{"id": "cus_1", "object": "customer", "email": "a@example.com", "metadata": obj{}})
		if r := w.results([]byte(strings.Replace(string(live), `"livemode":false`, `"livemode":true`, 1)))[0]; r.Status != store.Applied || r.Tenant != "acme" {
			t.Errorf("%+v", r)
		}
		if row, err := s.Reader().Tenant(t.Context(), w.e.Key(t.Context(), "", "acme")); err != nil || row.StripeEmail != "a@example.com" {
			t.Errorf("%+v %v", row, err)
		}
	})
}
