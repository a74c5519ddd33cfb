// Embed is a program of its own, with its own database, that has Bursar inside: one
// process, one SQLite file. Its table teams changes in the very transaction in which
// Stripe's event is applied, so that it can never say anything else than Bursar does.
//
//	STRIPE_WEBHOOK_SECRET=whsec_… STRIPE_SECRET_KEY=sk_test_… go run ./examples/embed
package main

import (
	"context"
	"database/sql"
	"log"
	"net/http"
	"os"
	"os/signal"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/billing"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) error {
	plans, err := catalog()
	if err != nil {
		return err
	}
	a, err := open(ctx, "app.db", "http://127.0.0.1:3000", bursar.Config{
		WebhookSecrets: []string{os.Getenv("STRIPE_WEBHOOK_SECRET")}, StripeSecretKey: os.Getenv("STRIPE_SECRET_KEY"), Plans: plans,
	})
	if err != nil {
		return err
	}
	defer a.close()
	server := &http.Server{Addr: "127.0.0.1:3000", Handler: a.handler()}
	go func() {
		log.Print(a.bursar.Run(ctx)) // mails, retries, reconciling, what OnEffect does
		_ = server.Close()
	}()
	return server.ListenAndServe()
}

func catalog() (*billing.Catalog, error) {
	return billing.NewCatalog([]billing.Plan{
		{ID: "free", Name: "Free", Default: true, Features: map[string]any{"projects": int64(1)}},
		{ID: "pro", Name: "Pro", Features: map[string]any{"projects": int64(20)}, Prices: []billing.Price{
			{ID: "price_pro", Amount: 2900, Currency: "usd", Interval: "month"},
		}},
		{ID: "team", Name: "Team", Features: map[string]any{"projects": int64(100)}, Prices: []billing.Price{
			{ID: "price_team", Amount: 9900, Currency: "usd", Interval: "month"},
		}},
	})
}

// app is the program as it was before, and Bursar.
type app struct {
	db     *sql.DB
	bursar *bursar.Bursar
	url    string // where the buyers come back to
}

const schema = `CREATE TABLE IF NOT EXISTS teams (
	id TEXT PRIMARY KEY, projects INTEGER NOT NULL DEFAULT 0,
	plan TEXT NOT NULL DEFAULT 'free', status TEXT NOT NULL DEFAULT 'none', may_have INTEGER NOT NULL DEFAULT 1)`

func open(ctx context.Context, file, url string, cfg bursar.Config) (*app, error) {
	a := &app{url: url}
	cfg.DatabaseURL = "sqlite://" + file
	var err error
	if a.bursar, err = bursar.Open(ctx, cfg); err != nil {
		return nil, err
	}
	if a.db, err = sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(5000)&_txlock=immediate"); err == nil {
		_, err = a.db.ExecContext(ctx, schema)
	}
	if err != nil {
		a.close()
		return nil, err
	}
	a.bursar.On("entitlements.changed", setPlan)
	a.bursar.OnEffect("entitlements.changed", announce)
	return a, nil
}

// setPlan runs in the transaction of whatever changed what a team may do. Where it
// fails, Stripe's event is tried again, and neither Bursar's rows nor ours have changed.
func setPlan(ctx context.Context, tx *sql.Tx, c bursar.Change) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO teams (id, plan, status, may_have) VALUES ($1, $2, $3, $4)
		ON CONFLICT (id) DO UPDATE SET plan = excluded.plan, status = excluded.status, may_have = excluded.may_have`,
		c.Tenant, c.Is.Plan, c.Is.Status, c.Is.Features["projects"])
	return err
}

// announce runs after the commit, and again until it succeeds: it may call the world.
func announce(_ context.Context, c bursar.Change) error {
	log.Printf("%s: %s %s, was %s %s", c.Tenant, c.Is.Plan, c.Is.Status, c.Was.Plan, c.Was.Status)
	return nil
}

func (a *app) close() {
	if a.db != nil {
		_ = a.db.Close() // nothing is under way
	}
	_ = a.bursar.Close() // nor here
}
