package conformance

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/bursarhq/bursar/stripetest"
)

// newest is a version at least as new as Stripe's document.
const newest = "2026-08-26.dahlia"

// beyond are objects of which the document has no schema.
var beyond = []string{"entitlements.active_entitlement_summary"}

// TestObjectsFitStripesDocument holds every object of every event of every
// scenario to Stripe's own OpenAPI document.
func TestObjectsFitStripesDocument(t *testing.T) {
	seen := map[string]int{}
	for _, s := range stripetest.Scenarios() {
		acct := stripetest.New(t, stripetest.APIVersion(newest)).Calm()
		if _, err := acct.Play(s.Name, stripetest.Play{}); err != nil {
			t.Fatal(err)
		}
		problems := map[string]bool{}
		for _, e := range acct.Events() {
			checkEvent(t, e, seen, problems)
		}
		for problem := range problems {
			t.Errorf("%s: %s", s.Name, problem)
		}
	}
	for _, kind := range []string{
		"charge", "checkout.session", "credit_note", "customer", "dispute", "invoice", "invoice_payment",
		"invoiceitem", "payment_intent", "payment_method", "price", "product", "refund", "subscription",
		"subscription_schedule",
	} {
		if seen[kind] == 0 {
			t.Errorf("no scenario has a %s", kind)
		}
	}
}

// TestTriggeredFitStripesDocument holds the events that can be triggered to it, some
// of which no scenario has.
func TestTriggeredFitStripesDocument(t *testing.T) {
	for _, typ := range stripetest.TriggerTypes() {
		e, err := stripetest.BuildEvent(typ, stripetest.EventOptions{APIVersion: newest})
		if err != nil {
			t.Fatal(err)
		}
		problems := map[string]bool{}
		checkEvent(t, e, map[string]int{}, problems)
		for problem := range problems {
			t.Error(problem)
		}
	}
}

func checkEvent(t *testing.T, e stripetest.Event, seen map[string]int, problems map[string]bool) {
	t.Helper()
	var whole map[string]any
	if err := json.Unmarshal(e.Payload, &whole); err != nil {
		t.Fatalf("%s: %v", e.Type, err)
	}
	for _, problem := range check("event", spec.Components.Schemas["event"], whole) {
		problems[e.Type+": "+problem] = true
	}
	object := whole["data"].(map[string]any)["object"].(map[string]any)
	kind := object["object"].(string)
	seen[kind]++
	if slices.Contains(beyond, kind) {
		return
	}
	name := kind
	if object["deleted"] == true {
		name = "deleted_" + kind
	}
	s := spec.Components.Schemas[name]
	if s == nil {
		t.Fatalf("no schema for %s", name)
	}
	if e.Type == "invoice.upcoming" {
		object["id"] = "in_of_the_future" // the only object without one
	}
	for _, problem := range check(kind, s, object) {
		problems[e.Type+": "+problem] = true
	}
}
