package store

import (
	"strings"
	"testing"
)

// TestDueEventsByIndex: looking for events to retry, every few seconds, does not walk
// the whole inbox on SQLite.
func TestDueEventsByIndex(t *testing.T) {
	s, err := Open(t.Context(), "sqlite://"+t.TempDir()+"/bursar.db", Options{Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rows, err := s.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+dueEvents, 1, 100)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan []string
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
	if len(plan) == 0 || !strings.Contains(plan[0], "SEARCH inbox USING INDEX inbox_unsettled") {
		t.Errorf("%q", plan)
	}
}
