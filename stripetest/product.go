package stripetest

import (
	"slices"
	"strconv"
	"strings"
)

type product struct {
	base
	name, description string
	active            bool
	updated           int64
	defaultPrice      string
	unitLabel         string
	taxCode           string
	marketing         []string
	features          []*feature
	deleted           bool
}

func (p *product) render() Object {
	if p.deleted {
		return Object{"id": p.id, "object": "product", "deleted": true}
	}
	return Object{
		"id": p.id, "object": "product", "active": p.active, "created": p.created,
		"default_price": optional(p.defaultPrice), "description": optional(p.description),
		"images": []any{}, "livemode": p.acct.cfg.Livemode,
		"marketing_features": each(p.marketing, func(s string) any { return Object{"name": s} }),
		"metadata":           metadata(p.metadata), "name": p.name, "package_dimensions": nil,
		"shippable": nil, "statement_descriptor": nil, "tax_code": optional(p.taxCode),
		"unit_label": optional(p.unitLabel), "updated": p.updated, "url": nil,
		// Of versions that know kinds of products.
		"_type": "service",
	}
}

func (p *product) apply(in *params) *Error {
	if in.has("name") {
		p.name = in.need("name")
	}
	if in.has("description") {
		p.description = in.str("description")
	}
	if in.has("active") {
		p.active = in.boolean("active")
	}
	if in.has("unit_label") {
		p.unitLabel = in.str("unit_label")
	}
	if in.has("tax_code") {
		p.taxCode = in.str("tax_code")
	}
	if in.has("marketing_features") {
		p.marketing = nil
		for _, f := range in.elements("marketing_features") {
			p.marketing = append(p.marketing, f.need("name"))
		}
	}
	if id := in.str("default_price"); id != "" {
		if price, ok := p.acct.prices.get(id); !ok || price.product != p {
			return noSuchParam("price", id, "default_price")
		}
		p.defaultPrice = id
	}
	p.metadata = in.mergeMetadata(p.metadata)
	p.updated = p.acct.now
	return in.err()
}

// newID is the id that the request chose, or a new one.
func (a *Account) newID(in *params, kind string, make func() string) (string, *Error) {
	id := in.str("id")
	if id == "" {
		return make(), in.err()
	}
	if _, taken := a.index[id]; taken {
		return "", invalidCode("resource_already_exists", "id", "%s already exists.", kind)
	}
	return id, in.err()
}

func createProduct(a *Account, r apiRequest) (Object, *Error) {
	in := r.params
	in.need("name")
	id, err := a.newID(in, "Product", func() string { return a.ids.short("prod") })
	if err != nil {
		return nil, err
	}
	p := &product{base: a.newBase(id), active: true}
	if err := p.apply(in); err != nil {
		return nil, err
	}
	add(a, &a.products, p)
	a.emit("product.created", p)
	if in.has("default_price_data") {
		price, err := a.newPrice(in.at("default_price_data"), p)
		if err != nil {
			return nil, err
		}
		p.defaultPrice = price.id
		a.emitUpdate("product.updated", p)
	}
	return p.render(), nil
}

func updateProduct(a *Account, r apiRequest) (Object, *Error) {
	p, ok := a.products.get(r.id)
	if !ok || p.deleted {
		return nil, noSuch("product", r.id)
	}
	draft := *p
	if err := draft.apply(r.params); err != nil {
		return nil, err
	}
	*p = draft
	a.emitUpdate("product.updated", p)
	return p.render(), nil
}

func deleteProduct(a *Account, r apiRequest) (Object, *Error) {
	p, ok := a.products.get(r.id)
	if !ok || p.deleted {
		return nil, noSuch("product", r.id)
	}
	for _, price := range a.prices.order {
		if price.product == p {
			return nil, invalid("", "This product cannot be deleted because it has one or more user-created prices.")
		}
	}
	a.emit("product.deleted", p)
	p.deleted = true
	return p.render(), nil
}

func listProducts(a *Account, r apiRequest) (Object, *Error) {
	ids := r.params.strings("ids")
	active := r.params.at("active")
	return page(a, r, a.products.order, func(p *product) bool {
		return !p.deleted && oneOfIDs(ids, p.id) && (!active.leaf || active.value == strconv.FormatBool(p.active))
	})
}

type price struct {
	base
	product     *product
	active      bool
	currency    string
	unitAmount  int64
	unitDecimal string // the exact amount, which may be a fraction of the minor unit
	nickname    string
	lookupKey   string
	taxBehavior string
	recurring   bool
	period      interval
	usage       string // licensed, metered
	meter       string
	tiersMode   string
	tiers       []tier
	trialDays   int64

	// What render and plan made last; dropped by a change.
	shown, shownPlan Object
}

// tier is one step of a tiered price; upTo 0 is the last one.
type tier struct{ upTo, unit, flat int64 }

func (p *price) scheme() string {
	if p.tiersMode != "" {
		return "tiered"
	}
	return "per_unit"
}

// render is kept until the price changes: every item and line shows it.
func (p *price) render() Object {
	if p.shown != nil {
		return p.shown
	}
	o := Object{
		"id": p.id, "object": "price", "active": p.active, "billing_scheme": p.scheme(),
		"created": p.created, "currency": p.currency, "custom_unit_amount": nil,
		"livemode": p.acct.cfg.Livemode, "lookup_key": optional(p.lookupKey),
		"metadata": metadata(p.metadata), "nickname": optional(p.nickname), "product": p.product.id,
		"recurring": nil, "tax_behavior": p.taxBehavior, "tiers_mode": optional(p.tiersMode),
		"transform_quantity": nil, "type": "one_time",
		"unit_amount": p.unitAmount, "unit_amount_decimal": p.unitDecimal,
		"_trial_days": optional(p.trialDays),
	}
	if strings.Contains(p.unitDecimal, ".") {
		o["unit_amount"] = nil
	}
	if p.tiersMode != "" {
		o["unit_amount"], o["unit_amount_decimal"] = nil, nil
	}
	if p.recurring {
		o["type"] = "recurring"
		o["recurring"] = Object{
			"interval": p.period.unit, "interval_count": p.period.count, "meter": optional(p.meter),
			"usage_type": p.usage,
		}
	}
	p.shown = o
	return o
}

// plan is the price as the Plans API shows it.
// https://docs.stripe.com/api/plans/object
func (p *price) plan() Object {
	if !p.recurring {
		return nil
	}
	if p.shownPlan != nil {
		return p.shownPlan
	}
	o := p.render()
	plan := Object{
		"id": p.id, "object": "plan", "active": p.active, "amount": o["unit_amount"],
		"amount_decimal": o["unit_amount_decimal"], "billing_scheme": p.scheme(), "created": p.created,
		"currency": p.currency, "interval": p.period.unit, "interval_count": p.period.count,
		"livemode": p.acct.cfg.Livemode, "metadata": metadata(p.metadata), "meter": optional(p.meter),
		"nickname": optional(p.nickname), "product": p.product.id, "tiers_mode": optional(p.tiersMode),
		"transform_usage": nil, "trial_period_days": optional(p.trialDays), "usage_type": p.usage,
	}
	p.shownPlan = plan
	return plan
}

func (p *price) renderTiers() []any {
	return each(p.tiers, func(t tier) any {
		return Object{
			"flat_amount": optional(t.flat), "flat_amount_decimal": optionalDecimal(t.flat),
			"unit_amount": t.unit, "unit_amount_decimal": strconv.FormatInt(t.unit, 10),
			"up_to": optional(t.upTo),
		}
	})
}

func optionalDecimal(n int64) any {
	if n == 0 {
		return nil
	}
	return strconv.FormatInt(n, 10)
}

func (a *Account) newPrice(in *params, of *product) (*price, *Error) {
	currency := in.need("currency")
	p := &price{
		base: a.newBase(""), product: of, active: true, currency: strings.ToLower(currency),
		nickname: in.str("nickname"), lookupKey: in.str("lookup_key"), usage: "licensed",
		taxBehavior: in.oneOf("tax_behavior", "unspecified", "exclusive", "inclusive"),
	}
	p.metadata = in.mergeMetadata(nil)
	if in.has("active") {
		p.active = in.boolean("active")
	}
	if in.has("recurring") {
		rec := in.at("recurring")
		rec.need("interval")
		p.recurring = true
		p.period = interval{rec.oneOf("interval", "month", "day", "week", "year"), max(1, rec.integer("interval_count"))}
		p.usage = rec.oneOf("usage_type", "licensed", "metered")
		p.meter = rec.str("meter")
		p.trialDays = rec.positive("trial_period_days")
	}
	if in.oneOf("billing_scheme", "per_unit", "tiered") == "tiered" {
		p.tiersMode = in.need("tiers_mode")
		for _, t := range in.elements("tiers") {
			step := tier{unit: t.positive("unit_amount"), flat: t.positive("flat_amount")}
			if t.need("up_to") != "inf" {
				step.upTo = t.integer("up_to")
			}
			p.tiers = append(p.tiers, step)
		}
		if len(p.tiers) == 0 {
			return nil, missingParam("tiers")
		}
		if p.tiers[len(p.tiers)-1].upTo != 0 {
			return nil, invalid("tiers", "The last tier must have up_to set to inf.")
		}
	} else {
		if !in.has("unit_amount") && !in.has("unit_amount_decimal") {
			return nil, missingParam("unit_amount")
		}
		p.unitAmount = in.positive("unit_amount")
		p.unitDecimal = strconv.FormatInt(p.unitAmount, 10)
		if in.has("unit_amount_decimal") {
			p.unitDecimal = in.str("unit_amount_decimal")
			p.unitAmount = roundHalfUp(in.number("unit_amount_decimal"))
		}
	}
	if err := in.err(); err != nil {
		return nil, err
	}
	id, err := a.newID(in, "Price", func() string { return a.ids.long("price", a.now) })
	if err != nil {
		return nil, err
	}
	if p.lookupKey != "" {
		for _, other := range a.prices.order {
			if other.lookupKey == p.lookupKey {
				return nil, invalid("lookup_key", "A price (`%s`) already uses that lookup key.", other.id)
			}
		}
	}
	p.id = id
	add(a, &a.prices, p)
	a.emit("price.created", p)
	return p, nil
}

func createPrice(a *Account, r apiRequest) (Object, *Error) {
	in := r.params
	var of *product
	if id := in.str("product"); id != "" {
		known, ok := a.products.get(id)
		if !ok || known.deleted {
			return nil, noSuchParam("product", id, "product")
		}
		of = known
	} else {
		data := in.at("product_data")
		name := data.need("name")
		if err := in.err(); err != nil {
			return nil, missingParam("product")
		}
		id, err := a.newID(data, "Product", func() string { return a.ids.short("prod") })
		if err != nil {
			return nil, err
		}
		of = &product{base: a.newBase(id), name: name, active: true, updated: a.now}
		of.metadata = data.mergeMetadata(nil)
		add(a, &a.products, of)
		a.emit("product.created", of)
	}
	p, err := a.newPrice(in, of)
	if err != nil {
		return nil, err
	}
	return p.render(), nil
}

func updatePrice(a *Account, r apiRequest) (Object, *Error) {
	p, ok := a.prices.get(r.id)
	if !ok {
		return nil, noSuch("price", r.id)
	}
	in := r.params
	draft := *p
	draft.shown, draft.shownPlan = nil, nil
	if in.has("active") {
		draft.active = in.boolean("active")
	}
	if in.has("nickname") {
		draft.nickname = in.str("nickname")
	}
	if in.has("lookup_key") {
		draft.lookupKey = in.str("lookup_key")
	}
	if in.has("tax_behavior") {
		draft.taxBehavior = in.oneOf("tax_behavior", "unspecified", "exclusive", "inclusive")
	}
	draft.metadata = in.mergeMetadata(p.metadata)
	if err := in.err(); err != nil {
		return nil, err
	}
	*p = draft
	a.emitUpdate("price.updated", p)
	return p.render(), nil
}

// DeletePrice is what the dashboard does to a price that nobody has used; the API
// only archives prices.
// https://docs.stripe.com/products-prices/manage-prices#delete-price
func (a *Account) DeletePrice(id string) error {
	return a.do(func() *Error {
		p, ok := a.prices.get(id)
		if !ok {
			return noSuch("price", id)
		}
		for _, s := range a.subscriptions.order {
			if slices.ContainsFunc(s.items, func(i *subscriptionItem) bool { return i.price == p }) {
				return invalid("", "The price `%s` cannot be deleted because it has been used.", id)
			}
		}
		a.emit("price.deleted", p)
		remove(a, &a.prices, p)
		return nil
	})
}

func listPrices(a *Account, r apiRequest) (Object, *Error) {
	in := r.params
	active, product, kind, currency := in.at("active"), in.str("product"), in.str("type"), in.str("currency")
	keys := in.strings("lookup_keys")
	return page(a, r, a.prices.order, func(p *price) bool {
		return (!active.leaf || active.value == strconv.FormatBool(p.active)) &&
			(product == "" || p.product.id == product) &&
			(kind == "" || p.recurring == (kind == "recurring")) &&
			(currency == "" || p.currency == currency) && oneOfIDs(keys, p.lookupKey)
	})
}

func oneOfIDs(ids []string, id string) bool {
	for _, one := range ids {
		if one == id {
			return true
		}
	}
	return len(ids) == 0
}
