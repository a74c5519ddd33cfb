package main

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/client"
	"github.com/bursarhq/bursar/examples/internal/life"
	"github.com/bursarhq/bursar/stripetest"
)

// catalog is examples/plans.yaml, as serve reads it.
func catalog(t *testing.T) *billing.Catalog {
	t.Helper()
	var file struct{ Plans []billing.Plan }
	text, err := os.ReadFile("../plans.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	c, err := billing.NewCatalog(file.Plans)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestLife leads this app, and the ones in Node and Python beside it, through the life
// of a customer.
func TestLife(t *testing.T) {
	w := life.New(t)
	b, err := bursar.Open(t.Context(), bursar.Config{
		DatabaseURL: "sqlite://" + filepath.Join(t.TempDir(), "bursar.db"), Plans: catalog(t), APIKeys: []string{"bk_app"}, RateLimit: -1,
		WebhookSecrets: []string{"whsec_app"}, WebhookTolerance: 365 * 24 * time.Hour, StripeSecretKey: "sk_test_app", StripeAPIBase: w.API, StripeRPS: -1,
		Now: w.Stripe.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	server := httptest.NewServer(b.Handler())
	t.Cleanup(server.Close)
	w.Stripe.Deliver(b.WebhookHandler(), stripetest.EndpointConfig{Secret: "whsec_app"})

	c, err := client.New(server.URL, "bk_app")
	if err != nil {
		t.Fatal(err)
	}
	w.Sells(newApp(c, "http://app.example"))
	w.Asks(server.URL, "bk_app", "node", "../node/app.mjs")
	w.Asks(server.URL, "bk_app", "python3", "../python/app.py")
	w.Run()
}
