package bursar_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/store/storetest"
	"github.com/bursarhq/bursar/stripetest"
)

// TestStripeRefuses has Stripe answer every way but well. Nothing is half-done:
// asked again when all is well, the command goes through.
func TestStripeRefuses(t *testing.T) {
	for _, test := range []struct {
		name, want string
		fault      stripetest.Fault
	}{
		{"429", "503 stripe_unavailable", stripetest.Fault{Status: 429, ShouldRetry: "false"}},
		{"429 for long", "503 stripe_unavailable", stripetest.Fault{Status: 429, RetryAfter: time.Minute}},
		{"409", "503 stripe_unavailable", stripetest.Fault{Status: 409, ShouldRetry: "false", Code: "lock_timeout"}},
		{"500", "503 stripe_unavailable", stripetest.Fault{Status: 500, ShouldRetry: "false"}},
		{"503", "503 stripe_unavailable", stripetest.Fault{Status: 503, ShouldRetry: "false"}},
		{"400", "502 stripe_error", stripetest.Fault{Status: 400, Code: "parameter_invalid"}},
		{"403", "502 stripe_error", stripetest.Fault{Status: 403}},
		{"402", "402 card_declined", stripetest.Fault{Status: 402, Code: "card_declined"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newShop(t, storetest.MigratedSQLite(t))
			for _, path := range []string{"/v1/customers", "/v1/checkout/sessions"} {
				test.fault.Path, test.fault.Method = path, http.MethodPost
				s.acct.Inject(test.fault)
				v := s.call("POST /v1/checkout-sessions", sell("acme", proMonthly), test.want)
				if id, _ := v["stripe_request_id"].(string); !strings.HasPrefix(id, "req_") {
					t.Errorf("%v", v)
				}
			}
			sub := s.subscribe("acme", proMonthly)
			s.wantCounts(1, 0)
			if test.fault.Status == 402 {
				return // the update below answers it by itself
			}
			test.fault.Path = "/v1/subscriptions"
			for command, body := range map[string]string{"change": `{"plan":"team"}`, "cancel": `{}`} {
				s.acct.Inject(test.fault)
				s.call("POST /v1/tenants/acme/subscription/"+command, body, test.want)
			}
			if now := s.call("GET /v1/tenants/acme/subscription", "", "200"); now["plan"] != sub["plan"] || now["ends_at"] != nil {
				t.Errorf("%v", now)
			}
			s.call("POST /v1/tenants/acme/subscription/change", `{"plan":"team"}`, "200")
		})
	}
}

func TestCardDeclined(t *testing.T) {
	eachShop(t, func(s *shop) {
		sub := s.subscribe("acme", proMonthly+`,"trial_days":0`)
		tenant := s.call("GET /v1/tenants/acme", "", "200")
		customer := tenant["stripe_customer_id"].(string)
		pm, err := s.acct.Post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", stripetest.Form{"customer": customer})
		if err == nil {
			_, err = s.acct.Post("/v1/subscriptions/"+sub["id"].(string), stripetest.Form{"default_payment_method": pm.ID()})
		}
		if err != nil {
			s.Fatal(err)
		}
		s.wait(time.Minute)
		v := s.call("POST /v1/tenants/acme/subscription/change", `{"plan":"team","proration":"always_invoice"}`, "402 card_declined")
		if v["stripe_request_id"] == nil || v["detail"] != "Your card was declined." {
			s.Errorf("%v", v)
		}
		if now := s.call("GET /v1/tenants/acme/subscription", "", "200"); now["plan"] != "pro" || now["status"] != "active" {
			s.Errorf("%v", now)
		}
	})
}

func TestStripeAway(t *testing.T) {
	s := newShop(t, storetest.MigratedSQLite(t))
	rubbish := func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<h1>It works!</h1>"))
		return true
	}
	s.instead.Store(&rubbish)
	s.call("POST /v1/checkout-sessions", sell("acme", proMonthly), "502 stripe_error")
	s.instead.Store(nil)

	s.acct.Inject(stripetest.Fault{Hang: true, Times: -1})
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if _, err := s.b.Checkout(ctx, "acme", proCheckout); !errors.Is(err, bursar.ErrStripeUnavailable) {
		t.Errorf("%v", err)
	}
	s.acct.Heal()
	if _, err := s.b.Checkout(context.Background(), "acme", proCheckout); err != nil {
		t.Error(err)
	}
	s.wantCounts(1, 1)
	// A slow Stripe is waited for.
	s.acct.Inject(stripetest.Fault{Delay: 300 * time.Millisecond, After: true, Status: 503})
	if sub := s.subscribe("acme", proMonthly); sub["plan"] != "pro" {
		t.Errorf("%v", sub)
	}
}

var proCheckout = bursar.Checkout{Plan: "pro", Interval: "month", SuccessURL: "https://app.example/ok?s={CHECKOUT_SESSION_ID}", CancelURL: "https://app.example/no"}

// TestCrashInACommand cuts whoever commands off between Stripe's answer and the commit,
// at every request that changes something, and has another Bursar go on. What -9 does
// is TestKillInACommand's.
func TestCrashInACommand(t *testing.T) {
	other := proCheckout
	other.Interval = "year"
	for _, test := range []struct {
		name, path string
		next       bursar.Checkout
	}{
		{"customer", "/v1/customers", proCheckout},
		{"session", "/v1/checkout/sessions", proCheckout},
		{"session, then another", "/v1/checkout/sessions", other},
	} {
		t.Run(test.name, func(t *testing.T) {
			eachShop(t, func(s *shop) {
				s.hook.Disable() // no event helps
				s.crashAt(http.MethodPost, test.path, func(ctx context.Context) error {
					_, err := s.b.Checkout(ctx, "acme", proCheckout)
					return err
				})
				second := s.open()
				c, err := second.Checkout(context.Background(), "acme", test.next)
				if err != nil {
					s.Fatal(err)
				}
				s.wantCounts(1, 1)
				s.buy(c.ID)
				if sub, err := second.Sync(context.Background(), "acme"); err != nil || sub.Plan != "pro" {
					s.Errorf("%+v %v", sub, err)
				}
			})
		})
	}
	t.Run("change", func(t *testing.T) {
		eachShop(t, func(s *shop) {
			sub := s.subscribe("acme", `,"plan":"team","currency":"usd"`)
			s.hook.Disable()
			for _, step := range []struct {
				path   string
				change bursar.SubscriptionChange
			}{
				{"/v1/subscriptions/", bursar.SubscriptionChange{Plan: "pro", Interval: "month"}},
				{"/v1/subscription_schedules", bursar.SubscriptionChange{Plan: "team", When: bursar.PeriodEnd}},
				{"/v1/subscription_schedules/s", bursar.SubscriptionChange{Plan: "team", When: bursar.PeriodEnd}},
			} {
				path, change := step.path, step.change
				if path != "/v1/subscriptions/" { // back to where it began
					if _, err := s.b.ChangeSubscription(context.Background(), "acme", bursar.SubscriptionChange{Plan: "pro", Interval: "month", Proration: "none"}); err != nil {
						s.Fatal(err)
					}
					s.acct.Advance(time.Minute)
				}
				s.crashAt(http.MethodPost, path, func(ctx context.Context) error {
					_, err := s.b.ChangeSubscription(ctx, "acme", change)
					return err
				})
				s.acct.Advance(time.Minute)
				if _, err := s.open().ChangeSubscription(context.Background(), "acme", change); err != nil {
					s.Fatal(path, err)
				}
				s.acct.Advance(time.Minute)
				now := s.call("GET /v1/tenants/acme/subscription", "", "200")
				if now["id"] != sub["id"] || now["plan"] != "pro" || (change.When == bursar.PeriodEnd) != (now["scheduled_plan"] == "team") {
					s.Errorf("%s: %v", path, now)
				}
			}
			if n := s.count("/v1/subscriptions", stripetest.Form{"status": "all"}); n != 1 {
				s.Errorf("%d subscriptions", n)
			}
		})
	})
}

// crashAt runs a command that dies when Stripe has carried out the first request of
// a method whose path begins so, before it hears of it.
func (s *shop) crashAt(method, path string, command func(context.Context) error) {
	s.Helper()
	ctx, crash := context.WithCancel(context.Background())
	defer crash()
	instead := func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method != method || !strings.HasPrefix(r.URL.Path, path) {
			return false
		}
		s.acct.ServeHTTP(httptest.NewRecorder(), r)
		crash()
		panic(http.ErrAbortHandler)
	}
	s.instead.Store(&instead)
	defer s.instead.Store(nil)
	if err := command(ctx); err == nil {
		s.Errorf("the command survived")
	}
}

// TestSyncBeatsTheWebhook lets the events come after the sync: they change nothing
// and tell nobody a second time.
func TestSyncBeatsTheWebhook(t *testing.T) {
	eachShop(t, func(s *shop) {
		c := s.call("POST /v1/checkout-sessions", sell("acme", proMonthly+`,"trial_days":0`), "200")
		s.wait(time.Minute)
		s.acct.Misbehave(stripetest.Chaos{Delay: 1, MaxDelay: time.Hour})
		if _, err := s.acct.Complete(c["id"].(string), stripetest.Buyer{}); err != nil {
			s.Fatal(err)
		}
		if sub := s.call("GET /v1/tenants/acme/subscription", "", "200"); sub["status"] != "none" {
			s.Fatalf("the event was faster: %v", sub)
		}
		sub := s.call("POST /v1/tenants/acme/sync", "", "200")
		if sub["plan"] != "pro" || sub["status"] != "active" {
			s.Errorf("%v", sub)
		}
		before := s.told()
		if len(before["invoices"]) != 1 || len(before["payment-methods"]) != 1 || len(before["notifications"]) == 0 {
			s.Errorf("%v", before)
		}
		s.wait(2 * time.Hour)
		after := s.told()
		for _, of := range []string{"subscriptions", "invoices", "payment-methods", "notifications"} {
			if len(after[of]) != len(before[of]) {
				s.Errorf("%s: %v\nthen %v", of, before[of], after[of])
			}
		}
		for _, e := range after["timeline"][:len(after["timeline"])-len(before["timeline"])] {
			if what := e.(object)["what"]; what == "plan" || what == "status" || what == "access" {
				s.Errorf("%v", e)
			}
		}
		if now := s.call("GET /v1/tenants/acme/subscription", "", "200"); now["status"] != "active" || now["id"] != sub["id"] {
			s.Errorf("%v", now)
		}
	})
}

// told is a tenant's lists.
func (s *shop) told() map[string][]any {
	s.Helper()
	all := map[string][]any{}
	for _, of := range []string{"subscriptions", "invoices", "payments", "payment-methods", "notifications", "timeline"} {
		all[of] = s.call("GET /v1/tenants/acme/"+of+"?limit=100", "", "200")["data"].([]any)
	}
	return all
}

// TestSyncFindsOldNews learns of what happened before the database was there: it is
// known, and nobody is told.
func TestSyncFindsOldNews(t *testing.T) {
	eachShop(t, func(s *shop) {
		s.hook.Disable()
		customer, err := s.acct.Post("/v1/customers", stripetest.Form{"payment_method": "pm_card_visa", "invoice_settings[default_payment_method]": "pm_card_visa"})
		if err != nil {
			s.Fatal(err)
		}
		sub1, err := s.acct.Post("/v1/subscriptions", stripetest.Form{"customer": customer.ID(), "items[0][price]": "price_pro_monthly"})
		if err == nil {
			_, err = s.acct.Delete("/v1/subscriptions/"+sub1.ID(), nil)
		}
		if err != nil {
			s.Fatal(err)
		}
		s.acct.Advance(8 * 24 * time.Hour)
		s.call("PUT /v1/tenants/acme", `{"stripe_customer_id":"`+customer.ID()+`"}`, "201")
		sub := s.call("POST /v1/tenants/acme/sync", "", "200")
		if sub["status"] != "canceled" || sub["plan"] != "free" {
			s.Errorf("%v", sub)
		}
		all := s.told()
		for _, n := range all["notifications"] {
			if n.(object)["status"] != "superseded" {
				s.Errorf("%v", n)
			}
		}
		if len(all["invoices"]) == 0 || len(all["notifications"]) == 0 {
			s.Errorf("%v", all)
		}
	})
}

// TestSyncHeals finds what no event told: a card that was detached, a customer that
// was deleted. The next checkout makes a new one.
func TestSyncHeals(t *testing.T) {
	eachShop(t, func(s *shop) {
		s.subscribe("acme", proMonthly)
		s.hook.Disable()
		methods := s.told()["payment-methods"]
		if _, err := s.acct.Post("/v1/payment_methods/"+methods[0].(object)["id"].(string)+"/detach", nil); err != nil {
			s.Fatal(err)
		}
		s.acct.Advance(time.Minute)
		s.call("POST /v1/tenants/acme/sync", "", "200")
		if left := s.told()["payment-methods"]; len(left) != 0 {
			s.Errorf("%v", left)
		}
		customer := s.call("GET /v1/tenants/acme", "", "200")["stripe_customer_id"].(string)
		if _, err := s.acct.Delete("/v1/customers/"+customer, nil); err != nil {
			s.Fatal(err)
		}
		s.acct.Advance(time.Minute)
		s.call("POST /v1/tenants/acme/subscription/cancel", `{"when":"now"}`, "409 not_subscribed")
		s.acct.Advance(time.Minute)
		s.call("POST /v1/checkout-sessions", sell("acme", proMonthly), "200")
		if now := s.call("GET /v1/tenants/acme", "", "200")["stripe_customer_id"]; now == customer {
			s.Errorf("still %v", now)
		}
	})
}

// TestCancelUnpaid lets dunning be spent, with and without the customer paying in
// the last moment, and with a Stripe that cannot be asked.
func TestCancelUnpaid(t *testing.T) {
	const attempts = 2
	policy := func(c *bursar.Config) {
		c.Dunning = billing.Dunning{MaxAttempts: attempts, Action: billing.DowngradeAndCancel}
	}
	for name, paid := range map[string]bool{"unpaid": false, "paid": true} {
		t.Run(name, func(t *testing.T) {
			eachShop(t, func(s *shop) {
				sub := s.subscribe("acme", proMonthly+`,"trial_days":0`)
				id := sub["id"].(string)
				customer := s.call("GET /v1/tenants/acme", "", "200")["stripe_customer_id"].(string)
				pm, err := s.acct.Post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", stripetest.Form{"customer": customer})
				if err == nil {
					_, err = s.acct.Post("/v1/subscriptions/"+id, stripetest.Form{"default_payment_method": pm.ID()})
				}
				if err != nil {
					s.Fatal(err)
				}
				s.wait(35 * 24 * time.Hour)
				if now := s.call("GET /v1/tenants/acme/subscription", "", "200"); now["status"] != "canceled" || now["stripe_status"] != "past_due" {
					s.Fatalf("%v", now)
				}
				s.hook.Disable()
				if paid {
					open, err := s.acct.Get("/v1/invoices", stripetest.Form{"subscription": id, "status": "open"})
					if err != nil {
						s.Fatal(err)
					}
					invoice := open["data"].([]any)[0].(stripetest.Object).ID()
					if _, err := s.acct.Post("/v1/invoices/"+invoice+"/pay", stripetest.Form{"paid_out_of_band": "true"}); err != nil {
						s.Fatal(err)
					}
				}
				s.acct.Advance(time.Minute)
				s.acct.Inject(stripetest.Fault{Method: http.MethodGet, Status: 503, ShouldRetry: "false"})
				ctx, stop := context.WithCancel(context.Background())
				done := make(chan error, 1)
				go func() { done <- s.b.Run(ctx) }()
				defer func() { stop(); <-done }()
				want := "canceled"
				if paid {
					want = "active"
				}
				s.until(func() bool {
					s.acct.Advance(10 * time.Second) // what failed is due again
					now := s.call("GET /v1/tenants/acme/subscription", "", "200")
					return now["stripe_status"] == want && now["status"] == want
				})
				at, err := s.acct.Get("/v1/subscriptions/"+id, nil)
				if err != nil || at.Str("status") != want {
					s.Errorf("%s %v", at.JSON(), err)
				}
			}, policy)
		})
	}
}

// until waits for a condition.
func (s *shop) until(ok func() bool) {
	s.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			s.Fatal("it did not come about")
		case <-tick.C:
		}
	}
}
