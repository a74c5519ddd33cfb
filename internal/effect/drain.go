package effect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bursarhq/bursar/internal/store"
)

const (
	// lease is for how long a claimed row is a worker's own. A worker that dies leaves
	// its rows to the next one after it, so an effect that takes longer could happen twice.
	lease = 2 * time.Minute
	// margin is how much of a lease is left for the marks.
	margin = 10 * time.Second
	// patience is how much of a lease must be left beside it for a row to be begun: what
	// a mail server may take.
	patience = time.Minute
	// perWorker is how many rows are claimed at once for each that are performed at once.
	perWorker = 16
)

// drain performs what is due of a kind, until nothing is, and leaves a job for
// what will be due later.
func (q *Queue) drain(ctx context.Context, r *Runner) error {
	if r.Tick != nil {
		return r.Tick(ctx)
	}
	for more := true; more && ctx.Err() == nil; {
		var err error
		if more, err = q.round(ctx, r); err != nil {
			return err
		}
	}
	next, err := q.cfg.Store.NextEffect(ctx, r.Kind)
	if err != nil || next.IsZero() {
		return err
	}
	return q.Wake(ctx, r.Kind, next)
}

// round claims rows, performs them as the gate lets it, and marks those that are done
// while the next are under way. Rows that it does not get to are given back. It reports
// whether any were due; its error is the database's.
func (q *Queue) round(ctx context.Context, r *Runner) (bool, error) {
	held, cancel := context.WithTimeout(ctx, lease-margin)
	defer cancel()
	begin, stop := context.WithTimeout(held, lease-margin-patience)
	defer stop()
	parallel := max(1, r.Parallel)
	rows, err := q.cfg.Store.ClaimEffects(ctx, r.Kind, lease, perWorker*parallel)
	if err != nil || len(rows) == 0 {
		return false, err
	}
	finished := make(chan store.EffectDone, len(rows))
	go func() {
		defer close(finished)
		var g errgroup.Group
		g.SetLimit(parallel)
		for _, e := range rows {
			g.Go(func() error {
				d := store.EffectDone{Effect: e, Untried: true}
				q.gate.do(begin, func() { d = q.perform(held, r, e) })
				finished <- d
				return nil
			})
		}
		_ = g.Wait() // none returns an error
	}()
	for done := range batches(finished) {
		if err := q.mark(ctx, done); err != nil {
			return false, err
		}
	}
	return true, nil
}

// mark writes what became of effects, even when the process is asked to stop: what was
// sent is sent.
func (q *Queue) mark(ctx context.Context, done []store.EffectDone) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), margin)
	defer cancel()
	return q.cfg.Store.FinishEffects(ctx, done)
}

// perform runs one row and says what became of it.
func (q *Queue) perform(ctx context.Context, r *Runner, e store.Effect) store.EffectDone {
	o, err := run(ctx, r, e)
	d := store.EffectDone{Effect: e, Status: o.Status, Reason: o.Reason, Recipient: o.Recipient, Subject: o.Subject}
	if err == nil {
		return d
	}
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
	return d
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
