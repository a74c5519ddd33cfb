package stripe

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sameShape checks that each of the shapes reads as want. Shapes are JSON by a
// name for the test's output.
func sameShape[T any](t *testing.T, read func(Value) T, want T, shapes map[string]string) {
	t.Helper()
	for name, shape := range shapes {
		if diff := cmp.Diff(want, read(parse1(t, shape))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestReadSubscriptionPeriods(t *testing.T) {
	item := Item{ID: "si_1", Price: "price_1", Product: "prod_1", Quantity: 3, UnitAmount: 2900, UnitAmountDecimal: "2900", Currency: "usd", Interval: "month", IntervalCount: 1, CurrentPeriodStart: 100, CurrentPeriodEnd: 200}
	want := Subscription{ID: "sub_1", Customer: "cus_1", Status: "active", Currency: "usd", Created: 90, StartDate: 90, CurrentPeriodStart: 100, CurrentPeriodEnd: 200, CollectionMethod: "charge_automatically", Items: []Item{item}}
	price := `"price":{"id":"price_1","product":"prod_1","unit_amount":2900,"unit_amount_decimal":"2900","currency":"usd","recurring":{"interval":"month","interval_count":1}}`
	plan := `"plan":{"id":"price_1","product":"prod_1","amount":2900,"amount_decimal":"2900","currency":"usd","interval":"month","interval_count":1}`
	sameShape(t, ReadSubscription, want, map[string]string{
		"2019-03-14: plans, billing, start": `{"id":"sub_1","object":"subscription","customer":"cus_1","status":"active","created":90,"start":95,"billing":"charge_automatically",
			"current_period_start":100,"current_period_end":200,"items":{"object":"list","data":[{"id":"si_1","quantity":3,` + plan + `}],"has_more":false},` + plan + `}`,
		"2020-08-27: prices beside plans": `{"id":"sub_1","customer":"cus_1","status":"active","created":90,"start_date":90,"collection_method":"charge_automatically",
			"current_period_start":100,"current_period_end":200,"items":{"data":[{"id":"si_1","quantity":3,` + plan + `,` + price + `}]}}`,
		"basil: periods on the items": `{"id":"sub_1","customer":"cus_1","status":"active","currency":"usd","created":90,"start_date":90,"collection_method":"charge_automatically",
			"items":{"data":[{"id":"si_1","quantity":3,"current_period_start":100,"current_period_end":200,` + price + `}]}}`,
		"hybrid: the items' periods are null": `{"id":"sub_1","customer":{"id":"cus_1","object":"customer"},"status":"active","currency":"usd","created":90,"collection_method":"charge_automatically","billing":"send_invoice",
			"current_period_start":100,"current_period_end":200,"items":{"data":[{"id":"si_1","quantity":3,"current_period_start":null,"current_period_end":null,` + price + `}]}}`,
		"hybrid: both, the items count": `{"id":"sub_1","customer":"cus_1","status":"active","created":90,"start_date":90,"collection_method":"charge_automatically",
			"current_period_start":7,"current_period_end":8,"items":{"data":[{"id":"si_1","quantity":3,"current_period_start":100,"current_period_end":200,` + price + `,"plan":{"id":"other","amount":1}}]}}`,
		"times and numbers as API v2 spells them": `{"id":"sub_1","customer":"cus_1","status":"active","created":"1970-01-01T00:01:30.5Z","collection_method":"charge_automatically",
			"items":{"data":[{"id":"si_1","quantity":"3","current_period_start":"1970-01-01T00:01:40Z","current_period_end":200.0,` + price + `}]}}`,
		"expanded product": `{"id":"sub_1","customer":"cus_1","status":"active","created":90,"start_date":90,"collection_method":"charge_automatically",
			"items":{"data":[{"id":"si_1","quantity":3,"current_period_start":100,"current_period_end":200,
			"price":{"id":"price_1","product":{"id":"prod_1","name":"Team"},"unit_amount":2900,"unit_amount_decimal":"2900","currency":"usd","recurring":{"interval":"month","interval_count":1}}}]}}`,
		"wrong types read as absent": `{"id":"sub_1","customer":"cus_1","status":"active","created":90,"collection_method":"charge_automatically","currency":5,"cancel_at":"soon","cancel_at_period_end":"true",
			"metadata":["a"],"trial_end":{},"pause_collection":false,"schedule":[],"latest_invoice":7,"default_payment_method":{"id":null},"cancellation_details":"no","status_details":{"paused":3},
			"items":{"data":[{"id":"si_1","quantity":3,"current_period_start":100,"current_period_end":200,` + price + `}],"has_more":"yes"}}`,
	})
}

func TestReadSubscriptionItems(t *testing.T) {
	s := ReadSubscription(parse1(t, `{"current_period_start":1,"current_period_end":2,"items":{"has_more":true,"data":[
		{"id":"si_year","price":{"id":"price_y","unit_amount":null,"unit_amount_decimal":"0.5","recurring":{"interval":"year","interval_count":1}},"current_period_start":10,"current_period_end":400},
		{"id":"si_month","price":"price_m","plan":{"id":"plan_m","amount":500,"interval":"month","interval_count":3},"quantity":2}]}}`))
	want := []Item{
		{ID: "si_year", Price: "price_y", UnitAmountDecimal: "0.5", Interval: "year", IntervalCount: 1, CurrentPeriodStart: 10, CurrentPeriodEnd: 400},
		{ID: "si_month", Price: "price_m", Quantity: 2, UnitAmount: 500, UnitAmountDecimal: "500", Interval: "month", IntervalCount: 3, CurrentPeriodStart: 1, CurrentPeriodEnd: 2},
	}
	if diff := cmp.Diff(want, s.Items); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	if !s.ItemsHaveMore || s.CurrentPeriodStart != 10 || s.CurrentPeriodEnd != 400 {
		t.Errorf("period %d to %d, more %t: the first item decides", s.CurrentPeriodStart, s.CurrentPeriodEnd, s.ItemsHaveMore)
	}

	amounts := ReadSubscription(parse1(t, `{"items":{"data":[{"price":{"unit_amount":900}},{"price":{"unit_amount_decimal":"900"}},{"plan":{"amount":null,"amount_decimal":"0.5"}}]}}`))
	want = []Item{{UnitAmount: 900, UnitAmountDecimal: "900"}, {UnitAmount: 900, UnitAmountDecimal: "900"}, {UnitAmountDecimal: "0.5"}}
	if diff := cmp.Diff(want, amounts.Items); diff != "" {
		t.Errorf("amounts (-want +got):\n%s", diff)
	}

	bare := ReadSubscription(parse1(t, `{"id":"sub_1","plan":{"id":"gold","amount":900,"currency":"usd","interval":"month","interval_count":1},"quantity":4,"current_period_start":1,"current_period_end":2}`))
	want = []Item{{Price: "gold", Quantity: 4, UnitAmount: 900, UnitAmountDecimal: "900", Currency: "usd", Interval: "month", IntervalCount: 1, CurrentPeriodStart: 1, CurrentPeriodEnd: 2}}
	if diff := cmp.Diff(want, bare.Items); diff != "" {
		t.Errorf("a subscription with a plan of its own (-want +got):\n%s", diff)
	}
}

func TestReadSubscriptionSample(t *testing.T) {
	e, err := ParseEvent(sampleEvent(t))
	if err != nil {
		t.Fatal(err)
	}
	want := Subscription{
		ID: "sub_Bur5arSubscription0001", Customer: "cus_Bur5arCustomer01", Status: "active", Currency: "eur", Created: 1761955204,
		Metadata: map[string]string{"tenant": "acme", "seats": "7", "sold_by": "self-service"},
		Items: []Item{{
			ID: "si_Bur5arItem0001", Price: "price_Bur5arTeamMonthly", Product: "prod_Bur5arTeam", Quantity: 7, UnitAmount: 2900, UnitAmountDecimal: "2900",
			Currency: "eur", Interval: "month", IntervalCount: 1, CurrentPeriodStart: 1764547204, CurrentPeriodEnd: 1767225604,
		}},
		CurrentPeriodStart: 1764547204, CurrentPeriodEnd: 1767225604,
		CancelAt: 1767225604, CanceledAt: 1764800001, StartDate: 1761955204, // flexible billing mode: cancel_at_period_end stays false
		DefaultPaymentMethod: "pm_1Bur5arPaymentMethod0001", LatestInvoice: "in_1Bur5arInvoice00000002",
		CollectionMethod: "charge_automatically", CancellationReason: "cancellation_requested",
	}
	if diff := cmp.Diff(want, ReadSubscription(e.Object)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReadSubscriptionRest(t *testing.T) {
	sameShape(t, ReadSubscription, Subscription{
		ID: "sub_1", Status: "paused", TrialStart: 1, TrialEnd: 2, CancelAtPeriodEnd: true, CanceledAt: 3, EndedAt: 4, DefaultPaymentMethod: "card_1", LatestInvoice: "in_1",
		Schedule: "sub_sched_1", CollectionMethod: "send_invoice", CollectionPaused: true, PausedReason: "pause_requested", CancellationReason: "payment_failed", StartDate: 5, Currency: "usd",
	}, map[string]string{
		"ids": `{"id":"sub_1","status":"paused","trial_start":1,"trial_end":2,"cancel_at_period_end":true,"canceled_at":3,"ended_at":4,"default_payment_method":null,"default_source":"card_1",
			"latest_invoice":"in_1","schedule":"sub_sched_1","collection_method":"send_invoice","pause_collection":{"behavior":"void","resumes_at":null},"start_date":5,"currency":"usd",
			"status_details":{"paused":{"subscription":{"type":"pause_requested"}}},"cancellation_details":{"reason":"payment_failed"}}`,
		"expanded": `{"id":"sub_1","status":"paused","trial_start":1,"trial_end":2,"cancel_at_period_end":true,"canceled_at":3,"ended_at":4,"default_source":{"id":"card_1","object":"card"},
			"latest_invoice":{"id":"in_1","object":"invoice"},"schedule":{"id":"sub_sched_1"},"billing":"send_invoice","pause_collection":{},"start_date":5,"currency":"usd",
			"status_details":{"paused":{"subscription":{"type":"pause_requested"}}},"cancellation_details":{"reason":"payment_failed"}}`,
	})
	for _, status := range []string{"incomplete", "incomplete_expired", "trialing", "active", "past_due", "unpaid", "canceled", "paused"} {
		if !KnownSubscriptionStatus(status) {
			t.Errorf("%s is not known", status)
		}
	}
	for _, status := range []string{"", "Active", "frozen", "none"} {
		if KnownSubscriptionStatus(status) {
			t.Errorf("%q is known", status)
		}
	}
	if s := ReadSubscription(parse1(t, `{"status":"frozen","id":"sub\u0001"}`)); s.Status != "frozen" || s.ID != "" {
		t.Errorf("status %q is to stay, id %q is none", s.Status, s.ID)
	}
}
