package bursar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/api"
	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/command"
	"github.com/bursarhq/bursar/internal/effect"
	"github.com/bursarhq/bursar/internal/receive"
	"github.com/bursarhq/bursar/internal/reconcile"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
	"github.com/bursarhq/bursar/webhook"
)

// Version is the program's version, set when it is built.
var Version = "dev"

// Config is how Bursar is opened. The zero value of everything but WebhookSecrets
// is a safe default.
type Config struct {
	// DatabaseURL is sqlite://PATH or postgres://…; sqlite://bursar.db where empty.
	DatabaseURL string
	// Migrate says whether Open may bring the schema up to date: yes unless NoMigrate.
	NoMigrate bool

	// WebhookSecrets are the endpoint's signing secrets, whsec_…; several while one is
	// being rolled. Without one WebhookHandler refuses everything.
	WebhookSecrets []string
	// Endpoints are further addresses, /webhooks/stripe/{name}.
	Endpoints []Endpoint

	// StripeSecretKey enables whatever asks Stripe: refetching, commands, reconciling.
	StripeSecretKey string
	StripeAPIBase   string // another address of Stripe's API
	// StripeRPS is how many requests a second may be made to Stripe: where 0, 60 in
	// live and 20 in test mode, below what Stripe allows; negative for any number.
	StripeRPS float64
	// Poll is how often Run asks Stripe for events where no webhook endpoint is to be
	// had; WebhookSecrets may be empty then. Zero or less: webhooks bring them.
	Poll time.Duration

	// APIKeys open the API; without one it answers 401 to all.
	APIKeys     []string
	CORSOrigins []string
	RateLimit   float64 // requests a second and key; 100 where 0, negative for none

	Plans *billing.Catalog // one plan, free, where nil
	Mode  string           // live or test; that of the secret key or of the first event where empty

	TenantMetadata         []string // tenant, tenant_id where nil
	CreateUnknownCustomers bool
	TrustPaymentLinks      bool

	Dunning billing.Dunning
	// NoticeMaxAge is how old news may be to be told; 7 days where 0, no limit where negative.
	NoticeMaxAge time.Duration

	// Seller is who sends mails and issues documents.
	Seller Seller
	// SMTPURL is smtp://user:password@host:587 or smtps://…; without it, notices are
	// kept as skipped. MailFrom is the sender's mailbox.
	SMTPURL, MailFrom string
	// Outbound are the endpoints that Bursar's own webhooks go to; OutboundAllowPrivate
	// lets them be at loopback and private addresses.
	Outbound             []OutboundEndpoint
	OutboundAllowPrivate bool
	OperatorEmail        string // who is told of disputes, dead events, unmapped prices
	PublicURL            string // where Bursar is reached from outside, for links in mails

	// HookTimeout is how long a handler of On may take: where 0, 250 ms on SQLite, whose
	// only writer it holds, and 5 s on PostgreSQL.
	HookTimeout time.Duration

	WebhookTolerance time.Duration // 5 minutes where 0
	MaxBody          int64         // 1 MiB where 0
	Retention        time.Duration // of settled payloads and accepted webhooks; 90 days where 0, for ever where negative

	Log *slog.Logger     // slog.Default() where nil
	Now func() time.Time // time.Now where nil
}

// Endpoint is a further address that Stripe posts to, of another account or API version.
type Endpoint struct {
	Name    string
	Secrets []string
	Key     string // the account's secret key, to refetch with
	Account string // what events are kept under that name no account
}

// Bursar is an open back office. Its methods are safe for concurrent use.
type Bursar struct {
	cfg      Config
	store    *store.Store
	reader   *store.Reader
	engine   *apply.Engine
	queue    *effect.Queue
	receiver *receive.Receiver
	metrics  *api.Metrics
	notices  *effect.Notices
	docs     *effect.Documents
	outbound *effect.Outbound
	linkKey  []byte
	commands *command.Commands
	api      http.Handler
	hooks    hooks
	clients  map[string]*stripe.Client // by account
	verifier *webhook.Verifier
	further  map[string]receive.Endpoint
	draining chan struct{}

	reconciler *reconcile.Reconciler // nil without a key

	liveSince int64 // the store's first start, Unix microseconds
}

// ErrNotFound says that there is no such tenant, invoice or event.
var ErrNotFound = store.ErrNotFound

// ErrConflict says that the state does not allow what was asked.
var ErrConflict = apply.ErrConflict

// Open opens the database, brings its schema up to date and gets everything ready.
// Call Run to have effects performed, and Close at the end.
func Open(ctx context.Context, cfg Config) (*Bursar, error) {
	cfg = cfg.withDefaults()
	b := &Bursar{cfg: cfg, clients: map[string]*stripe.Client{}, further: map[string]receive.Endpoint{}, draining: make(chan struct{})}
	if err := b.open(ctx); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

func (c Config) withDefaults() Config {
	if c.DatabaseURL == "" {
		c.DatabaseURL = "sqlite://bursar.db"
	}
	if c.Plans == nil {
		c.Plans = billing.Builtin()
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Retention == 0 {
		c.Retention = 90 * 24 * time.Hour
	}
	if c.RateLimit == 0 {
		c.RateLimit = 100
	}
	return c
}

func (b *Bursar) open(ctx context.Context) error {
	if err := b.openEndpoints(); err != nil {
		return err
	}
	var err error
	if b.store, err = store.Open(ctx, b.cfg.DatabaseURL, store.Options{Now: b.cfg.Now, Migrate: !b.cfg.NoMigrate}); err != nil {
		return err
	}
	b.reader, b.store.HookTimeout = b.store.Reader(), b.cfg.HookTimeout
	if err := b.openClients(); err != nil {
		return err
	}
	if err := b.openMail(ctx); err != nil {
		return err
	}
	if err := b.openOutbound(ctx); err != nil {
		return err
	}
	runners := effect.Runners(b.deps())
	b.engine, err = apply.New(ctx, b.store, apply.Policy{
		Catalog: b.cfg.Plans, Dunning: b.cfg.Dunning,
		TenantMetadata: b.cfg.TenantMetadata, CreateUnknownCustomers: b.cfg.CreateUnknownCustomers, TrustPaymentLinks: b.cfg.TrustPaymentLinks,
		NoticeMaxAge: b.cfg.NoticeMaxAge, Runners: effect.Kinds(runners), NoticesOff: b.noticesOff(),
		Outbound: b.outboundEndpoints(), Hooks: &b.hooks.Hooks,
	}, b.mode(), b.cfg.Log)
	if err != nil {
		return err
	}
	if b.queue, err = effect.New(effect.Config{Store: b.store, Runners: runners, Now: b.cfg.Now, Busy: b.receiving, Log: b.cfg.Log}); err != nil {
		return err
	}
	b.store.Enqueue = b.queue.Enqueue
	if err := b.openCommands(ctx); err != nil {
		return err
	}

	var types []string
	for _, r := range apply.Rules {
		types = append(types, r.Type)
	}
	b.metrics = api.NewMetrics(b.store, types)
	b.openReconciler()
	b.receiver = receive.New(receive.Config{
		Apply: b.applyReceived, Waits: b.store.Waits(), Read: apply.Read, Log: b.cfg.Log, Now: b.cfg.Now, MaxBody: b.cfg.MaxBody, Tolerance: b.cfg.WebhookTolerance,
		Observe: func(eventType, result string, took time.Duration) {
			b.metrics.Received(eventType, result)
			b.metrics.Ack(took)
		},
		Batch: b.metrics.Batch,
	})
	b.api, err = api.New(api.Config{
		Store: b.store, Engine: b.engine, Catalog: b.cfg.Plans, Keys: b.cfg.APIKeys, CORSOrigins: b.cfg.CORSOrigins, RateLimit: max(0, b.cfg.RateLimit),
		Metrics: b.metrics.Handler(), Log: b.cfg.Log, Version: Version, Ready: b.ready,
		Document: b.docs.Ensure, EInvoice: b.docs.EInvoice, Outbound: api.Outbound{Endpoints: b.outboundEndpoints(), Wake: b.wakeOutbound}, Linked: b.linked, Commands: b.commands,
	})
	return err
}

func (b *Bursar) openEndpoints() error {
	var err error
	b.verifier = &webhook.Verifier{} // accepts nothing
	if len(b.cfg.WebhookSecrets) > 0 {
		if b.verifier, err = webhook.NewVerifier(b.cfg.WebhookSecrets...); err != nil {
			return fmt.Errorf("WebhookSecrets: %w", err)
		}
	}
	for _, e := range b.cfg.Endpoints {
		v, err := webhook.NewVerifier(e.Secrets...)
		if err != nil {
			return fmt.Errorf("endpoint %s: %w", e.Name, err)
		}
		b.further[e.Name] = receive.Endpoint{Verifier: v, Account: e.Account}
	}
	return nil
}

func (b *Bursar) openClients() error {
	keys := map[string]string{}
	if b.cfg.StripeSecretKey != "" {
		keys[""] = b.cfg.StripeSecretKey
	}
	for _, e := range b.cfg.Endpoints {
		if e.Key != "" {
			keys[e.Account] = e.Key
		}
	}
	for account, key := range keys {
		c, err := stripe.NewClient(stripe.ClientConfig{Key: key, Base: b.cfg.StripeAPIBase, RPS: b.cfg.StripeRPS, Now: b.cfg.Now})
		if err != nil {
			return fmt.Errorf("the Stripe key: %w", err)
		}
		b.clients[account] = c
	}
	return nil
}

// client is who asks Stripe about an account: its own key, else the main key on
// the connected account's behalf. Nil where there is no key.
func (b *Bursar) client(account string) *stripe.Client {
	if c := b.clients[account]; c != nil {
		return c
	}
	if c := b.clients[""]; c != nil {
		return c.For(account)
	}
	return nil
}

func (b *Bursar) mode() string {
	if b.cfg.Mode != "" {
		return b.cfg.Mode
	}
	if c := b.clients[""]; c != nil {
		if c.Livemode() {
			return "live"
		}
		return "test"
	}
	return ""
}

// receiving reports whether receiving is busy; the receiver is opened after those who ask.
func (b *Bursar) receiving() bool { return b.receiver.Busy() }

func (b *Bursar) applyReceived(ctx context.Context, batch []receive.Received) []receive.Outcome {
	deliveries := make([]*apply.Delivery, len(batch))
	for i, r := range batch {
		deliveries[i] = &apply.Delivery{Event: r.Event, Packed: r.Packed, Account: r.Account, Source: "webhook", Told: r.Told}
		if r.Event.Thin {
			deliveries[i].Source = "thin"
		}
	}
	out := make([]receive.Outcome, len(batch))
	for i, r := range b.engine.Apply(ctx, deliveries) {
		out[i] = receive.Outcome{Result: r.Status, Err: r.Err}
	}
	return out
}

// WebhookHandler is the endpoint that Stripe posts events to. Where the program
// mounts it at a path that ends in {endpoint}, the further endpoints are served too.
func (b *Bursar) WebhookHandler() http.Handler {
	own := b.receiver.Handler(receive.Endpoint{Verifier: b.verifier})
	further := map[string]http.Handler{}
	for name, ep := range b.further {
		further[name] = b.receiver.Handler(ep)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := own
		if name := r.PathValue("endpoint"); name != "" {
			if h = further[name]; h == nil {
				http.NotFound(w, r)
				return
			}
		}
		h.ServeHTTP(w, r)
	})
}

// APIHandler serves the API: /v1, /healthz, /readyz, /metrics, /openapi.json, /docs.
func (b *Bursar) APIHandler() http.Handler { return b.api }

// MetricsHandler serves the metrics without asking for a key, for an address of its own.
func (b *Bursar) MetricsHandler() http.Handler { return b.metrics.Handler() }

// Handler serves all of it under the paths of the contract.
func (b *Bursar) Handler() http.Handler {
	mux := http.NewServeMux()
	hooks := b.WebhookHandler()
	for _, path := range []string{"/webhooks/stripe", "/api/webhooks/stripe", "/webhooks/stripe/{endpoint}"} {
		mux.Handle(path, hooks)
	}
	mux.Handle("/", b.api)
	return mux
}

// Drain has the API answer "not ready" and the webhook endpoint 503, and returns
// when every event that was taken is answered.
func (b *Bursar) Drain() {
	select {
	case <-b.draining:
	default:
		close(b.draining)
	}
	if b.receiver != nil {
		b.receiver.Close()
	}
}

func (b *Bursar) ready() error {
	select {
	case <-b.draining:
		return errors.New("shutting down")
	default:
		return nil
	}
}

// Close drains and closes the database.
func (b *Bursar) Close() error {
	b.Drain()
	for _, c := range b.clients {
		c.Close()
	}
	if b.store == nil {
		return nil
	}
	return b.store.Close()
}

// Trusted secrets never leave this package's fields; String keeps them out of logs.
func (c Config) String() string {
	return fmt.Sprintf("bursar.Config{%d webhook secrets, %d API keys}", len(c.WebhookSecrets), len(c.APIKeys))
}
