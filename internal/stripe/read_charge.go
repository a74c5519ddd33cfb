package stripe

// ReadCharge reads a charge. Gone: invoice (2025-03-31.basil; see
// InvoicePayment), refunds unless expanded (2022-11-15). Old
// versions have source for payment_method, dispute for disputed, and no
// amount_captured: it is then the whole amount once captured.
func ReadCharge(v Value) Charge {
	x := indexOf(v)
	refunds, _ := list(x.member("refunds"))
	c := Charge{
		ID:             ref(x.member("id")),
		Customer:       ref(x.member("customer")),
		PaymentIntent:  ref(x.member("payment_intent")),
		Invoice:        ref(x.member("invoice")),
		PaymentMethod:  ref(x.member("payment_method"), x.member("source")),
		Status:         x.member("status").text(),
		Currency:       x.member("currency").text(),
		Amount:         x.member("amount").Int(),
		AmountCaptured: x.member("amount_captured").Int(),
		AmountRefunded: x.member("amount_refunded").Int(),
		Refunded:       x.member("refunded").Bool(),
		Captured:       x.member("captured").Bool(),
		Disputed:       x.member("disputed").Bool() || ref(x.member("dispute")) != "",
		Created:        x.member("created").Time(),
		FailureCode:    x.member("failure_code").text(),
		FailureMessage: x.member("failure_message").text(),
		Refunds:        each(refunds, ReadRefund),
	}
	if c.Captured && x.member("amount_captured").IsNull() {
		c.AmountCaptured = c.Amount
	}
	return c
}
