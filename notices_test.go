package bursar_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/internal/store/storetest"
	"github.com/bursarhq/bursar/stripetest"
)

// told is an event of a story: its type, the object ("N" stands for the story's
// number, in ids) and what was before.
type told struct{ typ, object, previous string }

const (
	subN     = `{"id":"sub_N","object":"subscription","customer":"cus_N","status":"%s","trial_end":%d,"created":1790000000,"items":{"data":[{"id":"si_N","quantity":1,"price":{"id":"%s","currency":"usd","unit_amount":2900,"recurring":{"interval":"month","interval_count":1}}}]}}`
	invoiceN = `{"id":"in_N","object":"invoice","customer":"cus_N","number":"NO-N","status":"%s","billing_reason":"subscription_cycle","collection_method":"charge_automatically","currency":"usd","amount_due":2900,"amount_paid":%d,"total":2900,"subtotal":2900,"attempt_count":%d,"created":1790000000,"hosted_invoice_url":"https://invoice.example/N","subscription":"sub_N","lines":{"data":[{"id":"il_N","amount":2900,"quantity":1,"description":"Pro"}]}}`
	chargeN  = `{"id":"ch_N","object":"charge","customer":"cus_N","status":"succeeded","currency":"usd","amount":2900,"amount_captured":2900,"amount_refunded":%d,"refunded":false,"captured":true,"created":1790000000}`
)

// story posts events, each twice and once more as another Event object, the later
// ones created later.
func (d *desk) story(n int, events ...told) {
	d.Helper()
	number := fmt.Sprintf("%d", n)
	own := func(s string) string {
		return strings.NewReplacer("_N", "_"+number, "-N", "-"+number, "/N", "/"+number).Replace(s)
	}
	for i, e := range events {
		data := `"object":` + own(e.object)
		if e.previous != "" {
			data += `,"previous_attributes":` + e.previous
		}
		for _, id := range []string{"", "", "x"} {
			body := fmt.Sprintf(`{"id":"evt_%d_%d_%s%s","object":"event","api_version":"2024-06-20","created":%d,"livemode":false,"type":%q,"data":{%s}}`,
				n, i, strings.ReplaceAll(e.typ, ".", "_"), id, 1790000000+i, e.typ, data)
			if a := d.post([]byte(body)); a.status != http.StatusOK || a.code() == "failed" {
				d.Errorf("%s: %d %s", e.typ, a.status, a.body)
			}
		}
	}
}

func customerOf(n int) told {
	return told{typ: "customer.created", object: fmt.Sprintf(`{"id":"cus_N","object":"customer","name":"Owner","email":"owner@t%d.example","metadata":{"tenant":"t%d"},"created":1790000000}`, n, n)}
}

// keyOf is a letter's key as its Message-ID shows it.
func (l letter) keyOf() string {
	key, _, _ := strings.Cut(l.id, ".")
	return key
}

// TestNotices: every kind of notice goes out once, to whom it is for, under its key.
func TestNotices(t *testing.T) {
	const operator = "ops@bursar.example"
	trialEnd := time.Now().Add(72 * time.Hour).Unix()
	subscription := func(status, price string) string { return fmt.Sprintf(subN, status, trialEnd, price) }
	running := told{typ: "customer.subscription.created", object: subscription("active", "price_pro")}
	invoice := func(typ, status string, paid, attempt int) told {
		return told{typ: typ, object: fmt.Sprintf(invoiceN, status, paid, attempt)}
	}
	charge := told{typ: "charge.succeeded", object: fmt.Sprintf(chargeN, 0)}
	stories := []struct {
		events []told
		keys   []string // with the recipient where it is not the owner
	}{
		{[]told{running, invoice("invoice.payment_failed", "open", 0, 1)}, []string{"payment_failed-in_N-1"}},
		{[]told{running, invoice("invoice.payment_failed", "open", 0, 1), invoice("invoice.payment_failed", "open", 0, 2)}, []string{"payment_failed-in_N-1", "payment_failed-in_N-2"}},
		{[]told{running, invoice("invoice.payment_action_required", "open", 0, 1)}, []string{"payment_action_required-in_N-1"}},
		{[]told{running, invoice("invoice.paid", "paid", 2900, 1)}, []string{"invoice_receipt-in_N"}},
		{[]told{running, invoice("invoice.payment_failed", "open", 0, 3)}, []string{"payment_failed-in_N-3", "subscription_downgraded-sub_N-in_N"}},
		{[]told{running, {typ: "customer.subscription.deleted", object: subscription("canceled", "price_pro")}}, []string{"subscription_ended-sub_N"}},
		{[]told{{typ: "customer.subscription.trial_will_end", object: subscription("trialing", "price_pro")}}, []string{fmt.Sprintf("trial_ending-sub_N-%d", trialEnd)}},
		{[]told{
			charge,
			{typ: "charge.refunded", object: fmt.Sprintf(chargeN, 1000), previous: `{"amount_refunded":0}`},
			{typ: "charge.refunded", object: fmt.Sprintf(chargeN, 1500), previous: `{"amount_refunded":1000}`},
		}, []string{"refund_issued-ch_N-1000", "refund_issued-ch_N-1500"}},
		{
			[]told{charge, {typ: "charge.dispute.created", object: `{"id":"du_N","object":"dispute","charge":"ch_N","status":"needs_response","reason":"fraudulent","amount":2900,"currency":"usd","created":1790000000}`}},
			[]string{operator + " dispute_opened-du_N"},
		},
		{[]told{{typ: "customer.subscription.created", object: subscription("active", "price_x_N")}}, []string{operator + " price_unmapped-price_x_N"}},
		{[]told{{typ: "customer.updated", object: `{"id":"cus_N","object":"customer","metadata":{"tenant":"intruder"}}`}}, []string{operator + " tenant_conflict-cus_N-intruder"}},
	}
	storetest.EachURL(t, func(t *testing.T, url string) {
		box := openPostbox(t)
		d := openDesk(t, url, bursar.Config{SMTPURL: box.url(), MailFrom: "billing@bursar.example", OperatorEmail: operator, NoticeMaxAge: -1})
		d.run()
		want := map[string]int{}
		for i, s := range stories {
			n := i + 10
			d.story(n, append([]told{customerOf(n)}, s.events...)...)
			for _, key := range s.keys {
				key = strings.ReplaceAll(key, "_N", fmt.Sprintf("_%d", n))
				if !strings.Contains(key, " ") {
					key = fmt.Sprintf("owner@t%d.example %s", n, key)
				}
				want[key]++
			}
		}
		// Recovery: the failure was told before the payment is.
		d.story(8, customerOf(8), running, invoice("invoice.payment_failed", "open", 0, 1))
		eventually(t, time.Minute, "the failure is told", func() bool { return box.has("payment_failed-in_8-1") })
		d.story(8, customerOf(8), running, told{typ: "invoice.updated", object: `{"id":"in_N","object":"invoice","customer":"cus_N","status":"open"}`}, invoice("invoice.paid", "paid", 2900, 2))
		for _, key := range []string{"payment_failed-in_8-1", "payment_recovered-in_8", "invoice_receipt-in_8"} {
			want["owner@t8.example "+key]++
		}
		// The payment is learnt before its failure: both are history.
		paidFirst := []told{customerOf(9), running, invoice("invoice.payment_failed", "open", 0, 1), invoice("invoice.paid", "paid", 2900, 2)}
		paidFirst[2], paidFirst[3] = paidFirst[3], paidFirst[2]
		paidFirst[3].object = strings.Replace(paidFirst[3].object, `"number"`, `"description":"an earlier snapshot","number"`, 1)
		d.story(9, paidFirst...)
		want["owner@t9.example invoice_receipt-in_9"]++

		s := openStore(t, url)
		eventually(t, 2*time.Minute, "every notice is settled", func() bool {
			return count(t, s, `SELECT COUNT(*) FROM effects WHERE kind = 'notice' AND status IN ('pending', 'running')`) == 0
		})
		got := map[string]int{}
		for _, l := range box.all() {
			got[l.to+" "+l.keyOf()]++
			if l.header.Get("Subject") == "" || !strings.Contains(l.header.Get("From"), "billing@bursar.example") {
				t.Errorf("%s: %v", l.id, l.header)
			}
			if attached := strings.Count(l.body, "application/pdf"); strings.HasPrefix(l.id, "invoice_receipt") != (attached > 0) {
				t.Errorf("%s has %d documents", l.id, attached)
			}
		}
		for key, n := range got {
			if n != want[key] {
				t.Errorf("%s came %d times, want %d", key, n, want[key])
			}
		}
		for key := range want {
			if got[key] == 0 {
				t.Errorf("%s did not come", key)
			}
		}
		status := map[string]string{}
		for _, row := range d.list("/v1/tenants/t9/notifications") {
			status[fmt.Sprint(row["key"])] = fmt.Sprint(row["status"])
		}
		for key, want := range map[string]string{"payment_failed:in_9:1": "superseded", "payment_recovered:in_9": "superseded", "invoice_receipt:in_9": "sent"} {
			if status[key] != want {
				t.Errorf("%s is %s, want %s: %v", key, status[key], want, status)
			}
		}
	})
}

func (p *postbox) has(key string) bool {
	for _, l := range p.all() {
		if l.keyOf() == key {
			return true
		}
	}
	return false
}

// TestNoticesSkipped: what nobody could send when it was due is never sent.
func TestNoticesSkipped(t *testing.T) {
	failed := func(attempt int) told {
		return told{typ: "invoice.payment_failed", object: fmt.Sprintf(invoiceN, "open", 0, attempt)}
	}
	storetest.EachURL(t, func(t *testing.T, url string) {
		d := openDesk(t, url, bursar.Config{NoticeMaxAge: -1})
		stop := d.run()
		d.story(1, customerOf(1), failed(1))
		notices := func(d *desk) string {
			var lines []string
			for _, row := range d.list("/v1/tenants/t1/notifications") {
				lines = append(lines, fmt.Sprintf("%v %v", row["key"], row["status"]))
			}
			return strings.Join(lines, ", ")
		}
		if got := notices(d); got != "payment_failed:in_1:1 skipped" {
			t.Fatalf("without a mail server: %s", got)
		}
		stop()
		d.srv.Close()
		if err := d.b.Close(); err != nil {
			t.Fatal(err)
		}

		box := openPostbox(t)
		d = openDesk(t, url, bursar.Config{NoticeMaxAge: -1, SMTPURL: box.url(), MailFrom: "billing@bursar.example"})
		d.run()
		req := d.request(http.MethodPost, "/v1/events/evt_1_1_invoice_payment_failed/replay", nil)
		req.Header.Set("Authorization", "Bearer "+apiKey)
		if a := d.do(req); a.status != http.StatusOK {
			t.Errorf("replay: %d %s", a.status, a.body)
		}
		d.story(1, customerOf(1), failed(1), failed(2))
		eventually(t, time.Minute, "the second attempt is told", func() bool { return strings.Contains(notices(d), "payment_failed:in_1:2 sent") })
		if got := notices(d); got != "payment_failed:in_1:2 sent, payment_failed:in_1:1 skipped" {
			t.Errorf("with one: %s", got)
		}
		if all := box.all(); len(all) != 1 || all[0].keyOf() != "payment_failed-in_1-2" {
			t.Errorf("mails %v", all)
		}
	})
}

// TestDocuments: a document is made once and never changes, whatever comes later.
func TestDocuments(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		d := openDesk(t, url, bursar.Config{NoticeMaxAge: -1})
		d.run()
		acct := stripetest.New(t, stripetest.Seed(7)).Calm()
		acct.Deliver(d.srv.URL+"/webhooks/stripe", stripetest.EndpointConfig{Secret: secret})
		if _, err := acct.Play("credit-note", stripetest.Play{Tenant: "acme"}); err != nil {
			t.Fatal(err)
		}
		acct.Settle()
		invoices := d.list("/v1/tenants/acme/invoices")
		if len(invoices) != 1 {
			t.Fatalf("invoices %v", invoices)
		}
		id := fmt.Sprint(invoices[0]["id"])
		notes := acct.Events("credit_note.created")
		if len(notes) != 1 {
			t.Fatalf("%d credit notes", len(notes))
		}
		paths := []string{"/v1/invoices/" + id + "/pdf", "/v1/credit-notes/" + notes[0].Object.ID() + "/pdf"}
		var first [][]byte
		for _, path := range paths {
			a := d.get(path)
			if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/pdf" || !bytes.HasPrefix(a.body, []byte("%PDF-")) {
				t.Fatalf("%s: %d %.200s", path, a.status, a.body)
			}
			first = append(first, a.body)
		}
		// Everything about both changes.
		for i, e := range []stripetest.Event{acct.Events("invoice.paid")[0], notes[0]} {
			body := bytes.ReplaceAll(e.Payload, []byte(`"`+e.ID+`"`), fmt.Appendf(nil, `"evt_later%d"`, i))
			body = bytes.ReplaceAll(body, []byte(e.Type), []byte([]string{"invoice.updated", "credit_note.updated"}[i]))
			body = bytes.ReplaceAll(body, fmt.Appendf(nil, `"created":%d`, e.Created.Unix()), fmt.Appendf(nil, `"created":%d`, e.Created.Unix()+30*86400))
			body = bytes.ReplaceAll(body, []byte("Pro"), []byte("Something else"))
			body = bytes.ReplaceAll(body, []byte("usd"), []byte("eur"))
			if a := d.post(body); a.status != http.StatusOK || a.code() != "applied" {
				t.Errorf("%d %s", a.status, a.body)
			}
		}
		for i, path := range paths {
			if a := d.get(path); a.status != http.StatusOK || !bytes.Equal(a.body, first[i]) {
				t.Errorf("%s: %d, and other bytes than before", path, a.status)
			}
		}
		var now struct{ Currency string }
		if now.Currency = fmt.Sprint(d.list("/v1/tenants/acme/invoices")[0]["currency"]); now.Currency != "eur" {
			t.Errorf("the invoice itself did not change: %s", now.Currency)
		}
		d.story(5, customerOf(5), told{typ: "invoice.created", object: fmt.Sprintf(invoiceN, "draft", 0, 0)})
		for path, status := range map[string]int{
			"/v1/invoices/in_5/pdf": http.StatusConflict, "/v1/invoices/in_none/pdf": http.StatusNotFound,
			"/v1/credit-notes/cn_none/pdf": http.StatusNotFound,
		} {
			if a := d.get(path); a.status != status {
				t.Errorf("%s: %d %s, want %d", path, a.status, a.body, status)
			}
		}
	})
}
