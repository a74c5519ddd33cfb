package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"
)

// ClaimEffects takes effects of a kind that are due, for the length of a lease.
// What was claimed and not finished is due again when its lease is over.
func (s *Store) ClaimEffects(ctx context.Context, kind string, lease time.Duration, limit int) ([]Effect, error) {
	now := s.now()
	q := fmt.Sprintf(`UPDATE effects SET status = 'running', due_at = $3, attempts = attempts + 1, rev = rev + 1
		WHERE status IN ('pending', 'running') AND due_at <= $2 AND seq IN (
			SELECT seq FROM effects WHERE kind = $1 AND status IN ('pending', 'running') AND due_at <= $2 ORDER BY due_at, seq LIMIT $4)
		RETURNING %s`, strings.Join(effectDef.cols, ", "))
	rows, err := s.write.QueryContext(ctx, q, kind, now.UnixMicro(), now.Add(lease).UnixMicro(), limit)
	if err != nil {
		return nil, fmt.Errorf("claim effects: %w", err)
	}
	defer rows.Close()
	var out []Effect
	for rows.Next() {
		var e Effect
		if err := rows.Scan(effectDef.targets(reflect.ValueOf(&e).Elem())...); err != nil {
			return nil, fmt.Errorf("claim effects: %w", err)
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

// RefetchThin begins the keys of the refetches that thin events asked for; their ids follow.
const RefetchThin = "refetch:thin:"

// EffectDone is what became of a claimed effect.
type EffectDone struct {
	Effect             Effect
	Status             string // sent, failed, …; pending: it is tried again
	Reason             string
	Recipient, Subject string
	Again              time.Duration
	// Untried says that it was not tried after all: it is as it was before the claim.
	Untried bool
}

// FinishEffects marks claimed effects in one transaction. One that was asked for again
// meanwhile stays pending.
func (s *Store) FinishEffects(ctx context.Context, done []EffectDone) error {
	err := s.inTx(ctx, func(tx *sql.Tx) error { return markEffects(ctx, tx, done, s.now()) })
	if err != nil {
		return fmt.Errorf("finish effects: %w", err)
	}
	return nil
}

func markEffects(ctx context.Context, tx *sql.Tx, done []EffectDone, now time.Time) error {
	mark, err := tx.PrepareContext(ctx, `UPDATE effects SET status = $5, reason = $6, due_at = $7, done_at = $8, attempts = $9,
			recipient = CASE WHEN $10 = '' THEN recipient ELSE $10 END, subject = CASE WHEN $11 = '' THEN subject ELSE $11 END, rev = rev + 1
		WHERE account = $1 AND livemode = $2 AND key = $3 AND rev = $4`)
	if err != nil {
		return err
	}
	defer mark.Close()
	for _, d := range done {
		e, due, at, attempts := d.Effect, int64(0), now.UnixMicro(), d.Effect.Attempts
		switch {
		case d.Untried:
			d.Status, d.Reason, due, at, attempts = Pending, e.Reason, e.CreatedAt, 0, attempts-1
		case d.Status == Pending:
			due, at = now.Add(d.Again).UnixMicro(), 0
		}
		if _, err := mark.ExecContext(ctx, e.Account, e.Livemode, e.ID, e.Rev, d.Status, clean(d.Reason, 500), due, at, attempts,
			clean(d.Recipient, 400), clean(d.Subject, 400)); err != nil {
			return fmt.Errorf("mark %s: %w", e.ID, err)
		}
	}
	return nil
}

// clean makes foreign text fit for a column: no NUL, which PostgreSQL refuses, and
// not endless.
func clean(s string, n int) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\uFFFD")
	if len(s) > n {
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		s = s[:n]
	}
	return s
}

// NextEffect is when the next effect of a kind is due, zero where none is.
func (s *Store) NextEffect(ctx context.Context, kind string) (time.Time, error) {
	var due sql.NullInt64
	err := s.read.QueryRowContext(ctx, `SELECT MIN(due_at) FROM effects WHERE kind = $1 AND status IN ('pending', 'running')`, kind).Scan(&due)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, err
	}
	if !due.Valid {
		return time.Time{}, nil
	}
	return time.UnixMicro(due.Int64), nil
}

// DropPayloads drops the payloads of up to limit settled events that were received
// before a time, except those that hold an object's newest snapshot. Parked, failed
// and dead events keep theirs. It returns how many were dropped.
func (s *Store) DropPayloads(ctx context.Context, before time.Time, limit int) (int64, error) {
	r, err := s.write.ExecContext(ctx, `DELETE FROM payloads WHERE seq IN (
			SELECT p.seq FROM payloads AS p JOIN inbox AS i ON i.seq = p.seq
			WHERE p.seq < $1 AND i.status IN ('applied', 'stale', 'ignored')
				AND NOT EXISTS (SELECT 1 FROM objects AS o WHERE o.id = i.object_id AND o.account = i.account AND o.livemode = i.livemode AND o.seq = p.seq)
			ORDER BY p.seq LIMIT $2)`, before.UnixMicro()<<seqBits, limit)
	if err != nil {
		return 0, fmt.Errorf("drop payloads: %w", err)
	}
	return r.RowsAffected()
}

// WaitsReady are parked events whose reason to wait is gone: the object is known,
// or the customer has a tenant.
func (s *Store) WaitsReady(ctx context.Context, limit int) ([]Key, error) {
	return s.keys(ctx, `SELECT w.account, w.livemode, w.event_id FROM waits AS w
		LEFT JOIN customers AS c ON c.account = w.account AND c.livemode = w.livemode AND c.id = w.on_id
		JOIN inbox AS i ON i.account = w.account AND i.livemode = w.livemode AND i.event_id = w.event_id
		LEFT JOIN objects AS o ON o.account = w.account AND o.livemode = w.livemode AND o.id = w.on_id AND o.id <> i.object_id
		WHERE (c.id IS NOT NULL AND c.tenant <> '') OR (c.id IS NULL AND o.id IS NOT NULL)
		ORDER BY w.event_id, w.account LIMIT $1`, limit)
}

// WaitsOnObjects are ids of objects, not customers, that parked events have waited
// for since before a time.
func (s *Store) WaitsOnObjects(ctx context.Context, before time.Time, limit int) ([]Key, error) {
	return s.keys(ctx, `SELECT DISTINCT w.account, w.livemode, w.on_id FROM waits AS w
		JOIN inbox AS i ON i.account = w.account AND i.livemode = w.livemode AND i.event_id = w.event_id
		LEFT JOIN customers AS c ON c.account = w.account AND c.livemode = w.livemode AND c.id = w.on_id
		LEFT JOIN effects AS e ON e.account = w.account AND e.livemode = w.livemode AND e.key = 'refetch:' || w.on_id
		WHERE c.id IS NULL AND e.key IS NULL AND i.received_at < $1 ORDER BY w.on_id LIMIT $2`, before.UnixMicro(), limit)
}
