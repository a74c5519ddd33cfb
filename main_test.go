package bursar_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/store/storetest"
	"github.com/bursarhq/bursar/webhook"
)

const secret = "whsec_test"

func TestMain(m *testing.M) {
	if url := os.Getenv(childEnv); url != "" {
		serveAsChild(url)
		return
	}
	storetest.Main(m)
}

// childEnv names the variable that makes the test binary a server on a database,
// to be killed.
const childEnv = "BURSAR_TEST_CHILD_DATABASE"

func serveAsChild(url string) {
	cfg := bursar.Config{
		DatabaseURL: url, WebhookSecrets: []string{secret}, Plans: plans(),
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})), NoticeMaxAge: -1,
	}
	commanding(&cfg)
	b, err := bursar.Open(context.Background(), cfg)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	hookChild(b, url)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(l.Addr())
	backfillAsChild(b)
	go func() { _ = b.Run(context.Background()) }()
	fmt.Fprintln(os.Stderr, http.Serve(l, b.Handler()))
}

func plans() *billing.Catalog {
	c, err := billing.NewCatalog([]billing.Plan{
		{ID: "free", Name: "Free", Default: true, Features: map[string]any{"projects": int64(1)}},
		{ID: "pro", Name: "Pro", Features: map[string]any{"projects": int64(20)}, Prices: []billing.Price{{ID: "price_pro", Amount: 2900, Currency: "usd", Interval: "month"}}},
	})
	if err != nil {
		panic(err)
	}
	return c
}

// subscriptionEvent is a customer.subscription.updated of 1 KB for the n-th tenant.
func subscriptionEvent(id string, n int, created time.Time) []byte {
	return fmt.Appendf(nil, `{"id":%q,"object":"event","api_version":"2025-11-17.clover","created":%d,"livemode":false,"pending_webhooks":1,
"type":"customer.subscription.updated","request":{"id":null,"idempotency_key":null},"data":{"object":{"id":"sub_%d","object":"subscription",
"customer":"cus_%d","status":"active","created":1700000000,"currency":"usd","metadata":{"tenant":"t%d"},"cancel_at_period_end":false,
"items":{"object":"list","data":[{"id":"si_%d","object":"subscription_item","quantity":1,"current_period_start":1700000000,"current_period_end":1702592000,
"price":{"id":"price_pro","object":"price","currency":"usd","unit_amount":2900,"recurring":{"interval":"month","interval_count":1}}}]}},
"previous_attributes":{"quantity":3}}}`, id, created.Unix(), n, n, n, n)
}

// eventID is an id that looks like chance and is the same every time.
func eventID(n int) string {
	sum := sha256.Sum256([]byte(fmt.Sprint(n)))
	return "evt_" + hex.EncodeToString(sum[:12])
}

// post posts a signed body and returns the status and the answer.
func post(ctx context.Context, c *http.Client, url string, body []byte) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	req.Header.Set("Stripe-Signature", webhook.Sign(body, secret, time.Now()))
	resp, err := c.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}
