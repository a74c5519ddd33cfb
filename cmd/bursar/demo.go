package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/stripetest"
)

type demoCommand struct {
	Settings `settings:"BURSAR_LISTEN BURSAR_API_KEY BURSAR_LOG_LEVEL BURSAR_LOG_FORMAT"`

	Fast bool   `help:"Live as fast as the machine can."`
	Once bool   `help:"Exit once the months have been lived."`
	Keep bool   `help:"Keep the database and the mails, and say where they are."`
	Seed uint64 `help:"Decides ids and how deliveries misbehave." default:"1" placeholder:"N"`
	JSON bool   `name:"json" help:"With --once: print the summary alone, as JSON."`
}

func (demoCommand) Help() string {
	return "Five months of some dozens of tenants in a minute: sign-ups, trials, renewals, failed payments, dunning, refunds, disputes, cancellations. " +
		"Then the account lives on, an hour a second. Needs no keys, no network and no configuration.\n\n" +
		examples("bursar demo", "BURSAR_LISTEN=127.0.0.1:9000 bursar demo --fast", "bursar demo --fast --once --json")
}

const (
	demoDays = 150
	// demoStep is how much time passes between two looks at what is to be done.
	demoStep = 6 * time.Hour
	// demoPace makes that a minute for all days.
	demoPace = 90 * time.Millisecond
	// livingStep passes every livingPace once the months have been lived.
	livingStep, livingPace = time.Hour, time.Second
	// newcomers is how many tenants may still sign up then, one a day.
	newcomers = 100
)

// demo is a Bursar and a simulated account that talk to each other.
type demo struct {
	s        *system
	out      io.Writer // the story
	service  *service
	account  *stripetest.Account
	api      *local
	mails    *mailbox
	mailPage *service // shows them
	secret   string   // of the webhook endpoint
	database string   // SQLite's file

	lives     []*life
	due       time.Time // when the next step is made, by this machine's clock
	delivered atomic.Int64
	refused   atomic.Int64
}

// Run lives through the months, then on until the process is told to stop.
func (c demoCommand) Run(ctx context.Context, s *system) (err error) {
	cfg, err := c.load(s)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bursar-demo-")
	if err != nil {
		return err
	}
	if !c.Keep {
		defer os.RemoveAll(dir)
	}
	d := &demo{s: s, out: s.stdout, secret: "whsec_" + newKey()[len("bk_"):], database: filepath.Join(dir, "bursar.db")}
	if c.JSON {
		if !c.Once {
			return misused("--json: needs --once")
		}
		d.out = io.Discard
	}
	if d.service, err = listen(ctx, cfg.Listen, ""); err != nil {
		return err
	}
	defer d.service.close()
	stripe, err := listen(ctx, "127.0.0.1:0", "")
	if err != nil {
		return err
	}
	defer stripe.close()
	if d.mailPage, err = listen(ctx, "127.0.0.1:0", ""); err != nil {
		return err
	}
	defer d.mailPage.close()
	smtp, err := listen(ctx, "127.0.0.1:0", "")
	if err != nil {
		return err
	}
	defer smtp.close()
	if d.mails, err = openMailbox(smtp.main, filepath.Join(dir, "mails"), cfg.logger(s)); err != nil {
		return err
	}
	d.simulate(c.Seed, baseURLOf(stripe.main))
	defer d.account.Close()
	app, err := listenAsApp(&cfg)
	if err != nil {
		return err
	}
	defer app.close(d.out)
	if err := d.open(ctx, cfg, baseURLOf(stripe.main)); err != nil {
		return err
	}
	return d.run(ctx, c, stripe)
}

// simulate makes the account, whose present is demoDays ago.
func (d *demo) simulate(seed uint64, url string) {
	client := newPoster()
	client.Transport = counting{http.DefaultTransport, d}
	now := d.s.now().UTC().Truncate(time.Hour)
	d.account = stripetest.NewAccount(stripetest.Config{
		Seed: seed, Start: now.Add(-demoDays * day), Client: client, SigningTime: d.s.now, Name: "Demo", PublicURL: url,
	})
	d.account.Deliver(baseURLOf(d.service.main)+webhookPath, stripetest.EndpointConfig{Secret: d.secret})
}

// open opens the Bursar that is told of it.
func (d *demo) open(ctx context.Context, cfg Config, stripe string) error {
	plans, err := demoPlans()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(cfg.Effective(), func(e EffectiveSetting) bool { return e.Name == "BURSAR_LOG_LEVEL" && e.Source != "default" }) {
		cfg.LogLevel = slog.LevelWarn // the story is on the screen
	}
	cfg.DatabaseURL = NewSecret("sqlite://" + d.database)
	cfg.WebhookSecrets = []Secret{NewSecret(d.secret)}
	cfg.StripeSecretKey, cfg.StripeAPIBase = NewSecret("sk_test_demo"), stripe
	cfg.NoticeMaxAge = Off // what is months ago here is news
	cfg.SMTPURL, cfg.MailFrom, cfg.OperatorEmail = NewSecret("smtp://"+d.mails.smtp), "billing@demo.example", "operator@demo.example"
	cfg.PublicURL = baseURLOf(d.service.main)
	key := newKey()
	d.api = &local{key: key}
	if len(cfg.APIKeys) > 0 {
		d.api.key = cfg.APIKeys[0].Reveal()
	} else {
		cfg.APIKeys = []Secret{NewSecret(key)}
	}
	log := cfg.logger(d.s)
	open := cfg.bursar(plans, demoSeller, log, d.s)
	open.RateLimit = -1 // the summary asks for everything
	d.service.log = log
	if d.service.b, err = bursar.Open(ctx, open); err != nil {
		return err
	}
	d.api.b = d.service.b
	return nil
}

// run serves both, lives, and stops.
func (d *demo) run(ctx context.Context, c demoCommand, stripe *service) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	g, ctx := errgroup.WithContext(ctx)
	up := make(chan struct{})
	d.service.ready = func() { close(up) }
	mails, err := d.mails.handler()
	if err != nil {
		return err
	}
	g.Go(func() error { return d.service.run(ctx) })
	for _, beside := range []struct {
		*service
		http.Handler
	}{{stripe, d.account}, {d.mailPage, mails}} {
		g.Go(func() error {
			beside.log = d.service.log
			server := beside.server(beside.Handler)
			context.AfterFunc(ctx, func() { server.Close() })
			if err := server.Serve(beside.main); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
	}
	g.Go(func() error {
		<-up
		defer stop() // there is nothing left to serve for
		if err := d.live(ctx, c); err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
		return nil
	})
	err = g.Wait()
	if c.Keep {
		fmt.Fprintf(d.out, "\nThe mails are in %s\nThe database is %s\n", d.mails.dir, d.database)
	}
	return err
}

// live lives the months, sums up and, unless once is enough, lives on.
func (d *demo) live(ctx context.Context, c demoCommand) error {
	fmt.Fprintf(d.out, "%s\nIts mails, with the documents: %s\n%s in %d days, told by %s, which delivers twice, late and out of order:\n\n",
		d.service.greeting(), baseURLOf(d.mailPage.main), counted(len(demoTenants), "tenant"), demoDays, d.account.ID())
	if err := makeCatalog(d.account); err != nil {
		return err
	}
	start := d.account.Now()
	for i, tenant := range demoTenants {
		// Two thirds of the time sees sign-ups; the first tenant is there from the start.
		born := start.Add(time.Duration(i) * demoDays * day * 2 / 3 / time.Duration(len(demoTenants)))
		d.join(tenant, born, i)
	}
	pace := demoPace
	if c.Fast {
		pace = 0
	}
	for end := start.Add(demoDays * day); d.account.Now().Before(end); {
		if err := d.step(ctx, demoStep, pace); err != nil {
			return err
		}
	}
	d.account.Settle()
	sum, err := d.settled(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(d.s.stdout, sum)
	} else {
		err = sum.print(d.out)
	}
	if err != nil {
		return err
	}
	if len(sum.Differing) > 0 {
		return fmt.Errorf("the account and Bursar disagree on %s", strings.Join(sum.Differing, ", "))
	}
	if c.Once {
		return nil
	}
	d.invite()
	return d.liveOn(ctx)
}

// liveOn goes on living, with a newcomer every day.
func (d *demo) liveOn(ctx context.Context) error {
	dice := rand.New(rand.NewPCG(uint64(d.account.Now().Unix()), 0))
	next := d.account.Now()
	for joined := 0; ; {
		if now := d.account.Now(); joined < newcomers && !now.Before(next) {
			joined++
			d.join(fmt.Sprintf("%s-%d", demoTenants[dice.IntN(len(demoTenants))], joined), now, 1+dice.IntN(len(lives)-1))
			next = now.Add(day)
		}
		if err := d.step(ctx, livingStep, livingPace); err != nil {
			return err
		}
	}
}

// join adds a tenant that signs up at a time.
func (d *demo) join(tenant string, born time.Time, kind int) {
	d.lives = append(d.lives, &life{account: d.account, tenant: tenant, born: born, left: lives[kind%len(lives)]})
}

// step lets time pass and has done what is due.
func (d *demo) step(ctx context.Context, passes, pace time.Duration) error {
	for _, l := range d.lives {
		for now := d.account.Now(); len(l.left) > 0 && !now.Before(l.born.Add(time.Duration(l.left[0].day)*day)); {
			m := l.left[0]
			l.left = l.left[1:]
			fmt.Fprintf(d.out, "%s  %-10s %s\n", now.Format("Jan 02"), l.tenant, m.about)
			if err := m.do(l); err != nil {
				return fmt.Errorf("%s %s: %w", l.tenant, m.about, err)
			}
		}
	}
	before := d.account.Now()
	d.account.Advance(passes)
	if after := d.account.Now(); before.Month() != after.Month() {
		fmt.Fprintf(d.out, "%s  ---------- %s delivered by now, %d of them refused\n", after.Format("Jan 02"), counted(int(d.delivered.Load()), "webhook"), d.refused.Load())
	}
	if pace == 0 {
		return ctx.Err()
	}
	// What the step took is not waited for again, unless it took too long.
	now := d.s.now()
	if d.due = d.due.Add(pace); d.due.Before(now) {
		d.due = now
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d.due.Sub(now)):
		return nil
	}
}

// invite says what can be tried now.
func (d *demo) invite() {
	base, key := baseURLOf(d.service.main), "$BURSAR_API_KEY"
	if given, _ := d.s.lookup("BURSAR_API_KEY"); given != d.api.key {
		key = d.api.key
	}
	fmt.Fprintf(d.out, `
It goes on living, an hour a second. Try:

  curl -H "Authorization: Bearer %[2]s" %[1]s/v1/tenants/acme/entitlements
  curl -H "Authorization: Bearer %[2]s" %[1]s/v1/tenants/acme/timeline
  curl -H "Authorization: Bearer %[2]s" %[1]s/v1/stats

  curl -H "Authorization: Bearer %[2]s" %[1]s/v1/tenants/acme/invoices     # /v1/invoices/ID/pdf is its document

  bursar explain acme --database-url sqlite://%[3]s
  bursar trigger subscription-lifecycle --tenant you --to %[1]s%[4]s --secret %[5]s

Every mail that was sent, with its documents, is at %[6]s
The API is described at %[1]s/docs. Ctrl-C ends it.

`, base, key, d.database, webhookPath, d.secret, baseURLOf(d.mailPage.main))
}

// counting counts deliveries.
type counting struct {
	next http.RoundTripper
	d    *demo
}

// RoundTrip sends one.
func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(r)
	c.d.delivered.Add(1)
	if err != nil || resp.StatusCode != http.StatusOK {
		c.d.refused.Add(1)
	}
	return resp, err
}
