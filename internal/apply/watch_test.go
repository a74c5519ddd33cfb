package apply_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

// payer is a customer with a card and a subscription, the tenant's name is the
// customer's.
type payer struct {
	name        string
	year, month int
	change      func(card, sub, customer obj)
}

func (w *world) pay(payers ...payer) {
	w.Helper()
	var events [][]byte
	for _, p := range payers {
		events = append(events, w.eventsOf(p)...)
	}
	w.deliver(events...)
}

func (w *world) eventsOf(p payer) [][]byte {
	card := obj{
		"id": "pm_" + p.name, "object": "payment_method", "type": "card", "customer": "cus_" + p.name, "created": 1700000000,
		"card": obj{"brand": "visa", "last4": "4242", "exp_month": p.month, "exp_year": p.year},
	}
	s := sub("sub_"+p.name, "active", "price_pro")
	s["customer"] = "cus_" + p.name
	customer := obj{"id": "cus_" + p.name, "object": "customer", "metadata": obj{"tenant": p.name}, "invoice_settings": obj{"default_payment_method": "pm_" + p.name}}
	if p.change != nil {
		p.change(card, s, customer)
	}
	return [][]byte{w.event("customer.created", 0, customer), w.event("payment_method.attached", 0, card), w.event("customer.subscription.created", 0, s)}
}

// told are the notices of a kind: key and status, by key.
func (w *world) told(kind string) string {
	w.Helper()
	rows, err := w.s.Writer().Query(`SELECT key, status FROM effects WHERE name = $1 ORDER BY key`, kind)
	if err != nil {
		w.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var key, status string
		if err := rows.Scan(&key, &status); err != nil {
			w.Fatal(err)
		}
		out = append(out, strings.TrimPrefix(key, kind+":")+" "+status)
	}
	if err := rows.Err(); err != nil {
		w.Fatal(err)
	}
	return strings.Join(out, ", ")
}

var mailed = apply.Policy{Runners: map[string]bool{"notice": true}}

// TestCardExpiring: what a running subscription is charged to and expires soon is
// told of, once per card and expiry, by however many processes.
func TestCardExpiring(t *testing.T) {
	start := time.Date(2026, 2, 20, 12, 0, 0, 0, time.UTC)
	now := start
	storetest.EachAt(t, func() time.Time { return now }, func(t *testing.T, s *store.Store) {
		defer func() { now = start }() // when the next store is opened
		w := newWorld(t, s, mailed)
		end := func(at time.Time) func(card, s, customer obj) {
			return func(_, s, _ obj) { s["cancel_at"] = at.Unix() }
		}
		for _, p := range []payer{
			{"this-month", 2026, 3, nil},
			{"next-month", 2026, 4, nil},
			{"last-month", 2026, 2, func(card, _, _ obj) { card["created"] = now.Unix() + 60 }},
			{"far", 2026, 5, nil},
			{"next-year", 2027, 3, nil},
			{"trial", 2026, 4, func(_, s, _ obj) { s["status"] = "trialing" }},
			{"late", 2026, 4, func(_, s, _ obj) { s["status"] = "past_due" }},
			{"by-subscription", 2026, 4, func(card, s, c obj) {
				s["default_payment_method"], c["invoice_settings"] = card["id"], obj{"default_payment_method": "pm_other"}
			}},
			{"the-only-one", 2026, 4, func(_, _, c obj) { delete(c, "invoice_settings") }},
			{"goes-on", 2026, 4, func(_, s, _ obj) { s["cancel_at"] = time.Date(2026, 5, 2, 0, 0, 0, 0, time.UTC).Unix() }},
			{"not-default", 2026, 4, func(_, s, _ obj) { s["default_payment_method"] = "pm_other" }},
			{"no-card", 2026, 4, func(card, _, _ obj) {
				card["type"], card["sepa_debit"] = "sepa_debit", card["card"]
			}},
			{"sent", 2026, 4, func(_, s, _ obj) { s["collection_method"] = "send_invoice" }},
			{"sent-beside", 2026, 4, func(card, s, _ obj) { s["collection_method"], s["default_payment_method"] = "send_invoice", card["id"] }},
			{"ended", 2026, 4, func(_, s, _ obj) { s["status"], s["ended_at"] = "canceled", 1700000100 }},
			{"incomplete", 2026, 4, func(_, s, _ obj) { s["status"] = "incomplete" }},
			{"ends-before", 2026, 4, end(time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC))},
			{"nobodys", 2026, 4, func(_, _, c obj) { delete(c, "metadata") }},
		} {
			w.pay(p)
		}
		beside := sub("sub_beside", "active", "price_pro") // another one of sent-beside, charged to another card
		beside["customer"], beside["default_payment_method"] = "cus_sent-beside", "pm_other"
		w.deliver(w.event("customer.subscription.created", 0, beside))
		detached := payer{name: "detached", year: 2026, month: 4}
		w.pay(detached)
		w.deliver(w.event("payment_method.detached", 10, obj{"id": "pm_detached", "object": "payment_method", "type": "card", "customer": nil, "card": obj{"exp_month": 4, "exp_year": 2026}}))

		tell := func(w *world) {
			t.Helper()
			if err := w.e.TellExpiringCards(t.Context(), now); err != nil {
				t.Error(err)
			}
		}
		tell(w)
		// What was so before there was a store is not told of, however long it stays so.
		const before = "pm_last-month:2026-02 pending, pm_this-month:2026-03 superseded"
		if got := w.told("card_expiring"); got != before {
			t.Fatalf("at the first start\n%s, want\n%s", got, before)
		}
		now = time.Date(2026, 3, 25, 8, 0, 0, 0, time.UTC) // whenever somebody looks, it is news
		others := []*world{w, newWorld(t, s, mailed), newWorld(t, s, mailed)}
		done := make(chan bool)
		for _, other := range others {
			go func() { tell(other); done <- true }()
		}
		for range others {
			<-done
		}
		want := "pm_by-subscription:2026-04 pending, pm_goes-on:2026-04 pending, pm_last-month:2026-02 pending, pm_late:2026-04 pending, " +
			"pm_next-month:2026-04 pending, pm_the-only-one:2026-04 pending, pm_this-month:2026-03 superseded, pm_trial:2026-04 pending"
		if got := w.told("card_expiring"); sorted(got) != sorted(want) {
			t.Errorf("\n%s, want\n%s", got, want)
		}
		if got := w.text(`SELECT customer || ' ' || tenant || ' ' || data FROM effects WHERE key = 'card_expiring:pm_next-month:2026-04'`); got != `cus_next-month next-month {"subscription":"sub_next-month"}` {
			t.Error(got)
		}
		// The network replaced it; that one expires, too.
		w.deliver(w.event("payment_method.automatically_updated", 20, obj{
			"id": "pm_next-month", "object": "payment_method", "type": "card", "customer": "cus_next-month", "created": 1700000000,
			"card": obj{"brand": "visa", "last4": "4343", "exp_month": 4, "exp_year": 2030},
		}))
		tell(w)
		if got := w.told("card_expiring"); sorted(got) != sorted(want) {
			t.Errorf("\n%s, want\n%s", got, want)
		}
		now = time.Date(2030, 3, 2, 0, 0, 0, 0, time.UTC)
		tell(w)
		if got := w.told("card_expiring"); sorted(got) != sorted(want+", pm_next-month:2030-04 pending") {
			t.Errorf("four years later %s", got)
		}
	})
}

// TestManyCardsExpire: there may be more of them than are asked for at once.
func TestManyCardsExpire(t *testing.T) {
	now := time.Date(2026, 3, 25, 8, 0, 0, 0, time.UTC)
	storetest.EachAt(t, func() time.Time { return now }, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, apply.Policy{NoticeMaxAge: -1, Runners: mailed.Runners})
		const n = 250
		all := make([]payer, n)
		for i := range all {
			all[i] = payer{name: fmt.Sprintf("t%03d", i), year: 2026, month: 4}
		}
		w.pay(all...)
		if err := w.e.TellExpiringCards(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		if got := w.text(`SELECT COUNT(*) FROM effects WHERE name = 'card_expiring' AND status = 'pending'`); got != fmt.Sprint(n) {
			t.Errorf("%s of %d", got, n)
		}
	})
}

// TestEndpointSilent: an operator is told once per silence, by whoever has listened.
func TestEndpointSilent(t *testing.T) {
	start := time.Date(2026, 2, 20, 12, 0, 0, 0, time.UTC)
	now := start
	storetest.EachAt(t, func() time.Time { return now }, func(t *testing.T, s *store.Store) {
		defer func() { now = start }()
		w := newWorld(t, s, mailed)
		look := func(want string) {
			t.Helper()
			for range 2 {
				if err := w.e.TellSilence(t.Context(), start, now); err != nil {
					t.Fatal(err)
				}
			}
			if got := w.told("endpoint_silent"); got != want {
				t.Errorf("on %s: %q, want %q", now, got, want)
			}
		}
		now = now.Add(40 * 24 * time.Hour)
		look("") // before the first event there is nothing to be told
		renewal := now.Add(10 * 24 * time.Hour)
		w.pay(payer{"acme", 2030, 1, func(_, s, _ obj) {
			s["items"].(obj)["data"].([]any)[0].(obj)["current_period_end"] = renewal.Unix()
		}})
		first := fmt.Sprint(now.Unix())
		now = renewal.Add(23 * time.Hour)
		look("")
		// Who has just come does not know yet.
		now = renewal.Add(25 * time.Hour)
		if err := w.e.TellSilence(t.Context(), now.Add(-59*time.Minute), now); err != nil {
			t.Fatal(err)
		}
		if got := w.told("endpoint_silent"); got != "" {
			t.Errorf("too soon: %s", got)
		}
		look("stripe:" + first + " pending")
		now = now.Add(20 * 24 * time.Hour)
		look("stripe:" + first + " pending")
		// It is over, and begins anew. What was asked for ends none.
		w.deliver(w.event("customer.updated", 0, obj{"id": "cus_acme", "object": "customer", "metadata": obj{"tenant": "acme"}}))
		second := fmt.Sprint(now.Unix())
		look("stripe:" + first + " pending")
		now = now.Add(29 * 24 * time.Hour)
		look("stripe:" + first + " pending")
		w.deliver(w.event("customer.updated", 1, obj{"id": "cus_acme", "object": "customer", "metadata": obj{"tenant": "acme"}, "name": "Acme"}))
		if _, err := s.Writer().Exec(`UPDATE inbox SET source = 'refetch' WHERE received_at >= $1`, now.UnixMicro()); err != nil {
			t.Fatal(err)
		}
		now = now.Add(25 * time.Hour)
		look("stripe:" + first + " pending, stripe:" + second + " pending")
		if got := w.text(`SELECT data FROM effects WHERE key = $1`, "endpoint_silent:stripe:"+second); got != `{"since":`+second+`}` {
			t.Error(got)
		}
	})
}

// TestNeverHeard: where nothing runs at Stripe, silence says nothing; where nothing
// ever came and something runs, it began with the store.
func TestNeverHeard(t *testing.T) {
	now := time.Date(2026, 2, 20, 12, 0, 0, 0, time.UTC)
	storetest.EachAt(t, func() time.Time { return now }, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, mailed)
		w.pay(payer{"over", 2030, 1, func(_, s, _ obj) { s["status"], s["ended_at"] = "canceled", 1700000100 }})
		if _, err := s.Writer().Exec(`UPDATE inbox SET source = 'backfill'`); err != nil {
			t.Fatal(err)
		}
		look := func(after time.Duration, want string) {
			t.Helper()
			if err := w.e.TellSilence(t.Context(), now, now.Add(after)); err != nil {
				t.Fatal(err)
			}
			if got := w.told("endpoint_silent"); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		look(90*24*time.Hour, "")
		w.pay(payer{"acme", 2030, 1, nil})
		if _, err := s.Writer().Exec(`UPDATE inbox SET source = 'backfill'`); err != nil {
			t.Fatal(err)
		}
		look(30*24*time.Hour-time.Second, "")
		look(30*24*time.Hour, fmt.Sprintf("stripe:%d pending", now.Unix()))
	})
}

func sorted(list string) string {
	parts := strings.Split(list, ", ")
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}
