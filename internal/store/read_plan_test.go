package store

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
)

// TestReaderPlans asks SQLite how it would run what the reader asks: nothing walks a
// whole table except what counts, and the long lists are read in their order.
func TestReaderPlans(t *testing.T) {
	ctx := context.Background()
	s, err := Open(ctx, "sqlite://"+filepath.Join(t.TempDir(), "bursar.db"), Options{Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	k, p, ids := Key{ID: "x"}, Page{Limit: 20}, []string{"x"}
	const sorts, walks = "USE TEMP B-TREE FOR ORDER BY", "SCAN"
	for _, c := range []struct {
		name   string
		read   func(*Reader) error
		not    []string
		search string // what the first step must begin with
	}{
		{"entitlement", func(r *Reader) error { _, err := r.Entitlement(ctx, k); return absentIsFine(err) }, []string{walks, sorts}, "SEARCH tenants USING INDEX sqlite_autoindex_tenants_1 (id=? AND account=? AND livemode=?)"},
		{"entitlements", func(r *Reader) error { _, err := r.entitlementsOf(ctx, []Key{k, k}); return err }, []string{"SCAN t", sorts}, "SCAN want VIRTUAL TABLE"},
		{"tenants", func(r *Reader) error { _, err := r.Tenants(ctx, k, TenantFilter{}, p); return err }, []string{walks, sorts}, ""},
		{"tenants, found", func(r *Reader) error {
			_, err := r.Tenants(ctx, k, TenantFilter{Plan: "a", Status: "b", Text: "c"}, p)
			return err
		}, []string{walks, sorts}, ""},
		{"customers", func(r *Reader) error { _, err := r.Customers(ctx, k, ids); return err }, nil, "SEARCH customers USING INDEX customers_tenant (tenant=? AND account=? AND livemode=?)"},
		{"owner", func(r *Reader) error { _, err := r.Owner(ctx, k); return err }, []string{walks, sorts}, ""},
		{"payment methods", func(r *Reader) error { _, err := r.PaymentMethods(ctx, k, ids); return err }, nil, "SEARCH payment_methods USING INDEX sqlite_autoindex_payment_methods_1 (id=? AND account=? AND livemode=?)"},
		{"payment methods of", func(r *Reader) error { _, err := r.PaymentMethodsOf(ctx, k, p); return err }, []string{walks}, "SEARCH payment_methods USING INDEX payment_methods_customer (customer=? AND account=? AND livemode=?)"},
		{"notices", func(r *Reader) error { _, err := r.Notices(ctx, k, p); return err }, []string{walks, sorts}, ""},
		{"timeline", func(r *Reader) error { _, err := r.Timeline(ctx, k, p); return err }, []string{walks, sorts}, ""},
		{"unlinked", func(r *Reader) error { _, err := r.UnlinkedCustomers(ctx, k, p); return err }, []string{walks}, ""},
		{"subscriptions", func(r *Reader) error { _, err := r.Subscriptions(ctx, k, p); return err }, []string{walks}, "SEARCH subscriptions USING INDEX subscriptions_customer (customer=? AND account=? AND livemode=?)"},
		{"invoice", func(r *Reader) error { _, err := r.Invoice(ctx, k); return absentIsFine(err) }, []string{walks, sorts}, ""},
		{"invoices", func(r *Reader) error { _, err := r.Invoices(ctx, k, p); return err }, []string{walks}, "SEARCH invoices USING INDEX invoices_customer (customer=? AND account=? AND livemode=? AND created<?)"},
		{"credit notes", func(r *Reader) error { _, err := r.CreditNotes(ctx, k, ids); return err }, nil, "SEARCH credit_notes USING INDEX credit_notes_invoice (invoice=? AND account=? AND livemode=?)"},
		{"payments", func(r *Reader) error { _, err := r.Payments(ctx, k, p); return err }, []string{walks}, "SEARCH payments USING INDEX payments_customer (customer=? AND account=? AND livemode=? AND created<?)"},
		{"events", func(r *Reader) error { _, err := r.Events(ctx, k, EventFilter{}, p); return err }, []string{walks, sorts}, "SEARCH i USING INTEGER PRIMARY KEY (rowid<?)"},
		{"events since", func(r *Reader) error { _, err := r.Events(ctx, k, EventFilter{Since: 1}, p); return err }, []string{walks, sorts}, "SEARCH i USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"},
		{"events of a type", func(r *Reader) error { _, err := r.Events(ctx, k, EventFilter{Type: "a"}, p); return err }, []string{walks, sorts}, "SEARCH i USING INDEX inbox_type (type=? AND seq<?)"},
		{"events that failed", func(r *Reader) error { _, err := r.Events(ctx, k, EventFilter{Status: Failed}, p); return err }, []string{walks}, "SEARCH i USING INDEX inbox_un"},
		{"events of a tenant", func(r *Reader) error { _, err := r.Events(ctx, k, EventFilter{Tenant: "a"}, p); return err }, []string{walks}, "SEARCH i USING INDEX inbox_customer (customer=? AND account=? AND livemode=? AND rowid<?)"},
		{"event", func(r *Reader) error { _, err := r.Event(ctx, k); return absentIsFine(err) }, []string{walks, sorts}, ""},
		{"changes", func(r *Reader) error {
			_, err := r.ChangesOf(ctx, &Event{InboxEvent: InboxEvent{Customer: "c"}})
			return err
		}, []string{walks}, ""},
		{"backlogs", func(r *Reader) error { _, err := r.Backlogs(ctx); return err }, []string{walks}, "SEARCH inbox USING INDEX inbox_unsettled (status=?)"},
		{"key", func(r *Reader) error { _, err := r.APIKey(ctx, "x"); return absentIsFine(err) }, []string{walks, sorts}, ""},
	} {
		r := s.Reader()
		if err := c.read(r); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		steps := plansOf(t, r)
		if len(steps) == 0 || !strings.HasPrefix(steps[0], c.search) {
			t.Errorf("%s begins with %q, want %q", c.name, steps, c.search)
		}
		for _, step := range steps {
			for _, not := range c.not {
				if strings.HasPrefix(step, not) {
					t.Errorf("%s: %s", c.name, step)
				}
			}
		}
	}
}

func absentIsFine(err error) error {
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// plansOf are the steps of what a reader has asked.
func plansOf(t *testing.T, r *Reader) (steps []string) {
	t.Helper()
	r.stmts.Range(func(q, _ any) bool {
		steps = append(steps, planOf(t, r.s, q.(string))...)
		return true
	})
	return steps
}
