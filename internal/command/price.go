package command

import (
	"slices"
	"strings"

	"github.com/bursarhq/bursar/billing"
)

// choice says which of a plan's prices is meant.
type choice struct{ plan, price, interval, currency string }

// priceFor is the one price of the plan that the choice leaves. Archived prices are
// not sold.
func priceFor(catalog *billing.Catalog, by choice) (billing.Plan, billing.Price, error) {
	plan, ok := catalog.Plan(by.plan)
	if !ok {
		return plan, billing.Price{}, invalid("plan", "there is no plan %q", by.plan)
	}
	var sold []billing.Price
	for _, p := range plan.Prices {
		if !p.Archived {
			sold = append(sold, p)
		}
	}
	if len(sold) == 0 {
		return plan, billing.Price{}, invalid("plan", "%s has no price that is sold", plan.ID)
	}
	if by.price != "" {
		i := slices.IndexFunc(sold, func(p billing.Price) bool { return p.ID == by.price })
		if i < 0 {
			return plan, billing.Price{}, invalid("price", "%q is no price of the plan %s that is sold", by.price, plan.ID)
		}
		sold = sold[i : i+1]
	}
	for _, f := range []struct {
		field, want string
		of          func(billing.Price) string
	}{
		{"interval", by.interval, func(p billing.Price) string { return p.Interval }},
		{"currency", strings.ToLower(by.currency), func(p billing.Price) string { return p.Currency }},
	} {
		if f.want == "" {
			continue
		}
		sold = slices.DeleteFunc(slices.Clone(sold), func(p billing.Price) bool { return f.of(p) != f.want })
		if len(sold) == 0 {
			return plan, billing.Price{}, invalid(f.field, "%s has no price with %s %s", plan.ID, f.field, f.want)
		}
	}
	if len(sold) > 1 {
		for _, field := range []string{"interval", "currency"} {
			if values := distinct(sold, field); len(values) > 1 {
				return plan, billing.Price{}, invalid(field, "%s is sold by more than one: say which of %s", plan.ID, strings.Join(values, ", "))
			}
		}
		return plan, billing.Price{}, invalid("price", "%s is sold at more than one: say which of %s", plan.ID, strings.Join(distinct(sold, "price"), ", "))
	}
	return plan, sold[0], nil
}

// distinct are the values that prices differ by, in the catalog's order.
func distinct(prices []billing.Price, field string) (values []string) {
	for _, p := range prices {
		v := map[string]string{"interval": p.Interval, "currency": p.Currency, "price": p.ID}[field]
		if !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	return values
}
