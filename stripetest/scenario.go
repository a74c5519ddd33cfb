package stripetest

import (
	"fmt"
	"slices"
	"time"
)

// Play says for whom a scenario is played.
type Play struct {
	Tenant string // client_reference_id and metadata.tenant; acme if empty
	Email  string // owner@<tenant>.example if empty
	// Step is called before each step with what it does; for a show at visible
	// speed.
	Step func(about string)
}

func (p *Play) defaults() {
	if p.Tenant == "" {
		p.Tenant = "acme"
	}
	if p.Email == "" {
		p.Email = "owner@" + p.Tenant + ".example"
	}
}

// Scenario is a story that an account lives through.
type Scenario struct {
	Name  string
	About string
	run   func(*story)
}

// Scenarios are all of them, by name.
func Scenarios() []Scenario { return slices.Clone(scenarios) }

// Play lives through a scenario. It makes the catalog it needs (the prices
// price_pro_monthly, price_pro_yearly and price_basic_monthly), the customer
// and everything else, and moves the clock. What is delayed may still be on
// its way afterwards: see Settle.
func (a *Account) Play(name string, play Play) (Result, error) {
	k := slices.IndexFunc(scenarios, func(s Scenario) bool { return s.Name == name })
	if k < 0 {
		return Result{}, fmt.Errorf("stripetest: no scenario %q", name)
	}
	play.defaults()
	s := &story{acct: a, play: play}
	s.catalog()
	scenarios[k].run(s)
	if s.err != nil {
		return s.result, fmt.Errorf("stripetest: scenario %s: %w", name, s.err)
	}
	return s.result, nil
}

// Result is whom and what a scenario was about.
type Result struct {
	Customer     string
	Subscription string // the last one
	Session      string // the checkout session
}

// story is a scenario under way. The first error stops it: the steps after it
// do nothing.
type story struct {
	acct   *Account
	play   Play
	result Result
	note   string // the credit note
	err    error
}

func (s *story) step(about string, args ...any) {
	if s.err == nil && s.play.Step != nil {
		s.play.Step(fmt.Sprintf(about, args...))
	}
}

func (s *story) post(path string, form Form) Object {
	if s.err != nil {
		return Object{}
	}
	o, err := s.acct.Post(path, form)
	s.keep(err)
	return o
}

func (s *story) get(path string, form Form) Object {
	if s.err != nil {
		return Object{}
	}
	o, err := s.acct.Get(path, form)
	s.keep(err)
	return o
}

func (s *story) keep(err error) {
	if s.err == nil {
		s.err = err
	}
}

func (s *story) do(change func() error) {
	if s.err == nil {
		s.keep(change())
	}
}

func (s *story) days(n int) {
	if s.err == nil {
		s.acct.Advance(time.Duration(n) * 24 * time.Hour)
	}
}

func (s *story) hours(n int) {
	if s.err == nil {
		s.acct.Advance(time.Duration(n) * time.Hour)
	}
}

// catalog makes the products and prices, once per account.
func (s *story) catalog() {
	if _, err := s.acct.Get("/v1/products/prod_pro", nil); err == nil {
		return
	}
	s.post("/v1/products", Form{"id": "prod_pro", "name": "Pro"})
	s.post("/v1/products", Form{"id": "prod_basic", "name": "Basic"})
	for _, p := range []struct{ id, product, amount, interval string }{
		{"price_pro_monthly", "prod_pro", "2900", "month"},
		{"price_pro_yearly", "prod_pro", "29000", "year"},
		{"price_basic_monthly", "prod_basic", "900", "month"},
	} {
		s.post("/v1/prices", Form{
			"id": p.id, "product": p.product, "currency": "usd", "unit_amount": p.amount,
			"recurring[interval]": p.interval,
		})
	}
}

// signUp buys through Checkout.
func (s *story) signUp(price string, more Form) {
	s.step("%s signs up for %s", s.play.Tenant, price)
	form := Form{
		"mode": "subscription", "line_items[0][price]": price, "line_items[0][quantity]": "1",
		"success_url":         "https://app.example/welcome?session={CHECKOUT_SESSION_ID}",
		"cancel_url":          "https://app.example/pricing",
		"client_reference_id": s.play.Tenant, "metadata[tenant]": s.play.Tenant,
		"subscription_data[metadata][tenant]": s.play.Tenant,
	}
	if s.result.Customer == "" {
		form["customer_email"] = s.play.Email
	} else {
		form["customer"] = s.result.Customer
	}
	buyer := Buyer{Name: "Owner of " + s.play.Tenant}
	for key, value := range more {
		switch key {
		case "card":
			buyer.Card = value
		case "no_card":
			buyer.NoCard = true
		default:
			form[key] = value
		}
	}
	session := s.post("/v1/checkout/sessions", form)
	s.result.Session = session.ID()
	if s.err != nil {
		return
	}
	done, err := s.acct.Complete(session.ID(), buyer)
	s.keep(err)
	s.result.Customer, s.result.Subscription = done.Str("customer"), done.Str("subscription")
}

// useCard makes a card the customer's and its subscription's default.
func (s *story) useCard(name string) {
	s.step("the default card becomes %s", name)
	card := s.post("/v1/payment_methods/"+name+"/attach", Form{"customer": s.result.Customer})
	s.post("/v1/customers/"+s.result.Customer, Form{"invoice_settings[default_payment_method]": card.ID()})
	s.post(s.sub(), Form{"default_payment_method": card.ID()})
}

func (s *story) sub() string { return "/v1/subscriptions/" + s.result.Subscription }

func (s *story) item() string {
	return s.get(s.sub(), nil).Str("items.data.0.id")
}

// change moves the subscription to another price.
func (s *story) change(price string, more Form) {
	s.step("%s changes to %s", s.play.Tenant, price)
	form := Form{"items[0][id]": s.item(), "items[0][price]": price}
	for key, value := range more {
		form[key] = value
	}
	s.post(s.sub(), form)
}

// charge is the newest charge of the customer that succeeded.
func (s *story) charge() string {
	charges := s.get("/v1/charges", Form{"customer": s.result.Customer})
	data, _ := charges["data"].([]any)
	for _, value := range data {
		if c := value.(Object); c.Str("status") == "succeeded" {
			return c.ID()
		}
	}
	s.keep(fmt.Errorf("customer %s has no charge that succeeded", s.result.Customer))
	return ""
}

// openInvoice is the subscription's newest invoice that is still owed.
func (s *story) openInvoice() string {
	invoices := s.get("/v1/invoices", Form{"subscription": s.result.Subscription, "status": "open"})
	id := invoices.Str("data.0.id")
	if id == "" {
		s.keep(fmt.Errorf("subscription %s owes nothing", s.result.Subscription))
	}
	return id
}
