package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// KeepDocument keeps a document's bytes and returns those that are kept: the first
// ones, where it was made twice at once.
func (s *Store) KeepDocument(ctx context.Context, k Key, mediaType string, body []byte) ([]byte, error) {
	_, err := s.write.ExecContext(ctx, `INSERT INTO documents (account, livemode, id, media_type, body, created_at)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`, k.Account, k.Livemode, k.ID, mediaType, body, s.now().UnixMicro())
	if err != nil {
		return nil, fmt.Errorf("keep document %s: %w", k.ID, err)
	}
	var kept []byte
	err = s.write.QueryRowContext(ctx, `SELECT body FROM documents WHERE account = $1 AND livemode = $2 AND id = $3`, k.Account, k.Livemode, k.ID).Scan(&kept)
	return kept, err
}

// Document is a document's bytes, as they were when it was made.
func (r *Reader) Document(ctx context.Context, k Key) ([]byte, error) {
	var body []byte
	err := r.s.read.QueryRowContext(ctx, `SELECT body FROM documents WHERE account = $1 AND livemode = $2 AND id = $3`, k.Account, k.Livemode, k.ID).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("%w: document %s", ErrNotFound, k.ID)
	}
	return body, err
}

// NewestPayload is the event that holds the newest snapshot of an object.
func (r *Reader) NewestPayload(ctx context.Context, object Key) ([]byte, error) {
	var seq int64
	err := r.s.read.QueryRowContext(ctx, `SELECT seq FROM objects WHERE account = $1 AND livemode = $2 AND id = $3`,
		object.Account, object.Livemode, object.ID).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("%w: %s", ErrNotFound, object.ID)
	}
	if err != nil {
		return nil, err
	}
	return r.Payload(ctx, seq)
}

// PaidBy is a row of an invoice's ledger with the card that was charged.
type PaidBy struct {
	Payment
	Brand, Last4 string
}

// PaymentsOf is the ledger of one invoice.
func (r *Reader) PaymentsOf(ctx context.Context, invoice Key) ([]PaidBy, error) {
	q := fmt.Sprintf(`SELECT %s, COALESCE(m.brand, ''), COALESCE(m.last4, '') FROM payments AS p
		LEFT JOIN charges AS c ON c.account = p.account AND c.livemode = p.livemode AND c.id = p.charge
		LEFT JOIN payment_methods AS m ON m.account = p.account AND m.livemode = p.livemode AND m.id = c.payment_method
		WHERE p.account = $1 AND p.livemode = $2 AND p.invoice = $3 ORDER BY p.created, p.id`, "p."+strings.Join(paymentDef.cols, ", p."))
	var out []PaidBy
	err := r.scan(ctx, func(rows *sql.Rows) error {
		var p PaidBy
		err := rows.Scan(append(paymentDef.targets(reflect.ValueOf(&p.Payment).Elem()), &p.Brand, &p.Last4)...)
		out = append(out, p)
		return err
	}, q, invoice.Account, invoice.Livemode, invoice.ID)
	return out, err
}

// CustomersByID reads customers.
func (r *Reader) CustomersByID(ctx context.Context, of Key, ids []string) ([]Customer, error) {
	q := fmt.Sprintf(`%s WHERE account = $1 AND livemode = $2 AND id %s`, customerDef.sel, r.s.d.list(3))
	var out []Customer
	err := r.scan(ctx, func(rows *sql.Rows) error {
		var c Customer
		err := rows.Scan(customerDef.targets(reflect.ValueOf(&c).Elem())...)
		out = append(out, c)
		return err
	}, q, of.Account, of.Livemode, r.s.d.listArg(ids, false))
	return out, err
}

// Dispute reads a dispute.
func (r *Reader) Dispute(ctx context.Context, k Key) (Dispute, error) {
	var d Dispute
	err := r.s.read.QueryRowContext(ctx, disputeDef.sel+` WHERE account = $1 AND livemode = $2 AND id = $3`, k.Account, k.Livemode, k.ID).
		Scan(disputeDef.targets(reflect.ValueOf(&d).Elem())...)
	if errors.Is(err, sql.ErrNoRows) {
		return d, fmt.Errorf("%w: dispute %s", ErrNotFound, k.ID)
	}
	return d, err
}
