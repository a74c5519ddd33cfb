package reconcile

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
)

// sweepName is where a sweep keeps its place; what serve does slowly and what a
// command does at once are two.
type sweepName string

const (
	sweepAll  sweepName = "sweep_all"  // by command
	sweepSlow sweepName = "sweep_slow" // a few pages at a time
)

const (
	// takenUp is for how long a sweep by command that was killed is taken up again.
	takenUp = time.Hour
	// sweepEvery is how often the slow sweep begins.
	sweepEvery = 24 * time.Hour
)

// sweep compares the objects that Stripe lists with what is known of them, and
// applies what differs. It goes on where the last one was stopped.
func (p *pass) sweep(ctx context.Context, name sweepName) error {
	at := place{}
	if !p.opts.DryRun {
		if err := p.state(ctx, string(name), &at); err != nil {
			return err
		}
	}
	now := p.r.cfg.Now().Unix()
	age := time.Duration(now-at.Began) * time.Second
	switch {
	case at.Began == 0, name == sweepAll && (at.Ended != 0 || age > takenUp), name == sweepSlow && at.Ended != 0 && age > sweepEvery:
		full := p.rep.Gap || at.Full && at.Ended == 0
		at = place{Began: now, Since: now - int64(lately/time.Second), Full: full}
		if full {
			at.Since = 0
		}
	case at.Ended != 0:
		return nil
	}
	if err := p.read(ctx, string(name), bySweep, &at, p.compare); err != nil || at.List < len(lists) {
		return err
	}
	p.rep.Swept, at.Ended = true, now
	return p.keep(ctx, string(name), &at)
}

// sweepAfterGap has the next sweeps begin anew, and look at all objects however old.
func (p *pass) sweepAfterGap(ctx context.Context) error {
	p.rep.Gap = true
	for _, name := range []sweepName{sweepAll, sweepSlow} {
		if err := p.keep(ctx, string(name), place{Full: true}); err != nil {
			return err
		}
	}
	return nil
}

// compare heals what differs of a page.
func (p *pass) compare(ctx context.Context, l *list, answers []stripe.Answer) error {
	differ, found, err := p.differing(ctx, answers)
	if err != nil || len(differ) == 0 {
		return err
	}
	if p.patience > 0 { // its event may be on its way
		if err := stripe.Sleep(ctx, p.patience); err != nil {
			return err
		}
		if differ, found, err = p.differing(ctx, differ); err != nil {
			return err
		}
	}
	if !p.opts.DryRun {
		if err := p.heal(ctx, l, differ, found); err != nil {
			return err
		}
	}
	p.rep.Drifted = append(p.rep.Drifted, found...)
	return nil
}

func (p *pass) heal(ctx context.Context, l *list, answers []stripe.Answer, found []Found) error {
	for i, a := range answers {
		if l.expand == "" || a.Deleted {
			continue
		}
		p.asked()
		whole, err := p.acct.Client.Fetch(ctx, a.Type, a.ID, l.expand)
		switch {
		case err == nil:
			answers[i] = whole
		case !errors.Is(err, stripe.ErrNotFound):
			return err
		}
	}
	if err := p.feed(ctx, answers, found); err != nil {
		return err
	}
	return p.healCards(ctx, answers)
}

// healCards fetches the payment methods that the answers name as defaults and that
// nobody has heard of: no list has them but each customer's own.
func (p *pass) healCards(ctx context.Context, answers []stripe.Answer) error {
	var ids []string
	for _, a := range answers {
		id := ""
		switch a.Type {
		case "customer":
			id = stripe.ReadCustomer(a.Value).DefaultPaymentMethod
		case "subscription":
			id = stripe.ReadSubscription(a.Value).DefaultPaymentMethod
		}
		if stripe.TypeOf(id) == "payment_method" {
			ids = append(ids, id)
		}
	}
	known, err := p.snapshots(ctx, ids)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if _, ok := known[id]; ok || p.carried[id] {
			continue
		}
		p.asked()
		a, err := p.acct.Client.Fetch(ctx, "payment_method", id)
		if errors.Is(err, stripe.ErrNotFound) || err == nil && apply.SnapshotType(a.Type) == "" {
			continue
		} else if err != nil {
			return err
		}
		found := []Found{{ID: id, Type: a.Type, Account: p.acct.ID, What: "unknown"}}
		if err := p.feed(ctx, []stripe.Answer{a}, found); err != nil {
			return err
		}
		p.rep.Drifted = append(p.rep.Drifted, found...)
		known[id] = snapshot{}
	}
	return nil
}

// mostSuspects is how many of a page's absences are looked into.
const mostSuspects = 100

// lacking looks for what should have been on the page and was not: it has been
// deleted, or it is no longer as the list has it. Each is asked for by itself. Of the
// seconds in which the page begins and ends others may have the rest: they are left
// to a sweep whose pages are cut elsewhere.
func (p *pass) lacking(ctx context.Context, l *list, answers []stripe.Answer, page stripe.Page, at *place) error {
	high, low := at.Low, p.since(l, bySweep, at)-1
	if at.After == "" {
		high = page.SentAt - 60 // what is younger may have come after the answer
	}
	if n := len(answers); page.HasMore && n > 0 {
		low = answers[n-1].Value.Get("created").Time()
	}
	ids, err := p.r.cfg.Store.KnownBetween(ctx, p.of, l.known, store.Between{After: low, Before: high}, mostSuspects+len(answers))
	if err != nil {
		return err
	}
	shown := make(map[string]bool, len(answers))
	for _, a := range answers {
		shown[a.ID] = true
	}
	for _, id := range ids {
		if shown[id] {
			continue
		}
		p.asked()
		a, err := p.acct.Client.Fetch(ctx, l.object, id)
		if errors.Is(err, stripe.ErrNotFound) && l.object == "invoice" {
			a, err = p.tombstone(ctx, id, page)
		}
		if errors.Is(err, stripe.ErrNotFound) {
			continue
		} else if err != nil {
			return err
		}
		if err := p.compare(ctx, l, []stripe.Answer{a}); err != nil {
			return err
		}
	}
	return nil
}

// tombstone is what Stripe would answer for a draft invoice that was deleted, if it
// answered at all: the last that is known of it, deleted.
func (p *pass) tombstone(ctx context.Context, id string, page stripe.Page) (stripe.Answer, error) {
	known, err := p.snapshots(ctx, []string{id})
	if err != nil {
		return stripe.Answer{}, err
	}
	object := known[id].object
	if object.Kind() != stripe.KindObject || object.Get("status").Str() != "draft" {
		return stripe.Answer{}, stripe.ErrNotFound
	}
	body := append([]byte(`{"deleted":true,`), bytes.TrimLeft(object.Raw()[1:], " \r\n\t")...)
	v, err := stripe.Parse(body)
	if err != nil {
		return stripe.Answer{}, err
	}
	return stripe.Answer{
		Object: body, Value: v, ID: id, Type: "invoice", Deleted: true, SentAt: page.SentAt, Asked: page.Asked, APIVersion: page.APIVersion,
	}, nil
}
