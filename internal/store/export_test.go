package store

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Asked is a statement that a test sends.
type Asked struct {
	What, SQL string
	Args      []any
	Row       func(scan func(targets ...any) error) error
	After     func()
}

// Pipeline sends a wave on a connection.
func Pipeline(ctx context.Context, c *pgx.Conn, prepared bool, asked ...Asked) error {
	var wave []statement
	for _, a := range asked {
		st := statement{what: a.What, sql: a.SQL, args: a.Args, after: a.After}
		if a.Row != nil {
			st.row = func(s scan) error { return a.Row(s) }
		}
		wave = append(wave, st)
	}
	return pipeline(ctx, c, prepared, wave)
}

// OpenAt opens a new database and brings its schema to a version that is no longer the newest.
func OpenAt(ctx context.Context, databaseURL string, version int64) (s *Store, err error) {
	s = &Store{now: time.Now}
	if path, ok := strings.CutPrefix(databaseURL, "sqlite://"); ok {
		err = s.openSQLite(ctx, path)
	} else {
		err = s.openPostgres(ctx, databaseURL, 10)
	}
	if err != nil {
		return nil, err
	}
	p, err := s.provider()
	if err == nil {
		_, err = p.UpTo(ctx, version)
	}
	return s, err
}
