package api_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bursarhq/bursar/internal/api"
	"github.com/bursarhq/bursar/internal/apply"
)

func TestInvalid(t *testing.T) {
	each(t, func(w *world) {
		w.want("PUT /v1/tenants/acme", "", 201, "")
		const put = "PUT /v1/tenants/acme"
		for _, c := range []struct{ request, body, named string }{
			{"GET /v1/tenants?limit=0", "", "limit: "},
			{"GET /v1/tenants?limit=101", "", "limit: "},
			{"GET /v1/tenants?limit=ten", "", "limit: "},
			{"GET /v1/tenants?cursor=abc", "", "cursor: "},
			{"GET /v1/tenants?cursor=MA", "", "cursor: "},
			{"GET /v1/tenants?stauts=active", "", "stauts: "},
			{"GET /v1/plans?cursor=%21", "", "cursor: "},
			{"GET /v1/tenants/acme/invoices?cursor=%21", "", "cursor: "},
			{"GET /v1/tenants/acme/payments?cursor=%21", "", "cursor: "},
			{"GET /v1/unlinked-customers?cursor=%21", "", "cursor: "},
			{"GET /v1/events?cursor=%21", "", "cursor: "},
			{"GET /v1/events?status=done", "", "status: "},
			{"GET /v1/events?since=yesterday", "", "since: "},
			{"GET /v1/tenants/acme/entitlements?default=perhaps", "", "default: "},
			{"GET /v1/tenants?q=%00", "", "the request's address: "},
			{"GET /v1/tenants?q=%ff", "", "the request's address: "},
			{"GET /v1/tenants/%00", "", "the request's address: "},
			{"GET /v1/tenants?account=" + strings.Repeat("a", 256), "", "account: "},
			{"PUT /v1/tenants/a%20b", "", "tenant: "},
			{"PUT /v1/tenants/" + strings.Repeat("a", 129), "", "tenant: "},
			{put, `{"nmae":"x"}`, "nmae: "},
			{put, `{"name":1}`, "name: "},
			{put, `{"name":"a\u0000b"}`, "name: "},
			{put, `{"email":"nobody"}`, "email: "},
			{put, `{"email":"a@b c"}`, "email: "},
			{put, `{"metadata":{"a":1}}`, "metadata.a: "},
			{put, `{"metadata":["a"]}`, "metadata: "},
			{put, `[]`, "body: "},
			{put, `"x"`, "body: "},
		} {
			detail, _ := w.want(c.request, c.body, 422, "invalid_parameter").json(w)["detail"].(string)
			if !strings.HasPrefix(detail, c.named) {
				w.Errorf("%s %s: the detail %q does not begin with %q", c.request, c.body, detail, c.named)
			}
		}
		w.want(put, `{"name":`, 400, "invalid_json")
		w.want(put, `{}`, 415, "unsupported_media_type", "Content-Type: application/x-www-form-urlencoded")
		w.want("POST /v1/events/evt_1/replay", `{}`, 415, "unsupported_media_type", "Content-Type: text/plain")
		w.want(put, `{}`, 200, "", "Content-Type: application/json; charset=utf-8")
		w.want(put, `{}`, 200, "", "Content-Type: ")
		w.want(put, `{"name":"`+strings.Repeat("x", 1<<20)+`"}`, 413, "body_too_large")
		w.want(put, `{"metadata":{"a":"\u0000"}}`, 200, "")
		for _, path := range []string{"invoices", "payments", "payment-methods", "subscriptions", "notifications", "timeline", "subscription", "entitlements"} {
			w.want("GET /v1/tenants/nobody/"+path, "", 404, "tenant_not_found")
		}
		// What no tenant's id can be is not there, rather than wrong.
		w.want("GET /v1/tenants/"+url.PathEscape("ä/b"), "", 404, "tenant_not_found")
		w.want("GET /v1/invoices/in_1", "", 404, "invoice_not_found")
	})
}

func TestSince(t *testing.T) {
	each(t, func(w *world) {
		w.event("plan.created", `{"id":"plan_1","object":"plan"}`)
		for since, want := range map[string]int{
			"0": 1, "-1": 1, "99999999999999999": 0, "0001-01-01T00:00:00Z": 1, "9999-12-31T00:00:00Z": 0,
			fmt.Sprint(began.Unix()): 1, fmt.Sprint(began.Unix() + 1): 0,
			"2026-03-01T12:00:00Z": 1, "2026-03-01T12:00:00.000001Z": 0, "2026-03-01T14:00:00%2B02:00": 1, "2026-03-01T12:00:00-01:00": 0,
		} {
			if got := len(w.want("GET /v1/events?since="+since, "", 200, "").json(w)["data"].([]any)); got != want {
				w.Errorf("since %s: %d events, want %d", since, got, want)
			}
		}
	})
}

func TestErased(t *testing.T) {
	each(t, func(w *world) {
		w.want("PUT /v1/tenants/acme", `{"name":"Acme"}`, 201, "")
		if _, err := w.s.Writer().Exec(`UPDATE tenants SET erased_at = 1`); err != nil {
			w.Fatal(err)
		}
		w.want("GET /v1/tenants/acme", "", 404, "tenant_not_found")
		w.want("GET /v1/tenants/acme/entitlements", "", 404, "tenant_not_found")
		if a := w.want("GET /v1/tenants", "", 200, ""); string(a.body) != `{"data":[],"next_cursor":null}`+"\n" {
			w.Error(string(a.body))
		}
		a := w.want("PUT /v1/tenants/acme", `{"name":"Acme"}`, 409, "conflict")
		if detail := a.json(w)["detail"]; detail != "tenant acme was erased" {
			w.Error(detail)
		}
	})
}

func TestGone(t *testing.T) {
	each(t, func(w *world) {
		w.event("product.created", `{"id":"prod_1","object":"product","name":"A","active":true}`)
		if _, err := w.s.Writer().Exec(`DELETE FROM payloads`); err != nil {
			w.Fatal(err)
		}
		if got := w.want("GET /v1/events/evt_0001", "", 200, "").json(w)["payload"]; got != nil {
			w.Error(got)
		}
		detail := w.want("POST /v1/events/evt_0001/replay", "", 410, "gone").json(w)["detail"]
		if detail != "the payload of event evt_0001 is no longer kept" {
			w.Error(detail)
		}
	})
}

func TestOtherMode(t *testing.T) {
	each(t, func(w *world) {
		w.event("product.created", `{"id":"prod_1","object":"product","name":"A","active":true}`)
		body := `{"id":"evt_live","object":"event","type":"product.updated","created":1,"livemode":true,"data":{"object":{"id":"prod_1","object":"product"}}}`
		if status := w.deliver(body); status != "ignored" {
			w.Fatal(status)
		}
		if a := w.want("GET /v1/events/evt_live", "", 200, "").json(w); a["livemode"] != true || a["status"] != "ignored" {
			w.Error(a)
		}
		if got := len(w.want("GET /v1/events", "", 200, "").json(w)["data"].([]any)); got != 2 {
			w.Error(got)
		}
		w.want("POST /v1/events/evt_live/replay", "", 409, "other_mode")
	})
}

// TestInternal wants nothing of what went wrong inside to be told outside.
func TestInternal(t *testing.T) {
	each(t, func(w *world) {
		w.want("PUT /v1/tenants/acme", "", 201, "")
		if _, err := w.s.Writer().Exec(`UPDATE tenants SET metadata = '{"secret'`); err != nil {
			w.Fatal(err)
		}
		a := w.want("GET /v1/tenants/acme", "", 500, "internal")
		if strings.Contains(string(a.body), "metadata") || !strings.Contains(w.log.String(), "metadata of tenant acme") {
			w.Errorf("told: %s\nlogged: %s", a.body, w.log)
		}
		if _, err := w.s.Writer().Exec(`ALTER TABLE credit_notes RENAME TO elsewhere`); err != nil {
			w.Fatal(err)
		}
		w.want("PUT /v1/tenants/acme", `{"metadata":null,"stripe_customer_id":"cus_1"}`, 200, "")
		w.event("invoice.created", `{"id":"in_1","object":"invoice","customer":"cus_1","status":"open","currency":"usd","created":1}`)
		a = w.want("GET /v1/invoices/in_1", "", 500, "internal")
		if strings.Contains(string(a.body), "credit_notes") || !strings.Contains(w.log.String(), "credit_notes") {
			w.Errorf("told: %s\nlogged: %s", a.body, w.log)
		}
	})
}

func TestPanic(t *testing.T) {
	w := newSQLiteWorld(t, func(c *api.Config) {
		c.Metrics = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a secret") })
	})
	a := w.want("GET /metrics", "", 500, "internal")
	if strings.Contains(string(a.body), "secret") || !strings.Contains(w.log.String(), "a secret") {
		t.Errorf("told: %s\nlogged: %s", a.body, w.log)
	}
	aborted := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	aborted.Header.Set("Authorization", "Bearer "+masterKey)
	w = newSQLiteWorld(t, func(c *api.Config) {
		c.Metrics = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	})
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Error("net/http did not get its panic back:", p)
		}
	}()
	w.api.ServeHTTP(httptest.NewRecorder(), aborted)
}

// TestModeOfAnotherProcess wants what another process stored to be found, whose first
// event decided the mode.
func TestModeOfAnotherProcess(t *testing.T) {
	each(t, func(w *world) {
		other, err := apply.New(context.Background(), w.s, apply.Policy{}, "", slog.New(slog.DiscardHandler))
		if err != nil {
			w.Fatal(err)
		}
		w.e = other
		w.deliver(`{"id":"evt_live","object":"event","type":"customer.created","created":1,"livemode":true,"data":{"object":{"id":"cus_1","object":"customer","created":1,"metadata":{"tenant":"acme"}}}}`)
		w.want("GET /v1/tenants/acme", "", 200, "")
	})
}
