package stripe

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadCharge(t *testing.T) {
	want := Charge{
		ID: "ch_1", Customer: "cus_1", PaymentIntent: "pi_1", PaymentMethod: "pm_1", Status: "succeeded", Currency: "usd", Amount: 500, AmountCaptured: 500, AmountRefunded: 200,
		Captured: true, Disputed: true, Created: 7,
		Refunds: []Refund{{ID: "re_1", Charge: "ch_1", Amount: 200, Currency: "usd", Status: "succeeded", Created: 8}},
	}
	head := `"id":"ch_1","object":"charge","status":"succeeded","currency":"usd","amount":500,"amount_refunded":200,"refunded":false,"captured":true,"created":7`
	refunds := `"refunds":{"data":[{"id":"re_1","charge":"ch_1","amount":200,"currency":"usd","status":"succeeded","created":8}],"has_more":false}`
	sameShape(t, ReadCharge, want, map[string]string{
		"old, source and dispute": `{` + head + `,"customer":"cus_1","payment_intent":"pi_1","payment_method":null,"source":{"id":"pm_1","object":"card"},"dispute":"dp_1",` + refunds + `}`,
		"expanded":                `{` + head + `,"customer":{"id":"cus_1"},"payment_intent":{"id":"pi_1"},"payment_method":"pm_1","source":{"id":"src_1"},"disputed":true,"amount_captured":500,` + refunds + `}`,
	})
	for _, test := range []struct {
		name, shape string
		want        Charge
	}{
		{"pre-basil invoice", `{"invoice":"in_1"}`, Charge{Invoice: "in_1"}},
		{"expanded invoice", `{"invoice":{"id":"in_1"}}`, Charge{Invoice: "in_1"}},
		{"basil: no invoice, no refunds", `{"id":"ch_1","refunds":null}`, Charge{ID: "ch_1"}},
		{"captured in part", `{"amount":500,"amount_captured":300,"captured":true}`, Charge{Amount: 500, AmountCaptured: 300, Captured: true}},
		{"not captured", `{"amount":500,"captured":false}`, Charge{Amount: 500}},
		{
			"failed", `{"status":"failed","failure_code":"card_declined","failure_message":"Your card was declined.","refunded":true}`,
			Charge{Status: "failed", FailureCode: "card_declined", FailureMessage: "Your card was declined.", Refunded: true},
		},
		{"wrong types", `{"amount":"x","refunds":[],"captured":"yes","customer":5,"dispute":false,"source":true}`, Charge{}},
	} {
		if diff := cmp.Diff(test.want, ReadCharge(parse1(t, test.shape))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestReadRefundAndDispute(t *testing.T) {
	sameShape(t, ReadRefund, Refund{
		ID: "re_1", Charge: "ch_1", PaymentIntent: "pi_1", Customer: "cus_1", Status: "failed", Amount: 5, Currency: "usd", Reason: "fraudulent", FailureReason: "expired_or_canceled_card", Created: 9,
	}, map[string]string{
		"dahlia: customer": `{"id":"re_1","charge":"ch_1","payment_intent":"pi_1","customer":"cus_1","status":"failed","amount":5,"currency":"usd","reason":"fraudulent","failure_reason":"expired_or_canceled_card","created":9}`,
		"expanded charge":  `{"id":"re_1","charge":{"id":"ch_1","payment_intent":"pi_1","customer":"cus_1"},"status":"failed","amount":5,"currency":"usd","reason":"fraudulent","failure_reason":"expired_or_canceled_card","created":9}`,
		"expanded intent":  `{"id":"re_1","charge":"ch_1","payment_intent":{"id":"pi_1","customer":{"id":"cus_1"}},"customer":null,"status":"failed","amount":5,"currency":"usd","reason":"fraudulent","failure_reason":"expired_or_canceled_card","created":9}`,
	})
	sameShape(t, ReadDispute, Dispute{ID: "du_1", Charge: "ch_1", PaymentIntent: "pi_1", Status: "prevented", Amount: 5, Currency: "usd", Reason: "general", Created: 9, EvidenceDueBy: 99}, map[string]string{
		"now":             `{"id":"du_1","charge":"ch_1","payment_intent":"pi_1","status":"prevented","amount":5,"currency":"usd","reason":"general","created":9,"evidence_details":{"due_by":99}}`,
		"expanded charge": `{"id":"du_1","charge":{"id":"ch_1","payment_intent":{"id":"pi_1"}},"payment_intent":null,"status":"prevented","amount":5,"currency":"usd","reason":"general","created":9,"evidence_details":{"due_by":99}}`,
	})
}

func TestReadPaymentIntent(t *testing.T) {
	sameShape(t, ReadPaymentIntent, PaymentIntent{
		ID: "pi_1", Customer: "cus_1", Invoice: "in_1", Status: "succeeded", Amount: 10, AmountPaid: 9, Currency: "usd", LatestCharge: "ch_2", PaymentMethod: "pm_1", Created: 3,
	}, map[string]string{
		"charges, newest first": `{"id":"pi_1","customer":"cus_1","invoice":"in_1","status":"succeeded","amount":10,"amount_received":9,"currency":"usd","source":"pm_1","created":3,
			"charges":{"data":[{"id":"ch_2","created":5},{"id":"ch_1","created":5}]}}`,
		"charges, newest last": `{"id":"pi_1","customer":"cus_1","invoice":"in_1","status":"succeeded","amount":10,"amount_received":9,"currency":"usd","payment_method":"pm_1","created":3,
			"charges":{"data":[{"id":"ch_1","created":4},{"id":"ch_2","created":5}]}}`,
		"latest_charge": `{"id":"pi_1","customer":"cus_1","invoice":{"id":"in_1"},"status":"succeeded","amount":10,"amount_received":9,"currency":"usd","payment_method":{"id":"pm_1"},"created":3,
			"latest_charge":{"id":"ch_2"},"charges":{"data":[{"id":"ch_1","created":9}]}}`,
	})
	if got := ReadPaymentIntent(parse1(t, `{"id":"pi_1","latest_charge":null,"charges":{"data":[]}}`)); got != (PaymentIntent{ID: "pi_1"}) {
		t.Errorf("basil, not paid: %+v", got)
	}
}

func TestReadInvoicePayment(t *testing.T) {
	sameShape(t, ReadInvoicePayment, InvoicePayment{ID: "inpay_1", Invoice: "in_1", Status: "paid", AmountPaid: 10, Currency: "usd", PaymentIntent: "pi_1", Created: 1, PaidAt: 2}, map[string]string{
		"ids":      `{"id":"inpay_1","invoice":"in_1","status":"paid","amount_paid":10,"amount_requested":10,"currency":"usd","created":1,"payment":{"type":"payment_intent","payment_intent":"pi_1"},"status_transitions":{"paid_at":2}}`,
		"expanded": `{"id":"inpay_1","invoice":{"id":"in_1"},"status":"paid","amount_paid":10,"currency":"usd","created":1,"payment":{"type":"payment_intent","payment_intent":{"id":"pi_1"}},"status_transitions":{"paid_at":2}}`,
	})
	got := ReadInvoicePayment(parse1(t, `{"payment":{"type":"charge","charge":"ch_1"},"amount_paid":null}`))
	if got != (InvoicePayment{Charge: "ch_1"}) {
		t.Errorf("by charge: %+v", got)
	}
}

func TestReadPaymentMethod(t *testing.T) {
	for _, test := range []struct {
		name, shape string
		want        PaymentMethod
	}{
		{
			"card", `{"id":"pm_1","object":"payment_method","type":"card","customer":"cus_1","created":5,"card":{"brand":"amex","last4":"0005","exp_month":12,"exp_year":2030}}`,
			PaymentMethod{ID: "pm_1", Customer: "cus_1", Type: "card", Brand: "amex", Last4: "0005", ExpMonth: 12, ExpYear: 2030, Created: 5},
		},
		{
			"legacy card", `{"id":"card_1","object":"card","customer":"cus_1","brand":"American Express","last4":"0005","exp_month":12,"exp_year":2030}`,
			PaymentMethod{ID: "card_1", Customer: "cus_1", Type: "card", Brand: "amex", Last4: "0005", ExpMonth: 12, ExpYear: 2030},
		},
		{
			"source", `{"id":"src_1","object":"source","type":"card","customer":"cus_1","created":5,"card":{"brand":"MasterCard","last4":"4444","exp_month":1,"exp_year":2031}}`,
			PaymentMethod{ID: "src_1", Customer: "cus_1", Type: "card", Brand: "mastercard", Last4: "4444", ExpMonth: 1, ExpYear: 2031, Created: 5},
		},
		{"bank account", `{"id":"ba_1","object":"bank_account","bank_name":"STRIPE TEST BANK","last4":"6789"}`, PaymentMethod{ID: "ba_1", Type: "bank_account", Brand: "STRIPE TEST BANK", Last4: "6789"}},
		{"us_bank_account", `{"id":"pm_1","type":"us_bank_account","us_bank_account":{"bank_name":"STRIPE TEST BANK","last4":"6789"}}`, PaymentMethod{ID: "pm_1", Type: "us_bank_account", Brand: "STRIPE TEST BANK", Last4: "6789"}},
		{"sepa_debit", `{"id":"pm_1","type":"sepa_debit","sepa_debit":{"bank_code":"37040044","last4":"3000","country":"DE"}}`, PaymentMethod{ID: "pm_1", Type: "sepa_debit", Last4: "3000"}},
		{"ideal", `{"id":"pm_1","type":"ideal","ideal":{"bank":"ing"}}`, PaymentMethod{ID: "pm_1", Type: "ideal", Brand: "ing"}},
		{"link", `{"id":"pm_1","type":"link","link":{"email":"a@b.test"},"customer":{"id":"cus_1","deleted":true}}`, PaymentMethod{ID: "pm_1", Type: "link", Customer: "cus_1"}},
		{"detached", `{"id":"pm_1","type":"card","customer":null,"card":{"brand":"visa","last4":"4242"}}`, PaymentMethod{ID: "pm_1", Type: "card", Brand: "visa", Last4: "4242"}},
		{"wrong types", `{"id":["pm_1"],"type":5,"card":"visa"}`, PaymentMethod{}},
		{"a type that names a text", `{"type":"id","id":"pm_1"}`, PaymentMethod{ID: "pm_1", Type: "id"}},
	} {
		if got := ReadPaymentMethod(parse1(t, test.shape)); got != test.want {
			t.Errorf("%s:\n got %+v\nwant %+v", test.name, got, test.want)
		}
	}
	for legacy, want := range map[string]string{"Visa": "visa", "Diners Club": "diners", "JCB": "jcb", "Discover": "discover", "UnionPay": "unionpay", "Unknown": "unknown", "visa": "visa", "eftpos_au": "eftpos_au"} {
		if got := cardBrand(legacy); got != want {
			t.Errorf("cardBrand(%q) = %q, want %q", legacy, got, want)
		}
	}
}
