package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/mail"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
)

type doctorCommand struct {
	Settings
	Fix  bool `name:"fix" help:"Have Stripe send the webhook endpoint every event that Bursar has a rule for, and enable it."`
	JSON bool `name:"json" help:"Print JSON."`
}

func (doctorCommand) Help() string {
	return examples("bursar doctor", "bursar doctor --fix", "bursar doctor --config bursar.yaml && bursar serve --config bursar.yaml")
}

// level is how much a finding matters.
type level string

const (
	ok   level = "ok"
	warn level = "warn" // it works, and is hardly meant
	fail level = "fail" // it does not work, or state is missing
)

// finding is a line of the doctor's.
type finding struct {
	Check string `json:"check"`
	Level level  `json:"level"`
	Text  string `json:"text"`
}

// examination is what the checks look at. What could not be had is nil, and the
// checks that need it are left out: their cause has a line already.
type examination struct {
	s      *system
	cfg    Config
	fix    bool // what is wrong at Stripe
	plans  *billing.Catalog
	db     *store.Store
	of     store.Key // the own account, in the database's mode
	stripe *stripe.Client
	answer stripe.Answer // to the question who the account is
	skew   time.Duration // Stripe's clock minus ours
	sites  []*site
}

// checks are the doctor's, in the order in which they are made: what a check puts
// into the examination, later ones need. A check finds one thing. The first of them
// is also told what keeps the settings from being read.
var checks = []struct {
	name  string
	needs func(*examination) bool // nil: nothing
	find  func(context.Context, *examination) (level, string)
}{
	{"configuration", nil, checkConfiguration},
	{"webhook_secret", nil, checkSecret},
	{"plans", nil, checkPlans},
	{"database", nil, checkDatabase},
	{"mode", hasDatabase, checkMode},
	{"other_mode", hasDatabase, checkOtherMode},
	{"api_keys", hasDatabase, checkKeys},
	{"stripe_key", nil, checkStripeKey},
	{"clock", hasAnswer, checkClock},
	{"accounts", hasAnswer, checkAccounts},
	{"endpoint", hasAnswer, checkEndpoint},
	{"api_version", hasAnswer, checkVersion},
	{"prices", hasPrices, checkPrices},
	{"unmapped_prices", hasDatabase, checkUnmapped},
	{"events", hasDatabase, checkEvents},
	{"unlinked_customers", hasDatabase, checkUnlinked},
	{"uncertain_objects", hasDatabase, checkUncertain},
	{"payments", hasDatabase, checkPaymentLinks},
	{"retries", hasDatabase, checkRetries},
	{"seller", nil, checkSeller},
	{"mail", nil, checkMail},
}

func hasDatabase(x *examination) bool { return x.db != nil }
func hasAnswer(x *examination) bool   { return x.answer.ID != "" }
func hasPrices(x *examination) bool   { return x.plans != nil && (x.db != nil || hasAnswer(x)) }

// Run makes the checks and fails where one of them did.
func (c doctorCommand) Run(ctx context.Context, s *system) error {
	findings, failed := []finding{}, false
	tell := func(f finding) {
		findings = append(findings, f)
		failed = failed || f.Level == fail
		if !c.JSON {
			fmt.Fprintf(s.stdout, "%s %s: %s\n", s.paint(f.Level), f.Check, strings.ReplaceAll(f.Text, "\n", " "))
		}
	}
	cfg, err := c.load(s)
	if errors.As(err, new(usageError)) {
		return err
	} else if err != nil {
		tell(finding{checks[0].name, fail, err.Error()})
	} else {
		examine(ctx, &examination{s: s, cfg: cfg, fix: c.Fix}, tell)
	}
	if c.JSON {
		if err := printJSON(s.stdout, map[string]any{"data": findings}); err != nil {
			return err
		}
	}
	if failed {
		return errFailed
	}
	return nil
}

// examine makes the checks.
func examine(ctx context.Context, x *examination, tell func(finding)) {
	for _, check := range checks {
		if check.needs == nil || check.needs(x) {
			level, text := check.find(ctx, x)
			tell(finding{check.name, level, text})
		}
	}
	if x.db != nil {
		x.db.Close()
	}
}

// paint is the level, four letters wide, in color where that is wanted.
func (s *system) paint(l level) string {
	text := fmt.Sprintf("%-4s", l)
	if !s.colored(s.stdout) {
		return text
	}
	return map[level]string{ok: "\x1b[32m", warn: "\x1b[33m", fail: "\x1b[31m"}[l] + text + "\x1b[0m"
}

func checkConfiguration(_ context.Context, x *examination) (level, string) {
	if err := x.cfg.CheckServe(); err != nil && len(x.cfg.WebhookSecrets) > 0 {
		return fail, err.Error()
	}
	given := 0
	for _, e := range x.cfg.Effective() {
		if e.Source != "default" {
			given++
		}
	}
	if unknown := UnknownVariables(x.s.environ()); len(unknown) > 0 {
		return warn, "there is no such setting: " + strings.Join(unknown, ", ")
	}
	return ok, counted(given, "setting") + " given"
}

func checkSecret(_ context.Context, x *examination) (level, string) {
	switch n := len(x.cfg.WebhookSecrets); {
	case n == 0 && x.cfg.Poll > 0:
		return ok, "none is set; events are polled for"
	case n == 0:
		return fail, "STRIPE_WEBHOOK_SECRET: none is set; serve refuses to start"
	default:
		return ok, counted(n, "secret") + " set"
	}
}

func checkPlans(_ context.Context, x *examination) (level, string) {
	plans, from, err := LoadPlans(x.cfg.Plans)
	if err != nil {
		return fail, err.Error()
	}
	x.plans = plans
	if from == "" {
		return warn, "there is no plan catalog: free is the only plan"
	}
	prices := 0
	for _, p := range plans.Plans() {
		prices += len(p.Prices)
	}
	return ok, fmt.Sprintf("%s: %s, %s", from, counted(len(plans.Plans()), "plan"), counted(prices, "price"))
}

func checkDatabase(ctx context.Context, x *examination) (level, string) {
	shown := x.cfg.DatabaseURL.Redacted()
	db, err := x.cfg.openStore(ctx, x.s)
	if err != nil {
		return fail, err.Error()
	}
	took, err := roundTrip(ctx, x.s, db)
	if err != nil {
		db.Close()
		return fail, err.Error()
	}
	x.db = db
	if x.of, err = storeKey(ctx, db, ""); err != nil {
		return fail, err.Error()
	}
	return ok, fmt.Sprintf("%s, written and read in %s, schema %d", shown, took.Round(10*time.Microsecond), store.SchemaVersion())
}

// roundTrip writes and reads what it has written.
func roundTrip(ctx context.Context, s *system, db *store.Store) (time.Duration, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("the database does not answer within %s", patience))
	defer cancel()
	began := s.now()
	text := began.UTC().Format(time.RFC3339Nano)
	if err := db.SetMeta(ctx, "doctor", text); err != nil {
		return 0, fmt.Errorf("the database cannot be written: %w", errors.Join(err, context.Cause(ctx)))
	}
	read, err := db.Meta(ctx, "doctor")
	if err == nil && read != text {
		err = fmt.Errorf("it answers %q for %q", read, text)
	}
	if err != nil {
		return 0, fmt.Errorf("the database cannot be read: %w", err)
	}
	return s.now().Sub(began), nil
}

func checkMode(ctx context.Context, x *examination) (level, string) {
	held, err := x.db.Meta(ctx, "mode")
	wanted := x.cfg.StripeMode()
	switch {
	case err != nil:
		return fail, err.Error()
	case held == "" && wanted == "":
		return ok, "the first event decides"
	case held == "":
		return ok, wanted
	case wanted != "" && wanted != held:
		return fail, fmt.Sprintf("the database holds %s data, the configuration wants %s", held, wanted)
	}
	return ok, held
}

func checkKeys(ctx context.Context, x *examination) (level, string) {
	made, err := readKeys(ctx, x.db)
	if err != nil {
		return fail, err.Error()
	}
	n := len(x.cfg.APIKeys)
	for _, k := range made {
		if k.RevokedAt == nil {
			n++
		}
	}
	if n == 0 {
		return warn, "there are none: /v1 answers 401 to all; set BURSAR_API_KEY or run bursar keys create"
	}
	return ok, counted(n, "key")
}

// checkSeller reads the seller's file and tries every text that it replaces.
func checkSeller(_ context.Context, x *examination) (level, string) {
	if x.cfg.Seller == "" {
		return warn, "BURSAR_SELLER is not set: documents and mails name no seller"
	}
	seller, err := LoadSeller(x.cfg.Seller)
	if err != nil {
		return fail, err.Error()
	}
	if _, err := mail.NewRenderer(mailOptions(seller)); err != nil {
		return fail, err.Error()
	}
	return ok, fmt.Sprintf("%s: %s", x.cfg.Seller, dash(seller.Name))
}

func checkMail(ctx context.Context, x *examination) (level, string) {
	if !x.cfg.SMTPURL.IsSet() {
		return warn, "BURSAR_SMTP_URL is not set: notices are kept as skipped"
	}
	sender, err := mail.NewSender(mail.SenderOptions{URL: x.cfg.SMTPURL.Reveal(), From: x.cfg.MailFrom, Timeout: patience})
	if err != nil {
		return fail, err.Error()
	}
	if err := sender.Check(ctx); err != nil {
		return fail, err.Error()
	}
	return ok, fmt.Sprintf("%s lets us in, from %s", x.cfg.SMTPURL.Redacted(), x.cfg.MailFrom)
}
