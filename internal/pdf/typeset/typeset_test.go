package typeset

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func setter(t testing.TB, lang string) *Setter {
	t.Helper()
	s := NewLibrary(Fonts{}).Setter(lang)
	t.Cleanup(s.Release)
	return s
}

// shown is the runs of a line from left to right: font, text, glyph count.
func shown(line Line) string {
	var parts []string
	for _, r := range line.Runs {
		parts = append(parts, fmt.Sprintf("%s:%s", strings.TrimPrefix(r.Face.Name(), "NotoSans"), string(r.Text)))
	}
	return strings.Join(parts, "|")
}

func TestEveryEmbeddedFontLoads(t *testing.T) {
	for _, f := range families {
		for _, load := range []func() *Face{f.regular, f.bold} {
			if load == nil {
				continue
			}
			face := load()
			if face.Ascent() < 0.7 || face.Descent() > -0.1 || face.CapHeight() < 0.4 {
				t.Errorf("%s: ascent %v, descent %v, cap height %v", face.Name(), face.Ascent(), face.Descent(), face.CapHeight())
			}
		}
	}
}

func TestFontForEachRun(t *testing.T) {
	s := setter(t, "en")
	for text, want := range map[string]string{
		"Pro plan":       "-Regular:Pro plan",
		"Тариф Pro":      "-Regular:Тариф |-Regular:Pro", // one font, two scripts
		"中文 Pro 3":       "CJK-Regular:中文 |-Regular:Pro 3",
		"（株）":            "CJK-Regular:（|CJK-Regular:株）",
		"แผน 12":         "Thai-Regular:แผน |-Regular:12",
		"price: 한국어":     "-Regular:price: |CJK-Regular:한국어",
		"① first":        "CJK-Regular:① |-Regular:first",
		"प्लान।":         "Devanagari-Regular:प्लान।",
		"שלום abc":       "-Regular:abc|Hebrew-Regular:שלום ",
		"فهد 45، الطابق": "Arabic-Regular:، الطابق|-Regular:45|Arabic-Regular:فهد ",
	} {
		if got := shown(s.Line(text, Text{Size: 10})); got != want {
			t.Errorf("%q\n got %s\nwant %s", text, got, want)
		}
	}
}

// Visual order by the Unicode Bidirectional Algorithm.
func TestDirections(t *testing.T) {
	s := setter(t, "en")
	for _, c := range []struct {
		text, want string
		rtl        bool
	}{
		{"abc", "abc", false},
		{"שלום", "םולש", true},
		{"abc שלום def", "abc םולש def", false},
		{"abc שלום 123 def", "abc 123 םולש def", false}, // a number follows what it counts
		{"שלום 123 abc", "abc 123 םולש", true},
		{"שלום (abc)", ")abc( םולש", true}, // and the shaper mirrors the parentheses
		{"12 שלום", "םולש 12", true},
	} {
		line := s.Line(c.text, Text{Size: 10})
		var visual []rune
		for _, r := range line.Runs {
			text := slices.Clone(r.Text)
			if len(r.Glyphs) > 1 && r.Glyphs[0].cluster > r.Glyphs[len(r.Glyphs)-1].cluster {
				slices.Reverse(text)
			}
			visual = append(visual, text...)
		}
		if got := string(visual); got != c.want || line.RTL != c.rtl {
			t.Errorf("%q: %q from the right %v; want %q, %v", c.text, got, line.RTL, c.want, c.rtl)
		}
	}
}

func TestArabicJoins(t *testing.T) {
	s := setter(t, "ar")
	joined := s.Line("ببب", Text{Size: 10}).Runs[0].Glyphs
	if len(joined) != 3 || joined[0].ID == joined[1].ID || joined[1].ID == joined[2].ID || joined[0].ID == joined[2].ID {
		t.Errorf("final, medial and initial form are not three glyphs: %+v", joined)
	}
}

// One character is drawn as its reader's country draws it.
func TestHanForms(t *testing.T) {
	glyph := func(lang string) uint16 { return setter(t, lang).Line("骨", Text{Size: 10}).Runs[0].Glyphs[0].ID }
	if glyph("ja") == glyph("zh-Hans") {
		t.Error("骨 is the same in Japan and in mainland China")
	}
	if glyph("ja") != glyph("fr") {
		t.Error("骨 in a French text is not the Japanese form")
	}
}

func TestKerning(t *testing.T) {
	s := setter(t, "en")
	width := func(text string) float64 { return s.Line(text, Text{Size: 1000}).Width }
	if together, apart := width("AV"), width("A")+width("V"); together >= apart {
		t.Errorf("AV is %v wide, A and V are %v", together, apart)
	}
}

func TestThickensWhatHasNoBold(t *testing.T) {
	s := setter(t, "en")
	line := s.Line("Bold 太字", Text{Size: 10, Bold: true})
	if line.Runs[0].Thicken || line.Runs[0].Face.Name() != "NotoSans-Bold" || !line.Runs[1].Thicken {
		t.Errorf("got %s, thickened %v and %v", shown(line), line.Runs[0].Thicken, line.Runs[1].Thicken)
	}
}

func TestWrap(t *testing.T) {
	s := setter(t, "en")
	for _, c := range []struct {
		text  string
		width float64
		most  int
		want  []string
	}{
		{"", 100, 0, nil},
		{" \n ", 100, 0, nil},
		{"one two three", 1000, 0, []string{"one two three"}},
		{"one two three", 45, 0, []string{"one two", "three"}},
		{"one\ntwo\r\nthree", 1000, 0, []string{"one", "two", "three"}},
		{"one\n\ntwo", 1000, 0, []string{"one", "", "two"}},
		{"WWWWWWWWWW", 40, 0, []string{"WWWW", "WWWW", "WW"}},
		{"中文字没有空格也换行", 45, 0, []string{"中文字没", "有空格也", "换行"}},
		{"one two three four", 45, 1, []string{"one tw…"}},
		{"a\nb\nc", 45, 2, []string{"a", "b…"}},
	} {
		var got []string
		for _, line := range s.Lines(c.text, Text{Size: 10, Width: c.width, MaxLines: c.most}) {
			got = append(got, string(line.source))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q in %v: got %q, want %q", c.text, c.width, got, c.want)
		}
	}
}

func TestLineIsCut(t *testing.T) {
	s := setter(t, "en")
	line := s.Line("a very long\nnumber indeed", Text{Size: 10, Width: 60})
	if text := string(line.source); line.Width > 60 || !strings.HasPrefix(text, "a very lo") || !strings.HasSuffix(text, "…") {
		t.Errorf("got %q, %v wide", text, line.Width)
	}
}

// Whatever the text, no line is wider than asked for (but for a point of kerning
// that was lost with the break) unless it is a single cluster, and no character but spaces at a line's end is lost or moved.
func TestWrapKeepsEverything(t *testing.T) {
	s := setter(t, "en")
	syllables := strings.Split("a|b|W|i|I| | | |.|,|-|/|(|)|\u00a0|e\u0301|ש|לו|ם|12|م|رح|با|中|文字|。|한국|हि|न्दी|क्ष|ไท|ย|🙂|supercalifragilistic", "|")
	rapid.Check(t, func(rt *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(syllables), 0, 40).Draw(rt, "text"), "")
		width := rapid.Float64Range(5, 200).Draw(rt, "width")
		var got strings.Builder
		for _, line := range s.Lines(text, Text{Size: 10, Width: width}) {
			if line.Width > width+1 && graphemes(line) > 1 {
				rt.Errorf("line %q is %v wide, more than %v", string(line.source), line.Width, width)
			}
			got.WriteString(string(line.source))
		}
		var want strings.Builder
		for _, line := range clean(strings.TrimSpace(text)) {
			want.WriteString(string(line))
		}
		drop := strings.NewReplacer(" ", "")
		if drop.Replace(got.String()) != drop.Replace(want.String()) {
			rt.Errorf("%q became %q", want.String(), got.String())
		}
	})
}

// graphemes counts the clusters of a line that have a width.
func graphemes(line Line) int {
	n := 0
	for _, r := range line.Runs {
		for _, g := range r.Glyphs {
			if g.Text != nil && g.Advance > 0 {
				n++
			}
		}
	}
	return n
}

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"plain":                 "plain",
		"a\tb":                  "a b",
		"a\nb\rc\r\nd\u2028e":   "a/b/c/d/e",
		"\x00\x1b\x7f\u0090":    "\ufffd\ufffd\ufffd\ufffd",
		"\xc3\x28":              "\ufffd(",
		"e\u0301":               "é",
		"\u202ea\u2066b\u200fc": "abc",
		"soft\u00adhyphen":      "softhyphen",
		"\u200c\u200d":          "\u200c\u200d",
		"\ufffe\U0001ffff":      "\ufffd\ufffd",
		"\U000e0041x":           "x",
	} {
		var lines []string
		for _, l := range clean(text) {
			lines = append(lines, string(l))
		}
		if got := strings.Join(lines, "/"); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	long := clean(strings.Repeat("x", 3*maxRunes))
	if n := len(long[0]); n != maxRunes+1 || long[0][maxRunes] != '…' {
		t.Errorf("a long text has %d characters", n)
	}
}

// Subsets are checked by parsing them again: a glyph keeps its outline and width.
func TestSubset(t *testing.T) {
	whole := latin.regular()
	glyph := func(f *Face, r rune) uint16 {
		g, ok := f.shaped.NominalGlyph(r)
		if !ok {
			t.Fatalf("%s has no %c", f.Name(), r)
		}
		return uint16(g)
	}
	composite := uint16(0)
	for g := range uint16(len(whole.loca) - 1) {
		if o := whole.outline(g); len(o) > 10 && i16(o, 0) < 0 {
			composite = g
			break
		}
	}
	if composite == 0 {
		t.Fatal("the font has no composite glyph")
	}
	order := []uint16{0, composite, glyph(whole, 'A'), glyph(whole, ' ')}
	data := whole.Subset(order)
	tables, err := directory(data)
	if err != nil {
		t.Fatal(err)
	}
	if sum := checksum(data); sum != 0xB1B0AFBA {
		t.Errorf("the file's checksum is %08X", sum)
	}
	loca, err := locations(tables["loca"], locaFormat{long: true, glyphs: int(u16(tables["maxp"], 4)), end: len(tables["glyf"])})
	if err != nil {
		t.Fatal(err)
	}
	if len(loca)-1 <= len(order) {
		t.Errorf("%d glyphs: what the first is composed of is not there", len(loca)-1)
	}
	part := &Face{glyf: tables["glyf"], loca: loca, hmtx: tables["hmtx"], metrics: int(u16(tables["hhea"], 34)), unitsPerEm: whole.unitsPerEm}
	for i, g := range order {
		if part.Advance(uint16(i)) != whole.Advance(g) {
			t.Errorf("glyph %d: advance %v, was %v", i, part.Advance(uint16(i)), whole.Advance(g))
		}
	}
	if a, b := part.outline(2), whole.outline(order[2]); string(a[:10]) != string(b[:10]) || len(a) > len(b)+4 {
		t.Error("A has another outline")
	}
	if len(part.outline(3)) != 0 {
		t.Error("the space has an outline")
	}
	if string(whole.Subset(order)) != string(data) {
		t.Error("the same glyphs make other bytes")
	}
}

func TestRefusedFonts(t *testing.T) {
	packed, err := os.ReadFile("fonts/build.py")
	if err != nil {
		t.Fatal(err)
	}
	whole := latin.regular().Subset([]uint16{0, 1, 2}) // has no cmap
	damaged := func(table string, at int, value ...byte) []byte {
		data := slices.Clone(whole)
		tables, err := directory(data)
		if err != nil {
			t.Fatal(err)
		}
		copy(tables[table][at:], value)
		return data
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"glyphs":     {damaged("maxp", 4, 1), "hmtx is short"},
		"metrics":    {damaged("hhea", 34, 1), "hmtx is short"},
		"em":         {damaged("head", 18, 0, 8), "units per em"},
		"outlines":   {damaged("loca", 8, 1), "loca points outside"},
		"empty":      {nil, "not a TrueType font"},
		"text":       {packed, "not a TrueType font"},
		"postscript": {[]byte("OTTO\x00\x01\x00\x00\x00\x00\x00\x00"), "a .ttf is needed"},
		"collection": {[]byte("ttcf\x00\x01\x00\x00\x00\x00\x00\x01"), "not a TrueType font"},
		"cut":        {whole[:200], "cut short"},
		"no cmap":    {whole, ""},
	} {
		_, err := NewFace(name, c.data)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

// A user's font may be damaged anywhere; that is an error, never a panic.
func TestDamagedFonts(t *testing.T) {
	whole, err := os.ReadFile("/usr/share/fonts/truetype/noto/NotoSansHebrew-Regular.ttf")
	if err != nil {
		t.Skip("fonts-noto-core is not installed")
	}
	rapid.Check(t, func(rt *rapid.T) {
		data := slices.Clone(whole)
		data = data[:rapid.IntRange(0, len(data)).Draw(rt, "length")]
		for range rapid.IntRange(0, 8).Draw(rt, "damages") {
			if len(data) > 0 {
				data[rapid.IntRange(0, min(len(data)-1, 4000)).Draw(rt, "at")] = rapid.Byte().Draw(rt, "byte")
			}
		}
		f, err := NewFace("x", data)
		if err != nil {
			return
		}
		f.Subset([]uint16{0, 5, 30, 90})
	})
}

func TestOwnFontsComeFirst(t *testing.T) {
	s := NewLibrary(Fonts{Regular: families[3].regular()}).Setter("en") // Hebrew as if it were a brand's
	defer s.Release()
	line := s.Line("שלום", Text{Size: 10, Bold: true})
	if run := line.Runs[0]; run.Face != families[3].regular() || !run.Thicken {
		t.Errorf("got %s, thickened %v", shown(line), run.Thicken)
	}
}
