package billing

import (
	"fmt"
	"strconv"
	"strings"
)

//go:generate node internal/gen/cldr.mjs

// Money is an amount in the currency's minor unit, as Stripe counts it (see
// Exponent), which may be negative. Currency is an ISO code in either case;
// Stripe's are in lower case.
type Money struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

// String is the amount for logs and machines: "29.00 USD".
func (m Money) String() string {
	return m.Decimal() + " " + currencyCode(m.Currency)
}

// Decimal is the amount in the currency's major unit, with a point and without
// grouping: "29.00", "-0.05", "500" for a currency without decimals.
func (m Money) Decimal() string {
	a := m.major()
	s := a.whole
	if a.fraction != "" {
		s += "." + a.fraction
	}
	if a.negative {
		s = "-" + s
	}
	return s
}

// Format is the amount as people write it in the locale ("de-AT", "pt_BR"; "en"
// is taken for what is empty, "auto" or not known): "$29.00", "29,00 €",
// "₹1,23,456.00". The currency's symbol is the one by which the locale tells it
// from others ("CA$" in English, "$" in Canada), or else its code. Spaces within
// are no-break ones.
func (m Money) Format(locale string) string {
	return localeFor(locale).money(m.major(), currencyCode(m.Currency))
}

// FormatDecimal is Format for an amount that is not a whole number of minor
// units: minor is a decimal number as Stripe's unit_amount_decimal has it ("0.5"
// is half a cent, "$0.005"). No digit is dropped or rounded, trailing zeros
// beyond the currency's decimals are. It is an error if minor is anything but
// digits (64 at most) with a sign before and a point among them.
func FormatDecimal(minor, currency, locale string) (string, error) {
	number, negative := strings.CutPrefix(minor, "-")
	whole, fraction, point := strings.Cut(number, ".")
	if !allDigits(whole) || point && !allDigits(fraction) || len(number) > maxDecimalBytes {
		return "", fmt.Errorf("billing: %.80q is not a decimal amount", minor)
	}
	c := currencyCode(currency)
	a := majorUnits(strings.TrimLeft(whole, "0"), fraction, c)
	a.negative = negative && strings.Trim(a.whole+a.fraction, "0") != ""
	return localeFor(locale).money(a, c), nil
}

// maxDecimalBytes is far more than Stripe's twelve decimals, and bounds what a
// document has to make room for.
const maxDecimalBytes = 65

// Exponent is how many decimals the currency's minor unit stands for: 2 in usd,
// 0 in jpy, 3 in kwd, and 2 for what is not known.
//
// These are Stripe's units, not ISO 4217's
// (https://docs.stripe.com/currencies#minor-units). Króna and Uganda shilling
// have no decimals any more and are counted in hundredths nevertheless: 500 isk
// are 5 krónur.
func Exponent(currency string) int {
	switch currencyCode(currency) {
	case "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "JOD", "KWD", "OMR", "TND":
		return 3
	}
	return 2
}

// mostlyWhole says of a currency that its decimals are shown only where Stripe's
// hundredths do not come out even.
func mostlyWhole(code string) bool {
	return code == "ISK" || code == "UGX"
}

// currencyCode is a currency as it is shown: letters of ASCII in upper case and nothing
// else, whatever a payload says, at no more length than a real code could ever
// have; "XXX", ISO's code for no currency, if nothing is left.
func currencyCode(currency string) string {
	const most = 8
	b := make([]byte, 0, most)
	for i := 0; i < len(currency) && len(b) < most; i++ {
		switch c := currency[i]; {
		case 'a' <= c && c <= 'z':
			b = append(b, c-'a'+'A')
		case 'A' <= c && c <= 'Z':
			b = append(b, c)
		}
	}
	if len(b) == 0 {
		return "XXX"
	}
	return string(b)
}

// majorAmount is a decimal number of a currency's major unit. Zero is not negative.
type majorAmount struct {
	negative bool
	whole    string // digits, at least one
	fraction string // digits, perhaps none
}

func (m Money) major() majorAmount {
	magnitude := uint64(m.Amount)
	if m.Amount < 0 {
		magnitude = -magnitude // of math.MinInt64, too, which has no int64 opposite
	}
	a := majorUnits(strconv.FormatUint(magnitude, 10), "", currencyCode(m.Currency))
	a.negative = m.Amount < 0
	return a
}

// majorUnits moves the point of minor.fraction to where the currency's major
// unit has it. The fraction is at least as long as the currency's decimals.
func majorUnits(minor, fraction, code string) majorAmount {
	exponent := Exponent(code)
	if pad := exponent + 1 - len(minor); pad > 0 {
		minor = strings.Repeat("0", pad) + minor
	}
	point := len(minor) - exponent
	decimals := strings.TrimRight(minor[point:]+fraction, "0")
	if decimals == "" && mostlyWhole(code) {
		return majorAmount{whole: minor[:point]}
	}
	if pad := exponent - len(decimals); pad > 0 {
		decimals += strings.Repeat("0", pad)
	}
	return majorAmount{whole: minor[:point], fraction: decimals}
}

// allDigits says whether s is decimal digits of ASCII, one at least.
func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
