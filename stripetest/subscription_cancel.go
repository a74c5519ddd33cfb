package stripetest

// cancelSubscription ends it now; at the period's end is an update.
// https://docs.stripe.com/api/subscriptions/cancel
func cancelSubscription(a *Account, r apiRequest) (Object, *Error) {
	s, err := a.subscriptionOf(r)
	if err != nil {
		return nil, err
	}
	if s.ended() {
		return nil, noSuch("subscription", r.id)
	}
	in := r.params
	prorate, invoiceNow := in.boolean("prorate"), in.boolean("invoice_now")
	details := in.at("cancellation_details")
	comment, feedback := details.str("comment"), details.str("feedback")
	if err := in.err(); err != nil {
		return nil, err
	}
	if details.has("comment") {
		s.cancelComment = comment
	}
	if details.has("feedback") {
		s.cancelFeedback = feedback
	}
	var credits []*line
	if prorate && s.status != "trialing" {
		for _, item := range s.items {
			credits = append(credits, s.unused(item, a.now))
		}
	}
	var last *invoice
	if invoiceNow {
		last = s.meteredRest()
	}
	// What was scheduled is void; canceled_at keeps the time of the first
	// request.
	s.cancelAt, s.cancelAtPeriodEnd = 0, false
	for _, l := range credits {
		l.currency = s.currency
		a.newInvoiceItem(s.customer, l)
	}
	if invoiceNow && (last != nil || len(credits) > 0) {
		if last == nil {
			last = a.invoiceFor(s, "subscription_cycle")
		}
		a.pullItems(last, s)
	}
	a.endSubscription(s, "cancellation_requested")
	if last != nil {
		a.bill(last, false)
	}
	return s.render(), nil
}

// PortalCancel is what a customer does in the customer portal: cancel at the
// end of the period. In flexible billing mode that sets cancel_at and leaves
// cancel_at_period_end false, in classic mode it sets both.
// https://docs.stripe.com/billing/subscriptions/billing-mode/compare
func (a *Account) PortalCancel(subscription string) error {
	return a.do(func() *Error {
		s, ok := a.subscriptions.get(subscription)
		if !ok || s.ended() {
			return noSuch("subscription", subscription)
		}
		_, end := s.period()
		s.cancelAt, s.canceledAt, s.cancelReason = end, a.now, "cancellation_requested"
		s.cancelAtPeriodEnd = !s.flexible
		a.planCancel(s)
		a.emitUpdate("customer.subscription.updated", s)
		return nil
	})
}

// PortalResume takes a scheduled cancellation back, in the customer portal.
func (a *Account) PortalResume(subscription string) error {
	_, err := a.Post("/v1/subscriptions/"+subscription, Form{"cancel_at_period_end": "false"})
	return err
}

// ReportUsage adds to what a metered item has used in its current period.
func (a *Account) ReportUsage(item string, quantity int64) error {
	return a.do(func() *Error {
		for _, s := range a.subscriptions.order {
			for _, i := range s.items {
				if i.id != item {
					continue
				}
				if i.price.usage != "metered" {
					return invalid("item", "The price of %s is not metered.", item)
				}
				i.usage += quantity
				return nil
			}
		}
		return noSuch("subscription_item", item)
	})
}

func listSubscriptions(a *Account, r apiRequest) (Object, *Error) {
	in := r.params
	customer, price, status := in.str("customer"), in.str("price"), in.str("status")
	collection := in.str("collection_method")
	return page(a, r, a.subscriptions.order, func(s *subscription) bool {
		switch status {
		case "all":
		case "":
			if s.ended() {
				return false
			}
		case "ended":
			if !s.ended() {
				return false
			}
		default:
			if s.status != status {
				return false
			}
		}
		found := price == ""
		for _, i := range s.items {
			found = found || i.price.id == price
		}
		return found && (customer == "" || s.customer.id == customer) && (collection == "" || s.collection == collection)
	})
}
