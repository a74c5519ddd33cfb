package effect

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/mail"
	"github.com/bursarhq/bursar/internal/store"
)

// ofCard tells of a card that still is what a subscription is charged to, and still
// expires when it was said to.
func (n *Notices) ofCard(ctx context.Context, e store.Effect, subscription string, m *mail.Message) error {
	sub, err := n.Reader.Subscription(ctx, e.With(subscription))
	if err != nil {
		return err
	}
	tenant, err := n.Reader.Tenant(ctx, e.With(e.Tenant))
	if err != nil {
		return err
	}
	wanted := []string{sub.DefaultPaymentMethod}
	customers, err := n.Reader.CustomersByID(ctx, e.Key, []string{sub.Customer})
	if err != nil {
		return err
	}
	for _, c := range customers {
		wanted = append(wanted, c.DefaultPaymentMethod)
	}
	wanted = append(wanted, tenant.PaymentMethod)
	rows, err := n.Reader.PaymentMethods(ctx, e.Key, wanted)
	if err != nil {
		return err
	}
	known := map[string]store.PaymentMethod{}
	for _, row := range rows {
		known[row.ID] = row
	}
	wanted = slices.DeleteFunc(wanted, func(id string) bool { return !known[id].Attached })
	if !sub.Access || len(wanted) == 0 || wanted[0] != e.ObjectID {
		return fmt.Errorf("%w: %s is not charged to %s", errUntrue, sub.ID, e.ObjectID)
	}
	card := known[e.ObjectID]
	if expiry := (billing.Expiry{Year: card.ExpYear, Month: card.ExpMonth}).String(); !strings.HasSuffix(e.ID, ":"+expiry) {
		return fmt.Errorf("%w: %s expires in %s", errUntrue, card.ID, expiry)
	}
	m.Data.Method = mail.Method{Type: card.Type, Brand: card.Brand, Last4: card.Last4, ExpMonth: int(card.ExpMonth), ExpYear: int(card.ExpYear)}
	return n.ofSubscription(ctx, e, subscription, m)
}

// ofSilence tells of a silence that lasts.
func (n *Notices) ofSilence(ctx context.Context, since int64, m *mail.Message) error {
	last, err := n.Reader.LastReceived(ctx)
	if err != nil {
		return err
	}
	at := time.UnixMicro(last).UTC()
	if last != 0 && at.Unix() > since {
		return fmt.Errorf("%w: an event came at %s", errUntrue, at.Format(time.RFC3339))
	}
	m.Data.Endpoint = mail.Endpoint{Name: n.Endpoint, Silence: m.Date.Sub(time.Unix(since, 0)).Truncate(time.Hour)}
	if last != 0 {
		m.Data.Endpoint.LastEvent = at
	}
	return nil
}
