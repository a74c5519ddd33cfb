package typeset

import (
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxRunes is where a text is cut (an ellipsis says so), maxMarks how many
// combining marks one character may carry: what is longer or higher was made to
// break a layout.
const (
	maxRunes = 5000
	maxMarks = 6
)

// clean is the text as it is shown, one element per line: composed, tabs as
// spaces. Control characters and bytes that are no UTF-8 show as U+FFFD. What is
// invisible but reorders or hides text (bidirectional controls, zero width
// spaces, tags) is dropped, so that a document reads as its characters are.
func clean(text string) [][]rune {
	lines := [][]rune{nil}
	marks, count, last := 0, 0, rune(0)
	for _, r := range norm.NFC.String(text) {
		if count++; count > maxRunes {
			lines[len(lines)-1] = append(lines[len(lines)-1], '…')
			break
		}
		previous := last
		last = r
		switch {
		case r == '\n' && previous == '\r':
			continue
		case r == '\n', r == '\r', r == '\v', r == '\f', r == 0x85, r == 0x2028, r == 0x2029:
			lines = append(lines, nil)
			continue
		case r == '\t':
			r = ' '
		case r == 0x200C, r == 0x200D: // (non-)joiners: Indic and Persian words need them
		case hidden(r):
			continue
		case unicode.IsControl(r), r >= 0xFFF9 && r <= 0xFFFB, r&0xFFFE == 0xFFFE:
			r = unicode.ReplacementChar
		}
		if unicode.Is(unicode.M, r) {
			if marks++; marks > maxMarks {
				continue
			}
		} else {
			marks = 0
		}
		lines[len(lines)-1] = append(lines[len(lines)-1], r)
	}
	return lines
}

func hidden(r rune) bool {
	return r == 0x00AD || r == 0x061C || r == 0x180E || r == 0xFEFF ||
		r >= 0x200B && r <= 0x200F || r >= 0x202A && r <= 0x202E || r >= 0x2060 && r <= 0x206F ||
		r >= 0xE0000 && r <= 0xE0FFF
}
