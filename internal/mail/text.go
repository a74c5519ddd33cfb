package mail

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// isUnsafe is true for what is never shown: controls, the marks that turn the
// direction of text around (a name could dress up as another one), the
// separators that some programs take for a line break, and surrogates' debris.
func isUnsafe(r rune) bool {
	switch {
	case unicode.IsControl(r):
		return true
	case r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069', r == '\u200e', r == '\u200f', r == '\u061c':
		return true
	case r == '\u2028', r == '\u2029', r == '\ufeff', r == '\ufffe', r == '\uffff':
		return true
	}
	return false
}

// clean makes one line of s: what is unsafe becomes a space, spaces become one,
// broken UTF-8 becomes U+FFFD.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if isUnsafe(r) {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' }), " ")
}

// cut shortens s to at most n characters, with an ellipsis where it was longer.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return strings.TrimRight(string([]rune(s)[:n-1]), " ") + "…"
}

// textWidth is where plain text wraps: RFC 3676's advice of 78 less some room
// for the marks of a quoted answer.
const textWidth = 74

// wrap lays out a plain text: lines longer than textWidth break at spaces (a
// word that is longer, an address say, stays whole and gets a line of its own),
// trailing spaces go, and no two blank lines follow each other. A line that
// begins with spaces keeps them on what it continues on.
func wrap(s string) string {
	var out []string
	blank := true
	for line := range strings.SplitSeq(s, "\n") {
		line = strings.TrimRight(line, " \t\r")
		if line == "" {
			if !blank {
				out = append(out, "")
			}
			blank = true
			continue
		}
		blank = false
		out = append(out, wrapLine(line)...)
	}
	return strings.TrimRight(strings.Join(out, "\n"), "\n") + "\n"
}

func wrapLine(line string) []string {
	if utf8.RuneCountInString(line) <= textWidth {
		return []string{line}
	}
	words := strings.TrimLeft(line, " ")
	indent := line[:len(line)-len(words)]
	var out []string
	current, width := indent, len(indent)
	for i, word := range strings.Split(words, " ") {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
			current, width = current+word, width+n
		case width+1+n > textWidth:
			out = append(out, current)
			current, width = indent+word, len(indent)+n
		default:
			current, width = current+" "+word, width+1+n
		}
	}
	return append(out, current)
}
