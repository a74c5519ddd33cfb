package conformance

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bursarhq/bursar/stripetest"
)

// TestAnswersFitStripesDocument holds what the API answers, whole lists and
// expansions included, to the same document.
func TestAnswersFitStripesDocument(t *testing.T) {
	acct := stripetest.New(t, stripetest.APIVersion(newest)).Calm()
	played, err := acct.Play("dispute-won", stripetest.Play{})
	if err != nil {
		t.Fatal(err)
	}
	post := func(path string, form stripetest.Form) stripetest.Object {
		t.Helper()
		o, err := acct.Post(path, form)
		if err != nil {
			t.Fatalf("POST %s: %v", path, err)
		}
		return o
	}
	coupon := post("/v1/coupons", stripetest.Form{"percent_off": "12.5", "duration": "repeating", "duration_in_months": "3"})
	promotion := post("/v1/promotion_codes", stripetest.Form{"promotion[type]": "coupon", "promotion[coupon]": coupon.ID(), "code": "SPRING"})
	rate := post("/v1/tax_rates", stripetest.Form{"display_name": "VAT", "percentage": "19", "inclusive": "false"})
	clock := post("/v1/test_helpers/test_clocks", stripetest.Form{"frozen_time": strconv.FormatInt(acct.Now().Unix(), 10)})
	tiered := post("/v1/prices", stripetest.Form{
		"product": "prod_pro", "currency": "eur", "recurring[interval]": "month", "billing_scheme": "tiered",
		"tiers_mode": "graduated", "tiers[0][up_to]": "5", "tiers[0][unit_amount]": "1000",
		"tiers[1][up_to]": "inf", "tiers[1][unit_amount]": "700", "tiers[1][flat_amount]": "50",
	})
	customer := post("/v1/customers", stripetest.Form{
		"email": "a@example.com", "test_clock": clock.ID(), "address[country]": "DE", "address[line1]": "Hauptstraße 1",
		"tax_id_data[0][type]": "eu_vat", "tax_id_data[0][value]": "DE123456789",
		"payment_method": "pm_sepaDebit_success", "invoice_settings[default_payment_method]": "pm_sepaDebit_success",
	})
	taxed := post("/v1/subscriptions", stripetest.Form{
		"customer": customer.ID(), "items[0][price]": tiered.ID(), "items[0][quantity]": "7",
		"default_tax_rates[0]": rate.ID(), "discounts[0][promotion_code]": promotion.ID(),
	})
	acct.Advance(5 * 24 * time.Hour)
	feature := post("/v1/entitlements/features", stripetest.Form{"name": "SSO", "lookup_key": "sso"})
	post("/v1/products/prod_pro/features", stripetest.Form{"entitlement_feature": feature.ID()})
	endpoint := post("/v1/webhook_endpoints", stripetest.Form{"url": "https://app.example/hook", "enabled_events[0]": "*"})
	post("/v1/webhook_endpoints/"+endpoint.ID(), stripetest.Form{"disabled": "true"})
	portal := post("/v1/billing_portal/sessions", stripetest.Form{"customer": customer.ID(), "return_url": "https://app.example"})
	fit(t, "billing_portal.session", portal)

	get := func(kind, path string, form stripetest.Form) {
		t.Helper()
		o, err := acct.Get(path, form)
		if err != nil {
			t.Errorf("GET %s: %v", path, err)
			return
		}
		fit(t, kind, o)
	}
	get("account", "/v1/account", nil)
	get("coupon", "/v1/coupons/"+coupon.ID(), nil)
	get("promotion_code", "/v1/promotion_codes/"+promotion.ID(), nil)
	get("tax_rate", "/v1/tax_rates/"+rate.ID(), nil)
	get("price", "/v1/prices/"+tiered.ID(), stripetest.Form{"expand[0]": "tiers", "expand[1]": "product"})
	get("test_helpers.test_clock", "/v1/test_helpers/test_clocks/"+clock.ID(), nil)
	get("webhook_endpoint", "/v1/webhook_endpoints/"+endpoint.ID(), nil)
	get("entitlements.feature", "/v1/entitlements/features/"+feature.ID(), nil)
	get("subscription", "/v1/subscriptions/"+taxed.ID(), stripetest.Form{
		"expand[0]": "latest_invoice.payments.data.payment.payment_intent", "expand[1]": "customer",
		"expand[2]": "discounts", "expand[3]": "default_payment_method",
	})
	get("checkout.session", "/v1/checkout/sessions/"+played.Session, stripetest.Form{
		"expand[0]": "line_items", "expand[1]": "subscription", "expand[2]": "customer",
	})
	get("customer", "/v1/customers/"+customer.ID(), stripetest.Form{"expand[0]": "tax_ids"})
	get("customer", "/v1/customers/"+played.Customer, stripetest.Form{"expand[0]": "subscriptions", "expand[1]": "tax_ids"})
	for path, kind := range map[string]string{
		"/v1/customers": "customer", "/v1/products": "product", "/v1/prices": "price", "/v1/coupons": "coupon",
		"/v1/promotion_codes": "promotion_code", "/v1/tax_rates": "tax_rate", "/v1/invoices": "invoice",
		"/v1/subscriptions": "subscription", "/v1/checkout/sessions": "checkout.session",
		"/v1/payment_intents": "payment_intent", "/v1/charges": "charge", "/v1/disputes": "dispute",
		"/v1/events": "event", "/v1/invoice_payments": "invoice_payment", "/v1/webhook_endpoints": "webhook_endpoint",
		"/v1/test_helpers/test_clocks": "test_helpers.test_clock", "/v1/entitlements/features": "entitlements.feature",
		"/v1/payment_methods?customer=" + played.Customer:                  "payment_method",
		"/v1/customers/" + played.Customer + "/payment_methods":            "payment_method",
		"/v1/entitlements/active_entitlements?customer=" + played.Customer: "entitlements.active_entitlement",
	} {
		bare, query, _ := strings.Cut(path, "?")
		form := stripetest.Form{"limit": "100"}
		if name, value, ok := strings.Cut(query, "="); ok {
			form[name] = value
		}
		o, err := acct.Get(bare, form)
		if err != nil {
			t.Errorf("GET %s: %v", path, err)
			continue
		}
		data, _ := o["data"].([]any)
		if len(data) == 0 {
			t.Errorf("GET %s: an empty list proves nothing", path)
		}
		for _, element := range data {
			fit(t, kind, element.(stripetest.Object))
		}
	}
}

func fit(t *testing.T, kind string, o stripetest.Object) {
	t.Helper()
	var value any
	if err := json.Unmarshal(o.JSON(), &value); err != nil {
		t.Fatal(err)
	}
	for _, problem := range check(kind, spec.Components.Schemas[kind], value) {
		t.Error(problem)
	}
}
