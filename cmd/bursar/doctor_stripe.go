package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/stripe"
)

// These checks ask Stripe.

// patience is how long the doctor waits for somebody else's answer.
const patience = 10 * time.Second

func checkStripeKey(ctx context.Context, x *examination) (level, string) {
	if !x.cfg.StripeSecretKey.IsSet() {
		return warn, "STRIPE_SECRET_KEY is not set: no checkout, portal, subscription changes, refetch"
	}
	client, err := x.client(x.cfg.StripeSecretKey)
	if err != nil {
		return fail, err.Error()
	}
	x.stripe = client
	before := x.s.now()
	if x.answer, err = client.Account(ctx); err != nil {
		return fail, err.Error()
	}
	x.skew = time.Duration(x.answer.SentAt-before.Unix()) * time.Second
	mode := "test"
	if client.Livemode() {
		mode = "live"
	}
	name := x.answer.Value.Get("settings", "dashboard", "display_name").Str()
	return ok, strings.TrimSpace(fmt.Sprintf("%s %s", x.answer.ID, name)) + ", " + mode + " mode"
}

func (x *examination) client(key Secret) (*stripe.Client, error) {
	return stripe.NewClient(stripe.ClientConfig{
		Key: key.Reveal(), Base: x.cfg.StripeAPIBase, Now: x.s.now, Timeout: patience, MaxNetworkRetries: -1,
	})
}

// checkClock compares with Stripe's Date, which counts whole seconds and was some
// way to here: a difference of a few seconds says nothing.
func checkClock(_ context.Context, x *examination) (level, string) {
	const noticed = 30 * time.Second
	difference := x.skew.Abs()
	text := fmt.Sprintf("this machine and Stripe differ by %s", difference)
	switch {
	case x.answer.SentAt == 0:
		return warn, "Stripe's answer had no date"
	case difference >= x.cfg.WebhookTolerance:
		return fail, text + "; webhooks are refused (BURSAR_WEBHOOK_TOLERANCE)"
	case difference >= noticed:
		return warn, text
	}
	return ok, text
}

// checkPrices compares the catalog with Stripe's prices: asked for, or as events
// have told them.
func checkPrices(ctx context.Context, x *examination) (level, string) {
	var wrong []remark
	known := 0
	for _, plan := range x.plans.Plans() {
		for _, p := range plan.Prices {
			theirs, err := x.price(ctx, p.ID)
			switch {
			case errors.Is(err, errUnknownPrice):
			case errors.Is(err, stripe.ErrNotFound):
				if !p.Archived {
					wrong = append(wrong, remark{fail, p.ID + " does not exist at Stripe"})
				}
			case err != nil:
				return warn, err.Error()
			default:
				known++
				wrong = append(wrong, differences(p, theirs)...)
			}
		}
	}
	if len(wrong) > 0 {
		return together(wrong)
	}
	if known == 0 {
		return ok, "nothing to compare: Stripe has told of none that is in a plan"
	}
	return ok, fmt.Sprintf("%s as Stripe has them", counted(known, "price"))
}

// differences are how a price of the catalog is not as Stripe has it. What Stripe
// would refuse to sell fails; of the rest Stripe's counts.
func differences(ours billing.Price, theirs stripe.Price) []remark {
	var out []remark
	differ := func(what string, a, b any) {
		if a != b {
			out = append(out, remark{warn, fmt.Sprintf("%s: %s is %v in the catalog and %v at Stripe, which counts", ours.ID, what, a, b)})
		}
	}
	differ("amount", ours.Amount, theirs.UnitAmount)
	differ("currency", ours.Currency, theirs.Currency)
	differ("interval", ours.Interval, theirs.Interval)
	if !ours.Archived && (!theirs.Active || theirs.Deleted) {
		out = append(out, remark{fail, ours.ID + " is archived at Stripe"})
	}
	return out
}

var errUnknownPrice = errors.New("nobody has told of this price")

func (x *examination) price(ctx context.Context, id string) (stripe.Price, error) {
	if hasAnswer(x) {
		a, err := x.stripe.Fetch(ctx, "price", id)
		if err != nil {
			return stripe.Price{}, err
		}
		p := stripe.ReadPrice(a.Value)
		p.Deleted = p.Deleted || a.Deleted
		return p, nil
	}
	var p stripe.Price
	rows, err := x.db.Writer().QueryContext(ctx,
		`SELECT unit_amount, currency, interval, active, deleted FROM prices WHERE account = '' AND livemode = $1 AND id = $2`, x.of.Livemode, id)
	if err != nil {
		return p, fmt.Errorf("ask the database: %w", err)
	}
	defer rows.Close()
	if !rows.Next() {
		return p, errors.Join(rows.Err(), errUnknownPrice)
	}
	return p, rows.Scan(&p.UnitAmount, &p.Currency, &p.Interval, &p.Active, &p.Deleted)
}
