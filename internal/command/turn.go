package command

import (
	"context"
	"sync"

	"github.com/bursarhq/bursar/internal/store"
)

// turns lets one command of a tenant run at a time in this process, so that a crowd
// asks Stripe once. That the same holds over many processes is the claims' business.
type turns struct {
	mu sync.Mutex
	of map[store.Key]*turn
}

type turn struct {
	free    chan struct{} // holds one token while nobody has the turn
	wanting int
}

// take waits for the tenant's turn; the caller owes a call of leave.
func (t *turns) take(ctx context.Context, tenant store.Key) (leave func(), err error) {
	t.mu.Lock()
	mine := t.of[tenant]
	if mine == nil {
		mine = &turn{free: make(chan struct{}, 1)}
		mine.free <- struct{}{}
		t.of[tenant] = mine
	}
	mine.wanting++
	t.mu.Unlock()
	forget := func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if mine.wanting--; mine.wanting == 0 {
			delete(t.of, tenant)
		}
	}
	select {
	case <-mine.free:
		return func() { mine.free <- struct{}{}; forget() }, nil
	case <-ctx.Done():
		forget()
		return nil, ctx.Err()
	}
}
