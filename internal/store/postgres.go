package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
)

// postgresSession sends each wave as one pipeline: a round trip costs more than
// most statements do.
type postgresSession struct {
	conn     *sql.Conn
	tx       *sql.Tx     // nil where the pipeline begins and ends it, which saves a round trip
	prepared bool        // statements may be prepared
	first    []statement // go ahead of the first wave
	begun    bool
	done     bool
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
		err := pipeline(ctx, c, p.prepared, wave)
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
func pipeline(ctx context.Context, c *pgx.Conn, prepared bool, wave []statement) error {
	known := make([]*pgconn.StatementDescription, len(wave))
	for i := 0; prepared && i < len(wave); i++ {
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
		if prepared {
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

// forget drops the prepared statements where the server no longer has them, or where
// they are those of an older schema: the next try prepares them anew.
func forget(ctx context.Context, c *pgx.Conn, err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && (pg.Code == "26000" || pg.Code == "0A000") {
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

// allBinary asks for all columns in their binary format.
var allBinary = []int16{pgtype.BinaryFormatCode}

// wire holds one statement's arguments as they are sent
// (postgresql.org/docs/current/protocol-message-formats.html, Bind).
type wire struct {
	buf     []byte
	values  [][]byte
	formats []int16
}

// encode takes lists in their binary format, which names the type of their elements,
// and single values as text, of which the server makes whatever it wants.
func (w *wire) encode(args []any) error {
	w.buf, w.values, w.formats = w.buf[:0], w.values[:0], w.formats[:0]
	for i, arg := range args {
		from, format := len(w.buf), int16(pgtype.BinaryFormatCode)
		switch arg := arg.(type) {
		case []string:
			appendList(w, pgtype.TextOID, arg, func(b []byte, v string) []byte { return append(b, v...) })
		case []int64:
			appendList(w, pgtype.Int8OID, arg, func(b []byte, v int64) []byte { return binary.BigEndian.AppendUint64(b, uint64(v)) })
		case []bool:
			appendList(w, pgtype.BoolOID, arg, func(b []byte, v bool) []byte { return append(b, bit(v)) })
		case [][]byte:
			appendList(w, pgtype.ByteaOID, arg, func(b, v []byte) []byte { return append(b, v...) })
		case string:
			w.buf, format = append(w.buf, arg...), pgtype.TextFormatCode
		case int64:
			w.buf, format = strconv.AppendInt(w.buf, arg, 10), pgtype.TextFormatCode
		case bool:
			w.buf, format = strconv.AppendBool(w.buf, arg), pgtype.TextFormatCode
		default:
			return fmt.Errorf("argument %d is a %T", i+1, arg)
		}
		// Where buf grows, what was sliced of it before stays what it is.
		w.values, w.formats = append(w.values, w.buf[from:len(w.buf):len(w.buf)]), append(w.formats, format)
	}
	return nil
}

func bit(v bool) byte {
	if v {
		return 1
	}
	return 0
}

// appendList adds an array of one dimension: the number of dimensions, whether there is
// a NULL, the elements' type, their number, the first one's index, and each with its length.
func appendList[T any](w *wire, oid uint32, list []T, value func([]byte, T) []byte) {
	b := w.buf
	for _, n := range [...]uint32{1, 0, oid, uint32(len(list)), 1} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	for _, v := range list {
		at := len(b)
		b = value(append(b, 0, 0, 0, 0), v)
		binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	}
	w.buf = b
}

// decode takes a row of the types that columns have.
func decode(targets []any, columns []pgconn.FieldDescription, values [][]byte) error {
	if len(targets) != len(values) {
		return fmt.Errorf("%d columns for %d", len(values), len(targets))
	}
	for i, target := range targets {
		ok, v, oid := values[i] != nil, values[i], columns[i].DataTypeOID
		switch into := target.(type) {
		case *string:
			*into, ok = string(v), ok && oid == pgtype.TextOID
		case *int64:
			if ok = ok && oid == pgtype.Int8OID && len(v) == 8; ok {
				*into = int64(binary.BigEndian.Uint64(v))
			}
		case *bool:
			*into, ok = len(v) == 1 && v[0] == 1, ok && oid == pgtype.BoolOID
		case *[]byte:
			*into, ok = slices.Clone(v), ok && oid == pgtype.ByteaOID
		default:
			ok = false
		}
		if !ok {
			return fmt.Errorf("column %d, %s, is no value for a %T", i+1, columns[i].Name, target)
		}
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
