package apply

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
)

// Answer is an object as Stripe's API gave it.
type Answer struct {
	Object json.RawMessage
	// SentAt is the second, by Stripe's clock, at which it was asked for: it is newer
	// than what happened in earlier seconds, and nothing more is known.
	SentAt int64
	// Asked orders answers among themselves; it must grow.
	Asked      int64
	APIVersion string
	Account    string
	Source     string // refetch, backfill, command
	Actor      string
}

// Delivery makes the answer an event of its own, so that there is one way in. It
// is applied by the rule of its object's SnapshotType.
func (e *Engine) Delivery(a Answer) (*Delivery, error) {
	object, err := stripe.Parse(a.Object)
	if err != nil {
		return nil, err
	}
	kind := object.Get("object").Str()
	typ := SnapshotType(kind)
	if typ == "" {
		return nil, fmt.Errorf("%w: there is no rule for objects of the type %q", store.ErrNotFound, kind)
	}
	live, known := e.Livemode()
	if l := object.Get("livemode"); !l.IsNull() || !known {
		live = l.Bool()
	}
	// Not by encoding/json: it would write the object's bytes anew.
	head := fmt.Sprintf(`{"id":"ans_%d","object":"event","type":%q,"api_version":%q,"created":%d,"livemode":%t,"data":{"object":`,
		e.store.NextSeq(), typ, a.APIVersion, a.SentAt, live)
	body := append(append([]byte(head), a.Object...), "}}"...)
	ev, err := stripe.ParseEvent(body)
	if err != nil {
		return nil, err
	}
	return &Delivery{Event: ev, Packed: store.Pack(body), Source: a.Source, Account: a.Account, Asked: max(a.Asked, 1), Actor: a.Actor}, nil
}

// BeforeStart says whether a second was over before the store was there: what
// happened then is history, and told to nobody.
func (e *Engine) BeforeStart(second int64) bool {
	return e.NoticeMaxAge >= 0 && (second+1)*1e6 <= e.liveSince
}

// Ingest applies one answer.
func (e *Engine) Ingest(ctx context.Context, a Answer) (Result, error) {
	d, err := e.Delivery(a)
	if err != nil {
		return Result{}, err
	}
	r := e.Apply(ctx, []*Delivery{d})[0]
	return r, r.Err
}

// SettleWaits applies the parked events whose reason to wait is gone. Linking and
// arriving do that themselves; this finds what they should have missed. It returns
// how many no longer wait.
func (e *Engine) SettleWaits(ctx context.Context) (int, error) {
	ready, err := e.store.WaitsReady(ctx, 100)
	if err != nil {
		return 0, err
	}
	settled := 0
	for _, k := range ready {
		r, err := e.rerun(ctx, k, false, "", isParked)
		if err != nil {
			return 0, fmt.Errorf("apply parked event %s: %w", k.ID, err)
		}
		if r.Status != "" && r.Status != store.Parked {
			settled++
		}
	}
	return settled, nil
}

// FetchWaitedFor asks Stripe for objects that parked events have waited for longer
// than a while: what told of them may never come.
func (e *Engine) FetchWaitedFor(ctx context.Context, now time.Time) error {
	missing, err := e.store.WaitsOnObjects(ctx, now.Add(-time.Minute), 100)
	if err != nil || len(missing) == 0 || !e.Runners["refetch"] {
		return err
	}
	return e.store.Update(ctx, nil, func(tx *store.Tx) error {
		for _, k := range missing {
			c := &change{e: e, tx: tx, key: k}
			if err := tx.Do(func() error { c.refetch(k.ID, 0); return nil }); err != nil {
				return err
			}
		}
		return nil
	})
}
