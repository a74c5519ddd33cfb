package store

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
)

// Reader is the read-only half of the store. Make one and keep it: on SQLite it
// holds the statements that it has prepared.
//
// Where an argument is called of, its account and mode say whose rows are meant
// and its id says nothing. Lists come newest first.
type Reader struct {
	s     *Store
	stmts sync.Map // SQLite: text to *sql.Stmt on the reading pool

	entitlements     gather[Key, Entitlement]
	entitlementsText string // what many are asked for with
}

// Reader returns a reader of this store, for as long as the store is open.
func (s *Store) Reader() *Reader {
	r := &Reader{s: s, entitlementsText: s.d.each(tenantDef, entitlementColumns, " AND erased_at = 0")}
	r.entitlements.one, r.entitlements.many, r.entitlements.now = r.entitlement, r.entitlementsOf, r.Now
	return r
}

// Now is the time by the store's clock.
func (r *Reader) Now() time.Time { return r.s.now() }

// Page asks for a part of a list.
type Page struct {
	Limit int    // how many rows, at least 1
	After Cursor // the last row that was seen; zero: from the newest on
}

// Cursor is a place in a list: after the row that it names. Rows are ordered by
// what never changes, so that rows which are added neither repeat nor hide others.
type Cursor struct {
	At int64  // what the list is ordered by, descending
	ID string // among equals
}

// String is the cursor as it is handed out; ParseCursor reads it.
func (c Cursor) String() string {
	return base64.RawURLEncoding.EncodeToString([]byte(num(c.At) + " " + c.ID))
}

// ErrCursor says that a text is not a cursor.
var ErrCursor = errors.New("not a cursor of this list")

// ParseCursor reads a cursor. The empty text is the zero cursor.
func ParseCursor(text string) (Cursor, error) {
	if text == "" {
		return Cursor{}, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return Cursor{}, ErrCursor
	}
	at, id, ok := strings.Cut(string(raw), " ")
	n, err := strconv.ParseInt(at, 10, 64)
	c := Cursor{At: n, ID: id}
	if !ok || err != nil || c == (Cursor{}) {
		return Cursor{}, ErrCursor
	}
	return c, nil
}

// below is what a list's order must be less than.
func (p Page) below() Cursor {
	if p.After == (Cursor{}) {
		return Cursor{At: math.MaxInt64}
	}
	return p.After
}

// List is a part of a list.
type List[R any] struct {
	Rows []R
	Next string // the cursor of what follows, empty at the end
}

// cut makes a list of the rows that were read: one more than asked for says that
// there are more.
func cut[R any](rows []R, p Page, at func(*R) Cursor) List[R] {
	l := List[R]{Rows: rows}
	if len(rows) > p.Limit {
		l.Rows = rows[:p.Limit]
		l.Next = at(&l.Rows[p.Limit-1]).String()
	}
	return l
}

// query runs a statement on the reading pool. SQLite compiles a text each time
// unless it is prepared; pgx prepares by itself.
func (r *Reader) query(ctx context.Context, q string, args ...any) (*sql.Rows, error) {
	if r.s.d.unnest {
		return r.s.read.QueryContext(ctx, q, args...)
	}
	known, ok := r.stmts.Load(q)
	if !ok {
		st, err := r.s.read.PrepareContext(ctx, q)
		if err != nil {
			return nil, err
		}
		if known, ok = r.stmts.LoadOrStore(q, st); ok {
			st.Close()
		}
	}
	return known.(*sql.Stmt).QueryContext(ctx, args...)
}

// scan calls fn for every row of a query.
func (r *Reader) scan(ctx context.Context, fn func(*sql.Rows) error, q string, args ...any) error {
	rows, err := r.query(ctx, q, args...)
	return eachOf(rows, err, fn)
}

// each calls fn for every row of a query that is asked too seldom to be prepared.
func (s *Store) each(ctx context.Context, fn func(*sql.Rows) error, q string, args ...any) error {
	rows, err := s.read.QueryContext(ctx, q, args...)
	return eachOf(rows, err, fn)
}

func eachOf(rows *sql.Rows, err error, fn func(*sql.Rows) error) error {
	if err != nil {
		return outage(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return outage(rows.Err())
}

// rowsOfTable reads whole rows of a table; q begins with the table's own SELECT.
func rowsOfTable[R any](ctx context.Context, r *Reader, def *tableDef, where string, args ...any) ([]R, error) {
	var out []R
	err := r.scan(ctx, func(rows *sql.Rows) error {
		out = append(out, *new(R))
		return rows.Scan(def.targets(reflect.ValueOf(&out[len(out)-1]).Elem())...)
	}, def.sel+" WHERE "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", def.name, err)
	}
	return out, nil
}

// rowOfTable reads one row by its key.
func rowOfTable[R any](ctx context.Context, r *Reader, def *tableDef, k Key) (R, error) {
	rows, err := rowsOfTable[R](ctx, r, def, "account = $1 AND livemode = $2 AND "+def.idCol+" = $3", k.Account, k.Livemode, k.ID)
	if err == nil && len(rows) == 0 {
		err = fmt.Errorf("%w: %s in %s", ErrNotFound, k.ID, def.name)
	}
	if err != nil {
		return *new(R), err
	}
	return rows[0], nil
}

// outage marks the errors of a database that is out of reach, so that they are told
// from those of a statement that is wrong.
func outage(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code[:2] {
		case "08", "53", "57", "58": // connection, resources, an operator's doing, the system
		default:
			return err
		}
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) && lite.Code()&0xff == 1 { // SQLITE_ERROR: the statement
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
