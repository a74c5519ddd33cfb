package pdf_test

import (
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
)

// The extractor below reads what the files of this package say, page by page, in
// the order in which it is drawn: one line for each baseline, " | " where
// something else begins on it. It understands our own files and no others;
// TestOtherReaders has an independent reader look at the same.

var (
	objectStart = regexp.MustCompile(`(?m)^(\d+) 0 obj\n`)
	reference   = func(key string) *regexp.Regexp { return regexp.MustCompile("/" + key + ` (\d+) 0 R`) }
	fontEntry   = regexp.MustCompile(`/F(\d+) (\d+) 0 R`)
	mapping     = regexp.MustCompile(`<([0-9A-F]{4})><([0-9A-F]*)>`)
	operation   = regexp.MustCompile(`([\d.]+ ){3}(rg)\n|/Span<</ActualText<([0-9A-F]+)>>>BDC|EMC|/F(\d+) [\d.]+ Tf|1 0 0 1 ([\d.]+) ([\d.]+) Tm|\[([^\]]*)\]TJ`)
	hexString   = regexp.MustCompile(`<([0-9A-F]*)>`)
)

type objects map[int][]byte

func parseObjects(file []byte) objects {
	all := objects{}
	starts := objectStart.FindAllSubmatchIndex(file, -1)
	for _, at := range starts {
		number, _ := strconv.Atoi(string(file[at[2]:at[3]]))
		body := file[at[1]:]
		// A stream may contain anything; its length says where it ends.
		if dictionary, data, ok := bytes.Cut(body, []byte(">>\nstream\n")); ok && !bytes.Contains(dictionary, []byte("endobj")) {
			lengths := regexp.MustCompile(`/Length (\d+)$`).FindSubmatch(dictionary)
			length, _ := strconv.Atoi(string(lengths[1]))
			body = body[:len(dictionary)+len(">>\nstream\n")+length]
			_ = data
		} else {
			body, _, _ = bytes.Cut(body, []byte("\nendobj"))
		}
		if _, ok := all[number]; !ok {
			all[number] = body
		}
	}
	return all
}

func (o objects) stream(t testing.TB, number int) []byte {
	t.Helper()
	_, data, ok := bytes.Cut(o[number], []byte("stream\n"))
	if !ok {
		t.Fatalf("object %d is no stream: %.100s", number, o[number])
	}
	z, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("object %d: %v", number, err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatalf("object %d: %v", number, err)
	}
	return plain
}

func (o objects) follow(t testing.TB, body []byte, key string) int {
	t.Helper()
	m := reference(key).FindSubmatch(body)
	if m == nil {
		t.Fatalf("no /%s in %.200s", key, body)
	}
	number, _ := strconv.Atoi(string(m[1]))
	return number
}

// extract is the text of each page.
func extract(t testing.TB, file []byte) []string {
	t.Helper()
	o := parseObjects(file)
	tree := o[o.follow(t, o[1], "Pages")]
	var pages []string
	for _, kid := range regexp.MustCompile(`(\d+) 0 R`).FindAllSubmatch(tree[bytes.Index(tree, []byte("/Kids")):], -1) {
		number, _ := strconv.Atoi(string(kid[1]))
		page := o[number]
		fonts := map[string]map[string]string{}
		for _, f := range fontEntry.FindAllSubmatch(o[o.follow(t, page, "Resources")], -1) {
			number, _ := strconv.Atoi(string(f[2]))
			glyphs := map[string]string{}
			for _, m := range mapping.FindAllSubmatch(o.stream(t, o.follow(t, o[number], "ToUnicode")), -1) {
				glyphs[string(m[1])] = fromHex(string(m[2]))
			}
			fonts[string(f[1])] = glyphs
		}
		pages = append(pages, pageText(o.stream(t, o.follow(t, page, "Contents")), fonts))
	}
	return pages
}

func pageText(content []byte, fonts map[string]map[string]string) string {
	var out strings.Builder
	var font map[string]string
	lastY, actual := "", ""
	inActual, begins := false, false
	for _, m := range operation.FindAllSubmatch(content, -1) {
		switch {
		case m[2] != nil: // a color begins every text
			begins = true
		case m[3] != nil:
			actual, inActual = fromHex(string(m[3])), true
		case m[4] != nil:
			font = fonts[string(m[4])]
		case m[5] != nil:
			switch y := string(m[6]); {
			case lastY == "":
				lastY = y
			case y != lastY:
				out.WriteByte('\n')
				lastY = y
			case begins:
				out.WriteString(" | ")
			}
			begins = false
		case m[7] != nil && !inActual:
			var shown []string
			rightToLeft := false
			for _, hex := range hexString.FindAllSubmatch(m[7], -1) {
				for code := string(hex[1]); len(code) >= 4; code = code[4:] {
					shown = append(shown, font[code[:4]])
					rightToLeft = rightToLeft || strings.ContainsFunc(font[code[:4]], func(r rune) bool { return r >= 0x590 && r < 0x780 })
				}
			}
			if rightToLeft {
				slices.Reverse(shown)
			}
			out.WriteString(strings.Join(shown, ""))
		case string(m[0]) == "EMC":
			out.WriteString(actual)
			inActual = false
		}
	}
	return out.String()
}

func fromHex(s string) string {
	s = strings.TrimPrefix(s, "FEFF")
	var units []uint16
	for ; len(s) >= 4; s = s[4:] {
		v, err := strconv.ParseUint(s[:4], 16, 16)
		if err != nil {
			panic(fmt.Sprintf("hex %q: %v", s[:4], err))
		}
		units = append(units, uint16(v))
	}
	return string(utf16.Decode(units))
}
