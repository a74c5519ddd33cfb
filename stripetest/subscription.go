package stripetest

import "slices"

type subscription struct {
	base
	customer    *customer
	status      string
	currency    string
	items       []*subscriptionItem
	anchor      int64 // billing_cycle_anchor
	flexible    bool  // billing_mode
	collection  string
	daysDue     int64
	defaultPM   *paymentMethod
	description string
	discounts   []*discount
	rates       []*taxRate
	autoTax     bool
	startDate   int64

	trialStart, trialEnd int64
	missingPM            string // what a trial's end without a payment method does

	cancelAt, canceledAt, endedAt int64
	cancelAtPeriodEnd             bool
	cancelReason                  string
	cancelComment, cancelFeedback string

	pauseBehavior string // pause_collection
	pauseResumes  int64
	pausedBy      string // status_details.paused.subscription.type

	schedule  *schedule
	latest    *invoice
	pending   *pendingUpdate
	resuming  *invoice // the invoice that a resumption waits for
	settings  string   // payment_settings.save_default_payment_method
	announced bool     // customer.subscription.created was sent
}

type subscriptionItem struct {
	base
	subscription *subscription
	price        *price
	quantity     int64
	start, end   int64 // the current period
	usage        int64 // of a metered price, since start
	rates        []*taxRate
	billed       *line // the line that charged the current period
}

func (i *subscriptionItem) render() Object {
	o := Object{
		"id": i.id, "object": "subscription_item", "billing_thresholds": nil, "created": i.created,
		"current_period_end": i.end, "current_period_start": i.start, "discounts": []any{},
		"metadata": metadata(i.metadata), "plan": i.price.plan(), "price": i.price.render(),
		"quantity": i.quantity, "subscription": i.subscription.id,
		"tax_rates": each(i.rates, func(t *taxRate) any { return t.render() }),
		"_start":    i.start, "_end": i.end,
	}
	if i.price.usage == "metered" {
		delete(o, "quantity")
	}
	return o
}

func (s *subscription) render() Object {
	data := each(s.items, func(i *subscriptionItem) any { return i.render() })
	items := list("/v1/subscription_items?subscription="+s.id, data)
	items["total_count"] = int64(len(data))
	mode := Object{"type": "classic", "flexible": nil}
	if s.flexible {
		mode = Object{"type": "flexible", "flexible": Object{"proration_discounts": "included"}, "updated_at": s.created}
	}
	o := Object{
		"id": s.id, "object": "subscription", "application": nil, "application_fee_percent": nil,
		"automatic_tax":        Object{"disabled_reason": nil, "enabled": s.autoTax, "liability": nil},
		"billing_cycle_anchor": s.anchor, "billing_cycle_anchor_config": nil, "billing_mode": mode,
		"billing_schedules": []any{}, "billing_thresholds": nil, "cancel_at": optional(s.cancelAt),
		"cancel_at_period_end": s.cancelAtPeriodEnd, "canceled_at": optional(s.canceledAt),
		"cancellation_details": Object{
			"comment": optional(s.cancelComment), "feedback": optional(s.cancelFeedback), "reason": optional(s.cancelReason),
		},
		"collection_method": s.collection, "created": s.created, "currency": s.currency,
		"customer": s.customer.id, "days_until_due": optional(s.daysDue),
		"default_payment_method": methodID(s.defaultPM), "default_source": nil,
		"default_tax_rates": each(s.rates, func(t *taxRate) any { return t.render() }),
		"description":       optional(s.description),
		"discounts":         each(s.discounts, func(d *discount) any { return d.id }),
		"ended_at":          optional(s.endedAt),
		"invoice_settings":  Object{"account_tax_ids": nil, "issuer": Object{"type": "self"}},
		"items":             items, "latest_invoice": nil, "livemode": s.acct.cfg.Livemode,
		"metadata": metadata(s.metadata), "next_pending_invoice_item_invoice": nil, "on_behalf_of": nil,
		"pause_collection": nil, "payment_settings": Object{
			"payment_method_options": nil, "payment_method_types": nil,
			"save_default_payment_method": s.settings,
		},
		"pending_invoice_item_interval": nil, "pending_setup_intent": nil, "pending_update": nil,
		"schedule": nil, "start_date": s.startDate, "status": s.status,
		"status_details": nil, "test_clock": nil, "transfer_data": nil, "trial_end": optional(s.trialEnd),
		"trial_settings": Object{"end_behavior": Object{"missing_payment_method": s.missingPM}},
		"trial_start":    optional(s.trialStart),
		"_discount":      nil,
	}
	if s.autoTax {
		o["automatic_tax"].(Object)["liability"] = Object{"type": "self"}
	}
	if s.latest != nil {
		o["latest_invoice"] = s.latest.id
	}
	if s.pauseBehavior != "" {
		o["pause_collection"] = Object{"behavior": s.pauseBehavior, "resumes_at": optional(s.pauseResumes)}
	}
	if s.pending != nil {
		o["pending_update"] = s.pending.render()
	}
	if s.schedule != nil {
		o["schedule"] = s.schedule.id
	}
	if s.status == "paused" {
		o["status_details"] = Object{"paused": Object{"subscription": Object{"type": s.pausedBy}}}
	}
	if s.customer.clock != nil {
		o["test_clock"] = s.customer.clock.id
	}
	if len(s.discounts) > 0 {
		o["_discount"] = s.discounts[0].render()
	}
	return o
}

// ended says that the subscription is in one of the two final states.
func (s *subscription) ended() bool {
	return s.status == "canceled" || s.status == "incomplete_expired"
}

// period is the first item's, which all share here: items of one subscription
// must have one interval (a simplification; flexible billing mode allows more).
func (s *subscription) period() (start, end int64) { return s.items[0].start, s.items[0].end }

func (s *subscription) interval() interval { return s.items[0].price.period }

func (s *subscription) setPeriod(start, end int64) {
	for _, i := range s.items {
		i.start, i.end, i.billed = start, end, nil
	}
}

// owes says that the latest invoice, or one before it, is open after a failed
// attempt.
func (s *subscription) owes() bool {
	return slices.ContainsFunc(s.acct.invoicesOf(s), func(i *invoice) bool {
		return i.status == "open" && (i.attempted || i.dueDate != 0 && i.dueDate <= s.acct.now)
	})
}

func (a *Account) invoicesOf(s *subscription) []*invoice { return s.customer.invoices[s] }

// setStatus changes the status and tells of it; the customer may become
// delinquent, or its entitlements may change.
func (a *Account) setStatus(s *subscription, status string) {
	if s.status == status {
		return
	}
	s.status = status
	if !s.announced {
		return
	}
	a.emitUpdate("customer.subscription.updated", s)
	a.customerFollows(s.customer)
}

func (a *Account) customerFollows(c *customer) {
	if before, ok := a.shown[c.id]; ok && before["delinquent"] != c.delinquent() {
		a.emitUpdate("customer.updated", c)
	}
	a.tellEntitlements(c)
}

// announce sends customer.subscription.created.
func (a *Account) announce(s *subscription) {
	s.announced = true
	a.emit("customer.subscription.created", s)
	a.tellEntitlements(s.customer)
}

// endSubscription cancels now. Open invoices are no longer collected by
// themselves.
func (a *Account) endSubscription(s *subscription, reason string) {
	s.status, s.endedAt = "canceled", a.now
	if s.canceledAt == 0 {
		s.canceledAt = a.now
	}
	if s.cancelReason == "" || reason == "payment_failed" {
		s.cancelReason = reason
	}
	for _, i := range a.invoicesOf(s) {
		switch {
		case i.status == "draft":
			i.autoAdvance, i.finalizesAt = false, 0
			a.emitUpdate("invoice.updated", i)
		case i.status == "open" && i.autoAdvance:
			i.autoAdvance, i.nextAttempt = false, 0
			a.emitUpdate("invoice.updated", i)
		}
	}
	if s.schedule != nil {
		a.endSchedule(s.schedule, reason)
	}
	a.emit("customer.subscription.deleted", s)
	a.customerFollows(s.customer)
}

// expireIncomplete is the end of a subscription whose first payment never came.
func (a *Account) expireIncomplete(s *subscription) {
	s.status, s.endedAt = "incomplete_expired", a.now
	a.emitUpdate("customer.subscription.updated", s)
}

// invoiceFor makes the draft for what the subscription owes; lines are added
// by the caller.
func (a *Account) invoiceFor(s *subscription, reason string) *invoice {
	i := a.newInvoice(s.customer, reason)
	i.subscription, i.currency, i.collection = s, s.currency, s.collection
	i.subMetadata = s.metadata
	i.automaticTax = s.autoTax
	i.rates = s.rates
	if s.autoTax {
		i.rates = nil
		if rate := a.automaticRate(s.customer); rate != nil {
			i.rates = []*taxRate{rate}
		}
	}
	if s.collection == "send_invoice" {
		i.dueDate = a.now + s.daysDue*day
	}
	if len(s.discounts) > 0 {
		i.discounts = nil
	}
	for _, d := range s.discounts {
		if d.activeAt(a.now) {
			i.discounts = append(i.discounts, d)
		}
	}
	s.customer.keepInvoice(s, i)
	s.latest = i
	return i
}

// charge adds a line for each item's current period.
func (i *invoice) charge(s *subscription) {
	for _, item := range s.items {
		quantity := item.quantity
		start, end := item.start, item.end
		if item.price.usage == "metered" {
			// Metered items are paid in arrears: for the period that has ended.
			quantity = item.usage
			item.usage = 0
			if i.reason == "subscription_create" {
				continue
			}
			start, end = i.periodStart, i.periodEnd
		}
		l := &line{
			description: describe(item.price, quantity), amount: item.price.amountOf(quantity), quantity: quantity,
			price: item.price, start: start, end: end, subscription: s, item: item, discountable: true,
			metadata: s.metadata,
		}
		i.addLine(l)
		item.billed = l
	}
}

// spendDiscounts takes coupons of duration once off after their invoice.
func (s *subscription) spendDiscounts() {
	s.discounts = slices.DeleteFunc(s.discounts, func(d *discount) bool {
		if d.coupon.duration == "once" {
			d.spent = true
		}
		return d.spent
	})
}
