package stripe

// ReadRefund reads a refund. New: customer (2026-07-29.dahlia), before which only
// an expanded charge or payment_intent knows it.
func ReadRefund(v Value) Refund {
	charge, intent := v.member("charge"), v.member("payment_intent")
	return Refund{
		ID:            ref(v.member("id")),
		Charge:        ref(charge),
		PaymentIntent: ref(intent, charge.member("payment_intent")),
		Customer:      ref(v.member("customer"), charge.member("customer"), intent.member("customer")),
		Status:        v.member("status").text(),
		Amount:        v.member("amount").Int(),
		Currency:      v.member("currency").text(),
		Reason:        v.member("reason").text(),
		FailureReason: v.member("failure_reason").text(),
		Created:       v.member("created").Time(),
	}
}
