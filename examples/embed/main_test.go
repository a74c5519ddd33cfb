package main

import (
	"io"
	"log"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/examples/internal/life"
	"github.com/bursarhq/bursar/stripetest"
)

// TestLife leads the program through the life of a customer.
func TestLife(t *testing.T) {
	log.SetOutput(io.Discard)
	w := life.New(t)
	plans, err := catalog()
	if err != nil {
		t.Fatal(err)
	}
	a, err := open(t.Context(), filepath.Join(t.TempDir(), "app.db"), "http://app.example", bursar.Config{
		WebhookSecrets: []string{"whsec_app"}, WebhookTolerance: 365 * 24 * time.Hour, StripeSecretKey: "sk_test_app", StripeAPIBase: w.API, StripeRPS: -1,
		Plans: plans, Now: w.Stripe.Now, HookTimeout: 10 * time.Second, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.close)
	w.Stripe.Deliver(a.handler(), stripetest.EndpointConfig{Secret: "whsec_app"})
	w.Sells(a.handler())
	w.Run()
}
