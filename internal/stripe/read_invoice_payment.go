package stripe

// ReadInvoicePayment reads which payment paid which invoice. It exists since
// 2025-03-31.basil, its event since 2025-05-28.basil.
func ReadInvoicePayment(v Value) InvoicePayment {
	payment := v.member("payment")
	return InvoicePayment{
		ID:            ref(v.member("id")),
		Invoice:       ref(v.member("invoice")),
		Status:        v.member("status").text(),
		AmountPaid:    v.member("amount_paid").Int(),
		Currency:      v.member("currency").text(),
		PaymentIntent: ref(payment.member("payment_intent")),
		Charge:        ref(payment.member("charge"), payment.Get("payment_intent", "latest_charge")),
		Created:       v.member("created").Time(),
		PaidAt:        v.Get("status_transitions", "paid_at").Time(),
	}
}
