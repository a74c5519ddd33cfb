package stripetest

import "strconv"

// taxRate is https://docs.stripe.com/api/tax_rates/object.
type taxRate struct {
	base
	name, country, kind string
	percent             float64
	inclusive, active   bool
}

func (t *taxRate) render() Object {
	return Object{
		"id": t.id, "object": "tax_rate", "active": t.active, "country": optional(t.country),
		"created": t.created, "description": nil, "display_name": t.name,
		"effective_percentage": t.percent, "flat_amount": nil, "inclusive": t.inclusive,
		"jurisdiction": optional(t.country), "jurisdiction_level": "country",
		"livemode": t.acct.cfg.Livemode, "metadata": metadata(t.metadata), "percentage": t.percent,
		"rate_type": "percentage", "state": nil, "tax_type": t.kind,
	}
}

func createTaxRate(a *Account, r apiRequest) (Object, *Error) {
	in := r.params
	in.need("percentage")
	t := &taxRate{
		base: a.newBase(a.ids.long("txr", a.now)), name: in.need("display_name"), country: in.str("country"),
		percent: in.number("percentage"), inclusive: in.boolean("inclusive"), active: true,
		kind: in.oneOf("tax_type", "vat", "gst", "sales_tax", "hst", "pst", "qst", "jct"),
	}
	t.metadata = in.mergeMetadata(nil)
	if !in.has("inclusive") {
		return nil, missingParam("inclusive")
	}
	if err := in.err(); err != nil {
		return nil, err
	}
	add(a, &a.taxRates, t)
	a.emit("tax_rate.created", t)
	return t.render(), nil
}

func listTaxRates(a *Account, r apiRequest) (Object, *Error) {
	active := r.params.at("active")
	return page(a, r, a.taxRates.order, func(t *taxRate) bool {
		return !active.leaf || active.value == strconv.FormatBool(t.active)
	})
}

func (a *Account) taxRatesOf(in *params, key string) ([]*taxRate, *Error) {
	var out []*taxRate
	for i, id := range in.strings(key) {
		t, ok := a.taxRates.get(id)
		if !ok {
			return nil, noSuchParam("tax rate", id, in.at(key).name+"["+strconv.Itoa(i)+"]")
		}
		out = append(out, t)
	}
	return out, in.err()
}

// standardRates are the general VAT rates that automatic tax applies by the
// country of the customer's address; a country that is not here has none.
// A simplification: Stripe Tax knows products, states and registrations.
var standardRates = map[string]float64{
	"AT": 20, "BE": 21, "DE": 19, "DK": 25, "ES": 21, "FI": 25.5, "FR": 20, "GB": 20,
	"IE": 23, "IT": 22, "NL": 21, "NO": 25, "PL": 23, "PT": 23, "SE": 25, "CH": 8.1,
}

// automaticRate is the rate by the customer's address; it exists from its
// first use.
func (a *Account) automaticRate(c *customer) *taxRate {
	country := c.address.Str("country")
	percent, taxed := standardRates[country]
	if !taxed {
		return nil
	}
	for _, t := range a.taxRates.order {
		if t.metadata["automatic"] == country {
			return t
		}
	}
	t := &taxRate{
		base: a.newBase(a.ids.long("txr", a.now)), name: "VAT", country: country,
		percent: percent, kind: "vat", active: true,
	}
	t.metadata["automatic"] = country
	add(a, &a.taxRates, t)
	return t
}

// taxAmount is one rate's tax on one amount.
type taxAmount struct {
	rate      *taxRate
	amount    int64
	taxable   int64
	inclusive bool
	reason    string
}

func (t taxAmount) render() Object {
	behavior := "exclusive"
	if t.inclusive {
		behavior = "inclusive"
	}
	return Object{
		"amount": t.amount, "tax_behavior": behavior, "taxability_reason": t.reason,
		"taxable_amount": t.taxable, "type": "tax_rate_details",
		"tax_rate_details": Object{"tax_rate": t.rate.id},
		"_rate":            t.rate.render(),
	}
}

// taxesOn is the tax on a net line. A reverse-charge or exempt customer is
// shown the rate with no amount.
func taxesOn(c *customer, rates []*taxRate, amount int64, behavior string) []taxAmount {
	var out []taxAmount
	for _, rate := range rates {
		t := taxAmount{rate: rate, taxable: amount, reason: "standard_rated"}
		t.inclusive = rate.inclusive || behavior == "inclusive" && rate.metadata["automatic"] != ""
		switch {
		case c.taxExempt == "exempt":
			t.reason = "customer_exempt"
		case c.taxExempt == "reverse":
			t.reason = "reverse_charge"
		case t.inclusive:
			t.amount = amount - share(amount, 100_000_000, 100_000_000+int64(rate.percent*1_000_000))
			t.taxable = amount - t.amount
		default:
			t.amount = percentOf(amount, rate.percent)
		}
		out = append(out, t)
	}
	return out
}
