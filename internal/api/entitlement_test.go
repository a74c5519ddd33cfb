package api_test

import (
	"fmt"
	"testing"
)

func subscription(id, status, price string) string {
	return fmt.Sprintf(`{"id":%q,"object":"subscription","customer":"cus_1","status":%q,"created":1772366400,"currency":"usd","metadata":{},"items":{"data":[
		{"id":"si_1","object":"subscription_item","quantity":1,"current_period_start":1772366400,"current_period_end":1775044800,"price":{"id":%q,"object":"price"}}]}}`,
		id, status, price)
}

func TestEntitlements(t *testing.T) {
	each(t, func(w *world) {
		read := func() string {
			return string(w.want("GET /v1/tenants/acme/entitlements?default=true", "", 200, "").body)
		}
		expect := func(want string) {
			w.Helper()
			if got := read(); got != want+"\n" {
				w.Errorf("got  %swant %s", got, want)
			}
		}
		const free = `{"plan":"free","status":"none","access":false,"features":{"projects":1,"sso":false},"quantity":0,"valid_until":null}`
		expect(free)
		w.want("PUT /v1/tenants/acme", `{"stripe_customer_id":"cus_1"}`, 201, "")
		expect(free)
		// Stripe's own features count under the plan's, and with access alone.
		w.event("entitlements.active_entitlement_summary.updated", `{"object":"entitlements.active_entitlement_summary","customer":"cus_1",
			"entitlements":{"object":"list","data":[{"lookup_key":"audit_log"},{"lookup_key":"sso"}],"has_more":false}}`)
		expect(free)
		w.event("customer.subscription.created", subscription("sub_1", "active", "price_pro_2019"))
		expect(`{"plan":"pro","status":"active","access":true,"features":{"audit_log":true,"projects":20,"sso":true},"quantity":1,"valid_until":"2026-04-01T12:00:00Z"}`)
		w.clock.advance(1e9)
		w.event("customer.subscription.updated", subscription("sub_1", "unpaid", "price_pro_2019"))
		expect(`{"plan":"pro","status":"unpaid","access":false,"features":{"projects":1,"sso":false},"quantity":1,"valid_until":null}`)
		// A price that is in no plan has access, and the default plan's features.
		w.clock.advance(1e9)
		w.event("customer.subscription.updated", subscription("sub_1", "active", "price_unknown"))
		expect(`{"plan":null,"status":"active","access":true,"features":{"audit_log":true,"projects":1,"sso":false},"quantity":1,"valid_until":"2026-04-01T12:00:00Z"}`)
		// The plan's own word counts where both have one.
		w.clock.advance(1e9)
		w.event("entitlements.active_entitlement_summary.updated", `{"object":"entitlements.active_entitlement_summary","customer":"cus_1",
			"entitlements":{"object":"list","data":[],"has_more":false}}`)
		expect(`{"plan":null,"status":"active","access":true,"features":{"projects":1,"sso":false},"quantity":1,"valid_until":"2026-04-01T12:00:00Z"}`)
		w.want("GET /v1/tenants/nobody/entitlements", "", 404, "tenant_not_found")
		w.want("GET /v1/tenants/nobody/entitlements?default=false", "", 404, "tenant_not_found")
	})
}

// TestPaymentMethodOfLater wants a default that Stripe has not told of yet to be
// shown by its id.
func TestPaymentMethodOfLater(t *testing.T) {
	each(t, func(w *world) {
		w.want("PUT /v1/tenants/acme", `{"stripe_customer_id":"cus_1"}`, 201, "")
		w.event("customer.created", `{"id":"cus_1","object":"customer","created":1,"invoice_settings":{"default_payment_method":"pm_9"}}`)
		method, _ := w.call("GET /v1/tenants/acme", "").json(w)["payment_method"].(obj)
		if method["id"] != "pm_9" || method["brand"] != nil {
			w.Error(method)
		}
		w.event("payment_method.attached", `{"id":"pm_9","object":"payment_method","customer":"cus_1","type":"card","created":1,"card":{"brand":"visa","last4":"4242","exp_month":1,"exp_year":2031}}`)
		w.clock.advance(1e9)
		w.event("payment_method.detached", `{"id":"pm_9","object":"payment_method","customer":null,"type":"card","created":1,"card":{"brand":"visa"}}`)
		if got := w.walk("/v1/tenants/acme/payment-methods", 10, "id", nil); len(got) != 0 {
			w.Error(got)
		}
		if got := w.call("GET /v1/tenants/acme", "").json(w)["payment_method"]; got != nil {
			w.Error(got)
		}
	})
}
