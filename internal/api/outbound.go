package api

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/outbound"
	"github.com/bursarhq/bursar/internal/store"
)

// Outbound is what the routes of outgoing webhooks stand on; they are not there
// without endpoints.
type Outbound struct {
	Endpoints []outbound.Endpoint
	// Wake has an endpoint's deliveries looked at soon; nobody is woken where nil.
	Wake func(ctx context.Context, endpoint string) error
}

// outboundRows are the routes of outgoing webhooks.
func (s *server) outboundRows() []route {
	if len(s.Outbound.Endpoints) == 0 {
		return nil
	}
	return []route{
		{Read, "GET /v1/webhook-endpoints", "The endpoints that Bursar's own webhooks go to, and how they fare.", answers(s.listWebhookEndpoints)},
		{Write, "POST /v1/webhook-endpoints/{endpoint}/enable", "Send to a disabled endpoint again: what waits for it first.", answers(s.enableWebhookEndpoint)},
		{Read, "GET /v1/webhook-endpoints/{endpoint}/deliveries", "What an endpoint was sent, or is to be.", answers(s.listDeliveries)},
		{Write, "POST /v1/webhook-endpoints/{endpoint}/replay", "Send again what was sent or given up on, under the ids that it had.", answers(s.replayDeliveries)},
	}
}

// WebhookEndpoint is where Bursar's own webhooks go.
type WebhookEndpoint struct {
	Name         string     `json:"name"`
	URL          string     `json:"url" doc:"Without what it asks with, which may be secret."`
	Events       []string   `json:"events" nullable:"false" doc:"The types that it takes; all of them where empty."`
	Status       string     `json:"status" enum:"enabled,failing,disabled"`
	Pending      int64      `json:"pending" doc:"How many deliveries are still to be made."`
	LastSentAt   *time.Time `json:"last_sent_at" doc:"When it last accepted one, to within ten seconds."`
	FailingSince *time.Time `json:"failing_since"`
	DisabledAt   *time.Time `json:"disabled_at"`
	Reason       *string    `json:"reason" doc:"The last failure."`
}

func (s *server) listWebhookEndpoints(ctx context.Context, _ *struct{}) (List[WebhookEndpoint], error) {
	out := List[WebhookEndpoint]{Data: []WebhookEndpoint{}}
	for _, e := range s.Outbound.Endpoints {
		shape, err := s.webhookEndpoint(ctx, e)
		if err != nil {
			return out, err
		}
		out.Data = append(out.Data, shape)
	}
	return out, nil
}

func (s *server) webhookEndpoint(ctx context.Context, e outbound.Endpoint) (WebhookEndpoint, error) {
	row, err := s.Store.OutboundEndpoint(ctx, e.Name)
	if err != nil {
		return WebhookEndpoint{}, err
	}
	shape := WebhookEndpoint{
		Name: e.Name, URL: shownURL(e.URL), Events: append([]string{}, e.Events...), Status: "enabled", LastSentAt: micros(row.SentAt),
		FailingSince: micros(row.FailingSince), DisabledAt: micros(row.DisabledAt),
	}
	switch {
	case row.DisabledAt != 0:
		shape.Status, shape.Reason = "disabled", text(row.Reason)
	case row.FailingSince != 0:
		shape.Status, shape.Reason = "failing", text(row.Reason)
	}
	shape.Pending, err = s.read.OutboundWaiting(ctx, e.Name)
	return shape, err
}

func shownURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// OfEndpoint names an endpoint in the path.
type OfEndpoint struct {
	OfAccount
	Endpoint string `path:"endpoint" doc:"The endpoint's name."`
}

func (s *server) endpoint(name string) (outbound.Endpoint, error) {
	i := slices.IndexFunc(s.Outbound.Endpoints, func(e outbound.Endpoint) bool { return e.Name == name })
	if i < 0 {
		return outbound.Endpoint{}, absent(store.ErrNotFound, "webhook endpoint", name)
	}
	return s.Outbound.Endpoints[i], nil
}

func (s *server) wakeOutbound(ctx context.Context, endpoint string) error {
	if s.Outbound.Wake == nil {
		return nil
	}
	return s.Outbound.Wake(ctx, endpoint)
}

func (s *server) enableWebhookEndpoint(ctx context.Context, in *OfEndpoint) (WebhookEndpoint, error) {
	e, err := s.endpoint(in.Endpoint)
	if err != nil {
		return WebhookEndpoint{}, err
	}
	if err := s.Store.EnableOutbound(ctx, e.Name); err != nil {
		return WebhookEndpoint{}, err
	}
	if err := s.wakeOutbound(ctx, e.Name); err != nil {
		return WebhookEndpoint{}, err
	}
	return s.webhookEndpoint(ctx, e)
}

// Delivery is one message to one endpoint.
type Delivery struct {
	ID            string     `json:"id" doc:"The message's: its webhook-id, the same at every endpoint and however often it is sent." example:"msg_4nq2…"`
	Type          string     `json:"type" example:"subscription.activated"`
	Tenant        string     `json:"tenant"`
	Status        string     `json:"status" enum:"pending,sent,failed" doc:"failed: given up on after three days."`
	Attempts      int64      `json:"attempts"`
	Reason        *string    `json:"reason" doc:"Why the last attempt failed."`
	CreatedAt     *time.Time `json:"created_at"`
	NextAttemptAt *time.Time `json:"next_attempt_at"`
	SentAt        *time.Time `json:"sent_at"`
	Payload       Object     `json:"payload" doc:"What is sent; null where it is no longer kept."`
}

// DeliveryQuery selects deliveries.
type DeliveryQuery struct {
	OfEndpoint
	InPages
	Status string `query:"status" enum:"pending,sent,failed" doc:"Those that are as this says."`
	Tenant string `query:"tenant" maxLength:"128" doc:"Those about this tenant."`
}

func (s *server) listDeliveries(ctx context.Context, in *DeliveryQuery) (List[Delivery], error) {
	page, err := in.page()
	if err != nil {
		return List[Delivery]{}, err
	}
	if _, err := s.endpoint(in.Endpoint); err != nil {
		return List[Delivery]{}, err
	}
	rows, err := s.read.Outbound(ctx, s.key(ctx, in.Account, ""), store.OutboundFilter{Endpoint: in.Endpoint, Status: in.Status, Tenant: in.Tenant}, page)
	return listOf(rows, deliveryShape), err
}

func deliveryShape(e *store.Effect) Delivery {
	d := Delivery{
		ID: e.ObjectID, Type: e.Name, Tenant: e.Tenant, Status: e.Status, Attempts: e.Attempts, Reason: text(e.Reason),
		CreatedAt: micros(e.CreatedAt),
	}
	if e.Data != "" {
		d.Payload = Object(e.Data)
	}
	switch e.Status {
	case store.Pending, store.Running:
		d.Status, d.NextAttemptAt = store.Pending, micros(e.DueAt)
	case store.Sent:
		d.SentAt, d.Reason = micros(e.DoneAt), nil
	}
	return d
}

// ReplayRequest is POST /v1/webhook-endpoints/{endpoint}/replay.
type ReplayRequest struct {
	OfEndpoint
	Body struct {
		ID     string `json:"id,omitempty" maxLength:"100" doc:"This message."`
		Status string `json:"status,omitempty" enum:"sent,failed" doc:"Those that are as this says."`
		Tenant string `json:"tenant,omitempty" maxLength:"128" doc:"Those about this tenant."`
		Since  string `json:"since,omitempty" maxLength:"40" doc:"Those that came up at or after this time: RFC 3339, or Unix seconds."`
	}
}

// Replayed is how many deliveries are made again.
type Replayed struct {
	Replayed int64 `json:"replayed"`
}

func (s *server) replayDeliveries(ctx context.Context, in *ReplayRequest) (Replayed, error) {
	if _, err := s.endpoint(in.Endpoint); err != nil {
		return Replayed{}, err
	}
	since, err := parseSince(in.Body.Since)
	if err != nil {
		return Replayed{}, err
	}
	f := store.OutboundFilter{Endpoint: in.Endpoint, Status: in.Body.Status, Tenant: in.Body.Tenant, Message: in.Body.ID, Since: since}
	if f == (store.OutboundFilter{Endpoint: in.Endpoint}) {
		return Replayed{}, invalid("id, status, tenant, since", "say which deliveries: at least one of them")
	}
	n, err := s.Store.ReplayOutbound(ctx, s.key(ctx, in.Account, ""), f)
	if err != nil {
		return Replayed{}, err
	}
	if f.Message != "" && n == 0 {
		return Replayed{}, s.whyNotReplayed(ctx, s.key(ctx, in.Account, ""), f)
	}
	return Replayed{n}, s.wakeOutbound(ctx, in.Endpoint)
}

// whyNotReplayed is why nothing is sent again: the message was not sent yet, is none,
// or its body is no longer kept.
func (s *server) whyNotReplayed(ctx context.Context, of store.Key, f store.OutboundFilter) error {
	rows, err := s.read.Outbound(ctx, of, f, store.Page{Limit: 1})
	if err != nil {
		return err
	}
	if len(rows.Rows) > 0 && rows.Rows[0].Data == "" {
		return fmt.Errorf("%w: the payload of message %s is no longer kept", apply.ErrGone, f.Message)
	}
	return absent(fmt.Errorf("%w: settled", store.ErrNotFound), "settled delivery", f.Message)
}
