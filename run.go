package bursar

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/effect"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
)

// Run performs effects until the context ends: refetching, retries, retention. It may
// run in one process or in many. Its error is nil where it was only told to stop, even
// in the middle of what new plans cause: the next start goes on with that.
func (b *Bursar) Run(ctx context.Context) error {
	if err := b.catchUp(ctx); ctx.Err() != nil {
		return nil //nolint:nilerr // it was told to stop
	} else if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return b.queue.Run(ctx) })
	if b.reconciler != nil {
		g.Go(func() error { return b.reconciler.Run(ctx) })
	}
	if b.outbound != nil {
		g.Go(func() error { return b.outbound.Run(ctx) })
	}
	return g.Wait()
}

// catchUp does what this start asks for: new plans, a new policy and new rules.
func (b *Bursar) catchUp(ctx context.Context) error {
	if err := b.recompute(ctx); err != nil {
		return err
	}
	n, err := b.engine.ApplyNewRules(ctx)
	if n > 0 {
		b.cfg.Log.Info("events that had been ignored for want of a rule were applied", "events", n)
	}
	return err
}

// recompute settles all tenants anew when the plans or the dunning policy are
// other ones than last time.
func (b *Bursar) recompute(ctx context.Context) error {
	// 2: since tenants remember which features were told.
	policy := fmt.Sprintf("2 %s %d %s %s", b.cfg.Plans.Hash(), b.cfg.Dunning.MaxAttempts, b.cfg.Dunning.Grace, b.cfg.Dunning.Action)
	was, err := b.store.Meta(ctx, "policy")
	if err != nil || was == policy {
		return err
	}
	if was != "" {
		settled, refused, err := b.engine.Recompute(ctx)
		if err != nil {
			return fmt.Errorf("settle tenants by the new plans: %w", err)
		}
		b.cfg.Log.Info("the plans or the dunning policy have changed", "settled", settled, "refused", refused)
		if refused > 0 {
			return nil // the next start asks the hooks again
		}
	}
	return b.store.SetMeta(ctx, "policy", policy)
}

// deps are what effects are performed with.
func (b *Bursar) deps() effect.Deps {
	up := b.cfg.Now()
	d := effect.Deps{
		TellCards:   func(ctx context.Context) error { return b.engine.TellExpiringCards(ctx, b.cfg.Now()) },
		TellSilence: func(ctx context.Context) error { return b.engine.TellSilence(ctx, up, b.cfg.Now()) },
		RetryEvents: func(ctx context.Context) error { return repeat(ctx, b.engine.RetryDue) },
		SettleOverdue: func(ctx context.Context) error {
			return repeat(ctx, func(ctx context.Context) (int, error) { return b.engine.SettleOverdue(ctx, b.cfg.Now()) })
		},
		SettleWaits: func(ctx context.Context) error {
			if err := repeat(ctx, b.engine.SettleWaits); err != nil {
				return err
			}
			return b.engine.FetchWaitedFor(ctx, b.cfg.Now())
		},
	}
	if b.cfg.Retention > 0 {
		d.Retain = func(ctx context.Context) error {
			for _, drop := range []func(context.Context, time.Time, int) (int64, error){b.store.DropPayloads, b.store.DropOutbound} {
				if err := repeat(ctx, func(ctx context.Context) (int, error) {
					n, err := drop(ctx, b.cfg.Now().Add(-b.cfg.Retention), 500)
					return int(n), err
				}); err != nil {
					return err
				}
			}
			return nil
		}
	}
	if len(b.clients) > 0 {
		d.Refetch = b.refetch
		d.Cancel = b.cancelUnpaid
	}
	d.Hook = b.performHook
	d.Document, d.Outbound = b.docs.Perform, b.outbound
	if b.notices.Sender != nil {
		d.Notify = b.notices.Perform
	}
	return d
}

// repeat calls until there is nothing left to do.
func repeat(ctx context.Context, step func(context.Context) (int, error)) error {
	for ctx.Err() == nil {
		if n, err := step(ctx); err != nil || n == 0 {
			return err
		}
	}
	return ctx.Err()
}

// refetch asks Stripe for an object and applies the answer. Where a thin event asks
// for it, the event that has the snapshot is better, if there is one.
func (b *Bursar) refetch(ctx context.Context, e store.Effect) (effect.Outcome, error) {
	account, id := e.Account, e.ObjectID
	c := b.client(account)
	if c == nil {
		return effect.Outcome{Status: store.Skipped, Reason: "no API key for the account"}, nil
	}
	if thin, ok := strings.CutPrefix(e.ID, store.RefetchThin); ok {
		if o, err := b.fetchSnapshot(ctx, c, e.With(thin)); o.Status != "" || err != nil {
			return o, err
		}
	}
	a, err := c.Fetch(stripe.Background(ctx), "", id)
	switch {
	case errors.Is(err, stripe.ErrNotFound):
		return effect.Outcome{Status: store.Superseded, Reason: "Stripe has no such object"}, nil
	case err != nil:
		return effect.Outcome{}, err
	}
	r, err := b.engine.Ingest(ctx, apply.Answer{Object: a.Object, SentAt: a.SentAt, Asked: a.Asked, APIVersion: a.APIVersion, Account: account, Source: "refetch"})
	if err != nil {
		return effect.Outcome{}, err
	}
	return effect.Outcome{Status: store.Sent, Reason: r.Status}, nil
}

// fetchSnapshot applies the event that tells with a snapshot what a thin one told
// without: under its own id, so that a webhook that brings it too is a duplicate. The
// outcome is empty where there is none, or it may not be read.
func (b *Bursar) fetchSnapshot(ctx context.Context, c *stripe.Client, thin store.Key) (effect.Outcome, error) {
	get := func(path string) (*stripe.Event, error) {
		a, err := c.Get(stripe.Background(ctx), path)
		if err != nil {
			if refused := (*stripe.Error)(nil); errors.As(err, &refused) && !refused.Retryable {
				return nil, nil //nolint:nilnil // there is none
			}
			return nil, err
		}
		return stripe.ParseEvent(a.Object)
	}
	full, err := get("/v2/core/events/" + thin.ID)
	if err != nil || full == nil || full.SnapshotEvent == "" {
		return effect.Outcome{}, err
	}
	told := effect.Outcome{Status: store.Sent, Reason: full.SnapshotEvent}
	if b.store.ObjectOf(ctx, thin.With(full.SnapshotEvent)) != "" {
		return told, nil
	}
	ev, err := get("/v1/events/" + full.SnapshotEvent)
	if err != nil || ev == nil {
		return effect.Outcome{}, err
	}
	r := b.engine.Apply(ctx, []*apply.Delivery{{Event: ev, Packed: store.Pack(ev.Body), Account: thin.Account, Source: "refetch"}})[0]
	return told, r.Err
}
