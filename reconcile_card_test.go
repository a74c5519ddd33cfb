package bursar_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/stripetest"
)

// TestReconcileCards: the cards that customers and subscriptions pay by are compared
// where no event tells of them any more, and at no further request.
func TestReconcileCards(t *testing.T) {
	eachShop(t, func(s *shop) {
		pay := stripetest.Form{"payment_method": "pm_card_visa", "invoice_settings[default_payment_method]": "pm_card_visa"}
		s.customersAtStripe(2, pay)
		s.reconcile(bursar.ReconcileOptions{})
		method := func(tenant string) object {
			v, _ := s.call("GET /v1/tenants/"+tenant, "", "200")["payment_method"].(object)
			return v
		}
		if v := method("t0"); v["last4"] != "4242" {
			s.Fatalf("%v", v)
		}
		s.hook.Disable()
		if err := s.acct.ReplaceCard(method("t0")["id"].(string), "1881", 7, 2031); err != nil {
			s.Fatal(err)
		}
		late := s.post("/v1/customers", stripetest.Form{"metadata[tenant]": "late", "payment_method": "pm_card_mastercard"})
		card, err := s.acct.Get("/v1/customers/"+late.ID()+"/payment_methods", nil)
		if err != nil {
			s.Fatal(err)
		}
		s.post("/v1/subscriptions", stripetest.Form{"customer": late.ID(), "items[0][price]": "price_pro_monthly", "default_payment_method": card["data"].([]any)[0].(stripetest.Object).ID()})
		s.wait(31 * 24 * time.Hour)
		s.hook.Enable()
		s.asks(func(_ int, _ http.ResponseWriter, r *http.Request) bool {
			if strings.HasPrefix(r.URL.Path, "/v1/payment_methods/") {
				s.Errorf("%s is asked for", r.URL.Path)
			}
			return false
		})
		rep := s.reconcile(bursar.ReconcileOptions{})
		drifted := map[string]string{}
		for _, f := range rep.Drifted {
			drifted[f.ID] = f.Type + " " + f.What
		}
		if got := drifted[method("t0")["id"].(string)]; got != "payment_method differs" || !rep.Gap || rep.Unhealed() != 0 {
			s.Errorf("%s: %+v", got, rep)
		}
		if v := method("t0"); v["last4"] != "1881" || v["exp_year"] != 2031.0 {
			s.Errorf("%v", v)
		}
		if v := method("late"); v["brand"] != "mastercard" || drifted[v["id"].(string)] != "payment_method unknown" {
			s.Errorf("%v", v)
		}
		s.wantClean()
		// What is kept is a customer as Stripe tells of it to everybody.
		if n := s.rows(`SELECT COUNT(*) FROM customers WHERE default_payment_method NOT LIKE 'pm_%' AND default_payment_method <> ''`); n != 0 {
			s.Errorf("%d customers are kept with more than an id", n)
		}
	})
}

// TestReconcileWithoutCards has a restricted key that may not read payment methods.
func TestReconcileWithoutCards(t *testing.T) {
	eachShop(t, func(s *shop) {
		s.customersAtStripe(2)
		s.wait(31 * 24 * time.Hour)
		s.asks(func(_ int, w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.RawQuery, "payment_method") {
				return false
			}
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`{"error":{"type":"invalid_request_error","message":"The provided key does not have the required permissions for this endpoint."}}`))
			return true
		})
		rep := s.reconcile(bursar.ReconcileOptions{})
		if len(rep.Refused) != 1 || rep.Refused[0] != "/v1/payment_methods" {
			s.Errorf("%q", rep.Refused)
		}
		s.call("GET /v1/tenants/t1", "", "200")
	})
}
