package pdf_test

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"testing"
	"time"

	"github.com/bursarhq/bursar/internal/pdf"
)

func day(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// sampleInvoice has a bit of everything: a proration, a discount, two rates.
func sampleInvoice() pdf.Document {
	from, to := day(2026, 11, 25), day(2026, 12, 25)
	vat := []pdf.Tax{{Name: "VAT", Percent: "19"}}
	return pdf.Document{
		Kind: pdf.Invoice, Number: "HEL-2026-0042", Currency: "eur", Locale: "en",
		IssuedAt: from, DueAt: day(2026, 12, 9), PeriodStart: from, PeriodEnd: to,
		Seller: pdf.Party{
			Name:    "Helmsman Software GmbH",
			Address: pdf.Address{Line1: "Große Elbstraße 27", City: "Hamburg", PostalCode: "22767", Country: "DE"},
			Email:   "billing@helmsman.example", TaxIDs: []pdf.TaxID{{Type: "eu_vat", Value: "DE123456789"}},
			Registration: "Amtsgericht Hamburg, HRB 98765",
			Footer:       "Helmsman Software GmbH · Große Elbstraße 27 · 22767 Hamburg · Geschäftsführerin: Dr. Jutta Brandt\nIBAN DE02 1203 0000 0000 2020 51 · BIC BYLADEM1001",
		},
		Buyer: pdf.Party{
			Name:    "Tidewater Analytics Ltd.",
			Address: pdf.Address{Line1: "4th Floor, 18 Albert Road", City: "Bristol", PostalCode: "BS2 0XA", Country: "GB"},
			Email:   "accounts@tidewater.example", TaxIDs: []pdf.TaxID{{Type: "gb_vat", Value: "GB987654321"}},
		},
		Fields: []pdf.Field{{Label: "Purchase order", Value: "PO-7731"}},
		Lines: []pdf.Line{
			{Description: "Pro plan, monthly", Quantity: "3", UnitAmount: "2900", Amount: 8700, Discount: 870, PeriodStart: from, PeriodEnd: to, Taxes: vat},
			{Description: "Unused time on Starter plan after 18 Nov 2026", Quantity: "1", UnitAmount: "-203", Amount: -203, PeriodStart: day(2026, 11, 18), PeriodEnd: from, Proration: true, Taxes: vat},
			{Description: "API calls (per call, above 10,000)", Quantity: "12840", UnitAmount: "0.05", Amount: 642, PeriodStart: day(2026, 10, 25), PeriodEnd: from, Taxes: vat},
			{Description: "Handbook, printed", Quantity: "1", UnitAmount: "1800", Amount: 1800, Taxes: []pdf.Tax{{Name: "VAT", Percent: "7.0"}}},
		},
		Discounts: []pdf.Discount{{Name: "WELCOME10", Percent: "10", Amount: 870}},
		Taxes: []pdf.Tax{
			{Name: "VAT", Percent: "19", Taxable: 8269, Amount: 1571},
			{Name: "VAT", Percent: "7.0", Taxable: 1800, Amount: 126},
		},
		Totals: pdf.Totals{Subtotal: 10939, TotalExcludingTax: 10069, Total: 11766, AppliedBalance: -500, AmountDue: 11266},
		PayURL: "https://pay.helmsman.example/invoices/HEL-2026-0042",
		Notes:  []string{"Thank you for your business. Please quote the invoice number with your payment."},
	}
}

// sampleLogo is a drawn PNG with transparency.
func sampleLogo(t testing.TB) []byte {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, 480, 150))
	for y := range 150 {
		for x := range 480 {
			dx, dy := x-75, y-75
			switch {
			case dx*dx+dy*dy < 68*68 && (dx+dy)%36 < 22:
				img.Set(x, y, color.NRGBA{47, 93, 140, 255})
			case x > 170 && y > 45 && y < 70 && x < 460, x > 170 && y > 85 && y < 105 && x < 380:
				img.Set(x, y, color.NRGBA{27, 31, 42, 255})
			}
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func newRenderer(t testing.TB, o pdf.Options) *pdf.Renderer {
	t.Helper()
	r, err := pdf.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func render(t testing.TB, r *pdf.Renderer, d pdf.Document) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := r.Render(&out, d); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
