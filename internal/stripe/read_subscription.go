package stripe

// KnownSubscriptionStatus reports whether s is a status whose meaning for access
// is known. Stripe may add others.
func KnownSubscriptionStatus(s string) bool {
	switch s {
	case "incomplete", "incomplete_expired", "trialing", "active", "past_due", "unpaid", "canceled", "paused":
		return true
	}
	return false
}

// ReadSubscription reads a subscription. Moved: current_period_start and _end to
// the items (2025-03-31.basil; where items carry them, an item without one has
// the subscription's, and the other way round); billing to collection_method
// (2019-10-17); plan and quantity of the subscription to its items. New:
// start_date (2019-10-17; the start before it was that of the current plan, so
// created stands in), status_details (2026-09-30.endive).
func ReadSubscription(v Value) Subscription {
	x := indexOf(v)
	start, end := x.member("current_period_start"), x.member("current_period_end")
	items, more := list(x.member("items"))
	s := Subscription{
		ID:                   ref(x.member("id")),
		Customer:             ref(x.member("customer")),
		Status:               x.member("status").text(),
		Currency:             x.member("currency").text(),
		Created:              x.member("created").Time(),
		Metadata:             readMetadata(x.member("metadata")),
		Items:                each(items, readItem),
		TrialStart:           x.member("trial_start").Time(),
		TrialEnd:             x.member("trial_end").Time(),
		CancelAt:             x.member("cancel_at").Time(),
		CancelAtPeriodEnd:    x.member("cancel_at_period_end").Bool(),
		CanceledAt:           x.member("canceled_at").Time(),
		EndedAt:              x.member("ended_at").Time(),
		StartDate:            instant(x.member("start_date"), x.member("created")),
		DefaultPaymentMethod: ref(x.member("default_payment_method"), x.member("default_source")),
		LatestInvoice:        ref(x.member("latest_invoice")),
		Schedule:             ref(x.member("schedule")),
		CollectionMethod:     text(x.member("collection_method"), x.member("billing")),
		CollectionPaused:     x.member("pause_collection").Kind() == KindObject,
		CancellationReason:   x.member("cancellation_details").member("reason").text(),
		PausedReason:         x.member("status_details").Get("paused", "subscription", "type").text(),
		ItemsHaveMore:        more,
	}
	if s.Items == nil && !x.member("plan").IsNull() {
		s.Items = []Item{readItem(v)}
		s.Items[0].ID = ""
	}
	s.CurrentPeriodStart, s.CurrentPeriodEnd = start.Time(), end.Time()
	if item := first(items); item.Exists() {
		s.CurrentPeriodStart = instant(item.member("current_period_start"), start)
		s.CurrentPeriodEnd = instant(item.member("current_period_end"), end)
	}
	for i := range s.Items {
		if item := &s.Items[i]; item.CurrentPeriodEnd == 0 {
			item.CurrentPeriodStart, item.CurrentPeriodEnd = start.Time(), end.Time()
		}
	}
	if s.Currency == "" && len(s.Items) > 0 {
		s.Currency = s.Items[0].Currency
	}
	return s
}

// readItem reads a subscription item. Its plan, the only thing that it had
// before Prices (2020), is still sent beside its price.
func readItem(v Value) Item {
	price := v.member("price")
	if price.Kind() != KindObject {
		price = v.member("plan")
	}
	recurring := price.member("recurring")
	return Item{
		ID:                 ref(v.member("id")),
		Price:              ref(v.member("price"), v.member("plan")),
		Product:            ref(price.member("product")),
		Quantity:           v.member("quantity").Int(),
		UnitAmount:         integral(price.member("unit_amount"), price.member("amount"), price.member("unit_amount_decimal")),
		UnitAmountDecimal:  unitAmountDecimal(price),
		Currency:           price.member("currency").text(),
		Interval:           text(recurring.member("interval"), price.member("interval")),
		IntervalCount:      integral(recurring.member("interval_count"), price.member("interval_count")),
		CurrentPeriodStart: v.member("current_period_start").Time(),
		CurrentPeriodEnd:   v.member("current_period_end").Time(),
	}
}

// unitAmountDecimal is what one unit of a price or of a legacy plan costs, in
// minor units. Old versions have only the integer.
func unitAmountDecimal(price Value) string {
	return decimal(price.member("unit_amount_decimal"), price.member("amount_decimal"), price.member("unit_amount"), price.member("amount"))
}
