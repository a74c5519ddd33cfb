package stripe

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// ErrPayload is what ParseEvent's errors wrap. The text names the field.
var ErrPayload = errors.New("not a Stripe event")

// maxID is the longest id that is stored, in bytes. Stripe advises room for 255.
const maxID = 255

// maxCreated is the last second of the year 9999.
const maxCreated = 253402300799

// Event is the envelope of a snapshot event (object "event") or of a thin one
// (object "v2.core.event"), https://docs.stripe.com/api/events/object and
// https://docs.stripe.com/api/v2/core/events/object.
type Event struct {
	ID         string
	Type       string // without the prefix "v1." that thin events have
	APIVersion string // in which Object is rendered; empty in thin and very old events
	Account    string // the connected account; of a thin event, its context where that is an account
	Context    string // as sent
	Created    int64  // Unix seconds
	Livemode   bool
	Thin       bool // has no Object: what it is about must be fetched

	ObjectID   string // empty where the object has none (invoice.upcoming)
	ObjectType string
	// Customer is whom the object belongs to: its customer, its own id where it
	// is one, else the customer that it has just been detached from.
	Customer string

	// Of the request that caused the event; empty where Stripe itself did.
	RequestID      string
	IdempotencyKey string

	Object   Value // data.object
	Previous Value // data.previous_attributes

	RelatedURL    string // thin: the path under which the object is fetched
	SnapshotEvent string // thin: the snapshot event that tells the same change

	Body []byte // as received; Object and Previous refer to it
}

// ParseEvent reads an event's envelope. It does not check signatures, and does
// not copy body, which must not change any more. Errors wrap ErrPayload, and
// ErrSyntax where body is not even JSON.
func ParseEvent(body []byte) (*Event, error) {
	v, err := Parse(body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	if v.Kind() != KindObject {
		return nil, fmt.Errorf("%w: it is not an object but %s", ErrPayload, v.Kind())
	}
	e := &Event{Body: body}
	if err := e.readEnvelope(v); err != nil {
		return nil, err
	}
	if e.Thin {
		err = e.readRelated(v)
	} else {
		err = e.readData(v.Get("data"))
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

func badField(name, what string) error {
	return fmt.Errorf("%w: %s %s", ErrPayload, name, what)
}

// readEnvelope reads what snapshot and thin events have in common.
func (e *Event) readEnvelope(v Value) error {
	switch object := v.Get("object"); {
	case object.IsNull(): // what only has data.object is taken for a snapshot
	case object.Kind() != KindString:
		return badField("object", "is not a string")
	default:
		word := object.Str()
		if e.Thin = word == "v2.core.event"; !e.Thin && word != "event" {
			return badField("object", `is neither "event" nor "v2.core.event"`)
		}
	}

	id := v.Get("id")
	switch e.ID = id.Str(); {
	case id.IsNull():
		return badField("id", "is missing")
	case id.Kind() != KindString:
		return badField("id", "is not a string")
	case !isEventID(e.ID):
		return badField("id", "is not 1 to 255 of A-Z, a-z, 0-9, _ and -")
	}

	kind := v.Get("type")
	switch e.Type = kind.Str(); {
	case kind.IsNull():
		return badField("type", "is missing")
	case kind.Kind() != KindString:
		return badField("type", "is not a string")
	case !isPrintable(e.Type):
		return badField("type", "is longer than 255 bytes or has control characters")
	}
	if e.Thin {
		e.Type = strings.TrimPrefix(e.Type, "v1.")
	}
	if e.Type == "" {
		return badField("type", "is empty")
	}

	created := v.Get("created")
	t, ok := created.time()
	switch {
	case created.IsNull():
		return badField("created", "is missing")
	case !ok || (!e.Thin && created.Kind() != KindNumber):
		return badField("created", "is not a time")
	case t < 0 || t > maxCreated:
		return badField("created", "is out of range")
	}
	e.Created = t

	switch livemode := v.Get("livemode"); {
	case livemode.Kind() == KindBool:
		e.Livemode = livemode.Bool()
	case !livemode.IsNull():
		return badField("livemode", "is not a boolean")
	}

	account := v.Get("account")
	if e.Account = account.Str(); !account.IsNull() && (account.Kind() != KindString || !isPrintable(e.Account)) {
		return badField("account", "is not an id")
	}

	e.APIVersion = printable(v.Get("api_version"))
	if e.Context = printable(v.Get("context")); e.Thin && e.Account == "" && isAccount(e.Context) {
		e.Account = e.Context
	}
	request := v.Get("request") // an object; its id before 2017-05-25
	e.RequestID = printable(First(request.Get("id"), request))
	e.IdempotencyKey = printable(request.Get("idempotency_key"))
	return nil
}

// readData reads what a snapshot event tells. One that tells nothing (ping, as
// Stripe sent it until 2017) is strange, but an event.
func (e *Event) readData(data Value) error {
	if !data.IsNull() && data.Kind() != KindObject {
		return badField("data", "is not an object")
	}
	object := data.Get("object")
	switch {
	case object.IsNull():
		return nil
	case object.Kind() != KindObject:
		return badField("data.object", "is not an object")
	}
	e.Object = object
	if previous := data.Get("previous_attributes"); previous.Kind() == KindObject {
		e.Previous = previous
	}
	e.ObjectID = e.Object.Get("id").Str()
	e.ObjectType = e.Object.Get("object").Str()
	if e.ObjectType == "customer" {
		e.Customer = e.ObjectID
	} else if e.Customer = e.Object.Get("customer").ID(); e.Customer == "" {
		e.Customer = e.Previous.Get("customer").ID()
	}
	return e.checkObject("data.object.")
}

// readRelated reads what a thin event is about, which may be nothing.
func (e *Event) readRelated(v Value) error {
	related := v.Get("related_object")
	if !related.IsNull() && related.Kind() != KindObject {
		return badField("related_object", "is not an object")
	}
	e.ObjectID = related.Get("id").Str()
	e.ObjectType = related.Get("type").Str()
	e.RelatedURL = related.Get("url").text()
	e.SnapshotEvent = v.Get("snapshot_event").ID()
	if e.SnapshotEvent != "" && !isEventID(e.SnapshotEvent) {
		return badField("snapshot_event", "is not an event's id")
	}
	if e.ObjectType == "customer" {
		e.Customer = e.ObjectID
	}
	return e.checkObject("related_object.")
}

func (e *Event) checkObject(prefix string) error {
	switch {
	case !isPrintable(e.ObjectID):
		return badField(prefix+"id", "is longer than 255 bytes or has control characters")
	case !isPrintable(e.ObjectType):
		return badField(prefix+"object", "is longer than 255 bytes or has control characters")
	case !isPrintable(e.Customer):
		return badField(prefix+"customer", "is longer than 255 bytes or has control characters")
	}
	return nil
}

// isAccount tells an account from a path of accounts (acct_1/acct_2) or an
// organization, which name nothing that requests could be made for.
func isAccount(s string) bool { return strings.HasPrefix(s, "acct_") && isEventID(s) }

func isEventID(s string) bool {
	if s == "" || len(s) > maxID {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case '0' <= c && c <= '9', 'A' <= c && c <= 'Z', 'a' <= c && c <= 'z', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// isPrintable reports whether s may be a key in the store: at most 255 bytes, no
// control characters (PostgreSQL refuses NUL) and nothing that was not UTF-8.
// Ids that the account's owner chose (of plans, coupons, products) may have any
// other character.
func isPrintable(s string) bool {
	if len(s) > maxID {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return !strings.ContainsFunc(s, func(r rune) bool { return r == unicode.ReplacementChar || unicode.IsControl(r) })
		}
	}
	return true
}

// printable is a string that is only shown; what could not be stored reads as
// absent.
func printable(v Value) string {
	if s := v.Str(); isPrintable(s) {
		return s
	}
	return ""
}
