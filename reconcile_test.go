package bursar_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/internal/store/storetest"
	"github.com/bursarhq/bursar/stripetest"
)

// reconcile runs one and wants it to succeed.
func (s *shop) reconcile(o bursar.ReconcileOptions) bursar.ReconcileReport {
	s.Helper()
	rep, err := s.b.Reconcile(context.Background(), o)
	if err != nil {
		s.Fatal(err)
	}
	return rep
}

// wantClean reconciles once more and wants nothing to be found.
func (s *shop) wantClean() {
	s.Helper()
	if rep := s.reconcile(bursar.ReconcileOptions{}); !rep.Clean() {
		s.Errorf("another run finds %d and %d: %+v and %+v", len(rep.Missed), len(rep.Drifted), rep.Missed, rep.Drifted)
	}
}

// wantPlan wants a tenant's plan and status.
func (s *shop) wantPlan(tenant, want string) {
	s.Helper()
	sub := s.call("GET /v1/tenants/"+tenant+"/subscription", "", "200")
	if got := fmt.Sprint(sub["plan"], " ", sub["status"]); got != want {
		s.Errorf("%s: got %s, want %s", tenant, got, want)
	}
}

// cancelAtStripe ends a subscription where Bursar does not see it.
func (s *shop) cancelAtStripe(sub object) {
	s.Helper()
	if _, err := s.acct.Delete("/v1/subscriptions/"+sub["id"].(string), nil); err != nil {
		s.Fatal(err)
	}
}

// asks has every request to the API's path counted from now on.
func (s *shop) asks(also func(n int, w http.ResponseWriter, r *http.Request) bool) *atomic.Int64 {
	n := new(atomic.Int64)
	instead := func(w http.ResponseWriter, r *http.Request) bool {
		mine := int(n.Add(1))
		return also != nil && also(mine, w, r)
	}
	s.instead.Store(&instead)
	return n
}

func TestReconcileLostForEver(t *testing.T) {
	eachShop(t, func(s *shop) {
		s.subscribe("acme", proMonthly)
		sub := s.subscribe("other", proMonthly)
		s.reconcile(bursar.ReconcileOptions{}) // the shop's prices are older than its endpoint
		s.wantClean()
		s.acct.Misbehave(stripetest.Chaos{LoseForever: 1})
		s.cancelAtStripe(sub)
		s.wait(time.Hour)
		s.wantPlan("other", "pro trialing")

		for range 2 { // a dry run changes nothing, not even what the next one finds
			dry := s.reconcile(bursar.ReconcileOptions{DryRun: true})
			if len(dry.Missed) == 0 || dry.Missed[0].Result != "" || len(dry.Drifted) != 1 || dry.Drifted[0].What != "differs" || dry.Drifted[0].Result != "" {
				s.Fatalf("%+v", dry)
			}
			s.wantPlan("other", "pro trialing")
		}
		rep := s.reconcile(bursar.ReconcileOptions{})
		if len(rep.Missed) == 0 || len(rep.Drifted) != 0 || rep.Unhealed() != 0 {
			s.Errorf("%+v", rep)
		}
		s.wantPlan("other", "free canceled")
		s.wantPlan("acme", "pro trialing")
		s.wantClean()
		// Of who was erased nothing is kept to compare with, and nothing comes back.
		if status, v, err := s.send(context.Background(), "DELETE /v1/tenants/other", ""); err != nil && status != "204" {
			s.Errorf("%s %v %v", status, v, err)
		}
		s.wantClean()
		s.call("GET /v1/tenants/other", "", "404 tenant_not_found")
	})
}

func TestReconcileAfterAWeek(t *testing.T) {
	eachShop(t, func(s *shop) {
		sub := s.subscribe("acme", `,"plan":"team","currency":"usd"`)
		s.reconcile(bursar.ReconcileOptions{})
		s.hook.Disable()
		s.wait(24 * time.Hour)
		s.cancelAtStripe(sub)
		for i := range 150 { // more than a page
			if _, err := s.acct.Post("/v1/customers", stripetest.Form{"metadata[tenant]": fmt.Sprint("t", i), "email": "o@example.com"}); err != nil {
				s.Fatal(err)
			}
		}
		s.wait(6 * 24 * time.Hour)
		s.hook.Enable()
		rep := s.reconcile(bursar.ReconcileOptions{})
		if len(rep.Missed) < 151 || len(rep.Drifted) != 0 || rep.Gap || rep.Requests > 30 {
			s.Errorf("%d missed, %+v drifted, %d requests", len(rep.Missed), rep.Drifted, rep.Requests)
		}
		s.wantPlan("acme", "free canceled")
		s.call("GET /v1/tenants/t149", "", "200")
		s.wantClean()
	})
}

func TestReconcileAfterTheEventsAreForgotten(t *testing.T) {
	eachShop(t, func(s *shop) {
		sub := s.subscribe("acme", `,"plan":"team","currency":"usd"`)
		s.subscribe("gone", `,"plan":"team","currency":"usd"`)
		s.reconcile(bursar.ReconcileOptions{})
		s.hook.Disable()
		s.wait(24 * time.Hour)
		s.cancelAtStripe(sub)
		if _, err := s.acct.Delete("/v1/customers/"+s.call("GET /v1/tenants/gone", "", "200")["stripe_customer_id"].(string), nil); err != nil {
			s.Fatal(err)
		}
		late := s.post("/v1/customers", stripetest.Form{"metadata[tenant]": "late"})
		s.post("/v1/invoiceitems", stripetest.Form{"customer": late.ID(), "amount": "500", "currency": "usd"})
		s.post("/v1/invoices", stripetest.Form{"customer": late.ID(), "auto_advance": "false", "pending_invoice_items_behavior": "include"})
		s.wait(75 * 24 * time.Hour)
		s.wantPlan("acme", "team active")
		rep := s.reconcile(bursar.ReconcileOptions{})
		if !rep.Gap || len(rep.Drifted) == 0 || rep.Unhealed() != 0 {
			s.Errorf("%+v", rep)
		}
		s.wantPlan("acme", "free canceled")
		s.wantPlan("gone", "free canceled")
		if l := s.call("GET /v1/tenants/late/invoices", "", "200"); len(l["data"].([]any)) != 1 { // older than a sweep looks without need
			s.Errorf("%v", l)
		}
		s.wantClean()
	})
}

// TestReconcileVersions: what webhooks bring in one API version, and the API answers
// in another, is no drift.
func TestReconcileVersions(t *testing.T) {
	for _, version := range []string{"2019-02-19", "2020-08-27", "2022-11-15", "2024-06-20", "2025-03-31.basil", "2026-10-28.endive"} {
		t.Run(version, func(t *testing.T) {
			s := newShop(t, storetest.MigratedSQLite(t))
			s.hook.Disable()
			s.acct.Deliver(s.b.WebhookHandler(), stripetest.EndpointConfig{Secret: secret, APIVersion: version})
			s.life()
			rep := s.reconcile(bursar.ReconcileOptions{DryRun: true})
			if len(rep.Missed) != 0 || rep.Objects < 20 {
				t.Errorf("%d objects, missed: %+v", rep.Objects, rep.Missed)
			}
			for _, f := range rep.Drifted {
				if f.What != "unknown" || f.Type != "product" && f.Type != "price" { // those are older than the endpoint
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

// post makes something at Stripe, and lets a minute go by.
func (s *shop) post(path string, form stripetest.Form) stripetest.Object {
	s.Helper()
	o, err := s.acct.Post(path, form)
	if err != nil {
		s.Fatal(err)
	}
	s.wait(time.Minute)
	return o
}

// life is one that every list at Stripe has something of.
func (s *shop) life() {
	s.Helper()
	s.subscribe("acme", proMonthly)
	s.wait(45 * 24 * time.Hour) // the trial ends, a month is paid
	s.subscribe("other", `,"plan":"team","currency":"usd"`)
	s.call("POST /v1/tenants/other/subscription/change", `{"plan":"pro","when":"period_end"}`, "200")
	s.cancelAtStripe(s.subscribe("gone", `,"plan":"team","currency":"usd"`))
	charges, err := s.acct.Get("/v1/charges", nil)
	if err != nil {
		s.Fatal(err)
	}
	var ids []string
	for _, c := range charges["data"].([]any) {
		ids = append(ids, c.(stripetest.Object).ID())
	}
	s.post("/v1/refunds", stripetest.Form{"charge": ids[0], "amount": "100"})
	if _, err := s.acct.Dispute(ids[1], "fraudulent"); err != nil {
		s.Fatal(err)
	}
	invoices, err := s.acct.Get("/v1/invoices", stripetest.Form{"status": "paid", "limit": "1"})
	if err != nil {
		s.Fatal(err)
	}
	in := invoices["data"].([]any)[0].(stripetest.Object)
	s.post("/v1/credit_notes", stripetest.Form{"invoice": in.ID(), "amount": "200", "refund_amount": "200"})
	cus := s.post("/v1/customers", stripetest.Form{"metadata[tenant]": "draft"})
	s.post("/v1/invoiceitems", stripetest.Form{"customer": cus.ID(), "amount": "500", "currency": "usd", "description": "Hours"})
	s.post("/v1/invoices", stripetest.Form{"customer": cus.ID(), "auto_advance": "false", "pending_invoice_items_behavior": "include"})
	s.post("/v1/products", stripetest.Form{"id": "prod_x", "name": "Extra"})
	s.wait(time.Hour)
}

// TestReconcileWhatIsGone: what no event tells any more, no list shows either.
func TestReconcileWhatIsGone(t *testing.T) {
	eachShop(t, func(s *shop) {
		s.life()
		s.reconcile(bursar.ReconcileOptions{})
		s.hook.Disable()
		customer := s.call("GET /v1/tenants/draft", "", "200")["stripe_customers"].([]any)[0].(string)
		drafts, err := s.acct.Get("/v1/invoices", stripetest.Form{"customer": customer})
		if err != nil {
			s.Fatal(err)
		}
		draft := drafts["data"].([]any)[0].(stripetest.Object).ID()
		if _, err := s.acct.Delete("/v1/invoices/"+draft, nil); err != nil {
			s.Fatal(err)
		}
		if _, err := s.acct.Delete("/v1/customers/"+customer, nil); err != nil {
			s.Fatal(err)
		}
		s.wait(31 * 24 * time.Hour) // the events are forgotten
		rep := s.reconcile(bursar.ReconcileOptions{})
		found := map[string]string{}
		for _, f := range rep.Drifted {
			found[f.ID] = f.What + " " + f.Result
		}
		if found[draft] != "gone applied" || found[customer] != "gone applied" {
			s.Errorf("%v: %v", []string{draft, customer}, found)
		}
		s.call("GET /v1/invoices/"+draft, "", "404 invoice_not_found")
		s.wantClean()
	})
}

// customersAtStripe makes customers that no webhook tells of, ten seconds apart.
func (s *shop) customersAtStripe(n int, more ...stripetest.Form) {
	s.Helper()
	s.hook.Disable()
	for i := range n {
		form := stripetest.Form{"metadata[tenant]": fmt.Sprint("t", i)}
		for _, m := range more {
			maps.Copy(form, m)
		}
		if _, err := s.acct.Post("/v1/customers", form); err != nil {
			s.Fatal(err)
		}
		s.acct.Advance(10 * time.Second)
	}
	s.wait(time.Minute)
	s.hook.Enable()
}

// restart is another process after one that died.
func (s *shop) restart() {
	s.Helper()
	s.asks(nil)
	s.acct.Advance(time.Second) // in no time at all, not even numbers are new
	s.b = s.open()
}

func TestReconcileIsTakenUp(t *testing.T) {
	eachShop(t, func(s *shop) {
		s.wait(time.Hour)
		s.reconcile(bursar.ReconcileOptions{})
		s.customersAtStripe(250)
		died := errors.New("died")
		ctx, die := context.WithCancelCause(context.Background())
		pages := s.asks(func(n int, _ http.ResponseWriter, r *http.Request) bool {
			if n == 4 { // the first request looks where to begin
				die(died)
			}
			return false
		})
		rep, err := s.b.Reconcile(ctx, bursar.ReconcileOptions{})
		if err == nil || len(rep.Missed) < 100 || len(rep.Missed) > 220 || pages.Load() != 4 {
			s.Fatalf("%d missed, %d requests: %v", len(rep.Missed), pages.Load(), err)
		}
		s.restart()
		rest := s.reconcile(bursar.ReconcileOptions{})
		if all := len(rep.Missed) + len(rest.Missed); all < 250 || all > 260 {
			s.Errorf("%d and %d missed", len(rep.Missed), len(rest.Missed))
		} else if rest.Events > 200 {
			s.Errorf("%d events were looked at again", rest.Events)
		}
		s.call("GET /v1/tenants/t249", "", "200")

		// The sweep, too: what differs has no event by now.
		s.customersAtStripe(250)
		s.wait(31 * 24 * time.Hour)
		ctx, die = context.WithCancelCause(context.Background())
		defer die(nil)
		s.asks(func(n int, _ http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/v1/customers" && r.URL.Query().Has("starting_after") {
				die(died)
			}
			return false
		})
		if rep, err = s.b.Reconcile(ctx, bursar.ReconcileOptions{}); err == nil || len(rep.Drifted) != 100 {
			s.Fatalf("%d drifted: %v", len(rep.Drifted), err)
		}
		s.restart()
		if rest = s.reconcile(bursar.ReconcileOptions{}); len(rest.Drifted) != 150 || rest.Objects > 450 {
			s.Errorf("%d of %d objects drifted", len(rest.Drifted), rest.Objects)
		}
		s.wantClean()
	})
}

func TestReconcileTooManyRequests(t *testing.T) {
	eachShop(t, func(s *shop) {
		s.customersAtStripe(20)
		s.acct.Inject(stripetest.Fault{Path: "/v1/customers", Times: 2, Status: http.StatusTooManyRequests})
		if rep := s.reconcile(bursar.ReconcileOptions{}); len(rep.Missed) < 20 {
			s.Errorf("%d missed", len(rep.Missed))
		}
		s.customersAtStripe(20)
		for _, path := range []string{"/v1/events", "/v1/subscriptions"} {
			s.acct.Inject(stripetest.Fault{Path: path, Times: -1, Status: http.StatusTooManyRequests, RetryAfter: time.Hour})
			if _, err := s.b.Reconcile(context.Background(), bursar.ReconcileOptions{}); !errors.Is(err, bursar.ErrStripeUnavailable) {
				s.Errorf("%s: %v", path, err)
			}
			s.acct.Heal()
		}
		s.wantClean()
	})
}

// TestReconcileCosts: where nothing differs, a request tells of a hundred objects or
// more: the card by which a customer pays is told along with it.
func TestReconcileCosts(t *testing.T) {
	s := newShop(t, storetest.MigratedSQLite(t))
	const n = 1500
	s.customersAtStripe(n, stripetest.Form{"payment_method": "pm_card_visa", "invoice_settings[default_payment_method]": "pm_card_visa"})
	for range 2 { // what is younger than the overlap is looked at twice
		s.reconcile(bursar.ReconcileOptions{})
		s.wait(time.Hour)
	}
	counted := s.asks(nil)
	rep := s.reconcile(bursar.ReconcileOptions{})
	asked := int(counted.Load())
	if !rep.Clean() || rep.Objects < 2*n || asked != rep.Requests || asked > n/100+12 || asked > rep.Objects/100 { // of each other list there is one page
		t.Errorf("%d requests (%d told), %d objects: %+v", asked, rep.Requests, rep.Objects, rep.Drifted)
	}
}

func TestReconcileAccess(t *testing.T) {
	eachShop(t, func(s *shop) {
		s.subscribe("acme", proMonthly)
		s.reconcile(bursar.ReconcileOptions{})
		// Somebody subscribes of whom nobody knows whose it is.
		pm, err := s.acct.Post("/v1/payment_methods", stripetest.Form{"type": "card", "card[token]": "tok_visa"})
		if err != nil {
			s.Fatal(err)
		}
		cus, err := s.acct.Post("/v1/customers", stripetest.Form{"payment_method": pm.ID(), "invoice_settings[default_payment_method]": pm.ID()})
		if err != nil {
			s.Fatal(err)
		}
		if _, err := s.acct.Post("/v1/subscriptions", stripetest.Form{"customer": cus.ID(), "items[0][price]": "price_pro_monthly"}); err != nil {
			s.Fatal(err)
		}
		s.wait(time.Hour)
		rep := s.reconcile(bursar.ReconcileOptions{})
		if len(rep.PayingWithoutAccess) != 1 || rep.PayingWithoutAccess[0].Customer != cus.ID() || len(rep.AccessWithoutPaying) != 0 {
			s.Errorf("%+v", rep)
		}
		// A row that is not what it should be, by whatever accident.
		if _, err := s.b.Store().Writer().Exec(`UPDATE subscriptions SET stripe_status = 'canceled' WHERE customer = (SELECT stripe_customer_id FROM tenants WHERE id = 'acme')`); err != nil {
			s.Fatal(err)
		}
		if rep = s.reconcile(bursar.ReconcileOptions{}); len(rep.AccessWithoutPaying) != 1 || rep.AccessWithoutPaying[0].Tenant != "acme" {
			s.Errorf("%+v", rep)
		}
	})
}
