package stripe

import "slices"

// ReadCreditNote reads a credit note. Moved with 2025-03-31.basil: refund to
// refunds, tax_amounts to total_taxes. New: pre_payment_amount
// (2025-05-28.basil), before which type says whether the amount was paid.
func ReadCreditNote(v Value) CreditNote {
	lines, more := list(v.member("lines"))
	c := CreditNote{
		ID:         ref(v.member("id")),
		Number:     v.member("number").text(),
		Customer:   ref(v.member("customer")),
		Invoice:    ref(v.member("invoice")),
		Status:     v.member("status").text(),
		Type:       v.member("type").text(),
		Reason:     v.member("reason").text(),
		Memo:       v.member("memo").text(),
		Currency:   v.member("currency").text(),
		Amount:     v.member("amount").Int(),
		Subtotal:   v.member("subtotal").Int(),
		Total:      v.member("total").Int(),
		Discount:   noteDiscount(v),
		Created:    v.member("created").Time(),
		VoidedAt:   v.member("voided_at").Time(),
		Refunds:    readNoteRefunds(v),
		Lines:      each(lines, func(line Value) Line { return readNoteLine(line, v) }),
		LinesMore:  more,
		Taxes:      readTaxes(nonEmpty(v.member("total_taxes"), v.member("tax_amounts")), v),
		Prepayment: v.member("pre_payment_amount").Int(),
	}
	for _, t := range c.Taxes {
		c.Tax += t.Amount
	}
	if c.Type == "pre_payment" && v.member("pre_payment_amount").IsNull() {
		c.Prepayment = c.Amount
	}
	return c
}

// readNoteRefunds is the ids of a credit note's refunds.
func readNoteRefunds(v Value) []string {
	refunds := texts(v.member("refunds"), func(v Value) string {
		if v.Kind() == KindObject && v.member("refund").Exists() {
			return ref(v.member("refund"))
		}
		return ref(v)
	})
	if id := ref(v.member("refund")); id != "" && !slices.Contains(refunds, id) {
		refunds = append(refunds, id)
	}
	return refunds
}

// noteDiscount is discount_amount, which a credit note and its lines have beside
// the list that it sums up.
func noteDiscount(v Value) int64 {
	if n, ok := v.member("discount_amount").Int64(); ok {
		return n
	}
	return sum(v.member("discount_amounts"))
}

// readNoteLine reads a line of a credit note. Moved with 2025-03-31.basil:
// tax_amounts to taxes.
func readNoteLine(v, note Value) Line {
	return Line{
		ID:                ref(v.member("id")),
		Description:       v.member("description").text(),
		Amount:            v.member("amount").Int(),
		Quantity:          v.member("quantity").Int(),
		UnitAmountDecimal: decimal(v.member("unit_amount_decimal"), v.member("unit_amount")),
		Discount:          noteDiscount(v),
		Taxes:             readTaxes(nonEmpty(v.member("taxes"), v.member("tax_amounts")), note),
	}
}

// ReadCreditNoteLine reads a line that was fetched by itself.
func ReadCreditNoteLine(v Value) Line { return readNoteLine(v, Value{}) }
