package main

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"
)

// Config is what the settings came to: one field for each, and the endpoints
// that only the file can name. Durations that are Off are negative, so that
// "> 0" asks whether one is on.
type Config struct {
	Listen      string
	DatabaseURL Secret // may hold a password

	WebhookSecrets  []Secret
	StripeSecretKey Secret
	StripeAPIBase   string // empty: Stripe's

	APIKeys           []Secret
	DashboardPassword Secret

	Plans             string // empty: plans.yaml if it exists; see LoadPlans
	Mode              string // live, test, or empty: not said; see StripeMode
	TenantMetadata    []string
	UnknownCustomers  string // park or create
	TrustPaymentLinks bool

	PublicURL      string // without a slash at its end
	TrustedProxies []netip.Prefix
	MetricsListen  string
	LogLevel       slog.Level
	LogFormat      string // text, json, or empty: text on a terminal
	Poll           time.Duration
	CORSOrigins    []string
	RateLimit      Rate // for each key

	Seller        string
	OperatorEmail string
	SMTPURL       Secret // may hold a password
	MailFrom      string
	NoticeMaxAge  time.Duration

	OutboundURL          string
	OutboundSecret       Secret
	OutboundAllowPrivate bool

	DunningMaxAttempts int
	DunningGrace       time.Duration
	DunningAction      string // downgrade, downgrade_and_cancel or notify

	WebhookTolerance time.Duration
	MaxBody          int64 // bytes
	Retention        time.Duration
	Role             string // all, receive or work

	Endpoints         []Endpoint
	OutboundEndpoints []OutboundEndpoint

	effective []EffectiveSetting
}

// Endpoint is a further address for webhooks, /webhooks/stripe/{Name}.
type Endpoint struct {
	Name    string
	Secrets []Secret // at least one
	Key     Secret   // for its account's API; may be none
	Account string   // acct_…, or empty: the own one
}

// setting is one row of the table: everything that there is to know about a
// setting. Its names elsewhere, the flags, the file's keys, the NAME_FILE
// variables and docs/config.md are derived from it.
type setting struct {
	name      string // of the environment variable
	initial   string // the default, as a user would write it; empty: none
	otherwise string // what holds without a value, where initial cannot say it
	value     value
	doc       string
}

// settings returns the table, with values that are set in c.
func settings(c *Config) []setting {
	return []setting{
		{"BURSAR_LISTEN", "127.0.0.1:8000", "", address(&c.Listen), "The address to listen on."},
		{"BURSAR_DATABASE_URL", "sqlite://bursar.db", "", secretURL(&c.DatabaseURL, databaseForm), "The database: an SQLite file, or PostgreSQL 14 or newer."},

		{"STRIPE_WEBHOOK_SECRET", "", "", secrets(&c.WebhookSecrets, webhookSecret), "Signing secrets of the webhook endpoint; several while one is being rolled. Without one, `serve` refuses to start unless it polls."},
		{"STRIPE_SECRET_KEY", "", "", secret(&c.StripeSecretKey, stripeKey), "Enables checkout, portal, subscription changes, refetch, reconcile and backfill."},
		{"STRIPE_API_BASE", "", "Stripe's", baseURL(&c.StripeAPIBase), "Another base URL of Stripe's API, such as the simulator's."},

		{"BURSAR_API_KEY", "", "", secrets(&c.APIKeys, apiKey), "Keys for `/v1`. Without one, and without keys made by `bursar keys`, `/v1` answers 401 to all."},
		{"BURSAR_DASHBOARD_PASSWORD", "", "", secret(&c.DashboardPassword, password), "The dashboard's password. Without one the dashboard is off."},

		{"BURSAR_PLANS", "", "`plans.yaml` if it exists", text(&c.Plans, "the path of a YAML file"), "The plan catalog. Without one there is a single plan, `free`."},
		{"BURSAR_MODE", "", "the secret key's mode, else that of the first event", choice(&c.Mode, "live", "test"), "Stripe's mode. It is fixed for a database from its first event on; events of the other mode are stored as ignored."},
		{"BURSAR_TENANT_METADATA", "tenant,tenant_id", "", list(&c.TenantMetadata, "metadata keys", metadataKey), "Metadata keys, in order, that name the tenant on a session, subscription or customer."},
		{"BURSAR_UNKNOWN_CUSTOMERS", "park", "", choice(&c.UnknownCustomers, "park", "create"), "What to do with a customer that no tenant has: keep what concerns it until it is linked, or create a tenant named after the customer."},
		{"BURSAR_TRUST_PAYMENT_LINKS", "false", "", boolean(&c.TrustPaymentLinks), "Whether a session made by a Payment Link or a pricing table links its customer to the tenant that `client_reference_id` names. Whoever opens such a link can choose that id."},

		{"BURSAR_PUBLIC_URL", "", "", baseURL(&c.PublicURL), "Where Bursar is reached from outside, for the signed links in mails."},
		{"BURSAR_TRUSTED_PROXIES", "", "", list(&c.TrustedProxies, "addresses or CIDR ranges", prefix), "Proxies whose `X-Forwarded-For` counts for the `client` that the log names where a webhook, a key or a link is refused."},
		{"BURSAR_METRICS_LISTEN", "", "", address(&c.MetricsListen), "An address of its own at which `/metrics` needs no key."},
		{"BURSAR_LOG_LEVEL", "info", "", logLevel(&c.LogLevel), "The least severe line that is logged."},
		{"BURSAR_LOG_FORMAT", "", "`text` on a terminal, else `json`", choice(&c.LogFormat, "text", "json"), "How lines are logged."},
		{"BURSAR_POLL", "off", "", duration(&c.Poll, orOff), "Poll mode: ask the Events API this often. `STRIPE_WEBHOOK_SECRET` may be empty then."},
		{"BURSAR_CORS_ORIGINS", "", "", list(&c.CORSOrigins, "origins such as https://app.example.com", origin), "Origins whose pages may call the API."},
		{"BURSAR_RATE_LIMIT", "100/s", "", rate(&c.RateLimit), "How many requests each API key may make."},

		{"BURSAR_SELLER", "", "", text(&c.Seller, "the path of a YAML file"), "Who sells: name, address, tax ids, logo, footer, locale, page size, the folder of mail templates, notices switched off."},
		{"BURSAR_OPERATOR_EMAIL", "", "", mailAddress(&c.OperatorEmail), "Who is told of disputes, dead events and unmapped prices."},
		{"BURSAR_SMTP_URL", "", "", secretURL(&c.SMTPURL, smtpForm), "The mail server. Without one, mails are kept as `skipped`."},
		{"BURSAR_MAIL_FROM", "", "", mailAddress(&c.MailFrom), "The sender of mails."},
		{"BURSAR_NOTICE_MAX_AGE", "7d", "", duration(&c.NoticeMaxAge, orOff), "Older news, and news from before this database's first start, is not mailed. `off` lifts both limits, for tests."},

		{"BURSAR_OUTBOUND_URL", "", "", targetURL(&c.OutboundURL), "Where Bursar's own signed webhooks go."},
		{"BURSAR_OUTBOUND_SECRET", "", "", secret(&c.OutboundSecret, standardSecret), "What they are signed with, as Standard Webhooks has it."},
		{"BURSAR_OUTBOUND_ALLOW_PRIVATE", "false", "", boolean(&c.OutboundAllowPrivate), "Whether they may go to loopback and private addresses."},

		{"BURSAR_DUNNING_MAX_ATTEMPTS", "3", "", count(&c.DunningMaxAttempts), "Failed attempts after which a tenant falls to the default plan."},
		{"BURSAR_DUNNING_GRACE", "14d", "", duration(&c.DunningGrace, orZero), "For invoices that are sent, not charged: how long after `due_date` dunning is spent."},
		{"BURSAR_DUNNING_ACTION", "downgrade", "", choice(&c.DunningAction, "downgrade", "downgrade_and_cancel", "notify"), "What happens when dunning is spent. `downgrade_and_cancel` cancels at Stripe too."},

		{"BURSAR_WEBHOOK_TOLERANCE", "5m", "", duration(&c.WebhookTolerance, positive), "How far a signature's time may be in the past or in the future."},
		{"BURSAR_MAX_BODY", "1MiB", "", size(&c.MaxBody), "Larger webhooks are answered 413."},
		{"BURSAR_RETENTION", "90d", "", duration(&c.Retention, orOff), "How long payloads of settled events are kept, except those that hold an object's newest snapshot, and bodies of webhooks that were accepted. Ids are kept for ever."},
		{"BURSAR_ROLE", "all", "", choice(&c.Role, "all", "receive", "work"), "This process's share of the work, on PostgreSQL: everything, receiving, or effects."},
	}
}

// key is the setting's name in the file.
func (s setting) key() string {
	return strings.ToLower(strings.TrimPrefix(s.name, "BURSAR_"))
}

// flag is the setting's name on the command line, without the dashes.
func (s setting) flag() string { return strings.ReplaceAll(s.key(), "_", "-") }

// EffectiveSetting says what a setting came to, for whoever must be told.
type EffectiveSetting struct {
	Name   string
	Value  string // as it was written; secrets are hidden
	Source string // default, the flag, the variable, or the file's line
}

// Effective lists the settings that have a value, in the table's order.
func (c Config) Effective() []EffectiveSetting { return slices.Clone(c.effective) }

// LoadConfig gathers the settings: the defaults, over them those of the YAML
// file at path (none if empty), over them those of the environment, over them
// the flags, which go by their names without dashes. An empty variable counts
// as not set; an empty flag, or an empty string in the file, means "none".
//
// An error is one line that names the setting, where it was set, and what it
// accepts. It never shows a secret.
func LoadConfig(flags map[string]string, lookup func(string) (string, bool), path string) (Config, error) {
	var c Config
	rows := settings(&c)
	file, err := readConfigFile(path, rows)
	if err != nil {
		return Config{}, err
	}
	layers := []layer{flagLayer(flags), variableLayer(lookup), file.layer()}
	flags = maps.Clone(flags)
	for _, s := range rows {
		delete(flags, s.flag())
		if s.value.secret {
			delete(flags, s.flag()+"-file")
		}
		g, err := s.find(layers)
		if err != nil {
			return Config{}, err
		}
		if g.text == "" && s.initial == "" {
			continue
		}
		if !s.value.set(g.text) {
			return Config{}, s.refuse(g)
		}
		c.effective = append(c.effective, EffectiveSetting{s.name, s.value.shown(g.text), g.source})
	}
	for name := range flags {
		return Config{}, fmt.Errorf("--%s: there is no such setting", name)
	}
	c.Endpoints, c.OutboundEndpoints = file.endpoints, file.outbound
	return c, nil
}

// given is a setting's value as it was found.
type given struct {
	text   string
	source string
}

// layer is one of the places where settings are given.
type layer struct {
	name   func(setting) string // what a setting is called there
	suffix string               // for the name that holds a secret's file
	get    func(name string) (given, bool)
}

func flagLayer(flags map[string]string) layer {
	return layer{setting.flag, "-file", func(name string) (given, bool) {
		text, ok := flags[name]
		return given{text, "--" + name}, ok
	}}
}

func variableLayer(lookup func(string) (string, bool)) layer {
	variable := func(s setting) string { return s.name }
	return layer{variable, "_FILE", func(name string) (given, bool) {
		text, ok := lookup(name)
		return given{text, name}, ok && text != ""
	}}
}

// find returns the setting's value in the first layer that has one.
func (s setting) find(layers []layer) (given, error) {
	for _, l := range layers {
		g, ok := l.get(l.name(s))
		if s.value.secret {
			inFile, fromFile := l.get(l.name(s) + l.suffix)
			if ok && fromFile {
				return given{}, fmt.Errorf("%s: set either %s or %s", s.name, g.source, inFile.source)
			}
			if fromFile {
				return s.read(inFile)
			}
		}
		if ok {
			return g, nil
		}
	}
	return given{s.initial, "default"}, nil
}

// read replaces the path of a secret's file by what stands in it.
func (s setting) read(path given) (given, error) {
	content, err := os.ReadFile(path.text)
	if err != nil {
		return given{}, fmt.Errorf("%s (%s): %w", s.name, path.source, err)
	}
	text := strings.TrimSpace(string(content))
	if text == "" {
		return given{}, fmt.Errorf("%s (%s): %s is empty", s.name, path.source, path.text)
	}
	return given{text, path.source}, nil
}

// refuse says in one line what is wrong with a value.
func (s setting) refuse(g given) error {
	where := s.name
	if g.source != s.name {
		where += " (" + g.source + ")"
	}
	what := fmt.Sprintf("%q", g.text)
	if s.value.secret {
		what = "its value"
	}
	err := fmt.Errorf("%s: %s is not accepted; write %s", where, what, s.value.accepts)
	if strings.HasPrefix(g.source, "--") {
		return usageError{err}
	}
	return err
}

// UnknownVariables returns those of environ ("NAME=value") that look like
// settings and are none: misspelled ones, most likely.
func UnknownVariables(environ []string) []string {
	known := map[string]bool{}
	for _, s := range settings(new(Config)) {
		known[s.name] = true
		known[s.name+"_FILE"] = s.value.secret
	}
	var unknown []string
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "BURSAR_") && !strings.HasPrefix(name, "BURSAR_TEST_") && !known[name] {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return unknown
}

// StripeMode returns live or test as far as the settings tell: as
// BURSAR_MODE says, else as the secret key does, else empty.
func (c Config) StripeMode() string {
	if c.Mode != "" {
		return c.Mode
	}
	return keyMode(c.StripeSecretKey)
}

// CheckServe says whether the settings, each acceptable, are so together for
// serve. Other commands do with less. An error is one line.
func (c Config) CheckServe() error {
	for _, rule := range []struct {
		broken bool
		line   string
	}{
		{len(c.WebhookSecrets) == 0 && c.Poll <= 0, "STRIPE_WEBHOOK_SECRET: none is set; write the endpoint's whsec_…, or set BURSAR_POLL"},
		{c.Poll > 0 && !c.StripeSecretKey.IsSet(), "BURSAR_POLL: needs STRIPE_SECRET_KEY"},
		{c.StripeSecretKey.IsSet() && c.StripeMode() != keyMode(c.StripeSecretKey), "BURSAR_MODE: is " + c.Mode + ", but STRIPE_SECRET_KEY is of the other mode"},
		{c.SMTPURL.IsSet() && c.MailFrom == "", "BURSAR_MAIL_FROM: none is set; BURSAR_SMTP_URL needs it"},
		{c.OutboundURL != "" && !c.OutboundSecret.IsSet(), "BURSAR_OUTBOUND_SECRET: none is set; BURSAR_OUTBOUND_URL needs it"},
		{c.DunningAction == "downgrade_and_cancel" && !c.StripeSecretKey.IsSet(), "BURSAR_DUNNING_ACTION: downgrade_and_cancel needs STRIPE_SECRET_KEY"},
		{c.Role != "all" && strings.HasPrefix(c.DatabaseURL.Reveal(), "sqlite:"), "BURSAR_ROLE: " + c.Role + " needs PostgreSQL; an SQLite file serves one process"},
	} {
		if rule.broken {
			return errors.New(rule.line)
		}
	}
	return nil
}
