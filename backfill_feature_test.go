package bursar_test

import (
	"testing"
	"time"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/internal/store/storetest"
	"github.com/bursarhq/bursar/stripetest"
)

// TestBackfillFeatures: what customers are entitled to at Stripe is imported, and where
// it has ended since, that.
func TestBackfillFeatures(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		s := newShop(t, storetest.SQLite(t))
		price, err := s.acct.Get("/v1/prices/price_team_monthly", nil)
		if err != nil {
			t.Fatal(err)
		}
		feature := s.post("/v1/entitlements/features", stripetest.Form{"name": "Audit log", "lookup_key": "audit_log"})
		s.post("/v1/products/"+price.Str("product")+"/features", stripetest.Form{"entitlement_feature": feature.ID()})
		sub := s.subscribe("team", `,"plan":"team","currency":"usd"`)
		s.subscribe("pro", proMonthly)
		s.later(url)
		entitled := func(tenant string) bool {
			return s.call("GET /v1/tenants/"+tenant+"/entitlements", "", "200")["features"].(object)["audit_log"] == true
		}
		got := s.backfill(bursar.BackfillOptions{})
		if !entitled("team") || entitled("pro") || got.Applied[`entitlements.active_entitlement_summary`] != 1 || got.Failed != 0 {
			t.Errorf("%+v", got)
		}
		if again := s.backfill(bursar.BackfillOptions{}); len(again.Applied) != 0 {
			t.Errorf("a second time: %+v", again)
		}
		s.hook.Disable()
		s.cancelAtStripe(sub)
		s.wait(31 * 24 * time.Hour)
		if got = s.backfill(bursar.BackfillOptions{}); entitled("team") || got.Applied[`entitlements.active_entitlement_summary`] != 1 {
			t.Errorf("after it has ended: %+v", got)
		}
	})
}
