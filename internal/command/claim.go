package command

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/bursarhq/bursar/internal/store"
)

// claim is a tenant's row of tenant_claims. Times that end in At are Unix microseconds.
type claim struct {
	customerKey    string
	customerParams string
	customerAt     int64
	customer       string

	sessionKey     string
	sessionParams  string
	sessionAt      int64
	session        string
	sessionURL     string
	sessionExpires int64 // Unix seconds
	sessionSeenAt  int64

	rev int64
}

// dropSession forgets the open session, so that another one can be claimed.
func (c *claim) dropSession() {
	*c = claim{customerKey: c.customerKey, customerParams: c.customerParams, customerAt: c.customerAt, customer: c.customer, rev: c.rev}
}

// dropCustomer forgets the customer, and the session that was made for it.
func (c *claim) dropCustomer() { *c = claim{rev: c.rev} }

// errLost says that somebody else wrote the claim meanwhile: look again.
var errLost = errors.New("the tenant's claim was changed meanwhile")

const claimColumns = `customer_key, customer_params, customer_at, customer,
	session_key, session_params, session_at, session, session_url, session_expires, session_seen_at, rev`

// claimed reads the tenant's claim; the zero claim where there is none.
func (j *job) claimed(ctx context.Context) (claim, error) {
	var c claim
	err := j.Store.Writer().QueryRowContext(ctx, `SELECT `+claimColumns+` FROM tenant_claims WHERE account = $1 AND livemode = $2 AND tenant = $3`,
		j.tenant.Account, j.tenant.Livemode, j.tenant.ID).Scan(&c.customerKey, &c.customerParams, &c.customerAt, &c.customer,
		&c.sessionKey, &c.sessionParams, &c.sessionAt, &c.session, &c.sessionURL, &c.sessionExpires, &c.sessionSeenAt, &c.rev)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return c, fmt.Errorf("%w: read the claims of tenant %s: %w", store.ErrUnavailable, j.tenant.ID, err)
	}
	return c, nil
}

// save writes the claim unless somebody else has meanwhile (errLost). It is
// durable when save returns: only then may Stripe be asked under a new key.
func (j *job) save(ctx context.Context, c *claim) error {
	done, err := j.Store.Writer().ExecContext(context.WithoutCancel(ctx), `INSERT INTO tenant_claims (account, livemode, tenant, `+claimColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
		ON CONFLICT (account, livemode, tenant) DO UPDATE SET customer_key = excluded.customer_key, customer_params = excluded.customer_params,
			customer_at = excluded.customer_at, customer = excluded.customer, session_key = excluded.session_key,
			session_params = excluded.session_params, session_at = excluded.session_at, session = excluded.session,
			session_url = excluded.session_url, session_expires = excluded.session_expires, session_seen_at = excluded.session_seen_at,
			rev = excluded.rev
		WHERE tenant_claims.rev = excluded.rev - 1`,
		j.tenant.Account, j.tenant.Livemode, j.tenant.ID, c.customerKey, c.customerParams, c.customerAt, c.customer,
		c.sessionKey, c.sessionParams, c.sessionAt, c.session, c.sessionURL, c.sessionExpires, c.sessionSeenAt, c.rev+1)
	if err != nil {
		return fmt.Errorf("%w: write the claims of tenant %s: %w", store.ErrUnavailable, j.tenant.ID, err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, errLost)
	}
	c.rev++
	return nil
}
