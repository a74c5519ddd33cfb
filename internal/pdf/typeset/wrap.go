package typeset

// paragraph appends the lines that a text without line breaks fills. Lines break
// where Unicode allows it (UAX #14); a word that is wider than a line breaks
// between two clusters.
func (s *Setter) paragraph(lines []Line, text []rune, how Text) []Line {
	p := s.prepare(text, how)
	widths := make([]float64, len(text)) // of each cluster, at its first character
	total := 0.0
	for _, it := range p.items {
		for _, g := range it.glyphs {
			widths[g.cluster] += g.Advance * how.Size
			total += g.Advance * how.Size
		}
	}
	if how.Width <= 0 || total <= how.Width {
		return append(lines, p.line(0, len(text)))
	}

	starts := make([]bool, len(text)+1) // where a cluster starts
	starts[len(text)] = true
	for _, it := range p.items {
		for _, g := range it.glyphs {
			starts[g.cluster] = true
		}
	}

	start, width := 0, 0.0
	flush := func(end int) bool {
		line, cut := p.line(start, end), end
		// A syllable that was broken in two may be wider than the whole was.
		for line.Width > how.Width+slack {
			earlier := cut - 1
			for earlier > start && !starts[earlier] {
				earlier--
			}
			if earlier <= start {
				break
			}
			cut = earlier
			line = p.line(start, cut)
		}
		lines = append(lines, line)
		start, width = cut, 0
		for _, w := range widths[cut:end] {
			width += w
		}
		return how.MaxLines > 0 && len(lines) > how.MaxLines
	}
	s.breaks.Init(text)
	for words := s.breaks.LineIterator(); words.Next(); {
		word := words.Line()
		from, to := word.Offset, word.Offset+len(word.Text)
		visible, all := 0.0, 0.0 // without and with the spaces at its end
		for i := from; i < to; i++ {
			all += widths[i]
			if text[i] != ' ' {
				visible = all
			}
		}
		if width+visible > how.Width && start < from {
			if flush(from) {
				return lines
			}
		}
		if visible <= how.Width {
			width += all
			continue
		}
		for i := from; i < to; i++ {
			if starts[i] && i > start && width+widths[i] > how.Width {
				if flush(i) {
					return lines
				}
			}
			width += widths[i]
		}
	}
	for start < len(text) {
		if flush(len(text)) {
			break
		}
	}
	return lines
}

// slack is by how many points a line may be wider than asked for: kerning across
// a break is lost.
const slack = 1.0
