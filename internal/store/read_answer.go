package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Write is a request that says, by a key of its own, that it must happen once.
type Write struct {
	Scope string // whose key it is and what it asks for
	// Whom its answer tells of, and whose erasure therefore ends it; empty: nobody.
	Account, Tenant string
	Key             string
	Request         string // the hash of what it asks
	began           int64
}

// Answer is what such a request was answered.
type Answer struct {
	Status int
	Body   []byte
}

var (
	// ErrKeyReused says that the key was used for another request.
	ErrKeyReused = errors.New("the key was used for another request")
	// ErrKeyInUse says that the first request with the key is still running.
	ErrKeyInUse = errors.New("a request with the key is running")
)

const (
	// answersKept is how long an answer is kept.
	answersKept = 24 * time.Hour
	// writesRun is after how long a request that has no answer is taken for dead
	// (its process was killed), so that the key can be used again.
	writesRun = time.Minute
)

// Begin claims the key for a request. Where the same request was answered before it
// returns that answer and began is false; the caller then has nothing to do, else it
// owes Finish or Abandon.
func (s *Store) Begin(ctx context.Context, w *Write) (a Answer, began bool, err error) {
	now := s.now()
	if _, err := s.write.ExecContext(ctx, `DELETE FROM idempotency_keys WHERE created_at < $1`, now.Add(-answersKept).UnixMicro()); err != nil {
		return Answer{}, false, outage(err)
	}
	w.began = now.UnixMicro()
	done, err := s.write.ExecContext(ctx, `INSERT INTO idempotency_keys (scope, key, request, status, body, created_at, account, tenant)
		VALUES ($1, $2, $3, 0, $4, $5, $7, $8)
		ON CONFLICT (scope, key) DO UPDATE SET request = excluded.request, created_at = excluded.created_at
		WHERE idempotency_keys.status = 0 AND idempotency_keys.created_at < $6`,
		w.Scope, w.Key, w.Request, []byte{}, w.began, now.Add(-writesRun).UnixMicro(), w.Account, w.Tenant)
	if err != nil {
		return Answer{}, false, outage(err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 1 {
		return Answer{}, err == nil, err
	}
	var request string
	err = s.write.QueryRowContext(ctx, `SELECT request, status, body FROM idempotency_keys WHERE scope = $1 AND key = $2`, w.Scope, w.Key).
		Scan(&request, &a.Status, &a.Body)
	switch {
	case errors.Is(err, sql.ErrNoRows): // it was abandoned meanwhile
		return Answer{}, false, fmt.Errorf("%w: %s", ErrKeyInUse, w.Key)
	case err != nil:
		return Answer{}, false, outage(err)
	case request != w.Request:
		return Answer{}, false, fmt.Errorf("%w: %s", ErrKeyReused, w.Key)
	case a.Status == 0:
		return Answer{}, false, fmt.Errorf("%w: %s", ErrKeyInUse, w.Key)
	}
	return a, false, nil
}

// Finish keeps the answer of a request that Begin began.
func (s *Store) Finish(ctx context.Context, w *Write, a Answer) error {
	_, err := s.write.ExecContext(ctx, `UPDATE idempotency_keys SET status = $1, body = $2 WHERE scope = $3 AND key = $4 AND created_at = $5`,
		a.Status, append([]byte{}, a.Body...), w.Scope, w.Key, w.began) // a body of nothing is no NULL
	return outage(err)
}

// Abandon frees the key of a request that Begin began and that did nothing.
func (s *Store) Abandon(ctx context.Context, w *Write) error {
	_, err := s.write.ExecContext(ctx, `DELETE FROM idempotency_keys WHERE scope = $1 AND key = $2 AND created_at = $3 AND status = 0`,
		w.Scope, w.Key, w.began)
	return outage(err)
}
