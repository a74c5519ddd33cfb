package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// ObjectOf is the id of an event's object, empty where there is no such event.
func (s *Store) ObjectOf(ctx context.Context, k Key) string {
	var id string
	err := s.read.QueryRowContext(ctx, `SELECT object_id FROM inbox WHERE account = $1 AND livemode = $2 AND event_id = $3`,
		k.Account, k.Livemode, k.ID).Scan(&id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return ""
	}
	return id
}

// dueEvents names the partial index's own statuses: SQLite knows it by its words.
const dueEvents = `SELECT account, livemode, event_id FROM inbox
	WHERE status IN ('failed', 'parked', 'dead') AND status = 'failed' AND next_attempt_at <= $1 ORDER BY next_attempt_at, seq LIMIT $2`

// DueEvents are failed events whose next attempt is due.
func (s *Store) DueEvents(ctx context.Context, limit int) ([]Key, error) {
	return s.keys(ctx, dueEvents, s.now().UnixMicro(), limit)
}

// OverdueInvoices are invoices that were due before a time, are unpaid, and have
// not spent the dunning policy yet.
func (s *Store) OverdueInvoices(ctx context.Context, dueBefore int64, limit int) ([]Key, error) {
	return s.keys(ctx, `SELECT account, livemode, id FROM invoices WHERE due_date > 0 AND due_date <= $1 AND subscription <> ''
		AND stripe_status IN ('open', 'uncollectible') AND NOT spent AND collection_method = 'send_invoice'
		AND billing_reason <> 'subscription_create' ORDER BY due_date LIMIT $2`, dueBefore, limit)
}

// SubscriptionKeys walks all subscriptions, in the keys' order.
func (s *Store) SubscriptionKeys(ctx context.Context, after Key, limit int) ([]Key, error) {
	return s.walk(ctx, "subscriptions", "", after, limit)
}

// TenantKeys walks all tenants.
func (s *Store) TenantKeys(ctx context.Context, after Key, limit int) ([]Key, error) {
	return s.walk(ctx, "tenants", "", after, limit)
}

// UnpaidKeys walks the invoices of subscriptions that wait for their money.
func (s *Store) UnpaidKeys(ctx context.Context, after Key, limit int) ([]Key, error) {
	return s.walk(ctx, "invoices", " AND stripe_status IN ('open', 'uncollectible') AND subscription <> ''", after, limit)
}

func (s *Store) walk(ctx context.Context, table, where string, after Key, limit int) ([]Key, error) {
	return s.keys(ctx, `SELECT account, livemode, id FROM `+table+` WHERE (id, account, livemode) > ($1, $2, $3)`+where+`
		ORDER BY id, account, livemode LIMIT $4`, after.ID, after.Account, after.Livemode, limit)
}

func (s *Store) keys(ctx context.Context, q string, args ...any) ([]Key, error) {
	var out []Key
	err := s.each(ctx, func(rows *sql.Rows) error {
		var k Key
		err := rows.Scan(&k.Account, &k.Livemode, &k.ID)
		out = append(out, k)
		return err
	}, q, args...)
	return out, err
}

// CardsOf says which cards ExpiringCards is about: those that expire in a month, unless
// there is an effect whose key is the card's id between Prefix and Suffix.
type CardsOf struct {
	Year, Month    int64
	Prefix, Suffix string
}

// ExpiringCards walks the attached cards that expire then and whose customer has a
// subscription that is charged.
func (s *Store) ExpiringCards(ctx context.Context, of CardsOf, after Key, limit int) ([]Key, error) {
	return s.keys(ctx, `SELECT p.account, p.livemode, p.id FROM payment_methods AS p
		WHERE (p.id, p.account, p.livemode) > ($1, $2, $3) AND p.exp_year = $4 AND p.exp_month = $5 AND p.type = 'card' AND p.attached
			AND EXISTS (SELECT 1 FROM subscriptions AS s WHERE s.customer = p.customer AND s.account = p.account AND s.livemode = p.livemode
				AND s.access AND s.collection_method <> 'send_invoice')
			AND NOT EXISTS (SELECT 1 FROM effects AS e WHERE e.key = CAST($6 AS TEXT) || p.id || CAST($7 AS TEXT)
				AND e.account = p.account AND e.livemode = p.livemode)
		ORDER BY p.id, p.account, p.livemode LIMIT $8`, after.ID, after.Account, after.Livemode, of.Year, of.Month, of.Prefix, of.Suffix, limit)
}

// LastReceived is when Stripe's last event came in, in Unix microseconds; zero where
// there was none. What was asked for is not meant.
func (s *Store) LastReceived(ctx context.Context) (int64, error) {
	var at int64
	err := s.read.QueryRowContext(ctx, `SELECT received_at FROM inbox WHERE source IN ('webhook', 'thin', 'poll') ORDER BY seq DESC LIMIT 1`).Scan(&at)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return at, nil
}

// LastReceived is the store's.
func (r *Reader) LastReceived(ctx context.Context) (int64, error) { return r.s.LastReceived(ctx) }

// RunningSince is how many subscriptions run at Stripe, and when the first of their
// periods that ends after a time does so; zero where none does. Unix seconds.
func (s *Store) RunningSince(ctx context.Context, since int64) (running, firstEnd int64, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT COUNT(*), COALESCE(MIN(CASE WHEN current_period_end > $1 THEN current_period_end END), 0)
		FROM subscriptions WHERE stripe_status IN ('trialing', 'active', 'past_due')`, since).Scan(&running, &firstEnd)
	if err != nil {
		return 0, 0, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return running, firstEnd, nil
}

// IgnoredEvent is an event that was ignored for want of a rule.
type IgnoredEvent struct {
	Key
	Seq int64
}

// IgnoredEvents are the events of a type that were ignored for want of a rule, in
// the order in which they came.
func (s *Store) IgnoredEvents(ctx context.Context, typ string, after int64, limit int) ([]IgnoredEvent, error) {
	var out []IgnoredEvent
	err := s.each(ctx, func(rows *sql.Rows) error {
		var e IgnoredEvent
		err := rows.Scan(&e.Account, &e.Livemode, &e.ID, &e.Seq)
		out = append(out, e)
		return err
	}, `SELECT account, livemode, event_id, seq FROM inbox
		WHERE type = $1 AND seq > $2 AND status = 'ignored' AND error = '' ORDER BY seq LIMIT $3`, typ, after, limit)
	return out, err
}
