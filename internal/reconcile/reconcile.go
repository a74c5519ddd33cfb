package reconcile

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
)

// Account is one of Stripe's accounts, and who asks about it.
type Account struct {
	ID     string // as events are kept under it; empty for the own one
	Client *stripe.Client
}

// Config is what a Reconciler works with.
type Config struct {
	Store    *store.Store
	Engine   *apply.Engine
	Accounts []Account
	Log      *slog.Logger
	Now      func() time.Time
	// Poll is how often Run asks for events where there is no webhook endpoint; zero
	// where there is one.
	Poll time.Duration
	// Old says of an answer that it tells what ended long before anybody asked: it is
	// imported as by a backfill, which tells nobody. Nil: nothing is.
	Old func(stripe.Answer) bool
	// Observe is told what came of every run. Nil: nobody is.
	Observe func(Report)
}

// Reconciler compares with Stripe. Any number of them may work on one database.
type Reconciler struct {
	cfg   Config
	owner string // of leases

	settling time.Duration
}

// New returns a Reconciler.
func New(cfg Config) *Reconciler {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails
	return &Reconciler{cfg: cfg, owner: hex.EncodeToString(b), settling: settlingTime}
}

// Options are what a run is to do.
type Options struct {
	// DryRun finds and changes nothing, not even where a next run begins.
	DryRun bool
	// Progress is told how far it is, often. Nil: nobody is.
	Progress func(Progress)
}

// Progress is how far a run is.
type Progress struct {
	List     string // of Stripe's, such as /v1/customers
	Step     int    // which of the Steps that list is, from 1 on; 0: the events
	Steps    int
	Objects  int // looked at in that list
	Requests int // made in all
}

// Found is an event that the inbox has not, or an object that differs.
type Found struct {
	ID      string    `json:"id"`
	Type    string    `json:"type"` // the event's, or the object's
	Object  string    `json:"object,omitempty"`
	Account string    `json:"account,omitempty"`
	Created time.Time `json:"created,omitzero"` // an event's
	// What is wrong with an object: unknown, differs, gone.
	What string `json:"what,omitempty"`
	// Result is what became of it, in the words of the inbox; empty on a dry run.
	Result string `json:"result,omitempty"`
}

// Report is what a run found.
type Report struct {
	DryRun bool `json:"dry_run"`
	// Gap: the last run was longer ago than Stripe keeps events, so that only the
	// objects can tell.
	Gap     bool    `json:"gap"`
	Missed  []Found `json:"missed"`  // events
	Drifted []Found `json:"drifted"` // objects
	// As the database has it after healing; the first hundreds.
	PayingWithoutAccess []store.Mismatch `json:"paying_without_access"`
	AccessWithoutPaying []store.Mismatch `json:"access_without_paying"`
	// Refused are lists that the key may not read.
	Refused  []string `json:"refused,omitempty"`
	Events   int      `json:"events"`   // looked at
	Objects  int      `json:"objects"`  // looked at
	Requests int      `json:"requests"` // made
	Swept    bool     `json:"-"`        // the objects' sweep came to its end
	Polled   bool     `json:"-"`        // to have no webhooks is meant: nothing was missed
}

// Clean says that nothing was found.
func (r *Report) Clean() bool { return len(r.Missed) == 0 && len(r.Drifted) == 0 }

// Unhealed is how many of the finds are still not as Stripe has them.
func (r *Report) Unhealed() int {
	n := 0
	for _, f := range append(r.Missed[:len(r.Missed):len(r.Missed)], r.Drifted...) {
		if f.Result == store.Failed || f.Result == store.Dead {
			n++
		}
	}
	return n
}

// listed is how many mismatches a report lists.
const listed = 500

// Once does it all: the events since the last run, all objects, and the tenants whose
// access does not go with what is paid. A run that was killed is taken up where it
// was.
func (r *Reconciler) Once(ctx context.Context, o Options) (Report, error) {
	rep := Report{DryRun: o.DryRun, Missed: []Found{}, Drifted: []Found{}}
	ctx = stripe.Background(ctx)
	for _, a := range r.cfg.Accounts {
		p := r.pass(a, o, &rep)
		if err := p.events(ctx); err != nil {
			return rep, r.failed(rep, err)
		}
		if err := p.sweep(ctx, sweepAll); err != nil {
			return rep, r.failed(rep, err)
		}
	}
	err := r.mismatches(ctx, &rep)
	r.observe(rep)
	return rep, err
}

// failed has counted what was found until then.
func (r *Reconciler) failed(rep Report, err error) error {
	r.observe(rep)
	return err
}

func (r *Reconciler) mismatches(ctx context.Context, rep *Report) error {
	rep.PayingWithoutAccess, rep.AccessWithoutPaying = []store.Mismatch{}, []store.Mismatch{}
	for _, a := range r.cfg.Accounts {
		of := store.Key{Account: a.ID, Livemode: a.Client.Livemode()}
		paying, err := r.cfg.Store.PayingWithoutAccess(ctx, of, listed)
		if err != nil {
			return err
		}
		access, err := r.cfg.Store.AccessWithoutPaying(ctx, of, listed)
		if err != nil {
			return err
		}
		rep.PayingWithoutAccess = append(rep.PayingWithoutAccess, paying...)
		rep.AccessWithoutPaying = append(rep.AccessWithoutPaying, access...)
	}
	return nil
}

func (r *Reconciler) observe(rep Report) {
	if r.cfg.Observe != nil && !rep.DryRun {
		r.cfg.Observe(rep)
	}
}

// pass is one run over one account.
type pass struct {
	r    *Reconciler
	acct Account
	of   store.Key // the account and the mode
	opts Options
	rep  *Report

	source   string          // of what is applied
	all      bool            // events without a rule, too
	grace    time.Duration   // what is younger may still be on its way
	patience time.Duration   // how long what differs is given to become known
	carried  map[string]bool // payment methods that the page itself tells of
	noCards  bool            // the key may not read them
	limited  bool
	budget   int // how many requests may still be made, where they are limited
}

func (r *Reconciler) pass(a Account, o Options, rep *Report) *pass {
	return &pass{
		r: r, acct: a, of: store.Key{Account: a.ID, Livemode: a.Client.Livemode()}, opts: o, rep: rep,
		source: "reconcile",
	}
}

func (p *pass) asked() {
	p.rep.Requests++
	p.budget--
}

func (p *pass) spent() bool { return p.limited && p.budget <= 0 }

func (p *pass) progress(list string, step, objects int) {
	if p.opts.Progress != nil {
		p.opts.Progress(Progress{List: list, Step: step, Steps: len(lists), Objects: objects, Requests: p.rep.Requests})
	}
}

// state reads what a run has kept for its successor; nothing where there is nothing,
// or what is there cannot be read.
func (p *pass) state(ctx context.Context, name string, into any) error {
	text, err := p.r.cfg.Store.Meta(ctx, name+":"+p.acct.ID)
	if err == nil && text != "" {
		_ = json.Unmarshal([]byte(text), into) // then it begins anew
	}
	return err
}

func (p *pass) keep(ctx context.Context, name string, state any) error {
	if p.opts.DryRun {
		return nil
	}
	text, err := json.Marshal(state)
	if err != nil {
		return err
	}
	return p.r.cfg.Store.SetMeta(ctx, name+":"+p.acct.ID, string(text))
}

// apply applies what was found, by the way that webhooks go.
func (p *pass) apply(ctx context.Context, batch []*apply.Delivery, found []Found) error {
	for i, res := range p.r.cfg.Engine.Apply(ctx, batch) {
		if res.Err != nil {
			return fmt.Errorf("%s: %w", found[i].ID, res.Err)
		}
		found[i].Result = res.Status
	}
	return nil
}

// gone says that Stripe no longer has the object after which a page begins.
func gone(err error) bool {
	var e *stripe.Error
	return errors.As(err, &e) && e.Code == "resource_missing" && (e.Param == "starting_after" || e.Param == "ending_before")
}

// refused says that the key may not read a list, or that Stripe has no such list for
// the account.
func refused(err error) bool {
	var e *stripe.Error
	return errors.As(err, &e) && e.Status == 403
}
