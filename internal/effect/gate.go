package effect

import (
	"context"
	"sync"
	"time"
)

// gate has effects wait for receiving. While that is calm, everything passes at once;
// while it is busy, one effect at a time is let through, each after a pause that is in
// proportion to what effects take: so they have a bounded share of the machine, and
// never less than one for each longest pause.
type gate struct {
	busy func() bool // nil: never
	now  func() time.Time
	turn chan struct{} // whoever is in it is the next to pass

	mu   sync.Mutex
	took time.Duration // by an effect, on average
}

const (
	// restraint is how many times as long as an effect takes the gate lets none begin.
	restraint = 3
	// longest bounds the pause: what takes long mostly waits for others, not for the machine.
	longest = 50 * time.Millisecond
)

func newGate(busy func() bool, now func() time.Time) *gate {
	return &gate{busy: busy, now: now, turn: make(chan struct{}, 1), took: longest}
}

// do performs a piece of work as soon as the gate lets it. It returns false where the
// context ends before that.
func (g *gate) do(ctx context.Context, work func()) bool {
	if !g.pass(ctx) {
		return false
	}
	began := g.now()
	work()
	took := min(g.now().Sub(began), longest)
	g.mu.Lock()
	g.took += (took - g.took) / 8
	g.mu.Unlock()
	return true
}

func (g *gate) pass(ctx context.Context) bool {
	if g.busy == nil || !g.busy() {
		return ctx.Err() == nil
	}
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return false
	}
	if !g.busy() { // any more: those that queued here all pass
		return ctx.Err() == nil
	}
	pause := time.NewTimer(g.pause())
	defer pause.Stop()
	select {
	case <-pause.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (g *gate) pause() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return min(restraint*g.took, longest)
}
