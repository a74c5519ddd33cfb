package pdf

import (
	"slices"
	"strconv"
	"strings"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/pdf/paper"
	"github.com/bursarhq/bursar/internal/pdf/typeset"
)

func decimal(n int) string { return strconv.Itoa(n) }

// header is the title with the document's data, and the seller's logo or name.
func (s *sheet) header() {
	logoBottom := s.y
	left, width := s.left, s.right-s.left
	if box, ok := s.logoBox(); ok {
		s.page.Image(s.renderer.logo, box)
		logoBottom = box.Y + box.Height
	} else if s.doc.Seller.Name != "" {
		st := style{size: s.template.Sizes.Headline * 0.85, bold: true, color: paper.Color(s.template.Colors.Accent)}
		lines := s.wrap(s.doc.Seller.Name, st, wrapping{width: width * 0.45, lines: 2})
		y := s.y + 3
		for _, line := range lines {
			x := s.left
			if s.template.Logo.Align == "right" {
				x = s.right - line.Width
			}
			s.put(line, st, x, y)
			y += st.height()
		}
		logoBottom = y
	}
	if s.template.Logo.Align == "left" {
		s.y = logoBottom + 14
	}

	title := style{size: s.template.Sizes.Title, bold: true, color: paper.Color(s.template.Colors.Text)}
	s.y = s.putAll(s.wrap(s.words.text("title."+string(s.doc.Kind)), title, wrapping{width: width * 0.55, lines: 2}), title, left, s.y-title.size*0.2) + 8
	s.details(left, width*0.62)
	s.y = max(s.y, logoBottom) + 18
}

// logoBox is where the logo stands: as large as the template allows.
func (s *sheet) logoBox() (paper.Box, bool) {
	img := s.renderer.logo
	if img == nil {
		return paper.Box{}, false
	}
	width, height := s.template.Logo.Width*millimeter, s.template.Logo.Height*millimeter
	scale := min(width/float64(img.Width), height/float64(img.Height))
	box := paper.Box{X: s.left, Y: s.y, Width: float64(img.Width) * scale, Height: float64(img.Height) * scale}
	if s.template.Logo.Align == "right" {
		box.X = s.right - box.Width
	}
	return box, true
}

// details are the rows of labels and values below the title.
func (s *sheet) details(x, width float64) {
	d, w := s.doc, s.words
	var rows []Field
	add := func(key, value string) {
		if value != "" {
			rows = append(rows, Field{w.text(key), value})
		}
	}
	add("number."+string(d.Kind), d.Number)
	if d.Kind != Invoice {
		add("number.invoice", d.InvoiceNumber)
	}
	if !d.IssuedAt.IsZero() {
		add("issued", w.date(d.IssuedAt))
	}
	if !d.DueAt.IsZero() && d.Kind == Invoice {
		add("due", w.date(d.DueAt))
	}
	if d.Kind == Receipt && len(d.Payments) == 1 && !d.Payments[0].At.IsZero() {
		add("paid", w.date(d.Payments[0].At))
	}
	add("period", w.period(billing.FormatDate, d.PeriodStart, d.PeriodEnd))
	if slices.Contains([]string{"duplicate", "fraudulent", "order_change", "product_unsatisfactory"}, d.Reason) {
		add("reason", w.text("reason."+d.Reason))
	}
	for _, f := range d.Fields {
		if f.Label != "" && f.Value != "" {
			rows = append(rows, f)
		}
	}

	label, value := s.text(), s.text()
	label.color = s.muted()
	column := 0.0
	labels := make([]typeset.Line, len(rows))
	for i, row := range rows {
		labels[i] = s.one(row.Label, label, width*0.5)
		column = max(column, labels[i].Width+16)
	}
	for i, row := range rows {
		st := value
		if i == 0 {
			st = value.strong()
		}
		s.put(labels[i], label, x, s.y)
		s.y = s.putAll(s.wrap(row.Value, st, wrapping{width: width - column, lines: 2}), st, x+column, s.y)
		s.y += 1
	}
}

// parties are the seller and the buyer side by side.
func (s *sheet) parties() {
	gap := 24.0
	width := (s.right - s.left - gap) / 2
	columns := [][]partyLine{s.party("from", s.doc.Seller, width), s.party("bill_to", s.doc.Buyer, width)}
	height := 0.0
	for _, column := range columns {
		total := 0.0
		for _, line := range column {
			total += line.style.height() + line.after
		}
		height = max(height, total)
	}
	s.room(height)
	for i, column := range columns {
		x, y := s.left+float64(i)*(width+gap), s.y
		for _, line := range column {
			s.put(line.text, line.style, x, y)
			y += line.style.height() + line.after
		}
	}
	s.y += height + 20
}

type partyLine struct {
	text  typeset.Line
	style style
	after float64 // space below
}

func (s *sheet) party(label string, p Party, width float64) []partyLine {
	var lines []partyLine
	add := func(text string, st style, most int) {
		for _, line := range s.wrap(text, st, wrapping{width: width, lines: most}) {
			lines = append(lines, partyLine{text: line, style: st})
		}
	}
	add(s.words.text(label), s.small(), 1)
	if len(lines) > 0 {
		lines[len(lines)-1].after = 2
	}
	name := s.text().strong()
	name.size = s.template.Sizes.Name
	add(p.Name, name, nameLines)
	for _, line := range p.paragraph(s.words) {
		add(line, s.text(), addressLines)
	}
	return lines
}

// headline says in one line what the document is about: how much, and when.
func (s *sheet) headline() {
	d, w := s.doc, s.words
	var text string
	switch d.Kind {
	case Invoice:
		due := s.amount(d.Totals.AmountDue)
		switch {
		case d.Totals.AmountDue <= 0:
			text = w.text("headline.settled")
		case d.DueAt.IsZero():
			text = w.text("headline.due_now", "amount", due)
		default:
			text = w.text("headline.due", "amount", due, "date", w.date(d.DueAt))
		}
	case Receipt:
		at := d.IssuedAt
		for _, p := range d.Payments {
			if p.At.After(at) {
				at = p.At
			}
		}
		text = w.text("headline.paid", "amount", s.amount(d.Totals.AmountPaid), "date", w.date(at))
	case CreditNote:
		text = w.text("headline.credited", "amount", s.amount(d.Totals.Total), "date", w.date(d.IssuedAt))
	}
	st := style{size: s.template.Sizes.Headline, bold: true, color: paper.Color(s.template.Colors.Text)}
	s.room(st.height() * 3)
	s.y = s.putAll(s.wrap(text, st, wrapping{width: s.right - s.left, lines: 2}), st, s.left, s.y)

	if address := webAddress(d.PayURL); address != "" && d.Kind == Invoice && d.Totals.AmountDue > 0 {
		link := s.text().strong()
		link.color = paper.Color(s.template.Colors.Accent)
		line := s.one(w.text("pay"), link, s.right-s.left)
		s.y += 2
		s.put(line, link, s.left, s.y)
		s.page.Link(paper.Box{X: s.left, Y: s.y, Width: line.Width, Height: link.height()}, address)
		s.page.Rule(paper.Box{X: s.left, Y: s.y + link.baseline() + 1.6, Width: line.Width}, 0.5, link.color)
		s.y += link.height()
	}
	s.y += 14
}

// notes are what must be said about taxes, and the seller's words.
func (s *sheet) notes() {
	texts := append(s.taxNotes(), s.doc.Notes...)
	st := s.text()
	st.size = (s.template.Sizes.Text + s.template.Sizes.Small) / 2
	for _, text := range texts {
		if strings.TrimSpace(text) == "" {
			continue
		}
		for _, line := range s.wrap(text, st, wrapping{width: (s.right - s.left) * 0.85, lines: noteLines}) {
			s.room(st.height())
			s.put(line, st, s.left, s.y)
			s.y += st.height()
		}
		s.y += 5
	}
}

// taxNotes are the sentences that taxes without an amount call for.
func (s *sheet) taxNotes() []string {
	notes := map[string]string{
		"reverse_charge": "note.reverse_charge", "customer_exempt": "note.exempt", "product_exempt": "note.exempt",
		"not_subject_to_tax": "note.outside_scope",
	}
	var texts []string
	for _, tax := range s.doc.Taxes {
		if key, ok := notes[tax.Reason]; ok && tax.Amount == 0 {
			if text := s.words.text(key); !slices.Contains(texts, text) {
				texts = append(texts, text)
			}
		}
	}
	return texts
}
