package apply

import (
	"context"
	"fmt"
	"time"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/store"
)

// What no event tells is looked for every so often. Many processes may look at once:
// a notice's key exists once.

// TellExpiringCards plans a notice for every card that a running subscription is
// charged to and that expires in this month or in the next, once per card and expiry.
func (e *Engine) TellExpiringCards(ctx context.Context, now time.Time) error {
	for _, expiry := range billing.ExpiriesToTell(now) {
		for after := (store.Key{}); ; {
			cards, err := e.store.ExpiringCards(ctx, store.CardsOf{Year: expiry.Year, Month: expiry.Month, Prefix: "card_expiring:", Suffix: ":" + expiry.String()}, after, 200)
			if err != nil {
				return err
			}
			if len(cards) == 0 {
				break
			}
			for _, k := range cards {
				if err := e.settleOne(ctx, k, func(c *change) { c.cardExpires(k, expiry) }); err != nil {
					return err
				}
			}
			after = cards[len(cards)-1]
		}
	}
	return nil
}

// cardExpires plans the notice if a subscription that goes on is charged to the card.
func (c *change) cardExpires(k store.Key, expiry billing.Expiry) {
	card := c.tx.PaymentMethods.Get(k)
	if card == nil || card.ExpYear != expiry.Year || card.ExpMonth != expiry.Month {
		return
	}
	customer := c.customerRow(card.Customer)
	if customer == nil || customer.Deleted {
		return
	}
	for _, sub := range c.tx.SubscriptionsBy.By(customer.Key) {
		ends := EndsAt(sub)
		if !sub.Access || sub.CollectionMethod == "send_invoice" || ends != 0 && ends <= expiry.End() {
			continue
		}
		if c.defaultPaymentMethod(sub, customer, []*store.Customer{customer}) != card.ID {
			continue
		}
		// It is news for as long as it is so, but not what was so at the store's start.
		at := c.tx.Now / int64(time.Second/time.Microsecond)
		if began := max(expiry.Near(), card.Created, sub.Created); time.Unix(began, 0).UnixMicro() < c.e.liveSince {
			at = began
		}
		c.notice(notice{
			name: "card_expiring", object: card.ID, repeat: expiry.String(), customer: customer.ID, at: at,
			data: noticeData{Subscription: sub.ID},
		})
		return
	}
}

// listened is for how long a process must have been there before it speaks of
// silence: what was missed while nobody was there is delivered again.
const listened = time.Hour

// TellSilence plans a notice to the operator where Stripe's events do not arrive,
// once per silence. up is since when this process has been there.
func (e *Engine) TellSilence(ctx context.Context, up, now time.Time) error {
	live, known := e.Livemode()
	if !known || now.Sub(up) < listened {
		return nil
	}
	last, err := e.store.LastReceived(ctx)
	if err != nil {
		return err
	}
	if last == 0 {
		last = e.liveSince
	}
	quiet := billing.Quiet{Since: time.UnixMicro(last).Unix()}
	if quiet.Running, quiet.FirstEnd, err = e.store.RunningSince(ctx, quiet.Since); err != nil {
		return err
	}
	if !quiet.Silent(now.Unix()) {
		return nil
	}
	return e.settleOne(ctx, store.Key{Livemode: live, ID: "silence"}, func(c *change) {
		c.notice(notice{
			name: "endpoint_silent", object: "stripe", repeat: fmt.Sprint(quiet.Since), operator: true, at: now.Unix(),
			data: noticeData{Since: quiet.Since},
		})
	})
}

// TellOutboundDisabled plans a notice to the operator about an endpoint for outgoing
// webhooks that is given up on, once for the outage that began at since.
func (e *Engine) TellOutboundDisabled(ctx context.Context, endpoint, reason string, since time.Time) error {
	return e.settleOne(ctx, e.Key(ctx, "", "outbound:"+endpoint), func(c *change) {
		c.notice(notice{
			name: "outbound_disabled", object: endpoint, repeat: fmt.Sprint(since.UnixMicro()), operator: true, at: c.tx.Now / 1e6,
			data: noticeData{Reason: reason},
		})
	})
}
