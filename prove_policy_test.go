package bursar_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/stripe"
	"github.com/bursarhq/bursar/stripetest"
)

// all are the objects of a type as the API shows them, by id.
func all[T any](t *truth, object, path string, read func(stripe.Value) T) map[string]T {
	out := map[string]T{}
	for _, id := range t.world.idsOf(object) {
		if v, ok := t.get(path + id); ok {
			out[id] = read(v)
		}
	}
	return out
}

// failures are, by invoice, the highest attempt that invoice.payment_failed told of,
// and when the last one was. An invoice without any is not there.
func (t *truth) failures() map[string][2]int64 {
	out := map[string][2]int64{}
	for _, e := range t.events {
		if e.Type == "invoice.payment_failed" {
			f := out[e.ObjectID]
			out[e.ObjectID] = [2]int64{max(f[0], stripe.ReadInvoice(e.Object).AttemptCount), max(f[1], e.Created)}
		}
	}
	return out
}

func (t *truth) debt(i stripe.Invoice, failures map[string][2]int64) billing.Debt {
	d := billing.Debt{Status: i.Status, BillingReason: i.BillingReason, CollectionMethod: i.CollectionMethod, Subscription: i.Subscription, FailedAttempts: -1, DueDate: i.DueDate}
	if f, ok := failures[i.ID]; ok {
		d.FailedAttempts = f[0]
	}
	return d
}

// standing compares every tenant's plan and status with what policy makes of the
// true objects.
func (t *truth) standing() {
	plans, now := shopPlans(), t.world.acct.Now().Unix()
	failures := t.failures()
	invoices := all(t, "invoice", "/v1/invoices/", stripe.ReadInvoice)
	subs := all(t, "subscription", "/v1/subscriptions/", stripe.ReadSubscription)
	rows := t.table("tenants", "id")
	objects := t.table("objects", "id")

	type best struct {
		sub       stripe.Subscription
		plan      string
		quantity  int64
		standing  billing.Standing
		candidate billing.Candidate
	}
	deciding, skip, known := map[string]*best{}, map[string]bool{}, map[string]bool{}
	for customer, tenant := range t.world.tenants {
		known[tenant] = known[tenant] || tenant != ""
		skip[tenant] = skip[tenant] || t.doubtful[customer]
	}
	for id, s := range subs {
		tenant := t.world.tenants[s.Customer]
		if tenant == "" {
			continue
		}
		skip[tenant] = skip[tenant] || t.doubtful[id]
		facts := billing.Facts{StripeStatus: s.Status, KnownStatus: s.Status}
		for _, i := range invoices {
			d := t.debt(i, failures)
			if i.Subscription != id || !d.Owed() {
				continue
			}
			skip[tenant] = skip[tenant] || t.doubtful[i.ID]
			facts.Spent = facts.Spent || (billing.Dunning{}).Spent(d, now)
			asOf, _ := objects[id]["created"].(int64)
			facts.FailedSince = facts.FailedSince || (d.FailedAttempts >= 0 && failures[i.ID][1] >= asOf)
		}
		b := &best{sub: s, standing: billing.Stand(facts)}
		item := s.Items[0]
		for _, i := range slices.Backward(s.Items) {
			if _, _, ok := plans.ByPrice(i.Price); ok {
				item = i
			}
		}
		plan, _, mapped := plans.ByPrice(item.Price)
		b.plan, b.quantity = plan.ID, item.Quantity
		if facts.Spent || billing.Ended(s.Status) {
			b.plan = "free"
		}
		b.candidate = billing.Candidate{ID: id, Status: b.standing.Status, Access: b.standing.Access, HasPlan: mapped, Created: s.Created, EndedAt: s.EndedAt}
		if was := deciding[tenant]; was == nil || billing.CompareCandidates(b.candidate, was.candidate) < 0 {
			deciding[tenant] = b
		}
	}
	for tenant := range known {
		if tenant == "" || skip[tenant] {
			continue
		}
		want := row{"plan": "free", "status": billing.None, "access": false, "subscription": "", "quantity": int64(0), "status_reason": "", "valid_until": int64(0)}
		if b := deciding[tenant]; b != nil {
			want = row{"plan": b.plan, "status": b.standing.Status, "access": b.standing.Access, "subscription": b.sub.ID, "quantity": b.quantity, "status_reason": b.standing.Reason, "valid_until": int64(0)}
			if b.standing.Access {
				end := int64(0)
				if b.sub.CancelAtPeriodEnd {
					end = b.sub.CurrentPeriodEnd
				}
				want["valid_until"] = cmp.Or(b.sub.EndedAt, b.sub.CancelAt, end, b.sub.CurrentPeriodEnd)
			}
		}
		if rows[tenant] == nil {
			t.fault("no tenant %s", tenant)
			continue
		}
		for _, col := range slices.Sorted(maps.Keys(want)) {
			if got := rows[tenant][col]; !same(got, want[col]) {
				t.fault("tenant %s: %s is %v, by policy it is %v", tenant, col, got, want[col])
			}
		}
	}
}

// ledger compares the payments with the money that moved.
func (t *truth) ledger() {
	invoices := all(t, "invoice", "/v1/invoices/", stripe.ReadInvoice)
	charges := all(t, "charge", "/v1/charges/", stripe.ReadCharge)
	paid, of := map[string]int64{}, map[string]string{} // by invoice; the invoice of an intent
	doubt := map[string]bool{}
	for id := range invoices {
		list, err := t.world.acct.Get("/v1/invoice_payments", stripetest.Form{"invoice": id, "limit": "100"})
		if err != nil {
			t.fault("%v", err)
			continue
		}
		for _, o := range list["data"].([]any) {
			v, err := stripe.Parse(o.(stripetest.Object).JSON())
			if err != nil {
				t.fault("%v", err)
			}
			p := stripe.ReadInvoicePayment(v)
			if p.PaymentIntent == "" {
				continue
			}
			of[p.PaymentIntent] = id
			if p.Status == "paid" {
				paid[id] += p.AmountPaid
			}
			doubt[id] = doubt[id] || t.doubtful[p.ID]
		}
	}
	want, maybe := map[string]row{}, map[string]row{}
	for id, c := range charges {
		invoice := of[c.PaymentIntent]
		doubt[invoice] = doubt[invoice] || t.doubtful[id]
		r := row{"type": "payment", "status": c.Status, "amount": c.Amount, "charge": id, "customer": cmp.Or(c.Customer, invoices[invoice].Customer)}
		if c.Status == "succeeded" {
			r["amount"] = c.AmountCaptured
			r["invoice"] = invoice
		}
		want[id] = r
	}
	for id, r := range all(t, "refund", "/v1/refunds/", stripe.ReadRefund) {
		doubt[r.Charge] = doubt[r.Charge] || t.doubtful[id]
		want[id] = row{"type": "refund", "status": r.Status, "amount": r.Amount, "charge": r.Charge, "customer": charges[r.Charge].Customer, "invoice": of[r.PaymentIntent]}
	}
	for id, d := range all(t, "dispute", "/v1/disputes/", stripe.ReadDispute) {
		want[id] = row{"type": "dispute", "status": d.Status, "amount": d.Amount, "charge": d.Charge, "customer": charges[d.Charge].Customer, "invoice": of[d.PaymentIntent]}
	}
	for id, i := range invoices {
		if rest := i.AmountPaid - paid[id]; rest > 0 {
			want[id] = row{"type": "payment", "status": "succeeded", "amount": rest, "customer": i.Customer, "invoice": id}
		}
	}
	rows := t.table("payments", "id")
	unsure := func(r row) bool {
		for _, col := range []string{"charge", "invoice"} {
			if id, _ := r[col].(string); id != "" && (doubt[id] || t.doubtful[id]) {
				return true
			}
		}
		return false
	}
	for id, w := range want {
		got := rows[id]
		switch {
		case t.doubtful[id] || unsure(w) || (got != nil && unsure(got)):
			maybe[id] = w
		case got == nil:
			t.fault("the ledger has no %s: %v", id, w)
		default:
			for _, col := range slices.Sorted(maps.Keys(w)) {
				if !same(got[col], w[col]) {
					t.fault("ledger %s: %s is %v, in truth %v", id, col, got[col], w[col])
				}
			}
		}
	}
	for id, got := range rows {
		if want[id] == nil && !unsure(got) {
			t.fault("the ledger has %s, which did not happen: %v", id, got)
		}
	}
}

// effects compares the notices and documents with those that the true history gives
// reason for: each is there, under its key, and no other.
func (t *truth) effects() {
	want, allowed := map[string]bool{}, map[string]bool{}
	failures := t.failures()
	plans, now := shopPlans(), t.world.acct.Now().Unix()
	owned := func(customer string) bool { return t.world.tenants[customer] != "" }
	charges := all(t, "charge", "/v1/charges/", stripe.ReadCharge)
	for _, e := range t.events {
		switch {
		case strings.HasPrefix(e.Type, "customer.subscription."):
			s := stripe.ReadSubscription(e.Object)
			if e.Type == "customer.subscription.trial_will_end" && owned(s.Customer) {
				want[fmt.Sprintf("trial_ending:%s:%d", s.ID, s.TrialEnd)] = true
			}
			if _, _, ok := plans.ByPrice(s.Items[0].Price); !ok && !billing.Ended(s.Status) {
				want["price_unmapped:"+s.Items[0].Price] = true
			}
		case e.Type == "invoice.payment_failed" && owned(e.Customer):
			want[fmt.Sprintf("payment_failed:%s:%d", e.ObjectID, stripe.ReadInvoice(e.Object).AttemptCount)] = true
		case e.Type == "invoice.payment_action_required" && owned(e.Customer):
			want[fmt.Sprintf("payment_action_required:%s:%d", e.ObjectID, stripe.ReadInvoice(e.Object).AttemptCount)] = true
		case e.ObjectType == "dispute":
			want["dispute_opened:"+e.ObjectID] = true
		case e.ObjectType == "credit_note" && owned(e.Customer):
			want["document:credit_note:"+e.ObjectID] = true
		case e.ObjectType == "charge":
			c := stripe.ReadCharge(e.Object)
			if c.AmountRefunded > e.Previous.Get("amount_refunded").Int() && owned(charges[c.ID].Customer) {
				want[fmt.Sprintf("refund_issued:%s:%d", c.ID, c.AmountRefunded)] = true
			}
		}
	}
	for id, i := range all(t, "invoice", "/v1/invoices/", stripe.ReadInvoice) {
		d := t.debt(i, failures)
		if !owned(i.Customer) {
			continue
		}
		downgraded := "subscription_downgraded:" + i.Subscription + ":" + id
		if (billing.Dunning{}).Exhausted(d) || (billing.Dunning{}).Spent(d, now) {
			want[downgraded] = true
		} else if d.CollectionMethod == "send_invoice" {
			allowed[downgraded] = true // it may have been overdue for a while
		}
		if t.doubtful[id] {
			for _, key := range []string{"payment_recovered:", "document:invoice:", "invoice_receipt:"} {
				allowed[key+id] = true
			}
			continue
		}
		if i.Status == "paid" {
			want["document:invoice:"+id] = true
			if i.Total > 0 {
				want["invoice_receipt:"+id] = true
			}
			if _, failed := failures[id]; failed {
				want["payment_recovered:"+id] = true
			}
		}
	}
	for id, s := range all(t, "subscription", "/v1/subscriptions/", stripe.ReadSubscription) {
		switch {
		case t.doubtful[id]:
			allowed["subscription_ended:"+id] = true
		case s.Status == billing.Canceled && owned(s.Customer):
			want["subscription_ended:"+id] = true
		}
	}
	rows, documents := t.table("effects", "key"), t.table("documents", "id")
	for key := range want {
		r := rows[key]
		if r == nil {
			t.fault("there is no %s", key)
			continue
		}
		if id, ok := strings.CutPrefix(key, "document:"); ok && (r["status"] != "sent" || documents[id] == nil) {
			t.fault("%s is %v %v, and was made: %v", key, r["status"], r["reason"], documents[id] != nil)
		}
	}
	for key, r := range rows {
		if r["kind"] != "notice" && r["kind"] != "document" || want[key] || allowed[key] {
			continue
		}
		if r["name"] == "card_expiring" || r["name"] == "endpoint_silent" {
			continue // they come by the clock, if somebody looks at the time
		}
		t.fault("there is %s, for which there was no reason: %v %v", key, r["status"], r["reason"])
	}
}
