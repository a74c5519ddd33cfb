package apply

import (
	"encoding/json"
	"fmt"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
)

// subscription is one as an event tells of it, with its items as a row keeps them.
type subscription struct {
	stripe.Subscription
	items string
}

func readSubscription(v stripe.Value) subscription {
	s := stripe.ReadSubscription(v)
	items, err := encode(s.Items)
	if err != nil {
		panic(err) // text and numbers always encode
	}
	return subscription{s, items}
}

func subscriptionChanged(c *change) error {
	k := c.key.With(c.ev.ObjectID)
	if c.fresh {
		s := newest(c, readSubscription)
		known, err := c.knownStatus(s.Status)
		if err != nil {
			return err
		}
		row := c.tx.Subscriptions.Edit(k)
		row.KnownStatus = known
		row.Customer, row.StripeStatus, row.Currency, row.Items = s.Customer, s.Status, s.Currency, s.items
		row.CurrentPeriodStart, row.CurrentPeriodEnd, row.TrialEnd = s.CurrentPeriodStart, s.CurrentPeriodEnd, s.TrialEnd
		row.CancelAt, row.CancelAtPeriodEnd, row.CanceledAt, row.EndedAt = s.CancelAt, s.CancelAtPeriodEnd, s.CanceledAt, s.EndedAt
		row.DefaultPaymentMethod, row.LatestInvoice, row.Schedule = s.DefaultPaymentMethod, s.LatestInvoice, s.Schedule
		row.CollectionMethod, row.CollectionPaused = s.CollectionMethod, s.CollectionPaused
		row.CancellationReason, row.Created = s.CancellationReason, s.Created
		if billing.Ended(s.Status) && row.EndedAt == 0 {
			row.EndedAt = c.asOf
		}
		c.because("Stripe says %s is %s", k.ID, s.Status)
	}
	customer := c.ev.Customer
	if tenant := c.tenantIn(told(c, readSubscription).Metadata); tenant != "" && customer != "" {
		c.link(customer, tenant, linkMetadata, c.ev.Created)
	}
	c.owner(customer)
	c.touchSubscription(k)
	c.unmapped(told(c, readSubscription).Subscription)
	return nil
}

// unmapped tells the operator of a running subscription whose price is in no plan.
// It looks at what the event says, stale or not, so that the notice does not depend
// on which events came in time.
func (c *change) unmapped(told stripe.Subscription) {
	item := c.e.decidingItem(told.Items)
	if item == nil || item.Price == "" || billing.Ended(told.Status) {
		return
	}
	if _, _, ok := c.e.Catalog.ByPrice(item.Price); !ok {
		c.notice(notice{name: "price_unmapped", object: item.Price, operator: true, untrue: c.stale})
	}
}

// knownStatus is the status of the newest snapshot whose status Bursar knows: a
// word that it does not know changes nobody's access.
func (c *change) knownStatus(status string) (string, error) {
	if stripe.KnownSubscriptionStatus(status) {
		return status, nil
	}
	var all []stripe.Snapshot
	for _, r := range c.tx.InboxByObject.By(c.key.With(c.ev.ObjectID)) {
		ev, err := c.eventOf(r)
		if err != nil {
			return "", err
		}
		if ev != nil && stripe.KnownSubscriptionStatus(ev.Object.Get("status").Str()) && r.Status != store.Failed && r.Status != store.Dead {
			all = append(all, stripe.Snapshot{
				Order: orderOf(r), ID: r.ID, ObjectType: r.ObjectType, APIVersion: r.APIVersion,
				Object: ev.Object, Previous: ev.Previous, Request: ev.RequestID,
			})
		}
	}
	if len(all) == 0 {
		return "", nil
	}
	return all[stripe.Newest(all).Index].Object.Get("status").Str(), nil
}

func trialWillEnd(c *change) error {
	if err := subscriptionChanged(c); err != nil {
		return err
	}
	s := told(c, readSubscription)
	row := c.tx.Subscriptions.Get(c.key.With(c.ev.ObjectID))
	// Stripe sends this also when a trial is ended early; then there is nothing to warn of.
	trialing := row != nil && row.StripeStatus == billing.Trialing && row.TrialEnd*1e6 > c.tx.Now-1e6*60
	c.trialEnding = trialing
	c.notice(notice{name: "trial_ending", object: c.ev.ObjectID, repeat: fmt.Sprint(s.TrialEnd), untrue: !trialing})
	return nil
}

func scheduleChanged(c *change) error {
	k := c.key.With(c.ev.ObjectID)
	s := newest(c, stripe.ReadSchedule)
	if c.fresh {
		phases, err := encode(s.Phases)
		if err != nil {
			return err
		}
		row := c.tx.Schedules.Edit(k)
		was := row.Subscription
		row.Customer, row.Status, row.Phases = s.Customer, s.Status, phases
		row.CurrentStart, row.CurrentEnd = s.CurrentStart, s.CurrentEnd
		if s.Subscription != "" {
			row.Subscription = s.Subscription
		}
		for _, id := range []string{was, row.Subscription} {
			if id != "" {
				c.subscriptions = append(c.subscriptions, c.key.With(id))
			}
		}
	}
	c.owner(c.ev.Customer)
	return nil
}

// settleSubscription computes what is shown of a subscription from its facts.
func (c *change) settleSubscription(k store.Key) error {
	known := c.tx.Subscriptions.Get(k)
	if known == nil {
		return nil // an invoice told of it first
	}
	f := billing.Facts{StripeStatus: known.StripeStatus, KnownStatus: known.KnownStatus}
	for _, inv := range c.tx.UnpaidBySubscription.By(k) {
		f.Spent = f.Spent || inv.Spent
		f.FailedSince = f.FailedSince || (inv.FailedAttempts >= 0 && inv.FailedAt >= c.tx.Objects.Get(k).Created)
	}
	standing := billing.Stand(f)
	row := c.tx.Subscriptions.Edit(k)
	row.Status, row.StatusReason, row.Access = standing.Status, standing.Reason, standing.Access

	items, err := c.itemsOf(row)
	if err != nil {
		return err
	}
	row.Plan, row.Price, row.Quantity = "", "", 0
	if item := c.e.decidingItem(items); item != nil {
		row.Price, row.Quantity = item.Price, item.Quantity
		if plan, _, ok := c.e.Catalog.ByPrice(item.Price); ok {
			row.Plan = plan.ID
		}
		if item.CurrentPeriodEnd != 0 {
			row.CurrentPeriodStart, row.CurrentPeriodEnd = item.CurrentPeriodStart, item.CurrentPeriodEnd
		}
	}
	row.ScheduledPlan, row.ScheduledChangeAt = "", 0
	if f.Spent || billing.Ended(row.StripeStatus) {
		row.Plan = c.e.Catalog.Default().ID
	} else if err := c.schedule(row); err != nil {
		return err
	}
	if cust := c.tx.Customers.Get(k.With(row.Customer)); row.StripeStatus == billing.Canceled && cust != nil && cust.Tenant != "" {
		c.notice(notice{name: "subscription_ended", object: k.ID, customer: row.Customer, at: row.EndedAt, untrue: f.Spent})
	}
	if cust := c.tx.Customers.Get(k.With(row.Customer)); cust != nil && cust.Tenant != "" {
		c.tellSubscription(row, k.With(cust.Tenant))
		c.touchTenant(k.With(cust.Tenant))
	}
	return nil
}

// itemsOf are a subscription's items; most often they have just been read.
func (c *change) itemsOf(row *store.Subscription) ([]stripe.Item, error) {
	if c.d != nil {
		if s, ok := c.d.Told.(subscription); ok && s.items == row.Items {
			return s.Items, nil
		}
	}
	return decode[[]stripe.Item](row.Items)
}

// decidingItem is the first item whose price is in a plan, else the first.
func (e *Engine) decidingItem(items []stripe.Item) *stripe.Item {
	for i := range items {
		if _, _, ok := e.Catalog.ByPrice(items[i].Price); ok {
			return &items[i]
		}
	}
	if len(items) > 0 {
		return &items[0]
	}
	return nil
}

// schedule fills in what is scheduled after the current phase.
func (c *change) schedule(row *store.Subscription) error {
	for _, s := range c.tx.SchedulesBySub.By(row.Key) {
		if s.Status != "active" && s.Status != "not_started" {
			continue
		}
		phases, err := decode[[]stripe.Phase](s.Phases)
		if err != nil {
			return err
		}
		for _, p := range phases {
			if p.StartDate < s.CurrentEnd || p.StartDate == 0 || s.CurrentEnd == 0 {
				continue
			}
			item := c.e.decidingItem(p.Items)
			if item == nil {
				continue
			}
			if plan, _, ok := c.e.Catalog.ByPrice(item.Price); ok {
				row.ScheduledPlan = plan.ID
			}
			row.ScheduledChangeAt = p.StartDate
			return nil
		}
	}
	return nil
}

func encode(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

func decode[T any](text string) (T, error) {
	var v T
	if text == "" {
		return v, nil
	}
	err := json.Unmarshal([]byte(text), &v)
	return v, err
}
