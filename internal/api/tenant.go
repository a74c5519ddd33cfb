package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/store"
)

// Tenant is the app's account.
type Tenant struct {
	ID               string            `json:"id"`
	Name             *string           `json:"name" doc:"The app's, else Stripe's."`
	Email            *string           `json:"email" doc:"The app's, else Stripe's; where notices go."`
	StripeName       *string           `json:"stripe_name"`
	StripeEmail      *string           `json:"stripe_email"`
	StripeCustomerID *string           `json:"stripe_customer_id" doc:"The deciding subscription's customer, else the newest."`
	StripeCustomers  []string          `json:"stripe_customers" nullable:"false" doc:"All of the tenant's customers that Stripe still has."`
	Plan             *string           `json:"plan" doc:"null where the subscription's price is in no plan."`
	Status           string            `json:"status" doc:"The deciding subscription's, none without any."`
	PaymentMethod    *PaymentMethod    `json:"payment_method" doc:"What is charged by default."`
	Metadata         map[string]string `json:"metadata" doc:"The app's."`
	CreatedAt        *time.Time        `json:"created_at"`
	UpdatedAt        *time.Time        `json:"updated_at"`
}

// PaymentMethod is a payment method as much as may be shown of it.
type PaymentMethod struct {
	_ struct{} `nullable:"true"`

	ID       string  `json:"id"`
	Type     *string `json:"type" example:"card"`
	Brand    *string `json:"brand"`
	Last4    *string `json:"last4"`
	ExpMonth *int64  `json:"exp_month"`
	ExpYear  *int64  `json:"exp_year"`
}

func paymentMethodShape(m *store.PaymentMethod) PaymentMethod {
	return PaymentMethod{ID: m.ID, Type: text(m.Type), Brand: text(m.Brand), Last4: text(m.Last4), ExpMonth: number(m.ExpMonth), ExpYear: number(m.ExpYear)}
}

func (s *server) getTenant(ctx context.Context, in *OfTenant) (Tenant, error) {
	return s.tenant(ctx, s.key(ctx, in.Account, in.Tenant))
}

func (s *server) tenant(ctx context.Context, k store.Key) (Tenant, error) {
	row, err := s.read.Tenant(ctx, k)
	if err != nil {
		return Tenant{}, absent(err, "tenant", k.ID)
	}
	shapes, err := s.tenantShapes(ctx, k, []store.Tenant{row})
	if err != nil {
		return Tenant{}, err
	}
	return shapes[0], nil
}

// TenantQuery selects tenants.
type TenantQuery struct {
	OfAccount
	InPages
	Plan   string `query:"plan" maxLength:"128" doc:"Those who have this plan."`
	Status string `query:"status" maxLength:"50" doc:"Those whose deciding subscription has this status; none for those without any."`
	Q      string `query:"q" maxLength:"200" doc:"Those in whose id, name, email or customer's id this text is."`
}

func (s *server) listTenants(ctx context.Context, in *TenantQuery) (List[Tenant], error) {
	page, err := in.page()
	if err != nil {
		return List[Tenant]{}, err
	}
	of := s.key(ctx, in.Account, "")
	rows, err := s.read.Tenants(ctx, of, store.TenantFilter{Plan: in.Plan, Status: in.Status, Text: in.Q}, page)
	if err != nil {
		return List[Tenant]{}, err
	}
	shapes, err := s.tenantShapes(ctx, of, rows.Rows)
	return List[Tenant]{Data: shapes, NextCursor: text(rows.Next)}, err
}

// tenantShapes reads what belongs to tenants beside their own rows, for all of them
// at once.
func (s *server) tenantShapes(ctx context.Context, of store.Key, rows []store.Tenant) ([]Tenant, error) {
	ids, methods := make([]string, 0, len(rows)), []string{}
	for _, t := range rows {
		ids = append(ids, t.ID)
		if t.PaymentMethod != "" {
			methods = append(methods, t.PaymentMethod)
		}
	}
	customers, err := s.read.Customers(ctx, of, ids)
	if err != nil {
		return nil, err
	}
	known, err := s.read.PaymentMethods(ctx, of, methods)
	if err != nil {
		return nil, err
	}
	out := make([]Tenant, len(rows))
	for i := range rows {
		t := &rows[i]
		shape := Tenant{
			ID: t.ID, Name: text(firstOf(t.Name, t.StripeName)), Email: text(firstOf(t.Email, t.StripeEmail)),
			StripeName: text(t.StripeName), StripeEmail: text(t.StripeEmail), StripeCustomerID: text(t.StripeCustomerID), StripeCustomers: []string{},
			Plan: text(t.Plan), Status: t.Status, Metadata: map[string]string{}, CreatedAt: micros(t.CreatedAt), UpdatedAt: micros(t.UpdatedAt),
		}
		for _, c := range customers {
			if c.Tenant == t.ID && !c.Deleted {
				shape.StripeCustomers = append(shape.StripeCustomers, c.ID)
			}
		}
		slices.Sort(shape.StripeCustomers)
		if err := json.Unmarshal([]byte(t.Metadata), &shape.Metadata); err != nil {
			return nil, fmt.Errorf("metadata of tenant %s: %w", t.ID, err)
		}
		if t.PaymentMethod != "" {
			method := PaymentMethod{ID: t.PaymentMethod} // what is known of it before Stripe told more
			if at := slices.IndexFunc(known, func(m store.PaymentMethod) bool { return m.ID == t.PaymentMethod }); at >= 0 {
				method = paymentMethodShape(&known[at])
			}
			shape.PaymentMethod = &method
		}
		out[i] = shape
	}
	return out, nil
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// PutTenant is a tenant to be created or changed.
type PutTenant struct {
	Name             Clearable    `json:"name,omitempty" maxLength:"500"`
	Email            Clearable    `json:"email,omitempty" maxLength:"320" pattern:"^([^@\\s]+@[^@\\s]+)?$" patternDescription:"an email address"`
	StripeCustomerID Clearable    `json:"stripe_customer_id,omitempty" maxLength:"255" doc:"Links this customer to the tenant; null unlinks all."`
	Metadata         ClearableMap `json:"metadata,omitempty"`
}

// PutTenantRequest is PUT /v1/tenants/{tenant}.
type PutTenantRequest struct {
	OfTenant
	Body *PutTenant
}

func (s *server) putTenant(ctx context.Context, in *PutTenantRequest) (int, Tenant, error) {
	if in.Body == nil {
		in.Body = &PutTenant{}
	}
	for name, field := range map[string]Clearable{"name": in.Body.Name, "email": in.Body.Email, "stripe_customer_id": in.Body.StripeCustomerID} {
		if strings.ContainsRune(field.Value, 0) {
			return 0, Tenant{}, invalid(name, "want text without NUL")
		}
	}
	k := s.key(ctx, in.Account, in.Tenant)
	created, err := s.Engine.PutTenant(ctx, k, apply.TenantPatch{
		Name: in.Body.Name.Patch, Email: in.Body.Email.Patch,
		StripeCustomerID: in.Body.StripeCustomerID.Patch, Metadata: in.Body.Metadata.value,
	}, callerOf(ctx).name)
	if err != nil {
		return 0, Tenant{}, err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	t, err := s.tenant(ctx, k)
	return status, t, err
}

func (s *server) deleteTenant(ctx context.Context, in *OfTenant) error {
	err := s.Engine.EraseTenant(ctx, s.key(ctx, in.Account, in.Tenant), callerOf(ctx).name)
	return absent(err, "tenant", in.Tenant)
}

// UnlinkedCustomer is a customer that no tenant has.
type UnlinkedCustomer struct {
	ID          string     `json:"id"`
	Name        *string    `json:"name"`
	Email       *string    `json:"email"`
	FirstSeenAt *time.Time `json:"first_seen_at"`
	Events      int64      `json:"events" doc:"How many events wait for its tenant."`
}

// AccountList asks for a part of one of an account's lists.
type AccountList struct {
	OfAccount
	InPages
}

func (s *server) listUnlinkedCustomers(ctx context.Context, in *AccountList) (List[UnlinkedCustomer], error) {
	page, err := in.page()
	if err != nil {
		return List[UnlinkedCustomer]{}, err
	}
	rows, err := s.read.UnlinkedCustomers(ctx, s.key(ctx, in.Account, ""), page)
	return listOf(rows, func(c *store.UnlinkedCustomer) UnlinkedCustomer {
		return UnlinkedCustomer{ID: c.ID, Name: text(c.Name), Email: text(c.Email), FirstSeenAt: micros(c.FirstSeenAt), Events: c.Events}
	}), err
}

// tenantList reads a part of one of a tenant's lists, where there is such a tenant.
func tenantList[R, T any](ctx context.Context, s *server, in *TenantList, read func(context.Context, store.Key, store.Page) (store.List[R], error),
	shape func(*store.Tenant, *R) T,
) (List[T], error) {
	page, err := in.page()
	if err != nil {
		return List[T]{}, err
	}
	t, err := s.read.Tenant(ctx, s.key(ctx, in.Account, in.Tenant))
	if err != nil {
		return List[T]{}, absent(err, "tenant", in.Tenant)
	}
	rows, err := read(ctx, t.Key, page)
	return listOf(rows, func(r *R) T { return shape(&t, r) }), err
}

// ListedPaymentMethod is a payment method in a tenant's list.
type ListedPaymentMethod struct {
	PaymentMethod
	Default bool `json:"default" doc:"What is charged by default."`
}

func (s *server) listPaymentMethods(ctx context.Context, in *TenantList) (List[ListedPaymentMethod], error) {
	return tenantList(ctx, s, in, s.read.PaymentMethodsOf, func(t *store.Tenant, m *store.PaymentMethod) ListedPaymentMethod {
		return ListedPaymentMethod{PaymentMethod: paymentMethodShape(m), Default: t.PaymentMethod == m.ID}
	})
}

// Notification is something that a tenant, or the operator about it, was told.
type Notification struct {
	ID        string     `json:"id"`
	Kind      string     `json:"kind" example:"payment_failed"`
	Key       string     `json:"key" doc:"Its kind, the object's id and, where it repeats, the attempt or period: a key is sent once."`
	To        *string    `json:"to"`
	Subject   *string    `json:"subject"`
	Status    string     `json:"status" enum:"pending,sent,skipped,failed,superseded"`
	CreatedAt *time.Time `json:"created_at"`
	SentAt    *time.Time `json:"sent_at"`
}

func (s *server) listNotifications(ctx context.Context, in *TenantList) (List[Notification], error) {
	return tenantList(ctx, s, in, s.read.Notices, func(_ *store.Tenant, e *store.Effect) Notification {
		n := Notification{ID: fmt.Sprint(e.Seq), Kind: e.Name, Key: e.ID, To: text(e.Recipient), Subject: text(e.Subject), Status: e.Status, CreatedAt: micros(e.CreatedAt)}
		switch e.Status {
		case store.Running:
			n.Status = store.Pending
		case store.Sent:
			n.SentAt = micros(e.DoneAt)
		}
		return n
	})
}

// Change is an entry of a timeline.
type Change struct {
	At    *time.Time `json:"at"`
	What  string     `json:"what" doc:"plan, status, access, customer, …"`
	From  *string    `json:"from"`
	To    *string    `json:"to"`
	Why   *string    `json:"why"`
	Event *string    `json:"event" doc:"The event that caused it."`
	Actor string     `json:"actor" doc:"stripe, an API key's name, operator, or policy."`
}

func changeShape(e *store.TimelineEntry) Change {
	return Change{At: micros(e.At), What: e.What, From: text(e.Was), To: text(e.IsNow), Why: text(e.Why), Event: text(e.Event), Actor: e.Actor}
}

func (s *server) listTimeline(ctx context.Context, in *TenantList) (List[Change], error) {
	return tenantList(ctx, s, in, s.read.Timeline, func(_ *store.Tenant, e *store.TimelineEntry) Change { return changeShape(e) })
}
