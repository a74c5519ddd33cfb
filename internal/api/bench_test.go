package api_test

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

var tenants = flag.Int("tenants", 100_000, "how many tenants the benchmarks read from")

// fill makes tenants t0, t1, … in the database itself.
func fill(b *testing.B, s *store.Store) {
	b.Helper()
	series := fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d) ", *tenants-1)
	if _, err := s.Writer().Exec(`INSERT INTO tenants (account, livemode, id, name, email, metadata, stripe_name, stripe_email, stripe_customer_id, plan, status,
		status_reason, access, quantity, valid_until, subscription, payment_method, stripe_features, timeline, created_at, updated_at, erased_at, rev) ` + series + `
		SELECT '', FALSE, 't' || i, 'Tenant ' || i, 'owner' || i || '@example.com', '{}', '', '', 'cus_' || i, 'pro', 'active',
		'', TRUE, 1, 1775044800, 'sub_' || i, 'pm_' || i, '[]', 3, 1772366400000000 + i, 1772366400000000 + i, 0, 1 FROM n`); err != nil {
		b.Fatal(err)
	}
	if s.Engine() == "postgres" {
		if _, err := s.Writer().Exec(`VACUUM ANALYZE tenants`); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEntitlements compares the median of a bare read by the primary key with the
// reader's and with a whole request but for the network. They take turns, so that
// whatever else the machine does meets all three.
func BenchmarkEntitlements(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			url := storetest.MigratedSQLite
			if engine == "postgres" {
				url = storetest.Migrated
			}
			benchEntitlements(b, url(b))
		})
	}
}

func benchEntitlements(b *testing.B, url string) {
	ctx, c := context.Background(), newClock()
	s, err := store.Open(ctx, url, store.Options{Migrate: true, Now: c.now})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	fill(b, s)
	const query = `SELECT plan FROM tenants WHERE account = $1 AND livemode = $2 AND id = $3`
	bare := func(id string) *sql.Row { return s.Writer().QueryRowContext(ctx, query, "", false, id) }
	if s.Engine() == "sqlite" { // pgx prepares by itself
		st, err := s.Writer().PrepareContext(ctx, query)
		if err != nil {
			b.Fatal(err)
		}
		defer st.Close()
		bare = func(id string) *sql.Row { return st.QueryRowContext(ctx, "", false, id) }
	}
	w, r := newWorld(b, s, c), s.Reader()
	turns := []struct {
		name string
		read func(id string) error
		took []time.Duration
	}{
		{name: "bare", read: func(id string) error {
			var plan string
			return bare(id).Scan(&plan)
		}},
		{name: "reader", read: func(id string) error {
			_, err := r.Entitlement(ctx, store.Key{ID: id})
			return err
		}},
		{name: "request", read: func(id string) error {
			r := httptest.NewRequest(http.MethodGet, "/v1/tenants/"+id+"/entitlements", nil)
			r.Header.Set("Authorization", "Bearer "+masterKey)
			answer := httptest.NewRecorder()
			if w.api.ServeHTTP(answer, r); answer.Code != http.StatusOK {
				return fmt.Errorf("%d: %s", answer.Code, answer.Body)
			}
			return nil
		}},
	}
	for b.Loop() {
		for i := range turns {
			id := fmt.Sprintf("t%d", rand.IntN(*tenants))
			began := time.Now()
			if err := turns[i].read(id); err != nil {
				b.Fatal(err)
			}
			turns[i].took = append(turns[i].took, time.Since(began))
		}
	}
	for _, turn := range turns {
		slices.Sort(turn.took)
		b.ReportMetric(float64(turn.took[len(turn.took)/2].Nanoseconds()), turn.name+"-ns")
	}
	b.ReportMetric(0, "ns/op") // the sum of the three says nothing
}
