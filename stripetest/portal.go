package stripetest

// createPortalSession answers a customer portal session; what the customer
// does there is PortalCancel, PortalResume and the API.
func createPortalSession(a *Account, r apiRequest) (Object, *Error) {
	c, err := a.customerParam(r.params)
	if err != nil {
		return nil, err
	}
	id := a.ids.long("bps", a.now)
	o := Object{
		"id": id, "object": "billing_portal.session",
		"configuration": "bpc_1" + a.ids.account, "created": a.now, "customer": c.id, "flow": nil,
		"livemode": a.cfg.Livemode, "locale": optional(r.params.str("locale")), "on_behalf_of": nil,
		"return_url": optional(r.params.str("return_url")),
		"url":        a.page("https://billing.stripe.com/p/session/", id),
	}
	if err := r.params.err(); err != nil {
		return nil, err
	}
	a.portals[id] = o
	a.emitObject("billing_portal.session.created", o)
	return o, nil
}

func retrieveAccount(a *Account, _ apiRequest) (Object, *Error) {
	name := Object{}
	for _, key := range [...]string{
		"annual_revenue", "estimated_worker_count", "mcc", "product_description", "support_address",
		"support_email", "support_phone", "support_url", "url",
	} {
		name[key] = nil
	}
	name["name"] = a.cfg.Name
	return Object{
		"id": a.id, "object": "account", "business_profile": name, "business_type": "company",
		"charges_enabled": true, "country": a.cfg.Country, "created": a.cfg.Start.Unix(),
		"default_currency": a.cfg.Currency, "details_submitted": true, "email": "owner@example.com",
		"metadata": Object{}, "payouts_enabled": true, "type": "standard",
	}, nil
}
