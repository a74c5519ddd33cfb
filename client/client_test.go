package client_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/client"
	"github.com/bursarhq/bursar/stripetest"
)

// world is a Bursar that is reached over HTTP, beside a simulated Stripe account.
type world struct {
	acct *stripetest.Account
	url  string
	http *httptest.Server
}

func newWorld(t *testing.T) *world {
	t.Helper()
	acct := stripetest.New(t).Calm()
	for id, amount := range map[string]string{"price_pro": "2900", "price_team": "9900"} {
		if _, err := acct.Post("/v1/prices", stripetest.Form{"id": id, "product_data[name]": id, "currency": "usd", "unit_amount": amount, "recurring[interval]": "month"}); err != nil {
			t.Fatal(err)
		}
	}
	stripe := httptest.NewServer(acct)
	t.Cleanup(stripe.Close)
	plans, err := billing.NewCatalog([]billing.Plan{
		{ID: "free", Default: true, Features: map[string]any{"projects": int64(1)}},
		{ID: "pro", Features: map[string]any{"projects": int64(20), "share": 0.5, "tags": []any{int64(7)}}, Prices: []billing.Price{{ID: "price_pro", Amount: 2900, Currency: "usd", Interval: "month"}}},
		{ID: "team", Prices: []billing.Price{{ID: "price_team", Amount: 9900, Currency: "usd", Interval: "month"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	b, err := bursar.Open(context.Background(), bursar.Config{
		DatabaseURL: "sqlite://" + filepath.Join(t.TempDir(), "bursar.db"), WebhookSecrets: []string{"whsec_test"},
		StripeSecretKey: "sk_test_client", StripeAPIBase: stripe.URL, APIKeys: []string{"bk"}, Plans: plans, Now: acct.Now,
		WebhookTolerance: 24 * 365 * time.Hour, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	server := httptest.NewServer(b.Handler())
	t.Cleanup(server.Close)
	acct.Deliver(b.WebhookHandler(), stripetest.EndpointConfig{Secret: "whsec_test"})
	return &world{acct: acct, url: server.URL, http: server}
}

func (w *world) client(t *testing.T) *client.Client {
	t.Helper()
	c, err := client.New(w.url+"/", "bk")
	if err != nil {
		t.Fatal(err)
	}
	return c.With(w.http.Client())
}

func (w *world) wait() {
	w.acct.Settle()
	w.acct.Advance(time.Minute)
	w.acct.Settle()
}

// TestLife sells, changes and cancels by the client, and reads all that came of it.
func TestLife(t *testing.T) {
	w := newWorld(t)
	c, ctx := w.client(t), t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	plans, err := c.Plans(ctx)
	must(err)
	if len(plans) != 3 || plans[1].Features["projects"] != int64(20) || plans[1].Features["share"] != 0.5 || plans[1].Features["tags"].([]any)[0] != int64(7) || plans[1].Prices[0].Amount != 2900 {
		t.Errorf("%+v", plans)
	}
	free, err := c.Entitlements(ctx, "acme")
	must(err)
	if free.Plan != "free" || free.Access || free.Features["projects"] != int64(1) || !free.ValidUntil.IsZero() {
		t.Errorf("%+v", free)
	}
	name := "Acme"
	tenant, err := c.PutTenant(ctx, "acme", client.TenantPatch{Name: &name, Metadata: map[string]string{"region": "eu"}})
	must(err)
	if tenant.Name != name || tenant.Metadata["region"] != "eu" || tenant.PaymentMethod != nil || tenant.CreatedAt.IsZero() {
		t.Errorf("%+v", tenant)
	}
	if tenant, err = c.PutTenant(ctx, "acme", client.TenantPatch{}); err != nil || tenant.Metadata["region"] != "eu" {
		t.Errorf("%+v %v", tenant, err)
	}
	session, err := c.Checkout(client.WithIdempotencyKey(ctx, "once"), client.Checkout{Tenant: "acme", Plan: "pro", SuccessURL: "https://a.example/ok", CancelURL: "https://a.example/no"})
	must(err)
	if session.URL == "" || session.ExpiresAt.Before(w.acct.Now()) {
		t.Errorf("%+v", session)
	}
	_, err = c.Checkout(client.WithIdempotencyKey(ctx, "once"), client.Checkout{Tenant: "acme", Plan: "team", SuccessURL: "https://a.example/ok", CancelURL: "https://a.example/no"})
	if !client.IsCode(err, "idempotency_key_reused") {
		t.Errorf("%v", err)
	}
	_, err = w.acct.Complete(session.ID, stripetest.Buyer{})
	must(err)
	sub, err := c.Sync(ctx, "acme")
	must(err)
	if sub.Plan != "pro" || !sub.Access || sub.Items[0].Price != "price_pro" || !sub.EndsAt.IsZero() {
		t.Errorf("%+v", sub)
	}
	w.wait()
	if address, err := c.Portal(ctx, "acme", "https://a.example/"); err != nil || address == "" {
		t.Errorf("%q %v", address, err)
	}
	// An answer does not beat events of its own second: what counts is what stands
	// when those have come.
	settled := func(_ client.Subscription, err error) (client.Subscription, error) {
		must(err)
		w.wait()
		return c.Subscription(ctx, "acme")
	}
	if sub, err = settled(c.ChangeSubscription(ctx, "acme", client.Change{Plan: "team", When: "period_end"})); err != nil || sub.ScheduledPlan != "team" || !sub.ScheduledChangeAt.Equal(sub.CurrentPeriodEnd) {
		t.Errorf("%+v %v", sub, err)
	}
	if sub, err = settled(c.CancelSubscription(ctx, "acme", "")); err != nil || sub.EndsAt.IsZero() {
		t.Errorf("%+v %v", sub, err)
	}
	if sub, err = settled(c.ResumeSubscription(ctx, "acme")); err != nil || !sub.EndsAt.IsZero() {
		t.Errorf("%+v %v", sub, err)
	}
	w.reads(t, c)
	if sub, err = settled(c.CancelSubscription(ctx, "acme", "now")); err != nil || sub.Status != "canceled" || sub.EndedAt.IsZero() {
		t.Errorf("%+v %v", sub, err)
	}
}

// reads asks for every list and thing once.
func (w *world) reads(t *testing.T, c *client.Client) {
	t.Helper()
	ctx := t.Context()
	if tenants, err := c.Tenants(ctx, client.TenantFilter{Plan: "pro", Status: "active", Text: "acm"}); err != nil || len(tenants.Data) != 1 || tenants.Data[0].PaymentMethod.Last4 != "4242" {
		t.Errorf("%+v %v", tenants, err)
	}
	if tenants, err := c.Tenants(ctx, client.TenantFilter{Plan: "team"}); err != nil || len(tenants.Data) != 0 {
		t.Errorf("%+v %v", tenants, err)
	}
	if subs, err := c.Subscriptions(ctx, "acme", client.Page{}); err != nil || len(subs.Data) != 1 || subs.NextCursor != "" {
		t.Errorf("%+v %v", subs, err)
	}
	invoices, err := c.Invoices(ctx, "acme", client.Page{Limit: 1})
	if err != nil || len(invoices.Data) != 1 {
		t.Fatalf("%+v %v", invoices, err)
	}
	if inv, err := c.Invoice(ctx, invoices.Data[0].ID); err != nil || inv.Status != "paid" || inv.AmountPaid != 2900 || inv.PaidAt.IsZero() || len(inv.Lines) != 1 {
		t.Errorf("%+v %v", inv, err)
	}
	if pdf, err := c.InvoiceDocument(ctx, invoices.Data[0].ID); err != nil || !strings.HasPrefix(string(pdf), "%PDF-") {
		t.Errorf("%.20q %v", pdf, err)
	}
	if payments, err := c.Payments(ctx, "acme", client.Page{}); err != nil || len(payments.Data) != 1 || payments.Data[0].Amount != 2900 || payments.Data[0].Charge == "" {
		t.Errorf("%+v %v", payments, err)
	}
	if methods, err := c.PaymentMethods(ctx, "acme", client.Page{}); err != nil || len(methods.Data) != 1 || !methods.Data[0].Default || methods.Data[0].ExpYear == 0 {
		t.Errorf("%+v %v", methods, err)
	}
	if notes, err := c.Notifications(ctx, "acme", client.Page{}); err != nil || len(notes.Data) == 0 || notes.Data[0].Kind == "" {
		t.Errorf("%+v %v", notes, err)
	}
	var timeline []client.Entry
	for page := (client.Page{Limit: 1}); ; {
		part, err := c.Timeline(ctx, "acme", page)
		if err != nil {
			t.Fatal(err)
		}
		timeline = append(timeline, part.Data...)
		if page.Cursor = part.NextCursor; page.Cursor == "" {
			break
		}
	}
	if len(timeline) < 3 || timeline[len(timeline)-1].What != "customer" {
		t.Errorf("%+v", timeline)
	}
	events, err := c.Events(ctx, client.EventFilter{Type: "customer.subscription.created", Tenant: "acme", Status: "applied", Since: w.acct.Now().Add(-time.Hour)})
	if err != nil || len(events.Data) > 1 {
		t.Errorf("%+v %v", events, err)
	}
	if events, err = c.Events(ctx, client.EventFilter{Page: client.Page{Limit: 1}}); err != nil || len(events.Data) != 1 {
		t.Fatalf("%+v %v", events, err)
	}
	if e, err := c.Event(ctx, events.Data[0].ID); err != nil || len(e.Payload) == 0 || e.ReceivedAt.IsZero() {
		t.Errorf("%+v %v", e, err)
	}
	if e, err := c.Replay(ctx, events.Data[0].ID); err != nil || e.ID != events.Data[0].ID {
		t.Errorf("%+v %v", e, err)
	}
}

func TestErrors(t *testing.T) {
	w := newWorld(t)
	c := w.client(t)
	if err := c.EraseTenant(t.Context(), "no/body ?"); !client.IsCode(err, "tenant_not_found") {
		t.Error(err)
	}
	if _, err := c.Tenant(t.Context(), "no/body ?"); !client.IsCode(err, "tenant_not_found") {
		t.Errorf("%v", err)
	}
	if _, err := c.For("acct_1").Tenant(t.Context(), "acme"); !client.IsCode(err, "tenant_not_found") {
		t.Errorf("%v", err)
	}
	stranger, err := client.New(w.url, "wrong")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stranger.Plans(t.Context()); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("%v", err)
	}
	w.acct.Inject(stripetest.Fault{Status: http.StatusTooManyRequests, ShouldRetry: "false", RetryAfter: 7 * time.Second})
	_, err = c.Checkout(t.Context(), client.Checkout{Tenant: "acme", Plan: "pro", SuccessURL: "https://a.example/ok", CancelURL: "https://a.example/no"})
	if e, ok := err.(*client.Error); !ok || e.Code != "stripe_unavailable" || e.RetryAfter != 7*time.Second || !strings.HasPrefix(e.StripeRequestID, "req_") {
		t.Errorf("%#v", err)
	}
	for _, base := range []string{"", "localhost:8000", "ftp://x", "https://x?a=b"} {
		if _, err := client.New(base, "bk"); err == nil {
			t.Errorf("%q was taken", base)
		}
	}
	for _, key := range []string{"", "a b", "a\n"} {
		if _, err := client.New("https://x", key); err == nil {
			t.Errorf("the key %q was taken", key)
		}
	}
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<h1>no</h1>", http.StatusBadGateway) }))
	defer proxy.Close()
	c, _ = client.New(proxy.URL, "bk")
	if _, err := c.Tenant(t.Context(), "acme"); err == nil || err.Error() != "bursar: 502 " {
		t.Errorf("%v", err)
	}
}
