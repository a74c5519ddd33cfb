package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/bursarhq/bursar/internal/stripe"
)

// How Run goes about it. A process that has just come up waits a little: what was
// missed while nobody was there is on its way.
const (
	firstLook   = time.Minute
	eventsEvery = 5 * time.Minute
	sliceEvery  = time.Minute
	// slice is how many requests of the sweep are made in a row: a hundred thousand
	// objects take less than an hour, and commands never wait for them.
	slice = 20
	// stillComing is how old an event must be before it is called missed.
	stillComing = 5 * time.Minute
	// settlingTime is how long an object that differs may take to be told.
	settlingTime = 5 * time.Second
	// lease is how long another process waits for one that has died.
	lease = 2 * time.Minute
	// longestPause is between two tries while Stripe cannot be asked.
	longestPause = 5 * time.Minute
)

// Run compares until the context ends: the events every few minutes, or as often as
// the configuration polls; the objects a few pages at a time, all of them once a day.
// Of several processes on one database one does it. What goes wrong is logged, and
// tried again; the error is nil.
func (r *Reconciler) Run(ctx context.Context) error {
	defer r.release(ctx)
	ctx = stripe.Background(ctx)
	first, every := firstLook, eventsEvery
	if r.cfg.Poll > 0 {
		first, every = 0, r.cfg.Poll
	}
	looks, slices := task{do: r.look, every: every}, task{do: r.slice, every: sliceEvery}
	looks.timer, slices.timer = time.NewTimer(first), time.NewTimer(firstLook)
	defer looks.timer.Stop()
	defer slices.timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-looks.timer.C:
			r.perform(ctx, &looks)
		case <-slices.timer.C:
			r.perform(ctx, &slices)
		}
	}
}

// task is what is done again and again, later after a failure.
type task struct {
	do       func(context.Context) error
	every    time.Duration
	timer    *time.Timer
	failures int
}

func (r *Reconciler) perform(ctx context.Context, t *task) {
	pause := t.every
	if err := r.leading(ctx, t.do); err == nil {
		t.failures = 0
	} else if ctx.Err() == nil {
		t.failures++
		pause = max(pause, min(pause<<min(t.failures, 10), longestPause))
		r.cfg.Log.WarnContext(ctx, "Stripe could not be compared with", "error", err, "again_in", pause)
	}
	t.timer.Reset(pause)
}

// leading does something if no other process does.
func (r *Reconciler) leading(ctx context.Context, do func(context.Context) error) error {
	mine, err := r.cfg.Store.Lease(ctx, "reconcile", r.owner, r.cfg.Now().Add(lease))
	if err != nil || !mine {
		return err
	}
	return do(ctx)
}

// release lets another process take over at once.
func (r *Reconciler) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := r.cfg.Store.EndLease(ctx, "reconcile", r.owner); err != nil {
		r.cfg.Log.WarnContext(ctx, "the lease of reconciling runs on", "error", err)
	}
}

// look asks for the events since the last look, once, as Run does.
func (r *Reconciler) look(ctx context.Context) error {
	return r.some(ctx, func(ctx context.Context, p *pass) error {
		if p.all = r.cfg.Poll > 0; p.all {
			p.source = "poll"
		} else {
			p.grace = stillComing
		}
		return p.events(ctx)
	})
}

// slice reads a few pages of the sweep, as Run does.
func (r *Reconciler) slice(ctx context.Context) error {
	return r.some(ctx, func(ctx context.Context, p *pass) error {
		p.limited, p.budget, p.patience = true, slice, r.settling
		return p.sweep(ctx, sweepSlow)
	})
}

func (r *Reconciler) some(ctx context.Context, do func(context.Context, *pass) error) error {
	var errs []error
	var rep Report
	for _, a := range r.cfg.Accounts {
		p := r.pass(a, Options{}, &rep)
		if err := do(ctx, p); err != nil {
			errs = append(errs, err)
		}
		if rep.Polled = rep.Polled || p.all; !rep.Polled {
			for _, f := range rep.Missed {
				r.cfg.Log.WarnContext(ctx, "an event had been missed", "event", f.ID, "type", f.Type, "result", f.Result)
			}
		}
		for _, f := range rep.Drifted {
			r.cfg.Log.WarnContext(ctx, "an object had drifted", "object", f.ID, "what", f.What, "result", f.Result)
		}
	}
	if rep.Swept {
		if err := r.mismatches(ctx, &rep); err != nil {
			errs = append(errs, err)
		}
	}
	r.observe(rep)
	return errors.Join(errs...)
}
