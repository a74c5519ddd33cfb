package stripe

import (
	"context"
	"net/http"

	stripego "github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-go/v85/form"
)

// command makes a call that changes something.
func (c *Client) command(ctx context.Context, q request) (Answer, error) {
	if err := checkKey(q.key); err != nil {
		return Answer{}, err
	}
	return c.answer(ctx, &q)
}

// encode is one of stripe-go's parameter structs as Stripe takes it. unset names
// fields that are sent empty, which clears them.
func encode(params any, unset ...string) string {
	values := &form.Values{}
	form.AppendTo(values, params)
	for _, name := range unset {
		values.Add(name, "")
	}
	return values.Encode()
}

// create is a command by path: mostly one that makes something.
func (c *Client) create(ctx context.Context, key, path string, params any) (Answer, error) {
	return c.command(ctx, request{method: http.MethodPost, path: path, key: key, form: encode(params)})
}

// post is a command to one object.
func post(key, objectType, id string) (request, error) {
	path, err := pathOf(objectType, id)
	return request{method: http.MethodPost, path: path, key: key}, err
}

// CustomerParams are what CreateCustomer and UpdateCustomer send. Nil is left
// unchanged, and a pointer to "" clears. In Metadata the keys that are not named
// stay, and an empty value removes its key.
type CustomerParams struct {
	Name, Email          *string
	Metadata             map[string]string
	DefaultPaymentMethod *string // invoice_settings; UpdateCustomer only
}

// CreateCustomer makes a customer.
func (c *Client) CreateCustomer(ctx context.Context, key string, p CustomerParams) (Answer, error) {
	return c.create(ctx, key, "/v1/customers", &stripego.CustomerCreateParams{Name: p.Name, Email: p.Email, Metadata: p.Metadata})
}

// UpdateCustomer changes a customer.
func (c *Client) UpdateCustomer(ctx context.Context, key, id string, p CustomerParams) (Answer, error) {
	q, err := post(key, "customer", id)
	if err != nil {
		return Answer{}, err
	}
	params := &stripego.CustomerUpdateParams{Name: p.Name, Email: p.Email, Metadata: p.Metadata}
	if p.DefaultPaymentMethod != nil {
		params.InvoiceSettings = &stripego.CustomerUpdateInvoiceSettingsParams{DefaultPaymentMethod: p.DefaultPaymentMethod}
	}
	q.form = encode(params)
	return c.command(ctx, q)
}

// CheckoutParams describe a checkout session that sells one subscription.
type CheckoutParams struct {
	Price string
	// Quantity is not sent where it is zero, which is right for metered prices
	// only.
	Quantity              int64
	SuccessURL, CancelURL string

	Customer          string // else one is created on payment
	CustomerEmail     string // fills in the form; only where Customer is empty
	ClientReferenceID string
	// Metadata goes to the session and to the subscription that it makes: the
	// tenant must be known from either alone.
	Metadata map[string]string

	TrialDays int64
	// PromotionCode is a promo_ id (see Client.PromotionCode). Stripe takes either
	// it or AllowPromotionCodes, which shows a field to type one in.
	PromotionCode       string
	AllowPromotionCodes bool
	AutomaticTax        bool
	TaxIDCollection     bool
	// PaymentMethodCollection is always or if_required; empty: Stripe's default.
	PaymentMethodCollection string
	Locale                  string // as Stripe writes them (pt-BR), or auto
	ExpiresAt               int64  // Unix seconds, half an hour to a day ahead; zero: a day
}

// CreateCheckoutSession makes a session; its url is where the buyer goes.
func (c *Client) CreateCheckoutSession(ctx context.Context, key string, p CheckoutParams) (Answer, error) {
	item := &stripego.CheckoutSessionCreateLineItemParams{Price: &p.Price, Quantity: some(p.Quantity)}
	params := &stripego.CheckoutSessionCreateParams{
		Mode:                    new("subscription"),
		LineItems:               []*stripego.CheckoutSessionCreateLineItemParams{item},
		SuccessURL:              some(p.SuccessURL),
		CancelURL:               some(p.CancelURL),
		Customer:                some(p.Customer),
		CustomerEmail:           some(p.CustomerEmail),
		ClientReferenceID:       some(p.ClientReferenceID),
		Metadata:                p.Metadata,
		PaymentMethodCollection: some(p.PaymentMethodCollection),
		Locale:                  some(p.Locale),
		ExpiresAt:               some(p.ExpiresAt),
		AllowPromotionCodes:     some(p.AllowPromotionCodes),
		SubscriptionData: &stripego.CheckoutSessionCreateSubscriptionDataParams{
			Metadata: p.Metadata, TrialPeriodDays: some(p.TrialDays),
		},
	}
	if p.PromotionCode != "" {
		params.Discounts = []*stripego.CheckoutSessionCreateDiscountParams{{PromotionCode: &p.PromotionCode}}
	}
	if p.AutomaticTax {
		params.AutomaticTax = &stripego.CheckoutSessionCreateAutomaticTaxParams{Enabled: new(true)}
	}
	if p.TaxIDCollection {
		params.TaxIDCollection = &stripego.CheckoutSessionCreateTaxIDCollectionParams{Enabled: new(true)}
	}
	if p.Customer != "" && (p.AutomaticTax || p.TaxIDCollection) {
		// Of a customer that exists already Stripe takes neither unless the session
		// may write what the buyer types back to it
		// (docs.stripe.com/tax/checkout, docs.stripe.com/tax/checkout/tax-ids).
		params.CustomerUpdate = &stripego.CheckoutSessionCreateCustomerUpdateParams{Address: new("auto")}
		if p.TaxIDCollection {
			params.CustomerUpdate.Name = new("auto")
		}
	}
	return c.create(ctx, key, "/v1/checkout/sessions", params)
}

// ExpireCheckoutSession closes an open session. One that is complete or expired
// is an error of Stripe's.
func (c *Client) ExpireCheckoutSession(ctx context.Context, key, id string) (Answer, error) {
	q, err := post(key, "checkout.session", id)
	if err != nil {
		return Answer{}, err
	}
	q.path += "/expire"
	return c.command(ctx, q)
}

// PortalParams describe a session of Stripe's customer portal.
type PortalParams struct {
	Customer      string
	ReturnURL     string
	Configuration string // bpc_; empty: the account's default
	Locale        string
}

// CreatePortalSession makes a portal session; its url is where the customer goes.
func (c *Client) CreatePortalSession(ctx context.Context, key string, p PortalParams) (Answer, error) {
	return c.create(ctx, key, "/v1/billing_portal/sessions", &stripego.BillingPortalSessionCreateParams{
		Customer: &p.Customer, ReturnURL: some(p.ReturnURL), Configuration: some(p.Configuration), Locale: some(p.Locale),
	})
}

// some is what stripe-go sends: nothing for a zero value.
func some[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
