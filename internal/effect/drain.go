package effect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bursarhq/bursar/internal/store"
)

// lease is for how long a claimed row is a worker's own. A worker that dies leaves
// its rows to the next one after it, so an effect that takes longer could happen twice.
const lease = 2 * time.Minute

// drain performs what is due of a kind, until nothing is, and leaves a job for
// what will be due later.
func (q *Queue) drain(ctx context.Context, r *Runner) error {
	if r.Tick != nil {
		return r.Tick(ctx)
	}
	parallel := max(1, r.Parallel)
	for ctx.Err() == nil {
		rows, err := q.cfg.Store.ClaimEffects(ctx, r.Kind, lease, 4*parallel)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			break
		}
		g := errgroup.Group{}
		g.SetLimit(parallel)
		for _, e := range rows {
			g.Go(func() error { return q.perform(ctx, r, e) })
		}
		if err := g.Wait(); err != nil {
			return err
		}
	}
	next, err := q.cfg.Store.NextEffect(ctx, r.Kind)
	if err != nil || next.IsZero() {
		return err
	}
	return q.Wake(ctx, r.Kind, next)
}

// perform runs one row and marks it. Its error is the database's.
func (q *Queue) perform(ctx context.Context, r *Runner, e store.Effect) error {
	ctx, cancel := context.WithTimeout(ctx, lease-10*time.Second)
	defer cancel()
	o, err := run(ctx, r, e)
	d := store.EffectDone{Status: o.Status, Reason: o.Reason, Recipient: o.Recipient, Subject: o.Subject}
	if err != nil {
		d.Status, d.Reason = store.Pending, err.Error()
		d.Again = backoff(e.Attempts)
		if later := (*RetryAfter)(nil); errors.As(err, &later) {
			d.Again = later.Delay
		}
		limit := r.MaxAttempts
		if limit == 0 {
			limit = 12
		}
		if e.Attempts >= limit || errors.Is(err, ErrPermanent) {
			d.Status, d.Again = store.Failed, 0
			q.cfg.Log.Error("effect failed", "kind", e.Kind, "key", e.ID, "attempts", e.Attempts, "reason", err.Error())
		}
	}
	// The mark is written even when the process is asked to stop: what was sent is sent.
	mark, stop := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer stop()
	return q.cfg.Store.FinishEffect(mark, e, d)
}

func run(ctx context.Context, r *Runner, e store.Effect) (o Outcome, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return r.Run(ctx, e)
}

// backoff is how long after its n-th failed attempt an effect is tried again.
func backoff(n int64) time.Duration {
	return min(2*time.Second<<min(n, 20), 4*time.Hour)
}
