package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime/debug"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Update runs fn in one transaction. Where the database refuses because somebody
// else was faster, everything is rolled back and fn runs again from the start, so
// fn must leave nothing behind outside of its Tx. An error of fn rolls back.
// Units of work whose objects have one owner run one after another.
func (s *Store) Update(ctx context.Context, locks []Key, fn func(*Tx) error) error {
	return s.update(ctx, locks, false, fn)
}

func (s *Store) update(ctx context.Context, locks []Key, hooked bool, fn func(*Tx) error) error {
	for try := 0; ; try++ {
		err := s.updateOnce(ctx, locks, hooked, fn)
		if err == nil || try == 10 || !retryable(err) || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(time.Duration(rand.Int64N(int64(time.Millisecond) << min(try, 6)))):
		}
	}
}

func retryable(err error) bool {
	if errors.Is(err, errConflict) {
		return true
	}
	if h := (*HookError)(nil); errors.As(err, &h) {
		return retryableHook(h.Err)
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "40001", "40P01", "23505", "22012": // serialization, deadlock, a key that two made at once, a rev
			return true
		}
		return outdated(pg)
	}
	return false
}

func (s *Store) updateOnce(ctx context.Context, locks []Key, hooked bool, fn func(*Tx) error) error {
	session, err := s.begin(ctx, locks, hooked)
	if err != nil {
		return err
	}
	defer session.close()
	tx := s.unit(ctx, session)
	if err := fn(tx); err != nil {
		return err
	}
	if tx.failed != nil {
		return tx.failed
	}
	writes := tx.writes()
	if len(tx.due) > 0 || len(tx.hooks) > 0 {
		if err := session.run(ctx, writes); err != nil {
			return err
		}
		writes = nil
		if err := tx.enqueue(ctx); err != nil {
			return err
		}
		if err := tx.runHooks(ctx); err != nil {
			return err
		}
	}
	// The commit point: whatever this unit of work did is durable when this returns
	// nil, and none of it is before.
	if err := session.commit(ctx, writes); err != nil {
		return err
	}
	tx.release()
	return nil
}

// SQLite is the transaction itself, nil on PostgreSQL.
func (tx *Tx) SQLite() *sql.Tx {
	if q, ok := tx.session.(*sqliteSession); ok {
		return q.sqlTx()
	}
	return nil
}

// Postgres hands out the transaction's connection, an error on SQLite.
func (tx *Tx) Postgres(ctx context.Context, f func(*pgx.Conn) error) error {
	p, ok := tx.session.(*postgresSession)
	if !ok {
		return errors.New("this is not PostgreSQL")
	}
	if err := p.run(ctx, nil); err != nil {
		return err
	}
	return p.raw(f)
}

// missing is what a rule is stopped with where a row is not loaded yet.
type missing struct{}

var errMissing = errors.New("a row is not loaded yet")

// databaseError carries a failure of the database out of a rule.
type databaseError struct{ err error }

func (tx *Tx) miss() {
	if tx.discovering {
		panic(missing{})
	}
	if _, err := tx.load(); err != nil {
		panic(databaseError{err})
	}
}

// Load reads everything that is wanted.
func (tx *Tx) Load() error {
	_, err := tx.load()
	return err
}

func (tx *Tx) load() (bool, error) {
	var wave []statement
	for _, t := range tx.tables {
		wave = t.wanted(wave)
	}
	wave = tx.wantedOwners(wave)
	wave = tx.wantedPayloads(wave)
	if len(wave) == 0 {
		return false, nil
	}
	return true, tx.session.run(tx.ctx, wave)
}

// DoEach runs steps one after another, each as Do does, and calls done after each
// with its error. What a step misses is loaded together with what the steps after
// it will miss, so a step may run several times: it must start from nothing.
func (tx *Tx) DoEach(steps []func() error, done func(i int, err error) error) error {
	const times = 4 // then what is missing is loaded one by one
	looked := 0
	for i, step := range steps {
		tx.discovering = looked < times
		err := tx.Do(step)
		if errors.Is(err, errMissing) {
			looked++
			if err := tx.discover(steps[i:]); err != nil {
				return err
			}
			err = tx.Do(step)
		}
		tx.discovering = false
		if tx.failed != nil {
			return tx.failed
		}
		if err := done(i, err); err != nil {
			return err
		}
	}
	return nil
}

// discover runs each step as far as it gets and loads what they missed, together,
// until none misses anything. Nothing of what they do is kept.
func (tx *Tx) discover(steps []func() error) error {
	for range 12 { // deeper needs are loaded one by one
		tx.discovering = true
		for _, step := range steps {
			_ = tx.attempt(step) // it will fail again, where it counts
			tx.discard()
		}
		tx.discovering = false
		loaded, err := tx.load()
		if err != nil || !loaded {
			return err
		}
	}
	return nil
}

// Do runs one step. Where it errs or panics nothing of what it did is kept, and
// the error is returned; where the database failed the unit of work is void.
func (tx *Tx) Do(step func() error) error {
	err := tx.attempt(step)
	if err != nil {
		tx.discard()
		return err
	}
	for _, t := range tx.tables {
		t.merge()
	}
	tx.packed = append(tx.packed, tx.packedNew...)
	tx.timeline = append(tx.timeline, tx.timelineNew...)
	tx.hooks = append(tx.hooks, tx.hooksNew...)
	tx.packedNew, tx.timelineNew, tx.hooksNew = nil, nil, nil
	return nil
}

func (tx *Tx) discard() {
	for _, t := range tx.tables {
		t.discard()
	}
	for _, p := range tx.packedNew {
		delete(tx.payloads, p.Seq)
	}
	tx.packedNew, tx.timelineNew, tx.hooksNew = nil, nil, nil
}

// PanicError is a panic of a rule.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

func (tx *Tx) attempt(step func() error) (err error) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case missing:
			err = errMissing
		case databaseError:
			tx.failed = p.err
			err = p.err
		default:
			err = &PanicError{p, debug.Stack()}
		}
	}()
	if tx.failed != nil {
		return tx.failed
	}
	return step()
}

// Failed is the failure of the database that made this unit of work void.
func (tx *Tx) Failed() error { return tx.failed }

// NextSeq is Store.NextSeq.
func (tx *Tx) NextSeq() int64 { return tx.s.NextSeq() }

// PutPayload stores the bytes of an event.
func (tx *Tx) PutPayload(seq int64, p Packed, raw []byte) {
	tx.packedNew = append(tx.packedNew, payload{seq, p.dict, p.body})
	tx.payloads[seq] = raw
}

// DropPayload takes back what PutPayload of the same step stored: the event remains.
func (tx *Tx) DropPayload(seq int64) {
	tx.packedNew = slices.DeleteFunc(tx.packedNew, func(p payload) bool { return p.Seq == seq })
}

// Forget deletes the payloads of the customers' events, to whom and about what the
// tenant was written to, the answers that are kept for its Idempotency-Keys, and with
// what its customer was to be made. The empty claim that it leaves has a command that
// is under way find out.
func (tx *Tx) Forget(tenant Key, customers []*Customer) {
	for _, cust := range customers {
		tx.last = append(tx.last, statement{
			what: "delete payloads", args: []any{cust.Account, cust.Livemode, cust.ID},
			sql: `DELETE FROM payloads WHERE seq IN (SELECT seq FROM inbox WHERE account = $1 AND livemode = $2 AND customer = $3)`,
		})
	}
	tx.last = append(tx.last, statement{
		what: "forget recipients", args: []any{tenant.Account, tenant.Livemode, tenant.ID},
		sql: `UPDATE effects SET recipient = '', subject = '', rev = rev + 1 WHERE account = $1 AND livemode = $2 AND tenant = $3 AND recipient || subject <> ''`,
	}, statement{
		what: "forget answers", args: []any{tenant.Account, tenant.ID}, // kept before the mode was known, perhaps
		sql: `DELETE FROM idempotency_keys WHERE account = $1 AND tenant = $2 AND tenant <> ''`,
	}, statement{
		what: "forget claims", args: []any{tenant.Account, tenant.Livemode, tenant.ID},
		sql: `INSERT INTO tenant_claims (account, livemode, tenant, customer_key, customer_params, customer_at, customer,
				session_key, session_params, session_at, session, session_url, session_expires, session_seen_at, rev)
			VALUES ($1, $2, $3, '', '', 0, '', '', '', 0, '', '', 0, 0, 1)
			ON CONFLICT (tenant, account, livemode) DO UPDATE SET customer_key = '', customer_params = '', customer_at = 0, customer = '',
				session_key = '', session_params = '', session_at = 0, session = '', session_url = '', session_expires = 0,
				session_seen_at = 0, rev = tenant_claims.rev + 1`,
	})
}

// Payload returns the bytes of an event, nil where they are no longer kept.
func (tx *Tx) Payload(seq int64) []byte {
	if raw, ok := tx.payloads[seq]; ok {
		return raw
	}
	tx.payloadsWant[seq] = struct{}{}
	tx.miss()
	return tx.payloads[seq]
}

// WantOwner asks for a customer's tenant and the tenant's customers to be there at
// the next load, whoever that is.
func (tx *Tx) WantOwner(customer Key) {
	if customer.ID != "" {
		tx.ownersWant[customer] = struct{}{}
	}
}

func (tx *Tx) wantedOwners(wave []statement) []statement {
	for group, ids := range grouped(tx.ownersWant) {
		tenant, keepTenant := tx.Tenants.into()
		customer, keepCustomer := tx.Customers.into()
		both := append(tenant, customer...)
		wave = append(wave, statement{
			what: "load owners", sql: tx.s.owners, args: []any{group.Account, group.Livemode, tx.s.d.listArg(ids, false)},
			row: func(s scan) error {
				if err := s(both...); err != nil {
					return err
				}
				tx.CustomersByTenant.loaded[keepTenant()] = struct{}{}
				keepCustomer()
				return nil
			},
		})
	}
	clear(tx.ownersWant)
	return wave
}

func (tx *Tx) wantedPayloads(wave []statement) []statement {
	if len(tx.payloadsWant) == 0 {
		return wave
	}
	seqs := make([]string, 0, len(tx.payloadsWant))
	for seq := range tx.payloadsWant {
		seqs = append(seqs, num(seq))
		tx.payloads[seq] = nil
	}
	clear(tx.payloadsWant)
	return append(wave, statement{
		what: "load payloads", sql: `SELECT seq, dict, body FROM payloads WHERE seq ` + tx.s.d.list(1), args: []any{tx.s.d.listArg(seqs, true)},
		row: func(s scan) error {
			var p payload
			err := s(&p.Seq, &p.Dict, &p.Body)
			if err == nil {
				tx.payloads[p.Seq], err = unpack(p.Dict, p.Body)
			}
			return err
		},
	})
}

// AddTimeline adds an entry; its number must be the tenant's next.
func (tx *Tx) AddTimeline(e TimelineEntry) { tx.timelineNew = append(tx.timelineNew, e) }

// Wake asks for the effects of a kind to be worked on, at a time (Unix microseconds)
// after the commit.
func (tx *Tx) Wake(kind string, at int64) {
	if was, ok := tx.due[kind]; !ok || at < was {
		tx.due[kind] = at
	}
}

// writes are what writes back all that has changed.
func (tx *Tx) writes() []statement {
	var wave []statement
	for _, t := range tx.tables {
		wave = t.changed(wave)
	}
	wave = tx.s.d.write(wave, payloadDef, rowsOf(tx.packed), true)
	wave = tx.s.d.write(wave, timelineDef, rowsOf(tx.timeline), true)
	return append(wave, tx.last...)
}

// enqueue makes the jobs for the effects that were written.
func (tx *Tx) enqueue(ctx context.Context) error {
	if len(tx.due) == 0 || tx.s.Enqueue == nil {
		return nil
	}
	return tx.s.Enqueue(ctx, tx, tx.due)
}

func rowsOf[R any](rows []R) []reflect.Value {
	out := make([]reflect.Value, len(rows))
	for i := range rows {
		out[i] = reflect.ValueOf(&rows[i]).Elem()
	}
	return out
}
