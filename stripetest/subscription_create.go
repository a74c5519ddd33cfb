package stripetest

import (
	"net/http"
	"slices"
)

// newItems reads items[][price], [quantity]. All must recur alike and have one
// currency.
func (a *Account) newItems(s *subscription, in *params, key string) *Error {
	for _, p := range in.elements(key) {
		item, err := a.newItem(s, p)
		if err != nil {
			return err
		}
		s.items = append(s.items, item)
	}
	if len(s.items) == 0 {
		return missingParam(key)
	}
	return s.checkItems(in.at(key).name)
}

func (a *Account) newItem(s *subscription, p *params) (*subscriptionItem, *Error) {
	price, err := a.priceParam(p)
	if err != nil {
		return nil, err
	}
	if !price.recurring {
		return nil, invalid(p.at("price").name, "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.")
	}
	item := &subscriptionItem{base: a.newBase(a.ids.short("si")), subscription: s, price: price, quantity: 1}
	if p.has("quantity") {
		item.quantity = p.positive("quantity")
	}
	item.metadata = p.mergeMetadata(nil)
	rates, err := a.taxRatesOf(p, "tax_rates")
	if err != nil {
		return nil, err
	}
	item.rates = rates
	return item, p.err()
}

// priceParam is a price by id, or one made on the spot from price_data.
func (a *Account) priceParam(p *params) (*price, *Error) {
	if data := p.at("price_data"); len(data.keys) > 0 {
		id := data.str("product")
		of, ok := a.products.get(id)
		if !ok {
			if name := data.at("product_data").str("name"); name != "" {
				of = &product{base: a.newBase(a.ids.short("prod")), name: name, active: true, updated: a.now}
				add(a, &a.products, of)
				a.emit("product.created", of)
			} else {
				return nil, noSuchParam("product", id, data.at("product").name)
			}
		}
		made, err := a.newPrice(data, of)
		if err != nil {
			return nil, err
		}
		made.active, made.shown, made.shownPlan = false, nil, nil
		return made, nil
	}
	id := p.str("price")
	if id == "" {
		if id = p.str("plan"); id == "" {
			return nil, missingParam(p.at("price").name)
		}
	}
	price, ok := a.prices.get(id)
	if !ok {
		return nil, noSuchParam("price", id, p.at("price").name)
	}
	if !price.active {
		return nil, invalid(p.at("price").name, "The price specified is inactive. This field only accepts active prices.")
	}
	return price, nil
}

func (s *subscription) checkItems(param string) *Error {
	first := s.items[0].price
	for _, i := range s.items[1:] {
		if i.price.period != first.period {
			return invalid(param, "Subscriptions with multiple prices must have the same interval across all prices here.")
		}
		if i.price.currency != first.currency {
			return invalid(param, "All prices on a subscription must have the same currency.")
		}
	}
	if s.currency != "" && s.currency != first.currency {
		return invalid(param, "You cannot combine currencies on a single subscription. This one has %s.", s.currency)
	}
	return nil
}

// newSubscription reads what create and Checkout's subscription_data share.
func (a *Account) newSubscription(c *customer, in *params, r apiRequest) (*subscription, *Error) {
	s := &subscription{
		base: a.newBase(a.ids.long("sub", a.now)), customer: c, status: "active", anchor: a.now,
		startDate: a.now, missingPM: "create_invoice", settings: "off",
		flexible: r.version >= "2025-09-30",
	}
	s.collection = in.oneOf("collection_method", "charge_automatically", "send_invoice")
	s.daysDue = in.positive("days_until_due")
	if s.collection == "send_invoice" && s.daysDue == 0 {
		return nil, missingParam("days_until_due")
	}
	switch in.at("billing_mode").oneOf("type", "", "classic", "flexible") {
	case "flexible":
		s.flexible = true
	case "classic":
		s.flexible = false
	}
	s.description = in.str("description")
	s.metadata = in.mergeMetadata(nil)
	s.settings = in.at("payment_settings").oneOf("save_default_payment_method", "off", "on_subscription")
	s.missingPM = in.at("trial_settings").at("end_behavior").oneOf("missing_payment_method", "create_invoice", "cancel", "pause")
	s.autoTax = in.at("automatic_tax").boolean("enabled")
	rates, err := a.taxRatesOf(in, "default_tax_rates")
	if err != nil {
		return nil, err
	}
	s.rates = rates
	days := in.positive("trial_period_days")
	end := in.str("trial_end")
	switch {
	case end == "now":
	case end != "":
		s.trialEnd = in.integer("trial_end")
		if s.trialEnd <= a.now && in.err() == nil {
			return nil, invalid("trial_end", "Invalid timestamp: must be an integer Unix timestamp in the future.")
		}
	case days > 0:
		s.trialEnd = a.now + days*day
	}
	if s.trialEnd != 0 {
		s.trialStart, s.anchor = a.now, s.trialEnd
	}
	return s, in.err()
}

// begin sets the first period: the trial, or the first interval.
func (s *subscription) begin() {
	s.currency = s.items[0].price.currency
	if s.customer.currency == "" {
		s.customer.currency = s.currency
	}
	now := s.acct.now
	switch {
	case s.trialEnd != 0:
		s.status = "trialing"
		s.setPeriod(now, s.trialEnd)
	case s.anchor > now:
		s.setPeriod(now, s.anchor)
	default:
		s.setPeriod(now, s.interval().after(s.anchor, 1))
	}
	add(s.acct, &s.acct.subscriptions, s)
	s.customer.subscriptions = append(s.customer.subscriptions, s)
}

func createSubscription(a *Account, r apiRequest) (Object, *Error) {
	in := r.params
	c, err := a.customerParam(in)
	if err != nil {
		return nil, err
	}
	s, err := a.newSubscription(c, in, r)
	if err != nil {
		return nil, err
	}
	if err := a.newItems(s, in, "items"); err != nil {
		return nil, err
	}
	behavior := in.oneOf("payment_behavior", "allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete")
	if id := in.str("default_payment_method"); id != "" {
		if s.defaultPM, err = c.ownMethod(id, "default_payment_method"); err != nil {
			return nil, err
		}
	}
	if at := in.integer("billing_cycle_anchor"); at != 0 {
		if at <= a.now {
			return nil, invalid("billing_cycle_anchor", "billing_cycle_anchor must be in the future.")
		}
		s.anchor = at
	}
	cancelAtEnd, cancelAt := in.boolean("cancel_at_period_end"), in.positive("cancel_at")
	if err := in.err(); err != nil {
		return nil, err
	}
	if s.discounts, err = a.redeem(in, nil); err != nil {
		return nil, err
	}
	needsMethod := s.trialEnd == 0 && s.collection == "charge_automatically" && behavior != "default_incomplete"
	if needsMethod && s.defaultPM == nil && c.defaultPM == nil && s.items[0].price.amountOf(1) > 0 {
		return nil, invalidCode("resource_missing", "", "This customer has no attached payment source or default payment method. Please consider adding a default payment method. For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.")
	}
	if m := s.payer(); behavior == "error_if_incomplete" && needsMethod && m.fails() {
		e := m.card.error(m.card.code, m.card.decline)
		if m.card.code == "" {
			e = testCard{}.error("subscription_payment_intent_requires_action", "authentication_required")
		}
		e.Status = http.StatusPaymentRequired
		return nil, e
	}
	s.begin()
	switch {
	case cancelAtEnd:
		_, end := s.period()
		s.cancelAt, s.cancelAtPeriodEnd, s.canceledAt = end, true, a.now
		s.cancelReason = "cancellation_requested"
	case cancelAt != 0:
		s.cancelAt, s.canceledAt, s.cancelReason = cancelAt, a.now, "cancellation_requested"
	}
	a.start(s, startOptions{wait: behavior == "default_incomplete"})
	return s.render(), nil
}

func (s *subscription) payer() *paymentMethod {
	if s.defaultPM != nil {
		return s.defaultPM
	}
	return s.customer.defaultPM
}

func (m *paymentMethod) fails() bool {
	return m == nil || m.card.code != "" || (m.card.authenticate || m.card.offSession) && !m.authenticated
}

// startOptions say how a new subscription's first invoice is paid.
type startOptions struct {
	wait     bool           // default_incomplete: someone else will confirm the payment
	checkout *paymentMethod // Checkout's buyer has this, and is there to use it
}

// start makes the first invoice and tries to pay it. Since 2025-03-31.basil
// (by the account's version) the subscription is announced when that is known;
// before, it is announced as incomplete and then updated.
// https://docs.stripe.com/changelog/basil
func (a *Account) start(s *subscription, with startOptions) {
	i := a.invoiceFor(s, "subscription_create")
	if s.trialEnd != 0 {
		for _, item := range s.items {
			i.addLine(&line{
				description: "Trial period for " + item.price.product.name, quantity: item.quantity, price: item.price,
				start: item.start, end: item.end, subscription: s, item: item, metadata: s.metadata,
			})
		}
	} else {
		i.charge(s)
		if start, end := s.period(); s.interval().after(start, 1) != end {
			i.prorateFirst(s, start, end)
		}
	}
	a.pullItems(i, nil)
	i.session = with.checkout != nil
	i.autoAdvance = s.collection == "charge_automatically"
	i.compute()
	if s.trialEnd == 0 && s.collection == "charge_automatically" && i.amountDue > 0 {
		s.status = "incomplete"
	}
	add(a, &a.invoices, i)
	a.emit("invoice.created", i)
	early := a.cfg.APIVersion < "2025-03-31" || with.wait
	if early {
		a.announce(s)
	}
	if s.collection == "send_invoice" {
		i.autoAdvance = true
		a.announce(s)
		i.finalizesAt = a.now + hour
		a.at(i.finalizesAt, func() {
			if i.status == "draft" && i.autoAdvance {
				a.finalize(i)
			}
		})
	} else {
		a.finalize(i)
		if i.status == "open" && !with.wait {
			method := i.payer()
			if with.checkout != nil {
				method = with.checkout
			}
			// Its failure is in the events and in the status.
			_, _ = a.payInvoice(i, payment{method: method, automatic: true, offSession: with.checkout == nil})
			if i.intent.status == "processing" && s.status == "incomplete" {
				a.setStatus(s, "active")
			}
		}
		if !s.announced {
			a.announce(s)
		}
	}
	s.spendDiscounts()
	a.plan(s)
	if s.status == "incomplete" {
		a.at(a.now+23*hour, func() {
			if s.status == "incomplete" {
				a.voidInvoice(i)
			}
		})
	}
}

// prorateFirst cuts the first charge to the part of a whole interval that is
// left until the billing cycle anchor.
func (i *invoice) prorateFirst(s *subscription, start, end int64) {
	whole := s.interval().after(start, 1) - start
	for _, l := range i.lines {
		l.amount = share(l.amount, end-start, whole)
		l.proration = true
	}
}

// plan puts the subscription's own future on the clock: its trial's end or
// its renewal, its cancellation, and what is announced before.
func (a *Account) plan(s *subscription) {
	_, end := s.period()
	a.at(end, func() { a.periodEnds(s, end) })
	if s.trialEnd != 0 && s.status == "trialing" {
		a.planTrialNotice(s)
	}
	if s.cancelAt != 0 {
		a.planCancel(s)
	}
	if days := int64(a.cfg.UpcomingDays); days > 0 && end-days*day > a.now {
		a.at(end-days*day, func() { a.upcoming(s, end) })
	}
}

func (a *Account) planTrialNotice(s *subscription) {
	end := s.trialEnd
	a.at(max(a.now, end-3*day), func() {
		if s.status == "trialing" && s.trialEnd == end {
			a.emit("customer.subscription.trial_will_end", s)
		}
	})
}

// planCancel ends the subscription at cancel_at, unless that has moved by then.
func (a *Account) planCancel(s *subscription) {
	at := s.cancelAt
	a.at(at, func() {
		if s.cancelAt == at && !s.ended() {
			a.cancelScheduled(s)
		}
	})
}

// cancelScheduled is the end of a scheduled cancellation: deleted, with no
// update before it.
func (a *Account) cancelScheduled(s *subscription) {
	i := s.meteredRest()
	a.endSubscription(s, "cancellation_requested")
	if i != nil {
		a.openInvoice(i)
	}
}

// meteredRest is the last invoice of a subscription with metered items.
func (s *subscription) meteredRest() *invoice {
	if !slices.ContainsFunc(s.items, func(i *subscriptionItem) bool { return i.price.usage == "metered" && i.usage > 0 }) {
		return nil
	}
	i := s.acct.invoiceFor(s, "subscription_cycle")
	i.periodStart, i.periodEnd = s.period()
	for _, item := range s.items {
		if item.price.usage == "metered" {
			i.addLine(&line{
				description: describe(item.price, item.usage), amount: item.price.amountOf(item.usage), quantity: item.usage,
				price: item.price, start: item.start, end: item.end, subscription: s, item: item, discountable: true,
			})
			item.usage = 0
		}
	}
	return i
}
