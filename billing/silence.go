package billing

import "time"

// Quiet is a time in which Stripe has told nothing. Times are Unix seconds.
type Quiet struct {
	Since int64 // the last event; without any, when it could have come for the first time
	// Running is how many subscriptions run at Stripe, FirstEnd when the first of
	// their periods has ended or will end after Since; zero for never.
	Running  int64
	FirstEnd int64
}

const (
	// late is how long after a period's end Stripe may still be telling of it: it
	// delivers again what was refused, with growing pauses, for three days.
	late = int64(24 * time.Hour / time.Second)
	// mute is a silence that is none only where next to nothing is sold.
	mute = int64(30 * 24 * time.Hour / time.Second)
)

// Silent says whether Stripe would have told something if its deliveries arrived.
// Days without an event are common where few subscriptions run, but the end of a
// period is always told. Without a running subscription nothing can be said.
func (q Quiet) Silent(now int64) bool {
	if q.Running == 0 {
		return false
	}
	return q.FirstEnd != 0 && now >= q.FirstEnd+late || now >= q.Since+mute
}
