package stripetest

import "slices"

// Buyer is who completes a checkout session, and how. The zero value pays with
// a Visa card that works.
type Buyer struct {
	Card    string // one of Stripe's test payment methods: pm_card_visa if empty
	Email   string // where the session knows none
	Name    string
	Country string // of the billing address
	// NoCard completes a session that needs no payment without a card
	// (payment_method_collection=if_required).
	NoCard bool
	// PromotionCode is what the buyer types.
	PromotionCode string
}

// Complete does what a buyer does on Checkout's page. It fails, as the page
// would show, if the card is declined; the session then stays open and no
// subscription exists.
func (a *Account) Complete(session string, buyer Buyer) (Object, error) {
	err := a.do(func() *Error {
		s, ok := a.sessions.get(session)
		if !ok {
			return noSuch("checkout.session", session)
		}
		if s.status != "open" {
			return invalid("", "This Checkout Session has a status of %s.", s.status)
		}
		return a.complete(s, buyer)
	})
	if err != nil {
		return nil, err
	}
	return a.Get("/v1/checkout/sessions/"+session, nil)
}

func (a *Account) complete(s *checkoutSession, buyer Buyer) *Error {
	if buyer.Card == "" {
		buyer.Card = "pm_card_visa"
	}
	card, ok := testCards[buyer.Card]
	if !ok {
		return noSuchParam("PaymentMethod", buyer.Card, "payment_method")
	}
	if !buyer.NoCard && card.code != "" {
		return card.error(card.code, card.decline)
	}
	if buyer.PromotionCode != "" {
		if err := a.typePromotion(s, buyer.PromotionCode); err != nil {
			return err
		}
	}
	a.identify(s, buyer)
	var method *paymentMethod
	if !buyer.NoCard {
		method = a.newMethod(card)
		method.name, method.email, method.address = s.customer.name, s.customer.email, s.customer.address
		// The buyer is there: what the bank asks is answered.
		method.authenticated = true
	}
	switch s.mode {
	case "subscription":
		a.completeSubscription(s, method)
	case "payment":
		a.completePayment(s, method)
	default:
		s.paymentStatus = "no_payment_required"
		a.attach(method, s.customer)
	}
	s.status = "complete"
	a.emit("checkout.session.completed", s)
	return nil
}

func (a *Account) typePromotion(s *checkoutSession, code string) *Error {
	for _, p := range a.promotions.order {
		if p.code == code && p.active && p.coupon.valid() && s.allowPromotions {
			found, err := a.redeem(paramsOf(Form{"discounts[0][promotion_code]": p.id}), nil)
			s.discounts = found
			return err
		}
	}
	return invalid("promotion_code", "This promotion code is invalid.")
}

// identify makes the customer, where the session has none.
func (a *Account) identify(s *checkoutSession, buyer Buyer) {
	email := s.email
	if email == "" {
		email = buyer.Email
	}
	if s.customer == nil {
		c := a.newCustomer()
		c.name, c.email = buyer.Name, email
		if c.email == "" {
			c.email = "buyer@example.com"
		}
		if buyer.Country != "" {
			c.address = Object{
				"city": nil, "country": buyer.Country, "line1": nil, "line2": nil, "postal_code": nil, "state": nil,
			}
		}
		c.currency = s.currency
		s.customer = c
		add(a, &a.customers, c)
		a.emit("customer.created", c)
	}
	c := s.customer
	s.details = Object{
		"address": orNull(c.address), "business_name": nil, "email": optional(c.email), "individual_name": nil,
		"name": optional(c.name), "phone": nil, "tax_exempt": c.taxExempt, "tax_ids": []any{},
	}
}

// completeSubscription makes the subscription with the payment already known
// to go through, as Checkout does since 2025-03-31.basil.
func (a *Account) completeSubscription(s *checkoutSession, method *paymentMethod) {
	data := s.subscriptionData
	if data == nil {
		data = newParams()
	}
	sub, err := a.newSubscription(s.customer, data, apiRequest{version: a.cfg.APIVersion})
	if err != nil {
		// The session's own creation has read the same parameters.
		panic(err)
	}
	sub.autoTax = s.autoTax
	if method != nil {
		a.attach(method, s.customer)
	}
	sub.defaultPM = method
	for _, i := range s.items {
		if !i.price.recurring {
			a.newInvoiceItem(s.customer, &line{
				description: i.price.product.name, amount: i.price.amountOf(i.quantity), quantity: i.quantity,
				price: i.price, currency: s.currency, start: a.now, end: a.now, discountable: true,
			})
			continue
		}
		item := &subscriptionItem{base: a.newBase(a.ids.short("si")), subscription: sub, price: i.price, quantity: i.quantity}
		sub.items = append(sub.items, item)
	}
	sub.discounts = slices.Clone(s.discounts) // the session shows them after they are spent
	sub.begin()
	if method == nil {
		sub.defaultPM = nil
	}
	a.start(sub, startOptions{checkout: method})
	s.subscription, s.invoice = sub, sub.latest
	switch {
	case sub.latest.status == "paid" && sub.latest.amountDue == 0:
		s.paymentStatus = "no_payment_required"
	case sub.latest.status == "paid":
		s.paymentStatus = "paid"
	default:
		a.awaitMoney(s, sub.latest.intent)
	}
}

func (a *Account) completePayment(s *checkoutSession, method *paymentMethod) {
	subtotal, off := s.amount()
	if subtotal-off == 0 {
		s.paymentStatus = "no_payment_required"
		return
	}
	p := a.newIntent(s.customer, subtotal-off, s.currency)
	p.session, p.metadata = s, s.intentMetadata
	s.intent = p
	a.emit("payment_intent.created", p)
	if result, _ := a.confirm(p, method, false); result == processing {
		a.awaitMoney(s, p)
		return
	}
	s.paymentStatus = "paid"
}

// awaitMoney is for payments that take days: the session is complete but
// unpaid, and a second event tells how it ended.
func (a *Account) awaitMoney(s *checkoutSession, p *paymentIntent) {
	p.settled = func(ok bool) {
		if !ok {
			a.emit("checkout.session.async_payment_failed", s)
			return
		}
		s.paymentStatus = "paid"
		a.emit("checkout.session.async_payment_succeeded", s)
	}
}
