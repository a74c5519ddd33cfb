package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// Tenant is a tenant's row.
func (r *Reader) Tenant(ctx context.Context, k Key) (Tenant, error) {
	t, err := rowOfTable[Tenant](ctx, r, tenantDef, k)
	if err == nil && t.ErasedAt != 0 {
		return Tenant{}, fmt.Errorf("%w: tenant %s was erased", ErrNotFound, k.ID)
	}
	return t, err
}

// TenantFilter selects tenants; empty fields select all.
type TenantFilter struct {
	Plan   string
	Status string
	// Text is looked for in the id, the names and addresses and the customer's id,
	// in either case (of ASCII letters at least).
	Text string
}

// Tenants lists tenants by when they were created.
func (r *Reader) Tenants(ctx context.Context, of Key, f TenantFilter, p Page) (List[Tenant], error) {
	after := p.below()
	w := where{}
	w.and("account = $%d AND livemode = $%d AND (created_at, id) < ($%d, $%d) AND erased_at = 0", of.Account, of.Livemode, after.At, after.ID)
	if f.Plan != "" {
		w.and("plan = $%d", f.Plan)
	}
	if f.Status != "" {
		w.and("status = $%d", f.Status)
	}
	if f.Text != "" {
		var any []string
		for _, col := range []string{"id", "name", "email", "stripe_name", "stripe_email", "stripe_customer_id"} {
			any = append(any, fmt.Sprintf(`lower(%s) LIKE lower(CAST($%d AS TEXT)) ESCAPE '\'`, col, len(w.args)+1))
		}
		w.args = append(w.args, "%"+escapeLike.Replace(f.Text)+"%")
		w.and("(" + strings.Join(any, " OR ") + ")")
	}
	w.limit("created_at DESC, id DESC", p)
	rows, err := rowsOfTable[Tenant](ctx, r, tenantDef, w.text(), w.args...)
	return cut(rows, p, func(t *Tenant) Cursor { return Cursor{t.CreatedAt, t.ID} }), err
}

var escapeLike = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// where collects the conditions of a query with optional filters.
type where struct {
	conditions []string
	tail       string
	args       []any
}

// and adds a condition, in which each $%d is the next argument.
func (w *where) and(condition string, args ...any) {
	numbers := make([]any, len(args))
	for i := range args {
		numbers[i] = len(w.args) + 1 + i
	}
	w.conditions = append(w.conditions, fmt.Sprintf(condition, numbers...))
	w.args = append(w.args, args...)
}

// limit adds the order and asks for one row more than the page has.
func (w *where) limit(order string, p Page) {
	w.args = append(w.args, p.Limit+1)
	w.tail = fmt.Sprintf(" ORDER BY %s LIMIT $%d", order, len(w.args))
}

func (w *where) text() string { return strings.Join(w.conditions, " AND ") + w.tail }

// Customers are all customers of some tenants, deleted ones included, in no order.
func (r *Reader) Customers(ctx context.Context, of Key, tenants []string) ([]Customer, error) {
	if len(tenants) == 0 {
		return nil, nil
	}
	return rowsOfTable[Customer](ctx, r, customerDef, "account = $1 AND livemode = $2 AND tenant "+r.s.d.list(3),
		of.Account, of.Livemode, r.s.d.listArg(tenants, false))
}

// Owner is the tenant of a customer, empty where it has none or is not known.
func (r *Reader) Owner(ctx context.Context, customer Key) (string, error) {
	tenant := ""
	err := r.scan(ctx, func(rows *sql.Rows) error { return rows.Scan(&tenant) },
		`SELECT tenant FROM customers WHERE account = $1 AND livemode = $2 AND id = $3`, customer.Account, customer.Livemode, customer.ID)
	return tenant, err
}

// PaymentMethods are the rows of those ids that are known.
func (r *Reader) PaymentMethods(ctx context.Context, of Key, ids []string) ([]PaymentMethod, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return rowsOfTable[PaymentMethod](ctx, r, methodDef, "account = $1 AND livemode = $2 AND id "+r.s.d.list(3),
		of.Account, of.Livemode, r.s.d.listArg(ids, false))
}

// PaymentMethodsOf lists the payment methods that are attached to a tenant's customers.
func (r *Reader) PaymentMethodsOf(ctx context.Context, tenant Key, p Page) (List[PaymentMethod], error) {
	w := ofTenant(tenant, p)
	w.and("attached")
	rows, err := rowsOfTable[PaymentMethod](ctx, r, methodDef, w.text(), w.args...)
	return cut(rows, p, func(m *PaymentMethod) Cursor { return Cursor{m.Created, m.ID} }), err
}

// Notices lists a tenant's notices, those to the operator included.
func (r *Reader) Notices(ctx context.Context, tenant Key, p Page) (List[Effect], error) {
	w := where{}
	w.and("account = $%d AND livemode = $%d AND tenant = $%d AND kind = 'notice' AND seq < $%d",
		tenant.Account, tenant.Livemode, tenant.ID, p.below().At)
	w.limit("seq DESC", p)
	rows, err := rowsOfTable[Effect](ctx, r, effectDef, w.text(), w.args...)
	return cut(rows, p, func(e *Effect) Cursor { return Cursor{At: e.Seq} }), err
}

// Timeline lists what changed of a tenant.
func (r *Reader) Timeline(ctx context.Context, tenant Key, p Page) (List[TimelineEntry], error) {
	w := where{}
	w.and("account = $%d AND livemode = $%d AND tenant = $%d AND no < $%d", tenant.Account, tenant.Livemode, tenant.ID, p.below().At)
	w.limit("no DESC", p)
	rows, err := rowsOfTable[TimelineEntry](ctx, r, timelineDef, w.text(), w.args...)
	return cut(rows, p, func(e *TimelineEntry) Cursor { return Cursor{At: e.No} }), err
}

// UnlinkedCustomer is a customer that no tenant has and that events wait for.
type UnlinkedCustomer struct {
	ID          string
	Name        string
	Email       string
	FirstSeenAt int64 // Unix microseconds
	Events      int64 // how many wait
}

// UnlinkedCustomers lists them by when they were first heard of.
func (r *Reader) UnlinkedCustomers(ctx context.Context, of Key, p Page) (List[UnlinkedCustomer], error) {
	const waiting = `FROM waits w WHERE w.account = c.account AND w.livemode = c.livemode AND w.on_id = c.id`
	after := p.below()
	var out []UnlinkedCustomer
	err := r.scan(ctx, func(rows *sql.Rows) error {
		var u UnlinkedCustomer
		if err := rows.Scan(&u.ID, &u.Name, &u.Email, &u.FirstSeenAt, &u.Events); err != nil {
			return err
		}
		out = append(out, u)
		return nil
	}, `SELECT c.id, c.name, c.email, c.first_seen_at, (SELECT count(*) `+waiting+`) FROM customers c
		WHERE c.account = $1 AND c.livemode = $2 AND c.tenant = '' AND (c.first_seen_at, c.id) < ($3, $4) AND EXISTS (SELECT 1 `+waiting+`)
		ORDER BY c.first_seen_at DESC, c.id DESC LIMIT $5`, of.Account, of.Livemode, after.At, after.ID, p.Limit+1)
	return cut(out, p, func(u *UnlinkedCustomer) Cursor { return Cursor{u.FirstSeenAt, u.ID} }), err
}
