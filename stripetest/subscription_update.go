package stripetest

import (
	"net/http"
	"slices"
)

func (a *Account) subscriptionOf(r apiRequest) (*subscription, *Error) {
	s, ok := a.subscriptions.get(r.id)
	if !ok {
		return nil, noSuch("subscription", r.id)
	}
	return s, nil
}

func updateSubscription(a *Account, r apiRequest) (Object, *Error) {
	s, err := a.subscriptionOf(r)
	if err != nil {
		return nil, err
	}
	in := r.params
	if s.ended() {
		for _, key := range in.keys {
			if key != "metadata" && key != "cancellation_details" && key != "expand" {
				return nil, invalid("", "A canceled subscription can only update its cancellation_details and metadata.")
			}
		}
	}
	if s.schedule != nil && (in.has("cancel_at_period_end") || in.has("cancel_at")) {
		return nil, invalid("", "The subscription is managed by the subscription schedule `%s`, and updating any cancelation behavior directly is not allowed. Please update the schedule instead.", s.schedule.id)
	}
	draft := *s
	if err := draft.applySettings(in); err != nil {
		return nil, err
	}
	change, err := a.itemChange(s, in)
	if err != nil {
		return nil, err
	}
	if change.refuse && change.immediate() && s.payer().fails() {
		return nil, &Error{
			Status: http.StatusPaymentRequired, Type: "card_error", Code: "card_declined",
			DeclineCode: "generic_decline", Message: "Your card was declined.",
		}
	}
	// From here nothing can fail: the draft becomes the subscription.
	rescheduled := draft.cancelAt != s.cancelAt && draft.cancelAt != 0
	*s = draft
	if in.has("discounts") {
		if s.discounts, err = a.redeem(in, s.discounts); err != nil {
			return nil, err
		}
	}
	if rescheduled {
		a.planCancel(s)
	}
	if at := s.pauseResumes; at != 0 && in.has("pause_collection") {
		a.at(at, func() {
			if s.pauseResumes == at {
				s.pauseBehavior, s.pauseResumes = "", 0
				a.emitUpdate("customer.subscription.updated", s)
			}
		})
	}
	a.applyChange(s, change)
	return s.render(), nil
}

// applySettings reads what changes neither items nor money.
func (s *subscription) applySettings(in *params) *Error {
	s.metadata = in.mergeMetadata(s.metadata)
	if in.has("description") {
		s.description = in.str("description")
	}
	if in.has("default_payment_method") {
		s.defaultPM = nil
		if id := in.str("default_payment_method"); id != "" {
			pm, err := s.customer.ownMethod(id, "default_payment_method")
			if err != nil {
				return err
			}
			s.defaultPM = pm
		}
	}
	if in.has("collection_method") {
		s.collection = in.oneOf("collection_method", "charge_automatically", "send_invoice")
	}
	if in.has("days_until_due") {
		s.daysDue = in.positive("days_until_due")
	}
	if in.at("automatic_tax").has("enabled") {
		s.autoTax = in.at("automatic_tax").boolean("enabled")
	}
	if in.has("default_tax_rates") {
		rates, err := s.acct.taxRatesOf(in, "default_tax_rates")
		if err != nil {
			return err
		}
		s.rates = rates
	}
	if end := in.at("trial_settings").at("end_behavior"); end.has("missing_payment_method") {
		s.missingPM = end.oneOf("missing_payment_method", "create_invoice", "cancel", "pause")
	}
	if pause := in.at("pause_collection"); in.cleared("pause_collection") {
		s.pauseBehavior, s.pauseResumes = "", 0
	} else if len(pause.keys) > 0 {
		pause.need("behavior")
		s.pauseBehavior = pause.oneOf("behavior", "keep_as_draft", "mark_uncollectible", "void")
		s.pauseResumes = pause.positive("resumes_at")
	}
	if why := in.at("cancellation_details"); len(why.keys) > 0 {
		s.cancelComment, s.cancelFeedback = why.str("comment"), why.str("feedback")
	}
	return s.applyCancel(in)
}

// applyCancel schedules or unschedules a cancellation. The period's end is set
// as cancel_at too.
func (s *subscription) applyCancel(in *params) *Error {
	now := s.acct.now
	_, end := s.period()
	if in.has("cancel_at_period_end") && in.has("cancel_at") {
		return invalid("cancel_at", "You may only specify one of these parameters: cancel_at, cancel_at_period_end.")
	}
	switch {
	case in.boolean("cancel_at_period_end"):
		s.cancelAt, s.cancelAtPeriodEnd, s.canceledAt = end, true, now
		s.cancelReason = "cancellation_requested"
	case in.has("cancel_at_period_end"), in.cleared("cancel_at"):
		if s.cancelAt != 0 {
			s.cancelAt, s.cancelAtPeriodEnd, s.canceledAt, s.cancelReason = 0, false, 0, ""
		}
	case in.str("cancel_at") == "min_period_end", in.str("cancel_at") == "max_period_end":
		s.cancelAt, s.cancelAtPeriodEnd, s.canceledAt, s.cancelReason = end, false, now, "cancellation_requested"
	case in.has("cancel_at"):
		at := in.positive("cancel_at")
		if at <= now && in.err() == nil {
			return invalid("cancel_at", "Timestamp cannot be in the past.")
		}
		s.cancelAt, s.cancelAtPeriodEnd, s.canceledAt, s.cancelReason = at, false, now, "cancellation_requested"
	}
	return in.err()
}

// change is what an update does to the items and the cycle.
type change struct {
	items    []*subscriptionItem // as they will be; nil if they stay
	behavior string              // proration_behavior
	restart  bool                // the billing cycle begins now
	endTrial bool
	trialEnd int64 // the trial's new end
	at       int64 // what prorations count from
	pending  bool  // pending_if_incomplete
	refuse   bool  // error_if_incomplete
	unpaid   bool  // default_incomplete
}

// immediate says that the change makes an invoice at once.
func (c change) immediate() bool {
	return c.restart || c.endTrial || c.items != nil && c.behavior == "always_invoice"
}

func (a *Account) itemChange(s *subscription, in *params) (change, *Error) {
	c := change{
		behavior: in.oneOf("proration_behavior", "create_prorations", "always_invoice", "none"), at: a.now,
	}
	switch in.oneOf("payment_behavior", "allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete") {
	case "pending_if_incomplete":
		c.pending = true
	case "error_if_incomplete":
		c.refuse = true
	case "default_incomplete":
		c.unpaid = true
	}
	if at := in.positive("proration_date"); at != 0 {
		start, end := s.period()
		if at < start || at > end {
			return c, invalid("proration_date", "proration_date must be within the current period.")
		}
		c.at = at
	}
	c.restart = in.oneOf("billing_cycle_anchor", "unchanged", "now") == "now"
	switch end := in.str("trial_end"); {
	case end == "now":
		c.endTrial = s.status == "trialing"
	case end != "":
		if c.trialEnd = in.integer("trial_end"); c.trialEnd <= a.now && in.err() == nil {
			return c, invalid("trial_end", "Invalid timestamp: must be an integer Unix timestamp in the future.")
		}
	}
	if !in.has("items") {
		return c, in.err()
	}
	items := slices.Clone(s.items)
	for _, p := range in.elements("items") {
		var err *Error
		if items, err = a.changeItem(s, items, p); err != nil {
			return c, err
		}
	}
	if len(items) == 0 {
		return c, invalid("items", "A subscription must have at least one item.")
	}
	trial := &subscription{base: s.base, items: items, currency: s.currency}
	if err := trial.checkItems("items"); err != nil {
		return c, err
	}
	if !slices.Equal(items, s.items) {
		c.items = items
		c.restart = c.restart || items[0].price.period != s.items[0].price.period
	}
	return c, in.err()
}

func (a *Account) changeItem(s *subscription, items []*subscriptionItem, p *params) ([]*subscriptionItem, *Error) {
	id := p.str("id")
	if id == "" {
		item, err := a.newItem(s, p)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(items, func(i *subscriptionItem) bool { return i.price == item.price }) {
			return nil, invalid(p.at("price").name, "Cannot add multiple subscription items with the same price: %s", item.price.id)
		}
		item.start, item.end = s.period()
		return append(items, item), nil
	}
	k := slices.IndexFunc(items, func(i *subscriptionItem) bool { return i.id == id })
	if k < 0 {
		return nil, invalidCode("resource_missing", p.at("id").name, "No such subscription_item: '%s'", id)
	}
	if p.boolean("deleted") {
		return slices.Delete(items, k, k+1), p.err()
	}
	item := *items[k]
	if p.has("price") || p.has("plan") || p.has("price_data") {
		price, err := a.priceParam(p)
		if err != nil {
			return nil, err
		}
		if !price.recurring {
			return nil, invalid(p.at("price").name, "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.")
		}
		item.price = price
	}
	if p.has("quantity") {
		item.quantity = p.positive("quantity")
	}
	item.metadata = p.mergeMetadata(item.metadata)
	if item.price != items[k].price || item.quantity != items[k].quantity || p.has("metadata") {
		items[k] = &item
	}
	return items, p.err()
}
