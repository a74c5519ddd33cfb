package api

import (
	"context"
	"math/big"
	"net/http"
	"time"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/store"
)

// Stats is the state of the whole.
type Stats struct {
	Events                 map[string]int64    `json:"events" doc:"How many events have which status."`
	OldestUnsettledSeconds *int64              `json:"oldest_unsettled_seconds" doc:"How long the oldest event that failed has been waiting for its next attempt; null where none is."`
	OldestParkedSeconds    *int64              `json:"oldest_parked_seconds" doc:"How long the oldest parked event has been waiting for its tenant or object; null where none is."`
	MRR                    map[string]int64    `json:"mrr" doc:"Monthly recurring revenue by currency, in its minor unit: what active and past_due subscriptions cost in a month, before discounts and tax. Trials do not pay yet."`
	Subscriptions          []SubscriptionCount `json:"subscriptions" nullable:"false"`
}

// SubscriptionCount is how many subscriptions have a status and a plan.
type SubscriptionCount struct {
	Status string  `json:"status"`
	Plan   *string `json:"plan" doc:"null where their price is in no plan."`
	Count  int64   `json:"count"`
}

func (s *server) getStats(ctx context.Context, in *OfAccount) (Stats, error) {
	return s.stats.named(in.Account).get(s.read.Now, func() (Stats, error) { return s.countStats(ctx, s.key(ctx, in.Account, "")) })
}

func (s *server) countStats(ctx context.Context, of store.Key) (Stats, error) {
	out := Stats{Events: map[string]int64{}, Subscriptions: []SubscriptionCount{}}
	for _, status := range []string{store.Applied, store.Stale, store.Parked, store.Ignored, store.Failed, store.Dead} {
		out.Events[status] = 0
	}
	events, err := s.read.EventCounts(ctx, of.Account)
	if err != nil {
		return Stats{}, err
	}
	for status, n := range events {
		out.Events[status] = n
	}
	backlogs, err := s.read.Backlogs(ctx)
	if err != nil {
		return Stats{}, err
	}
	for _, b := range backlogs {
		age := max(0, s.read.Now().UnixMicro()-b.Oldest) / int64(time.Second/time.Microsecond)
		switch {
		case b.Account != of.Account:
		case b.Status == store.Failed:
			out.OldestUnsettledSeconds = &age
		case b.Status == store.Parked:
			out.OldestParkedSeconds = &age
		}
	}
	counts, err := s.read.SubscriptionCounts(ctx, of)
	if err != nil {
		return Stats{}, err
	}
	for _, c := range counts {
		out.Subscriptions = append(out.Subscriptions, SubscriptionCount{c.Status, text(c.Plan), c.Count})
	}
	sold, err := s.read.Recurring(ctx, of)
	if err != nil {
		return Stats{}, err
	}
	out.MRR = mrr(sold, s.Catalog)
	return out, nil
}

// perMonth is how often an interval fits into a month: the twelfth part of a year of
// 365 days and 52 weeks.
var perMonth = map[string]*big.Rat{
	"day":   big.NewRat(365, 12),
	"week":  big.NewRat(52, 12),
	"month": big.NewRat(1, 1),
	"year":  big.NewRat(1, 12),
}

// mrr is what is sold, in a month, by currency. It is exact until it is rounded to
// the minor unit, half away from zero. An item whose amount Stripe did not tell costs
// what the catalog says; what has no fixed amount (tiers, usage) counts nothing.
func mrr(sold map[store.RecurringPrice]int64, catalog *billing.Catalog) map[string]int64 {
	sums := map[string]*big.Rat{}
	for p, quantity := range sold {
		amount := new(big.Rat).SetInt64(p.UnitAmount)
		if p.UnitAmountDecimal != "" {
			if exact, ok := new(big.Rat).SetString(p.UnitAmountDecimal); ok {
				amount = exact
			}
		} else if _, known, ok := catalog.ByPrice(p.ID); ok && p.UnitAmount == 0 && p.Interval == "" {
			amount.SetInt64(known.Amount)
			p.Currency, p.Interval = known.Currency, known.Interval
		}
		months, ok := perMonth[p.Interval]
		if !ok {
			continue
		}
		amount.Mul(amount, new(big.Rat).SetInt64(quantity)).Mul(amount, months)
		amount.Quo(amount, new(big.Rat).SetInt64(max(1, p.IntervalCount)))
		if sums[p.Currency] == nil {
			sums[p.Currency] = new(big.Rat)
		}
		sums[p.Currency].Add(sums[p.Currency], amount)
	}
	out := map[string]int64{}
	for currency, sum := range sums {
		out[currency] = round(sum)
	}
	return out
}

// round is the nearest integer, half away from zero.
func round(r *big.Rat) int64 {
	n := new(big.Int)
	n.SetString(r.FloatString(0), 10)
	return n.Int64()
}

// Health is the answer of /healthz and /readyz.
type Health struct {
	Status string `json:"status" example:"ok"`
}

// Nothing is a request without parameters.
type Nothing struct{}

func (s *server) getHealth(context.Context, *Nothing) (Health, error) { return Health{"ok"}, nil }

func (s *server) getReadiness(ctx context.Context, _ *Nothing) (Health, error) {
	if s.Ready != nil {
		if err := s.Ready(); err != nil {
			s.log.DebugContext(ctx, "not ready", "reason", err)
			return Health{}, problem(http.StatusServiceUnavailable, "not_ready", "This process takes no more requests.").with("Retry-After", retryAfter)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	if err := s.Store.Ping(ctx); err != nil {
		s.log.WarnContext(ctx, "not ready", "error", err)
		return Health{}, problem(http.StatusServiceUnavailable, "unavailable", "The database is out of reach.").with("Retry-After", retryAfter)
	}
	return Health{"ready"}, nil
}

// readyWithin is how long the database may take to give a sign of life.
const readyWithin = 2 * time.Second
