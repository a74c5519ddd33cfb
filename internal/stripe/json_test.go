package stripe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseVerdict(t *testing.T) {
	valid := []string{
		`{}`, `[]`, `0`, `-0`, `""`, `null`, `true`, `false`, " \t\r\n{} \t\r\n",
		`{"a":1,"a":2}`, `{"":{"":[]}}`, `[[],{},[[]]]`, `1.5e+10`, `0.1E-2`, `-12.50`,
		`"\u0000\ud800\"\\\/\b\f\n\r\t"`, "\"\x7f\xff\xc0\"", "[1,\n        2]", `"é漢😀"`,
		strings.Repeat("[", 200) + strings.Repeat("]", 200),
		`{"a":{"b":[{"c":{}},{"d":[]}]},"e":null}`,
	}
	invalid := []string{
		``, ` `, `{`, `[`, `}`, `]`, `{]`, `[}`, `{"a"}`, `{"a":}`, `{"a":1,}`, `[1,]`, `[,1]`, `{,}`, `[1 2]`,
		`{"a":1 "b":2}`, `{"a" 1}`, `{a:1}`, `{1:1}`, `{null:1}`, `[1]]`, `{}{}`, `1 2`, `nul`, `nulll`, `True`, `tru`, `t`,
		`01`, `-`, `+1`, `.5`, `1.`, `1.e5`, `1e`, `1e+`, `--1`, `-01`, `0x1`, `NaN`, `Infinity`,
		`"`, `"a`, `"\`, `"\"`, `"\x"`, `"\u12"`, `"\u12g4"`, `"\u123"`, "\"a\nb\"", "\"\x00\"", "\"abcdefgh\x1f\"",
		"\ufeff{}", "\u00a0{}", "{}\x00", "\x0b1", "\f1", "[1,\f2]", "//c\n1", `[1,//x`, `'a'`, `{"a":1`, `["a`, `{"a`, `{"a":`, `{"a":"b",`,
		strings.Repeat("[", 201) + strings.Repeat("]", 201),
		strings.Repeat(`{"a":`, 201) + "1" + strings.Repeat("}", 201),
		strings.Repeat("[", 1_000_000),
	}
	for _, text := range valid {
		if _, err := Parse([]byte(text)); err != nil {
			t.Errorf("Parse(%.40q): %v", text, err)
		}
	}
	for _, text := range invalid {
		v, err := Parse([]byte(text))
		if !errors.Is(err, ErrSyntax) {
			t.Errorf("Parse(%.40q): error %v, want ErrSyntax", text, err)
		}
		if v.Exists() {
			t.Errorf("Parse(%.40q): a value in spite of the error", text)
		}
	}
}

func TestParseErrorOffset(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":1,}`:        "invalid JSON: expected a member's name at byte 7",
		`{"a":01}`:        "invalid JSON: expected a value at byte 5",
		`["abcdefghi\q"]`: "invalid JSON: invalid escape at byte 11",
		`{"a":[1`:         "invalid JSON: unexpected end at byte 7",
		`{} x`:            "invalid JSON: expected the end at byte 3",
	} {
		if _, err := Parse([]byte(text)); err == nil || err.Error() != want {
			t.Errorf("Parse(%q): %v, want %s", text, err, want)
		}
	}
}

func parse1(t testing.TB, text string) Value {
	t.Helper()
	v, err := Parse([]byte(text))
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	return v
}

func TestValueGet(t *testing.T) {
	v := parse1(t, ` {"a":{"b":{"c":"deep"}},"n":null,"x":1,"x":{"y":2},"list":[1,[2],{"k":3}],"\u0061b":"esc","é":"acute","":"none","aXb":1,"aYb":2}`)
	for _, test := range []struct {
		path []string
		want string // raw; empty: absent
	}{
		{[]string{"a", "b", "c"}, `"deep"`},
		{[]string{"a", "b"}, `{"c":"deep"}`},
		{nil, strings.TrimSpace(string(v.Raw()))},
		{[]string{"a", "c"}, ""},
		{[]string{"n"}, "null"},
		{[]string{"n", "z"}, ""},
		{[]string{"x"}, `{"y":2}`},
		{[]string{"x", "y"}, "2"},
		{[]string{"list", "k"}, ""},
		{[]string{"ab"}, `"esc"`},
		{[]string{`\u0061b`}, ""},
		{[]string{"é"}, `"acute"`},
		{[]string{""}, `"none"`},
		{[]string{"aXb"}, "1"},
		{[]string{"aYb"}, "2"},
		{[]string{"aZb"}, ""},
		{[]string{"x", "y", "z"}, ""},
	} {
		got := v.Get(test.path...)
		if string(got.Raw()) != test.want || got.Exists() != (test.want != "") {
			t.Errorf("Get(%q) = %s, want %s", test.path, got.Raw(), test.want)
		}
	}
	if n := v.Get("list").Len(); n != 3 {
		t.Errorf("list has %d elements", n)
	}
	if n := v.Len(); n != 10 {
		t.Errorf("object has %d members", n)
	}
	var names, elements []string
	for name, m := range v.Members() {
		names = append(names, name)
		if name == "x" && m.Kind() == KindObject {
			break
		}
	}
	for e := range v.Get("list").All() {
		elements = append(elements, string(e.Raw()))
	}
	if want := []string{"a", "n", "x", "x"}; !slices.Equal(names, want) {
		t.Errorf("Members = %q, want %q", names, want)
	}
	if want := []string{"1", "[2]", `{"k":3}`}; !slices.Equal(elements, want) {
		t.Errorf("All = %q, want %q", elements, want)
	}
	for range v.All() {
		t.Error("All yields of an object")
	}
	for range v.Get("list").Members() {
		t.Error("Members yields of an array")
	}
}

// An object so large that an index does not take it, one that it just takes, and
// names that share a slot.
func TestIndex(t *testing.T) {
	for _, members := range []int{0, 1, 2, 127, 128, 129, 1000} {
		text := []byte("{")
		for i := range members {
			text = fmt.Appendf(text, `"m%03d":%d,`, i%700, i)
		}
		checkParse(t, append(text, `"id":"x","id":"y"}`...))
	}
	checkParse(t, []byte(`{"a":1,"\u0061":2,"b":3}`))
	if x := indexOf(Value{}); x.member("a").Exists() {
		t.Error("an index of nothing finds something")
	}
}

func TestValueZero(t *testing.T) {
	var v Value
	if v.Exists() || !v.IsNull() || v.Kind() != KindAbsent || v.Str() != "" || v.ID() != "" || v.Int() != 0 ||
		v.Bool() || v.Raw() != nil || v.Len() != 0 || v.Time() != 0 || v.Get("a", "b").Exists() {
		t.Error("the zero Value is something")
	}
	for range v.All() {
		t.Error("All yields")
	}
	for range v.Members() {
		t.Error("Members yields")
	}
	doc := parse1(t, `[null, 5, 0]`)
	elements := slices.Collect(doc.All())
	if got := First(v, elements[0], elements[2], elements[1]); string(got.Raw()) != "0" {
		t.Errorf("First = %s", got.Raw())
	}
	if First(v, elements[0]).Exists() || First().Exists() {
		t.Error("First finds something in nothing")
	}
	if !elements[0].Exists() || !elements[0].IsNull() {
		t.Error("null is absent or not null")
	}
}

func TestValueInt(t *testing.T) {
	for _, test := range []struct {
		text string
		want int64
		ok   bool
	}{
		{`0`, 0, true},
		{`-0`, 0, true},
		{`42`, 42, true},
		{`-42`, -42, true},
		{`1e3`, 1000, true},
		{`5.0`, 5, true},
		{`100e-2`, 1, true},
		{`1.5e1`, 15, true},
		{`-1.50E+2`, -150, true},
		{`0.0e9999999999999999999`, 0, true},
		{`0.05e2`, 5, true},
		{`1000000000000000000000e-3`, 1000000000000000000, true},
		{`999999999999999999`, 999999999999999999, true},
		{`1000000000000000000`, 1000000000000000000, true},
		{`9223372036854775807`, math.MaxInt64, true},
		{`-9223372036854775808`, math.MinInt64, true},
		{`-9223372036854775807`, -math.MaxInt64, true},
		{`9223372036854775808`, 0, false},
		{`-9223372036854775809`, 0, false},
		{`10000000000000000000`, 0, false},
		{`99999999999999999999`, 0, false},
		{`18446744073709551615`, 0, false},
		{`1e19`, 0, false},
		{`1e18`, 1000000000000000000, true},
		{`1e999999999999999999999`, 0, false},
		{`5e18446744073709551616`, 0, false},
		{`0.5`, 0, false},
		{`1e-1`, 0, false},
		{`-1.01`, 0, false},
		{`1e-99999999999999999999`, 0, false},
		{`"100"`, 100, true},
		{`"-7"`, -7, true},
		{`"5.0"`, 5, true},
		{`"0.5"`, 0, false},
		{`""`, 0, false},
		{`" 1"`, 0, false},
		{`"1 "`, 0, false},
		{`"+1"`, 0, false},
		{`"01"`, 0, false},
		{`"1x"`, 0, false},
		{`"-"`, 0, false},
		{`"\u0031"`, 0, false},
		{`true`, 0, false},
		{`null`, 0, false},
		{`[1]`, 0, false},
		{`{"a":1}`, 0, false},
	} {
		v := parse1(t, test.text)
		if got, ok := v.Int64(); got != test.want || ok != test.ok || v.Int() != test.want {
			t.Errorf("Int64(%s) = %d, %t, want %d, %t", test.text, got, ok, test.want, test.ok)
		}
	}
}

func TestValueScalars(t *testing.T) {
	for text, want := range map[string]string{
		`"plain"`:             "plain",
		`"a\u00e9\n\"\\\/"`:   "aé\n\"\\/",
		`"\ud83d\ude00"`:      "😀",
		`"\ud83d"`:            "\ufffd",
		`"\ud83dx"`:           "\ufffdx",
		`"\ud83d\u0041"`:      "\ufffdA",
		`"\ude00\ud83d"`:      "\ufffd\ufffd",
		`"\uD83D\uDE00"`:      "😀",
		`"\b\f\n\r\t"`:        "\b\f\n\r\t",
		"\"a\xff\xfeb\"":      "a\ufffd\ufffdb",
		"\"abcdefg\x85hijk\"": "abcdefg\ufffdhijk",
		`"😀é"`:                "😀é",
		`"\u0000"`:            "\x00",
		`7`:                   "",
		`["a"]`:               "",
		`{"id":"a"}`:          "",
		`null`:                "",
		`"exactly8!exactly8"`: "exactly8!exactly8",
	} {
		if got := parse1(t, text).Str(); got != want {
			t.Errorf("Str(%s) = %q, want %q", text, got, want)
		}
	}
	if got := parse1(t, `"a\u0000b"`).text(); got != "a\ufffdb" {
		t.Errorf("text = %q: PostgreSQL would refuse it", got)
	}
	for text, want := range map[string]string{`"cus_1"`: "cus_1", `{"object":"customer","id":"cus_2"}`: "cus_2", `{"id":5}`: "", `{"id":{"id":"x"}}`: "", `null`: "", `["x"]`: ""} {
		if got := parse1(t, text).ID(); got != want {
			t.Errorf("ID(%s) = %q, want %q", text, got, want)
		}
	}
	for text, want := range map[string]int64{
		`1700000000`: 1700000000, `"2026-10-01T00:00:00.999Z"`: 1790812800, `"2026-10-01T02:00:00+02:00"`: 1790812800, `"1700000000"`: 1700000000,
		`"2026-10-01"`: 0, `"yesterday"`: 0, `1.5`: 0, `null`: 0, `true`: 0, `{}`: 0,
	} {
		if got := parse1(t, text).Time(); got != want {
			t.Errorf("Time(%s) = %d, want %d", text, got, want)
		}
	}
	for text, want := range map[string]bool{`true`: true, `false`: false, `"true"`: false, `1`: false, `null`: false} {
		if got := parse1(t, text).Bool(); got != want {
			t.Errorf("Bool(%s) = %t", text, got)
		}
	}
}

// A string handed out must not keep the payload alive nor change with it.
func TestStrIsACopy(t *testing.T) {
	b := []byte(`{"name":"value"}`)
	v, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	s := v.Get("name").Str()
	clear(b)
	if s != "value" {
		t.Errorf("Str shares the payload's bytes: %q", s)
	}
}

// same compares v with what encoding/json makes of the same text.
func same(t *testing.T, v Value, want any) {
	t.Helper()
	switch want := want.(type) {
	case nil:
		if v.Kind() != KindNull {
			t.Errorf("%s is not null", v.Raw())
		}
	case bool:
		if v.Kind() != KindBool || v.Bool() != want {
			t.Errorf("%s is not %t", v.Raw(), want)
		}
	case string:
		if v.Kind() != KindString || v.Str() != want {
			t.Errorf("%s reads as %q, want %q", v.Raw(), v.Str(), want)
		}
		if utf8.ValidString(want) && !strings.Contains(want, "\x00") && v.text() != want {
			t.Errorf("%s: text %q", v.Raw(), v.text())
		}
	case json.Number:
		if v.Kind() != KindNumber || string(v.Raw()) != string(want) {
			t.Errorf("%s is not %s", v.Raw(), want)
		}
		// big.Rat would build 10 to any power.
		if r, ok := new(big.Rat).SetString(string(want)); len(want) < 40 && !strings.ContainsAny(string(want), "eE") && ok {
			got, exact := v.Int64()
			if integral := r.IsInt() && r.Num().IsInt64(); integral != exact || integral && r.Num().Int64() != got {
				t.Errorf("Int64(%s) = %d, %t", want, got, exact)
			}
		}
	case []any:
		if v.Kind() != KindArray || v.Len() != len(want) {
			t.Fatalf("%s has %d elements, want %d", v.Raw(), v.Len(), len(want))
		}
		i := 0
		for e := range v.All() {
			same(t, e, want[i])
			i++
		}
	case map[string]any:
		names := map[string]bool{}
		for name := range v.Members() {
			names[name] = true
		}
		if v.Kind() != KindObject || len(names) != len(want) {
			t.Fatalf("%s has %d names, want %d", v.Raw(), len(names), len(want))
		}
		x := indexOf(v)
		for name := range maps.Keys(want) {
			same(t, v.Get(name), want[name])
			if x.member(name) != v.Get(name) {
				t.Errorf("index: %q of %s is %s", name, v.Raw(), x.member(name).Raw())
			}
		}
		if x.member("no such name").Exists() != v.Get("no such name").Exists() {
			t.Errorf("index: %s has a member that it has not", v.Raw())
		}
	}
}

func depth(v Value) int {
	d := 0
	for e := range v.All() {
		d = max(d, depth(e))
	}
	for _, e := range v.Members() {
		d = max(d, depth(e))
	}
	if v.Kind() >= KindArray {
		d++
	}
	return d
}

func checkParse(t *testing.T, b []byte) {
	t.Helper()
	before := bytes.Clone(b)
	v, err := Parse(b)
	if !bytes.Equal(b, before) {
		t.Fatal("Parse changes its input")
	}
	if (err == nil) != json.Valid(b) {
		if err != nil && strings.Contains(err.Error(), "too deeply nested") {
			return
		}
		t.Fatalf("Parse: %v; encoding/json says %t", err, json.Valid(b))
	}
	if err != nil {
		return
	}
	if !bytes.Equal(v.Raw(), bytes.Trim(b, " \t\r\n")) {
		t.Errorf("Raw of the whole is %q", v.Raw())
	}
	if d := depth(v); d > maxDepth {
		t.Errorf("depth %d", d)
	}
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.UseNumber()
	var want any
	if err := decoder.Decode(&want); err != nil {
		t.Fatal(err)
	}
	same(t, v, want)
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		`{"id":"evt_1","data":{"object":{"a":[1,2.5,-3e4,"x\u00e9\ud83d\ude00"]}}}`, "{\n  \"a\": 1,\n  \"b\": [\n    true,\n    null\n  ]\n}",
		`{"a":1,"a":{"a":2},"\u0061":3}`, "\"\xff\xed\xa0\x80\"", "\"abcdef\x90g\"", `[[[[]]],{"":{}}]`, `9223372036854775808`, `-0.0`, `"\ud800\udc00\udc00"`,
	} {
		f.Add([]byte(text))
	}
	if b, err := os.ReadFile("testdata/subscription_updated.json"); err == nil {
		f.Add(b)
	}
	f.Fuzz(checkParse)
}

// Every byte at every place of the eight that are looked at together.
func TestScanStringBytes(t *testing.T) {
	for c := range 256 {
		for at := range 17 {
			b := []byte(`"aaaaaaaaaaaaaaaaa"`)
			b[1+at] = byte(c)
			checkParse(t, b)
		}
	}
}
