package apply

import (
	"context"
	"fmt"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/store"
)

// EraseTenant forgets who a tenant is: names, addresses of mail, metadata and the
// payloads of its events go; the ledger and the invoices' documents, which the law
// wants kept, stay. What Stripe tells later brings nothing of it back. A tenant whose
// subscription runs is ErrConflict, one that is not there or was erased ErrNotFound.
func (e *Engine) EraseTenant(ctx context.Context, k store.Key, actor string) error {
	return e.update(ctx, []store.Key{k}, func(tx *store.Tx) error {
		return tx.Do(func() error {
			t := tx.Tenants.Get(k)
			if t == nil || t.ErasedAt != 0 {
				return fmt.Errorf("%w: tenant %s", store.ErrNotFound, k.ID)
			}
			customers := tx.CustomersByTenant.By(k)
			for _, cust := range customers {
				for _, sub := range tx.SubscriptionsBy.By(cust.Key) {
					if sub.StripeStatus != "" && !billing.Ended(sub.StripeStatus) {
						return fmt.Errorf("%w: subscription %s is %s; cancel it first", ErrConflict, sub.ID, sub.StripeStatus)
					}
				}
			}
			c := &change{e: e, tx: tx, key: k, actor: actor, why: "DELETE /v1/tenants/" + k.ID}
			row := tx.Tenants.Edit(k)
			row.Name, row.Email, row.Metadata, row.ErasedAt = "", "", "{}", tx.Now
			c.note(row, entry{what: "erased", why: c.why})
			c.touchTenant(k)
			if err := c.settle(); err != nil {
				return err
			}
			tx.Forget(k, customers)
			return nil
		})
	})
}

// forget blanks the customers of an erased tenant, whatever an event has just said of
// them, and reports whether the tenant is one.
func (c *change) forget(t *store.Tenant, customers []*store.Customer) bool {
	if t.ErasedAt == 0 {
		return false
	}
	for _, cust := range customers {
		if cust.Name != "" || cust.Email != "" {
			row := c.tx.Customers.Edit(cust.Key)
			row.Name, row.Email = "", ""
		}
	}
	return true
}

// erased says whether the customer's tenant was erased.
func (c *change) erased(customer string) bool {
	cust := c.customerRow(customer)
	if cust == nil || cust.Tenant == "" {
		return false
	}
	t := c.tx.Tenants.Get(c.key.With(cust.Tenant))
	return t != nil && t.ErasedAt != 0
}
