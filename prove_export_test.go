package bursar

import (
	"context"
	"errors"
	"time"

	"github.com/bursarhq/bursar/internal/effect"
	"github.com/bursarhq/bursar/internal/store"
)

// ErrDied is that of Perform where the process was to die in the middle.
var ErrDied = errors.New("died")

// Perform performs what is due, and runs every tick once: what the workers do by
// and by, at one moment and without a clock of its own. die is asked before and
// after each effect; where it says yes, the row stays claimed by nobody who lives.
func (b *Bursar) Perform(ctx context.Context, die func() bool) error {
	for _, r := range effect.Runners(b.deps()) {
		if r.Tick != nil {
			if err := r.Tick(ctx); err != nil {
				return err
			}
			continue
		}
		for {
			rows, err := b.store.ClaimEffects(ctx, r.Kind, 2*time.Minute, 16)
			if err != nil {
				return err
			}
			if len(rows) == 0 {
				break
			}
			for _, e := range rows {
				if die() {
					return ErrDied
				}
				o, err := r.Run(ctx, e)
				if die() {
					return ErrDied
				}
				done := store.EffectDone{Effect: e, Status: o.Status, Reason: o.Reason, Recipient: o.Recipient, Subject: o.Subject}
				if err != nil {
					done.Status, done.Reason, done.Again = store.Pending, err.Error(), 10*time.Second
				}
				if err := b.store.FinishEffects(ctx, []store.EffectDone{done}); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// Abandon closes the database under everything that is going on, as the end of a
// process does, and lets nobody finish.
func (b *Bursar) Abandon() {
	_ = b.store.Close() // what fails by it is the point
	for _, c := range b.clients {
		c.Close()
	}
	go b.Drain()
}

// Store is the database, to look into.
func (b *Bursar) Store() *store.Store { return b.store }
