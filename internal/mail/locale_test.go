package mail

import (
	"strings"
	"testing"
	"time"

	"github.com/bursarhq/bursar/billing"
)

func TestLocales(t *testing.T) {
	for _, tt := range []struct{ seller, wish, want string }{
		{"", "", "en"},
		{"", "de", "de"},
		{"", "de-AT", "de-AT"},
		{"", "de_CH", "de-CH"},
		{"", "it,fr,de", "fr"},
		{"", "xx-YY", "en"},
		{"fr", "it", "fr"},
		{"fr-CA", "", "fr-CA"},
		{"de-AT", "de", "de"},
		{"de-AT", "en-GB", "en-GB"},
		{"ja", "ko", "en"},
		{"", "auto", "en"},
		{"", "../../etc", "en"},
		{"", "zh-Hant-TW,es-419", "es-419"},
	} {
		m := render(t, renderer(t, Options{Locale: tt.seller}), "payment_failed", tt.wish, samplePaymentFailed)
		if m.Locale != tt.want {
			t.Errorf("seller %q, recipient %q: %q, want %q", tt.seller, tt.wish, m.Locale, tt.want)
		}
		if !strings.Contains(m.HTML, `<html lang="`+tt.want+`">`) || !strings.Contains(m.HTML, "<title>"+strings.ReplaceAll(m.Subject, "+", "&#43;")+"</title>") {
			t.Errorf("seller %q, recipient %q: the page does not say lang=%s, or lacks its title", tt.seller, tt.wish, tt.want)
		}
	}
	// Operators read the seller's language, whatever the tenant's is.
	if m := render(t, renderer(t, Options{Locale: "fr"}), "dispute_opened", "de", sampleDispute); m.Locale != "fr" {
		t.Errorf("an operator's mail in %s", m.Locale)
	}
	if _, err := NewRenderer(Options{Locale: "german"}); err == nil {
		t.Error("german is taken for a locale")
	}
}

func TestRegionalMoneyAndZone(t *testing.T) {
	d := sampleTrialEnding.with(func(d *Data) {
		d.Amount = billing.Money{Amount: 123456, Currency: "eur"}
		d.TrialEnd = time.Date(2026, 11, 14, 23, 30, 0, 0, time.UTC)
	})
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	r := renderer(t, Options{Zone: berlin})
	for locale, want := range map[string]string{
		"de":    billing.Money{Amount: 123456, Currency: "eur"}.Format("de") + " pro Monat",
		"de-AT": billing.Money{Amount: 123456, Currency: "eur"}.Format("de-AT") + " pro Monat",
		"en-GB": billing.Money{Amount: 123456, Currency: "eur"}.Format("en-GB") + " per month",
	} {
		if m := render(t, r, "trial_ending", locale, d); !strings.Contains(m.Text, want) {
			t.Errorf("%s: no %q in\n%s", locale, want, m.Text)
		}
	}
	if m := render(t, r, "trial_ending", "de", d); !strings.Contains(m.Subject, "15. November 2026") {
		t.Errorf("half past midnight in Berlin is told as %q", m.Subject)
	}
}

func TestFormat(t *testing.T) {
	f := newFormat("en", time.UTC)
	for got, want := range map[string]string{
		f.Per("month", 0):      "per month",
		f.Per("month", 3):      "every 3 months",
		f.Per("", 1):           "",
		f.Per("fortnight", 1):  "",
		f.Span(26 * time.Hour): "26 hours",
		f.Span(50 * time.Hour): "2 days",
		f.Span(time.Minute):    "1 minute",
		f.Span(time.Hour):      "60 minutes",
		f.Card(Method{Type: "card", Brand: "amex", Last4: "0005"}): "American Express ending in 0005",
		f.Card(Method{Type: "sepa_debit", Last4: "3000"}):          "SEPA ending in 3000",
		f.Card(Method{Type: "link"}):                               "Link",
		f.Card(Method{Type: "card", Brand: "unknown", Last4: "1"}): "Card ending in 1",
		f.Card(Method{Type: "some_new_thing"}):                     "Some new thing",
		f.Card(Method{}):                                           "",
		f.Expiry(Method{ExpMonth: 3, ExpYear: 2027}):               "03/2027",
		f.Expiry(Method{ExpMonth: 13, ExpYear: 2027}):              "",
		Line{"Pro", 3, usd(1)}.Label():                             "Pro × 3",
		Line{"Pro", 1, usd(1)}.Label():                             "Pro",
		f.Time(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)):        "2026-01-02 03:04 UTC",
		f.Less(usd(5)): billing.Money{Amount: -5, Currency: "usd"}.Format("en"),
		newFormat("es", time.UTC).Span(2 * time.Hour):                   "2 horas",
		newFormat("it", time.UTC).Date(sampleDay(time.March, 1)) + "it": billing.FormatDate(sampleDay(time.March, 1), "it") + "it",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
