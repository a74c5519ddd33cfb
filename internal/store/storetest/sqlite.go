package storetest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/bursarhq/bursar/internal/store"
)

// SQLite returns the sqlite:// URL of a file that does not exist yet, in a
// folder that is removed when the test ends.
func SQLite(tb testing.TB) string {
	tb.Helper()
	return "sqlite://" + filepath.Join(tb.TempDir(), "bursar.db")
}

// MigratedSQLite is SQLite with a file that has the current schema, made once and
// copied: to migrate takes a second under the race detector.
func MigratedSQLite(tb testing.TB) string {
	tb.Helper()
	file, err := migratedFile()
	if err != nil {
		tb.Fatal(err)
	}
	name := filepath.Join(tb.TempDir(), "bursar.db")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		tb.Fatal(err)
	}
	return "sqlite://" + name
}

var migratedFile = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "bursar-migrated-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "bursar.db")
	if err := migrate("sqlite://" + name); err != nil {
		return nil, err
	}
	return os.ReadFile(name)
})

// migrate brings a database up to date and has it forget that it was opened: a
// store's life begins at its first start, which is not the template's.
func migrate(url string) error {
	s, err := store.Open(context.Background(), url, store.Options{Migrate: true})
	if err != nil {
		return err
	}
	if _, err := s.Writer().Exec(`DELETE FROM meta`); err != nil {
		s.Close()
		return err
	}
	return s.Close()
}
