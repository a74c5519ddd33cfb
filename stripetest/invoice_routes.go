package stripetest

func (a *Account) invoiceOf(r apiRequest, statuses ...string) (*invoice, *Error) {
	i, ok := a.invoices.get(r.id)
	if !ok || i.deleted {
		return nil, noSuch("invoice", r.id)
	}
	for _, status := range statuses {
		if i.status == status {
			return i, nil
		}
	}
	if len(statuses) == 0 {
		return i, nil
	}
	if i.status == "paid" {
		return nil, invalidCode("invoice_already_paid", "", "Invoice is already paid")
	}
	return nil, invalid("", "This invoice is %s, so the action cannot be taken on it.", i.status)
}

func createInvoice(a *Account, r apiRequest) (Object, *Error) {
	in := r.params
	c, err := a.customerParam(in)
	if err != nil {
		return nil, err
	}
	i := a.newInvoice(c, "manual")
	i.collection = in.oneOf("collection_method", "charge_automatically", "send_invoice")
	i.autoAdvance = in.boolean("auto_advance")
	i.description, i.footer = in.str("description"), in.str("footer")
	i.automaticTax = in.at("automatic_tax").boolean("enabled")
	if days := in.positive("days_until_due"); days != 0 {
		i.dueDate = a.now + days*day
	}
	if due := in.positive("due_date"); due != 0 {
		i.dueDate = due
	}
	if i.collection == "send_invoice" && i.dueDate == 0 && in.err() == nil {
		return nil, missingParam("days_until_due")
	}
	if currency := in.str("currency"); currency != "" {
		i.currency = currency
	}
	if id := in.str("default_payment_method"); id != "" {
		pm, err := c.ownMethod(id, "default_payment_method")
		if err != nil {
			return nil, err
		}
		i.defaultPM = pm
	}
	i.metadata = in.mergeMetadata(nil)
	rates, err := a.taxRatesOf(in, "default_tax_rates")
	if err != nil {
		return nil, err
	}
	i.rates = rates
	if i.automaticTax {
		if rate := a.automaticRate(c); rate != nil {
			i.rates = []*taxRate{rate}
		}
	}
	include := in.oneOf("pending_invoice_items_behavior", "exclude", "include")
	if err := in.err(); err != nil {
		return nil, err
	}
	if include == "include" {
		a.pullItems(i, nil)
	}
	a.openInvoice(i)
	return i.render(), nil
}

func updateInvoice(a *Account, r apiRequest) (Object, *Error) {
	i, err := a.invoiceOf(r)
	if err != nil {
		return nil, err
	}
	in := r.params
	draft := *i
	draft.metadata = in.mergeMetadata(i.metadata)
	if in.has("auto_advance") {
		draft.autoAdvance = in.boolean("auto_advance")
	}
	if in.has("description") || in.has("footer") || in.has("due_date") {
		if i.status != "draft" {
			return nil, invalidCode("invoice_not_editable", "", "Finalized invoices can't be updated in this way.")
		}
		if in.has("description") {
			draft.description = in.str("description")
		}
		if in.has("footer") {
			draft.footer = in.str("footer")
		}
		if in.has("due_date") {
			draft.dueDate = in.positive("due_date")
		}
	}
	if id := in.str("default_payment_method"); id != "" {
		pm, err := i.customer.ownMethod(id, "default_payment_method")
		if err != nil {
			return nil, err
		}
		draft.defaultPM = pm
	}
	if err := in.err(); err != nil {
		return nil, err
	}
	*i = draft
	a.emitUpdate("invoice.updated", i)
	return i.render(), nil
}

func deleteInvoice(a *Account, r apiRequest) (Object, *Error) {
	i, err := a.invoiceOf(r)
	if err != nil {
		return nil, err
	}
	if i.status != "draft" || i.subscription != nil {
		return nil, invalid("", "You can only delete draft invoices that no subscription made.")
	}
	i.deleted = true
	a.emit("invoice.deleted", i)
	return Object{"id": i.id, "object": "invoice", "deleted": true}, nil
}

func finalizeInvoice(a *Account, r apiRequest) (Object, *Error) {
	i, err := a.invoiceOf(r, "draft")
	if err != nil {
		return nil, err
	}
	if r.params.has("auto_advance") {
		i.autoAdvance = r.params.boolean("auto_advance")
	}
	if err := r.params.err(); err != nil {
		return nil, err
	}
	a.finalize(i)
	if i.autoAdvance && i.status == "open" {
		a.at(a.now+hour, func() {
			if !i.attempted {
				a.collect(i)
			}
		})
	}
	return i.render(), nil
}

// payInvoiceRoute pays on demand, on behalf of the customer. An attempt of
// this sort does not advance the retry schedule.
func payInvoiceRoute(a *Account, r apiRequest) (Object, *Error) {
	i, err := a.invoiceOf(r, "draft", "open", "uncollectible")
	if err != nil {
		return nil, err
	}
	in := r.params
	outOfBand, offSession := in.boolean("paid_out_of_band"), true
	if in.has("off_session") {
		offSession = in.boolean("off_session")
	}
	method := i.payer()
	if id := in.str("payment_method"); id != "" {
		named, err := a.magicMethod(id, "payment_method", nil)
		if err != nil {
			return nil, err
		}
		if named.customer != nil && named.customer != i.customer {
			return nil, invalid("payment_method", "The payment method %s does not belong to the customer of the invoice.", id)
		}
		method = named
	}
	if err := in.err(); err != nil {
		return nil, err
	}
	if i.status == "draft" {
		a.finalize(i)
		if i.status == "paid" {
			return i.render(), nil
		}
	}
	if outOfBand {
		a.paidOutOfBand(i)
		return i.render(), nil
	}
	result, failure := a.payInvoice(i, payment{method: method, offSession: offSession})
	if result == declinedPayment || result == needsAction {
		return nil, failure
	}
	return i.render(), nil
}

func voidInvoiceRoute(a *Account, r apiRequest) (Object, *Error) {
	i, err := a.invoiceOf(r, "open", "uncollectible")
	if err != nil {
		return nil, err
	}
	a.voidInvoice(i)
	return i.render(), nil
}

func markUncollectible(a *Account, r apiRequest) (Object, *Error) {
	i, err := a.invoiceOf(r, "open")
	if err != nil {
		return nil, err
	}
	i.status, i.uncollectibleAt, i.nextAttempt, i.autoAdvance = "uncollectible", a.now, 0, false
	a.emitUpdate("invoice.updated", i)
	a.emit("invoice.marked_uncollectible", i)
	a.afterSettled(i)
	return i.render(), nil
}

func sendInvoice(a *Account, r apiRequest) (Object, *Error) {
	i, err := a.invoiceOf(r, "draft", "open")
	if err != nil {
		return nil, err
	}
	if i.status == "draft" {
		a.finalize(i)
	}
	if i.status == "open" && i.collection != "send_invoice" {
		a.emit("invoice.sent", i)
	}
	return i.render(), nil
}

func listInvoices(a *Account, r apiRequest) (Object, *Error) {
	in := r.params
	customer, subscription, status := in.str("customer"), in.str("subscription"), in.str("status")
	collection := in.str("collection_method")
	return page(a, r, a.invoices.order, func(i *invoice) bool {
		return !i.deleted && (customer == "" || i.customer.id == customer) &&
			(subscription == "" || i.subscription != nil && i.subscription.id == subscription) &&
			(status == "" || i.status == status) && (collection == "" || i.collection == collection)
	})
}

// Authenticate is what the customer does on the hosted invoice page when the
// bank wants the payment confirmed: the payment then goes through.
func (a *Account) Authenticate(invoice string) error {
	return a.do(func() *Error {
		i, ok := a.invoices.get(invoice)
		if !ok {
			return noSuch("invoice", invoice)
		}
		if i.intent == nil || i.intent.status != "requires_action" {
			return invalid("", "Invoice %s waits for no confirmation.", invoice)
		}
		a.authenticate(i.intent)
		a.invoicePaid(i, i.intent)
		return nil
	})
}
