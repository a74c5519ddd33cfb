package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

// TestRev: units of work that change one row at once, without locks, lose nothing:
// whoever is late runs again.
func TestRev(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		k := store.Key{ID: "acme"}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 5 {
					err := s.Update(context.Background(), nil, func(tx *store.Tx) error {
						return tx.Do(func() error { tx.Tenants.Edit(k).Quantity++; return nil })
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		row, err := s.Reader().Tenant(t.Context(), k)
		if err != nil || row.Quantity != 40 || row.Rev != 40 {
			t.Errorf("%d at rev %d, %v", row.Quantity, row.Rev, err)
		}
	})
}

// TestCloseWithin: a SQLite store that is closed under a unit of work leaves nothing
// locked when that ends. (PostgreSQL's pool closes when all its connections are back.)
func TestCloseWithin(t *testing.T) {
	url := storetest.MigratedSQLite(t)
	s, err := store.Open(t.Context(), url, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	add := func(tx *store.Tx) error {
		return tx.Do(func() error { tx.Tenants.Edit(store.Key{ID: "acme"}).Quantity++; return nil })
	}
	within, closed, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- s.Update(context.Background(), nil, func(tx *store.Tx) error {
			err := add(tx)
			close(within)
			<-closed
			return err
		})
	}()
	<-within
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	close(closed)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	// SQLite removes the log with its last connection.
	if _, err := os.Stat(strings.TrimPrefix(url, "sqlite://") + "-wal"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a connection is still open: %v", err)
	}
	if s, err = store.Open(t.Context(), url, store.Options{}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Update(t.Context(), nil, add); err != nil {
		t.Fatal(err)
	}
	if row, err := s.Reader().Tenant(t.Context(), store.Key{ID: "acme"}); err != nil || row.Quantity != 2 {
		t.Errorf("%d, %v", row.Quantity, err)
	}
}

// TestOverlay: a step that fails leaves nothing, what a step before it did stays, and
// indexes follow.
func TestOverlay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		k := func(id string) store.Key { return store.Key{ID: id} }
		boom := errors.New("boom")
		err := s.Update(t.Context(), nil, func(tx *store.Tx) error {
			steps := []func() error{
				func() error { tx.Customers.Edit(k("cus_1")).Tenant = "acme"; return nil },
				func() error {
					tx.Customers.Edit(k("cus_1")).Tenant = "globex"
					tx.Customers.Edit(k("cus_2")).Tenant = "acme"
					return boom
				},
				func() error { tx.Customers.Edit(k("cus_3")).Tenant = "acme"; panic("oh") },
				func() error {
					if n := len(tx.CustomersByTenant.By(k("acme"))); n != 1 {
						return fmt.Errorf("%d customers of acme", n)
					}
					tx.Customers.Edit(k("cus_1")).Tenant = "initech"
					if n := len(tx.CustomersByTenant.By(k("acme"))); n != 0 {
						return fmt.Errorf("%d customers of acme after the move", n)
					}
					return nil
				},
			}
			var got []string
			for _, step := range steps {
				err := tx.Do(step)
				var p *store.PanicError
				got = append(got, fmt.Sprint(err, errors.As(err, &p)))
			}
			if fmt.Sprint(got) != "[<nil> false boom false panic: oh true <nil> false]" {
				t.Error(got)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		rows, err := s.Reader().CustomersByID(t.Context(), store.Key{}, []string{"cus_1", "cus_2", "cus_3"})
		if err != nil || len(rows) != 1 || rows[0].Tenant != "initech" {
			t.Errorf("%+v %v", rows, err)
		}
	})
}

// TestPayload: payloads come back as the bytes that were signed, whatever they hold.
func TestPayload(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for i, raw := range [][]byte{[]byte(`{"metadata":{"a":"\u0000"}}`), {0, 1, 2, 0xff}, {}, bytes.Repeat([]byte("Stripe "), 100_000)} {
			seq := s.NextSeq()
			err := s.Update(t.Context(), nil, func(tx *store.Tx) error {
				return tx.Do(func() error { tx.PutPayload(seq, store.Pack(raw), raw); return nil })
			})
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Reader().Payload(t.Context(), seq)
			if err != nil || !bytes.Equal(got, raw) {
				t.Errorf("%d: %d bytes came back as %d, %v", i, len(raw), len(got), err)
			}
		}
	})
}

// TestNewerSchema: a binary that meets a newer schema refuses, with one line.
func TestNewerSchema(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		s, err := store.Open(t.Context(), url, store.Options{Migrate: true})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Writer().Exec(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, TRUE)`)
		if err != nil {
			t.Fatal(err)
		}
		s.Close()
		for _, migrate := range []bool{true, false} {
			_, err = store.Open(t.Context(), url, store.Options{Migrate: migrate})
			if !errors.Is(err, store.ErrNewerSchema) || strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "999") {
				t.Errorf("migrate %t: %v", migrate, err)
			}
		}
	})
}

// TestCopyBeforeMigration: a SQLite file that has a schema is copied beside itself first.
func TestCopyBeforeMigration(t *testing.T) {
	url := storetest.SQLite(t)
	open := func() *store.Store {
		t.Helper()
		s, err := store.Open(t.Context(), url, store.Options{Migrate: true})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	// As if the last migration had not been there yet.
	last := store.SchemaVersion()
	if last < 2 {
		t.Skip("there is one migration only")
	}
	views, err := s.Writer().Query(`SELECT name FROM sqlite_master WHERE type = 'view'`)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for views.Next() {
		var n string
		if err := views.Scan(&n); err != nil {
			t.Fatal(err)
		}
		names = append(names, n)
	}
	if err := errors.Join(views.Err(), views.Close()); err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if _, err := s.Writer().Exec("DROP VIEW " + n); err != nil {
			t.Fatal(err)
		}
	}
	for v := int64(2); v <= last; v++ {
		if _, err := s.Writer().Exec(`DELETE FROM goose_db_version WHERE version_id = $1`, v); err != nil {
			t.Fatal(err)
		}
	}
	s.Close()
	if s, err := store.Open(t.Context(), url, store.Options{Migrate: true}); err == nil {
		s.Close()
	}
	if _, err := os.Stat(fmt.Sprintf("%s.before-%04d", strings.TrimPrefix(url, "sqlite://"), last)); err != nil {
		t.Error(err)
	}
}

// TestTwoStartsAtOnce: two processes that start on one new database both come up.
func TestTwoStartsAtOnce(t *testing.T) {
	for name, url := range map[string]string{"sqlite": storetest.SQLite(t), "postgres": storetest.Postgres(t)} {
		t.Run(name, func(t *testing.T) {
			var wg sync.WaitGroup
			for range 2 {
				wg.Go(func() {
					s, err := store.Open(context.Background(), url, store.Options{Migrate: true})
					if err != nil {
						t.Error(err)
						return
					}
					s.Close()
				})
			}
			wg.Wait()
		})
	}
}

// TestOpenWaits: SQLite itself does not wait for another process that writes to a file
// which has no write-ahead log yet. Nor is a file that stays locked waited for without end.
func TestOpenWaits(t *testing.T) {
	url := storetest.SQLite(t)
	other, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(url, "sqlite://"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.SetMaxOpenConns(1)
	run := func(q string) {
		t.Helper()
		if _, err := other.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	open := func() <-chan error {
		done := make(chan error, 1)
		go func() {
			s, err := store.Open(context.Background(), url, store.Options{Migrate: true})
			if err == nil {
				s.Close()
			}
			done <- err
		}()
		return done
	}
	run("CREATE TABLE other (id); BEGIN IMMEDIATE")
	if err := <-open(); err == nil || !strings.Contains(err.Error(), "locked") {
		t.Errorf("of a file that stays locked: %v", err)
	}
	opened := open()
	select {
	case err := <-opened:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(100 * time.Millisecond): // who does not wait is back in one of them
	}
	run("COMMIT")
	if err := <-opened; err != nil {
		t.Error(err)
	}
}
