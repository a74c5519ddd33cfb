package stripetest

import (
	"slices"
	"testing"
	"time"
)

// TestCancelAtPeriodEnd: an update now, the deletion then, nothing between.
func TestCancelAtPeriodEnd(t *testing.T) {
	a, _ := played(t, "cancel-at-period-end")
	expect(t, transcript(a, slices.Index(a.EventTypes(), "checkout.session.completed")+1), `
		customer.subscription.updated active
		customer.subscription.deleted canceled
	`)
	scheduled, ended := a.Events("customer.subscription.updated")[0], a.Events("customer.subscription.deleted")[0]
	if !scheduled.Object.Bool("cancel_at_period_end") || scheduled.Object.Int("cancel_at") != ended.Created.Unix() {
		t.Errorf("scheduled: %s", scheduled.Object.JSON())
	}
	if got := ended.Object.Int("canceled_at"); got != scheduled.Created.Unix() {
		t.Errorf("canceled_at is %d, want the time of the request", got)
	}
	if got := ended.Object.Int("ended_at"); got != ended.Created.Unix() {
		t.Errorf("ended_at is %d", got)
	}
}

// TestCancelNowAfterScheduled keeps the time of the first request.
func TestCancelNowAfterScheduled(t *testing.T) {
	a, result := played(t, "checkout-paid")
	path := "/v1/subscriptions/" + result.Subscription
	asked := must(a.Post(path, Form{"cancel_at_period_end": "true"}))(t).Int("canceled_at")
	a.Advance(time.Hour)
	o := must(a.Delete(path, nil))(t)
	if o["cancel_at"] != nil || o.Bool("cancel_at_period_end") || o.Int("canceled_at") != asked || o.Int("ended_at") != asked+3600 {
		t.Errorf("%s", o.JSON())
	}
}

// TestPortalCancel: cancel_at alone in flexible mode, both in classic mode.
func TestPortalCancel(t *testing.T) {
	for mode, atPeriodEnd := range map[string]bool{"flexible": false, "classic": true} {
		a := New(t).Calm()
		s := &story{acct: a}
		s.play.defaults()
		s.catalog()
		s.signUp("price_pro_monthly", Form{"subscription_data[billing_mode][type]": mode})
		if s.err != nil {
			t.Fatal(s.err)
		}
		if err := a.PortalCancel(s.result.Subscription); err != nil {
			t.Fatal(err)
		}
		o := a.Events("customer.subscription.updated")[0].Object
		if o.Int("cancel_at") == 0 || o.Bool("cancel_at_period_end") != atPeriodEnd || o.Str("billing_mode.type") != mode {
			t.Errorf("%s: cancel_at %d, cancel_at_period_end %t", mode, o.Int("cancel_at"), o.Bool("cancel_at_period_end"))
		}
		a.Advance(40 * 24 * time.Hour)
		if n := len(a.Events("customer.subscription.deleted")); n != 1 {
			t.Errorf("%s: %d deletions", mode, n)
		}
	}
}

// TestFlexibleIsTheDefaultSinceClover, by the version of the request.
func TestFlexibleIsTheDefaultSinceClover(t *testing.T) {
	for version, want := range map[string]string{"2025-08-27.basil": "classic", "2025-09-30.clover": "flexible"} {
		a, _ := played(t, "checkout-paid", APIVersion(version))
		if got := a.EventsIn(DefaultVersion, "customer.subscription.created")[0].Object.Str("billing_mode.type"); got != want {
			t.Errorf("%s: %s, want %s", version, got, want)
		}
	}
}

// TestPauseAndResume: the update comes with an event of its own.
func TestPauseAndResume(t *testing.T) {
	a, _ := played(t, "trial-pauses")
	got := transcript(a, slices.Index(a.EventTypes(), "checkout.session.completed")+1, "invoice.*", "payment_*", "charge.*", "invoice_payment.*", "customer.updated")
	expect(t, got, `
		customer.subscription.trial_will_end trialing
		customer.subscription.updated paused
		customer.subscription.paused paused
		customer.subscription.updated paused
		customer.subscription.updated active
		customer.subscription.resumed active
	`)
}

// TestPauseCollection leaves the status alone.
func TestPauseCollection(t *testing.T) {
	a, result := played(t, "pause-collection")
	for _, e := range a.Events("customer.subscription.updated") {
		if e.Object.Str("status") != "active" {
			t.Errorf("pause_collection made the subscription %s", e.Object.Str("status"))
		}
	}
	if n := len(a.Events("invoice.voided")); n != 1 {
		t.Errorf("%d invoices were voided", n)
	}
	a.Advance(31 * 24 * time.Hour)
	latest := must(a.Get("/v1/subscriptions/"+result.Subscription, Form{"expand[0]": "latest_invoice"}))(t)
	if got := latest.Str("latest_invoice.status"); got != "paid" {
		t.Errorf("after the pause the invoice is %s", got)
	}
}

// TestIncomplete: 23 hours, then expired and void.
func TestIncomplete(t *testing.T) {
	a, _ := played(t, "first-payment-incomplete")
	created := a.Events("customer.subscription.created")[0]
	if got := created.Object.Str("status"); got != "incomplete" {
		t.Errorf("created as %s", got)
	}
	updated := a.Events("customer.subscription.updated")
	end := updated[len(updated)-1]
	if got := end.Object.Str("status"); got != "incomplete_expired" || end.Created.Sub(created.Created) != 23*time.Hour {
		t.Errorf("%s after %v", got, end.Created.Sub(created.Created))
	}
	if len(a.Events("invoice.voided")) != 1 || len(a.Events("payment_intent.canceled")) != 1 {
		t.Error("the first invoice is still owed")
	}
}

// TestIncompleteIsPaid within the 23 hours.
func TestIncompleteIsPaid(t *testing.T) {
	a := New(t).Calm()
	s := &story{acct: a}
	s.play.defaults()
	s.catalog()
	incomplete(s)
	if s.err != nil {
		t.Fatal(s.err)
	}
	c := must(a.Post("/v1/customers", Form{"payment_method": "pm_card_chargeCustomerFail", "invoice_settings[default_payment_method]": "pm_card_chargeCustomerFail"}))(t)
	sub := must(a.Post("/v1/subscriptions", Form{"customer": c.ID(), "items[0][price]": "price_pro_monthly"}))(t)
	if sub.Str("status") != "incomplete" {
		t.Fatalf("the subscription is %s", sub.Str("status"))
	}
	must(a.Post("/v1/invoices/"+sub.Str("latest_invoice")+"/pay", Form{"payment_method": "pm_card_visa"}))(t)
	a.Advance(24 * time.Hour)
	if got := must(a.Get("/v1/subscriptions/"+sub.ID(), nil))(t).Str("status"); got != "active" {
		t.Errorf("after the payment it is %s", got)
	}
}

// TestRefunds: charge.refunded comes for each, with the cumulative amount.
func TestRefunds(t *testing.T) {
	a, _ := played(t, "refund-partial-then-full")
	events := a.Events("charge.refunded")
	if len(events) != 2 {
		t.Fatalf("%d charge.refunded", len(events))
	}
	for k, want := range []struct {
		amount, before int64
		refunded       bool
	}{{1000, 0, false}, {2900, 1000, true}} {
		o, previous := events[k].Object, events[k].Previous
		if o.Int("amount_refunded") != want.amount || o.Bool("refunded") != want.refunded || previous.Int("amount_refunded") != want.before {
			t.Errorf("refund %d: %d (refunded %t), before %d", k+1, o.Int("amount_refunded"), o.Bool("refunded"), previous.Int("amount_refunded"))
		}
	}
	if n := len(a.Events("refund.created")); n != 2 {
		t.Errorf("%d refund.created", n)
	}
	if got := must(a.Get("/v1/invoices", nil))(t).Str("data.0.status"); got != "paid" {
		t.Errorf("a refund made the invoice %s", got)
	}
}

func TestRefundFails(t *testing.T) {
	a, _ := played(t, "refund-fails")
	expect(t, transcript(a, slices.Index(a.EventTypes(), "refund.created")), `
		refund.created succeeded
		charge.refunded succeeded
		refund.updated failed
		charge.refund.updated failed
		refund.failed failed
		charge.updated succeeded
	`)
}

func TestDispute(t *testing.T) {
	for scenario, want := range map[string]string{
		"dispute-lost": `
			charge.dispute.created needs_response
			charge.updated succeeded
			charge.dispute.funds_withdrawn needs_response
			charge.dispute.updated under_review
			charge.dispute.closed lost
		`,
		"dispute-won": `
			charge.dispute.created needs_response
			charge.updated succeeded
			charge.dispute.funds_withdrawn needs_response
			charge.dispute.updated under_review
			charge.dispute.closed won
			charge.dispute.funds_reinstated won
		`,
	} {
		a, _ := played(t, scenario)
		expect(t, transcript(a, 0, "product.*", "price.*", "customer.*", "invoice.*", "payment_*", "invoice_payment.*", "checkout.*", "charge.succeeded"), want)
	}
}

// TestDetached tells whose it was.
func TestDetached(t *testing.T) {
	a, result := played(t, "card-expires")
	e := a.Events("payment_method.detached")[0]
	if e.Object["customer"] != nil || e.Previous.Str("customer") != result.Customer {
		t.Errorf("customer %v, before %v", e.Object["customer"], e.Previous["customer"])
	}
	if n := len(a.Events("payment_method.automatically_updated")); n != 1 {
		t.Errorf("%d automatic updates", n)
	}
	if old := a.EventsIn("2020-03-02", "payment_method.automatically_updated")[0].Type; old != "payment_method.card_automatically_updated" {
		t.Errorf("in 2020-03-02 it is called %s", old)
	}
}

// TestResubscribe: the old subscription's end does not touch the new one.
func TestResubscribe(t *testing.T) {
	a, result := played(t, "resubscribe-before-old-ends")
	ended := a.Events("customer.subscription.deleted")
	if len(ended) != 1 || ended[0].Object.ID() == result.Subscription {
		t.Fatalf("%d ended", len(ended))
	}
	if got := must(a.Get("/v1/subscriptions/"+result.Subscription, nil))(t).Str("status"); got != "active" {
		t.Errorf("the new one is %s", got)
	}
}

func TestDowngradeAtPeriodEnd(t *testing.T) {
	a, result := played(t, "downgrade-at-period-end")
	expect(t, transcript(a, 0, "product.*", "price.*", "invoice.*", "payment_*", "charge.*", "invoice_payment.*", "checkout.*", "customer.created"), `
		customer.subscription.created active
		subscription_schedule.created active
		customer.subscription.updated active
		subscription_schedule.updated active
		subscription_schedule.updated active
		customer.subscription.updated active
		subscription_schedule.expiring active
		subscription_schedule.updated released
		subscription_schedule.released released
		customer.subscription.updated active
	`)
	sub := must(a.Get("/v1/subscriptions/"+result.Subscription, nil))(t)
	if got := sub.Str("items.data.0.price.id"); got != "price_basic_monthly" || sub["schedule"] != nil {
		t.Errorf("in the end: %s, schedule %v", got, sub["schedule"])
	}
	second := a.Events("invoice.paid")[1].Object
	if got := second.Int("amount_paid"); got != 900 {
		t.Errorf("the first invoice after the downgrade is %d", got)
	}
}

func TestEntitlements(t *testing.T) {
	a, result := played(t, "entitlements")
	events := a.Events("entitlements.active_entitlement_summary.updated")
	if len(events) != 2 {
		t.Fatalf("%d summaries, want one with the feature and one without", len(events))
	}
	if got := events[0].Object.Str("entitlements.data.0.lookup_key"); got != "sso" || events[0].Object.Str("customer") != result.Customer {
		t.Errorf("first: %s", events[0].Object.JSON())
	}
	if data, _ := events[1].Object.Get("entitlements.data").([]any); len(data) != 0 {
		t.Errorf("then: %s", events[1].Object.JSON())
	}
}
