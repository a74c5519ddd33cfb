package stripetest

import (
	"slices"
	"strings"
)

// feature is https://docs.stripe.com/api/entitlements/feature/object.
type feature struct {
	base
	name, lookupKey string
}

func (f *feature) render() Object {
	return Object{
		"id": f.id, "object": "entitlements.feature", "active": true, "livemode": f.acct.cfg.Livemode,
		"lookup_key": f.lookupKey, "metadata": metadata(f.metadata), "name": f.name,
	}
}

func createFeature(a *Account, r apiRequest) (Object, *Error) {
	in := r.params
	f := &feature{base: a.newBase(a.ids.long("feat", a.now)), name: in.need("name"), lookupKey: in.need("lookup_key")}
	f.metadata = in.mergeMetadata(nil)
	if err := in.err(); err != nil {
		return nil, err
	}
	for _, other := range a.features.order {
		if other.lookupKey == f.lookupKey {
			return nil, invalid("lookup_key", "There is already a feature with the lookup key %s.", f.lookupKey)
		}
	}
	add(a, &a.features, f)
	return f.render(), nil
}

func listFeatures(a *Account, r apiRequest) (Object, *Error) {
	key := r.params.str("lookup_key")
	return page(a, r, a.features.order, func(f *feature) bool { return key == "" || f.lookupKey == key })
}

// attachFeature grants a feature to whoever subscribes to the product.
func attachFeature(a *Account, r apiRequest) (Object, *Error) {
	p, ok := a.products.get(r.id)
	if !ok || p.deleted {
		return nil, noSuch("product", r.id)
	}
	id := r.params.need("entitlement_feature")
	if err := r.params.err(); err != nil {
		return nil, err
	}
	f, ok := a.features.get(id)
	if !ok {
		return nil, noSuchParam("feature", id, "entitlement_feature")
	}
	p.features = append(p.features, f)
	for _, c := range a.customers.order {
		a.tellEntitlements(c)
	}
	return Object{
		"id": "prodft_" + f.id, "object": "product_feature", "entitlement_feature": f.render(),
		"livemode": a.cfg.Livemode,
	}, nil
}

// entitled are the features of the products that a customer's running
// subscriptions have.
func (c *customer) entitled() []*feature {
	var out []*feature
	for _, s := range c.subscriptions {
		if s.status != "active" && s.status != "trialing" && s.status != "past_due" {
			continue
		}
		for _, i := range s.items {
			for _, f := range i.price.product.features {
				if !slices.Contains(out, f) {
					out = append(out, f)
				}
			}
		}
	}
	return out
}

func (c *customer) entitlement(f *feature) Object {
	return Object{
		"id": "ent_" + strings.TrimPrefix(f.id, "feat_") + strings.TrimPrefix(c.id, "cus_"), "object": "entitlements.active_entitlement",
		"feature": f.id, "livemode": c.acct.cfg.Livemode, "lookup_key": f.lookupKey,
	}
}

// tellEntitlements sends the summary when the customer's features have changed.
func (a *Account) tellEntitlements(c *customer) {
	features := c.entitled()
	var keys []string
	for _, f := range features {
		keys = append(keys, f.lookupKey)
	}
	if slices.Equal(keys, c.summary) {
		return
	}
	c.summary = keys
	a.emitObject("entitlements.active_entitlement_summary.updated", Object{
		"object": "entitlements.active_entitlement_summary", "customer": c.id,
		"entitlements": list("/v1/customer/"+c.id+"/entitlements", each(features, func(f *feature) any { return c.entitlement(f) })),
		"livemode":     a.cfg.Livemode,
	})
}

func listEntitlements(a *Account, r apiRequest) (Object, *Error) {
	c, err := a.customerParam(r.params)
	if err != nil {
		return nil, err
	}
	return list("/v1/entitlements/active_entitlements", each(c.entitled(), func(f *feature) any { return c.entitlement(f) })), nil
}
