package bursar

import (
	"context"
	"fmt"
	"time"

	"github.com/bursarhq/bursar/internal/effect"
	"github.com/bursarhq/bursar/internal/outbound"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/webhook"
)

// OutboundEndpoint is where Bursar's own webhooks go (docs/webhooks.md).
type OutboundEndpoint struct {
	Name string // what its deliveries are kept under
	URL  string
	// Secrets sign what is sent, by the scheme of Standard Webhooks: whsec_ and base64.
	// Several while one is being rolled.
	Secrets []string
	// Events are the types that it takes, such as invoice.issued or invoice.*; all of
	// them where empty.
	Events []string
}

// openOutbound makes the lanes of the endpoints.
func (b *Bursar) openOutbound(ctx context.Context) error {
	if len(b.cfg.Outbound) == 0 {
		return nil
	}
	seen := map[string]bool{}
	for _, e := range b.cfg.Outbound {
		if e.Name == "" || seen[e.Name] {
			return fmt.Errorf("outbound endpoint %q: its name must be there, and its own", e.Name)
		}
		seen[e.Name] = true
		if _, err := webhook.SignStandard("msg", time.Unix(0, 0), nil, e.Secrets...); err != nil {
			return fmt.Errorf("outbound endpoint %s: %w", e.Name, err)
		}
		for _, pattern := range e.Events {
			if err := outbound.CheckPattern(pattern); err != nil {
				return fmt.Errorf("outbound endpoint %s: %w", e.Name, err)
			}
		}
	}
	var err error
	b.outbound, err = effect.NewOutbound(ctx, effect.OutboundConfig{
		Store: b.store, Endpoints: b.outboundEndpoints(), Now: b.cfg.Now, Busy: b.receiving, Log: b.cfg.Log,
		Disabled: func(ctx context.Context, endpoint, reason string, since time.Time) error {
			return b.engine.TellOutboundDisabled(ctx, endpoint, reason, since) // the engine is opened later
		},
		Sender: outbound.NewSender(outbound.Options{Guard: outbound.Guard{AllowPrivate: b.cfg.OutboundAllowPrivate}, UserAgent: "Bursar/" + Version}),
	})
	return err
}

func (b *Bursar) outboundEndpoints() []outbound.Endpoint {
	var out []outbound.Endpoint
	for _, e := range b.cfg.Outbound {
		out = append(out, outbound.Endpoint(e))
	}
	return out
}

func (b *Bursar) wakeOutbound(ctx context.Context, endpoint string) error {
	return b.queue.Wake(ctx, store.OutboundKind(endpoint), b.cfg.Now())
}
