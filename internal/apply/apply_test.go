package apply_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
	"github.com/bursarhq/bursar/internal/stripe"
)

func TestMain(m *testing.M) { storetest.Main(m) }

func catalog(tb testing.TB) *billing.Catalog {
	tb.Helper()
	c, err := billing.NewCatalog([]billing.Plan{
		{ID: "free", Name: "Free", Default: true, Features: map[string]any{"projects": int64(1)}},
		{
			ID: "pro", Name: "Pro", Features: map[string]any{"projects": int64(20)},
			Prices: []billing.Price{
				{ID: "price_pro", Amount: 2900, Currency: "usd", Interval: "month"}, {ID: "price_pro_monthly", Amount: 2900, Currency: "usd", Interval: "month"},
			},
		},
		{ID: "team", Name: "Team", Prices: []billing.Price{{ID: "price_team", Amount: 9900, Currency: "usd", Interval: "month"}}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

type world struct {
	testing.TB
	s *store.Store
	e *apply.Engine
	n int
}

func newWorld(tb testing.TB, s *store.Store, p apply.Policy) *world {
	tb.Helper()
	if p.Catalog == nil {
		p.Catalog = catalog(tb)
	}
	e, err := apply.New(context.Background(), s, p, "", slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	return &world{TB: tb, s: s, e: e}
}

type obj = map[string]any

// event builds an event; at is in seconds from the world's beginning.
func (w *world) event(typ string, at int64, object obj, previous ...obj) []byte {
	w.Helper()
	w.n++
	data := obj{"object": object}
	if len(previous) > 0 {
		data["previous_attributes"] = previous[0]
	}
	b, err := json.Marshal(obj{
		"id": fmt.Sprintf("evt_%04d", w.n), "object": "event", "type": typ, "api_version": "2025-11-17.clover",
		"created": time.Now().Unix() + at, "livemode": false, "data": data, "request": nil, "pending_webhooks": 1,
	})
	if err != nil {
		w.Fatal(err)
	}
	return b
}

func (w *world) deliver(bodies ...[]byte) []string {
	w.Helper()
	var batch []*apply.Delivery
	for _, b := range bodies {
		ev, err := stripe.ParseEvent(b)
		if err != nil {
			w.Fatal(err)
		}
		batch = append(batch, &apply.Delivery{Event: ev, Packed: store.Pack(b), Source: "webhook"})
	}
	var out []string
	for _, r := range w.e.Apply(context.Background(), batch) {
		if r.Err != nil {
			w.Fatal(r.Err)
		}
		if r.Status == store.Failed {
			w.Fatalf("failed: %s", r.Reason)
		}
		out = append(out, r.Status)
	}
	return out
}

func sub(id, status, price string) obj {
	return obj{
		"id": id, "object": "subscription", "customer": "cus_1", "status": status, "created": 1700000000, "currency": "usd", "metadata": obj{},
		"items": obj{"object": "list", "data": []any{obj{
			"id": "si_1", "object": "subscription_item", "quantity": 2,
			"current_period_start": 1700000000, "current_period_end": 1702592000, "price": obj{"id": price, "object": "price"},
		}}},
	}
}

func TestSubscriptionGivesPlan(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, apply.Policy{})
		created := w.event("customer.subscription.created", 0, sub("sub_1", "active", "price_pro"))
		got := w.deliver(created, created)
		if fmt.Sprint(got) != "[parked duplicate]" {
			t.Fatalf("got %v", got)
		}
		session := w.event("checkout.session.completed", 1, obj{
			"id": "cs_1", "object": "checkout.session", "customer": "cus_1",
			"client_reference_id": "acme", "mode": "subscription", "subscription": "sub_1", "metadata": obj{},
		})
		if got := w.deliver(session); got[0] != "applied" {
			t.Fatal(got)
		}
		var plan, status string
		var access bool
		if err := s.Writer().QueryRow(`SELECT plan, status, access FROM tenants WHERE id = 'acme'`).Scan(&plan, &status, &access); err != nil {
			t.Fatal(err)
		}
		if plan != "pro" || status != "active" || !access {
			t.Fatal(plan, status, access)
		}
		var st string
		if err := s.Writer().QueryRow(`SELECT status FROM inbox WHERE event_id = 'evt_0001'`).Scan(&st); err != nil || st != "applied" {
			t.Fatal(st, err)
		}
	})
}
