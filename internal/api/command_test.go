package api_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bursarhq/bursar/internal/api"
	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/command"
	"github.com/bursarhq/bursar/internal/stripe"
	"github.com/bursarhq/bursar/stripetest"
)

// selling gives a world's API commands that go to a simulated account, which has the
// prices of the world's catalog.
func selling(t *testing.T, acct *stripetest.Account) func(*api.Config) {
	t.Helper()
	for id, interval := range map[string]string{"price_pro_monthly": "month", "price_pro_yearly": "year"} {
		if _, err := acct.Post("/v1/prices", stripetest.Form{"id": id, "product_data[name]": "Pro", "currency": "usd", "unit_amount": "2900", "recurring[interval]": interval}); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(acct)
	t.Cleanup(server.Close)
	client, err := stripe.NewClient(stripe.ClientConfig{Key: "sk_test_api", Base: server.URL, Now: acct.Now, RPS: -1})
	if err != nil {
		t.Fatal(err)
	}
	return func(c *api.Config) {
		c.Commands = command.New(command.Config{
			Store: c.Store, Catalog: c.Engine.Catalog, Livemode: c.Engine.Livemode, ValidTenant: apply.ValidTenant, TenantKey: "tenant", SessionKey: apply.OwnSessionKey,
			Client: func(account string) *stripe.Client {
				if account != "" {
					return nil
				}
				return client
			},
			Ingest: func(ctx context.Context, from command.Origin, answers ...stripe.Answer) error {
				var errs []error
				for _, a := range answers {
					_, err := c.Engine.Ingest(ctx, apply.Answer{Object: a.Object, SentAt: a.SentAt, Asked: a.Asked, APIVersion: a.APIVersion, Source: "command", Actor: from.Actor})
					errs = append(errs, err)
				}
				return errors.Join(errs...)
			},
		})
	}
}

// TestCommands has every command succeed once, refused once and without the right to
// it, as described; what Stripe is asked is the facade's tests' business.
func TestCommands(t *testing.T) {
	acct := stripetest.New(t, func(c *stripetest.Config) { c.Start = began }).Calm()
	w := newSQLiteWorld(t, selling(t, acct))
	w.grant("bk_reader", "reader", "read")
	const sell = `{"tenant":"acme","plan":"pro","interval":"month","success_url":"https://a.example/ok","cancel_url":"https://a.example/no"}`
	pass := func() {
		acct.Advance(time.Minute)
		w.clock.advance(time.Minute)
	}
	id := w.want("POST /v1/checkout-sessions", sell, 200, "").json(w)["id"].(string)
	if _, err := acct.Complete(id, stripetest.Buyer{}); err != nil {
		t.Fatal(err)
	}
	pass()
	const of = "POST /v1/tenants/acme/"
	w.want(of+"subscription/cancel", "", 409, "not_subscribed")
	w.want("POST /v1/checkout-sessions", strings.Replace(sell, "month", "year", 1), 409, "already_subscribed")
	for _, step := range []struct{ request, body, refused, code string }{
		{of + "sync", "", "", ""},
		{"POST /v1/portal-sessions", `{"tenant":"acme","return_url":"https://a.example/"}`, `{"tenant":"acme","return_url":"/"}`, "422 invalid_parameter"},
		{of + "subscription/change", `{"plan":"pro","interval":"year"}`, `{"plan":"pro","interval":"week"}`, "422 invalid_parameter"},
		{of + "subscription/cancel", `{"when":"period_end"}`, `{"when":"soon"}`, "422 invalid_parameter"},
		{of + "subscription/resume", "", " ", "409 nothing_scheduled"},
	} {
		w.want(step.request, step.body, 403, "insufficient_scope", as("bk_reader"))
		w.want(step.request+"?account=acct_1", step.body, 503, "stripe_key_missing")
		w.want(step.request, step.body, 200, "")
		pass()
		if step.code == "" {
			continue
		}
		a := w.call(step.request, strings.TrimSpace(step.refused))
		if got := fmt.Sprint(a.status, " ", a.json(w)["code"]); got != step.code {
			t.Errorf("%s: %s", step.request, a.body)
		}
	}
	acct.Inject(stripetest.Fault{Status: 403})
	if p := w.want(of+"sync", "", 502, "stripe_error").json(w); !strings.HasPrefix(fmt.Sprint(p["stripe_request_id"]), "req_") {
		t.Errorf("%v", p)
	}
	w.want("POST /v1/tenants/a%20b/sync", "", 422, "invalid_parameter")
	w.want("POST /v1/tenants/nobody/sync", "", 404, "tenant_not_found")
}

// TestPlansAreShown has everything that a page of prices needs.
func TestPlansAreShown(t *testing.T) {
	w := newSQLiteWorld(t)
	plans := w.want("GET /v1/plans", "", 200, "").json(w)["data"].([]any)
	pro := plans[1].(obj)
	price := pro["prices"].([]any)[0].(obj)
	got := fmt.Sprintln(pro["name"], pro["description"], pro["trial_days"], pro["features"], price["id"], price["amount"], price["currency"], price["interval"], price["archived"])
	if got != "Pro For teams 14 map[projects:20 sso:true] price_pro_monthly 2900 usd month false\n" {
		t.Error(got)
	}
}
