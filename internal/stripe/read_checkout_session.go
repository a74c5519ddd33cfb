package stripe

// ReadCheckoutSession reads a checkout session. customer_email is what the
// session was made with, customer_details what was typed in. Old versions send
// no mode: what the session made tells it.
func ReadCheckoutSession(v Value) CheckoutSession {
	details := v.member("customer_details")
	s := CheckoutSession{
		ID:                ref(v.member("id")),
		Customer:          ref(v.member("customer")),
		CustomerEmail:     text(details.member("email"), v.member("customer_email")),
		CustomerName:      details.member("name").text(),
		Subscription:      ref(v.member("subscription")),
		Invoice:           ref(v.member("invoice")),
		PaymentIntent:     ref(v.member("payment_intent")),
		PaymentLink:       ref(v.member("payment_link")),
		ClientReferenceID: v.member("client_reference_id").text(),
		Mode:              v.member("mode").text(),
		Status:            v.member("status").text(),
		PaymentStatus:     v.member("payment_status").text(),
		Metadata:          readMetadata(v.member("metadata")),
		Created:           v.member("created").Time(),
		ExpiresAt:         v.member("expires_at").Time(),
		URL:               v.member("url").text(),
	}
	if s.Mode == "" {
		switch {
		case s.Subscription != "":
			s.Mode = "subscription"
		case ref(v.member("setup_intent")) != "":
			s.Mode = "setup"
		case s.PaymentIntent != "":
			s.Mode = "payment"
		}
	}
	return s
}
