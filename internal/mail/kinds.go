package mail

import (
	"errors"
	"fmt"
)

// Audience is whom a kind of notice is for.
type Audience string

// Customers' notices go to the tenant's e-mail address, else to the customer's
// at Stripe; operators' go to whoever runs Bursar.
const (
	Customer Audience = "customer"
	Operator Audience = "operator"
)

// Kind is one kind of notice. Its texts are templates/NAME.LOCALE.tmpl.
type Kind struct {
	Name     string
	Audience Audience
	About    string // when it is sent, for whoever decides to switch it off
	Sample   Data   // what previews show and templates are checked with
}

// kinds is every notice that Bursar sends by mail, a row each. A kind that is
// not here does not exist: not for Render, not for overrides, not for switches.
var kinds = []Kind{
	{"payment_failed", Customer, "a payment for an invoice did not go through, once for each attempt", samplePaymentFailed},
	{"payment_action_required", Customer, "the bank wants the customer to confirm a payment", sampleActionRequired},
	{"payment_recovered", Customer, "an invoice that had failed has been paid", sampleRecovered},
	{"subscription_downgraded", Customer, "the attempts to collect are spent and the tenant falls to the default plan", sampleDowngraded},
	{"subscription_ended", Customer, "a subscription has ended", sampleEnded},
	{"trial_ending", Customer, "a trial ends in three days", sampleTrialEnding},
	{"card_expiring", Customer, "the card that pays for a subscription is about to expire", sampleCardExpiring},
	{"invoice_receipt", Customer, "an invoice has been paid; the document is attached", sampleReceipt},
	{"refund_issued", Customer, "a payment has been refunded, in part or in full", sampleRefund},

	{"dispute_opened", Operator, "a customer disputes a charge", sampleDispute},
	{"price_unmapped", Operator, "a subscription has a price that no plan in the catalog has", samplePriceUnmapped},
	{"event_dead", Operator, "an event could not be applied and Bursar gave up on it", sampleEventDead},
	{"endpoint_silent", Operator, "Stripe has stopped delivering webhooks", sampleEndpointSilent},
	{"outbound_disabled", Operator, "an endpoint for outgoing webhooks was given up on", sampleOutboundDisabled},
	{"tenant_conflict", Operator, "an event links a customer to a tenant while another one has it", sampleConflict},
}

// ErrUnknownKind is what a kind that is not in the table is answered with.
var ErrUnknownKind = errors.New("unknown kind of notice")

// Kinds lists the table in its order. The rows are copies.
func Kinds() []Kind { return append([]Kind(nil), kinds...) }

// KindOf finds a row of the table, or fails with ErrUnknownKind.
func KindOf(name string) (Kind, error) {
	for _, k := range kinds {
		if k.Name == name {
			return k, nil
		}
	}
	return Kind{}, fmt.Errorf("mail: %w: %q", ErrUnknownKind, cut(clean(name), 80))
}
