package client

import (
	"context"
	"encoding/json"
	"time"
)

// WebhookEndpoint is where Bursar's own webhooks go, and how it fares.
type WebhookEndpoint struct {
	Name         string    `json:"name"`
	URL          string    `json:"url"`     // without its query
	Events       []string  `json:"events"`  // the types that it takes; all of them where empty
	Status       string    `json:"status"`  // enabled, failing, disabled
	Pending      int64     `json:"pending"` // how many deliveries are still to be made
	LastSentAt   time.Time `json:"last_sent_at"`
	FailingSince time.Time `json:"failing_since"`
	DisabledAt   time.Time `json:"disabled_at"`
	Reason       string    `json:"reason"` // the last failure
}

// Delivery is one message to one endpoint.
type Delivery struct {
	ID            string          `json:"id"` // the webhook-id, the same however often it is sent
	Type          string          `json:"type"`
	Tenant        string          `json:"tenant"`
	Status        string          `json:"status"` // pending, sent, failed
	Attempts      int64           `json:"attempts"`
	Reason        string          `json:"reason"` // why the last attempt failed
	CreatedAt     time.Time       `json:"created_at"`
	NextAttemptAt time.Time       `json:"next_attempt_at"`
	SentAt        time.Time       `json:"sent_at"`
	Payload       json.RawMessage `json:"payload"` // null where it is no longer kept
}

// DeliveryFilter selects deliveries; empty fields select all.
type DeliveryFilter struct {
	Page
	Status, Tenant string
}

// ReplayFilter selects deliveries that are settled: those that all its fields fit.
// One of them must be there.
type ReplayFilter struct {
	ID     string // this message
	Status string // sent, failed
	Tenant string
	Since  time.Time // that came up then or later
}

// WebhookEndpoints are the endpoints that Bursar's own webhooks go to; code not_found
// where none is configured.
func (c *Client) WebhookEndpoints(ctx context.Context) ([]WebhookEndpoint, error) {
	l, err := one[List[WebhookEndpoint]](ctx, c, get("webhook-endpoints"))
	return l.Data, err
}

// EnableWebhookEndpoint has a disabled endpoint sent to again, what waits for it first.
func (c *Client) EnableWebhookEndpoint(ctx context.Context, name string) (WebhookEndpoint, error) {
	return one[WebhookEndpoint](ctx, c, post(nil, "webhook-endpoints", name, "enable"))
}

// Deliveries lists what an endpoint was sent, or is to be.
func (c *Client) Deliveries(ctx context.Context, endpoint string, f DeliveryFilter) (List[Delivery], error) {
	q := get("webhook-endpoints", endpoint, "deliveries")
	q.query = filter("status", f.Status, "tenant", f.Tenant)
	return one[List[Delivery]](ctx, c, f.in(q))
}

// ReplayDeliveries has messages sent again, under the ids that they had, and returns how
// many. Those whose payload is no longer kept are left out; asked for by id, such a one
// is the code gone.
func (c *Client) ReplayDeliveries(ctx context.Context, endpoint string, f ReplayFilter) (int64, error) {
	body := map[string]string{}
	for name, text := range map[string]string{"id": f.ID, "status": f.Status, "tenant": f.Tenant} {
		if text != "" {
			body[name] = text
		}
	}
	if !f.Since.IsZero() {
		body["since"] = f.Since.UTC().Format(time.RFC3339Nano)
	}
	v, err := one[struct {
		Replayed int64 `json:"replayed"`
	}](ctx, c, post(body, "webhook-endpoints", endpoint, "replay"))
	return v.Replayed, err
}
