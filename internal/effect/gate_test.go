package effect

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// crowd has workers do pieces of work that take so long, one after another, until the
// context ends, and returns how many were done.
func crowd(ctx context.Context, g *gate, workers int, takes time.Duration) int64 {
	var done atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for g.do(ctx, func() { time.Sleep(takes) }) { // by the bubble's clock
				done.Add(1)
			}
		})
	}
	wg.Wait()
	return done.Load()
}

func always() bool { return true }

// TestGateCalm: while receiving is calm nothing waits, whatever was before.
func TestGateCalm(t *testing.T) {
	for name, busy := range map[string]func() bool{"calm": func() bool { return false }, "nobody to ask": nil} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				g := newGate(busy, time.Now)
				if n := crowd(ctx, g, 8, 4*time.Millisecond); n < 8*2500-8 {
					t.Errorf("8 workers did %d pieces of 4 ms in 10 s", n)
				}
			})
		})
	}
}

// TestGateBusy: while receiving is busy, effects take a bounded share of the time,
// however many ask, and some are always let through.
func TestGateBusy(t *testing.T) {
	for _, tt := range []struct {
		takes         time.Duration
		atLeast, most int64 // in ten seconds
	}{
		{time.Millisecond, 2500, 3400},
		{4 * time.Millisecond, 700, 850},
		{10 * time.Millisecond, 300, 350},
		{40 * time.Millisecond, 190, 201},
		{500 * time.Millisecond, 150, 201}, // what takes long waits for others
	} {
		t.Run(tt.takes.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				if n := crowd(ctx, newGate(always, time.Now), 16, tt.takes); n < tt.atLeast || n > tt.most {
					t.Errorf("%d were done in 10 s, want %d to %d", n, tt.atLeast, tt.most)
				}
			})
		})
	}
}

// TestGateCalmAgain: all that wait pass as soon as the one whose turn it is has seen that
// receiving is calm.
func TestGateCalmAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var busy atomic.Bool
		busy.Store(true)
		g := newGate(busy.Load, time.Now)
		began := time.Now()
		var wg sync.WaitGroup
		for range 1000 {
			wg.Go(func() { g.do(t.Context(), func() {}) })
		}
		synctest.Wait() // they queue, which alone would take seconds
		busy.Store(false)
		wg.Wait()
		if took := time.Since(began); took > longest {
			t.Errorf("the last passed after %s", took)
		}
	})
}

// TestGateEnds: who waits does not outlast the context, and does nothing then.
func TestGateEnds(t *testing.T) {
	for name, busy := range map[string]bool{"calm": false, "busy": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGate(func() bool { return busy }, time.Now)
				ctx, cancel := context.WithCancel(t.Context())
				if !busy {
					cancel()
				}
				began := time.Now()
				var other, wg sync.WaitGroup
				other.Go(func() { g.do(t.Context(), func() {}) }) // whose context does not end has its turn
				synctest.Wait()
				for range 10 {
					wg.Go(func() {
						if g.do(ctx, func() { t.Error("something was done") }) {
							t.Error("it says that something was done")
						}
					})
				}
				synctest.Wait()
				cancel()
				wg.Wait()
				if took := time.Since(began); took != 0 {
					t.Errorf("they waited %s", took)
				}
				other.Wait()
				if busy = false; !g.do(t.Context(), func() {}) {
					t.Error("the gate is shut for good")
				}
			})
		})
	}
}
