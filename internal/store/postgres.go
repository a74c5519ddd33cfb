package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// postgresSession sends each wave as one pipeline: a round trip costs more than
// most statements do.
type postgresSession struct {
	conn    *sql.Conn
	tx      *sql.Tx     // nil where the pipeline begins and ends it, which saves a round trip
	prepare bool        // statements may be prepared
	first   []statement // go ahead of the first wave
	begun   bool
	done    bool
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
		err := pipeline(ctx, c, p.prepare, wave)
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

// pipeline sends a wave and takes its answers. It writes and reads the few types that
// rows have by itself: pgx goes through an interface for every value, which costs more
// than what is done with them.
func pipeline(ctx context.Context, c *pgx.Conn, prepare bool, wave []statement) error {
	known := make([]*pgconn.StatementDescription, len(wave))
	for i := 0; prepare && i < len(wave); i++ {
		var err error
		if known[i], err = c.Prepare(ctx, wave[i].sql, wave[i].sql); err != nil { // it knows what it has prepared before
			return wave[i].wrap(err)
		}
	}
	p := c.PgConn().StartPipeline(ctx)
	w := wire{buf: make([]byte, 0, 4<<10)} // not nil: of nothing an empty text would be NULL
	for i := range wave {
		if err := w.encode(wave[i].args); err != nil {
			return errors.Join(wave[i].wrap(err), p.Close())
		}
		if prepare {
			p.SendQueryStatement(known[i], w.values, w.formats, allBinary)
		} else {
			p.SendQueryParams(wave[i].sql, w.values, nil, w.formats, allBinary)
		}
	}
	if err := p.Sync(); err != nil {
		_ = p.Close() // it would say the same
		return err
	}
	waiting(ctx)
	for i := range wave {
		if err := wave[i].take(p); err != nil {
			_ = p.Close() // its error is a consequence
			return wave[i].wrap(forget(ctx, c, err))
		}
	}
	return p.Close()
}

// outdated says that a prepared statement is one that the server no longer has, or one
// of an older schema.
func outdated(err *pgconn.PgError) bool { return err.Code == "26000" || err.Code == "0A000" }

// forget drops the prepared statements where one is outdated: the unit of work runs
// again and prepares them anew.
func forget(ctx context.Context, c *pgx.Conn, err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && outdated(pg) {
		_, _ = c.Exec(ctx, "ROLLBACK")
		_ = c.DeallocateAll(ctx) // where this fails the connection is broken
	}
	return err
}

func (st *statement) take(p *pgconn.Pipeline) error {
	results, err := p.GetResults()
	if err != nil {
		return err
	}
	rows, ok := results.(*pgconn.ResultReader)
	if !ok {
		return fmt.Errorf("the answer is a %T", results)
	}
	if st.row == nil {
		tag, err := rows.Close()
		if err != nil {
			return err
		}
		if st.sql == "COMMIT" && tag.String() != st.sql {
			return errors.New("the database rolled back")
		}
		return st.affected(tag.RowsAffected())
	}
	scan := func(targets ...any) error { return decode(targets, rows.FieldDescriptions(), rows.Values()) }
	for rows.NextRow() {
		if err := st.row(scan); err != nil {
			return err
		}
	}
	if _, err := rows.Close(); err != nil {
		return err
	}
	if st.after != nil {
		st.after()
	}
	return nil
}

// lockOwners takes an advisory lock on each of the objects' owners, in one order
// for all: the tenant of what has one, else the customer, else the object itself.
// They make conflicts rare; that none does harm is the business of rev. What is a
// customer is not looked for among the objects.
const lockOwners = `WITH owners AS (
		SELECT n.account, COALESCE(NULLIF(c.tenant, ''), NULLIF(o.tenant, ''), o.customer, n.id) AS id
		FROM unnest($1::text[], $2::boolean[], $3::text[]) AS n (account, livemode, id)
		LEFT JOIN LATERAL (
			SELECT tenant FROM customers WHERE account = n.account AND livemode = n.livemode AND id = n.id OFFSET 0) AS c ON TRUE
		LEFT JOIN LATERAL (
			SELECT o.customer, of.tenant FROM (
				SELECT customer FROM objects WHERE account = n.account AND livemode = n.livemode AND id = n.id AND customer <> '' OFFSET 0) AS o
			LEFT JOIN LATERAL (
				SELECT tenant FROM customers WHERE account = n.account AND livemode = n.livemode AND id = o.customer OFFSET 0) AS of ON TRUE
			WHERE c.tenant IS NULL OFFSET 0) AS o ON TRUE
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
