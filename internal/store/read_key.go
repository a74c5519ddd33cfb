package store

import (
	"context"
	"database/sql"
	"fmt"
)

// APIKey is a key of the API that was made by a command; the key itself is not kept.
type APIKey struct {
	ID    string
	Name  string
	Scope string // read, write, admin
}

// APIKey finds a key that was not revoked by its hash, SHA-256 in hexadecimal.
func (r *Reader) APIKey(ctx context.Context, hash string) (APIKey, error) {
	var k APIKey
	err := r.scan(ctx, func(rows *sql.Rows) error { return rows.Scan(&k.ID, &k.Name, &k.Scope) },
		`SELECT id, name, scope FROM api_keys WHERE hash = $1 AND revoked_at = 0`, hash)
	if err == nil && k.ID == "" {
		err = fmt.Errorf("%w: API key", ErrNotFound)
	}
	return k, err
}
