package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bursarhq/bursar/stripetest"
	"github.com/bursarhq/bursar/webhook"
)

type triggerCommand struct {
	Settings `settings:"STRIPE_WEBHOOK_SECRET"`

	Names      []string `arg:"" optional:"" name:"event" help:"Event types such as invoice.paid, or scenarios such as subscription-lifecycle."`
	List       bool     `help:"List what can be triggered."`
	To         string   `help:"The endpoint." default:"http://127.0.0.1:8000/webhooks/stripe" placeholder:"URL"`
	Secret     string   `help:"The endpoint's signing secret; STRIPE_WEBHOOK_SECRET unless given." placeholder:"WHSEC"`
	Tenant     string   `help:"The tenant that the events are about." default:"acme"`
	Customer   string   `help:"The customer's id; one for each tenant unless given." placeholder:"CUS"`
	Set        []string `help:"Change a field of the event's object: status=past_due, items.data.0.quantity=3." sep:"none" placeholder:"PATH=VALUE"`
	APIVersion string   `name:"api-version" help:"Stripe's API version that the events are rendered in, from 2019 on." placeholder:"VERSION"`
	Seed       uint64   `help:"Make the same ids and the same chaos again; another one each time unless given." placeholder:"N"`
	Chaos      bool     `help:"Deliver as badly as Stripe may: events come twice, out of order, or only when they are sent again."`
	JSON       bool     `name:"json" help:"Print JSON."`
}

func (triggerCommand) Help() string {
	return examples(
		"bursar trigger --list",
		"bursar trigger checkout.session.completed invoice.paid --tenant acme --secret whsec_…",
		"bursar trigger subscription-lifecycle --chaos --to http://localhost:3000/api/webhooks/stripe",
		"bursar trigger customer.subscription.updated --set status=past_due --api-version 2020-08-27",
	)
}

func (triggerCommand) completions() []string {
	names := stripetest.TriggerTypes()
	for _, s := range stripetest.Scenarios() {
		names = append(names, s.Name)
	}
	return names
}

// Run builds the events and posts them; it fails where one was refused.
func (c triggerCommand) Run(ctx context.Context, s *system) error {
	if c.List {
		return c.list(s)
	}
	if len(c.Names) == 0 {
		return misused("write what to trigger; --list lists it")
	}
	cfg, err := c.load(s)
	if err != nil {
		return err
	}
	secrets := reveal(cfg.WebhookSecrets)
	if c.Secret != "" {
		secrets = []string{c.Secret}
	}
	if len(secrets) == 0 {
		return misused("--secret: none is given, and STRIPE_WEBHOOK_SECRET is not set")
	}
	if _, ok := webURL(c.To); !ok {
		return misused("--to: %q is not accepted; write a URL such as http://127.0.0.1:8000/webhooks/stripe", c.To)
	}
	if c.Seed == 0 {
		c.Seed = rand.Uint64()
	}
	events, err := c.build(s.now())
	if err != nil {
		return err
	}
	post := poster{client: newPoster(), to: c.To, secrets: secrets, now: s.now}
	return c.post(ctx, s, &post, plan(events, c.Chaos, rand.New(rand.NewPCG(c.Seed, 1))))
}

func (c triggerCommand) list(s *system) error {
	type row struct {
		Name  string `json:"name"`
		About string `json:"about"`
	}
	scenarios, types := []row{}, stripetest.TriggerTypes()
	for _, sc := range stripetest.Scenarios() {
		scenarios = append(scenarios, row{sc.Name, sc.About})
	}
	if c.JSON {
		return printJSON(s.stdout, map[string]any{"events": types, "scenarios": scenarios})
	}
	fmt.Fprintln(s.stdout, "Events:\n  "+strings.Join(types, "\n  ")+"\n\nScenarios:")
	table := make([][]string, len(scenarios))
	for i, r := range scenarios {
		table[i] = []string{"  " + r.Name, r.About}
	}
	return printTable(s.stdout, table)
}

// build makes the events of all names, in their order.
func (c triggerCommand) build(now time.Time) ([]stripetest.Event, error) {
	var events []stripetest.Event
	for i, name := range c.Names {
		seed := c.Seed + uint64(i) // a name that is there twice has other ids
		if slices.ContainsFunc(stripetest.Scenarios(), func(sc stripetest.Scenario) bool { return sc.Name == name }) {
			story, err := c.scenario(name, seed, now)
			if err != nil {
				return nil, err
			}
			events = append(events, story...)
			continue
		}
		customer := c.Customer
		if customer == "" {
			customer = customerOf(c.Tenant)
		}
		e, err := stripetest.BuildEvent(name, stripetest.EventOptions{
			Tenant: c.Tenant, Customer: customer, APIVersion: c.APIVersion, At: now.Truncate(time.Second), Seed: seed, Set: c.Set,
		})
		if errors.Is(err, stripetest.ErrUnknownEvent) {
			return nil, misused("%q is neither an event nor a scenario; --list lists them", name)
		} else if err != nil {
			return nil, misused("%s", strings.TrimPrefix(err.Error(), "stripetest: "))
		}
		events = append(events, e)
	}
	return events, nil
}

// customerOf is the customer of a tenant in single events: the same one each time,
// so that events which are triggered one by one are about one customer.
func customerOf(tenant string) string {
	hash := sha256.Sum256([]byte(tenant))
	return "cus_" + hex.EncodeToString(hash[:])[:14]
}

// scenario lives through a story that ends now.
func (c triggerCommand) scenario(name string, seed uint64, now time.Time) ([]stripetest.Event, error) {
	if len(c.Set) > 0 {
		return nil, misused("--set: is for single events, and %s is a scenario", name)
	}
	start := now.Truncate(time.Second)
	for range 4 { // months differ in length, so when it has to begin is found by trying
		a := stripetest.NewAccount(stripetest.Config{Seed: seed, Start: start, APIVersion: c.APIVersion, Chaos: &stripetest.Chaos{}})
		result, err := a.Play(name, stripetest.Play{Tenant: c.Tenant})
		if err != nil {
			return nil, err
		}
		late := a.Now().Sub(now.Truncate(time.Second))
		if late != 0 {
			start = start.Add(-late)
			continue
		}
		version := c.APIVersion
		if version == "" {
			version = stripetest.DefaultVersion
		}
		events := a.EventsIn(version)
		if c.Customer != "" && result.Customer != "" {
			for i := range events {
				events[i].Payload = bytes.ReplaceAll(events[i].Payload, []byte(result.Customer), []byte(c.Customer))
			}
		}
		return events, nil
	}
	return nil, fmt.Errorf("%s: found no start from which it ends now", name)
}

// planned is one delivery that is going to be made.
type planned struct {
	event stripetest.Event
	note  string // what is odd about it
	drop  bool   // it is lost on the way
	at    float64
}

// plan is in which order the events are delivered. Chaos delivers some of them
// twice, some late and some only at the second attempt: each of the three at least
// once, if there are enough events.
func plan(events []stripetest.Event, chaos bool, dice *rand.Rand) []planned {
	var out []planned
	n := len(events)
	if !chaos {
		for _, e := range events {
			out = append(out, planned{event: e})
		}
		return out
	}
	twice, late, lost := dice.IntN(n), dice.IntN(n), dice.IntN(n)
	for i, e := range events {
		d := planned{event: e, at: float64(i)}
		if i == late || dice.Float64() < 0.3 {
			d.at, d.note = d.at+1+4*dice.Float64(), "late"
		}
		if i == twice || dice.Float64() < 0.2 {
			out = append(out, planned{event: e, note: "again", at: d.at + 5*dice.Float64()})
		}
		if i == lost || dice.Float64() < 0.1 {
			out = append(out, planned{event: e, note: "lost on the way", drop: true, at: d.at})
			d.at, d.note = d.at+1+5*dice.Float64(), "retry"
		}
		out = append(out, d)
	}
	slices.SortStableFunc(out, func(a, b planned) int {
		if a.at < b.at {
			return -1
		} else if a.at > b.at {
			return 1
		}
		return 0
	})
	return out
}

// posted is what was answered.
type posted struct {
	Event  string `json:"event"`
	Type   string `json:"type"`
	Status int    `json:"status"` // of HTTP; 0: lost on the way, as planned
	Answer string `json:"answer"` // Bursar's result or code, else the answer's first line
	Note   string `json:"note,omitempty"`
}

func (p posted) refused() bool { return p.Status != 0 && (p.Status < 200 || p.Status > 299) }

func (c triggerCommand) post(ctx context.Context, s *system, post *poster, deliveries []planned) error {
	results, refused := []posted{}, 0
	for _, d := range deliveries {
		p := posted{Event: d.event.ID, Type: d.event.Type, Note: d.note}
		if !d.drop {
			var err error
			if p.Status, p.Answer, err = post.post(ctx, d.event.Payload); err != nil {
				return err
			}
		}
		if p.refused() {
			refused++
		}
		if results = append(results, p); !c.JSON {
			fmt.Fprintln(s.stdout, p)
		}
	}
	if c.JSON {
		if err := printJSON(s.stdout, map[string]any{"data": results}); err != nil {
			return err
		}
	}
	if refused > 0 {
		return fmt.Errorf("%s: %d of %d deliveries were refused", c.To, refused, len(deliveries))
	}
	return nil
}

// String is a line of the transcript.
func (p posted) String() string {
	status := "---"
	if p.Status != 0 {
		status = fmt.Sprint(p.Status)
	}
	line := fmt.Sprintf("%s  %-40s  %s", status, p.Type, p.Event)
	if p.Answer != "" {
		line += "  " + p.Answer
	}
	if p.Note != "" {
		line += "  (" + p.Note + ")"
	}
	return line
}

// poster posts events to an endpoint as Stripe does: signed when they leave.
type poster struct {
	client  *http.Client
	to      string
	secrets []string
	now     func() time.Time
}

// newPoster is Stripe's manner: it does not follow redirects.
func newPoster() *http.Client {
	return &http.Client{
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (p *poster) post(ctx context.Context, body []byte) (status int, answer string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.to, bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("User-Agent", "Bursar trigger")
	r.Header.Set(webhook.HeaderStripe, webhook.SignAll(body, p.secrets, p.now()))
	resp, err := p.client.Do(r)
	if wrong := (*url.Error)(nil); errors.As(err, &wrong) {
		return 0, "", fmt.Errorf("%s: %w", p.to, wrong.Err)
	} else if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	const kept = 4096
	text, err := io.ReadAll(io.LimitReader(resp.Body, kept))
	if err != nil {
		return 0, "", err
	}
	return resp.StatusCode, answerOf(text), nil
}

// answerOf is what an endpoint said, in a few words.
func answerOf(body []byte) string {
	var a struct {
		Result string `json:"result"`
		Code   string `json:"code"`
	}
	if json.Unmarshal(body, &a) == nil && a.Result+a.Code != "" {
		return a.Result + a.Code
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
	const most = 60
	if runes := []rune(line); len(runes) > most {
		line = string(runes[:most]) + "…"
	}
	return strings.Map(printable, line)
}

// printable keeps an answer from steering the terminal.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
		return -1
	}
	return r
}
