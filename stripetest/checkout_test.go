package stripetest

import (
	"slices"
	"testing"
	"time"
)

// buy makes a session for a form and completes it.
func buy(t *testing.T, a *Account, form Form, buyer Buyer) Object {
	t.Helper()
	all := Form{"mode": "subscription", "line_items[0][price]": "price_pro_monthly", "success_url": "https://app.example"}
	for key, value := range form {
		all[key] = value
	}
	session := must(a.Post("/v1/checkout/sessions", all))(t)
	return must(a.Complete(session.ID(), buyer))(t)
}

// TestAsyncPayment: complete but unpaid for days, then paid or not.
func TestAsyncPayment(t *testing.T) {
	for card, want := range map[string]string{"pm_sepaDebit_success": "paid", "pm_sepaDebit_failed": "unpaid"} {
		a, _ := account(t, nil)
		session := buy(t, a, nil, Buyer{Card: card})
		if session.Str("status") != "complete" || session.Str("payment_status") != "unpaid" {
			t.Errorf("%s: %s, %s", card, session.Str("status"), session.Str("payment_status"))
		}
		a.Advance(4 * 24 * time.Hour)
		session = must(a.Get("/v1/checkout/sessions/"+session.ID(), Form{"expand[0]": "invoice"}))(t)
		if session.Str("payment_status") != want || (session.Str("invoice.status") == "paid") != (want == "paid") {
			t.Errorf("%s: %s, invoice %s", card, session.Str("payment_status"), session.Str("invoice.status"))
		}
		told := map[string]string{"paid": "checkout.session.async_payment_succeeded", "unpaid": "checkout.session.async_payment_failed"}[want]
		if !slices.Contains(a.EventTypes(), told) {
			t.Errorf("%s: no %s", card, told)
		}
	}
}

// TestADeclinedBuyer leaves no subscription behind: the session stays open.
func TestADeclinedBuyer(t *testing.T) {
	a, _ := account(t, nil)
	session := must(a.Post("/v1/checkout/sessions", Form{"mode": "subscription", "line_items[0][price]": "price_pro_monthly", "success_url": "x"}))(t)
	if _, err := a.Complete(session.ID(), Buyer{Card: "pm_card_chargeDeclined"}); err == nil {
		t.Fatal("a declined card has paid")
	}
	if got := must(a.Get("/v1/checkout/sessions/"+session.ID(), nil))(t).Str("status"); got != "open" {
		t.Errorf("the session is %s", got)
	}
	if n := len(a.Events("customer.subscription.created")); n != 0 {
		t.Errorf("%d subscriptions", n)
	}
	must(a.Complete(session.ID(), Buyer{}))(t)
	if _, err := a.Complete(session.ID(), Buyer{}); err == nil {
		t.Error("a session was completed twice")
	}
}

func TestCheckoutModes(t *testing.T) {
	a, _ := account(t, nil)
	once := must(a.Post("/v1/prices", Form{"product": "prod_pro", "currency": "usd", "unit_amount": "5000"}))(t)
	paid := buy(t, a, Form{"mode": "payment", "line_items[0][price]": once.ID(), "line_items[0][quantity]": "2", "payment_intent_data[metadata][order]": "A-7"}, Buyer{})
	intent := must(a.Get("/v1/payment_intents/"+paid.Str("payment_intent"), nil))(t)
	if paid.Str("payment_status") != "paid" || intent.Int("amount_received") != 10000 || intent.Str("metadata.order") != "A-7" || paid["subscription"] != nil {
		t.Errorf("payment: %s", paid.JSON())
	}
	setup := must(a.Post("/v1/checkout/sessions", Form{"mode": "setup", "success_url": "x", "currency": "usd"}))(t)
	setup = must(a.Complete(setup.ID(), Buyer{}))(t)
	methods := must(a.Get("/v1/payment_methods", Form{"customer": setup.Str("customer")}))(t)
	if setup.Str("payment_status") != "no_payment_required" || methods.Get("data.0") == nil {
		t.Errorf("setup: %s", setup.JSON())
	}
	both := buy(t, a, Form{"line_items[1][price]": once.ID()}, Buyer{})
	if got := must(a.Get("/v1/invoices/"+both.Str("invoice"), nil))(t).Int("total"); got != 7900 {
		t.Errorf("a subscription with a one-off price comes to %d", got)
	}
}

func TestPromotionCodes(t *testing.T) {
	a, _ := account(t, nil)
	coupon := must(a.Post("/v1/coupons", Form{"percent_off": "25", "duration": "once"}))(t)
	must(a.Post("/v1/promotion_codes", Form{"promotion[type]": "coupon", "promotion[coupon]": coupon.ID(), "code": "SPRING"}))(t)
	typed := buy(t, a, Form{"allow_promotion_codes": "true"}, Buyer{PromotionCode: "SPRING"})
	if typed.Int("amount_total") != 2175 || typed.Int("total_details.amount_discount") != 725 {
		t.Errorf("%s", typed.JSON())
	}
	session := must(a.Post("/v1/checkout/sessions", Form{"mode": "subscription", "line_items[0][price]": "price_pro_monthly", "success_url": "x"}))(t)
	if _, err := a.Complete(session.ID(), Buyer{PromotionCode: "SPRING"}); err == nil {
		t.Error("a code was taken where none is allowed")
	}
}

// TestRefusals are what Stripe does not do.
func TestRefusals(t *testing.T) {
	a, c := account(t, nil)
	sub := must(a.Post("/v1/subscriptions", Form{"customer": c, "items[0][price]": "price_pro_monthly"}))(t)
	path := "/v1/subscriptions/" + sub.ID()
	charge := must(a.Get("/v1/charges", nil))(t).Str("data.0.id")
	refuse := func(what, code string, err error) {
		t.Helper()
		e, ok := err.(*Error)
		if !ok || e.Code != code {
			t.Errorf("%s: %v", what, err)
		}
	}
	must(a.Post("/v1/credit_notes", Form{"invoice": sub.Str("latest_invoice"), "amount": "2000", "credit_amount": "2000"}))(t)
	_, err := a.Post("/v1/credit_notes", Form{"invoice": sub.Str("latest_invoice"), "amount": "1000", "credit_amount": "1000"})
	refuse("credit beyond what was paid", "", err)

	must(a.Dispute(charge, "fraudulent"))(t)
	_, err = a.Post("/v1/refunds", Form{"charge": charge})
	refuse("a refund of what is disputed", "charge_disputed", err)

	schedule := must(a.Post("/v1/subscription_schedules", Form{"from_subscription": sub.ID()}))(t)
	_, err = a.Post(path, Form{"cancel_at_period_end": "true"})
	refuse("canceling what a schedule manages", "", err)
	_, err = a.Post("/v1/subscription_schedules", Form{"from_subscription": sub.ID()})
	refuse("a second schedule", "", err)
	must(a.Post("/v1/subscription_schedules/"+schedule.ID()+"/release", nil))(t)

	must(a.Delete(path, nil))(t)
	_, err = a.Post(path, Form{"items[0][price]": "price_basic_monthly"})
	refuse("changing what has ended", "", err)
	must(a.Post(path, Form{"metadata[note]": "kept"}))(t)
	_, err = a.Delete(path, nil)
	refuse("canceling twice", "resource_missing", err)

	for range 16 {
		must(a.Post("/v1/webhook_endpoints", Form{"url": "http://127.0.0.1:1", "enabled_events[0]": "nothing.*"}))(t)
	}
	_, err = a.Post("/v1/webhook_endpoints", Form{"url": "http://127.0.0.1:1", "enabled_events[0]": "*"})
	refuse("a seventeenth endpoint", "", err)
}

// TestOffSessionCard pays with its holder there, and not alone.
func TestOffSessionCard(t *testing.T) {
	for offSession, want := range map[string]string{"true": "requires_action", "false": "succeeded"} {
		a, _ := account(t, nil)
		intent := must(a.Post("/v1/payment_intents", Form{
			"amount": "500", "currency": "usd", "payment_method": "pm_card_authenticationRequiredSetupForOffSession",
			"confirm": "true", "off_session": offSession,
		}))(t)
		if got := intent.Str("status"); got != want {
			t.Errorf("off_session=%s: %s, want %s", offSession, got, want)
		}
	}
}
