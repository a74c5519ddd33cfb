package stripe

import (
	"context"
	"errors"
	"net/http"

	stripego "github.com/stripe/stripe-go/v85"
)

// SubscriptionUpdate is what UpdateSubscription sends. What is zero is left
// unchanged.
type SubscriptionUpdate struct {
	// Item is the item (si_) whose price or quantity changes. Without it Stripe
	// adds an item for Price.
	Item     string
	Price    string
	Quantity *int64
	// ProrationBehavior is create_prorations (Stripe's default), always_invoice or
	// none; PaymentBehavior is allow_incomplete (the default),
	// pending_if_incomplete, error_if_incomplete or default_incomplete.
	ProrationBehavior string
	PaymentBehavior   string

	// CancelAtPeriodEnd schedules a cancellation, or takes it back where the
	// subscription's own cancel_at_period_end is true. One that was scheduled as
	// cancel_at alone, as the portal does in flexible billing mode, is taken back
	// by ClearCancelAt instead.
	CancelAtPeriodEnd *bool
	ClearCancelAt     bool

	DefaultPaymentMethod string
	Metadata             map[string]string // as in CustomerParams
}

// UpdateSubscription changes a subscription now, or when it ends.
func (c *Client) UpdateSubscription(ctx context.Context, key, id string, u SubscriptionUpdate) (Answer, error) {
	q, err := post(key, "subscription", id)
	if err != nil {
		return Answer{}, err
	}
	params := &stripego.SubscriptionUpdateParams{
		CancelAtPeriodEnd:    u.CancelAtPeriodEnd,
		ProrationBehavior:    some(u.ProrationBehavior),
		PaymentBehavior:      some(u.PaymentBehavior),
		DefaultPaymentMethod: some(u.DefaultPaymentMethod),
		Metadata:             u.Metadata,
	}
	if u.Item != "" || u.Price != "" || u.Quantity != nil {
		params.Items = []*stripego.SubscriptionUpdateItemParams{{ID: some(u.Item), Price: some(u.Price), Quantity: u.Quantity}}
	}
	var unset []string
	if u.ClearCancelAt {
		unset = append(unset, "cancel_at")
	}
	q.form = encode(params, unset...)
	return c.command(ctx, q)
}

// CancelParams say how a subscription ends.
type CancelParams struct {
	Prorate    bool   // credit what was paid and not used
	InvoiceNow bool   // and bill what was used and not paid
	Comment    string // cancellation_details.comment
}

// CancelSubscription ends a subscription at once. One that has ended already is
// answered as it is: Stripe does not know it under DELETE any more, which is also
// what a second try meets whose first one was carried out.
func (c *Client) CancelSubscription(ctx context.Context, key, id string, p CancelParams) (Answer, error) {
	q, err := post(key, "subscription", id)
	if err != nil {
		return Answer{}, err
	}
	q.method = http.MethodDelete
	params := &stripego.SubscriptionCancelParams{Prorate: some(p.Prorate), InvoiceNow: some(p.InvoiceNow)}
	if p.Comment != "" {
		params.CancellationDetails = &stripego.SubscriptionCancelCancellationDetailsParams{Comment: &p.Comment}
	}
	q.form = encode(params)
	a, err := c.command(ctx, q)
	if !errors.Is(err, ErrNotFound) {
		return a, err
	}
	ended, fetchErr := c.Fetch(ctx, "subscription", id)
	if fetchErr != nil || RankOf("", "subscription", ended.Value) == RankLive {
		return Answer{}, err
	}
	return ended, nil
}

// WebhookEndpointUpdate is what UpdateWebhookEndpoint sends. What is zero is left
// unchanged.
type WebhookEndpointUpdate struct {
	URL           string
	Description   *string
	EnabledEvents []string // all of them: the list is replaced
	Disabled      *bool
}

// WebhookEndpoints lists the endpoints of the account, 16 at most.
func (c *Client) WebhookEndpoints(ctx context.Context) ([]Answer, error) {
	p, err := c.ListPage(ctx, "/v1/webhook_endpoints", nil)
	if err != nil {
		return nil, err
	}
	return p.Answers(), nil
}

// UpdateWebhookEndpoint changes an endpoint (we_).
func (c *Client) UpdateWebhookEndpoint(ctx context.Context, key, id string, u WebhookEndpointUpdate) (Answer, error) {
	part, err := segment(id)
	if err != nil {
		return Answer{}, err
	}
	params := &stripego.WebhookEndpointUpdateParams{URL: some(u.URL), Description: u.Description, Disabled: u.Disabled}
	if len(u.EnabledEvents) > 0 { // an empty list would be sent, and leave none
		params.EnabledEvents = stripego.StringSlice(u.EnabledEvents)
	}
	return c.create(ctx, key, "/v1/webhook_endpoints/"+part, params)
}
