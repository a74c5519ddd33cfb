package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
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

func (s *Store) begin(ctx context.Context, locks []Key, hooked bool) (session, error) {
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if s.d.unnest && !hooked {
		return &postgresSession{conn: conn, first: []statement{{what: "begin", sql: "BEGIN"}, planSettings(), lockStatement(locks)}}, nil
	}
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		_ = conn.Close() // its error would be the same
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if s.d.unnest {
		return &postgresSession{conn: conn, tx: tx, first: []statement{lockStatement(locks)}}, nil
	}
	return &sqliteSession{s: s, conn: conn, tx: tx}, nil
}

// postgresSession sends each wave as one pipeline: a round trip costs more than
// most statements do.
type postgresSession struct {
	conn  *sql.Conn
	tx    *sql.Tx     // nil where the pipeline begins and ends it, which saves a round trip
	first []statement // go ahead of the first wave
	begun bool
	done  bool
}

func (p *postgresSession) run(ctx context.Context, wave []statement) error {
	if !p.begun {
		wave = append(p.first, wave...)
	}
	if len(wave) == 0 {
		return nil
	}
	p.begun = true
	return p.raw(func(c *pgx.Conn) error {
		err := pipeline(ctx, c, wave)
		if err != nil && c.IsClosed() {
			err = fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return err
	})
}

func (p *postgresSession) raw(f func(*pgx.Conn) error) error {
	return p.conn.Raw(func(driver any) error {
		c, ok := driver.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("the connection is a %T", driver)
		}
		return f(c.Conn())
	})
}

func (p *postgresSession) commit(ctx context.Context, wave []statement) error {
	if p.tx != nil {
		err := p.run(ctx, wave)
		if err == nil {
			p.done = true
			err = wrap("commit", p.tx.Commit())
		}
		return err
	}
	if !p.begun && len(wave) == 0 {
		return nil
	}
	if slices.ContainsFunc(wave, func(st statement) bool { return st.must > 0 }) { // to be looked at before
		if err := p.run(ctx, wave); err != nil {
			return err
		}
		wave = nil
	}
	// COMMIT goes with the writes, which saves a round trip: where one of them fails
	// the server passes over whatever comes after it.
	err := p.run(ctx, append(wave, statement{what: "commit", sql: "COMMIT"}))
	p.done = err == nil
	return err
}

func (p *postgresSession) sqlTx() *sql.Tx { return p.tx }

func (p *postgresSession) close() {
	if p.tx != nil {
		_ = p.tx.Rollback() // after a commit it does nothing
	} else if !p.done && p.begun {
		// The caller's context may have ended, which is no reason to hold locks.
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := p.raw(func(c *pgx.Conn) error { _, err := c.Exec(ctx, "ROLLBACK"); return err }); err != nil {
			_ = p.raw(func(c *pgx.Conn) error { return errors.Join(driver.ErrBadConn, c.Close(ctx)) })
		}
	}
	_ = p.conn.Close()
}

func pipeline(ctx context.Context, c *pgx.Conn, wave []statement) error {
	var batch pgx.Batch
	for _, st := range wave {
		batch.Queue(st.sql, st.args...)
	}
	results := c.SendBatch(ctx, &batch)
	for _, st := range wave {
		if err := st.take(results); err != nil {
			_ = results.Close() // its error is a consequence
			return st.wrap(err)
		}
	}
	return results.Close()
}

func (st *statement) take(results pgx.BatchResults) error {
	if st.row == nil {
		tag, err := results.Exec()
		if err != nil {
			return err
		}
		if st.sql == "COMMIT" && tag.String() != st.sql {
			return errors.New("the database rolled back")
		}
		return st.affected(tag.RowsAffected())
	}
	rows, err := results.Query()
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := st.row(rows.Scan); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if st.after != nil {
		st.after()
	}
	return nil
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

// lockOwners takes an advisory lock on each of the objects' owners, in one order
// for all: the tenant of what has one, else the customer, else the object itself.
// They make conflicts rare; that none does harm is the business of rev.
const lockOwners = `WITH named AS (
		SELECT * FROM unnest($1::text[], $2::boolean[], $3::text[]) AS n (account, livemode, id)
	), known AS (
		SELECT n.account, n.livemode, COALESCE(o.customer, n.id) AS id FROM named AS n LEFT JOIN LATERAL (
			SELECT customer FROM objects WHERE account = n.account AND livemode = n.livemode AND id = n.id AND customer <> '' OFFSET 0) AS o ON TRUE
	), owners AS (
		SELECT k.account, COALESCE(c.tenant, k.id) AS id FROM known AS k LEFT JOIN LATERAL (
			SELECT tenant FROM customers WHERE account = k.account AND livemode = k.livemode AND id = k.id AND tenant <> '' OFFSET 0) AS c ON TRUE
	)
	SELECT count(pg_advisory_xact_lock(h)) FROM (SELECT DISTINCT hashtextextended(account || ' ' || id, 0) AS h FROM owners ORDER BY h) AS locks`

// planSettings keep the planner from planning the same statements anew for each
// batch, and from reading whole tables because they were small when it last looked.
// They end with the transaction.
func planSettings() statement {
	return statement{
		what: "settings", sql: `SELECT set_config('plan_cache_mode', 'force_generic_plan', TRUE), set_config('enable_seqscan', 'off', TRUE)`,
		row: func(s scan) error { var a, b string; return s(&a, &b) },
	}
}

func lockStatement(of []Key) statement {
	accounts, modes, ids := make([]string, len(of)), make([]bool, len(of)), make([]string, len(of))
	for i, k := range of {
		accounts[i], modes[i], ids[i] = k.Account, k.Livemode, k.ID
	}
	return statement{
		what: "lock", sql: lockOwners, args: []any{accounts, modes, ids},
		row: func(s scan) error { var n int64; return s(&n) },
	}
}
