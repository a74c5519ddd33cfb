package bursar_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/internal/store/storetest"
	"github.com/bursarhq/bursar/stripetest"
	"github.com/bursarhq/bursar/webhook"
)

const apiKey = "key_test"

// desk is an open Bursar behind a server, and a client of both of its sides.
type desk struct {
	testing.TB
	b   *bursar.Bursar
	srv *httptest.Server
}

// openDesk opens a Bursar with the test's secret, key and plans where cfg has none.
func openDesk(tb testing.TB, url string, cfg bursar.Config) *desk {
	tb.Helper()
	cfg.DatabaseURL, cfg.WebhookSecrets, cfg.APIKeys, cfg.RateLimit = url, []string{secret}, []string{apiKey}, -1
	if cfg.Plans == nil {
		cfg.Plans = plans()
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	b, err := bursar.Open(context.Background(), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	d := &desk{TB: tb, b: b, srv: httptest.NewServer(b.Handler())}
	tb.Cleanup(func() { d.srv.Close(); b.Close() })
	return d
}

// run performs effects until the test ends or the returned function is called.
func (d *desk) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := d.b.Run(ctx); err != nil {
			d.Errorf("Run: %v", err)
		}
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	d.Cleanup(stop)
	return stop
}

// answer is what a request was answered with.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// code is a problem's code, or an event's result.
func (a answer) code() string {
	var v struct{ Code, Result string }
	if json.Unmarshal(a.body, &v) != nil {
		return "unreadable"
	}
	return v.Code + v.Result
}

func (d *desk) do(req *http.Request) answer {
	d.Helper()
	resp, err := d.srv.Client().Do(req)
	if err != nil {
		d.Error(err)
		return answer{}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		d.Error(err)
	}
	return answer{resp.StatusCode, resp.Header, body}
}

func (d *desk) request(method, path string, body io.Reader) *http.Request {
	req, err := http.NewRequestWithContext(context.Background(), method, d.srv.URL+path, body)
	if err != nil {
		d.Fatal(err)
	}
	return req
}

// post posts a body, signed now.
func (d *desk) post(body []byte) answer {
	d.Helper()
	return d.postSigned(body, webhook.Sign(body, secret, time.Now()))
}

func (d *desk) postSigned(body []byte, signature string) answer {
	d.Helper()
	req := d.request(http.MethodPost, "/webhooks/stripe", bytes.NewReader(body))
	if signature != "" {
		req.Header.Set(webhook.HeaderStripe, signature)
	}
	return d.do(req)
}

// get asks the API.
func (d *desk) get(path string) answer {
	d.Helper()
	req := d.request(http.MethodGet, path, nil)
	req.Header.Set("Authorization", "Bearer "+apiKey)
	return d.do(req)
}

// list is the data of a list that the API answers.
func (d *desk) list(path string) []map[string]any {
	d.Helper()
	var v struct{ Data []map[string]any }
	a := d.get(path)
	if err := json.Unmarshal(a.body, &v); err != nil || a.status != http.StatusOK {
		d.Fatalf("GET %s: %d %s %v", path, a.status, a.body, err)
	}
	return v.Data
}

// payload is an event's as the API shows it.
func (d *desk) payload(id string) []byte {
	d.Helper()
	var v struct{ Payload json.RawMessage }
	a := d.get("/v1/events/" + id)
	if err := json.Unmarshal(a.body, &v); err != nil || a.status != http.StatusOK {
		d.Errorf("GET /v1/events/%s: %d %s %v", id, a.status, a.body, err)
	}
	return v.Payload
}

// event is an envelope around an object, without white space.
func event(id, typ, object string) string {
	return fmt.Sprintf(`{"id":%q,"object":"event","api_version":"2025-11-17.clover","created":1790000000,"livemode":false,"type":%q,"data":{"object":%s}}`, id, typ, object)
}

// TestRubbish: what is signed but is no event is refused, and nothing of it is kept.
func TestRubbish(t *testing.T) {
	good := event("evt_1", "customer.updated", `{"id":"cus_1","object":"customer"}`)
	with := func(old, mended string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%s is not in %s", old, good)
		}
		return strings.Replace(good, old, mended, 1)
	}
	bodies := map[string]string{
		"empty": "", "space": " \n", "null": "null", "true": "true", "number": "1", "string": `"evt_1"`, "array": "[]", "array of it": "[" + good + "]",
		"object": "{}", "truncated": good[:len(good)-1], "cut in half": good[:len(good)/2], "twice": good + good, "trailing comma": with(`}}}`, `},}}`),
		"single quotes": strings.ReplaceAll(good, `"`, `'`), "comment": "/* */" + good, "form": "id=evt_1&type=customer.updated",
		"byte order mark": "\xef\xbb\xbf" + good, "UTF-16": "\xff\xfe{\x00}\x00", "NUL before": "\x00" + good, "NUL after": good + "\x00",
		"NUL in a string": with("evt_1", "evt_\x001"), "NUL in metadata": with(`"object":"customer"`, "\"object\":\"customer\",\"metadata\":{\"a\":\"\x00\"}"),
		"newline in a string": with("customer.updated", "customer.\nupdated"),
		"deep arrays":         strings.Repeat("[", 100_000), "deep and closed": with(`"customer"}`, `"customer","x":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+"}"),
		"deep objects": strings.Repeat(`{"a":`, 50_000), "unpaired escape": with("evt_1", `evt_\u12`), "bad escape": with("evt_1", `evt_\x1`),
		"leading zero": with("1790000000", "01790000000"), "hexadecimal": with("1790000000", "0x6ab13280"), "plus": with("1790000000", "+1790000000"),
		"NaN": with("1790000000", "NaN"), "infinite": with("1790000000", "Infinity"),
		"no id": with(`"id":"evt_1",`, ""), "null id": with(`"evt_1"`, "null"), "empty id": with("evt_1", ""), "numeric id": with(`"evt_1"`, "1"),
		"object id": with(`"evt_1"`, `{"id":"evt_1"}`), "long id": with("evt_1", "evt_"+strings.Repeat("a", 252)), "id with a space": with("evt_1", "evt 1"),
		"id with a slash": with("evt_1", "../evt_1"), "id with a quote": with("evt_1", `evt_\"1`), "id with NUL": with("evt_1", `evt_\u0000`),
		"id in invalid UTF-8": with("evt_1", "evt_\xff"), "id in Cyrillic": with("evt_1", "еvt_1"),
		"no type": with(`"type":"customer.updated",`, ""), "null type": with(`"customer.updated"`, "null"), "empty type": with("customer.updated", ""),
		"type list": with(`"customer.updated"`, `["customer.updated"]`), "long type": with("customer.updated", strings.Repeat("a", 256)), "type with NUL": with("customer.updated", `customer\u0000`),
		"type in invalid UTF-8": with("customer.updated", "customer.\xc3\x28"),
		"no created":            with(`"created":1790000000,`, ""), "created as text": with("1790000000", `"1790000000"`), "negative created": with("1790000000", "-1"),
		"created far away": with("1790000000", "1790000000000"), "created huge": with("1790000000", "1e308"), "created beyond": with("1790000000", "9"+strings.Repeat("9", 400)),
		"another object": with(`"object":"event"`, `"object":"charge"`), "object number": with(`"object":"event"`, `"object":1`),
		"livemode text": with("false", `"false"`), "livemode number": with("false", "0"), "data list": with(`{"object":{"id":"cus_1","object":"customer"}}`, "[]"),
		"data text": with(`{"object":{"id":"cus_1","object":"customer"}}`, `"x"`), "data.object text": with(`{"id":"cus_1","object":"customer"}`, `"cus_1"`),
		"data.object list": with(`{"id":"cus_1","object":"customer"}`, "[]"), "long object id": with("cus_1", "cus_"+strings.Repeat("a", 252)),
		"object id with NUL": with("cus_1", `cus_\u0000`), "account number": with(`"livemode"`, `"account":1,"livemode"`), "account with NUL": with(`"livemode"`, `"account":"acct_\u0000","livemode"`),
	}
	storetest.EachURL(t, func(t *testing.T, url string) {
		d := openDesk(t, url, bursar.Config{CreateUnknownCustomers: true})
		for _, name := range slices.Sorted(maps.Keys(bodies)) {
			a := d.post([]byte(bodies[name]))
			if a.status != http.StatusBadRequest || a.code() != "payload_malformed" {
				t.Errorf("%s: %d %s", name, a.status, a.body)
			}
			if got := a.header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("%s: %s", name, got)
			}
		}
		for _, path := range []string{"/v1/events", "/v1/tenants", "/v1/unlinked-customers"} {
			if rows := d.list(path); len(rows) > 0 {
				t.Errorf("%s has %v", path, rows)
			}
		}
		if a := d.post([]byte(good)); a.status != http.StatusOK || a.code() != "applied" {
			t.Errorf("an event after all that: %d %s", a.status, a.body)
		}
	})
}

// TestStrange: what is an event is kept byte by byte, however odd it is, and
// breaks nothing.
func TestStrange(t *testing.T) {
	customer := `{"id":"cus_1","object":"customer","metadata":{}}`
	sub := func(members string) string {
		return `{"id":"sub_1","object":"subscription","customer":"cus_1",` + members + `}`
	}
	var cases []strange
	for _, c := range []struct{ name, typ, object, result string }{
		{"an unknown type", "moon.landed", `{"id":"moon_1","object":"moon"}`, "ignored"},
		{"an unknown type about a customer", "customer.teleported", customer, "ignored"},
		{"another object under a known type", "customer.subscription.updated", `{"id":"in_9","object":"invoice","customer":"cus_1","status":"open"}`, ""},
		{"invoice.upcoming", "invoice.upcoming", `{"object":"invoice","customer":"cus_1","amount_due":2900,"lines":{"object":"list","data":[]}}`, "ignored"},
		{"an invoice without an id", "invoice.paid", `{"object":"invoice","customer":"cus_1"}`, "ignored"},
		{"an empty object", "invoice.paid", `{}`, "ignored"},
		{"a null object", "invoice.paid", `null`, "ignored"},
		{"nothing but an id", "customer.subscription.updated", `{"id":"sub_2"}`, ""},
		{"NUL in metadata", "customer.updated", `{"id":"cus_1","object":"customer","metadata":{"a\u0000b":"c\u0000d","tenant":"acme"},"name":"N\u0000","email":"\u0000@example.com"}`, "applied"},
		{"invalid UTF-8", "customer.updated", "{\"id\":\"cus_1\",\"object\":\"customer\",\"metadata\":{\"a\":\"\xff\xfe\"},\"name\":\"\xc3\x28\"}", "applied"},
		{"half a surrogate pair", "customer.updated", `{"id":"cus_1","object":"customer","name":"\ud800"}`, "applied"},
		{"a tenant that cannot be one", "customer.updated", `{"id":"cus_1","object":"customer","metadata":{"tenant":"../../etc/passwd"}}`, "applied"},
		{"a long tenant", "customer.updated", `{"id":"cus_1","object":"customer","metadata":{"tenant":"` + strings.Repeat("a", 5000) + `"}}`, "applied"},
		{"markup", "customer.updated", `{"id":"cus_1","object":"customer","name":"<script>alert(1)</script>&\u2028","email":"\"x\" <x@example.com>\r\nBcc: y@example.com"}`, "applied"},
		{"a long name", "customer.updated", `{"id":"cus_1","object":"customer","name":"` + strings.Repeat("ü", 100_000) + `"}`, "applied"},
		{"an unknown status", "customer.subscription.updated", sub(`"status":"levitating","items":{"data":[]}`), ""},
		{"an unknown collection method", "invoice.updated", `{"id":"in_1","object":"invoice","customer":"cus_1","status":"pondering","billing_reason":"whim","collection_method":"by_pigeon"}`, ""},
		{"amounts of 1e308", "invoice.paid", `{"id":"in_2","object":"invoice","customer":"cus_1","status":"paid","currency":"usd","total":1e308,"amount_paid":1e308,"amount_due":-1e308,"subtotal":1E+308}`, ""},
		{"amounts beyond 64 bits", "charge.succeeded", `{"id":"ch_1","object":"charge","customer":"cus_1","status":"succeeded","currency":"usd","amount":9223372036854775808,"amount_captured":99999999999999999999}`, ""},
		{"the largest amounts", "charge.succeeded", `{"id":"ch_2","object":"charge","customer":"cus_1","status":"succeeded","currency":"usd","amount":9223372036854775807,"amount_captured":9223372036854775807,"amount_refunded":9223372036854775807}`, ""},
		{"the smallest amounts", "charge.succeeded", `{"id":"ch_3","object":"charge","customer":"cus_1","status":"succeeded","currency":"usd","amount":-9223372036854775808,"amount_captured":-1}`, ""},
		{"lines that add up to too much", "invoice.updated", `{"id":"in_3","object":"invoice","customer":"cus_1","status":"open","currency":"usd","total_discount_amounts":[{"amount":9223372036854775807},{"amount":9223372036854775807}],"lines":{"data":[{"amount":9223372036854775807,"quantity":9223372036854775807}]}}`, ""},
		{"decimals below a cent", "price.updated", `{"id":"price_1","object":"price","currency":"usd","unit_amount":null,"unit_amount_decimal":"0.000000000001","recurring":{"interval":"fortnight","interval_count":0}}`, ""},
		{"a decimal that is none", "price.updated", `{"id":"price_2","object":"price","currency":"zz","unit_amount_decimal":"12,5 €"}`, ""},
		{"a number of 400 digits", "price.updated", `{"id":"price_3","object":"price","unit_amount":` + strings.Repeat("9", 400) + `,"unit_amount_decimal":"` + strings.Repeat("9", 400) + `"}`, ""},
		{"the first and the last times", "customer.subscription.updated", sub(`"status":"active","created":0,"trial_end":-1,"cancel_at":253402300799,"ended_at":253402300799`), ""},
		{"a last4 of many", "payment_method.attached", `{"id":"pm_1","object":"payment_method","customer":"cus_1","type":"card","card":{"brand":"` + strings.Repeat("x", 9999) + `","last4":"` + strings.Repeat("4", 9999) + `","exp_month":13,"exp_year":-1}}`, ""},
		{"the same key twice", "customer.updated", `{"id":"cus_1","object":"customer","name":"a","name":"b"}`, "applied"},
		{"ten thousand members", "customer.updated", `{"id":"cus_1","object":"customer","metadata":{` + strings.TrimSuffix(strings.Repeat(`"k":"v",`, 10_000), ",") + `}}`, "applied"},
		{"a hundred levels", "customer.updated", `{"id":"cus_1","object":"customer","x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, "applied"},
		{"itself as its customer", "customer.subscription.updated", `{"id":"cus_1","object":"subscription","customer":"cus_1","status":"active"}`, ""},
	} {
		cases = append(cases, strange{c.name, event("evt_1", c.typ, c.object), c.object, c.result})
	}
	for name, body := range map[string]string{
		"null previous_attributes": strings.Replace(event("evt_1", "customer.updated", customer), `{"object":{`, `{"previous_attributes":null,"object":{`, 1),
		"a list of them":           strings.Replace(event("evt_1", "customer.updated", customer), `{"object":{`, `{"previous_attributes":[],"object":{`, 1),
		"odd ones":                 strings.Replace(event("evt_1", "customer.updated", customer), `{"object":{`, `{"previous_attributes":{"":{"":[null]},"name\u0000":1e999},"object":{`, 1),
		"the other mode":           strings.Replace(event("evt_1", "customer.updated", customer), `"livemode":false`, `"livemode":true`, 1),
		"no livemode":              strings.Replace(event("evt_1", "customer.updated", customer), `"livemode":false,`, ``, 1),
		"no data":                  `{"id":"evt_1","object":"event","type":"ping","created":1790000000,"livemode":false}`,
		"an account":               strings.Replace(event("evt_1", "customer.updated", customer), `"livemode"`, `"account":"acct_1","livemode"`, 1),
		"a version to come":        strings.Replace(event("evt_1", "customer.updated", customer), "2025-11-17.clover", "2099-01-01.zebra", 1),
		"no version":               strings.Replace(event("evt_1", "customer.updated", customer), `"2025-11-17.clover"`, "null", 1),
		"the id last":              `{"type":"customer.updated","object":"event","created":1790000000,"livemode":false,"data":{"object":` + customer + `},"id":"evt_1"}`,
		"a request in text":        strings.Replace(event("evt_1", "customer.updated", customer), `"livemode"`, `"request":"req_1","livemode"`, 1),
		"a thin event":             `{"id":"evt_1","object":"v2.core.event","type":"v1.customer.updated","created":"2026-10-01T00:00:00.000Z","livemode":false,"related_object":{"id":"cus_1","type":"customer","url":"/v1/customers/cus_1"}}`,
	} {
		result := map[string]string{"the other mode": "ignored", "no data": "ignored", "a thin event": "ignored"}[name]
		cases = append(cases, strange{name, body, customer, result})
	}
	slices.SortFunc(cases, func(a, b strange) int { return strings.Compare(a.name, b.name) })
	storetest.EachURL(t, func(t *testing.T, url string) {
		d := openDesk(t, url, bursar.Config{CreateUnknownCustomers: true})
		for i, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				of := *d
				of.TB = t
				own := func(s string) string { // ids that no other case has
					return regexp.MustCompile(`(evt|cus|sub|in|ch|price|pm|moon)_(\d)\b`).ReplaceAllString(s, fmt.Sprintf("${1}_%d$2", i+10))
				}
				of.post([]byte(own(event("evt_0", "customer.created", customer))))
				of.keeps(own("evt_1"), []byte(own(c.body)), c.result)
				of.whole(own("cus_1"), own(c.object))
			})
		}
	})
}

type strange struct{ name, body, object, result string }

// keeps posts an event and looks whether it is kept as it came. An empty result is
// any but failed.
func (d *desk) keeps(id string, body []byte, result string) {
	d.Helper()
	a := d.post(body)
	if got := a.code(); a.status != http.StatusOK || got == "failed" || (result != "" && got != result) {
		d.Errorf("%d %s, want %s", a.status, a.body, result)
		return
	}
	if strings.Contains(string(body), `"account"`) {
		id += "?account=acct_1"
	}
	if got := d.payload(id); !bytes.Equal(got, body) {
		d.Errorf("kept\n%.300s\nwant\n%.300s", got, body)
	}
	if a := d.post(body); a.status != http.StatusOK || a.code() != "duplicate" {
		d.Errorf("once more: %d %s", a.status, a.body)
	}
}

// whole asks for everything that the API shows of a tenant and of an object.
func (d *desk) whole(tenant, object string) {
	d.Helper()
	paths := []string{"", "/entitlements", "/subscription", "/subscriptions", "/invoices", "/payments", "/payment-methods", "/notifications", "/timeline"}
	for i := range paths {
		paths[i] = "/v1/tenants/" + tenant + paths[i]
	}
	var o struct{ ID any }
	if id, ok := o.ID.(string); json.Unmarshal([]byte(object), &o) == nil && ok && strings.HasPrefix(id, "in_") {
		paths = append(paths, "/v1/invoices/"+id, "/v1/invoices/"+id+"/pdf")
	}
	for _, p := range append(paths, "/v1/stats", "/v1/events") {
		a := d.get(p)
		if a.status >= 500 || a.status == 0 || (!strings.HasSuffix(p, "/pdf") && !json.Valid(a.body)) {
			d.Errorf("GET %s: %d %s", p, a.status, a.body)
		}
	}
}

// oddities are what a field is replaced by in TestWrongTypes.
var oddities = []string{`null`, `true`, `-1`, `0.5`, `1e308`, `""`, `"x\u0000y"`, `[]`, `{}`, `[[{}]]`, `{"id":{"id":"x"},"data":"x"}`, `"` + strings.Repeat("y", 300) + `"`}

// TestWrongTypes replaces the fields of real events by oddities: each is
// answered with 200 and kept, or refused where the envelope is broken; nothing
// fails, and whatever came of it can be shown.
func TestWrongTypes(t *testing.T) {
	types := []string{
		"customer.subscription.updated", "invoice.payment_failed", "charge.refunded", "customer.updated", "invoice.paid", "payment_method.attached",
		"refund.created", "charge.dispute.created", "credit_note.created", "subscription_schedule.updated", "invoice_payment.paid", "checkout.session.completed",
		"entitlements.active_entitlement_summary.updated", "price.updated", "product.updated",
	}
	var cases []mutation
	for _, typ := range types {
		ev, err := stripetest.BuildEvent(typ, stripetest.EventOptions{})
		if err != nil {
			t.Fatal(err)
		}
		cases = append(cases, mutations(t, typ, ev.Payload, len(cases))...)
	}
	// All of them take minutes. Every run takes others; both steps are prime to the
	// number of oddities.
	step := 7
	if testing.Short() {
		step = 29
	}
	var some []mutation
	for i := rand.IntN(step); i < len(cases); i += step {
		some = append(some, cases[i])
	}
	storetest.EachURL(t, func(t *testing.T, url string) {
		d := openDesk(t, url, bursar.Config{CreateUnknownCustomers: true})
		work := make(chan mutation)
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				for m := range work {
					a := d.post(m.body)
					switch {
					case a.status == http.StatusOK && a.code() != "failed":
					case a.status == http.StatusBadRequest && a.code() == "payload_malformed" && m.envelope:
					default:
						t.Errorf("%s: %d %s", m.name, a.status, a.body)
						continue
					}
					if m.shown {
						d.whole(m.tenant, m.object)
					}
				}
			})
		}
		for _, m := range some {
			work <- m
		}
		close(work)
		wg.Wait()
		for _, status := range []string{"failed", "dead"} {
			for _, row := range d.list("/v1/events?limit=100&status=" + status) {
				t.Errorf("%v", row)
			}
		}
		t.Logf("%d of %d events", len(some), len(cases))
	})
}

type mutation struct {
	name, tenant, object string
	body                 []byte
	envelope             bool // the envelope itself may be broken
	shown                bool // what came of it is looked at: of some, since it is ten requests
}

// mutations are the event with each of its fields replaced by each oddity. Every
// one has ids of its own, so that none is stale by another.
func mutations(t *testing.T, typ string, payload []byte, from int) []mutation {
	t.Helper()
	paths := fieldPaths(t, payload)
	var out []mutation
	for _, path := range paths {
		for _, odd := range oddities {
			n := from + len(out)
			var root map[string]any
			if err := json.Unmarshal(payload, &root); err != nil {
				t.Fatal(err)
			}
			object, _ := root["data"].(map[string]any)["object"].(map[string]any)
			object["customer"] = fmt.Sprintf("cus_%d", n)
			if id, ok := object["id"].(string); ok {
				prefix, _, _ := strings.Cut(id, "_")
				object["id"] = fmt.Sprintf("%s_%d", prefix, n)
				if object["object"] == "customer" {
					object["id"] = object["customer"]
				}
			}
			object["metadata"] = map[string]any{"tenant": fmt.Sprintf("t%d", n)}
			root["id"] = fmt.Sprintf("evt_%d", n)
			replace(root, path, json.RawMessage(odd))
			body, err := json.Marshal(root)
			if err != nil {
				t.Fatal(err)
			}
			shown, err := json.Marshal(object)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, mutation{
				name: fmt.Sprintf("%s: %s = %.40s", typ, strings.Join(path, "."), odd), tenant: fmt.Sprintf("t%d", n), object: string(shown), body: body, shown: n%4 == 0,
				envelope: path[0] != "data" || len(path) < 3 || slices.Contains([]string{"id", "object", "customer"}, path[2]),
			})
		}
	}
	return out
}

// fieldPaths are the paths of all fields; of a list those of its first element.
func fieldPaths(t *testing.T, payload []byte) [][]string {
	t.Helper()
	var root any
	if err := json.Unmarshal(payload, &root); err != nil {
		t.Fatal(err)
	}
	var out [][]string
	var walk func(v any, path []string)
	walk = func(v any, path []string) {
		if len(path) > 0 {
			out = append(out, slices.Clone(path))
		}
		switch v := v.(type) {
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(v)) {
				walk(v[name], append(path, name))
			}
		case []any:
			if len(v) > 0 {
				walk(v[0], append(path, "0"))
			}
		}
	}
	walk(root, nil)
	return out
}

func replace(v any, path []string, by any) {
	switch v := v.(type) {
	case map[string]any:
		if len(path) == 1 {
			v[path[0]] = by
			return
		}
		replace(v[path[0]], path[1:], by)
	case []any:
		if len(path) == 1 {
			v[0] = by
			return
		}
		replace(v[0], path[1:], by)
	}
}

// TestRefusals: what is not from Stripe, not now, or not a webhook at all.
func TestRefusals(t *testing.T) {
	body := []byte(event("evt_1", "customer.updated", `{"id":"cus_1","object":"customer"}`))
	now := time.Now()
	good := webhook.Sign(body, secret, now)
	storetest.EachURL(t, func(t *testing.T, url string) {
		d := openDesk(t, url, bursar.Config{CreateUnknownCustomers: true})
		for _, c := range []struct {
			name, signature, code string
		}{
			{"none", "", "signature_missing"},
			{"words", "hello", "signature_malformed"},
			{"no time", good[strings.Index(good, "v1="):], "signature_malformed"},
			{"only v0", strings.Replace(good, "v1=", "v0=", 1), "signature_mismatch"},
			{"another secret", webhook.Sign(body, "whsec_other", now), "signature_mismatch"},
			{"another body", webhook.Sign(append(slices.Clone(body), ' '), secret, now), "signature_mismatch"},
			{"another time", strings.Replace(good, fmt.Sprint(now.Unix()), fmt.Sprint(now.Unix()+1), 1), "signature_mismatch"},
			{"old", webhook.Sign(body, secret, now.Add(-10*time.Minute)), "timestamp_out_of_tolerance"},
			{"future", webhook.Sign(body, secret, now.Add(10*time.Minute)), "timestamp_out_of_tolerance"},
		} {
			if a := d.postSigned(body, c.signature); a.status != http.StatusBadRequest || a.code() != c.code {
				t.Errorf("%s: %d %s", c.name, a.status, a.body)
			}
		}
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions} {
			a := d.do(d.request(method, "/webhooks/stripe", nil))
			if a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != http.MethodPost {
				t.Errorf("%s: %d %s", method, a.status, a.header)
			}
		}
		large := []byte(event("evt_1", "customer.updated", `{"id":"cus_1","object":"customer","x":"`+strings.Repeat("x", 1<<20)+`"}`))
		for name, r := range map[string]io.Reader{"with its length": bytes.NewReader(large), "in chunks": io.MultiReader(bytes.NewReader(large))} {
			req := d.request(http.MethodPost, "/webhooks/stripe", r)
			req.Header.Set(webhook.HeaderStripe, webhook.Sign(large, secret, time.Now()))
			if a := d.do(req); a.status != http.StatusRequestEntityTooLarge {
				t.Errorf("too large, %s: %d %s", name, a.status, a.body)
			}
		}
		if rows := d.list("/v1/events"); len(rows) > 0 {
			t.Errorf("kept %v", rows)
		}
		if a := d.postSigned(body, good); a.status != http.StatusOK {
			t.Errorf("the good one: %d %s", a.status, a.body)
		}
	})
}
