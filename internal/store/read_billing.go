package store

import (
	"context"
	"fmt"
)

// ofTenant selects the rows of a tenant's customers by when they were created.
func ofTenant(tenant Key, p Page) *where {
	after := p.below()
	w := &where{}
	w.and(`account = $%d AND livemode = $%d AND customer IN
		(SELECT c.id FROM customers c WHERE c.account = $1 AND c.livemode = $2 AND c.tenant = $%d)`, tenant.Account, tenant.Livemode, tenant.ID)
	w.and("(created, id) < ($%d, $%d)", after.At, after.ID)
	w.limit("created DESC, id DESC", p)
	return w
}

// Subscription is a subscription's row.
func (r *Reader) Subscription(ctx context.Context, k Key) (Subscription, error) {
	return rowOfTable[Subscription](ctx, r, subDef, k)
}

// Subscriptions lists all subscriptions of a tenant.
func (r *Reader) Subscriptions(ctx context.Context, tenant Key, p Page) (List[Subscription], error) {
	w := ofTenant(tenant, p)
	rows, err := rowsOfTable[Subscription](ctx, r, subDef, w.text(), w.args...)
	return cut(rows, p, func(s *Subscription) Cursor { return Cursor{s.Created, s.ID} }), err
}

// Invoice is an invoice's row. A draft that was deleted is not found.
func (r *Reader) Invoice(ctx context.Context, k Key) (Invoice, error) {
	inv, err := rowOfTable[Invoice](ctx, r, invoiceDef, k)
	if err == nil && inv.Deleted {
		return Invoice{}, fmt.Errorf("%w: invoice %s was deleted", ErrNotFound, k.ID)
	}
	return inv, err
}

// Invoices lists the invoices of a tenant, without deleted drafts.
func (r *Reader) Invoices(ctx context.Context, tenant Key, p Page) (List[Invoice], error) {
	w := ofTenant(tenant, p)
	w.and("NOT deleted")
	rows, err := rowsOfTable[Invoice](ctx, r, invoiceDef, w.text(), w.args...)
	return cut(rows, p, func(i *Invoice) Cursor { return Cursor{i.Created, i.ID} }), err
}

// CreditNotes are the credit notes of some invoices that were not voided, oldest first.
func (r *Reader) CreditNotes(ctx context.Context, of Key, invoices []string) ([]CreditNote, error) {
	if len(invoices) == 0 {
		return nil, nil
	}
	return rowsOfTable[CreditNote](ctx, r, noteDef, "account = $1 AND livemode = $2 AND invoice "+r.s.d.list(3)+
		" AND status <> 'void' ORDER BY created, id", of.Account, of.Livemode, r.s.d.listArg(invoices, false))
}

// Payments lists the ledger of a tenant.
func (r *Reader) Payments(ctx context.Context, tenant Key, p Page) (List[Payment], error) {
	w := ofTenant(tenant, p)
	rows, err := rowsOfTable[Payment](ctx, r, paymentDef, w.text(), w.args...)
	return cut(rows, p, func(p *Payment) Cursor { return Cursor{p.Created, p.ID} }), err
}
