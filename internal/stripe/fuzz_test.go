package stripe

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// readAll gives a value to every reader; readers return the texts that would be
// stored under a key.
func readAll(v Value) []string {
	s, i, c := ReadSubscription(v), ReadInvoice(v), ReadCustomer(v)
	keys := []string{
		s.ID, s.Customer, s.LatestInvoice, s.Schedule, s.DefaultPaymentMethod, i.ID, i.Customer, i.Subscription, i.Charge, i.PaymentIntent, c.ID, c.DefaultPaymentMethod,
		ReadInvoicePayment(v).Invoice, ReadCharge(v).PaymentMethod, ReadRefund(v).Customer, ReadDispute(v).Charge, ReadCreditNote(v).Invoice,
		ReadPaymentMethod(v).Customer, ReadCheckoutSession(v).PaymentLink, ReadSchedule(v).Subscription, ReadProduct(v).ID, ReadPrice(v).Product,
		ReadEntitlementSummary(v).Customer, ReadPaymentIntent(v).LatestCharge,
	}
	for _, item := range s.Items {
		keys = append(keys, item.ID, item.Price, item.Product)
	}
	return append(keys, ReadCreditNote(v).Refunds...)
}

// readDeep gives every value inside v to every reader.
func readDeep(t *testing.T, v Value) {
	for _, key := range readAll(v) {
		if len(key) > maxID || !utf8.ValidString(key) || strings.ContainsRune(key, 0) {
			t.Errorf("a key that cannot be stored: %q", key)
		}
	}
	for e := range v.All() {
		readDeep(t, e)
	}
	for _, e := range v.Members() {
		readDeep(t, e)
	}
}

// Readers never panic, whatever the JSON.
func FuzzReaders(f *testing.F) {
	for _, shape := range []string{
		invoiceOld, invoiceNew, invoiceHybrid, `{"items":{"data":[{},[],null,5,"x",{"price":{"recurring":[]}}]}}`, `{"items":[[]],"plan":[],"lines":{"data":{}}}`,
		`{"type":"card","card":{"brand":{}},"object":"card","refunds":{"data":[[]]},"charges":[null],"phases":[{"items":[[]]}],"entitlements":[{"lookup_key":[]}]}`, `[]`, `null`, `"x"`,
	} {
		f.Add([]byte(shape))
	}
	f.Add(sampleEvent(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 20_000 {
			return // the walk is quadratic in depth
		}
		v, err := Parse(b)
		if err != nil {
			return
		}
		readDeep(t, v)
	})
}

// An envelope that passes can be stored: its keys are short, clean texts.
func FuzzParseEvent(f *testing.F) {
	f.Add(sampleEvent(f))
	for _, body := range []string{
		`{"id":"evt_1","object":"v2.core.event","type":"v1.invoice.paid","created":"2026-10-01T00:00:00.000Z","related_object":{"id":"in_1","type":"invoice","url":"/v1/invoices/in_1"},"snapshot_event":"evt_2"}`,
		`{"id":"evt_1","created":1,"type":"x","request":"req_1","account":"acct_1","data":{"object":{"customer":{"id":"cus_1"}},"previous_attributes":{"customer":"cus_2"}}}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseEvent(b)
		if err != nil {
			if !errors.Is(err, ErrPayload) || e != nil {
				t.Fatalf("%v, %v", e, err)
			}
			return
		}
		if !isEventID(e.ID) || e.Type == "" || e.Created < 0 || e.Created > maxCreated || e.Thin && e.Object.Exists() {
			t.Fatalf("%+v", e)
		}
		for _, s := range []string{e.Type, e.APIVersion, e.Account, e.Context, e.ObjectID, e.ObjectType, e.Customer, e.RequestID, e.IdempotencyKey, e.SnapshotEvent} {
			if len(s) > 255 || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' }) {
				t.Errorf("a text that cannot be stored: %q", s)
			}
		}
		if strings.ContainsRune(e.RelatedURL, 0) {
			t.Errorf("RelatedURL %q", e.RelatedURL)
		}
		readAll(e.Object)
	})
}
