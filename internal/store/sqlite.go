package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"
)

// sqliteSession runs one statement after another: there is no round trip. It talks to
// the driver itself, since converting every value by reflection, as database/sql does,
// costs a good part of what such a statement costs.
type sqliteSession struct {
	s    *Store
	conn *sql.Conn
	tx   *sql.Tx
}

func (q *sqliteSession) run(ctx context.Context, wave []statement) error {
	if len(wave) == 0 {
		return nil
	}
	// A context that can end costs the driver a goroutine per statement, and none of
	// these waits for anybody: the one writer is ours since the transaction began.
	ctx = context.WithoutCancel(ctx)
	return q.conn.Raw(func(conn any) (err error) {
		defer func() { // else the connection would be given up with its statements, and what they lock
			if p := recover(); p != nil {
				err = &PanicError{p, debug.Stack()}
			}
		}()
		known := q.s.prepared.of(conn)
		for i := range wave {
			if err := known.run(ctx, &wave[i]); err != nil {
				return wave[i].wrap(err)
			}
		}
		return nil
	})
}

func (q *sqliteSession) commit(ctx context.Context, wave []statement) error {
	if err := q.run(ctx, wave); err != nil {
		return err
	}
	return wrap("commit", q.tx.Commit())
}

func (q *sqliteSession) sqlTx() *sql.Tx { return q.tx }

func (q *sqliteSession) close() {
	_ = q.tx.Rollback() // after a commit it does nothing
	if q.s.closed.Load() {
		_ = q.s.prepared.close(q.conn) // the store was closed meanwhile, and could not
	}
	_ = q.conn.Close()
}

// prepared are the prepared statements of the writing connection, by their text. Whoever
// holds the connection holds them, too.
type prepared struct {
	conn any
	by   map[string]driver.Stmt
}

func (p *prepared) of(conn any) *prepared {
	if p.conn != conn {
		p.conn, p.by = conn, map[string]driver.Stmt{}
	}
	return p
}

func (p *prepared) stmt(ctx context.Context, text string) (driver.Stmt, error) {
	if st := p.by[text]; st != nil {
		return st, nil
	}
	conn, ok := p.conn.(driver.ConnPrepareContext)
	if !ok {
		return nil, fmt.Errorf("the connection is a %T", p.conn)
	}
	st, err := conn.PrepareContext(ctx, text)
	if err == nil {
		p.by[text] = st
	}
	return st, err
}

func (p *prepared) run(ctx context.Context, st *statement) error {
	stmt, err := p.stmt(ctx, st.sql)
	if err != nil {
		return err
	}
	if st.row != nil {
		return query(ctx, stmt, st)
	}
	each := st.each
	if each == nil {
		each = func(yield func([]any) bool) { yield(st.args) }
	}
	var n int64
	var named []driver.NamedValue
	for args := range each {
		named = name(named, args)
		done, err := stmt.(driver.StmtExecContext).ExecContext(ctx, named)
		if err != nil {
			return err
		}
		k, err := done.RowsAffected()
		if err != nil {
			return err
		}
		n += k
	}
	return st.affected(n)
}

func query(ctx context.Context, stmt driver.Stmt, st *statement) error {
	found, err := stmt.(driver.StmtQueryContext).QueryContext(ctx, name(nil, st.args))
	if err != nil {
		return err
	}
	defer found.Close()
	values := make([]driver.Value, len(found.Columns()))
	scan := func(targets ...any) error {
		for i, target := range targets {
			if err := assign(target, values[i]); err != nil {
				return fmt.Errorf("column %d: %w", i, err)
			}
		}
		return nil
	}
	for {
		switch err := found.Next(values); {
		case errors.Is(err, io.EOF):
			if st.after != nil {
				st.after()
			}
			return nil
		case err != nil:
			return err
		}
		if err := st.row(scan); err != nil {
			return err
		}
	}
}

func name(into []driver.NamedValue, args []any) []driver.NamedValue {
	into = into[:0]
	for i, arg := range args {
		into = append(into, driver.NamedValue{Ordinal: i + 1, Value: arg})
	}
	return into
}

// assign takes a value of one of the types that columns have.
func assign(target any, value driver.Value) error {
	ok := false
	switch into := target.(type) {
	case *string:
		*into, ok = value.(string)
	case *int64:
		*into, ok = value.(int64)
	case *bool:
		var n int64
		n, ok = value.(int64)
		*into = n != 0
	case *[]byte:
		*into, ok = value.([]byte)
	}
	if !ok {
		return fmt.Errorf("a %T for a %T", value, target)
	}
	return nil
}

// close gives the statements back, without which SQLite would keep the connection open,
// with all that it has locked.
func (p *prepared) close(on *sql.Conn) error {
	return on.Raw(func(conn any) error {
		var errs []error
		for _, st := range p.of(conn).by {
			errs = append(errs, st.Close())
		}
		*p = prepared{}
		return errors.Join(errs...)
	})
}

// closePrepared does so for the writing connection, unless a unit of work has it for
// long: then that does.
func (s *Store) closePrepared() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s.closed.Store(true)
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return nil // somebody has it, or nobody can have it any more
	}
	defer conn.Close()
	return s.prepared.close(conn)
}
