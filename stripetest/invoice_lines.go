package stripetest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// line is one line of an invoice, or one that waits for the next invoice.
type line struct {
	id            string
	invoice       *invoice
	description   string
	amount        int64
	quantity      int64
	price         *price // nil for an amount without a price
	currency      string
	start, end    int64
	subscription  *subscription
	item          *subscriptionItem // nil for a one-off item
	invoiceItem   string            // ii_…, for prorations and one-off items
	proration     bool
	creditedLines []string // what a credit proration gives back
	creditedOn    string   // the invoice with those lines
	metadata      map[string]string
	discountable  bool

	discounts map[*discount]int64
	taxes     []taxAmount
}

func (l *line) render() Object {
	acct := l.invoice.acct
	o := Object{
		"id": l.id, "object": "line_item", "amount": l.amount, "currency": l.currency,
		"description": optional(l.description), "discount_amounts": renderDiscountAmounts(l.invoice.discounts, l.discounts),
		"discountable": l.discountable, "discounts": []any{}, "invoice": optional(l.invoice.id),
		"livemode": acct.cfg.Livemode, "metadata": metadata(l.metadata), "parent": l.parent(),
		"period":                Object{"end": l.end, "start": l.start},
		"pretax_credit_amounts": []any{}, "pricing": nil, "quantity": l.quantity,
		"quantity_decimal": strconv.FormatInt(l.quantity, 10), "subtotal": l.amount,
		"taxes": each(l.taxes, func(t taxAmount) any { return t.render() }),
		// Shown before 2025-03-31.basil.
		"_price": nil, "_plan": nil, "_unit_amount": nil,
	}
	unit := strconv.FormatInt(share(l.amount, 1, max(1, l.quantity)), 10)
	if l.price != nil {
		if !l.proration && l.price.tiersMode == "" {
			unit = l.price.unitDecimal
		}
		o["pricing"] = Object{
			"price_details":       Object{"price": l.price.id, "product": l.price.product.id},
			"type":                "price_details",
			"unit_amount_decimal": unit,
		}
		o["_price"], o["_plan"] = l.price.render(), orNull(l.price.plan())
	}
	o["_unit_amount"] = unit
	return o
}

func (l *line) parent() Object {
	var subscription any
	if l.subscription != nil {
		subscription = l.subscription.id
	}
	var credited any
	if l.creditedOn != "" {
		credited = Object{"invoice": l.creditedOn, "invoice_line_items": strs(l.creditedLines)}
	}
	details := Object{
		"proration": l.proration, "proration_details": Object{"credited_items": credited},
		"subscription": subscription, "invoice_item": optional(l.invoiceItem),
	}
	if l.item == nil {
		return Object{"type": "invoice_item_details", "invoice_item_details": details, "subscription_item_details": nil}
	}
	details["subscription_item"] = l.item.id
	return Object{"type": "subscription_item_details", "subscription_item_details": details, "invoice_item_details": nil}
}

// firstLines is the list inside an invoice or a credit note: ten lines, and
// has_more where there are others, which have a list of their own.
func firstLines(url string, lines []any) Object {
	const shown = 10
	o := list(url, lines[:min(shown, len(lines))])
	o["has_more"] = len(lines) > shown
	o["total_count"] = int64(len(lines))
	return o
}

func (i *invoice) renderLines() []any {
	return each(i.lines, func(l *line) any { return l.render() })
}

func (i *invoice) addLine(l *line) {
	l.id = i.acct.ids.long("il", i.acct.now)
	l.invoice = i
	if l.currency == "" {
		l.currency = i.currency
	}
	i.lines = append(i.lines, l)
}

// totals are an invoice's sums.
type totals struct {
	subtotal, discounted, tax, inclusiveTax, total int64
	taxes                                          []taxAmount // by rate
	discountSums                                   map[*discount]int64
}

// compute takes discounts off the lines, then taxes what is left of each.
func (i *invoice) compute() {
	t := totals{discountSums: map[*discount]int64{}}
	for _, l := range i.lines {
		l.discounts, l.taxes = map[*discount]int64{}, nil
		t.subtotal += l.amount
	}
	for _, d := range i.discounts {
		i.takeOff(d, &t)
	}
	for _, l := range i.lines {
		net := l.amount
		for _, off := range l.discounts {
			net -= off
		}
		behavior := ""
		if l.price != nil {
			behavior = l.price.taxBehavior
		}
		l.taxes = taxesOn(i.customer, i.rates, net, behavior)
		for _, tax := range l.taxes {
			t.addTax(tax)
		}
	}
	t.total = t.subtotal - t.discounted + t.tax - t.inclusiveTax
	i.totals = t
	if i.status == "draft" {
		i.startingBalance = i.customer.balance
		i.amountDue = max(0, t.total+i.startingBalance)
	}
}

func (t *totals) addTax(tax taxAmount) {
	t.tax += tax.amount
	if tax.inclusive {
		t.inclusiveTax += tax.amount
	}
	for k := range t.taxes {
		if t.taxes[k].rate == tax.rate && t.taxes[k].inclusive == tax.inclusive {
			t.taxes[k].amount += tax.amount
			t.taxes[k].taxable += tax.taxable
			return
		}
	}
	t.taxes = append(t.taxes, tax)
}

// takeOff spreads one discount over the lines, by their amounts; the last line
// gets what rounding left.
func (i *invoice) takeOff(d *discount, t *totals) {
	var open int64
	var lines []*line
	for _, l := range i.lines {
		left := l.amount
		for _, off := range l.discounts {
			left -= off
		}
		if l.discountable && left > 0 {
			open += left
			lines = append(lines, l)
		}
	}
	off := min(d.coupon.amountOff, open)
	if d.coupon.percentOff != 0 {
		off = percentOf(open, d.coupon.percentOff)
	}
	rest := off
	for k, l := range lines {
		left := l.amount
		for _, before := range l.discounts {
			left -= before
		}
		part := share(off, left, open)
		if k == len(lines)-1 {
			part = rest
		}
		rest -= part
		l.discounts[d] += part
	}
	t.discountSums[d] = off
	t.discounted += off
}

func (i *invoice) renderDiscounts() []any {
	return renderDiscountAmounts(i.discounts, i.discountSums)
}

func renderDiscountAmounts(order []*discount, amounts map[*discount]int64) []any {
	out := []any{}
	for _, d := range order {
		if amount, ok := amounts[d]; ok {
			out = append(out, Object{"amount": amount, "discount": d.id})
		}
	}
	return out
}

// describe is the text of a subscription's line, such as
// "3 × Pro (at $29.00 / month)".
func describe(p *price, quantity int64) string {
	every := p.period.unit
	if p.period.count > 1 {
		every = fmt.Sprintf("every %d %ss", p.period.count, p.period.unit)
	}
	if p.tiersMode != "" {
		return fmt.Sprintf("%d × %s (Tier 1)", quantity, p.product.name)
	}
	return fmt.Sprintf("%d × %s (at %s / %s)", quantity, p.product.name, display(p.unitAmount, p.currency), every)
}

// display is an amount for a description.
func display(amount int64, currency string) string {
	symbols := map[string]string{"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}
	symbol, ok := symbols[currency]
	if !ok {
		symbol = currency + " "
	}
	if zeroDecimal[currency] {
		return fmt.Sprintf("%s%d", symbol, amount)
	}
	return fmt.Sprintf("%s%d.%02d", symbol, amount/100, amount%100)
}

// zeroDecimal are the currencies without minor units.
// https://docs.stripe.com/currencies#zero-decimal
var zeroDecimal = map[string]bool{
	"bif": true, "clp": true, "djf": true, "gnf": true, "jpy": true, "kmf": true, "krw": true,
	"mga": true, "pyg": true, "rwf": true, "vnd": true, "vuv": true, "xaf": true, "xof": true, "xpf": true,
}

func dayOf(t int64) string { return time.Unix(t, 0).UTC().Format("2 Jan 2006") }

// invoiceItem waits for its customer's or its subscription's next invoice.
// https://docs.stripe.com/api/invoiceitems/object
type invoiceItem struct {
	base
	customer *customer
	line     *line
	invoice  *invoice // once it is on one
}

func (i *invoiceItem) render() Object {
	l := i.line
	o := Object{
		"id": i.id, "object": "invoiceitem", "amount": l.amount, "currency": l.currency,
		"customer": i.customer.id, "date": i.created, "description": optional(l.description),
		"discountable": l.discountable, "discounts": []any{}, "invoice": nil,
		"livemode": i.acct.cfg.Livemode, "metadata": metadata(i.metadata), "net_amount": l.amount,
		"parent": nil, "period": Object{"end": l.end, "start": l.start}, "pricing": nil,
		"proration": l.proration, "quantity": l.quantity, "quantity_decimal": strconv.FormatInt(l.quantity, 10),
		"tax_rates": []any{}, "test_clock": nil,
		"_subscription": nil, "_price": nil, "_plan": nil,
	}
	if l.subscription != nil {
		item := Object{"subscription": l.subscription.id}
		if l.item != nil {
			item["subscription_item"] = l.item.id
		}
		o["parent"] = Object{"type": "subscription_details", "subscription_details": item}
		o["_subscription"] = l.subscription.id
	}
	if l.price != nil {
		o["pricing"] = Object{
			"price_details":       Object{"price": l.price.id, "product": l.price.product.id},
			"type":                "price_details",
			"unit_amount_decimal": strconv.FormatInt(share(l.amount, 1, max(1, l.quantity)), 10),
		}
		o["_price"], o["_plan"] = l.price.render(), orNull(l.price.plan())
	}
	if i.invoice != nil {
		o["invoice"] = i.invoice.id
	}
	return o
}

func (a *Account) newInvoiceItem(c *customer, l *line) *invoiceItem {
	item := &invoiceItem{base: a.newBase(a.ids.long("ii", a.now)), customer: c, line: l}
	l.invoiceItem = item.id
	item.metadata = maps.Clone(l.metadata)
	add(a, &a.invoiceItems, item)
	c.pending = append(c.pending, item)
	a.emit("invoiceitem.created", item)
	return item
}

// pullItems puts what waits for the subscription (or, with nil, for the
// customer) on the invoice.
func (a *Account) pullItems(i *invoice, s *subscription) {
	i.customer.pending = slices.DeleteFunc(i.customer.pending, func(item *invoiceItem) bool {
		if item.invoice != nil || item.line.subscription != s || item.line.currency != i.currency {
			return item.invoice != nil
		}
		item.invoice = i
		i.addLine(item.line)
		a.emitUpdate("invoiceitem.updated", item)
		return true
	})
}

func createInvoiceItem(a *Account, r apiRequest) (Object, *Error) {
	in := r.params
	c, err := a.customerParam(in)
	if err != nil {
		return nil, err
	}
	l := &line{
		description: in.str("description"), amount: in.integer("amount"), quantity: max(1, in.positive("quantity")),
		currency: in.str("currency"), start: a.now, end: a.now, discountable: true, metadata: in.mergeMetadata(nil),
	}
	priceID := in.at("pricing").str("price")
	if priceID == "" {
		priceID = in.str("price")
	}
	switch {
	case priceID != "":
		p, ok := a.prices.get(priceID)
		if !ok {
			return nil, noSuchParam("price", priceID, "price")
		}
		l.price, l.amount, l.currency = p, p.amountOf(l.quantity), p.currency
		if l.description == "" {
			l.description = p.product.name
		}
	case !in.has("amount"):
		return nil, missingParam("amount")
	case l.currency == "":
		l.currency = a.cfg.Currency
	}
	var on *invoice
	if id := in.str("invoice"); id != "" {
		known, ok := a.invoices.get(id)
		if !ok {
			return nil, noSuchParam("invoice", id, "invoice")
		}
		if known.status != "draft" {
			return nil, invalidCode("invoice_not_editable", "invoice", "The invoice %s is not editable.", id)
		}
		on = known
	}
	if err := in.err(); err != nil {
		return nil, err
	}
	item := a.newInvoiceItem(c, l)
	if on != nil {
		item.invoice = on
		on.addLine(l)
		on.compute()
		a.emitUpdate("invoice.updated", on)
	}
	return item.render(), nil
}

func listLines(a *Account, r apiRequest) (Object, *Error) {
	i, ok := a.invoices.get(r.id)
	if !ok {
		return nil, noSuch("invoice", r.id)
	}
	nouns := slices.Clone(i.lines)
	slices.Reverse(nouns) // page shows the newest first; lines keep their order
	return page(a, r, nouns, func(*line) bool { return true })
}

func (l *line) ident() string { return l.id }
