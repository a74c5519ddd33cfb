package bursar

import (
	"context"
	"maps"
	"slices"

	"github.com/bursarhq/bursar/internal/reconcile"
	"github.com/bursarhq/bursar/internal/stripe"
)

type (
	// ReconcileOptions are what Reconcile is to do.
	ReconcileOptions = reconcile.Options
	// ReconcileReport is what Reconcile found, and what became of it.
	ReconcileReport = reconcile.Report
	// BackfillOptions are what Backfill is to import.
	BackfillOptions = reconcile.BackfillOptions
	// Backfilled is what Backfill did.
	Backfilled = reconcile.Imported
	// ReconcileProgress is how far either is.
	ReconcileProgress = reconcile.Progress
)

// openReconciler gets ready what compares with Stripe, if there is a key to ask with.
func (b *Bursar) openReconciler() {
	accounts := map[string]*stripe.Client{}
	for _, id := range slices.Concat([]string{""}, slices.Collect(maps.Keys(b.clients)), endpointAccounts(b.cfg.Endpoints)) {
		if c := b.client(id); c != nil {
			accounts[id] = c
		}
	}
	if len(accounts) == 0 {
		return
	}
	metrics := reconcile.NewMetrics()
	b.metrics.Register(metrics.Collectors()...)
	cfg := reconcile.Config{
		Store: b.store, Engine: b.engine, Log: b.cfg.Log, Now: b.cfg.Now, Poll: b.cfg.Poll,
		Old:     func(a stripe.Answer) bool { return b.sourceOf(a) == "backfill" },
		Observe: metrics.Observe,
	}
	for _, id := range slices.Sorted(maps.Keys(accounts)) {
		cfg.Accounts = append(cfg.Accounts, reconcile.Account{ID: id, Client: accounts[id]})
	}
	b.reconciler = reconcile.New(cfg)
}

func endpointAccounts(endpoints []Endpoint) []string {
	var ids []string
	for _, e := range endpoints {
		ids = append(ids, e.Account)
	}
	return ids
}

// Reconcile compares with Stripe and applies what never arrived: the events since the
// last time, then the objects that differ. It may run beside a service on the same
// database. After an error, or where the process is killed, the next one goes on from
// there. Without a StripeSecretKey the error is ErrStripeKeyMissing.
func (b *Bursar) Reconcile(ctx context.Context, o ReconcileOptions) (ReconcileReport, error) {
	if b.reconciler == nil {
		return ReconcileReport{}, ErrStripeKeyMissing
	}
	return b.reconciler.Once(ctx, o)
}

// Backfill imports an existing account, and tells nobody. After an error, or where the
// process is killed, the next one goes on from there. Without a StripeSecretKey the
// error is ErrStripeKeyMissing.
func (b *Bursar) Backfill(ctx context.Context, o BackfillOptions) (Backfilled, error) {
	if b.reconciler == nil {
		return Backfilled{}, ErrStripeKeyMissing
	}
	return b.reconciler.Backfill(ctx, o)
}
