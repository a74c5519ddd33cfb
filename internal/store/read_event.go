package store

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"strings"
)

// Event is an event of the inbox and whose it is.
type Event struct {
	InboxEvent
	Tenant string // of its customer, empty where that has none
}

// EventFilter selects events; empty fields select all.
type EventFilter struct {
	Type   string
	Status string
	Tenant string
	Since  int64 // received then or later, Unix microseconds
}

var eventColumns = func() string {
	cols := make([]string, len(inboxDef.cols))
	for i, c := range inboxDef.cols {
		cols[i] = "i." + c
	}
	return strings.Join(cols, ", ")
}()

func (r *Reader) events(ctx context.Context, w *where) ([]Event, error) {
	var out []Event
	err := r.scan(ctx, func(rows *sql.Rows) error {
		out = append(out, Event{})
		e := &out[len(out)-1]
		return rows.Scan(append(inboxDef.targets(reflect.ValueOf(&e.InboxEvent).Elem()), &e.Tenant)...)
	}, `SELECT `+eventColumns+`, COALESCE(c.tenant, '') FROM inbox i
		LEFT JOIN customers c ON c.account = i.account AND c.livemode = i.livemode AND c.id = i.customer
		WHERE `+w.text(), w.args...)
	if err != nil {
		return nil, fmt.Errorf("read inbox: %w", err)
	}
	return out, nil
}

// Events lists the inbox of an account by when events were received. Events of the
// other mode, which are kept as ignored, are in it, too.
func (r *Reader) Events(ctx context.Context, of Key, f EventFilter, p Page) (List[Event], error) {
	w := &where{}
	if f.Tenant == "" {
		// Nearly all events are of the own account: an index on it would be read whole
		// and sorted, where the sequence numbers are in order already.
		w.and("i.account || '' = $%d", of.Account)
	} else {
		w.and("i.account = $%d", of.Account)
	}
	w.and("i.seq < $%d", p.below().At)
	if f.Type != "" {
		w.and("i.type = $%d", f.Type)
	}
	// In the words of the indexes that have but some statuses.
	switch f.Status {
	case "":
	case Failed, Parked, Dead:
		w.and("i.status = $%d AND i.status <> 'applied' AND i.status IN ('failed', 'parked', 'dead')", f.Status)
	case Applied:
		w.and("i.status = $%d", f.Status)
	default:
		w.and("i.status = $%d AND i.status <> 'applied'", f.Status)
	}
	if f.Tenant != "" {
		w.and(`i.livemode = $%d AND i.customer IN (SELECT t.id FROM customers t WHERE t.account = $1 AND t.livemode = i.livemode AND t.tenant = $%d)`,
			of.Livemode, f.Tenant)
	}
	if f.Since != 0 {
		w.and("i.seq >= $%d AND i.received_at >= $%d", f.Since<<seqBits, f.Since)
	}
	w.limit("i.seq DESC", p)
	rows, err := r.events(ctx, w)
	return cut(rows, p, func(e *Event) Cursor { return Cursor{At: e.Seq} }), err
}

// Event is an event of the inbox, of either mode.
func (r *Reader) Event(ctx context.Context, k Key) (Event, error) {
	w := &where{}
	w.and("i.account = $%d AND i.livemode IN (TRUE, FALSE) AND i.event_id = $%d", k.Account, k.ID)
	rows, err := r.events(ctx, w)
	if err != nil {
		return Event{}, err
	}
	for _, e := range rows {
		if e.Livemode == k.Livemode || len(rows) == 1 {
			return e, nil
		}
	}
	return Event{}, fmt.Errorf("%w: event %s", ErrNotFound, k.ID)
}

// Payload is the bytes of an event that were signed. ErrNotFound says that they are
// no longer kept.
func (r *Reader) Payload(ctx context.Context, seq int64) ([]byte, error) {
	var p payload
	found := false
	err := r.scan(ctx, func(rows *sql.Rows) error {
		found = true
		return rows.Scan(&p.Dict, &p.Body)
	}, `SELECT dict, body FROM payloads WHERE seq = $1`, seq)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, fmt.Errorf("%w: payload %d", ErrNotFound, seq)
	}
	return unpack(p.Dict, p.Body)
}

// ChangesOf are the timeline's entries that an event caused, in their order: those
// of all tenants that its customer is or was said to be of.
func (r *Reader) ChangesOf(ctx context.Context, e *Event) ([]TimelineEntry, error) {
	if e.Customer == "" {
		return nil, nil
	}
	return rowsOfTable[TimelineEntry](ctx, r, timelineDef, `account = $1 AND livemode = $2 AND event = $4 AND tenant IN (
		SELECT c.tenant FROM customers c WHERE c.account = $1 AND c.livemode = $2 AND c.id = $3
		UNION SELECT l.tenant FROM customer_links l WHERE l.account = $1 AND l.livemode = $2 AND l.customer = $3) ORDER BY at, tenant, no`,
		e.Account, e.Livemode, e.Customer, e.ID)
}
