package bursar_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

const appSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"

// listener is an app that Bursar's webhooks go to.
type listener struct {
	*httptest.Server
	mu     sync.Mutex
	events []map[string]any
}

func newListener(t *testing.T) *listener {
	t.Helper()
	wh, err := standardwebhooks.NewWebhook(appSecret)
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var e map[string]any
		if err == nil {
			err = json.Unmarshal(body, &e)
		}
		if err == nil {
			err = wh.Verify(body, r.Header)
		}
		if err != nil || e["id"] != r.Header.Get("webhook-id") {
			t.Errorf("%v: %s %v", err, body, r.Header)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.events = append(l.events, e)
	}))
	t.Cleanup(l.Close)
	return l
}

func (l *listener) types() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for _, e := range l.events {
		out = append(out, fmt.Sprint(e["type"]))
	}
	return strings.Join(out, " ")
}

// TestOutbound: the app is told of what Stripe's events changed; replayed, it is told
// again under the same id; where it may not be told, its endpoint says why.
func TestOutbound(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		app, books := newListener(t), newListener(t)
		d := openDesk(t, url, bursar.Config{
			NoticeMaxAge: -1, OutboundAllowPrivate: true, Outbound: []bursar.OutboundEndpoint{
				{Name: "app", URL: app.URL + "/hooks?token=hidden", Secrets: []string{appSecret}},
				{Name: "books", URL: books.URL, Secrets: []string{appSecret}, Events: []string{"invoice.*"}},
			},
		})
		d.run()
		d.story(1, customerOf(1),
			told{typ: "customer.subscription.created", object: fmt.Sprintf(subN, "active", 0, "price_pro")},
			told{typ: "invoice.paid", object: fmt.Sprintf(invoiceN, "paid", 2900, 1)})
		const want = "tenant.linked subscription.activated entitlements.changed invoice.issued"
		eventually(t, time.Minute, "the app is told", func() bool { return app.types() == want && books.types() == "invoice.issued" })

		var deliveries []map[string]any
		eventually(t, time.Minute, "the delivery is marked as sent", func() bool { // which comes after it has arrived
			deliveries = d.list("/v1/webhook-endpoints/books/deliveries?tenant=t1")
			return len(deliveries) == 1 && deliveries[0]["status"] == "sent"
		})
		if deliveries[0]["type"] != "invoice.issued" {
			t.Fatalf("%v", deliveries)
		}
		call := func(path, body, want string) {
			t.Helper()
			r := d.request(http.MethodPost, path, strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+apiKey)
			if a := d.do(r); fmt.Sprintf("%d %s", a.status, a.code()) != want && fmt.Sprintf("%d %s", a.status, bytes.TrimSpace(a.body)) != want {
				t.Errorf("%s %s: %d %s, want %s", path, body, a.status, a.body, want)
			}
		}
		call("/v1/webhook-endpoints/books/replay", fmt.Sprintf(`{"id":%q}`, deliveries[0]["id"]), `200 {"replayed":1}`)
		eventually(t, time.Minute, "it is told again", func() bool { return books.types() == "invoice.issued invoice.issued" })
		if books.events[0]["id"] != books.events[1]["id"] || books.events[0]["id"] != app.events[3]["id"] {
			t.Error("a message has several ids")
		}
		call("/v1/webhook-endpoints/books/replay", `{}`, "422 invalid_parameter")
		call("/v1/webhook-endpoints/books/replay", `{"id":"msg_none"}`, "404 settled_delivery_not_found")
		call("/v1/webhook-endpoints/none/replay", `{"status":"sent"}`, "404 webhook_endpoint_not_found")
		call("/v1/webhook-endpoints/none/enable", ``, "404 webhook_endpoint_not_found")
		call("/v1/webhook-endpoints/books/replay", `{"since":"2999-01-01T00:00:00Z"}`, `200 {"replayed":0}`)

		endpoints := d.list("/v1/webhook-endpoints")
		if len(endpoints) != 2 || endpoints[0]["status"] != "enabled" || endpoints[0]["url"] != app.URL+"/hooks" || endpoints[1]["name"] != "books" {
			t.Errorf("%v", endpoints)
		}
	})
}

// TestOutboundRefusesPrivate: unless it is allowed, nothing is sent to this machine,
// and the endpoint says so.
func TestOutboundRefusesPrivate(t *testing.T) {
	app := newListener(t)
	d := openDesk(t, storetest.MigratedSQLite(t), bursar.Config{Outbound: []bursar.OutboundEndpoint{{Name: "app", URL: app.URL, Secrets: []string{appSecret}}}})
	d.run()
	d.story(1, customerOf(1))
	eventually(t, time.Minute, "it fails", func() bool {
		e := d.list("/v1/webhook-endpoints")[0]
		return e["status"] == "failing" && strings.Contains(fmt.Sprint(e["reason"]), "BURSAR_OUTBOUND_ALLOW_PRIVATE")
	})
	if app.types() != "" {
		t.Error("it was sent to")
	}
}

// TestEInvoice: the XML is there where the seller's settings and the invoice make it
// possible, within the document, too; else the answer says what is missing.
func TestEInvoice(t *testing.T) {
	const full = `{"id":"in_N","object":"invoice","customer":"cus_N","number":"NO-N","status":"open","currency":"eur","amount_due":1190,"total":1190,"subtotal":1000,"tax":190,
		"created":1790000000,"customer_name":"Buyer","customer_address":{"line1":"Weg 1","city":"Bonn","postal_code":"53111","country":"DE"},
		"total_tax_amounts":[{"amount":190,"inclusive":false,"taxable_amount":1000,"tax_rate":{"id":"txr_1","display_name":"VAT","percentage":19}}],
		"lines":{"data":[{"id":"il_N","amount":1000,"quantity":1,"description":"Pro","tax_amounts":[{"amount":190,"inclusive":false,"taxable_amount":1000,"tax_rate":{"id":"txr_1","display_name":"VAT","percentage":19}}]}]}}`
	storetest.EachURL(t, func(t *testing.T, url string) {
		seller := bursar.Seller{
			Name: "Seller GmbH", Address: bursar.SellerAddress{Line1: "Allee 2", City: "Berlin", PostalCode: "10115", Country: "DE"},
			TaxIDs: []bursar.SellerTaxID{{Type: "eu_vat", Value: "DE123456789"}},
		}
		d := openDesk(t, url, bursar.Config{NoticeMaxAge: -1, Seller: seller})
		d.story(1, customerOf(1), told{typ: "invoice.finalized", object: full})
		d.story(2, customerOf(2), told{typ: "invoice.finalized", object: fmt.Sprintf(invoiceN, "open", 0, 0)})
		d.story(3, customerOf(3), told{typ: "invoice.created", object: fmt.Sprintf(invoiceN, "draft", 0, 0)})
		a := d.get("/v1/invoices/in_1/xml")
		if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/xml" || !bytes.Contains(a.body, []byte("<ram:GrandTotalAmount>11.90</ram:GrandTotalAmount>")) {
			t.Fatalf("%d %s %s", a.status, a.header, a.body)
		}
		if again := d.get("/v1/invoices/in_1/xml"); !bytes.Equal(again.body, a.body) {
			t.Error("another time, other bytes")
		}
		if a := d.get("/v1/invoices/in_1/pdf"); a.status != http.StatusOK || !bytes.Contains(a.body, []byte("factur-x.xml")) {
			t.Errorf("the document does not carry it: %d", a.status)
		}
		if a := d.get("/v1/invoices/in_2/pdf"); a.status != http.StatusOK || bytes.Contains(a.body, []byte("factur-x.xml")) {
			t.Errorf("a document without one: %d", a.status)
		}
		for path, want := range map[string]string{
			"/v1/invoices/in_2/xml":    "404 e_invoice_not_possible the buyer has no name",
			"/v1/invoices/in_3/xml":    "409 no_document invoice in_3 is a draft",
			"/v1/invoices/in_none/xml": "404 invoice_not_found There is no invoice",
		} {
			a := d.get(path)
			var p struct{ Detail string }
			if err := json.Unmarshal(a.body, &p); err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprintf("%d %s %s", a.status, a.code(), p.Detail); !strings.HasPrefix(got, want) && !strings.Contains(got, strings.TrimPrefix(want, "404 e_invoice_not_possible ")) {
				t.Errorf("%s: %s, want %s", path, got, want)
			}
		}
		if a := d.get("/openapi.json"); !bytes.Contains(a.body, []byte(`"/v1/invoices/{id}/xml"`)) || !bytes.Contains(a.body, []byte("application/xml")) {
			t.Error("it is not described")
		}
	})
}

// TestOutboundGone: an endpoint that wants no more is told of to the operator, once.
func TestOutboundGone(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		gone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }))
		defer gone.Close()
		box := openPostbox(t)
		d := openDesk(t, url, bursar.Config{
			NoticeMaxAge: -1, SMTPURL: box.url(), MailFrom: "billing@bursar.example", OperatorEmail: "ops@bursar.example",
			OutboundAllowPrivate: true, Outbound: []bursar.OutboundEndpoint{{Name: "crm", URL: gone.URL, Secrets: []string{appSecret}}},
		})
		d.run()
		for n := range 3 {
			d.post(subscriptionEvent(eventID(n), n, time.Now()))
		}
		eventually(t, time.Minute, "the operator is told", func() bool { return len(box.all()) > 0 })
		l := box.all()[0]
		if l.to != "ops@bursar.example" || !strings.Contains(l.header.Get("Subject"), "crm gets no more webhooks") || !strings.Contains(l.body, "410") {
			t.Errorf("to %s: %s\n%s", l.to, l.header.Get("Subject"), l.body)
		}
		s := openStore(t, url)
		if n := count(t, s, `SELECT COUNT(*) FROM effects WHERE name = 'outbound_disabled'`); n != 1 {
			t.Errorf("%d notices", n)
		}
	})
}
