package stripetest

// What 2025-03-31.basil moved, put back where it was.
// https://docs.stripe.com/changelog/basil

func subscriptionBeforeBasil(o Object, _ string) {
	items, _ := o.Get("items.data").([]any)
	var start, end any
	for _, value := range items {
		item := value.(Object)
		// The items' own changes have been undone by now, so the period is
		// read from where it was kept.
		start, end = item["_start"], item["_end"]
	}
	o["current_period_start"], o["current_period_end"] = start, end
	o["discount"] = o["_discount"]
	o["plan"], o["quantity"] = nil, nil
	if len(items) == 1 {
		item := items[0].(Object)
		o["plan"], o["quantity"] = item["plan"], item["quantity"]
	}
}

func scheduleBeforeBasil(o Object, _ string) {
	phases, _ := cloneValue(o["phases"]).([]any)
	o["phases"] = phases
	for _, value := range phases {
		phase := value.(Object)
		phase["coupon"] = nil
		items, _ := phase["items"].([]any)
		for _, value := range items {
			item := value.(Object)
			item["plan"] = item["_plan"]
		}
	}
}

func invoiceBeforeBasil(o Object, version string) {
	o["subscription"] = nil
	o["subscription_details"] = Object{"metadata": nil}
	if details, ok := o.Get("parent.subscription_details").(Object); ok {
		o["subscription"] = details["subscription"]
		o["subscription_details"] = Object{"metadata": details["metadata"]}
		if date, ok := details["subscription_proration_date"]; ok {
			o["subscription_proration_date"] = date
		}
	}
	o["paid"], o["paid_out_of_band"] = o["_paid"], o["_paid_out_of_band"]
	o["charge"], o["payment_intent"] = o["_charge"], o["_payment_intent"]
	o["discount"] = o["_discount"]
	o["quote"], o["application_fee_amount"], o["transfer_data"] = nil, nil, nil
	taxes, _ := o["total_taxes"].([]any)
	o["total_tax_amounts"] = taxAmounts(taxes)
	o["tax"] = nil
	var sum int64
	for _, tax := range taxes {
		sum += tax.(Object).Int("amount")
	}
	if len(taxes) > 0 {
		o["tax"] = sum
	}
	if hybrid(version) {
		o["parent"] = nil
		return
	}
	for _, key := range [...]string{"parent", "total_taxes", "amount_overpaid", "total_pretax_credit_amounts", "payments"} {
		delete(o, key)
	}
}

func taxAmounts(taxes []any) []any {
	return each(taxes, func(value any) any {
		tax := value.(Object)
		return Object{
			"amount": tax["amount"], "inclusive": tax["tax_behavior"] == "inclusive",
			"tax_rate": tax.Get("tax_rate_details.tax_rate"), "taxability_reason": tax["taxability_reason"],
			"taxable_amount": tax["taxable_amount"],
		}
	})
}

func taxRates(taxes []any) []any {
	return each(taxes, func(value any) any { return value.(Object)["_rate"] })
}

func lineBeforeBasil(o Object, version string) {
	kind := "invoiceitem"
	details, ok := o.Get("parent.invoice_item_details").(Object)
	if !ok {
		details, _ = o.Get("parent.subscription_item_details").(Object)
		kind = "subscription"
		if details["invoice_item"] != nil {
			kind = "invoiceitem"
		}
	}
	o["type"] = kind
	o["subscription"] = details["subscription"]
	if item, ok := details["subscription_item"]; ok {
		o["subscription_item"] = item
	}
	if item := details["invoice_item"]; item != nil {
		o["invoice_item"] = item
	}
	o["proration"], o["proration_details"] = details["proration"], details["proration_details"]
	o["price"], o["plan"] = o["_price"], o["_plan"]
	o["unit_amount_excluding_tax"] = o["_unit_amount"]
	taxes, _ := o["taxes"].([]any)
	o["tax_amounts"], o["tax_rates"] = taxAmounts(taxes), taxRates(taxes)
	delete(o, "parent")
	delete(o, "pricing")
	if !hybrid(version) {
		delete(o, "taxes")
		delete(o, "pretax_credit_amounts")
	}
}

func invoiceItemBeforeBasil(o Object, _ string) {
	o["subscription"] = o["_subscription"]
	if item := o.Get("parent.subscription_details.subscription_item"); item != nil {
		o["subscription_item"] = item
	}
	o["price"], o["plan"] = o["_price"], o["_plan"]
	o["unit_amount"], o["unit_amount_decimal"] = nil, o.Get("pricing.unit_amount_decimal")
	delete(o, "parent")
	delete(o, "pricing")
}

func creditNoteBeforeBasil(o Object, _ string) {
	o["refund"] = nil
	if refunds, _ := o["refunds"].([]any); len(refunds) > 0 {
		o["refund"] = refunds[0].(Object)["refund"]
	}
	taxes, _ := o["total_taxes"].([]any)
	o["tax_amounts"] = taxAmounts(taxes)
	delete(o, "refunds")
	delete(o, "total_taxes")
	lines, _ := o["lines"].(Object)
	lines = lines.clone()
	o["lines"] = lines
	data, _ := lines["data"].([]any)
	for _, value := range data {
		line := value.(Object)
		taxes, _ := line["taxes"].([]any)
		line["tax_amounts"] = taxAmounts(taxes)
		delete(line, "taxes")
	}
}

// Usage records, and with them aggregate_usage, ended with basil.
func priceBeforeBasil(o Object, _ string) {
	recurring, ok := o["recurring"].(Object)
	if !ok {
		return
	}
	recurring = recurring.clone()
	recurring["aggregate_usage"], recurring["trial_period_days"] = nil, o["_trial_days"]
	o["recurring"] = recurring
}

func planBeforeBasil(o Object, _ string) { o["aggregate_usage"] = nil }
