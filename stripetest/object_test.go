package stripetest

import (
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// TestJSONIsWhatEncodingJSONReads, whatever the strings.
func TestJSONIsWhatEncodingJSONReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "kind")
		o := Object{"object": kind, "id": rapid.String().Draw(t, "id")}
		want := map[string]any{"object": kind}
		for key, value := range rapid.MapOf(rapid.StringMatching(`[a-z]{1,3}`), rapid.String()).Draw(t, "fields") {
			if key == "id" {
				continue
			}
			o[key] = []any{value, int64(len(value)), Object{"x": true, "_hidden": "no"}, nil, 12.5}
			want[key] = []any{clean(value), float64(len(value)), map[string]any{"x": true}, nil, 12.5}
		}
		want["id"] = clean(o.ID())
		var got any
		if err := json.Unmarshal(o.JSON(), &got); err != nil {
			t.Fatalf("%s: %v", o.JSON(), err)
		}
		if !reflect.DeepEqual(got, any(want)) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	})
}

// clean is a string as JSON can have it: what is not UTF-8 is replaced.
func clean(s string) string { return string([]rune(s)) }

func TestJSONOrder(t *testing.T) {
	o := Object{"zeta": int64(1), "object": "thing", "_x": "hidden", "alpha": nil, "id": "th_1"}
	if got, want := string(o.JSON()), `{"id":"th_1","object":"thing","alpha":null,"zeta":1}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	o["beta"] = true
	delete(o, "zeta")
	if got, want := string(o.JSON()), `{"id":"th_1","object":"thing","alpha":null,"beta":true}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSetAndGet(t *testing.T) {
	o := Object{"lines": Object{"data": []any{Object{"amount": int64(5)}}}, "name": "x"}
	for _, c := range []struct {
		path string
		ok   bool
	}{
		{"lines.data.0.amount", true},
		{"lines.data.1.amount", true},
		{"a.b.c", true},
		{"lines.data.5.amount", false},
		{"lines.data.x", false},
		{"name.first", false},
		{"", false},
		{"a..b", false},
	} {
		err := o.Set(c.path, int64(7))
		if (err == nil) != c.ok {
			t.Errorf("%q: %v", c.path, err)
		}
		if c.ok && o.Int(c.path) != 7 {
			t.Errorf("%q is %v", c.path, o.Get(c.path))
		}
	}
}

func TestDifference(t *testing.T) {
	before := Object{"same": "x", "gone": int64(1), "hash": Object{"a": int64(1), "b": int64(2)}, "list": []any{int64(1)}, "_hidden": "x"}
	after := Object{"same": "x", "new": true, "hash": Object{"a": int64(1), "b": int64(3)}, "list": []any{int64(1), int64(2)}, "_hidden": "y"}
	want := Object{"gone": int64(1), "new": nil, "hash": Object{"b": int64(2)}, "list": []any{int64(1)}}
	if got := difference(before, after); !equal(got, want) {
		t.Errorf("got %s, want %s", got.JSON(), want.JSON())
	}
}
