package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// OutboundKind is the kind of the effects that are deliveries to an endpoint.
func OutboundKind(endpoint string) string { return "outbound/" + endpoint }

// AddEffect adds an effect under a key that cannot be there yet. It asks nothing of
// the database: where the key is there all the same, the unit of work runs again.
func (tx *Tx) AddEffect(e Effect) {
	t := tx.Effects
	if t.base[e.Key] == nil {
		t.base[e.Key] = &cell[Effect]{}
	}
	t.over[e.Key] = &e
}

// OutboundEndpoint is how an endpoint fares.
type OutboundEndpoint struct {
	Name         string
	URL          string
	SentAt       int64 // the last 2xx, to within ten seconds
	FailingSince int64 // the first failure after it, 0: none
	Failures     int64 // how many since then
	ProbeAt      int64 // while it fails: when it is tried again
	Reason       string
	DisabledAt   int64
}

const endpointColumns = `name, url, sent_at, failing_since, failures, probe_at, reason, disabled_at`

// RegisterOutbound makes an endpoint known. One whose URL is another than before
// starts afresh.
func (s *Store) RegisterOutbound(ctx context.Context, name, url string) error {
	_, err := s.write.ExecContext(ctx, `INSERT INTO outbound_endpoints (`+endpointColumns+`) VALUES ($1, $2, 0, 0, 0, 0, '', 0)
		ON CONFLICT (name) DO UPDATE SET url = excluded.url, failing_since = 0, failures = 0, probe_at = 0, reason = '', disabled_at = 0
		WHERE outbound_endpoints.url <> excluded.url`, name, url)
	if err != nil {
		return fmt.Errorf("register endpoint %s: %w", name, err)
	}
	return nil
}

// OutboundEndpoint reads how an endpoint fares.
func (s *Store) OutboundEndpoint(ctx context.Context, name string) (OutboundEndpoint, error) {
	var e OutboundEndpoint
	err := s.read.QueryRowContext(ctx, `SELECT `+endpointColumns+` FROM outbound_endpoints WHERE name = $1`, name).
		Scan(&e.Name, &e.URL, &e.SentAt, &e.FailingSince, &e.Failures, &e.ProbeAt, &e.Reason, &e.DisabledAt)
	if errors.Is(err, sql.ErrNoRows) {
		return e, fmt.Errorf("%w: endpoint %s", ErrNotFound, name)
	}
	return e, err
}

// OutboundHealth is what a batch of deliveries says about their endpoint.
type OutboundHealth struct {
	Sent     bool // one was accepted
	Failures int64
	Reason   string // the last failure's
	// Probe is how long an endpoint that fails is left alone.
	Probe time.Duration
	// Recovered has what waits for its next attempt tried now, in its order: the
	// endpoint was not there, and is again.
	Recovered bool
}

// FinishOutbound marks deliveries and how their endpoint fares, in one transaction.
func (s *Store) FinishOutbound(ctx context.Context, endpoint string, done []EffectDone, h OutboundHealth) error {
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		now := s.now()
		if err := markEffects(ctx, tx, done, now); err != nil {
			return err
		}
		return s.noteHealth(ctx, tx, endpoint, h, now)
	})
	if err != nil {
		return fmt.Errorf("finish deliveries to %s: %w", endpoint, err)
	}
	return nil
}

func (s *Store) noteHealth(ctx context.Context, tx *sql.Tx, endpoint string, h OutboundHealth, now time.Time) error {
	var err error
	switch {
	case h.Sent:
		_, err = tx.ExecContext(ctx, `UPDATE outbound_endpoints SET sent_at = $2, failing_since = 0, failures = 0, probe_at = 0
			WHERE name = $1 AND (failing_since <> 0 OR sent_at < $3)`, endpoint, now.UnixMicro(), now.Add(-10*time.Second).UnixMicro())
	case h.Failures > 0:
		_, err = tx.ExecContext(ctx, `UPDATE outbound_endpoints SET failing_since = CASE WHEN failing_since = 0 THEN $2 ELSE failing_since END,
			failures = failures + $3, probe_at = $4, reason = $5 WHERE name = $1`,
			endpoint, now.UnixMicro(), h.Failures, now.Add(h.Probe).UnixMicro(), clean(h.Reason, 500))
	}
	if err == nil && h.Recovered {
		_, err = tx.ExecContext(ctx, `UPDATE effects SET due_at = created_at, rev = rev + 1
			WHERE kind = $1 AND status IN ('pending', 'running') AND status = 'pending' AND due_at > created_at`, OutboundKind(endpoint))
	}
	return err
}

// DisableOutbound has no more sent to an endpoint. It reports whether it was this
// call that disabled it.
func (s *Store) DisableOutbound(ctx context.Context, name, reason string) (bool, error) {
	r, err := s.write.ExecContext(ctx, `UPDATE outbound_endpoints SET disabled_at = $2, reason = $3 WHERE name = $1 AND disabled_at = 0`,
		name, s.now().UnixMicro(), clean(reason, 500))
	if err != nil {
		return false, fmt.Errorf("disable endpoint %s: %w", name, err)
	}
	n, err := r.RowsAffected()
	return n > 0, err
}

// EnableOutbound has an endpoint sent to again: at once, and everything that waits,
// in its order.
func (s *Store) EnableOutbound(ctx context.Context, name string) error {
	return s.inTx(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `UPDATE outbound_endpoints SET disabled_at = 0, failing_since = 0, failures = 0, probe_at = 0, reason = '' WHERE name = $1`, name)
		if err != nil {
			return fmt.Errorf("enable endpoint %s: %w", name, err)
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fmt.Errorf("%w: endpoint %s", ErrNotFound, name))
		}
		_, err = tx.ExecContext(ctx, `UPDATE effects SET due_at = created_at, attempts = 0, rev = rev + 1
			WHERE kind = $1 AND status IN ('pending', 'running') AND status = 'pending'`, OutboundKind(name))
		return err
	})
}

// OutboundFilter selects an endpoint's deliveries.
type OutboundFilter struct {
	Endpoint string
	Status   string // pending, sent, failed; empty: any
	Tenant   string
	Message  string // the message's id
	Since    int64  // planned at or after, Unix microseconds
}

// outboundOnly is the partial index's own condition, word for word.
const outboundOnly = "kind >= 'outbound/' AND kind < 'outbound0'"

func (f OutboundFilter) of(k Key) where {
	w := where{}
	w.and("account = $%d AND livemode = $%d AND kind = $%d AND "+outboundOnly, k.Account, k.Livemode, OutboundKind(f.Endpoint))
	switch f.Status {
	case "":
	case Pending: // running is pending, to whoever looks from outside
		w.and("status IN ('pending', 'running')")
	default:
		w.and("status = $%d", f.Status)
	}
	if f.Tenant != "" {
		w.and("tenant = $%d", f.Tenant)
	}
	if f.Message != "" {
		w.and("key = $%d", OutboundKey(f.Endpoint, f.Message))
	}
	if f.Since > 0 {
		w.and("seq >= $%d", f.Since<<seqBits)
	}
	return w
}

// OutboundKey is the key of the delivery of a message to an endpoint.
func OutboundKey(endpoint, message string) string { return OutboundKind(endpoint) + ":" + message }

// dropBodies finds its rows by an index that has no others, whose condition is here
// word for word: a range of kinds SQLite would rather look for in the larger one.
const dropBodies = `UPDATE effects SET data = '', rev = rev + 1 WHERE seq IN (
	SELECT seq FROM effects WHERE seq < $1 AND status = 'sent' AND data <> '' AND substr(kind, 1, 9) = 'outbound/' ORDER BY seq LIMIT $2)
	AND status = 'sent'`

// DropOutbound drops the bodies of up to limit deliveries that were accepted, of those
// planned before a time. Their ids stay; what waits or was given up on stays whole. It
// returns how many were dropped.
func (s *Store) DropOutbound(ctx context.Context, before time.Time, limit int) (int64, error) {
	r, err := s.write.ExecContext(ctx, dropBodies, before.UnixMicro()<<seqBits, limit)
	if err != nil {
		return 0, fmt.Errorf("drop the bodies of deliveries: %w", err)
	}
	return r.RowsAffected()
}

// ReplayOutbound has deliveries that are settled made once more, under the ids that
// they had, those apart whose bodies are no longer kept. It returns how many.
func (s *Store) ReplayOutbound(ctx context.Context, of Key, f OutboundFilter) (int64, error) {
	w := f.of(of)
	w.and("status NOT IN ('pending', 'running') AND data <> ''")
	w.args = append(w.args, s.now().UnixMicro())
	r, err := s.write.ExecContext(ctx, fmt.Sprintf(`UPDATE effects SET status = 'pending', attempts = 0, due_at = $%d, done_at = 0, reason = '', rev = rev + 1
		WHERE %s`, len(w.args), w.text()), w.args...)
	if err != nil {
		return 0, fmt.Errorf("replay deliveries to %s: %w", f.Endpoint, err)
	}
	return r.RowsAffected()
}

// Outbound lists an endpoint's deliveries.
func (r *Reader) Outbound(ctx context.Context, of Key, f OutboundFilter, p Page) (List[Effect], error) {
	w := f.of(of)
	w.and("seq < $%d", p.below().At)
	w.limit("seq DESC", p)
	rows, err := rowsOfTable[Effect](ctx, r, effectDef, w.text(), w.args...)
	return cut(rows, p, func(e *Effect) Cursor { return Cursor{At: e.Seq} }), err
}

// OutboundWaiting is how many deliveries to an endpoint are still to be made.
func (r *Reader) OutboundWaiting(ctx context.Context, endpoint string) (n int64, err error) {
	err = r.scan(ctx, func(rows *sql.Rows) error { return rows.Scan(&n) },
		`SELECT COUNT(*) FROM effects WHERE kind = $1 AND status IN ('pending', 'running')`, OutboundKind(endpoint))
	return n, err
}
