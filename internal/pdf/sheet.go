package pdf

import (
	"math"
	"net/url"
	"strings"
	"unicode"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/pdf/paper"
	"github.com/bursarhq/bursar/internal/pdf/typeset"
)

// creator is what the files say they were made by.
const creator = "Bursar"

// Texts are cut at so many lines; what is longer was not written to be read.
const (
	nameLines        = 3
	addressLines     = 2 // of one line of an address
	descriptionLines = 12
	noteLines        = 24
	footerLines      = 4
)

const leading = 1.42 // line height, in font sizes

// sheet is a document in the making: the page that is drawn on and the pen's
// place.
type sheet struct {
	renderer *Renderer
	template *Template
	doc      *Document
	words    words
	file     *paper.File
	page     *paper.Page
	set      *typeset.Setter

	size                     size
	left, right, top, bottom float64 // of the text
	y                        float64
	foot                     []typeset.Line
}

// style is how text looks.
type style struct {
	size  float64
	bold  bool
	color paper.Color
}

func (r *Renderer) newSheet(d *Document, x *Hybrid) *sheet {
	t := r.template
	s := &sheet{renderer: r, template: t, doc: d, words: t.words(d.Locale)}
	s.size = pageSizes[t.Page.Size]
	if d.PageSize != "" {
		s.size = pageSizes[d.PageSize]
	}
	m := t.Page.Margin
	s.left, s.right, s.top = m.Left*millimeter, s.size.width-m.Right*millimeter, m.Top*millimeter
	s.set = r.library.Setter(setterLanguage(d))

	// The footer stands above the margin; its height is known before the first page.
	s.foot = s.wrap(d.Seller.Footer, s.small(), wrapping{width: (s.right - s.left) * 0.8, lines: footerLines})
	s.bottom = s.size.height - m.Bottom*millimeter - s.footHeight() - 10

	title := s.words.text("title."+string(d.Kind)) + " " + d.Number
	meta := paper.Meta{
		Title: brief(title), Author: brief(d.Seller.Name), Subject: brief(title + ", " + d.Buyer.Name),
		Language: s.words.language, Creator: creator, Created: d.IssuedAt,
	}
	if x != nil {
		meta.Archive, meta.Extension = true, x.Extension
	}
	s.file = paper.New(meta)
	if x != nil {
		s.file.Attach(paper.Attachment{Name: x.Name, MIME: "text/xml", Description: x.Description, Relationship: "Alternative", Data: x.Data})
	}
	return s
}

// brief is a text for the file's information: one line of characters that mean
// something without a font.
func brief(text string) string {
	out := make([]rune, 0, len(text))
	for _, r := range text {
		switch {
		case unicode.IsControl(r):
			r = ' '
		case unicode.Is(unicode.Co, r):
			r = unicode.ReplacementChar
		}
		if out = append(out, r); len(out) == 200 {
			break
		}
	}
	return strings.TrimSpace(string(out))
}

// amount is minor units as the buyer's locale writes them.
func (s *sheet) amount(minor int64) string {
	return billing.Money{Amount: minor, Currency: s.doc.Currency}.Format(s.words.locale)
}

// unit is a price that may be a fraction of a minor unit. What is no number was
// not sent by Stripe and is not shown.
func (s *sheet) unit(minor string) string {
	if minor == "" {
		return ""
	}
	text, err := billing.FormatDecimal(minor, s.doc.Currency, s.words.locale)
	if err != nil {
		return ""
	}
	return text
}

func (s *sheet) text() style {
	return style{size: s.template.Sizes.Text, color: paper.Color(s.template.Colors.Text)}
}

func (s *sheet) small() style {
	return style{size: s.template.Sizes.Small, color: s.muted()}
}

func (s *sheet) muted() paper.Color { return paper.Color(s.template.Colors.Muted) }

func (st style) strong() style { st.bold = true; return st }

func (st style) height() float64 { return st.size * leading }

type wrapping struct {
	width float64
	lines int // at most; 0: all
}

// wrap sets a text in lines.
func (s *sheet) wrap(text string, st style, w wrapping) []typeset.Line {
	return s.set.Lines(text, typeset.Text{Size: st.size, Bold: st.bold, Width: w.width, MaxLines: w.lines})
}

// one sets a text as one line, cut at the width.
func (s *sheet) one(text string, st style, width float64) typeset.Line {
	return s.set.Line(text, typeset.Text{Size: st.size, Bold: st.bold, Width: width})
}

// baseline is how far below the top of its line a text stands.
func (st style) baseline() float64 { return st.size * 1.06 }

// put draws a line whose top is at y.
func (s *sheet) put(line typeset.Line, st style, x, y float64) {
	s.page.Text(x, y+st.baseline(), line, st.color)
}

// putRight draws a line that ends at x.
func (s *sheet) putRight(line typeset.Line, st style, x, y float64) {
	s.put(line, st, x-line.Width, y)
}

// putAll draws lines below one another and answers where they end.
func (s *sheet) putAll(lines []typeset.Line, st style, x, y float64) float64 {
	for _, line := range lines {
		s.put(line, st, x, y)
		y += st.height()
	}
	return y
}

func (s *sheet) rule(y float64) {
	s.page.Rule(paper.Box{X: s.left, Y: y, Width: s.right - s.left}, 0.6, paper.Color(s.template.Colors.Rule))
}

// newPage begins a page. Pages after the first say what they continue.
func (s *sheet) newPage() {
	s.page = s.file.Page(s.size.width, s.size.height)
	s.y = s.top
	if s.template.Bar > 0 {
		s.page.Fill(paper.Box{Width: s.size.width, Height: s.template.Bar * millimeter}, paper.Color(s.template.Colors.Accent))
	}
	if len(s.file.Pages()) == 1 {
		return
	}
	st := s.small()
	half := (s.right - s.left) / 2
	s.put(s.one(s.words.text("continued", "title", s.words.text("title."+string(s.doc.Kind)), "number", s.doc.Number), st, half), st, s.left, s.y)
	s.putRight(s.one(s.doc.Seller.Name, st, half-20), st, s.right, s.y)
	s.y += st.height() + 14
}

// room begins a new page unless so much is left on this one.
func (s *sheet) room(height float64) bool {
	if s.y+height <= s.bottom || s.y <= s.top {
		return false
	}
	s.newPage()
	return true
}

func (s *sheet) footHeight() float64 {
	return math.Max(1, float64(len(s.foot)))*s.small().height() + 8
}

// closePages draws what stands at the bottom of every page, now that their
// number is known.
func (s *sheet) closePages() {
	st := s.small()
	pages := s.file.Pages()
	for i, page := range pages {
		s.page = page
		y := s.size.height - s.template.Page.Margin.Bottom*millimeter - s.footHeight()
		s.rule(y)
		y += 8
		s.putAll(s.foot, st, s.left, y)
		number := s.words.text("page", "page", decimal(i+1), "pages", decimal(len(pages)))
		if len(s.foot) == 0 {
			s.put(s.one(s.doc.Number, st, (s.right-s.left)*0.6), st, s.left, y)
		}
		s.putRight(s.one(number, st, (s.right-s.left)*0.18), st, s.right, y)
	}
}

// webAddress is an address that may be linked to, else empty.
func webAddress(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return ""
	}
	return u.String()
}
