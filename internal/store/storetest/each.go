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

// EachURL runs a test on both engines with the URL of a new database that has the
// current schema.
func EachURL(t *testing.T, fn func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, MigratedSQLite(t)) })
	t.Run("postgres", func(t *testing.T) { fn(t, Migrated(t)) })
}

// Migrated is the URL of a new PostgreSQL database with the current schema.
func Migrated(tb testing.TB) string {
	tb.Helper()
	return PostgresFrom(tb, Template(tb, "migrated", func(url string) error {
		if s, err := store.Open(context.Background(), url, store.Options{}); err == nil {
			return s.Close() // another process has made it
		}
		return migrate(url)
	}))
}
