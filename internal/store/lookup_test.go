package store

import (
	"slices"
	"strings"
	"testing"
)

// TestLookupPlans: what is looked for every few seconds, or for every page of a sweep,
// does not walk a whole table on SQLite.
func TestLookupPlans(t *testing.T) {
	s, err := Open(t.Context(), "sqlite://"+t.TempDir()+"/bursar.db", Options{Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, c := range []struct{ q, want string }{
		{dropBodies, "SEARCH effects USING INDEX effects_bodies (seq<?)"},
		{dueEvents, "SEARCH inbox USING INDEX inbox_unsettled"},
		{knownBetween(CustomersKnown), "SEARCH customers USING INDEX customers_created (created>? AND created<?)"},
		{knownBetween(InvoicesKnown), "SEARCH invoices USING INDEX invoices_created (created>? AND created<?)"},
		{knownBetween(InvoicesOpen), "SEARCH invoices USING INDEX invoices_created (created>? AND created<?)"},
	} {
		// Each step is a search: none scans, or sorts.
		plan := planOf(t, s, c.q)
		bad := slices.ContainsFunc(plan, func(step string) bool { return strings.HasPrefix(step, "SCAN") || strings.HasPrefix(step, "USE TEMP") })
		if bad || !strings.Contains(strings.Join(plan, "\n"), c.want) {
			t.Errorf("%s: %q", c.q, plan)
		}
	}
}

// planOf is how SQLite would run a query.
func planOf(t *testing.T, s *Store, q string) (plan []string) {
	t.Helper()
	args := make([]any, 0, 5)
	for strings.Contains(q, "$"+num(int64(len(args)+1))) {
		args = append(args, 1)
	}
	rows, err := s.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+q, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		plan = append(plan, step)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan
}
