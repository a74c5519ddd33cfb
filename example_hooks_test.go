package bursar_test

import (
	"context"
	"database/sql"
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

// The app's own table changes in the transaction of Stripe's event; whatever leaves the
// process goes out after it.
func ExampleBursar_On() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "bursar")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	plans, err := billing.NewCatalog([]billing.Plan{
		{ID: "free", Name: "Free", Default: true},
		{ID: "pro", Name: "Pro", Prices: []billing.Price{{ID: "price_pro", Amount: 2900, Currency: "usd", Interval: "month"}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	b, err := bursar.Open(ctx, bursar.Config{
		DatabaseURL: "sqlite://" + filepath.Join(dir, "app.db"), WebhookSecrets: []string{"whsec_example"}, Plans: plans,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()

	b.On("entitlements.changed", func(ctx context.Context, tx *sql.Tx, c bursar.Change) error {
		if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS workspaces (id TEXT PRIMARY KEY, plan TEXT)`); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO workspaces VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET plan = excluded.plan`, c.Tenant, c.Is.Plan)
		return err
	})
	told := make(chan string)
	b.OnEffect("entitlements.changed", func(_ context.Context, c bursar.Change) error {
		told <- fmt.Sprintf("%s: %s, was %s", c.Tenant, c.Is.Plan, c.Was.Plan)
		return nil
	})
	running, stop := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- b.Run(running) }()

	body := fmt.Sprintf(`{"id":"evt_1","object":"event","type":"customer.subscription.created","created":%d,"livemode":false,
		"data":{"object":{"id":"sub_1","object":"subscription","customer":"cus_1","status":"active","metadata":{"tenant":"acme"},
		"items":{"data":[{"id":"si_1","quantity":1,"price":{"id":"price_pro"},"current_period_end":1767225600}]}}}}`, time.Now().Unix())
	r := httptest.NewRequest(http.MethodPost, "/webhooks/stripe", strings.NewReader(body))
	r.Header.Set("Stripe-Signature", webhook.Sign([]byte(body), "whsec_example", time.Now()))
	b.WebhookHandler().ServeHTTP(httptest.NewRecorder(), r)

	fmt.Println(<-told)
	stop()
	fmt.Println(<-done)
	// Output:
	// acme: pro, was free
	// <nil>
}
