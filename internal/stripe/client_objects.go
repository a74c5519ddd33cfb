package stripe

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strings"
)

// fetchable says where an object is fetched and what its ids begin with. Ids of
// products, prices and plans may be the seller's own words: they need their type.
type fetchable struct {
	object   string
	path     string
	prefixes []string
}

var fetchables = []fetchable{
	{"customer", "/v1/customers/", []string{"cus_"}},
	{"subscription_schedule", "/v1/subscription_schedules/", []string{"sub_sched_"}}, // before sub_
	{"subscription", "/v1/subscriptions/", []string{"sub_"}},
	{"subscription_item", "/v1/subscription_items/", []string{"si_"}},
	{"invoice", "/v1/invoices/", []string{"in_"}},
	{"invoice_payment", "/v1/invoice_payments/", []string{"inpay_"}},
	{"payment_intent", "/v1/payment_intents/", []string{"pi_"}},
	{"charge", "/v1/charges/", []string{"ch_", "py_"}},
	{"refund", "/v1/refunds/", []string{"re_", "pyr_"}},
	{"dispute", "/v1/disputes/", []string{"du_", "dp_"}},
	{"credit_note", "/v1/credit_notes/", []string{"cn_"}},
	{"payment_method", "/v1/payment_methods/", []string{"pm_", "card_", "src_"}},
	{"card", "/v1/payment_methods/", nil},   // legacy: the payment methods API answers for both
	{"source", "/v1/payment_methods/", nil}, // (docs.stripe.com/payments/payment-methods/transitioning)
	{"checkout.session", "/v1/checkout/sessions/", []string{"cs_"}},
	{"product", "/v1/products/", []string{"prod_"}},
	{"price", "/v1/prices/", []string{"price_", "plan_"}},
	{"plan", "/v1/plans/", nil},
	{"promotion_code", "/v1/promotion_codes/", []string{"promo_"}},
	{"tax_rate", "/v1/tax_rates/", []string{"txr_"}},
	{"event", "/v1/events/", []string{"evt_"}},
	{"v2.core.event", "/v2/core/events/", nil},
}

// TypeOf tells an object's type by its id's prefix, empty where it does not.
func TypeOf(id string) string {
	for _, f := range fetchables {
		for _, p := range f.prefixes {
			if strings.HasPrefix(id, p) && len(id) > len(p) {
				return f.object
			}
		}
	}
	return ""
}

func pathOf(objectType, id string) (string, error) {
	part, err := segment(id)
	if err != nil {
		return "", err
	}
	if objectType == "" {
		objectType = TypeOf(id)
	}
	for _, f := range fetchables {
		if f.object == objectType {
			return f.path + part, nil
		}
	}
	if objectType != "" {
		return "", fmt.Errorf("stripe: objects of type %q are not fetched", objectType)
	}
	return "", fmt.Errorf("stripe: the id %q does not say what it is of", id)
}

// InvoicePayments lists which payments pay which invoices, by an invoice (in_) or
// by a payment intent (pi_). On basil and later it is the only link between them.
func (c *Client) InvoicePayments(ctx context.Context, id string) iter.Seq2[Answer, error] {
	switch TypeOf(id) {
	case "invoice":
		return c.List(ctx, "/v1/invoice_payments", url.Values{"invoice": {id}})
	case "payment_intent":
		return c.List(ctx, "/v1/invoice_payments", url.Values{"payment[type]": {"payment_intent"}, "payment[payment_intent]": {id}})
	}
	return failed(fmt.Errorf("stripe: invoice payments are asked for by in_ or pi_, not %q", id))
}

// InvoiceLines lists all lines of an invoice, for those that have more than an
// event carries.
func (c *Client) InvoiceLines(ctx context.Context, invoice string) iter.Seq2[Answer, error] {
	return c.listOf(ctx, "/v1/invoices/", invoice, "/lines")
}

// CreditNoteLines lists all lines of a credit note.
func (c *Client) CreditNoteLines(ctx context.Context, note string) iter.Seq2[Answer, error] {
	return c.listOf(ctx, "/v1/credit_notes/", note, "/lines")
}

// CustomerPaymentMethods lists what is attached to a customer, of every type.
func (c *Client) CustomerPaymentMethods(ctx context.Context, customer string) iter.Seq2[Answer, error] {
	return c.listOf(ctx, "/v1/customers/", customer, "/payment_methods")
}

// SubscriptionItems lists all items of a subscription.
func (c *Client) SubscriptionItems(ctx context.Context, subscription string) iter.Seq2[Answer, error] {
	return c.List(ctx, "/v1/subscription_items", url.Values{"subscription": {subscription}})
}

// Refunds lists the refunds of a charge (ch_, py_) or of a payment intent (pi_).
func (c *Client) Refunds(ctx context.Context, id string) iter.Seq2[Answer, error] {
	switch kind := TypeOf(id); kind {
	case "charge", "payment_intent":
		return c.List(ctx, "/v1/refunds", url.Values{kind: {id}})
	}
	return failed(fmt.Errorf("stripe: refunds are asked for by ch_, py_ or pi_, not %q", id))
}

// ActiveEntitlements lists the features that Stripe itself grants a customer.
func (c *Client) ActiveEntitlements(ctx context.Context, customer string) iter.Seq2[Answer, error] {
	return c.List(ctx, "/v1/entitlements/active_entitlements", url.Values{"customer": {customer}})
}

// PromotionCode finds the active promotion code that buyers type in. The error is
// ErrNotFound where there is none.
func (c *Client) PromotionCode(ctx context.Context, code string) (Answer, error) {
	const path = "/v1/promotion_codes"
	p, err := c.ListPage(ctx, path, url.Values{"code": {code}, "active": {"true"}, "limit": {"1"}})
	if err != nil {
		return Answer{}, err
	}
	if len(p.Data) == 0 {
		return Answer{}, &Error{what: "GET " + path, Status: http.StatusOK, Message: "no active promotion code", kind: ErrNotFound}
	}
	return p.Answers()[0], nil
}

func (c *Client) listOf(ctx context.Context, before, id, after string) iter.Seq2[Answer, error] {
	part, err := segment(id)
	if err != nil {
		return failed(err)
	}
	return c.List(ctx, before+part+after, nil)
}

func failed(err error) iter.Seq2[Answer, error] {
	return func(yield func(Answer, error) bool) { yield(Answer{}, err) }
}
