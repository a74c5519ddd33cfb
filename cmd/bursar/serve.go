package main

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/billing"
)

type serveCommand struct {
	Settings `settings:"shown"`
}

func (serveCommand) Help() string {
	return examples(
		"STRIPE_WEBHOOK_SECRET=whsec_… bursar serve",
		"bursar serve --config bursar.yaml --listen :8000",
		"STRIPE_SECRET_KEY=sk_test_… bursar serve --poll 10s",
		"bursar serve --stripe-webhook-secret-file /run/secrets/whsec --database-url sqlite:///var/lib/bursar/bursar.db",
	)
}

// Run serves until the process is told to stop.
func (c serveCommand) Run(ctx context.Context, s *system) error {
	cfg, err := c.load(s)
	if err != nil {
		return err
	}
	if err := cfg.CheckServe(); err != nil {
		return err
	}
	log := cfg.logger(s)
	plans, from, err := LoadPlans(cfg.Plans)
	if err != nil {
		return err
	}
	seller, err := LoadSeller(cfg.Seller)
	if err != nil {
		return err
	}
	cfg.warn(s, log, from)
	tuneMemory(s)
	sv, err := listen(ctx, cfg.Listen, cfg.MetricsListen)
	if err != nil {
		return err
	}
	defer sv.close()
	b, err := bursar.Open(ctx, cfg.bursar(plans, seller, log, s))
	switch {
	case err != nil && ctx.Err() != nil: // being told to stop is no failure
		log.Info("stopped before the database was open", "error", err)
		return nil
	case err != nil:
		return err
	}
	sv.b, sv.log, sv.role, sv.proxies = b, log, cfg.Role, cfg.TrustedProxies
	sv.ready = func() { fmt.Fprintln(s.stdout, sv.greeting()) }
	return sv.run(ctx)
}

// tuneMemory trades memory for speed, within what a small machine can spare: the
// heap of a server that only passes events through is small, and collecting it
// whenever it has doubled costs a sixth of the throughput. Go's own variables win.
func tuneMemory(s *system) {
	if _, set := s.lookup("GOGC"); !set {
		debug.SetGCPercent(400)
	}
	if _, set := s.lookup("GOMEMLIMIT"); !set {
		debug.SetMemoryLimit(64 << 20)
	}
}

// warn says what is allowed and hardly meant.
func (c Config) warn(s *system, log *slog.Logger, plansFile string) {
	for _, name := range UnknownVariables(s.environ()) {
		log.Warn("there is no such setting", "variable", name)
	}
	if c.DashboardPassword.IsSet() {
		log.Warn("this version does nothing with the setting yet", "setting", "BURSAR_DASHBOARD_PASSWORD")
	}
	if plansFile == "" {
		log.Warn("there is no plan catalog: free is the only plan", "setting", "BURSAR_PLANS")
	}
}

// bursar is what the package is configured with.
func (c Config) bursar(plans *billing.Catalog, seller bursar.Seller, log *slog.Logger, s *system) bursar.Config {
	out := bursar.Config{
		DatabaseURL:            c.DatabaseURL.Reveal(),
		WebhookSecrets:         reveal(c.WebhookSecrets),
		StripeSecretKey:        c.StripeSecretKey.Reveal(),
		StripeAPIBase:          c.StripeAPIBase,
		Poll:                   max(c.Poll, 0),
		APIKeys:                reveal(c.APIKeys),
		CORSOrigins:            c.CORSOrigins,
		RateLimit:              c.RateLimit.PerSecond(),
		Plans:                  plans,
		Mode:                   c.StripeMode(),
		TenantMetadata:         c.TenantMetadata,
		CreateUnknownCustomers: c.UnknownCustomers == "create",
		TrustPaymentLinks:      c.TrustPaymentLinks,
		Dunning: billing.Dunning{
			MaxAttempts: int64(c.DunningMaxAttempts), Grace: max(c.DunningGrace, 1), Action: billing.DunningAction(c.DunningAction),
		},
		NoticeMaxAge:     c.NoticeMaxAge,
		Seller:           seller,
		SMTPURL:          c.SMTPURL.Reveal(),
		MailFrom:         c.MailFrom,
		OperatorEmail:    c.OperatorEmail,
		PublicURL:        c.PublicURL,
		WebhookTolerance: c.WebhookTolerance,
		MaxBody:          c.MaxBody,
		Retention:        c.Retention,
		Log:              log,
		Now:              s.now,
	}
	out.Outbound, out.OutboundAllowPrivate = c.outbound(), c.OutboundAllowPrivate
	if out.RateLimit == 0 {
		out.RateLimit = -1 // there, as for the grace above, 0 is the default
	}
	for _, e := range c.Endpoints {
		out.Endpoints = append(out.Endpoints, bursar.Endpoint{Name: e.Name, Secrets: reveal(e.Secrets), Key: e.Key.Reveal(), Account: e.Account})
	}
	return out
}

func reveal(secrets []Secret) []string {
	var out []string
	for _, s := range secrets {
		out = append(out, s.Reveal())
	}
	return out
}
