package storetest

import (
	"path/filepath"
	"testing"
)

// SQLite returns the sqlite:// URL of a file that does not exist yet, in a
// folder that is removed when the test ends.
func SQLite(tb testing.TB) string {
	tb.Helper()
	return "sqlite://" + filepath.Join(tb.TempDir(), "bursar.db")
}
