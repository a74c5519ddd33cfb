package api_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/bursarhq/bursar/internal/api"
)

// TestQuickAnswers compares what a request without parameters is answered with what
// huma answers to the same one: a parameter that is empty says nothing, too.
func TestQuickAnswers(t *testing.T) {
	const origin = "https://app.example.com"
	each(t, func(w *world) {
		w.grant("bk_reader", "dash", "read")
		w.want("PUT /v1/tenants/acme", `{"stripe_customer_id":"cus_1"}`, 201, "")
		w.want("PUT /v1/tenants/erased", `{}`, 201, "")
		w.want("DELETE /v1/tenants/erased", "", 204, "")
		w.event("entitlements.active_entitlement_summary.updated", `{"object":"entitlements.active_entitlement_summary","customer":"cus_1",
			"entitlements":{"object":"list","data":[{"lookup_key":"a<b>&c"}],"has_more":false}}`)
		w.event("customer.subscription.created", subscription("sub_1", "active", "price_pro_2019"))
		for _, c := range []struct {
			method, tenant string
			status         int
			headers        []string
		}{
			{"GET", "acme", 200, nil},
			{"GET", "acme", 200, []string{as("bk_reader")}},
			{"GET", "acme", 200, []string{"Accept: */*"}},
			{"GET", "acme", 200, []string{"Accept: application/json"}},
			{"GET", "acme", 200, []string{"Accept: application/json; q=0.5"}},
			{"GET", "acme", 200, []string{"Accept: text/html, */*;q=0.8"}},
			{"GET", "acme", 200, []string{"Accept: image/png"}},
			{"GET", "acme", 200, []string{"Origin: " + origin}},
			{"GET", "acme", 200, []string{"Origin: https://evil.example.com"}},
			{"GET", "acme", 200, []string{`If-None-Match: *`}},
			{"GET", "acme", 401, []string{"Authorization: "}},
			{"GET", "acme", 401, []string{as("bk_other")}},
			{"GET", "erased", 404, nil},
			{"GET", "nobody", 404, nil},
			{"GET", "no%3Cb%3E%26%22é", 404, []string{"Origin: " + origin}},
			{"GET", "nobody", 404, []string{"Accept: application/problem+json"}},
			{"GET", "%00", 422, nil},
			{"GET", "%ff", 422, nil},
			{"HEAD", "acme", 200, nil},
			{"HEAD", "nobody", 404, nil},
			{"POST", "acme", 405, nil},
			{"OPTIONS", "acme", 405, nil},
			{"OPTIONS", "acme", 204, []string{"Origin: " + origin, "Access-Control-Request-Method: GET"}},
		} {
			request := c.method + " /v1/tenants/" + c.tenant + "/entitlements"
			quick, long := w.send(request, "", c.headers...), w.send(request+"?account=", "", c.headers...)
			for _, a := range []answer{quick, long} {
				a.header.Del("Date")
			}
			if quick.status != c.status || long.status != c.status {
				w.Errorf("%s %q: %d and %d, want %d", request, c.headers, quick.status, long.status, c.status)
			}
			if !maps.EqualFunc(quick.header, long.header, func(a, b []string) bool { return strings.Join(a, "\n") == strings.Join(b, "\n") }) {
				w.Errorf("%s %q: headers\n%v\n%v", request, c.headers, quick.header, long.header)
			}
			if string(quick.body) != string(long.body) {
				w.Errorf("%s %q:\n%s\n%s", request, c.headers, quick.body, long.body)
			}
		}
		w.s.Close()
		quick, long := w.send("GET /v1/tenants/acme/entitlements", ""), w.send("GET /v1/tenants/acme/entitlements?account=", "")
		if quick.status != http.StatusServiceUnavailable || quick.header.Get("Retry-After") == "" || string(quick.body) != string(long.body) {
			w.Error(quick, long)
		}
	}, func(c *api.Config) { c.CORSOrigins = []string{origin} })
}

// TestQuickAnswersAreLimited: the rate is of requests, whichever way they are answered.
func TestQuickAnswersAreLimited(t *testing.T) {
	w := newSQLiteWorld(t, func(c *api.Config) { c.RateLimit = 1 })
	w.want("GET /v1/tenants/acme/entitlements", "", 404, "tenant_not_found")
	w.want("GET /v1/tenants/acme/entitlements", "", 429, "rate_limited")
}
