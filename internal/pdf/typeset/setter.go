package typeset

import (
	"strings"

	"github.com/go-text/typesetting/bidi"
	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/harfbuzz"
	"github.com/go-text/typesetting/language"
	"github.com/go-text/typesetting/segmenter"
)

// Glyph is one glyph of a run, in visual order. Its measures are in ems.
type Glyph struct {
	ID      uint16
	Advance float64
	X, Y    float64 // by how much it is drawn away from the pen, up and right
	Text    []rune  // what it stands for; nil if an earlier glyph of the run says it

	cluster int // where Text begins in the paragraph
}

// Run is neighboring glyphs of one font.
type Run struct {
	Face    *Face
	Size    float64 // points
	Thicken bool    // draw it bolder than the font is
	Glyphs  []Glyph
	Text    []rune // in the order of reading
	// Reordered says that the glyphs do not follow the text one by one, so that
	// a reader of the file needs Text. Text from right to left does not count:
	// readers expect its glyphs from left to right and turn them around.
	Reordered bool
}

// Line is one line, its runs from left to right.
type Line struct {
	Runs  []Run
	Width float64
	// RTL says that the line's own direction is from right to left.
	RTL bool

	source []rune // its characters in the order of reading
}

// Text says how to set a text.
type Text struct {
	Size     float64
	Bold     bool
	Width    float64 // where lines are broken; 0: only where the text says so
	MaxLines int     // more are cut, with an ellipsis; 0: all
}

// Setter sets texts for one document at a time.
type Setter struct {
	library  *Library
	language language.Language
	buffer   *harfbuzz.Buffer
	fonts    map[*Face]*harfbuzz.Font
	bidi     bidi.Paragraph
	breaks   segmenter.Segmenter
}

func newSetter(l *Library) *Setter {
	return &Setter{library: l, buffer: harfbuzz.NewBuffer(), fonts: map[*Face]*harfbuzz.Font{}}
}

// Setter is one that nobody else uses; [Setter.Release] gives it back. The
// language (ja, zh-Hans, zh-Hant, tr, …) decides between the forms that a
// character has in different countries.
func (l *Library) Setter(lang string) *Setter {
	s := l.setters.Get().(*Setter)
	s.language = language.NewLanguage(lang)
	return s
}

// Release gives the setter back to its library.
func (s *Setter) Release() { s.library.setters.Put(s) }

// Lines sets a text, as [Text] says. An empty text has no lines.
func (s *Setter) Lines(text string, how Text) []Line {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil
	}
	var lines []Line
	for _, paragraph := range clean(text) {
		lines = s.paragraph(lines, paragraph, how)
		if how.MaxLines > 0 && len(lines) > how.MaxLines {
			break
		}
	}
	if how.MaxLines > 0 && len(lines) > how.MaxLines {
		lines = lines[:how.MaxLines]
		last := &lines[how.MaxLines-1]
		*last = s.cut(last.source, how)
	}
	return lines
}

// Line sets a text as a single line, cut with an ellipsis where it is wider than
// how.Width. Line breaks of the text become spaces.
func (s *Setter) Line(text string, how Text) Line {
	var one []rune
	for i, paragraph := range clean(strings.TrimSpace(text)) {
		if i > 0 {
			one = append(one, ' ')
		}
		one = append(one, paragraph...)
	}
	p := s.prepare(one, how)
	line := p.line(0, len(one))
	if how.Width > 0 && line.Width > how.Width {
		line = s.cut(one, how)
	}
	return line
}

// cut is as much of text as fits, and an ellipsis.
func (s *Setter) cut(text []rune, how Text) Line {
	for {
		text = []rune(strings.TrimRight(string(text), " "))
		candidate := append(text[:len(text):len(text)], '…')
		p := s.prepare(candidate, how)
		line := p.line(0, len(candidate))
		if how.Width <= 0 || line.Width <= how.Width || len(text) == 0 {
			return line
		}
		// As many of the characters as the width has room for, at least one less.
		keep := int(float64(len(text)) * how.Width / line.Width)
		text = text[:max(0, min(keep, len(text)-1))]
	}
}

// font is the shaper's view of a face; unlike the face it serves one goroutine.
func (s *Setter) font(f *Face) *harfbuzz.Font {
	h := s.fonts[f]
	if h == nil {
		h = harfbuzz.NewFont(font.NewFace(f.shaped))
		s.fonts[f] = h
	}
	return h
}
