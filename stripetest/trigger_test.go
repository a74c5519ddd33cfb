package stripetest

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

// TestEveryTypeIsBuilt in the oldest and the newest version.
func TestEveryTypeIsBuilt(t *testing.T) {
	at := time.Date(2027, time.March, 3, 12, 0, 0, 0, time.UTC)
	for _, typ := range TriggerTypes() {
		for _, version := range []string{"2020-08-27", DefaultVersion} {
			e, err := BuildEvent(typ, EventOptions{APIVersion: version, At: at})
			if err != nil {
				t.Errorf("%s: %v", typ, err)
				continue
			}
			if e.Type != typ || !bytes.Contains(e.Payload, []byte(`"api_version":"`+version+`"`)) || len(e.Object) == 0 {
				t.Errorf("%s %s: %s", typ, version, e.Payload)
			}
			if early := at.Sub(e.Created); early < 0 || early > 4*24*time.Hour {
				t.Errorf("%s: created %v, want %v", typ, e.Created, at)
			}
		}
	}
}

// TestTypesOfTheContract are those that docs/contract names.
func TestTypesOfTheContract(t *testing.T) {
	types := strings.Join(TriggerTypes(), " ") + " "
	for _, typ := range strings.Fields(`
		checkout.session.completed checkout.session.async_payment_succeeded checkout.session.async_payment_failed
		checkout.session.expired customer.created customer.updated customer.deleted
		customer.subscription.created customer.subscription.updated customer.subscription.paused
		customer.subscription.resumed customer.subscription.pending_update_applied
		customer.subscription.pending_update_expired customer.subscription.deleted
		customer.subscription.trial_will_end subscription_schedule.created subscription_schedule.updated
		subscription_schedule.released subscription_schedule.canceled subscription_schedule.completed
		subscription_schedule.aborted charge.captured charge.pending charge.updated price.deleted
		invoice.created invoice.finalized invoice.updated invoice.sent invoice.overdue invoice.voided
		invoice.marked_uncollectible invoice.deleted invoice.paid invoice.payment_succeeded
		invoice.payment_failed invoice.payment_action_required invoice_payment.paid payment_method.attached
		payment_method.updated payment_method.automatically_updated payment_method.detached charge.succeeded
		charge.failed charge.refunded refund.created refund.updated refund.failed credit_note.created
		credit_note.updated credit_note.voided charge.dispute.created charge.dispute.updated
		charge.dispute.closed charge.dispute.funds_withdrawn charge.dispute.funds_reinstated product.created
		product.updated product.deleted price.created price.updated
		entitlements.active_entitlement_summary.updated
	`) {
		if !strings.Contains(types, typ+" ") {
			t.Errorf("%s cannot be built", typ)
		}
	}
}

func TestBuildEventOptions(t *testing.T) {
	e, err := BuildEvent("checkout.session.completed", EventOptions{Tenant: "globex", Customer: "cus_mine"})
	if err != nil {
		t.Fatal(err)
	}
	if e.Object.Str("client_reference_id") != "globex" || e.Object.Str("metadata.tenant") != "globex" || e.Object.Str("customer") != "cus_mine" {
		t.Errorf("%s", e.Payload)
	}
	e, err = BuildEvent("invoice.paid", EventOptions{Customer: "cus_mine", Set: []string{
		"amount_paid=123", "metadata.order=A-7", `customer_tax_ids=[{"type":"eu_vat","value":"DE1"}]`, "lines.data.0.amount=5",
		"account=acct_connected", "id=evt_mine", "data.object.number=INV-1", "description=null",
	}})
	if err != nil {
		t.Fatal(err)
	}
	o := e.Object
	if o.Int("amount_paid") != 123 || o.Str("metadata.order") != "A-7" || o.Str("customer_tax_ids.0.value") != "DE1" ||
		o.Int("lines.data.0.amount") != 5 || o.Str("number") != "INV-1" || e.ID != "evt_mine" ||
		!bytes.Contains(e.Payload, []byte(`"account":"acct_connected"`)) {
		t.Errorf("%s", e.Payload)
	}
	again, err := BuildEvent("invoice.paid", EventOptions{})
	if err != nil {
		t.Fatal(err)
	}
	twice, err := BuildEvent("invoice.paid", EventOptions{})
	if err != nil || !bytes.Equal(again.Payload, twice.Payload) {
		t.Errorf("two events from equal options differ: %v", err)
	}
	if other, err := BuildEvent("invoice.paid", EventOptions{Seed: 1}); err != nil || other.ID == again.ID {
		t.Errorf("another seed gives the same id, %v", err)
	}
}

func TestBuildEventRefuses(t *testing.T) {
	if _, err := BuildEvent("customer.subscription.exploded", EventOptions{}); !errors.Is(err, ErrUnknownEvent) {
		t.Errorf("unknown type: %v", err)
	}
	if _, err := BuildEvent("invoice.paid", EventOptions{APIVersion: "v3"}); err == nil {
		t.Error("v3 is taken for a version")
	}
	for _, set := range []string{"amount_paid", "=1", "lines.data.7.amount=1", "number.x=1"} {
		if e, err := BuildEvent("invoice.paid", EventOptions{Set: []string{set}}); err == nil {
			t.Errorf("set %q was accepted: %s", set, e.Payload)
		}
	}
}
