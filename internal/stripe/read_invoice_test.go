package stripe

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// An invoice for two seats of 1000 less 10 % and with 19 % of tax, paid, as
// 2019-10-17 and as 2025-11-17.clover send it.
const (
	invoiceHead = `"id":"in_1","object":"invoice","number":"ACME-0001","customer":"cus_1","status":"paid","billing_reason":"subscription_cycle","currency":"eur","created":1000,
		"subtotal":2000,"total":2142,"amount_paid":2142,"amount_due":2142,"amount_remaining":0,"starting_balance":-5,"attempt_count":1,"attempted":true,"collection_method":"charge_automatically",
		"next_payment_attempt":null,"due_date":1500,"period_start":900,"period_end":1000,"hosted_invoice_url":"https://invoice.stripe.com/i/x","invoice_pdf":"https://pay.stripe.com/x/pdf",
		"customer_name":"Acme","customer_email":"ap@acme.test","customer_address":{"line1":"Weg 1","line2":null,"city":"Köln","state":"","postal_code":"50667","country":"DE"},
		"customer_tax_ids":[{"type":"eu_vat","value":"DE123456789"}],"customer_tax_exempt":"none","description":"memo","footer":"thanks","account_name":"Us GmbH","account_country":"DE",
		"metadata":{"k":"v"},"status_transitions":{"finalized_at":1001,"marked_uncollectible_at":null,"paid_at":1002,"voided_at":null},
		"total_discount_amounts":[{"amount":200,"discount":"di_1"}]`
	rate19 = `{"id":"txr_1","object":"tax_rate","percentage":19.0,"display_name":"VAT","inclusive":false}`

	invoiceOld = `{` + invoiceHead + `,"subscription":"sub_1","paid":true,"charge":"ch_1","payment_intent":"pi_1","tax":342,
		"total_tax_amounts":[{"amount":342,"inclusive":false,"tax_rate":"txr_1","taxable_amount":1800,"taxability_reason":"standard_rated"}],"default_tax_rates":[` + rate19 + `],
		"lines":{"has_more":false,"data":[{"id":"il_1","type":"subscription","subscription":"sub_1","description":"2 × Team","amount":2000,"quantity":2,"proration":true,"period":{"start":1000,"end":2000},
			"price":{"id":"price_1","unit_amount":1000,"unit_amount_decimal":"1000"},"plan":{"id":"price_1","amount":1000},"discount_amounts":[{"amount":200,"discount":"di_1"}],
			"tax_amounts":[{"amount":342,"inclusive":false,"tax_rate":"txr_1","taxable_amount":1800,"taxability_reason":"standard_rated"}],"tax_rates":[]}]}}`

	invoiceNew = `{` + invoiceHead + `,"parent":{"type":"subscription_details","quote_details":null,"subscription_details":{"subscription":"sub_1","metadata":{}}},
		"payments":{"data":[{"id":"inpay_0","invoice":"in_1","status":"canceled","currency":"eur","payment":{"type":"payment_intent","payment_intent":"pi_0"}},
			{"id":"inpay_1","invoice":"in_1","status":"paid","amount_paid":2142,"currency":"eur","created":1001,"status_transitions":{"canceled_at":null,"paid_at":1002},
				"payment":{"type":"payment_intent","payment_intent":{"id":"pi_1","latest_charge":"ch_1"}}}]},
		"total_taxes":[{"amount":342,"tax_behavior":"exclusive","tax_rate_details":{"tax_rate":"txr_1"},"taxable_amount":1800,"taxability_reason":"standard_rated","type":"tax_rate_details"}],"default_tax_rates":[` + rate19 + `],
		"lines":{"has_more":false,"data":[{"id":"il_1","description":"2 × Team","amount":2000,"quantity":2,"period":{"start":1000,"end":2000},
			"pricing":{"type":"price_details","price_details":{"price":"price_1","product":"prod_1"},"unit_amount_decimal":"1000"},"discount_amounts":[{"amount":200,"discount":"di_1"}],
			"parent":{"type":"subscription_item_details","invoice_item_details":null,"subscription_item_details":{"subscription":"sub_1","subscription_item":"si_1","proration":true}},
			"taxes":[{"amount":342,"tax_behavior":"exclusive","tax_rate_details":{"tax_rate":"txr_1"},"taxable_amount":1800,"taxability_reason":"standard_rated","type":"tax_rate_details"}]}]}}`

	// acacia of 2025: the new names are there, and null or empty
	invoiceHybrid = `{` + invoiceHead + `,"parent":null,"subscription":"sub_1","paid":true,"charge":"ch_1","payment_intent":"pi_1","payments":null,"tax":342,"total_taxes":[],
		"total_tax_amounts":[{"amount":342,"inclusive":false,"tax_rate":` + rate19 + `,"taxable_amount":1800,"taxability_reason":"standard_rated"}],"default_tax_rates":[],
		"lines":{"has_more":false,"data":[{"id":"il_1","subscription":"sub_1","description":"2 × Team","amount":2000,"quantity":2,"proration":true,"period":{"start":1000,"end":2000},"parent":null,"pricing":null,"taxes":[],
			"price":{"id":"price_1","unit_amount":1000,"unit_amount_decimal":"1000"},"plan":null,"discount_amounts":[{"amount":200,"discount":"di_1"}],
			"tax_amounts":[{"amount":342,"inclusive":false,"tax_rate":"txr_1","taxable_amount":1800,"taxability_reason":"standard_rated"}],"tax_rates":[` + rate19 + `]}]}}`
)

func TestReadInvoice(t *testing.T) {
	tax := []Tax{{Amount: 342, TaxableAmount: 1800, Rate: "txr_1", Percent: "19.0", Name: "VAT", Reason: "standard_rated"}}
	want := Invoice{
		ID: "in_1", Number: "ACME-0001", Customer: "cus_1", Subscription: "sub_1", Status: "paid", BillingReason: "subscription_cycle", Currency: "eur", Created: 1000, Metadata: map[string]string{"k": "v"},
		Subtotal: 2000, Discount: 200, Tax: 342, Total: 2142, AmountPaid: 2142, AmountDue: 2142, StartingBalance: -5,
		AttemptCount: 1, Attempted: true, CollectionMethod: "charge_automatically", DueDate: 1500, FinalizedAt: 1001, PaidAt: 1002, PeriodStart: 900, PeriodEnd: 1000,
		Charge: "ch_1", PaymentIntent: "pi_1", HostedInvoiceURL: "https://invoice.stripe.com/i/x", InvoicePDF: "https://pay.stripe.com/x/pdf", Taxes: tax,
		Lines: []Line{{ID: "il_1", Description: "2 × Team", Amount: 2000, Quantity: 2, UnitAmountDecimal: "1000", Price: "price_1", PeriodStart: 1000, PeriodEnd: 2000, Proration: true, Discount: 200, Taxes: tax}},

		CustomerName: "Acme", CustomerEmail: "ap@acme.test", CustomerAddress: Address{Line1: "Weg 1", City: "Köln", PostalCode: "50667", Country: "DE"},
		CustomerTaxIDs: []TaxID{{Type: "eu_vat", Value: "DE123456789"}}, CustomerTaxExempt: "none", Description: "memo", Footer: "thanks", AccountName: "Us GmbH", AccountCountry: "DE",
	}
	sameShape(t, ReadInvoice, want, map[string]string{"old": invoiceOld, "hybrid": invoiceHybrid})
	want.Payments = []InvoicePayment{
		{ID: "inpay_0", Invoice: "in_1", Status: "canceled", Currency: "eur", PaymentIntent: "pi_0"},
		{ID: "inpay_1", Invoice: "in_1", Status: "paid", AmountPaid: 2142, Currency: "eur", PaymentIntent: "pi_1", Charge: "ch_1", Created: 1001, PaidAt: 1002},
	}
	sameShape(t, ReadInvoice, want, map[string]string{"new": invoiceNew})
}

func TestReadInvoiceMoves(t *testing.T) {
	for _, test := range []struct {
		name, shape string
		want        Invoice
	}{
		{"subscription only on a line, new", `{"lines":{"data":[{"parent":{"invoice_item_details":{"subscription":null}}},{"parent":{"subscription_item_details":{"subscription":"sub_1"}}}]}}`, Invoice{Subscription: "sub_1"}},
		{"subscription only on an item's line", `{"parent":null,"subscription":null,"lines":{"data":[{"parent":{"invoice_item_details":{"subscription":{"id":"sub_1"}}}}]}}`, Invoice{Subscription: "sub_1"}},
		{"subscription only on a line, old", `{"lines":{"data":[{"subscription":"sub_1"}]}}`, Invoice{Subscription: "sub_1"}},
		{"the old place alone", `{"parent":null,"subscription":"sub_1"}`, Invoice{Subscription: "sub_1"}},
		{
			"open and failed", `{"status":"open","amount_due":9,"amount_paid":2,"amount_remaining":7,"next_payment_attempt":99}`,
			Invoice{Status: "open", AmountDue: 9, AmountPaid: 2, AmountRemaining: 7, NextPaymentAttempt: 99},
		},
		{"new place before the old", `{"parent":{"subscription_details":{"subscription":{"id":"sub_new"}}},"subscription":"sub_old","lines":{"data":[{"subscription":"sub_line"}]}}`, Invoice{Subscription: "sub_new"}},
		{"a quote's invoice", `{"parent":{"type":"quote_details","quote_details":{"quote":"qt_1"},"subscription_details":null}}`, Invoice{}},
		{"paid without a status", `{"paid":true}`, Invoice{Status: "paid"}},
		{"paid does not overrule", `{"paid":true,"status":"void"}`, Invoice{Status: "void"}},
		{"date", `{"date":7,"finalized_at":8}`, Invoice{Created: 7, FinalizedAt: 8}},
		{"the old date beside the new", `{"date":7,"created":9,"finalized_at":8,"status_transitions":{"finalized_at":10}}`, Invoice{Created: 9, FinalizedAt: 10}},
		{"billing", `{"billing":"send_invoice"}`, Invoice{CollectionMethod: "send_invoice"}},
		{"upcoming has no id", `{"object":"invoice","customer":"cus_1","total":5}`, Invoice{Customer: "cus_1", Total: 5}},
		{"tax at a percentage", `{"tax":40,"tax_percent":20.0}`, Invoice{Tax: 40, Taxes: []Tax{{Amount: 40, Percent: "20.0"}}}},
		{"tax is null", `{"tax":null,"total_taxes":null,"total_tax_amounts":null}`, Invoice{}},
		{
			"several taxes, inclusive ones too", `{"total_taxes":[{"amount":30,"tax_behavior":"inclusive"},{"amount":12,"tax_behavior":"exclusive"}],"tax":999}`,
			Invoice{Tax: 42, Taxes: []Tax{{Amount: 30, Inclusive: true}, {Amount: 12}}},
		},
		{"the same, old", `{"total_tax_amounts":[{"amount":30,"inclusive":true},{"amount":12,"inclusive":false}],"tax":42}`, Invoice{Tax: 42, Taxes: []Tax{{Amount: 30, Inclusive: true}, {Amount: 12}}}},
		{
			"a rate that only a line spells out", `{"total_tax_amounts":[{"amount":1,"tax_rate":"txr_1"}],"lines":{"data":[{"tax_rates":[{"id":"txr_0"},` + rate19 + `]}]}}`,
			Invoice{Tax: 1, Taxes: []Tax{{Amount: 1, Rate: "txr_1", Percent: "19.0", Name: "VAT"}}},
		},
		{"discount as a rule only", `{"subtotal":2000,"total":1800,"discount":{"coupon":{"percent_off":10}}}`, Invoice{Subtotal: 2000, Total: 1800, Discount: 200}},
		{"discount as a rule only, taxed", `{"subtotal":2000,"total":2142,"tax":342,"discount":{"coupon":{}}}`, Invoice{Subtotal: 2000, Total: 2142, Discount: 200, Tax: 342, Taxes: []Tax{{Amount: 342}}}},
		{
			"discount as a rule only, tax inclusive", `{"subtotal":2000,"total":1800,"discount":{},"total_tax_amounts":[{"amount":300,"inclusive":true}]}`,
			Invoice{Subtotal: 2000, Total: 1800, Discount: 200, Tax: 300, Taxes: []Tax{{Amount: 300, Inclusive: true}}},
		},
		{"no discount but inclusive tax", `{"subtotal":2000,"total":1900,"discount":null}`, Invoice{Subtotal: 2000, Total: 1900}},
		{"several discounts", `{"total_discount_amounts":[{"amount":5},{"amount":6,"discount":{"id":"di_2"}}],"discount":{"id":"di_1"},"subtotal":100}`, Invoice{Subtotal: 100, Discount: 11}},
		{"charge of an expanded intent", `{"payment_intent":{"id":"pi_1","latest_charge":{"id":"ch_1"}}}`, Invoice{PaymentIntent: "pi_1", Charge: "ch_1"}},
		{"paid out of band", `{"status":"paid","attempted":false,"attempt_count":0,"payments":{"data":[]}}`, Invoice{Status: "paid"}},
		{
			"a payment record", `{"payments":{"data":[{"id":"inpay_1","status":"paid","payment":{"type":"payment_record","payment_record":"pr_1"}}]},"charge":"ch_1"}`,
			Invoice{Charge: "ch_1", Payments: []InvoicePayment{{ID: "inpay_1", Status: "paid"}}},
		},
		{"a tombstone", `{"id":"in_1","object":"invoice","deleted":true}`, Invoice{ID: "in_1", Deleted: true}},
		{"transitions", `{"status_transitions":{"marked_uncollectible_at":3,"voided_at":4}}`, Invoice{UncollectibleAt: 3, VoidedAt: 4}},
		{"more lines", `{"lines":{"data":[{"amount":1}],"has_more":true}}`, Invoice{Lines: []Line{{Amount: 1}}, LinesHaveMore: true}},
		{"wrong types", `{"id":5,"lines":"none","payments":[],"total":"x","parent":"p","subscription":["sub_1"],"status_transitions":[],"total_taxes":{"data":[]},"customer_address":"Weg 1","attempted":1,"metadata":null}`, Invoice{}},
	} {
		got := ReadInvoice(parse1(t, test.shape))
		ignore := cmpopts.IgnoreFields(Invoice{}, "Lines", "LinesHaveMore")
		opts := cmp.Options{}
		if test.want.Lines == nil {
			opts = cmp.Options{ignore}
		}
		if diff := cmp.Diff(test.want, got, opts); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestReadLine(t *testing.T) {
	for _, test := range []struct {
		name, shape string
		want        Line
	}{
		{"pricing", `{"pricing":{"price_details":{"price":{"id":"price_1"}},"unit_amount_decimal":"0.25"},"amount":1}`, Line{Amount: 1, Price: "price_1", UnitAmountDecimal: "0.25"}},
		{"price", `{"price":{"id":"price_1","unit_amount":null,"unit_amount_decimal":"0.25"}}`, Line{Price: "price_1", UnitAmountDecimal: "0.25"}},
		{"plan", `{"plan":{"id":"gold","amount":900}}`, Line{Price: "gold", UnitAmountDecimal: "900"}},
		{"pricing before price before plan", `{"pricing":{"price_details":{"price":"new"}},"price":{"id":"old"},"plan":{"id":"older"}}`, Line{Price: "new"}},
		{"unit_amount", `{"amount":50,"unit_amount":25,"quantity":2}`, Line{Amount: 50, UnitAmountDecimal: "25", Quantity: 2}},
		{"unit_amount_decimal", `{"unit_amount_decimal":"0.25","unit_amount":null}`, Line{UnitAmountDecimal: "0.25"}},
		{"a total is no unit amount", `{"amount":50,"price":null,"plan":null,"quantity":2}`, Line{Amount: 50, Quantity: 2}},
		{"quantity_decimal", `{"quantity":null,"quantity_decimal":"3"}`, Line{Quantity: 3}},
		{"proration of an item", `{"parent":{"invoice_item_details":{"proration":true}}}`, Line{Proration: true}},
		{"no proration", `{"parent":{"subscription_item_details":{"proration":false}},"proration":false}`, Line{}},
		{"wrong types", `{"period":5,"taxes":{},"discount_amounts":"x","quantity":1.5,"parent":[],"pricing":"p"}`, Line{}},
	} {
		got := ReadInvoice(parse1(t, `{"lines":{"data":[`+test.shape+`]}}`)).Lines
		if diff := cmp.Diff([]Line{test.want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	bare := ReadInvoice(parse1(t, `{"lines":[{"amount":3}]}`)).Lines
	if diff := cmp.Diff([]Line{{Amount: 3}}, bare); diff != "" {
		t.Errorf("an array of lines (-want +got):\n%s", diff)
	}
}

func TestReadCreditNote(t *testing.T) {
	want := CreditNote{
		ID: "cn_1", Number: "ACME-0001-CN-01", Customer: "cus_1", Invoice: "in_1", Status: "issued", Type: "pre_payment", Reason: "order_change", Memo: "sorry", Currency: "usd",
		Amount: 110, Subtotal: 120, Total: 110, Tax: 10, Discount: 20, Created: 5, VoidedAt: 6, Refunds: []string{"re_1"}, Prepayment: 110,
		Taxes: []Tax{{Amount: 10, Rate: "txr_1"}},
		Lines: []Line{{ID: "cnli_1", Description: "x", Amount: 120, Quantity: 1, UnitAmountDecimal: "120", Discount: 20, Taxes: []Tax{{Amount: 10, Rate: "txr_1"}}}},
	}
	head := `"id":"cn_1","number":"ACME-0001-CN-01","customer":"cus_1","invoice":"in_1","status":"issued","type":"pre_payment","reason":"order_change","memo":"sorry","currency":"usd",
		"amount":110,"subtotal":120,"total":110,"discount_amount":20,"discount_amounts":[{"amount":99}],"created":5,"voided_at":6`
	line := `"id":"cnli_1","description":"x","amount":120,"quantity":1,"unit_amount":120,"unit_amount_decimal":"120","discount_amount":20`
	old, fresh := `[{"amount":10,"inclusive":false,"tax_rate":"txr_1"}]`, `[{"amount":10,"tax_behavior":"exclusive","tax_rate_details":{"tax_rate":"txr_1"}}]`
	sameShape(t, ReadCreditNote, want, map[string]string{
		"old":    `{` + head + `,"refund":"re_1","tax_amounts":` + old + `,"lines":{"data":[{` + line + `,"tax_amounts":` + old + `}]}}`,
		"new":    `{` + head + `,"refunds":[{"refund":"re_1","amount_refunded":1,"type":"refund"}],"pre_payment_amount":110,"post_payment_amount":0,"total_taxes":` + fresh + `,"lines":{"data":[{` + line + `,"taxes":` + fresh + `}]}}`,
		"hybrid": `{` + head + `,"refund":{"id":"re_1"},"refunds":[{"refund":{"id":"re_1"}},{"refund":null}],"total_taxes":null,"tax_amounts":` + old + `,"lines":{"data":[{` + line + `,"taxes":null,"tax_amounts":` + old + `}]}}`,
	})
	sameShape(t, ReadCreditNote, CreditNote{Type: "pre_payment", Amount: 9, Lines: []Line{{UnitAmountDecimal: "0.5"}, {UnitAmountDecimal: "7"}}}, map[string]string{
		"the amount is known to be none": `{"type":"pre_payment","amount":9,"pre_payment_amount":0,"lines":{"data":[{"unit_amount":null,"unit_amount_decimal":"0.5"},{"unit_amount":7}]}}`,
	})
	sameShape(t, ReadCreditNote, CreditNote{Refunds: []string{"re_1", "re_2"}}, map[string]string{
		"two refunds":  `{"refunds":[{"refund":"re_1","amount_refunded":1},{"refund":"re_2"}]}`,
		"bare refunds": `{"refunds":["re_1",{"id":"re_2","object":"refund"}]}`,
	})
	got := ReadCreditNote(parse1(t, `{"type":"mixed","amount":9,"pre_payment_amount":4,"discount_amounts":[{"amount":1},{"amount":2}],"lines":{"data":[],"has_more":true},"refunds":"re_1"}`))
	if diff := cmp.Diff(CreditNote{Type: "mixed", Amount: 9, Prepayment: 4, Discount: 3, LinesMore: true}, got); diff != "" {
		t.Errorf("mixed (-want +got):\n%s", diff)
	}
}
