package stripetest

import (
	"slices"
	"strconv"
)

// creditNote is https://docs.stripe.com/api/credit_notes/object.
type creditNote struct {
	base
	number             string
	invoice            *invoice
	status             string // issued, void
	reason, memo       string
	lines              []*creditLine
	subtotal, tax      int64
	taxes              []taxAmount
	total              int64
	refund             *refund
	toBalance, outside int64
	pre, post          int64
	voidedAt           int64
	balanceTransaction string
}

type creditLine struct {
	id          string
	line        *line // nil for a custom line
	description string
	amount      int64
	quantity    int64
	taxes       []taxAmount
	livemode    bool
}

func (c *creditNote) kind() string {
	switch {
	case c.pre > 0 && c.post > 0:
		return "mixed"
	case c.pre > 0:
		return "pre_payment"
	}
	return "post_payment"
}

func (c *creditNote) render() Object {
	o := Object{
		"id": c.id, "object": "credit_note", "amount": c.total, "amount_shipping": int64(0),
		"created": c.created, "currency": c.invoice.currency, "customer": c.invoice.customer.id,
		"customer_balance_transaction": optional(c.balanceTransaction), "discount_amount": int64(0),
		"discount_amounts": []any{}, "effective_at": c.created, "invoice": c.invoice.id,
		"lines":    firstLines("/v1/credit_notes/"+c.id+"/lines", c.renderLines()),
		"livemode": c.acct.cfg.Livemode, "memo": optional(c.memo), "metadata": metadata(c.metadata),
		"number": c.number, "out_of_band_amount": optional(c.outside),
		"pdf":                 c.acct.page("https://pay.stripe.com/credit_notes/", c.id+"/pdf"),
		"post_payment_amount": c.post, "pre_payment_amount": c.pre, "pretax_credit_amounts": []any{},
		"reason": optional(c.reason), "refunds": []any{}, "shipping_cost": nil, "status": c.status,
		"subtotal": c.subtotal, "subtotal_excluding_tax": c.subtotal, "total": c.total,
		"total_excluding_tax": c.total - c.tax,
		"total_taxes":         each(c.taxes, func(t taxAmount) any { return t.render() }),
		"type":                c.kind(), "voided_at": optional(c.voidedAt),
	}
	if c.refund != nil {
		o["refunds"] = []any{Object{
			"amount_refunded": c.refund.amount, "payment_record_refund": nil, "refund": c.refund.id, "type": "refund",
		}}
	}
	return o
}

func (c *creditNote) renderLines() []any {
	return each(c.lines, func(l *creditLine) any { return l.render() })
}

func (l *creditLine) ident() string { return l.id }

func (l *creditLine) render() Object {
	unit := share(l.amount, 1, max(1, l.quantity))
	o := Object{
		"id": l.id, "object": "credit_note_line_item", "amount": l.amount, "description": optional(l.description),
		"discount_amount": int64(0), "discount_amounts": []any{}, "livemode": l.livemode,
		"metadata": Object{}, "pretax_credit_amounts": []any{}, "quantity": l.quantity, "tax_rates": []any{},
		"taxes": each(l.taxes, func(t taxAmount) any { return t.render() }), "type": "custom_line_item",
		"unit_amount": unit, "unit_amount_decimal": strconv.FormatInt(unit, 10),
	}
	if l.line != nil {
		o["type"], o["invoice_line_item"] = "invoice_line_item", l.line.id
	}
	return o
}

// createCreditNote credits an open invoice, whose amount due falls, or a paid
// one, whose money goes back as a refund, to the balance or another way.
// https://docs.stripe.com/api/credit_notes/create
func createCreditNote(a *Account, r apiRequest) (Object, *Error) {
	in := r.params
	id := in.need("invoice")
	if err := in.err(); err != nil {
		return nil, err
	}
	i, ok := a.invoices.get(id)
	if !ok {
		return nil, noSuchParam("invoice", id, "invoice")
	}
	if i.status != "open" && i.status != "paid" {
		return nil, invalid("invoice", "Credit notes can only be created for open or paid invoices; this one is %s.", i.status)
	}
	c := &creditNote{
		base: a.newBase(a.ids.long("cn", a.now)), invoice: i, status: "issued", memo: in.str("memo"),
		reason: in.oneOf("reason", "", "duplicate", "fraudulent", "order_change", "product_unsatisfactory"),
	}
	c.metadata = in.mergeMetadata(nil)
	if err := a.creditLines(c, in); err != nil {
		return nil, err
	}
	refundAmount := in.positive("refund_amount")
	c.toBalance, c.outside = in.positive("credit_amount"), in.positive("out_of_band_amount")
	if err := in.err(); err != nil {
		return nil, err
	}
	if c.total == 0 {
		return nil, invalid("amount", "The credit note's amount must be greater than 0.")
	}
	if i.status == "open" {
		return a.creditOpen(c)
	}
	if creditable := i.amountPaid - i.postCredit; c.total > creditable {
		return nil, invalid("amount", "The sum of credit amount, refund amount and out of band amount (%d) must not exceed the creditable amount (%d).", c.total, creditable)
	}
	if refundAmount+c.toBalance+c.outside != c.total {
		return nil, invalid("", "The sum of credit amount, refund amount and out of band amount (%d) must equal the credit note amount (%d).", refundAmount+c.toBalance+c.outside, c.total)
	}
	if refundAmount > 0 {
		paying := i.payingCharge()
		if paying == nil {
			return nil, invalid("refund_amount", "This invoice has no charge to refund.")
		}
		made, err := a.refund(paying, refundAmount, "requested_by_customer", map[string]string{})
		if err != nil {
			return nil, err
		}
		c.refund = made
	}
	if c.toBalance > 0 {
		c.balanceTransaction = a.ids.long("cbtxn", a.now)
		i.customer.balance -= c.toBalance
		a.emitUpdate("customer.updated", i.customer)
	}
	c.post = c.total
	i.postCredit += c.total
	a.issue(c)
	return c.render(), nil
}

// creditLines reads lines[] or a bare amount.
func (a *Account) creditLines(c *creditNote, in *params) *Error {
	i := c.invoice
	for _, p := range in.elements("lines") {
		l := &creditLine{id: a.ids.long("cnli", a.now), quantity: 1, amount: p.positive("amount"), description: p.str("description")}
		switch p.oneOf("type", "invoice_line_item", "custom_line_item") {
		case "invoice_line_item":
			id := p.need("invoice_line_item")
			for _, known := range i.lines {
				if known.id == id {
					l.line = known
				}
			}
			if l.line == nil {
				return noSuchParam("line item", id, p.at("invoice_line_item").name)
			}
			l.description, l.quantity = l.line.description, max(1, l.line.quantity)
			if q := p.positive("quantity"); q != 0 {
				l.quantity = q
			}
			if l.amount == 0 {
				l.amount = share(l.line.amount, l.quantity, max(1, l.line.quantity))
			}
			l.taxes = taxesOn(i.customer, i.rates, l.amount, "")
		default:
			l.quantity = max(1, p.positive("quantity"))
			if unit := p.positive("unit_amount"); unit != 0 {
				l.amount = unit * l.quantity
			}
		}
		l.livemode = a.cfg.Livemode
		c.lines = append(c.lines, l)
	}
	if len(c.lines) == 0 {
		amount := in.positive("amount")
		if !in.has("amount") && in.err() == nil {
			return missingParam("amount")
		}
		c.lines = []*creditLine{{id: a.ids.long("cnli", a.now), amount: amount, quantity: 1, description: "Credit", livemode: a.cfg.Livemode}}
	}
	var sums totals
	for _, l := range c.lines {
		c.subtotal += l.amount
		for _, t := range l.taxes {
			sums.addTax(t)
		}
	}
	c.tax, c.taxes = sums.tax, sums.taxes
	c.total = c.subtotal + sums.tax - sums.inclusiveTax
	return in.err()
}

func (a *Account) creditOpen(c *creditNote) (Object, *Error) {
	i := c.invoice
	if c.total > i.amountDue {
		return nil, invalid("amount", "The credit note's amount (%d) must not exceed the amount due (%d).", c.total, i.amountDue)
	}
	c.pre = c.total
	i.preCredit += c.total
	i.amountDue -= c.total
	if i.intent != nil {
		i.intent.amount = i.amountDue
	}
	for _, p := range i.payments {
		p.requested = i.amountDue
	}
	a.issue(c)
	if i.amountDue == 0 {
		a.dropIntent(i, "void_invoice")
		a.invoicePaid(i, nil)
	}
	return c.render(), nil
}

func (a *Account) issue(c *creditNote) {
	i := c.invoice
	n := int64(1)
	for _, other := range a.creditNotes.order {
		if other.invoice == i {
			n++
		}
	}
	c.number = i.number + "-CN-" + twoDigits(n)
	add(a, &a.creditNotes, c)
	a.emit("credit_note.created", c)
	a.emitUpdate("invoice.updated", i)
}

func twoDigits(n int64) string {
	s := strconv.FormatInt(n, 10)
	if len(s) < 2 {
		return "0" + s
	}
	return s
}

// payingCharge is the charge that paid the invoice.
func (i *invoice) payingCharge() *charge {
	if i.intent == nil {
		return nil
	}
	for _, c := range i.intent.charges {
		if c.status == "succeeded" {
			return c
		}
	}
	return nil
}

func (a *Account) creditNoteOf(r apiRequest) (*creditNote, *Error) {
	c, ok := a.creditNotes.get(r.id)
	if !ok {
		return nil, noSuch("credit_note", r.id)
	}
	return c, nil
}

func updateCreditNote(a *Account, r apiRequest) (Object, *Error) {
	c, err := a.creditNoteOf(r)
	if err != nil {
		return nil, err
	}
	memo, meta := c.memo, r.params.mergeMetadata(c.metadata)
	if r.params.has("memo") {
		memo = r.params.str("memo")
	}
	if err := r.params.err(); err != nil {
		return nil, err
	}
	c.memo, c.metadata = memo, meta
	a.emitUpdate("credit_note.updated", c)
	return c.render(), nil
}

// voidCreditNote takes back one on an open invoice; what was paid out cannot
// be.
func voidCreditNote(a *Account, r apiRequest) (Object, *Error) {
	c, err := a.creditNoteOf(r)
	if err != nil {
		return nil, err
	}
	i := c.invoice
	if c.status == "void" || c.pre == 0 || i.status != "open" {
		return nil, invalid("", "You can only void a credit note that is not void on an open invoice.")
	}
	c.status, c.voidedAt = "void", a.now
	i.preCredit -= c.pre
	i.amountDue += c.pre
	if i.intent != nil {
		i.intent.amount = i.amountDue
	}
	for _, p := range i.payments {
		p.requested = i.amountDue
	}
	a.emit("credit_note.voided", c)
	a.emitUpdate("invoice.updated", i)
	return c.render(), nil
}

func listCreditNotes(a *Account, r apiRequest) (Object, *Error) {
	invoice, customer := r.params.str("invoice"), r.params.str("customer")
	return page(a, r, a.creditNotes.order, func(c *creditNote) bool {
		return (invoice == "" || c.invoice.id == invoice) && (customer == "" || c.invoice.customer.id == customer)
	})
}

func creditNoteLines(a *Account, r apiRequest) (Object, *Error) {
	c, err := a.creditNoteOf(r)
	if err != nil {
		return nil, err
	}
	lines := slices.Clone(c.lines)
	slices.Reverse(lines) // as listLines
	return page(a, r, lines, func(*creditLine) bool { return true })
}
