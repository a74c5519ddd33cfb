package bursar

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/command"
	"github.com/bursarhq/bursar/internal/effect"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
)

// Errors of commands, for errors.Is. An answer of Stripe's that is not a success is
// a *StripeError.
var (
	// ErrStripeKeyMissing says that there is no StripeSecretKey to ask with.
	ErrStripeKeyMissing = command.ErrKeyMissing
	// ErrInvalid says that what is asked cannot be right; its text names the field.
	ErrInvalid = command.ErrInvalid
	// ErrAlreadySubscribed says that the tenant has a running subscription.
	ErrAlreadySubscribed = command.ErrAlreadySubscribed
	// ErrNotSubscribed says that the tenant has no running subscription.
	ErrNotSubscribed = command.ErrNotSubscribed
	// ErrNothingScheduled says that there is no cancellation to take back.
	ErrNothingScheduled = command.ErrNothingScheduled
	// ErrStripeUnavailable says that Stripe did not answer, or asks to come back later.
	ErrStripeUnavailable = stripe.ErrUnavailable
)

// StripeError is what Stripe has against a command. Its Message is meant for
// developers or, where Type is card_error, for the cardholder.
type StripeError = stripe.Error

// Checkout is what is to be sold. Plan, SuccessURL and CancelURL must be there; of
// Interval, Currency and Price whatever tells the plan's prices apart.
type Checkout = command.Checkout

// CheckoutSession is an open session; the buyer goes to its URL.
type CheckoutSession struct {
	ID, URL   string
	ExpiresAt time.Time
}

// SubscriptionChange is what a subscription is to become.
type SubscriptionChange = command.Change

// When a change or a cancellation takes effect.
const (
	Now       = command.Now
	PeriodEnd = command.PeriodEnd
)

// openCommands gets the commands ready; without a key they all answer ErrStripeKeyMissing.
func (b *Bursar) openCommands(ctx context.Context) error {
	since, err := b.store.Meta(ctx, "live_since")
	if err != nil {
		return err
	}
	if _, err := fmt.Sscan(since, &b.liveSince); err != nil {
		return fmt.Errorf("the store's live_since is %q: %w", since, err)
	}
	tenantKey := "tenant"
	if len(b.cfg.TenantMetadata) > 0 {
		tenantKey = b.cfg.TenantMetadata[0]
	}
	b.commands = command.New(command.Config{
		Store: b.store, Catalog: b.cfg.Plans, Client: b.client, Livemode: b.engine.Livemode, ValidTenant: apply.ValidTenant,
		Ingest: b.ingest, TenantKey: tenantKey, SessionKey: apply.OwnSessionKey,
	})
	return nil
}

// ingest applies what Stripe answered to commands, in one transaction.
func (b *Bursar) ingest(ctx context.Context, from command.Origin, answers ...stripe.Answer) error {
	batch := make([]*apply.Delivery, len(answers))
	for i, a := range answers {
		var err error
		batch[i], err = b.engine.Delivery(apply.Answer{
			Object: a.Object, SentAt: a.SentAt, Asked: a.Asked, APIVersion: a.APIVersion,
			Account: from.Account, Source: b.sourceOf(a), Actor: from.Actor,
		})
		if err != nil {
			return err
		}
	}
	var errs []error
	for i, r := range b.engine.Apply(ctx, batch) {
		if r.Err == nil && (r.Status == store.Failed || r.Status == store.Dead) {
			r.Err = fmt.Errorf("%s was not applied: %s", answers[i].ID, r.Reason)
		}
		errs = append(errs, r.Err)
	}
	return errors.Join(errs...)
}

// sourceOf is command, except for what ended long before anybody asked: to learn of
// that is a backfill, which notifies nobody.
func (b *Bursar) sourceOf(a stripe.Answer) string {
	var at int64
	switch a.Type {
	case "invoice":
		inv := stripe.ReadInvoice(a.Value)
		at = max(inv.Created, inv.FinalizedAt, inv.PaidAt, inv.VoidedAt)
	case "subscription":
		if sub := stripe.ReadSubscription(a.Value); billing.Ended(sub.Status) {
			at = sub.EndedAt
		}
	}
	since := b.liveSince
	if age := b.cfg.NoticeMaxAge; age == 0 {
		since = max(since, b.cfg.Now().Add(-7*24*time.Hour).UnixMicro())
	} else {
		since = max(since, b.cfg.Now().Add(-age).UnixMicro())
	}
	if b.cfg.NoticeMaxAge < 0 || at == 0 || (at+1)*1e6 > since {
		return "command"
	}
	return "backfill"
}

// on is what a command of this program's own is about.
func on(tenant string) command.On { return command.On{Tenant: tenant, Actor: "app"} }

// Checkout answers a checkout session of Stripe's for the tenant, which is created
// where it does not exist yet. A tenant has one customer and one open session at
// Stripe, however often and from wherever this is called: the same session is handed
// out again, one that sells something else is closed first. The plan's trial is
// given once per tenant.
func (b *Bursar) Checkout(ctx context.Context, tenant string, c Checkout) (CheckoutSession, error) {
	s, err := b.commands.Checkout(ctx, on(tenant), c)
	return CheckoutSession{ID: s.ID, URL: s.URL, ExpiresAt: at(s.ExpiresAt)}, err
}

// Portal answers the address of a session of Stripe's customer portal.
func (b *Bursar) Portal(ctx context.Context, tenant, returnURL string) (string, error) {
	return b.commands.Portal(ctx, on(tenant), returnURL)
}

// ChangeSubscription changes the subscription that decides the tenant's plan, and
// answers what it is then. Where the change takes money at once and the payment
// fails, nothing has changed and the error is a *StripeError.
func (b *Bursar) ChangeSubscription(ctx context.Context, tenant string, c SubscriptionChange) (Subscription, error) {
	return b.after(ctx, tenant, b.commands.Change(ctx, on(tenant), c))
}

// CancelSubscription ends the subscription that decides the tenant's plan, at the
// period's end unless when is Now.
func (b *Bursar) CancelSubscription(ctx context.Context, tenant, when string) (Subscription, error) {
	return b.after(ctx, tenant, b.commands.Cancel(ctx, on(tenant), when))
}

// ResumeSubscription takes a scheduled cancellation back.
func (b *Bursar) ResumeSubscription(ctx context.Context, tenant string) (Subscription, error) {
	return b.after(ctx, tenant, b.commands.Resume(ctx, on(tenant)))
}

// Sync refetches what Stripe knows of the tenant: for the page that a buyer comes
// back to before the event does.
func (b *Bursar) Sync(ctx context.Context, tenant string) (Subscription, error) {
	return b.after(ctx, tenant, b.commands.Sync(ctx, on(tenant)))
}

func (b *Bursar) after(ctx context.Context, tenant string, err error) (Subscription, error) {
	if err != nil {
		return Subscription{}, err
	}
	return b.Subscription(ctx, tenant)
}

// cancelUnpaid ends a subscription at Stripe because dunning is spent, if Stripe
// says that it still is: who has just paid keeps the plan. Where Stripe cannot be
// asked nothing is ended, and it is tried again.
func (b *Bursar) cancelUnpaid(ctx context.Context, e store.Effect) (effect.Outcome, error) {
	c := b.client(e.Account)
	if c == nil {
		return effect.Outcome{Status: store.Skipped, Reason: "no API key for the account"}, nil
	}
	id, ok := strings.CutPrefix(e.ID, "cancel:"+e.ObjectID+":")
	if !ok {
		return effect.Outcome{}, fmt.Errorf("%w: the key %q names no invoice", effect.ErrPermanent, e.ID)
	}
	ctx = stripe.Background(ctx)
	var answers []stripe.Answer
	for _, id := range []string{id, e.ObjectID} {
		a, err := c.Fetch(ctx, "", id)
		if errors.Is(err, stripe.ErrNotFound) {
			return effect.Outcome{Status: store.Superseded, Reason: "Stripe has no such object: " + id}, nil
		} else if err != nil {
			return effect.Outcome{}, err
		}
		answers = append(answers, a)
	}
	from := command.Origin{Account: e.Account, Actor: "policy"}
	if err := b.ingest(ctx, from, answers...); err != nil {
		return effect.Outcome{}, err
	}
	switch inv, sub := stripe.ReadInvoice(answers[0].Value), stripe.ReadSubscription(answers[1].Value); {
	case inv.Status != "open" && inv.Status != "uncollectible":
		return effect.Outcome{Status: store.Superseded, Reason: "the invoice is " + inv.Status}, nil
	case billing.Ended(sub.Status):
		return effect.Outcome{Status: store.Superseded, Reason: "the subscription has ended"}, nil
	}
	row, err := b.reader.Invoice(ctx, e.Key.With(id))
	if err != nil {
		return effect.Outcome{}, err
	}
	if !row.Spent || b.cfg.Dunning.Action != billing.DowngradeAndCancel {
		return effect.Outcome{Status: store.Superseded, Reason: "dunning is not spent any more"}, nil
	}
	a, err := c.CancelSubscription(ctx, e.ID, e.ObjectID, stripe.CancelParams{Comment: "unpaid: " + id})
	if errors.Is(err, stripe.ErrNotFound) {
		return effect.Outcome{Status: store.Superseded, Reason: "Stripe has no such subscription"}, nil
	} else if err != nil {
		return effect.Outcome{}, err
	}
	return effect.Outcome{Status: store.Sent}, b.ingest(ctx, from, a)
}
