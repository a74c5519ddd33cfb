package bursar_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/webhook"
)

// A program mounts the endpoint beside its own routes, and asks what a tenant may
// use. Here Stripe is played by hand: a subscription is created, whose metadata
// names the tenant.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "bursar")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	plans, err := billing.NewCatalog([]billing.Plan{
		{ID: "free", Name: "Free", Default: true, Features: map[string]any{"projects": int64(1)}},
		{
			ID: "pro", Name: "Pro", Features: map[string]any{"projects": int64(20)},
			Prices: []billing.Price{{ID: "price_pro", Amount: 2900, Currency: "usd", Interval: "month"}},
		},
	})
	if err != nil {
		panic(err)
	}
	b, err := bursar.Open(ctx, bursar.Config{
		DatabaseURL:    "sqlite://" + filepath.Join(dir, "bursar.db"),
		WebhookSecrets: []string{"whsec_example"},
		Plans:          plans,
		Log:            slog.New(slog.DiscardHandler),
	})
	if err != nil {
		panic(err)
	}
	defer b.Close()
	mux := http.NewServeMux()
	mux.Handle("/webhooks/stripe", b.WebhookHandler())
	// go b.Run(ctx) performs effects: retries, mails, retention.

	body := fmt.Sprintf(`{"id":"evt_1","object":"event","type":"customer.subscription.created","created":%d,"livemode":false,
		"data":{"object":{"id":"sub_1","object":"subscription","customer":"cus_1","status":"active","metadata":{"tenant":"acme"},
		"items":{"data":[{"id":"si_1","quantity":1,"price":{"id":"price_pro"},"current_period_end":1767225600}]}}}}`, time.Now().Unix())
	r := httptest.NewRequest(http.MethodPost, "/webhooks/stripe", strings.NewReader(body))
	r.Header.Set("Stripe-Signature", webhook.Sign([]byte(body), "whsec_example", time.Now()))
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	fmt.Print(w.Body)

	e, err := b.Entitlements(ctx, "acme")
	if err != nil {
		panic(err)
	}
	fmt.Println(e.Plan, e.Status, e.Access, e.Features["projects"])
	// Output:
	// {"received":true,"id":"evt_1","result":"applied"}
	// pro active true 20
}
