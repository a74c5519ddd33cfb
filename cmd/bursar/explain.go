package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/api"
)

type explainCommand struct {
	Settings
	Tenant  string `arg:"" help:"The tenant's id."`
	Account string `help:"Of this connected account instead of the own one." placeholder:"ACCT"`
	JSON    bool   `name:"json" help:"Print JSON."`
}

func (explainCommand) Help() string {
	return examples("bursar explain acme", "bursar explain acme --json")
}

// explanation is why a tenant has the plan and status that it has.
type explanation struct {
	Tenant       api.Tenant       `json:"tenant"`
	Subscription api.Subscription `json:"subscription"` // the one that decides
	Why          []string         `json:"why"`          // sentences
	Changes      []explainedEntry `json:"changes"`      // oldest first
}

// explainedEntry is a line of the timeline with the event that caused it.
type explainedEntry struct {
	api.Change
	EventType    string     `json:"event_type,omitempty"`
	EventCreated *time.Time `json:"event_created"` // when it happened, by Stripe's clock
}

// Run explains a tenant.
func (c explainCommand) Run(ctx context.Context, s *system) error {
	l, err := c.openLocal(ctx, s, c.Account)
	if err != nil {
		return err
	}
	defer l.close()
	x, err := explain(ctx, l, c.Tenant)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s.stdout, x)
	}
	return x.print(s.stdout)
}

func explain(ctx context.Context, l *local, tenant string) (*explanation, error) {
	var x explanation
	path := "/v1/tenants/" + url.PathEscape(tenant)
	if err := l.ask(ctx, http.MethodGet, path, nil, &x.Tenant); err != nil {
		return nil, err
	}
	if err := l.ask(ctx, http.MethodGet, path+"/subscription", nil, &x.Subscription); err != nil {
		return nil, err
	}
	changes, _, err := listRows[api.Change](ctx, l, path+"/timeline", url.Values{}, 0)
	if err != nil {
		return nil, err
	}
	x.Changes = []explainedEntry{}
	events := map[string]api.Event{}
	for _, ch := range slices.Backward(changes) {
		entry := explainedEntry{Change: ch}
		if id := textOf(ch.Event); id != "" {
			e, known := events[id]
			if !known {
				if err := l.ask(ctx, http.MethodGet, "/v1/events/"+url.PathEscape(id), nil, &e); err != nil {
					return nil, err
				}
				events[id] = e
			}
			entry.EventType, entry.EventCreated = e.Type, e.Created
		}
		x.Changes = append(x.Changes, entry)
	}
	x.Why = x.reasons()
	return &x, nil
}

// reasons are the sentences that say why, from what decides down to what may yet
// change it.
func (x *explanation) reasons() []string {
	sub, out := &x.Subscription, []string{}
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if sub.ID == nil {
		say("It has no subscription: the default plan is what it has.")
	} else {
		say("%s decides: the price is %s, Stripe says %s.", *sub.ID, dash(textOf(sub.StripePrice)), textOf(sub.StripeStatus))
		switch {
		case textOf(sub.StatusReason) == billing.ReasonDunning:
			say("Dunning is spent, which overrules Stripe; paying or voiding the invoice lifts it.")
		case sub.EndedAt != nil:
			say("It ended at %s: the default plan is what is left.", shortTime(sub.EndedAt))
		case sub.Plan == nil:
			say("That price is in no plan of the catalog: the default plan's features hold.")
		}
		if sub.EndedAt == nil && sub.EndsAt != nil {
			say("It is going to end at %s.", shortTime(sub.EndsAt))
		}
		if sub.TrialEndsAt != nil && sub.Status == billing.Trialing {
			say("Its trial ends at %s.", shortTime(sub.TrialEndsAt))
		}
		if sub.ScheduledPlan != nil {
			say("It is going to change to %s at %s.", *sub.ScheduledPlan, shortTime(sub.ScheduledChangeAt))
		}
		if sub.CollectionPaused {
			say("Collection is paused, which keeps access.")
		}
	}
	for _, what := range []string{"plan", "status", "access"} {
		for _, ch := range slices.Backward(x.Changes) {
			if ch.What == what {
				say("%s since %s, by %s: %s.", ch.isNow(), shortTime(ch.happened()), ch.cause(), dash(textOf(ch.Why)))
				break
			}
		}
	}
	return out
}

// happened is when the cause happened: by Stripe's clock where it was an event.
func (e *explainedEntry) happened() *time.Time {
	if e.EventCreated != nil {
		return e.EventCreated
	}
	return e.At
}

// isNow is the beginning of a sentence about what it came to.
func (e *explainedEntry) isNow() string {
	switch {
	case e.What != "access":
		return "The " + e.What + " is " + dash(textOf(e.To))
	case textOf(e.To) == "true":
		return "There is access"
	}
	return "There is no access"
}

func (e *explainedEntry) cause() string {
	if e.Event == nil {
		return e.Actor
	}
	return *e.Event
}

func (x *explanation) print(w io.Writer) error {
	access := "no access"
	if x.Subscription.Access {
		access = "access"
	}
	fmt.Fprintf(w, "%s: plan %s, status %s, %s\n", x.Tenant.ID, dash(textOf(x.Tenant.Plan)), x.Tenant.Status, access)
	for _, sentence := range x.Why {
		fmt.Fprintln(w, "  "+sentence)
	}
	fmt.Fprintln(w)
	rows := [][]string{{"HAPPENED", "KNOWN", "WHAT", "FROM", "TO", "EVENT", "ACTOR", "WHY"}}
	for _, e := range x.Changes {
		rows = append(rows, []string{
			shortTime(e.happened()), shortTime(e.At), e.What, dash(textOf(e.From)), dash(textOf(e.To)), dash(textOf(e.Event)), e.Actor, textOf(e.Why),
		})
	}
	return printTable(w, rows)
}
