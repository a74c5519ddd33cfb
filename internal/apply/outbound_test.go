package apply_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/outbound"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
	"github.com/bursarhq/bursar/internal/stripe"
)

var listeners = []outbound.Endpoint{{Name: "app"}, {Name: "books", Events: []string{"invoice.*", "tenant.linked"}}}

// outgoing is what was planned for an endpoint: the event's number, its type, and the
// data's gist.
func (w *world) outgoing(endpoint string) []string {
	w.Helper()
	rows, err := w.s.Writer().Query(`SELECT tenant, name, data, object_id FROM effects WHERE kind = $1 ORDER BY seq`, store.OutboundKind(endpoint))
	if err != nil {
		w.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var tenant, name, data, id string
		if err := rows.Scan(&tenant, &name, &data, &id); err != nil {
			w.Fatal(err)
		}
		var e struct {
			outbound.Event
			Data struct {
				Subscription *outbound.Subscription
				Previous     *struct {
					Plan   *string
					Status string
				}
				Invoice          *outbound.Invoice
				Entitlements     *outbound.Entitlements
				StripeCustomerID string `json:"stripe_customer_id"`
			} `json:"data"`
		}
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			w.Fatal(err)
		}
		if e.ID != id || e.Type != name || e.Tenant != tenant {
			w.Errorf("the row says %s %s %s, the payload %s %s %s", id, name, tenant, e.ID, e.Type, e.Tenant)
		}
		text := func(s *string) string {
			if s == nil {
				return "null"
			}
			return *s
		}
		gist := ""
		switch d := e.Data; {
		case d.Subscription != nil:
			gist = text(d.Subscription.Plan) + " " + d.Subscription.Status
			if d.Previous != nil {
				gist += " was " + text(d.Previous.Plan) + " " + d.Previous.Status
			}
		case d.Entitlements != nil:
			gist = fmt.Sprintf("%s %s projects=%v", text(d.Entitlements.Plan), d.Entitlements.Status, d.Entitlements.Features["projects"])
		case d.Invoice != nil:
			gist = fmt.Sprintf("%s %s refunded=%d", d.Invoice.ID, d.Invoice.Status, d.Invoice.AmountRefunded)
		default:
			gist = d.StripeCustomerID
		}
		out = append(out, fmt.Sprintf("%d %s %s", e.Sequence, e.Type, gist))
	}
	if err := rows.Err(); err != nil {
		w.Fatal(err)
	}
	return out
}

func (w *world) wantOutgoing(endpoint, want string) {
	w.Helper()
	var lines []string
	for line := range strings.Lines(want) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if diff := cmp.Diff(lines, w.outgoing(endpoint)); diff != "" {
		w.Errorf("told to %s (- wanted, + got):\n%s", endpoint, diff)
	}
}

func invoice(id, status string, attempts int64, more obj) obj {
	o := obj{
		"id": id, "object": "invoice", "customer": "cus_1", "status": status, "currency": "usd", "created": time.Now().Unix(), "number": "A-1",
		"total": 2900, "subtotal": 2900, "amount_due": 2900, "amount_paid": 0, "attempt_count": attempts, "billing_reason": "subscription_cycle",
		"parent": obj{"subscription_details": obj{"subscription": "sub_1"}}, "lines": obj{"object": "list", "data": []any{}},
		"status_transitions": obj{"finalized_at": time.Now().Unix()},
	}
	for k, v := range more {
		o[k] = v
	}
	return o
}

// TestTold: the life of a tenant as the app is told of it. Each change is one event
// for each endpoint that takes it, with the tenant's next number, whatever comes twice.
func TestTold(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, apply.Policy{Outbound: listeners, Dunning: billing.Dunning{MaxAttempts: 2}})
		twice := func(body []byte) { w.Helper(); w.deliver(body, body); w.deliver(body) }
		trial := sub("sub_1", "trialing", "price_pro")
		trial["trial_end"] = time.Now().Add(72 * time.Hour).Unix()
		twice(w.event("customer.subscription.created", 0, trial)) // nobody's yet
		w.wantOutgoing("app", "")
		twice(w.event("checkout.session.completed", 1, obj{"id": "cs_1", "object": "checkout.session", "customer": "cus_1", "client_reference_id": "acme", "mode": "subscription"}))
		twice(w.event("customer.subscription.trial_will_end", 2, trial))
		twice(w.event("customer.subscription.updated", 3, sub("sub_1", "active", "price_pro"), obj{"status": "trialing"}))
		twice(w.event("invoice.created", 4, invoice("in_1", "draft", 0, nil)))
		twice(w.event("invoice.payment_failed", 5, invoice("in_1", "open", 1, nil)))
		twice(w.event("invoice.payment_failed", 6, invoice("in_1", "open", 2, nil))) // dunning is spent
		twice(w.event("invoice.paid", 7, invoice("in_1", "paid", 3, obj{"amount_paid": 2900, "amount_due": 2900, "charge": "ch_1"})))
		twice(w.event("customer.subscription.updated", 8, sub("sub_1", "active", "price_team"), obj{"items": obj{}}))
		charge := obj{
			"id": "ch_1", "object": "charge", "customer": "cus_1", "invoice": "in_1", "status": "succeeded", "amount": 2900, "amount_captured": 2900,
			"amount_refunded": 1000, "captured": true, "currency": "usd", "created": time.Now().Unix(),
		}
		twice(w.event("charge.refunded", 9, charge, obj{"amount_refunded": 0}))
		twice(w.event("customer.subscription.deleted", 10, sub("sub_1", "canceled", "price_team")))

		w.wantOutgoing("app", `
			1 tenant.linked cus_1
			2 entitlements.changed pro trialing projects=20
			3 subscription.activated pro trialing
			4 subscription.trial_ending pro trialing was pro trialing
			5 subscription.activated pro active was pro trialing
			6 entitlements.changed pro active projects=20
			7 invoice.issued in_1 open refunded=0
			8 subscription.past_due pro past_due was pro active
			9 entitlements.changed pro past_due projects=20
			10 subscription.canceled free canceled was pro past_due
			11 entitlements.changed free canceled projects=1
			12 subscription.recovered pro active was free canceled
			13 entitlements.changed pro active projects=20
			14 subscription.plan_changed team active was pro active
			15 entitlements.changed team active projects=<nil>
			16 invoice.refunded in_1 paid refunded=1000
			17 subscription.canceled free canceled was team active
			18 entitlements.changed free canceled projects=1`)
		w.wantOutgoing("books", `
			1 tenant.linked cus_1
			7 invoice.issued in_1 open refunded=0
			16 invoice.refunded in_1 paid refunded=1000`)
		var same int
		if err := s.Writer().QueryRow(`SELECT COUNT(*) FROM effects AS a JOIN effects AS b ON b.object_id = a.object_id AND b.data = a.data
			WHERE a.kind = 'outbound/app' AND b.kind = 'outbound/books'`).Scan(&same); err != nil || same != 3 {
			t.Errorf("%d messages are the same for both endpoints, want 3: %v", same, err)
		}
		// Replayed, or with another endpoint from now on, what was told is told.
		before := len(w.outgoing("app"))
		w.e.Outbound = append(w.e.Outbound, outbound.Endpoint{Name: "late"})
		for n := range w.n {
			if _, err := w.e.Replay(t.Context(), store.Key{ID: fmt.Sprintf("evt_%04d", n+1)}); err != nil {
				t.Fatal(err)
			}
		}
		if after := len(w.outgoing("app")); after != before {
			t.Errorf("replays told %d events more: %v", after-before, w.outgoing("app")[before:])
		}
		w.wantOutgoing("late", "")
	})
}

// TestToldWithTheChange: what is told commits with the change, or not at all.
func TestToldWithTheChange(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, apply.Policy{Outbound: listeners})
		enqueued := fmt.Errorf("the queue is broken")
		s.Enqueue = func(context.Context, *store.Tx, map[string]int64) error { return enqueued }
		k := store.Key{ID: "acme"}
		put := func() error {
			_, err := w.e.PutTenant(t.Context(), k, apply.TenantPatch{StripeCustomerID: apply.Patch{Set: true, Value: "cus_1"}}, "key1")
			return err
		}
		if err := put(); err == nil {
			t.Fatal("the unit of work did not fail")
		}
		w.wantOutgoing("app", "")
		enqueued = nil
		if err := put(); err != nil {
			t.Fatal(err)
		}
		w.wantOutgoing("app", "1 tenant.linked cus_1")
	})
}

// TestToldAfterBackfill: what an import brings is known, and told to nobody; what
// happens afterwards is told.
func TestToldAfterBackfill(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, apply.Policy{Outbound: listeners})
		imported := func(body []byte) {
			ev, err := stripe.ParseEvent(body)
			if err != nil {
				t.Fatal(err)
			}
			if r := w.e.Apply(t.Context(), []*apply.Delivery{{Event: ev, Packed: store.Pack(body), Source: "backfill"}})[0]; r.Status != store.Applied {
				t.Fatal(r)
			}
		}
		imported(w.event("customer.updated", 0, obj{"id": "cus_1", "object": "customer", "metadata": obj{"tenant": "acme"}}))
		imported(w.event("customer.subscription.updated", 1, sub("sub_1", "active", "price_pro")))
		imported(w.event("invoice.updated", 2, invoice("in_1", "paid", 1, obj{"amount_paid": 2900})))
		w.wantOutgoing("app", "")
		w.deliver(w.event("invoice.updated", 3, invoice("in_1", "paid", 1, obj{"amount_paid": 2900, "description": "x"})))
		w.deliver(w.event("customer.subscription.updated", 4, sub("sub_1", "past_due", "price_pro")))
		w.wantOutgoing("app", `
			1 subscription.past_due pro past_due was pro active
			2 entitlements.changed pro past_due projects=20`)
	})
}
