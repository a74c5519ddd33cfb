package stripetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// wire is a client that knows nothing of Stripe.
type wire struct {
	t   *testing.T
	url string
}

func serve(t *testing.T, a *Account) *wire {
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	return &wire{t: t, url: server.URL}
}

type reply struct {
	status int
	header http.Header
	body   Object
	raw    string
}

func (w *wire) send(method, path, form string, header ...string) reply {
	w.t.Helper()
	r, err := http.NewRequest(method, w.url+path, strings.NewReader(form))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer sk_test_x")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for k := 0; k+1 < len(header); k += 2 {
		r.Header.Set(header[k], header[k+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		w.t.Fatalf("%s %s: %s", method, path, raw)
	}
	return reply{answer.StatusCode, answer.Header, fromJSON(value, "").(Object), string(raw)}
}

func TestIdempotency(t *testing.T) {
	a := New(t).Calm()
	w := serve(t, a)
	first := w.send("POST", "/v1/customers", "email=a%40b.example&name=A", "Idempotency-Key", "k1")
	again := w.send("POST", "/v1/customers", "name=A&email=a%40b.example", "Idempotency-Key", "k1")
	if first.raw != again.raw || again.header.Get("Idempotent-Replayed") != "true" ||
		again.header.Get("Original-Request") != first.header.Get("Request-Id") {
		t.Errorf("the second answer differs: %d %s", again.status, again.raw)
	}
	other := w.send("POST", "/v1/customers", "email=other%40b.example", "Idempotency-Key", "k1")
	if other.status != 400 || other.body.Str("error.type") != "idempotency_error" {
		t.Errorf("other parameters: %d %s", other.status, other.raw)
	}
	elsewhere := w.send("POST", "/v1/customers/"+first.body.ID(), "email=a%40b.example&name=A", "Idempotency-Key", "k1")
	if elsewhere.body.Str("error.type") != "idempotency_error" {
		t.Errorf("another path: %d %s", elsewhere.status, elsewhere.raw)
	}
	if n := len(a.Events("customer.created")); n != 1 {
		t.Errorf("%d customers", n)
	}
	if got := a.Events("customer.created")[0]; !strings.Contains(string(got.Payload), `"idempotency_key":"k1"`) {
		t.Errorf("the event does not know its key: %s", got.Payload)
	}
	// A request that never began may be mended under its key.
	if bad := w.send("POST", "/v1/customers", "balance=much", "Idempotency-Key", "k2"); bad.status != 400 {
		t.Errorf("%d", bad.status)
	}
	if good := w.send("POST", "/v1/customers", "balance=5", "Idempotency-Key", "k2"); good.status != 200 {
		t.Errorf("%s", good.raw)
	}
	// A day later the key is free.
	a.Advance(25 * time.Hour)
	if late := w.send("POST", "/v1/customers", "email=late%40b.example", "Idempotency-Key", "k1"); late.status != 200 {
		t.Errorf("%s", late.raw)
	}
}

func TestOneKeyAtOnce(t *testing.T) {
	a := New(t).Calm()
	w := serve(t, a)
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			answer := w.send("POST", "/v1/customers", "name=A", "Idempotency-Key", "k")
			if answer.status != 200 && answer.status != 409 {
				t.Errorf("%d %s", answer.status, answer.raw)
			}
		})
	}
	wg.Wait()
	if n := len(a.Events("customer.created")); n != 1 {
		t.Errorf("%d customers were made", n)
	}
}

// TestErrors is Stripe's own bodies and codes, case by case.
func TestErrors(t *testing.T) {
	a := New(t).Calm()
	w := serve(t, a)
	result, err := a.Play("checkout-paid", Play{})
	if err != nil {
		t.Fatal(err)
	}
	charge := must(a.Get("/v1/charges", nil))(t).Str("data.0.id")
	gone := must(a.Post("/v1/customers", nil))(t).ID()
	must(a.Delete("/v1/customers/"+gone, nil))(t)
	item := must(a.Get("/v1/subscriptions/"+result.Subscription, nil))(t).Str("items.data.0.id")
	cases := []struct {
		method, path, form          string
		status                      int
		typ, code, param, contained string
	}{
		{"GET", "/v1/nothing", "", 404, "invalid_request_error", "", "", "Unrecognized request URL (GET: /v1/nothing)"},
		{"GET", "/v1/customers/cus_none", "", 404, "invalid_request_error", "resource_missing", "id", "No such customer: 'cus_none'"},
		{"POST", "/v1/customers/" + gone, "name=x", 404, "invalid_request_error", "resource_missing", "id", ""},
		{"POST", "/v1/customers", "nme=x", 400, "invalid_request_error", "parameter_unknown", "nme", "Received unknown parameter: nme"},
		{"POST", "/v1/customers", "name[a]=x", 400, "invalid_request_error", "", "name", "Invalid string"},
		{"POST", "/v1/customers", "a[=x", 400, "invalid_request_error", "", "a[", ""},
		{"POST", "/v1/customers", "name=%zz", 400, "invalid_request_error", "", "", ""},
		{"POST", "/v1/customers", "balance=x", 400, "invalid_request_error", "parameter_invalid_integer", "balance", "Invalid integer: x"},
		{"POST", "/v1/subscriptions", "", 400, "invalid_request_error", "parameter_missing", "customer", "Missing required param: customer."},
		{"POST", "/v1/subscriptions", "customer=cus_none", 400, "invalid_request_error", "resource_missing", "customer", ""},
		{"POST", "/v1/subscriptions", "customer=" + result.Customer, 400, "invalid_request_error", "parameter_missing", "items", ""},
		{"POST", "/v1/subscriptions", "customer=" + result.Customer + "&items[0][price]=price_none", 400, "invalid_request_error", "resource_missing", "items[0][price]", "No such price"},
		{"POST", "/v1/subscriptions", "customer=" + result.Customer + "&items[0][price]=price_pro_monthly&proration_behavior=x&payment_behavior=y", 400, "invalid_request_error", "", "payment_behavior", "must be one of"},
		{"POST", "/v1/subscriptions/" + result.Subscription, "items[0][id]=si_none&items[0][quantity]=2", 400, "invalid_request_error", "resource_missing", "items[0][id]", ""},
		{"POST", "/v1/subscriptions/" + result.Subscription, "items[0][id]=" + item + "&items[0][deleted]=true", 400, "invalid_request_error", "", "items", "at least one"},
		{"POST", "/v1/subscriptions/" + result.Subscription + "/resume", "", 400, "invalid_request_error", "", "", "paused"},
		{"POST", "/v1/subscriptions/" + result.Subscription, "cancel_at=100", 400, "invalid_request_error", "", "cancel_at", ""},
		{"POST", "/v1/refunds", "charge=" + charge + "&amount=99999", 400, "invalid_request_error", "", "amount", "greater than unrefunded amount"},
		{"POST", "/v1/refunds", "charge=" + charge + "&amount=-5", 400, "invalid_request_error", "parameter_invalid_integer", "amount", ""},
		{"POST", "/v1/refunds", "", 400, "invalid_request_error", "", "", "payment_intent or charge"},
		{"POST", "/v1/payment_methods/pm_card_chargeDeclined/attach", "customer=" + result.Customer, 402, "card_error", "card_declined", "", "Your card was declined."},
		{"GET", "/v1/customers?limit=101", "", 400, "invalid_request_error", "parameter_invalid_integer", "limit", ""},
		{"GET", "/v1/customers?starting_after=cus_none", "", 400, "invalid_request_error", "resource_missing", "starting_after", ""},
		{"GET", "/v1/customers/" + result.Customer + "?expand[]=nothing", "", 400, "invalid_request_error", "", "expand", "cannot be expanded"},
		{"GET", "/v1/subscriptions/" + result.Subscription + "?expand[]=a.b.c.d.e", "", 400, "invalid_request_error", "property_expansion_max_depth", "expand", ""},
		{"POST", "/v1/checkout/sessions", "mode=subscription&success_url=x", 400, "invalid_request_error", "parameter_missing", "line_items", ""},
		{"POST", "/v1/checkout/sessions", "mode=payment&success_url=x&line_items[0][price]=price_pro_monthly", 400, "invalid_request_error", "", "mode", "recurring price"},
		{"POST", "/v1/checkout/sessions/" + result.Session + "/expire", "", 400, "invalid_request_error", "", "", "status of complete"},
		{"POST", "/v1/invoices/in_none/pay", "", 404, "invalid_request_error", "resource_missing", "id", ""},
		{"POST", "/v1/test_helpers/test_clocks", "frozen_time=1", 400, "invalid_request_error", "", "frozen_time", ""},
		{"POST", "/v1/prices", "currency=usd&product=prod_pro", 400, "invalid_request_error", "parameter_missing", "unit_amount", ""},
		{"POST", "/v1/coupons", "percent_off=200", 400, "invalid_request_error", "", "percent_off", ""},
		{"POST", "/v1/products", "id=prod_pro&name=x", 400, "invalid_request_error", "resource_already_exists", "id", ""},
		{"DELETE", "/v1/products/prod_pro", "", 400, "invalid_request_error", "", "", "cannot be deleted"},
	}
	for _, c := range cases {
		answer := w.send(c.method, c.path, c.form)
		e, _ := answer.body["error"].(Object)
		if answer.status != c.status || e.Str("type") != c.typ || e.Str("code") != c.code || e.Str("param") != c.param ||
			!strings.Contains(e.Str("message"), c.contained) {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.form, answer.status, answer.raw)
		}
		if e.Str("request_log_url") == "" {
			t.Errorf("%s %s: no request_log_url", c.method, c.path)
		}
	}
}

func TestKeysAndVersions(t *testing.T) {
	a := New(t, func(c *Config) { c.SecretKey = "sk_test_right" }).Calm()
	w := serve(t, a)
	if r := w.send("GET", "/v1/account", "", "Authorization", ""); r.status != 401 || !strings.Contains(r.raw, "did not provide") {
		t.Errorf("no key: %d %s", r.status, r.raw)
	}
	if r := w.send("GET", "/v1/account", "", "Authorization", "Bearer sk_test_wrong"); r.status != 401 || strings.Contains(r.raw, "wrong") {
		t.Errorf("a wrong key: %d %s", r.status, r.raw)
	}
	right := []string{"Authorization", "Bearer sk_test_right"}
	if r := w.send("GET", "/v1/account", "", append(right, "Stripe-Version", "yesterday")...); r.status != 400 {
		t.Errorf("a wrong version: %d %s", r.status, r.raw)
	}
	r := w.send("GET", "/v1/account", "", append(right, "Stripe-Version", "2020-08-27")...)
	if r.status != 200 || r.header.Get("Stripe-Version") != "2020-08-27" || !strings.HasPrefix(r.header.Get("Request-Id"), "req_") {
		t.Errorf("%d %v", r.status, r.header)
	}
	if date, err := http.ParseTime(r.header.Get("Date")); err != nil || !date.Equal(a.Now()) {
		t.Errorf("Date is %s, the account's time %v", r.header.Get("Date"), a.Now())
	}
	result, err := a.Play("checkout-paid", Play{})
	if err != nil {
		t.Fatal(err)
	}
	r = w.send("GET", "/v1/subscriptions/"+result.Subscription, "", append(right, "Stripe-Version", "2020-08-27")...)
	if r.body.Int("current_period_end") == 0 {
		t.Errorf("2020-08-27 has no current_period_end: %s", r.raw)
	}
	r = w.send("GET", "/v1/subscriptions/"+result.Subscription+"?expand[]=latest_invoice.payment_intent", "", append(right, "Stripe-Version", "2024-06-20")...)
	if got := r.body.Str("latest_invoice.payment_intent.status"); got != "succeeded" {
		t.Errorf("expanding what basil has removed: %q in %s", got, r.raw)
	}
}

// TestEventsKeepTheirVersion: an event is made in the account's version, and a
// request's does not change it.
func TestEventsKeepTheirVersion(t *testing.T) {
	a := New(t, APIVersion("2024-06-20")).Calm()
	w := serve(t, a)
	if _, err := a.Play("checkout-paid", Play{}); err != nil {
		t.Fatal(err)
	}
	list := w.send("GET", "/v1/events?type=invoice.paid", "", "Stripe-Version", DefaultVersion)
	one := w.send("GET", "/v1/events/"+list.body.Str("data.0.id"), "", "Stripe-Version", DefaultVersion)
	for _, e := range []Object{list.body.Get("data.0").(Object), one.body} {
		if e.Str("api_version") != "2024-06-20" || e.Str("data.object.subscription") == "" {
			t.Errorf("%s", e.JSON())
		}
	}
}

func TestFaults(t *testing.T) {
	a := New(t).Calm()
	w := serve(t, a)
	a.Inject(Fault{Method: "POST", Path: "/v1/customers", Status: 429, RetryAfter: 3 * time.Second, Times: 2})
	for range 2 {
		if r := w.send("POST", "/v1/customers", ""); r.status != 429 || r.body.Str("error.code") != "rate_limit" || r.header.Get("Retry-After") != "3" {
			t.Errorf("%d %s", r.status, r.raw)
		}
	}
	if r := w.send("POST", "/v1/customers", ""); r.status != 200 {
		t.Errorf("%d %s", r.status, r.raw)
	}
	a.Inject(Fault{Status: 500, After: true})
	before := len(a.Events("customer.created"))
	if r := w.send("POST", "/v1/customers", ""); r.status != 500 || r.body.Str("error.type") != "api_error" {
		t.Errorf("%d %s", r.status, r.raw)
	}
	if n := len(a.Events("customer.created")) - before; n != 1 {
		t.Errorf("a fault after the work left %d customers, want 1", n)
	}
	a.Inject(Fault{Times: -1})
	r, err := http.NewRequest(http.MethodGet, w.url+"/v1/account", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer sk_test_x")
	if answer, err := http.DefaultClient.Do(r); err == nil {
		answer.Body.Close()
		t.Errorf("a cut connection answered %d", answer.StatusCode)
	}
	a.Heal()
	a.Inject(Fault{Hang: true})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if answer, err := http.DefaultClient.Do(r.WithContext(ctx)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a hanging request ended with %v", err)
		if err == nil {
			answer.Body.Close()
		}
	}
}

func TestRateLimit(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	a := New(t, func(c *Config) {
		c.RateLimit = 3
		c.SigningTime = func() time.Time { return now }
	}).Calm()
	w := serve(t, a)
	for k := range 5 {
		if r := w.send("GET", "/v1/account", ""); (r.status == 429) != (k >= 3) {
			t.Errorf("request %d: %d", k+1, r.status)
		}
	}
	now = now.Add(time.Second)
	if r := w.send("GET", "/v1/account", ""); r.status != 200 {
		t.Errorf("a second later: %d", r.status)
	}
}

func TestPages(t *testing.T) {
	a := New(t).Calm()
	var made []string
	for k := range 25 {
		made = append(made, must(a.Post("/v1/customers", Form{"email": fmt.Sprintf("c%d@example.com", k%2)}))(t).ID())
		a.Advance(time.Second)
	}
	ids := func(o Object) string {
		var out []string
		data, _ := o["data"].([]any)
		for _, c := range data {
			out = append(out, c.(Object).ID())
		}
		return strings.Join(out, " ")
	}
	join := func(from ...int) string {
		var out []string
		for _, k := range from {
			out = append(out, made[k])
		}
		return strings.Join(out, " ")
	}
	first := must(a.Get("/v1/customers", Form{"limit": "3"}))(t)
	if ids(first) != join(24, 23, 22) || !first.Bool("has_more") {
		t.Errorf("first page: %s", ids(first))
	}
	second := must(a.Get("/v1/customers", Form{"limit": "3", "starting_after": made[22]}))(t)
	if ids(second) != join(21, 20, 19) || !second.Bool("has_more") {
		t.Errorf("second page: %s", ids(second))
	}
	last := must(a.Get("/v1/customers", Form{"limit": "3", "starting_after": made[2]}))(t)
	if ids(last) != join(1, 0) || last.Bool("has_more") {
		t.Errorf("last page: %s", ids(last))
	}
	back := must(a.Get("/v1/customers", Form{"limit": "3", "ending_before": made[19]}))(t)
	if ids(back) != join(22, 21, 20) || !back.Bool("has_more") {
		t.Errorf("backwards: %s", ids(back))
	}
	odd := must(a.Get("/v1/customers", Form{"email": "c1@example.com", "starting_after": made[20], "limit": "2"}))(t)
	if ids(odd) != join(19, 17) {
		t.Errorf("after a filtered cursor: %s", ids(odd))
	}
	at := a.Events("customer.created")[5].Created.Unix()
	window := must(a.Get("/v1/customers", Form{"created[gte]": decimal(at), "created[lt]": decimal(at + 2)}))(t)
	if ids(window) != join(6, 5) {
		t.Errorf("created: %s", ids(window))
	}
}

func TestEventsAreKeptThirtyDays(t *testing.T) {
	a := New(t).Calm()
	must(a.Post("/v1/customers", nil))(t)
	id := a.Events()[0].ID
	a.Advance(29 * 24 * time.Hour)
	must(a.Get("/v1/events/"+id, nil))(t)
	a.Advance(2 * 24 * time.Hour)
	if _, err := a.Get("/v1/events/"+id, nil); err == nil {
		t.Error("an event of 31 days is still there")
	}
	if list := must(a.Get("/v1/events", nil))(t); list.Get("data.0") != nil {
		t.Errorf("%s", list.JSON())
	}
}

// TestTestClock is Stripe's own way to advance: the answer comes first, what
// falls due happens then.
func TestTestClock(t *testing.T) {
	a := New(t).Calm()
	w := serve(t, a)
	at := a.Now().Add(time.Hour).Unix()
	clock := w.send("POST", "/v1/test_helpers/test_clocks", "frozen_time="+decimal(at))
	if a.Now().Unix() != at {
		t.Errorf("the account is at %v", a.Now())
	}
	must(a.Post("/v1/customers", Form{"test_clock": clock.body.ID(), "payment_method": "pm_card_visa", "invoice_settings[default_payment_method]": "pm_card_visa"}))(t)
	s := &story{acct: a}
	s.catalog()
	c := must(a.Get("/v1/customers", nil))(t).Str("data.0.id")
	sub := must(a.Post("/v1/subscriptions", Form{"customer": c, "items[0][price]": "price_pro_monthly"}))(t)
	if sub.Str("test_clock") != clock.body.ID() {
		t.Errorf("the subscription's clock is %q", sub.Str("test_clock"))
	}
	path := "/v1/test_helpers/test_clocks/" + clock.body.ID()
	answer := w.send("POST", path+"/advance", "frozen_time="+decimal(at+40*day))
	if answer.body.Str("status") != "advancing" {
		t.Errorf("%s", answer.raw)
	}
	for answer.body.Str("status") == "advancing" {
		answer = w.send("GET", path, "")
	}
	if answer.body.Int("frozen_time") != at+40*day || len(a.Events("invoice.paid")) != 2 {
		t.Errorf("%s with %d paid invoices", answer.raw, len(a.Events("invoice.paid")))
	}
}
