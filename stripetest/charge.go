package stripetest

import "strings"

type charge struct {
	base
	amount, refunded int64
	currency         string
	customer         *customer
	intent           *paymentIntent
	method           *paymentMethod
	status           string // succeeded, pending, failed
	failure          *Error
	disputed         bool
	authorized       bool // only: not captured yet
	dispute          *dispute
	refunds          []*refund
	description      string
	transaction      string
}

func (a *Account) newCharge(p *paymentIntent, status string) *charge {
	c := &charge{
		base: a.newBase(a.ids.long("ch", a.now)), amount: p.amount, currency: p.currency,
		customer: p.customer, intent: p, method: p.method, status: status, description: p.description,
	}
	for key, value := range p.metadata {
		c.metadata[key] = value
	}
	c.transaction = a.ids.long("txn", a.now)
	p.charges = append(p.charges, c)
	add(a, &a.charges, c)
	return c
}

func (c *charge) render() Object {
	cfg := c.acct.cfg
	o := Object{
		"id": c.id, "object": "charge", "amount": c.amount, "amount_captured": int64(0),
		"amount_refunded": c.refunded, "application": nil, "application_fee": nil,
		"application_fee_amount": nil, "balance_transaction": nil, "billing_details": c.method.billing(),
		"calculated_statement_descriptor": strings.ToUpper(cfg.Name), "captured": c.captured(),
		"created": c.created, "currency": c.currency, "customer": nil,
		"description": optional(c.description), "destination": nil, "dispute": nil, "disputed": c.disputed,
		"failure_balance_transaction": nil, "failure_code": nil, "failure_message": nil,
		"fraud_details": Object{}, "livemode": cfg.Livemode, "metadata": metadata(c.metadata),
		"on_behalf_of": nil, "order": nil, "outcome": nil, "paid": c.status == "succeeded",
		"payment_intent": c.intent.id, "payment_method": c.method.id,
		"payment_method_details": c.methodDetails(), "radar_options": Object{},
		"receipt_email": optional(c.intent.receiptEmail), "receipt_number": nil, "receipt_url": nil,
		"refunded": c.refunded == c.amount, "review": nil, "shipping": nil, "source": nil, "source_transfer": nil,
		"statement_descriptor": nil, "statement_descriptor_suffix": nil, "status": c.status,
		"transfer_data": nil, "transfer_group": nil,
		// Shown before 2025-03-31.basil, and before 2022-11-15.
		"_invoice": nil,
		"_refunds": c.refundList(),
	}
	if c.customer != nil {
		o["customer"] = c.customer.id
	}
	if c.intent.invoice != nil {
		o["_invoice"] = c.intent.invoice.id
	}
	if c.dispute != nil {
		o["dispute"] = c.dispute.id
	}
	switch c.status {
	case "succeeded":
		if c.captured() {
			o["amount_captured"] = c.amount
			o["balance_transaction"] = c.transaction
		}
		o["receipt_url"] = c.acct.page("https://pay.stripe.com/receipts/", c.id)
		o["outcome"] = outcomeOf("authorized", "approved_by_network", nil, "Payment complete.")
	case "failed":
		o["failure_code"] = c.failure.Code
		o["failure_message"] = c.failure.Message
		reason := c.failure.DeclineCode
		if reason == "" {
			reason = c.failure.Code
		}
		o["outcome"] = outcomeOf("issuer_declined", "declined_by_network", reason, "The bank did not return any further details with this decline.")
	}
	return o
}

func (c *charge) captured() bool { return c.status == "succeeded" && !c.authorized }

func outcomeOf(kind, network string, reason any, message string) Object {
	return Object{
		"advice_code": nil, "network_advice_code": nil, "network_decline_code": nil,
		"network_status": network, "reason": reason, "risk_level": "normal", "risk_score": int64(20),
		"seller_message": message, "type": kind,
	}
}

func (c *charge) refundList() Object {
	data := make([]any, 0, len(c.refunds))
	for i := len(c.refunds) - 1; i >= 0; i-- {
		data = append(data, c.refunds[i].render())
	}
	o := list("/v1/charges/"+c.id+"/refunds", data)
	o["total_count"] = int64(len(data))
	return o
}

func (c *charge) methodDetails() Object {
	m := c.method
	switch m.kind {
	case "sepa_debit":
		return Object{"type": m.kind, "sepa_debit": Object{
			"bank_code": m.card.brand, "branch_code": "", "country": m.card.country,
			"fingerprint": m.fingerprint, "last4": m.card.last4, "mandate": nil,
		}}
	case "us_bank_account":
		return Object{"type": m.kind, "us_bank_account": Object{
			"account_holder_type": "individual", "account_type": "checking", "bank_name": m.card.brand,
			"fingerprint": m.fingerprint, "last4": m.card.last4, "payment_reference": nil,
			"routing_number": "110000000",
		}}
	}
	return Object{"type": "card", "card": Object{
		"amount_authorized": c.amount, "authorization_code": nil, "brand": m.card.brand,
		"checks":  Object{"address_line1_check": nil, "address_postal_code_check": nil, "cvc_check": "pass"},
		"country": m.card.country, "exp_month": m.expMonth, "exp_year": m.expYear,
		"extended_authorization": Object{"status": "disabled"}, "fingerprint": m.fingerprint,
		"funding": m.card.funding, "incremental_authorization": Object{"status": "unavailable"},
		"installments": nil, "last4": m.card.last4, "mandate": nil,
		"multicapture": Object{"status": "unavailable"}, "network": m.card.brand,
		"network_token": Object{"used": false}, "network_transaction_id": nil,
		"overcapture":      Object{"maximum_amount_capturable": c.amount, "status": "unavailable"},
		"regulated_status": "unregulated", "three_d_secure": nil, "wallet": nil,
	}}
}

func listCharges(a *Account, r apiRequest) (Object, *Error) {
	customer, intent := r.params.str("customer"), r.params.str("payment_intent")
	return page(a, r, a.charges.order, func(c *charge) bool {
		return (customer == "" || c.customer != nil && c.customer.id == customer) &&
			(intent == "" || c.intent.id == intent)
	})
}

func updateCharge(a *Account, r apiRequest) (Object, *Error) {
	c, ok := a.charges.get(r.id)
	if !ok {
		return nil, noSuch("charge", r.id)
	}
	meta, description := r.params.mergeMetadata(c.metadata), c.description
	if r.params.has("description") {
		description = r.params.str("description")
	}
	if err := r.params.err(); err != nil {
		return nil, err
	}
	c.metadata, c.description = meta, description
	a.emitUpdate("charge.updated", c)
	return c.render(), nil
}
