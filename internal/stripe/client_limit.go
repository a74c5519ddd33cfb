package stripe

import (
	"context"
	"time"

	"golang.org/x/time/rate"
)

// maxBackgroundRPS keeps sweeps, which ask one endpoint again and again, under
// the 25 requests a second that Stripe allows each endpoint.
const maxBackgroundRPS = 20

type backgroundMark struct{}

// Background marks what is done under ctx as work that nobody waits for: sweeps,
// backfill, refetches. All of it together gets half of the client's rate at
// most, so that it never starves commands.
func Background(ctx context.Context) context.Context {
	return context.WithValue(ctx, backgroundMark{}, true)
}

// lanes are the client's rate limits. Background work passes both.
type lanes struct {
	all        *rate.Limiter
	background *rate.Limiter
}

// newLanes answers nil, which limits nothing, for a negative rate.
func newLanes(rps float64) *lanes {
	if rps < 0 {
		return nil
	}
	slow := min(rps/2, maxBackgroundRPS)
	return &lanes{
		all:        rate.NewLimiter(rate.Limit(rps), max(1, int(rps/4))),
		background: rate.NewLimiter(rate.Limit(slow), max(1, int(slow/4))),
	}
}

// admit waits until a request may leave. It errs where the context ends, or
// would end, before.
func (c *Client) admit(ctx context.Context) error {
	if err := ctx.Err(); err != nil || c.lanes == nil {
		return err
	}
	if ctx.Value(backgroundMark{}) != nil {
		if err := c.pass(ctx, c.lanes.background); err != nil {
			return err
		}
	}
	return c.pass(ctx, c.lanes.all)
}

func (c *Client) pass(ctx context.Context, lim *rate.Limiter) error {
	now := c.now()
	place := lim.ReserveN(now, 1)
	wait := place.DelayFrom(now)
	if wait <= 0 {
		return nil
	}
	err := c.wait(ctx, wait)
	if err != nil {
		place.CancelAt(c.now())
	}
	return err
}

// wait sleeps, or errs at once where the context's deadline comes first.
func (c *Client) wait(ctx context.Context, d time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(c.now().Add(d)) {
		return context.DeadlineExceeded
	}
	return c.sleep(ctx, d)
}
