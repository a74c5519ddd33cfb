package apply_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

// shown is what must be the same whatever the order: the current state, without
// what tells when and in which row order Bursar learnt it.
var shown = map[string]string{
	"tenants": `SELECT id, plan, status, status_reason, access, quantity, valid_until, subscription, payment_method, stripe_customer_id, stripe_name FROM tenants ORDER BY id`,
	"subscriptions": `SELECT id, customer, stripe_status, known_status, status, status_reason, plan, price, quantity, access, current_period_end,
		cancel_at_period_end, ended_at FROM subscriptions ORDER BY id`,
	"invoices": `SELECT id, customer, subscription, number, stripe_status, status, amount_paid, amount_refunded, notes, attempt_count, failed_attempts,
		failed_at, spent, paid_at FROM invoices ORDER BY id`,
	"payments":        `SELECT id, customer, type, status, amount, invoice, charge, payment_intent, created FROM payments ORDER BY id`,
	"payment_methods": `SELECT id, customer, attached, exp_month FROM payment_methods ORDER BY id`,
	"customers":       `SELECT id, tenant, name, email, default_payment_method, deleted FROM customers ORDER BY id`,
	"notices":         `SELECT kind, key FROM effects ORDER BY key`,
	"objects":         `SELECT id, type, created, final, uncertain FROM objects ORDER BY id`,
	"waiting":         `SELECT event_id, on_id FROM waits ORDER BY event_id`,
	"events":          `SELECT event_id FROM inbox WHERE status IN ('failed', 'dead', 'ignored') ORDER BY event_id`,
}

func dump(t require, db *sql.DB) map[string]string {
	out := map[string]string{}
	for name, q := range shown {
		rows, err := db.Query(q)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		cols, err := rows.Columns()
		if err != nil {
			t.Fatalf("%v", err)
		}
		var b strings.Builder
		for rows.Next() {
			vals := make([]any, len(cols))
			for i := range vals {
				vals[i] = new(any)
			}
			if err := rows.Scan(vals...); err != nil {
				t.Fatalf("%v", err)
			}
			for i, v := range vals {
				fmt.Fprintf(&b, "%s=%v ", cols[i], *v.(*any))
			}
			b.WriteByte('\n')
		}
		if err := rows.Err(); err != nil {
			t.Fatalf("%v", err)
		}
		out[name] = b.String()
	}
	return out
}

type require interface{ Fatalf(string, ...any) }

var everything = []string{
	"inbox", "payloads", "objects", "waits", "tenants", "customers", "customer_links", "subscriptions", "schedules", "invoices",
	"payment_links", "charges", "refunds", "disputes", "credit_notes", "payment_methods", "payments", "products", "prices", "timeline", "effects",
}

func wipe(t require, db *sql.DB) {
	for _, table := range everything {
		if _, err := db.Exec("DELETE FROM " + table); err != nil {
			t.Fatalf("%v", err)
		}
	}
}

// TestAnyOrder is the promise "convergent": a history in any order, with any
// duplicates and in batches of any size, ends in the state and the notices of the
// history in its own order, and that state is the true one.
func TestAnyOrder(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		w := newWorld(t, s, apply.Policy{NoticeMaxAge: -1, Runners: map[string]bool{"document": true, "notice": true}})
		base := time.Now().Add(-time.Hour).Unix()
		rapid.Check(t, func(rt *rapid.T) {
			h := genHistory(rt, base, 30)
			wipe(rt, s.Writer())
			for _, e := range h.events {
				w.deliver(e)
			}
			want := dump(rt, s.Writer())
			checkTruth(rt, h, s.Writer())

			wipe(rt, s.Writer())
			order := rapid.Permutation(h.events).Draw(rt, "order")
			for range rapid.IntRange(0, 5).Draw(rt, "duplicates") {
				order = append(order, rapid.SampledFrom(h.events).Draw(rt, "duplicate"))
			}
			for len(order) > 0 {
				n := min(rapid.IntRange(1, 12).Draw(rt, "batch"), len(order))
				w.deliver(order[:n]...)
				order = order[n:]
			}
			if diff := cmp.Diff(want, dump(rt, s.Writer())); diff != "" {
				rt.Fatalf("another order, another state (- in order, + in any order):\n%s\n%s", diff, h.transcript())
			}
		})
	})
}

// checkTruth compares the rows with the objects as they really are at the end.
func checkTruth(t require, h *history, db *sql.DB) {
	for id, o := range h.objects {
		if h.loose[id] {
			continue
		}
		var uncertain bool
		if err := db.QueryRow(`SELECT uncertain FROM objects WHERE id = $1`, id).Scan(&uncertain); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		if uncertain {
			t.Fatalf("%s is uncertain, though its events tell their order\n%s", id, h.transcript())
		}
		var q string
		var want []any
		switch o["object"] {
		case "subscription":
			list, _ := o["items"].(obj)["data"].([]any)
			q, want = `SELECT stripe_status, price, cancel_at_period_end FROM subscriptions WHERE id = $1`,
				[]any{o["status"], list[0].(obj)["price"].(obj)["id"], o["cancel_at_period_end"]}
		case "invoice":
			q, want = `SELECT stripe_status, attempt_count, amount_paid FROM invoices WHERE id = $1`, []any{o["status"], o["attempt_count"], o["amount_paid"]}
		case "charge":
			q, want = `SELECT amount_refunded, status, amount FROM charges WHERE id = $1`, []any{o["amount_refunded"], o["status"], o["amount"]}
		case "customer":
			q, want = `SELECT name, email, tenant FROM customers WHERE id = $1`, []any{o["name"], o["email"], tenant}
		case "refund":
			q, want = `SELECT status, amount, charge FROM refunds WHERE id = $1`, []any{o["status"], o["amount"], o["charge"]}
		case "payment_method":
			q, want = `SELECT attached, exp_month, type FROM payment_methods WHERE id = $1`,
				[]any{o["customer"] != nil, o["card"].(obj)["exp_month"], o["type"]}
		default:
			continue
		}
		got := make([]any, 3)
		if err := db.QueryRow(q, id).Scan(&got[0], &got[1], &got[2]); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		for i, v := range got { // SQLite's booleans are numbers
			if b, ok := want[i].(bool); ok {
				got[i] = v == true || v == int64(1)
				want[i] = b
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%s is %v, truly it is %v\n%s", id, got, want, h.transcript())
		}
	}
}

func (h *history) transcript() string {
	var lines []string
	for _, e := range h.events {
		lines = append(lines, string(e))
	}
	return strings.Join(lines, "\n")
}
