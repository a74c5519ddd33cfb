package main

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// routesWalked is every request that the contract lists, in an order that makes sense,
// with the status and the fields of the answer, of a list's first row.
var routesWalked = []struct {
	request, body string
	status        int
	fields        string
}{
	{"GET /v1/plans", "", 200, "id,name,features,prices"},
	{"PUT /v1/tenants/{tenant}", `{"name":"Acme","metadata":{"a":"b"}}`, 200, tenantFields},
	{"GET /v1/tenants/{tenant}", "", 200, tenantFields},
	{"GET /v1/tenants?plan=free&status=canceled&q=acme", "", 200, tenantFields},
	{"GET /v1/tenants/{tenant}/subscription", "", 200, subscriptionFields},
	{"GET /v1/tenants/{tenant}/subscriptions", "", 200, subscriptionFields},
	{"GET /v1/tenants/{tenant}/entitlements", "", 200, entitlementFields},
	{"GET /v1/tenants/nobody/entitlements?default=true", "", 200, entitlementFields},
	{"GET /v1/tenants/{tenant}/payment-methods", "", 200, "id,type,brand,last4,exp_month,exp_year,default"},
	{"GET /v1/tenants/{tenant}/invoices", "", 200, invoiceFields},
	{"GET /v1/invoices/{id}", "", 200, invoiceFields},
	{"GET /v1/invoices/{id}/pdf", "", 200, ""},
	{"GET /v1/invoices/{id}/xml", "", 200, ""},
	{"GET /v1/credit-notes/{id}/pdf", "", 200, ""},
	{"GET /v1/tenants/{tenant}/payments", "", 200, "id,type,status,amount,currency,invoice,charge,payment_intent,created_at"},
	{"GET /v1/tenants/{tenant}/notifications", "", 200, "id,kind,key,to,subject,status,created_at,sent_at"},
	{"GET /v1/tenants/{tenant}/timeline", "", 200, "at,what,from,to,why,event,actor"},
	{"GET /v1/unlinked-customers", "", 200, ""},
	{"GET /v1/events?type=customer.created&status=applied&tenant=acme&since=2020-01-01T00:00:00Z", "", 200, eventFields},
	{"GET /v1/events/{id}", "", 200, eventFields + ",payload,changes"},
	{"POST /v1/events/{id}/replay", "", 200, eventFields},
	{"GET /v1/webhook-endpoints", "", 200, "name,url,events,status,pending,last_sent_at,failing_since,disabled_at,reason"},
	{"GET /v1/webhook-endpoints/{endpoint}/deliveries", "", 200, "id,type,tenant,status,attempts,reason,created_at,next_attempt_at,sent_at,payload"},
	{"POST /v1/webhook-endpoints/{endpoint}/enable", "", 200, "name,status"},
	{"POST /v1/webhook-endpoints/{endpoint}/replay", `{"status":"failed"}`, 200, "replayed"},
	{"GET /v1/stats", "", 200, "mrr"},
	{"POST /v1/checkout-sessions", `{"tenant":"acme","plan":"pro","interval":"month","success_url":"https://app.example/ok","cancel_url":"https://app.example/no"}`, 200, "id,url,expires_at"},
	{"POST /v1/checkout-sessions", `{"tenant":"beta","plan":"pro","interval":"month","success_url":"https://app.example/ok","cancel_url":"https://app.example/no"}`, 409, "code"},
	{"POST /v1/portal-sessions", `{"tenant":"acme","return_url":"https://app.example"}`, 200, "url"},
	{"POST /v1/tenants/beta/subscription/change", `{"plan":"basic"}`, 200, subscriptionFields},
	{"POST /v1/tenants/beta/subscription/cancel", `{}`, 200, subscriptionFields},
	{"POST /v1/tenants/beta/subscription/resume", `{}`, 200, subscriptionFields},
	{"POST /v1/tenants/beta/subscription/resume", `{}`, 409, "code"},
	{"POST /v1/tenants/{tenant}/sync", "", 200, ""},
	{"GET /healthz", "", 200, ""},
	{"GET /readyz", "", 200, ""},
	{"GET /openapi.json", "", 200, "openapi"},
	{"GET /docs", "", 200, ""},
	{"GET /metrics", "", 200, ""},
	{"DELETE /v1/tenants/beta", "", 409, "code"},
	{"PUT /v1/tenants/gone", `{}`, 201, tenantFields},
	{"DELETE /v1/tenants/gone", "", 204, ""},
}

const (
	tenantFields       = "id,name,email,stripe_name,stripe_email,stripe_customer_id,stripe_customers,plan,status,payment_method,metadata,created_at,updated_at"
	entitlementFields  = "plan,status,access,features,quantity,valid_until"
	eventFields        = "id,type,status,tenant,object,livemode,account,api_version,created,received_at,applied_at,deliveries,attempts,error"
	invoiceFields      = "id,number,tenant,subscription,status,stripe_status,billing_reason,currency,subtotal,discount,tax,total,amount_paid,amount_due,amount_refunded,notes,lines,issued_at,due_date,paid_at,voided_at,attempt_count,next_payment_attempt,hosted_invoice_url,invoice_pdf,credit_notes"
	subscriptionFields = "id,tenant,plan,status,stripe_status,status_reason,access,stripe_price,quantity,current_period_start,current_period_end,trial_ends_at,ends_at,ended_at,scheduled_plan,scheduled_change_at,items,collection_paused"
)

// ask sends a request with the key.
func (w *walk) ask(request, body string) (int, []byte) {
	w.Helper()
	method, path, _ := strings.Cut(request, " ")
	r, err := http.NewRequestWithContext(w.Context(), method, w.served.url+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer bk_walk")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatal(err)
	}
	return resp.StatusCode, text
}

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

// routeOf is a request as the description has it: without its query, and with one name
// for whatever stands for an id.
func routeOf(request string) string {
	request, _, _ = strings.Cut(request, "?")
	for _, tenant := range []string{"/tenants/beta", "/tenants/gone", "/tenants/nobody"} {
		request = strings.Replace(request, tenant, "/tenants/{}", 1)
	}
	return placeholder.ReplaceAllString(request, "{}")
}

// walkRoutes calls every route.
func walkRoutes(t *testing.T, w *walk) {
	walked := map[string]bool{}
	for _, r := range routesWalked {
		walked[routeOf(r.request)] = true
		id := "event"
		if strings.Contains(r.request, "/invoices/") {
			id = "invoice"
		} else if strings.Contains(r.request, "/credit-notes/") {
			id = "note"
		}
		status, body := w.ask(w.fill(strings.ReplaceAll(r.request, "{id}", "{"+id+"}")), r.body)
		if status != r.status {
			t.Errorf("%s: %d, want %d: %s", r.request, status, r.status, body)
			continue
		}
		for _, field := range lacking(body, r.fields) {
			t.Errorf("%s: the answer has no %s: %s", r.request, field, body)
		}
	}
	var described struct{ Paths map[string]map[string]any }
	if _, body := w.ask("GET /openapi.json", ""); json.Unmarshal(body, &described) != nil || len(described.Paths) == 0 {
		t.Fatalf("%s", body)
	}
	for path, methods := range described.Paths {
		for method := range methods {
			if route := routeOf(strings.ToUpper(method) + " " + path); !walked[route] {
				t.Errorf("%s is not called", route)
			}
		}
	}
	t.Run("as the contract has them", func(t *testing.T) {
		for _, row := range contractRows(t, "4") {
			for _, name := range row.names {
				for _, route := range contractRoutes(name) {
					if !walked[routeOf(route)] {
						t.Errorf("%s is not called", route)
					}
				}
			}
		}
	})
}

// lacking are those of the fields that an object, or a list's first row, has not.
func lacking(body []byte, fields string) (missing []string) {
	var answer map[string]json.RawMessage
	if fields == "" {
		return nil
	}
	if json.Unmarshal(body, &answer) != nil {
		return []string{"fields"}
	}
	if _, list := answer["next_cursor"]; list || len(answer) == 1 && answer["data"] != nil {
		var rows []map[string]json.RawMessage
		if json.Unmarshal(answer["data"], &rows) != nil || len(rows) == 0 {
			return []string{"rows"}
		}
		answer = rows[0]
	}
	for field := range strings.SplitSeq(fields, ",") {
		if _, ok := answer[field]; !ok {
			missing = append(missing, field)
		}
	}
	return missing
}

var contractRequest = regexp.MustCompile(`^(?:(GET|PUT|POST|DELETE) )?(/[^ ?]*)`)

// contractRoutes are the requests that a cell names: their bodies stand behind them,
// and /a/{b,c} is two of them.
func contractRoutes(name string) []string {
	found := contractRequest.FindStringSubmatch(name)
	if found == nil {
		return nil // a body of its own
	}
	method, path := found[1], found[2]
	if method == "" {
		method = http.MethodGet
	}
	before, rest, several := strings.Cut(path, "{")
	for several && !strings.Contains(strings.SplitN(rest, "}", 2)[0], ",") { // {tenant}
		inner, after, _ := strings.Cut(rest, "}")
		head := before + "{" + inner + "}"
		before, rest, several = strings.Cut(after, "{")
		before = head + before
	}
	if !several {
		return []string{method + " " + path}
	}
	inner, after, _ := strings.Cut(rest, "}")
	routes := []string{}
	for one := range strings.SplitSeq(inner, ",") {
		routes = append(routes, method+" "+before+one+after)
	}
	return slices.Clip(routes)
}
