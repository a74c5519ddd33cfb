package store

import (
	"context"
	"database/sql"
	"fmt"
)

// Entitlement is what a tenant may do, as its row has it.
type Entitlement struct {
	Plan           string // empty: its price is in no plan
	Status         string
	Access         bool
	Quantity       int64
	ValidUntil     int64  // Unix seconds, 0 for none
	StripeFeatures string // JSON array of lookup keys

	found bool
}

const (
	entitlementColumns = "plan, status, access, quantity, valid_until, stripe_features"
	entitlementQuery   = "SELECT " + entitlementColumns + " FROM tenants WHERE account = $1 AND livemode = $2 AND id = $3 AND erased_at = 0"
)

func (e *Entitlement) targets() []any {
	return []any{&e.Plan, &e.Status, &e.Access, &e.Quantity, &e.ValidUntil, &e.StripeFeatures}
}

// Entitlement is one read by the primary key, made to be asked for on every request
// of an app: requests that come at the same time share a statement. A tenant that was
// erased is not found, here and in all that follows.
func (r *Reader) Entitlement(ctx context.Context, tenant Key) (Entitlement, error) {
	e, err := r.entitlements.get(ctx, tenant)
	if err == nil && !e.found {
		err = fmt.Errorf("%w: tenant %s", ErrNotFound, tenant.ID)
	}
	return e, err
}

// entitlement reads one; found says whether it is there.
func (r *Reader) entitlement(ctx context.Context, tenant Key) (e Entitlement, err error) {
	err = r.scan(ctx, func(rows *sql.Rows) error {
		e.found = true
		return rows.Scan(e.targets()...)
	}, entitlementQuery, tenant.Account, tenant.Livemode, tenant.ID)
	return e, err
}

// entitlementsOf reads those of several tenants, in their order.
func (r *Reader) entitlementsOf(ctx context.Context, tenants []Key) ([]Entitlement, error) {
	found := make([]Entitlement, len(tenants))
	asked := map[Key]bool{}
	for _, k := range tenants {
		of := Key{Account: k.Account, Livemode: k.Livemode}
		if asked[of] {
			continue
		}
		asked[of] = true
		ids := make([]string, len(tenants)) // empty, as no tenant's is, for those of other accounts
		for i, k := range tenants {
			if k.Account == of.Account && k.Livemode == of.Livemode {
				ids[i] = k.ID
			}
		}
		err := r.scan(ctx, func(rows *sql.Rows) error {
			var at int
			e := Entitlement{found: true}
			err := rows.Scan(append([]any{&at}, e.targets()...)...)
			found[at] = e
			return err
		}, r.entitlementsText, of.Account, of.Livemode, r.s.d.listArg(ids, false))
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}
