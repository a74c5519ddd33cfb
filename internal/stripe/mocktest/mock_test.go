package mocktest

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"

	"github.com/bursarhq/bursar/internal/stripe"
)

// mock is stripe-mock in this process: it has no state, answers fixtures, and
// refuses every path and parameter that the specification does not have.
var mock = sync.OnceValues(func() (http.Handler, error) {
	spec, err := server.LoadSpec(embedded.OpenAPISpec, "")
	if err != nil {
		return nil, err
	}
	fixtures, err := server.LoadFixtures(embedded.OpenAPIFixtures, "")
	if err != nil {
		return nil, err
	}
	stub, err := server.NewStubServer(fixtures, spec, false, false)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(stub.HandleRequest), nil
})

func newClient(t *testing.T) *stripe.Client {
	t.Helper()
	h, err := mock()
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	c, err := stripe.NewClient(stripe.ClientConfig{Key: "sk_test_0123456789", Base: s.URL, Now: time.Now, RPS: -1, MaxNetworkRetries: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); s.Close() })
	return c
}

// TestTheMockRefuses makes sure that the other tests can fail.
func TestTheMockRefuses(t *testing.T) {
	c := newClient(t)
	for name, call := range map[string]func() error{
		"an unknown parameter of a list": func() error {
			_, err := c.ListPage(t.Context(), "/v1/subscriptions", url.Values{"colour": {"red"}})
			return err
		},
		"an unknown path": func() error {
			_, err := c.Get(t.Context(), "/v1/rockets/1")
			return err
		},
		"a word that is none of a parameter's": func() error {
			_, err := c.UpdateSubscription(t.Context(), "k", "sub_1", stripe.SubscriptionUpdate{ProrationBehavior: "perhaps"})
			return err
		},
	} {
		e, ok := errors.AsType[*stripe.Error](call())
		if !ok || e.Status < 400 || e.Status >= 500 || errors.Is(e, stripe.ErrNotFound) {
			t.Errorf("%s: got %v", name, e)
		}
	}
}

func TestFetch(t *testing.T) {
	c := newClient(t)
	for _, tc := range []struct{ objectType, id, want string }{
		{"", "cus_1", "customer"},
		{"", "sub_1", "subscription"},
		{"", "sub_sched_1", "subscription_schedule"},
		{"", "si_1", "subscription_item"},
		{"", "in_1", "invoice"},
		{"", "inpay_1", "invoice_payment"},
		{"", "pi_1", "payment_intent"},
		{"", "ch_1", "charge"},
		{"", "py_1", "charge"},
		{"", "re_1", "refund"},
		{"", "pyr_1", "refund"},
		{"", "du_1", "dispute"},
		{"", "dp_1", "dispute"},
		{"", "cn_1", "credit_note"},
		{"", "pm_1", "payment_method"},
		{"", "card_1", "payment_method"},
		{"", "src_1", "payment_method"},
		{"card", "card_1", "payment_method"},
		{"source", "src_1", "payment_method"},
		{"", "cs_test_1", "checkout.session"},
		{"product", "gold", "product"},
		{"", "price_1", "price"},
		{"", "plan_1", "price"},
		{"plan", "gold", "plan"},
		{"", "promo_1", "promotion_code"},
		{"", "txr_1", "tax_rate"},
		{"", "evt_1", "event"},
	} {
		t.Run(tc.objectType+" "+tc.id, func(t *testing.T) {
			a, err := c.Fetch(t.Context(), tc.objectType, tc.id)
			if err != nil || a.Type != tc.want || a.ID != tc.id || a.SentAt == 0 || a.RequestID == "" || a.Deleted {
				t.Errorf("got %s %s, %v", a.Type, a.ID, err)
			}
		})
	}
	t.Run("expanded", func(t *testing.T) {
		a, err := c.Fetch(t.Context(), "", "in_1", "payments", "customer")
		if err != nil || a.Value.Get("customer").Kind() != stripe.KindObject || a.Value.Get("payments", "data").Kind() != stripe.KindArray {
			t.Errorf("got %s, %v", a.Value.Get("customer").Raw(), err)
		}
	})
	t.Run("the account", func(t *testing.T) {
		a, err := c.Account(t.Context())
		if err != nil || a.Type != "account" {
			t.Errorf("got %s, %v", a.Type, err)
		}
	})
}

func TestLists(t *testing.T) {
	c := newClient(t)
	ctx := t.Context()
	list := func(path string, params url.Values) iter.Seq2[stripe.Answer, error] { return c.List(ctx, path, params) }
	for name, seq := range map[string]iter.Seq2[stripe.Answer, error]{
		"event": list("/v1/events", url.Values{
			"ending_before": {"evt_1"}, "delivery_success": {"false"}, "types[]": {"invoice.paid", "charge.refunded"}, "created[gte]": {"1790000000"},
		}),
		"subscription":                    list("/v1/subscriptions", url.Values{"status": {"all"}, "customer": {"cus_1"}, "starting_after": {"sub_1"}}),
		"customer":                        list("/v1/customers", url.Values{"created[gte]": {"1790000000"}}),
		"invoice":                         list("/v1/invoices", url.Values{"customer": {"cus_1"}, "status": {"open"}, "expand[]": {"data.payments"}}),
		"charge":                          list("/v1/charges", url.Values{"customer": {"cus_1"}}),
		"credit_note":                     list("/v1/credit_notes", url.Values{"invoice": {"in_1"}}),
		"dispute":                         list("/v1/disputes", url.Values{"charge": {"ch_1"}}),
		"product":                         list("/v1/products", nil),
		"price":                           list("/v1/prices", url.Values{"active": {"true"}}),
		"subscription_schedule":           list("/v1/subscription_schedules", url.Values{"customer": {"cus_1"}}),
		"checkout.session":                list("/v1/checkout/sessions", url.Values{"subscription": {"sub_1"}}),
		"payment_method":                  c.CustomerPaymentMethods(ctx, "cus_1"),
		"subscription_item":               c.SubscriptionItems(ctx, "sub_1"),
		"invoice_payment":                 c.InvoicePayments(ctx, "in_1"),
		"invoice_payment by intent":       c.InvoicePayments(ctx, "pi_1"),
		"refund":                          c.Refunds(ctx, "ch_1"),
		"refund by intent":                c.Refunds(ctx, "pi_1"),
		"line_item":                       c.InvoiceLines(ctx, "in_1"),
		"credit_note_line_item":           c.CreditNoteLines(ctx, "cn_1"),
		"entitlements.active_entitlement": c.ActiveEntitlements(ctx, "cus_1"),
	} {
		t.Run(name, func(t *testing.T) {
			want, _, _ := strings.Cut(name, " ")
			n := 0
			for a, err := range seq {
				if err != nil {
					t.Fatal(err)
				}
				if a.Type != want || a.ID == "" || a.SentAt == 0 {
					t.Errorf("got %s %q", a.Type, a.ID)
				}
				n++
			}
			if n == 0 {
				t.Error("the list is empty")
			}
		})
	}
	t.Run("webhook endpoints", func(t *testing.T) {
		all, err := c.WebhookEndpoints(ctx)
		if err != nil || len(all) == 0 || all[0].Type != "webhook_endpoint" {
			t.Errorf("got %+v, %v", all, err)
		}
	})
	t.Run("promotion code", func(t *testing.T) {
		a, err := c.PromotionCode(ctx, "SAVE")
		if err != nil || a.Type != "promotion_code" {
			t.Errorf("got %s, %v", a.Type, err)
		}
	})
}

func TestCommands(t *testing.T) {
	c := newClient(t)
	type command func(context.Context, string) (stripe.Answer, error)
	for _, tc := range []struct {
		name, want string
		do         command
	}{
		{"create a customer", "customer", func(ctx context.Context, k string) (stripe.Answer, error) {
			return c.CreateCustomer(ctx, k, stripe.CustomerParams{Name: new("Acme"), Email: new("a@acme.example"), Metadata: map[string]string{"tenant": "acme"}})
		}},
		{"update a customer", "customer", func(ctx context.Context, k string) (stripe.Answer, error) {
			return c.UpdateCustomer(ctx, k, "cus_1", stripe.CustomerParams{Name: new(""), Email: new(""), Metadata: map[string]string{"tenant": ""}, DefaultPaymentMethod: new("pm_1")})
		}},
		{"the least checkout", "checkout.session", func(ctx context.Context, k string) (stripe.Answer, error) {
			return c.CreateCheckoutSession(ctx, k, stripe.CheckoutParams{Price: "price_1", Quantity: 1, SuccessURL: "https://a.example/ok"})
		}},
		{"a checkout of a customer", "checkout.session", func(ctx context.Context, k string) (stripe.Answer, error) {
			return c.CreateCheckoutSession(ctx, k, stripe.CheckoutParams{
				Price: "price_1", Quantity: 3, SuccessURL: "https://a.example/ok", CancelURL: "https://a.example/no",
				Customer: "cus_1", ClientReferenceID: "acme", Metadata: map[string]string{"tenant": "acme"}, TrialDays: 14,
				PromotionCode: "promo_1", AutomaticTax: true, TaxIDCollection: true, PaymentMethodCollection: "if_required", Locale: "pt-BR", ExpiresAt: 1800000000,
			})
		}},
		{"a checkout of somebody new", "checkout.session", func(ctx context.Context, k string) (stripe.Answer, error) {
			return c.CreateCheckoutSession(ctx, k, stripe.CheckoutParams{Price: "price_1", SuccessURL: "https://a.example/ok", CustomerEmail: "a@acme.example", AllowPromotionCodes: true})
		}},
		{"expire a checkout", "checkout.session", func(ctx context.Context, k string) (stripe.Answer, error) {
			return c.ExpireCheckoutSession(ctx, k, "cs_test_1")
		}},
		{"the portal", "billing_portal.session", func(ctx context.Context, k string) (stripe.Answer, error) {
			return c.CreatePortalSession(ctx, k, stripe.PortalParams{Customer: "cus_1", ReturnURL: "https://a.example", Configuration: "bpc_1", Locale: "fr"})
		}},
		{"change the price", "subscription", func(ctx context.Context, k string) (stripe.Answer, error) {
			return c.UpdateSubscription(ctx, k, "sub_1", stripe.SubscriptionUpdate{
				Item: "si_1", Price: "price_2", Quantity: new(int64(0)), ProrationBehavior: "always_invoice", PaymentBehavior: "error_if_incomplete",
				DefaultPaymentMethod: "pm_1", Metadata: map[string]string{"tenant": "acme"},
			})
		}},
		{"cancel at the period's end", "subscription", func(ctx context.Context, k string) (stripe.Answer, error) {
			return c.UpdateSubscription(ctx, k, "sub_1", stripe.SubscriptionUpdate{CancelAtPeriodEnd: new(true)})
		}},
		{"do not", "subscription", func(ctx context.Context, k string) (stripe.Answer, error) {
			return c.UpdateSubscription(ctx, k, "sub_1", stripe.SubscriptionUpdate{CancelAtPeriodEnd: new(false)})
		}},
		{"nor at a time", "subscription", func(ctx context.Context, k string) (stripe.Answer, error) {
			return c.UpdateSubscription(ctx, k, "sub_1", stripe.SubscriptionUpdate{ClearCancelAt: true})
		}},
		{"cancel", "subscription", func(ctx context.Context, k string) (stripe.Answer, error) {
			return c.CancelSubscription(ctx, k, "sub_1", stripe.CancelParams{Prorate: true, InvoiceNow: true, Comment: "unpaid"})
		}},
		{"schedule", "subscription_schedule", func(ctx context.Context, k string) (stripe.Answer, error) {
			return c.CreateSchedule(ctx, k, "sub_1")
		}},
		{"reschedule", "subscription_schedule", func(ctx context.Context, k string) (stripe.Answer, error) {
			return c.UpdateSchedule(ctx, k, "sub_sched_1", stripe.ScheduleUpdate{EndBehavior: "release", ProrationBehavior: "none", Phases: []stripe.Phase{
				{StartDate: 1800000000, EndDate: 1900000000, Items: []stripe.Item{{Price: "price_1", Quantity: 2}}},
				{Items: []stripe.Item{{Price: "price_2", Quantity: 1}}},
			}})
		}},
		{"release", "subscription_schedule", func(ctx context.Context, k string) (stripe.Answer, error) {
			return c.ReleaseSchedule(ctx, k, "sub_sched_1")
		}},
		{"change at the period's end", "subscription_schedule", func(ctx context.Context, k string) (stripe.Answer, error) {
			return c.ChangeAtPeriodEnd(ctx, k, stripe.ScheduledChange{Subscription: "sub_1", Price: "price_2", Quantity: 2})
		}},
		{"change an endpoint", "webhook_endpoint", func(ctx context.Context, k string) (stripe.Answer, error) {
			return c.UpdateWebhookEndpoint(ctx, k, "we_1", stripe.WebhookEndpointUpdate{
				URL: "https://a.example/hook", Description: new(""), Disabled: new(false), EnabledEvents: []string{"invoice.paid", "customer.subscription.created"},
			})
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a, err := tc.do(t.Context(), "key")
			if err != nil || a.Type != tc.want || a.ID == "" {
				t.Errorf("got %s %s, %v", a.Type, a.ID, err)
			}
		})
	}
}

// TestChangeCarriesWhatStripeTakes sends every field that ChangeAtPeriodEnd
// carries from one schedule to the next through the specification.
func TestChangeCarriesWhatStripeTakes(t *testing.T) {
	h, err := mock()
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Write([]byte(`{"id":"sub_sched_1","object":"subscription_schedule","current_phase":{"start_date":1800000000},"phases":[
 {"start_date":1800000000,"end_date":1900000000,"trial_end":1900000000,"billing_cycle_anchor":"automatic","collection_method":"send_invoice","description":"Pro",
  "default_payment_method":"pm_1","on_behalf_of":"acct_2","application_fee_percent":2.5,"automatic_tax":{"enabled":true,"liability":{"type":"account","account":"acct_3"}},
  "proration_behavior":"create_prorations","billing_thresholds":{"amount_gte":5000,"reset_billing_cycle_anchor":false},"default_tax_rates":["txr_1"],
  "discounts":[{"discount":"di_1"},{"coupon":"c_2"},{"promotion_code":"promo_2"}],
  "invoice_settings":{"account_tax_ids":["atxi_1"],"days_until_due":14,"issuer":{"type":"self"}},
  "transfer_data":{"destination":"acct_4","amount_percent":10},"metadata":{"tenant":"acme"},
  "items":[{"price":"price_1","quantity":3,"tax_rates":["txr_3"],"discounts":[{"promotion_code":"promo_1"}],"metadata":{"seat":"yes"},"billing_thresholds":{"usage_gte":7}}]}]}`))
			return
		}
		h.ServeHTTP(w, r)
	}))
	defer s.Close()
	c, err := stripe.NewClient(stripe.ClientConfig{Key: "sk_test_0123456789", Base: s.URL, Now: time.Now, MaxNetworkRetries: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.ChangeAtPeriodEnd(t.Context(), "k", stripe.ScheduledChange{Schedule: "sub_sched_1", Price: "price_2"}); err != nil {
		t.Error(err)
	}
}
