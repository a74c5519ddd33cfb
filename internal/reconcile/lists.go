package reconcile

import (
	"context"
	"maps"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
)

// list is one of Stripe's lists of objects.
type list struct {
	path   string
	object string
	params url.Values
	// recent: a sweep looks only at what was created lately.
	recent bool
	// only says who reads the list: sweeps, backfills, or both where empty.
	only string
	// known is which of the store's rows the list must have; what it lacks is gone.
	known string
	// expand is asked for of an object that differs: it is told on request only.
	expand string
	// card is where an object names a payment method: a sweep has it told along with the
	// object, and compares it, too. No list has payment methods but each customer's own.
	card []string
	// perCustomer: what belongs to each customer of the list is read, too, by a backfill.
	perCustomer string
}

const (
	bySweep    = "sweep"
	byBackfill = "backfill"
)

// lists is the table of what is compared, owners before what they own.
var lists = []list{
	{path: "/v1/products", object: "product"},
	{path: "/v1/prices", object: "price"},
	{path: "/v1/customers", object: "customer", known: store.CustomersKnown, card: []string{"invoice_settings", "default_payment_method"}, perCustomer: "/payment_methods"},
	{path: "/v1/checkout/sessions", object: "checkout.session", params: url.Values{"status": {"complete"}}, only: byBackfill},
	{path: "/v1/subscriptions", object: "subscription", params: url.Values{"status": {"all"}}, card: []string{"default_payment_method"}},
	{path: "/v1/subscription_schedules", object: "subscription_schedule", recent: true},
	{path: "/v1/invoices", object: "invoice", recent: true, known: store.InvoicesKnown, expand: "payments"},
	{path: "/v1/invoices", object: "invoice", params: url.Values{"status": {"open"}}, only: bySweep, known: store.InvoicesOpen, expand: "payments"},
	{path: "/v1/charges", object: "charge", recent: true},
	{path: "/v1/refunds", object: "refund", recent: true},
	{path: "/v1/credit_notes", object: "credit_note", recent: true},
	{path: "/v1/disputes", object: "dispute", recent: true},
}

// lately is what a sweep takes for recent: longer than a month's invoice is retried.
const lately = 60 * 24 * time.Hour

// place is how far the reading of the lists is.
type place struct {
	List  int    `json:"list"`            // in the table
	After string `json:"after,omitempty"` // the last object that was looked at
	Low   int64  `json:"low,omitempty"`   // when that was created
	Count int    `json:"count,omitempty"` // objects of the list so far
	Since int64  `json:"since,omitempty"` // what "recent" began with
	Full  bool   `json:"full,omitempty"`  // nothing is too old to be looked at
	Began int64  `json:"began,omitempty"` // Unix seconds, our clock
	Ended int64  `json:"ended,omitempty"`
}

func (at *place) next() {
	at.List, at.After, at.Low, at.Count = at.List+1, "", 0, 0
}

// read reads the lists from a place on, a page at a time, calls look for each, and
// keeps the place under a name. It stops where the budget is spent.
func (p *pass) read(ctx context.Context, name, reader string, at *place, look func(context.Context, *list, []stripe.Answer) error) error {
	for at.List < len(lists) && !p.spent() {
		l := &lists[at.List]
		if l.only != "" && l.only != reader {
			at.next()
			continue
		}
		params := url.Values{}
		maps.Copy(params, l.params)
		if since := p.since(l, reader, at); since > 0 {
			params.Set("created[gte]", strconv.FormatInt(since, 10))
		}
		if at.After != "" {
			params.Set("starting_after", at.After)
		}
		if reader == byBackfill && l.expand != "" {
			params.Set("expand[]", "data."+l.expand)
		}
		withCards := reader == bySweep && l.card != nil && !p.noCards
		if withCards {
			params.Set("expand[]", "data."+strings.Join(l.card, "."))
		}
		page, err := p.page(ctx, l.path, params)
		switch {
		case gone(err):
			at.After, at.Low, at.Count = "", 0, 0 // the list once more
			continue
		case refused(err) && withCards: // the key may read the list, and no payment methods
			p.noCards = true
			p.rep.Refused = append(p.rep.Refused, "/v1/payment_methods")
			continue
		case refused(err):
			p.rep.Refused = append(p.rep.Refused, l.path)
			at.next()
			continue
		case err != nil:
			return err
		}
		answers, cards := p.apart(l, page.Answers())
		if err := look(ctx, l, answers); err != nil {
			return err
		}
		if len(cards) > 0 {
			if err := look(ctx, &list{}, cards); err != nil {
				return err
			}
		}
		if reader == bySweep && l.known != "" {
			if err := p.lacking(ctx, l, answers, page, at); err != nil {
				return err
			}
		}
		p.rep.Objects += len(answers) + len(cards)
		at.Count += len(answers)
		p.progress(l.path, at.List+1, at.Count)
		if n := len(answers); page.HasMore && n > 0 {
			at.After, at.Low = answers[n-1].ID, answers[n-1].Value.Get("created").Time()
		} else {
			at.next()
		}
		if err := p.keep(ctx, name, at); err != nil {
			return err
		}
	}
	return nil
}

// apart takes the payment methods out of a page's answers, each once.
func (p *pass) apart(l *list, answers []stripe.Answer) (rest, cards []stripe.Answer) {
	p.carried = map[string]bool{}
	if l.card == nil {
		return answers, nil
	}
	for i := range answers {
		card, without, ok := answers[i].Part(l.card...)
		answers[i] = without
		if ok && apply.SnapshotType(card.Type) != "" && !p.carried[card.ID] {
			p.carried[card.ID] = true
			cards = append(cards, card)
		}
	}
	return answers, cards
}

// since is the creation of the oldest object that is looked at; zero: all are.
func (p *pass) since(l *list, reader string, at *place) int64 {
	if reader == bySweep && l.recent {
		return at.Since
	}
	return 0
}

// snapshot is what is known of an object.
type snapshot struct {
	created int64
	final   int64
	object  stripe.Value // absent where its payload is gone
}

func (p *pass) snapshots(ctx context.Context, ids []string) (map[string]snapshot, error) {
	if len(ids) == 0 {
		return nil, nil //nolint:nilnil // a map without entries
	}
	rows, err := p.r.cfg.Store.NewestSnapshots(ctx, p.of, ids)
	if err != nil {
		return nil, err
	}
	known := make(map[string]snapshot, len(rows))
	for id, row := range rows {
		s := snapshot{created: row.Created, final: row.Final}
		if row.Payload != nil {
			ev, err := stripe.ParseEvent(row.Payload)
			if err != nil {
				return nil, err
			}
			s.object = ev.Object
		}
		known[id] = s
	}
	return known, nil
}

// differing are those of the answers that say something else than what is known, with
// what is wrong. What became known after an answer was given is not compared with it.
func (p *pass) differing(ctx context.Context, answers []stripe.Answer) ([]stripe.Answer, []Found, error) {
	ids := make([]string, len(answers))
	for i, a := range answers {
		ids[i] = a.ID
	}
	known, err := p.snapshots(ctx, ids)
	if err != nil {
		return nil, nil, err
	}
	var differ []stripe.Answer
	var found []Found
	for _, a := range answers {
		what := "differs"
		switch s, ok := known[a.ID]; {
		case !ok && a.Type == stripe.EntitlementSummaryType && len(stripe.ReadEntitlementSummary(a.Value).Features) == 0:
			continue // that nobody knows of is what it says
		case !ok:
			what = "unknown"
		case !s.object.Exists(): // only of who was erased no snapshot is kept
			continue
		case s.final == int64(stripe.RankDeleted) || s.created > a.SentAt, stripe.SameObject(a.Type, s.object, a.Value):
			continue
		case a.Deleted:
			what = "gone"
		}
		differ = append(differ, a)
		found = append(found, Found{ID: a.ID, Type: a.Type, Account: p.acct.ID, What: what})
	}
	return differ, found, nil
}

// feed applies answers as events of their own.
func (p *pass) feed(ctx context.Context, answers []stripe.Answer, found []Found) error {
	batch := make([]*apply.Delivery, len(answers))
	for i, a := range answers {
		source := p.source
		if p.r.cfg.Old != nil && p.r.cfg.Old(a) {
			source = "backfill"
		}
		var err error
		batch[i], err = p.r.cfg.Engine.Delivery(apply.Answer{
			Object: a.Object, SentAt: a.SentAt, Asked: a.Asked, APIVersion: a.APIVersion, Account: p.acct.ID, Source: source,
		})
		if err != nil {
			return err
		}
	}
	return p.apply(ctx, batch, found)
}
