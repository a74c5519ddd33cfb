package stripe_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/bursarhq/bursar/internal/stripe"
)

// TestCommands says what each command sends. That Stripe takes it so is checked
// against Stripe's own specification in mocktest.
func TestCommands(t *testing.T) {
	type command func(*stripe.Client) (stripe.Answer, error)
	for _, tc := range []struct {
		name string
		do   command
		want string // method, path and parameters
	}{
		{"create a customer", func(c *stripe.Client) (stripe.Answer, error) {
			return c.CreateCustomer(t.Context(), "k", stripe.CustomerParams{Name: new("Acme & Co"), Email: new("a@acme.example"), Metadata: map[string]string{"tenant": "acme"}})
		}, "POST /v1/customers email=a@acme.example&metadata[tenant]=acme&name=Acme & Co"},
		{"clear a name", func(c *stripe.Client) (stripe.Answer, error) {
			return c.UpdateCustomer(t.Context(), "k", "cus_1", stripe.CustomerParams{Name: new(""), Metadata: map[string]string{"tenant": ""}, DefaultPaymentMethod: new("pm_1")})
		}, "POST /v1/customers/cus_1 invoice_settings[default_payment_method]=pm_1&metadata[tenant]=&name="},
		{"the least checkout", func(c *stripe.Client) (stripe.Answer, error) {
			return c.CreateCheckoutSession(t.Context(), "k", stripe.CheckoutParams{Price: "price_1", Quantity: 1, SuccessURL: "https://a.example/ok?s={CHECKOUT_SESSION_ID}"})
		}, "POST /v1/checkout/sessions line_items[0][price]=price_1&line_items[0][quantity]=1&mode=subscription&success_url=https://a.example/ok?s={CHECKOUT_SESSION_ID}"},
		{"the most checkout", func(c *stripe.Client) (stripe.Answer, error) {
			return c.CreateCheckoutSession(t.Context(), "k", stripe.CheckoutParams{
				Price: "price_1", Quantity: 3, SuccessURL: "https://a.example/ok", CancelURL: "https://a.example/no",
				Customer: "cus_1", ClientReferenceID: "acme", Metadata: map[string]string{"tenant": "acme"}, TrialDays: 14,
				PromotionCode: "promo_1", AutomaticTax: true, TaxIDCollection: true, PaymentMethodCollection: "if_required", Locale: "de", ExpiresAt: 1800000000,
			})
		}, "POST /v1/checkout/sessions automatic_tax[enabled]=true&cancel_url=https://a.example/no&client_reference_id=acme&customer=cus_1" +
			"&customer_update[address]=auto&customer_update[name]=auto&discounts[0][promotion_code]=promo_1&expires_at=1800000000" +
			"&line_items[0][price]=price_1&line_items[0][quantity]=3&locale=de&metadata[tenant]=acme&mode=subscription&payment_method_collection=if_required" +
			"&subscription_data[metadata][tenant]=acme&subscription_data[trial_period_days]=14&success_url=https://a.example/ok&tax_id_collection[enabled]=true"},
		{"checkout of a metered price by somebody new", func(c *stripe.Client) (stripe.Answer, error) {
			return c.CreateCheckoutSession(t.Context(), "k", stripe.CheckoutParams{Price: "price_1", SuccessURL: "https://a.example/ok", CustomerEmail: "a@acme.example", AllowPromotionCodes: true, AutomaticTax: true})
		}, "POST /v1/checkout/sessions allow_promotion_codes=true&automatic_tax[enabled]=true&customer_email=a@acme.example&line_items[0][price]=price_1&mode=subscription&success_url=https://a.example/ok"},
		{"checkout with tax of a customer", func(c *stripe.Client) (stripe.Answer, error) {
			return c.CreateCheckoutSession(t.Context(), "k", stripe.CheckoutParams{Price: "price_1", SuccessURL: "https://a.example/ok", Customer: "cus_1", AutomaticTax: true})
		}, "POST /v1/checkout/sessions automatic_tax[enabled]=true&customer=cus_1&customer_update[address]=auto&line_items[0][price]=price_1&mode=subscription&success_url=https://a.example/ok"},
		{"expire a checkout", func(c *stripe.Client) (stripe.Answer, error) {
			return c.ExpireCheckoutSession(t.Context(), "k", "cs_test_1")
		}, "POST /v1/checkout/sessions/cs_test_1/expire "},
		{"the portal", func(c *stripe.Client) (stripe.Answer, error) {
			return c.CreatePortalSession(t.Context(), "k", stripe.PortalParams{Customer: "cus_1", ReturnURL: "https://a.example", Configuration: "bpc_1", Locale: "fr"})
		}, "POST /v1/billing_portal/sessions configuration=bpc_1&customer=cus_1&locale=fr&return_url=https://a.example"},
		{"change the price", func(c *stripe.Client) (stripe.Answer, error) {
			return c.UpdateSubscription(t.Context(), "k", "sub_1", stripe.SubscriptionUpdate{Item: "si_1", Price: "price_2", Quantity: new(int64(5)), ProrationBehavior: "always_invoice", PaymentBehavior: "error_if_incomplete"})
		}, "POST /v1/subscriptions/sub_1 items[0][id]=si_1&items[0][price]=price_2&items[0][quantity]=5&payment_behavior=error_if_incomplete&proration_behavior=always_invoice"},
		{"a quantity of zero", func(c *stripe.Client) (stripe.Answer, error) {
			return c.UpdateSubscription(t.Context(), "k", "sub_1", stripe.SubscriptionUpdate{Item: "si_1", Quantity: new(int64(0))})
		}, "POST /v1/subscriptions/sub_1 items[0][id]=si_1&items[0][quantity]=0"},
		{"cancel at the period's end", func(c *stripe.Client) (stripe.Answer, error) {
			return c.UpdateSubscription(t.Context(), "k", "sub_1", stripe.SubscriptionUpdate{CancelAtPeriodEnd: new(true)})
		}, "POST /v1/subscriptions/sub_1 cancel_at_period_end=true"},
		{"do not", func(c *stripe.Client) (stripe.Answer, error) {
			return c.UpdateSubscription(t.Context(), "k", "sub_1", stripe.SubscriptionUpdate{CancelAtPeriodEnd: new(false)})
		}, "POST /v1/subscriptions/sub_1 cancel_at_period_end=false"},
		{"nor at a time", func(c *stripe.Client) (stripe.Answer, error) {
			return c.UpdateSubscription(t.Context(), "k", "sub_1", stripe.SubscriptionUpdate{ClearCancelAt: true})
		}, "POST /v1/subscriptions/sub_1 cancel_at="},
		{"cancel", func(c *stripe.Client) (stripe.Answer, error) {
			return c.CancelSubscription(t.Context(), "k", "sub_1", stripe.CancelParams{})
		}, "DELETE /v1/subscriptions/sub_1 "},
		{"cancel and settle", func(c *stripe.Client) (stripe.Answer, error) {
			return c.CancelSubscription(t.Context(), "k", "sub_1", stripe.CancelParams{Prorate: true, InvoiceNow: true, Comment: "unpaid"})
		}, "DELETE /v1/subscriptions/sub_1 cancellation_details[comment]=unpaid&invoice_now=true&prorate=true"},
		{"schedule", func(c *stripe.Client) (stripe.Answer, error) {
			return c.CreateSchedule(t.Context(), "k", "sub_1")
		}, "POST /v1/subscription_schedules from_subscription=sub_1"},
		{"reschedule", func(c *stripe.Client) (stripe.Answer, error) {
			return c.UpdateSchedule(t.Context(), "k", "sub_sched_1", stripe.ScheduleUpdate{EndBehavior: "release", ProrationBehavior: "none", Phases: []stripe.Phase{
				{StartDate: 10, EndDate: 20, Items: []stripe.Item{{Price: "price_1", Quantity: 2}, {Price: "price_metered"}}},
				{Items: []stripe.Item{{Price: "price_2", Quantity: 1}}},
			}})
		}, "POST /v1/subscription_schedules/sub_sched_1 end_behavior=release&phases[0][end_date]=20&phases[0][items][0][price]=price_1&phases[0][items][0][quantity]=2" +
			"&phases[0][items][1][price]=price_metered&phases[0][start_date]=10&phases[1][items][0][price]=price_2&phases[1][items][0][quantity]=1&proration_behavior=none"},
		{"release", func(c *stripe.Client) (stripe.Answer, error) {
			return c.ReleaseSchedule(t.Context(), "k", "sub_sched_1")
		}, "POST /v1/subscription_schedules/sub_sched_1/release "},
		{"change an endpoint", func(c *stripe.Client) (stripe.Answer, error) {
			return c.UpdateWebhookEndpoint(t.Context(), "k", "we_1", stripe.WebhookEndpointUpdate{URL: "https://a.example/hook", Description: new(""), Disabled: new(false), EnabledEvents: []string{"invoice.paid", "price.created"}})
		}, "POST /v1/webhook_endpoints/we_1 description=&disabled=false&enabled_events[0]=invoice.paid&enabled_events[1]=price.created&url=https://a.example/hook"},
		{"leave most of an endpoint alone", func(c *stripe.Client) (stripe.Answer, error) {
			return c.UpdateWebhookEndpoint(t.Context(), "k", "we_1", stripe.WebhookEndpointUpdate{Disabled: new(true)})
		}, "POST /v1/webhook_endpoints/we_1 disabled=true"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newBadStripe(t, says(200, `{"id":"x_1","object":"x"}`))
			c, _ := newClient(t, s.URL, nil)
			a, err := tc.do(c)
			if err != nil || a.ID != "x_1" || a.SentAt == 0 {
				t.Fatalf("got %+v, %v", a, err)
			}
			r := s.requests()[0]
			form, _ := url.QueryUnescape(r.form.Encode())
			if got := r.method + " " + r.path + " " + form; got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if k := r.header.Get("Idempotency-Key"); k != "k" {
				t.Errorf("the key is %q", k)
			}
		})
	}
}

func TestCommandsNeedAKey(t *testing.T) {
	s := newBadStripe(t, says(200, someCustomer))
	c, _ := newClient(t, s.URL, nil)
	for _, key := range []string{"", strings.Repeat("x", 256), "a b", "a\nb", "ü"} {
		if _, err := c.CreateCustomer(t.Context(), key, stripe.CustomerParams{}); err == nil {
			t.Errorf("%q was taken", key)
		}
		if _, err := c.CancelSubscription(t.Context(), key, "sub_1", stripe.CancelParams{}); err == nil {
			t.Errorf("%q was taken", key)
		}
	}
	if n := len(s.requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
	if _, err := c.CreateCustomer(t.Context(), strings.Repeat("x", 255), stripe.CustomerParams{}); err != nil {
		t.Error(err)
	}
}

func TestCommandsNeedAnID(t *testing.T) {
	s := newBadStripe(t, says(200, someCustomer))
	c, _ := newClient(t, s.URL, nil)
	for _, id := range []string{"", ".", "..", strings.Repeat("x", 256)} {
		for name, do := range map[string]func() error{
			"UpdateCustomer":        func() error { _, err := c.UpdateCustomer(t.Context(), "k", id, stripe.CustomerParams{}); return err },
			"ExpireCheckoutSession": func() error { _, err := c.ExpireCheckoutSession(t.Context(), "k", id); return err },
			"UpdateSubscription": func() error {
				_, err := c.UpdateSubscription(t.Context(), "k", id, stripe.SubscriptionUpdate{})
				return err
			},
			"CancelSubscription": func() error { _, err := c.CancelSubscription(t.Context(), "k", id, stripe.CancelParams{}); return err },
			"UpdateSchedule":     func() error { _, err := c.UpdateSchedule(t.Context(), "k", id, stripe.ScheduleUpdate{}); return err },
			"ReleaseSchedule":    func() error { _, err := c.ReleaseSchedule(t.Context(), "k", id); return err },
			"UpdateWebhookEndpoint": func() error {
				_, err := c.UpdateWebhookEndpoint(t.Context(), "k", id, stripe.WebhookEndpointUpdate{})
				return err
			},
		} {
			if err := do(); err == nil {
				t.Errorf("%s took %q", name, id)
			}
		}
	}
	if n := len(s.requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestCancelWhatHasEnded(t *testing.T) {
	gone := fails(404, "invalid_request_error", "resource_missing")
	ended := says(200, `{"id":"sub_1","object":"subscription","status":"canceled"}`)
	t.Run("by the try whose answer was lost", func(t *testing.T) {
		s := newBadStripe(t, hangsUp, gone, ended)
		c, _ := newClient(t, s.URL, nil)
		a, err := c.CancelSubscription(t.Context(), "k", "sub_1", stripe.CancelParams{})
		if err != nil || a.Value.Get("status").Str() != "canceled" || len(s.requests()) != 3 {
			t.Errorf("got %s, %v", a.Object, err)
		}
	})
	t.Run("never was", func(t *testing.T) {
		s := newBadStripe(t, gone)
		c, _ := newClient(t, s.URL, nil)
		if _, err := c.CancelSubscription(t.Context(), "k", "sub_1", stripe.CancelParams{}); !errors.Is(err, stripe.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("runs after all", func(t *testing.T) {
		s := newBadStripe(t, gone, says(200, `{"id":"sub_1","object":"subscription","status":"active"}`))
		c, _ := newClient(t, s.URL, nil)
		if _, err := c.CancelSubscription(t.Context(), "k", "sub_1", stripe.CancelParams{}); !errors.Is(err, stripe.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	})
}

const richSchedule = `{"id":"sub_sched_1","object":"subscription_schedule","status":"active","current_phase":{"start_date":200,"end_date":300},
 "phases":[
  {"start_date":100,"end_date":200,"items":[{"price":"price_past","quantity":9}]},
  {"start_date":200,"end_date":300,"trial_end":300,"billing_cycle_anchor":"automatic","collection_method":"send_invoice","description":"Pro",
   "default_payment_method":{"id":"pm_1","object":"payment_method"},"on_behalf_of":"acct_2","application_fee_percent":2.5,
   "automatic_tax":{"enabled":true,"liability":{"type":"account","account":"acct_3"}},"proration_behavior":"create_prorations",
   "billing_thresholds":{"amount_gte":5000,"reset_billing_cycle_anchor":false},"default_tax_rates":[{"id":"txr_1","object":"tax_rate"},"txr_2"],
   "discounts":[{"coupon":"c_1","discount":"di_1","promotion_code":null},{"coupon":"c_2","discount":null,"promotion_code":null}],
   "invoice_settings":{"account_tax_ids":["atxi_1"],"days_until_due":14,"issuer":{"type":"self"}},
   "transfer_data":{"destination":"acct_4","amount_percent":10},"metadata":{"tenant":"acme","note":""},
   "items":[{"price":"price_1","quantity":3,"tax_rates":["txr_3"],"discounts":[{"promotion_code":"promo_1"}],"metadata":{"seat":"yes"},"billing_thresholds":{"usage_gte":7}},
            {"price":{"id":"price_add_on","object":"price"}}]},
  {"start_date":300,"items":[{"price":"price_future","quantity":1}]}]}`

func TestChangeAtPeriodEnd(t *testing.T) {
	const carried = "billing_cycle_anchor=automatic&collection_method=send_invoice&description=Pro&default_payment_method=pm_1&on_behalf_of=acct_2" +
		"&application_fee_percent=2.5&automatic_tax.enabled=true&automatic_tax.liability.type=account&automatic_tax.liability.account=acct_3" +
		"&billing_thresholds.amount_gte=5000&billing_thresholds.reset_billing_cycle_anchor=false&default_tax_rates.0=txr_1&default_tax_rates.1=txr_2" +
		"&discounts.0.discount=di_1&discounts.1.coupon=c_2&invoice_settings.account_tax_ids.0=atxi_1&invoice_settings.days_until_due=14&invoice_settings.issuer.type=self" +
		"&transfer_data.destination=acct_4&transfer_data.amount_percent=10&metadata.tenant=acme" +
		"&items.0.tax_rates.0=txr_3&items.0.discounts.0.promotion_code=promo_1&items.0.metadata.seat=yes&items.0.billing_thresholds.usage_gte=7&items.1.price=price_add_on"
	want := url.Values{"end_behavior": {"release"}}
	add := func(phase, text string) {
		for pair := range strings.SplitSeq(text, "&") {
			name, value, _ := strings.Cut(pair, "=")
			want.Set("phases["+phase+"]["+strings.ReplaceAll(name, ".", "][")+"]", value)
		}
	}
	add("0", carried+"&start_date=200&end_date=300&trial_end=300&proration_behavior=create_prorations&items.0.price=price_1&items.0.quantity=3")
	add("1", carried+"&proration_behavior=none&items.0.price=price_2&items.0.quantity=5")

	answers := says(200, richSchedule)
	t.Run("of a subscription without a schedule", func(t *testing.T) {
		s := newBadStripe(t, answers)
		c, _ := newClient(t, s.URL, nil)
		a, err := c.ChangeAtPeriodEnd(t.Context(), "k", stripe.ScheduledChange{Subscription: "sub_1", FromPrice: "price_1", Price: "price_2", Quantity: 5})
		if err != nil || a.ID != "sub_sched_1" {
			t.Fatalf("got %+v, %v", a, err)
		}
		all := s.requests()
		if len(all) != 2 || all[0].form.Encode() != "from_subscription=sub_1" {
			t.Fatalf("asked %+v", all)
		}
		if k0, k1 := all[0].header.Get("Idempotency-Key"), all[1].header.Get("Idempotency-Key"); k0 != "k.schedule" || k1 != "k.phases" {
			t.Errorf("the keys are %q and %q", k0, k1)
		}
		if all[1].path != "/v1/subscription_schedules/sub_sched_1" {
			t.Errorf("asked %s", all[1].path)
		}
		for name := range want {
			if got := all[1].form.Get(name); got != want.Get(name) {
				t.Errorf("%s is %q, want %q", name, got, want.Get(name))
			}
		}
		for name, got := range all[1].form {
			if !want.Has(name) {
				t.Errorf("%s is %q, want nothing", name, got)
			}
		}
	})
	t.Run("of one that has a schedule", func(t *testing.T) {
		s := newBadStripe(t, answers)
		c, _ := newClient(t, s.URL, nil)
		_, err := c.ChangeAtPeriodEnd(t.Context(), "k", stripe.ScheduledChange{Schedule: "sub_sched_1", FromPrice: "price_1", Price: "price_2"})
		all := s.requests()
		if err != nil || len(all) != 2 || all[0].method != "GET" || all[1].form.Get("phases[1][items][0][quantity]") != "3" {
			t.Errorf("got %v, asked %+v", err, all)
		}
	})
	t.Run("of an item that is not clear", func(t *testing.T) {
		for _, from := range []string{"", "price_9"} {
			s := newBadStripe(t, answers)
			c, _ := newClient(t, s.URL, nil)
			_, err := c.ChangeAtPeriodEnd(t.Context(), "k", stripe.ScheduledChange{Schedule: "sub_sched_1", FromPrice: from, Price: "price_2"})
			if err == nil || len(s.requests()) != 1 {
				t.Errorf("from %q: got %v", from, err)
			}
		}
	})
	t.Run("before the schedule has begun", func(t *testing.T) {
		s := newBadStripe(t, says(200, strings.Replace(richSchedule, `{"start_date":200,"end_date":300}`, "null", 1)))
		c, _ := newClient(t, s.URL, nil)
		_, err := c.ChangeAtPeriodEnd(t.Context(), "k", stripe.ScheduledChange{Schedule: "sub_sched_1", Price: "price_2"})
		all := s.requests()
		if err != nil || len(all) != 2 || all[1].form.Get("phases[0][start_date]") != "100" {
			t.Errorf("got %v, asked %+v", err, all)
		}
	})
	t.Run("without an end", func(t *testing.T) {
		s := newBadStripe(t, says(200, `{"id":"sub_sched_1","object":"subscription_schedule","phases":[]}`))
		c, _ := newClient(t, s.URL, nil)
		_, err := c.ChangeAtPeriodEnd(t.Context(), "k", stripe.ScheduledChange{Subscription: "sub_1", Price: "price_2"})
		if err == nil || len(s.requests()) != 1 {
			t.Errorf("got %v", err)
		}
	})
}
