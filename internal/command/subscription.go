package command

import (
	"context"
	"fmt"
	"slices"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/stripe"
)

// When a command takes effect.
const (
	Now       = "now"
	PeriodEnd = "period_end"
)

// Change is what a subscription is to become. Only Plan must be there; where the
// plan has several prices and nothing is said, the present interval stays, and the
// present currency always does.
type Change struct {
	Plan, Interval, Price string
	Quantity              int64  // 0: as before
	Proration             string // Stripe's proration_behavior; empty: its default
	When                  string // now (where empty) or period_end
}

func (in *Change) check() error {
	switch {
	case in.Quantity < 0 || in.Quantity > maxQuantity:
		return invalid("quantity", "want 1 to %d", maxQuantity)
	case !slices.Contains([]string{"", "create_prorations", "always_invoice", "none"}, in.Proration):
		return invalid("proration", "want create_prorations, always_invoice or none")
	case !slices.Contains([]string{"", Now, PeriodEnd}, in.When):
		return invalid("when", "want now or period_end")
	}
	return nil
}

// Change changes the subscription that decides the tenant's plan. Where it takes
// money at once and the payment fails, nothing is changed and the error is Stripe's.
// A change that was scheduled before is replaced.
func (c *Commands) Change(ctx context.Context, on On, in Change) error {
	if err := in.check(); err != nil {
		return err
	}
	// What is wrong whatever the subscription is told without asking Stripe.
	if _, ok := c.Catalog.Plan(in.Plan); !ok {
		return invalid("plan", "there is no plan %q", in.Plan)
	}
	return c.onSubscription(ctx, on, func(ctx context.Context, j *job, sub subscription) error {
		item, err := sub.item(c.Catalog)
		if err != nil {
			return err
		}
		price, err := j.target(in, item)
		if err != nil {
			return err
		}
		quantity := in.Quantity
		if quantity == item.Quantity {
			quantity = 0
		}
		if price.ID == item.Price && quantity == 0 {
			if sub.Schedule == "" {
				return j.ingest(ctx, sub.answer)
			}
			return j.unschedule(ctx, sub) // it is as it should be, and shall stay so
		}
		if in.When == PeriodEnd {
			a, err := j.stripe.ChangeAtPeriodEnd(ctx, nonce(), stripe.ScheduledChange{
				Subscription: sub.ID, Schedule: sub.Schedule, FromPrice: item.Price, Price: price.ID, Quantity: quantity,
			})
			if err != nil {
				return err
			}
			return j.ingestBoth(ctx, a, sub.ID)
		}
		u := stripe.SubscriptionUpdate{Item: item.ID, Price: price.ID, ProrationBehavior: in.Proration}
		if quantity != 0 {
			u.Quantity = &quantity
		}
		if sub.CollectionMethod != "send_invoice" {
			u.PaymentBehavior = "error_if_incomplete"
		}
		a, err := j.stripe.UpdateSubscription(ctx, nonce(), sub.ID, u)
		if err != nil {
			return err
		}
		if err := j.ingest(ctx, a); err != nil {
			return err
		}
		return j.unschedule(ctx, sub)
	})
}

// target is the price that a change asks for.
func (j *job) target(in Change, item stripe.Item) (billing.Price, error) {
	by := choice{plan: in.Plan, price: in.Price, interval: in.Interval, currency: item.Currency}
	_, price, err := priceFor(j.Catalog, by)
	if err != nil && in.Interval == "" && in.Price == "" {
		by.interval = item.Interval
		if _, same, sameErr := priceFor(j.Catalog, by); sameErr == nil {
			return same, nil
		}
	}
	return price, err
}

// Cancel ends the subscription that decides the tenant's plan, at the period's end
// unless when is now. What is canceled or scheduled to be stays as it is.
func (c *Commands) Cancel(ctx context.Context, on On, when string) error {
	if !slices.Contains([]string{"", Now, PeriodEnd}, when) {
		return invalid("when", "want period_end or now")
	}
	return c.onSubscription(ctx, on, func(ctx context.Context, j *job, sub subscription) error {
		if when == Now {
			a, err := j.stripe.CancelSubscription(ctx, nonce(), sub.ID, stripe.CancelParams{})
			if err != nil {
				return err
			}
			return j.ingest(ctx, a)
		}
		if sub.CancelAtPeriodEnd || sub.CancelAt != 0 {
			return j.ingest(ctx, sub.answer)
		}
		// Stripe takes no cancellation of a subscription under a schedule.
		if err := j.unschedule(ctx, sub); err != nil {
			return err
		}
		a, err := j.stripe.UpdateSubscription(ctx, nonce(), sub.ID, stripe.SubscriptionUpdate{CancelAtPeriodEnd: new(true)})
		if err != nil {
			return err
		}
		return j.ingest(ctx, a)
	})
}

// Resume takes a scheduled cancellation back; ErrNothingScheduled where there is none.
func (c *Commands) Resume(ctx context.Context, on On) error {
	return c.onSubscription(ctx, on, func(ctx context.Context, j *job, sub subscription) error {
		u := stripe.SubscriptionUpdate{CancelAtPeriodEnd: new(false)}
		switch {
		case sub.CancelAtPeriodEnd:
		case sub.CancelAt != 0: // the portal's way, in flexible billing mode
			u = stripe.SubscriptionUpdate{ClearCancelAt: true}
		default:
			if err := j.ingest(ctx, sub.answer); err != nil {
				return err
			}
			return fmt.Errorf("%w: %s is not scheduled to be canceled", ErrNothingScheduled, sub.ID)
		}
		a, err := j.stripe.UpdateSubscription(ctx, nonce(), sub.ID, u)
		if err != nil {
			return err
		}
		return j.ingest(ctx, a)
	})
}

// subscription is what Stripe says of it now.
type subscription struct {
	stripe.Subscription
	answer stripe.Answer
}

// onSubscription runs a command on the subscription that decides the tenant's plan,
// as Stripe has it now: what is to be done is decided by that, so that a command that
// was cut off and comes again goes on where the first one ended.
func (c *Commands) onSubscription(ctx context.Context, on On, fn func(context.Context, *job, subscription) error) error {
	return c.do(ctx, on, func(ctx context.Context, j *job) error {
		t, err := j.known(ctx)
		if err != nil {
			return err
		}
		if t.Subscription == "" {
			return fmt.Errorf("%w: %s has no subscription", ErrNotSubscribed, t.ID)
		}
		a, err := j.stripe.Fetch(ctx, "subscription", t.Subscription)
		if err != nil {
			return err
		}
		sub := subscription{stripe.ReadSubscription(a.Value), a}
		if billing.Ended(sub.Status) {
			if err := j.ingest(ctx, a); err != nil {
				return err
			}
			return fmt.Errorf("%w: %s has ended", ErrNotSubscribed, sub.ID)
		}
		return fn(ctx, j, sub)
	})
}

// item is the one that decides the plan: the first whose price is in a plan, else
// the only one.
func (s *subscription) item(catalog *billing.Catalog) (stripe.Item, error) {
	for _, item := range s.Items {
		if _, _, ok := catalog.ByPrice(item.Price); ok {
			return item, nil
		}
	}
	if len(s.Items) != 1 {
		return stripe.Item{}, fmt.Errorf("subscription %s: none of its %d items is of a plan", s.ID, len(s.Items))
	}
	return s.Items[0], nil
}

// unschedule lets go of the subscription's schedule, and with it of the change that
// was to come.
func (j *job) unschedule(ctx context.Context, sub subscription) error {
	if sub.Schedule == "" {
		return nil
	}
	a, err := j.stripe.ReleaseSchedule(ctx, nonce(), sub.Schedule)
	if err != nil {
		return err
	}
	return j.ingestBoth(ctx, a, sub.ID)
}

// ingestBoth ingests a schedule together with the subscription as it is with it.
func (j *job) ingestBoth(ctx context.Context, schedule stripe.Answer, sub string) error {
	a, err := j.stripe.Fetch(ctx, "subscription", sub)
	if err != nil {
		return err
	}
	return j.ingest(ctx, schedule, a)
}
