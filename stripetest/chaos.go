package stripetest

import (
	"errors"
	"strings"
	"time"
)

// ErrLost is the reason of a delivery that the account's own chaos lost.
var ErrLost = errors.New("stripetest: lost on the way")

// Chaos is how delivery misbehaves. Rates are probabilities from 0 to 1, per
// event and endpoint. Every misfortune is one that Stripe's documentation
// warns of: https://docs.stripe.com/webhooks#handle-duplicate-events.
type Chaos struct {
	Duplicate float64 // the same event is delivered again, later
	Delay     float64 // an event arrives up to MaxDelay late, and so out of order
	MaxDelay  time.Duration
	// SecondObject makes a second Event object, with an id of its own, for the
	// same change.
	SecondObject float64
	// LoseOnce loses the first attempt; a retry brings it.
	LoseOnce float64
	// LoseForever loses every attempt: only the Events API knows the event.
	LoseForever float64
}

// DefaultChaos is what an account does unless it is told otherwise. It loses
// nothing for ever: a receiver that handles retries sees everything.
var DefaultChaos = Chaos{
	Duplicate: 0.1, Delay: 0.25, MaxDelay: 90 * time.Second, SecondObject: 0.02, LoseOnce: 0.05,
}

// HostileChaos loses events for good, too: only a receiver that reconciles
// ends in the right state.
var HostileChaos = Chaos{
	Duplicate: 0.3, Delay: 0.6, MaxDelay: 6 * time.Hour, SecondObject: 0.1, LoseOnce: 0.2, LoseForever: 0.05,
}

// Calm makes delivery behave: each event once, in order, at once. It returns
// the account.
func (a *Account) Calm() *Account { return a.Misbehave(Chaos{}) }

// Misbehave changes how delivery misbehaves from now on.
func (a *Account) Misbehave(c Chaos) *Account {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.chaos = c
	return a
}

// roll says whether something of that probability happens. Nothing is rolled
// for what cannot happen, so a calm account draws nothing.
func (a *Account) roll(p float64) bool { return p > 0 && a.dice.Float64() < p }

func (a *Account) delay() int64 {
	longest := int64(a.chaos.MaxDelay / time.Second)
	if longest <= 0 {
		return 0
	}
	return 1 + a.dice.Int64N(longest)
}

func (a *Account) misfortune(d *delivery) {
	if a.roll(a.chaos.Delay) {
		d.due += a.delay()
	}
	d.lost = a.roll(a.chaos.LoseForever)
	d.drop = a.roll(a.chaos.LoseOnce)
}

func (a *Account) diceLetters(n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte(base62[a.dice.IntN(len(base62))])
	}
	return b.String()
}

// Lost are the events that some endpoint was never given, oldest first: what
// reconciliation must find.
func (a *Account) Lost() []Event {
	a.mu.Lock()
	defer a.mu.Unlock()
	got := map[string]bool{}
	for _, d := range a.deliveries {
		if d.Status >= 200 && d.Status < 300 {
			got[d.Event+" "+d.Endpoint] = true
		}
	}
	var out []Event
	for _, e := range a.events {
		for _, endpoint := range a.endpoints {
			if endpoint.created <= e.created && endpoint.wants(e.typ) && !got[e.id+" "+endpoint.id] {
				out = append(out, e.public(a.cfg.APIVersion))
				break
			}
		}
	}
	return out
}

// do runs a change that has no API, and delivers its events.
func (a *Account) do(change func() *Error) error {
	err := a.locked(change)
	a.deliverDue()
	if err != nil {
		return err
	}
	return nil
}

func (a *Account) locked(change func() *Error) *Error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return change()
}
