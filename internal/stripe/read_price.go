package stripe

// ReadPrice reads a price, or a legacy plan, which has amount for unit_amount,
// recurs always, and keeps at the top what a price has in recurring.
func ReadPrice(v Value) Price {
	recurring := v.member("recurring")
	p := Price{
		ID:                ref(v.member("id")),
		Product:           ref(v.member("product")),
		Nickname:          text(v.member("nickname"), v.member("name")),
		LookupKey:         v.member("lookup_key").text(),
		Active:            v.member("active").Bool(),
		Deleted:           v.member("deleted").Bool(),
		Currency:          v.member("currency").text(),
		UnitAmount:        integral(v.member("unit_amount"), v.member("amount"), v.member("unit_amount_decimal")),
		UnitAmountDecimal: unitAmountDecimal(v),
		Type:              v.member("type").text(),
		Interval:          text(recurring.member("interval"), v.member("interval")),
		IntervalCount:     integral(recurring.member("interval_count"), v.member("interval_count")),
		UsageType:         text(recurring.member("usage_type"), v.member("usage_type")),
		BillingScheme:     v.member("billing_scheme").text(),
		TrialPeriodDays:   integral(recurring.member("trial_period_days"), v.member("trial_period_days")),
		Created:           v.member("created").Time(),
	}
	if p.Type == "" && p.Interval != "" {
		p.Type = "recurring"
	}
	return p
}
