package stripetest

import (
	"strings"
)

type coupon struct {
	base
	name             string
	percentOff       float64
	amountOff        int64
	currency         string
	duration         string // once, repeating, forever
	months           int64
	maxRedemptions   int64
	redeemBy, redeem int64
	deleted          bool
}

func (c *coupon) valid() bool {
	return !c.deleted && (c.redeemBy == 0 || c.acct.now < c.redeemBy) &&
		(c.maxRedemptions == 0 || c.redeem < c.maxRedemptions)
}

func (c *coupon) render() Object {
	o := Object{
		"id": c.id, "object": "coupon", "amount_off": optional(c.amountOff), "created": c.created,
		"currency": optional(c.currency), "duration": c.duration,
		"duration_in_months": optional(c.months), "livemode": c.acct.cfg.Livemode,
		"max_redemptions": optional(c.maxRedemptions), "metadata": metadata(c.metadata),
		"name": optional(c.name), "percent_off": optional(c.percentOff),
		"redeem_by": optional(c.redeemBy), "times_redeemed": c.redeem, "valid": c.valid(),
	}
	return o
}

func createCoupon(a *Account, r apiRequest) (Object, *Error) {
	in := r.params
	id, err := a.newID(in, "Coupon", func() string { return a.ids.letters(8) })
	if err != nil {
		return nil, err
	}
	c := &coupon{
		base: a.newBase(id), name: in.str("name"), percentOff: in.number("percent_off"),
		amountOff: in.positive("amount_off"), currency: strings.ToLower(in.str("currency")),
		duration: in.oneOf("duration", "once", "repeating", "forever"),
		months:   in.positive("duration_in_months"), maxRedemptions: in.positive("max_redemptions"),
		redeemBy: in.integer("redeem_by"),
	}
	c.metadata = in.mergeMetadata(nil)
	switch {
	case in.err() != nil:
		return nil, in.err()
	case c.percentOff == 0 && c.amountOff == 0:
		return nil, invalid("", "You must pass either percent_off or amount_off.")
	case c.percentOff != 0 && c.amountOff != 0:
		return nil, invalid("", "You may only specify one of these parameters: amount_off, percent_off.")
	case c.percentOff < 0 || c.percentOff > 100:
		return nil, invalid("percent_off", "Invalid percent_off: must be between 0 and 100.")
	case c.amountOff != 0 && c.currency == "":
		return nil, missingParam("currency")
	case (c.duration == "repeating") != (c.months != 0):
		return nil, invalid("duration_in_months", "duration_in_months is required if duration is repeating, and only then allowed.")
	}
	add(a, &a.coupons, c)
	a.emit("coupon.created", c)
	return c.render(), nil
}

func deleteCoupon(a *Account, r apiRequest) (Object, *Error) {
	c, ok := a.coupons.get(r.id)
	if !ok || c.deleted {
		return nil, noSuch("coupon", r.id)
	}
	c.deleted = true
	a.emit("coupon.deleted", c)
	return Object{"id": c.id, "object": "coupon", "deleted": true}, nil
}

func listCoupons(a *Account, r apiRequest) (Object, *Error) {
	return page(a, r, a.coupons.order, func(c *coupon) bool { return !c.deleted })
}

// promotionCode is what a buyer types to redeem a coupon.
type promotionCode struct {
	base
	code   string
	coupon *coupon
	active bool
	times  int64
}

func (p *promotionCode) render() Object {
	return Object{
		"id": p.id, "object": "promotion_code", "active": p.active, "code": p.code, "created": p.created,
		"customer": nil, "expires_at": nil, "livemode": p.acct.cfg.Livemode, "max_redemptions": nil,
		"metadata":     metadata(p.metadata),
		"promotion":    Object{"type": "coupon", "coupon": p.coupon.id},
		"restrictions": Object{"first_time_transaction": false, "minimum_amount": nil, "minimum_amount_currency": nil},
		// Of versions before 2025-09-30.clover.
		"times_redeemed": p.times, "_coupon": p.coupon.render(),
	}
}

func createPromotionCode(a *Account, r apiRequest) (Object, *Error) {
	in := r.params
	id := in.at("promotion").str("coupon")
	param := "promotion[coupon]"
	if id == "" {
		id, param = in.str("coupon"), "coupon"
	}
	c, ok := a.coupons.get(id)
	if !ok || !c.valid() {
		return nil, noSuchParam("coupon", id, param)
	}
	p := &promotionCode{base: a.newBase(a.ids.long("promo", a.now)), code: in.str("code"), coupon: c, active: true}
	if p.code == "" {
		p.code = strings.ToUpper(a.ids.letters(8))
	}
	p.metadata = in.mergeMetadata(nil)
	if err := in.err(); err != nil {
		return nil, err
	}
	add(a, &a.promotions, p)
	a.emit("promotion_code.created", p)
	return p.render(), nil
}

func listPromotionCodes(a *Account, r apiRequest) (Object, *Error) {
	code := r.params.str("code")
	return page(a, r, a.promotions.order, func(p *promotionCode) bool {
		return code == "" || strings.EqualFold(p.code, code)
	})
}

// discount is a coupon put to use on a customer or a subscription.
type discount struct {
	acct         *Account
	id           string
	coupon       *coupon
	customer     string
	subscription string
	session      string
	promotion    string
	start, end   int64
	spent        bool // a coupon of duration once, after its invoice
}

func (d *discount) ident() string { return d.id }

func (d *discount) render() Object {
	return Object{
		"id": d.id, "object": "discount", "checkout_session": optional(d.session),
		"customer": optional(d.customer), "end": optional(d.end), "invoice": nil, "invoice_item": nil,
		"promotion_code": optional(d.promotion), "source": Object{"type": "coupon", "coupon": d.coupon.id},
		"start": d.start, "subscription": optional(d.subscription), "subscription_item": nil,
		"_coupon": d.coupon.render(),
	}
}

func (d *discount) activeAt(t int64) bool { return !d.spent && (d.end == 0 || t < d.end) }

// redeem makes the discounts that a request names: discounts[][coupon],
// discounts[][promotion_code], or [][discount] to keep one.
func (a *Account) redeem(in *params, kept []*discount) ([]*discount, *Error) {
	var out []*discount
	for _, d := range in.elements("discounts") {
		if id := d.str("discount"); id != "" {
			found := false
			for _, k := range kept {
				if k.id == id {
					out, found = append(out, k), true
				}
			}
			if !found {
				return nil, noSuchParam("discount", id, d.at("discount").name)
			}
			continue
		}
		id, promotion := d.str("coupon"), d.str("promotion_code")
		if promotion != "" {
			code, ok := a.promotions.get(promotion)
			if !ok || !code.active {
				return nil, noSuchParam("promotion code", promotion, d.at("promotion_code").name)
			}
			id = code.coupon.id
			code.times++
		}
		c, ok := a.coupons.get(id)
		if !ok || c.deleted {
			return nil, noSuchParam("coupon", id, d.at("coupon").name)
		}
		if !c.valid() {
			return nil, invalidCode("coupon_expired", d.at("coupon").name, "Coupon expired: %s", id)
		}
		c.redeem++
		made := &discount{acct: a, id: a.ids.long("di", a.now), coupon: c, promotion: promotion, start: a.now}
		if c.duration == "repeating" {
			made.end = interval{"month", c.months}.after(a.now, 1)
		}
		a.index[made.id] = made
		out = append(out, made)
	}
	return out, in.err()
}
