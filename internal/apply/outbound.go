package apply

import (
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/outbound"
	"github.com/bursarhq/bursar/internal/store"
)

// Outgoing webhooks are transitions: they tell what Bursar saw change. The rows keep
// what was last told (told_…), so that each difference is told once, whatever was
// applied again, and is told also where nobody listened at the time it came up.

// tell plans an event of a tenant: a delivery for each endpoint that takes its type.
// Backfill tells nobody but the hooks within the transaction; nor is anything told of a tenant that was erased.
func (c *change) tell(tenant store.Key, eventType string, data any) {
	within, after := c.e.Hooks.of(eventType)
	hooks := len(within) > 0 || after
	var to []string
	for _, e := range c.e.Outbound {
		if e.Takes(eventType) && (c.d == nil || c.d.Source != "backfill") {
			to = append(to, e.Name)
		}
	}
	if len(to) == 0 && !hooks {
		return
	}
	if t := c.tx.Tenants.Get(tenant); t == nil || t.ErasedAt != 0 {
		return
	}
	t := c.tx.Tenants.Edit(tenant)
	t.Outbound++
	id := outbound.MessageID(c.e.liveSince, t.Account, t.Livemode, t.ID, t.Outbound)
	if hooks {
		c.hooked = append(c.hooked, hooked{key: id, eventType: eventType, tenant: t.ID})
	}
	if len(to) == 0 {
		return
	}
	body, err := json.Marshal(outbound.Event{
		ID: id, Type: eventType, Timestamp: time.UnixMicro(c.tx.Now).UTC(), Tenant: t.ID, Account: orNull(t.Account), Livemode: t.Livemode,
		Sequence: t.Outbound, Cause: outbound.Cause{Event: orNull(c.eventID()), Actor: c.actorFor(t, eventType)}, Data: data,
	})
	if err != nil {
		panic(fmt.Errorf("event %s of tenant %s: %w", eventType, t.ID, err)) // the features' values alone could be to blame
	}
	for _, name := range to {
		row := store.Effect{
			Key: tenant.With(store.OutboundKey(name, id)), Kind: store.OutboundKind(name), Name: eventType,
			Customer: c.customer, Tenant: t.ID, ObjectID: id, Status: store.Pending, DueAt: c.tx.Now,
		}
		c.finishEffect(&row)
		row.Data = string(body)
		c.tx.AddEffect(row)
		c.tx.Wake(row.Kind, row.DueAt)
	}
}

func (c *change) eventID() string {
	if c.ev == nil {
		return ""
	}
	return c.ev.ID
}

// actorFor is who did it, as the timeline has it.
func (c *change) actorFor(t *store.Tenant, eventType string) string {
	if t.StatusReason == billing.ReasonDunning && eventType == outbound.EntitlementsChanged {
		return "policy"
	}
	return c.actor
}

// tellLinked tells of a customer that became a tenant's.
func (c *change) tellLinked(t store.Key, customer, source, was string) {
	c.tell(t, outbound.TenantLinked, outbound.LinkData{StripeCustomerID: customer, Source: source, PreviousTenant: orNull(was)})
}

// tellSubscription tells what of a tenant's subscription is not as it was last told.
func (c *change) tellSubscription(row *store.Subscription, tenant store.Key) {
	was, wasPlan, goesOn := row.ToldStatus, row.ToldPlan, !billing.Ended(row.Status)
	var events []string
	if e := statusEvent(was, row.Status); was != row.Status && e != "" {
		// The end of what was never told of may be long ago.
		if was != "" || e != outbound.SubscriptionCanceled || !c.old(row.EndedAt) {
			events = append(events, e)
		}
	}
	if wasPlan != row.Plan && was != "" && !billing.Ended(was) && goesOn {
		events = append(events, outbound.SubscriptionPlanChanged)
	}
	row.ToldStatus, row.ToldPlan = row.Status, row.Plan
	if c.trialEnding && row.ToldTrialEnd != row.TrialEnd {
		row.ToldTrialEnd = row.TrialEnd
		events = append(events, outbound.SubscriptionTrialEnding)
	}
	if len(events) == 0 {
		return
	}
	data := outbound.SubscriptionData{Subscription: outbound.Subscription{
		ID: row.ID, Plan: orNull(row.Plan), Status: row.Status, StripeStatus: row.StripeStatus, StatusReason: orNull(row.StatusReason),
		Access: row.Access, StripePrice: orNull(row.Price), Quantity: row.Quantity,
		CurrentPeriodStart: unixOrNull(row.CurrentPeriodStart), CurrentPeriodEnd: unixOrNull(row.CurrentPeriodEnd),
		TrialEndsAt: unixOrNull(row.TrialEnd), EndsAt: unixOrNull(EndsAt(row)), EndedAt: unixOrNull(row.EndedAt),
	}}
	if was != "" {
		data.Previous = &outbound.PreviousSubscription{Plan: orNull(wasPlan), Status: was}
	}
	for _, e := range events {
		c.tell(tenant, e, data)
	}
}

// statusEvent is the event of a subscription that goes from one status to another,
// empty where it is none. A subscription that nothing was told of comes from "".
func statusEvent(was, is string) string {
	runs := func(s string) bool { return s == billing.Active || s == billing.Trialing }
	owes := func(s string) bool { return s == billing.PastDue || s == billing.Unpaid }
	switch {
	case runs(is) && (owes(was) || was == billing.Canceled): // Stripe's own end is for ever, dunning's is lifted
		return outbound.SubscriptionRecovered
	case is == billing.Active && was != billing.Active, is == billing.Trialing && !runs(was):
		return outbound.SubscriptionActivated
	case owes(is) && !owes(was):
		return outbound.SubscriptionPastDue
	case is == billing.Canceled:
		return outbound.SubscriptionCanceled
	}
	return ""
}

// tellInvoice tells that a tenant's invoice was issued, and what of it was refunded.
// refundedAt is when the last of it was. Old news is noted and not told, as notices are.
func (c *change) tellInvoice(inv *store.Invoice, refundedAt int64) {
	cust := c.customerRow(inv.Customer)
	if cust == nil || cust.Tenant == "" || inv.StripeStatus == "draft" || inv.StripeStatus == "" {
		return // told when the customer is linked and its events are applied again
	}
	tell := func(eventType string, at int64) {
		if c.old(at) {
			return
		}
		c.tell(inv.With(cust.Tenant), eventType, outbound.InvoiceData{Invoice: outbound.Invoice{
			ID: inv.ID, Number: orNull(inv.Number), Subscription: orNull(inv.Subscription), Status: inv.Status, StripeStatus: inv.StripeStatus,
			BillingReason: orNull(inv.BillingReason), Currency: inv.Currency, Subtotal: inv.Subtotal, Discount: inv.Discount, Tax: inv.Tax,
			Total: inv.Total, AmountPaid: inv.AmountPaid, AmountDue: inv.AmountDue, AmountRefunded: inv.AmountRefunded,
			IssuedAt: unixOrNull(inv.FinalizedAt), DueDate: unixOrNull(inv.DueDate), PaidAt: unixOrNull(inv.PaidAt),
		}})
	}
	if !inv.ToldIssued {
		inv.ToldIssued = true
		tell(outbound.InvoiceIssued, max(inv.FinalizedAt, inv.Created))
	}
	if inv.ToldRefunded != inv.AmountRefunded {
		inv.ToldRefunded = inv.AmountRefunded
		tell(outbound.InvoiceRefunded, max(refundedAt, c.happenedAt()))
	}
}

// happenedAt is when what is being applied happened, Unix seconds.
func (c *change) happenedAt() int64 {
	if c.ev == nil {
		return c.tx.Now / 1e6
	}
	return c.ev.Created
}

// tellEntitlements tells a tenant's entitlements where the API would answer others
// than before.
func (c *change) tellEntitlements(was, is *store.Tenant) {
	is.ToldFeatures = c.e.features.byPlan[c.e.planOf(is).ID]
	same := func(a, b *store.Tenant) bool {
		return a.Plan == b.Plan && a.Status == b.Status && a.Access == b.Access && a.Quantity == b.Quantity && a.ValidUntil == b.ValidUntil &&
			(a.StripeFeatures == b.StripeFeatures || !a.Access) && (a.ToldFeatures == b.ToldFeatures || a.ToldFeatures == "")
	}
	if same(was, is) {
		return
	}
	c.tell(is.Key, outbound.EntitlementsChanged, outbound.EntitlementsData{Entitlements: c.e.entitlements(is), Previous: c.e.entitlements(was)})
}

func (e *Engine) entitlements(t *store.Tenant) outbound.Entitlements {
	features := map[string]any{}
	if t.Access {
		stripes, _ := decode[[]string](t.StripeFeatures) // this package wrote it
		for _, name := range stripes {
			features[name] = true
		}
	}
	maps.Copy(features, e.featuresOf(t))
	return outbound.Entitlements{
		Plan: orNull(t.Plan), Status: t.Status, Access: t.Access, Features: features, Quantity: t.Quantity, ValidUntil: unixOrNull(t.ValidUntil),
	}
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func unixOrNull(seconds int64) *time.Time {
	if seconds == 0 {
		return nil
	}
	t := time.Unix(seconds, 0).UTC()
	return &t
}
