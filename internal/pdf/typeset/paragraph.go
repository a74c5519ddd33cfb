package typeset

import (
	"slices"
	"unicode"

	"github.com/go-text/typesetting/bidi"
	"github.com/go-text/typesetting/harfbuzz"
	"github.com/go-text/typesetting/language"
)

// item is a stretch of a paragraph of one font, script and direction.
type item struct {
	start, end int
	chosen
	script language.Script
	level  int8 // odd: right to left
	glyphs []Glyph
}

// paragraph is text without line breaks, split and shaped.
type paragraph struct {
	setter *Setter
	text   []rune
	how    Text
	items  []item
	base   int8
}

// prepare splits a text into items and shapes them.
func (s *Setter) prepare(text []rune, how Text) *paragraph {
	p := &paragraph{setter: s, text: text, how: how}
	levels := p.levels()
	script, before := language.Latin, chosen{}
	for i, r := range text {
		own := language.LookupScript(r)
		if own.Strong() {
			script = own
		}
		font := before
		// Spaces, punctuation and marks stay with what they follow; ASCII and what
		// has a script of its own get the font that is made for it.
		if own.Strong() || before.face == nil || r > ' ' && r < 0x7F || !before.face.has(r) {
			font = s.library.face(r, script, how.Bold)
		}
		level := int8(0)
		if levels != nil {
			level = levels[i]
		}
		n := len(p.items)
		if n == 0 || p.items[n-1].chosen != font || p.items[n-1].level != level || p.items[n-1].script != script {
			p.items = append(p.items, item{start: i, chosen: font, script: script, level: level})
			n++
		}
		p.items[n-1].end = i + 1
		before = font
	}
	for i := range p.items {
		p.shape(&p.items[i])
	}
	return p
}

// levels are the embedding levels of the text (UAX #9), nil if it has nothing
// that is written from right to left.
func (p *paragraph) levels() []int8 {
	if !slices.ContainsFunc(p.text, func(r rune) bool {
		return r >= 0x590 && r < 0x900 || r >= 0xFB1D && r <= 0xFEFF || r >= 0x10800 && r < 0x11000 || r >= 0x1E800 && r < 0x1F000
	}) {
		return nil
	}
	// The first letter with a direction decides the base direction.
	direction := bidi.LeftToRight
	for _, r := range p.text {
		if !unicode.IsLetter(r) {
			continue
		}
		if rightToLeft(language.LookupScript(r)) {
			direction, p.base = bidi.RightToLeft, 1
		}
		break
	}
	levels := make([]int8, len(p.text))
	runs := p.setter.bidi.Segment(p.text, direction)
	for i := range runs.NumRuns() {
		run := runs.Run(i)
		level, end := int8(run.Level), run.End
		if p.base == 0 && level > 0 && level%2 == 0 {
			// The library joins a number that follows right-to-left text with the
			// left-to-right text behind it: only the number is a level deeper.
			end = run.Start
			for end < run.End && !unicode.IsSpace(p.text[end]) && !unicode.IsLetter(p.text[end]) {
				end++
			}
		}
		for j := run.Start; j < end; j++ {
			levels[j] = level
		}
	}
	return levels
}

func rightToLeft(s language.Script) bool {
	switch s {
	case language.Arabic, language.Hebrew, language.Syriac, language.Thaana, language.Nko, language.Adlam:
		return true
	}
	return false
}

// shape fills in the item's glyphs.
func (p *paragraph) shape(it *item) {
	b, em := p.setter.buffer, it.face.unitsPerEm
	b.Clear()
	b.Flags = harfbuzz.RemoveDefaultIgnorables // joiners have done their work when it is shaped
	b.AddRunes(p.text, it.start, it.end-it.start)
	b.Props.Script, b.Props.Language, b.Props.Direction = it.script, p.setter.language, harfbuzz.LeftToRight
	if it.level%2 == 1 {
		b.Props.Direction = harfbuzz.RightToLeft
	}
	b.Shape(p.setter.font(it.face), nil)

	it.glyphs = make([]Glyph, len(b.Info))
	for i, info := range b.Info {
		pos := b.Pos[i]
		g := Glyph{ID: uint16(info.Glyph), Advance: float64(pos.XAdvance) / em, X: float64(pos.XOffset) / em, Y: float64(pos.YOffset) / em, cluster: info.Cluster}
		if i == 0 || b.Info[i-1].Cluster != info.Cluster {
			g.Text = p.text[info.Cluster:clusterEnd(b.Info, i, it)]
		}
		it.glyphs[i] = g
	}
}

// clusterEnd is where the characters of the cluster that begins at glyph i end.
func clusterEnd(infos []harfbuzz.GlyphInfo, i int, it *item) int {
	if it.level%2 == 1 {
		if i == 0 {
			return it.end
		}
		return infos[i-1].Cluster
	}
	for _, next := range infos[i+1:] {
		if next.Cluster != infos[i].Cluster {
			return next.Cluster
		}
	}
	return it.end
}

// line sets the characters from start to end as one line. Spaces at its end are
// left out.
func (p *paragraph) line(start, end int) Line {
	for end > start && p.text[end-1] == ' ' {
		end--
	}
	line := Line{RTL: p.base == 1, source: p.text[start:end]}
	var levels []int8
	for _, it := range p.items {
		if it.end <= start || it.start >= end {
			continue
		}
		if it.start < start || it.end > end {
			it.start, it.end = max(it.start, start), min(it.end, end)
			p.shape(&it)
		}
		run := Run{Face: it.face, Size: p.how.Size, Thicken: it.thicken, Glyphs: it.glyphs, Text: p.text[it.start:it.end]}
		for _, g := range it.glyphs {
			line.Width += g.Advance * p.how.Size
			run.Reordered = run.Reordered || it.level%2 == 0 && g.Text == nil
		}
		line.Runs = append(line.Runs, run)
		levels = append(levels, it.level)
	}
	reorder(line.Runs, levels)
	return line
}

// reorder puts runs into visual order (UAX #9, rule L2).
func reorder(runs []Run, levels []int8) {
	if len(levels) == 0 {
		return
	}
	for level := slices.Max(levels); level > 0; level-- {
		for i := 0; i < len(levels); i++ {
			j := i
			for j < len(levels) && levels[j] >= level {
				j++
			}
			if j > i {
				slices.Reverse(runs[i:j])
				slices.Reverse(levels[i:j])
				i = j
			}
		}
	}
}
