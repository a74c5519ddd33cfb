package bursar_test

import (
	"context"
	"database/sql"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

// TestStoppedWhileSettling tells Run to stop in the middle of what new plans cause: that
// is no failure, and the next Run does the rest.
func TestStoppedWhileSettling(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		d := openDesk(t, url, bursar.Config{})
		const tenants = 3
		for i := range tenants {
			d.post(subscriptionEvent(eventID(i), i, time.Now()))
		}
		known := func() string {
			policy, err := d.b.Store().Meta(t.Context(), "policy")
			if err != nil {
				t.Error(err)
			}
			return policy
		}
		stop := d.run()
		eventually(t, 30*time.Second, "the plans are known", func() bool { return known() != "" })
		stop()
		was := known()

		more, err := billing.NewCatalog([]billing.Plan{
			{ID: "free", Name: "Free", Default: true},
			{ID: "pro", Name: "Pro", Features: map[string]any{"projects": int64(30)}, Prices: []billing.Price{{ID: "price_pro", Amount: 2900, Currency: "usd", Interval: "month"}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		d = openDesk(t, url, bursar.Config{Plans: more})
		running, cancel := context.WithCancel(t.Context())
		defer cancel()
		var told atomic.Int64
		d.b.On("entitlements.changed", func(context.Context, *sql.Tx, bursar.Change) error {
			told.Add(1)
			cancel()
			return nil
		})
		if err := d.b.Run(running); err != nil {
			t.Errorf("Run: %v", err)
		}
		if told.Load() != 1 || known() != was {
			t.Errorf("before the stop %d tenants were told, and the plans are %s", told.Load(), known())
		}
		d.run()() // nor is a stop before anything is done
		d.run()
		eventually(t, 30*time.Second, "the new plans are known", func() bool { return known() != was })
		if told.Load() != 1+tenants { // the first was rolled back
			t.Errorf("%d tenants were told", told.Load())
		}
	})
}
