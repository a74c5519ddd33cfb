package effect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bursarhq/bursar/internal/outbound"
	"github.com/bursarhq/bursar/internal/store"
)

// Outbound delivers Bursar's own webhooks. Each endpoint has a lane of its own, so
// that one which hangs or fails holds up nothing but itself; River only wakes the
// lanes. Within a lane a tenant's deliveries are made one after another, in the
// order in which they were planned; what is tried again comes later.
type Outbound struct {
	store *store.Store
	lanes []*lane
}

// OutboundConfig is what deliveries are made with.
type OutboundConfig struct {
	Store     *store.Store
	Endpoints []outbound.Endpoint
	Sender    *outbound.Sender
	Now       func() time.Time
	// After is how a lane waits; time.After where nil.
	After func(time.Duration) <-chan time.Time
	Log   *slog.Logger
	// Disabled is told of an endpoint that is given up on, and when it began to fail;
	// where the process dies meanwhile, once more. Nobody is where nil.
	Disabled func(ctx context.Context, endpoint, reason string, since time.Time) error
	// Busy says whether receiving is; deliveries then have but a share of the machine.
	// Nil: it never is.
	Busy func() bool
	// Parallel is how many deliveries to one endpoint are made at once; 16 where 0.
	Parallel int
}

const (
	// giveUp is for how long an endpoint that accepts nothing is tried.
	giveUp = 3 * 24 * time.Hour
	// tripped is after how many failures in a row an endpoint is taken to be down. It
	// is then asked with one delivery at a time, so that what waits keeps its order
	// and its attempts until the endpoint is back.
	tripped = 8
	// outage is how long an endpoint has been down for what waits to be tried at once
	// when it is back: after less, a delivery's own pause is soon over.
	outage = 20 * time.Second
	// claimed is how many deliveries a lane takes at once.
	claimed = 256
	// slack is how much of a lease must be left for a delivery to be begun.
	slack = 30 * time.Second
)

// retries is how long after each failed attempt a delivery is tried again: three
// days in all.
var retries = []time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour,
	4 * time.Hour, 8 * time.Hour, 12 * time.Hour, 12 * time.Hour, 12 * time.Hour, 21 * time.Hour,
}

// probe is how long an endpoint that is down is left alone.
func probe(failures int64) time.Duration {
	return min(time.Second<<min(max(failures-tripped, 0), 20), 2*time.Minute)
}

// NewOutbound returns the lanes of the endpoints; Run must be called.
func NewOutbound(ctx context.Context, c OutboundConfig) (*Outbound, error) {
	if c.Parallel <= 0 {
		c.Parallel = 16
	}
	if c.After == nil {
		c.After = time.After
	}
	o, passage := &Outbound{store: c.Store}, newGate(c.Busy, c.Now)
	for _, e := range c.Endpoints {
		if err := c.Store.RegisterOutbound(ctx, e.Name, e.URL); err != nil {
			return nil, err
		}
		o.lanes = append(o.lanes, &lane{OutboundConfig: c, endpoint: e, kind: store.OutboundKind(e.Name), gate: passage, woken: make(chan struct{}, 1)})
	}
	return o, nil
}

// Runners are rows for the table of runners: they wake the lanes.
func (o *Outbound) Runners() []Runner {
	if o == nil {
		return nil
	}
	var out []Runner
	for _, l := range o.lanes {
		out = append(out, Runner{Kind: l.kind, Every: time.Minute, Tick: func(context.Context) error { l.wake(); return nil }})
	}
	return out
}

// Run makes deliveries until the context ends; those that are under way then are
// finished. It may run in one process or in many.
func (o *Outbound) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, l := range o.lanes {
		wg.Go(func() { l.run(ctx) })
	}
	wg.Wait()
	return nil
}

// lane is one endpoint's.
type lane struct {
	OutboundConfig
	endpoint outbound.Endpoint
	kind     string
	gate     *gate // all lanes'
	woken    chan struct{}
}

func (l *lane) wake() {
	select {
	case l.woken <- struct{}{}:
	default: // it is awake, or will be
	}
}

func (l *lane) run(ctx context.Context) {
	for ctx.Err() == nil {
		pause, err := l.round(ctx)
		if err != nil && ctx.Err() == nil {
			l.Log.ErrorContext(ctx, "webhooks could not be delivered", "endpoint", l.endpoint.Name, "error", err)
			pause = 5 * time.Second
		}
		if pause <= 0 {
			continue
		}
		select {
		case <-ctx.Done():
		case <-l.woken:
		case <-l.After(pause):
		}
	}
}

// round delivers what is due, as much as is claimed at once. It returns how long there
// is nothing to do, unless somebody wakes the lane.
func (l *lane) round(ctx context.Context) (time.Duration, error) {
	health, err := l.Store.OutboundEndpoint(ctx, l.endpoint.Name)
	if err != nil {
		return 0, err
	}
	const long = time.Minute
	limit := claimed
	switch now := l.Now().UnixMicro(); {
	case health.DisabledAt != 0:
		return long, nil
	case health.Failures < tripped:
	case now < health.ProbeAt:
		return min(time.Duration(health.ProbeAt-now)*time.Microsecond, long), nil
	default:
		limit = 1
	}
	began := l.Now()
	rows, err := l.Store.ClaimEffects(ctx, l.kind, lease, limit)
	if err != nil {
		return 0, err
	}
	if len(rows) > 0 {
		return 0, l.deliver(ctx, rows, health, began.Add(lease-slack))
	}
	next, err := l.Store.NextEffect(ctx, l.kind)
	if err != nil || next.IsZero() {
		return long, err
	}
	return min(max(next.Sub(l.Now()), time.Millisecond), long), nil
}

// attempt is what became of one delivery.
type attempt struct {
	store.EffectDone
	err error
}

// deliver makes claimed deliveries and marks them while the next are under way.
func (l *lane) deliver(ctx context.Context, rows []store.Effect, health store.OutboundEndpoint, until time.Time) error {
	var failed atomic.Int64 // in a row
	failed.Store(health.Failures)
	attempts := make(chan attempt, len(rows))
	go func() {
		defer close(attempts)
		var g errgroup.Group
		g.SetLimit(l.Parallel)
		over := func() bool {
			// One that is down is probed with the one delivery that was claimed for it.
			return failed.Load() >= tripped && len(rows) > 1 || l.Now().After(until)
		}
		for _, chain := range byTenant(rows) {
			g.Go(func() error {
				for _, e := range chain {
					a := attempt{EffectDone: store.EffectDone{Effect: e, Untried: true}}
					if over() {
						attempts <- a
						continue
					}
					l.gate.do(ctx, func() {
						if over() { // it may have waited
							return
						}
						if a = l.attempt(ctx, e); a.err == nil {
							failed.Store(0)
						} else {
							failed.Add(1)
						}
					})
					attempts <- a
				}
				return nil
			})
		}
		_ = g.Wait() // none returns an error
	}()
	for batch := range batches(attempts) {
		var err error
		if health, err = l.mark(ctx, batch, health); err != nil {
			return err
		}
	}
	return nil
}

// byTenant are the deliveries as chains, each to be made in its order.
func byTenant(rows []store.Effect) [][]store.Effect {
	slices.SortFunc(rows, func(a, b store.Effect) int { return cmp.Compare(a.Seq, b.Seq) })
	var chains [][]store.Effect
	at := map[store.Key]int{}
	for _, e := range rows {
		k := e.With(e.Tenant)
		i, ok := at[k]
		if !ok {
			i = len(chains)
			at[k], chains = i, append(chains, nil)
		}
		chains[i] = append(chains[i], e)
	}
	return chains
}

// attempt makes one delivery. What has begun is finished, also when the process is
// asked to stop: the sender's timeout is short.
func (l *lane) attempt(ctx context.Context, e store.Effect) (a attempt) {
	a = attempt{EffectDone: store.EffectDone{Effect: e, Status: store.Sent}}
	a.err = l.Sender.Send(context.WithoutCancel(ctx), l.endpoint, outbound.Message{ID: e.ObjectID, Body: []byte(e.Data)}, l.Now())
	if a.err == nil {
		return a
	}
	a.Reason = a.err.Error()
	// Attempts that an outage cost it are no reason to give a delivery up early.
	if e.Attempts > int64(len(retries)) && l.Now().UnixMicro()-e.CreatedAt >= giveUp.Microseconds() {
		a.Status = store.Failed
		return a
	}
	a.Status, a.Again = store.Pending, retries[min(max(e.Attempts, 1), int64(len(retries)))-1]
	if s := (*outbound.StatusError)(nil); errors.As(a.err, &s) {
		a.Again = max(a.Again, s.RetryAfter)
	}
	return a
}

// mark writes what became of deliveries and how their endpoint fares, and gives up on
// one that has accepted nothing for too long, or says that it wants nothing more.
func (l *lane) mark(ctx context.Context, batch []attempt, health store.OutboundEndpoint) (store.OutboundEndpoint, error) {
	// What was sent is sent, whoever stops the process.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	now := l.Now().UnixMicro()
	done := make([]store.EffectDone, 0, len(batch))
	var h store.OutboundHealth
	gone := false
	for _, a := range batch {
		switch s := (*outbound.StatusError)(nil); {
		case a.Untried:
		case a.err == nil:
			h.Sent = true
		default:
			h.Failures++
			h.Reason = a.Reason
			gone = gone || errors.As(a.err, &s) && s.Status == http.StatusGone
		}
		done = append(done, a.EffectDone)
	}
	switch {
	case h.Sent:
		h.Recovered = health.Failures >= tripped && now-health.FailingSince >= outage.Microseconds()
		health.Failures, health.FailingSince = 0, 0
	case h.Failures > 0:
		health.Failures += h.Failures
		if health.FailingSince == 0 {
			health.FailingSince = now
		}
		h.Probe = probe(health.Failures)
	}
	why := ""
	switch {
	case h.Sent:
	case gone:
		why = h.Reason
	case health.FailingSince != 0 && now-health.FailingSince >= giveUp.Microseconds():
		why = fmt.Sprintf("nothing was accepted for three days; last: %s", h.Reason)
	}
	for i := range done {
		if done[i].Status != store.Failed {
			continue
		}
		if why != "" { // not the delivery is to blame: it waits until the endpoint is enabled
			done[i].Status, done[i].Again = store.Pending, retries[len(retries)-1]
			continue
		}
		e := done[i].Effect
		l.Log.ErrorContext(ctx, "a webhook was given up on", "endpoint", l.endpoint.Name, "id", e.ObjectID, "type", e.Name, "tenant", e.Tenant,
			"attempts", e.Attempts, "reason", done[i].Reason)
	}
	if err := l.Store.FinishOutbound(ctx, l.endpoint.Name, done, h); err != nil {
		return health, err
	}
	if why == "" {
		return health, nil
	}
	return health, l.disable(ctx, why, time.UnixMicro(health.FailingSince))
}

func (l *lane) disable(ctx context.Context, why string, since time.Time) error {
	if l.Disabled != nil {
		if err := l.Disabled(ctx, l.endpoint.Name, why, since); err != nil {
			return err
		}
	}
	first, err := l.Store.DisableOutbound(ctx, l.endpoint.Name, why)
	if err != nil || !first {
		return err
	}
	l.Log.ErrorContext(ctx, "an endpoint for outgoing webhooks is disabled; what it is to be told waits until it is enabled", "endpoint", l.endpoint.Name, "reason", why)
	return nil
}
