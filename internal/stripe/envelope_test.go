package stripe

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var envelopeOnly = cmpopts.IgnoreFields(Event{}, "Object", "Previous", "Body")

func TestParseEvent(t *testing.T) {
	for _, test := range []struct {
		name, body string
		want       Event
	}{
		{
			"snapshot", `{"id":"evt_1","object":"event","api_version":"2025-11-17.clover","created":1700000000,"type":"customer.subscription.updated","livemode":true,"account":"acct_1","context":"acct_1","pending_webhooks":1,
				"request":{"id":"req_1","idempotency_key":"key-1"},"data":{"object":{"id":"sub_1","object":"subscription","customer":"cus_1"},"previous_attributes":{"status":"trialing"}}}`,
			Event{
				ID: "evt_1", Type: "customer.subscription.updated", APIVersion: "2025-11-17.clover", Account: "acct_1", Context: "acct_1", Created: 1700000000, Livemode: true,
				ObjectID: "sub_1", ObjectType: "subscription", Customer: "cus_1", RequestID: "req_1", IdempotencyKey: "key-1",
			},
		},
		{
			"request null, customer expanded", `{"id":"evt_1","object":"event","created":0,"type":"invoice.paid","api_version":null,"request":null,"data":{"object":{"id":"in_1","object":"invoice","customer":{"id":"cus_1"}}}}`,
			Event{ID: "evt_1", Type: "invoice.paid", ObjectID: "in_1", ObjectType: "invoice", Customer: "cus_1"},
		},
		{
			"request as a string, no object, no livemode", `{"id":"evt_00000000000000","created":1326853478,"type":"charge.failed","request":"iar_1","data":{"object":{"id":"ch_1","object":"charge"}}}`,
			Event{ID: "evt_00000000000000", Type: "charge.failed", Created: 1326853478, ObjectID: "ch_1", ObjectType: "charge", RequestID: "iar_1"},
		},
		{
			"made by Stripe, with a key", `{"id":"evt_1","created":1.7e9,"type":"x","request":{"id":null,"idempotency_key":"k"},"data":{"object":{}}}`,
			Event{ID: "evt_1", Type: "x", Created: 1700000000, IdempotencyKey: "k"},
		},
		{
			"an upcoming invoice has no id", `{"id":"evt_1","object":"event","created":5,"type":"invoice.upcoming","data":{"object":{"object":"invoice","customer":"cus_1"}}}`,
			Event{ID: "evt_1", Type: "invoice.upcoming", Created: 5, ObjectType: "invoice", Customer: "cus_1"},
		},
		{
			"a customer is its own", `{"id":"evt_1","object":"event","created":5,"type":"customer.updated","data":{"object":{"id":"cus_1","object":"customer","customer":"cus_2"}}}`,
			Event{ID: "evt_1", Type: "customer.updated", Created: 5, ObjectID: "cus_1", ObjectType: "customer", Customer: "cus_1"},
		},
		{
			"detached", `{"id":"evt_1","object":"event","created":5,"type":"payment_method.detached","data":{"object":{"id":"pm_1","object":"payment_method","customer":null},"previous_attributes":{"customer":"cus_1"}}}`,
			Event{ID: "evt_1", Type: "payment_method.detached", Created: 5, ObjectID: "pm_1", ObjectType: "payment_method", Customer: "cus_1"},
		},
		{
			"an id that the account's owner chose", `{"id":"evt_1","object":"event","created":5,"type":"plan.created","data":{"object":{"id":"Größe L / 10 €","object":"plan"},"previous_attributes":null}}`,
			Event{ID: "evt_1", Type: "plan.created", Created: 5, ObjectID: "Größe L / 10 €", ObjectType: "plan"},
		},
		{
			"what is only shown reads as absent", `{"id":"evt_1","object":"event","created":5,"type":"x","api_version":7,"context":{"a":1},"request":{"id":"a\u0000b","idempotency_key":5},"data":{"object":{"id":7,"object":[]}}}`,
			Event{ID: "evt_1", Type: "x", Created: 5},
		},
		{
			"thin", `{"id":"evt_test_65R","object":"v2.core.event","type":"v1.invoice.paid","created":"2026-10-01T00:00:00.000Z","livemode":false,"context":"acct_1","snapshot_event":"evt_2",
				"related_object":{"id":"in_1","type":"invoice","url":"/v1/invoices/in_1"},"reason":{"type":"request","request":{"id":"req_1"}}}`,
			Event{ID: "evt_test_65R", Type: "invoice.paid", Account: "acct_1", Context: "acct_1", Created: 1790812800, Thin: true, ObjectID: "in_1", ObjectType: "invoice", RelatedURL: "/v1/invoices/in_1", SnapshotEvent: "evt_2"},
		},
		{
			"thin, of an account below another", `{"id":"evt_1","object":"v2.core.event","type":"v1.x","created":"2026-10-01T00:00:00Z","context":"acct_1/acct_2"}`,
			Event{ID: "evt_1", Type: "x", Context: "acct_1/acct_2", Created: 1790812800, Thin: true},
		},
		{
			"thin, of v2, about nothing", `{"id":"evt_1","object":"v2.core.event","type":"v2.core.event_destination.ping","created":"2026-10-01T02:00:00+02:00","livemode":true,"related_object":null}`,
			Event{ID: "evt_1", Type: "v2.core.event_destination.ping", Created: 1790812800, Livemode: true, Thin: true},
		},
		{
			"thin, about a customer", `{"id":"evt_1","object":"v2.core.event","type":"v1.customer.updated","created":"2026-10-01T00:00:00Z","related_object":{"id":"cus_1","type":"customer"}}`,
			Event{ID: "evt_1", Type: "customer.updated", Created: 1790812800, Thin: true, ObjectID: "cus_1", ObjectType: "customer", Customer: "cus_1"},
		},
		{
			"only thin events have the prefix", `{"id":"evt_1","object":"event","type":"v1.x","created":5,"data":{"object":{}}}`,
			Event{ID: "evt_1", Type: "v1.x", Created: 5},
		},
	} {
		e, err := ParseEvent([]byte(test.body))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if diff := cmp.Diff(test.want, *e, envelopeOnly); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
		if string(e.Body) != test.body || e.Object.Exists() == e.Thin {
			t.Errorf("%s: the body or the object is missing", test.name)
		}
	}

	e, err := ParseEvent(sampleEvent(t))
	if err != nil {
		t.Fatal(err)
	}
	if e.Object.Get("status").Str() != "active" || !e.Previous.Get("cancel_at").IsNull() || !e.Previous.Get("cancel_at").Exists() {
		t.Errorf("the sample's object %.40s or previous attributes %s", e.Object.Raw(), e.Previous.Raw())
	}
}

func TestParseEventErrors(t *testing.T) {
	long := strings.Repeat("x", 256)
	for _, test := range []struct{ name, body, field string }{
		{"empty", ``, "invalid JSON"},
		{"not JSON", `<xml/>`, "invalid JSON"},
		{"two", `{"id":"evt_1"}{}`, "invalid JSON"},
		{"an array", `[]`, "not an object"},
		{"null", `null`, "not an object"},
		{"another object", `{"id":"cus_1","object":"customer","type":"x","created":1,"data":{"object":{}}}`, "object is neither"},
		{"object of another type", `{"object":5}`, "object is not a string"},
		{"a list", `{"object":"list","data":[]}`, "object is neither"},
		{"no id", `{"object":"event"}`, "id is missing"},
		{"id null", `{"id":null}`, "id is missing"},
		{"id a number", `{"id":5}`, "id is not a string"},
		{"id empty", `{"id":""}`, "id is not 1 to 255"},
		{"id with a dot", `{"id":"evt.1"}`, "id is not 1 to 255"},
		{"id with a NUL", `{"id":"evt_\u0000"}`, "id is not 1 to 255"},
		{"id beyond ASCII", `{"id":"évt_1"}`, "id is not 1 to 255"},
		{"id too long", `{"id":"` + long + `"}`, "id is not 1 to 255"},
		{"no type", `{"id":"evt_1"}`, "type is missing"},
		{"type a list", `{"id":"evt_1","type":["x"]}`, "type is not a string"},
		{"type empty", `{"id":"evt_1","type":""}`, "type is empty"},
		{"type only a prefix", `{"id":"evt_1","object":"v2.core.event","type":"v1."}`, "type is empty"},
		{"type too long", `{"id":"evt_1","type":"` + long + `"}`, "type is longer"},
		{"type with a line break", `{"id":"evt_1","type":"a\nb"}`, "type is longer than 255 bytes or has control characters"},
		{"type with a C1 control", `{"id":"evt_1","type":"a\u0085b"}`, "type is longer than 255 bytes or has control characters"},
		{"type with DEL", "{\"id\":\"evt_1\",\"type\":\"a\x7fb\"}", "type is longer than 255 bytes or has control characters"},
		{"no created", `{"id":"evt_1","type":"x"}`, "created is missing"},
		{"created negative", `{"id":"evt_1","type":"x","created":-1}`, "created is out of range"},
		{"created far off", `{"id":"evt_1","type":"x","created":253402300800}`, "created is out of range"},
		{"created with a fraction", `{"id":"evt_1","type":"x","created":1.5}`, "created is not a time"},
		{"created a string", `{"id":"evt_1","type":"x","created":"1700000000"}`, "created is not a time"},
		{"created a time, but not thin", `{"id":"evt_1","type":"x","created":"2026-10-01T00:00:00Z"}`, "created is not a time"},
		{"thin, created not a time", `{"id":"evt_1","object":"v2.core.event","type":"x","created":"now"}`, "created is not a time"},
		{"thin, created before 1970", `{"id":"evt_1","object":"v2.core.event","type":"x","created":"1969-12-31T23:59:59Z"}`, "created is out of range"},
		{"livemode a string", `{"id":"evt_1","type":"x","created":1,"livemode":"true"}`, "livemode"},
		{"account an object", `{"id":"evt_1","type":"x","created":1,"account":{"id":"acct_1"}}`, "account"},
		{"account with a NUL", `{"id":"evt_1","type":"x","created":1,"account":"a\u0000"}`, "account"},
		{"data a list", `{"id":"evt_1","type":"x","created":1,"data":[]}`, "data is not an object"},
		{"data.object an id", `{"id":"evt_1","type":"x","created":1,"data":{"object":"sub_1"}}`, "data.object"},
		{"object id too long", `{"id":"evt_1","type":"x","created":1,"data":{"object":{"id":"` + long + `"}}}`, "data.object.id"},
		{"object id with a NUL", `{"id":"evt_1","type":"x","created":1,"data":{"object":{"id":"a\u0000"}}}`, "data.object.id"},
		{"object id with a tab", `{"id":"evt_1","type":"x","created":1,"data":{"object":{"id":"a\t"}}}`, "data.object.id"},
		{"object id not UTF-8", "{\"id\":\"evt_1\",\"type\":\"x\",\"created\":1,\"data\":{\"object\":{\"id\":\"a\xff\"}}}", "data.object.id"},
		{"object type with a NUL", `{"id":"evt_1","type":"x","created":1,"data":{"object":{"object":"\u0000"}}}`, "data.object.object"},
		{"customer too long", `{"id":"evt_1","type":"x","created":1,"data":{"object":{"customer":"` + long + `"}}}`, "data.object.customer"},
		{"customer with a NUL", `{"id":"evt_1","type":"x","created":1,"data":{"object":{"customer":{"id":"\u0000"}}}}`, "data.object.customer"},
		{"thin, related_object an id", `{"id":"evt_1","object":"v2.core.event","type":"x","created":"2026-10-01T00:00:00Z","related_object":"in_1"}`, "related_object"},
		{"thin, related id with a NUL", `{"id":"evt_1","object":"v2.core.event","type":"x","created":"2026-10-01T00:00:00Z","related_object":{"id":"\u0000"}}`, "related_object.id"},
		{"thin, snapshot_event", `{"id":"evt_1","object":"v2.core.event","type":"x","created":"2026-10-01T00:00:00Z","snapshot_event":"evt 1"}`, "snapshot_event"},
	} {
		e, err := ParseEvent([]byte(test.body))
		if !errors.Is(err, ErrPayload) || e != nil {
			t.Errorf("%s: %v, %v, want ErrPayload", test.name, e, err)
		} else if !strings.Contains(err.Error(), test.field) {
			t.Errorf("%s: %q does not say %q", test.name, err, test.field)
		}
	}
	if _, err := ParseEvent([]byte(`{`)); !errors.Is(err, ErrSyntax) {
		t.Errorf("broken JSON: %v is not ErrSyntax", err)
	}
}

// TestParseEventWithoutObject: what tells nothing is strange, but an event, and is kept.
func TestParseEventWithoutObject(t *testing.T) {
	for _, data := range []string{``, `,"data":null`, `,"data":{}`, `,"data":{"object":null}`} {
		e, err := ParseEvent([]byte(`{"id":"evt_1","type":"ping","created":1` + data + `}`))
		if err != nil || e.ObjectID != "" || e.Object.Exists() {
			t.Errorf("%q: %v %v", data, e, err)
		}
	}
}
