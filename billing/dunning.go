package billing

import (
	"errors"
	"time"
)

// DunningAction is what happens once dunning is spent.
type DunningAction string

const (
	// Downgrade takes the plan away: the tenant falls to the default plan.
	Downgrade DunningAction = "downgrade"
	// DowngradeAndCancel takes the plan away and cancels the subscription at Stripe.
	DowngradeAndCancel DunningAction = "downgrade_and_cancel"
	// Notify only tells the customer of every failed attempt.
	Notify DunningAction = "notify"
)

// ParseDunningAction reads an action's name.
func ParseDunningAction(s string) (DunningAction, error) {
	switch a := DunningAction(s); a {
	case Downgrade, DowngradeAndCancel, Notify:
		return a, nil
	}
	return "", errors.New("want downgrade, downgrade_and_cancel or notify")
}

// Dunning is the policy on invoices that are not paid. The zero value is the
// default: three attempts, 14 days of grace, downgrade.
type Dunning struct {
	MaxAttempts int64         // failed attempts after which it is spent; 3 where 0
	Grace       time.Duration // for invoices that are sent: how long after due_date; 14 days where 0
	Action      DunningAction
}

// Limit is the number of failed attempts at which dunning is spent.
func (p Dunning) Limit() int64 {
	if p.MaxAttempts == 0 {
		return 3
	}
	return p.MaxAttempts
}

func (p Dunning) grace() int64 {
	if p.Grace == 0 {
		return int64(14 * 24 * time.Hour / time.Second)
	}
	return int64(p.Grace / time.Second)
}

// Debt is an invoice as dunning sees it.
type Debt struct {
	Status           string // Stripe's
	BillingReason    string
	CollectionMethod string
	Subscription     string
	FailedAttempts   int64 // the highest attempt that is known to have failed
	DueDate          int64 // Unix seconds
}

// Duns says whether the invoice can take the plan away at all: it belongs to a
// subscription and is not its first one.
func (d Debt) Duns() bool {
	return d.Subscription != "" && d.BillingReason != "subscription_create"
}

// Owed says whether the invoice waits for its money.
func (d Debt) Owed() bool { return d.Status == "open" || d.Status == "uncollectible" }

// Exhausted says whether the invoice's attempts reached the limit, paid since or not.
func (p Dunning) Exhausted(d Debt) bool {
	return p.Action != Notify && d.Duns() && d.FailedAttempts >= p.Limit()
}

// Spent says whether the invoice takes the plan away at the time now, in Unix
// seconds. Only paying or voiding the invoice ends that.
func (p Dunning) Spent(d Debt, now int64) bool {
	if p.Action == Notify || !d.Duns() || !d.Owed() {
		return false
	}
	return d.FailedAttempts >= p.Limit() || p.Overdue(d, now)
}

// Overdue says whether an invoice that was sent is past its grace.
func (p Dunning) Overdue(d Debt, now int64) bool {
	return d.CollectionMethod == "send_invoice" && d.DueDate > 0 && now >= d.DueDate+p.grace()
}

// SpentAt is when an invoice that was sent will be past its grace, in Unix
// seconds; zero where it never will.
func (p Dunning) SpentAt(d Debt) int64 {
	if d.CollectionMethod != "send_invoice" || d.DueDate == 0 {
		return 0
	}
	return d.DueDate + p.grace()
}
