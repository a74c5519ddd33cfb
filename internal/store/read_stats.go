package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/bursarhq/bursar/internal/stripe"
)

// What follows counts whole tables. Where it says account || '' it asks for the table
// in its own order: by an index on the account, which nearly all rows share, every row
// would be looked up singly.

// EventCounts is how many events of an account have which status. Those that were
// applied are what the others leave: hardly any are others.
func (r *Reader) EventCounts(ctx context.Context, account string) (map[string]int64, error) {
	counts := map[string]int64{}
	err := r.scan(ctx, func(rows *sql.Rows) error {
		var status string
		var n int64
		if err := rows.Scan(&status, &n); err != nil {
			return err
		}
		counts[status] = n
		return nil
	}, `SELECT status, count(*) FROM inbox WHERE account || '' = $1 AND status <> 'applied' GROUP BY status
		UNION ALL SELECT '', count(*) FROM inbox WHERE account = $1`, account)
	applied := counts[""]
	delete(counts, "")
	for _, n := range counts {
		applied -= n
	}
	counts[Applied] = applied
	return counts, err
}

// Backlog is how many events of an account have a status that is not the last one.
type Backlog struct {
	Account string
	Status  string // failed, parked or dead
	Events  int64
	Oldest  int64 // when the first of them was received, Unix microseconds
}

// Backlogs counts, by index, what is failed, parked or dead.
func (r *Reader) Backlogs(ctx context.Context) ([]Backlog, error) {
	var out []Backlog
	err := r.scan(ctx, func(rows *sql.Rows) error {
		var b Backlog
		if err := rows.Scan(&b.Account, &b.Status, &b.Events, &b.Oldest); err != nil {
			return err
		}
		out = append(out, b)
		return nil
	}, `SELECT account, status, count(*), min(received_at) FROM inbox WHERE status IN ('failed', 'parked', 'dead') GROUP BY account, status`)
	return out, err
}

// SubscriptionCount is how many subscriptions have a status and a plan.
type SubscriptionCount struct {
	Status string // what the app acts on
	Plan   string // empty: their price is in no plan
	Count  int64
}

// SubscriptionCounts counts the subscriptions of an account.
func (r *Reader) SubscriptionCounts(ctx context.Context, of Key) ([]SubscriptionCount, error) {
	var out []SubscriptionCount
	err := r.scan(ctx, func(rows *sql.Rows) error {
		var c SubscriptionCount
		if err := rows.Scan(&c.Status, &c.Plan, &c.Count); err != nil {
			return err
		}
		out = append(out, c)
		return nil
	}, `SELECT status, plan, count(*) FROM subscriptions WHERE account || '' = $1 AND livemode = $2 GROUP BY status, plan ORDER BY status, plan`,
		of.Account, of.Livemode)
	return out, err
}

// RecurringPrice is a price as the items of subscriptions tell it.
type RecurringPrice struct {
	ID                string
	Currency          string
	UnitAmount        int64
	UnitAmountDecimal string
	Interval          string // day, week, month, year
	IntervalCount     int64
}

// Recurring is what the paying subscriptions of an account (active and past_due; a
// trial pays nothing yet) pay for: the quantity of each price.
func (r *Reader) Recurring(ctx context.Context, of Key) (map[RecurringPrice]int64, error) {
	sold := map[RecurringPrice]int64{}
	err := r.scan(ctx, func(rows *sql.Rows) error {
		var currency, text sql.RawBytes
		if err := rows.Scan(&currency, &text); err != nil {
			return err
		}
		items, err := stripe.Parse(text) // a quarter of what a decoder takes; the names are stripe.Item's
		if err != nil {
			return fmt.Errorf("items of a subscription: %w", err)
		}
		for i := range items.All() {
			p := RecurringPrice{
				ID: i.Get("price").Str(), Currency: i.Get("currency").Str(), UnitAmount: i.Get("unit_amount").Int(),
				UnitAmountDecimal: i.Get("unit_amount_decimal").Str(), Interval: i.Get("interval").Str(), IntervalCount: i.Get("interval_count").Int(),
			}
			if p.Currency == "" {
				p.Currency = string(currency)
			}
			sold[p] += i.Get("quantity").Int()
		}
		return nil
	}, `SELECT currency, items FROM subscriptions WHERE account || '' = $1 AND livemode = $2 AND status IN ('active', 'past_due')`, of.Account, of.Livemode)
	return sold, err
}

// EffectCount is how many effects of a kind have a status.
type EffectCount struct {
	Kind   string
	Status string
	Count  int64
}

// EffectCounts counts all effects.
func (r *Reader) EffectCounts(ctx context.Context) ([]EffectCount, error) {
	var out []EffectCount
	err := r.scan(ctx, func(rows *sql.Rows) error {
		var c EffectCount
		if err := rows.Scan(&c.Kind, &c.Status, &c.Count); err != nil {
			return err
		}
		out = append(out, c)
		return nil
	}, `SELECT kind, status, count(*) FROM effects GROUP BY kind, status ORDER BY kind, status`)
	return out, err
}

// UnmappedPrice is a price that is in no plan and has subscriptions that run.
type UnmappedPrice struct {
	Key           // ID is the price's
	Subscriptions int64
}

// UnmappedPrices are those of all accounts, ordered by id.
func (r *Reader) UnmappedPrices(ctx context.Context) ([]UnmappedPrice, error) {
	var out []UnmappedPrice
	err := r.scan(ctx, func(rows *sql.Rows) error {
		var p UnmappedPrice
		if err := rows.Scan(&p.Account, &p.Livemode, &p.ID, &p.Subscriptions); err != nil {
			return err
		}
		out = append(out, p)
		return nil
	}, `SELECT account, livemode, price, count(*) FROM subscriptions WHERE plan = '' AND price <> ''
		GROUP BY account, livemode, price ORDER BY account, price`)
	return out, err
}
