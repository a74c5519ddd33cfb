package effect

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/riverqueue/river"
)

type sqliteRiver = river.Client[*sql.Tx]

// borrowedTx shows River a transaction that the unit of work has begun and will
// end. What River begins in it is a savepoint.
type borrowedTx struct{ conn *pgx.Conn }

var errBorrowed = errors.New("the transaction belongs to the unit of work")

func (t borrowedTx) Begin(ctx context.Context) (pgx.Tx, error) {
	if _, err := t.conn.Exec(ctx, "SAVEPOINT river"); err != nil {
		return nil, err
	}
	return savepoint{t}, nil
}
func (t borrowedTx) Commit(context.Context) error   { return errBorrowed }
func (t borrowedTx) Rollback(context.Context) error { return errBorrowed }
func (t borrowedTx) CopyFrom(ctx context.Context, table pgx.Identifier, cols []string, src pgx.CopyFromSource) (int64, error) {
	return t.conn.CopyFrom(ctx, table, cols, src)
}

func (t borrowedTx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return t.conn.SendBatch(ctx, b)
}
func (t borrowedTx) LargeObjects() pgx.LargeObjects { return pgx.LargeObjects{} }
func (t borrowedTx) Prepare(ctx context.Context, name, q string) (*pgconn.StatementDescription, error) {
	return t.conn.Prepare(ctx, name, q)
}

func (t borrowedTx) Exec(ctx context.Context, q string, args ...any) (pgconn.CommandTag, error) {
	return t.conn.Exec(ctx, q, args...)
}

func (t borrowedTx) Query(ctx context.Context, q string, args ...any) (pgx.Rows, error) {
	return t.conn.Query(ctx, q, args...)
}

func (t borrowedTx) QueryRow(ctx context.Context, q string, args ...any) pgx.Row {
	return t.conn.QueryRow(ctx, q, args...)
}
func (t borrowedTx) Conn() *pgx.Conn { return t.conn }

type savepoint struct{ borrowedTx }

func (s savepoint) Commit(ctx context.Context) error {
	_, err := s.conn.Exec(ctx, "RELEASE SAVEPOINT river")
	return err
}

func (s savepoint) Rollback(ctx context.Context) error {
	_, err := s.conn.Exec(ctx, "ROLLBACK TO SAVEPOINT river")
	return err
}
