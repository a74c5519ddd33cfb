package apply_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
	"github.com/bursarhq/bursar/internal/stripe"
)

// BenchmarkApply applies batches of 64 subscription events about 5,000 tenants.
func BenchmarkApply(b *testing.B) {
	for _, engine := range []struct {
		name string
		url  func(testing.TB) string
	}{{"sqlite", storetest.MigratedSQLite}, {"postgres", storetest.Migrated}} {
		b.Run(engine.name, func(b *testing.B) {
			s, err := store.Open(b.Context(), engine.url(b), store.Options{Migrate: true})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			w := newWorld(b, s, apply.Policy{})
			n := 0
			batch := func() []*apply.Delivery {
				var out []*apply.Delivery
				for range 64 {
					n++
					o := sub(fmt.Sprintf("sub_%d", n%5000), "active", "price_pro")
					o["customer"], o["metadata"] = fmt.Sprintf("cus_%d", n%5000), obj{"tenant": fmt.Sprintf("t%d", n%5000)}
					body := w.event("customer.subscription.updated", int64(n/5000), o, obj{"quantity": 3})
					ev, err := stripe.ParseEvent(body)
					if err != nil {
						b.Fatal(err)
					}
					out = append(out, &apply.Delivery{Event: ev, Packed: store.Pack(body), Source: "webhook"})
				}
				return out
			}
			for range 5000/64 + 1 {
				w.e.Apply(b.Context(), batch())
			}
			var took time.Duration
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				b.StopTimer()
				events := batch()
				b.StartTimer()
				began := time.Now()
				for _, r := range w.e.Apply(b.Context(), events) {
					if r.Err != nil {
						b.Fatal(r.Err)
					}
				}
				took += time.Since(began)
			}
			b.ReportMetric(float64(took.Microseconds())/float64(b.N*64), "µs/event")
		})
	}
}
