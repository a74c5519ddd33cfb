package main

import (
	"fmt"
	"time"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/stripetest"
)

// demoPlans is what the demo's app sells.
func demoPlans() (*billing.Catalog, error) {
	return billing.NewCatalog([]billing.Plan{
		{ID: "free", Name: "Free", Default: true, Features: map[string]any{"projects": int64(1), "sso": false}},
		{ID: "basic", Name: "Basic", TrialDays: 14, Features: map[string]any{"projects": int64(5), "sso": false}, Prices: []billing.Price{
			{ID: "price_basic_monthly", Amount: 900, Currency: "usd", Interval: "month"},
		}},
		{ID: "pro", Name: "Pro", TrialDays: 14, Features: map[string]any{"projects": int64(20), "sso": true}, Prices: []billing.Price{
			{ID: "price_pro_monthly", Amount: 2900, Currency: "usd", Interval: "month"},
			{ID: "price_pro_yearly", Amount: 29000, Currency: "usd", Interval: "year"},
		}},
	})
}

// demoTenants live in the demo. The first one is in the examples that it prints.
var demoTenants = []string{
	"acme", "alder", "basalt", "beacon", "birch", "bramble", "cedar", "cobalt", "comet", "coral", "cypress", "dune",
	"ember", "fern", "fjord", "flint", "garnet", "gull", "harbor", "hazel", "heron", "indigo", "iris", "juniper",
	"kestrel", "larch", "lark", "linden", "lynx", "maple", "marlin", "mesa", "nimbus", "onyx", "osprey", "otter",
}

const day = 24 * time.Hour

// moment is something that a tenant or its bank does, so many days after its
// sign-up.
type moment struct {
	day   int
	about string // completes the tenant's name
	do    func(*life) error
}

// lives are what tenants go through, in turn; renewals, retries and ends come by
// themselves.
var lives = [][]moment{
	{ // all of it
		{0, "signs up for Basic with a trial", signUp("price_basic_monthly", stripetest.Form{"subscription_data[trial_period_days]": "14"})},
		{40, "replaces its card by one that has no money", useCard("pm_card_chargeCustomerFail")},
		{48, "gets a new card", useCard("pm_card_visa")},
		{60, "moves up to Pro", change("price_pro_monthly", stripetest.Form{"proration_behavior": "always_invoice"})},
		{63, "is given a part of its money back", refund("500")},
		{80, "replaces its card by one that has no money", useCard("pm_card_chargeCustomerFail")},
		{122, "comes back to Pro", signUp("price_pro_monthly", nil)},
	},
	{{0, "signs up for Pro", signUp("price_pro_monthly", nil)}},
	{{0, "signs up for Basic with a trial", signUp("price_basic_monthly", stripetest.Form{"subscription_data[trial_period_days]": "14"})}},
	{
		{0, "signs up for Pro, a year at once", signUp("price_pro_yearly", nil)},
		{20, "has its card replaced by the network", replaceCard},
	},
	{
		{0, "signs up for Pro", signUp("price_pro_monthly", nil)},
		{20, "replaces its card by one that has no money", useCard("pm_card_chargeCustomerFail")},
		{33, "gets a new card", useCard("pm_card_mastercard")},
	},
	{
		{0, "signs up for Basic", signUp("price_basic_monthly", nil)},
		{25, "replaces its card by one that has no money", useCard("pm_card_chargeCustomerFail")},
	},
	{
		{0, "signs up for Basic", signUp("price_basic_monthly", nil)},
		{35, "moves up to Pro", change("price_pro_monthly", stripetest.Form{"proration_behavior": "always_invoice"})},
	},
	{
		{0, "signs up for Pro", signUp("price_pro_monthly", nil)},
		{18, "cancels at the period's end", cancelAtPeriodEnd},
	},
	{
		{0, "signs up for Pro, in flexible billing mode", signUp("price_pro_monthly", stripetest.Form{"subscription_data[billing_mode][type]": "flexible"})},
		{40, "cancels in the portal", (*life).portalCancel},
		{44, "takes that back", (*life).portalResume},
		{58, "adds four seats", change("price_pro_monthly", stripetest.Form{"items[0][quantity]": "5"})},
	},
	{
		{0, "signs up for Basic", signUp("price_basic_monthly", nil)},
		{10, "is given all of its money back", refund("")},
		{11, "cancels now", cancelNow},
	},
	{
		{0, "signs up for Pro", signUp("price_pro_monthly", nil)},
		{12, "disputes a payment", (*life).dispute},
		{33, "wins the dispute", (*life).winDispute},
	},
	{
		{0, "tries Pro without a card", signUp("price_pro_monthly", stripetest.Form{
			"no_card": "true", "payment_method_collection": "if_required", "subscription_data[trial_period_days]": "14",
			"subscription_data[trial_settings][end_behavior][missing_payment_method]": "cancel",
		})},
		{30, "comes back to Basic", signUp("price_basic_monthly", nil)},
	},
	{
		{0, "signs up for Pro", signUp("price_pro_monthly", nil)},
		{8, "plans to move down to Basic at the period's end", (*life).scheduleBasic},
	},
}

// life is a tenant's, as far as it has been lived.
type life struct {
	account      *stripetest.Account
	tenant       string
	born         time.Time
	left         []moment
	customer     string
	subscription string
	disputed     string
}

func (l *life) post(path string, form stripetest.Form) (stripetest.Object, error) {
	o, err := l.account.Post(path, form)
	if err != nil {
		return nil, fmt.Errorf("POST %s: %w", path, err)
	}
	return o, nil
}

func (l *life) path() string { return "/v1/subscriptions/" + l.subscription }

// makeCatalog makes the prices of demoPlans at the account.
func makeCatalog(account *stripetest.Account) error {
	l := &life{account: account}
	plans, err := demoPlans()
	if err != nil {
		return err
	}
	for _, plan := range plans.Plans() {
		if len(plan.Prices) == 0 {
			continue
		}
		if _, err := l.post("/v1/products", stripetest.Form{"id": "prod_" + plan.ID, "name": plan.Name}); err != nil {
			return err
		}
		for _, p := range plan.Prices {
			if _, err := l.post("/v1/prices", stripetest.Form{
				"id": p.ID, "product": "prod_" + plan.ID, "currency": p.Currency, "unit_amount": fmt.Sprint(p.Amount), "recurring[interval]": p.Interval,
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// signUp buys through Checkout. The key no_card is the buyer's, not a parameter.
func signUp(price string, more stripetest.Form) func(*life) error {
	return func(l *life) error {
		form := stripetest.Form{
			"mode": "subscription", "line_items[0][price]": price, "line_items[0][quantity]": "1",
			"success_url": "https://app.example/welcome", "cancel_url": "https://app.example/pricing",
			"client_reference_id": l.tenant, "metadata[tenant]": l.tenant, "subscription_data[metadata][tenant]": l.tenant,
		}
		if l.customer == "" {
			form["customer_email"] = "owner@" + l.tenant + ".example"
		} else {
			form["customer"] = l.customer
		}
		buyer := stripetest.Buyer{Name: "Owner of " + l.tenant}
		for key, value := range more {
			if key == "no_card" {
				buyer.NoCard = true
			} else {
				form[key] = value
			}
		}
		session, err := l.post("/v1/checkout/sessions", form)
		if err != nil {
			return err
		}
		done, err := l.account.Complete(session.ID(), buyer)
		if err != nil {
			return err
		}
		l.customer, l.subscription = done.Str("customer"), done.Str("subscription")
		return nil
	}
}

// useCard makes a card the default one, of the subscription too where it runs.
func useCard(name string) func(*life) error {
	return func(l *life) error {
		card, err := l.post("/v1/payment_methods/"+name+"/attach", stripetest.Form{"customer": l.customer})
		if err != nil {
			return err
		}
		if _, err := l.post("/v1/customers/"+l.customer, stripetest.Form{"invoice_settings[default_payment_method]": card.ID()}); err != nil {
			return err
		}
		_, err = l.post(l.path(), stripetest.Form{"default_payment_method": card.ID()})
		return err
	}
}

func replaceCard(l *life) error {
	sub, err := l.account.Get(l.path(), nil)
	if err != nil {
		return err
	}
	return l.account.ReplaceCard(sub.Str("default_payment_method"), "1881", 6, 2031)
}

func change(price string, more stripetest.Form) func(*life) error {
	return func(l *life) error {
		sub, err := l.account.Get(l.path(), nil)
		if err != nil {
			return err
		}
		form := stripetest.Form{"items[0][id]": sub.Str("items.data.0.id"), "items[0][price]": price}
		for key, value := range more {
			form[key] = value
		}
		_, err = l.post(l.path(), form)
		return err
	}
}

// charge is the newest charge that succeeded.
func (l *life) charge() (string, error) {
	charges, err := l.account.Get("/v1/charges", stripetest.Form{"customer": l.customer})
	if err != nil {
		return "", err
	}
	for i := 0; charges.Str(fmt.Sprintf("data.%d.id", i)) != ""; i++ {
		if charges.Str(fmt.Sprintf("data.%d.status", i)) == "succeeded" {
			return charges.Str(fmt.Sprintf("data.%d.id", i)), nil
		}
	}
	return "", fmt.Errorf("%s has paid nothing yet", l.tenant)
}

// refund gives back an amount of the newest payment; all of it where that is empty.
func refund(amount string) func(*life) error {
	return func(l *life) error {
		charge, err := l.charge()
		if err != nil {
			return err
		}
		form := stripetest.Form{"charge": charge, "reason": "requested_by_customer"}
		if amount != "" {
			form["amount"] = amount
		}
		_, err = l.post("/v1/refunds", form)
		return err
	}
}

func cancelAtPeriodEnd(l *life) error {
	_, err := l.post(l.path(), stripetest.Form{"cancel_at_period_end": "true"})
	return err
}

func cancelNow(l *life) error {
	_, err := l.account.Delete(l.path(), nil)
	return err
}

func (l *life) portalCancel() error { return l.account.PortalCancel(l.subscription) }
func (l *life) portalResume() error { return l.account.PortalResume(l.subscription) }

func (l *life) dispute() error {
	charge, err := l.charge()
	if err != nil {
		return err
	}
	o, err := l.account.Dispute(charge, "fraudulent")
	l.disputed = o.ID()
	return err
}

// winDispute has the bank decide for the tenant: the app loses.
func (l *life) winDispute() error { return l.account.CloseDispute(l.disputed, false) }

// scheduleBasic has a schedule move the subscription to Basic when its period ends.
func (l *life) scheduleBasic() error {
	made, err := l.post("/v1/subscription_schedules", stripetest.Form{"from_subscription": l.subscription})
	if err != nil {
		return err
	}
	_, err = l.post("/v1/subscription_schedules/"+made.ID(), stripetest.Form{
		"end_behavior":                  "release",
		"phases[0][items][0][price]":    "price_pro_monthly",
		"phases[0][start_date]":         fmt.Sprint(made.Int("phases.0.start_date")),
		"phases[0][end_date]":           fmt.Sprint(made.Int("phases.0.end_date")),
		"phases[1][items][0][price]":    "price_basic_monthly",
		"phases[1][duration][interval]": "month",
	})
	return err
}
