package apply

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
)

func invoiceChanged(c *change) error {
	k := c.key.With(c.ev.ObjectID)
	if c.fresh {
		if err := c.fillInvoice(k, newest(c, stripe.ReadInvoice)); err != nil {
			return err
		}
	}
	c.owner(c.ev.Customer)
	c.touchInvoice(k)
	return nil
}

func (c *change) fillInvoice(k store.Key, s stripe.Invoice) error {
	lines, err := encode(s.Lines)
	if err != nil {
		return err
	}
	row := c.editInvoice(k)
	row.Customer, row.Subscription, row.Number = s.Customer, s.Subscription, s.Number
	row.StripeStatus, row.BillingReason, row.CollectionMethod = s.Status, s.BillingReason, s.CollectionMethod
	row.Currency, row.Subtotal, row.Discount, row.Tax, row.Total = s.Currency, s.Subtotal, s.Discount, s.Tax, s.Total
	row.AmountPaid, row.AmountDue, row.Lines = s.AmountPaid, s.AmountDue, lines
	row.Created, row.FinalizedAt, row.DueDate = s.Created, s.FinalizedAt, s.DueDate
	row.PaidAt, row.VoidedAt = s.PaidAt, s.VoidedAt
	row.AttemptCount, row.NextPaymentAttempt = s.AttemptCount, s.NextPaymentAttempt
	row.HostedInvoiceURL, row.InvoicePDF = s.HostedInvoiceURL, s.InvoicePDF
	row.Deleted = s.Deleted || c.deletedEvent()
	if s.Charge != "" || s.PaymentIntent != "" {
		row.Charge, row.PaymentIntent = s.Charge, s.PaymentIntent
		l := c.tx.PaymentLinks.Edit(k)
		l.Invoice, l.Charge, l.PaymentIntent, l.Status, l.Currency = k.ID, s.Charge, s.PaymentIntent, "", s.Currency
	}
	for _, p := range s.Payments { // only where the request expanded them
		if p.ID != "" {
			c.fillPaymentLink(k.With(p.ID), p)
		}
	}
	return nil
}

// editInvoice is the invoice's row, made where this is the first that is heard of it.
func (c *change) editInvoice(k store.Key) *store.Invoice {
	isNew := c.tx.Invoices.Get(k) == nil
	row := c.tx.Invoices.Edit(k)
	if isNew {
		row.FailedAttempts, row.Lines, row.Notes = -1, "[]", "[]"
	}
	return row
}

func invoicePaymentFailed(c *change) error {
	if err := invoiceChanged(c); err != nil {
		return err
	}
	s := told(c, stripe.ReadInvoice)
	row := c.editInvoice(c.key.With(c.ev.ObjectID))
	learnt := row.FailedAttempts < 0
	row.FailedAttempts = max(row.FailedAttempts, s.AttemptCount)
	row.FailedAt = max(row.FailedAt, c.ev.Created)
	if !owed(row) {
		c.because("payment of invoice %s had failed", row.ID)
	} else {
		c.why = fmt.Sprintf("payment of invoice %s failed, attempt %d of %d", row.ID, s.AttemptCount, c.e.Dunning.Limit())
	}
	// A failure that is learnt after the invoice was settled is history, and so is
	// the recovery that followed it.
	c.notice(notice{
		name: "payment_failed", object: row.ID, repeat: fmt.Sprint(s.AttemptCount), untrue: !owed(row),
		data: noticeData{Attempt: s.AttemptCount},
	})
	if learnt && row.StripeStatus == "paid" {
		c.notice(notice{name: "payment_recovered", object: row.ID, untrue: true})
	}
	return nil
}

func invoiceActionRequired(c *change) error {
	if err := invoiceChanged(c); err != nil {
		return err
	}
	row := c.editInvoice(c.key.With(c.ev.ObjectID))
	c.notice(notice{
		name: "payment_action_required", object: row.ID,
		repeat: fmt.Sprint(told(c, stripe.ReadInvoice).AttemptCount), untrue: !owed(row),
	})
	return nil
}

func owed(row *store.Invoice) bool { return debtOf(row).Owed() }

func debtOf(row *store.Invoice) billing.Debt {
	return billing.Debt{
		Status: row.StripeStatus, BillingReason: row.BillingReason, CollectionMethod: row.CollectionMethod,
		Subscription: row.Subscription, FailedAttempts: row.FailedAttempts, DueDate: row.DueDate,
	}
}

func invoicePaymentPaid(c *change) error {
	p := told(c, stripe.ReadInvoicePayment)
	if c.fresh {
		p = newest(c, stripe.ReadInvoicePayment)
		c.fillPaymentLink(c.key.With(p.ID), p)
	}
	if p.Invoice == "" {
		c.reason = "it names no invoice"
		return nil
	}
	inv := c.tx.Invoices.Get(c.key.With(p.Invoice))
	if inv == nil {
		c.wait = p.Invoice
		return nil
	}
	c.owner(inv.Customer)
	c.touchInvoice(inv.Key)
	return nil
}

func (c *change) fillPaymentLink(k store.Key, p stripe.InvoicePayment) {
	l := c.tx.PaymentLinks.Edit(k)
	l.Invoice, l.PaymentIntent, l.Charge = p.Invoice, p.PaymentIntent, p.Charge
	l.Status, l.AmountPaid, l.Currency, l.PaidAt = p.Status, p.AmountPaid, p.Currency, p.PaidAt
}

func creditNoteChanged(c *change) error {
	k := c.key.With(c.ev.ObjectID)
	if c.fresh {
		s := newest(c, stripe.ReadCreditNote)
		row := c.tx.CreditNotes.Edit(k)
		row.Customer, row.Invoice, row.Number, row.Status = s.Customer, s.Invoice, s.Number, s.Status
		row.Reason, row.Currency, row.Amount, row.Created, row.VoidedAt = s.Reason, s.Currency, s.Total, s.Created, s.VoidedAt
	}
	if c.owner(c.ev.Customer) {
		c.plan(effect{kind: "document", key: "document:credit_note:" + k.ID, object: k.ID, customer: c.ev.Customer})
	}
	return nil
}

// settleInvoice computes the ledger of an invoice, its status, and whether it takes
// the plan away.
func (c *change) settleInvoice(k store.Key) error {
	if c.tx.Invoices.Get(k) == nil {
		return nil
	}
	inv := c.editInvoice(k)
	refunded, on, err := c.settleLedger(inv)
	if err != nil {
		return err
	}
	inv.AmountRefunded, inv.Status = refunded, inv.StripeStatus
	var notes []string
	switch {
	case refunded == 0:
	case inv.StripeStatus == "paid" && refunded >= inv.AmountPaid:
		inv.Status = "void"
		notes = append(notes, "Refunded on "+day(on))
	default:
		notes = append(notes, "Partially refunded on "+day(on))
	}
	if inv.Notes, err = encode(append([]string{}, notes...)); err != nil {
		return err
	}
	debt := debtOf(inv)
	was := inv.Spent
	inv.Spent = c.e.Dunning.Spent(debt, c.tx.Now/1e6)
	if inv.Spent && !was {
		c.actor = "policy"
		if debt.FailedAttempts < c.e.Dunning.Limit() {
			c.why = fmt.Sprintf("invoice %s is unpaid %s after its due date", inv.ID, "longer than allowed")
		}
	}
	c.invoiceNotices(inv, debt)
	c.tellInvoice(inv, on)
	if inv.Subscription != "" {
		c.touchSubscription(k.With(inv.Subscription))
	}
	return nil
}

func (c *change) invoiceNotices(inv *store.Invoice, debt billing.Debt) {
	if cust := c.tx.Customers.Get(inv.With(inv.Customer)); cust == nil || cust.Tenant == "" {
		return // they are planned when the customer is linked and its events are applied again
	}
	if inv.StripeStatus == "paid" {
		c.plan(effect{kind: "document", key: "document:invoice:" + inv.ID, object: inv.ID, customer: inv.Customer})
		if inv.Total > 0 {
			c.notice(notice{name: "invoice_receipt", object: inv.ID, customer: inv.Customer, at: inv.PaidAt})
		}
	}
	if inv.FailedAttempts >= 0 && inv.StripeStatus == "paid" {
		c.notice(notice{name: "payment_recovered", object: inv.ID, customer: inv.Customer, at: inv.PaidAt})
	}
	if c.e.Dunning.Exhausted(debt) || (inv.Spent && c.e.Dunning.Overdue(debt, c.tx.Now/1e6)) {
		c.notice(notice{
			name: "subscription_downgraded", object: inv.Subscription, repeat: inv.ID, customer: inv.Customer, at: inv.FailedAt, untrue: !inv.Spent,
			data: noticeData{Invoice: inv.ID},
		})
		if inv.Spent && c.e.Dunning.Action == billing.DowngradeAndCancel {
			c.plan(effect{kind: "cancel", key: "cancel:" + inv.Subscription + ":" + inv.ID, object: inv.Subscription, customer: inv.Customer})
		}
	}
}

func day(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.DateOnly) }

// settleLedger writes the rows of everything that paid the invoice, and of what of
// it went back: a row per charge, one per intent whose charge is not known, and one
// of the invoice itself for what it was paid beyond those. It returns what was
// refunded and when last.
func (c *change) settleLedger(inv *store.Invoice) (refunded, on int64, err error) {
	links := c.tx.PaymentLinksByInvoice.By(inv.Key)
	charges := map[string]*store.Charge{}
	for _, ch := range c.tx.ChargesByInvoice.By(inv.Key) {
		charges[ch.ID] = ch
	}
	paidBy := map[string]int64{} // charge: what of it this invoice had
	want := map[string]bool{inv.ID: false}
	var paid int64
	for _, l := range links {
		var of []*store.Charge
		if l.PaymentIntent != "" {
			of = c.tx.ChargesByIntent.By(inv.With(l.PaymentIntent))
		}
		if l.Charge != "" {
			if ch := c.tx.Charges.Get(inv.With(l.Charge)); ch != nil {
				of = append(of, ch)
			}
		}
		succeeded := false
		for _, ch := range of {
			charges[ch.ID] = ch
			if ch.Status == "succeeded" {
				succeeded = true
				if l.AmountPaid > 0 {
					paidBy[ch.ID] = l.AmountPaid
				}
			}
		}
		if !succeeded && l.Status == "paid" && l.PaymentIntent != "" && l.AmountPaid > 0 {
			c.ledger(inv.With(l.PaymentIntent), store.Payment{
				Customer: inv.Customer, Type: "payment", Status: "succeeded", Amount: l.AmountPaid,
				Currency: l.Currency, Invoice: inv.ID, PaymentIntent: l.PaymentIntent, Created: cmp.Or(l.PaidAt, inv.PaidAt),
			})
			want[l.PaymentIntent] = true
			paid += l.AmountPaid
		}
	}
	for _, id := range sortedKeys(charges) {
		ch := charges[id]
		want[id] = true
		if ch.Status == "succeeded" {
			if amount, ok := paidBy[id]; ok {
				paid += amount
			} else {
				paid += captured(ch)
			}
		}
		total, at, err := c.settleCharge(ch, cmp.Or(ch.Customer, inv.Customer), inv.ID)
		if err != nil {
			return 0, 0, err
		}
		refunded, on = refunded+total, max(on, at)
	}
	if rest := inv.AmountPaid - paid; rest > 0 {
		want[inv.ID] = true
		c.ledger(inv.Key, store.Payment{
			Customer: inv.Customer, Type: "payment", Status: "succeeded", Amount: rest, Currency: inv.Currency,
			Invoice: inv.ID, Created: cmp.Or(inv.PaidAt, inv.Created),
		})
	}
	for _, p := range c.tx.PaymentsByInvoice.By(inv.Key) {
		if p.Type == "payment" && !want[p.ID] {
			c.tx.Payments.Delete(p.Key)
		}
	}
	return refunded, on, nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
