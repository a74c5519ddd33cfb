package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// spec is the API's own description, read as a client would: a small validator of
// what of JSON Schema it uses, so that nothing of the server checks the server.
type spec struct {
	paths   map[string]map[string]operation
	schemas map[string]*schema
	seen    map[string]bool // operation and status that were answered
}

type operation struct {
	Responses map[string]struct {
		Content map[string]struct {
			Schema *schema `json:"schema"`
		} `json:"content"`
	} `json:"responses"`
	Security []map[string][]string `json:"security"`
}

type schema struct {
	Ref        string             `json:"$ref"`
	Type       json.RawMessage    `json:"type"`
	Format     string             `json:"format"`
	Enum       []any              `json:"enum"`
	Items      *schema            `json:"items"`
	Required   []string           `json:"required"`
	Properties map[string]*schema `json:"properties"`
	Additional json.RawMessage    `json:"additionalProperties"`
	Minimum    *float64           `json:"minimum"`
}

func readSpec(tb testing.TB, h http.Handler) *spec {
	tb.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/openapi.json", nil))
	var doc struct {
		OpenAPI    string                          `json:"openapi"`
		Paths      map[string]map[string]operation `json:"paths"`
		Components struct {
			Schemas map[string]*schema `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		tb.Fatal(err)
	}
	if w.Code != http.StatusOK || !strings.HasPrefix(doc.OpenAPI, "3.1") || len(doc.Paths) == 0 {
		tb.Fatalf("%d %s", w.Code, w.Body)
	}
	return &spec{paths: doc.Paths, schemas: doc.Components.Schemas, seen: map[string]bool{}}
}

// route is the described path that a request's path is one of.
func (s *spec) route(path string) string {
	parts := strings.Split(path, "/")
	best := ""
	for pattern := range s.paths {
		fits := strings.Split(pattern, "/")
		if len(fits) != len(parts) {
			continue
		}
		ok := true
		for i := range fits {
			ok = ok && (fits[i] == parts[i] || strings.HasPrefix(fits[i], "{"))
		}
		if ok && (best == "" || strings.Count(pattern, "{") < strings.Count(best, "{")) {
			best = pattern
		}
	}
	return best
}

func (s *spec) check(tb testing.TB, method, path string, a answer) {
	tb.Helper()
	u, err := url.Parse(path)
	if err != nil {
		tb.Fatal(err)
	}
	pattern := s.route(u.Path)
	op, ok := s.paths[pattern][strings.ToLower(method)]
	described, content := "default", "application/problem+json"
	if ok && a.status < 400 {
		described, content = fmt.Sprint(a.status), "application/json"
	}
	if !ok && a.status < 400 {
		return // not described: pages, metrics
	}
	if _, told := op.Responses[described]; told && a.status == http.StatusNoContent {
		s.seen[method+" "+pattern+" "+described] = true
		if len(a.body) > 0 {
			tb.Errorf("%s %s: 204 with a body", method, path)
		}
		return
	}
	for media := range op.Responses[described].Content {
		content = media // there is but one
	}
	if got, _, _ := mime.ParseMediaType(a.header.Get("Content-Type")); got != content {
		tb.Errorf("%s %s: answered %d as %q, want %s", method, path, a.status, got, content)
		return
	}
	sch := &schema{Ref: "#/components/schemas/Problem"}
	if ok {
		s.seen[method+" "+pattern+" "+described] = true
		if sch = op.Responses[described].Content[content].Schema; sch == nil {
			tb.Errorf("%s %s: %d is not described", method, pattern, a.status)
			return
		}
	}
	if !strings.HasSuffix(content, "json") {
		return
	}
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		tb.Errorf("%s %s: %v", method, path, err)
		return
	}
	for _, fault := range s.validate(sch, v, "body") {
		tb.Errorf("%s %s: %s", method, path, fault)
	}
	if strings.Contains(string(a.body), "$schema") {
		tb.Errorf("%s %s: has a link to its schema", method, path)
	}
}

func (s *spec) validate(sch *schema, v any, at string) (faults []string) {
	fault := func(format string, args ...any) {
		faults = append(faults, at+": "+fmt.Sprintf(format, args...))
	}
	if sch.Ref != "" {
		to := s.schemas[strings.TrimPrefix(sch.Ref, "#/components/schemas/")]
		if to == nil {
			fault("%s is not there", sch.Ref)
			return faults
		}
		return s.validate(to, v, at)
	}
	var types []string
	if len(sch.Type) > 0 && json.Unmarshal(sch.Type, &types) != nil {
		var one string
		if err := json.Unmarshal(sch.Type, &one); err != nil {
			fault("type is %s", sch.Type)
		}
		types = []string{one}
	}
	if len(sch.Enum) > 0 && !slices.Contains(sch.Enum, v) {
		fault("%v is none of %v", v, sch.Enum)
	}
	if len(types) > 0 && !slices.Contains(types, typeOf(v)) && (typeOf(v) != "integer" || !slices.Contains(types, "number")) {
		fault("%v is not %v", v, types)
		return faults
	}
	switch v := v.(type) {
	case json.Number:
		if f, _ := v.Float64(); sch.Minimum != nil && f < *sch.Minimum {
			fault("%v is less than %v", v, *sch.Minimum)
		}
	case string:
		if sch.Format == "date-time" {
			if _, err := time.Parse(time.RFC3339, v); err != nil || !strings.HasSuffix(v, "Z") {
				fault("%q is not a time in UTC", v)
			}
		}
	case []any:
		for i := range v {
			if sch.Items != nil {
				faults = append(faults, s.validate(sch.Items, v[i], fmt.Sprintf("%s[%d]", at, i))...)
			}
		}
	case map[string]any:
		for _, name := range sch.Required {
			if _, ok := v[name]; !ok {
				fault("%s is missing", name)
			}
		}
		for name, member := range v {
			known, more := sch.Properties[name], &schema{}
			switch {
			case known != nil:
				faults = append(faults, s.validate(known, member, at+"."+name)...)
			case len(sch.Additional) == 0 || string(sch.Additional) == "true":
			case string(sch.Additional) == "false":
				fault("%s is not described", name)
			case json.Unmarshal(sch.Additional, more) == nil:
				faults = append(faults, s.validate(more, member, at+"."+name)...)
			}
		}
	}
	return faults
}

func typeOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return "number"
		}
		return "integer"
	case []any:
		return "array"
	}
	return "object"
}

// TestSpecFinds breaks answers in one place each.
func TestSpecFinds(t *testing.T) {
	minimum := 0.0
	s := &spec{schemas: map[string]*schema{"Thing": {
		Type: json.RawMessage(`"object"`), Required: []string{"id"}, Additional: json.RawMessage("false"),
		Properties: map[string]*schema{
			"id":     {Type: json.RawMessage(`"string"`), Enum: []any{"a", "b"}},
			"at":     {Type: json.RawMessage(`["string","null"]`), Format: "date-time"},
			"amount": {Type: json.RawMessage(`"integer"`), Minimum: &minimum},
			"list":   {Type: json.RawMessage(`"array"`), Items: &schema{Type: json.RawMessage(`"boolean"`)}},
		},
	}}}
	for body, want := range map[string]string{
		`{"id":"a","at":null,"amount":0,"list":[true]}`: "",
		`{}`:                         "body: id is missing",
		`{"id":"c"}`:                 "body.id: c is none of [a b]",
		`{"id":"a","x":1}`:           "body: x is not described",
		`{"id":"a","at":""}`:         `body.at: "" is not a time in UTC`,
		`{"id":"a","at":1}`:          "body.at: 1 is not [string null]",
		`{"id":"a","amount":1.5}`:    "body.amount: 1.5 is not [integer]",
		`{"id":"a","amount":-1}`:     "body.amount: -1 is less than 0",
		`{"id":"a","list":[true,1]}`: "body.list[1]: 1 is not [boolean]",
		`{"id":"a","list":null}`:     "body.list: <nil> is not [array]",
	} {
		d := json.NewDecoder(strings.NewReader(body))
		d.UseNumber()
		var v any
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(s.validate(&schema{Ref: "#/components/schemas/Thing"}, v, "body"), "\n"); got != want {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
}
