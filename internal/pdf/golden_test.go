package pdf_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bursarhq/bursar/internal/pdf"
)

var update = flag.Bool("update", false, "write testdata/*.txt anew")

// TestGolden compares the text of whole documents with testdata; -update writes
// it, and then the difference is to be read.
func TestGolden(t *testing.T) {
	r := newRenderer(t, pdf.Options{})
	for name, d := range goldenDocuments() {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(extract(t, render(t, r, d)), "\n--- page ---\n") + "\n"
			path := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("text differs from %s; it is now:\n%s", path, got)
			}
		})
	}
}

func goldenDocuments() map[string]pdf.Document {
	documents := map[string]pdf.Document{"invoice": sampleInvoice()}

	d := sampleInvoice()
	d.Kind, d.Number, d.InvoiceNumber = pdf.Receipt, "2026-1001", "HEL-2026-0042"
	d.Totals.AmountPaid = 11266
	d.Payments = []pdf.Payment{
		{At: day(2026, 11, 26), Amount: 10000, Brand: "visa", Last4: "4242"},
		{At: day(2026, 11, 27), Amount: 1266, Brand: "sepa_debit", Last4: "3000"},
	}
	documents["receipt"] = d

	d = sampleInvoice()
	d.Kind, d.Number, d.InvoiceNumber, d.Reason, d.Locale = pdf.CreditNote, "HEL-2026-0042-CN-01", "HEL-2026-0042", "order_change", "de-AT"
	d.Lines = d.Lines[:1]
	d.Lines[0].Discount = 0
	d.Discounts = nil
	d.Taxes = []pdf.Tax{{Name: "USt", Percent: "19.00", Taxable: 8700, Amount: 1653}}
	d.Totals = pdf.Totals{Subtotal: 8700, TotalExcludingTax: 8700, Total: 10353}
	d.Payments = []pdf.Payment{{Kind: pdf.Refunded, At: day(2026, 12, 1), Amount: 10000}, {Kind: pdf.CreditedBalance, Amount: 353}}
	documents["credit-note"] = d

	d = sampleInvoice()
	d.Lines = []pdf.Line{{Description: "Team plan", Quantity: "1", UnitAmount: "10000", Amount: 10000}}
	d.Discounts = nil
	d.Taxes = []pdf.Tax{{Name: "VAT", Percent: "0", Taxable: 10000, Reason: "reverse_charge"}}
	d.Totals = pdf.Totals{Subtotal: 10000, TotalExcludingTax: 10000, Total: 10000, AmountDue: 10000}
	d.Locale, d.DueAt = "fr-FR", day(1, 1, 1)
	documents["reverse-charge"] = d

	d = sampleInvoice()
	d.Currency, d.Locale = "jpy", "ja-JP"
	d.Buyer = pdf.Party{
		Name:    "株式会社サンプル",
		Address: pdf.Address{PostalCode: "150-0002", State: "東京都", City: "渋谷区", Line1: "渋谷2丁目21番1号", Country: "JP"},
		TaxIDs:  []pdf.TaxID{{Type: "jp_trn", Value: "T1234567890123"}},
	}
	d.Lines = []pdf.Line{{Description: "プロプラン（月額）", Quantity: "1", UnitAmount: "3300", Amount: 3300, PeriodStart: d.PeriodStart, PeriodEnd: d.PeriodEnd}}
	d.Discounts = nil
	d.Taxes = []pdf.Tax{{Name: "消費税", Percent: "10", Taxable: 3000, Amount: 300, Inclusive: true}}
	d.Totals = pdf.Totals{Subtotal: 3300, TotalExcludingTax: 3000, Total: 3300, AmountDue: 3300}
	documents["inclusive-ja"] = d

	d = sampleInvoice()
	d.Seller.Footer = ""
	for i := range 36 {
		l := d.Lines[i%4]
		l.Description = fmt.Sprintf("Seat %d", i+1)
		d.Lines = append(d.Lines, l)
	}
	documents["two-pages"] = d
	return documents
}
