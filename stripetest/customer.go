package stripetest

import (
	"slices"
	"strings"
)

type customer struct {
	base
	name, email, phone, description string
	address                         Object
	balance                         int64 // negative: credit for the next invoice
	currency                        string
	defaultPM                       *paymentMethod
	discount                        *discount
	taxExempt                       string
	locales                         []string
	taxIDs                          []Object
	invoicePrefix                   string
	nextSequence                    int64
	clock                           *testClock
	deleted                         bool

	methods       []*paymentMethod // attached, oldest first
	subscriptions []*subscription
	invoices      map[*subscription][]*invoice
	pending       []*invoiceItem // what the next invoice will carry
	summary       []string       // lookup keys of the entitlements last told
}

func (c *customer) render() Object {
	if c.deleted {
		return Object{"id": c.id, "object": "customer", "deleted": true}
	}
	return c.full()
}

func (c *customer) full() Object {
	o := Object{
		"id": c.id, "object": "customer", "address": orNull(c.address), "balance": c.balance,
		"created": c.created, "currency": optional(c.currency), "default_source": nil,
		"delinquent": c.delinquent(), "description": optional(c.description), "discount": nil,
		"email": optional(c.email), "invoice_prefix": c.invoicePrefix,
		"invoice_settings": Object{
			"custom_fields": nil, "default_payment_method": methodID(c.defaultPM),
			"footer": nil, "rendering_options": nil,
		},
		"livemode": c.acct.cfg.Livemode, "metadata": metadata(c.metadata), "name": optional(c.name),
		"next_invoice_sequence": c.nextSequence, "phone": optional(c.phone),
		"preferred_locales": strs(c.locales), "shipping": nil, "tax_exempt": c.taxExempt,
		"test_clock": nil,
	}
	if c.discount != nil {
		o["discount"] = c.discount.render()
	}
	if c.clock != nil {
		o["test_clock"] = c.clock.id
	}
	return o
}

func orNull(o Object) any {
	if o == nil {
		return nil
	}
	return o
}

// delinquent says whether an automatic payment of the customer's failed and is
// still owed.
func (c *customer) delinquent() bool {
	return slices.ContainsFunc(c.subscriptions, func(s *subscription) bool {
		return s.status == "past_due" || s.status == "unpaid"
	})
}

func (a *Account) newCustomer() *customer {
	id := a.ids.short("cus")
	if a.nextCustomer != "" {
		id, a.nextCustomer = a.nextCustomer, ""
	}
	c := &customer{base: a.newBase(id), taxExempt: "none", nextSequence: 1}
	c.invoicePrefix = a.ids.digits(8)
	return c
}

func (c *customer) apply(p *params) *Error {
	for key, field := range map[string]*string{
		"name": &c.name, "email": &c.email, "phone": &c.phone, "description": &c.description,
	} {
		if p.has(key) {
			*field = p.str(key)
		}
	}
	if p.has("address") {
		c.address = p.address("address")
	}
	if p.has("balance") {
		c.balance = p.integer("balance")
	}
	if p.has("tax_exempt") {
		c.taxExempt = p.oneOf("tax_exempt", "none", "exempt", "reverse")
	}
	if p.has("preferred_locales") {
		c.locales = p.strings("preferred_locales")
	}
	c.metadata = p.mergeMetadata(c.metadata)
	if id := p.at("invoice_settings").str("default_payment_method"); id != "" {
		pm, err := c.ownMethod(id, "invoice_settings[default_payment_method]")
		if err != nil {
			return err
		}
		c.defaultPM = pm
	} else if p.at("invoice_settings").cleared("default_payment_method") {
		c.defaultPM = nil
	}
	return p.err()
}

// ownMethod is a payment method that is attached to the customer.
func (c *customer) ownMethod(id, param string) (*paymentMethod, *Error) {
	pm, ok := c.acct.methods.get(id)
	if !ok {
		return nil, noSuchParam("PaymentMethod", id, param)
	}
	if pm.customer == nil || pm.customer.id != c.id {
		return nil, invalid(param, "The customer does not have a payment method with the ID %s. The payment method must be attached to the customer.", id)
	}
	return pm, nil
}

func createCustomer(a *Account, r apiRequest) (Object, *Error) {
	p := r.params
	c := a.newCustomer()
	if id := p.str("test_clock"); id != "" {
		clock, ok := a.clocks.get(id)
		if !ok {
			return nil, noSuchParam("test_clock", id, "test_clock")
		}
		c.clock = clock
	}
	var attach *paymentMethod
	if id := p.str("payment_method"); id != "" {
		named, err := a.magicMethod(id, "payment_method", c)
		if err != nil {
			return nil, err
		}
		attach = named
	}
	// The default may be the method that this very request attaches.
	settings := p.at("invoice_settings")
	makeDefault := attach != nil && settings.str("default_payment_method") == p.str("payment_method")
	if makeDefault {
		delete(settings.fields, "default_payment_method")
	}
	if err := c.apply(p); err != nil {
		return nil, err
	}
	for _, tax := range p.elements("tax_id_data") {
		value := tax.need("value")
		c.taxIDs = append(c.taxIDs, Object{
			"id": a.ids.long("txi", a.now), "object": "tax_id", "country": optional(country(tax.str("type"), value)),
			"created": a.now, "customer": c.id, "livemode": a.cfg.Livemode,
			"owner": Object{"type": "customer", "customer": c.id}, "type": tax.need("type"), "value": value,
			"verification": Object{"status": "pending", "verified_address": nil, "verified_name": nil},
		})
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	add(a, &a.customers, c)
	if attach != nil {
		a.attach(attach, c)
		if makeDefault {
			c.defaultPM = attach
		}
	}
	a.emit("customer.created", c)
	return c.render(), nil
}

// country is where a tax id belongs: for the European Union the value says.
func country(kind, value string) string {
	if kind == "eu_vat" && len(value) > 2 {
		return strings.ToUpper(value[:2])
	}
	if prefix, _, ok := strings.Cut(kind, "_"); ok && len(prefix) == 2 {
		return strings.ToUpper(prefix)
	}
	return ""
}

func updateCustomer(a *Account, r apiRequest) (Object, *Error) {
	c, err := a.liveCustomer(r.id)
	if err != nil {
		return nil, err
	}
	draft := *c
	if err := draft.apply(r.params); err != nil {
		return nil, err
	}
	*c = draft
	a.emitUpdate("customer.updated", c)
	return c.render(), nil
}

// deleteCustomer ends the customer's subscriptions at once, as Stripe does.
// https://docs.stripe.com/api/customers/delete
func deleteCustomer(a *Account, r apiRequest) (Object, *Error) {
	c, err := a.liveCustomer(r.id)
	if err != nil {
		return nil, err
	}
	for _, s := range c.subscriptions {
		if !s.ended() {
			a.endSubscription(s, "cancellation_requested")
		}
	}
	for len(c.methods) > 0 {
		a.detach(c.methods[0])
	}
	a.emitObject("customer.deleted", c.full())
	c.deleted = true
	return c.render(), nil
}

// liveCustomer is the customer of a path; a deleted one is missing except to
// GET.
func (a *Account) liveCustomer(id string) (*customer, *Error) {
	c, ok := a.customers.get(id)
	if !ok || c.deleted {
		return nil, noSuch("customer", id)
	}
	return c, nil
}

// customerParam is the customer that a parameter names.
func (a *Account) customerParam(p *params) (*customer, *Error) {
	id := p.need("customer")
	if err := p.err(); err != nil {
		return nil, err
	}
	c, ok := a.customers.get(id)
	if !ok || c.deleted {
		return nil, noSuchParam("customer", id, "customer")
	}
	return c, nil
}

func listCustomers(a *Account, r apiRequest) (Object, *Error) {
	email := r.params.str("email")
	clock := r.params.str("test_clock")
	return page(a, r, a.customers.order, func(c *customer) bool {
		return !c.deleted && (email == "" || c.email == email) && (clock == "" || c.clock != nil && c.clock.id == clock)
	})
}

func listCustomerMethods(a *Account, r apiRequest) (Object, *Error) {
	c, err := a.liveCustomer(r.id)
	if err != nil {
		return nil, err
	}
	kind := r.params.str("type")
	return page(a, r, c.methods, func(m *paymentMethod) bool { return kind == "" || m.kind == kind })
}

func (c *customer) keepInvoice(s *subscription, i *invoice) {
	if c.invoices == nil {
		c.invoices = map[*subscription][]*invoice{}
	}
	c.invoices[s] = append(c.invoices[s], i)
}
