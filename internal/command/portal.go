package command

import (
	"context"

	"github.com/bursarhq/bursar/internal/stripe"
)

// Portal answers the address of a session of Stripe's customer portal. A tenant that
// has no customer yet gets one; one that does not exist is store.ErrNotFound.
func (c *Commands) Portal(ctx context.Context, on On, returnURL string) (address string, err error) {
	if err := checkURL("return_url", returnURL); err != nil {
		return "", err
	}
	err = c.do(ctx, on, func(ctx context.Context, j *job) error {
		if _, err := j.known(ctx); err != nil {
			return err
		}
		return j.withCustomer(ctx, func(customer string, _ bool) error {
			a, err := j.stripe.CreatePortalSession(ctx, nonce(), stripe.PortalParams{Customer: customer, ReturnURL: returnURL})
			address = a.Value.Get("url").Str()
			return err
		})
	})
	return address, err
}
