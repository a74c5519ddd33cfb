package client

import (
	"bytes"
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/bursarhq/bursar/billing"
)

// Tenant is the app's account.
type Tenant struct {
	ID               string            `json:"id"`
	Name             string            `json:"name"`  // the app's, else Stripe's
	Email            string            `json:"email"` // where notices go
	StripeName       string            `json:"stripe_name"`
	StripeEmail      string            `json:"stripe_email"`
	StripeCustomerID string            `json:"stripe_customer_id"`
	StripeCustomers  []string          `json:"stripe_customers"`
	Plan             string            `json:"plan"` // empty where the price is in no plan
	Status           string            `json:"status"`
	PaymentMethod    *PaymentMethod    `json:"payment_method"` // nil for none
	Metadata         map[string]string `json:"metadata"`
	CreatedAt        time.Time         `json:"created_at"`
	UpdatedAt        time.Time         `json:"updated_at"`
}

// PaymentMethod is a payment method as much as may be shown of it.
type PaymentMethod struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Brand    string `json:"brand"`
	Last4    string `json:"last4"`
	ExpMonth int    `json:"exp_month"`
	ExpYear  int    `json:"exp_year"`
	Default  bool   `json:"default"` // in PaymentMethods only
}

// Features is the app's own business: names, and JSON values of which the integers
// are int64 and all other numbers float64.
type Features map[string]any

// UnmarshalJSON keeps integers what they are.
func (f *Features) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		return err
	}
	for name, v := range m {
		m[name] = number(v)
	}
	*f = m
	return nil
}

func number(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64() // what it cannot hold it says as an infinity
		return f
	case []any:
		for i := range v {
			v[i] = number(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = number(v[name])
		}
	}
	return v
}

// Entitlements is what a tenant may use now.
type Entitlements struct {
	Plan       string    `json:"plan"`
	Status     string    `json:"status"`
	Access     bool      `json:"access"` // to the paid plan
	Features   Features  `json:"features"`
	Quantity   int64     `json:"quantity"`
	ValidUntil time.Time `json:"valid_until"` // zero for never
}

// Subscription is a subscription as the app should act on it.
type Subscription struct {
	ID                 string    `json:"id"` // empty: there is none
	Tenant             string    `json:"tenant"`
	Plan               string    `json:"plan"`
	Status             string    `json:"status"`
	StripeStatus       string    `json:"stripe_status"`
	StatusReason       string    `json:"status_reason"`
	Access             bool      `json:"access"`
	StripePrice        string    `json:"stripe_price"`
	Quantity           int64     `json:"quantity"`
	CurrentPeriodStart time.Time `json:"current_period_start"`
	CurrentPeriodEnd   time.Time `json:"current_period_end"`
	TrialEndsAt        time.Time `json:"trial_ends_at"`
	EndsAt             time.Time `json:"ends_at"`
	EndedAt            time.Time `json:"ended_at"`
	ScheduledPlan      string    `json:"scheduled_plan"`
	ScheduledChangeAt  time.Time `json:"scheduled_change_at"`
	Items              []Item    `json:"items"`
	CollectionPaused   bool      `json:"collection_paused"`
}

// Item is an item of a subscription.
type Item struct {
	ID               string    `json:"id"`
	Price            string    `json:"price"`
	Plan             string    `json:"plan"`
	Quantity         int64     `json:"quantity"`
	CurrentPeriodEnd time.Time `json:"current_period_end"`
}

// Invoice is an invoice. Amounts are in the currency's minor unit.
type Invoice struct {
	ID                 string       `json:"id"`
	Number             string       `json:"number"`
	Tenant             string       `json:"tenant"`
	Subscription       string       `json:"subscription"`
	Status             string       `json:"status"` // void by policy, where all of it was refunded
	StripeStatus       string       `json:"stripe_status"`
	BillingReason      string       `json:"billing_reason"`
	Currency           string       `json:"currency"`
	Subtotal           int64        `json:"subtotal"`
	Discount           int64        `json:"discount"`
	Tax                int64        `json:"tax"`
	Total              int64        `json:"total"`
	AmountPaid         int64        `json:"amount_paid"`
	AmountDue          int64        `json:"amount_due"`
	AmountRefunded     int64        `json:"amount_refunded"`
	Notes              []string     `json:"notes"`
	Lines              []Line       `json:"lines"`
	CreditNotes        []CreditNote `json:"credit_notes"`
	IssuedAt           time.Time    `json:"issued_at"`
	DueDate            time.Time    `json:"due_date"`
	PaidAt             time.Time    `json:"paid_at"`
	VoidedAt           time.Time    `json:"voided_at"`
	AttemptCount       int64        `json:"attempt_count"`
	NextPaymentAttempt time.Time    `json:"next_payment_attempt"`
	HostedInvoiceURL   string       `json:"hosted_invoice_url"`
	InvoicePDF         string       `json:"invoice_pdf"` // Stripe's; Bursar's is InvoiceDocument
}

// Line is a line of an invoice.
type Line struct {
	Description string    `json:"description"`
	Amount      int64     `json:"amount"`
	Quantity    int64     `json:"quantity"`
	PeriodStart time.Time `json:"period_start"`
	PeriodEnd   time.Time `json:"period_end"`
}

// CreditNote is a credit note of an invoice.
type CreditNote struct {
	ID        string    `json:"id"`
	Number    string    `json:"number"`
	Amount    int64     `json:"amount"`
	Reason    string    `json:"reason"`
	CreatedAt time.Time `json:"created_at"`
}

// Payment is a row of the ledger; Amount is never negative.
type Payment struct {
	ID            string    `json:"id"`
	Type          string    `json:"type"` // payment, refund, dispute
	Status        string    `json:"status"`
	Amount        int64     `json:"amount"`
	Currency      string    `json:"currency"`
	Invoice       string    `json:"invoice"`
	Charge        string    `json:"charge"`
	PaymentIntent string    `json:"payment_intent"`
	CreatedAt     time.Time `json:"created_at"`
}

// Notification is something that a tenant was told, or would have been.
type Notification struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"`
	Key       string    `json:"key"`
	To        string    `json:"to"`
	Subject   string    `json:"subject"`
	Status    string    `json:"status"` // pending, sent, skipped, failed, superseded
	CreatedAt time.Time `json:"created_at"`
	SentAt    time.Time `json:"sent_at"`
}

// Entry is a line of the timeline: what changed of a tenant, and why.
type Entry struct {
	At    time.Time `json:"at"`
	What  string    `json:"what"`
	From  string    `json:"from"`
	To    string    `json:"to"`
	Why   string    `json:"why"`
	Event string    `json:"event"`
	Actor string    `json:"actor"`
}

// Event is an event of the inbox. Payload and Changes are there where it was asked
// for singly.
type Event struct {
	ID         string    `json:"id"`
	Type       string    `json:"type"`
	Status     string    `json:"status"`
	Tenant     string    `json:"tenant"`
	Object     string    `json:"object"`
	Livemode   bool      `json:"livemode"`
	Account    string    `json:"account"`
	APIVersion string    `json:"api_version"`
	Created    time.Time `json:"created"`
	ReceivedAt time.Time `json:"received_at"`
	AppliedAt  time.Time `json:"applied_at"`
	Deliveries int64     `json:"deliveries"`
	Attempts   int64     `json:"attempts"`
	Error      string    `json:"error"`

	Payload json.RawMessage `json:"payload"`
	Changes []Entry         `json:"changes"`
}

// TenantFilter selects tenants; empty fields select all.
type TenantFilter struct {
	Page
	Plan, Status string
	Text         string // in the id, a name, an address, the customer's id
}

// EventFilter selects events; empty fields select all.
type EventFilter struct {
	Page
	Type, Status, Tenant string
	Since                time.Time // received then or later
}

// Plans is the catalog, in its order.
func (c *Client) Plans(ctx context.Context) ([]billing.Plan, error) {
	var plans []billing.Plan
	for page := (Page{Limit: 100}); ; {
		l, err := one[List[struct {
			billing.Plan
			Features Features `json:"features"`
		}]](ctx, c, page.in(get("plans")))
		if err != nil {
			return nil, err
		}
		for _, p := range l.Data {
			p.Plan.Features = p.Features
			plans = append(plans, p.Plan)
		}
		if page.Cursor = l.NextCursor; page.Cursor == "" {
			return plans, nil
		}
	}
}

// Tenant is a tenant.
func (c *Client) Tenant(ctx context.Context, id string) (Tenant, error) {
	return one[Tenant](ctx, c, get("tenants", id))
}

// Tenants lists tenants.
func (c *Client) Tenants(ctx context.Context, f TenantFilter) (List[Tenant], error) {
	q := get("tenants")
	q.query = filter("plan", f.Plan, "status", f.Status, "q", f.Text)
	return one[List[Tenant]](ctx, c, f.in(q))
}

// filter is what is not empty of names and values.
func filter(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return v
}

// Entitlements is what a tenant may use now, made to be asked on every request of an
// app. A tenant that nobody has heard of has the default plan.
func (c *Client) Entitlements(ctx context.Context, tenant string) (Entitlements, error) {
	q := get("tenants", tenant, "entitlements")
	q.query = url.Values{"default": {"true"}}
	return one[Entitlements](ctx, c, q)
}

// Subscription is the subscription that decides the tenant's plan.
func (c *Client) Subscription(ctx context.Context, tenant string) (Subscription, error) {
	return one[Subscription](ctx, c, get("tenants", tenant, "subscription"))
}

// Subscriptions lists all subscriptions of a tenant.
func (c *Client) Subscriptions(ctx context.Context, tenant string, p Page) (List[Subscription], error) {
	return one[List[Subscription]](ctx, c, p.in(get("tenants", tenant, "subscriptions")))
}

// Invoices lists a tenant's invoices.
func (c *Client) Invoices(ctx context.Context, tenant string, p Page) (List[Invoice], error) {
	return one[List[Invoice]](ctx, c, p.in(get("tenants", tenant, "invoices")))
}

// Invoice is an invoice, by Stripe's id.
func (c *Client) Invoice(ctx context.Context, id string) (Invoice, error) {
	return one[Invoice](ctx, c, get("invoices", id))
}

// InvoiceDocument is an invoice as a PDF.
func (c *Client) InvoiceDocument(ctx context.Context, id string) ([]byte, error) {
	return one[[]byte](ctx, c, get("invoices", id, "pdf"))
}

// Payments lists a tenant's ledger.
func (c *Client) Payments(ctx context.Context, tenant string, p Page) (List[Payment], error) {
	return one[List[Payment]](ctx, c, p.in(get("tenants", tenant, "payments")))
}

// PaymentMethods lists what a tenant can be charged by.
func (c *Client) PaymentMethods(ctx context.Context, tenant string, p Page) (List[PaymentMethod], error) {
	return one[List[PaymentMethod]](ctx, c, p.in(get("tenants", tenant, "payment-methods")))
}

// Notifications lists what a tenant was told.
func (c *Client) Notifications(ctx context.Context, tenant string, p Page) (List[Notification], error) {
	return one[List[Notification]](ctx, c, p.in(get("tenants", tenant, "notifications")))
}

// Timeline lists what changed of a tenant, and why.
func (c *Client) Timeline(ctx context.Context, tenant string, p Page) (List[Entry], error) {
	return one[List[Entry]](ctx, c, p.in(get("tenants", tenant, "timeline")))
}

// Events lists the inbox.
func (c *Client) Events(ctx context.Context, f EventFilter) (List[Event], error) {
	q := get("events")
	q.query = filter("type", f.Type, "status", f.Status, "tenant", f.Tenant)
	if !f.Since.IsZero() {
		q.query.Set("since", f.Since.UTC().Format(time.RFC3339Nano))
	}
	return one[List[Event]](ctx, c, f.in(q))
}

// Event is an event with its payload and what it changed.
func (c *Client) Event(ctx context.Context, id string) (Event, error) {
	return one[Event](ctx, c, get("events", id))
}
