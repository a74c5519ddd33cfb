package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
)

// Subscription is a subscription as the app should act on it.
type Subscription struct {
	ID                 *string    `json:"id" doc:"null where the tenant has none."`
	Tenant             string     `json:"tenant"`
	Plan               *string    `json:"plan" doc:"null where its price is in no plan."`
	Status             string     `json:"status" doc:"Stripe's, except where policy overrules it; none without a subscription."`
	StripeStatus       *string    `json:"stripe_status" doc:"What Stripe last said."`
	StatusReason       *string    `json:"status_reason" doc:"Why the two differ." example:"dunning"`
	Access             bool       `json:"access"`
	StripePrice        *string    `json:"stripe_price"`
	Quantity           int64      `json:"quantity"`
	CurrentPeriodStart *time.Time `json:"current_period_start"`
	CurrentPeriodEnd   *time.Time `json:"current_period_end"`
	TrialEndsAt        *time.Time `json:"trial_ends_at"`
	EndsAt             *time.Time `json:"ends_at" doc:"When a scheduled cancellation takes effect, or when it ended."`
	EndedAt            *time.Time `json:"ended_at"`
	ScheduledPlan      *string    `json:"scheduled_plan"`
	ScheduledChangeAt  *time.Time `json:"scheduled_change_at"`
	Items              []Item     `json:"items" nullable:"false"`
	CollectionPaused   bool       `json:"collection_paused"`
}

// Item is an item of a subscription.
type Item struct {
	ID               *string    `json:"id"`
	Price            *string    `json:"price"`
	Plan             *string    `json:"plan" doc:"null where the price is in no plan."`
	Quantity         int64      `json:"quantity"`
	CurrentPeriodEnd *time.Time `json:"current_period_end"`
}

func (s *server) getSubscription(ctx context.Context, in *OfTenant) (Subscription, error) {
	t, err := s.read.Tenant(ctx, s.key(ctx, in.Account, in.Tenant))
	if err != nil {
		return Subscription{}, absent(err, "tenant", in.Tenant)
	}
	return s.deciding(ctx, &t)
}

// deciding is the subscription that decides a tenant's plan, in its shape.
func (s *server) deciding(ctx context.Context, t *store.Tenant) (Subscription, error) {
	if t.Subscription == "" {
		return Subscription{Tenant: t.ID, Plan: text(s.Catalog.Default().ID), Status: billing.None, Items: []Item{}}, nil
	}
	row, err := s.read.Subscription(ctx, t.With(t.Subscription))
	if errors.Is(err, store.ErrNotFound) {
		return Subscription{}, fmt.Errorf("subscription %s of tenant %s: not there", t.Subscription, t.ID)
	} else if err != nil {
		return Subscription{}, err
	}
	return s.subscriptionShape(t.ID, &row)
}

func (s *server) subscriptionShape(tenant string, r *store.Subscription) (Subscription, error) {
	var items []stripe.Item
	if err := json.Unmarshal([]byte(r.Items), &items); err != nil {
		return Subscription{}, fmt.Errorf("items of subscription %s: %w", r.ID, err)
	}
	out := Subscription{
		ID: &r.ID, Tenant: tenant, Plan: text(r.Plan), Status: r.Status, StripeStatus: text(r.StripeStatus), StatusReason: text(r.StatusReason),
		Access: r.Access, StripePrice: text(r.Price), Quantity: r.Quantity,
		CurrentPeriodStart: seconds(r.CurrentPeriodStart), CurrentPeriodEnd: seconds(r.CurrentPeriodEnd), TrialEndsAt: seconds(r.TrialEnd),
		EndsAt: seconds(apply.EndsAt(r)), EndedAt: seconds(r.EndedAt), ScheduledPlan: text(r.ScheduledPlan), ScheduledChangeAt: seconds(r.ScheduledChangeAt),
		Items: make([]Item, len(items)), CollectionPaused: r.CollectionPaused,
	}
	for i, item := range items {
		out.Items[i] = Item{ID: text(item.ID), Price: text(item.Price), Quantity: item.Quantity, CurrentPeriodEnd: seconds(item.CurrentPeriodEnd)}
		if plan, _, ok := s.Catalog.ByPrice(item.Price); ok {
			out.Items[i].Plan = &plan.ID
		}
	}
	return out, nil
}

func (s *server) listSubscriptions(ctx context.Context, in *TenantList) (List[Subscription], error) {
	var wrong error
	l, err := tenantList(ctx, s, in, s.read.Subscriptions, func(t *store.Tenant, r *store.Subscription) Subscription {
		shape, err := s.subscriptionShape(t.ID, r)
		wrong = errors.Join(wrong, err)
		return shape
	})
	return l, errors.Join(err, wrong)
}
