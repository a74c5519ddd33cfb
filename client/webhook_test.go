package client_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/client"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

// served is a client of a Bursar of its own.
func served(t *testing.T, cfg bursar.Config) *client.Client {
	t.Helper()
	cfg.WebhookSecrets, cfg.APIKeys, cfg.Log = []string{"whsec_test"}, []string{"bk"}, slog.New(slog.NewTextHandler(io.Discard, nil))
	b, err := bursar.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	server := httptest.NewServer(b.Handler())
	t.Cleanup(func() {
		server.Close()
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) { // it may have hardly begun
			t.Error(err)
		}
		b.Close()
	})
	c, err := client.New(server.URL, "bk")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestWebhooks: an endpoint is disabled, enabled and sent to, and what it was sent is
// sent again.
func TestWebhooks(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		var accepts atomic.Bool
		var accepted atomic.Int64
		app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if !accepts.Load() {
				w.WriteHeader(http.StatusGone)
				return
			}
			accepted.Add(1)
		}))
		defer app.Close()
		began := time.Now().Add(-time.Minute)
		c, ctx := served(t, bursar.Config{
			DatabaseURL: url, OutboundAllowPrivate: true,
			Outbound: []bursar.OutboundEndpoint{{Name: "app", URL: app.URL + "/hooks?token=hidden", Secrets: []string{"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"}, Events: []string{"tenant.*"}}},
		}), t.Context()
		until := func(what string, ok func() bool) {
			t.Helper()
			tick := time.NewTicker(10 * time.Millisecond)
			defer tick.Stop()
			for deadline := time.After(time.Minute); !ok(); {
				select {
				case <-tick.C:
				case <-deadline:
					t.Fatal(what + ": not within a minute")
				}
			}
		}
		customer := "cus_1"
		if _, err := c.PutTenant(ctx, "acme", client.TenantPatch{StripeCustomerID: &customer}); err != nil {
			t.Fatal(err)
		}
		var e client.WebhookEndpoint
		until("it is disabled", func() bool {
			all, err := c.WebhookEndpoints(ctx)
			if err != nil || len(all) != 1 {
				t.Fatal(all, err)
			}
			e = all[0]
			return e.Status == "disabled"
		})
		if e.Name != "app" || e.URL != app.URL+"/hooks" || e.Events[0] != "tenant.*" || e.Pending != 1 || e.DisabledAt.Before(began) || e.FailingSince.IsZero() || !e.LastSentAt.IsZero() || !strings.Contains(e.Reason, "410") {
			t.Errorf("%+v", e)
		}
		accepts.Store(true)
		if e, err := c.EnableWebhookEndpoint(ctx, "app"); err != nil || e.Status != "enabled" || e.Reason != "" {
			t.Errorf("%+v %v", e, err)
		}
		var sent client.List[client.Delivery]
		until("it is sent", func() bool {
			var err error
			if sent, err = c.Deliveries(ctx, "app", client.DeliveryFilter{Status: "sent", Tenant: "acme", Page: client.Page{Limit: 1}}); err != nil {
				t.Fatal(err)
			}
			return len(sent.Data) == 1
		})
		d := sent.Data[0]
		if d.Type != "tenant.linked" || d.Tenant != "acme" || !strings.HasPrefix(d.ID, "msg_") || d.SentAt.Before(began) || !strings.Contains(string(d.Payload), d.ID) {
			t.Errorf("%+v", d)
		}
		if other, err := c.Deliveries(ctx, "app", client.DeliveryFilter{Tenant: "other"}); err != nil || len(other.Data) != 0 {
			t.Errorf("%+v %v", other, err)
		}
		for _, f := range []client.ReplayFilter{{ID: d.ID}, {Status: "sent", Tenant: "acme", Since: began}} {
			before := accepted.Load()
			if n, err := c.ReplayDeliveries(ctx, "app", f); err != nil || n != 1 {
				t.Fatal(n, err)
			}
			until("it is sent again", func() bool {
				pending, err := c.Deliveries(ctx, "app", client.DeliveryFilter{Status: "pending"})
				return err == nil && len(pending.Data) == 0 && accepted.Load() == before+1
			})
		}
		for _, f := range []client.ReplayFilter{{Since: time.Now().Add(time.Hour)}, {Status: "failed"}, {Tenant: "other"}} {
			if n, err := c.ReplayDeliveries(ctx, "app", f); err != nil || n != 0 {
				t.Errorf("%+v: %d %v", f, n, err)
			}
		}
		if _, err := c.ReplayDeliveries(ctx, "app", client.ReplayFilter{}); !client.IsCode(err, "invalid_parameter") {
			t.Error(err)
		}
		if _, err := c.Deliveries(ctx, "none", client.DeliveryFilter{}); !client.IsCode(err, "webhook_endpoint_not_found") {
			t.Error(err)
		}
		none := served(t, bursar.Config{DatabaseURL: url})
		if _, err := none.WebhookEndpoints(ctx); !client.IsCode(err, "not_found") {
			t.Error(err)
		}
	})
}
