package mail

import (
	"strings"
	"testing"
)

func TestWrap(t *testing.T) {
	long := strings.Repeat("word ", 40)
	url := "https://x.example/" + strings.Repeat("a", 200)
	for in, want := range map[string]string{
		"a\n\n\n\nb\n\n":          "a\n\nb\n",
		"a   \nb":                 "a\nb\n",
		"\n\na":                   "a\n",
		"":                        "\n",
		"x " + url + " y":         "x\n" + url + "\ny\n",
		url:                       url + "\n",
		"one\u00a0two " + "three": "one\u00a0two three\n",
	} {
		if got := wrap(in); got != want {
			t.Errorf("wrap(%q) = %q, want %q", in, got, want)
		}
	}
	for line := range strings.SplitSeq(wrap("  Label: "+long), "\n") {
		if len(line) > textWidth || line != "" && !strings.HasPrefix(line, "  ") {
			t.Errorf("%d characters, not indented or too long: %q", len(line), line)
		}
	}
}
