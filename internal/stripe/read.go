package stripe

import "strings"

// The readers (Read…, one file per noun) take an object of any API version, or
// any JSON at all, and never fail: a field that is missing, null or of another
// type than Stripe documents is the zero value. Where a field has moved, the new
// place counts if there is something, else the old one: payloads of the months
// around a move have both, with either of them null.

// NewestVersion is the date of the newest API version whose shapes the readers know.
const NewestVersion = "2026-10-28"

// text is Str for what is stored: U+0000, which PostgreSQL refuses, is U+FFFD.
func (v Value) text() string {
	s := v.Str()
	if strings.IndexByte(s, 0) >= 0 {
		return strings.ReplaceAll(s, "\x00", "\uFFFD")
	}
	return s
}

// ref is the first id in the values, each an id or an expanded object. What
// could not be a key in the store is none.
func ref(values ...Value) string {
	for _, v := range values {
		if s := v.ID(); s != "" && isPrintable(s) {
			return s
		}
	}
	return ""
}

// text is the first text in the values that is not empty.
func text(values ...Value) string {
	for _, v := range values {
		if s := v.text(); s != "" {
			return s
		}
	}
	return ""
}

// integral is the first integer in the values.
func integral(values ...Value) int64 {
	for _, v := range values {
		if n, ok := v.Int64(); ok {
			return n
		}
	}
	return 0
}

// instant is the first time in the values.
func instant(values ...Value) int64 {
	for _, v := range values {
		if t, ok := v.time(); ok && t >= 0 && t <= maxCreated { // what no calendar has is no time
			return t
		}
	}
	return 0
}

// decimal is the first decimal number in the values, digits as sent, whether
// they were sent as a string or as a number.
func decimal(values ...Value) string {
	for _, v := range values {
		switch v.Kind() {
		case KindNumber:
			return string(v.Raw())
		case KindString:
			if s := v.Str(); s != "" && scanNumber([]byte(s), 0) == len(s) {
				return s
			}
		}
	}
	return ""
}

// list is the elements of a list object, or of a plain array, and whether there
// are more than were sent.
func list(v Value) (data Value, more bool) {
	if v.Kind() == KindArray {
		return v, false
	}
	return v.member("data"), v.member("has_more").Bool()
}

// first is the first element of an array.
func first(v Value) Value {
	for e := range v.All() {
		return e
	}
	return Value{}
}

// each reads every element of an array; nil where there is none.
func each[T any](v Value, read func(Value) T) []T {
	if v.Kind() != KindArray {
		return nil
	}
	n := v.Len()
	if n == 0 {
		return nil
	}
	all := make([]T, 0, n)
	for e := range v.All() {
		all = append(all, read(e))
	}
	return all
}

// sum adds up the amounts of an array such as total_discount_amounts.
func sum(v Value) int64 {
	total := int64(0)
	for e := range v.All() {
		total += e.member("amount").Int()
	}
	return total
}

// texts is what read finds in the elements of an array; nil where it finds
// nothing.
func texts(v Value, read func(Value) string) []string {
	var found []string
	for e := range v.All() {
		if s := read(e); s != "" {
			found = append(found, s)
		}
	}
	return found
}

// readMetadata is an object's metadata; nil where there is none.
func readMetadata(v Value) map[string]string {
	var metadata map[string]string
	for name, value := range v.Members() {
		if value.Kind() == KindString {
			if metadata == nil {
				metadata = make(map[string]string, v.Len())
			}
			metadata[strings.ReplaceAll(name, "\x00", "\uFFFD")] = value.text()
		}
	}
	return metadata
}

func readAddress(v Value) Address {
	return Address{
		Line1:      v.member("line1").text(),
		Line2:      v.member("line2").text(),
		City:       v.member("city").text(),
		State:      v.member("state").text(),
		PostalCode: v.member("postal_code").text(),
		Country:    v.member("country").text(),
	}
}
