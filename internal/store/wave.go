package store

import (
	"context"
	"database/sql"
	"fmt"
	"iter"

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
	want  int64            // rows that a write must affect
}

// scan copies a row's columns to where they belong.
type scan func(targets ...any) error

// run sends a wave: as one pipeline on PostgreSQL, where a round trip costs more
// than most statements, one after another on SQLite, where there is none.
func (tx *Tx) run(ctx context.Context, wave []statement) error {
	if tx.s.d.unnest {
		if tx.locks != nil {
			wave = append([]statement{*tx.locks}, wave...)
			tx.locks = nil
		}
		if len(wave) == 0 {
			return nil
		}
		return tx.conn.Raw(func(driver any) error {
			c, ok := driver.(*stdlib.Conn)
			if !ok {
				return fmt.Errorf("the connection is a %T", driver)
			}
			return pipeline(ctx, c.Conn(), wave)
		})
	}
	for i := range wave {
		if err := tx.runOne(ctx, &wave[i]); err != nil {
			return err
		}
	}
	return nil
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
			return err
		}
	}
	return results.Close()
}

func (st *statement) take(results pgx.BatchResults) error {
	if st.row == nil {
		tag, err := results.Exec()
		return st.affected(tag.RowsAffected(), err)
	}
	rows, err := results.Query()
	if err != nil {
		return st.wrap(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := st.row(rows.Scan); err != nil {
			return st.wrap(err)
		}
	}
	return st.taken(rows.Err())
}

func (tx *Tx) runOne(ctx context.Context, st *statement) error {
	stmt, err := tx.s.stmt(ctx, tx, st.sql)
	if err != nil {
		return st.wrap(err)
	}
	if st.row == nil {
		n, err := execEach(ctx, stmt, st)
		return st.affected(n, err)
	}
	rows, err := stmt.QueryContext(ctx, st.args...)
	if err != nil {
		return st.wrap(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := st.row(rows.Scan); err != nil {
			return st.wrap(err)
		}
	}
	return st.taken(rows.Err())
}

func execEach(ctx context.Context, stmt *sql.Stmt, st *statement) (n int64, err error) {
	each := st.each
	if each == nil {
		each = func(yield func([]any) bool) { yield(st.args) }
	}
	for args := range each {
		r, err := stmt.ExecContext(ctx, args...)
		if err != nil {
			return n, err
		}
		k, err := r.RowsAffected()
		if err != nil {
			return n, err
		}
		n += k
	}
	return n, nil
}

func (st *statement) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", st.what, err)
}

func (st *statement) taken(err error) error {
	if err == nil && st.after != nil {
		st.after()
	}
	return st.wrap(err)
}

func (st *statement) affected(n int64, err error) error {
	if err == nil && n != st.want {
		err = fmt.Errorf("%w: %d of %d rows", errConflict, n, st.want)
	}
	return st.wrap(err)
}

// stmt is SQLite's prepared statement of a text. There is one writing connection,
// so that it is prepared once.
func (s *Store) stmt(ctx context.Context, tx *Tx, q string) (*sql.Stmt, error) {
	if st, ok := s.stmts.Load(q); ok {
		return tx.sql.StmtContext(ctx, st.(*sql.Stmt)), nil
	}
	tx.texts = append(tx.texts, q)
	return tx.sql.PrepareContext(ctx, q)
}

// prepare keeps statements that a unit of work had to prepare for itself.
func (s *Store) prepare(ctx context.Context, texts []string) {
	for _, q := range texts {
		if _, ok := s.stmts.Load(q); ok {
			continue
		}
		if st, err := s.write.PrepareContext(ctx, q); err == nil {
			s.stmts.Store(q, st)
		}
	}
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

// lock has the locks taken before anything else is asked of the database.
func (tx *Tx) lock(of []Key) {
	if !tx.s.d.unnest || len(of) == 0 {
		return
	}
	accounts, modes, ids := make([]string, len(of)), make([]bool, len(of)), make([]string, len(of))
	for i, k := range of {
		accounts[i], modes[i], ids[i] = k.Account, k.Livemode, k.ID
	}
	tx.locks = &statement{
		what: "lock", sql: lockOwners, args: []any{accounts, modes, ids},
		row: func(s scan) error { var n int64; return s(&n) },
	}
}
