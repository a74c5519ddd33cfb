package stripetest

import (
	"fmt"
)

type invoice struct {
	base
	customer     *customer
	subscription *subscription // nil for a one-off invoice
	number       string
	status       string // draft, open, paid, uncollectible, void
	reason       string // billing_reason
	currency     string
	collection   string // charge_automatically, send_invoice
	description  string
	footer       string
	dueDate      int64
	periodStart  int64
	periodEnd    int64
	subMetadata  map[string]string // the subscription's, when the invoice was made
	automaticTax bool
	rates        []*taxRate
	defaultPM    *paymentMethod

	lines     []*line
	discounts []*discount
	totals

	startingBalance, endingBalance int64
	finalBalance                   bool // endingBalance is known
	amountDue, amountPaid          int64
	preCredit, postCredit          int64
	outOfBand                      bool

	attempts    int64
	attempted   bool
	nextAttempt int64
	retry       int // how many of the schedule's waits are used up
	autoAdvance bool
	finalizesAt int64

	finalizedAt, paidAt, voidedAt, uncollectibleAt int64

	intent   *paymentIntent
	payments []*invoicePayment
	deleted  bool
	upcoming bool // a preview, which has no id
	session  bool // Checkout paid it, which counts as no attempt
}

func (i *invoice) remaining() int64 {
	if i.status == "void" {
		return i.amountDue
	}
	return i.amountDue - i.amountPaid
}

func (i *invoice) render() Object {
	cfg := i.acct.cfg
	c := i.customer
	o := Object{
		"id": i.id, "object": "invoice", "account_country": cfg.Country, "account_name": cfg.Name,
		"account_tax_ids": nil, "amount_due": i.amountDue, "amount_overpaid": int64(0),
		"amount_paid": i.amountPaid, "amount_paid_off_stripe": int64(0), "amount_remaining": i.remaining(),
		"amount_shipping": int64(0), "application": nil, "attempt_count": i.attempts,
		"attempted": i.attempted, "auto_advance": i.autoAdvance,
		"automatic_tax": Object{
			"disabled_reason": nil, "enabled": i.automaticTax, "liability": nil, "provider": nil, "status": nil,
		},
		"automatically_finalizes_at": optional(i.finalizesAt), "billing_reason": i.reason,
		"collection_method": i.collection, "created": i.created, "currency": i.currency,
		"custom_fields": nil, "customer": c.id, "customer_address": orNull(c.address),
		"customer_email": optional(c.email), "customer_name": optional(c.name),
		"customer_phone": optional(c.phone), "customer_shipping": nil, "customer_tax_exempt": c.taxExempt,
		"customer_tax_ids":       each(c.taxIDs, func(t Object) any { return Object{"type": t["type"], "value": t["value"]} }),
		"default_payment_method": methodID(i.defaultPM), "default_source": nil,
		"default_tax_rates": each(i.rates, func(t *taxRate) any { return t.render() }),
		"description":       optional(i.description),
		"discounts":         each(i.discounts, func(d *discount) any { return d.id }),
		"due_date":          optional(i.dueDate), "effective_at": optional(i.finalizedAt),
		"ending_balance": nil, "footer": optional(i.footer), "from_invoice": nil,
		"hosted_invoice_url": nil, "invoice_pdf": nil, "issuer": Object{"type": "self"},
		"last_finalization_error": nil, "latest_revision": nil,
		"lines":    firstLines("/v1/invoices/"+i.id+"/lines", i.renderLines()),
		"livemode": cfg.Livemode, "metadata": metadata(i.metadata),
		"next_payment_attempt": optional(i.nextAttempt), "number": optional(i.number), "on_behalf_of": nil,
		"parent": nil, "payment_settings": Object{
			"default_mandate": nil, "payment_method_options": nil, "payment_method_types": nil,
		},
		"period_end": i.periodEnd, "period_start": i.periodStart,
		"post_payment_credit_notes_amount": i.postCredit, "pre_payment_credit_notes_amount": i.preCredit,
		"receipt_number": nil, "rendering": nil, "shipping_cost": nil, "shipping_details": nil,
		"starting_balance": i.startingBalance, "statement_descriptor": nil, "status": i.status,
		"status_transitions": Object{
			"finalized_at": optional(i.finalizedAt), "marked_uncollectible_at": optional(i.uncollectibleAt),
			"paid_at": optional(i.paidAt), "voided_at": optional(i.voidedAt),
		},
		"subtotal": i.subtotal, "subtotal_excluding_tax": i.subtotal - i.inclusiveTax, "test_clock": nil,
		"total": i.total, "total_discount_amounts": i.renderDiscounts(),
		"total_excluding_tax": i.total - i.tax, "total_pretax_credit_amounts": []any{},
		"total_taxes":           each(i.taxes, func(t taxAmount) any { return t.render() }),
		"webhooks_delivered_at": optional(i.created),
	}
	if i.finalBalance {
		o["ending_balance"] = i.endingBalance
	}
	if i.outOfBand {
		o["amount_paid_off_stripe"] = i.amountPaid
	}
	if i.automaticTax {
		tax := o["automatic_tax"].(Object)
		tax["liability"], tax["provider"], tax["status"] = Object{"type": "self"}, "stripe", "complete"
	}
	if c.clock != nil {
		o["test_clock"] = c.clock.id
	}
	if i.finalizedAt != 0 {
		o["hosted_invoice_url"] = i.acct.page("https://invoice.stripe.com/i/", i.id)
		o["invoice_pdf"] = i.acct.page("https://pay.stripe.com/invoice/", i.id+"/pdf")
	}
	if i.subscription != nil {
		o["parent"] = Object{
			"quote_details": nil, "type": "subscription_details",
			"subscription_details": Object{"metadata": metadata(i.subMetadata), "subscription": i.subscription.id},
		}
	}
	i.renderLegacy(o)
	if i.upcoming {
		delete(o, "id")
	}
	return o
}

// renderLegacy adds what versions before 2025-03-31.basil show.
func (i *invoice) renderLegacy(o Object) {
	o["_paid"] = i.status == "paid"
	o["_paid_out_of_band"] = i.outOfBand
	o["_charge"], o["_payment_intent"], o["_discount"] = nil, nil, nil
	if i.intent != nil {
		o["_payment_intent"] = i.intent.id
		if n := len(i.intent.charges); n > 0 {
			o["_charge"] = i.intent.charges[n-1].id
		}
	}
	if len(i.discounts) > 0 {
		o["_discount"] = i.discounts[0].render()
	}
}

func (i *invoice) renderPayments() []any {
	return each(i.payments, func(p *invoicePayment) any { return p.render() })
}

func (a *Account) newInvoice(c *customer, reason string) *invoice {
	i := &invoice{
		base: a.newBase(a.ids.long("in", a.now)), customer: c, status: "draft", reason: reason,
		currency: c.currency, collection: "charge_automatically", periodStart: a.now, periodEnd: a.now,
		autoAdvance: true,
	}
	if i.currency == "" {
		i.currency = a.cfg.Currency
	}
	if c.discount != nil && c.discount.activeAt(a.now) {
		i.discounts = []*discount{c.discount}
	}
	return i
}

// invoicePayment says which payment pays which invoice.
// https://docs.stripe.com/api/invoice-payment/object
type invoicePayment struct {
	base
	invoice            *invoice
	intent             *paymentIntent
	requested          int64
	status             string // open, paid, canceled
	paidAt, canceledAt int64
}

func (p *invoicePayment) render() Object {
	o := Object{
		"id": p.id, "object": "invoice_payment", "amount_paid": nil, "amount_requested": p.requested,
		"created": p.created, "currency": p.invoice.currency, "invoice": p.invoice.id, "is_default": true,
		"livemode": p.acct.cfg.Livemode, "payment": Object{"payment_intent": p.intent.id, "type": "payment_intent"},
		"status": p.status,
		"status_transitions": Object{
			"canceled_at": optional(p.canceledAt), "paid_at": optional(p.paidAt),
		},
	}
	if p.status == "paid" {
		o["amount_paid"] = p.requested
	}
	return o
}

func listInvoicePayments(a *Account, r apiRequest) (Object, *Error) {
	in := r.params
	invoice, status := in.str("invoice"), in.str("status")
	payment := in.at("payment")
	intent := payment.str("payment_intent")
	if len(payment.keys) > 0 {
		payment.need("type")
	}
	return page(a, r, a.payments.order, func(p *invoicePayment) bool {
		return (invoice == "" || p.invoice.id == invoice) && (status == "" || p.status == status) &&
			(intent == "" || p.intent.id == intent)
	})
}

// nextNumber numbers the customer's invoices, as Stripe does by default.
func (c *customer) nextNumber() string {
	n := c.nextSequence
	c.nextSequence++
	return fmt.Sprintf("%s-%04d", c.invoicePrefix, n)
}
