package stripetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrUnknownEvent is that of BuildEvent for a type without a recipe.
var ErrUnknownEvent = errors.New("stripetest: no recipe for this event type")

// EventOptions shape one event that is built offline.
type EventOptions struct {
	Tenant     string // acme if empty
	Customer   string // the customer's id; one from the seed if empty
	APIVersion string // DefaultVersion if empty
	// At is when the event was created; DefaultStart if zero. Where the lengths
	// of months do not allow that very second, it is up to four days earlier.
	At   time.Time
	Seed uint64
	// Set changes the event afterwards: "path=value", the path from
	// data.object unless it begins with "data." or names a field of the
	// envelope ("id", "account"). The value is JSON, else a string.
	Set []string
}

// recipe says which scenario has an event of a type.
type recipe struct {
	scenario string
	// story is for types that need steps of their own.
	story func(*story)
}

// recipes has a row for every event type that can be built.
var recipes = map[string]recipe{
	"checkout.session.completed":               {scenario: "checkout-paid"},
	"checkout.session.async_payment_succeeded": {scenario: "checkout-async"},
	"checkout.session.async_payment_failed": {story: func(s *story) {
		s.signUp("price_pro_monthly", Form{"card": "pm_sepaDebit_failed"})
		s.days(4)
	}},
	"checkout.session.expired":      {scenario: "checkout-abandoned"},
	"customer.created":              {scenario: "checkout-paid"},
	"customer.updated":              {scenario: "renewal-fails-recovers"},
	"customer.deleted":              {scenario: "customer-deleted"},
	"customer.subscription.created": {scenario: "checkout-paid"},
	"customer.subscription.updated": {scenario: "renewal"},
	"customer.subscription.deleted": {scenario: "cancel-at-period-end"},
	"customer.subscription.paused":  {scenario: "trial-pauses"},
	"customer.subscription.resumed": {scenario: "trial-pauses"},
	"customer.subscription.pending_update_applied": {story: func(s *story) {
		s.signUp("price_basic_monthly", nil)
		s.useCard("pm_card_chargeCustomerFail")
		s.days(5)
		s.change("price_pro_monthly", Form{"proration_behavior": "always_invoice", "payment_behavior": "pending_if_incomplete"})
		s.useCard("pm_card_visa")
		s.post("/v1/invoices/"+s.openInvoice()+"/pay", nil)
	}},
	"customer.subscription.pending_update_expired": {scenario: "upgrade-pending"},
	"customer.subscription.trial_will_end":         {scenario: "trial-converts"},
	"subscription_schedule.created":                {scenario: "downgrade-at-period-end"},
	"subscription_schedule.updated":                {scenario: "downgrade-at-period-end"},
	"subscription_schedule.expiring":               {scenario: "downgrade-at-period-end"},
	"subscription_schedule.released":               {scenario: "downgrade-at-period-end"},
	"subscription_schedule.canceled": {story: func(s *story) {
		s.signUp("price_pro_monthly", nil)
		made := s.post("/v1/subscription_schedules", Form{"from_subscription": s.result.Subscription})
		s.post("/v1/subscription_schedules/"+made.ID()+"/cancel", nil)
	}},
	"subscription_schedule.aborted": {story: func(s *story) {
		s.signUp("price_pro_monthly", nil)
		made := s.post("/v1/subscription_schedules", Form{"from_subscription": s.result.Subscription})
		s.post("/v1/subscription_schedules/"+made.ID(), Form{
			"phases[0][items][0][price]": "price_pro_monthly",
			"phases[0][start_date]":      decimal(made.Int("phases.0.start_date")),
			"phases[0][iterations]":      "12",
		})
		s.useCard("pm_card_chargeCustomerFail")
		s.days(50)
	}},
	"subscription_schedule.completed": {story: func(s *story) {
		s.signUp("price_pro_monthly", nil)
		made := s.post("/v1/subscription_schedules", Form{"from_subscription": s.result.Subscription})
		s.post("/v1/subscription_schedules/"+made.ID(), Form{"end_behavior": "cancel"})
		s.days(32)
	}},
	"invoice.created":   {scenario: "renewal"},
	"invoice.finalized": {scenario: "renewal"},
	"invoice.updated":   {scenario: "renewal"},
	"invoice.upcoming":  {scenario: "renewal"},
	"invoice.sent":      {scenario: "invoice-sent-overdue"},
	"invoice.overdue":   {scenario: "invoice-sent-overdue"},
	"invoice.voided":    {scenario: "pause-collection"},
	"invoice.marked_uncollectible": {story: func(s *story) {
		s.signUp("price_pro_monthly", nil)
		s.useCard("pm_card_chargeCustomerFail")
		s.days(33)
		s.post("/v1/invoices/"+s.openInvoice()+"/mark_uncollectible", nil)
	}},
	"invoice.deleted": {story: func(s *story) {
		s.signUp("price_pro_monthly", nil)
		draft := s.post("/v1/invoices", Form{"customer": s.result.Customer})
		s.do(func() error { _, err := s.acct.Delete("/v1/invoices/"+draft.ID(), nil); return err })
	}},
	"invoice.paid":                    {scenario: "renewal"},
	"invoice.payment_succeeded":       {scenario: "renewal"},
	"invoice.payment_failed":          {scenario: "renewal-fails-recovers"},
	"invoice.payment_action_required": {scenario: "renewal-needs-action"},
	"invoice_payment.paid":            {scenario: "renewal"},
	"invoiceitem.created":             {scenario: "quantity-changes"},
	"payment_method.attached":         {scenario: "checkout-paid"},
	"payment_method.updated": {story: func(s *story) {
		s.signUp("price_pro_monthly", nil)
		card := s.get(s.sub(), nil).Str("default_payment_method")
		s.days(3)
		s.post("/v1/payment_methods/"+card, Form{"card[exp_month]": "6", "card[exp_year]": "2031"})
	}},
	"payment_method.automatically_updated": {scenario: "card-expires"},
	"payment_method.detached":              {scenario: "card-expires"},
	"payment_intent.created":               {scenario: "renewal"},
	"payment_intent.succeeded":             {scenario: "renewal"},
	"payment_intent.payment_failed":        {scenario: "renewal-fails-recovers"},
	"payment_intent.requires_action":       {scenario: "renewal-needs-action"},
	"payment_intent.processing":            {scenario: "checkout-async"},
	"payment_intent.canceled":              {scenario: "pause-collection"},
	"charge.succeeded":                     {scenario: "renewal"},
	"charge.failed":                        {scenario: "renewal-fails-recovers"},
	"charge.pending":                       {scenario: "checkout-async"},
	"charge.captured": {story: func(s *story) {
		c := s.post("/v1/customers", Form{"email": s.play.Email, "metadata[tenant]": s.play.Tenant})
		s.result.Customer = c.ID()
		held := s.post("/v1/payment_intents", Form{
			"customer": c.ID(), "amount": "4900", "currency": "usd", "payment_method": "pm_card_visa",
			"capture_method": "manual", "confirm": "true", "description": "An hour of help",
		})
		s.days(2)
		s.post("/v1/payment_intents/"+held.ID()+"/capture", nil)
	}},
	"charge.refunded":       {scenario: "refund-partial-then-full"},
	"charge.refund.updated": {scenario: "refund-fails"},
	"charge.updated":        {scenario: "dispute-lost"},
	"refund.created":        {scenario: "refund-partial-then-full"},
	"refund.updated":        {scenario: "refund-fails"},
	"refund.failed":         {scenario: "refund-fails"},
	"credit_note.created":   {scenario: "credit-note"},
	"credit_note.updated": {story: func(s *story) {
		s.creditNote()
		s.post("/v1/credit_notes/"+s.note, Form{"memo": "As agreed on the phone"})
	}},
	"credit_note.voided": {story: func(s *story) {
		s.signUp("price_pro_monthly", nil)
		s.useCard("pm_card_chargeCustomerFail")
		s.days(33)
		note := s.post("/v1/credit_notes", Form{"invoice": s.openInvoice(), "amount": "900"})
		s.post("/v1/credit_notes/"+note.ID()+"/void", nil)
	}},
	"charge.dispute.created":          {scenario: "dispute-lost"},
	"charge.dispute.updated":          {scenario: "dispute-lost"},
	"charge.dispute.closed":           {scenario: "dispute-lost"},
	"charge.dispute.funds_withdrawn":  {scenario: "dispute-lost"},
	"charge.dispute.funds_reinstated": {scenario: "dispute-won"},
	"product.created":                 {scenario: "catalog-changes"},
	"product.updated":                 {scenario: "catalog-changes"},
	"product.deleted":                 {scenario: "catalog-changes"},
	"price.created":                   {scenario: "catalog-changes"},
	"price.updated":                   {scenario: "catalog-changes"},
	"price.deleted": {story: func(s *story) {
		extra := s.post("/v1/prices", Form{"product": "prod_pro", "currency": "usd", "unit_amount": "1900", "recurring[interval]": "month"})
		s.days(1)
		s.do(func() error { return s.acct.DeletePrice(extra.ID()) })
	}},
	"entitlements.active_entitlement_summary.updated": {scenario: "entitlements"},
}

// TriggerTypes are the event types that BuildEvent can build, sorted.
func TriggerTypes() []string {
	types := make([]string, 0, len(recipes))
	for t := range recipes {
		types = append(types, t)
	}
	slices.Sort(types)
	return types
}

// BuildEvent makes one realistic event of a type, without an account and
// without a network: it lives through a scenario that has one and takes the
// last. Equal options give equal bytes.
func BuildEvent(typ string, o EventOptions) (Event, error) {
	r, ok := recipes[typ]
	if !ok {
		return Event{}, fmt.Errorf("%w: %s", ErrUnknownEvent, typ)
	}
	if o.At.IsZero() {
		o.At = DefaultStart
	}
	if o.APIVersion == "" {
		o.APIVersion = DefaultVersion
	}
	if !validVersion(o.APIVersion) {
		return Event{}, fmt.Errorf("stripetest: %q is no API version", o.APIVersion)
	}
	found, err := r.near(typ, o)
	if err != nil {
		return Event{}, err
	}
	if len(o.Set) == 0 {
		return found.public(o.APIVersion), nil
	}
	return found.changed(o)
}

// near finds the start of the story with which the event comes at the wanted
// time. Months differ in length, so that is done by trying; where no start
// does, the last try is an earlier one.
func (r recipe) near(typ string, o EventOptions) (*event, error) {
	start := o.At
	const tries = 5
	for try := 1; ; try++ {
		e, err := r.last(typ, start, o)
		if err != nil {
			return nil, err
		}
		off := o.At.Unix() - e.created
		if off == 0 || try > tries && off > 0 {
			return e, nil
		}
		if try >= tries {
			off = min(off, 0) - day
		}
		start = start.Add(time.Duration(off) * time.Second)
	}
}

func (r recipe) last(typ string, start time.Time, o EventOptions) (*event, error) {
	a := NewAccount(Config{Seed: o.Seed, Start: start, APIVersion: o.APIVersion, Chaos: &Chaos{}})
	a.nextCustomer = o.Customer
	run := r.story
	if run == nil {
		k := slices.IndexFunc(scenarios, func(s Scenario) bool { return s.Name == r.scenario })
		run = scenarios[k].run
	}
	s := &story{acct: a, play: Play{Tenant: o.Tenant}}
	s.play.defaults()
	s.catalog()
	run(s)
	if s.err != nil {
		return nil, fmt.Errorf("stripetest: %s: %w", typ, s.err)
	}
	for _, e := range slices.Backward(a.events) {
		if e.typ == typ {
			return e, nil
		}
	}
	return nil, fmt.Errorf("%w: %s does not happen in its own recipe", ErrUnknownEvent, typ)
}

// changed applies EventOptions.Set to the rendered event.
func (e *event) changed(o EventOptions) (Event, error) {
	rendered := e.renderIn(o.APIVersion).clone()
	for _, set := range o.Set {
		path, text, ok := strings.Cut(set, "=")
		if !ok {
			return Event{}, fmt.Errorf("stripetest: set %q: want path=value", set)
		}
		var value any = text
		var parsed any
		if err := json.Unmarshal([]byte(text), &parsed); err == nil {
			value = fromJSON(parsed, text)
		}
		key, _, _ := strings.Cut(path, ".")
		if _, envelope := rendered[key]; !envelope && path != "account" || path == "object" {
			path = "data.object." + path
		}
		if err := rendered.Set(path, value); err != nil {
			return Event{}, err
		}
	}
	out := e.public(o.APIVersion)
	out.ID, out.Type = rendered.ID(), rendered.Str("type")
	out.Created = time.Unix(rendered.Int("created"), 0).UTC()
	out.Object, _ = rendered.Get("data.object").(Object)
	out.Previous, _ = rendered.Get("data.previous_attributes").(Object)
	out.Payload = rendered.JSON()
	return out, nil
}

// fromJSON turns what encoding/json read into what an Object may hold.
func fromJSON(value any, text string) any {
	switch v := value.(type) {
	case float64:
		if n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil {
			return n
		}
		if v == float64(int64(v)) {
			return int64(v)
		}
		return v
	case map[string]any:
		o := Object{}
		for key, element := range v {
			o[key] = fromJSON(element, "")
		}
		return o
	case []any:
		return each(v, func(element any) any { return fromJSON(element, "") })
	}
	return value
}
