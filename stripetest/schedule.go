package stripetest

import "slices"

// schedule is https://docs.stripe.com/api/subscription_schedules/object.
type schedule struct {
	base
	customer     *customer
	subscription *subscription
	released     string // the subscription's id, after the release
	status       string // not_started, active, completed, released, canceled
	endBehavior  string // release, cancel
	phases       []*phase
	current      int
	flexible     bool

	canceledAt, completedAt, releasedAt int64
}

type phase struct {
	items      []phaseItem
	start, end int64
	proration  string
	trialEnd   int64
	metadata   map[string]string
}

type phaseItem struct {
	price    *price
	quantity int64
}

func (s *schedule) render() Object {
	mode := Object{"type": "classic", "flexible": nil}
	if s.flexible {
		mode = Object{"type": "flexible", "flexible": Object{"proration_discounts": "included"}, "updated_at": s.created}
	}
	o := Object{
		"id": s.id, "object": "subscription_schedule", "application": nil, "billing_mode": mode,
		"canceled_at": optional(s.canceledAt), "completed_at": optional(s.completedAt),
		"created": s.created, "current_phase": nil, "customer": s.customer.id,
		"default_settings": Object{
			"application_fee_percent": nil, "automatic_tax": Object{"disabled_reason": nil, "enabled": false, "liability": nil},
			"billing_cycle_anchor": "automatic", "billing_thresholds": nil, "collection_method": "charge_automatically",
			"default_payment_method": nil, "description": nil,
			"invoice_settings": Object{"account_tax_ids": nil, "days_until_due": nil, "issuer": Object{"type": "self"}},
			"on_behalf_of":     nil, "transfer_data": nil,
		},
		"end_behavior": s.endBehavior, "livemode": s.acct.cfg.Livemode, "metadata": metadata(s.metadata),
		"phases":      each(s.phases, func(p *phase) any { return p.render() }),
		"released_at": optional(s.releasedAt), "released_subscription": optional(s.released),
		"status": s.status, "subscription": nil, "test_clock": nil,
	}
	if s.status == "active" {
		p := s.phases[s.current]
		o["current_phase"] = Object{"start_date": p.start, "end_date": p.end}
	}
	if s.subscription != nil {
		o["subscription"] = s.subscription.id
	}
	if s.customer.clock != nil {
		o["test_clock"] = s.customer.clock.id
	}
	return o
}

func (p *phase) render() Object {
	return Object{
		"add_invoice_items": []any{}, "application_fee_percent": nil, "billing_cycle_anchor": nil,
		"billing_thresholds": nil, "collection_method": nil, "currency": p.items[0].price.currency,
		"default_payment_method": nil, "default_tax_rates": []any{}, "description": nil, "discounts": []any{},
		"end_date": p.end, "invoice_settings": nil,
		"items": each(p.items, func(i phaseItem) any {
			return Object{
				"billing_thresholds": nil, "discounts": []any{}, "metadata": Object{}, "price": i.price.id,
				"quantity": i.quantity, "tax_rates": []any{}, "_plan": i.price.id,
			}
		}),
		"metadata": metadata(p.metadata), "on_behalf_of": nil, "proration_behavior": p.proration,
		"start_date": p.start, "transfer_data": nil, "trial_end": optional(p.trialEnd),
	}
}

func createSchedule(a *Account, r apiRequest) (Object, *Error) {
	in := r.params
	s := &schedule{base: a.newBase(a.ids.long("sub_sched", a.now)), status: "active", endBehavior: "release"}
	s.flexible = r.version >= "2025-09-30"
	s.metadata = in.mergeMetadata(nil)
	if id := in.str("from_subscription"); id != "" {
		sub, ok := a.subscriptions.get(id)
		switch {
		case !ok || sub.ended():
			return nil, noSuchParam("subscription", id, "from_subscription")
		case sub.schedule != nil:
			return nil, invalid("from_subscription", "You cannot migrate a subscription that is already attached to a schedule: `%s`.", sub.schedule.id)
		case in.has("phases"):
			return nil, invalid("phases", "You cannot set `phases` if `from_subscription` is set.")
		}
		s.customer, s.subscription, s.flexible = sub.customer, sub, sub.flexible
		p := &phase{proration: "create_prorations", trialEnd: sub.trialEnd}
		p.start, p.end = sub.period()
		for _, i := range sub.items {
			p.items = append(p.items, phaseItem{i.price, i.quantity})
		}
		s.phases = []*phase{p}
		add(a, &a.schedules, s)
		sub.schedule = s
		a.emit("subscription_schedule.created", s)
		a.emitUpdate("customer.subscription.updated", sub)
		a.planSchedule(s)
		return s.render(), nil
	}
	c, err := a.customerParam(in)
	if err != nil {
		return nil, err
	}
	s.customer = c
	s.endBehavior = in.oneOf("end_behavior", "release", "cancel")
	start := a.now
	if in.has("start_date") && in.str("start_date") != "now" {
		start = in.integer("start_date")
	}
	if s.phases, err = a.readPhases(in, start); err != nil {
		return nil, err
	}
	s.status = "not_started"
	add(a, &a.schedules, s)
	if s.phases[0].start <= a.now {
		a.startSchedule(s)
		a.emit("subscription_schedule.created", s)
	} else {
		a.emit("subscription_schedule.created", s)
		a.at(s.phases[0].start, func() {
			if s.status == "not_started" {
				a.startSchedule(s)
				a.emitUpdate("subscription_schedule.updated", s)
			}
		})
	}
	return s.render(), nil
}

// startSchedule makes the subscription of a schedule that began without one.
func (a *Account) startSchedule(s *schedule) {
	p := s.phases[0]
	sub := &subscription{
		base: a.newBase(a.ids.long("sub", a.now)), customer: s.customer, status: "active", anchor: a.now,
		startDate: a.now, missingPM: "create_invoice", settings: "off", flexible: s.flexible,
		collection: "charge_automatically", schedule: s, trialEnd: p.trialEnd,
	}
	for _, i := range p.items {
		item := &subscriptionItem{base: a.newBase(a.ids.short("si")), subscription: sub, price: i.price, quantity: i.quantity}
		sub.items = append(sub.items, item)
	}
	if sub.trialEnd != 0 {
		sub.trialStart, sub.anchor = a.now, sub.trialEnd
	}
	s.subscription, s.status = sub, "active"
	sub.begin()
	a.start(sub, startOptions{})
	a.planSchedule(s)
}

// readPhases reads phases[]; each begins where the one before ended.
func (a *Account) readPhases(in *params, start int64) ([]*phase, *Error) {
	var phases []*phase
	for _, p := range in.elements("phases") {
		ph := &phase{start: start, proration: p.oneOf("proration_behavior", "create_prorations", "always_invoice", "none")}
		if p.has("start_date") && p.str("start_date") != "now" {
			ph.start = p.integer("start_date")
		}
		ph.metadata = p.mergeMetadata(nil)
		for _, i := range p.elements("items") {
			price, err := a.priceParam(i)
			if err != nil {
				return nil, err
			}
			quantity := int64(1)
			if i.has("quantity") {
				quantity = i.positive("quantity")
			}
			ph.items = append(ph.items, phaseItem{price, quantity})
		}
		if len(ph.items) == 0 {
			return nil, missingParam(p.at("items").name)
		}
		period := ph.items[0].price.period
		switch duration := p.at("duration"); {
		case p.has("end_date"):
			ph.end = p.integer("end_date")
		case duration.has("interval"):
			unit := duration.oneOf("interval", "month", "day", "week", "year")
			ph.end = interval{unit, max(1, duration.integer("interval_count"))}.after(ph.start, 1)
		default:
			ph.end = period.after(ph.start, int(max(1, p.integer("iterations"))))
		}
		if p.boolean("trial") {
			ph.trialEnd = ph.end
		} else if p.has("trial_end") {
			ph.trialEnd = p.integer("trial_end")
		}
		if ph.end <= ph.start && in.err() == nil {
			return nil, invalid(p.at("end_date").name, "The phase end_date must be after its start_date.")
		}
		start = ph.end
		phases = append(phases, ph)
	}
	if len(phases) == 0 {
		return nil, missingParam("phases")
	}
	return phases, in.err()
}

func (a *Account) scheduleOf(r apiRequest) (*schedule, *Error) {
	s, ok := a.schedules.get(r.id)
	if !ok {
		return nil, noSuch("subscription_schedule", r.id)
	}
	return s, nil
}

func (s *schedule) over() bool {
	return s.status == "completed" || s.status == "released" || s.status == "canceled"
}

func updateSchedule(a *Account, r apiRequest) (Object, *Error) {
	s, err := a.scheduleOf(r)
	if err != nil {
		return nil, err
	}
	if s.over() {
		return nil, invalid("", "You cannot update a subscription schedule that is currently in the `%s` status. It must be in one of the following statuses: not_started, active.", s.status)
	}
	in := r.params
	phases := s.phases
	if in.has("phases") {
		if phases, err = a.readPhases(in, s.phases[0].start); err != nil {
			return nil, err
		}
		current := s.phases[s.current]
		k := slices.IndexFunc(phases, func(p *phase) bool { return p.start == current.start })
		if k < 0 {
			return nil, invalid("phases", "The subscription schedule update is missing the current phase. The current phase must be present and its start_date must not change.")
		}
		s.current = k
	}
	behavior := in.oneOf("end_behavior", s.endBehavior, "release", "cancel")
	meta := in.mergeMetadata(s.metadata)
	if err := in.err(); err != nil {
		return nil, err
	}
	s.phases, s.endBehavior, s.metadata = phases, behavior, meta
	a.emitUpdate("subscription_schedule.updated", s)
	if s.status == "active" {
		a.followPhase(s, s.phases[s.current].proration)
		a.planSchedule(s)
	}
	return s.render(), nil
}

// planSchedule waits for the end of the current phase. Where that is the end
// of the subscription's period, the renewal sees to it.
func (a *Account) planSchedule(s *schedule) {
	end := s.phases[s.current].end
	a.at(end, func() {
		if s.status != "active" || s.phases[s.current].end != end {
			return
		}
		if _, period := s.subscription.period(); period != end {
			a.schedulePhase(s)
		}
	})
	if s.current == len(s.phases)-1 && end-7*day > a.now {
		a.at(end-7*day, func() {
			if s.status == "active" && s.phases[s.current].end == end && s.current == len(s.phases)-1 {
				a.emit("subscription_schedule.expiring", s)
			}
		})
	}
}

// schedulePhase moves on when the current phase is over, and says whether that
// ended the subscription.
func (a *Account) schedulePhase(s *schedule) bool {
	if s.status != "active" || s.phases[s.current].end > a.now {
		return false
	}
	if s.current == len(s.phases)-1 {
		if s.endBehavior == "cancel" {
			sub := s.subscription
			s.status, s.completedAt = "completed", a.now
			sub.schedule = nil
			a.emitUpdate("subscription_schedule.updated", s)
			a.emit("subscription_schedule.completed", s)
			a.endSubscription(sub, "cancellation_requested")
			return true
		}
		a.release(s)
		return false
	}
	s.current++
	behavior := s.phases[s.current].proration
	if _, end := s.subscription.period(); end == a.now {
		behavior = "none" // nothing of the old period is left
	}
	a.followPhase(s, behavior)
	a.emitUpdate("subscription_schedule.updated", s)
	a.planSchedule(s)
	return false
}

// followPhase gives the subscription the items of the current phase. Items
// keep their ids, by position.
func (a *Account) followPhase(s *schedule, behavior string) {
	sub := s.subscription
	start, end := sub.period()
	var items []*subscriptionItem
	changed := len(sub.items) != len(s.phases[s.current].items)
	for k, want := range s.phases[s.current].items {
		item := &subscriptionItem{base: a.newBase(""), subscription: sub, price: want.price, quantity: want.quantity}
		switch {
		case k < len(sub.items) && sub.items[k].price == want.price && sub.items[k].quantity == want.quantity:
			item = sub.items[k]
		case k < len(sub.items):
			item.base, changed = sub.items[k].base, true
		default:
			item.id, changed = a.ids.short("si"), true
		}
		item.start, item.end = start, end
		items = append(items, item)
	}
	if !changed {
		return
	}
	restart := items[0].price.period != sub.interval()
	if end == a.now {
		// The renewal that follows bills the new items, and tells of them.
		if restart {
			sub.anchor = a.now
		}
		sub.items = items
		return
	}
	a.applyChange(sub, change{items: items, behavior: behavior, restart: restart, at: a.now})
}

// release lets the subscription go on by itself.
func (a *Account) release(s *schedule) {
	sub := s.subscription
	s.status, s.releasedAt = "released", a.now
	if sub != nil {
		s.released, s.subscription = sub.id, nil
		sub.schedule = nil
	}
	a.emitUpdate("subscription_schedule.updated", s)
	a.emit("subscription_schedule.released", s)
	if sub != nil {
		if _, end := sub.period(); end != a.now {
			a.emitUpdate("customer.subscription.updated", sub)
		}
	}
}

// endSchedule is for a schedule whose subscription has ended: aborted where that
// was for its debts.
// https://docs.stripe.com/api/events/types#event_types-subscription_schedule.aborted
func (a *Account) endSchedule(s *schedule, reason string) {
	s.status, s.canceledAt = "canceled", a.now
	if s.subscription != nil {
		s.subscription.schedule = nil
	}
	if reason == "payment_failed" {
		a.emit("subscription_schedule.aborted", s)
		return
	}
	a.emit("subscription_schedule.canceled", s)
}

func releaseSchedule(a *Account, r apiRequest) (Object, *Error) {
	s, err := a.scheduleOf(r)
	if err != nil {
		return nil, err
	}
	if s.over() {
		return nil, invalid("", "You cannot release a subscription schedule that is currently in the `%s` status.", s.status)
	}
	a.release(s)
	return s.render(), nil
}

func cancelSchedule(a *Account, r apiRequest) (Object, *Error) {
	s, err := a.scheduleOf(r)
	if err != nil {
		return nil, err
	}
	if s.over() {
		return nil, invalid("", "You cannot cancel a subscription schedule that is currently in the `%s` status.", s.status)
	}
	if sub := s.subscription; sub != nil {
		a.endSubscription(sub, "cancellation_requested")
	} else {
		a.endSchedule(s, "cancellation_requested")
	}
	return s.render(), nil
}

func listSchedules(a *Account, r apiRequest) (Object, *Error) {
	customer := r.params.str("customer")
	return page(a, r, a.schedules.order, func(s *schedule) bool {
		return customer == "" || s.customer.id == customer
	})
}
