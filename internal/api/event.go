package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/bursarhq/bursar/internal/store"
)

// Event is an event of the inbox.
type Event struct {
	ID         string     `json:"id"`
	Type       string     `json:"type"`
	Status     string     `json:"status" enum:"applied,stale,parked,ignored,failed,dead"`
	Tenant     *string    `json:"tenant"`
	Object     *string    `json:"object" doc:"The id of the object that it is about."`
	Livemode   bool       `json:"livemode"`
	Account    *string    `json:"account" doc:"null for the own account."`
	APIVersion *string    `json:"api_version"`
	Created    *time.Time `json:"created" doc:"By Stripe's clock, whole seconds."`
	ReceivedAt *time.Time `json:"received_at"`
	AppliedAt  *time.Time `json:"applied_at"`
	Deliveries int64      `json:"deliveries" doc:"How often it was received."`
	Attempts   int64      `json:"attempts" doc:"How often its rule failed."`
	Error      *string    `json:"error" doc:"Why it was not simply applied."`
}

// EventDetail is an event with its payload and what it changed.
type EventDetail struct {
	Event
	Payload Object   `json:"payload" doc:"As Stripe sent it; null where it is no longer kept."`
	Changes []Change `json:"changes" nullable:"false" doc:"The timeline's entries that it caused."`
}

func eventShape(e *store.Event) Event {
	return Event{
		ID: e.ID, Type: e.Type, Status: e.Status, Tenant: text(e.Tenant), Object: text(e.ObjectID), Livemode: e.Livemode, Account: text(e.Account),
		APIVersion: text(e.APIVersion), Created: seconds(e.Created), ReceivedAt: micros(e.ReceivedAt), AppliedAt: micros(e.AppliedAt),
		Deliveries: e.Deliveries, Attempts: e.Attempts, Error: text(e.Error),
	}
}

// EventQuery selects events.
type EventQuery struct {
	OfAccount
	InPages
	Type   string `query:"type" maxLength:"200" doc:"Those of this type."`
	Status string `query:"status" enum:"applied,stale,parked,ignored,failed,dead" doc:"Those with this status."`
	Tenant string `query:"tenant" maxLength:"128" doc:"Those of this tenant's customers."`
	Since  string `query:"since" maxLength:"50" doc:"Those received then or later: RFC 3339, or Unix seconds."`
}

func (s *server) listEvents(ctx context.Context, in *EventQuery) (List[Event], error) {
	page, err := in.page()
	if err != nil {
		return List[Event]{}, err
	}
	since, err := parseSince(in.Since)
	if err != nil {
		return List[Event]{}, err
	}
	rows, err := s.read.Events(ctx, s.key(ctx, in.Account, ""), store.EventFilter{Type: in.Type, Status: in.Status, Tenant: in.Tenant, Since: since}, page)
	return listOf(rows, eventShape), err
}

// parseSince reads a time in Unix microseconds; the empty text is the beginning.
func parseSince(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	// Years in which the time fits into a row's sequence number.
	const last = 4_102_444_800 // 2100
	t, err := time.Parse(time.RFC3339, text)
	if n, wrong := strconv.ParseInt(text, 10, 64); wrong == nil {
		t, err = time.Unix(min(max(n, 0), last), 0), nil
	}
	if err != nil {
		return 0, invalid("since", "want a time such as 2026-01-31T00:00:00Z, or Unix seconds")
	}
	return min(max(t.UnixMicro(), 0), last*1_000_000), nil
}

func (s *server) getEvent(ctx context.Context, in *OfID) (EventDetail, error) {
	return s.event(ctx, s.key(ctx, in.Account, in.ID))
}

func (s *server) event(ctx context.Context, k store.Key) (EventDetail, error) {
	row, err := s.read.Event(ctx, k)
	if err != nil {
		return EventDetail{}, absent(err, "event", k.ID)
	}
	out := EventDetail{Event: eventShape(&row), Changes: []Change{}}
	payload, err := s.read.Payload(ctx, row.Seq)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return EventDetail{}, err
	}
	out.Payload = Object(payload)
	changes, err := s.read.ChangesOf(ctx, &row)
	for i := range changes {
		out.Changes = append(out.Changes, changeShape(&changes[i]))
	}
	return out, err
}

func (s *server) replayEvent(ctx context.Context, in *OfID) (EventDetail, error) {
	k := s.key(ctx, in.Account, in.ID)
	row, err := s.read.Event(ctx, k)
	if err != nil {
		return EventDetail{}, absent(err, "event", in.ID)
	}
	if row.Livemode != k.Livemode {
		return EventDetail{}, problem(http.StatusConflict, "other_mode", "Event %s is of the other mode than the database's.", in.ID)
	}
	if _, err := s.Engine.Replay(ctx, k); err != nil {
		return EventDetail{}, absent(err, "event", in.ID)
	}
	return s.event(ctx, k)
}
