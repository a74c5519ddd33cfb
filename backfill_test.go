package bursar_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/internal/store/storetest"
	"github.com/bursarhq/bursar/stripetest"
)

// later opens the shop's Bursar anew on another database, as who comes to an account
// that has been there for long.
func (s *shop) later(url string, change ...func(*bursar.Config)) {
	s.Helper()
	s.hook.Disable()
	s.wait(40 * 24 * time.Hour)
	s.url = url
	s.b = s.open(change...)
	s.hook = s.acct.Deliver(s.b.WebhookHandler(), stripetest.EndpointConfig{Secret: secret})
	s.http.Config.Handler = s.b.Handler()
}

// rows are what a query counts.
func (s *shop) rows(q string) (n int) {
	s.Helper()
	if err := s.b.Store().Writer().QueryRow(q).Scan(&n); err != nil {
		s.Fatal(err)
	}
	return n
}

func (s *shop) backfill(o bursar.BackfillOptions) bursar.Backfilled {
	s.Helper()
	got, err := s.b.Backfill(context.Background(), o)
	if err != nil {
		s.Fatal(err)
	}
	return got
}

// eachOldShop runs a test in a shop with a past that Bursar knows nothing of.
func eachOldShop(t *testing.T, fn func(s *shop), change ...func(*bursar.Config)) {
	t.Helper()
	storetest.EachURL(t, func(t *testing.T, url string) {
		s := newShop(t, storetest.MigratedSQLite(t))
		s.life()
		s.later(url, change...)
		fn(s)
	})
}

func TestBackfill(t *testing.T) {
	eachOldShop(t, func(s *shop) {
		steps := 0
		got := s.backfill(bursar.BackfillOptions{Progress: func(bursar.ReconcileProgress) { steps++ }})
		if got.Failed != 0 || got.Resumed || steps == 0 {
			s.Errorf("%+v, %d steps", got, steps)
		}
		s.wantPlan("acme", "pro active")
		s.wantPlan("gone", "free canceled")
		for table, least := range map[string]int{
			"products": 5, "prices": 4, "customers": 4, "subscriptions": 3, "schedules": 1, "invoices": 5, "charges": 4,
			"refunds": 2, "credit_notes": 1, "disputes": 1, "payment_methods": 3, "payments": 5, "payment_links": 3,
		} {
			if n := s.rows("SELECT COUNT(*) FROM " + table); n < least {
				s.Errorf("%s: %d rows", table, n)
			}
		}
		// Nobody is told, not even by what comes late.
		quiet := "SELECT COUNT(*) FROM effects WHERE kind = 'notice' AND status <> 'superseded'"
		if n := s.rows(quiet); n != 0 || s.rows("SELECT COUNT(*) FROM effects WHERE kind = 'notice'") == 0 {
			s.Errorf("%d notices", n)
		}
		before := s.rows("SELECT COUNT(*) FROM inbox")
		if again := s.backfill(bursar.BackfillOptions{}); len(again.Applied) != 0 || s.rows("SELECT COUNT(*) FROM inbox") != before {
			s.Errorf("a second time: %+v", again)
		}
		s.reconcile(bursar.ReconcileOptions{})
		s.wantClean()
		if n := s.rows(quiet); n != 0 {
			s.Errorf("%d notices", n)
		}
	})
}

func TestBackfillIsTakenUp(t *testing.T) {
	eachOldShop(t, func(s *shop) {
		died := errors.New("died")
		ctx, die := context.WithCancelCause(context.Background())
		s.asks(func(_ int, _ http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/v1/invoices" {
				die(died)
			}
			return false
		})
		first, err := s.b.Backfill(ctx, bursar.BackfillOptions{})
		if err == nil || first.Applied["subscription"] != 3 || first.Applied["invoice"] != 0 {
			s.Fatalf("%+v: %v", first, err)
		}
		s.restart()
		s.asks(func(_ int, _ http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/v1/customers" {
				s.Error("the customers are listed again")
			}
			return false
		})
		rest := s.backfill(bursar.BackfillOptions{})
		if !rest.Resumed || rest.Applied["customer"] != 0 || rest.Applied["invoice"] < 5 || rest.Failed != 0 {
			s.Errorf("%+v", rest)
		}
		s.asks(nil)
		if again := s.backfill(bursar.BackfillOptions{}); len(again.Applied) != 0 || again.Resumed {
			s.Errorf("%+v", again)
		}
	})
}

func TestBackfillMap(t *testing.T) {
	nobody := func(c *bursar.Config) { c.TenantMetadata = []string{"nobody_has_this"} }
	eachOldShop(t, func(s *shop) {
		customers := map[string]string{}
		l, err := s.acct.Get("/v1/subscriptions", stripetest.Form{"status": "all"})
		if err != nil {
			s.Fatal(err)
		}
		for i, o := range l["data"].([]any) {
			customers[o.(stripetest.Object).Str("customer")] = fmt.Sprint("mapped", i)
		}
		got := s.backfill(bursar.BackfillOptions{Tenants: customers})
		if got.Linked != 3 || got.Parked == 0 { // the customer without a subscription
			s.Errorf("%+v", got)
		}
		s.call("GET /v1/tenants/mapped0", "", "200")
		s.call("GET /v1/tenants/acme", "", "404 tenant_not_found")
		if again := s.backfill(bursar.BackfillOptions{Tenants: customers}); again.Linked != 0 {
			s.Errorf("%+v", again)
		}
		// Whose is linked later learns nothing of it, either.
		s.call("PUT /v1/tenants/late", `{"stripe_customer_id":"`+s.call("GET /v1/unlinked-customers", "", "200")["data"].([]any)[0].(object)["id"].(string)+`"}`, "201")
		if n := s.rows("SELECT COUNT(*) FROM effects WHERE kind = 'notice' AND status <> 'superseded'"); n != 0 {
			s.Errorf("%d notices", n)
		}
	}, nobody)
}

func TestPoll(t *testing.T) {
	poll := func(c *bursar.Config) { c.WebhookSecrets, c.Poll = nil, 20*time.Millisecond }
	eachShop(t, func(s *shop) {
		s.hook.Disable()
		ctx, stop := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.b.Run(ctx) }()
		pm, err := s.acct.Post("/v1/payment_methods", stripetest.Form{"type": "card", "card[token]": "tok_visa"})
		if err != nil {
			s.Fatal(err)
		}
		cus, err := s.acct.Post("/v1/customers", stripetest.Form{"metadata[tenant]": "acme", "payment_method": pm.ID(), "invoice_settings[default_payment_method]": pm.ID()})
		if err != nil {
			s.Fatal(err)
		}
		if _, err := s.acct.Post("/v1/subscriptions", stripetest.Form{"customer": cus.ID(), "items[0][price]": "price_pro_monthly"}); err != nil {
			s.Fatal(err)
		}
		eventually(s, 20*time.Second, "the subscription is polled", func() bool {
			return s.rows("SELECT COUNT(*) FROM tenants WHERE id = 'acme' AND plan = 'pro'") > 0
		})
		stop()
		if err := <-done; err != nil {
			s.Error(err)
		}
		// All of them, and once: what has no rule is stored, too.
		if n := s.rows("SELECT COUNT(*) FROM inbox WHERE source IN ('poll', 'backfill') AND deliveries = 1"); n != len(s.acct.Events()) {
			s.Errorf("%d of %d events", n, len(s.acct.Events()))
		}
	}, poll)
}
