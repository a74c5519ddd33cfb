package stripe

// ReadDispute reads a dispute. Nothing has moved; status has grown
// (2025-08-27.basil, 2026-10-28.endive). payment_intent is younger than the
// object, and then the expanded charge's.
func ReadDispute(v Value) Dispute {
	charge := v.member("charge")
	return Dispute{
		ID:            ref(v.member("id")),
		Charge:        ref(charge),
		PaymentIntent: ref(v.member("payment_intent"), charge.member("payment_intent")),
		Status:        v.member("status").text(),
		Amount:        v.member("amount").Int(),
		Currency:      v.member("currency").text(),
		Reason:        v.member("reason").text(),
		Created:       v.member("created").Time(),
		EvidenceDueBy: v.Get("evidence_details", "due_by").Time(),
	}
}
