package apply_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"

	"pgregory.net/rapid"
)

// history is the true life of one tenant's objects, told as Stripe tells it: each
// change is an event with the object as it is then and with previous_attributes
// where Stripe has them. Several changes often fall into one second.
type history struct {
	t       *rapid.T
	now     int64
	n       int
	events  [][]byte
	objects map[string]obj  // as they are now
	born    map[string]obj  // as they were created
	loose   map[string]bool // whose events do not tell their order
	subs    []string
	open    []string // invoices
	paid    []string // charges
	refunds []string
	methods []string
}

const tenant = "acme"

func genHistory(t *rapid.T, base int64, steps int) *history {
	h := &history{t: t, now: base, objects: map[string]obj{}, born: map[string]obj{}, loose: map[string]bool{}}
	for i := range 2 {
		id := fmt.Sprintf("cus_%d", i)
		h.objects[id] = obj{
			"id": id, "object": "customer", "name": "A", "email": "a@example.com", "created": base, "metadata": obj{},
			"invoice_settings": obj{"default_payment_method": nil},
		}
		h.emit("customer.created", id, nil)
		cs := "cs_" + id
		h.objects[cs] = obj{"id": cs, "object": "checkout.session", "customer": id, "client_reference_id": tenant, "mode": "subscription", "metadata": obj{}}
		h.emit("checkout.session.completed", cs, nil)
	}
	steps = rapid.IntRange(steps/2, steps).Draw(t, "steps")
	for range steps {
		h.now += rapid.SampledFrom([]int64{0, 0, 0, 1, 2, 90}).Draw(t, "pause")
		rapid.SampledFrom([]func(){
			h.newSubscription, h.changeSubscription, h.changeSubscription, h.changeSubscription, h.endSubscription,
			h.newInvoice, h.failInvoice, h.failInvoice, h.settleInvoice, h.settleInvoice, h.refund, h.settleRefund, h.method, h.customer,
		}).Draw(t, "step")()
	}
	return h
}

func (h *history) emit(typ, id string, previous obj) { h.emitAs(typ, h.objects[id], previous) }

// late emits a second Event object for what is long past: Stripe makes such, and
// its created is then not that of the change.
func (h *history) late(typ string, object obj) {
	if object != nil && rapid.IntRange(0, 2).Draw(h.t, "late") == 0 {
		h.now++
		h.emitAs(typ, object, nil)
	}
}

func (h *history) emitAs(typ string, object, previous obj) {
	h.n++
	// Ids must not happen to be in the order of time.
	sum := sha256.Sum256([]byte(fmt.Sprint(h.n)))
	data := obj{"object": object}
	if previous != nil {
		data["previous_attributes"] = previous
	}
	b, err := json.Marshal(obj{
		"id": "evt_" + hex.EncodeToString(sum[:8]), "object": "event", "type": typ, "api_version": "2025-11-17.clover",
		"created": h.now, "livemode": false, "data": data, "request": obj{"id": "req_" + hex.EncodeToString(sum[8:12]), "idempotency_key": nil},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.events = append(h.events, b)
}

// change changes an object and returns what was before, nil where nothing changed.
func (h *history) change(id string, to obj) obj {
	o := maps.Clone(h.objects[id])
	previous := obj{}
	for k, v := range to {
		if !reflect.DeepEqual(o[k], v) {
			previous[k], o[k] = o[k], v
		}
	}
	if len(previous) == 0 {
		return nil
	}
	h.objects[id] = o
	return previous
}

func (h *history) update(typ, id string, to obj) bool {
	previous := h.change(id, to)
	if previous != nil {
		h.emit(typ, id, previous)
	}
	return previous != nil
}

func pick(h *history, list []string) string {
	if len(list) == 0 {
		return ""
	}
	return rapid.SampledFrom(list).Draw(h.t, "object")
}

func items(price string, end int64) obj {
	return obj{"object": "list", "data": []any{obj{
		"id": "si_1", "object": "subscription_item", "quantity": 1,
		"current_period_start": 1700000000, "current_period_end": end, "price": obj{"id": price, "object": "price"},
	}}}
}

func (h *history) newSubscription() {
	if len(h.subs) == 3 {
		return
	}
	id := fmt.Sprintf("sub_%d", len(h.subs))
	h.subs = append(h.subs, id)
	h.objects[id] = obj{
		"id": id, "object": "subscription", "customer": fmt.Sprintf("cus_%d", len(h.subs)%2), "metadata": obj{}, "currency": "usd",
		"status": rapid.SampledFrom([]string{"trialing", "active", "incomplete"}).Draw(h.t, "status"), "created": h.now,
		"items": items("price_pro", 1702592000), "cancel_at_period_end": false, "cancel_at": nil, "ended_at": nil, "trial_end": h.now + 86400,
	}
	h.emit("customer.subscription.created", id, nil)
	h.born[id] = h.objects[id]
}

func (h *history) changeSubscription() {
	id := pick(h, h.subs)
	if id == "" {
		return
	}
	if h.objects[id]["status"] == "canceled" {
		h.update("customer.subscription.updated", id, obj{"metadata": obj{"after": fmt.Sprint(rapid.IntRange(0, 2).Draw(h.t, "meta"))}})
		return
	}
	h.late("customer.subscription.created", h.born[id])
	switch rapid.IntRange(0, 4).Draw(h.t, "what") {
	case 0, 1: // there and back again happens often
		h.update("customer.subscription.updated", id, obj{"status": rapid.SampledFrom([]string{"active", "past_due", "unpaid", "trialing"}).Draw(h.t, "status")})
	case 2:
		h.update("customer.subscription.updated", id, obj{"items": items(rapid.SampledFrom([]string{"price_pro", "price_team", "price_unknown"}).Draw(h.t, "price"), 1702592000)})
	case 3:
		h.update("customer.subscription.updated", id, obj{"cancel_at_period_end": rapid.Bool().Draw(h.t, "cancel")})
	case 4:
		if h.objects[id]["status"] == "trialing" {
			h.emit("customer.subscription.trial_will_end", id, nil)
		}
	}
}

func (h *history) endSubscription() {
	id := pick(h, h.subs)
	if id == "" || h.objects[id]["status"] == "canceled" || !rapid.Bool().Draw(h.t, "end") {
		return
	}
	was := h.objects[id]
	h.change(id, obj{"status": "canceled", "ended_at": h.now})
	h.emit("customer.subscription.deleted", id, nil)
	h.late("customer.subscription.updated", was)
}

func (h *history) newInvoice() {
	sub := pick(h, h.subs)
	if sub == "" {
		return
	}
	id := fmt.Sprintf("in_%d", h.n)
	h.open = append(h.open, id)
	h.objects[id] = obj{
		"id": id, "object": "invoice", "customer": h.objects[sub]["customer"], "status": "draft", "currency": "usd", "total": 2900,
		"amount_due": 2900, "amount_paid": 0, "attempt_count": 0, "created": h.now, "number": nil, "metadata": obj{},
		"billing_reason": rapid.SampledFrom([]string{"subscription_cycle", "subscription_cycle", "subscription_create"}).Draw(h.t, "reason"),
		"parent":         obj{"type": "subscription_details", "subscription_details": obj{"subscription": sub}}, "status_transitions": obj{"paid_at": nil},
	}
	h.emit("invoice.created", id, nil)
	previous := h.change(id, obj{"status": "open", "number": "N-" + id})
	h.emit("invoice.updated", id, previous)
	h.emit("invoice.finalized", id, nil)
}

func (h *history) failInvoice() {
	id := pick(h, h.open)
	if id == "" {
		return
	}
	n, _ := h.objects[id]["attempt_count"].(int)
	previous := h.change(id, obj{"attempt_count": n + 1})
	h.emit("invoice.payment_failed", id, nil)
	// Without the companion only what grows tells the order.
	if rapid.IntRange(0, 2).Draw(h.t, "companion") > 0 {
		h.emit("invoice.updated", id, previous)
	}
}

func (h *history) settleInvoice() {
	id := pick(h, h.open)
	if id == "" {
		return
	}
	switch rapid.IntRange(0, 5).Draw(h.t, "settle") {
	case 0:
		h.update("invoice.voided", id, obj{"status": "void"})
	case 1:
		h.update("invoice.marked_uncollectible", id, obj{"status": "uncollectible"})
		return
	default:
		was := h.objects[id]
		previous := h.change(id, obj{"status": "paid", "amount_paid": 2900, "status_transitions": obj{"paid_at": h.now}})
		h.emit("invoice.paid", id, nil)
		h.emit("invoice.updated", id, previous)
		h.emit("invoice.payment_succeeded", id, nil)
		h.late("invoice.updated", was)
		if rapid.IntRange(0, 4).Draw(h.t, "out of band") == 0 {
			break
		}
		ch, pi := "ch_"+id, "pi_"+id
		h.paid = append(h.paid, ch)
		h.objects[ch] = obj{
			"id": ch, "object": "charge", "customer": h.objects[id]["customer"], "payment_intent": pi, "status": "succeeded",
			"amount": 2900, "amount_captured": 2900, "amount_refunded": 0, "refunded": false, "currency": "usd", "created": h.now, "captured": true,
		}
		h.emit("charge.succeeded", ch, nil)
		ip := "inpay_" + id
		h.objects[ip] = obj{
			"id": ip, "object": "invoice_payment", "invoice": id, "status": "paid", "amount_paid": 2900, "currency": "usd",
			"payment": obj{"type": "payment_intent", "payment_intent": pi}, "status_transitions": obj{"paid_at": h.now},
		}
		h.emit("invoice_payment.paid", ip, nil)
	}
	for i, o := range h.open {
		if o == id {
			h.open = append(h.open[:i:i], h.open[i+1:]...)
			break
		}
	}
}

func (h *history) refund() {
	ch := pick(h, h.paid)
	if ch == "" {
		return
	}
	was, _ := h.objects[ch]["amount_refunded"].(int)
	amount := rapid.SampledFrom([]int{500, 2900 - was}).Draw(h.t, "amount")
	if was+amount > 2900 || amount == 0 {
		return
	}
	id := fmt.Sprintf("re_%d", h.n)
	h.refunds = append(h.refunds, id)
	h.objects[id] = obj{
		"id": id, "object": "refund", "charge": ch, "payment_intent": h.objects[ch]["payment_intent"], "status": "pending",
		"amount": amount, "currency": "usd", "created": h.now,
	}
	h.emit("refund.created", id, nil)
	h.update("charge.refunded", ch, obj{"amount_refunded": was + amount, "refunded": was+amount == 2900})
}

func (h *history) settleRefund() {
	id := pick(h, h.refunds)
	if id == "" || h.objects[id]["status"] != "pending" {
		return
	}
	if rapid.Bool().Draw(h.t, "fails") {
		h.update("refund.failed", id, obj{"status": "failed"})
		ch, _ := h.objects[id]["charge"].(string)
		was, _ := h.objects[ch]["amount_refunded"].(int)
		amount, _ := h.objects[id]["amount"].(int)
		h.update("charge.refunded", ch, obj{"amount_refunded": was - amount, "refunded": false})
		return
	}
	h.update("refund.updated", id, obj{"status": "succeeded"})
}

func (h *history) method() {
	if len(h.methods) < 3 && rapid.Bool().Draw(h.t, "attach") {
		id := fmt.Sprintf("pm_%d", len(h.methods))
		h.methods = append(h.methods, id)
		h.objects[id] = obj{
			"id": id, "object": "payment_method", "type": "card", "customer": "cus_0", "created": h.now,
			"card": obj{"brand": "visa", "last4": "4242", "exp_month": 1, "exp_year": 2030},
		}
		h.emit("payment_method.attached", id, nil)
		return
	}
	id := pick(h, h.methods)
	if id == "" || h.objects[id]["customer"] == nil {
		return
	}
	if rapid.Bool().Draw(h.t, "detach") {
		h.update("payment_method.detached", id, obj{"customer": nil})
		return
	}
	h.update("payment_method.updated", id, obj{"card": obj{"brand": "visa", "last4": "4242", "exp_month": rapid.IntRange(1, 12).Draw(h.t, "month"), "exp_year": 2030}})
}

func (h *history) customer() {
	id := fmt.Sprintf("cus_%d", rapid.IntRange(0, 1).Draw(h.t, "customer"))
	if pm := pick(h, h.methods); pm != "" && rapid.Bool().Draw(h.t, "default") {
		h.update("customer.updated", id, obj{"invoice_settings": obj{"default_payment_method": pm}})
		return
	}
	if rapid.IntRange(0, 3).Draw(h.t, "loose") == 0 {
		// Nothing tells the order of these within a second: any answer will do, but it
		// must be the same one every time.
		h.loose[id] = true
		h.change(id, obj{"name": rapid.SampledFrom([]string{"D", "E", "F"}).Draw(h.t, "name")})
		h.emit("customer.updated", id, nil)
		return
	}
	h.update("customer.updated", id, obj{"name": rapid.SampledFrom([]string{"A", "B", "C"}).Draw(h.t, "name")})
}
