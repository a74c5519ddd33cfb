package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bursarhq/bursar/internal/api"
	"github.com/bursarhq/bursar/internal/store"
)

type eventsCommand struct {
	List   eventsListCommand   `cmd:"" help:"List the events that were received, newest first."`
	Show   eventsShowCommand   `cmd:"" help:"Show an event: what became of it, what it changed, its payload."`
	Replay eventsReplayCommand `cmd:"" help:"Apply events again. What has already been sent is not sent again."`
}

var eventStatuses = []string{store.Applied, store.Stale, store.Parked, store.Ignored, store.Failed, store.Dead}

// EventFilter selects events.
type EventFilter struct {
	Type    string `help:"Only those of this type." placeholder:"TYPE"`
	Status  string `help:"Only those with this status: applied, stale, parked, ignored, failed or dead." placeholder:"STATUS"`
	Tenant  string `help:"Only those of this tenant." placeholder:"TENANT"`
	Since   string `help:"Only those received then or later: a time, or how long ago (90m, 24h, 7d)." placeholder:"TIME"`
	Account string `help:"Of this connected account instead of the own one." placeholder:"ACCT"`
}

// query is the filter as the API takes it.
func (f EventFilter) query(now time.Time) (url.Values, error) {
	q := url.Values{}
	if f.Status != "" && !slices.Contains(eventStatuses, f.Status) {
		return nil, misused("--status: %q is not accepted; write one of %s", f.Status, strings.Join(eventStatuses, ", "))
	}
	for name, text := range map[string]string{"type": f.Type, "status": f.Status, "tenant": f.Tenant} {
		if text != "" {
			q.Set(name, text)
		}
	}
	if f.Since != "" {
		since, err := parseSince(f.Since, now)
		if err != nil {
			return nil, misused("--since: %w", err)
		}
		q.Set("since", since.UTC().Format(time.RFC3339Nano))
	}
	return q, nil
}

// parseSince reads a time, or how long before now.
func parseSince(text string, now time.Time) (time.Time, error) {
	if ago, ok := parseDuration(text); ok {
		return now.Add(-ago), nil
	}
	t, err := parseTime(text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not accepted; write a time such as 2026-01-31T00:00:00Z, Unix seconds, or how long ago, such as 90m or 7d", text)
	}
	return t, nil
}

type eventsListCommand struct {
	Settings
	EventFilter
	Limit int  `help:"How many; 0 for all." default:"20"`
	JSON  bool `name:"json" help:"Print JSON."`
}

func (eventsListCommand) Help() string {
	return examples(
		"bursar events list --status failed",
		"bursar events list --tenant acme --type invoice.paid --limit 5",
		"bursar events list --since 24h --json",
	)
}

// Run lists events.
func (c eventsListCommand) Run(ctx context.Context, s *system) error {
	if c.Limit < 0 {
		return misused("--limit: %d is not accepted; write a number from 0 on", c.Limit)
	}
	q, err := c.query(s.now())
	if err != nil {
		return err
	}
	l, err := c.openLocal(ctx, s, c.Account)
	if err != nil {
		return err
	}
	defer l.close()
	events, more, err := listRows[api.Event](ctx, l, "/v1/events", q, c.Limit)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s.stdout, map[string]any{"data": events})
	}
	rows := [][]string{{"RECEIVED", "EVENT", "TYPE", "STATUS", "TENANT", "REASON"}}
	for _, e := range events {
		rows = append(rows, []string{shortTime(e.ReceivedAt), e.ID, e.Type, e.Status, dash(textOf(e.Tenant)), textOf(e.Error)})
	}
	return printPage(s, rows, more)
}

// eventDetail is api.EventDetail, read. The payload stays as it came, so that no
// number loses a digit.
type eventDetail struct {
	api.Event
	Payload json.RawMessage `json:"payload"`
	Changes []api.Change    `json:"changes"`
}

type eventsShowCommand struct {
	Settings
	ID      string `arg:"" help:"The event's id, evt_…."`
	Account string `help:"Of this connected account instead of the own one." placeholder:"ACCT"`
	JSON    bool   `name:"json" help:"Print JSON."`
}

func (eventsShowCommand) Help() string {
	return examples("bursar events show evt_1PqY…", "bursar events show evt_1PqY… --json")
}

// Run shows an event.
func (c eventsShowCommand) Run(ctx context.Context, s *system) error {
	l, err := c.openLocal(ctx, s, c.Account)
	if err != nil {
		return err
	}
	defer l.close()
	var e eventDetail
	if err := l.ask(ctx, http.MethodGet, "/v1/events/"+url.PathEscape(c.ID), nil, &e); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s.stdout, e)
	}
	rows := [][]string{
		{"event", e.ID},
		{"type", e.Type},
		{"status", e.Status},
		{"reason", dash(textOf(e.Error))},
		{"tenant", dash(textOf(e.Tenant))},
		{"object", dash(textOf(e.Object))},
		{"api version", dash(textOf(e.APIVersion))},
		{"created", shortTime(e.Created)},
		{"received", shortTime(e.ReceivedAt) + ", " + counted(int(e.Deliveries), "time")},
		{"applied", shortTime(e.AppliedAt)},
	}
	if err := printTable(s.stdout, rows); err != nil {
		return err
	}
	for _, ch := range e.Changes {
		fmt.Fprintf(s.stdout, "changed %s: %s → %s\n", ch.What, dash(textOf(ch.From)), dash(textOf(ch.To)))
	}
	if string(e.Payload) == "null" {
		_, err = fmt.Fprintln(s.stdout, "\nThe payload is no longer kept.")
		return err
	}
	fmt.Fprintln(s.stdout)
	return printJSON(s.stdout, e.Payload)
}

type eventsReplayCommand struct {
	Settings
	EventFilter
	IDs  []string `arg:"" optional:"" name:"id" help:"The events' ids, evt_…."`
	JSON bool     `name:"json" help:"Print JSON."`
}

func (eventsReplayCommand) Help() string {
	return examples(
		"bursar events replay evt_1PqY… evt_1PqZ…",
		"bursar events replay --status failed",
		"bursar events replay --type invoice.paid --since 24h",
	)
}

// replayed is what became of an event that was replayed.
type replayed struct {
	ID     string `json:"id"`
	Type   string `json:"type,omitempty"`
	Status string `json:"status,omitempty"` // empty where it could not be replayed
	Error  string `json:"error,omitempty"`
}

// Run replays events, the oldest first. It fails where one of them did.
func (c eventsReplayCommand) Run(ctx context.Context, s *system) error {
	q, err := c.query(s.now())
	switch filtered := len(q) > 0; {
	case err != nil:
		return err
	case filtered && len(c.IDs) > 0:
		return misused("write either ids or a filter")
	case !filtered && len(c.IDs) == 0:
		return misused("write the events' ids, or a filter such as --status failed")
	}
	l, err := c.openLocal(ctx, s, c.Account)
	if err != nil {
		return err
	}
	defer l.close()
	ids := c.IDs
	if len(ids) == 0 {
		events, _, err := listRows[api.Event](ctx, l, "/v1/events", q, 0)
		if err != nil {
			return err
		}
		for _, e := range slices.Backward(events) {
			ids = append(ids, e.ID)
		}
	}
	return c.replay(ctx, s, l, ids)
}

func (c eventsReplayCommand) replay(ctx context.Context, s *system, l *local, ids []string) error {
	results, failed := []replayed{}, 0
	for _, id := range ids {
		r := replayed{ID: id}
		var e eventDetail
		err := l.ask(ctx, http.MethodPost, "/v1/events/"+url.PathEscape(id)+"/replay", nil, &e)
		if p := (*api.Problem)(nil); errors.As(err, &p) {
			r.Error = p.Detail
		} else if err != nil {
			return err
		}
		r.Type, r.Status, r.Error = e.Type, e.Status, r.Error+textOf(e.Error)
		if r.Status == "" || r.Status == store.Failed || r.Status == store.Dead {
			failed++
		}
		if results = append(results, r); !c.JSON {
			line := strings.Join(slices.DeleteFunc([]string{r.ID, r.Type, r.Status}, func(text string) bool { return text == "" }), "  ")
			if r.Error != "" {
				line += ": " + r.Error
			}
			fmt.Fprintln(s.stdout, line)
		}
	}
	if c.JSON {
		if err := printJSON(s.stdout, map[string]any{"data": results}); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(s.stdout, "%s replayed, %d failed\n", counted(len(ids), "event"), failed)
	}
	if failed > 0 {
		return errFailed
	}
	return nil
}

// textOf is the text, empty where there is none.
func textOf(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
