package typeset

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// Flags of a component of a composite glyph (OpenType, table glyf).
const (
	argsAreWords    = 0x0001
	hasScale        = 0x0008
	moreComponents  = 0x0020
	hasXYScale      = 0x0040
	hasTwoByTwo     = 0x0080
	hasInstructions = 0x0100
)

// Subset is a TrueType font with the given glyphs alone, in this order: glyph i
// of the new font is glyphs[i] of the old one. The first should be 0, the glyph
// for what is missing. Glyphs that these are composed of follow behind.
func (f *Face) Subset(glyphs []uint16) []byte {
	order := slices.Clone(glyphs)
	place := make(map[uint16]uint16, len(order))
	for i, g := range order {
		place[g] = uint16(i)
	}

	var glyf []byte
	loca := []uint32{0}
	for i := 0; i < len(order); i++ { // order grows
		glyf = append(glyf, f.component(order[i], func(old uint16) uint16 {
			at, ok := place[old]
			if !ok {
				at = uint16(len(order))
				place[old] = at
				order = append(order, old)
			}
			return at
		})...)
		for len(glyf)%4 != 0 {
			glyf = append(glyf, 0)
		}
		loca = append(loca, uint32(len(glyf)))
	}

	hmtx := make([]byte, 0, 4*len(order))
	for _, g := range order {
		hmtx = append(hmtx, f.metric(g)...)
	}
	longLoca := make([]byte, 0, 4*len(loca))
	for _, at := range loca {
		longLoca = binary.BigEndian.AppendUint32(longLoca, at)
	}
	head, hhea, maxp := slices.Clone(f.head[:54]), slices.Clone(f.hhea[:36]), slices.Clone(f.maxp)
	binary.BigEndian.PutUint32(head[8:], 0) // checkSumAdjustment
	binary.BigEndian.PutUint16(head[50:], 1)
	binary.BigEndian.PutUint16(hhea[34:], uint16(len(order)))
	binary.BigEndian.PutUint16(maxp[4:], uint16(len(order)))

	return assemble([]table{
		{"glyf", glyf}, {"head", head}, {"hhea", hhea}, {"hmtx", hmtx}, {"loca", longLoca}, {"maxp", maxp},
	})
}

// metric is the glyph's entry of hmtx: advance and left side bearing.
func (f *Face) metric(glyph uint16) []byte {
	if int(glyph) < f.metrics {
		return f.hmtx[4*int(glyph):][:4]
	}
	last := f.hmtx[4*(f.metrics-1):][:2]
	bearing := f.hmtx[4*f.metrics+2*(int(glyph)-f.metrics):][:2]
	return []byte{last[0], last[1], bearing[0], bearing[1]}
}

// component is the glyph's outline without instructions, the ids of what it is
// composed of replaced. An outline that is cut short becomes an empty one.
func (f *Face) component(glyph uint16, place func(old uint16) uint16) []byte {
	old := f.outline(glyph)
	if len(old) < 10 {
		return nil
	}
	contours := int(i16(old, 0))
	if contours >= 0 {
		at := 10 + 2*contours
		if len(old) < at+2 {
			return nil
		}
		length := int(u16(old, at))
		if len(old) < at+2+length {
			return nil
		}
		out := slices.Clone(old[:at])
		out = append(out, 0, 0)
		return append(out, old[at+2+length:]...)
	}

	out := slices.Clone(old)
	for at := 10; ; {
		if len(out) < at+4 {
			return nil
		}
		flags := u16(out, at)
		binary.BigEndian.PutUint16(out[at:], flags&^hasInstructions)
		binary.BigEndian.PutUint16(out[at+2:], place(u16(out, at+2)))
		at += 6
		if flags&argsAreWords != 0 {
			at += 2
		}
		switch {
		case flags&hasScale != 0:
			at += 2
		case flags&hasXYScale != 0:
			at += 4
		case flags&hasTwoByTwo != 0:
			at += 8
		}
		if at > len(out) {
			return nil
		}
		if flags&moreComponents == 0 {
			return out[:at]
		}
	}
}

type table struct {
	tag  string
	data []byte
}

// assemble writes a font file of tables, which are in the order of their tags.
func assemble(tables []table) []byte {
	n := len(tables)
	log := bits.Len(uint(n)) - 1
	out := binary.BigEndian.AppendUint32(nil, 0x00010000)
	for _, v := range []int{n, 16 << log, log, 16*n - 16<<log} {
		out = binary.BigEndian.AppendUint16(out, uint16(v))
	}
	offset, adjust := 12+16*n, 0
	for _, t := range tables {
		if t.tag == "head" {
			adjust = offset + 8
		}
		out = append(out, t.tag...)
		out = binary.BigEndian.AppendUint32(out, checksum(t.data))
		out = binary.BigEndian.AppendUint32(out, uint32(offset))
		out = binary.BigEndian.AppendUint32(out, uint32(len(t.data)))
		offset += (len(t.data) + 3) &^ 3
	}
	for _, t := range tables {
		out = append(out, t.data...)
		for len(out)%4 != 0 {
			out = append(out, 0)
		}
	}
	binary.BigEndian.PutUint32(out[adjust:], 0xB1B0AFBA-checksum(out))
	return out
}

func checksum(data []byte) uint32 {
	var sum uint32
	for len(data) >= 4 {
		sum += u32(data, 0)
		data = data[4:]
	}
	if len(data) > 0 {
		var rest [4]byte
		copy(rest[:], data)
		sum += u32(rest[:], 0)
	}
	return sum
}
