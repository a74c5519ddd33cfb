package store_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
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

// TestPackAgain: what is packed is a thing of its own, whatever is packed after it.
func TestPackAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		bodies := map[int64][]byte{}
		err := s.Update(t.Context(), nil, func(tx *store.Tx) error {
			return tx.Do(func() error {
				for i, n := range []int{10, 9_000, 200_000, 70, 0} {
					seq, body := s.NextSeq(), bytes.Repeat([]byte{'a' + byte(i)}, n)
					bodies[seq] = body
					tx.PutPayload(seq, store.Pack(body), body)
				}
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		for seq, want := range bodies {
			if got, err := s.Reader().Payload(t.Context(), seq); err != nil || !bytes.Equal(got, want) {
				t.Errorf("%d bytes became %d, %v", len(want), len(got), err)
			}
		}
	})
}
