package bursar

import (
	"context"
	"encoding/json"
	"time"

	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/store"
)

// Entitlements is what a tenant may use now.
type Entitlements struct {
	Plan       string // empty where the price is in no plan
	Status     string
	Access     bool           // to the paid plan
	Features   map[string]any // the plan's with access, else the default plan's
	Quantity   int64
	ValidUntil time.Time // when access ends unless something renews it; zero for never
}

// Subscription is the subscription that decides a tenant's plan.
type Subscription struct {
	ID           string // empty: there is none
	Tenant       string
	Plan         string // empty where the price is in no plan
	Status       string // what the app acts on
	StripeStatus string // what Stripe said last
	StatusReason string // dunning, where policy overrules Stripe
	Access       bool
	Price        string
	Quantity     int64

	CurrentPeriodStart, CurrentPeriodEnd, TrialEndsAt time.Time // zero for none
	EndsAt, EndedAt                                   time.Time

	ScheduledPlan     string // the plan from ScheduledChangeAt on, empty for none
	ScheduledChangeAt time.Time
}

// Invoice is an invoice of a tenant. Amounts are in the currency's minor unit.
type Invoice struct {
	ID, Number, Subscription               string
	Status                                 string // void by policy, where all of it was refunded
	StripeStatus                           string
	Currency                               string
	Total, AmountPaid, AmountDue, Refunded int64
	IssuedAt, DueDate, PaidAt              time.Time // zero for none
	HostedInvoiceURL                       string
}

// key is the own account's row of an id.
func (b *Bursar) key(ctx context.Context, id string) store.Key {
	return b.engine.Key(ctx, "", id)
}

// Entitlements reads what a tenant may use: one indexed read, made for every
// request of an app. A tenant that nobody has heard of is ErrNotFound.
func (b *Bursar) Entitlements(ctx context.Context, tenant string) (Entitlements, error) {
	row, err := b.reader.Entitlement(ctx, b.key(ctx, tenant))
	if err != nil {
		return Entitlements{}, err
	}
	e := Entitlements{Plan: row.Plan, Status: row.Status, Access: row.Access, Quantity: row.Quantity, ValidUntil: at(row.ValidUntil)}
	plan := b.cfg.Plans.Default()
	if p, ok := b.cfg.Plans.Plan(row.Plan); ok && row.Access {
		plan = p
	}
	e.Features = plan.Features
	var more []string
	if row.Access && len(row.StripeFeatures) > len("[]") {
		if err := json.Unmarshal([]byte(row.StripeFeatures), &more); err != nil {
			return Entitlements{}, err
		}
		e.Features = map[string]any{}
		for _, key := range more {
			e.Features[key] = true
		}
		for key, v := range plan.Features {
			e.Features[key] = v
		}
	}
	return e, nil
}

// Subscription reads the subscription that decides a tenant's plan. A tenant
// without any has the status none and the default plan.
func (b *Bursar) Subscription(ctx context.Context, tenant string) (Subscription, error) {
	t, err := b.reader.Tenant(ctx, b.key(ctx, tenant))
	if err != nil {
		return Subscription{}, err
	}
	if t.Subscription == "" {
		return Subscription{Tenant: tenant, Plan: t.Plan, Status: t.Status}, nil
	}
	s, err := b.reader.Subscription(ctx, b.key(ctx, t.Subscription))
	if err != nil {
		return Subscription{}, err
	}
	return Subscription{
		ID: s.ID, Tenant: tenant, Plan: s.Plan, Status: s.Status, StripeStatus: s.StripeStatus, StatusReason: s.StatusReason,
		Access: s.Access, Price: s.Price, Quantity: s.Quantity, CurrentPeriodStart: at(s.CurrentPeriodStart), CurrentPeriodEnd: at(s.CurrentPeriodEnd),
		TrialEndsAt: at(s.TrialEnd), EndsAt: at(apply.EndsAt(&s)), EndedAt: at(s.EndedAt),
		ScheduledPlan: s.ScheduledPlan, ScheduledChangeAt: at(s.ScheduledChangeAt),
	}, nil
}

// Invoices reads a tenant's newest invoices, at most limit.
func (b *Bursar) Invoices(ctx context.Context, tenant string, limit int) ([]Invoice, error) {
	if _, err := b.reader.Tenant(ctx, b.key(ctx, tenant)); err != nil {
		return nil, err
	}
	rows, err := b.reader.Invoices(ctx, b.key(ctx, tenant), store.Page{Limit: max(1, limit)})
	if err != nil {
		return nil, err
	}
	out := make([]Invoice, 0, len(rows.Rows))
	for _, i := range rows.Rows {
		out = append(out, Invoice{
			ID: i.ID, Number: i.Number, Subscription: i.Subscription, Status: i.Status, StripeStatus: i.StripeStatus,
			Currency: i.Currency, Total: i.Total, AmountPaid: i.AmountPaid, AmountDue: i.AmountDue, Refunded: i.AmountRefunded,
			IssuedAt: at(i.FinalizedAt), DueDate: at(i.DueDate), PaidAt: at(i.PaidAt), HostedInvoiceURL: i.HostedInvoiceURL,
		})
	}
	return out, nil
}

// TenantPatch changes a tenant; nil leaves a field as it is, empty text clears it.
type TenantPatch struct {
	Name, Email, StripeCustomerID *string
	Metadata                      map[string]string // nil leaves it; replaced whole
}

// PutTenant creates or changes a tenant. Linking a customer applies whatever was
// parked for it.
func (b *Bursar) PutTenant(ctx context.Context, tenant string, p TenantPatch) error {
	patch := func(s *string) apply.Patch {
		if s == nil {
			return apply.Patch{}
		}
		return apply.Patch{Set: true, Value: *s}
	}
	q := apply.TenantPatch{Name: patch(p.Name), Email: patch(p.Email), StripeCustomerID: patch(p.StripeCustomerID)}
	if p.Metadata != nil {
		q.Metadata = &p.Metadata
	}
	_, err := b.engine.PutTenant(ctx, b.key(ctx, tenant), q, "app")
	return err
}

// at is a time of Stripe's, zero where there is none.
func at(unix int64) time.Time {
	if unix == 0 {
		return time.Time{}
	}
	return time.Unix(unix, 0).UTC()
}

// EraseTenant forgets who a tenant is: names, email, metadata and the payloads of its
// events go; the ledger and the documents stay, and what Stripe tells later brings
// nothing back. A tenant that nobody has heard of or that was erased is ErrNotFound;
// one whose subscription still runs is ErrConflict.
func (b *Bursar) EraseTenant(ctx context.Context, tenant string) error {
	return b.engine.EraseTenant(ctx, b.key(ctx, tenant), "operator")
}
