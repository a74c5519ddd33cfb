package stripetest

import (
	"slices"
	"strings"
	"time"
)

// event is one Event object. It keeps its object in the newest shape, before
// and after, and is rendered in a version when someone asks: the difference
// between two rendered shapes is that version's previous_attributes.
type event struct {
	id      string
	typ     string
	created int64
	object  Object
	before  Object // nil where the event carries no previous_attributes
	request Object
	acct    *Account
	pending int64
	failed  bool   // some endpoint has not acknowledged it
	thinID  string // the thin event's
}

// carriesPrevious names the event types that say what changed: the updates,
// and the two others that were seen to.
func carriesPrevious(typ string) bool {
	return strings.HasSuffix(typ, ".updated") && typ != "entitlements.active_entitlement_summary.updated" ||
		typ == "charge.refunded" || typ == "payment_method.detached"
}

// emit makes the event of a change of n and queues it for the endpoints.
func (a *Account) emit(typ string, n noun) {
	a.emitObject(typ, n.render())
}

// emitUpdate is emit for an update that may turn out to have changed nothing
// which the object shows; then there is no event.
func (a *Account) emitUpdate(typ string, n noun) {
	after := n.render()
	if before, ok := a.shown[n.ident()]; ok && equal(before, after) {
		return
	}
	a.emitObject(typ, after)
}

func (a *Account) emitObject(typ string, object Object) {
	e := &event{
		id: a.ids.long("evt", a.now), typ: typ, created: a.now, object: object,
		request: a.request, acct: a,
	}
	if e.request == nil || typ == "invoice_payment.paid" {
		e.request = Object{"id": nil, "idempotency_key": nil}
	}
	id := object.ID()
	if carriesPrevious(typ) {
		e.before = a.shown[id]
	}
	if id != "" {
		a.shown[id] = object
	}
	a.record(e)
	if a.roll(a.chaos.SecondObject) {
		twin := *e
		twin.pending, twin.failed = 0, false
		twin.id = "evt_1" + e.id[len("evt_1"):len(e.id)-7] + a.diceLetters(7)
		a.record(&twin)
	}
}

func (a *Account) record(e *event) {
	e.thinID = "evt_test_" + e.id[len("evt_"):]
	a.events = append(a.events, e)
	a.eventByID[e.id] = e
	a.eventByID[e.thinID] = e
	a.enqueue(e)
}

func (e *event) ident() string { return e.id }

func (e *event) render() Object { return e.renderIn(e.acct.cfg.APIVersion) }

// renderIn is the event as an endpoint of that API version receives it.
// https://docs.stripe.com/api/events/object
func (e *event) renderIn(version string) Object {
	data := Object{"object": inVersion(e.object, version)}
	if e.before != nil {
		if changed := difference(inVersion(e.before, version), data["object"].(Object)); len(changed) > 0 {
			data["previous_attributes"] = changed
		}
	}
	return Object{
		"id": e.id, "object": "event", "api_version": version, "created": e.created,
		"data": data, "livemode": e.acct.cfg.Livemode, "pending_webhooks": e.pending,
		"request": e.request, "type": eventTypeIn(e.typ, version),
	}
}

// thin is the event as an endpoint for thin events receives it, and with full
// as GET /v2/core/events shows it.
// https://docs.stripe.com/api/v2/core/events
func (e *event) thin(full bool) Object {
	o := Object{
		"id": e.thinID, "object": "v2.core.event", "type": "v1." + e.typ,
		"created":  time.Unix(e.created, 0).UTC().Format("2006-01-02T15:04:05.000Z"),
		"livemode": e.acct.cfg.Livemode, "context": nil, "reason": nil,
		"related_object": nil,
	}
	if e.request["id"] != nil {
		o["reason"] = Object{"type": "request", "request": e.request}
	}
	if id := e.object.ID(); id != "" {
		kind := e.object.Str("object")
		o["related_object"] = Object{"id": id, "type": kind, "url": objectURL(kind, id)}
	}
	if full {
		o["snapshot_event"] = e.id
		o["data"] = Object{}
		if e.before != nil {
			o["changes"] = Object{"before": difference(e.before, e.object)}
		}
	}
	return o
}

// Event is an event that an account made.
type Event struct {
	ID      string
	Type    string
	Created time.Time
	// Object and Previous are data.object and data.previous_attributes.
	Object   Object
	Previous Object
	// Payload is the whole event as it goes over the wire.
	Payload []byte
}

func (e *event) public(version string) Event {
	o := e.renderIn(version)
	data := o["data"].(Object)
	previous, _ := data["previous_attributes"].(Object)
	return Event{
		ID: e.id, Type: o.Str("type"), Created: time.Unix(e.created, 0).UTC(),
		Object: data["object"].(Object).clone(), Previous: previous.clone(), Payload: o.JSON(),
	}
}

// Events are all events of the given types (of every type without one), oldest
// first, in the account's API version.
func (a *Account) Events(types ...string) []Event {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.eventsIn(a.cfg.APIVersion, types)
}

// EventsIn is Events in another API version.
func (a *Account) EventsIn(version string, types ...string) []Event {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.eventsIn(version, types)
}

func (a *Account) eventsIn(version string, types []string) []Event {
	var out []Event
	for _, e := range a.events {
		if len(types) == 0 || slices.Contains(types, e.typ) {
			out = append(out, e.public(version))
		}
	}
	return out
}

// EventsFrom are the events but the first n, oldest first: what has happened
// since there were n, without rendering the others again.
func (a *Account) EventsFrom(n int) []Event {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []Event
	for _, e := range a.events[min(max(n, 0), len(a.events)):] {
		out = append(out, e.public(a.cfg.APIVersion))
	}
	return out
}

// EventTypes are the types of all events, oldest first: a transcript.
func (a *Account) EventTypes() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]string, len(a.events))
	for i, e := range a.events {
		out[i] = e.typ
	}
	return out
}

// objectPaths are where objects of a kind are fetched.
var objectPaths = map[string]string{
	"billing_portal.session": "/v1/billing_portal/sessions/", "charge": "/v1/charges/",
	"checkout.session": "/v1/checkout/sessions/", "coupon": "/v1/coupons/", "credit_note": "/v1/credit_notes/",
	"customer": "/v1/customers/", "dispute": "/v1/disputes/", "invoice": "/v1/invoices/",
	"invoice_payment": "/v1/invoice_payments/", "invoiceitem": "/v1/invoiceitems/",
	"payment_intent": "/v1/payment_intents/", "payment_method": "/v1/payment_methods/", "price": "/v1/prices/",
	"product": "/v1/products/", "promotion_code": "/v1/promotion_codes/", "refund": "/v1/refunds/",
	"subscription": "/v1/subscriptions/", "subscription_schedule": "/v1/subscription_schedules/",
	"tax_rate": "/v1/tax_rates/", "test_helpers.test_clock": "/v1/test_helpers/test_clocks/",
}

func objectURL(kind, id string) string { return objectPaths[kind] + id }
