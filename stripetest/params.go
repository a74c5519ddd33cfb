package stripetest

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Form is a request's parameters with Stripe's bracketed names:
//
//	stripetest.Form{"customer": id, "items[0][price]": "price_pro"}
type Form map[string]string

// params is a decoded form: a tree of what the brackets say. Reading a
// parameter that was not sent gives its zero value; the first one that cannot
// be read is kept in failed, for all of the tree.
type params struct {
	name   string // as it was written: items[0][price]
	value  string
	leaf   bool // it was sent with a value, perhaps an empty one
	fields map[string]*params
	keys   []string // in the order in which they were sent
	failed **Error
}

func newParams() *params {
	return &params{fields: map[string]*params{}, failed: new(*Error)}
}

// maxDepth bounds the brackets of one name; Stripe's deepest has six.
const maxDepth = 12

func paramsOf(form Form) *params {
	p := newParams()
	for _, key := range slices.Sorted(maps.Keys(form)) {
		p.add(key, form[key])
	}
	return p
}

// parseParams reads a query or a body of application/x-www-form-urlencoded.
func parseParams(encoded string) (*params, *Error) {
	p := newParams()
	for pair := range strings.SplitSeq(encoded, "&") {
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		key, err1 := url.QueryUnescape(key)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return nil, invalid("", "Invalid request (check that your POST content type is application/x-www-form-urlencoded).")
		}
		p.add(key, value)
	}
	return p, *p.failed
}

func (p *params) add(key, value string) {
	name, rest, nested := strings.Cut(key, "[")
	at := p.child(name)
	for depth := 0; nested; depth++ {
		var segment string
		var closed bool
		segment, rest, closed = strings.Cut(rest, "]")
		if !closed || depth > maxDepth || rest != "" && rest[0] != '[' {
			p.fail(invalid(key, "Invalid parameter name: %s", key))
			return
		}
		rest, nested = strings.CutPrefix(rest, "[")
		if segment == "" {
			segment = strconv.Itoa(len(at.keys))
		}
		at = at.child(segment)
	}
	at.value, at.leaf = value, true
}

func (p *params) child(key string) *params {
	if c, ok := p.fields[key]; ok {
		return c
	}
	name := key
	if p.name != "" {
		name = p.name + "[" + key + "]"
	}
	c := &params{name: name, fields: map[string]*params{}, failed: p.failed}
	p.fields[key] = c
	p.keys = append(p.keys, key)
	return c
}

func (p *params) fail(err *Error) {
	if *p.failed == nil {
		*p.failed = err
	}
}

// err is the first parameter that could not be read.
func (p *params) err() *Error { return *p.failed }

func (p *params) at(key string) *params {
	if c, ok := p.fields[key]; ok {
		return c
	}
	name := key
	if p.name != "" {
		name = p.name + "[" + key + "]"
	}
	return &params{name: name, failed: p.failed}
}

// has says whether the parameter was sent at all, also as an empty string.
func (p *params) has(key string) bool { _, ok := p.fields[key]; return ok }

// cleared says that it was sent empty, which unsets it at Stripe.
func (p *params) cleared(key string) bool {
	c, ok := p.fields[key]
	return ok && c.leaf && c.value == ""
}

func (p *params) str(key string) string { return p.at(key).text() }

// text is the parameter's own value, where it has no brackets below it.
func (p *params) text() string {
	if len(p.keys) > 0 {
		p.fail(invalid(p.name, "Invalid string: %s is a hash or an array", p.name))
	}
	return p.value
}

// need is a string that must be there.
func (p *params) need(key string) string {
	c := p.at(key)
	if c.text() == "" {
		p.fail(missingParam(c.name))
	}
	return c.value
}

func (p *params) integer(key string) int64 {
	c := p.at(key)
	if !c.leaf || c.value == "" {
		return 0
	}
	n, err := strconv.ParseInt(c.value, 10, 64)
	if err != nil {
		p.fail(invalidCode("parameter_invalid_integer", c.name, "Invalid integer: %s", c.value))
	}
	return n
}

// positive is an integer that may be left out but not be negative.
func (p *params) positive(key string) int64 {
	n := p.integer(key)
	if n < 0 {
		p.fail(invalidCode("parameter_invalid_integer", p.at(key).name, "This value must be greater than or equal to 0."))
	}
	return n
}

func (p *params) number(key string) float64 {
	c := p.at(key)
	if !c.leaf || c.value == "" {
		return 0
	}
	n, err := strconv.ParseFloat(c.value, 64)
	if err != nil {
		p.fail(invalid(c.name, "Invalid decimal: %s", c.value))
	}
	return n
}

func (p *params) boolean(key string) bool {
	c := p.at(key)
	switch c.value {
	case "true":
		return true
	case "false", "":
	default:
		p.fail(invalid(c.name, "Invalid boolean: %s", c.value))
	}
	return false
}

// oneOf is a word of a fixed set; the first is the default.
func (p *params) oneOf(key string, words ...string) string {
	c := p.at(key)
	if !c.leaf || c.value == "" {
		return words[0]
	}
	if !slices.Contains(words, c.value) {
		p.fail(invalid(c.name, "Invalid %s: must be one of %s", c.name, strings.Join(slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == "" }), ", ")))
	}
	return c.value
}

// elements are an array's members, in the order of their indices.
func (p *params) elements(key string) []*params {
	c := p.at(key)
	keys := slices.Clone(c.keys)
	slices.SortStableFunc(keys, func(a, b string) int {
		i, err1 := strconv.Atoi(a)
		j, err2 := strconv.Atoi(b)
		if err1 != nil || err2 != nil {
			return 0
		}
		return i - j
	})
	out := make([]*params, len(keys))
	for i, k := range keys {
		if _, err := strconv.Atoi(k); err != nil {
			p.fail(invalid(c.name, "Invalid array"))
		}
		out[i] = c.fields[k]
	}
	return out
}

func (p *params) strings(key string) []string {
	var out []string
	for _, element := range p.elements(key) {
		out = append(out, element.text())
	}
	return out
}

// mergeMetadata applies what was sent: keys are set, empty ones go, and an
// empty parameter clears all.
// https://docs.stripe.com/api/metadata
func (p *params) mergeMetadata(into map[string]string) map[string]string {
	if p.cleared("metadata") {
		return map[string]string{}
	}
	merged := make(map[string]string, len(into))
	for key, value := range into {
		merged[key] = value
	}
	sent := p.at("metadata")
	for _, key := range sent.keys {
		value := sent.fields[key].text()
		switch {
		case value == "":
			delete(merged, key)
		case len(key) > 40 || len(value) > 500:
			p.fail(invalid(sent.fields[key].name, "Metadata keys can have up to 40 characters and values up to 500."))
		default:
			merged[key] = value
		}
	}
	if len(merged) > 50 {
		p.fail(invalid("metadata", "Metadata can have up to 50 keys."))
	}
	return merged
}

func (p *params) address(key string) Object {
	a := p.at(key)
	if len(a.keys) == 0 {
		return nil
	}
	o := Object{}
	for _, field := range [...]string{"city", "country", "line1", "line2", "postal_code", "state"} {
		o[field] = optional(a.str(field))
	}
	return o
}

// canonical is one text for equal parameters, to tell requests apart that use
// one idempotency key.
func (p *params) canonical() string {
	var b strings.Builder
	p.write(&b)
	return b.String()
}

func (p *params) write(b *strings.Builder) {
	if p.leaf {
		b.WriteString(p.name + "=" + p.value + "\n")
	}
	for _, key := range slices.Sorted(maps.Keys(p.fields)) {
		p.fields[key].write(b)
	}
}

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
