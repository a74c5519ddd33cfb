package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bursarhq/bursar/billing"
)

const shop = `plans:
  - id: free
    name: Free
    default: true
    features: {projects: 1, sso: false}
  - id: pro
    name: Pro
    description: For teams
    trial_days: 14
    features: {projects: 20, sso: true, regions: [eu, us], limit: 1.5, none: null}
    prices:
      - {id: price_month, amount: 2900, currency: usd, interval: month}
      - {id: price_year, amount: 29_000, currency: usd, interval: year, archived: true}
`

func TestParsePlans(t *testing.T) {
	got, err := parsePlans([]byte(shop))
	if err != nil {
		t.Fatal(err)
	}
	want := []billing.Plan{
		{ID: "free", Name: "Free", Default: true, Features: map[string]any{"projects": int64(1), "sso": false}, Prices: []billing.Price{}},
		{
			ID: "pro", Name: "Pro", Description: "For teams", TrialDays: 14,
			Features: map[string]any{"projects": int64(20), "sso": true, "regions": []any{"eu", "us"}, "limit": 1.5, "none": nil},
			Prices: []billing.Price{
				{ID: "price_month", Amount: 2900, Currency: "usd", Interval: "month"},
				{ID: "price_year", Amount: 29000, Currency: "usd", Interval: "year", Archived: true},
			},
		},
	}
	if diff := cmp.Diff(want, got.Plans()); diff != "" {
		t.Error(diff)
	}
}

// TestParsePlansPoints spoils the file and wants the error to point at the
// spot.
func TestParsePlansPoints(t *testing.T) {
	for _, test := range []struct{ old, new, want, line string }{
		{"amount: 2900,", "amount: 29.5,", "[12:35] plans[1].prices[0].amount: not a whole number", "amount: 29.5"},
		{"amount: 2900,", "amount: '2900',", "[12:35] plans[1].prices[0].amount: not a whole number", "'2900'"},
		{"amount: 2900, ", "", "[12:9] plans[1].prices[0].amount: not a whole number", "id: price_month"},
		{"amount: 2900,", "amount: -2900,", "[12:35] plans[1].prices[0].amount: -2900 is negative", "-2900"},
		{"amount: 2900,", "amount: 99999999999999999999,", "[12:35] plans[1].prices[0].amount: not a whole number", "9999"},
		{"currency: usd, interval: month", "currency: USD, interval: month", `[12:51] plans[1].prices[0].currency: "USD" is not`, "USD"},
		{"currency: usd, interval: month", "currency: usd", `plans[1].prices[0].interval: "" is not`, "price_month"},
		{"price_year", "price_month", `[13:14] plans[1].prices[1].id: price "price_month" is in plan "pro" already`, "29_000"},
		{"trial_days: 14", "trial_days: 14.5", "[9:17] plans[1].trial_days: not a whole number", "14.5"},
		{"trial_days: 14", "trial_days: 9999", "[9:17] plans[1].trial_days: 9999 is not between", "9999"},
		{"trial_days: 14", "trial_day: 14", `[9:5] unknown field "trial_day"`, "trial_day: 14"},
		{"archived: true", "archived: yes", "[13:83] cannot unmarshal", "archived: yes"},
		{"    default: true\n", "", "[2:3] plans: exactly one plan must have default: true, and none has", "id: free"},
		{"  - id: pro\n    name: Pro", "  - id: pro\n    id: Pro", `[7:5] mapping key "id" already defined`, "id: Pro"},
		{"id: pro", "id: a plan", `[6:9] plans[1].id: "a plan" is not`, "a plan"},
		{"limit: 1.5", "limit: .nan", "[10:15] plans[1].features: limit has a value that JSON does not have", "limit: .nan"},
		{"plans:\n", "plan:\n", `[1:1] unknown field "plan"`, "plan:"},
		{"plans:\n", "a: 1\n---\nplans:\n", "[2:1] a second document", "---"},
	} {
		t.Run(test.want, func(t *testing.T) {
			if strings.Count(shop, test.old) != 1 {
				t.Fatalf("%q is not in the file once", test.old)
			}
			_, err := parsePlans([]byte(strings.Replace(shop, test.old, test.new, 1)))
			if err == nil {
				t.Fatal("no error")
			}
			first, rest, _ := strings.Cut(err.Error(), "\n")
			if !strings.Contains(first, test.want) || !strings.Contains(rest, test.line) || !strings.Contains(rest, "^") {
				t.Errorf("have\n%v", err)
			}
		})
	}
}

func TestLoadPlans(t *testing.T) {
	t.Chdir(t.TempDir())
	c, from, err := LoadPlans("")
	if err != nil || from != "" || c.Hash() != billing.Builtin().Hash() {
		t.Errorf("without a file: %q, %v", from, err)
	}
	if _, _, err := LoadPlans("plans.yaml"); err == nil || !strings.HasPrefix(err.Error(), "BURSAR_PLANS: open plans.yaml") {
		t.Errorf("a file that is named and missing: %v", err)
	}
	write(t, "plans.yaml", shop)
	c, from, err = LoadPlans("")
	if err != nil || from != "plans.yaml" || len(c.Plans()) != 2 {
		t.Errorf("plans.yaml: %q, %v", from, err)
	}
	elsewhere := filepath.Join(t.TempDir(), "shop.yaml")
	write(t, elsewhere, strings.Replace(shop, "id: pro", "id: team", 1))
	c, from, err = LoadPlans(elsewhere)
	if err != nil || from != elsewhere {
		t.Fatalf("elsewhere: %q, %v", from, err)
	}
	if _, ok := c.Plan("team"); !ok {
		t.Error("the file that is named is not the one that is read")
	}
	for _, content := range []string{"", "# nothing yet\n", "plans: []\n"} {
		write(t, "plans.yaml", content)
		if _, _, err := LoadPlans(""); err == nil || !strings.HasPrefix(err.Error(), "plans.yaml: ") || !strings.Contains(err.Error(), "none has") {
			t.Errorf("%q: %v", content, err)
		}
	}
	if err := os.Mkdir("folder", 0o700); err != nil {
		t.Fatal(err)
	}
	if _, _, err := LoadPlans("folder"); err == nil {
		t.Error("a folder is read")
	}
}
