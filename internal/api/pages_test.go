package api_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// walk reads a list to its end, a few rows at a time, and returns the rows' names.
// between is called after each part.
func (w *world) walk(path string, limit int, name string, between func()) []string {
	w.Helper()
	var names []string
	for cursor, parts := "", 0; ; parts++ {
		if parts > 100 {
			w.Fatal("the list does not end:", names)
		}
		sign := "?"
		if strings.Contains(path, "?") {
			sign = "&"
		}
		part := w.want(fmt.Sprintf("GET %s%slimit=%d%s", path, sign, limit, cursor), "", 200, "").json(w)
		for _, row := range part["data"].([]any) {
			names = append(names, fmt.Sprint(row.(obj)[name]))
		}
		if len(part["data"].([]any)) > limit {
			w.Errorf("%s: %d rows, asked for %d", path, len(part["data"].([]any)), limit)
		}
		next, more := part["next_cursor"].(string)
		if !more {
			return names
		}
		cursor = "&cursor=" + url.QueryEscape(next)
		if between != nil {
			between()
		}
	}
}

// lists are all lists that come in parts, with something that adds a row to each: n
// counts up. What is added comes first, except where the row itself says when it was
// made; those are all of one second.
var lists = []struct {
	path, name string
	add        func(w *world, n int) string
}{
	{"/v1/tenants", "id", func(w *world, n int) string {
		id := fmt.Sprintf("t_%03d", n)
		w.want("PUT /v1/tenants/"+id, "", 201, "")
		return id
	}},
	{"/v1/tenants?plan=free&status=none&q=T_", "id", func(w *world, n int) string {
		id := fmt.Sprintf("t_%03d", n)
		w.want("PUT /v1/tenants/"+id, "", 201, "")
		return id
	}},
	{"/v1/unlinked-customers", "id", func(w *world, n int) string {
		id := fmt.Sprintf("cus_%03d", n)
		w.event("customer.created", fmt.Sprintf(`{"id":%q,"object":"customer","created":1}`, id))
		return id
	}},
	{"/v1/tenants/acme/subscriptions", "id", func(w *world, n int) string {
		id := fmt.Sprintf("sub_%03d", n)
		w.event("customer.subscription.created", fmt.Sprintf(`{"id":%q,"object":"subscription","customer":"cus_1","status":"active","created":%d,"items":{"data":[]}}`, id, w.clock.now().Unix()))
		return id
	}},
	{"/v1/tenants/acme/invoices", "id", func(w *world, n int) string {
		id := fmt.Sprintf("in_%03d", n)
		w.event("invoice.created", fmt.Sprintf(`{"id":%q,"object":"invoice","customer":"cus_1","status":"open","currency":"usd","created":%d}`, id, w.clock.now().Unix()))
		return id
	}},
	{"/v1/tenants/acme/payments", "id", func(w *world, n int) string {
		id := fmt.Sprintf("ch_%03d", n)
		w.event("charge.succeeded", fmt.Sprintf(`{"id":%q,"object":"charge","customer":"cus_1","status":"succeeded","currency":"usd","amount":1,"created":%d}`, id, w.clock.now().Unix()))
		return id
	}},
	{"/v1/tenants/acme/payment-methods", "id", func(w *world, n int) string {
		id := fmt.Sprintf("pm_%03d", n)
		w.event("payment_method.attached", fmt.Sprintf(`{"id":%q,"object":"payment_method","customer":"cus_1","type":"card","created":%d}`, id, w.clock.now().Unix()))
		return id
	}},
	{"/v1/tenants/acme/notifications", "key", func(w *world, n int) string {
		w.event("invoice.payment_failed", fmt.Sprintf(`{"id":"in_1","object":"invoice","customer":"cus_1","status":"open","currency":"usd","created":1,"attempt_count":%d}`, n))
		return fmt.Sprintf("payment_failed:in_1:%d", n)
	}},
	{"/v1/tenants/acme/timeline", "to", func(w *world, n int) string {
		id := fmt.Sprintf("cus_%03d", n)
		w.event("customer.created", fmt.Sprintf(`{"id":%q,"object":"customer","created":1,"metadata":{"tenant":"acme"}}`, id))
		return id
	}},
	{"/v1/events", "id", func(w *world, _ int) string {
		w.event("plan.created", `{"id":"plan_1","object":"plan"}`)
		return fmt.Sprintf("evt_%04d", w.n)
	}},
	{"/v1/events?type=plan.created&status=ignored&since=2026-03-01T12:00:00Z", "id", func(w *world, _ int) string {
		w.event("plan.created", `{"id":"plan_1","object":"plan"}`)
		return fmt.Sprintf("evt_%04d", w.n)
	}},
	{"/v1/events?status=parked", "id", func(w *world, n int) string {
		w.event("customer.created", fmt.Sprintf(`{"id":"cus_%03d","object":"customer","created":1}`, n))
		return fmt.Sprintf("evt_%04d", w.n)
	}},
	{"/v1/events?tenant=acme", "id", func(w *world, n int) string {
		w.event("customer.updated", fmt.Sprintf(`{"id":"cus_1","object":"customer","created":1,"name":"%d"}`, n))
		return fmt.Sprintf("evt_%04d", w.n)
	}},
}

// TestPages walks every list while rows are added to it: each row that was there when
// the walk began comes once, the newest first.
func TestPages(t *testing.T) {
	for _, l := range lists {
		t.Run(strings.ReplaceAll(strings.TrimPrefix(l.path, "/v1/"), "/", " "), func(t *testing.T) {
			each(t, func(w *world) {
				if !strings.HasPrefix(l.path, "/v1/tenants?") && l.path != "/v1/tenants" {
					w.want("PUT /v1/tenants/acme", `{"stripe_customer_id":"cus_1"}`, 201, "")
				}
				before := w.walk(l.path, 100, l.name, nil)
				n := 100
				var want []string
				add := func() string {
					n++
					if n%4 == 0 { // most are made at once: then the id decides
						w.clock.advance(time.Second)
					}
					return l.add(w, n)
				}
				for range 10 {
					want = append(want, add())
				}
				slices.Reverse(want)
				want = append(want, before...)
				var added []string
				got := w.walk(l.path, 3, l.name, func() { added = append(added, add()) })
				if !slices.Equal(got, want) {
					w.Errorf("got  %v\nwant %v", got, want)
				}
				slices.Reverse(added)
				if all := w.walk(l.path, 100, l.name, nil); !slices.Equal(all, append(added, want...)) {
					w.Errorf("got  %v\nwant %v", all, append(added, want...))
				}
				// A part that ends with the list says so.
				if all := w.walk(l.path, len(want)+len(added), l.name, func() { w.Error("there is more than there is") }); len(all) != len(want)+len(added) {
					w.Error(len(all))
				}
			})
		})
	}
	w := newSQLiteWorld(t)
	if got := w.walk("/v1/plans", 1, "id", nil); !slices.Equal(got, []string{"free", "pro"}) {
		t.Error(got)
	}
}

// TestPagesOfDefaults wants 20 rows where nothing is said.
func TestPagesOfDefaults(t *testing.T) {
	w := newSQLiteWorld(t)
	for range 21 {
		w.event("plan.created", `{"id":"plan_1","object":"plan"}`)
	}
	if got := len(w.call("GET /v1/events", "").json(t)["data"].([]any)); got != 20 {
		t.Error(got)
	}
}

func TestSearch(t *testing.T) {
	each(t, func(w *world) {
		w.want("PUT /v1/tenants/acme", `{"name":"Ärger & Söhne","email":"Owner@Acme.example"}`, 201, "")
		w.clock.advance(time.Second)
		w.want("PUT /v1/tenants/a_b", `{"name":"100% \\ more"}`, 201, "")
		w.clock.advance(time.Second)
		w.want("PUT /v1/tenants/axb", `{"stripe_customer_id":"cus_Zed"}`, 201, "")
		w.event("customer.created", `{"id":"cus_Zed","object":"customer","created":1,"name":"Grace Hopper","email":"grace@navy.example"}`)
		for q, want := range map[string]string{
			"acme": "acme", "ACME": "acme", "a_b": "a_b", "%": "a_b", `\`: "a_b", "owner@": "acme", "söhne": "acme", "Ärger": "acme",
			"hopper": "axb", "NAVY": "axb", "zed": "axb", "nobody": "", "a": "axb,a_b,acme", "'": "",
		} {
			if got := strings.Join(w.walk("/v1/tenants?q="+url.QueryEscape(q), 100, "id", nil), ","); got != want {
				w.Errorf("q=%s: got %q, want %q", q, got, want)
			}
		}
		// Names and addresses are the app's, else Stripe's.
		if a := w.call("GET /v1/tenants/axb", "").json(w); a["name"] != "Grace Hopper" || a["email"] != "grace@navy.example" {
			w.Error(a)
		}
		w.want("PUT /v1/tenants/axb", `{"name":"Navy"}`, 200, "")
		if a := w.call("GET /v1/tenants/axb", "").json(w); a["name"] != "Navy" || a["stripe_name"] != "Grace Hopper" {
			w.Error(a)
		}
	})
}
