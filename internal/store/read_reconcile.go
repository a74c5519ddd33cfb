package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// KnownEvents are those of the events that the inbox has. Of of, the account and the
// mode are meant.
func (s *Store) KnownEvents(ctx context.Context, of Key, ids []string) (map[string]bool, error) {
	known := map[string]bool{}
	err := s.each(ctx, func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		known[id] = true
		return err
	}, `SELECT event_id FROM inbox WHERE account = $1 AND livemode = $2 AND event_id `+s.d.list(3), of.Account, of.Livemode, s.d.listArg(ids, false))
	return known, err
}

// NewestSnapshot is what is known of an object.
type NewestSnapshot struct {
	Created int64 // as in Object
	Final   int64
	Payload []byte // the whole event; nil where it is no longer kept
}

// NewestSnapshots are those of the objects that are known, by their ids.
func (s *Store) NewestSnapshots(ctx context.Context, of Key, ids []string) (map[string]NewestSnapshot, error) {
	known := map[string]NewestSnapshot{}
	err := s.each(ctx, func(rows *sql.Rows) error {
		var id string
		var n NewestSnapshot
		var dict sql.NullInt64
		var body []byte
		if err := rows.Scan(&id, &n.Created, &n.Final, &dict, &body); err != nil {
			return err
		}
		if dict.Valid {
			var err error
			if n.Payload, err = unpack(dict.Int64, body); err != nil {
				return fmt.Errorf("the payload of %s: %w", id, err)
			}
		}
		known[id] = n
		return nil
	}, `SELECT o.id, o.created, o.final, p.dict, p.body FROM objects AS o LEFT JOIN payloads AS p ON p.seq = o.seq
		WHERE o.account = $1 AND o.livemode = $2 AND o.id `+s.d.list(3), of.Account, of.Livemode, s.d.listArg(ids, false))
	return known, err
}

// Lists of Stripe's that are compared the other way round, too.
const (
	CustomersKnown = "customers" // that are not deleted
	InvoicesKnown  = "invoices"  // that are not deleted
	InvoicesOpen   = "open invoices"
)

// Between is a stretch of time without its ends, Unix seconds.
type Between struct{ After, Before int64 }

// KnownBetween are the objects of a list that were created then, by what is known; at
// most limit of them.
func (s *Store) KnownBetween(ctx context.Context, of Key, list string, then Between, limit int) ([]string, error) {
	var ids []string
	err := s.each(ctx, func(rows *sql.Rows) error {
		var id string
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	}, knownBetween(list),
		of.Account, of.Livemode, then.After, then.Before, limit)
	return ids, err
}

func knownBetween(list string) string {
	from := map[string]string{
		CustomersKnown: `customers WHERE NOT deleted AND`,
		InvoicesKnown:  `invoices WHERE NOT deleted AND`,
		InvoicesOpen:   `invoices WHERE NOT deleted AND stripe_status = 'open' AND`,
	}[list]
	return `SELECT id FROM ` + from + ` account = $1 AND livemode = $2 AND created > $3 AND created < $4 ORDER BY created DESC, id DESC LIMIT $5`
}

// CustomerOf is the tenant that has a customer, empty where none has.
func (s *Store) CustomerOf(ctx context.Context, customer Key) (string, error) {
	tenant := ""
	err := s.each(ctx, func(rows *sql.Rows) error { return rows.Scan(&tenant) },
		`SELECT tenant FROM customers WHERE id = $1 AND account = $2 AND livemode = $3`, customer.ID, customer.Account, customer.Livemode)
	return tenant, err
}

// Mismatch is a subscription, or a tenant without one, whose access does not go with
// what is paid.
type Mismatch struct {
	Tenant       string `json:"tenant"` // empty: no tenant has the customer
	Customer     string `json:"customer,omitempty"`
	Subscription string `json:"subscription,omitempty"`
	StripeStatus string `json:"stripe_status,omitempty"`
}

// PayingWithoutAccess are subscriptions that run at Stripe and give nobody access:
// no tenant has their customer, or the tenant has no access although no policy took
// it away.
func (s *Store) PayingWithoutAccess(ctx context.Context, of Key, limit int) ([]Mismatch, error) {
	return s.mismatches(ctx, `SELECT COALESCE(c.tenant, ''), s.customer, s.id, s.stripe_status FROM subscriptions AS s
		LEFT JOIN customers AS c ON c.id = s.customer AND c.account = s.account AND c.livemode = s.livemode
		LEFT JOIN tenants AS t ON t.id = c.tenant AND t.account = s.account AND t.livemode = s.livemode
		WHERE s.account = $1 AND s.livemode = $2 AND s.stripe_status IN ('active', 'trialing') AND s.status_reason = ''
			AND (t.id IS NULL OR NOT t.access) ORDER BY s.id LIMIT $3`, of, limit)
}

// AccessWithoutPaying are tenants with access none of whose subscriptions runs.
func (s *Store) AccessWithoutPaying(ctx context.Context, of Key, limit int) ([]Mismatch, error) {
	return s.mismatches(ctx, `SELECT t.id, t.stripe_customer_id, t.subscription, '' FROM tenants AS t
		WHERE t.account = $1 AND t.livemode = $2 AND t.access AND NOT EXISTS (SELECT 1 FROM customers AS c
			JOIN subscriptions AS s ON s.customer = c.id AND s.account = c.account AND s.livemode = c.livemode
			WHERE c.tenant = t.id AND c.account = t.account AND c.livemode = t.livemode
				AND s.stripe_status IN ('active', 'trialing', 'past_due'))
		ORDER BY t.id LIMIT $3`, of, limit)
}

func (s *Store) mismatches(ctx context.Context, q string, of Key, limit int) ([]Mismatch, error) {
	var out []Mismatch
	err := s.each(ctx, func(rows *sql.Rows) error {
		var m Mismatch
		err := rows.Scan(&m.Tenant, &m.Customer, &m.Subscription, &m.StripeStatus)
		out = append(out, m)
		return err
	}, q, of.Account, of.Livemode, limit)
	return out, err
}

// Lease makes owner the one who does what the name says, until then. It is false
// while another owner's lease runs. Who holds one extends it by asking again.
func (s *Store) Lease(ctx context.Context, name, owner string, until time.Time) (bool, error) {
	stamp := func(t time.Time) string { return fmt.Sprintf("%020d ", t.UnixMicro()) }
	done, err := s.write.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value
		WHERE meta.value < $3 OR substr(meta.value, 22) = $4`, "lease:"+name, stamp(until)+owner, stamp(s.now()), owner)
	if err != nil {
		return false, outage(err)
	}
	n, err := done.RowsAffected()
	return n == 1, err
}

// EndLease gives a lease back before its time.
func (s *Store) EndLease(ctx context.Context, name, owner string) error {
	_, err := s.write.ExecContext(ctx, `DELETE FROM meta WHERE key = $1 AND substr(value, 22) = $2`, "lease:"+name, owner)
	return outage(err)
}
