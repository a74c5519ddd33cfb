package reconcile

import (
	"context"
	"math"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
)

const (
	// kept is for how long Stripe has events (docs.stripe.com/api/events).
	kept = 30 * 24 * time.Hour
	// overlap is how far before the cursor a run begins: within a second Stripe's list
	// has no certain order, and an event may be listed later than its time says.
	overlap = 10 * time.Minute
	// pollOverlap is the same for who asks every few seconds.
	pollOverlap = time.Minute
)

// eventsCursor names what is kept: the second, by Stripe's clock, up to which all
// events are known.
const eventsCursor = "events_cursor"

type eventsState struct {
	Until int64 `json:"until"`
}

// events applies the events that Stripe has and the inbox has not, the oldest first.
// The cursor follows page by page, so that a run that is killed goes on from there.
func (p *pass) events(ctx context.Context) error {
	var at eventsState
	if err := p.state(ctx, eventsCursor, &at); err != nil {
		return err
	}
	back := overlap
	if p.r.cfg.Poll > 0 && p.all {
		back = pollOverlap
	}
	before, now, err := p.eventBefore(ctx, at.Until-int64(back/time.Second))
	if err != nil {
		return err
	}
	// What has just happened is taken, too, unless its webhook may be on its way.
	until, youngest := now-int64(p.grace/time.Second), int64(math.MaxInt64)
	if p.grace > 0 {
		youngest = until
	}
	if at.Until != 0 && at.Until < now-int64(kept/time.Second) {
		if err := p.sweepAfterGap(ctx); err != nil {
			return err
		}
	}
	if before == "" {
		oldest, err := p.oldestEvents(ctx, now)
		if err != nil || len(oldest) == 0 {
			return p.eventsDone(ctx, &at, until, err)
		}
		if err := p.missing(ctx, oldest, youngest, &at); err != nil {
			return err
		}
		before = oldest[0].ID
	}
	for more := true; more; {
		page, err := p.page(ctx, "/v1/events", url.Values{"ending_before": {before}})
		if gone(err) {
			return nil // Stripe has forgotten it meanwhile; the next run finds another one
		} else if err != nil {
			return err
		}
		answers := page.Answers()
		if err := p.missing(ctx, answers, youngest, &at); err != nil {
			return err
		}
		p.progress("/v1/events", 0, p.rep.Events)
		if more = page.HasMore && len(answers) > 0 && answers[0].Value.Get("created").Int() <= youngest; more {
			before = answers[0].ID
		}
	}
	return p.eventsDone(ctx, &at, until, nil)
}

func (p *pass) eventsDone(ctx context.Context, at *eventsState, until int64, err error) error {
	if err != nil {
		return err
	}
	return p.keepEvents(ctx, at, until)
}

// keepEvents moves the cursor, which never goes back.
func (p *pass) keepEvents(ctx context.Context, at *eventsState, until int64) error {
	if until <= at.Until {
		return nil
	}
	at.Until = until
	return p.keep(ctx, eventsCursor, at)
}

// eventBefore is the newest event before a second, empty where Stripe has none, and
// Stripe's own time.
func (p *pass) eventBefore(ctx context.Context, second int64) (id string, now int64, err error) {
	page, err := p.page(ctx, "/v1/events", url.Values{"created[lt]": {strconv.FormatInt(max(0, second), 10)}, "limit": {"1"}})
	if err != nil {
		return "", 0, err
	}
	if all := page.Answers(); len(all) > 0 {
		id = all[0].ID
	}
	return id, page.SentAt, nil
}

// oldestEvents are the oldest events that Stripe has, a page where possible, newest
// first as in its lists. What follows them can then be read in the order in which it
// happened; Stripe's list only begins at its end.
func (p *pass) oldestEvents(ctx context.Context, now int64) ([]stripe.Answer, error) {
	const path = "/v1/events"
	upTo := func(second int64) url.Values { return url.Values{"created[lte]": {strconv.FormatInt(second, 10)}} }
	// There are none up to low, and more than a page up to high.
	low, high := now-int64(kept/time.Second)-24*60*60, now+60
	for second := high; ; {
		page, err := p.page(ctx, path, upTo(second))
		switch {
		case err != nil:
			return nil, err
		case len(page.Data) == 0 && second == high:
			return nil, nil
		case len(page.Data) == 0:
			low = second
		case !page.HasMore:
			return page.Answers(), nil
		default:
			high = second
		}
		if high-low <= 1 {
			break
		}
		second = low + (high-low)/2
	}
	// More than a page within one second.
	var all []stripe.Answer
	params := upTo(high)
	for {
		page, err := p.page(ctx, path, params)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Answers()...)
		if !page.HasMore || len(page.Data) == 0 {
			return all, nil
		}
		params.Set("starting_after", all[len(all)-1].ID)
	}
}

func (p *pass) page(ctx context.Context, path string, params url.Values) (stripe.Page, error) {
	p.asked()
	return p.acct.Client.ListPage(ctx, path, params)
}

// missing applies those of a page's events, newest first, that the inbox has not, and
// moves the cursor behind them. What is younger than youngest is left alone.
func (p *pass) missing(ctx context.Context, page []stripe.Answer, youngest int64, at *eventsState) error {
	p.rep.Events += len(page)
	var ids []string
	for _, a := range page {
		ids = append(ids, a.ID)
	}
	known, err := p.r.cfg.Store.KnownEvents(ctx, p.of, ids)
	if err != nil {
		return err
	}
	var batch []*apply.Delivery
	var found []Found
	newest := int64(0)
	for _, a := range slices.Backward(page) {
		created := a.Value.Get("created").Int()
		if created > youngest {
			continue
		}
		newest = max(newest, created)
		typ := a.Value.Get("type").Str()
		if known[a.ID] || !p.all && p.r.cfg.Engine.Rule(typ) == nil {
			continue
		}
		ev, err := stripe.ParseEvent(a.Object)
		if err != nil {
			p.r.cfg.Log.WarnContext(ctx, "an event of the Events API is none", "event", a.ID, "error", err)
			continue
		}
		source := p.source
		if p.r.cfg.Engine.BeforeStart(ev.Created) {
			source = "backfill"
		}
		batch = append(batch, &apply.Delivery{Event: ev, Packed: store.Pack(ev.Body), Source: source, Account: p.acct.ID})
		found = append(found, Found{ID: ev.ID, Type: ev.Type, Object: ev.ObjectID, Account: p.acct.ID, Created: time.Unix(ev.Created, 0).UTC()})
	}
	if !p.opts.DryRun {
		if err := p.apply(ctx, batch, found); err != nil {
			return err
		}
	}
	p.rep.Missed = append(p.rep.Missed, found...)
	return p.keepEvents(ctx, at, newest)
}
