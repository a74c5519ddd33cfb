package stripe

// ReadPaymentIntent reads a payment intent. Moved: charges to latest_charge
// (2022-11-15), source to payment_method. Gone: invoice (2025-03-31.basil; see
// InvoicePayment).
func ReadPaymentIntent(v Value) PaymentIntent {
	return PaymentIntent{
		ID:            ref(v.member("id")),
		Customer:      ref(v.member("customer")),
		Invoice:       ref(v.member("invoice")),
		Status:        v.member("status").text(),
		Amount:        v.member("amount").Int(),
		AmountPaid:    v.member("amount_received").Int(),
		Currency:      v.member("currency").text(),
		LatestCharge:  ref(v.member("latest_charge"), newest(v.member("charges"))),
		PaymentMethod: ref(v.member("payment_method"), v.member("source")),
		Created:       v.member("created").Time(),
	}
}

// newest is the element of a list that was created last, the first of those of
// one second, since Stripe's lists begin with the newest.
func newest(v Value) Value {
	data, _ := list(v)
	var found Value
	for e := range data.All() {
		if !found.Exists() || e.member("created").Int() > found.member("created").Int() {
			found = e
		}
	}
	return found
}
