package apply

import (
	"cmp"
	"fmt"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
)

func chargeChanged(c *change) error {
	k := c.key.With(c.ev.ObjectID)
	if c.fresh {
		s := newest(c, stripe.ReadCharge)
		refunds, err := encode(s.Refunds)
		if err != nil {
			return err
		}
		row := c.tx.Charges.Edit(k)
		row.Customer, row.PaymentIntent, row.Invoice = s.Customer, s.PaymentIntent, s.Invoice
		row.Status, row.Currency, row.Amount, row.AmountCaptured = s.Status, s.Currency, s.Amount, s.AmountCaptured
		row.AmountRefunded, row.Captured, row.Created, row.AsOf = s.AmountRefunded, s.Captured, s.Created, c.asOf
		row.FailureCode, row.PaymentMethod, row.Refunds = s.FailureCode, s.PaymentMethod, refunds
		if row.PaymentIntent != "" {
			c.known(k.With(row.PaymentIntent))
		}
	}
	ch := c.tx.Charges.Get(k)
	if err := c.ofCharge(ch); err != nil {
		return err
	}
	c.refundNotice(ch)
	return nil
}

// refundNotice plans one notice per total that was refunded: what a charge says to
// have been refunded only grows with refunds, whichever events tell of them.
func (c *change) refundNotice(ch *store.Charge) {
	s := told(c, stripe.ReadCharge)
	was := c.ev.Previous.Get("amount_refunded").Int()
	if ch == nil || s.AmountRefunded <= was {
		return
	}
	c.notice(notice{
		name: "refund_issued", object: ch.ID, repeat: fmt.Sprint(s.AmountRefunded), customer: c.customer,
		data: noticeData{Invoice: first(c.invoicesOf(ch)), Amount: s.AmountRefunded - was, Currency: s.Currency, Full: s.Refunded},
	})
}

// ofCharge finds the owner of what a charge is about, and has the charge settled.
func (c *change) ofCharge(ch *store.Charge) error {
	if ch == nil {
		return nil
	}
	customer := ch.Customer
	for _, id := range c.invoicesOf(ch) {
		c.touchInvoice(ch.With(id))
		if inv := c.tx.Invoices.Get(ch.With(id)); inv != nil && customer == "" {
			customer = inv.Customer
		}
	}
	c.touchCharge(ch.Key)
	c.owner(customer)
	return nil
}

// invoicesOf are the invoices that a charge paid: as it says itself (before basil),
// else by the links.
func (c *change) invoicesOf(ch *store.Charge) []string {
	ids := map[string]bool{}
	if ch.Invoice != "" {
		ids[ch.Invoice] = true
	}
	links := c.tx.PaymentLinksByCharge.By(ch.Key)
	if ch.PaymentIntent != "" {
		links = append(links, c.tx.PaymentLinksByIntent.By(ch.With(ch.PaymentIntent))...)
	}
	for _, l := range links {
		ids[l.Invoice] = true
	}
	return sortedKeys(ids)
}

func refundChanged(c *change) error {
	s := told(c, stripe.ReadRefund)
	if c.fresh {
		s = newest(c, stripe.ReadRefund)
		row := c.tx.Refunds.Edit(c.key.With(s.ID))
		row.Charge, row.PaymentIntent, row.Status = s.Charge, s.PaymentIntent, s.Status
		row.Amount, row.Currency, row.Reason, row.Created = s.Amount, s.Currency, s.Reason, s.Created
	}
	return c.byCharge(s.Charge, s.PaymentIntent)
}

func disputeChanged(c *change) error {
	s := told(c, stripe.ReadDispute)
	if c.fresh {
		s = newest(c, stripe.ReadDispute)
		row := c.tx.Disputes.Edit(c.key.With(s.ID))
		row.Charge, row.PaymentIntent, row.Status = s.Charge, s.PaymentIntent, s.Status
		row.Amount, row.Currency, row.Reason, row.Created = s.Amount, s.Currency, s.Reason, s.Created
	}
	if err := c.byCharge(s.Charge, s.PaymentIntent); err != nil {
		return err
	}
	c.notice(notice{name: "dispute_opened", object: s.ID, operator: true, data: noticeData{Amount: s.Amount, Currency: s.Currency}})
	return nil
}

// byCharge finds the charge that a refund or a dispute is of; until it is known
// the event waits.
func (c *change) byCharge(charge, intent string) error {
	if charge != "" {
		if ch := c.tx.Charges.Get(c.key.With(charge)); ch != nil {
			return c.ofCharge(ch)
		}
	} else if intent != "" {
		for _, ch := range c.tx.ChargesByIntent.By(c.key.With(intent)) {
			if ch.Status == "succeeded" {
				return c.ofCharge(ch)
			}
		}
	}
	if c.wait = cmp.Or(charge, intent); c.wait == "" {
		c.reason = "it names no charge"
	}
	return nil
}

func captured(ch *store.Charge) int64 {
	if ch.AmountCaptured > 0 {
		return ch.AmountCaptured
	}
	return ch.Amount
}

// settleCharge writes the ledger rows of a charge and of its refunds and disputes.
// It returns what went back of it, and when last. invoice is the one that it paid,
// empty where there is none.
func (c *change) settleCharge(ch *store.Charge, customer, invoice string) (refunded, on int64, err error) {
	if customer == "" {
		return 0, 0, nil // of nobody, until an invoice says whose
	}
	row := store.Payment{
		Customer: customer, Type: "payment", Status: ch.Status, Amount: ch.Amount, Currency: ch.Currency,
		Invoice: invoice, Charge: ch.ID, PaymentIntent: ch.PaymentIntent, Created: ch.Created,
	}
	if ch.Status == "succeeded" {
		row.Amount = captured(ch)
	}
	c.ledger(ch.Key, row)

	refunds, err := c.refundsOf(ch)
	if err != nil {
		return 0, 0, err
	}
	var known []billing.Refund
	for _, id := range sortedKeys(refunds) {
		r := refunds[id]
		b := billing.Refund{Amount: r.Amount, Status: r.Status}
		known = append(known, b)
		if b.Counts() {
			on = max(on, r.Created)
		}
		c.ledger(ch.With(id), store.Payment{
			Customer: customer, Type: "refund", Status: r.Status, Amount: r.Amount, Currency: cmp.Or(r.Currency, ch.Currency),
			Invoice: invoice, Charge: ch.ID, PaymentIntent: ch.PaymentIntent, Created: r.Created,
		})
	}
	refunded, rest := billing.RefundTotal(ch.AmountRefunded, known)
	restKey := ch.With(ch.ID + ":refunds")
	if rest > 0 {
		on = max(on, ch.AsOf)
		c.ledger(restKey, store.Payment{
			Customer: customer, Type: "refund", Status: "succeeded", Amount: rest, Currency: ch.Currency,
			Invoice: invoice, Charge: ch.ID, PaymentIntent: ch.PaymentIntent, Created: ch.AsOf,
		})
	} else if c.tx.Payments.Get(restKey) != nil {
		c.tx.Payments.Delete(restKey)
	}
	for _, d := range c.tx.DisputesByCharge.By(ch.Key) {
		c.ledger(d.Key, store.Payment{
			Customer: customer, Type: "dispute", Status: d.Status, Amount: d.Amount, Currency: d.Currency,
			Invoice: invoice, Charge: ch.ID, PaymentIntent: ch.PaymentIntent, Created: d.Created,
		})
	}
	return refunded, on, nil
}

// refundsOf are the refunds of a charge that were told, by themselves or inside of it.
func (c *change) refundsOf(ch *store.Charge) (map[string]stripe.Refund, error) {
	out := map[string]stripe.Refund{}
	inside, err := decode[[]stripe.Refund](ch.Refunds)
	if err != nil {
		return nil, err
	}
	for _, r := range inside {
		out[r.ID] = r
	}
	rows := c.tx.RefundsByCharge.By(ch.Key)
	if ch.PaymentIntent != "" && ch.Status == "succeeded" {
		for _, r := range c.tx.RefundsByIntent.By(ch.With(ch.PaymentIntent)) {
			if r.Charge == "" {
				rows = append(rows, r)
			}
		}
	}
	for _, r := range rows {
		out[r.ID] = stripe.Refund{ID: r.ID, Status: r.Status, Amount: r.Amount, Currency: r.Currency, Created: r.Created}
	}
	return out, nil
}

// ledger writes one row of the ledger.
func (c *change) ledger(k store.Key, want store.Payment) {
	row := c.tx.Payments.Edit(k)
	want.Key, want.Rev = k, row.Rev
	*row = want
}

func paymentMethodChanged(c *change) error {
	k := c.key.With(c.ev.ObjectID)
	known := c.tx.PaymentMethods.Get(k)
	if c.fresh {
		s := newest(c, stripe.ReadPaymentMethod)
		row := c.tx.PaymentMethods.Edit(k)
		row.Type, row.Brand, row.Last4, row.ExpMonth, row.ExpYear, row.Created = s.Type, s.Brand, s.Last4, s.ExpMonth, s.ExpYear, s.Created
		o := c.tx.Objects.Get(k)
		row.Attached = s.Customer != "" && (o == nil || o.Final == int64(stripe.RankLive))
		known = row
	}
	// A detached one names nobody, and some say not even whose it was: whichever
	// event tells that tells it for all.
	if known != nil && known.Customer == "" && c.ev.Customer != "" {
		known = c.tx.PaymentMethods.Edit(k)
		known.Customer = c.ev.Customer
		c.known(k)
	}
	if known == nil || known.Customer == "" {
		c.wait = k.ID
		return nil
	}
	c.owner(known.Customer)
	return nil
}

func productChanged(c *change) error {
	if c.fresh {
		s := newest(c, stripe.ReadProduct)
		row := c.tx.Products.Edit(c.key.With(c.ev.ObjectID))
		row.Deleted = s.Deleted || c.deletedEvent()
		if s.Name != "" {
			row.Name, row.Description, row.Active = s.Name, s.Description, s.Active
		}
	}
	return nil
}

func priceChanged(c *change) error {
	if c.fresh {
		s := newest(c, stripe.ReadPrice)
		row := c.tx.Prices.Edit(c.key.With(c.ev.ObjectID))
		row.Deleted = s.Deleted || c.deletedEvent()
		if s.Currency != "" {
			row.Product, row.Nickname, row.Active, row.Currency = s.Product, s.Nickname, s.Active, s.Currency
			row.UnitAmount, row.UnitAmountDecimal = s.UnitAmount, s.UnitAmountDecimal
			row.Interval, row.IntervalCount = s.Interval, s.IntervalCount
		}
	}
	return nil
}
