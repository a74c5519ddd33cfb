package effect

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/mail"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
)

// Notices sends notices by mail.
type Notices struct {
	Reader    *store.Reader
	Catalog   *billing.Catalog
	Dunning   billing.Dunning
	Renderer  *mail.Renderer
	Sender    *mail.Sender
	Operator  string // whom operators' notices go to; empty: nobody
	Endpoint  string // where Stripe posts to, if that is known
	Documents *Documents
	// Link is a signed address of a document that expires; empty where Bursar has no
	// public address.
	Link func(document store.Key) string
	Log  *slog.Logger
}

// noticeData is what a notice was planned with.
type noticeData struct {
	Invoice  string `json:"invoice"`
	Attempt  int64  `json:"attempt"`
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
	Full     bool   `json:"full"`
	Claimed  string `json:"claimed"`

	Subscription string `json:"subscription"`
	Since        int64  `json:"since"` // Unix seconds
	Reason       string `json:"reason"`
}

// errUntrue says that what a notice tells is no longer so.
var errUntrue = errors.New("no longer true")

// Perform sends one notice, if it is still true.
func (n *Notices) Perform(ctx context.Context, e store.Effect) (Outcome, error) {
	kind, err := mail.KindOf(e.Name)
	if err != nil {
		return Outcome{}, fmt.Errorf("%w: %w", ErrPermanent, err)
	}
	m, to, err := n.Compose(ctx, e)
	switch {
	case errors.Is(err, errUntrue):
		return Outcome{Status: store.Superseded, Reason: err.Error()}, nil
	case err != nil:
		return Outcome{}, err
	}
	if kind.Audience == mail.Operator {
		to = n.Operator
	}
	rendered, err := n.Renderer.Render(m)
	if err != nil {
		return Outcome{}, fmt.Errorf("%w: %w", ErrPermanent, err)
	}
	if rendered.OverrideErr != nil {
		n.Log.Error("a mail template failed, the built-in one was used", "kind", e.Name, "error", rendered.OverrideErr)
	}
	o := Outcome{Status: store.Sent, Recipient: to, Subject: rendered.Subject}
	switch {
	case !n.Renderer.Enabled(e.Name):
		o.Status, o.Reason = store.Skipped, "switched off"
	case to == "":
		o.Status, o.Reason = store.Skipped, "nobody's address is known"
	case n.Sender == nil:
		o.Status, o.Reason = store.Skipped, "no mail server is configured"
	default:
		if err := n.Sender.Send(ctx, rendered, to); err != nil {
			if mail.Permanent(err) {
				err = fmt.Errorf("%w: %w", ErrPermanent, err)
			}
			return o, err
		}
	}
	return o, nil
}

// Compose gathers what a notice tells, and the customer's address.
func (n *Notices) Compose(ctx context.Context, e store.Effect) (mail.Message, string, error) {
	var data noticeData
	if err := json.Unmarshal([]byte(cmp.Or(e.Data, "{}")), &data); err != nil {
		return mail.Message{}, "", fmt.Errorf("%w: notice %s: %w", ErrPermanent, e.ID, err)
	}
	m := mail.Message{Kind: e.Name, Key: e.ID, Date: time.UnixMicro(e.CreatedAt).UTC(), Data: mail.Data{Tenant: e.Tenant}}
	to, err := n.addressee(ctx, e, &m)
	if err != nil {
		return m, "", err
	}
	d := &m.Data
	switch e.Name {
	case "payment_failed", "payment_action_required", "payment_recovered", "invoice_receipt":
		err = n.ofInvoice(ctx, e, e.ObjectID, &m)
		d.Attempt = int(data.Attempt)
	case "subscription_downgraded":
		if err = n.ofInvoice(ctx, e, data.Invoice, &m); err == nil {
			// The invoice is what it is about; its subscription may not have been told yet.
			if serr := n.ofSubscription(ctx, e, e.ObjectID, &m); !errors.Is(serr, store.ErrNotFound) {
				err = serr
			}
		}
		d.NextPlan = n.Catalog.Default().Name
	case "trial_ending", "subscription_ended":
		err = n.ofSubscription(ctx, e, e.ObjectID, &m)
		d.NextPlan = n.Catalog.Default().Name
	case "refund_issued":
		d.Amount, d.FullRefund, d.RefundedAt = billing.Money{Amount: data.Amount, Currency: data.Currency}, data.Full, m.Date
		if data.Invoice != "" {
			err = n.ofInvoice(ctx, e, data.Invoice, &m)
			d.Amount = billing.Money{Amount: data.Amount, Currency: data.Currency}
		}
	case "dispute_opened":
		d.Amount, d.Dispute = billing.Money{Amount: data.Amount, Currency: data.Currency}, mail.Dispute{ID: e.ObjectID}
		if row, rerr := n.Reader.Dispute(ctx, e.With(e.ObjectID)); rerr == nil {
			d.Amount = billing.Money{Amount: row.Amount, Currency: row.Currency}
			d.Dispute, d.Reason = mail.Dispute{ID: row.ID, Charge: row.Charge, Status: row.Status}, row.Reason
		}
	case "price_unmapped":
		d.Price, d.Subscription = mail.Price{ID: e.ObjectID}, ""
	case "event_dead":
		row, rerr := n.Reader.Event(ctx, e.With(e.ObjectID))
		if err = rerr; err == nil {
			if row.Status != store.Dead {
				return m, "", errUntrue
			}
			d.Event = mail.Event{ID: row.ID, Type: row.Type, Error: row.Error, Attempts: int(row.Attempts), Received: time.UnixMicro(row.ReceivedAt).UTC()}
		}
	case "card_expiring":
		err = n.ofCard(ctx, e, data.Subscription, &m)
	case "endpoint_silent":
		err = n.ofSilence(ctx, data.Since, &m)
	case "outbound_disabled":
		d.Endpoint, d.Reason = mail.Endpoint{Name: e.ObjectID}, data.Reason
	case "tenant_conflict":
		d.Conflict = mail.Conflict{Customer: e.ObjectID, Owner: e.Tenant, Claimed: data.Claimed, Event: e.EventID}
	}
	if errors.Is(err, store.ErrNotFound) {
		err = fmt.Errorf("%w: %w", errUntrue, err)
	}
	return m, to, err
}

// addressee fills in whom the notice is for and returns the address: the tenant's,
// else the customer's at Stripe.
func (n *Notices) addressee(ctx context.Context, e store.Effect, m *mail.Message) (string, error) {
	to := ""
	if e.Customer != "" {
		rows, err := n.Reader.CustomersByID(ctx, e.Key, []string{e.Customer})
		if err != nil {
			return "", err
		}
		for _, c := range rows {
			m.Locale, m.Data.Name, to = c.Locale, c.Name, c.Email
		}
	}
	if e.Tenant == "" {
		return to, nil
	}
	t, err := n.Reader.Tenant(ctx, e.With(e.Tenant))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return "", err
	}
	m.Data.Name = cmp.Or(t.Name, m.Data.Name)
	return cmp.Or(t.Email, to, t.StripeEmail), nil
}

func (n *Notices) ofInvoice(ctx context.Context, e store.Effect, id string, m *mail.Message) error {
	row, err := n.Reader.Invoice(ctx, e.With(id))
	if err != nil {
		return err
	}
	owed := row.StripeStatus == "open" || row.StripeStatus == "uncollectible"
	switch e.Name {
	case "payment_failed", "payment_action_required":
		if !owed {
			return fmt.Errorf("%w: invoice %s is %s", errUntrue, id, row.StripeStatus)
		}
	case "subscription_downgraded":
		if !row.Spent {
			return fmt.Errorf("%w: invoice %s is %s", errUntrue, id, row.StripeStatus)
		}
	}
	money := func(amount int64) billing.Money { return billing.Money{Amount: amount, Currency: row.Currency} }
	d := &m.Data
	d.Subscription, d.MaxAttempts, d.NextAttempt = row.Subscription, int(n.Dunning.Limit()), date(row.NextPaymentAttempt)
	d.Amount = money(row.AmountDue)
	if !owed {
		d.Amount = money(row.AmountPaid)
	}
	d.Invoice = mail.Invoice{
		ID: row.ID, Number: row.Number, IssuedAt: date(cmp.Or(row.FinalizedAt, row.Created)), PaidAt: date(row.PaidAt), DueDate: date(row.DueDate),
		Subtotal: money(row.Subtotal), Discount: money(row.Discount), Tax: money(row.Tax), Total: money(row.Total), AmountPaid: money(row.AmountPaid),
	}
	var lines []stripe.Line
	if err := json.Unmarshal([]byte(cmp.Or(row.Lines, "[]")), &lines); err != nil {
		return fmt.Errorf("%w: the lines of %s: %w", ErrPermanent, id, err)
	}
	for _, l := range lines {
		d.Invoice.Lines = append(d.Invoice.Lines, mail.Line{Description: l.Description, Quantity: l.Quantity, Amount: money(l.Amount)})
	}
	if owed {
		d.Links.Pay = row.HostedInvoiceURL
	}
	if row.Subscription != "" {
		if s, err := n.Reader.Subscription(ctx, e.With(row.Subscription)); err == nil {
			d.Plan = n.planOf(s)
		}
	}
	if e.Name == "invoice_receipt" {
		return n.attach(ctx, e, row, m)
	}
	return nil
}

// attach adds the invoice and its receipt.
func (n *Notices) attach(ctx context.Context, e store.Effect, row store.Invoice, m *mail.Message) error {
	if n.Documents == nil {
		return nil
	}
	for _, kind := range []string{"invoice", "receipt"} {
		k := e.With(kind + ":" + row.ID)
		body, err := n.Documents.Ensure(ctx, k)
		if err != nil {
			return err
		}
		m.Attachments = append(m.Attachments, mail.Attachment{Name: kind + "-" + cmp.Or(row.Number, row.ID) + ".pdf", ContentType: "application/pdf", Data: body})
	}
	if n.Link != nil {
		m.Data.Links.Invoice = n.Link(e.With("invoice:" + row.ID))
	}
	return nil
}

func (n *Notices) ofSubscription(ctx context.Context, e store.Effect, id string, m *mail.Message) error {
	row, err := n.Reader.Subscription(ctx, e.With(id))
	if err != nil {
		return err
	}
	if e.Name == "trial_ending" && row.StripeStatus != billing.Trialing {
		return fmt.Errorf("%w: %s is %s", errUntrue, id, row.StripeStatus)
	}
	d := &m.Data
	d.Subscription, d.Plan = row.ID, n.planOf(row)
	d.TrialEnd, d.EndedAt, d.Reason = date(row.TrialEnd), date(row.EndedAt), row.CancellationReason
	var items []stripe.Item
	if err := json.Unmarshal([]byte(cmp.Or(row.Items, "[]")), &items); err != nil {
		return fmt.Errorf("%w: the items of %s: %w", ErrPermanent, id, err)
	}
	if e.Name == "trial_ending" && len(items) > 0 {
		d.Amount = billing.Money{Amount: items[0].UnitAmount * max(items[0].Quantity, 1), Currency: items[0].Currency}
		d.Interval, d.IntervalCount = items[0].Interval, int(items[0].IntervalCount)
	}
	if t, err := n.Reader.Tenant(ctx, e.With(e.Tenant)); err == nil && t.Subscription != id && t.Access {
		if p, ok := n.Catalog.Plan(t.Plan); ok {
			d.OtherPlan = p.Name
		}
	}
	return nil
}

// planOf is the name of the plan that a subscription is of, also when it no longer has it.
func (n *Notices) planOf(s store.Subscription) string {
	if p, _, ok := n.Catalog.ByPrice(s.Price); ok {
		return cmp.Or(p.Name, p.ID)
	}
	return s.Price
}
