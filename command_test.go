package bursar_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/store/storetest"
	"github.com/bursarhq/bursar/stripetest"
)

// shop is a Bursar beside a simulated Stripe account, on one clock.
type shop struct {
	*testing.T
	acct *stripetest.Account
	b    *bursar.Bursar
	http *httptest.Server
	hook *stripetest.Endpoint
	url  string
	api  string // where the account's API is
	// instead may answer a request to that API in the account's place.
	instead atomic.Pointer[func(http.ResponseWriter, *http.Request) bool]
}

// eachShop runs a test in a shop on both engines.
func eachShop(t *testing.T, fn func(s *shop), change ...func(*bursar.Config)) {
	t.Helper()
	storetest.EachURL(t, func(t *testing.T, url string) { fn(newShop(t, url, change...)) })
}

func newShop(t *testing.T, url string, change ...func(*bursar.Config)) *shop {
	t.Helper()
	s := &shop{T: t, acct: stripetest.New(t).Calm(), url: url}
	for id, form := range map[string]stripetest.Form{
		"price_pro_monthly":  {"currency": "usd", "unit_amount": "2900", "recurring[interval]": "month"},
		"price_pro_yearly":   {"currency": "usd", "unit_amount": "29000", "recurring[interval]": "year"},
		"price_team_monthly": {"currency": "usd", "unit_amount": "9900", "recurring[interval]": "month"},
		"price_team_eur":     {"currency": "eur", "unit_amount": "8900", "recurring[interval]": "month"},
	} {
		form["id"], form["product_data[name]"] = id, id
		if _, err := s.acct.Post("/v1/prices", form); err != nil {
			t.Fatal(err)
		}
	}
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if instead := s.instead.Load(); instead != nil && (*instead)(w, r) {
			return
		}
		s.acct.ServeHTTP(w, r)
	}))
	t.Cleanup(api.Close)
	s.api = api.URL
	s.b = s.open(change...)
	s.http = httptest.NewServer(s.b.Handler())
	t.Cleanup(s.http.Close)
	s.hook = s.acct.Deliver(s.b.WebhookHandler(), stripetest.EndpointConfig{Secret: secret})
	return s
}

func shopPlans() *billing.Catalog {
	c, err := billing.NewCatalog([]billing.Plan{
		{ID: "free", Name: "Free", Default: true},
		{ID: "pro", Name: "Pro", TrialDays: 14, Prices: []billing.Price{
			{ID: "price_pro_monthly", Amount: 2900, Currency: "usd", Interval: "month"},
			{ID: "price_pro_yearly", Amount: 29000, Currency: "usd", Interval: "year"},
			{ID: "price_pro_2019", Amount: 1900, Currency: "usd", Interval: "week", Archived: true},
		}},
		{ID: "team", Name: "Team", Prices: []billing.Price{
			{ID: "price_team_monthly", Amount: 9900, Currency: "usd", Interval: "month"},
			{ID: "price_team_eur", Amount: 8900, Currency: "eur", Interval: "month"},
		}},
	})
	if err != nil {
		panic(err)
	}
	return c
}

// open opens a Bursar on the shop's database, beside others that may be there.
func (s *shop) open(change ...func(*bursar.Config)) *bursar.Bursar {
	s.Helper()
	cfg := bursar.Config{
		DatabaseURL: s.url, WebhookSecrets: []string{secret}, StripeSecretKey: "sk_test_shop", StripeAPIBase: s.api,
		StripeRPS: -1, // on a clock that stands still, nobody's turn ever comes
		APIKeys:   []string{"bk"}, RateLimit: -1, Plans: shopPlans(), Now: s.acct.Now, WebhookTolerance: 24 * 365 * time.Hour,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	for _, fn := range change {
		fn(&cfg)
	}
	b, err := bursar.Open(context.Background(), cfg)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { b.Close() })
	return b
}

type object = map[string]any

// call sends a request and wants a status; of problems, a code behind it.
func (s *shop) call(request, body, want string) object {
	s.Helper()
	got, v, err := s.send(context.Background(), request, body)
	if err != nil {
		s.Fatalf("%s: %v", request, err)
	}
	if got != want {
		s.Fatalf("%s %s: got %s, want %s: %v", request, body, got, want, v)
	}
	return v
}

func (s *shop) send(ctx context.Context, request, body string) (string, object, error) {
	return ask(ctx, s.http.URL, request, body, "")
}

// ask sends a request to a Bursar, under an Idempotency-Key where that is not empty,
// and answers with the status; of problems, with a code behind it.
func ask(ctx context.Context, address, request, body, key string) (string, object, error) {
	method, path, _ := strings.Cut(request, " ")
	req, err := http.NewRequestWithContext(ctx, method, address+path, strings.NewReader(body))
	if err != nil {
		return "", nil, err
	}
	req.Header.Set("Authorization", "Bearer bk")
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", nil, err
	}
	defer res.Body.Close()
	got := fmt.Sprint(res.StatusCode)
	if res.StatusCode == http.StatusNoContent {
		return got, nil, nil
	}
	var v object
	err = json.NewDecoder(res.Body).Decode(&v)
	if code, ok := v["code"].(string); ok {
		got += " " + code
	}
	return got, v, err
}

func sell(tenant, more string) string {
	return fmt.Sprintf(`{"tenant":%q,"success_url":"https://app.example/ok?s={CHECKOUT_SESSION_ID}","cancel_url":"https://app.example/no"%s}`, tenant, more)
}

const proMonthly = `,"plan":"pro","interval":"month"`

// subscribe sells a plan and has the buyer buy it.
func (s *shop) subscribe(tenant, more string) object {
	s.Helper()
	session := s.call("POST /v1/checkout-sessions", sell(tenant, more), "200")
	s.buy(session["id"].(string))
	return s.call("GET /v1/tenants/"+tenant+"/subscription", "", "200")
}

func (s *shop) buy(session string) {
	s.Helper()
	if _, err := s.acct.Complete(session, stripetest.Buyer{}); err != nil {
		s.Fatal(err)
	}
	s.wait(time.Minute)
}

// wait has what is on its way delivered, and lets time go by.
func (s *shop) wait(d time.Duration) {
	s.Helper()
	s.acct.Settle()
	s.acct.Advance(d)
	s.acct.Settle()
}

// count is how many objects a list of Stripe's has.
func (s *shop) count(path string, form stripetest.Form) int {
	s.Helper()
	l, err := s.acct.Get(path, form)
	if err != nil {
		s.Fatal(err)
	}
	return len(l["data"].([]any))
}

func (s *shop) wantCounts(customers, sessions int) {
	s.Helper()
	if n := s.count("/v1/customers", nil); n != customers {
		s.Errorf("%d customers, want %d", n, customers)
	}
	if n := s.count("/v1/checkout/sessions", stripetest.Form{"status": "open"}); n != sessions {
		s.Errorf("%d open sessions, want %d", n, sessions)
	}
}

func TestCheckout(t *testing.T) {
	eachShop(t, func(s *shop) {
		first := s.call("POST /v1/checkout-sessions", sell("acme", proMonthly), "200")
		if first["url"] == "" || first["expires_at"] != s.acct.Now().Add(24*time.Hour).Format(time.RFC3339) {
			s.Errorf("%v", first)
		}
		made, err := s.acct.Get("/v1/checkout/sessions/"+first["id"].(string), nil)
		if err != nil {
			s.Fatal(err)
		}
		meta := made["metadata"].(stripetest.Object)
		if made.Str("client_reference_id") != "acme" || meta["tenant"] != "acme" || meta["bursar_session"] == "" {
			s.Errorf("%s", made.JSON())
		}
		s.wait(time.Minute)
		if again := s.call("POST /v1/checkout-sessions", sell("acme", proMonthly), "200"); again["id"] != first["id"] {
			s.Errorf("another session: %v", again)
		}
		s.wantCounts(1, 1)
		// Something else closes the first, so that both cannot be paid.
		other := s.call("POST /v1/checkout-sessions", sell("acme", `,"plan":"pro","interval":"year"`), "200")
		if other["id"] == first["id"] {
			s.Errorf("the same session for another price")
		}
		s.wantCounts(1, 1)
		s.buy(other["id"].(string))
		sub := s.call("GET /v1/tenants/acme/subscription", "", "200")
		if sub["plan"] != "pro" || sub["status"] != "trialing" || sub["stripe_price"] != "price_pro_yearly" {
			s.Errorf("%v", sub)
		}
		s.call("POST /v1/checkout-sessions", sell("acme", proMonthly), "409 already_subscribed")
		s.wantCounts(1, 0)
		tenant := s.call("GET /v1/tenants/acme", "", "200")
		if customers := tenant["stripe_customers"].([]any); len(customers) != 1 {
			s.Errorf("%v", tenant)
		}
	})
}

func TestCheckoutRefuses(t *testing.T) {
	s := newShop(t, storetest.MigratedSQLite(t))
	for more, want := range map[string]string{
		`,"plan":"gold"`:                  "plan: ",
		`,"plan":"free"`:                  "plan: ",
		`,"plan":"pro"`:                   "interval: ",
		`,"plan":"team"`:                  "currency: ",
		`,"plan":"pro","interval":"week"`: "interval: ",
		`,"plan":"pro","interval":"month","currency":"eur"`:               "currency: ",
		`,"plan":"pro","price":"price_pro_2019"`:                          "price: ",
		`,"plan":"pro","price":"price_team_eur"`:                          "price: ",
		`,"plan":"pro","interval":"fortnight"`:                            "interval: ",
		proMonthly + `,"quantity":0`:                                      "quantity: ",
		proMonthly + `,"trial_days":731`:                                  "trial_days: ",
		proMonthly + `,"promotion_code":"X","allow_promotion_codes":true`: "promotion_code: ",
		proMonthly + `,"promotion_code":"NOSUCH"`:                         "promotion_code: ",
		proMonthly + `,"payment_method_collection":"never"`:               "payment_method_collection: ",
		proMonthly + `,"locale":"` + strings.Repeat("x", 21) + `"`:        "locale: ",
		proMonthly + `,"colour":"red"`:                                    "colour: ",
	} {
		code := "422 invalid_parameter"
		v := s.call("POST /v1/checkout-sessions", sell("acme", more), code)
		if detail := fmt.Sprint(v["detail"]); !strings.HasPrefix(detail, want) {
			t.Errorf("%s: %s", more, detail)
		}
	}
	for body, want := range map[string]string{
		`{"tenant":"acme","plan":"pro","interval":"month","success_url":"ok","cancel_url":"https://a.example"}`:                 "success_url: ",
		`{"tenant":"acme","plan":"pro","interval":"month","success_url":"https://a.example","cancel_url":"ftp://x/"}`:           "cancel_url: ",
		`{"tenant":"ac me","plan":"pro","interval":"month","success_url":"https://a.example","cancel_url":"https://a.example"}`: "tenant: ",
	} {
		if v := s.call("POST /v1/checkout-sessions", body, "422 invalid_parameter"); !strings.HasPrefix(fmt.Sprint(v["detail"]), want) {
			t.Errorf("%s: %v", body, v["detail"])
		}
	}
	s.wantCounts(0, 0)
	s.call("POST /v1/portal-sessions", `{"tenant":"acme","return_url":"https://a.example"}`, "404 tenant_not_found")
	for _, command := range []string{"subscription/change", "subscription/cancel", "subscription/resume", "sync"} {
		body := ""
		if command == "subscription/change" {
			body = `{"plan":"pro"}`
		}
		s.call("POST /v1/tenants/nobody/"+command, body, "404 tenant_not_found")
	}
}

func TestCheckoutOfACrowd(t *testing.T) {
	eachShop(t, func(s *shop) {
		other := s.open() // another process on the same database
		const crowd = 200
		sessions := make([]string, crowd)
		var wg sync.WaitGroup
		for i := range crowd {
			wg.Go(func() {
				b := s.b
				if i%2 == 1 {
					b = other
				}
				c, err := b.Checkout(context.Background(), "acme", bursar.Checkout{
					Plan: "pro", Interval: "month",
					SuccessURL: "https://app.example/ok", CancelURL: "https://app.example/no",
				})
				if err != nil {
					t.Error(err)
				}
				sessions[i] = c.ID
			})
		}
		wg.Wait()
		for _, id := range sessions {
			if id != sessions[0] {
				s.Fatalf("%s and %s", id, sessions[0])
			}
		}
		s.wantCounts(1, 1)
	})
}

func TestTrialOnce(t *testing.T) {
	eachShop(t, func(s *shop) {
		if sub := s.subscribe("acme", proMonthly); sub["status"] != "trialing" {
			s.Fatalf("%v", sub)
		}
		s.call("POST /v1/tenants/acme/subscription/cancel", `{"when":"now"}`, "200")
		s.wait(time.Minute)
		sub := s.subscribe("acme", proMonthly+`,"trial_days":7`)
		if sub["status"] != "active" || sub["trial_ends_at"] != nil {
			s.Errorf("a second trial: %v", sub)
		}
		s.call("POST /v1/tenants/acme/subscription/cancel", `{"when":"now"}`, "200")
		s.wait(time.Minute)
		if sub := s.subscribe("acme", proMonthly+`,"trial_days":7,"force_trial":true`); sub["trial_ends_at"] == nil {
			s.Errorf("no trial: %v", sub)
		}
		if sub := s.subscribe("other", proMonthly+`,"trial_days":0`); sub["trial_ends_at"] != nil {
			s.Errorf("a trial: %v", sub)
		}
	})
}

func TestPortal(t *testing.T) {
	eachShop(t, func(s *shop) {
		s.call("PUT /v1/tenants/acme", `{"name":"Acme","email":"o@acme.example"}`, "201")
		v := s.call("POST /v1/portal-sessions", `{"tenant":"acme","return_url":"https://app.example/billing"}`, "200")
		if !strings.HasPrefix(fmt.Sprint(v["url"]), "https://billing.stripe.com/") {
			s.Errorf("%v", v)
		}
		s.call("POST /v1/portal-sessions", `{"tenant":"acme","return_url":"https://app.example/billing"}`, "200")
		s.call("POST /v1/portal-sessions", `{"tenant":"acme","return_url":"billing"}`, "422 invalid_parameter")
		s.wantCounts(1, 0)
		if tenant := s.call("GET /v1/tenants/acme", "", "200"); tenant["stripe_customer_id"] == nil || tenant["stripe_name"] != "Acme" {
			s.Errorf("%v", tenant)
		}
	})
}

func TestChange(t *testing.T) {
	eachShop(t, func(s *shop) {
		s.subscribe("acme", proMonthly)
		const change = "POST /v1/tenants/acme/subscription/change"
		s.hook.Disable() // else the event may be faster than the answer
		sub := s.call(change, `{"plan":"team","quantity":3,"proration":"none"}`, "200")
		if sub["plan"] != "team" || sub["quantity"] != 3.0 || sub["stripe_price"] != "price_team_monthly" {
			s.Errorf("%v", sub)
		}
		s.wait(time.Minute)
		if sub = s.call(change, `{"plan":"team"}`, "200"); sub["quantity"] != 3.0 {
			s.Errorf("%v", sub)
		}
		for body, field := range map[string]string{
			`{"plan":"gold"}`:                          "plan: ",
			`{"plan":"free"}`:                          "plan: ",
			`{"plan":"pro","interval":"week"}`:         "interval: ",
			`{"plan":"pro","when":"tomorrow"}`:         "when: ",
			`{"plan":"pro","proration":"some"}`:        "proration: ",
			`{"plan":"team","price":"price_team_eur"}`: "currency: ",
		} {
			if v := s.call(change, body, "422 invalid_parameter"); !strings.HasPrefix(fmt.Sprint(v["detail"]), field) {
				s.Errorf("%s: %v", body, v["detail"])
			}
		}
		// The timeline names the key.
		l := s.call("GET /v1/tenants/acme/timeline?limit=1", "", "200")
		if e := l["data"].([]any)[0].(object); e["actor"] != "key1" || e["to"] != "team" {
			s.Errorf("%v", e)
		}
	})
}

func TestChangeAtPeriodEnd(t *testing.T) {
	eachShop(t, func(s *shop) {
		s.subscribe("acme", `,"plan":"team","currency":"usd"`)
		const change = "POST /v1/tenants/acme/subscription/change"
		sub := s.call(change, `{"plan":"pro","when":"period_end"}`, "200")
		if sub["plan"] != "team" || sub["scheduled_plan"] != "pro" || sub["scheduled_change_at"] != sub["current_period_end"] {
			s.Fatalf("%v", sub)
		}
		s.wait(time.Minute)
		// To stay is to take it back.
		if sub = s.call(change, `{"plan":"team"}`, "200"); sub["scheduled_plan"] != nil {
			s.Errorf("%v", sub)
		}
		s.wait(time.Minute)
		s.call(change, `{"plan":"pro","when":"period_end"}`, "200")
		s.wait(time.Minute)
		if sub = s.call(change, `{"plan":"team","quantity":2,"when":"period_end"}`, "200"); sub["scheduled_plan"] != "team" {
			s.Errorf("%v", sub)
		}
		s.wait(time.Minute)
		if sub = s.call(change, `{"plan":"pro","when":"period_end"}`, "200"); sub["scheduled_plan"] != "pro" {
			s.Errorf("%v", sub)
		}
		if n := s.count("/v1/subscription_schedules", nil); n > 2 {
			s.Errorf("%d schedules", n)
		}
		s.wait(32 * 24 * time.Hour)
		if sub = s.call("GET /v1/tenants/acme/subscription", "", "200"); sub["plan"] != "pro" {
			s.Errorf("%v", sub)
		}
	})
}

func TestCancelAndResume(t *testing.T) {
	eachShop(t, func(s *shop) {
		s.subscribe("acme", proMonthly)
		const to = "POST /v1/tenants/acme/subscription/"
		s.call(to+"resume", "", "409 nothing_scheduled")
		s.wait(time.Minute)
		sub := s.call(to+"cancel", "", "200")
		if sub["ends_at"] == nil || sub["status"] != "trialing" {
			s.Errorf("%v", sub)
		}
		s.wait(time.Minute)
		if again := s.call(to+"cancel", `{"when":"period_end"}`, "200"); again["ends_at"] != sub["ends_at"] {
			s.Errorf("%v", again)
		}
		s.wait(time.Minute)
		if sub = s.call(to+"resume", "", "200"); sub["ends_at"] != nil {
			s.Errorf("%v", sub)
		}
		s.wait(time.Minute)
		// As the portal does it, in flexible billing mode; and under a schedule.
		if err := s.acct.PortalCancel(sub["id"].(string)); err != nil {
			s.Fatal(err)
		}
		s.wait(time.Minute)
		if sub = s.call(to+"resume", "", "200"); sub["ends_at"] != nil {
			s.Errorf("%v", sub)
		}
		s.wait(time.Minute)
		s.call(to+"change", `{"plan":"team","when":"period_end"}`, "200")
		s.wait(time.Minute)
		if sub = s.call(to+"cancel", "", "200"); sub["ends_at"] == nil || sub["scheduled_plan"] != nil {
			s.Errorf("%v", sub)
		}
		s.wait(time.Minute)
		if sub = s.call(to+"cancel", `{"when":"now"}`, "200"); sub["status"] != "canceled" || sub["plan"] != "free" {
			s.Errorf("%v", sub)
		}
		s.wait(time.Minute)
		s.call(to+"cancel", "", "409 not_subscribed")
		s.call(to+"resume", "", "409 not_subscribed")
		s.call(to+"change", `{"plan":"pro","interval":"month"}`, "409 not_subscribed")
	})
}

func TestWithoutAStripeKey(t *testing.T) {
	s := newShop(t, storetest.MigratedSQLite(t), func(c *bursar.Config) { c.StripeSecretKey = "" })
	for request, body := range map[string]string{
		"POST /v1/checkout-sessions":                sell("acme", proMonthly),
		"POST /v1/portal-sessions":                  `{"tenant":"acme","return_url":"https://a.example"}`,
		"POST /v1/tenants/acme/subscription/change": `{"plan":"pro"}`,
		"POST /v1/tenants/acme/subscription/cancel": "",
		"POST /v1/tenants/acme/subscription/resume": "",
		"POST /v1/tenants/acme/sync":                "",
	} {
		s.call(request, body, "503 stripe_key_missing")
	}
	if _, err := s.b.Sync(context.Background(), "acme"); !errors.Is(err, bursar.ErrStripeKeyMissing) {
		t.Error(err)
	}
}
