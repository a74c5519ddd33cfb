package billing

// Refund is a refund as the total sees it.
type Refund struct {
	Amount int64
	Status string // pending, requires_action, succeeded, failed, canceled
}

// Counts says whether the money went back, or is on its way.
func (r Refund) Counts() bool { return r.Status != "failed" && r.Status != "canceled" }

// RefundTotal is what was refunded of a charge: the refunds that are known and did
// not fail, and what the newest charge's cumulative amount_refunded has beyond all
// that are known. The second part is returned as rest: money of refunds that have
// not been told yet.
func RefundTotal(amountRefunded int64, known []Refund) (total, rest int64) {
	var all int64
	for _, r := range known {
		all += r.Amount
		if r.Counts() {
			total += r.Amount
		}
	}
	rest = max(0, amountRefunded-all)
	return total + rest, rest
}
