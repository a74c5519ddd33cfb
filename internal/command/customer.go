package command

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
)

// renewAfter is when a claim that Stripe has not answered for is given up: Stripe
// repeats a failure under its key for a day, and keeps no key for longer.
const renewAfter = 10 * time.Minute

// customer is the tenant's one customer at Stripe, made where there is none. isNew
// says that it can have no subscription yet.
func (j *job) customer(ctx context.Context) (id string, isNew bool, err error) {
	for {
		t, err := j.known(ctx)
		switch {
		case errors.Is(err, store.ErrNotFound):
			if err := j.refuseErased(ctx); err != nil {
				return "", false, err
			}
		case err != nil:
			return "", false, err
		case t.StripeCustomerID != "":
			return t.StripeCustomerID, false, nil
		}
		id, isNew, err := j.claimCustomer(ctx, t)
		if !errors.Is(err, errLost) {
			return id, isNew, err
		}
		if ctx.Err() != nil {
			return "", false, ctx.Err()
		}
	}
}

// withCustomer runs fn with the tenant's customer. One that Stripe no longer has, of
// which no event has told, is learnt and replaced.
func (j *job) withCustomer(ctx context.Context, fn func(customer string, isNew bool) error) error {
	for first := true; ; first = false {
		customer, isNew, err := j.customer(ctx)
		if err != nil {
			return err
		}
		err = fn(customer, isNew)
		e, ok := errors.AsType[*stripe.Error](err)
		if !first || !ok || e.Param != "customer" || e.Code != "resource_missing" {
			return err
		}
		if gone, learnErr := j.relearn(ctx, customer); learnErr != nil || !gone {
			return err
		}
	}
}

func (j *job) refuseErased(ctx context.Context) error {
	var at int64
	err := j.Store.Writer().QueryRowContext(ctx, `SELECT erased_at FROM tenants WHERE account = $1 AND livemode = $2 AND id = $3`,
		j.tenant.Account, j.tenant.Livemode, j.tenant.ID).Scan(&at)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	case at != 0:
		return fmt.Errorf("%w: tenant %s", ErrErased, j.tenant.ID)
	}
	return nil
}

// claimCustomer makes the customer under the claimed key. errLost: look again.
func (j *job) claimCustomer(ctx context.Context, t store.Tenant) (id string, isNew bool, err error) {
	c, err := j.claimed(ctx)
	if err != nil {
		return "", false, err
	}
	if c.customer != "" {
		gone, err := j.relearn(ctx, c.customer)
		if err != nil || !gone {
			return c.customer, false, err
		}
		c.dropCustomer()
	}
	now := j.read.Now()
	if c.customerKey == "" || now.Sub(time.UnixMicro(c.customerAt)) > renewAfter {
		params, err := json.Marshal(j.customerParams(t))
		if err != nil {
			return "", false, err
		}
		c.dropCustomer()
		c.customerKey, c.customerParams, c.customerAt = nonce(), string(params), now.UnixMicro()
		if err := j.save(ctx, &c); err != nil {
			return "", false, err
		}
	}
	// From here on the customer is made once, however often this is run.
	var params stripe.CustomerParams
	if err := json.Unmarshal([]byte(c.customerParams), &params); err != nil {
		return "", false, fmt.Errorf("the claimed customer of tenant %s: %w", j.tenant.ID, err)
	}
	a, err := j.stripe.CreateCustomer(ctx, c.customerKey, params)
	if refused(err) {
		c.dropCustomer()
		return "", false, errors.Join(err, j.save(ctx, &c))
	} else if err != nil {
		return "", false, err
	}
	if err := j.ingest(ctx, a); err != nil {
		return "", false, err
	}
	c.customer = a.ID
	return a.ID, true, j.save(ctx, &c)
}

// refused says that Stripe has answered no, and under this key would do so again.
func refused(err error) bool {
	e, ok := errors.AsType[*stripe.Error](err)
	return ok && e.Status >= 400 && !e.Retryable
}

// relearn looks after a customer that was made for the tenant and that the tenant
// does not have: either its answer was never ingested, or it is gone by now.
func (j *job) relearn(ctx context.Context, id string) (gone bool, err error) {
	a, err := j.stripe.Fetch(ctx, "customer", id)
	switch {
	case errors.Is(err, stripe.ErrNotFound):
		return true, nil
	case err != nil:
		return false, err
	}
	if err := j.ingest(ctx, a); err != nil {
		return false, err
	}
	owner, err := j.read.Owner(ctx, j.tenant.With(id))
	return a.Deleted || owner != j.tenant.ID, err
}

func (j *job) customerParams(t store.Tenant) stripe.CustomerParams {
	p := stripe.CustomerParams{Metadata: map[string]string{j.TenantKey: j.tenant.ID}}
	if t.Name != "" {
		p.Name = &t.Name
	}
	if t.Email != "" {
		p.Email = &t.Email
	}
	return p
}
