package bursar_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/bursarhq/bursar"
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
		s.Errorf("another run finds %+v and %+v", rep.Missed, rep.Drifted)
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
func (s *shop) asks(also func(n int, w http.ResponseWriter, r *http.Request) bool) *int {
	n := new(int)
	instead := func(w http.ResponseWriter, r *http.Request) bool {
		*n++
		return also != nil && also(*n, w, r)
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
		if len(rep.Missed) < 151 || len(rep.Drifted) != 0 || rep.Gap {
			s.Errorf("%d missed, %+v drifted", len(rep.Missed), rep.Drifted)
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
		if _, err := s.acct.Post("/v1/customers", stripetest.Form{"metadata[tenant]": "late"}); err != nil {
			s.Fatal(err)
		}
		s.wait(45 * 24 * time.Hour)
		s.wantPlan("acme", "team active")
		rep := s.reconcile(bursar.ReconcileOptions{})
		if !rep.Gap || len(rep.Drifted) == 0 || rep.Unhealed() != 0 {
			s.Errorf("%+v", rep)
		}
		s.wantPlan("acme", "free canceled")
		s.wantPlan("gone", "free canceled")
		s.call("GET /v1/tenants/late", "", "200")
		s.wantClean()
	})
}
