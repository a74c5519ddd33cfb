package client

import (
	"context"
	"net/http"
	"time"
)

// TenantPatch changes a tenant; nil leaves a field as it is, empty text clears it.
type TenantPatch struct {
	Name             *string           `json:"name,omitempty"`
	Email            *string           `json:"email,omitempty"`
	StripeCustomerID *string           `json:"stripe_customer_id,omitempty"`
	Metadata         map[string]string `json:"metadata,omitzero"` // replaced whole
}

// PutTenant creates or changes a tenant. Linking a customer applies whatever waited
// for it.
func (c *Client) PutTenant(ctx context.Context, id string, p TenantPatch) (Tenant, error) {
	q := get("tenants", id)
	q.method, q.body = http.MethodPut, p
	return one[Tenant](ctx, c, q)
}

// EraseTenant forgets who a tenant is; its ledger and its invoices' documents stay. A
// tenant whose subscription still runs is refused with the code conflict.
func (c *Client) EraseTenant(ctx context.Context, id string) error {
	q := get("tenants", id)
	q.method = http.MethodDelete
	return c.do(ctx, q, new([]byte))
}

// Checkout is what is to be sold. Tenant, Plan, SuccessURL and CancelURL must be
// there; of Interval, Currency and Price whatever tells the plan's prices apart.
type Checkout struct {
	Tenant                  string `json:"tenant"`
	Plan                    string `json:"plan"`
	Interval                string `json:"interval,omitempty"` // day, week, month, year
	Currency                string `json:"currency,omitempty"`
	Price                   string `json:"price,omitempty"`
	SuccessURL              string `json:"success_url"`
	CancelURL               string `json:"cancel_url"`
	Quantity                int64  `json:"quantity,omitempty"`   // 1 where 0
	TrialDays               *int64 `json:"trial_days,omitempty"` // the plan's where nil
	ForceTrial              bool   `json:"force_trial,omitempty"`
	PromotionCode           string `json:"promotion_code,omitempty"`
	AllowPromotionCodes     bool   `json:"allow_promotion_codes,omitempty"`
	AutomaticTax            bool   `json:"automatic_tax,omitempty"`
	TaxIDCollection         bool   `json:"tax_id_collection,omitempty"`
	PaymentMethodCollection string `json:"payment_method_collection,omitempty"` // always, if_required
	Locale                  string `json:"locale,omitempty"`
}

// CheckoutSession is an open session; the buyer goes to its URL.
type CheckoutSession struct {
	ID        string    `json:"id"`
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Checkout answers a checkout session; code already_subscribed where the tenant has
// a running subscription.
func (c *Client) Checkout(ctx context.Context, in Checkout) (CheckoutSession, error) {
	return one[CheckoutSession](ctx, c, post(in, "checkout-sessions"))
}

// Portal answers the address of a session of Stripe's customer portal.
func (c *Client) Portal(ctx context.Context, tenant, returnURL string) (string, error) {
	v, err := one[struct {
		URL string `json:"url"`
	}](ctx, c, post(map[string]string{"tenant": tenant, "return_url": returnURL}, "portal-sessions"))
	return v.URL, err
}

// Change is what a subscription is to become.
type Change struct {
	Plan      string `json:"plan"`
	Interval  string `json:"interval,omitempty"` // the present one where empty
	Price     string `json:"price,omitempty"`
	Quantity  int64  `json:"quantity,omitempty"`  // the present one where 0
	Proration string `json:"proration,omitempty"` // create_prorations, always_invoice, none
	When      string `json:"when,omitempty"`      // now (where empty), period_end
}

// ChangeSubscription changes the subscription that decides the tenant's plan.
func (c *Client) ChangeSubscription(ctx context.Context, tenant string, in Change) (Subscription, error) {
	return one[Subscription](ctx, c, post(in, "tenants", tenant, "subscription", "change"))
}

// CancelSubscription ends it: when is period_end (where empty) or now.
func (c *Client) CancelSubscription(ctx context.Context, tenant, when string) (Subscription, error) {
	body := map[string]string{}
	if when != "" {
		body["when"] = when
	}
	return one[Subscription](ctx, c, post(body, "tenants", tenant, "subscription", "cancel"))
}

// ResumeSubscription takes a scheduled cancellation back; code nothing_scheduled
// where there is none.
func (c *Client) ResumeSubscription(ctx context.Context, tenant string) (Subscription, error) {
	return one[Subscription](ctx, c, post(nil, "tenants", tenant, "subscription", "resume"))
}

// Sync has Bursar ask Stripe for the tenant's state now.
func (c *Client) Sync(ctx context.Context, tenant string) (Subscription, error) {
	return one[Subscription](ctx, c, post(nil, "tenants", tenant, "sync"))
}

// Replay applies an event again, and answers it.
func (c *Client) Replay(ctx context.Context, event string) (Event, error) {
	return one[Event](ctx, c, post(nil, "events", event, "replay"))
}
