package main

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
	"github.com/bursarhq/bursar/internal/stripe"
)

// TestDoctorOnRetries: the doctor warns where Stripe retries what dunning has given up.
func TestDoctorOnRetries(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		engine, err := apply.New(t.Context(), s, apply.Policy{Dunning: billing.Dunning{MaxAttempts: 3}}, "", slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		tell := func(typ, object string) {
			t.Helper()
			n++
			body := fmt.Appendf(nil, `{"id":"evt_%d","object":"event","api_version":"2024-06-20","created":%d,"livemode":false,"type":%q,"data":{"object":%s}}`,
				n, 1790000000+n, typ, object)
			ev, err := stripe.ParseEvent(body)
			if err != nil {
				t.Fatal(err)
			}
			if r := engine.Apply(t.Context(), []*apply.Delivery{{Event: ev, Packed: store.Pack(body), Source: "webhook"}}); r[0].Status != store.Applied {
				t.Fatalf("%s: %+v", typ, r[0])
			}
		}
		invoice := func(no int, typ, status string, attempts, next int) {
			t.Helper()
			tell(typ, fmt.Sprintf(`{"id":"in_%d","object":"invoice","customer":"cus_1","subscription":"sub_1","billing_reason":"subscription_cycle","status":%q,
				"currency":"usd","amount_due":2900,"attempt_count":%d,"next_payment_attempt":%d}`, no, status, attempts, next))
		}
		x := &examination{s: testSystem(), cfg: mustLoad(t, nil, nil, ""), db: s}
		look := func(want level, parts ...string) {
			t.Helper()
			level, text := checkRetries(t.Context(), x)
			if level != want {
				t.Errorf("%s %s, want %s", level, text, want)
			}
			for _, part := range parts {
				if !strings.Contains(text, part) {
					t.Errorf("%q lacks %q", text, part)
				}
			}
		}
		tell("customer.created", `{"id":"cus_1","object":"customer","metadata":{"tenant":"acme"}}`)
		tell("customer.subscription.created", `{"id":"sub_1","object":"subscription","customer":"cus_1","status":"past_due","items":{"data":[]}}`)
		invoice(1, "invoice.payment_failed", "open", 2, 1790000900) // there is one attempt left
		look(ok)
		invoice(1, "invoice.payment_failed", "open", 3, 0)
		look(ok, "no invoice")
		for i := 2; i <= 5; i++ {
			invoice(i, "invoice.payment_failed", "open", 3, 1790000900-i)
		}
		look(warn, "4 invoices", "3 attempts", "in_5, in_4, in_3, …")
		invoice(5, "invoice.paid", "paid", 4, 0)
		invoice(4, "invoice.updated", "uncollectible", 4, 0)
		look(warn, "2 invoices", ": in_3, in_2;")
	})
}
