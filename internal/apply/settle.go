package apply

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/store"
)

// ErrGone says that an event's payload is no longer kept.
var ErrGone = errors.New("gone")

func (c *change) touchInvoice(k store.Key)      { c.invoices = touch(c.invoices, k) }
func (c *change) touchCharge(k store.Key)       { c.charges = touch(c.charges, k) }
func (c *change) touchSubscription(k store.Key) { c.subscriptions = touch(c.subscriptions, k) }
func (c *change) touchTenant(k store.Key)       { c.tenants = touch(c.tenants, k) }

func touch(list []store.Key, k store.Key) []store.Key {
	if slices.Contains(list, k) {
		return list
	}
	return append(list, k)
}

// because says why, unless a rule already said it better.
func (c *change) because(format string, args ...any) {
	if c.why == "" {
		c.why = fmt.Sprintf(format, args...)
	}
}

// settle computes what is shown of everything that the rule touched: from facts,
// so that the order in which they came does not matter.
func (c *change) settle() error {
	for _, k := range c.invoices {
		if err := c.settleInvoice(k); err != nil {
			return err
		}
	}
	for _, k := range c.charges {
		if err := c.settleLoose(c.tx.Charges.Get(k)); err != nil {
			return err
		}
	}
	for _, k := range c.subscriptions {
		if err := c.settleSubscription(k); err != nil {
			return err
		}
	}
	for _, k := range c.tenants {
		if err := c.settleTenant(k); err != nil {
			return err
		}
	}
	c.callHooks()
	return nil
}

// settleLoose writes the ledger of a charge whose invoice, if it has one, is not
// known yet; with the invoice it is settled again.
func (c *change) settleLoose(ch *store.Charge) error {
	if ch == nil {
		return nil
	}
	ids := c.invoicesOf(ch)
	for _, id := range ids {
		if c.tx.Invoices.Get(ch.With(id)) != nil {
			return nil // settled with it
		}
	}
	_, _, err := c.settleCharge(ch, ch.Customer, first(ids))
	return err
}

// ensureTenant is the tenant's row, made where there is none.
func (c *change) ensureTenant(k store.Key) *store.Tenant {
	t := c.tx.Tenants.Edit(k)
	if t.CreatedAt == 0 {
		t.CreatedAt, t.UpdatedAt = c.tx.Now, c.tx.Now
		t.Metadata, t.StripeFeatures = "{}", "[]"
		t.Plan, t.Status = c.e.Catalog.Default().ID, billing.None
		t.ToldFeatures = c.e.features.byPlan[t.Plan]
	}
	return t
}

// settleTenant decides which subscription counts, and with it plan, status and access.
func (c *change) settleTenant(k store.Key) error {
	if c.tx.Tenants.Get(k) == nil {
		return nil
	}
	t := c.ensureTenant(k)
	before := *t
	c.remember(&before)
	customers := c.tx.CustomersByTenant.By(k)
	if c.forget(t, customers) {
		customers = c.tx.CustomersByTenant.By(k)
	}
	var subs []*store.Subscription
	for _, cust := range customers {
		subs = append(subs, c.tx.SubscriptionsBy.By(cust.Key)...)
	}
	sub := c.e.deciding(subs)
	customer := mainCustomer(customers, sub)
	t.Plan, t.Status, t.StatusReason, t.Access = c.e.Catalog.Default().ID, billing.None, "", false
	t.Quantity, t.ValidUntil, t.Subscription = 0, 0, ""
	if sub != nil {
		t.Plan, t.Status, t.StatusReason, t.Access = sub.Plan, sub.Status, sub.StatusReason, sub.Access
		t.Quantity, t.Subscription = sub.Quantity, sub.ID
		if t.Access {
			t.ValidUntil = cmp.Or(EndsAt(sub), sub.CurrentPeriodEnd)
		}
	}
	t.StripeCustomerID, t.StripeName, t.StripeEmail, t.StripeFeatures = "", "", "", "[]"
	if customer != nil {
		if !customer.Deleted {
			t.StripeCustomerID = customer.ID
		}
		t.StripeName, t.StripeEmail, t.StripeFeatures = customer.Name, customer.Email, cmp.Or(customer.Features, "[]")
	}
	t.PaymentMethod = c.defaultPaymentMethod(sub, customer, customers)
	if *t != before {
		t.UpdatedAt = c.tx.Now
	}
	why := c.why
	if c.ev != nil && why == "" {
		why = c.ev.Type
	}
	for _, e := range []entry{
		{what: "plan", from: before.Plan, to: t.Plan, why: why},
		{what: "status", from: before.Status, to: t.Status, why: why},
		{what: "access", from: fmt.Sprint(before.Access), to: fmt.Sprint(t.Access), why: why},
	} {
		if e.from != e.to {
			c.note(t, e)
		}
	}
	c.tellEntitlements(&before, t)
	return nil
}

// deciding is the subscription that decides the tenant's plan, nil without any.
func (e *Engine) deciding(subs []*store.Subscription) *store.Subscription {
	if len(subs) == 0 {
		return nil
	}
	return slices.MinFunc(subs, func(a, b *store.Subscription) int {
		return billing.CompareCandidates(e.candidate(a), e.candidate(b))
	})
}

func (e *Engine) candidate(s *store.Subscription) billing.Candidate {
	_, _, hasPlan := e.Catalog.ByPrice(s.Price)
	return billing.Candidate{ID: s.ID, Status: s.Status, Access: s.Access, HasPlan: hasPlan, Created: s.Created, EndedAt: s.EndedAt}
}

// mainCustomer is the deciding subscription's customer, else the newest one.
func mainCustomer(customers []*store.Customer, sub *store.Subscription) *store.Customer {
	var best *store.Customer
	for _, cust := range customers {
		if sub != nil && cust.ID == sub.Customer {
			return cust
		}
		if best == nil || cmp.Or(compareBool(best.Deleted, cust.Deleted), cmp.Compare(cust.Created, best.Created), cmp.Compare(cust.ID, best.ID)) > 0 {
			best = cust
		}
	}
	return best
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// EndsAt is when a subscription ended or will: ended_at, else its scheduled
// cancellation, else zero. Unix seconds.
func EndsAt(s *store.Subscription) int64 {
	switch {
	case s.EndedAt != 0:
		return s.EndedAt
	case s.CancelAt != 0:
		return s.CancelAt
	case s.CancelAtPeriodEnd:
		return s.CurrentPeriodEnd
	}
	return 0
}

// defaultPaymentMethod is the deciding subscription's, else the customer's, else
// the newest that is attached; one that was detached counts as none.
func (c *change) defaultPaymentMethod(sub *store.Subscription, customer *store.Customer, customers []*store.Customer) string {
	var wanted []string
	if sub != nil {
		wanted = append(wanted, sub.DefaultPaymentMethod)
	}
	if customer != nil {
		wanted = append(wanted, customer.DefaultPaymentMethod)
		for _, id := range wanted {
			if id == "" {
				continue
			}
			if pm := c.tx.PaymentMethods.Get(customer.With(id)); pm == nil || pm.Attached {
				return id
			}
		}
	}
	var newest *store.PaymentMethod
	for _, cust := range customers {
		if cust.Deleted {
			continue
		}
		for _, pm := range c.tx.PaymentMethodsBy.By(cust.Key) {
			if pm.Attached && (newest == nil || cmp.Or(cmp.Compare(pm.Created, newest.Created), cmp.Compare(pm.ID, newest.ID)) > 0) {
				newest = pm
			}
		}
	}
	if newest == nil {
		return ""
	}
	return newest.ID
}

// entry is a line of the timeline to be.
type entry struct{ what, from, to, why string }

// note adds an entry to the tenant's timeline; t must be a row of this change.
func (c *change) note(t *store.Tenant, e entry) {
	t.Timeline++
	event := ""
	if c.ev != nil {
		event = c.ev.ID
	}
	actor := c.actor
	if t.StatusReason == billing.ReasonDunning && e.what != "customer" {
		actor = "policy"
	}
	c.tx.AddTimeline(store.TimelineEntry{
		Account: t.Account, Livemode: t.Livemode, Tenant: t.ID, No: t.Timeline, At: c.tx.Now,
		What: e.what, Was: e.from, IsNow: e.to, Why: e.why, Event: event, Actor: actor,
	})
}
