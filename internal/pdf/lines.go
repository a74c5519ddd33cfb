package pdf

import (
	"strings"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/pdf/paper"
	"github.com/bursarhq/bursar/internal/pdf/typeset"
)

const (
	minDescription = 50 * millimeter
	cellGap        = 12.0
	rowPadding     = 4.8
)

// cells are what the columns show, by the template's names for them, which are
// those of their labels too.
var cells = map[string]func(*sheet, Line) string{
	"description": nil, // set below: it has several lines
	"quantity":    func(s *sheet, l Line) string { return s.words.decimal(l.Quantity) },
	"unit_price":  func(s *sheet, l Line) string { return s.unit(l.UnitAmount) },
	"tax":         (*sheet).lineTax,
	"amount":      func(s *sheet, l Line) string { return s.amount(l.Amount) },
}

func init() { cells["description"] = func(_ *sheet, l Line) string { return l.Description } }

// column is a column as it is drawn.
type column struct {
	show  string
	right float64 // where its text ends; of the description: begins
	width float64
}

// row is a line of the document, set.
type row struct {
	description []typeset.Line
	details     []typeset.Line
	cells       []typeset.Line // by column; that of the description is empty
	height      float64
}

// lines is the table of the lines. Its head stands on every page.
func (s *sheet) lines() {
	if len(s.doc.Lines) == 0 {
		return
	}
	st, small := s.text(), s.small()
	columns, rows := s.cells()
	for i, l := range s.doc.Lines {
		r := &rows[i]
		width := columns[s.description(columns)].width
		r.description = s.wrap(l.Description, st, wrapping{width: width, lines: descriptionLines})
		r.details = s.wrap(s.lineDetails(l), small, wrapping{width: width, lines: 2})
		r.height = max(1, float64(len(r.description)))*st.height() + float64(len(r.details))*small.height() + 2*rowPadding
	}

	s.room(small.height() + 8 + rows[0].height)
	s.head(columns)
	for i := range rows {
		if s.room(rows[i].height) {
			s.head(columns)
		}
		s.row(columns, &rows[i])
	}
	s.y += 8
}

// cells sets everything but the descriptions, and from their widths lays out the
// columns: one that no line needs is left out, one that is too narrow widened.
func (s *sheet) cells() ([]column, []row) {
	st, small := s.text(), s.small()
	rows := make([]row, len(s.doc.Lines))
	var columns []column
	for _, c := range s.template.Columns {
		col := column{show: c.Show}
		set := make([]typeset.Line, len(rows))
		if c.Show != "description" {
			used := false
			for i, l := range s.doc.Lines {
				set[i] = s.one(cells[c.Show](s, l), st, 60*millimeter)
				used = used || set[i].Width > 0
				col.width = max(col.width, set[i].Width+cellGap)
			}
			if !used {
				continue
			}
			head := s.one(s.words.text(c.Show), small, 40*millimeter)
			col.width = max(col.width, c.Width*millimeter, head.Width+cellGap)
		}
		for i := range rows {
			rows[i].cells = append(rows[i].cells, set[i])
		}
		columns = append(columns, col)
	}

	rest := s.right - s.left
	for _, c := range columns {
		rest -= c.width
	}
	x := s.left
	for i := range columns {
		c := &columns[i]
		if c.show == "description" {
			c.width, c.right = max(rest, minDescription), x
			x += c.width
			continue
		}
		x += c.width
		c.right = x
	}
	return columns, rows
}

func (s *sheet) description(columns []column) int {
	for i, c := range columns {
		if c.show == "description" {
			return i
		}
	}
	return 0 // a template has it
}

func (s *sheet) head(columns []column) {
	st := s.small()
	for _, c := range columns {
		line := s.one(s.words.text(c.show), st, c.width)
		if c.show == "description" {
			s.put(line, st, c.right, s.y)
		} else {
			s.putRight(line, st, c.right, s.y)
		}
	}
	s.y += st.height() + 4
	s.page.Rule(paper.Box{X: s.left, Y: s.y, Width: s.right - s.left}, 0.9, paper.Color(s.template.Colors.Text))
}

func (s *sheet) row(columns []column, r *row) {
	st, small := s.text(), s.small()
	top := s.y + rowPadding
	at, details := s.description(columns), top
	for i, c := range columns {
		if i == at {
			details = s.putAll(r.description, st, c.right, top)
		} else {
			s.putRight(r.cells[i], st, c.right, top)
		}
	}
	// Last, so that who reads the page aloud hears the amount with its line.
	s.putAll(r.details, small, columns[at].right, details)
	s.y += r.height
	s.rule(s.y)
}

// lineDetails is what stands small below a description.
func (s *sheet) lineDetails(l Line) string {
	parts := []string{s.words.period(billing.FormatDateShort, l.PeriodStart, l.PeriodEnd)}
	if l.Proration {
		parts = append(parts, s.words.text("prorated"))
	}
	if l.Discount != 0 {
		parts = append(parts, s.words.text("discount")+" "+s.amount(-l.Discount))
	}
	return join(" · ", parts...)
}

// lineTax is the rates of a line.
func (s *sheet) lineTax(l Line) string {
	var rates []string
	for _, tax := range l.Taxes {
		if tax.Percent != "" {
			rates = append(rates, s.words.percent(tax.Percent))
		}
	}
	return strings.Join(rates, " + ")
}
