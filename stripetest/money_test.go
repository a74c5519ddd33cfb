package stripetest

import (
	"testing"
	"time"
)

func TestTiers(t *testing.T) {
	tiers := []tier{{upTo: 5, unit: 1000}, {upTo: 10, unit: 800, flat: 100}, {unit: 500}}
	for _, c := range []struct {
		mode     string
		quantity int64
		want     int64
	}{
		{"graduated", 0, 0},
		{"graduated", 1, 1000},
		{"graduated", 5, 5000},
		{"graduated", 6, 5900},
		{"graduated", 10, 9100},
		{"graduated", 12, 10100},
		{"volume", 5, 5000},
		{"volume", 6, 4900},
		{"volume", 10, 8100},
		{"volume", 11, 5500},
	} {
		p := &price{tiersMode: c.mode, tiers: tiers}
		if got := p.amountOf(c.quantity); got != c.want {
			t.Errorf("%s × %d: %d, want %d", c.mode, c.quantity, got, c.want)
		}
	}
}

func TestDecimalPrices(t *testing.T) {
	for _, c := range []struct {
		unit           string
		quantity, want int64
	}{{"0.5", 3, 2}, {"0.5", 1, 1}, {"0.05", 100, 5}, {"2900", 2, 5800}, {"33.333", 3, 100}} {
		if got := (&price{unitDecimal: c.unit}).amountOf(c.quantity); got != c.want {
			t.Errorf("%s × %d: %d, want %d", c.unit, c.quantity, got, c.want)
		}
	}
}

func TestShareRoundsHalfAwayFromZero(t *testing.T) {
	for _, c := range []struct{ amount, part, whole, want int64 }{
		{100, 1, 3, 33}, {100, 2, 3, 67}, {5, 1, 2, 3}, {-5, 1, 2, -3}, {1 << 60, 3, 3, 1 << 60}, {7, 0, 0, 0},
	} {
		if got := share(c.amount, c.part, c.whole); got != c.want {
			t.Errorf("%d × %d ÷ %d: %d, want %d", c.amount, c.part, c.whole, got, c.want)
		}
	}
}

// account has the catalog and a customer with a card.
func account(t *testing.T, form Form) (*Account, string) {
	t.Helper()
	a := New(t).Calm()
	s := &story{acct: a}
	s.catalog()
	all := Form{"payment_method": "pm_card_visa", "invoice_settings[default_payment_method]": "pm_card_visa"}
	for key, value := range form {
		all[key] = value
	}
	return a, must(a.Post("/v1/customers", all))(t).ID()
}

// TestProration is by the second: a change after ten of 31 days credits and
// charges 21 of them.
func TestProration(t *testing.T) {
	a, c := account(t, nil)
	sub := must(a.Post("/v1/subscriptions", Form{"customer": c, "items[0][price]": "price_basic_monthly"}))(t)
	a.Advance(10 * 24 * time.Hour)
	must(a.Post("/v1/subscriptions/"+sub.ID(), Form{
		"items[0][id]": sub.Str("items.data.0.id"), "items[0][price]": "price_pro_monthly", "proration_behavior": "always_invoice",
	}))(t)
	invoice := must(a.Get("/v1/invoices", nil))(t).Get("data.0").(Object)
	// 900 × 21/31 = 609.68, 2900 × 21/31 = 1964.52
	if got := invoice.Int("lines.data.0.amount"); got != -610 {
		t.Errorf("credit %d, want -610", got)
	}
	if got := invoice.Int("lines.data.1.amount"); got != 1965 {
		t.Errorf("charge %d, want 1965", got)
	}
	if invoice.Str("billing_reason") != "subscription_update" || invoice.Int("amount_paid") != 1355 {
		t.Errorf("%s, paid %d", invoice.Str("billing_reason"), invoice.Int("amount_paid"))
	}
	credited := invoice.Str("lines.data.0.parent.subscription_item_details.proration_details.credited_items.invoice")
	if credited != sub.Str("latest_invoice") {
		t.Errorf("credits %q, want the first invoice", credited)
	}
}

// TestDowngradeLeavesACredit, which the next invoice uses.
func TestDowngradeLeavesACredit(t *testing.T) {
	a, c := account(t, nil)
	sub := must(a.Post("/v1/subscriptions", Form{"customer": c, "items[0][price]": "price_pro_monthly"}))(t)
	must(a.Post("/v1/subscriptions/"+sub.ID(), Form{
		"items[0][id]": sub.Str("items.data.0.id"), "items[0][price]": "price_basic_monthly", "proration_behavior": "always_invoice",
	}))(t)
	invoice := must(a.Get("/v1/invoices", nil))(t).Get("data.0").(Object)
	if invoice.Int("total") != -2000 || invoice.Int("amount_due") != 0 || invoice.Str("status") != "paid" || invoice.Int("ending_balance") != -2000 {
		t.Errorf("%s", invoice.JSON())
	}
	if got := must(a.Get("/v1/customers/"+c, nil))(t).Int("balance"); got != -2000 {
		t.Errorf("balance %d", got)
	}
	a.Advance(32 * 24 * time.Hour)
	next := must(a.Get("/v1/invoices", nil))(t).Get("data.0").(Object)
	if next.Int("starting_balance") != -2000 || next.Int("amount_due") != 0 || next.Int("ending_balance") != -1100 {
		t.Errorf("%s", next.JSON())
	}
}

func TestQuantityWaitsForTheNextInvoice(t *testing.T) {
	a, c := account(t, nil)
	sub := must(a.Post("/v1/subscriptions", Form{"customer": c, "items[0][price]": "price_basic_monthly"}))(t)
	a.Advance(10 * 24 * time.Hour)
	must(a.Post("/v1/subscriptions/"+sub.ID(), Form{"items[0][id]": sub.Str("items.data.0.id"), "items[0][quantity]": "3"}))(t)
	if n := len(a.Events("invoice.created")); n != 1 {
		t.Errorf("%d invoices, want only the first", n)
	}
	a.Advance(22 * 24 * time.Hour)
	invoice := must(a.Get("/v1/invoices", nil))(t).Get("data.0").(Object)
	// −610 for the unused seat, 2700 × 21/31 = 1829 for three, 2700 for the new month.
	if got := invoice.Int("total"); got != -610+1829+2700 {
		t.Errorf("total %d", got)
	}
}

func TestYearlyBeginsANewCycle(t *testing.T) {
	a, c := account(t, nil)
	sub := must(a.Post("/v1/subscriptions", Form{"customer": c, "items[0][price]": "price_pro_monthly"}))(t)
	a.Advance(10 * 24 * time.Hour)
	now := a.Now()
	o := must(a.Post("/v1/subscriptions/"+sub.ID(), Form{"items[0][id]": sub.Str("items.data.0.id"), "items[0][price]": "price_pro_yearly"}))(t)
	if o.Int("billing_cycle_anchor") != now.Unix() || o.Int("items.data.0.current_period_end") != now.AddDate(1, 0, 0).Unix() {
		t.Errorf("%s", o.JSON())
	}
	invoice := must(a.Get("/v1/invoices/"+o.Str("latest_invoice"), nil))(t)
	if got := invoice.Int("amount_paid"); got != 29000-1965 {
		t.Errorf("paid %d, want 27035", got)
	}
}

func TestTaxes(t *testing.T) {
	for _, c := range []struct {
		name            string
		customer        Form
		subscription    Form
		subtotal, total int64
		tax             int64
		reason          string
	}{
		{"automatic, Germany", Form{"address[country]": "DE"}, Form{"automatic_tax[enabled]": "true"}, 2900, 3451, 551, "standard_rated"},
		{"automatic, nowhere", nil, Form{"automatic_tax[enabled]": "true"}, 2900, 2900, 0, ""},
		{"reverse charge", Form{"address[country]": "FR", "tax_exempt": "reverse"}, Form{"automatic_tax[enabled]": "true"}, 2900, 2900, 0, "reverse_charge"},
		{"exempt", Form{"address[country]": "FR", "tax_exempt": "exempt"}, Form{"automatic_tax[enabled]": "true"}, 2900, 2900, 0, "customer_exempt"},
		{"inclusive rate", nil, Form{"rate": "inclusive"}, 2900, 2900, 463, "standard_rated"},
		{"exclusive rate", nil, Form{"rate": "exclusive"}, 2900, 3451, 551, "standard_rated"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, customer := account(t, c.customer)
			form := Form{"customer": customer, "items[0][price]": "price_pro_monthly"}
			for key, value := range c.subscription {
				if key != "rate" {
					form[key] = value
					continue
				}
				inclusive := "false"
				if value == "inclusive" {
					inclusive = "true"
				}
				form["default_tax_rates[0]"] = must(a.Post("/v1/tax_rates", Form{"display_name": "VAT", "percentage": "19", "inclusive": inclusive}))(t).ID()
			}
			sub := must(a.Post("/v1/subscriptions", form))(t)
			i := must(a.Get("/v1/invoices/"+sub.Str("latest_invoice"), nil))(t)
			if i.Int("subtotal") != c.subtotal || i.Int("total") != c.total || i.Int("total_taxes.0.amount") != c.tax ||
				i.Str("total_taxes.0.taxability_reason") != c.reason || i.Int("total")-i.Int("total_excluding_tax") != c.tax {
				t.Errorf("subtotal %d, total %d, tax %d (%s)", i.Int("subtotal"), i.Int("total"), i.Int("total_taxes.0.amount"), i.Str("total_taxes.0.taxability_reason"))
			}
		})
	}
}

func TestDiscounts(t *testing.T) {
	for _, c := range []struct {
		name   string
		coupon Form
		want   []int64 // what the first invoices come to
	}{
		{"once", Form{"percent_off": "50", "duration": "once"}, []int64{1450, 2900, 2900}},
		{"repeating", Form{"percent_off": "50", "duration": "repeating", "duration_in_months": "2"}, []int64{1450, 1450, 2900}},
		{"forever, an amount", Form{"amount_off": "1000", "currency": "usd", "duration": "forever"}, []int64{1900, 1900, 1900}},
		{"more than all", Form{"amount_off": "9999", "currency": "usd", "duration": "once"}, []int64{0, 2900, 2900}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, customer := account(t, nil)
			coupon := must(a.Post("/v1/coupons", c.coupon))(t)
			must(a.Post("/v1/subscriptions", Form{"customer": customer, "items[0][price]": "price_pro_monthly", "discounts[0][coupon]": coupon.ID()}))(t)
			a.Advance(65 * 24 * time.Hour)
			paid := a.Events("invoice.paid")
			for k, want := range c.want {
				if k >= len(paid) {
					t.Fatalf("only %d invoices", len(paid))
				}
				if got := paid[k].Object.Int("total"); got != want {
					t.Errorf("invoice %d: %d, want %d", k+1, got, want)
				}
			}
			if got := must(a.Get("/v1/coupons/"+coupon.ID(), nil))(t).Int("times_redeemed"); got != 1 {
				t.Errorf("redeemed %d times", got)
			}
		})
	}
}

func TestMeteredIsPaidInArrears(t *testing.T) {
	a, c := account(t, nil)
	p := must(a.Post("/v1/prices", Form{"product": "prod_pro", "currency": "usd", "unit_amount_decimal": "0.5", "recurring[interval]": "month", "recurring[usage_type]": "metered"}))(t)
	sub := must(a.Post("/v1/subscriptions", Form{"customer": c, "items[0][price]": p.ID()}))(t)
	if err := a.ReportUsage(sub.Str("items.data.0.id"), 4001); err != nil {
		t.Fatal(err)
	}
	a.Advance(32 * 24 * time.Hour)
	paid := a.Events("invoice.paid")
	if len(paid) != 2 || paid[0].Object.Int("total") != 0 || paid[1].Object.Int("total") != 2001 {
		t.Errorf("%d invoices", len(paid))
		for _, e := range paid {
			t.Logf("%d", e.Object.Int("total"))
		}
	}
}

func TestCreditNotes(t *testing.T) {
	a, c := account(t, nil)
	sub := must(a.Post("/v1/subscriptions", Form{"customer": c, "items[0][price]": "price_pro_monthly"}))(t)
	paid := sub.Str("latest_invoice")
	if _, err := a.Post("/v1/credit_notes", Form{"invoice": paid, "amount": "3000", "refund_amount": "3000"}); err == nil {
		t.Error("more was credited than was paid")
	}
	note := must(a.Post("/v1/credit_notes", Form{"invoice": paid, "amount": "900", "credit_amount": "400", "refund_amount": "500"}))(t)
	if note.Str("type") != "post_payment" || note.Int("post_payment_amount") != 900 || note.Int("refunds.0.amount_refunded") != 500 {
		t.Errorf("%s", note.JSON())
	}
	if got := must(a.Get("/v1/customers/"+c, nil))(t).Int("balance"); got != -400 {
		t.Errorf("balance %d", got)
	}
	sent := must(a.Post("/v1/subscriptions", Form{"customer": c, "items[0][price]": "price_pro_monthly", "collection_method": "send_invoice", "days_until_due": "10"}))(t)
	a.Advance(2 * time.Hour)
	open := sent.Str("latest_invoice")
	pre := must(a.Post("/v1/credit_notes", Form{"invoice": open, "amount": "1000"}))(t)
	i := must(a.Get("/v1/invoices/"+open, nil))(t)
	if pre.Str("type") != "pre_payment" || i.Int("amount_due") != 1500 || i.Int("pre_payment_credit_notes_amount") != 1000 {
		t.Errorf("due %d, credited %d", i.Int("amount_due"), i.Int("pre_payment_credit_notes_amount"))
	}
	must(a.Post("/v1/credit_notes/"+pre.ID()+"/void", nil))(t)
	must(a.Post("/v1/credit_notes", Form{"invoice": open, "amount": "2500"}))(t)
	if got := must(a.Get("/v1/invoices/"+open, nil))(t).Str("status"); got != "paid" {
		t.Errorf("an invoice that is credited whole is %s", got)
	}
}

func TestMonthsEnd(t *testing.T) {
	at := func(s string) int64 {
		v, err := time.Parse("2006-01-02", s)
		if err != nil {
			t.Fatal(err)
		}
		return v.Unix()
	}
	month := interval{"month", 1}
	for n, want := range []string{"2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"} {
		if got := month.after(at("2027-01-31"), n); got != at(want) {
			t.Errorf("%d months: %v, want %s", n, time.Unix(got, 0).UTC(), want)
		}
	}
	for _, c := range []struct {
		every         interval
		anchor, after string
		want          string
	}{
		{month, "2027-01-31", "2027-02-28", "2027-03-31"},
		{interval{"month", 3}, "2024-11-30", "2027-02-01", "2027-02-28"},
		{interval{"year", 1}, "2024-02-29", "2025-02-28", "2026-02-28"},
		{interval{"year", 1}, "2024-02-29", "2027-12-01", "2028-02-29"},
		{interval{"week", 2}, "2027-01-01", "2027-01-15", "2027-01-29"},
		{interval{"day", 1}, "2027-01-01", "2027-01-01", "2027-01-02"},
	} {
		if got := c.every.next(at(c.anchor), at(c.after)); got != at(c.want) {
			t.Errorf("%v from %s after %s: %v, want %s", c.every, c.anchor, c.after, time.Unix(got, 0).UTC(), c.want)
		}
	}
}

// TestAnInvoiceShowsTenLines: the others have to be fetched.
func TestAnInvoiceShowsTenLines(t *testing.T) {
	a, c := account(t, nil)
	for range 12 {
		must(a.Post("/v1/invoiceitems", Form{"customer": c, "amount": "100"}))(t)
	}
	i := must(a.Post("/v1/invoices", Form{"customer": c, "pending_invoice_items_behavior": "include"}))(t)
	lines := i.Get("lines").(Object)
	data := lines["data"].([]any)
	if len(data) != 10 || !lines.Bool("has_more") || lines.Int("total_count") != 12 || i.Int("total") != 1200 {
		t.Errorf("%d lines, has_more %t, total_count %d", len(data), lines.Bool("has_more"), lines.Int("total_count"))
	}
	rest := must(a.Get(lines.Str("url"), Form{"starting_after": data[9].(Object).ID()}))(t)
	if got := rest["data"].([]any); len(got) != 2 || rest.Bool("has_more") {
		t.Errorf("%d more lines", len(got))
	}
}
