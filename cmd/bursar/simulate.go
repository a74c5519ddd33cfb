package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/bursarhq/bursar/stripetest"
)

type simulateCommand struct {
	Settings `settings:"STRIPE_WEBHOOK_SECRET"`

	Listen     string   `help:"The address to listen on." default:"127.0.0.1:12111" placeholder:"ADDRESS"`
	WebhookURL []string `name:"webhook-url" help:"Where webhooks go; several are possible, and endpoints can be created by the API." sep:"none" placeholder:"URL"`
	Secret     string   `help:"What they are signed with; STRIPE_WEBHOOK_SECRET unless given, and one is made where that is not set." placeholder:"WHSEC"`
	Seed       uint64   `help:"Decides ids and misbehavior; another one each time unless given." placeholder:"N"`
	Calm       bool     `help:"Deliver every event once, in order, at once." xor:"manner"`
	Chaos      bool     `help:"Deliver badly: twice, up to half a minute late, out of order, at the second attempt, or not at all." xor:"manner"`
	APIVersion string   `name:"api-version" help:"The account's API version." placeholder:"VERSION"`
	JSON       bool     `name:"json" help:"Print a line of JSON for each delivery."`
}

func (simulateCommand) Help() string {
	return "It takes any key that begins with sk_ or rk_. Time goes on as it does here; a test clock (/v1/test_helpers/test_clocks) moves it ahead, " +
		"and what falls due on the way happens. Deliveries misbehave a little unless it is told otherwise.\n\n" +
		examples(
			"bursar simulate --webhook-url http://127.0.0.1:8000/webhooks/stripe --secret whsec_…",
			"STRIPE_API_BASE=http://127.0.0.1:12111 STRIPE_SECRET_KEY=sk_test_x bursar serve",
			"curl -u sk_test_x: http://127.0.0.1:12111/v1/customers -d email=jo@example.com",
		)
}

// mildly is how a simulated account misbehaves while somebody waits for it.
var mildly = stripetest.Chaos{Duplicate: 0.1, Delay: 0.25, MaxDelay: 5 * time.Second, SecondObject: 0.02}

func (c simulateCommand) manner() *stripetest.Chaos {
	switch {
	case c.Calm:
		return &stripetest.Chaos{}
	case c.Chaos:
		hostile := stripetest.HostileChaos
		hostile.MaxDelay = 30 * time.Second
		return &hostile
	}
	return &mildly
}

// Run serves the account until the process is told to stop.
func (c simulateCommand) Run(ctx context.Context, s *system) error {
	cfg, err := c.load(s)
	if err != nil {
		return err
	}
	for _, url := range c.WebhookURL {
		if _, ok := webURL(url); !ok {
			return misused("--webhook-url: %q is not accepted; write a URL such as http://127.0.0.1:8000/webhooks/stripe", url)
		}
	}
	if c.Secret == "" && len(cfg.WebhookSecrets) > 0 {
		c.Secret = cfg.WebhookSecrets[0].Reveal()
	}
	if c.Seed == 0 {
		c.Seed = rand.Uint64()
	}
	sv, err := listen(ctx, c.Listen, "")
	if err != nil {
		return fmt.Errorf("--listen: %w", errors.Unwrap(err))
	}
	defer sv.close()
	client := newPoster()
	client.Transport = &transcript{next: http.DefaultTransport, out: s.stdout, json: c.JSON}
	account := stripetest.NewAccount(stripetest.Config{
		Seed: c.Seed, Start: s.now().Truncate(time.Second), APIVersion: c.APIVersion, Chaos: c.manner(), SigningTime: s.now, Client: client,
		Name: "Simulated", PublicURL: baseURLOf(sv.main),
	})
	defer account.Close()
	made := c.Secret == ""
	for _, url := range c.WebhookURL {
		c.Secret = account.Deliver(url, stripetest.EndpointConfig{Secret: c.Secret}).Secret()
	}
	sv.log = slog.New(slog.DiscardHandler)
	if !c.JSON {
		fmt.Fprintf(s.stdout, "%s is at %s, seed %d\n", account.ID(), baseURLOf(sv.main), c.Seed)
		if made && len(c.WebhookURL) > 0 {
			fmt.Fprintf(s.stdout, "webhooks are signed with %s\n", c.Secret)
		}
	}
	return serveAccount(ctx, sv, account, s.now)
}

// serveAccount answers the API's requests, and lets the account's time go on with
// the clock.
func serveAccount(ctx context.Context, sv *service, account *stripetest.Account, now func() time.Time) error {
	server := sv.server(account)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(sv.main) }()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for at := now(); ; {
		select {
		case <-tick.C:
			if passed := now().Sub(at).Truncate(time.Second); passed > 0 {
				at = at.Add(passed)
				account.Advance(passed)
			}
		case err := <-failed:
			return err
		case <-ctx.Done():
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			if server.Shutdown(stop) != nil {
				server.Close()
			}
			return nil
		}
	}
}

// transcript prints what an account sends and what it is answered.
type transcript struct {
	next http.RoundTripper
	json bool

	mu  sync.Mutex
	out io.Writer
}

// RoundTrip sends one delivery.
func (t *transcript) RoundTrip(r *http.Request) (*http.Response, error) {
	var event struct{ ID, Type string }
	if body, err := r.GetBody(); err == nil {
		if err := json.NewDecoder(body).Decode(&event); err != nil {
			return nil, fmt.Errorf("a delivery that is no event: %w", err)
		}
	}
	line := posted{Event: event.ID, Type: event.Type}
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		line.Note = err.Error()
	} else {
		line.Status = resp.StatusCode
		const kept = 4096
		body, readErr := io.ReadAll(io.LimitReader(resp.Body, kept))
		resp.Body.Close()
		if readErr != nil {
			line.Note = readErr.Error()
		}
		line.Answer = answerOf(body)
		resp.Body = io.NopCloser(bytes.NewReader(body))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.json {
		if encodeErr := json.NewEncoder(t.out).Encode(line); encodeErr != nil {
			return resp, encodeErr
		}
	} else {
		fmt.Fprintln(t.out, line)
	}
	return resp, err
}
