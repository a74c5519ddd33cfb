package stripetest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// browse follows no redirect.
func browse(t *testing.T, method, address string, form url.Values) (status int, location, body string) {
	t.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header.Get("Location"), string(text)
}

// TestClickThrough is a buyer who pays on Checkout's page, cancels in the
// portal, changes their mind and pays an open invoice.
func TestClickThrough(t *testing.T) {
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	defer server.Close()
	a := New(t, func(c *Config) { c.PublicURL = server.URL }).Calm()
	handler = a
	s := &story{acct: a}
	s.catalog()
	session := must(a.Post("/v1/checkout/sessions", Form{
		"mode": "subscription", "line_items[0][price]": "price_pro_monthly",
		"success_url": "https://app.example/welcome?s={CHECKOUT_SESSION_ID}", "customer_email": "<b>@example.com",
	}))(t)
	if status, _, body := browse(t, "GET", session.Str("url"), nil); status != 200 || !strings.Contains(body, "Pro: $29.00") {
		t.Fatalf("%d %s", status, body)
	}
	if status, _, body := browse(t, "POST", session.Str("url"), url.Values{"card": {"pm_card_chargeDeclined"}}); status != 402 || !strings.Contains(body, "Your card was declined.") {
		t.Errorf("a declined card: %d %s", status, body)
	}
	status, location, _ := browse(t, "POST", session.Str("url"), url.Values{"card": {"pm_card_visa"}})
	if status != 303 || location != "https://app.example/welcome?s="+session.ID() {
		t.Errorf("%d to %s", status, location)
	}
	session = must(a.Get("/v1/checkout/sessions/"+session.ID(), nil))(t)
	sub, customer := session.Str("subscription"), session.Str("customer")
	portal := must(a.Post("/v1/billing_portal/sessions", Form{"customer": customer, "return_url": "https://app.example"}))(t)
	browse(t, "POST", portal.Str("url"), url.Values{"subscription": {sub}, "action": {"cancel"}})
	if got := must(a.Get("/v1/subscriptions/"+sub, nil))(t); got["cancel_at"] == nil {
		t.Error("the portal did not cancel")
	}
	browse(t, "POST", portal.Str("url"), url.Values{"subscription": {sub}, "action": {"resume"}})
	if got := must(a.Get("/v1/subscriptions/"+sub, nil))(t); got["cancel_at"] != nil {
		t.Errorf("resumed, but cancel_at is %v", got["cancel_at"])
	}
	other := must(a.Post("/v1/customers", nil))(t)
	theirs := must(a.Post("/v1/billing_portal/sessions", Form{"customer": other.ID()}))(t)
	browse(t, "POST", theirs.Str("url"), url.Values{"subscription": {sub}, "action": {"cancel"}})
	if got := must(a.Get("/v1/subscriptions/"+sub, nil))(t); got["cancel_at"] != nil {
		t.Error("one customer's portal canceled another's subscription")
	}

	s.result = Result{Customer: customer, Subscription: sub}
	s.useCard("pm_card_chargeCustomerFail")
	a.Advance(31*24*time.Hour + 2*time.Hour)
	invoice := must(a.Get("/v1/invoices/"+s.openInvoice(), nil))(t)
	if status, _, body := browse(t, "GET", invoice.Str("hosted_invoice_url"), nil); status != 200 || !strings.Contains(body, invoice.Str("number")) {
		t.Errorf("%d %s", status, body)
	}
	browse(t, "POST", invoice.Str("hosted_invoice_url"), url.Values{"card": {"pm_card_mastercard"}})
	if got := must(a.Get("/v1/invoices/"+invoice.ID(), nil))(t).Str("status"); got != "paid" {
		t.Errorf("the invoice is %s", got)
	}
	if status, _, _ := browse(t, "GET", server.URL+"/c/pay/cs_none", nil); status != 404 {
		t.Errorf("a session that is none: %d", status)
	}
}
