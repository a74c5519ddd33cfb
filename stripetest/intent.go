package stripetest

type paymentIntent struct {
	base
	amount, received int64
	currency         string
	customer         *customer
	invoice          *invoice
	session          *checkoutSession
	method           *paymentMethod
	status           string
	description      string
	charges          []*charge // oldest first
	lastError        *Error
	canceledAt       int64
	cancelReason     string
	receiptEmail     string
	setupFutureUse   string
	secret           string
	manual           bool            // authorized first, captured when asked to
	settled          func(paid bool) // what waits for the money, where it is not an invoice
}

func (p *paymentIntent) render() Object {
	o := Object{
		"id": p.id, "object": "payment_intent", "amount": p.amount, "amount_capturable": p.capturable(),
		"amount_details": Object{"tip": Object{}}, "amount_received": p.received, "application": nil,
		"application_fee_amount": nil, "automatic_payment_methods": nil,
		"canceled_at": optional(p.canceledAt), "cancellation_reason": optional(p.cancelReason),
		"capture_method": "automatic", "client_secret": p.secret, "confirmation_method": "automatic",
		"created": p.created, "currency": p.currency, "customer": nil,
		"description": optional(p.description), "excluded_payment_method_types": nil,
		"last_payment_error": nil, "latest_charge": nil, "livemode": p.acct.cfg.Livemode,
		"metadata": metadata(p.metadata), "next_action": nil, "on_behalf_of": nil,
		"payment_method": methodID(p.method), "payment_method_configuration_details": nil,
		"payment_method_options": Object{"card": Object{
			"installments": nil, "mandate_options": nil, "network": nil, "request_three_d_secure": "automatic",
		}},
		"payment_method_types": []any{"card"}, "processing": nil,
		"receipt_email": optional(p.receiptEmail), "review": nil,
		"setup_future_usage": optional(p.setupFutureUse), "shipping": nil, "source": nil, "statement_descriptor": nil,
		"statement_descriptor_suffix": nil, "status": p.status, "transfer_data": nil, "transfer_group": nil,
		// Shown before 2025-03-31.basil, and before 2022-11-15.
		"_invoice": nil,
		"_charges": each(p.charges, func(c *charge) any { return c.render() }),
	}
	if p.customer != nil {
		o["customer"] = p.customer.id
	}
	if p.method != nil && p.method.kind != "card" {
		o["payment_method_types"] = []any{p.method.kind}
		o["payment_method_options"] = Object{}
	}
	if p.invoice != nil {
		o["_invoice"] = p.invoice.id
		// Cut at 25 characters, as Stripe does: not a key to the invoice.
		o["payment_details"] = Object{"customer_reference": nil, "order_reference": p.invoice.id[:min(25, len(p.invoice.id))]}
	}
	if n := len(p.charges); n > 0 {
		o["latest_charge"] = p.charges[n-1].id
	}
	if p.lastError != nil {
		o["last_payment_error"] = p.lastError.object()
	}
	if p.manual {
		o["capture_method"] = "manual"
	}
	if p.status == "requires_action" {
		o["next_action"] = Object{"type": "use_stripe_sdk", "use_stripe_sdk": Object{"type": "three_d_secure_redirect"}}
	}
	return o
}

// capturable is what is authorized and not captured.
func (p *paymentIntent) capturable() int64 {
	if p.status == "requires_capture" {
		return p.amount
	}
	return 0
}

func (a *Account) newIntent(c *customer, amount int64, currency string) *paymentIntent {
	p := &paymentIntent{
		base: a.newBase(a.ids.long("pi", a.now)), amount: amount, currency: currency, customer: c,
		status: "requires_payment_method",
	}
	p.secret = p.id + "_secret_" + a.ids.letters(25)
	if c != nil {
		p.receiptEmail = c.email
	}
	add(a, &a.intents, p)
	return p
}

// outcome is how one try at a payment ended.
type outcome int

const (
	paid outcome = iota
	declinedPayment
	needsAction
	processing
)

// confirm tries the payment once. Off session nobody is there to authenticate.
// The *Error is what an API request that asked for the payment is answered.
func (a *Account) confirm(p *paymentIntent, m *paymentMethod, offSession bool) (outcome, *Error) {
	if m == nil {
		p.status = "requires_payment_method"
		return declinedPayment, invalid("", "This customer has no attached payment source or default payment method. Please consider adding a default payment method.")
	}
	p.method = m
	switch card := m.card; {
	case card.code != "":
		return a.decline(p, card.error(card.code, card.decline))
	case (card.authenticate || card.offSession && offSession) && !m.authenticated:
		p.status = "requires_action"
		p.lastError = nil
		a.emit("payment_intent.requires_action", p)
		e := testCard{}.error("authentication_required", "authentication_required")
		e.AdviceCode = ""
		return needsAction, e
	case card.async:
		c := a.newCharge(p, "pending")
		p.status = "processing"
		a.emit("payment_intent.processing", p)
		a.emit("charge.pending", c)
		a.at(a.now+3*day, func() { a.settleAsync(p, c) })
		return processing, nil
	}
	a.succeed(p, a.newCharge(p, "succeeded"))
	return paid, nil
}

// authenticate is what the customer does in the bank's window.
func (a *Account) authenticate(p *paymentIntent) {
	p.method.authenticated = true
	a.succeed(p, a.newCharge(p, "succeeded"))
}

func (a *Account) succeed(p *paymentIntent, c *charge) {
	c.status = "succeeded"
	if p.manual && p.method.kind == "card" {
		c.authorized = true
		p.status, p.lastError = "requires_capture", nil
		a.emit("charge.succeeded", c)
		a.emit("payment_intent.amount_capturable_updated", p)
		return
	}
	p.status, p.received, p.lastError = "succeeded", p.amount, nil
	a.emit("charge.succeeded", c)
	a.emit("payment_intent.succeeded", p)
	a.disputeByCard(c)
}

// capture takes what was authorized, all of it.
// https://docs.stripe.com/payments/place-a-hold-on-a-payment-method
func (a *Account) capture(p *paymentIntent) {
	c := p.charges[len(p.charges)-1]
	c.authorized = false
	p.status, p.received = "succeeded", p.amount
	a.emit("charge.captured", c)
	a.emit("payment_intent.succeeded", p)
	a.disputeByCard(c)
}

func (a *Account) decline(p *paymentIntent, e *Error) (outcome, *Error) {
	c := a.newCharge(p, "failed")
	c.failure = e
	return a.declineCharge(p, c, e)
}

func (a *Account) declineCharge(p *paymentIntent, c *charge, e *Error) (outcome, *Error) {
	c.status, c.failure = "failed", e
	e.Charge = c.id
	shown := *e
	shown.PaymentMethod = p.method.render()
	p.lastError = &shown
	p.status = "requires_payment_method"
	a.emit("charge.failed", c)
	a.emit("payment_intent.payment_failed", p)
	answer := shown
	answer.PaymentIntent = p.render()
	return declinedPayment, &answer
}

// settleAsync ends a bank debit after some days.
func (a *Account) settleAsync(p *paymentIntent, c *charge) {
	if p.status != "processing" {
		return
	}
	if p.method.card.asyncFails {
		e := &Error{
			Status: 402, Type: "card_error", Code: "payment_method_provider_decline",
			DeclineCode: "insufficient_funds", Message: "The customer's account has insufficient funds to cover this payment.",
		}
		_, _ = a.declineCharge(p, c, e) // nobody asked: it is in the events
		a.settle(p, false)
		return
	}
	a.succeed(p, c)
	a.settle(p, true)
}

// settle tells the invoice or the session of a payment that ended later than
// it began.
func (a *Account) settle(p *paymentIntent, ok bool) {
	switch {
	case p.invoice != nil && ok:
		a.invoicePaid(p.invoice, p)
	case p.invoice != nil:
		a.invoiceFailed(p.invoice, declinedPayment)
	}
	if p.settled != nil {
		p.settled(ok)
	}
}

func (a *Account) cancelIntent(p *paymentIntent, reason string) {
	if p.status == "succeeded" || p.status == "canceled" {
		return
	}
	if p.status == "requires_capture" { // what is held is released
		c := p.charges[len(p.charges)-1]
		c.refunded = c.amount
		a.emit("charge.refunded", c)
	}
	p.status, p.canceledAt, p.cancelReason = "canceled", a.now, reason
	a.emit("payment_intent.canceled", p)
}

func createIntent(a *Account, r apiRequest) (Object, *Error) {
	in := r.params
	amount := in.positive("amount")
	currency := in.need("currency")
	if !in.has("amount") {
		return nil, missingParam("amount")
	}
	if amount == 0 {
		return nil, invalidCode("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.")
	}
	var c *customer
	if in.has("customer") {
		known, err := a.customerParam(in)
		if err != nil {
			return nil, err
		}
		c = known
	}
	meta := in.mergeMetadata(nil)
	if err := in.err(); err != nil {
		return nil, err
	}
	var m *paymentMethod
	if id := in.str("payment_method"); id != "" {
		named, err := a.magicMethod(id, "payment_method", nil)
		if err != nil {
			return nil, err
		}
		m = named
	}
	p := a.newIntent(c, amount, currency)
	p.description, p.metadata, p.method = in.str("description"), meta, m
	p.setupFutureUse = in.str("setup_future_usage")
	p.manual = in.oneOf("capture_method", "automatic", "automatic_async", "manual") == "manual"
	if m != nil {
		p.status = "requires_confirmation"
	}
	a.emit("payment_intent.created", p)
	if in.boolean("confirm") {
		return a.confirmByAPI(p, m, in.boolean("off_session"))
	}
	return p.render(), in.err()
}

func (a *Account) confirmByAPI(p *paymentIntent, m *paymentMethod, offSession bool) (Object, *Error) {
	if m == nil {
		return nil, invalidCode("payment_intent_unexpected_state", "", "You cannot confirm this PaymentIntent because it's missing a payment method.")
	}
	if p.status == "succeeded" || p.status == "canceled" || p.status == "requires_capture" {
		return nil, invalidCode("payment_intent_unexpected_state", "", "You cannot confirm this PaymentIntent because it has a status of %s.", p.status)
	}
	result, err := a.confirm(p, m, offSession)
	if result == declinedPayment {
		return nil, err
	}
	if result == paid && p.invoice != nil {
		a.invoicePaid(p.invoice, p)
	}
	if result == paid && p.customer != nil && p.setupFutureUse != "" {
		a.attach(m, p.customer)
	}
	return p.render(), nil
}

func confirmIntent(a *Account, r apiRequest) (Object, *Error) {
	p, ok := a.intents.get(r.id)
	if !ok {
		return nil, noSuch("payment_intent", r.id)
	}
	m := p.method
	if id := r.params.str("payment_method"); id != "" {
		named, err := a.magicMethod(id, "payment_method", nil)
		if err != nil {
			return nil, err
		}
		m = named
	}
	return a.confirmByAPI(p, m, r.params.boolean("off_session"))
}

func captureIntent(a *Account, r apiRequest) (Object, *Error) {
	p, ok := a.intents.get(r.id)
	if !ok {
		return nil, noSuch("payment_intent", r.id)
	}
	if p.status != "requires_capture" {
		return nil, invalidCode("payment_intent_unexpected_state", "", "This PaymentIntent could not be captured because it has a status of %s. Only one in the status requires_capture can be.", p.status)
	}
	a.capture(p)
	return p.render(), nil
}

func cancelIntentRoute(a *Account, r apiRequest) (Object, *Error) {
	p, ok := a.intents.get(r.id)
	if !ok {
		return nil, noSuch("payment_intent", r.id)
	}
	if p.status == "succeeded" || p.status == "canceled" || p.invoice != nil {
		return nil, invalidCode("payment_intent_unexpected_state", "", "You cannot cancel this PaymentIntent because it has a status of %s or belongs to an invoice.", p.status)
	}
	a.cancelIntent(p, r.params.oneOf("cancellation_reason", "", "duplicate", "fraudulent", "requested_by_customer", "abandoned"))
	return p.render(), nil
}

func listIntents(a *Account, r apiRequest) (Object, *Error) {
	customer := r.params.str("customer")
	return page(a, r, a.intents.order, func(p *paymentIntent) bool {
		return customer == "" || p.customer != nil && p.customer.id == customer
	})
}
