package stripe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/bits"
	"sync"
)

// ErrSyntax is what Parse's errors wrap. The text says at which byte.
var ErrSyntax = errors.New("invalid JSON")

// maxDepth bounds the nesting of a document. Stripe's objects nest some ten
// levels with everything expanded.
const maxDepth = 200

// Kind says what a Value is.
type Kind uint8

// The kinds of a Value. The zero Value is KindAbsent.
const (
	KindAbsent Kind = iota
	KindNull
	KindBool
	KindNumber
	KindString
	KindArray
	KindObject
)

func (k Kind) String() string {
	return [...]string{"absent", "null", "boolean", "number", "string", "array", "object"}[k]
}

// Value is one value of a parsed document. It is small, is passed by value, may
// be used by several goroutines, and keeps the whole document alive. The zero
// Value is absent: every method works on it and answers a zero value.
type Value struct {
	d *document
	i uint32
}

// A document is the bytes as they came and one node per value, in the order in
// which the values begin, so that a container is followed by what it contains.
type document struct {
	body  []byte
	nodes []node
}

type node struct {
	off, end uint32 // the value's bytes, a string's with its quotes
	next     uint32 // the node after this one and all that it contains; while a container is open, its parent
	key      uint32 // where the member's name begins, after the quote
	keyLen   uint32 // of the name as sent
	tag      uint16 // see tagOf
	kind     Kind
	flags    uint8
}

// A text is rough when its characters are not simply its bytes: it has an
// escape or a byte beyond ASCII.
const roughValue uint8 = 1

// roughTag marks a member whose name is rough. It equals no tagOf.
const roughTag = 0x8000

// tagOf is a hash by which most names can be told apart without looking at the
// document's bytes.
func tagOf[T string | []byte](name T) uint16 {
	n := len(name)
	if n == 0 {
		return 0
	}
	return uint16(n&0x7f)<<8 | uint16(name[0]*31+name[n-1])
}

// scratch holds nodes while their number is not known yet, so that a document
// keeps exactly as many as it has.
var scratch = sync.Pool{New: func() any { s := make([]node, 0, 512); return &s }}

// maxScratch is how many nodes the pool may keep hold of per slice: 1.5 MB.
const maxScratch = 1 << 16

// Parse reads a JSON text (RFC 8259) as strictly as encoding/json does, and
// errs besides on more than 200 levels of nesting. Invalid UTF-8 inside strings
// passes and is read as U+FFFD; of members with one name the last one counts.
// Errors wrap ErrSyntax. The Value refers to b, which must not change any more.
func Parse(b []byte) (Value, error) {
	if len(b) > math.MaxInt32 {
		return Value{}, fmt.Errorf("%w: %d bytes are too many", ErrSyntax, len(b))
	}
	s := scratch.Get().(*[]node)
	nodes, err := parse(b, (*s)[:0])
	if cap(nodes) <= maxScratch {
		*s = nodes
	}
	defer scratch.Put(s)
	if err != nil {
		return Value{}, err
	}
	d := &document{body: b, nodes: make([]node, len(nodes))}
	copy(d.nodes, nodes)
	return Value{d: d}, nil
}

// parse appends the nodes of the one value in b, in a single pass.
func parse(b []byte, nodes []node) ([]node, error) {
	var (
		top    uint32 // the innermost open container
		depth  int
		object bool // whether top is an object
	)
	i := skip(b, 0)
	for {
		var n node
		if object {
			if i >= len(b) || b[i] != '"' {
				return nodes, fail(b, i, "expected a member's name")
			}
			end, rough, bad := scanString(b, i+1)
			if bad != "" {
				return nodes, fail(b, end, bad)
			}
			n.key, n.keyLen = uint32(i+1), uint32(end-i-2)
			if n.tag = roughTag; !rough {
				n.tag = tagOf(b[i+1 : end-1])
			}
			if i = skip(b, end); i >= len(b) || b[i] != ':' {
				return nodes, fail(b, i, "expected a colon")
			}
			i = skip(b, i+1)
		}
		if i >= len(b) {
			return nodes, fail(b, i, "expected a value")
		}

		n.off, n.next = uint32(i), uint32(len(nodes)+1)
		opened := false
		switch c := b[i]; c {
		case '"':
			end, rough, bad := scanString(b, i+1)
			if bad != "" {
				return nodes, fail(b, end, bad)
			}
			if rough {
				n.flags = roughValue
			}
			n.kind, i = KindString, end
		case '{', '[':
			if depth == maxDepth {
				return nodes, fail(b, i, "too deeply nested")
			}
			n.kind, n.next = KindArray, top
			if object = c == '{'; object {
				n.kind = KindObject
			}
			top, opened = uint32(len(nodes)), true
			depth++
			i++
		case 't', 'f', 'n':
			word := "true"
			n.kind = KindBool
			if c == 'f' {
				word = "false"
			} else if c == 'n' {
				word = "null"
				n.kind = KindNull
			}
			if len(b)-i < len(word) || string(b[i:i+len(word)]) != word {
				return nodes, fail(b, i, "expected a value")
			}
			i += len(word)
		default:
			end := scanNumber(b, i)
			if end < 0 {
				return nodes, fail(b, i, "expected a value")
			}
			n.kind, i = KindNumber, end
		}
		n.end = uint32(i)
		nodes = append(nodes, n)
		if opened {
			if i = skip(b, i); i >= len(b) || b[i] != closer(object) {
				continue
			}
		}

		for {
			if depth == 0 {
				if i = skip(b, i); i < len(b) {
					return nodes, fail(b, i, "expected the end")
				}
				return nodes, nil
			}
			if i = skip(b, i); i < len(b) {
				if b[i] == ',' {
					i = skip(b, i+1)
					break
				}
				if b[i] == closer(object) {
					i++
					t := &nodes[top]
					t.end = uint32(i)
					top, t.next = t.next, uint32(len(nodes))
					depth--
					object = depth > 0 && nodes[top].kind == KindObject
					continue
				}
			}
			return nodes, fail(b, i, "expected a comma or the container's end")
		}
	}
}

func closer(object bool) byte {
	if object {
		return '}'
	}
	return ']'
}

func fail(b []byte, i int, what string) error {
	if i >= len(b) {
		return fmt.Errorf("%w: unexpected end at byte %d", ErrSyntax, len(b))
	}
	return fmt.Errorf("%w: %s at byte %d", ErrSyntax, what, i)
}

// skip returns where the white space that begins at i ends.
func skip(b []byte, i int) int {
	if i < len(b) && b[i] > ' ' {
		return i
	}
	return skipSpace(b, i)
}

func skipSpace(b []byte, i int) int {
	for i < len(b) {
		switch b[i] {
		case ' ', '\n', '\t', '\r':
			i++
			for len(b)-i >= 8 && binary.LittleEndian.Uint64(b[i:]) == ones*' ' {
				i += 8
			}
		default:
			return i
		}
	}
	return i
}

// Eight bytes at a time: ones is each byte 1, highs each byte's top bit.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// scanString reads a string from after its opening quote to after its closing
// one. Where bad is not empty, it says what is wrong at end.
func scanString(b []byte, i int) (end int, rough bool, bad string) {
	for {
		for len(b)-i >= 8 {
			x := binary.LittleEndian.Uint64(b[i:])
			// The lowest top bit set is that of the first control character,
			// quote, backslash or byte beyond ASCII (which one of the two
			// differences always leaves at 0x80 or more).
			m := ((x - ones*' ') | ((x ^ ones*'"') - ones) | ((x ^ ones*'\\') - ones)) & highs
			if m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
		if i >= len(b) {
			return i, rough, "unterminated string"
		}
		switch c := b[i]; {
		case c == '"':
			return i + 1, rough, ""
		case c == '\\':
			rough = true
			n := escapeLen(b[i:])
			if n == 0 {
				return i, rough, "invalid escape"
			}
			i += n
		case c < ' ':
			return i, rough, "control character in a string"
		default:
			rough = rough || c >= 0x80
			i++
		}
	}
}

// escapeLen is the length of the escape that b begins with, 0 if it is none.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(b) >= 6 && hex4(b[2:6]) >= 0 {
			return 6
		}
	}
	return 0
}

// hex4 is the number that four hexadecimal digits spell, -1 if they do not.
func hex4(b []byte) rune {
	var r rune
	for _, c := range b[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// scanNumber returns where the number that begins at i ends, -1 if none does.
func scanNumber(b []byte, i int) int {
	if i < len(b) && b[i] == '-' {
		i++
	}
	start := i
	i = digits(b, i)
	if i == start || (b[start] == '0' && i > start+1) {
		return -1
	}
	if i < len(b) && b[i] == '.' {
		start = i + 1
		if i = digits(b, start); i == start {
			return -1
		}
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		start = i
		if i = digits(b, start); i == start {
			return -1
		}
	}
	return i
}

func digits(b []byte, i int) int {
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	return i
}

// Kind is what v is.
func (v Value) Kind() Kind {
	if v.d == nil {
		return KindAbsent
	}
	return v.d.nodes[v.i].kind
}

// Exists reports whether v is there, be it null.
func (v Value) Exists() bool { return v.d != nil }

// IsNull reports whether v is absent or null.
func (v Value) IsNull() bool { return v.Kind() <= KindNull }

// Get follows the names of members. It is absent where anything on the way is
// absent or not an object; of members with one name the last one counts.
func (v Value) Get(path ...string) Value {
	for _, name := range path {
		v = v.member(name)
	}
	return v
}

func (v Value) member(name string) Value {
	if v.Kind() != KindObject {
		return Value{}
	}
	nodes, tag := v.d.nodes, tagOf(name)
	end, found := nodes[v.i].next, uint32(0)
	for j := v.i + 1; j < end; {
		n := &nodes[j]
		switch n.tag {
		case tag:
			if string(v.d.body[n.key:n.key+n.keyLen]) == name {
				found = j
			}
		case roughTag:
			if unescape(v.d.body[n.key:n.key+n.keyLen]) == name {
				found = j
			}
		}
		j = n.next
	}
	if found == 0 {
		return Value{}
	}
	return Value{v.d, found}
}

// Len is the number of an array's elements or of an object's members, else 0.
func (v Value) Len() int {
	count := 0
	for j, end := v.inside(); j < end; j = v.d.nodes[j].next {
		count++
	}
	return count
}

// inside is the range of nodes that v contains.
func (v Value) inside() (first, end uint32) {
	if v.Kind() < KindArray {
		return 0, 0
	}
	return v.i + 1, v.d.nodes[v.i].next
}

// All yields the elements of an array, and nothing of what is not one.
func (v Value) All() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v.Kind() != KindArray {
			return
		}
		for j, end := v.inside(); j < end; j = v.d.nodes[j].next {
			if !yield(Value{v.d, j}) {
				return
			}
		}
	}
}

// Members yields the members of an object in the order in which they were sent,
// each of those with one name, and nothing of what is not an object.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.Kind() != KindObject {
			return
		}
		for j, end := v.inside(); j < end; j = v.d.nodes[j].next {
			n := &v.d.nodes[j]
			name := v.d.body[n.key : n.key+n.keyLen]
			key := ""
			if n.tag == roughTag {
				key = unescape(name)
			} else {
				key = string(name)
			}
			if !yield(key, Value{v.d, j}) {
				return
			}
		}
	}
}

// First is the first of its arguments that is neither absent nor null.
func First(values ...Value) Value {
	for _, v := range values {
		if !v.IsNull() {
			return v
		}
	}
	return Value{}
}
