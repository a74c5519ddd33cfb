package receive

import (
	"math"
	"sync"
	"time"
)

// load is the share of the last moments that something worked.
type load struct {
	mu      sync.Mutex
	working bool
	share   float64 // at a time, 0 to 1
	at      time.Time
}

// moments is how long the past counts: what was so long ago weighs e times less.
const moments = 250 * time.Millisecond

// set says whether it works from now on.
func (l *load) set(working bool, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.share, l.at, l.working = l.until(now), now, working
}

// over reports whether it worked for more than a share of the time.
func (l *load) over(share float64, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.until(now) > share
}

func (l *load) until(now time.Time) float64 {
	target := 0.0
	if l.working {
		target = 1
	}
	return target + (l.share-target)*math.Exp(-float64(max(0, now.Sub(l.at)))/float64(moments))
}
