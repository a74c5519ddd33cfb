package outbound

import (
	"fmt"
	"slices"
	"strings"
)

// The types of events.
const (
	SubscriptionActivated   = "subscription.activated"
	SubscriptionPlanChanged = "subscription.plan_changed"
	SubscriptionPastDue     = "subscription.past_due"
	SubscriptionRecovered   = "subscription.recovered"
	SubscriptionCanceled    = "subscription.canceled"
	SubscriptionTrialEnding = "subscription.trial_ending"
	InvoiceIssued           = "invoice.issued"
	InvoiceRefunded         = "invoice.refunded"
	TenantLinked            = "tenant.linked"
	EntitlementsChanged     = "entitlements.changed"
)

// EventType is one type of event.
type EventType struct {
	Name  string
	About string // when it is sent
}

// EventTypes is every type that Bursar sends, a row each.
var EventTypes = []EventType{
	{SubscriptionActivated, "a subscription became active, or began its trial, or was paid for when its trial ended"},
	{SubscriptionPlanChanged, "a subscription that goes on has another plan than before"},
	{SubscriptionPastDue, "a payment of a subscription failed"},
	{SubscriptionRecovered, "a subscription that was past due, or lost to dunning, is paid"},
	{SubscriptionCanceled, "a subscription ended, at Stripe or because dunning is spent"},
	{SubscriptionTrialEnding, "a trial ends in three days"},
	{InvoiceIssued, "an invoice is no longer a draft"},
	{InvoiceRefunded, "another amount of an invoice is refunded than before; a lower one where a refund failed"},
	{TenantLinked, "a customer at Stripe belongs to the tenant from now on"},
	{EntitlementsChanged, "what the tenant may do is another answer than before, until when included"},
}

// Endpoint is where webhooks go. The zero value of Events takes all of them.
type Endpoint struct {
	Name    string // what its deliveries are kept under
	URL     string
	Secrets []string // whsec_ and base64; several while one is being rolled
	Events  []string // patterns: a type, or the beginning of types such as invoice.*
}

// Takes says whether an endpoint wants events of a type.
func (e Endpoint) Takes(eventType string) bool {
	return len(e.Events) == 0 || slices.ContainsFunc(e.Events, func(pattern string) bool { return matches(pattern, eventType) })
}

func matches(pattern, eventType string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(eventType, prefix)
	}
	return pattern == eventType
}

// CheckPattern says whether a filter's pattern can match anything: one that cannot
// is a mistake of whoever wrote it.
func CheckPattern(pattern string) error {
	for _, t := range EventTypes {
		if matches(pattern, t.Name) {
			return nil
		}
	}
	return fmt.Errorf("%q matches no type of event", pattern)
}
