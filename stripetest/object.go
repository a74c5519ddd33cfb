package stripetest

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// Object is one of Stripe's objects as JSON would show it: values are nil,
// bool, string, int64, float64, []any and Object.
//
// Keys that begin with an underscore are facts that the newest API version no
// longer shows but an older one needs (an invoice's charge, a charge's
// invoice). They are never written to JSON.
type Object map[string]any

// ID is the object's id; empty where it has none, as in an upcoming invoice.
func (o Object) ID() string { return o.Str("id") }

// Str is the string at a dotted path ("parent.subscription_details.subscription",
// "items.data.0.id"), or empty.
func (o Object) Str(path string) string {
	s, _ := o.Get(path).(string)
	return s
}

// Int is the integer at a dotted path, or 0.
func (o Object) Int(path string) int64 {
	switch v := o.Get(path).(type) {
	case int64:
		return v
	case float64:
		return int64(v)
	}
	return 0
}

// Bool is the boolean at a dotted path, or false.
func (o Object) Bool(path string) bool {
	b, _ := o.Get(path).(bool)
	return b
}

// Get is the value at a dotted path, whose numbers index arrays; nil where
// there is none.
func (o Object) Get(path string) any {
	var value any = o
	for key := range strings.SplitSeq(path, ".") {
		switch v := value.(type) {
		case Object:
			value = v[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

// Set puts a value at a dotted path. Missing hashes are made; an array grows
// by one when the index is its length.
func (o Object) Set(path string, value any) error {
	key, rest, nested := strings.Cut(path, ".")
	if key == "" {
		return fmt.Errorf("stripetest: empty key in path %q", path)
	}
	if !nested {
		o[key] = value
		return nil
	}
	switch v := o[key].(type) {
	case Object:
		return v.Set(rest, value)
	case []any:
		grown, err := setIndex(v, rest, value)
		if err != nil {
			return fmt.Errorf("stripetest: %s: %w", key, err)
		}
		o[key] = grown
		return nil
	case nil:
		child := Object{}
		o[key] = child
		return child.Set(rest, value)
	default:
		return fmt.Errorf("stripetest: %s is not a hash", key)
	}
}

func setIndex(array []any, path string, value any) ([]any, error) {
	index, rest, nested := strings.Cut(path, ".")
	i, err := strconv.Atoi(index)
	if err != nil || i < 0 || i > len(array) {
		return nil, fmt.Errorf("no element %q in an array of %d", index, len(array))
	}
	array = slices.Clone(array)
	if i == len(array) {
		array = append(array, Object{})
	}
	if !nested {
		array[i] = value
		return array, nil
	}
	child, ok := array[i].(Object)
	if !ok {
		return nil, fmt.Errorf("element %d is not a hash", i)
	}
	return array, child.Set(rest, value)
}

// MarshalJSON writes id and object first and the other keys in alphabetical
// order, as Stripe does, so that two runs from one seed are the same bytes.
func (o Object) MarshalJSON() ([]byte, error) { return o.appendJSON(nil), nil }

// JSON is the object's JSON text.
func (o Object) JSON() []byte { return o.appendJSON(make([]byte, 0, 8192)) }

func (o Object) appendJSON(b []byte) []byte {
	b = append(b, '{')
	start := len(b)
	for _, key := range [...]string{"id", "object"} {
		if value, ok := o[key]; ok {
			b = appendField(b, start, key, value)
		}
	}
	var space [64]string
	for _, key := range o.sortedKeys(space[:0]) {
		b = appendField(b, start, key, o[key])
	}
	return append(b, '}')
}

func appendField(b []byte, start int, key string, value any) []byte {
	if len(b) > start {
		b = append(b, ',')
	}
	b = appendString(b, key)
	b = append(b, ':')
	return appendValue(b, value)
}

// keyOrders are, by kind of object, the keys that were seen last, sorted:
// objects of a kind have the same keys, and to sort them was most of the work.
var keyOrders sync.Map // string to []string

// sortedKeys are the keys that are shown, but for id and object.
func (o Object) sortedKeys(keys []string) []string {
	kind, named := o["object"].(string)
	if named {
		if order, ok := keyOrders.Load(kind); ok && o.has(order.([]string)) {
			return order.([]string)
		}
	}
	for key := range o {
		if !hidden(key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	if named {
		keyOrders.Store(kind, slices.Clone(keys))
	}
	return keys
}

// hidden says that a key does not stand among the sorted ones.
func hidden(key string) bool { return key == "id" || key == "object" || key != "" && key[0] == '_' }

// has says whether the keys are all that the object shows.
func (o Object) has(keys []string) bool {
	for _, key := range keys {
		if _, ok := o[key]; !ok {
			return false
		}
	}
	shown := 0
	for key := range o {
		if !hidden(key) {
			shown++
		}
	}
	return shown == len(keys)
}

func appendValue(b []byte, value any) []byte {
	switch v := value.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case string:
		return appendString(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1e15 {
			return strconv.AppendFloat(b, v, 'f', 1, 64)
		}
		return strconv.AppendFloat(b, v, 'g', -1, 64)
	case Object:
		return v.appendJSON(b)
	case []any:
		b = append(b, '[')
		for i, element := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendValue(b, element)
		}
		return append(b, ']')
	}
	panic(fmt.Sprintf("stripetest: %T in an Object", value))
}

// plain says that nothing of a string has to be escaped.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	if plain(s) {
		b = append(b, s...)
		return append(b, '"')
	}
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r < 0x20:
			b = append(b, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}

// clone copies hashes and arrays, so that a version's rendering may change them.
func (o Object) clone() Object {
	if o == nil {
		return nil
	}
	c := maps.Clone(o)
	for key, value := range c {
		c[key] = cloneValue(value)
	}
	return c
}

func cloneValue(value any) any {
	switch v := value.(type) {
	case Object:
		return v.clone()
	case []any:
		c := make([]any, len(v))
		for i, element := range v {
			c[i] = cloneValue(element)
		}
		return c
	}
	return value
}

func equal(x, y any) bool {
	switch v := x.(type) {
	case Object:
		w, ok := y.(Object)
		if !ok {
			return false
		}
		for key := range v {
			if _, has := w[key]; !has && !strings.HasPrefix(key, "_") {
				return false
			}
		}
		for key, value := range w {
			if strings.HasPrefix(key, "_") {
				continue
			}
			if other, has := v[key]; !has || !equal(other, value) {
				return false
			}
		}
		return true
	case []any:
		w, ok := y.([]any)
		return ok && slices.EqualFunc(v, w, equal)
	}
	switch y.(type) {
	case Object, []any:
		return false
	}
	return x == y
}

// difference is what Stripe calls previous_attributes: the values that before
// had and after no longer has. Hashes are compared key by key, arrays whole; a
// key that is new in after is null.
// https://docs.stripe.com/api/events/object#event_object-data-previous_attributes
func difference(before, after Object) Object {
	changed := Object{}
	for key, is := range after {
		if strings.HasPrefix(key, "_") {
			continue
		}
		was, had := before[key]
		if !had {
			changed[key] = nil
			continue
		}
		if equal(was, is) {
			continue
		}
		wasHash, ok1 := was.(Object)
		isHash, ok2 := is.(Object)
		if ok1 && ok2 {
			changed[key] = difference(wasHash, isHash)
			continue
		}
		changed[key] = was
	}
	for key, was := range before {
		if _, still := after[key]; !still && !strings.HasPrefix(key, "_") {
			changed[key] = was
		}
	}
	return changed
}

// list is Stripe's list object around what it holds.
func list(url string, data []any) Object {
	if data == nil {
		data = []any{}
	}
	return Object{"object": "list", "data": data, "has_more": false, "url": url}
}

func each[T any](from []T, render func(T) any) []any {
	out := make([]any, len(from))
	for i, element := range from {
		out[i] = render(element)
	}
	return out
}

func strs(from []string) []any { return each(from, func(s string) any { return s }) }

// optional renders the zero value as null.
func optional[T comparable](value T) any {
	var zero T
	if value == zero {
		return nil
	}
	return value
}

func metadata(from map[string]string) Object {
	o := make(Object, len(from))
	for key, value := range from {
		o[key] = value
	}
	return o
}
