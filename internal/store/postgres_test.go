package store_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

func openPostgres(t *testing.T, more string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), storetest.Migrated(t)+more, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// addOne counts up a tenant's seats: a look-up and a write.
func addOne(t *testing.T, s *store.Store) {
	t.Helper()
	k := store.Key{ID: "acme"}
	err := s.Update(t.Context(), []store.Key{k}, func(tx *store.Tx) error {
		return tx.Do(func() error { tx.Tenants.Edit(k).Quantity++; return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestLocks: a unit of work holds the lock of the owner, whatever of his it was told of.
func TestLocks(t *testing.T) {
	s := openPostgres(t, "")
	err := s.Update(t.Context(), nil, func(tx *store.Tx) error {
		return tx.Do(func() error {
			tx.Customers.Edit(store.Key{ID: "cus_linked"}).Tenant = "acme"
			tx.Customers.Edit(store.Key{ID: "cus_unlinked"}).Name = "nobody's"
			for object, customer := range map[string]string{"sub_linked": "cus_linked", "sub_unlinked": "cus_unlinked", "sub_early": "cus_unknown", "cus_linked": "cus_linked", "pm_loose": ""} {
				tx.Objects.Edit(store.Key{ID: object}).Customer = customer
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	for id, owner := range map[string]string{
		"cus_linked": "acme", "sub_linked": "acme", "cus_unlinked": "cus_unlinked", "sub_unlinked": "cus_unlinked",
		"sub_early": "cus_unknown", "pm_loose": "pm_loose", "never_heard_of": "never_heard_of",
	} {
		err := s.Update(t.Context(), []store.Key{{ID: id}, {ID: id}}, func(tx *store.Tx) error {
			return tx.Postgres(t.Context(), func(c *pgx.Conn) error {
				var all, right int
				err := c.QueryRow(t.Context(), `SELECT count(*), count(*) FILTER (WHERE (classid::bigint << 32) | objid::bigint = hashtextextended($1, 0))
					FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()`, " "+owner).Scan(&all, &right)
				if all != 1 || right != 1 {
					t.Errorf("%s: %d locks, %d of them that of %s", id, all, right, owner)
				}
				return err
			})
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// TestForget: where the server has dropped its prepared statements, as after a failover
// behind a pooler, or knows another schema than they were made for, the unit of work runs
// again with new ones.
func TestForget(t *testing.T) {
	for _, since := range []string{
		"DEALLOCATE ALL", // 26000
		`ALTER TABLE tenants ALTER COLUMN name TYPE TEXT COLLATE "POSIX"`, // 0A000: its result is another one
	} {
		t.Run(since, func(t *testing.T) {
			s := openPostgres(t, "")
			addOne(t, s)
			for _, c := range s.Pool().AcquireAllIdle(t.Context()) {
				if _, err := c.Conn().PgConn().Exec(t.Context(), since).ReadAll(); err != nil {
					t.Error(err)
				}
				c.Release()
			}
			addOne(t, s)
			if row, err := s.Reader().Tenant(t.Context(), store.Key{ID: "acme"}); err != nil || row.Quantity != 2 {
				t.Errorf("%+v, %v", row, err)
			}
		})
	}
}

// TestUnprepared: where the URL says so, as for a pooler that gives every transaction
// another connection, units of work do without prepared statements.
func TestUnprepared(t *testing.T) {
	for mode, want := range map[string]bool{"exec": false, "cache_statement": true} {
		t.Run(mode, func(t *testing.T) {
			s := openPostgres(t, "&default_query_exec_mode="+mode)
			addOne(t, s) // it is new
			addOne(t, s) // and then it is there
			if row, err := s.Reader().Tenant(t.Context(), store.Key{ID: "acme"}); err != nil || row.Quantity != 2 {
				t.Errorf("%+v, %v", row, err)
			}
			some := false
			for _, c := range s.Pool().AcquireAllIdle(t.Context()) {
				var n int
				if err := c.QueryRow(t.Context(), "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%tenants%'").Scan(&n); err != nil {
					t.Error(err)
				}
				some = some || n > 0
				c.Release()
			}
			if some != want {
				t.Errorf("there are prepared statements: %v", some)
			}
		})
	}
}

// TestWhileWaiting: others are let work once while PostgreSQL reads and once while it
// writes; SQLite is not waited for.
func TestWhileWaiting(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		k, calls := store.Key{ID: "acme"}, 0
		ctx := store.WhileWaiting(context.Background(), func() { calls++ })
		err := s.Update(ctx, nil, func(tx *store.Tx) error {
			return tx.Do(func() error { tx.Tenants.Edit(k).Quantity++; return nil })
		})
		want := 0
		if s.Waits() {
			want = 2
		}
		if err != nil || calls != want || s.Waits() != (s.Engine() == "postgres") {
			t.Errorf("%d calls, want %d; waits %v; %v", calls, want, s.Waits(), err)
		}
	})
}
