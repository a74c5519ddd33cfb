package billing_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bursarhq/bursar/billing"
)

// shop returns a new catalog's plans, for a test to spoil.
func shop() []billing.Plan {
	return []billing.Plan{
		{ID: "free", Name: "Free", Default: true, Features: map[string]any{"projects": 1, "sso": false}},
		{ID: "pro", Description: "For teams", TrialDays: 14, Features: map[string]any{"projects": uint64(20), "sso": true}, Prices: []billing.Price{
			{ID: "price_month", Amount: 2900, Currency: "usd", Interval: "month"},
			{ID: "price_old", Amount: 1900, Currency: "usd", Interval: "month", Archived: true},
		}},
	}
}

func newCatalog(t *testing.T, plans []billing.Plan) *billing.Catalog {
	t.Helper()
	c, err := billing.NewCatalog(plans)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCatalogAnswers(t *testing.T) {
	c := newCatalog(t, shop())
	if p := c.Default(); p.ID != "free" {
		t.Errorf("default is %q", p.ID)
	}
	p, price, ok := c.ByPrice("price_old")
	if !ok || p.ID != "pro" || !price.Archived || price.Amount != 1900 {
		t.Errorf("price_old is %v %v %v", p.ID, price, ok)
	}
	if p, ok := c.Plan("pro"); !ok || p.Name != "pro" || p.TrialDays != 14 {
		t.Errorf("pro is %+v, %v", p, ok)
	}
	if _, ok := c.Plan("gone"); ok {
		t.Error("there is a plan gone")
	}
	if _, _, ok := c.ByPrice("price_gone"); ok {
		t.Error("there is a price_gone")
	}
	var ids []string
	for _, p := range c.Plans() {
		ids = append(ids, p.ID)
	}
	if diff := cmp.Diff([]string{"free", "pro"}, ids); diff != "" {
		t.Error(diff)
	}
}

func TestCatalogJSON(t *testing.T) {
	got, err := json.Marshal(newCatalog(t, shop()).Plans()[1])
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"pro","name":"pro","description":"For teams","default":false,"trial_days":14,` +
		`"features":{"projects":20,"sso":true},"prices":[` +
		`{"id":"price_month","amount":2900,"currency":"usd","interval":"month","archived":false},` +
		`{"id":"price_old","amount":1900,"currency":"usd","interval":"month","archived":true}]}`
	if string(got) != want {
		t.Errorf("have %s\nwant %s", got, want)
	}
	free, err := json.Marshal(billing.Builtin().Default())
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"id":"free","name":"Free","description":"","default":true,"trial_days":0,"features":{},"prices":[]}`; string(free) != want {
		t.Errorf("have %s\nwant %s", free, want)
	}
}

func TestCatalogIsItsOwn(t *testing.T) {
	plans := shop()
	c := newCatalog(t, plans)
	plans[1].Features["projects"] = int64(999)
	plans[1].Prices[0].Amount = 1
	c.Plans()[0].ID = "changed"
	if p, _ := c.Plan("pro"); p.Features["projects"] != int64(20) || p.Prices[0].Amount != 2900 {
		t.Errorf("the caller's change reaches the catalog: %+v", p)
	}
	if p := c.Default(); p.ID != "free" {
		t.Errorf("a change of what Plans returns reaches the catalog: %+v", p)
	}
}

func TestCatalogRefuses(t *testing.T) {
	long := strings.Repeat("x", 129)
	for _, test := range []struct {
		want  string
		spoil func([]billing.Plan) []billing.Plan
	}{
		{"plans: exactly one plan must have default: true, and none has", func([]billing.Plan) []billing.Plan { return nil }},
		{"plans: exactly one", func(p []billing.Plan) []billing.Plan { p[0].Default = false; return p }},
		{`plans[1].default: exactly one plan must have default: true, and "free" has it already`, func(p []billing.Plan) []billing.Plan { p[1].Default = true; return p }},
		{`plans[0].id: "" is not`, func(p []billing.Plan) []billing.Plan { p[0].ID = ""; return p }},
		{`plans[0].id: "a plan" is not`, func(p []billing.Plan) []billing.Plan { p[0].ID = "a plan"; return p }},
		{`plans[0].id: "free\n" is not`, func(p []billing.Plan) []billing.Plan { p[0].ID = "free\n"; return p }},
		{`plans[1].id: "` + long, func(p []billing.Plan) []billing.Plan { p[1].ID = long; return p }},
		{`plans[1].id: a second plan "free"`, func(p []billing.Plan) []billing.Plan { p[1].ID = "free"; return p }},
		{"plans[1].trial_days: -1 is not", func(p []billing.Plan) []billing.Plan { p[1].TrialDays = -1; return p }},
		{"plans[1].trial_days: 731 is not", func(p []billing.Plan) []billing.Plan { p[1].TrialDays = 731; return p }},
		{"plans[1].features: x has a value that JSON does not have", func(p []billing.Plan) []billing.Plan { p[1].Features["x"] = math.NaN(); return p }},
		{"plans[1].features: x has a value that JSON does not have", func(p []billing.Plan) []billing.Plan { p[1].Features["x"] = []any{math.Inf(-1)}; return p }},
		{"plans[1].features: x has a value that JSON does not have: struct {}", func(p []billing.Plan) []billing.Plan { p[1].Features["x"] = struct{}{}; return p }},
		{`plans[1].prices[0].id: "" is not`, func(p []billing.Plan) []billing.Plan { p[1].Prices[0].ID = ""; return p }},
		{`plans[1].prices[0].id: "price 1" is not`, func(p []billing.Plan) []billing.Plan { p[1].Prices[0].ID = "price 1"; return p }},
		{`plans[1].prices[1].id: price "price_month" is in plan "pro" already`, func(p []billing.Plan) []billing.Plan { p[1].Prices[1].ID = "price_month"; return p }},
		{`plans[1].prices[0].id: price "price_month" is in plan "free" already`, func(p []billing.Plan) []billing.Plan { p[0].Prices = p[1].Prices[:1]; return p }},
		{"plans[1].prices[0].amount: -1 is negative", func(p []billing.Plan) []billing.Plan { p[1].Prices[0].Amount = -1; return p }},
		{`plans[1].prices[0].currency: "USD" is not`, func(p []billing.Plan) []billing.Plan { p[1].Prices[0].Currency = "USD"; return p }},
		{`plans[1].prices[0].currency: "usdx" is not`, func(p []billing.Plan) []billing.Plan { p[1].Prices[0].Currency = "usdx"; return p }},
		{`plans[1].prices[0].interval: "monthly" is not`, func(p []billing.Plan) []billing.Plan { p[1].Prices[0].Interval = "monthly"; return p }},
	} {
		t.Run(test.want, func(t *testing.T) {
			_, err := billing.NewCatalog(test.spoil(shop()))
			var wrong *billing.CatalogError
			if !errors.As(err, &wrong) || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("have %v", err)
			}
		})
	}
}

func TestCatalogHash(t *testing.T) {
	// Stored beside what was computed from a catalog, so it may not change
	// with a release: the SHA-256 of the plans as JSON.
	const builtin = "a71edf4a0ef49f8d40821777cd0398e399e30cdf355804ee90246135fb75607f"
	if hash := billing.Builtin().Hash(); hash != builtin {
		t.Errorf("the built-in catalog's hash is %s", hash)
	}
	base := newCatalog(t, shop()).Hash()
	if again := newCatalog(t, shop()).Hash(); again != base {
		t.Errorf("%s, then %s", base, again)
	}
	for name, change := range map[string]func([]billing.Plan){
		"feature": func(p []billing.Plan) { p[1].Features["projects"] = 21 },
		"price":   func(p []billing.Plan) { p[1].Prices[1].Archived = false },
		"order":   func(p []billing.Plan) { p[0], p[1] = p[1], p[0] },
		"name":    func(p []billing.Plan) { p[0].Name = "Gratis" },
	} {
		plans := shop()
		change(plans)
		if newCatalog(t, plans).Hash() == base {
			t.Errorf("another %s, the same hash", name)
		}
	}
}
