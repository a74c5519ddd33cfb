package stripe

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadCustomer(t *testing.T) {
	want := Customer{
		ID: "cus_1", Name: "Ada", Email: "ada@acme.test", Created: 5, Metadata: map[string]string{"tenant": "acme"}, DefaultPaymentMethod: "pm_1", Currency: "eur", Delinquent: true,
		Address: Address{Line1: "1", Line2: "2", City: "C", State: "S", PostalCode: "P", Country: "AT"}, PreferredLocales: []string{"de-AT", "en"}, TaxExempt: "reverse",
	}
	head := `"id":"cus_1","object":"customer","name":"Ada","email":"ada@acme.test","created":5,"metadata":{"tenant":"acme"},"currency":"eur","delinquent":true,
		"address":{"line1":"1","line2":"2","city":"C","state":"S","postal_code":"P","country":"AT"},"preferred_locales":["de-AT","en"],"tax_exempt":"reverse"`
	sameShape(t, ReadCustomer, want, map[string]string{
		"now":            `{` + head + `,"invoice_settings":{"default_payment_method":"pm_1"},"default_source":"card_1"}`,
		"expanded":       `{` + head + `,"invoice_settings":{"default_payment_method":{"id":"pm_1","type":"card"}},"default_source":null}`,
		"default_source": `{` + head + `,"invoice_settings":{"default_payment_method":null},"default_source":"pm_1"}`,
		"old":            `{` + head + `,"default_source":{"id":"pm_1","object":"card"}}`,
	})
	sameShape(t, ReadCustomer, Customer{ID: "cus_1", Deleted: true}, map[string]string{
		"tombstone": `{"id":"cus_1","object":"customer","deleted":true}`,
	})
	sameShape(t, ReadCustomer, Customer{ID: "cus_1"}, map[string]string{
		"nulls":       `{"id":"cus_1","name":null,"email":null,"address":null,"metadata":{},"preferred_locales":[],"invoice_settings":null,"deleted":false}`,
		"wrong types": `{"id":"cus_1","name":{"first":"A"},"email":["a"],"address":[1],"metadata":{"n":5},"preferred_locales":[5,""],"invoice_settings":"x","deleted":"true"}`,
	})
	got := ReadCustomer(parse1(t, `{"name":"a\u0000b","metadata":{"k\u0000":"v\u0000","k":"1","k":"2"}}`))
	if diff := cmp.Diff(Customer{Name: "a\ufffdb", Metadata: map[string]string{"k\ufffd": "v\ufffd", "k": "2"}}, got); diff != "" {
		t.Errorf("NUL cannot be stored (-want +got):\n%s", diff)
	}
}

func TestReadCheckoutSession(t *testing.T) {
	want := CheckoutSession{
		ID: "cs_1", Customer: "cus_1", CustomerEmail: "typed@acme.test", CustomerName: "Ada", Subscription: "sub_1", Invoice: "in_1", PaymentIntent: "pi_1", PaymentLink: "plink_1", ClientReferenceID: "acme",
		Mode: "subscription", Status: "complete", PaymentStatus: "paid", Metadata: map[string]string{"tenant": "acme"}, Created: 1, ExpiresAt: 2, URL: "https://checkout.stripe.com/c/x",
	}
	head := `"id":"cs_1","client_reference_id":"acme","status":"complete","payment_status":"paid","metadata":{"tenant":"acme"},"created":1,"expires_at":2,"url":"https://checkout.stripe.com/c/x","payment_link":"plink_1"`
	sameShape(t, ReadCheckoutSession, want, map[string]string{
		"now":      `{` + head + `,"mode":"subscription","customer":"cus_1","customer_email":"given@acme.test","customer_details":{"email":"typed@acme.test","name":"Ada"},"subscription":"sub_1","invoice":"in_1","payment_intent":"pi_1"}`,
		"expanded": `{` + head + `,"mode":"subscription","customer":{"id":"cus_1"},"customer_details":{"email":"typed@acme.test","name":"Ada"},"subscription":{"id":"sub_1"},"invoice":{"id":"in_1"},"payment_intent":{"id":"pi_1"}}`,
		"no mode":  `{` + head + `,"customer":"cus_1","customer_email":"typed@acme.test","customer_details":{"email":null,"name":"Ada"},"subscription":"sub_1","invoice":"in_1","payment_intent":"pi_1"}`,
	})
	for shape, mode := range map[string]string{
		`{"setup_intent":"seti_1"}`: "setup", `{"payment_intent":"pi_1"}`: "payment", `{"mode":"payment","subscription":"sub_1"}`: "payment", `{}`: "",
	} {
		if got := ReadCheckoutSession(parse1(t, shape)).Mode; got != mode {
			t.Errorf("mode of %s is %q, want %q", shape, got, mode)
		}
	}
}

func TestReadSchedule(t *testing.T) {
	want := Schedule{
		ID: "sub_sched_1", Customer: "cus_1", Subscription: "sub_1", Status: "active", EndBehavior: "release", CurrentStart: 1, CurrentEnd: 2, Created: 9,
		Phases: []Phase{{StartDate: 1, EndDate: 2, Items: []Item{{Price: "price_1", Quantity: 1}}}, {StartDate: 2, EndDate: 3, Items: []Item{{Price: "price_2", Quantity: 5}}}},
	}
	head := `"id":"sub_sched_1","customer":"cus_1","status":"active","current_phase":{"start_date":1,"end_date":2},"created":9`
	sameShape(t, ReadSchedule, want, map[string]string{
		"now":      `{` + head + `,"subscription":"sub_1","end_behavior":"release","phases":[{"start_date":1,"end_date":2,"items":[{"price":"price_1","plan":"price_1","quantity":1}]},{"start_date":2,"end_date":3,"items":[{"price":{"id":"price_2"},"quantity":5}]}]}`,
		"plans":    `{` + head + `,"subscription":{"id":"sub_1"},"renewal_behavior":"release","phases":[{"start_date":1,"end_date":2,"plans":[{"plan":"price_1","quantity":1}]},{"start_date":2,"end_date":3,"items":null,"plans":[{"plan":"price_2","price":null,"quantity":5}]}]}`,
		"released": `{` + head + `,"subscription":null,"released_subscription":"sub_1","end_behavior":"release","phases":[{"start_date":1,"end_date":2,"items":[{"price":"price_1","quantity":1}]},{"start_date":2,"end_date":3,"items":[{"price":"price_2","quantity":5}]}]}`,
	})
	sameShape(t, ReadSchedule, Schedule{Status: "not_started"}, map[string]string{
		"nothing yet": `{"status":"not_started","current_phase":null,"phases":[],"subscription":null}`,
		"wrong types": `{"status":"not_started","current_phase":[],"phases":{"items":[]},"subscription":1}`,
	})
}

func TestReadCatalog(t *testing.T) {
	sameShape(t, ReadProduct, Product{ID: "prod_1", Name: "Team", Description: "For teams", Active: true, Created: 4, Metadata: map[string]string{"a": "b"}}, map[string]string{
		"now": `{"id":"prod_1","name":"Team","description":"For teams","active":true,"created":4,"metadata":{"a":"b"},"marketing_features":[]}`,
	})
	sameShape(t, ReadProduct, Product{ID: "prod_1", Deleted: true}, map[string]string{"tombstone": `{"id":"prod_1","object":"product","deleted":true}`})

	want := Price{
		ID: "gold", Product: "prod_1", Nickname: "Gold", Active: true, Currency: "usd", UnitAmount: 900, UnitAmountDecimal: "900", Type: "recurring",
		Interval: "month", IntervalCount: 6, UsageType: "licensed", BillingScheme: "per_unit", TrialPeriodDays: 14, Created: 3,
	}
	sameShape(t, ReadPrice, want, map[string]string{
		"price":    `{"id":"gold","object":"price","product":"prod_1","nickname":"Gold","active":true,"currency":"usd","unit_amount":900,"unit_amount_decimal":"900","type":"recurring","billing_scheme":"per_unit","created":3,"recurring":{"interval":"month","interval_count":6,"usage_type":"licensed","trial_period_days":14}}`,
		"plan":     `{"id":"gold","object":"plan","product":{"id":"prod_1"},"nickname":"Gold","active":true,"currency":"usd","amount":900,"amount_decimal":"900","interval":"month","interval_count":6,"usage_type":"licensed","billing_scheme":"per_unit","trial_period_days":14,"created":3}`,
		"old plan": `{"id":"gold","object":"plan","product":"prod_1","name":"Gold","active":true,"currency":"usd","amount":900,"interval":"month","interval_count":6,"usage_type":"licensed","billing_scheme":"per_unit","trial_period_days":14,"created":3}`,
	})
	sameShape(t, ReadPrice, Price{UnitAmount: 900, UnitAmountDecimal: "900"}, map[string]string{
		"unit_amount alone": `{"unit_amount":900}`, "unit_amount_decimal alone": `{"unit_amount_decimal":"900"}`, "amount alone": `{"amount":900}`,
	})
	sameShape(t, ReadPrice, Price{UnitAmountDecimal: "0.5"}, map[string]string{"a plan of less than a cent": `{"amount":null,"amount_decimal":"0.5"}`})
	sameShape(t, ReadPrice, Price{ID: "price_1", LookupKey: "std", Type: "one_time", UnitAmountDecimal: "0.5"}, map[string]string{
		"less than a cent": `{"id":"price_1","lookup_key":"std","type":"one_time","unit_amount":null,"unit_amount_decimal":"0.5","recurring":null}`,
	})
	sameShape(t, ReadPrice, Price{ID: "price_1", Deleted: true}, map[string]string{"tombstone": `{"id":"price_1","object":"price","deleted":true}`})
	sameShape(t, ReadPrice, Price{}, map[string]string{"wrong types": `{"id":1,"recurring":"monthly","unit_amount":"many","unit_amount_decimal":"many","amount":[900]}`})

	sameShape(t, ReadEntitlementSummary, EntitlementSummary{Customer: "cus_1", Features: []string{"api", "sso"}, HasMore: true}, map[string]string{
		"sorted, each once": `{"object":"entitlements.active_entitlement_summary","customer":"cus_1","entitlements":{"data":[{"feature":"feat_1","lookup_key":"sso"},{"lookup_key":"api"},{"lookup_key":"sso"},{"lookup_key":null}],"has_more":true}}`,
	})
	sameShape(t, ReadEntitlementSummary, EntitlementSummary{Customer: "cus_1"}, map[string]string{"none": `{"customer":{"id":"cus_1"},"entitlements":{"data":[]}}`, "null": `{"customer":"cus_1","entitlements":null}`})
}
