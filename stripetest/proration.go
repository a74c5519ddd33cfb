package stripetest

// applyChange carries out what an update asked of items and cycle.
// https://docs.stripe.com/billing/subscriptions/prorations
func (a *Account) applyChange(s *subscription, c change) {
	switch {
	case c.trialEnd != 0:
		a.moveTrial(s, c)
	case s.status == "trialing" && !c.endTrial:
		// A trial costs nothing, so there is nothing to prorate.
		if c.items != nil {
			s.items = c.items
		}
		a.emitUpdate("customer.subscription.updated", s)
	case c.endTrial || c.restart:
		a.restart(s, c)
	case c.items != nil:
		a.prorate(s, c)
	default:
		a.emitUpdate("customer.subscription.updated", s)
	}
}

func (a *Account) moveTrial(s *subscription, c change) {
	if c.items != nil {
		s.items = c.items
	}
	start, _ := s.period()
	if s.status != "trialing" {
		start, s.trialStart = a.now, a.now
	}
	s.status, s.trialEnd, s.anchor = "trialing", c.trialEnd, c.trialEnd
	s.setPeriod(start, c.trialEnd)
	a.emitUpdate("customer.subscription.updated", s)
	a.customerFollows(s.customer)
	a.plan(s)
}

// restart begins a new billing cycle now: what is left of the old one is
// credited, the new one is charged, and the invoice is due at once.
func (a *Account) restart(s *subscription, c change) {
	i := a.invoiceFor(s, "subscription_update")
	if c.behavior != "none" && !c.endTrial {
		for _, item := range s.items {
			i.addLine(s.unused(item, c.at))
		}
	}
	a.pullItems(i, s)
	next := c.items
	if next == nil {
		next = s.items
	}
	if c.pending && !c.endTrial {
		a.pend(s, i, &pendingUpdate{items: next, restart: true})
		return
	}
	if c.endTrial {
		s.trialEnd, s.status = a.now, "active"
	}
	s.items, s.anchor = next, a.now
	s.setPeriod(a.now, s.interval().next(a.now, a.now))
	i.charge(s)
	a.emitUpdate("customer.subscription.updated", s)
	a.customerFollows(s.customer)
	a.bill(i, c.unpaid)
	a.plan(s)
}

// prorate changes items within the period.
func (a *Account) prorate(s *subscription, c change) {
	var lines []*line
	if c.behavior != "none" {
		lines = s.prorations(c)
	}
	if c.behavior != "always_invoice" || len(lines) == 0 {
		for _, l := range lines {
			l.currency = s.currency
			a.newInvoiceItem(s.customer, l)
		}
		s.items = c.items
		a.emitUpdate("customer.subscription.updated", s)
		a.tellEntitlements(s.customer)
		return
	}
	i := a.invoiceFor(s, "subscription_update")
	for _, l := range lines {
		i.addLine(l)
	}
	if c.pending {
		a.pend(s, i, &pendingUpdate{items: c.items})
		return
	}
	s.items = c.items
	a.emitUpdate("customer.subscription.updated", s)
	a.tellEntitlements(s.customer)
	a.bill(i, c.unpaid)
}

// prorations are a credit for each item that goes or changes and a charge for
// each that comes or has changed.
func (s *subscription) prorations(c change) []*line {
	var lines []*line
	kept := map[*subscriptionItem]bool{}
	for _, item := range c.items {
		kept[item] = true
	}
	had := map[*subscriptionItem]bool{}
	for _, item := range s.items {
		had[item] = true
		if !kept[item] && item.price.usage != "metered" {
			lines = append(lines, s.unused(item, c.at))
		}
	}
	for _, item := range c.items {
		if !had[item] && item.price.usage != "metered" {
			lines = append(lines, s.remaining(item, c.at))
		}
	}
	return lines
}

// unused credits the rest of the period of an item.
func (s *subscription) unused(item *subscriptionItem, at int64) *line {
	l := s.prorated(item, at)
	l.description = "Unused time on " + item.price.product.name + " after " + dayOf(at)
	l.amount = -l.amount
	if item.billed != nil && item.billed.invoice != nil {
		l.creditedOn, l.creditedLines = item.billed.invoice.id, []string{item.billed.id}
	}
	return l
}

// remaining charges the rest of the period of an item.
func (s *subscription) remaining(item *subscriptionItem, at int64) *line {
	l := s.prorated(item, at)
	l.description = "Remaining time on " + item.price.product.name + " after " + dayOf(at)
	return l
}

// prorated is the share of an item's price for the rest of the period, by the
// second. Percentages off are already in it; amounts off are not prorated
// (a simplification).
func (s *subscription) prorated(item *subscriptionItem, at int64) *line {
	amount := share(item.price.amountOf(item.quantity), item.end-at, item.end-item.start)
	for _, d := range s.discounts {
		if d.activeAt(at) && d.coupon.percentOff != 0 {
			amount -= percentOf(amount, d.coupon.percentOff)
		}
	}
	return &line{
		amount: amount, quantity: item.quantity, price: item.price, start: at, end: item.end,
		subscription: s, item: item, proration: true, metadata: s.metadata,
	}
}

// bill finalizes an invoice at once and, unless the payment is left to
// someone else, tries to collect it.
func (a *Account) bill(i *invoice, unpaid bool) {
	i.compute()
	add(a, &a.invoices, i)
	a.emit("invoice.created", i)
	a.finalize(i)
	if !unpaid {
		a.collect(i)
	}
}

// pendingUpdate is a change that waits for its invoice to be paid.
// https://docs.stripe.com/billing/subscriptions/pending-updates
type pendingUpdate struct {
	items     []*subscriptionItem
	restart   bool
	invoice   *invoice
	expiresAt int64
	announced bool
}

func (p *pendingUpdate) render() Object {
	return Object{
		"billing_cycle_anchor": nil, "discounts": nil, "expires_at": p.expiresAt,
		"subscription_items": each(p.items, func(i *subscriptionItem) any { return i.render() }),
		"trial_end":          nil, "trial_from_plan": nil,
	}
}

// pend tries to collect the change's invoice first. The change comes into
// force with the payment, or is dropped after 23 hours.
func (a *Account) pend(s *subscription, i *invoice, p *pendingUpdate) {
	p.invoice, p.expiresAt = i, a.now+23*hour
	s.pending = p
	if p.restart {
		for _, item := range p.items {
			i.addLine(&line{
				description: describe(item.price, item.quantity), amount: item.price.amountOf(item.quantity),
				quantity: item.quantity, price: item.price, start: a.now, end: item.price.period.next(a.now, a.now),
				subscription: s, item: item, discountable: true, metadata: s.metadata,
			})
		}
	}
	a.bill(i, false)
	if s.pending != p {
		return // paid
	}
	p.announced = true
	a.emitUpdate("customer.subscription.updated", s)
	a.at(p.expiresAt, func() {
		if s.pending != p {
			return
		}
		s.pending = nil
		if i.status == "open" {
			a.voidInvoice(i)
		}
		a.emitUpdate("customer.subscription.updated", s)
		a.emit("customer.subscription.pending_update_expired", s)
	})
}

func (a *Account) applyPending(s *subscription) {
	p := s.pending
	s.pending = nil
	s.items = p.items
	if p.restart {
		s.anchor = a.now
		s.setPeriod(a.now, s.interval().next(a.now, a.now))
	}
	a.emitUpdate("customer.subscription.updated", s)
	if p.announced {
		a.emit("customer.subscription.pending_update_applied", s)
	}
	a.tellEntitlements(s.customer)
	if p.restart {
		a.plan(s)
	}
}
