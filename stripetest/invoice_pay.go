package stripetest

import "time"

// smartRetries are eight retries within two weeks of the first failure.
var smartRetries = []time.Duration{
	1 * 24 * time.Hour, 1 * 24 * time.Hour, 2 * 24 * time.Hour, 2 * 24 * time.Hour,
	2 * 24 * time.Hour, 2 * 24 * time.Hour, 2 * 24 * time.Hour, 2 * 24 * time.Hour,
}

// openInvoice records a draft, announces it and, where it advances by itself,
// finalizes it an hour later.
// https://docs.stripe.com/billing/invoices/overview
func (a *Account) openInvoice(i *invoice) {
	i.compute()
	if i.autoAdvance {
		i.finalizesAt = a.now + hour
		i.nextAttempt = i.finalizesAt
		if i.collection == "send_invoice" {
			i.nextAttempt = 0
		}
		a.at(i.finalizesAt, func() {
			if i.status == "draft" && i.autoAdvance && !i.deleted {
				a.finalize(i)
				a.collect(i)
			}
		})
	}
	add(a, &a.invoices, i)
	a.emit("invoice.created", i)
}

// finalize turns a draft into an open invoice: it gets its number, the
// customer's balance is set against it, and a payment is prepared. One that
// asks for nothing is paid.
func (a *Account) finalize(i *invoice) {
	i.compute()
	i.status, i.finalizedAt, i.finalizesAt = "open", a.now, 0
	i.number = i.customer.nextNumber()
	i.endingBalance, i.finalBalance = min(0, i.total+i.startingBalance), true
	if i.total+i.startingBalance > 0 {
		i.endingBalance = 0
	}
	i.nextAttempt = 0
	balanceMoved := i.customer.balance != i.endingBalance
	i.customer.balance = i.endingBalance
	if i.collection == "send_invoice" && i.dueDate == 0 {
		i.dueDate = a.now + 30*day
	}
	if i.amountDue > 0 {
		p := a.newIntent(i.customer, i.amountDue, i.currency)
		p.invoice, p.description = i, "Subscription update"
		if i.reason == "subscription_create" {
			p.description = "Subscription creation"
		}
		i.intent = p
		pay := &invoicePayment{base: a.newBase(a.ids.long("inpay", a.now)), invoice: i, intent: p, requested: i.amountDue, status: "open"}
		i.payments = append(i.payments, pay)
		add(a, &a.payments, pay)
		a.emit("payment_intent.created", p)
	}
	a.emitUpdate("invoice.updated", i)
	a.emit("invoice.finalized", i)
	if balanceMoved {
		a.emitUpdate("customer.updated", i.customer)
	}
	if i.amountDue == 0 {
		a.invoicePaid(i, nil)
		return
	}
	if i.collection == "send_invoice" {
		a.emit("invoice.sent", i)
		due := i.dueDate
		a.at(due, func() { a.overdue(i, due) })
	}
}

func (a *Account) overdue(i *invoice, due int64) {
	if i.status != "open" || i.dueDate != due {
		return
	}
	a.emit("invoice.overdue", i)
	if s := i.subscription; s != nil && s.status == "active" {
		a.setStatus(s, "past_due")
	}
}

// collect is the automatic first attempt after finalization.
func (a *Account) collect(i *invoice) {
	if i.status == "open" && i.collection == "charge_automatically" && i.autoAdvance {
		_, _ = a.payInvoice(i, payment{method: i.payer(), automatic: true, offSession: true}) // its failure is in the events
	}
}

// payer is the first payment method that Stripe would take.
// https://docs.stripe.com/api/subscriptions/object#subscription_object-default_payment_method
func (i *invoice) payer() *paymentMethod {
	switch {
	case i.defaultPM != nil:
		return i.defaultPM
	case i.subscription != nil && i.subscription.defaultPM != nil:
		return i.subscription.defaultPM
	}
	return i.customer.defaultPM
}

// payment is one try at an invoice.
type payment struct {
	method     *paymentMethod
	automatic  bool // Stripe's own attempt, which advances the retry schedule
	offSession bool
}

func (a *Account) payInvoice(i *invoice, with payment) (outcome, *Error) {
	first := !i.attempted
	i.attempted = true
	// Any first attempt counts; later only those of the schedule.
	if (first || with.automatic) && !i.session {
		i.attempts++
	}
	result, err := a.confirm(i.intent, with.method, with.offSession)
	switch result {
	case paid:
		a.invoicePaid(i, i.intent)
	case processing:
		a.emitUpdate("invoice.updated", i)
	default:
		if first || with.automatic {
			a.schedule(i)
		}
		a.invoiceFailed(i, result)
	}
	return result, err
}

// schedule sets the next automatic attempt, if there is one. A first invoice
// is not retried: the customer has 23 hours to pay it.
func (a *Account) schedule(i *invoice) {
	i.nextAttempt = 0
	if s := i.subscription; s != nil && s.pending != nil && s.pending.invoice == i {
		return
	}
	if !i.autoAdvance || i.subscription == nil || i.reason == "subscription_create" || i.retry >= len(a.cfg.Retries) {
		return
	}
	next := a.now + int64(a.cfg.Retries[i.retry]/time.Second)
	i.retry++
	i.nextAttempt = next
	a.at(next, func() {
		if i.status == "open" && i.nextAttempt == next && i.autoAdvance {
			a.retryInvoice(i)
		}
	})
}

// retryInvoice is one attempt of the schedule. After a hard decline it is
// counted but not made, until there is another payment method.
// https://docs.stripe.com/billing/revenue-recovery/smart-retries
func (a *Account) retryInvoice(i *invoice) {
	method := i.payer()
	if method != nil && method.card.hard && i.intent.method == method {
		i.attempts++
		a.schedule(i)
		a.emitUpdate("invoice.updated", i)
		if i.nextAttempt == 0 {
			a.emit("invoice.payment_failed", i)
			a.exhausted(i)
		}
		return
	}
	_, _ = a.payInvoice(i, payment{method: method, automatic: true, offSession: true}) // its failure is in the events
}

// invoiceFailed tells of a failed attempt and lets the subscription feel it.
func (a *Account) invoiceFailed(i *invoice, result outcome) {
	a.emitUpdate("invoice.updated", i)
	if result == needsAction {
		a.emit("invoice.payment_action_required", i)
	}
	a.emit("invoice.payment_failed", i)
	s := i.subscription
	if s == nil || i.reason == "subscription_create" || s.ended() || s.pending != nil && s.pending.invoice == i {
		return
	}
	if s.status == "active" || s.status == "trialing" && i.reason != "subscription_update" {
		a.setStatus(s, "past_due")
	}
	if i.nextAttempt == 0 && i.autoAdvance && i.retry >= len(a.cfg.Retries) {
		a.exhausted(i)
	}
}

// exhausted is what the account's settings say happens after the last retry.
func (a *Account) exhausted(i *invoice) {
	if a.cfg.UncollectibleAfterRetries {
		i.status, i.uncollectibleAt = "uncollectible", a.now
		a.emitUpdate("invoice.updated", i)
		a.emit("invoice.marked_uncollectible", i)
	}
	s := i.subscription
	switch a.cfg.AfterRetries {
	case "past_due":
	case "unpaid":
		a.setStatus(s, "unpaid")
	default:
		a.endSubscription(s, "payment_failed")
	}
}

// invoicePaid books the payment; with no intent, nothing had to be paid.
func (a *Account) invoicePaid(i *invoice, p *paymentIntent) {
	if i.status == "paid" || i.status == "void" {
		return
	}
	i.status, i.paidAt, i.nextAttempt, i.attempted = "paid", a.now, 0, true
	i.amountPaid = i.amountDue
	i.autoAdvance = false
	a.emitUpdate("invoice.updated", i)
	a.emit("invoice.paid", i)
	a.emit("invoice.payment_succeeded", i)
	if p != nil {
		for _, pay := range i.payments {
			if pay.intent == p {
				pay.status, pay.paidAt = "paid", a.now
				a.emit("invoice_payment.paid", pay)
			}
		}
	}
	a.afterSettled(i)
}

// paidOutOfBand books money that came another way: no intent, no attempt, no
// invoice.payment_succeeded.
func (a *Account) paidOutOfBand(i *invoice) {
	i.status, i.paidAt, i.nextAttempt = "paid", a.now, 0
	i.amountPaid, i.outOfBand, i.autoAdvance = i.amountDue, true, false
	a.dropIntent(i, "void_invoice")
	a.emitUpdate("invoice.updated", i)
	a.emit("invoice.paid", i)
	a.afterSettled(i)
}

func (a *Account) dropIntent(i *invoice, reason string) {
	if i.intent == nil {
		return
	}
	a.cancelIntent(i.intent, reason)
	for _, pay := range i.payments {
		if pay.status == "open" {
			pay.status, pay.canceledAt = "canceled", a.now
		}
	}
}

// afterSettled lets the subscription go on when the invoice that held it up
// is paid, void or uncollectible.
func (a *Account) afterSettled(i *invoice) {
	s := i.subscription
	if s == nil || s.ended() {
		return
	}
	if s.pending != nil && s.pending.invoice == i && i.status == "paid" {
		a.applyPending(s)
	}
	switch s.status {
	case "incomplete", "paused":
		if i.status == "paid" && (s.status == "incomplete" || s.resuming == i) {
			resumed := s.status == "paused"
			s.resuming = nil
			a.setStatus(s, "active")
			if resumed {
				a.emit("customer.subscription.resumed", s)
				a.plan(s)
			}
		}
	case "past_due", "unpaid":
		if !s.owes() {
			a.setStatus(s, "active")
		}
	}
}

// voidInvoice is final. The subscription's first invoice takes the
// subscription with it.
func (a *Account) voidInvoice(i *invoice) {
	i.status, i.voidedAt, i.nextAttempt, i.autoAdvance = "void", a.now, 0, false
	a.dropIntent(i, "void_invoice")
	a.emitUpdate("invoice.updated", i)
	a.emit("invoice.voided", i)
	s := i.subscription
	if s != nil && s.status == "incomplete" && i.reason == "subscription_create" {
		a.expireIncomplete(s)
		return
	}
	a.afterSettled(i)
}
