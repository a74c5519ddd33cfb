package billing_test

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bursarhq/bursar/billing"
)

// Every currency whose exponent is not 2, and those that ISO 4217 and Stripe
// count differently.
func TestExponent(t *testing.T) {
	for want, currencies := range map[int]string{
		0: "bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf JPY Jpy",
		3: "bhd jod kwd omr tnd KWD",
		2: "usd eur isk ugx huf twd iqd lyd clf usdc zzz x",
	} {
		for c := range strings.FieldsSeq(currencies) {
			if got := billing.Exponent(c); got != want {
				t.Errorf("Exponent(%q) = %d, want %d", c, got, want)
			}
		}
	}
	if got := billing.Exponent(""); got != 2 {
		t.Errorf("Exponent of nothing = %d", got)
	}
}

func TestMoneyString(t *testing.T) {
	tests := []struct {
		amount   int64
		currency string
		want     string
	}{
		{2900, "usd", "29.00 USD"},
		{5, "usd", "0.05 USD"},
		{0, "usd", "0.00 USD"},
		{-5, "usd", "-0.05 USD"},
		{-123456, "EUR", "-1234.56 EUR"},
		{500, "jpy", "500 JPY"},
		{0, "jpy", "0 JPY"},
		{-1, "jpy", "-1 JPY"},
		{1234, "kwd", "1.234 KWD"},
		{10, "kwd", "0.010 KWD"},
		{500, "isk", "5 ISK"},
		{0, "isk", "0 ISK"},
		{550, "isk", "5.50 ISK"},
		{-5, "ugx", "-0.05 UGX"},
		{10000, "ugx", "100 UGX"},
		{100, "huf", "1.00 HUF"},
		{math.MaxInt64, "usd", "92233720368547758.07 USD"},
		{math.MinInt64, "usd", "-92233720368547758.08 USD"},
		{math.MinInt64, "jpy", "-9223372036854775808 JPY"},
		{math.MinInt64, "kwd", "-9223372036854775.808 KWD"},
	}
	for _, tt := range tests {
		if got := (billing.Money{Amount: tt.amount, Currency: tt.currency}).String(); got != tt.want {
			t.Errorf("%d %s: %q, want %q", tt.amount, tt.currency, got, tt.want)
		}
	}
}

// A payload may name anything a currency. What is shown is letters.
func TestHostileCurrencies(t *testing.T) {
	for currency, want := range map[string]string{
		"":                          "5.00 XXX",
		"  ":                        "5.00 XXX",
		"usd\r\nBcc: x":             "5.00 USDBCCX",
		"<b>usd</b>":                "5.00 BUSDB",
		"\u202eusd":                 "5.00 USD",
		"доллар":                    "5.00 XXX",
		"ſſſ":                       "5.00 XXX", // strings.ToUpper makes SSS of it
		"u1s2d3":                    "5.00 USD",
		"|=$":                       "5.00 XXX",
		"usdc":                      "5.00 USDC",
		strings.Repeat("long", 999): "5.00 LONGLONG",
		"\xff\xfeusd\x00":           "5.00 USD",
		"jpy|":                      "500 JPY",
	} {
		m := billing.Money{Amount: 500, Currency: currency}
		if got := m.String(); got != want {
			t.Errorf("%q: %q, want %q", currency, got, want)
		}
		if number, code, _ := strings.Cut(want, " "); code != "USD" && code != "JPY" {
			if got := m.Format("en"); got != code+"\u00a0"+number {
				t.Errorf("%q in English: %q", currency, got)
			}
		}
	}
}

func TestFormat(t *testing.T) {
	tests := []struct{ locale, currency, want string }{ // of 123456789 minor units
		{"en", "usd", "$1,234,567.89"},
		{"en", "cad", "CA$1,234,567.89"},
		{"en-CA", "cad", "$1,234,567.89"},
		{"en", "chf", "CHF~1,234,567.89"},
		{"en-IN", "inr", "₹12,34,567.89"},
		{"hi", "inr", "₹12,34,567.89"},
		{"de", "eur", "1.234.567,89~€"},
		{"de-AT", "eur", "€~1.234.567,89"},
		{"de-CH", "chf", "CHF~1'234'567.89"},
		{"fr", "eur", "1_234_567,89~€"},
		{"pt", "brl", "R$~1.234.567,89"},
		{"pt-BR", "brl", "R$~1.234.567,89"},
		{"pt-PT", "eur", "1~234~567,89~€"},
		{"sv", "sek", "1~234~567,89~kr"},
		{"nl", "eur", "€~1.234.567,89"},
		{"pl", "pln", "1~234~567,89~zł"},
		{"ja", "jpy", "￥123,456,789"},
		{"en", "jpy", "¥123,456,789"},
		{"ko", "krw", "₩123,456,789"},
		{"zh", "cny", "¥1,234,567.89"},
		{"tr", "try", "₺1.234.567,89"},
		{"en", "isk", "ISK~1,234,567.89"},
		{"en", "zzz", "ZZZ~1,234,567.89"},
		{"de", "zzz", "1.234.567,89~ZZZ"},
	}
	visible := strings.NewReplacer("\u00a0", "~", "\u202f", "_")
	for _, tt := range tests {
		if got := visible.Replace(billing.Money{Amount: 123456789, Currency: tt.currency}.Format(tt.locale)); got != tt.want {
			t.Errorf("%s in %s: %q, want %q", tt.currency, tt.locale, got, tt.want)
		}
	}
}

func TestFormatWholeAndSmall(t *testing.T) {
	tests := []struct {
		amount                 int64
		currency, locale, want string
	}{
		{500, "isk", "en", "ISK~5"},
		{505, "isk", "en", "ISK~5.05"},
		{-500, "isk", "en", "-ISK~5"},
		{500, "isk", "is", "5~kr."},
		{123400, "eur", "es", "1234,00~€"}, // no group of one digit in Spanish
		{1234500, "eur", "es", "12.345,00~€"},
		{99999, "eur", "de", "999,99~€"},
		{100000, "eur", "de", "1.000,00~€"},
		{9999999, "inr", "hi", "₹99,999.99"},
		{10000000, "inr", "hi", "₹1,00,000.00"},
		{-500, "eur", "nl", "€~-5,00"},
		{-500, "eur", "sv", "−5,00~€"},
		{math.MinInt64, "usd", "en", "-$92,233,720,368,547,758.08"},
		{math.MinInt64, "inr", "en-IN", "-₹92,23,37,20,36,85,47,758.08"},
	}
	for _, tt := range tests {
		got := strings.ReplaceAll(billing.Money{Amount: tt.amount, Currency: tt.currency}.Format(tt.locale), "\u00a0", "~")
		if got != tt.want {
			t.Errorf("%d %s in %s: %q, want %q", tt.amount, tt.currency, tt.locale, got, tt.want)
		}
	}
}

func TestFormatDecimal(t *testing.T) {
	tests := []struct{ minor, currency, locale, want string }{
		{"0.5", "usd", "en", "$0.005"},
		{"1234.5678", "usd", "en", "$12.345678"},
		{"1234.5678", "eur", "de", "12,345678~€"},
		{"1200", "usd", "en", "$12.00"},
		{"1250", "usd", "en", "$12.50"},
		{"1200.000", "usd", "en", "$12.00"},
		{"1210.00", "usd", "en", "$12.10"},
		{"0", "usd", "en", "$0.00"},
		{"-0", "usd", "en", "$0.00"},
		{"-0.00", "usd", "en", "$0.00"},
		{"-0.5", "usd", "en", "-$0.005"},
		{"0000012", "usd", "en", "$0.12"},
		{"0.000000000001", "usd", "en", "$0.00000000000001"},
		{"0.5", "jpy", "en", "¥0.5"},
		{"12", "jpy", "en", "¥12"},
		{"1234.5", "kwd", "en", "KWD~1.2345"},
		{"500", "isk", "en", "ISK~5"},
		{"500.5", "isk", "en", "ISK~5.005"},
		{"510", "isk", "en", "ISK~5.10"},
		{"123456789012345678901234567890", "usd", "en", "$1,234,567,890,123,456,789,012,345,678.90"},
		{strings.Repeat("9", 64), "jpy", "pl", "9" + strings.Repeat("~999", 21) + "~JPY"},
	}
	for _, tt := range tests {
		got, err := billing.FormatDecimal(tt.minor, tt.currency, tt.locale)
		if got = strings.ReplaceAll(got, "\u00a0", "~"); err != nil || got != tt.want {
			t.Errorf("%s %s in %s: %q, %v; want %q", tt.minor, tt.currency, tt.locale, got, err, tt.want)
		}
	}
	for _, bad := range []string{"", "-", ".", "5.", ".5", "--5", "+5", "1,5", "1e3", "0x10", " 5", "5 ", "1.2.3", "٥", "NaN", "null", strings.Repeat("9", 66)} {
		if got, err := billing.FormatDecimal(bad, "usd", "en"); err == nil {
			t.Errorf("%q is formatted as %q", bad, got)
		}
	}
	if _, err := billing.FormatDecimal(strings.Repeat("x", 1<<20), "usd", "en"); err == nil || len(err.Error()) > 200 {
		t.Error("a megabyte is refused at length")
	}
}

// Decimal is Amount divided by ten to the exponent, exactly.
func TestDecimalIsExact(t *testing.T) {
	currencies := rapid.SampledFrom([]string{"usd", "jpy", "kwd", "isk", "ugx", "zzz"})
	rapid.Check(t, func(t *rapid.T) {
		m := billing.Money{Amount: rapid.Int64().Draw(t, "amount"), Currency: currencies.Draw(t, "currency")}
		got, ok := new(big.Rat).SetString(m.Decimal())
		if !ok {
			t.Fatalf("%q is no number", m.Decimal())
		}
		scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(billing.Exponent(m.Currency))), nil)
		if want := new(big.Rat).SetFrac(big.NewInt(m.Amount), scale); got.Cmp(want) != 0 {
			t.Fatalf("%d %s is %s", m.Amount, m.Currency, m.Decimal())
		}
	})
}

// A whole number of minor units is written the same by both functions.
func TestFormatDecimalAgreesWithFormat(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := billing.Money{
			Amount:   rapid.Int64().Draw(t, "amount"),
			Currency: rapid.SampledFrom([]string{"usd", "jpy", "kwd", "isk", "zzz"}).Draw(t, "currency"),
		}
		locale := rapid.SampledFrom([]string{"en", "de", "hi", "es", "he", "sv", "nl"}).Draw(t, "locale")
		minor := fmt.Sprint(m.Amount) + rapid.SampledFrom([]string{"", ".0", ".00"}).Draw(t, "zeros")
		got, err := billing.FormatDecimal(minor, m.Currency, locale)
		if err != nil || got != m.Format(locale) {
			t.Fatalf("%s: %q, %v; Format says %q", minor, got, err, m.Format(locale))
		}
	})
}

func TestLocaleFallback(t *testing.T) {
	day := time.Date(2026, 11, 5, 23, 59, 0, 0, time.UTC)
	for locale, want := range map[string]string{
		"":                                "November 5, 2026",
		"auto":                            "November 5, 2026",
		"en":                              "November 5, 2026",
		"en-US":                           "November 5, 2026",
		"en-GB":                           "5 November 2026",
		"EN_gb":                           "5 November 2026",
		"xx":                              "November 5, 2026",
		"sr-Latn-RS":                      "November 5, 2026",
		"-":                               "November 5, 2026",
		"de-DE":                           "5. November 2026",
		"de_AT.UTF-8":                     "5. November 2026",
		"en_GB@euro":                      "5 November 2026",
		"de-DE-1996-x":                    "5. November 2026",
		"pt-BR":                           "5 de novembro de 2026",
		"pt-AO":                           "5 de novembro de 2026",
		"no":                              "5. november 2026",
		"nb-NO":                           "5. november 2026",
		"zh-Hant-TW":                      "2026年11月5日",
		"ja-JP":                           "2026年11月5日",
		"th":                              "5 พฤศจิกายน 2569",
		"lt":                              "2026 m. lapkričio 5 d.",
		"e":                               "November 5, 2026",
		"de-x-" + strings.Repeat("y", 40): "November 5, 2026",
	} {
		if got := billing.FormatDate(day, locale); got != want {
			t.Errorf("%q: %q, want %q", locale, got, want)
		}
	}
}

func TestFormatDate(t *testing.T) {
	day := time.Date(2026, 3, 5, 23, 30, 0, 0, time.UTC)
	for locale, want := range map[string]string{
		"en": "Mar 5, 2026", "en-GB": "5 Mar 2026", "de": "05.03.2026", "fr": "5 mars 2026", "ja": "2026/03/05",
		"cs": "5. 3. 2026", "ko": "2026. 3. 5.", "lt": "2026-03-05", "th": "5 มี.ค. 2569", "pt": "5 de mar. de 2026",
	} {
		if got := billing.FormatDateShort(day, locale); got != want {
			t.Errorf("%s: %q, want %q", locale, got, want)
		}
	}
	// The day is that of the time's own zone.
	if got := billing.FormatDate(day.In(time.FixedZone("", 3600)), "en"); got != "March 6, 2026" {
		t.Errorf("an hour east: %q", got)
	}
}

func ExampleMoney_Format() {
	m := billing.Money{Amount: 123450, Currency: "eur"}
	for _, locale := range []string{"en", "de", "de-AT", "pt-BR"} {
		fmt.Println(locale, strings.ReplaceAll(m.Format(locale), "\u00a0", " "))
	}
	fmt.Println(m)
	// Output:
	// en €1,234.50
	// de 1.234,50 €
	// de-AT € 1.234,50
	// pt-BR € 1.234,50
	// 1234.50 EUR
}

func ExampleFormatDecimal() {
	price, err := billing.FormatDecimal("0.5", "usd", "en") // half a cent a request
	fmt.Println(price, err)
	// Output: $0.005 <nil>
}

func ExampleFormatDate() {
	due := time.Date(2026, time.November, 5, 0, 0, 0, 0, time.UTC)
	for _, locale := range []string{"en", "en-GB", "de", "es"} {
		fmt.Println(billing.FormatDate(due, locale), "|", billing.FormatDateShort(due, locale))
	}
	// Output:
	// November 5, 2026 | Nov 5, 2026
	// 5 November 2026 | 5 Nov 2026
	// 5. November 2026 | 05.11.2026
	// 5 de noviembre de 2026 | 5 nov 2026
}
