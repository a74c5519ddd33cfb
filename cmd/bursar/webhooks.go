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

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/internal/api"
	"github.com/bursarhq/bursar/internal/store"
)

type webhooksCommand struct {
	List       webhooksListCommand       `cmd:"" help:"List the endpoints that Bursar's own webhooks go to, and how they fare."`
	Enable     webhooksEnableCommand     `cmd:"" help:"Send to a disabled endpoint again: what waits for it first."`
	Deliveries webhooksDeliveriesCommand `cmd:"" help:"List what an endpoint was sent, or is to be, newest first."`
	Replay     webhooksReplayCommand     `cmd:"" help:"Send again what was sent or given up on, under the ids that it had."`
}

const webhookEndpoints = "/v1/webhook-endpoints"

// openWebhooks opens the API where there are endpoints to ask for.
func (from Settings) openWebhooks(ctx context.Context, s *system, account string) (*local, error) {
	none := false
	l, err := from.openLocal(ctx, s, account, func(c *bursar.Config) { none = len(c.Outbound) == 0 })
	if err != nil {
		return nil, err
	}
	if none {
		l.close()
		return nil, errors.New("no endpoint is configured; BURSAR_OUTBOUND_URL is where Bursar's own webhooks go")
	}
	return l, nil
}

// ofEndpoint is the path of something of an endpoint.
func ofEndpoint(name, what string) string {
	return webhookEndpoints + "/" + url.PathEscape(name) + "/" + what
}

type webhooksListCommand struct {
	Settings
	JSON bool `name:"json" help:"Print JSON."`
}

func (webhooksListCommand) Help() string {
	return examples("bursar webhooks list", "bursar webhooks list --json")
}

// Run lists the endpoints, in the order of the configuration.
func (c webhooksListCommand) Run(ctx context.Context, s *system) error {
	l, err := c.openWebhooks(ctx, s, "")
	if err != nil {
		return err
	}
	defer l.close()
	var endpoints api.List[api.WebhookEndpoint]
	if err := l.ask(ctx, http.MethodGet, webhookEndpoints, nil, &endpoints); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s.stdout, map[string]any{"data": endpoints.Data})
	}
	rows := [][]string{{"ENDPOINT", "STATUS", "PENDING", "LAST SENT", "FAILING SINCE", "URL", "REASON"}}
	for _, e := range endpoints.Data {
		rows = append(rows, []string{e.Name, e.Status, fmt.Sprint(e.Pending), shortTime(e.LastSentAt), shortTime(e.FailingSince), e.URL, textOf(e.Reason)})
	}
	return printTable(s.stdout, rows)
}

type webhooksEnableCommand struct {
	Settings
	Endpoint string `arg:"" help:"The endpoint's name: default is that of BURSAR_OUTBOUND_URL."`
	JSON     bool   `name:"json" help:"Print JSON."`
}

func (webhooksEnableCommand) Help() string {
	return examples("bursar webhooks enable default", "bursar webhooks enable crm --json")
}

// Run enables an endpoint; the service sends to it.
func (c webhooksEnableCommand) Run(ctx context.Context, s *system) error {
	l, err := c.openWebhooks(ctx, s, "")
	if err != nil {
		return err
	}
	defer l.close()
	var e api.WebhookEndpoint
	if err := l.ask(ctx, http.MethodPost, ofEndpoint(c.Endpoint, "enable"), nil, &e); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s.stdout, e)
	}
	wait := "wait"
	if e.Pending == 1 {
		wait = "waits"
	}
	_, err = fmt.Fprintf(s.stdout, "%s is %s; %s %s for it\n", e.Name, e.Status, counted(int(e.Pending), "message"), wait)
	return err
}

// checkStatus wants one of some words, or none.
func checkStatus(status string, of ...string) error {
	if status != "" && !slices.Contains(of, status) {
		return misused("--status: %q is not accepted; write one of %s", status, strings.Join(of, ", "))
	}
	return nil
}

type webhooksDeliveriesCommand struct {
	Settings
	Endpoint string `arg:"" help:"The endpoint's name: default is that of BURSAR_OUTBOUND_URL."`
	Status   string `help:"Only those with this status: pending, sent or failed." placeholder:"STATUS"`
	Tenant   string `help:"Only those about this tenant." placeholder:"TENANT"`
	Account  string `help:"Of this connected account instead of the own one." placeholder:"ACCT"`
	Limit    int    `help:"How many; 0 for all." default:"20"`
	JSON     bool   `name:"json" help:"Print JSON, the payloads too."`
}

func (webhooksDeliveriesCommand) Help() string {
	return examples(
		"bursar webhooks deliveries default --status failed",
		"bursar webhooks deliveries default --tenant acme --limit 5",
		"bursar webhooks deliveries crm --json",
	)
}

// shownDelivery is api.Delivery, read. The payload stays as it was sent.
type shownDelivery struct {
	api.Delivery
	Payload json.RawMessage `json:"payload"`
}

// Run lists deliveries.
func (c webhooksDeliveriesCommand) Run(ctx context.Context, s *system) error {
	if c.Limit < 0 {
		return misused("--limit: %d is not accepted; write a number from 0 on", c.Limit)
	}
	if err := checkStatus(c.Status, store.Pending, store.Sent, store.Failed); err != nil {
		return err
	}
	l, err := c.openWebhooks(ctx, s, c.Account)
	if err != nil {
		return err
	}
	defer l.close()
	q := url.Values{}
	for name, text := range map[string]string{"status": c.Status, "tenant": c.Tenant} {
		if text != "" {
			q.Set(name, text)
		}
	}
	deliveries, more, err := listRows[shownDelivery](ctx, l, ofEndpoint(c.Endpoint, "deliveries"), q, c.Limit)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s.stdout, map[string]any{"data": deliveries})
	}
	rows := [][]string{{"CREATED", "MESSAGE", "TYPE", "STATUS", "ATTEMPTS", "TENANT", "NEXT", "REASON"}}
	for _, d := range deliveries {
		rows = append(rows, []string{shortTime(d.CreatedAt), d.ID, d.Type, d.Status, fmt.Sprint(d.Attempts), d.Tenant, shortTime(d.NextAttemptAt), textOf(d.Reason)})
	}
	return printPage(s, rows, more)
}

type webhooksReplayCommand struct {
	Settings
	Endpoint string   `arg:"" help:"The endpoint's name: default is that of BURSAR_OUTBOUND_URL."`
	IDs      []string `arg:"" optional:"" name:"id" help:"The messages' ids, msg_…."`
	Status   string   `help:"Those with this status: sent or failed." placeholder:"STATUS"`
	Tenant   string   `help:"Those about this tenant." placeholder:"TENANT"`
	Since    string   `help:"Those that came up then or later: a time, or how long ago (90m, 24h, 7d)." placeholder:"TIME"`
	Account  string   `help:"Of this connected account instead of the own one." placeholder:"ACCT"`
	JSON     bool     `name:"json" help:"Print JSON."`
}

func (webhooksReplayCommand) Help() string {
	return examples(
		"bursar webhooks replay default msg_4nq2…",
		"bursar webhooks replay default --status failed",
		"bursar webhooks replay crm --tenant acme --since 24h",
	)
}

// requests are what is asked for: one for each id, or one for the filter.
func (c webhooksReplayCommand) requests(now time.Time) ([]map[string]string, error) {
	if err := checkStatus(c.Status, store.Sent, store.Failed); err != nil {
		return nil, err
	}
	filter := map[string]string{}
	for name, text := range map[string]string{"status": c.Status, "tenant": c.Tenant} {
		if text != "" {
			filter[name] = text
		}
	}
	if c.Since != "" {
		since, err := parseSince(c.Since, now)
		if err != nil {
			return nil, misused("--since: %w", err)
		}
		filter["since"] = since.UTC().Format(time.RFC3339Nano)
	}
	switch filtered := len(filter) > 0; {
	case filtered && len(c.IDs) > 0:
		return nil, misused("write either ids or a filter")
	case filtered:
		return []map[string]string{filter}, nil
	case len(c.IDs) == 0:
		return nil, misused("write the messages' ids, or a filter such as --status failed")
	}
	var all []map[string]string
	for _, id := range c.IDs {
		all = append(all, map[string]string{"id": id})
	}
	return all, nil
}

// Run has messages sent again by the service. It fails where one of the ids cannot be;
// the others are all the same.
func (c webhooksReplayCommand) Run(ctx context.Context, s *system) error {
	requests, err := c.requests(s.now())
	if err != nil {
		return err
	}
	l, err := c.openWebhooks(ctx, s, c.Account)
	if err != nil {
		return err
	}
	defer l.close()
	total, failed := int64(0), false
	for _, r := range requests {
		var done api.Replayed
		err := l.post(ctx, ofEndpoint(c.Endpoint, "replay"), r, &done)
		if p := (*api.Problem)(nil); errors.As(err, &p) && len(requests) > 1 {
			failed = true
			fmt.Fprintf(s.stderr, "%s: %s\n", r["id"], p.Detail)
			continue
		} else if err != nil {
			return err
		}
		total += done.Replayed
	}
	if c.JSON {
		err = printJSON(s.stdout, api.Replayed{Replayed: total})
	} else {
		_, err = fmt.Fprintf(s.stdout, "%s to be sent again\n", counted(int(total), "message"))
	}
	if failed {
		err = errors.Join(err, errFailed)
	}
	return err
}
