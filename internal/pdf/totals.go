package pdf

import (
	"strings"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/pdf/paper"
)

// sum is one row of the totals.
type sum struct {
	label, amount string
	weight        weight
}

type weight int

const (
	plain weight = iota
	total        // bold, under a line
	final        // bold, on a band
)

// totals leads from the lines to the total.
func (s *sheet) totals() {
	d, w := s.doc, s.words
	t := d.Totals
	var sums []sum
	add := func(weight weight, label string, amount int64) {
		sums = append(sums, sum{label, s.amount(amount), weight})
	}
	if t.Subtotal != t.Total || len(d.Discounts) > 0 || len(d.Taxes) > 0 {
		add(plain, w.text("subtotal"), t.Subtotal)
	}
	for _, discount := range d.Discounts {
		add(plain, s.discountLabel(discount), -discount.Amount)
	}
	if len(d.Taxes) > 0 && (t.TotalExcludingTax != t.Subtotal || len(d.Discounts) > 0) {
		add(plain, w.text("total_excluding_tax"), t.TotalExcludingTax)
	}
	for _, tax := range d.Taxes {
		add(plain, s.taxLabel(tax), tax.Amount)
	}
	add(total, w.text("total"), t.Total)
	s.sums(sums)
}

// settlement says how the total is or was settled.
func (s *sheet) settlement() {
	d, w := s.doc, s.words
	var sums []sum
	add := func(weight weight, label string, amount int64) {
		sums = append(sums, sum{label, s.amount(amount), weight})
	}
	if d.Totals.AppliedBalance != 0 && d.Kind != CreditNote {
		add(plain, w.text("balance"), d.Totals.AppliedBalance)
	}
	switch d.Kind {
	case Invoice:
		add(final, w.text("amount_due"), d.Totals.AmountDue)
	case Receipt:
		for _, p := range d.Payments {
			add(plain, s.paymentLabel(p), p.Amount)
		}
		add(final, w.text("amount_paid"), d.Totals.AmountPaid)
	case CreditNote:
		for _, p := range d.Payments {
			add(plain, s.paymentLabel(p), p.Amount)
		}
		add(final, w.text("amount_credited"), d.Totals.Total)
	}
	s.sums(sums)
	s.y += 18
}

// sums draws rows of labels and amounts in the right part of the page, together.
func (s *sheet) sums(sums []sum) {
	width := (s.right - s.left) * 0.56
	left := s.right - width
	const padding = 3.2
	type set struct {
		sum
		style  style
		height float64
	}
	rows := make([]set, len(sums))
	height := 0.0
	for i, sum := range sums {
		st := s.text()
		if sum.weight != plain {
			st = st.strong()
		}
		rows[i] = set{sum, st, st.height() + 2*padding}
		if sum.weight == final {
			rows[i].height += 4
		}
		amount := s.one(sum.amount, st, 0)
		if extra := len(s.wrap(sum.label, st, wrapping{width: width - amount.Width - cellGap, lines: 3})); extra > 1 {
			rows[i].height += float64(extra-1) * st.height()
		}
		height += rows[i].height
	}
	s.room(height)
	for _, row := range rows {
		amount := s.one(row.amount, row.style, 0)
		y := s.y + padding
		switch row.weight {
		case total:
			s.page.Rule(paper.Box{X: left, Y: s.y, Width: width}, 0.6, paper.Color(s.template.Colors.Rule))
		case final:
			s.page.Fill(paper.Box{X: left - 8, Y: s.y + 2, Width: width + 16, Height: row.height - 2}, paper.Color(s.template.Colors.Shade))
			y += 3
		}
		s.putAll(s.wrap(row.label, row.style, wrapping{width: width - amount.Width - cellGap, lines: 3}), row.style, left, y)
		s.putRight(amount, row.style, s.right, y)
		s.y += row.height
	}
}

func (s *sheet) discountLabel(d Discount) string {
	name := d.Name
	if name == "" {
		name = s.words.text("discount")
	}
	if d.Percent == "" {
		return name
	}
	return s.words.text("discount.percent", "name", name, "percent", s.words.percent(d.Percent))
}

// taxLabel names a rate with its base, as a tax authority reads it.
func (s *sheet) taxLabel(t Tax) string {
	name, percent := t.Name, ""
	if name == "" {
		name = s.words.text("tax")
	}
	if t.Percent != "" {
		percent = s.words.percent(t.Percent)
	}
	switch {
	case t.Reason == "reverse_charge":
		return s.words.text("tax.reverse_charge", "name", name)
	case t.Taxable == 0 && t.Amount != 0:
		return join(" ", name, percent) // the base is not known
	}
	key := "tax.exclusive"
	if t.Inclusive {
		key = "tax.inclusive"
	}
	return strings.Join(strings.Fields(s.words.text(key, "name", name, "percent", percent, "amount", s.amount(t.Taxable))), " ")
}

func (s *sheet) paymentLabel(p Payment) string {
	kind := p.Kind
	if kind == Charged {
		kind = "charged"
	}
	method := brandName(p.Brand)
	if p.Last4 != "" {
		method = join(" ", method, "•••• "+p.Last4)
	}
	date := ""
	if !p.At.IsZero() {
		date = billing.FormatDateShort(p.At, s.words.locale)
	}
	return join(" · ", s.words.text("payment."+string(kind)), method, date)
}

// brandName is how a card's network or another method writes itself.
func brandName(brand string) string {
	names := map[string]string{
		"visa": "Visa", "mastercard": "Mastercard", "amex": "American Express", "discover": "Discover", "diners": "Diners Club",
		"jcb": "JCB", "unionpay": "UnionPay", "cartes_bancaires": "Cartes Bancaires", "eftpos_au": "eftpos", "link": "Link",
		"sepa_debit": "SEPA", "us_bank_account": "ACH", "bacs_debit": "Bacs", "paypal": "PayPal", "cashapp": "Cash App",
		"customer_balance": "",
	}
	if name, ok := names[brand]; ok {
		return name
	}
	return brand
}
