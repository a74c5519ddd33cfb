package einvoice

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/pdf"
)

// ErrNotPossible is wrapped by the error of a document that EN 16931 has no
// invoice for: it lacks what the standard demands, or says what it cannot say.
var ErrNotPossible = errors.New("no EN 16931 invoice can be made of this document")

// XML is the invoice or credit note as a Cross Industry Invoice.
func XML(d pdf.Document) ([]byte, error) {
	w := &writer{doc: &d, exponent: billing.Exponent(d.Currency)}
	invoice, err := w.invoice()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrNotPossible, d.Number, err)
	}
	body, err := xml.MarshalIndent(invoice, "", " ")
	if err != nil {
		return nil, fmt.Errorf("e-invoice %s: %w", d.Number, err)
	}
	return append([]byte(xml.Header), append(body, '\n')...), nil
}

// writer makes one invoice.
type writer struct {
	doc      *pdf.Document
	exponent int
	groups   []group // the VAT breakdown, in the order of the lines
}

func (w *writer) invoice() (*crossIndustryInvoice, error) {
	d := w.doc
	if err := w.demanded(); err != nil {
		return nil, err
	}
	code := "380"
	if d.Kind == pdf.CreditNote {
		code = "381"
	}
	out := &crossIndustryInvoice{
		RSM: namespaceRSM, RAM: namespaceRAM, UDT: namespaceUDT, Guideline: guideline,
		Document: exchanged{ID: d.Number, TypeCode: code, Issued: *on(d.IssuedAt)},
	}
	for _, text := range d.Notes {
		out.Document.Notes = append(out.Document.Notes, note{text})
	}
	lines, err := w.lines()
	if err != nil {
		return nil, err
	}
	out.Transaction.Lines = lines
	out.Transaction.Settlement, err = w.settlement()
	if err != nil {
		return nil, err
	}
	out.Transaction.Seller, out.Transaction.Buyer = w.party(d.Seller, true), w.party(d.Buyer, false)
	return out, nil
}

// demanded checks what the standard's core rules (BR-01 to BR-16, BR-DEC) demand
// of every invoice.
func (w *writer) demanded() error {
	d := w.doc
	for _, c := range []struct {
		missing bool
		what    string
	}{
		{d.Kind != pdf.Invoice && d.Kind != pdf.CreditNote, "it is neither an invoice nor a credit note"},
		{d.Number == "", "it has no number"},
		{d.IssuedAt.IsZero(), "it has no date of issue"},
		{len(d.Currency) != 3, "it has no currency"},
		{w.exponent > 2, "amounts in " + strings.ToUpper(d.Currency) + " have more than two decimals"},
		{d.Seller.Name == "", "the seller has no name"},
		{d.Buyer.Name == "", "the buyer has no name"},
		{len(d.Seller.Address.Country) != 2, "the seller's address has no country"},
		{len(d.Buyer.Address.Country) != 2, "the buyer's address has no country"},
		{len(d.Lines) == 0, "it has no lines"},
	} {
		if c.missing {
			return errors.New(c.what)
		}
	}
	return nil
}

func (w *writer) money(minor int64) string {
	return billing.Money{Amount: minor, Currency: w.doc.Currency}.Decimal()
}

func on(t time.Time) *dateTime {
	if t.IsZero() {
		return nil
	}
	var d dateTime
	d.Value.Format, d.Value.Day = "102", t.Format("20060102")
	return &d
}

// between is a period, nil if nothing of it is known or it ends before it starts.
func between(start, end time.Time) *period {
	if start.IsZero() && end.IsZero() || !end.IsZero() && end.Before(start) {
		return nil
	}
	return &period{Start: on(start), End: on(end)}
}

// lines are the document's, net: without what taxes are contained in the prices.
func (w *writer) lines() ([]lineItem, error) {
	var items []lineItem
	for i, l := range w.doc.Lines {
		item, err := w.line(i, l)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		items = append(items, item)
	}
	return items, nil
}

func (w *writer) line(i int, l pdf.Line) (lineItem, error) {
	vat, err := w.lineVAT(l)
	if err != nil {
		return lineItem{}, err
	}
	discount := l.Discount
	if !w.discountsOnLines() {
		discount = 0
	}
	gross := l.Amount - vat.contained // before discounts
	net := gross - discount
	w.group(vat).basis += net

	name := strings.TrimSpace(l.Description)
	if name == "" {
		name = w.doc.Number + "-" + strconv.Itoa(i+1) // BR-25: an item has a name
	}
	item := lineItem{ID: strconv.Itoa(i + 1), Name: name}
	item.Price, item.Quantity, err = w.price(l, gross, vat.contained == 0)
	if err != nil {
		return lineItem{}, err
	}
	item.Settlement = lineSettlement{
		Tax:    lineTax{Type: "VAT", Category: vat.category, Percent: vat.percent},
		Period: between(l.PeriodStart, l.PeriodEnd),
		Total:  w.money(net),
	}
	if discount != 0 {
		item.Settlement.Allowances = []allowance{{Amount: w.money(discount), Reason: "Discount"}}
	}
	return item, nil
}

// price is the net price of one unit where it is exact, else that of the whole
// quantity. A credit has a negative quantity, for no price may be negative
// (BR-27).
func (w *writer) price(l pdf.Line, gross int64, exclusive bool) (price, quantity, error) {
	billed := l.Quantity
	if billed == "" || billed == "0" {
		billed = "1"
	}
	if n, err := strconv.ParseFloat(billed, 64); err != nil || n <= 0 || strings.ContainsAny(billed, "eExXpP_") {
		return price{}, quantity{}, fmt.Errorf("quantity %q", l.Quantity)
	}
	const unit = "C62" // UN/ECE Recommendation 20: one
	whole := price{Amount: w.money(max(gross, -gross))}
	if billed != "1" {
		whole.Basis = &quantity{unit, billed}
	}
	count := quantity{unit, billed}
	if gross < 0 {
		count.Value = "-" + billed
	}
	if !exclusive || billed == "1" {
		return whole, count, nil
	}
	if each, ok := w.major(strings.TrimPrefix(l.UnitAmount, "-")); ok && exact(l, gross) {
		return price{Amount: each}, count, nil
	}
	return whole, count, nil
}

// exact says whether quantity times unit amount is the amount, in whole numbers.
func exact(l pdf.Line, gross int64) bool {
	unit, err1 := strconv.ParseInt(l.UnitAmount, 10, 64)
	count, err2 := strconv.ParseInt(l.Quantity, 10, 64)
	return err1 == nil && err2 == nil && count > 0 && unit*count == gross
}

// major is a whole number of minor units in major ones.
func (w *writer) major(minor string) (string, bool) {
	n, err := strconv.ParseInt(minor, 10, 64)
	if err != nil {
		return "", false
	}
	return w.money(n), true
}

// discountsOnLines says whether the lines carry all discounts, as Stripe
// distributes them; if not, they stand on the whole document.
func (w *writer) discountsOnLines() bool {
	lines, document := int64(0), int64(0)
	for _, l := range w.doc.Lines {
		lines += l.Discount
	}
	for _, d := range w.doc.Discounts {
		document += d.Amount
	}
	return lines == document || document == 0
}
