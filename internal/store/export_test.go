package store

import (
	"context"

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
