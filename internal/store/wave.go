package store

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
)

// statement is one of a wave: statements that do not wait for each other's results.
type statement struct {
	what  string // for errors
	sql   string
	args  []any
	each  iter.Seq[[]any]  // run once for each of these instead; SQLite
	row   func(scan) error // takes a row; nil for a write
	after func()           // all rows were taken
	must  int64            // rows that a write must affect; 0: any number
}

// scan copies a row's columns to where they belong.
type scan func(targets ...any) error

// session is the transaction of a unit of work.
type session interface {
	run(ctx context.Context, wave []statement) error
	commit(ctx context.Context, wave []statement) error // runs a last wave, too
	close()                                             // rolls back unless it was committed
	sqlTx() *sql.Tx                                     // nil where it was not begun for hooks
}

type whileWaiting struct{}

// WhileWaiting has f called by the units of work of the context, each time when they
// have sent the database something and wait for the answer. See Waits.
func WhileWaiting(ctx context.Context, f func()) context.Context {
	return context.WithValue(ctx, whileWaiting{}, f)
}

// Waits reports whether the database is waited for: it is a process of its own.
func (s *Store) Waits() bool { return s.d.unnest }

func waiting(ctx context.Context) {
	if f, ok := ctx.Value(whileWaiting{}).(func()); ok {
		f()
	}
}

func (s *Store) begin(ctx context.Context, locks []Key, hooked bool) (session, error) {
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if s.d.unnest && !hooked {
		return &postgresSession{conn: conn, prepare: s.mayPrepare, first: []statement{{what: "begin", sql: "BEGIN"}, planSettings(), lockStatement(locks)}}, nil
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		_ = conn.Close() // its error would be the same
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if s.d.unnest {
		return &postgresSession{conn: conn, tx: tx, prepare: s.mayPrepare, first: []statement{lockStatement(locks)}}, nil
	}
	return &sqliteSession{s: s, conn: conn, tx: tx}, nil
}

func (st *statement) wrap(err error) error { return wrap(st.what, err) }

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

func (st *statement) affected(n int64) error {
	if st.must > 0 && n != st.must {
		return fmt.Errorf("%w: %d of %d rows", errConflict, n, st.must)
	}
	return nil
}
