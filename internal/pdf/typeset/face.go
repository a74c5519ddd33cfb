package typeset

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/go-text/typesetting/font"
)

// Face is one parsed TrueType font. It never changes and may be used by many
// goroutines.
type Face struct {
	name   string
	shaped *font.Font

	unitsPerEm float64
	ascent     float64 // em
	descent    float64 // em, negative
	capHeight  float64 // em
	bounds     [4]int  // xMin, yMin, xMax, yMax in thousandths of an em
	italic     float64

	head, hhea, maxp []byte
	hmtx             []byte
	metrics          int // entries of hmtx that have an advance
	glyf             []byte
	loca             []uint32
}

// errFont is what a font that cannot be used is refused with.
var errFont = errors.New("not a TrueType font that can be embedded")

// NewFace parses a TrueType font. Collections and fonts with PostScript
// outlines (.otf) are refused.
func NewFace(name string, data []byte) (*Face, error) {
	f, err := newFace(name, data)
	if err != nil {
		return nil, fmt.Errorf("font %s: %w", name, err)
	}
	return f, nil
}

func newFace(name string, data []byte) (*Face, error) {
	if len(data) >= 4 && string(data[:4]) == "OTTO" {
		return nil, fmt.Errorf("%w: it has PostScript outlines; a .ttf is needed", errFont)
	}
	tables, err := directory(data)
	if err != nil {
		return nil, err
	}
	f := &Face{name: name, head: tables["head"], hhea: tables["hhea"], maxp: tables["maxp"], hmtx: tables["hmtx"], glyf: tables["glyf"]}
	if len(f.head) < 54 || len(f.hhea) < 36 || len(f.maxp) < 6 {
		return nil, fmt.Errorf("%w: head, hhea or maxp is missing or short", errFont)
	}
	f.unitsPerEm = float64(u16(f.head, 18))
	if f.unitsPerEm < 16 {
		return nil, fmt.Errorf("%w: %v units per em", errFont, f.unitsPerEm)
	}
	for i := range f.bounds {
		f.bounds[i] = int(math.Round(float64(i16(f.head, 36+2*i)) / f.unitsPerEm * 1000))
	}
	f.ascent, f.descent = float64(i16(f.hhea, 4))/f.unitsPerEm, float64(i16(f.hhea, 6))/f.unitsPerEm
	f.capHeight = f.ascent * 0.7
	if os2 := tables["OS/2"]; len(os2) >= 90 && u16(os2, 0) >= 2 {
		if u16(os2, 8)&0x000F == 0x0002 {
			return nil, fmt.Errorf("%w: its license forbids embedding (fsType)", errFont)
		}
		f.capHeight = float64(i16(os2, 88)) / f.unitsPerEm
	}
	if post := tables["post"]; len(post) >= 8 {
		f.italic = float64(int32(binary.BigEndian.Uint32(post[4:]))) / 65536
	}

	glyphs := int(u16(f.maxp, 4))
	f.metrics = int(u16(f.hhea, 34))
	if f.metrics == 0 || f.metrics > glyphs || len(f.hmtx) < 4*f.metrics+2*(glyphs-f.metrics) {
		return nil, fmt.Errorf("%w: hmtx is short", errFont)
	}
	if f.loca, err = locations(tables["loca"], locaFormat{long: u16(f.head, 50) == 1, glyphs: glyphs, end: len(f.glyf)}); err != nil {
		return nil, err
	}

	face, err := font.ParseTTF(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errFont, err)
	}
	f.shaped = face.Font
	return f, nil
}

// directory finds the tables of a font file.
func directory(data []byte) (map[string][]byte, error) {
	if len(data) < 12 || u32(data, 0) != 0x00010000 && string(data[:4]) != "true" {
		return nil, errFont
	}
	n := int(u16(data, 4))
	if len(data) < 12+16*n {
		return nil, fmt.Errorf("%w: cut short", errFont)
	}
	tables := make(map[string][]byte, n)
	for i := range n {
		entry := data[12+16*i:]
		offset, length := uint64(u32(entry, 8)), uint64(u32(entry, 12))
		if offset+length > uint64(len(data)) {
			return nil, fmt.Errorf("%w: table %q is cut short", errFont, entry[:4])
		}
		tables[string(entry[:4])] = data[offset : offset+length]
	}
	return tables, nil
}

type locaFormat struct {
	long   bool // 32-bit offsets
	glyphs int
	end    int // of glyf
}

// locations reads the loca table: where each glyph begins in glyf, and one more.
func locations(loca []byte, format locaFormat) ([]uint32, error) {
	size := 2
	if format.long {
		size = 4
	}
	if len(loca) < size*(format.glyphs+1) {
		return nil, fmt.Errorf("%w: loca is short", errFont)
	}
	at := make([]uint32, format.glyphs+1)
	for i := range at {
		if format.long {
			at[i] = u32(loca, 4*i)
		} else {
			at[i] = 2 * uint32(u16(loca, 2*i))
		}
		if i > 0 && at[i] < at[i-1] || int(at[i]) > format.end {
			return nil, fmt.Errorf("%w: loca points outside glyf", errFont)
		}
	}
	return at, nil
}

// Name is the font's name in the file that uses it.
func (f *Face) Name() string { return f.name }

// Ascent, Descent (negative) and CapHeight are in ems.
func (f *Face) Ascent() float64    { return f.ascent }
func (f *Face) Descent() float64   { return f.descent }
func (f *Face) CapHeight() float64 { return f.capHeight }

// ItalicAngle is in degrees.
func (f *Face) ItalicAngle() float64 { return f.italic }

// Bounds are xMin, yMin, xMax and yMax of all glyphs, in thousandths of an em.
func (f *Face) Bounds() [4]int { return f.bounds }

// Advance is the width of a glyph in ems.
func (f *Face) Advance(glyph uint16) float64 {
	i := min(int(glyph), f.metrics-1)
	return float64(u16(f.hmtx, 4*i)) / f.unitsPerEm
}

func (f *Face) has(r rune) bool {
	_, ok := f.shaped.NominalGlyph(r)
	return ok
}

// outline is the glyph's description in glyf, empty for a space.
func (f *Face) outline(glyph uint16) []byte {
	if int(glyph)+1 >= len(f.loca) {
		return nil
	}
	return f.glyf[f.loca[glyph]:f.loca[glyph+1]]
}

func u16(b []byte, at int) uint16 { return binary.BigEndian.Uint16(b[at:]) }
func i16(b []byte, at int) int16  { return int16(u16(b, at)) }
func u32(b []byte, at int) uint32 { return binary.BigEndian.Uint32(b[at:]) }
