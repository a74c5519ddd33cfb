package store

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"time"
)

// gather makes one read of those that come at the same time. Who comes while nothing is
// being read reads at once and alone. Who comes meanwhile shares the read that begins
// when that one has ended, and which asks for all of them in one statement. So nobody
// waits for company, nothing is kept, and a read begins after all who share it have
// asked: they see whatever was committed before.
type gather[K, V any] struct {
	one  func(context.Context, K) (V, error)
	many func(context.Context, []K) ([]V, error) // a value for each key, in their order
	now  func() time.Time

	mu      sync.Mutex
	reading int           // reads that run: one, or more where one takes too long
	began   time.Time     // when the last of them began
	crowded bool          // others came while the last one ran
	next    *shared[K, V] // what is read then, nil while nobody waits
}

// patience is how long a read may take before others no longer wait for its end: its
// connection may be dead.
const patience = time.Second

// shared is a read for several callers.
type shared[K, V any] struct {
	keys   []K
	left   int             // callers who still wait
	ctx    context.Context // ends when there are none: the read is no one caller's
	cancel context.CancelFunc

	done   chan struct{} // closed when what follows is there
	values []V
	err    error
}

// get reads the value of a key. A caller whose context ends goes away alone; an error
// of the database is told to all who share the read.
func (g *gather[K, V]) get(ctx context.Context, k K) (V, error) {
	g.mu.Lock()
	if now := g.now(); g.reading == 0 || now.Sub(g.began) > patience {
		g.reading++
		g.began = now
		if g.crowded { // others who ask at this moment come along; a lone caller is not held up
			g.mu.Unlock()
			runtime.Gosched()
			g.mu.Lock()
		}
		if g.next == nil {
			g.mu.Unlock()
			defer g.pass()
			return g.one(ctx, k)
		}
		go g.serve()
	}
	b := g.next
	if b == nil {
		b = &shared[K, V]{done: make(chan struct{})}
		b.ctx, b.cancel = context.WithCancel(context.Background())
		g.next = b
	}
	b.keys = append(b.keys, k)
	b.left++
	at := len(b.keys) - 1
	g.mu.Unlock()
	select {
	case <-b.done:
		if b.err != nil {
			return *new(V), b.err
		}
		return b.values[at], nil
	case <-ctx.Done():
		g.leave(b)
		return *new(V), ctx.Err()
	}
}

// leave says that one of the callers has gone.
func (g *gather[K, V]) leave(b *shared[K, V]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if b.left--; b.left > 0 {
		return
	}
	b.cancel()
	if g.next == b {
		g.next = nil
	}
}

// pass ends a caller's own read, and begins that of those who came meanwhile.
func (g *gather[K, V]) pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.crowded = g.next != nil; g.crowded {
		go g.serve()
	} else {
		g.reading--
	}
}

// serve reads until nobody waits.
func (g *gather[K, V]) serve() {
	for {
		// Those who were answered go on, and whoever asks already comes along.
		runtime.Gosched()
		b := g.take()
		if b == nil {
			return
		}
		b.read(g.many)
	}
}

// take is the read that is to begin; nil where nobody waits, and then serve ends.
func (g *gather[K, V]) take() *shared[K, V] {
	g.mu.Lock()
	defer g.mu.Unlock()
	b := g.next
	if b == nil {
		g.reading--
	} else {
		g.next, g.began = nil, g.now()
	}
	return b
}

func (b *shared[K, V]) read(many func(context.Context, []K) ([]V, error)) {
	defer close(b.done)
	defer b.cancel()
	defer func() {
		if p := recover(); p != nil {
			b.err = fmt.Errorf("a shared read panicked: %v\n%s", p, debug.Stack())
		}
	}()
	b.values, b.err = many(b.ctx, b.keys)
}
