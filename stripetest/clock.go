package stripetest

import (
	"container/heap"
	"time"
)

// An account has one clock, which stands still until it is advanced. What is
// due at a time (a renewal, a retry, a trial's end) waits in a heap; a task
// looks at the state again when it runs, since its reason may have gone.

const (
	hour int64 = 3600
	day        = 24 * hour
)

type task struct {
	at  int64
	seq int // tasks of one second run in the order in which they were made
	run func()
}

type taskHeap []task

func (h taskHeap) Len() int { return len(h) }
func (h taskHeap) Less(i, j int) bool {
	return h[i].at < h[j].at || h[i].at == h[j].at && h[i].seq < h[j].seq
}
func (h taskHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *taskHeap) Push(x any)   { *h = append(*h, x.(task)) }
func (h *taskHeap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = task{}
	*h = (*h)[:last]
	return t
}

// at runs the function when the clock reaches the time; a time that has passed
// is due at once, at the next advance.
func (a *Account) at(when int64, run func()) {
	a.taskSeq++
	heap.Push(&a.tasks, task{at: when, seq: a.taskSeq, run: run})
}

// runNext runs the first task that is due by the time and says whether there
// was one. Time never goes back.
func (a *Account) runNext(until int64) bool {
	if len(a.tasks) == 0 || a.tasks[0].at > until {
		return false
	}
	t := heap.Pop(&a.tasks).(task)
	a.now = max(a.now, t.at)
	t.run()
	return true
}

// Now is the account's time.
func (a *Account) Now() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Unix(a.now, 0).UTC()
}

// Advance moves the clock on, as Stripe's test clocks do: whatever falls due
// on the way happens at its own time, and its events are delivered before the
// next thing happens. The duration is rounded down to whole seconds.
func (a *Account) Advance(d time.Duration) {
	a.mu.Lock()
	until := a.now + int64(d/time.Second)
	a.mu.Unlock()
	a.advanceTo(until)
}

// AdvanceTo moves the clock to a time; nothing happens if that has passed.
func (a *Account) AdvanceTo(t time.Time) { a.advanceTo(t.Unix()) }

func (a *Account) advanceTo(until int64) {
	a.deliverDue()
	for a.step(until) {
		a.deliverDue()
	}
}

// step moves the clock to the next thing that falls due, and says whether
// there was one until then.
func (a *Account) step(until int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	// Whoever is delivering already (a handler may advance the clock) will go
	// on with what falls due.
	due, waiting := a.nextDelivery()
	if waiting && !a.delivering && due <= until && (len(a.tasks) == 0 || due <= a.tasks[0].at) {
		a.now = max(a.now, due)
		return true
	}
	if a.runNext(until) {
		return true
	}
	a.now = max(a.now, until)
	return false
}

// interval is a recurring price's period: day, week, month or year, n times.
type interval struct {
	unit  string
	count int64
}

// after is the end of the n-th period counted from the anchor. Months keep the
// anchor's day, or take the month's last where it has none, so that a
// subscription of the 31st returns to the 31st.
func (i interval) after(anchor int64, n int) int64 {
	steps := int(i.count) * n
	t := time.Unix(anchor, 0).UTC()
	switch i.unit {
	case "day":
		return t.AddDate(0, 0, steps).Unix()
	case "week":
		return t.AddDate(0, 0, 7*steps).Unix()
	case "year":
		steps *= 12
	}
	year, month, dom := t.Date()
	first := time.Date(year, month+time.Month(steps), 1, t.Hour(), t.Minute(), t.Second(), 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(dom, last)-1).Unix()
}

// next is the first end of a period, counted from the anchor, after a time.
func (i interval) next(anchor, after int64) int64 {
	longest := map[string]int64{"day": day, "week": 7 * day, "month": 31 * day, "year": 366 * day}[i.unit] * i.count
	n := int(max(0, after-anchor) / longest)
	for {
		if end := i.after(anchor, n); end > after {
			return end
		}
		n++
	}
}
