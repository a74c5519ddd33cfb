package billing

import "cmp"

// Statuses of a subscription, in Stripe's words
// (https://docs.stripe.com/api/subscriptions/object#subscription_object-status).
const (
	Active            = "active"
	Trialing          = "trialing"
	PastDue           = "past_due"
	Unpaid            = "unpaid"
	Incomplete        = "incomplete"
	IncompleteExpired = "incomplete_expired"
	Paused            = "paused"
	Canceled          = "canceled"
	// None is the status of a tenant without any subscription.
	None = "none"
)

// ReasonDunning is the status_reason of a subscription whose status is policy's.
const ReasonDunning = "dunning"

// HasAccess says whether a status gives access to the paid plan.
func HasAccess(status string) bool {
	return status == Active || status == Trialing || status == PastDue
}

// Ended says whether a status is one that a subscription does not leave.
func Ended(status string) bool {
	return status == Canceled || status == IncompleteExpired
}

// Standing is what a subscription amounts to once policy has had its say.
type Standing struct {
	Status string // what the app acts on
	Reason string // why it is not Stripe's, empty where it is
	Access bool
}

// Facts are what the standing of a subscription is computed from.
type Facts struct {
	StripeStatus string // of the newest snapshot, perhaps a word that is not known
	KnownStatus  string // of the newest snapshot whose status is known
	Spent        bool   // one of its invoices has spent the dunning policy
	// FailedSince says that a payment failed after the newest snapshot was taken and
	// that its invoice is still unpaid.
	FailedSince bool
}

// Stand computes a subscription's standing. Whatever the order in which the facts
// became known, the same facts give the same standing.
func Stand(f Facts) Standing {
	switch {
	case f.Spent:
		return Standing{Status: Canceled, Reason: ReasonDunning}
	case f.StripeStatus == Active && f.FailedSince:
		return Standing{Status: PastDue, Access: true}
	}
	return Standing{Status: f.StripeStatus, Access: HasAccess(f.KnownStatus)}
}

// Candidate is a subscription that may decide its tenant's plan.
type Candidate struct {
	ID      string
	Status  string // its standing's
	Access  bool
	HasPlan bool // its price is in a plan
	Created int64
	EndedAt int64
}

// CompareCandidates orders subscriptions by who decides: negative where a decides
// rather than b. The best status first (active and trialing, then past_due, then
// whatever has not ended, then what ended last), then one with a plan, then the
// newest.
func CompareCandidates(a, b Candidate) int {
	if c := cmp.Compare(a.rank(), b.rank()); c != 0 {
		return c
	}
	if a.rank() == rankEnded {
		if c := cmp.Compare(b.EndedAt, a.EndedAt); c != 0 {
			return c
		}
	}
	if a.HasPlan != b.HasPlan {
		if a.HasPlan {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(b.Created, a.Created), cmp.Compare(b.ID, a.ID))
}

const (
	rankGood = iota
	rankPastDue
	rankOther
	rankEnded
)

func (c Candidate) rank() int {
	switch {
	case c.Status == PastDue:
		return rankPastDue
	case c.Access:
		return rankGood
	case Ended(c.Status):
		return rankEnded
	}
	return rankOther
}
