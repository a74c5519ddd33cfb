package pdf_test

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bursarhq/bursar/internal/pdf"
)

func TestHostileTextIsShownAsText(t *testing.T) {
	r := newRenderer(t, pdf.Options{})
	for name, c := range map[string]struct{ text, want string }{
		"markup":        {"<b>Bold</b> & <script>alert(1)</script>", "<b>Bold</b> & <script>alert(1)</script>"},
		"pdf operators": {"(x) Tj ET Q \\ endstream endobj", "(x) Tj ET Q \\ endstream endobj"},
		"template":      {"{amount} {{.Secret}} ${HOME} %s", "{amount} {{.Secret}} ${HOME} %s"},
		"nul and bell":  {"A\x00B\x07C", "A\ufffdB\ufffdC"},
		"escape":        {"\x1b[31mred", "\ufffd[31mred"},
		"not utf-8":     {"caf\xe9", "caf\ufffd"},
		"tab":           {"a\tb", "a b"},
		"override":      {"invoice\u202efdp.exe", "invoicefdp.exe"},
		"isolates":      {"\u2067abc\u2069\u200f", "abc"},
		"byte order":    {"\ufeffabc\u200b", "abc"},
		"lone mark":     {"\u0301x", "\u0301x"},
		"zalgo":         {"Z" + strings.Repeat("\u0335", 200) + "algo", "Z" + strings.Repeat("\u0335", 6) + "algo"},
	} {
		t.Run(name, func(t *testing.T) {
			d := sampleInvoice()
			d.Lines[3].Description, d.Buyer.Name, d.Notes = c.text, c.text, []string{c.text}
			file := render(t, r, d)
			validate(t, file)
			if text := extract(t, file)[0]; strings.Count(text, c.want) < 3 {
				t.Errorf("%q is not shown as %q three times:\n%s", c.text, c.want, text)
			}
		})
	}
}

func TestHostileLengths(t *testing.T) {
	r := newRenderer(t, pdf.Options{})
	for name, text := range map[string]string{
		"one word":    strings.Repeat("W", 10_000),
		"words":       strings.Repeat("lorem ipsum ", 1000),
		"han":         strings.Repeat("骨", 10_000),
		"arabic":      strings.Repeat("الشركة ", 2000),
		"line breaks": strings.Repeat("a\n", 5000),
		"spaces":      strings.Repeat(" \u00a0\u3000", 3000) + "x",
		"bad bytes":   strings.Repeat("\xff", 10_000),
	} {
		t.Run(name, func(t *testing.T) {
			d := sampleInvoice()
			d.Number, d.Seller.Name, d.Buyer.Name, d.Buyer.Email = text, text, text, text
			d.Buyer.Address = pdf.Address{Line1: text, Line2: text, City: text, State: text, PostalCode: text, Country: text}
			d.Buyer.TaxIDs = []pdf.TaxID{{Type: text, Value: text}}
			d.Seller.Footer = text
			d.Fields = []pdf.Field{{Label: text, Value: text}}
			d.Lines[0] = pdf.Line{Description: text, Quantity: text, UnitAmount: text, Amount: math.MinInt64, Taxes: []pdf.Tax{{Percent: text}}}
			d.Taxes[0] = pdf.Tax{Name: text, Percent: text, Taxable: math.MaxInt64, Amount: math.MaxInt64}
			d.Discounts[0] = pdf.Discount{Name: text, Percent: text, Amount: math.MinInt64}
			d.Notes = []string{text}
			file := render(t, r, d)
			validate(t, file)
			if pages := extract(t, file); len(pages) > 6 {
				t.Errorf("%d pages", len(pages))
			}
			if len(file) > 400_000 {
				t.Errorf("%d bytes", len(file))
			}
		})
	}
}

// Whatever is in a document, rendering it ends, and the file is one that an
// independent reader accepts.
func TestAnyTextRenders(t *testing.T) {
	r := newRenderer(t, pdf.Options{})
	rapid.Check(t, func(rt *rapid.T) {
		text := func(label string) string { return rapid.String().Draw(rt, label) }
		d := sampleInvoice()
		d.Buyer.Name, d.Buyer.Email, d.Seller.Footer = text("name"), text("email"), text("footer")
		d.Number += text("number")
		d.Locale, d.Currency = text("locale"), "x"+text("currency")
		d.Lines[0].Description, d.Lines[0].Quantity, d.Lines[0].UnitAmount = text("description"), text("quantity"), text("unit")
		d.Lines[0].Amount = rapid.Int64().Draw(rt, "amount")
		d.Taxes[0].Name, d.Taxes[0].Percent, d.Taxes[0].Reason = text("tax"), text("percent"), text("reason")
		d.Payments = []pdf.Payment{{Kind: pdf.PaymentKind(text("kind")), Brand: text("brand"), Last4: text("last4")}}
		d.Kind = rapid.SampledFrom([]pdf.Kind{pdf.Invoice, pdf.Receipt, pdf.CreditNote}).Draw(rt, "document")
		d.PayURL = rapid.SampledFrom([]string{"https://x.example/" + text("path"), "javascript:alert(1)", text("url")}).Draw(rt, "pay")
		validate(t, render(t, r, d))
	})
}

func TestOnlyWebAddressesAreLinked(t *testing.T) {
	r := newRenderer(t, pdf.Options{})
	for address, linked := range map[string]bool{
		"https://pay.example/i?a=1&b=(2)": true, "http://pay.example": true,
		"javascript:alert(1)": false, "file:///etc/passwd": false, "https:pay": false, "": false, "%zz": false,
	} {
		d := sampleInvoice()
		d.PayURL = address
		if got := strings.Contains(string(render(t, r, d)), "/URI"); got != linked {
			t.Errorf("%q: linked %v", address, got)
		}
	}
}
