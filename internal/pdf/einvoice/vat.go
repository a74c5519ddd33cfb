package einvoice

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bursarhq/bursar/internal/pdf"
)

// vat is what a line has of VAT: one category and rate, for the standard knows
// no more.
type vat struct {
	category  string // UNTDID 5305
	percent   string
	contained int64 // of the amount, where prices include tax
}

// group is the part of the VAT breakdown for one category and rate.
type group struct {
	category, percent string
	basis             int64
	amount            int64
}

func (w *writer) group(v vat) *group {
	for i := range w.groups {
		if g := &w.groups[i]; g.category == v.category && g.percent == v.percent {
			return g
		}
	}
	w.groups = append(w.groups, group{category: v.category, percent: v.percent})
	return &w.groups[len(w.groups)-1]
}

// lineVAT is the VAT of a line. One that has none takes the document's, if that
// has a single one.
func (w *writer) lineVAT(l pdf.Line) (vat, error) {
	taxes := l.Taxes
	if len(taxes) == 0 && len(w.doc.Taxes) == 1 {
		taxes = []pdf.Tax{w.doc.Taxes[0]}
		if taxes[0].Inclusive && len(w.doc.Lines) > 1 {
			return vat{}, errors.New("how much tax its price includes is not known")
		}
	}
	switch {
	case len(taxes) == 0 && len(w.doc.Taxes) == 0:
		return vat{category: "O"}, nil
	case len(taxes) == 0:
		return vat{}, errors.New("its tax is not known")
	case len(taxes) > 1:
		return vat{}, fmt.Errorf("it has %d taxes; the standard knows one VAT rate for a line", len(taxes))
	}
	v, err := category(taxes[0])
	if err == nil && taxes[0].Inclusive {
		v.contained = taxes[0].Amount
	}
	return v, err
}

// category maps Stripe's taxability_reason to UNTDID 5305.
func category(t pdf.Tax) (vat, error) {
	percent := strings.TrimPrefix(t.Percent, "+")
	if strings.Contains(percent, ".") {
		percent = strings.TrimRight(strings.TrimRight(percent, "0"), ".")
	}
	if percent == "" {
		percent = "0"
		if t.Amount != 0 {
			return vat{}, errors.New("the rate of its tax is not known")
		}
	}
	switch t.Reason {
	case "reverse_charge":
		return vat{category: "AE", percent: "0"}, nil
	case "customer_exempt", "product_exempt", "product_exempt_holiday", "portion_product_exempt":
		return vat{category: "E", percent: "0"}, nil
	case "not_subject_to_tax", "not_collecting", "not_supported", "jurisdiction_unsupported":
		return vat{category: "O"}, nil
	}
	if percent == "0" {
		return vat{category: "Z", percent: "0"}, nil
	}
	return vat{category: "S", percent: percent}, nil
}

// exemptions are why no VAT is charged: the code of VATEX, and words.
var exemptions = map[string]struct{ code, text string }{
	"AE": {"VATEX-EU-AE", "Reverse charge"},
	"E":  {"", "Exempt from tax"},
	"O":  {"VATEX-EU-O", "Not subject to VAT"},
}

// settlement is the breakdown of VAT and the totals, checked as the standard
// does (BR-CO-10 to BR-CO-16).
func (w *writer) settlement() (settlement, error) {
	d := w.doc
	s := settlement{Currency: strings.ToUpper(d.Currency), Period: between(d.PeriodStart, d.PeriodEnd)}
	lines := int64(0)
	for _, g := range w.groups {
		lines += g.basis
	}
	off, err := w.allowances(&s)
	if err != nil {
		return s, err
	}
	taxes := int64(0)
	for _, t := range d.Taxes {
		v, err := category(t)
		if err != nil {
			return s, err
		}
		w.group(v).amount += t.Amount
		taxes += t.Amount
	}
	for _, g := range w.groups {
		if g.category == "O" && len(w.groups) > 1 {
			return s, errors.New("what is not subject to VAT cannot stand beside what is (BR-O-11)")
		}
		e := exemptions[g.category]
		s.Taxes = append(s.Taxes, tax{
			Amount: w.money(g.amount), Type: "VAT", Reason: e.text, Basis: w.money(g.basis),
			Category: g.category, ReasonCode: e.code, Percent: g.percent,
		})
	}
	if err := w.identified(); err != nil {
		return s, err
	}

	basis := lines - off
	if d.Totals.TotalExcludingTax != 0 && d.Totals.TotalExcludingTax != basis {
		return s, fmt.Errorf("its lines make %s, its total without tax is %s", w.money(basis), w.money(d.Totals.TotalExcludingTax))
	}
	if basis+taxes != d.Totals.Total {
		return s, fmt.Errorf("%s and %s tax are not its total, %s", w.money(basis), w.money(taxes), w.money(d.Totals.Total))
	}
	s.Totals = totals{
		Lines: w.money(lines), Basis: w.money(basis), Tax: amount{s.Currency, w.money(taxes)},
		Grand: w.money(d.Totals.Total), Due: w.money(d.Totals.Total),
	}
	if off != 0 {
		s.Totals.Allowances = w.money(off)
	}
	if d.Kind == pdf.CreditNote {
		if d.InvoiceNumber != "" {
			s.Preceding = &precedingNote{d.InvoiceNumber}
		}
		return s, nil
	}
	if prepaid := d.Totals.Total - d.Totals.AmountDue; prepaid != 0 {
		s.Totals.Prepaid, s.Totals.Due = w.money(prepaid), w.money(d.Totals.AmountDue)
	}
	if due := on(d.DueAt); due != nil {
		s.Terms = &terms{Due: due}
	} else if d.Totals.AmountDue > 0 {
		s.Terms = &terms{Description: "Due on receipt"} // BR-CO-25
	}
	return s, nil
}

// allowances puts discounts that the lines do not carry on the document, and
// answers their sum.
func (w *writer) allowances(s *settlement) (int64, error) {
	if w.discountsOnLines() {
		return 0, nil
	}
	if len(w.groups) != 1 {
		return 0, errors.New("to which VAT rate its discounts belong is not known")
	}
	g := &w.groups[0]
	off := int64(0)
	for _, d := range w.doc.Discounts {
		reason := d.Name
		if reason == "" {
			reason = "Discount"
		}
		s.Allowances = append(s.Allowances, allowance{
			Amount: w.money(d.Amount), Reason: reason,
			Tax: &lineTax{Type: "VAT", Category: g.category, Percent: g.percent},
		})
		off += d.Amount
	}
	g.basis -= off
	return off, nil
}

// identified checks the tax ids that categories demand (BR-S-02, BR-AE-02 and
// their sisters).
func (w *writer) identified() error {
	for _, g := range w.groups {
		if g.category != "O" && len(w.registrations(w.doc.Seller, true)) == 0 {
			return errors.New("the seller has no VAT id")
		}
		if g.category == "AE" && len(w.registrations(w.doc.Buyer, false)) == 0 {
			return errors.New("reverse charge without the buyer's VAT id")
		}
	}
	return nil
}

// outside says that nothing is subject to VAT; then no VAT id may be named
// (BR-O-02).
func (w *writer) outside() bool {
	return len(w.groups) == 1 && w.groups[0].category == "O"
}

func (w *writer) party(p pdf.Party, seller bool) party {
	a := p.Address
	out := party{Name: p.Name, Address: address{
		PostalCode: a.PostalCode, Line1: a.Line1, Line2: a.Line2, City: a.City, Country: strings.ToUpper(a.Country), Subdivision: a.State,
	}}
	if p.Email != "" || p.Phone != "" {
		out.Contact = &contact{}
		if p.Phone != "" {
			out.Contact.Phone = &phone{p.Phone}
		}
		if p.Email != "" {
			out.Contact.Email = &email{p.Email}
		}
	}
	for _, r := range w.registrations(p, seller) {
		if r.ID.Scheme != "VA" || !w.outside() {
			out.Registration = append(out.Registration, r)
		}
	}
	return out
}

// registrations are a party's VAT id and, of the seller, one other tax number.
func (w *writer) registrations(p pdf.Party, seller bool) []taxRegistration {
	var vatID, other *taxRegistration
	for _, t := range p.TaxIDs {
		value := strings.Map(func(r rune) rune {
			if r == ' ' || r == '.' {
				return -1
			}
			return r
		}, t.Value)
		switch {
		case value == "":
		case strings.HasSuffix(t.Type, "_vat") && vatID == nil:
			// BR-CO-09: it begins with its country.
			country, _, _ := strings.Cut(t.Type, "_")
			if country == "eu" {
				country = p.Address.Country
			}
			if len(value) < 2 || value[0] < 'A' || value[0] > 'Z' || value[1] < 'A' || value[1] > 'Z' {
				value = strings.ToUpper(country) + value
			}
			vatID = &taxRegistration{id{"VA", value}}
		case seller && other == nil && !strings.HasSuffix(t.Type, "_vat"):
			other = &taxRegistration{id{"FC", value}}
		}
	}
	var out []taxRegistration
	for _, r := range []*taxRegistration{vatID, other} {
		if r != nil {
			out = append(out, *r)
		}
	}
	return out
}
