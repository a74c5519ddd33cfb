package stripetest

// periodEnds is what happens at the end of a subscription's period, planned
// when that period began; if the end has moved since, something else is
// planned instead.
func (a *Account) periodEnds(s *subscription, end int64) {
	if _, current := s.period(); s.ended() || current != end || s.status == "paused" || s.status == "incomplete" {
		return
	}
	if s.cancelAt != 0 && s.cancelAt <= end {
		a.cancelScheduled(s)
		return
	}
	if s.schedule != nil && a.schedulePhase(s.schedule) {
		return // the schedule ended the subscription
	}
	if s.status == "trialing" {
		a.trialEnds(s)
		return
	}
	a.renew(s)
}

// trialEnds converts a trial. Without a payment method the trial's settings
// say what happens.
// https://docs.stripe.com/billing/subscriptions/trials
func (a *Account) trialEnds(s *subscription) {
	if s.payer() == nil && s.collection == "charge_automatically" {
		switch s.missingPM {
		case "cancel":
			a.endSubscription(s, "cancellation_requested")
			return
		case "pause":
			s.pausedBy = "trial_end_without_payment_method"
			a.setStatus(s, "paused")
			a.emit("customer.subscription.paused", s)
			return
		}
	}
	s.anchor = a.now
	a.advancePeriod(s, "active")
}

// renew begins the next period. It is paid, or not, an hour later: that the
// period has advanced does not mean that money came.
func (a *Account) renew(s *subscription) { a.advancePeriod(s, s.status) }

func (a *Account) advancePeriod(s *subscription, status string) {
	start, end := s.period()
	s.setPeriod(end, s.interval().next(s.anchor, end))
	i := a.invoiceFor(s, "subscription_cycle")
	i.periodStart, i.periodEnd = start, end
	a.pullItems(i, s)
	i.charge(s)
	a.pullItems(i, nil)
	switch {
	case s.status == "unpaid":
		i.autoAdvance = false
	case s.pauseBehavior == "keep_as_draft":
		i.autoAdvance = false
	}
	a.openInvoice(i)
	if s.pauseBehavior == "void" || s.pauseBehavior == "mark_uncollectible" {
		a.settlePaused(s, i)
	}
	s.spendDiscounts()
	s.status = status
	a.emitUpdate("customer.subscription.updated", s)
	a.customerFollows(s.customer)
	a.plan(s)
}

// settlePaused closes an invoice of a subscription whose collection is paused.
func (a *Account) settlePaused(s *subscription, i *invoice) {
	i.autoAdvance = false
	behavior := s.pauseBehavior
	a.at(i.finalizesAt, func() {
		if i.status != "draft" {
			return
		}
		a.finalize(i)
		if i.status != "open" {
			return
		}
		if behavior == "void" {
			a.voidInvoice(i)
			return
		}
		i.status, i.uncollectibleAt = "uncollectible", a.now
		a.emitUpdate("invoice.updated", i)
		a.emit("invoice.marked_uncollectible", i)
	})
}

// upcoming announces a renewal by an invoice that does not exist yet and has
// no id.
func (a *Account) upcoming(s *subscription, end int64) {
	if _, current := s.period(); s.ended() || current != end || s.status != "active" && s.status != "trialing" {
		return
	}
	if s.cancelAt != 0 && s.cancelAt <= end {
		return
	}
	i := a.newInvoice(s.customer, "upcoming")
	i.subscription, i.currency, i.collection, i.upcoming = s, s.currency, s.collection, true
	i.subMetadata, i.rates = s.metadata, s.rates
	i.periodStart, i.periodEnd = s.period()
	for _, item := range s.items {
		next := s.interval().next(s.anchor, end)
		i.addLine(&line{
			description: describe(item.price, item.quantity), amount: item.price.amountOf(item.quantity),
			quantity: item.quantity, price: item.price, start: end, end: next, subscription: s, item: item,
			discountable: true, metadata: s.metadata,
		})
	}
	i.compute()
	i.nextAttempt = end + hour
	a.emitObject("invoice.upcoming", i.render())
}

// resume ends a pause of the subscription itself. The resumption invoice is
// finalized and paid at once; until it is, the subscription stays paused.
// https://docs.stripe.com/api/subscriptions/resume
func resumeSubscription(a *Account, r apiRequest) (Object, *Error) {
	s, err := a.subscriptionOf(r)
	if err != nil {
		return nil, err
	}
	anchor := r.params.oneOf("billing_cycle_anchor", "now", "unchanged")
	if err := r.params.err(); err != nil {
		return nil, err
	}
	if s.status != "paused" {
		return nil, invalid("", "Subscription must be in status `paused` to resume it; this one is `%s`.", s.status)
	}
	if anchor == "now" || s.trialEnd != 0 {
		s.anchor = a.now
	}
	s.setPeriod(a.now, s.interval().next(s.anchor, a.now))
	i := a.invoiceFor(s, "subscription_cycle")
	i.charge(s)
	i.compute()
	add(a, &a.invoices, i)
	a.emit("invoice.created", i)
	s.resuming = i
	a.finalize(i)
	if i.status == "open" {
		// Its failure is in the events; the subscription then stays paused.
		_, _ = a.payInvoice(i, payment{method: i.payer(), offSession: true})
		a.at(a.now+23*hour, func() {
			if i.status == "open" {
				s.resuming = nil
				a.voidInvoice(i)
			}
		})
	}
	a.emitUpdate("customer.subscription.updated", s)
	return s.render(), nil
}

// pauseSubscription is the pause of the subscription itself, which 2026-09-30.endive
// brought; it has nothing to do with pause_collection.
func pauseSubscription(a *Account, r apiRequest) (Object, *Error) {
	s, err := a.subscriptionOf(r)
	if err != nil {
		return nil, err
	}
	if s.status != "active" {
		return nil, invalid("", "Only an active subscription can be paused; this one is `%s`.", s.status)
	}
	s.pausedBy = "pause_requested"
	a.setStatus(s, "paused")
	a.emit("customer.subscription.paused", s)
	return s.render(), nil
}
