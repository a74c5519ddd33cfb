package stripe

// ReadCharge reads a charge. Gone: invoice (2025-03-31.basil; see
// InvoicePayment), refunds unless expanded (2022-11-15). Old
// versions have source for payment_method, dispute for disputed, and no
// amount_captured: it is then the whole amount once captured.
func ReadCharge(v Value) Charge {
	refunds, _ := list(v.member("refunds"))
	c := Charge{
		ID:             ref(v.member("id")),
		Customer:       ref(v.member("customer")),
		PaymentIntent:  ref(v.member("payment_intent")),
		Invoice:        ref(v.member("invoice")),
		PaymentMethod:  ref(v.member("payment_method"), v.member("source")),
		Status:         v.member("status").text(),
		Currency:       v.member("currency").text(),
		Amount:         v.member("amount").Int(),
		AmountCaptured: v.member("amount_captured").Int(),
		AmountRefunded: v.member("amount_refunded").Int(),
		Refunded:       v.member("refunded").Bool(),
		Captured:       v.member("captured").Bool(),
		Disputed:       v.member("disputed").Bool() || ref(v.member("dispute")) != "",
		Created:        v.member("created").Time(),
		FailureCode:    v.member("failure_code").text(),
		FailureMessage: v.member("failure_message").text(),
		Refunds:        each(refunds, ReadRefund),
	}
	if c.Captured && v.member("amount_captured").IsNull() {
		c.AmountCaptured = c.Amount
	}
	return c
}
