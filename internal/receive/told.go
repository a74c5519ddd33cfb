package receive

import (
	"sync"
	"time"
)

// told holds the answers of a batch that is committed while the lane goes on with the
// next one. Each wakes a handler, and all of them at once would be ahead of the lane
// when the database has answered it: they are told while it waits, one half while it
// reads and the other while it writes.
type told struct {
	mu    sync.Mutex
	ready []*waiting
	asked bool // for the first half
	timer *time.Timer
}

// patience is how long an answer is kept back at most.
const patience = 5 * time.Millisecond

// later keeps the answers of a batch back.
func (t *told) later(batch []*waiting) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ready, t.asked = batch, false
	if t.timer == nil {
		t.timer = time.AfterFunc(patience, t.all)
	} else {
		t.timer.Reset(patience)
	}
}

// some tells half of the answers, and then the others.
func (t *told) some() {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.ready)
	if !t.asked {
		n = (n + 1) / 2
	}
	t.asked = true
	t.first(n)
}

// all tells all answers.
func (t *told) all() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.first(len(t.ready))
}

func (t *told) first(n int) {
	tell(t.ready[:n])
	if t.ready = t.ready[n:]; len(t.ready) == 0 && t.timer != nil {
		t.timer.Stop()
	}
}

func tell(ready []*waiting) {
	for _, w := range ready {
		w.answer <- w.outcome // it has room
	}
}
