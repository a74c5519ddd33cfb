package stripetest

import "time"

// testClock is https://docs.stripe.com/api/test_clocks/object. An account has
// only one time, so all its test clocks are handles of that: advancing one
// advances the account.
type testClock struct {
	base
	name      string
	advancing bool
	deleted   bool
}

func (c *testClock) render() Object {
	status := "ready"
	if c.advancing {
		status = "advancing"
	}
	return Object{
		"id": c.id, "object": "test_helpers.test_clock", "created": c.created,
		"deletes_after": c.acct.now + 30*day, "frozen_time": c.acct.now, "livemode": false,
		"name": optional(c.name), "status": status, "status_details": Object{},
	}
}

// createClock moves the account to the clock's time, which must not be in its
// past once anything has happened.
func createClock(a *Account, r apiRequest) (Object, *Error) {
	in := r.params
	in.need("frozen_time")
	at := in.positive("frozen_time")
	if err := in.err(); err != nil {
		return nil, err
	}
	if at < a.now && len(a.events) > 0 {
		return nil, invalid("frozen_time", "This account is already at %s; a test clock here cannot be behind it.", time.Unix(a.now, 0).UTC().Format(time.RFC3339))
	}
	c := &testClock{base: a.newBase(a.ids.long("clock", a.now)), name: in.str("name")}
	add(a, &a.clocks, c)
	if len(a.tasks) == 0 || a.tasks[0].at > at {
		a.now = at
	} else {
		a.advanceClock(c, at)
	}
	return c.render(), nil
}

func (a *Account) clockOf(r apiRequest) (*testClock, *Error) {
	c, ok := a.clocks.get(r.id)
	if !ok || c.deleted {
		return nil, noSuch("test_clock", r.id)
	}
	return c, nil
}

func advanceClockRoute(a *Account, r apiRequest) (Object, *Error) {
	c, err := a.clockOf(r)
	if err != nil {
		return nil, err
	}
	r.params.need("frozen_time")
	at := r.params.positive("frozen_time")
	switch {
	case r.params.err() != nil:
		return nil, r.params.err()
	case c.advancing:
		return nil, invalid("", "Test clock is currently advancing.")
	case at < a.now:
		return nil, invalid("frozen_time", "Test clock cannot be moved backwards.")
	}
	a.advanceClock(c, at)
	return c.render(), nil
}

// advanceClock goes on after the answer, as Stripe does: the clock is
// advancing until everything that fell due has happened.
func (a *Account) advanceClock(c *testClock, at int64) {
	c.advancing = true
	a.background.Go(func() {
		a.advanceTo(at)
		a.mu.Lock()
		defer a.mu.Unlock()
		c.advancing = false
		a.emit("test_helpers.test_clock.ready", c)
	})
}

func deleteClock(a *Account, r apiRequest) (Object, *Error) {
	c, err := a.clockOf(r)
	if err != nil {
		return nil, err
	}
	c.deleted = true
	return Object{"id": c.id, "object": "test_helpers.test_clock", "deleted": true}, nil
}

func listClocks(a *Account, r apiRequest) (Object, *Error) {
	return page(a, r, a.clocks.order, func(c *testClock) bool { return !c.deleted })
}
