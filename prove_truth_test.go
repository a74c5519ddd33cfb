package bursar_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/bursarhq/bursar/internal/stripe"
)

// truth compares what Bursar holds with what the account is.
type truth struct {
	world  *world
	db     *sql.DB
	faults []string

	tables    map[string]map[string]row
	doubtful  map[string]bool // objects marked uncertain
	events    []*stripe.Event // all of them, oldest first
	uncertain []string        // the types of the doubtful objects
	objects   int
}

type row map[string]any

func (t *truth) fault(format string, args ...any) {
	if len(t.faults) < 12 {
		t.faults = append(t.faults, fmt.Sprintf(format, args...))
	}
}

// compare returns what is not as it should be.
func (t *truth) compare() []string {
	t.tables = map[string]map[string]row{}
	for _, e := range t.world.events() {
		ev, err := stripe.ParseEvent(e.Payload)
		if err != nil {
			t.fault("%v", err)
			continue
		}
		t.events = append(t.events, ev)
	}
	if lost := t.world.acct.Lost(); len(lost) > 0 {
		t.fault("%d events were never delivered: %s %s", len(lost), lost[0].ID, lost[0].Type)
	}
	t.doubtful = map[string]bool{}
	for id, r := range t.table("objects", "id") {
		if same(r["uncertain"], true) {
			t.doubtful[id] = true
			t.uncertain = append(t.uncertain, fmt.Sprint(r["type"]))
			switch {
			case t.world.keyed:
				t.fault("%s is uncertain, though it could be asked for", id)
			case !t.world.mixed && t.contested(id) < 2:
				t.fault("%s is uncertain, though only one thing can be its newest", id)
			}
		}
	}
	t.received()
	t.rows()
	t.ledger()
	t.standing()
	t.effects()
	return t.faults
}

// contested counts what events say of an object in its last second, but for its
// *.created: where that is one thing, nothing can be doubtful.
func (t *truth) contested(id string) int {
	last, said := int64(0), map[string]bool{}
	for _, e := range t.events {
		if e.ObjectID != id || strings.HasSuffix(e.Type, ".created") {
			continue
		}
		if e.Created > last {
			last = e.Created
			clear(said)
		}
		said[string(e.Object.Raw())] = true
	}
	return len(said)
}

// table is a whole table by its id column.
func (t *truth) table(name, id string) map[string]row {
	if done, ok := t.tables[name]; ok {
		return done
	}
	out := map[string]row{}
	t.tables[name] = out
	rows, err := t.db.Query("SELECT * FROM " + name)
	if err != nil {
		t.fault("%s: %v", name, err)
		return out
	}
	defer rows.Close()
	cols, err := rows.Columns()
	if err != nil {
		t.fault("%s: %v", name, err)
	}
	for rows.Next() {
		values, into := make([]any, len(cols)), make([]any, len(cols))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.fault("%s: %v", name, err)
		}
		r := row{}
		for i, c := range cols {
			r[c] = values[i]
		}
		key := fmt.Sprint(r[id])
		if out[key] != nil {
			t.fault("%s has %s twice", name, key)
		}
		out[key] = r
	}
	if err := rows.Err(); err != nil {
		t.fault("%s: %v", name, err)
	}
	return out
}

// received looks whether every event is in the inbox, once, and settled.
func (t *truth) received() {
	inbox := t.table("inbox", "event_id")
	for _, e := range t.events {
		r := inbox[e.ID]
		if r == nil {
			t.fault("%s %s is not in the inbox", e.ID, e.Type)
			continue
		}
		if r["status"] == "failed" || r["status"] == "dead" {
			t.fault("%s %s is %v: %v", e.ID, e.Type, r["status"], r["error"])
		}
		owner := t.world.tenants[e.Customer]
		if r["status"] == "parked" && owner != "" {
			t.fault("%s %s is parked, though %s is %s's: %v", e.ID, e.Type, e.Customer, owner, r["error"])
		}
	}
}

// kind says where the objects of a type are kept, and what of them.
type kind struct {
	object, table, path string
	columns             func(v stripe.Value) row
	// gone is what remains of an object that is no longer there.
	gone row
}

var kinds = []kind{
	{object: "customer", table: "customers", path: "/v1/customers/", gone: row{"deleted": true}, columns: func(v stripe.Value) row {
		c := stripe.ReadCustomer(v)
		if c.Deleted {
			return row{"deleted": true}
		}
		return row{"name": c.Name, "email": c.Email, "created": c.Created, "default_payment_method": c.DefaultPaymentMethod, "deleted": false}
	}},
	{object: "subscription", table: "subscriptions", path: "/v1/subscriptions/", columns: func(v stripe.Value) row {
		s := stripe.ReadSubscription(v)
		return row{
			"customer": s.Customer, "stripe_status": s.Status, "currency": s.Currency, "items": asJSON(s.Items),
			"current_period_start": s.CurrentPeriodStart, "current_period_end": s.CurrentPeriodEnd, "trial_end": s.TrialEnd,
			"cancel_at": s.CancelAt, "cancel_at_period_end": s.CancelAtPeriodEnd, "canceled_at": s.CanceledAt, "ended_at": s.EndedAt,
			"default_payment_method": s.DefaultPaymentMethod, "latest_invoice": s.LatestInvoice, "schedule": s.Schedule,
			"collection_method": s.CollectionMethod, "collection_paused": s.CollectionPaused, "cancellation_reason": s.CancellationReason,
			"created": s.Created,
		}
	}},
	{object: "subscription_schedule", table: "schedules", path: "/v1/subscription_schedules/", columns: func(v stripe.Value) row {
		s := stripe.ReadSchedule(v)
		return row{"customer": s.Customer, "status": s.Status, "subscription": s.Subscription, "current_start": s.CurrentStart, "current_end": s.CurrentEnd, "phases": asJSON(s.Phases)}
	}},
	{object: "invoice", table: "invoices", path: "/v1/invoices/", gone: row{"deleted": true}, columns: func(v stripe.Value) row {
		i := stripe.ReadInvoice(v)
		return row{
			"customer": i.Customer, "subscription": i.Subscription, "number": i.Number, "stripe_status": i.Status,
			"billing_reason": i.BillingReason, "collection_method": i.CollectionMethod, "currency": i.Currency,
			"subtotal": i.Subtotal, "discount": i.Discount, "tax": i.Tax, "total": i.Total, "amount_paid": i.AmountPaid, "amount_due": i.AmountDue,
			"created": i.Created, "finalized_at": i.FinalizedAt, "due_date": i.DueDate, "paid_at": i.PaidAt, "voided_at": i.VoidedAt,
			"attempt_count": i.AttemptCount, "next_payment_attempt": i.NextPaymentAttempt, "lines": asJSON(i.Lines), "deleted": false, // lines: see sameLines
		}
	}},
	{object: "invoice_payment", table: "payment_links", path: "/v1/invoice_payments/", columns: func(v stripe.Value) row {
		p := stripe.ReadInvoicePayment(v)
		return row{"invoice": p.Invoice, "payment_intent": p.PaymentIntent, "charge": p.Charge, "status": p.Status, "amount_paid": p.AmountPaid, "currency": p.Currency, "paid_at": p.PaidAt}
	}},
	{object: "charge", table: "charges", path: "/v1/charges/", columns: func(v stripe.Value) row {
		c := stripe.ReadCharge(v)
		return row{
			"customer": c.Customer, "payment_intent": c.PaymentIntent, "status": c.Status, "currency": c.Currency, "amount": c.Amount,
			"amount_captured": c.AmountCaptured, "amount_refunded": c.AmountRefunded, "captured": c.Captured, "created": c.Created,
			"failure_code": c.FailureCode, "payment_method": c.PaymentMethod,
		}
	}},
	{object: "refund", table: "refunds", path: "/v1/refunds/", columns: func(v stripe.Value) row {
		r := stripe.ReadRefund(v)
		return row{"charge": r.Charge, "payment_intent": r.PaymentIntent, "status": r.Status, "amount": r.Amount, "currency": r.Currency, "reason": r.Reason, "created": r.Created}
	}},
	{object: "dispute", table: "disputes", path: "/v1/disputes/", columns: func(v stripe.Value) row {
		d := stripe.ReadDispute(v)
		return row{"charge": d.Charge, "payment_intent": d.PaymentIntent, "status": d.Status, "amount": d.Amount, "currency": d.Currency, "reason": d.Reason, "created": d.Created}
	}},
	{object: "credit_note", table: "credit_notes", path: "/v1/credit_notes/", columns: func(v stripe.Value) row {
		n := stripe.ReadCreditNote(v)
		return row{"customer": n.Customer, "invoice": n.Invoice, "number": n.Number, "status": n.Status, "reason": n.Reason, "currency": n.Currency, "amount": n.Total, "created": n.Created, "voided_at": n.VoidedAt}
	}},
	{object: "payment_method", table: "payment_methods", path: "/v1/payment_methods/", columns: func(v stripe.Value) row {
		m := stripe.ReadPaymentMethod(v)
		r := row{"attached": m.Customer != "", "type": m.Type, "brand": m.Brand, "last4": m.Last4, "exp_month": m.ExpMonth, "exp_year": m.ExpYear, "created": m.Created}
		if m.Customer != "" { // whose it was is kept
			r["customer"] = m.Customer
		}
		return r
	}},
	{object: "product", table: "products", path: "/v1/products/", gone: row{"deleted": true}, columns: func(v stripe.Value) row {
		p := stripe.ReadProduct(v)
		return row{"name": p.Name, "description": p.Description, "active": p.Active, "deleted": false}
	}},
	{object: "price", table: "prices", path: "/v1/prices/", gone: row{"deleted": true}, columns: func(v stripe.Value) row {
		p := stripe.ReadPrice(v)
		return row{"product": p.Product, "nickname": p.Nickname, "active": p.Active, "currency": p.Currency, "unit_amount": p.UnitAmount, "interval": p.Interval, "interval_count": p.IntervalCount, "deleted": false}
	}},
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// get is an object as the API shows it; false where it is not there.
func (t *truth) get(path string) (stripe.Value, bool) {
	o, err := t.world.acct.Get(path, nil)
	if err != nil {
		return stripe.Value{}, false
	}
	v, err := stripe.Parse(o.JSON())
	if err != nil {
		t.fault("%s: %v", path, err)
	}
	return v, true
}

// rows compares every object of which there is a row, field by field.
func (t *truth) rows() {
	for _, k := range kinds {
		rows := t.table(k.table, "id")
		ids := map[string]bool{}
		for _, id := range t.world.idsOf(k.object) {
			ids[id] = true
			t.objects++
			if t.doubtful[id] {
				continue
			}
			want := k.gone
			if v, ok := t.get(k.path + id); ok {
				want = k.columns(v)
			}
			if rows[id] == nil {
				t.fault("%s has no row %s", k.table, id)
				continue
			}
			for _, col := range slices.Sorted(maps.Keys(want)) {
				if got := rows[id][col]; !same(got, want[col]) && !(col == "lines" && sameLines(got, want[col])) {
					t.fault("%s %s: %s is %v, at Stripe it is %v", k.object, id, col, got, want[col])
				}
			}
		}
		for id := range rows {
			// A legacy invoice's link has the invoice's id.
			if !ids[id] && (k.table != "payment_links" || !strings.HasPrefix(id, "in_")) {
				t.fault("%s has %s, which Stripe does not", k.table, id)
			}
		}
	}
}

// sameLines compares lines without the price of one unit in a proration: before
// basil that is the price's, since then the line's own, which may be negative.
func sameLines(got, want any) bool {
	var lists [2][]stripe.Line
	for i, v := range []any{got, want} {
		if err := json.Unmarshal([]byte(fmt.Sprint(v)), &lists[i]); err != nil {
			return false
		}
		for k := range lists[i] {
			if lists[i][k].Proration {
				lists[i][k].UnitAmountDecimal = ""
			}
		}
	}
	return reflect.DeepEqual(lists[0], lists[1])
}

// same says whether a column has the value, whatever the driver makes of it.
func same(got, want any) bool {
	if b, ok := got.([]byte); ok {
		got = string(b)
	}
	if yes, ok := want.(bool); ok {
		if n, ok := got.(int64); ok {
			return (n != 0) == yes
		}
	}
	return fmt.Sprint(got) == fmt.Sprint(want)
}
