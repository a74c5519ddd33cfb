package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Hook is a program's own part of a unit of work. It must not end the transaction.
type Hook func(ctx context.Context, tx *sql.Tx) error

// HookError says that a hook failed, and with it its unit of work.
type HookError struct{ Err error }

func (e *HookError) Error() string { return "hook: " + e.Err.Error() }
func (e *HookError) Unwrap() error { return e.Err }

// BeforeCommit has a hook called when all rows are written. The unit of work must be
// one of UpdateHooked.
func (tx *Tx) BeforeCommit(h Hook) { tx.hooksNew = append(tx.hooksNew, h) }

// Hooked says whether the step that runs has hooks.
func (tx *Tx) Hooked() bool { return len(tx.hooksNew) > 0 }

// UpdateHooked is Update for units of work that may have hooks. On PostgreSQL it
// costs a round trip more.
func (s *Store) UpdateHooked(ctx context.Context, locks []Key, fn func(*Tx) error) error {
	return s.update(ctx, locks, true, fn)
}

// hookTimeout is how long a hook may take: on SQLite it holds the only writer.
func (s *Store) hookTimeout() time.Duration {
	switch {
	case s.HookTimeout > 0:
		return s.HookTimeout
	case s.d.unnest:
		return 5 * time.Second
	default:
		return 250 * time.Millisecond
	}
}

func (tx *Tx) runHooks(ctx context.Context) error {
	if len(tx.hooks) == 0 {
		return nil
	}
	of := tx.session.sqlTx()
	if of == nil {
		return errors.New("a hook in a unit of work that has no room for one")
	}
	for _, h := range tx.hooks {
		if err := runHook(ctx, tx.s.hookTimeout(), of, h); err != nil {
			return &HookError{err}
		}
	}
	return nil
}

func runHook(ctx context.Context, limit time.Duration, of *sql.Tx, h Hook) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &PanicError{p, debug.Stack()}
		}
	}()
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("it took longer than %s", limit))
	defer cancel()
	err = h(ctx, of)
	if ctx.Err() != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	return err
}

// retryableHook says whether a hook failed by no fault of its own.
func retryableHook(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}
