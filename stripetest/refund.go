package stripetest

type refund struct {
	base
	charge        *charge
	amount        int64
	status        string // succeeded, pending, failed, canceled
	reason        string
	failureReason string
}

func (r *refund) render() Object {
	o := Object{
		"id": r.id, "object": "refund", "amount": r.amount, "balance_transaction": nil,
		"charge": r.charge.id, "created": r.created, "currency": r.charge.currency, "customer": nil,
		"destination_details": Object{"type": "card", "card": Object{
			"reference": nil, "reference_status": "pending", "reference_type": "acquirer_reference_number", "type": "refund",
		}},
		"metadata": metadata(r.metadata), "payment_intent": r.charge.intent.id,
		"payment_method": r.charge.method.id, "reason": optional(r.reason), "receipt_number": nil,
		"source_transfer_reversal": nil, "status": r.status, "transfer_reversal": nil,
	}
	if card := o["destination_details"].(Object)["card"].(Object); card["reference"] == nil {
		delete(card, "reference")
	}
	if r.charge.method.kind != "card" {
		delete(o, "destination_details")
	}
	if r.charge.customer != nil {
		o["customer"] = r.charge.customer.id
	}
	if r.failureReason != "" {
		o["failure_reason"] = r.failureReason
	}
	return o
}

// refund gives money back. charge.refunded comes for every one, with the
// cumulative amount.
// https://docs.stripe.com/api/refunds/create
func (a *Account) refund(c *charge, amount int64, reason string, meta map[string]string) (*refund, *Error) {
	switch {
	case c.status != "succeeded":
		return nil, invalid("", "This charge (%s) has not been paid and cannot be refunded.", c.id)
	case c.authorized:
		return nil, invalid("", "Charge %s has not been captured; cancel its PaymentIntent to release it.", c.id)
	case c.disputed:
		return nil, invalidCode("charge_disputed", "", "Charge %s has been charged back; cannot issue a refund.", c.id)
	case c.refunded == c.amount:
		return nil, invalidCode("charge_already_refunded", "", "Charge %s has already been refunded.", c.id)
	case amount == 0:
		amount = c.amount - c.refunded
	case amount > c.amount-c.refunded:
		return nil, invalid("amount", "Refund amount (%d) is greater than unrefunded amount on charge (%d)", amount, c.amount-c.refunded)
	}
	if _, seen := a.shown[c.id]; !seen {
		a.shown[c.id] = c.render()
	}
	r := &refund{
		base: a.newBase(a.ids.long("re", a.now)), charge: c, amount: amount, status: "succeeded", reason: reason,
	}
	r.metadata = meta
	if c.method.card.refund == "pending" {
		r.status = "pending"
	}
	c.refunds = append(c.refunds, r)
	c.refunded += amount
	add(a, &a.refunds, r)
	a.emit("refund.created", r)
	a.emit("charge.refunded", c)
	switch c.method.card.refund {
	case "failed":
		a.at(a.now+1, func() { a.failRefund(r, "lost_or_stolen_card") })
	case "pending":
		a.at(a.now+day, func() {
			if r.status == "pending" {
				r.status = "succeeded"
				a.emitUpdate("refund.updated", r)
				a.emitObject("charge.refund.updated", r.render())
			}
		})
	}
	return r, nil
}

// failRefund sends the money back to the account. The charge then counts the
// refund no longer, so that another can be made.
func (a *Account) failRefund(r *refund, reason string) {
	if r.status == "failed" || r.status == "canceled" {
		return
	}
	r.status, r.failureReason = "failed", reason
	r.charge.refunded -= r.amount
	a.emitUpdate("refund.updated", r)
	a.emit("charge.refund.updated", r)
	a.emit("refund.failed", r)
	a.emitUpdate("charge.updated", r.charge)
}

// FailRefund makes a refund fail that had gone out, as a bank does that cannot
// book it.
func (a *Account) FailRefund(id string) error {
	return a.do(func() *Error {
		r, ok := a.refunds.get(id)
		if !ok {
			return noSuch("refund", id)
		}
		a.failRefund(r, "expired_or_canceled_card")
		return nil
	})
}

func createRefund(a *Account, req apiRequest) (Object, *Error) {
	in := req.params
	c, err := a.chargeParam(in)
	if err != nil {
		return nil, err
	}
	amount := in.positive("amount")
	if in.has("amount") && amount == 0 && in.err() == nil {
		return nil, invalidCode("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1.")
	}
	reason := in.oneOf("reason", "", "duplicate", "fraudulent", "requested_by_customer")
	meta := in.mergeMetadata(nil)
	if err := in.err(); err != nil {
		return nil, err
	}
	r, err := a.refund(c, amount, reason, meta)
	if err != nil {
		return nil, err
	}
	return r.render(), nil
}

// chargeParam is the charge that a request names, by itself or by its intent.
func (a *Account) chargeParam(in *params) (*charge, *Error) {
	if id := in.str("charge"); id != "" {
		c, ok := a.charges.get(id)
		if !ok {
			return nil, noSuchParam("charge", id, "charge")
		}
		return c, nil
	}
	id := in.str("payment_intent")
	if id == "" {
		return nil, invalid("", "One of the following params should be provided for this request: payment_intent or charge.")
	}
	p, ok := a.intents.get(id)
	if !ok {
		return nil, noSuchParam("payment_intent", id, "payment_intent")
	}
	for i := len(p.charges) - 1; i >= 0; i-- {
		if p.charges[i].status == "succeeded" {
			return p.charges[i], nil
		}
	}
	return nil, invalid("payment_intent", "This PaymentIntent (%s) does not have a successful charge to refund.", id)
}

func updateRefund(a *Account, req apiRequest) (Object, *Error) {
	r, ok := a.refunds.get(req.id)
	if !ok {
		return nil, noSuch("refund", req.id)
	}
	meta := req.params.mergeMetadata(r.metadata)
	if err := req.params.err(); err != nil {
		return nil, err
	}
	r.metadata = meta
	a.emitUpdate("refund.updated", r)
	return r.render(), nil
}

func listRefunds(a *Account, req apiRequest) (Object, *Error) {
	charge, intent := req.params.str("charge"), req.params.str("payment_intent")
	return page(a, req, a.refunds.order, func(r *refund) bool {
		return (charge == "" || r.charge.id == charge) && (intent == "" || r.charge.intent.id == intent)
	})
}
