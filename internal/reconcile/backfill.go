package reconcile

import (
	"context"
	"fmt"
	"net/url"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
)

// BackfillOptions are what is imported.
type BackfillOptions struct {
	// Tenants says whose customers are, by their ids, where their metadata does not.
	Tenants map[string]string
	// Progress is told how far it is, often. Nil: nobody is.
	Progress func(Progress)
}

// Imported is what a backfill did.
type Imported struct {
	Objects  int            `json:"objects"`  // looked at
	Applied  map[string]int `json:"applied"`  // by type: they were unknown, or known otherwise
	Parked   int            `json:"parked"`   // of these: whose customer no tenant has
	Failed   int            `json:"failed"`   // of these: they are tried again
	Linked   int            `json:"linked"`   // customers, by Tenants
	Requests int            `json:"requests"` // made
	Refused  []string       `json:"refused,omitempty"`
	Resumed  bool           `json:"resumed"` // it went on where another one was killed
}

const backfillName = "backfill"

// alongside is how many customers are asked for at once.
const alongside = 4

// Backfill imports everything that the tables hold. It tells nobody: no notice and no
// outgoing webhook comes of it, then or later. One that was killed is taken up where
// it was; what is known already is not stored again.
func (r *Reconciler) Backfill(ctx context.Context, o BackfillOptions) (Imported, error) {
	b := &backfill{out: Imported{Applied: map[string]int{}}}
	ctx = stripe.Background(ctx)
	for _, a := range r.cfg.Accounts {
		var rep Report
		b.pass = r.pass(a, Options{Progress: o.Progress}, &rep)
		b.source = "backfill"
		if err := b.run(ctx, o.Tenants); err != nil {
			return b.out, err
		}
	}
	return b.out, nil
}

type backfill struct {
	*pass
	out      Imported
	features bool // the account has some that customers may be entitled to
}

func (b *backfill) run(ctx context.Context, tenants map[string]string) error {
	if err := b.link(ctx, tenants); err != nil {
		return err
	}
	at := place{}
	if err := b.state(ctx, backfillName, &at); err != nil {
		return err
	}
	if at.Began == 0 || at.Ended != 0 {
		at = place{Began: b.r.cfg.Now().Unix()}
	} else {
		b.out.Resumed = true
	}
	err := b.lookForFeatures(ctx)
	if err == nil {
		err = b.read(ctx, backfillName, byBackfill, &at, b.take)
	}
	b.out.Objects += b.rep.Objects
	b.out.Requests += b.rep.Requests
	b.out.Refused = append(b.out.Refused, b.rep.Refused...)
	if err != nil {
		return err
	}
	at.Ended = b.r.cfg.Now().Unix()
	return b.keep(ctx, backfillName, &at)
}

// link says whose the customers are, before anything of them is imported.
func (b *backfill) link(ctx context.Context, tenants map[string]string) error {
	for customer, tenant := range tenants {
		row, err := b.r.cfg.Store.CustomerOf(ctx, b.of.With(customer))
		if err != nil {
			return err
		}
		if row == tenant {
			continue
		}
		p := apply.TenantPatch{StripeCustomerID: apply.Patch{Set: true, Value: customer}}
		if _, err := b.r.cfg.Engine.PutTenant(ctx, b.of.With(tenant), p, "backfill"); err != nil {
			return fmt.Errorf("customer %s: %w", customer, err)
		}
		b.out.Linked++
	}
	return nil
}

// take imports what is not known of a page, and what belongs to its customers.
func (b *backfill) take(ctx context.Context, l *list, answers []stripe.Answer) error {
	if err := b.add(ctx, answers); err != nil || l.perCustomer == "" {
		return err
	}
	var mu sync.Mutex // of what the requests bring
	var more []stripe.Answer
	all := func(ctx context.Context, path string, params url.Values) (all []stripe.Answer, err error) {
		for {
			mu.Lock()
			b.asked()
			mu.Unlock()
			page, err := b.acct.Client.ListPage(ctx, path, params)
			if err != nil {
				return nil, err
			}
			got := page.Answers()
			if all = append(all, got...); !page.HasMore || len(got) == 0 {
				return all, nil
			}
			params.Set("starting_after", got[len(got)-1].ID)
		}
	}
	g, asking := errgroup.WithContext(ctx)
	g.SetLimit(alongside)
	for _, customer := range answers {
		g.Go(func() error {
			got, err := all(asking, l.path+"/"+url.PathEscape(customer.ID)+l.perCustomer, url.Values{})
			if err == nil && b.features {
				var of []stripe.Answer
				if of, err = all(asking, "/v1/entitlements/active_entitlements", url.Values{"customer": {customer.ID}}); err == nil {
					got = append(got, stripe.EntitlementSummaryOf(customer, of))
				}
			}
			mu.Lock()
			more = append(more, got...)
			mu.Unlock()
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return b.add(ctx, more)
}

// lookForFeatures asks whether there are any: to ask for every customer's is dear.
func (b *backfill) lookForFeatures(ctx context.Context) error {
	const path = "/v1/entitlements/features"
	page, err := b.page(ctx, path, url.Values{"limit": {"1"}})
	if refused(err) {
		b.rep.Refused = append(b.rep.Refused, path)
		return nil
	}
	b.features = len(page.Data) > 0
	return err
}

// add imports those of the answers that say something new.
func (b *backfill) add(ctx context.Context, answers []stripe.Answer) error {
	differ, found, err := b.differing(ctx, answers)
	if err != nil {
		return err
	}
	const most = 100 // in one transaction
	for len(differ) > 0 {
		n := min(most, len(differ))
		if err := b.feed(ctx, differ[:n], found[:n]); err != nil {
			return err
		}
		for _, f := range found[:n] {
			b.out.Applied[f.Type]++
			switch f.Result {
			case store.Parked:
				b.out.Parked++
			case store.Failed, store.Dead:
				b.out.Failed++
			}
		}
		differ, found = differ[n:], found[n:]
	}
	return nil
}
