package stripetest

import "strings"

type dispute struct {
	base
	charge   *charge
	amount   int64
	reason   string
	status   string
	dueBy    int64
	evidence bool
}

func (d *dispute) render() Object {
	evidence := Object{"enhanced_evidence": Object{}}
	for _, key := range [...]string{
		"access_activity_log", "billing_address", "cancellation_policy", "cancellation_policy_disclosure",
		"cancellation_rebuttal", "customer_communication", "customer_email_address", "customer_name",
		"customer_purchase_ip", "customer_signature", "duplicate_charge_documentation",
		"duplicate_charge_explanation", "duplicate_charge_id", "product_description", "receipt",
		"refund_policy", "refund_policy_disclosure", "refund_refusal_explanation", "service_date",
		"service_documentation", "shipping_address", "shipping_carrier", "shipping_date",
		"shipping_documentation", "shipping_tracking_number", "uncategorized_file", "uncategorized_text",
	} {
		evidence[key] = nil
	}
	if d.evidence {
		evidence["uncategorized_text"] = d.metadata["evidence"]
	}
	var submissions int64
	if d.evidence {
		submissions = 1
	}
	return Object{
		"id": d.id, "object": "dispute", "amount": d.amount, "balance_transactions": []any{},
		"charge": d.charge.id, "created": d.created, "currency": d.charge.currency,
		"enhanced_eligibility_types": []any{}, "evidence": evidence,
		"evidence_details": Object{
			"due_by": d.dueBy, "enhanced_eligibility": Object{}, "has_evidence": d.evidence,
			"past_due": d.acct.now > d.dueBy, "submission_count": submissions,
		},
		"is_charge_refundable": false, "livemode": d.acct.cfg.Livemode, "metadata": metadata(nil),
		"payment_intent": d.charge.intent.id,
		"payment_method_details": Object{"type": "card", "card": Object{
			"brand": d.charge.method.card.brand, "case_type": d.caseType(),
			"network": d.charge.method.card.brand, "network_reason_code": "10",
		}},
		"reason": d.reason, "status": d.status,
	}
}

func (d *dispute) caseType() string {
	if strings.HasPrefix(d.status, "warning_") {
		return "inquiry"
	}
	return "chargeback"
}

// dispute opens a chargeback, which takes the money at once, or an inquiry,
// which takes none.
// https://docs.stripe.com/disputes/how-disputes-work
func (a *Account) dispute(c *charge, reason string, inquiry bool) *dispute {
	d := &dispute{
		base: a.newBase(a.ids.long("du", a.now)), charge: c, amount: c.amount, reason: reason,
		status: "needs_response", dueBy: a.now + 9*day,
	}
	if inquiry {
		d.status = "warning_needs_response"
	}
	if _, seen := a.shown[c.id]; !seen {
		a.shown[c.id] = c.render()
	}
	add(a, &a.disputes, d)
	c.disputed, c.dispute = true, d
	a.emit("charge.dispute.created", d)
	a.emitUpdate("charge.updated", c)
	if !inquiry {
		a.emit("charge.dispute.funds_withdrawn", d)
	}
	return d
}

func (a *Account) disputeByCard(c *charge) {
	if card := c.method.card; card.dispute != "" {
		a.dispute(c, card.dispute, card.inquiry)
	}
}

// closeDispute ends it: won, lost or warning_closed.
func (a *Account) closeDispute(d *dispute, status string) {
	inquiry := d.caseType() == "inquiry"
	d.status = status
	if inquiry {
		d.status = "warning_closed"
	}
	a.emit("charge.dispute.closed", d)
	if d.status == "won" {
		a.emit("charge.dispute.funds_reinstated", d)
	}
}

// Dispute disputes a charge as its cardholder's bank does and returns the
// dispute. The reason is one of Stripe's: fraudulent, duplicate,
// product_not_received, …
func (a *Account) Dispute(charge, reason string) (Object, error) {
	var made *dispute
	err := a.do(func() *Error {
		c, ok := a.charges.get(charge)
		switch {
		case !ok:
			return noSuch("charge", charge)
		case !c.captured() || c.disputed:
			return invalid("", "Charge %s cannot be disputed.", charge)
		}
		made = a.dispute(c, reason, false)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return a.Get("/v1/disputes/"+made.id, nil)
}

// CloseDispute is the bank's decision.
func (a *Account) CloseDispute(id string, won bool) error {
	return a.do(func() *Error {
		d, ok := a.disputes.get(id)
		switch {
		case !ok:
			return noSuch("dispute", id)
		case d.closed():
			return invalid("", "Dispute %s is already closed.", id)
		}
		status := "lost"
		if won {
			status = "won"
		}
		a.closeDispute(d, status)
		return nil
	})
}

func (d *dispute) closed() bool {
	return d.status == "won" || d.status == "lost" || d.status == "warning_closed"
}

func updateDispute(a *Account, r apiRequest) (Object, *Error) {
	d, ok := a.disputes.get(r.id)
	if !ok {
		return nil, noSuch("dispute", r.id)
	}
	if d.closed() {
		return nil, invalid("", "This dispute is already closed.")
	}
	evidence := r.params.at("evidence")
	text := evidence.str("uncategorized_text")
	if err := r.params.err(); err != nil {
		return nil, err
	}
	if len(evidence.keys) > 0 {
		d.evidence = true
		d.metadata["evidence"] = text
		if d.caseType() == "inquiry" {
			d.status = "warning_under_review"
		} else {
			d.status = "under_review"
		}
	}
	a.emitUpdate("charge.dispute.updated", d)
	return d.render(), nil
}

// closeDisputeRoute accepts the dispute: it is lost.
func closeDisputeRoute(a *Account, r apiRequest) (Object, *Error) {
	d, ok := a.disputes.get(r.id)
	if !ok {
		return nil, noSuch("dispute", r.id)
	}
	if d.closed() {
		return nil, invalid("", "This dispute is already closed.")
	}
	a.closeDispute(d, "lost")
	return d.render(), nil
}

func listDisputes(a *Account, r apiRequest) (Object, *Error) {
	charge, intent := r.params.str("charge"), r.params.str("payment_intent")
	return page(a, r, a.disputes.order, func(d *dispute) bool {
		return (charge == "" || d.charge.id == charge) && (intent == "" || d.charge.intent.id == intent)
	})
}
