package stripetest

import (
	"slices"
	"strings"
	"time"
)

type paymentMethod struct {
	base
	kind              string // card, sepa_debit, us_bank_account
	card              testCard
	expMonth, expYear int64
	fingerprint       string
	customer          *customer
	name, email       string
	address           Object
	authenticated     bool // set up on session: later payments need nobody
}

func (m *paymentMethod) billing() Object {
	return Object{
		"address": Object{
			"city": nil, "country": nil, "line1": nil, "line2": nil, "postal_code": nil, "state": nil,
		},
		"email": optional(m.email), "name": optional(m.name), "phone": nil, "tax_id": nil,
	}
}

func (m *paymentMethod) render() Object {
	billing := m.billing()
	if m.address != nil {
		billing["address"] = m.address
	}
	o := Object{
		"id": m.id, "object": "payment_method", "allow_redisplay": "unspecified",
		"billing_details": billing, "created": m.created, "customer": nil,
		"livemode": m.acct.cfg.Livemode, "metadata": metadata(m.metadata), "type": m.kind,
	}
	if m.customer != nil {
		o["customer"] = m.customer.id
	}
	switch m.kind {
	case "card":
		o["card"] = Object{
			"brand":   m.card.brand,
			"checks":  Object{"address_line1_check": nil, "address_postal_code_check": nil, "cvc_check": "pass"},
			"country": m.card.country, "display_brand": m.card.brand, "exp_month": m.expMonth,
			"exp_year": m.expYear, "fingerprint": m.fingerprint, "funding": m.card.funding,
			"generated_from": nil, "last4": m.card.last4,
			"networks":         Object{"available": []any{m.card.brand}, "preferred": nil},
			"regulated_status": "unregulated", "three_d_secure_usage": Object{"supported": true}, "wallet": nil,
		}
	case "sepa_debit":
		o["sepa_debit"] = Object{
			"bank_code": m.card.brand, "branch_code": "", "country": m.card.country,
			"fingerprint": m.fingerprint, "generated_from": Object{"charge": nil, "setup_attempt": nil},
			"last4": m.card.last4,
		}
	case "us_bank_account":
		o["us_bank_account"] = Object{
			"account_holder_type": "individual", "account_type": "checking", "bank_name": m.card.brand,
			"financial_connections_account": nil, "fingerprint": m.fingerprint, "last4": m.card.last4,
			"networks":       Object{"preferred": "ach", "supported": []any{"ach"}},
			"routing_number": "110000000", "status_details": nil,
		}
	}
	return o
}

func methodID(m *paymentMethod) any {
	if m == nil {
		return nil
	}
	return m.id
}

func (a *Account) newMethod(card testCard) *paymentMethod {
	m := &paymentMethod{
		base: a.newBase(a.ids.long("pm", a.now)), kind: card.kind, card: card,
		fingerprint: a.ids.letters(16), expMonth: 12,
		expYear: int64(time.Unix(a.now, 0).UTC().Year()) + 3,
	}
	add(a, &a.methods, m)
	return m
}

// magicMethod is the payment method that a parameter names: one that exists,
// or a new one where the name is a test card's. The customer, if there is
// one, must be able to have it.
func (a *Account) magicMethod(id, param string, c *customer) (*paymentMethod, *Error) {
	if card, magic := testCards[id]; magic {
		if c != nil && card.attachCode != "" {
			return nil, card.error(card.attachCode, card.attachDecline)
		}
		m := a.newMethod(card)
		if c != nil {
			m.name, m.email, m.address = c.name, c.email, c.address
		}
		return m, nil
	}
	m, ok := a.methods.get(id)
	if !ok {
		return nil, noSuchParam("PaymentMethod", id, param)
	}
	return m, nil
}

func (a *Account) attach(m *paymentMethod, c *customer) {
	if m.customer == c {
		return
	}
	m.customer = c
	c.methods = append(c.methods, m)
	a.emit("payment_method.attached", m)
}

// detach cannot be undone. A default that is detached is no default any more.
func (a *Account) detach(m *paymentMethod) {
	c := m.customer
	if c == nil {
		return
	}
	c.methods = slices.DeleteFunc(c.methods, func(other *paymentMethod) bool { return other == m })
	m.customer = nil
	if _, seen := a.shown[m.id]; !seen {
		attached := m.render()
		attached["customer"] = c.id
		a.shown[m.id] = attached
	}
	a.emit("payment_method.detached", m)
	if c.defaultPM == m {
		c.defaultPM = nil
		a.emitUpdate("customer.updated", c)
	}
	for _, s := range c.subscriptions {
		if s.defaultPM == m && !s.ended() {
			s.defaultPM = nil
			a.emitUpdate("customer.subscription.updated", s)
		}
	}
}

func createMethod(a *Account, r apiRequest) (Object, *Error) {
	in := r.params
	kind := in.need("type")
	if err := in.err(); err != nil {
		return nil, err
	}
	if kind != "card" {
		return nil, invalid("type", "Payment methods of type %s cannot be made here; use a test payment method such as pm_sepaDebit_success.", kind)
	}
	card, ok := cardOf(in.at("card"))
	if !ok {
		return nil, &Error{Status: 402, Type: "card_error", Code: "incorrect_number", Param: "number", Message: "Your card number is incorrect."}
	}
	m := a.newMethod(card)
	if month := in.at("card").positive("exp_month"); month != 0 {
		m.expMonth = month
	}
	if year := in.at("card").positive("exp_year"); year != 0 {
		m.expYear = year
	}
	details := in.at("billing_details")
	m.name, m.email, m.address = details.str("name"), details.str("email"), details.address("address")
	m.metadata = in.mergeMetadata(nil)
	return m.render(), in.err()
}

// cardOf finds a test card by its token (tok_visa) or the last digits of its
// number.
func cardOf(in *params) (testCard, bool) {
	if token := in.str("token"); token != "" {
		card, ok := testCards["pm_card_"+strings.TrimPrefix(token, "tok_")]
		return card, ok
	}
	number := strings.ReplaceAll(in.str("number"), " ", "")
	if len(number) < 14 {
		return testCard{}, false
	}
	if number == "4242424242424242" {
		return testCards["pm_card_visa"], true
	}
	for _, name := range sortedCardNames {
		if card := testCards[name]; card.kind == "card" && card.last4 == number[len(number)-4:] {
			return card, true
		}
	}
	return testCard{}, false
}

func attachMethod(a *Account, r apiRequest) (Object, *Error) {
	c, err := a.customerParam(r.params)
	if err != nil {
		return nil, err
	}
	m, err := a.magicMethod(r.id, "payment_method", c)
	if err != nil {
		if err.Code == "resource_missing" {
			err.Status = 404
		}
		return nil, err
	}
	if m.customer != nil && m.customer != c {
		return nil, invalid("", "The payment method you provided has already been attached to a customer.")
	}
	if m.card.attachCode != "" {
		return nil, m.card.error(m.card.attachCode, m.card.attachDecline)
	}
	a.attach(m, c)
	return m.render(), nil
}

func detachMethod(a *Account, r apiRequest) (Object, *Error) {
	m, ok := a.methods.get(r.id)
	if !ok {
		return nil, noSuch("PaymentMethod", r.id)
	}
	if m.customer == nil {
		return nil, invalid("", "The payment method you provided is not attached to a customer so detachment is impossible.")
	}
	a.detach(m)
	return m.render(), nil
}

// mustBeAttached refuses to change what belongs to nobody.
// https://docs.stripe.com/api/payment_methods/update
func (m *paymentMethod) mustBeAttached() *Error {
	if m.customer == nil {
		return invalid("", "The payment method `%s` is not attached to a customer and cannot be updated.", m.id)
	}
	return nil
}

func updateMethod(a *Account, r apiRequest) (Object, *Error) {
	m, ok := a.methods.get(r.id)
	if !ok {
		return nil, noSuch("PaymentMethod", r.id)
	}
	if err := m.mustBeAttached(); err != nil {
		return nil, err
	}
	in := r.params
	draft := *m
	if in.has("card") {
		if month := in.at("card").positive("exp_month"); month != 0 {
			draft.expMonth = month
		}
		if year := in.at("card").positive("exp_year"); year != 0 {
			draft.expYear = year
		}
	}
	if details := in.at("billing_details"); len(details.keys) > 0 {
		if details.has("name") {
			draft.name = details.str("name")
		}
		if details.has("email") {
			draft.email = details.str("email")
		}
		if details.has("address") {
			draft.address = details.address("address")
		}
	}
	draft.metadata = in.mergeMetadata(m.metadata)
	if err := in.err(); err != nil {
		return nil, err
	}
	*m = draft
	a.emitUpdate("payment_method.updated", m)
	return m.render(), nil
}

func listMethods(a *Account, r apiRequest) (Object, *Error) {
	c, err := a.customerParam(r.params)
	if err != nil {
		return nil, err
	}
	kind := r.params.str("type")
	return page(a, r, c.methods, func(m *paymentMethod) bool { return kind == "" || m.kind == kind })
}

// ReplaceCard is what the network's updater does when a card is reissued: new
// last digits and expiry, and payment_method.automatically_updated.
func (a *Account) ReplaceCard(id, last4 string, expMonth, expYear int64) error {
	return a.do(func() *Error {
		m, ok := a.methods.get(id)
		if !ok {
			return noSuch("PaymentMethod", id)
		}
		if err := m.mustBeAttached(); err != nil {
			return err
		}
		m.card.last4, m.expMonth, m.expYear = last4, expMonth, expYear
		a.emitUpdate("payment_method.automatically_updated", m)
		return nil
	})
}
