package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/bursarhq/bursar/internal/store"
)

// Each runs a test on both engines, each time on a new, migrated store.
func Each(t *testing.T, fn func(t *testing.T, s *store.Store)) {
	t.Helper()
	EachAt(t, time.Now, fn)
}

// EachAt is Each with a clock.
func EachAt(t *testing.T, now func() time.Time, fn func(t *testing.T, s *store.Store)) {
	t.Helper()
	EachURL(t, func(t *testing.T, url string) {
		s, err := store.Open(context.Background(), url, store.Options{Migrate: true, Now: now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		fn(t, s)
	})
}

// EachURL runs a test on both engines with the URL of a database: empty on
// SQLite, already migrated on PostgreSQL, where that takes a while.
func EachURL(t *testing.T, fn func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { fn(t, Migrated(t)) })
}

// Migrated is the URL of a new PostgreSQL database with the current schema.
func Migrated(tb testing.TB) string {
	tb.Helper()
	return PostgresFrom(tb, Template(tb, "migrated", func(url string) error {
		s, err := store.Open(context.Background(), url, store.Options{})
		if err == nil {
			return s.Close()
		}
		if s, err = store.Open(context.Background(), url, store.Options{Migrate: true}); err != nil {
			return err
		}
		// A store's life begins at its first start, which is not the template's.
		if _, err := s.Writer().Exec(`DELETE FROM meta`); err != nil {
			return err
		}
		return s.Close()
	}))
}
