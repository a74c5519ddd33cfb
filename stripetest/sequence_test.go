package stripetest

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// transcript are the events of a scenario from a point on, one a line: the
// type, and a status where the object has one.
func transcript(a *Account, from int, leave ...string) string {
	var b strings.Builder
	for _, e := range a.Events()[from:] {
		if slices.ContainsFunc(leave, func(p string) bool { return typeMatches(p, e.Type) }) {
			continue
		}
		b.WriteString(e.Type)
		if status := e.Object.Str("status"); status != "" {
			b.WriteString(" " + status)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func expect(t *testing.T, got, want string) {
	t.Helper()
	want = strings.TrimLeft(strings.ReplaceAll(want, "\t", ""), "\n")
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

var catalogEvents = []string{"product.*", "price.*"}

func played(t *testing.T, scenario string, configure ...func(*Config)) (*Account, Result) {
	t.Helper()
	a := New(t, configure...).Calm()
	result, err := a.Play(scenario, Play{})
	if err != nil {
		t.Fatal(err)
	}
	return a, result
}

// TestFirstCheckoutSinceBasil: the subscription is made after the payment and
// is active from its first event on.
func TestFirstCheckoutSinceBasil(t *testing.T) {
	a, _ := played(t, "checkout-paid")
	expect(t, transcript(a, 0, catalogEvents...), `
		customer.created
		payment_method.attached
		invoice.created draft
		payment_intent.created requires_payment_method
		invoice.updated open
		invoice.finalized open
		charge.succeeded succeeded
		payment_intent.succeeded succeeded
		invoice.updated paid
		invoice.paid paid
		invoice.payment_succeeded paid
		invoice_payment.paid paid
		customer.subscription.created active
		checkout.session.completed complete
	`)
	invoice := a.Events("invoice.paid")[0].Object
	if invoice.Int("attempt_count") != 0 || !invoice.Bool("attempted") {
		t.Errorf("Checkout's invoice has attempt_count %d, attempted %t; want 0, true", invoice.Int("attempt_count"), invoice.Bool("attempted"))
	}
}

// TestFirstCheckoutBeforeBasil: incomplete first, then active.
func TestFirstCheckoutBeforeBasil(t *testing.T) {
	a, _ := played(t, "checkout-paid", APIVersion("2024-06-20"))
	expect(t, transcript(a, 0, "product.*", "price.*", "invoice.*", "payment_*", "charge.*", "invoice_payment.*"), `
		customer.created
		customer.subscription.created incomplete
		customer.subscription.updated active
		checkout.session.completed complete
	`)
}

// TestTrial: a paid invoice of nothing without an intent, a notice three days
// before, active at once at the end while the invoice is a draft.
func TestTrial(t *testing.T) {
	a, _ := played(t, "trial-converts")
	expect(t, transcript(a, 0, catalogEvents...), `
		customer.created
		payment_method.attached
		invoice.created draft
		invoice.updated open
		invoice.finalized open
		invoice.updated paid
		invoice.paid paid
		invoice.payment_succeeded paid
		customer.subscription.created trialing
		checkout.session.completed complete
		invoice.upcoming draft
		customer.subscription.trial_will_end trialing
		invoice.created draft
		customer.subscription.updated active
		payment_intent.created requires_payment_method
		invoice.updated open
		invoice.finalized open
		charge.succeeded succeeded
		payment_intent.succeeded succeeded
		invoice.updated paid
		invoice.paid paid
		invoice.payment_succeeded paid
		invoice_payment.paid paid
	`)
	notice := a.Events("customer.subscription.trial_will_end")[0]
	if end := notice.Object.Int("trial_end"); end-notice.Created.Unix() != 3*day {
		t.Errorf("the notice came %d s before the end", end-notice.Created.Unix())
	}
	if id := a.Events("invoice.upcoming")[0].Object.ID(); id != "" {
		t.Errorf("invoice.upcoming has the id %q", id)
	}
	if n := a.Events("invoice.paid")[0].Object.Int("attempt_count"); n != 0 {
		t.Errorf("the trial's invoice has attempt_count %d", n)
	}
}

// TestRenewalFailure: the count rises with every automatic attempt; the last
// failure names no next attempt.
func TestRenewalFailure(t *testing.T) {
	a, _ := played(t, "renewal-fails-ends")
	failures := a.Events("invoice.payment_failed")
	if want := 1 + len(smartRetries); len(failures) != want {
		t.Fatalf("%d failures, want %d", len(failures), want)
	}
	for k, e := range failures {
		if got := e.Object.Int("attempt_count"); got != int64(k+1) {
			t.Errorf("failure %d has attempt_count %d", k+1, got)
		}
		last := k == len(failures)-1
		if next := e.Object["next_payment_attempt"]; (next == nil) != last {
			t.Errorf("failure %d: next_payment_attempt is %v", k+1, next)
		}
	}
	took := failures[len(failures)-1].Created.Sub(failures[0].Created)
	if took != 14*24*time.Hour {
		t.Errorf("the retries took %v, want two weeks", took)
	}
	expect(t, transcript(a, slices.Index(a.EventTypes(), "charge.failed"))[:len(firstFailure)], firstFailure)
	end := a.Events("customer.subscription.deleted")[0].Object
	if reason := end.Str("cancellation_details.reason"); reason != "payment_failed" {
		t.Errorf("ended for %q", reason)
	}
	invoice := must(a.Get("/v1/invoices/"+end.Str("latest_invoice"), nil))(t)
	if invoice.Str("status") != "open" || invoice.Bool("auto_advance") {
		t.Errorf("the invoice is %s, auto_advance %t", invoice.Str("status"), invoice.Bool("auto_advance"))
	}
}

const firstFailure = `charge.failed failed
payment_intent.payment_failed requires_payment_method
invoice.updated open
invoice.payment_failed open
customer.subscription.updated past_due
customer.updated
`

// TestAfterRetries: the account's settings decide the end.
func TestAfterRetries(t *testing.T) {
	for setting, want := range map[string]string{"": "canceled", "unpaid": "unpaid", "past_due": "past_due"} {
		a, result := played(t, "renewal-fails-ends", func(c *Config) {
			c.AfterRetries, c.UncollectibleAfterRetries = setting, setting == "past_due"
		})
		sub := must(a.Get("/v1/subscriptions/"+result.Subscription, nil))(t)
		if got := sub.Str("status"); got != want {
			t.Errorf("after retries %q: %s, want %s", setting, got, want)
		}
		if marked := len(a.Events("invoice.marked_uncollectible")); (marked == 1) != (setting == "past_due") {
			t.Errorf("after retries %q: %d invoices marked uncollectible", setting, marked)
		}
	}
}

// TestManualAttemptsDoNotCount: only the first attempt and the automatic ones
// do.
func TestManualAttemptsDoNotCount(t *testing.T) {
	a, result := played(t, "checkout-paid")
	s := &story{acct: a, result: result}
	s.play.defaults()
	s.useCard("pm_card_chargeCustomerFail")
	a.Advance(31*24*time.Hour + 2*time.Hour)
	invoice := s.openInvoice()
	if _, err := a.Post("/v1/invoices/"+invoice+"/pay", nil); err == nil {
		t.Fatal("a card that always fails has paid")
	}
	if n := must(a.Get("/v1/invoices/"+invoice, nil))(t).Int("attempt_count"); n != 1 {
		t.Errorf("attempt_count is %d after one automatic and one manual attempt, want 1", n)
	}
}

// TestHardDeclineIsCountedNotRetried: without another card the retries are not
// made, but the count goes on.
func TestHardDeclineIsCountedNotRetried(t *testing.T) {
	a, result := played(t, "checkout-paid")
	stolen := testCards["pm_card_chargeDeclinedStolenCard"]
	a.mu.Lock()
	sub, _ := a.subscriptions.get(result.Subscription)
	sub.defaultPM.card = stolen // a card that was good when it was attached
	a.mu.Unlock()
	a.Advance(36 * 24 * time.Hour)
	if n := len(a.Events("charge.failed")); n != 1 {
		t.Errorf("%d charges were tried, want 1", n)
	}
	if n := must(a.Get("/v1/invoices", Form{"status": "open"}))(t).Int("data.0.attempt_count"); n < 3 {
		t.Errorf("attempt_count is %d, want it to rise", n)
	}
}

// TestOutOfBand: no attempt, no payment_succeeded, the intent is canceled.
func TestOutOfBand(t *testing.T) {
	a, _ := played(t, "invoice-sent-overdue")
	expect(t, transcript(a, slices.Index(a.EventTypes(), "invoice.overdue")), `
		invoice.overdue open
		customer.subscription.updated past_due
		customer.updated
		payment_intent.canceled canceled
		invoice.updated paid
		invoice.paid paid
		customer.subscription.updated active
		customer.updated
	`)
	invoice := a.Events("invoice.paid")[0].Object
	if invoice.Bool("attempted") || invoice.Int("attempt_count") != 0 {
		t.Error("an invoice paid out of band was attempted")
	}
}

func TestNeedsAction(t *testing.T) {
	a, _ := played(t, "renewal-needs-action")
	types := a.EventTypes()
	expect(t, transcript(a, slices.Index(types, "payment_intent.requires_action")), `
		payment_intent.requires_action requires_action
		invoice.updated open
		invoice.payment_action_required open
		invoice.payment_failed open
		customer.subscription.updated past_due
		customer.updated
		charge.succeeded succeeded
		payment_intent.succeeded succeeded
		invoice.updated paid
		invoice.paid paid
		invoice.payment_succeeded paid
		invoice_payment.paid paid
		customer.subscription.updated active
		customer.updated
	`)
}
