package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/store"
)

// Plan is a plan of the catalog.
type Plan struct {
	ID          string         `json:"id"`
	Name        string         `json:"name"`
	Description string         `json:"description"`
	Default     bool           `json:"default" doc:"What a tenant has without a subscription."`
	TrialDays   int            `json:"trial_days"`
	Features    map[string]any `json:"features"`
	Prices      []Price        `json:"prices" nullable:"false"`
}

// Price is a price of a plan.
type Price struct {
	ID       string `json:"id"`
	Amount   int64  `json:"amount" doc:"In the currency's minor unit."`
	Currency string `json:"currency"`
	Interval string `json:"interval" enum:"day,week,month,year"`
	Archived bool   `json:"archived" doc:"Still recognized, no longer sold."`
}

// PlanList asks for the plans; a catalog is small, so that they come all at once
// unless asked otherwise.
type PlanList struct {
	OfAccount
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"100" doc:"How many, at most."`
	Cursor string `query:"cursor" maxLength:"500" doc:"next_cursor of the part before; the beginning where left out."`
}

func (s *server) listPlans(_ context.Context, in *PlanList) (List[Plan], error) {
	after, err := store.ParseCursor(in.Cursor)
	if err != nil {
		return List[Plan]{}, err
	}
	plans := s.Catalog.Plans()
	from := min(int(max(after.At, 0)), len(plans))
	to := min(from+in.Limit, len(plans))
	rows := store.List[billing.Plan]{Rows: plans[from:to]}
	if to < len(plans) {
		rows.Next = store.Cursor{At: int64(to)}.String()
	}
	return listOf(rows, planShape), nil
}

func planShape(p *billing.Plan) Plan {
	out := Plan{ID: p.ID, Name: p.Name, Description: p.Description, Default: p.Default, TrialDays: p.TrialDays, Features: p.Features, Prices: []Price{}}
	for _, price := range p.Prices {
		out.Prices = append(out.Prices, Price(price))
	}
	return out
}

// Entitlements is what a tenant may do.
type Entitlements struct {
	Plan       *string        `json:"plan" doc:"null where the subscription's price is in no plan."`
	Status     string         `json:"status" doc:"The subscription's, or none."`
	Access     bool           `json:"access" doc:"Whether the paid plan may be used."`
	Features   map[string]any `json:"features" doc:"The plan's with access, else the default plan's."`
	Quantity   int64          `json:"quantity"`
	ValidUntil *time.Time     `json:"valid_until" doc:"When access ends unless something renews it."`
}

// EntitlementsQuery asks for them.
type EntitlementsQuery struct {
	OfTenant
	Default bool `query:"default" doc:"Answer the default plan for a tenant that does not exist yet."`
}

// entitlementsOf asks for a tenant's without more words.
func entitlementsOf(tenant string) *EntitlementsQuery {
	return &EntitlementsQuery{OfTenant: OfTenant{Tenant: tenant}}
}

func (s *server) getEntitlements(ctx context.Context, in *EntitlementsQuery) (Entitlements, error) {
	e, err := s.read.Entitlement(ctx, s.key(ctx, in.Account, in.Tenant))
	if err != nil {
		if !in.Default || !errors.Is(err, store.ErrNotFound) {
			return Entitlements{}, absent(err, "tenant", in.Tenant)
		}
		e = store.Entitlement{Plan: s.Catalog.Default().ID, Status: billing.None}
	}
	features, err := s.features(&e)
	return Entitlements{
		Plan: text(e.Plan), Status: e.Status, Access: e.Access, Features: features, Quantity: e.Quantity,
		ValidUntil: seconds(e.ValidUntil),
	}, err
}

// features are the plan's and, under them, those that Stripe says the customer has;
// without access the default plan's alone.
func (s *server) features(e *store.Entitlement) (map[string]any, error) {
	plan, ok := s.Catalog.Plan(e.Plan)
	if !ok || !e.Access {
		plan = s.Catalog.Default()
	}
	if !e.Access || e.StripeFeatures == "[]" || e.StripeFeatures == "" {
		return plan.Features, nil
	}
	var keys []string
	if err := json.Unmarshal([]byte(e.StripeFeatures), &keys); err != nil {
		return nil, fmt.Errorf("stripe_features: %w", err)
	}
	features := make(map[string]any, len(plan.Features)+len(keys))
	for _, key := range keys {
		features[key] = true
	}
	for name, value := range plan.Features {
		features[name] = value
	}
	return features, nil
}
