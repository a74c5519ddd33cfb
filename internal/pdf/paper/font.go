package paper

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math"
	"unicode/utf16"

	"github.com/bursarhq/bursar/internal/pdf/typeset"
)

// fontUse is a font as one file uses it: the glyphs that occur, numbered anew
// in the order of their first use.
type fontUse struct {
	face   *typeset.Face
	number int // of the resource
	place  map[uint16]uint16
	glyphs []uint16
	texts  [][]rune // what each glyph stands for, where it was first used
}

func (f *File) font(face *typeset.Face) *fontUse {
	use := f.fonts[face]
	if use == nil {
		use = &fontUse{face: face, number: len(f.fontOrder) + 1, place: map[uint16]uint16{0: 0}, glyphs: []uint16{0}, texts: [][]rune{nil}}
		f.fonts[face] = use
		f.fontOrder = append(f.fontOrder, use)
	}
	return use
}

// use is the glyph's number in the file.
func (u *fontUse) use(g typeset.Glyph) uint16 {
	at, ok := u.place[g.ID]
	if !ok {
		at = uint16(len(u.glyphs))
		u.place[g.ID] = at
		u.glyphs = append(u.glyphs, g.ID)
		u.texts = append(u.texts, g.Text)
	} else if u.texts[at] == nil {
		u.texts[at] = g.Text
	}
	return at
}

// width is what the file says of a glyph's width, in ems.
func (u *fontUse) width(glyph uint16) float64 {
	return math.Round(u.face.Advance(glyph)*1000) / 1000
}

func (f *File) fontResources() []byte {
	var out bytes.Buffer
	for _, use := range f.fontOrder {
		fmt.Fprintf(&out, "/F%d %d 0 R", use.number, f.writeFont(use))
	}
	return out.Bytes()
}

// writeFont writes a composite font with glyph numbers as codes (Identity-H) and
// answers its object.
func (f *File) writeFont(use *fontUse) int {
	data := use.face.Subset(use.glyphs)
	file := f.stream(fmt.Sprintf("/Length1 %d", len(data)), data)
	name := subsetTag(data) + "+" + use.face.Name()
	b := use.face.Bounds()
	flags := 4 // its own characters, not the standard Latin ones
	if use.face.ItalicAngle() != 0 {
		flags |= 64
	}
	descriptor := f.add("<</Type/FontDescriptor/FontName/%s/Flags %d/FontBBox[%d %d %d %d]/ItalicAngle %s/Ascent %s/Descent %s/CapHeight %s/StemV 80/FontFile2 %d 0 R>>",
		name, flags, b[0], b[1], b[2], b[3], num(use.face.ItalicAngle()),
		num(use.face.Ascent()*1000), num(use.face.Descent()*1000), num(use.face.CapHeight()*1000), file)

	var widths bytes.Buffer
	for _, g := range use.glyphs {
		fmt.Fprintf(&widths, "%s ", num(use.width(g)*1000))
	}
	descendant := f.add("<</Type/Font/Subtype/CIDFontType2/BaseFont/%s/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)/Supplement 0>>/FontDescriptor %d 0 R/CIDToGIDMap/Identity/W[0[%s]]>>",
		name, descriptor, bytes.TrimSpace(widths.Bytes()))
	unicode := f.stream("", use.toUnicode())
	return f.add("<</Type/Font/Subtype/Type0/BaseFont/%s/Encoding/Identity-H/DescendantFonts[%d 0 R]/ToUnicode %d 0 R>>", name, descendant, unicode)
}

// toUnicode is the CMap by which readers search and copy.
func (u *fontUse) toUnicode() []byte {
	var out bytes.Buffer
	out.WriteString("/CIDInit/ProcSet findresource begin 12 dict begin begincmap\n" +
		"/CIDSystemInfo<</Registry(Adobe)/Ordering(UCS)/Supplement 0>>def\n" +
		"/CMapName/Adobe-Identity-UCS def/CMapType 2 def\n" +
		"1 begincodespacerange<0000><FFFF>endcodespacerange\n")
	var lines [][]byte
	for at, text := range u.texts {
		if len(text) == 0 {
			continue
		}
		line := fmt.Appendf(nil, "<%04X><", at)
		for _, unit := range utf16.Encode(text) {
			line = appendHex(line, unit)
		}
		lines = append(lines, append(line, '>', '\n'))
	}
	for len(lines) > 0 {
		n := min(len(lines), 100) // the format's limit for one block
		fmt.Fprintf(&out, "%d beginbfchar\n", n)
		for _, line := range lines[:n] {
			out.Write(line)
		}
		out.WriteString("endbfchar\n")
		lines = lines[n:]
	}
	out.WriteString("endcmap CMapName currentdict/CMap defineresource pop end end\n")
	return out.Bytes()
}

// subsetTag is the six letters that mark a subset font; they follow from the
// subset, so that two files with the same glyphs agree.
func subsetTag(data []byte) string {
	sum := sha256.Sum256(data)
	var tag [6]byte
	for i := range tag {
		tag[i] = 'A' + sum[i]%26
	}
	return string(tag[:])
}
