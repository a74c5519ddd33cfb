package billing

import (
	"slices"
	"testing"
	"time"
)

func TestDunningSpent(t *testing.T) {
	day := int64(24 * time.Hour / time.Second)
	cycle := Debt{Status: "open", BillingReason: "subscription_cycle", Subscription: "sub_1", FailedAttempts: 3}
	with := func(change func(*Debt)) Debt { d := cycle; change(&d); return d }
	sent := with(func(d *Debt) { d.FailedAttempts, d.CollectionMethod, d.DueDate = -1, "send_invoice", 100*day })
	for _, tt := range []struct {
		name   string
		policy Dunning
		debt   Debt
		day    int64
		want   bool
	}{
		{"at the limit", Dunning{}, cycle, 0, true},
		{"before the limit", Dunning{}, with(func(d *Debt) { d.FailedAttempts = 2 }), 0, false},
		{"never failed", Dunning{}, with(func(d *Debt) { d.FailedAttempts = -1 }), 0, false},
		{"another limit", Dunning{MaxAttempts: 4}, cycle, 0, false},
		{"uncollectible is still owed", Dunning{}, with(func(d *Debt) { d.Status = "uncollectible" }), 0, true},
		{"paid", Dunning{}, with(func(d *Debt) { d.Status = "paid" }), 0, false},
		{"void", Dunning{}, with(func(d *Debt) { d.Status = "void" }), 0, false},
		{"a first invoice takes nothing away", Dunning{}, with(func(d *Debt) { d.BillingReason = "subscription_create" }), 0, false},
		{"a one-off invoice", Dunning{}, with(func(d *Debt) { d.Subscription = "" }), 0, false},
		{"only notify", Dunning{Action: Notify}, cycle, 0, false},
		{"sent, within the grace", Dunning{}, sent, 113, false},
		{"sent, past the grace", Dunning{}, sent, 114, true},
		{"sent, a shorter grace", Dunning{Grace: 24 * time.Hour}, sent, 101, true},
		{"charged invoices have no grace", Dunning{}, with(func(d *Debt) { d.FailedAttempts, d.DueDate = 1, 1 }), 200, false},
	} {
		if got := tt.policy.Spent(tt.debt, tt.day*day); got != tt.want {
			t.Errorf("%s: %t", tt.name, got)
		}
	}
}

func TestStand(t *testing.T) {
	for _, tt := range []struct {
		name  string
		facts Facts
		want  Standing
	}{
		{"active", Facts{StripeStatus: "active", KnownStatus: "active"}, Standing{Status: "active", Access: true}},
		{"trialing", Facts{StripeStatus: "trialing", KnownStatus: "trialing"}, Standing{Status: "trialing", Access: true}},
		{"past due has access until dunning is spent", Facts{StripeStatus: "past_due", KnownStatus: "past_due"}, Standing{Status: "past_due", Access: true}},
		{"spent", Facts{StripeStatus: "past_due", KnownStatus: "past_due", Spent: true}, Standing{Status: "canceled", Reason: "dunning"}},
		{"spent, though Stripe says active", Facts{StripeStatus: "active", KnownStatus: "active", Spent: true, FailedSince: true}, Standing{Status: "canceled", Reason: "dunning"}},
		{"a payment failed since", Facts{StripeStatus: "active", KnownStatus: "active", FailedSince: true}, Standing{Status: "past_due", Access: true}},
		{"a failure does not revive", Facts{StripeStatus: "canceled", KnownStatus: "canceled", FailedSince: true}, Standing{Status: "canceled"}},
		{"an unknown status keeps access", Facts{StripeStatus: "resting", KnownStatus: "active"}, Standing{Status: "resting", Access: true}},
		{"an unknown status gives none", Facts{StripeStatus: "resting"}, Standing{Status: "resting"}},
	} {
		if got := Stand(tt.facts); got != tt.want {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
	for _, status := range []string{Unpaid, Incomplete, IncompleteExpired, Paused, Canceled, "", None} {
		if HasAccess(status) {
			t.Errorf("%s has access", status)
		}
	}
}

// TestCandidates: each decides rather than those after it.
func TestCandidates(t *testing.T) {
	want := []Candidate{
		{ID: "newest with a plan", Status: Trialing, Access: true, HasPlan: true, Created: 9},
		{ID: "older with a plan", Status: Active, Access: true, HasPlan: true, Created: 5},
		{ID: "newer without", Status: Active, Access: true, Created: 10},
		{ID: "past due", Status: PastDue, Access: true, HasPlan: true, Created: 20},
		{ID: "unpaid", Status: Unpaid, HasPlan: true, Created: 30},
		{ID: "ended last", Status: Canceled, HasPlan: true, Created: 1, EndedAt: 50},
		{ID: "ended before", Status: Canceled, HasPlan: true, Created: 40, EndedAt: 49},
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, CompareCandidates)
	for i := range want {
		if got[i].ID != want[i].ID {
			t.Errorf("%d: %s, want %s", i, got[i].ID, want[i].ID)
		}
	}
}

func TestRefundTotal(t *testing.T) {
	for _, tt := range []struct {
		name        string
		charge      int64
		known       []Refund
		total, rest int64
	}{
		{"nothing", 0, nil, 0, 0},
		{"only the charge tells", 500, nil, 500, 500},
		{"both tell of the same", 500, []Refund{{500, "succeeded"}}, 500, 0},
		{"the charge knows of more", 800, []Refund{{500, "succeeded"}}, 800, 300},
		{"the charge is behind", 0, []Refund{{500, "pending"}}, 500, 0},
		{"failed", 0, []Refund{{500, "failed"}}, 0, 0},
		{"failed, and the charge is behind", 500, []Refund{{500, "failed"}}, 0, 0},
		{"canceled beside one that counts", 300, []Refund{{500, "canceled"}, {300, "succeeded"}}, 300, 0},
	} {
		total, rest := RefundTotal(tt.charge, tt.known)
		if total != tt.total || rest != tt.rest {
			t.Errorf("%s: %d, %d", tt.name, total, rest)
		}
	}
}
