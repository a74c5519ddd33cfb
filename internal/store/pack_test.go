package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bursarhq/bursar/internal/store"
)

// TestPackIsSmall: events of every kind take a fraction of their bytes, those that
// the dictionary does not hold included.
func TestPackIsSmall(t *testing.T) {
	files, err := filepath.Glob("../apply/testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no fixtures", err)
	}
	var raw, packed int
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range txtar.Parse(text).Files {
			if filepath.Ext(part.Name) == ".json" {
				raw, packed = raw+len(part.Data), packed+store.Pack(part.Data).Len()
			}
		}
	}
	t.Logf("%d bytes are packed into %d", raw, packed)
	if packed*3 > raw {
		t.Errorf("%d bytes take %d", raw, packed)
	}
}
