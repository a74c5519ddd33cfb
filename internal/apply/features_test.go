package apply_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/outbound"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

// withFeatures is the tests' catalog with other features of pro.
func withFeatures(tb testing.TB, pro map[string]any) *billing.Catalog {
	tb.Helper()
	plans := catalog(tb).Plans()
	plans[1].Features = pro
	c, err := billing.NewCatalog(plans)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// TestToldOfOtherFeatures: where the catalog's features are other ones than before,
// each tenant whom that concerns is told once, also where the walk over the tenants is
// broken off, and several processes walk.
func TestToldOfOtherFeatures(t *testing.T) {
	const tenants = 240 // every other one has pro: more than are settled at once
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, apply.Policy{Outbound: listeners})
		var bodies [][]byte
		for n := range tenants {
			tenant, customer := fmt.Sprintf("tenant%03d", n), fmt.Sprintf("cus_%d", n)
			bodies = append(bodies, w.event("customer.updated", 0, obj{"id": customer, "object": "customer", "metadata": obj{"tenant": tenant}}))
			if n%2 == 0 {
				pro := sub("sub_"+tenant, "active", "price_pro")
				pro["customer"] = customer
				bodies = append(bodies, w.event("customer.subscription.updated", 1, pro))
			}
		}
		w.deliver(bodies...)
		was := w.outgoing("app")
		again := func(features map[string]any) *apply.Engine {
			return newWorld(t, s, apply.Policy{Outbound: listeners, Catalog: withFeatures(t, features)}).e
		}

		// The process is killed when it has told some.
		left, killed := 1, errors.New("killed")
		s.Enqueue = func(context.Context, *store.Tx, map[string]int64) error {
			if left--; left < 0 {
				return killed
			}
			return nil
		}
		features := map[string]any{"projects": int64(50), "share": 0.5, "big": int64(1) << 60}
		if _, _, err := again(features).Recompute(t.Context()); !errors.Is(err, killed) {
			t.Fatal(err)
		}
		s.Enqueue = nil
		if told := len(w.outgoing("app")) - len(was); told == 0 || told >= tenants/2 {
			t.Fatalf("%d of %d were told before the process was killed", told, tenants/2)
		}
		var both sync.WaitGroup
		for range 2 {
			e := again(features)
			both.Go(func() {
				if _, _, err := e.Recompute(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		wantTold(t, s, len(was), tenants/2, `{"big":1152921504606846976,"projects":50,"share":0.5} was {"projects":20} by policy`)
		// What was told is told, whoever walks, and whatever is applied again.
		e := again(features)
		if _, _, err := e.Recompute(t.Context()); err != nil {
			t.Fatal(err)
		}
		for n := range w.n {
			if _, err := e.Replay(t.Context(), store.Key{ID: fmt.Sprintf("evt_%04d", n+1)}); err != nil {
				t.Fatal(err)
			}
		}
		wantTold(t, s, len(was)+tenants/2, 0, "")
		// Back again is news again, and what was before is what was told.
		if _, _, err := again(map[string]any{"projects": int64(20)}).Recompute(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantTold(t, s, len(was)+tenants/2, tenants/2, `{"projects":20} was {"big":1152921504606846976,"projects":50,"share":0.5} by policy`)
	})
}

// wantTold wants so many more events, each of another tenant and all with the same gist.
func wantTold(t *testing.T, s *store.Store, skip, n int, gist string) {
	t.Helper()
	rows, err := s.Writer().Query(`SELECT tenant, data FROM effects WHERE kind = 'outbound/app' ORDER BY seq`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	got := map[string][]string{}
	for i := 0; rows.Next(); i++ {
		var tenant, data string
		if err := rows.Scan(&tenant, &data); err != nil {
			t.Fatal(err)
		}
		var e struct {
			outbound.Event
			Data struct {
				Entitlements, Previous struct{ Features json.RawMessage }
			} `json:"data"`
		}
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			t.Fatal(err)
		}
		if i >= skip {
			got[tenant] = append(got[tenant], fmt.Sprintf("%s was %s by %s", e.Data.Entitlements.Features, e.Data.Previous.Features, e.Cause.Actor))
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{}
	for i := range n {
		want[fmt.Sprintf("tenant%03d", 2*i)] = []string{gist}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("told (- wanted, + got):\n%s", diff)
	}
}
