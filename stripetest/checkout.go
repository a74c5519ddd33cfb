package stripetest

import "strings"

// checkoutSession is https://docs.stripe.com/api/checkout/sessions/object.
type checkoutSession struct {
	base
	mode             string // payment, subscription, setup
	status           string // open, complete, expired
	paymentStatus    string // unpaid, paid, no_payment_required
	customer         *customer
	email            string
	reference        string // client_reference_id
	items            []*sessionItem
	currency         string
	successURL       string
	cancelURL        string
	uiMode           string
	locale           string
	collect          string // payment_method_collection
	allowPromotions  bool
	autoTax          bool
	taxIDs           bool
	expiresAt        int64
	subscriptionData *params
	intentMetadata   map[string]string
	discounts        []*discount
	details          Object // customer_details

	subscription *subscription
	invoice      *invoice
	intent       *paymentIntent
}

type sessionItem struct {
	id       string
	price    *price
	quantity int64
}

func (s *checkoutSession) amount() (subtotal, off int64) {
	for _, i := range s.items {
		if s.trialDays() == 0 {
			subtotal += i.price.amountOf(i.quantity)
		}
	}
	rest := subtotal
	for _, d := range s.discounts {
		part := min(d.coupon.amountOff, rest)
		if d.coupon.percentOff != 0 {
			part = percentOf(rest, d.coupon.percentOff)
		}
		rest -= part
		off += part
	}
	return subtotal, off
}

func (s *checkoutSession) trialDays() int64 {
	if s.subscriptionData == nil {
		return 0
	}
	if at := s.subscriptionData.integer("trial_end"); at > s.created {
		return (at - s.created + day - 1) / day
	}
	return s.subscriptionData.positive("trial_period_days")
}

func (s *checkoutSession) render() Object {
	subtotal, off := s.amount()
	var tax int64
	if s.invoice != nil {
		tax = s.invoice.tax
	}
	o := Object{
		"id": s.id, "object": "checkout.session", "adaptive_pricing": nil, "after_expiration": nil,
		"allow_promotion_codes": optional(s.allowPromotions), "amount_subtotal": subtotal,
		"amount_total": subtotal - off + tax,
		"automatic_tax": Object{
			"enabled": s.autoTax, "liability": nil, "provider": nil, "status": nil,
		},
		"billing_address_collection": nil, "cancel_url": optional(s.cancelURL),
		"client_reference_id": optional(s.reference), "client_secret": nil, "collected_information": nil,
		"consent": nil, "consent_collection": nil, "created": s.created, "currency": s.currency,
		"currency_conversion": nil, "custom_fields": []any{},
		"custom_text": Object{"after_submit": nil, "shipping_address": nil, "submit": nil, "terms_of_service_acceptance": nil},
		"customer":    nil, "customer_creation": nil, "customer_details": orNull(s.details),
		"customer_email": optional(s.email),
		"discounts": each(s.discounts, func(d *discount) any {
			return Object{"coupon": d.coupon.id, "promotion_code": optional(d.promotion)}
		}),
		"expires_at": s.expiresAt, "invoice": nil, "invoice_creation": nil, "livemode": s.acct.cfg.Livemode,
		"locale": optional(s.locale), "metadata": metadata(s.metadata), "mode": s.mode, "payment_intent": nil,
		"payment_link": nil, "payment_method_collection": s.collect,
		"payment_method_configuration_details": nil, "payment_method_options": Object{},
		"payment_method_types": []any{"card"}, "payment_status": s.paymentStatus,
		"phone_number_collection": Object{"enabled": false}, "recovered_from": nil,
		"saved_payment_method_options": nil, "setup_intent": nil, "shipping_address_collection": nil,
		"shipping_cost": nil, "shipping_options": []any{}, "status": s.status, "submit_type": nil,
		"subscription": nil, "success_url": optional(s.successURL),
		"total_details": Object{"amount_discount": off, "amount_shipping": int64(0), "amount_tax": tax},
		"ui_mode":       s.uiMode, "url": nil, "wallet_options": nil,
	}
	if s.taxIDs {
		o["tax_id_collection"] = Object{"enabled": true, "required": "never"}
	}
	if s.status == "open" {
		o["url"] = s.acct.page("https://checkout.stripe.com/c/pay/", s.id)
	}
	if s.customer != nil {
		o["customer"] = s.customer.id
	}
	if s.mode == "payment" {
		o["customer_creation"] = "if_required"
	}
	if s.subscription != nil {
		o["subscription"] = s.subscription.id
	}
	if s.invoice != nil {
		o["invoice"] = s.invoice.id
	}
	if s.intent != nil && s.mode == "payment" {
		o["payment_intent"] = s.intent.id
	}
	return o
}

func (s *checkoutSession) lineItems() []any {
	return each(s.items, func(i *sessionItem) any {
		amount := i.price.amountOf(i.quantity)
		return Object{
			"id": i.id, "object": "item", "adjustable_quantity": nil, "amount_discount": int64(0),
			"amount_subtotal": amount, "amount_tax": int64(0), "amount_total": amount,
			"currency": i.price.currency, "description": i.price.product.name, "metadata": Object{},
			"price": i.price.render(), "quantity": i.quantity,
		}
	})
}

func createSession(a *Account, r apiRequest) (Object, *Error) {
	in := r.params
	s := &checkoutSession{
		base: a.newBase(""), status: "open", paymentStatus: "unpaid", email: in.str("customer_email"),
		reference: in.str("client_reference_id"), successURL: in.str("success_url"), cancelURL: in.str("cancel_url"),
		locale: in.str("locale"), allowPromotions: in.boolean("allow_promotion_codes"),
		expiresAt: a.now + day, currency: a.cfg.Currency,
	}
	mode := "test"
	if a.cfg.Livemode {
		mode = "live"
	}
	s.id = "cs_" + mode + "_a1" + a.ids.letters(56)
	in.need("mode")
	s.mode = in.oneOf("mode", "payment", "subscription", "setup")
	s.uiMode = in.oneOf("ui_mode", "hosted_page", "embedded_page", "elements", "hosted", "embedded", "custom")
	if now, renamed := map[string]string{"hosted": "hosted_page", "embedded": "embedded_page", "custom": "elements"}[s.uiMode]; renamed {
		s.uiMode = now
	}
	if s.uiMode == "hosted_page" {
		in.need("success_url")
	}
	if len(s.reference) > 200 {
		return nil, invalid("client_reference_id", "client_reference_id must be at most 200 characters.")
	}
	s.collect = in.oneOf("payment_method_collection", "always", "if_required")
	s.autoTax = in.at("automatic_tax").boolean("enabled")
	s.taxIDs = in.at("tax_id_collection").boolean("enabled")
	s.metadata = in.mergeMetadata(nil)
	s.intentMetadata = in.at("payment_intent_data").mergeMetadata(nil)
	if in.has("expires_at") {
		s.expiresAt = in.integer("expires_at")
		if s.expiresAt < a.now+30*60 || s.expiresAt > a.now+day {
			return nil, invalid("expires_at", "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours from Checkout Session creation.")
		}
	}
	if id := in.str("customer"); id != "" {
		c, err := a.customerParam(in)
		if err != nil {
			return nil, err
		}
		if s.email != "" {
			return nil, invalid("customer_email", "You may only specify one of these parameters: customer, customer_email.")
		}
		s.customer = c
	}
	if in.has("subscription_data") {
		if s.mode != "subscription" {
			return nil, invalid("subscription_data", "You can not pass `subscription_data` in `%s` mode.", s.mode)
		}
		s.subscriptionData = in.at("subscription_data")
		s.subscriptionData.positive("trial_period_days")
	}
	for _, p := range in.elements("line_items") {
		price, err := a.priceParam(p)
		if err != nil {
			return nil, err
		}
		quantity := int64(1)
		if p.has("quantity") {
			quantity = p.positive("quantity")
		}
		if s.mode == "payment" && price.recurring {
			return nil, invalid("mode", "You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices.")
		}
		s.items = append(s.items, &sessionItem{id: a.ids.long("li", a.now), price: price, quantity: quantity})
		s.currency = price.currency
	}
	if err := s.check(in); err != nil {
		return nil, err
	}
	var err *Error
	if s.discounts, err = a.redeem(in, nil); err != nil {
		return nil, err
	}
	add(a, &a.sessions, s)
	a.at(s.expiresAt, func() { a.expire(s) })
	return s.render(), nil
}

func (s *checkoutSession) check(in *params) *Error {
	if err := in.err(); err != nil {
		return err
	}
	if s.mode == "setup" {
		return nil
	}
	if len(s.items) == 0 {
		return missingParam("line_items")
	}
	recurring := false
	for _, i := range s.items {
		recurring = recurring || i.price.recurring
	}
	if s.mode == "subscription" && !recurring {
		return invalid("mode", "You must provide at least one recurring price in `subscription` mode when using prices.")
	}
	return nil
}

func (a *Account) expire(s *checkoutSession) {
	if s.status == "open" {
		s.status = "expired"
		a.emit("checkout.session.expired", s)
	}
}

func expireSession(a *Account, r apiRequest) (Object, *Error) {
	s, ok := a.sessions.get(r.id)
	if !ok {
		return nil, noSuch("checkout.session", r.id)
	}
	if s.status != "open" {
		return nil, invalid("", "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of %s.", s.status)
	}
	a.expire(s)
	return s.render(), nil
}

func sessionItems(a *Account, r apiRequest) (Object, *Error) {
	s, ok := a.sessions.get(r.id)
	if !ok {
		return nil, noSuch("checkout.session", r.id)
	}
	return list("/v1/checkout/sessions/"+s.id+"/line_items", s.lineItems()), nil
}

func listSessions(a *Account, r apiRequest) (Object, *Error) {
	in := r.params
	customer, subscription, intent, status := in.str("customer"), in.str("subscription"), in.str("payment_intent"), in.str("status")
	return page(a, r, a.sessions.order, func(s *checkoutSession) bool {
		return (customer == "" || s.customer != nil && s.customer.id == customer) &&
			(subscription == "" || s.subscription != nil && s.subscription.id == subscription) &&
			(intent == "" || s.intent != nil && s.intent.id == intent) && (status == "" || s.status == status)
	})
}

// page is the address of one of the account's own pages.
func (a *Account) page(stripes, path string) string {
	if a.cfg.PublicURL == "" {
		return stripes + path
	}
	_, rest, _ := strings.Cut(strings.TrimPrefix(stripes, "https://"), "/")
	return strings.TrimSuffix(a.cfg.PublicURL, "/") + "/" + rest + path
}
