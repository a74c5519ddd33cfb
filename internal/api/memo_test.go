package api

import (
	"errors"
	"maps"
	"testing"
	"time"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/store"
)

func TestMemo(t *testing.T) {
	now, n, took := time.Unix(1000, 0), 0, time.Duration(0)
	var m memo[int]
	read := func() (int, error) { n++; now = now.Add(took); return n, nil }
	get := func() int {
		v, err := m.get(func() time.Time { return now }, read)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if a, b := get(), get(); a != 1 || b != 2 {
		t.Error("what is fast was kept:", a, b)
	}
	took = time.Second
	if a, b := get(), get(); a != 3 || b != 3 {
		t.Error("what is slow was not kept:", a, b)
	}
	now = now.Add(10*time.Second - 1)
	if a := get(); a != 3 {
		t.Error("kept for too short:", a)
	}
	now = now.Add(1)
	if a := get(); a != 4 {
		t.Error("kept for too long:", a)
	}
	now = now.Add(time.Minute)
	failure := errors.New("away")
	if _, err := m.get(func() time.Time { return now }, func() (int, error) { return 0, failure }); !errors.Is(err, failure) {
		t.Error(err)
	}
	if a := get(); a != 5 {
		t.Error("an error was kept:", a)
	}
	var of memos[int]
	if a := of.named("a"); a != of.named("a") || a == of.named("b") {
		t.Error("memos are mixed up")
	}
	for i := range 1000 {
		of.named(string(rune('A' + i)))
	}
	if len(of.of) > memosMost {
		t.Error(len(of.of))
	}
}

func TestMRR(t *testing.T) {
	catalog, err := billing.NewCatalog([]billing.Plan{
		{ID: "free", Default: true},
		{ID: "pro", Prices: []billing.Price{{ID: "price_known", Amount: 1200, Currency: "gbp", Interval: "year"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	type sold = map[store.RecurringPrice]int64
	for _, c := range []struct {
		name string
		sold sold
		want map[string]int64
	}{
		{"nothing", sold{}, map[string]int64{}},
		{"a month", sold{{Currency: "usd", UnitAmount: 2900, Interval: "month", IntervalCount: 1}: 3}, map[string]int64{"usd": 8700}},
		{"a quarter", sold{{Currency: "usd", UnitAmount: 1000, Interval: "month", IntervalCount: 3}: 1}, map[string]int64{"usd": 333}},
		{"a year, rounded up", sold{{Currency: "usd", UnitAmount: 29000, Interval: "year"}: 1}, map[string]int64{"usd": 2417}},
		{"weeks", sold{{Currency: "usd", UnitAmount: 1200, Interval: "week", IntervalCount: 2}: 1}, map[string]int64{"usd": 2600}},
		{"days", sold{{Currency: "usd", UnitAmount: 12, Interval: "day", IntervalCount: 1}: 1}, map[string]int64{"usd": 365}},
		{"rounded once", sold{{ID: "a", Currency: "usd", UnitAmount: 6, Interval: "year"}: 1, {ID: "b", Currency: "usd", UnitAmount: 6, Interval: "year"}: 1}, map[string]int64{"usd": 1}},
		{"fractions of a cent", sold{{Currency: "usd", UnitAmountDecimal: "0.055", Interval: "month"}: 1000}, map[string]int64{"usd": 55}},
		{"more than 32 bits", sold{{Currency: "jpy", UnitAmount: 5_000_000_000, Interval: "month"}: 2}, map[string]int64{"jpy": 10_000_000_000}},
		{"currencies apart", sold{{Currency: "usd", UnitAmount: 1, Interval: "month"}: 1, {Currency: "eur", UnitAmount: 2, Interval: "month"}: 1}, map[string]int64{"usd": 1, "eur": 2}},
		{"an amount that only the catalog knows", sold{{ID: "price_known", Currency: "usd"}: 2}, map[string]int64{"gbp": 200}},
		{"an amount that nobody knows", sold{{ID: "price_other", Currency: "usd"}: 2}, map[string]int64{}},
		{"Stripe's amount counts", sold{{ID: "price_known", Currency: "gbp", UnitAmount: 100, UnitAmountDecimal: "100", Interval: "month"}: 1}, map[string]int64{"gbp": 100}},
	} {
		if got := mrr(c.sold, catalog); !maps.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}
