package outbound_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bursarhq/bursar/internal/outbound"
	"github.com/bursarhq/bursar/webhook"
)

const docs = "../../docs/webhooks."

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestDocsList wants docs/webhooks.md to say of each event what the table says.
func TestDocsList(t *testing.T) {
	text := read(t, docs+"md")
	for _, e := range outbound.EventTypes {
		if row := fmt.Sprintf("| `%s` | %s |", e.Name, e.About); !strings.Contains(text, row) {
			t.Errorf("it lacks %s", row)
		}
	}
}

// samples are a payload of each kind of data with everything in it, and one with as
// little as there can be.
func samples() []outbound.Event {
	word, at := "x", time.Unix(1790000000, 0).UTC()
	full := outbound.Subscription{
		ID: "sub_1", Plan: &word, StatusReason: &word, StripePrice: &word, CurrentPeriodStart: &at, CurrentPeriodEnd: &at,
		TrialEndsAt: &at, EndsAt: &at, EndedAt: &at,
	}
	var out []outbound.Event
	for _, e := range outbound.EventTypes {
		event := outbound.Event{ID: outbound.MessageID(1, "", false, "acme", 1), Type: e.Name, Timestamp: at, Tenant: "acme", Sequence: 1, Cause: outbound.Cause{Actor: "stripe"}}
		more := event
		more.Account, more.Cause.Event = &word, &word
		switch noun, _, _ := strings.Cut(e.Name, "."); noun {
		case "subscription":
			event.Data = outbound.SubscriptionData{}
			more.Data = outbound.SubscriptionData{Subscription: full, Previous: &outbound.PreviousSubscription{Plan: &word}}
		case "invoice":
			event.Data = outbound.InvoiceData{}
			more.Data = outbound.InvoiceData{Invoice: outbound.Invoice{Number: &word, Subscription: &word, BillingReason: &word, IssuedAt: &at, DueDate: &at, PaidAt: &at}}
		case "tenant":
			event.Data = outbound.LinkData{Source: "put"}
			more.Data = outbound.LinkData{Source: "metadata", PreviousTenant: &word}
		case "entitlements":
			event.Data = outbound.EntitlementsData{Entitlements: outbound.Entitlements{Features: map[string]any{}}, Previous: outbound.Entitlements{Features: map[string]any{}}}
			more.Data = outbound.EntitlementsData{
				Entitlements: outbound.Entitlements{Plan: &word, Features: map[string]any{"sso": true}, ValidUntil: &at},
				Previous:     outbound.Entitlements{Features: map[string]any{"projects": 1}},
			}
		}
		out = append(out, event, more)
	}
	return out
}

// schema checks what docs/webhooks.schema.json makes use of. It is stricter than the
// schema: a field that is not described is a fault.
type schema struct{ root map[string]any }

func (s schema) faults(sch map[string]any, v any, at string) (out []string) {
	if ref, ok := sch["$ref"].(string); ok {
		name := strings.TrimPrefix(ref, "#/$defs/")
		return s.faults(s.root["$defs"].(map[string]any)[name].(map[string]any), v, at)
	}
	if any, ok := sch["anyOf"].([]any); ok && s.fitting(any, v, at) == 0 {
		out = append(out, at+" is none of what it may be")
	}
	if one, ok := sch["oneOf"].([]any); ok {
		if n := s.fitting(one, v, at); n != 1 {
			out = append(out, fmt.Sprintf("%s is %d of what it may be one of", at, n))
		}
	}
	if is, ok := sch["type"]; ok && !strings.Contains(fmt.Sprint(is), kindOf(v)) {
		return append(out, fmt.Sprintf("%s: %v is not %v", at, v, is))
	}
	if list, ok := sch["enum"].([]any); ok && !slices.Contains(list, v) {
		out = append(out, fmt.Sprintf("%s: %v is none of %v", at, v, list))
	}
	text, isText := v.(string)
	if pattern, ok := sch["pattern"].(string); ok && !regexp.MustCompile(pattern).MatchString(text) {
		out = append(out, fmt.Sprintf("%s: %v does not match %s", at, v, pattern))
	}
	if _, err := time.Parse(time.RFC3339, text); sch["format"] == "date-time" && isText && err != nil {
		out = append(out, fmt.Sprintf("%s: %v is no time", at, v))
	}
	o, _ := v.(map[string]any)
	properties, _ := sch["properties"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if field, ok := o[name]; ok {
			out = append(out, s.faults(properties[name].(map[string]any), field, at+"."+name)...)
		} else {
			out = append(out, at+"."+name+" is missing")
		}
	}
	if required, ok := sch["required"].([]any); ok { // where all are named, there are no others
		for name := range o {
			if !slices.Contains(required, any(name)) {
				out = append(out, at+"."+name+" is not described")
			}
		}
	}
	return out
}

func (s schema) fitting(list []any, v any, at string) (n int) {
	for _, one := range list {
		if len(s.faults(one.(map[string]any), v, at)) == 0 {
			n++
		}
	}
	return n
}

func kindOf(v any) string {
	switch n := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case float64:
		if n == float64(int64(n)) {
			return "integer"
		}
		return "number"
	}
	return "object"
}

func TestSchema(t *testing.T) {
	s := schema{}
	if err := json.Unmarshal([]byte(read(t, docs+"schema.json")), &s.root); err != nil {
		t.Fatal(err)
	}
	check := func(body []byte) []string {
		var v any
		if err := json.Unmarshal(body, &v); err != nil {
			t.Fatal(err)
		}
		return s.faults(s.root, v, "event")
	}
	var last []byte
	for _, e := range samples() {
		body, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if faults := check(body); len(faults) > 0 {
			t.Errorf("%s\n%s", body, strings.Join(faults, "\n"))
		}
		last = body
	}
	example := regexp.MustCompile("(?s)```json\n(.*?)```").FindStringSubmatch(read(t, docs+"md"))
	if faults := check([]byte(example[1])); len(faults) > 0 {
		t.Errorf("the document's example: %s", strings.Join(faults, "\n"))
	}
	for _, change := range [][2]string{
		{`"sequence":1`, `"sequence":"1"`},
		{`"entitlements.changed"`, `"invoice.issued"`},
		{`"entitlements.changed"`, `"entitlements.lost"`},
		{`"actor":"stripe"`, `"actor":null`},
		{`"access":false`, `"acces":false`},
		{`"tenant":"acme",`, ``},
		{`"id":"msg_`, `"id":"evt_`},
	} {
		if broken := strings.Replace(string(last), change[0], change[1], 1); broken == string(last) || len(check([]byte(broken))) == 0 {
			t.Errorf("%v is no fault", change)
		}
	}
}

func verify(body []byte, h http.Header, secret string) error {
	return webhook.VerifyStandard(body, h, []string{secret}, webhook.Options{}) // github.com/bursarhq/bursar/webhook
}

// TestSnippets runs what docs/webhooks.md shows of verifying, where its language is
// installed.
func TestSnippets(t *testing.T) {
	text := read(t, docs+"md")
	snippet := func(language string) string {
		found := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindStringSubmatch(text)
		if found == nil {
			t.Fatalf("there is none in %s", language)
		}
		if n := strings.Count(found[1], "\n"); n > 6 { // five, and what closes them
			t.Errorf("%s takes %d lines", language, n)
		}
		return found[1]
	}
	if !strings.Contains(read(t, "docs_test.go"), snippet("go")) {
		t.Error("Go's is not the one of this test")
	}
	body := []byte(`{"id":"msg_1","name":"Ünal"}`)
	signed := func(secret string, at time.Time) http.Header {
		h, err := webhook.SignStandard("msg_1", at, body, secret)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	now := time.Now()
	both := signed(oldSecret, now)
	both.Set(webhook.HeaderSignature, both.Get(webhook.HeaderSignature)+" "+signed(secret, now).Get(webhook.HeaderSignature))
	good := signed(secret, now)
	but := func(name, value string) http.Header {
		h := good.Clone()
		h.Set(name, value)
		return h
	}
	cases := []struct {
		name string
		h    http.Header
		body string
		good bool
	}{
		{"signed", signed(secret, now), string(body), true},
		{"signed with two secrets", both, string(body), true},
		{"signed with another secret", signed(oldSecret, now), string(body), false},
		{"another body", signed(secret, now), string(body) + " ", false},
		{"too old", signed(secret, now.Add(-time.Hour)), string(body), false},
		{"from the future", signed(secret, now.Add(time.Hour)), string(body), false},
		{"not signed", http.Header{}, string(body), false},
		{"without an id", but(webhook.HeaderID, ""), string(body), false},
		{"at no time", but(webhook.HeaderTimestamp, "soon"), string(body), false},
		{"with a signature that is no ASCII", but(webhook.HeaderSignature, strings.Repeat("ü", len(good.Get(webhook.HeaderSignature)))), string(body), false},
		{"with a signature that is no base64", but(webhook.HeaderSignature, "v1,!"), string(body), false},
	}
	for _, c := range cases {
		if err := verify([]byte(c.body), c.h, secret); (err == nil) != c.good {
			t.Errorf("Go: %s: %v", c.name, err)
		}
	}
	for _, l := range []struct{ program, language, file, rest string }{
		{"node", "js", "verify.mjs", "const [body, headers, secret] = process.argv.slice(2);\nconsole.log(verify(body, JSON.parse(headers), secret));\n"},
		{"python3", "python", "verify.py", "import json, sys\nprint(verify(sys.argv[1].encode(), json.loads(sys.argv[2]), sys.argv[3]))\n"},
	} {
		code := snippet(l.language) + l.rest
		program, err := exec.LookPath(l.program)
		if err != nil {
			fmt.Fprintf(os.Stderr, "SKIPPED: %s: %s is not installed\n", t.Name(), l.program)
			continue
		}
		file := filepath.Join(t.TempDir(), l.file)
		if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, c := range cases {
			headers := map[string]string{}
			for name := range c.h {
				headers[strings.ToLower(name)] = c.h.Get(name)
			}
			encoded, err := json.Marshal(headers)
			if err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(program, file, c.body, string(encoded), secret).CombinedOutput()
			if got := strings.ToLower(strings.TrimSpace(string(out))); err != nil || got != fmt.Sprint(c.good) {
				t.Errorf("%s: %s: %v %s", l.program, c.name, err, out)
			}
		}
	}
}
