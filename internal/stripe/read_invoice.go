package stripe

// ReadInvoice reads an invoice. Moved with 2025-03-31.basil: subscription to
// parent.subscription_details; paid to status; charge and payment_intent to
// payments, which is sent only where it was asked for; tax and total_tax_amounts
// to total_taxes. Earlier: date to created and finalized_at to
// status_transitions (2019-03-14), billing to collection_method (2019-10-17).
// Invoices of the months before basil have both families of fields, the new
// ones often null.
func ReadInvoice(v Value) Invoice {
	x := indexOf(v)
	transitions := x.member("status_transitions")
	lines, more := list(x.member("lines"))
	payments, _ := list(x.member("payments"))
	i := Invoice{
		ID:                 ref(x.member("id")),
		Number:             x.member("number").text(),
		Customer:           ref(x.member("customer")),
		Subscription:       ref(x.member("parent").Get("subscription_details", "subscription"), x.member("subscription")),
		Status:             x.member("status").text(),
		BillingReason:      x.member("billing_reason").text(),
		Currency:           x.member("currency").text(),
		Created:            instant(x.member("created"), x.member("date")),
		Metadata:           readMetadata(x.member("metadata")),
		Subtotal:           x.member("subtotal").Int(),
		Total:              x.member("total").Int(),
		AmountPaid:         x.member("amount_paid").Int(),
		AmountDue:          x.member("amount_due").Int(),
		AmountRemaining:    x.member("amount_remaining").Int(),
		StartingBalance:    x.member("starting_balance").Int(),
		AttemptCount:       x.member("attempt_count").Int(),
		Attempted:          x.member("attempted").Bool(),
		NextPaymentAttempt: x.member("next_payment_attempt").Time(),
		CollectionMethod:   text(x.member("collection_method"), x.member("billing")),
		DueDate:            x.member("due_date").Time(),
		FinalizedAt:        instant(transitions.member("finalized_at"), x.member("finalized_at")),
		PaidAt:             transitions.member("paid_at").Time(),
		VoidedAt:           transitions.member("voided_at").Time(),
		UncollectibleAt:    transitions.member("marked_uncollectible_at").Time(),
		PeriodStart:        x.member("period_start").Time(),
		PeriodEnd:          x.member("period_end").Time(),
		Payments:           each(payments, ReadInvoicePayment),
		HostedInvoiceURL:   x.member("hosted_invoice_url").text(),
		InvoicePDF:         x.member("invoice_pdf").text(),
		Lines:              each(lines, func(line Value) Line { return readLine(line, v) }),
		LinesHaveMore:      more,
		Taxes:              readInvoiceTaxes(v),
		Deleted:            x.member("deleted").Bool(),
		CustomerName:       x.member("customer_name").text(),
		CustomerEmail:      x.member("customer_email").text(),
		CustomerAddress:    readAddress(x.member("customer_address")),
		CustomerTaxIDs:     readTaxIDs(x.member("customer_tax_ids")),
		CustomerTaxExempt:  x.member("customer_tax_exempt").text(),
		Description:        x.member("description").text(),
		Footer:             x.member("footer").text(),
		AccountName:        x.member("account_name").text(),
		AccountCountry:     x.member("account_country").text(),
	}
	if i.Subscription == "" {
		i.Subscription = linesSubscription(lines)
	}
	if i.Status == "" && x.member("paid").Bool() {
		i.Status = "paid"
	}
	for _, t := range i.Taxes {
		i.Tax += t.Amount
	}
	i.Discount = invoiceDiscount(v, i)
	i.readPayments(v)
	return i
}

// linesSubscription is the first subscription that one of the lines names.
func linesSubscription(lines Value) string {
	for line := range lines.All() {
		parent := line.member("parent")
		s := ref(
			parent.Get("subscription_item_details", "subscription"),
			parent.Get("invoice_item_details", "subscription"),
			line.member("subscription"),
		)
		if s != "" {
			return s
		}
	}
	return ""
}

// invoiceDiscount is the sum of total_discount_amounts. Old versions send
// only the rule (discount.coupon), so that the amount is what is missing between
// subtotal and total.
func invoiceDiscount(v Value, i Invoice) int64 {
	if amounts := v.member("total_discount_amounts"); amounts.Kind() == KindArray {
		return sum(amounts)
	}
	if v.member("discount").IsNull() {
		return 0
	}
	exclusive := int64(0)
	for _, t := range i.Taxes {
		if !t.Inclusive {
			exclusive += t.Amount
		}
	}
	return max(0, i.Subtotal+exclusive-i.Total)
}

// readPayments fills in Charge and PaymentIntent: from the payments, of which one
// that is paid comes first, else the invoice's own.
func (i *Invoice) readPayments(v Value) {
	for _, paid := range [...]bool{true, false} {
		for _, p := range i.Payments {
			if (p.Status == "paid") != paid {
				continue
			}
			if i.PaymentIntent == "" {
				i.PaymentIntent = p.PaymentIntent
			}
			if i.Charge == "" {
				i.Charge = p.Charge
			}
		}
	}
	if i.PaymentIntent == "" {
		i.PaymentIntent = ref(v.member("payment_intent"))
	}
	if i.Charge == "" {
		i.Charge = ref(v.member("charge"), v.Get("payment_intent", "latest_charge"))
	}
}

// readLine reads a line of an invoice. Moved with 2025-03-31.basil: price and
// plan to pricing; proration to parent.subscription_item_details or
// parent.invoice_item_details; tax_amounts to taxes.
func readLine(v, invoice Value) Line {
	price := v.member("price")
	if price.Kind() != KindObject {
		price = v.member("plan")
	}
	pricing, parent, period := v.member("pricing"), v.member("parent"), v.member("period")
	unit := decimal(pricing.member("unit_amount_decimal"))
	if unit == "" {
		unit = unitAmountDecimal(price)
	}
	if unit == "" { // not unitAmountDecimal: a line's amount is its total
		unit = decimal(v.member("unit_amount_decimal"), v.member("unit_amount"))
	}
	return Line{
		ID:                ref(v.member("id")),
		Description:       v.member("description").text(),
		Amount:            v.member("amount").Int(),
		Quantity:          integral(v.member("quantity"), v.member("quantity_decimal")),
		UnitAmountDecimal: unit,
		Price:             ref(pricing.Get("price_details", "price"), v.member("price"), v.member("plan")),
		PeriodStart:       period.member("start").Time(),
		PeriodEnd:         period.member("end").Time(),
		Proration: parent.Get("subscription_item_details", "proration").Bool() ||
			parent.Get("invoice_item_details", "proration").Bool() || v.member("proration").Bool(),
		Discount: sum(v.member("discount_amounts")),
		Taxes:    readTaxes(nonEmpty(v.member("taxes"), v.member("tax_amounts")), invoice),
	}
}

// ReadInvoiceLine reads a line that was fetched by itself.
func ReadInvoiceLine(v Value) Line { return readLine(v, Value{}) }
