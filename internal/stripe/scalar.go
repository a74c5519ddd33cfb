package stripe

import (
	"math"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// Raw is the bytes of v as they were sent, not a copy; nil when absent.
func (v Value) Raw() []byte {
	if v.d == nil {
		return nil
	}
	n := &v.d.nodes[v.i]
	return v.d.body[n.off:n.end:n.end]
}

// Str is the characters of a string, a copy that does not keep the document
// alive. It is empty for whatever else.
func (v Value) Str() string {
	if v.Kind() != KindString {
		return ""
	}
	n := &v.d.nodes[v.i]
	b := v.d.body[n.off+1 : n.end-1]
	if n.flags&roughValue == 0 {
		return string(b)
	}
	return unescape(b)
}

// ID is the id in a field that holds an id or the expanded object.
func (v Value) ID() string {
	if v.Kind() == KindObject {
		v = v.member("id")
	}
	return v.Str()
}

// Bool reports whether v is true.
func (v Value) Bool() bool {
	return v.Kind() == KindBool && v.d.body[v.d.nodes[v.i].off] == 't'
}

// Int is Int64, 0 where there is none.
func (v Value) Int() int64 {
	n, _ := v.Int64()
	return n
}

// Int64 is the integer that a number or a string spells, in whichever notation
// (5, 5.0, 1e3, "100": API v2 sends integers as strings). False for what is
// fractional, out of range, or neither.
func (v Value) Int64() (int64, bool) {
	switch v.Kind() {
	case KindNumber:
		return integer(v.Raw())
	case KindString:
		raw := v.Raw()
		raw = raw[1 : len(raw)-1]
		if len(raw) == 0 || scanNumber(raw, 0) != len(raw) {
			return 0, false
		}
		return integer(raw)
	}
	return 0, false
}

// integer is the value of a JSON number if it is an int64. It is exact: no
// float64 comes in between.
func integer(b []byte) (int64, bool) {
	negative := b[0] == '-'
	if negative {
		b = b[1:]
	}
	if len(b) <= 18 {
		n := int64(0)
		for i, c := range b {
			if c -= '0'; c > 9 {
				break
			}
			n = n*10 + int64(c)
			if i == len(b)-1 {
				return sign(n, negative), true
			}
		}
	}
	return scientific(b, negative)
}

func sign(n int64, negative bool) int64 {
	if negative {
		return -n
	}
	return n
}

// scientific is integer for numbers with a fraction, an exponent or very many
// digits. b is without its sign.
func scientific(b []byte, negative bool) (int64, bool) {
	mantissa, exponent := b, int64(0)
	if e := strings.IndexAny(string(b), "eE"); e >= 0 {
		mantissa, exponent = b[:e], exponentOf(b[e+1:])
	}
	var fraction []byte
	for i, c := range mantissa {
		if c == '.' {
			mantissa, fraction = mantissa[:i], mantissa[i+1:]
			break
		}
	}
	significant := make([]byte, 0, len(mantissa)+len(fraction))
	significant = append(append(significant, mantissa...), fraction...)
	exponent -= int64(len(fraction))
	for len(significant) > 0 && significant[len(significant)-1] == '0' {
		significant = significant[:len(significant)-1]
		exponent++
	}
	for len(significant) > 0 && significant[0] == '0' {
		significant = significant[1:]
	}
	if len(significant) == 0 {
		return 0, true
	}
	// 19 digits do not overflow an uint64.
	if exponent < 0 || exponent+int64(len(significant)) > 19 {
		return 0, false
	}
	n := uint64(0)
	for _, c := range significant {
		n = n*10 + uint64(c-'0')
	}
	for ; exponent > 0; exponent-- {
		n *= 10
	}
	if negative && n == 1<<63 {
		return math.MinInt64, true
	}
	if n > math.MaxInt64 {
		return 0, false
	}
	return sign(int64(n), negative), true
}

// exponentOf is an exponent's value, cut off far beyond what the digits of any
// document could make up for.
func exponentOf(b []byte) int64 {
	negative := b[0] == '-'
	if negative || b[0] == '+' {
		b = b[1:]
	}
	n := int64(0)
	for _, c := range b {
		if n < 1e12 {
			n = n*10 + int64(c-'0')
		}
	}
	return sign(n, negative)
}

// Time is Unix seconds: an integer as Int64 reads it, or an RFC 3339 time as API
// v2 sends it, whose fraction is dropped. 0 where it is neither.
func (v Value) Time() int64 {
	t, _ := v.time()
	return t
}

func (v Value) time() (int64, bool) {
	if n, ok := v.Int64(); ok {
		return n, true
	}
	if v.Kind() != KindString {
		return 0, false
	}
	t, err := time.Parse(time.RFC3339, v.Str())
	if err != nil {
		return 0, false
	}
	return t.Unix(), true
}

// unescape reads the inside of a valid JSON string as encoding/json does: bytes
// that are not UTF-8 and surrogates without a partner are U+FFFD.
func unescape(b []byte) string {
	var s strings.Builder
	s.Grow(len(b))
	for i := 0; i < len(b); {
		switch c := b[i]; {
		case c == '\\' && b[i+1] == 'u':
			r := hex4(b[i+2:])
			i += 6
			if utf16.IsSurrogate(r) {
				low := rune(-1)
				if len(b)-i >= 6 && b[i] == '\\' && b[i+1] == 'u' {
					low = hex4(b[i+2:])
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					i += 6
				}
			}
			s.WriteRune(r)
		case c == '\\':
			c = b[i+1]
			switch c {
			case 'b':
				c = '\b'
			case 'f':
				c = '\f'
			case 'n':
				c = '\n'
			case 'r':
				c = '\r'
			case 't':
				c = '\t'
			}
			s.WriteByte(c)
			i += 2
		case c < utf8.RuneSelf:
			s.WriteByte(c)
			i++
		default:
			r, size := utf8.DecodeRune(b[i:])
			s.WriteRune(r)
			i += size
		}
	}
	return s.String()
}
