package stripe_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bursarhq/bursar/internal/stripe"
)

func TestSentAt(t *testing.T) {
	date := time.Date(2026, 11, 25, 12, 0, 30, 0, time.UTC)
	for _, tc := range []struct {
		name string
		date string
		took time.Duration
		want time.Time
	}{
		{"at once", date.Format(http.TimeFormat), 0, date},
		{"a quarter of a second", date.Format(http.TimeFormat), 250 * time.Millisecond, date.Add(-time.Second)},
		{"one second", date.Format(http.TimeFormat), time.Second, date.Add(-time.Second)},
		{"three and a bit", date.Format(http.TimeFormat), 3*time.Second + 1, date.Add(-4 * time.Second)},
		{"a clock that went back", date.Format(http.TimeFormat), -time.Hour, date},
		{"no date", "", 2 * time.Second, date.Add(-24 * time.Hour)},
		{"a bad date", "yesterday", 2 * time.Second, date.Add(-24 * time.Hour)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k := newClock()
			k.now = date.Add(-24 * time.Hour).Add(900 * time.Millisecond) // ours is a day late
			s := newBadStripe(t, func(w http.ResponseWriter, _ *http.Request) {
				k.advance(tc.took)
				w.Header()["Date"] = nil
				if tc.date != "" {
					w.Header().Set("Date", tc.date)
				}
				w.Write([]byte(someCustomer))
			})
			c, _ := newClient(t, s.URL, func(cfg *stripe.ClientConfig) { cfg.Now = k.Now })
			a, err := c.Fetch(t.Context(), "", "cus_1")
			if err != nil {
				t.Fatal(err)
			}
			if a.SentAt != tc.want.Unix() {
				t.Errorf("sent at %v, want %v", time.Unix(a.SentAt, 0).UTC(), tc.want)
			}
		})
	}
}

func TestAskedGrows(t *testing.T) {
	s := newBadStripe(t, fails(500, "api_error", ""), says(200, someCustomer))
	c, k := newClient(t, s.URL, nil)
	last := int64(0)
	for i := range 4 {
		if i == 2 {
			k.advance(-time.Hour)
		}
		a, err := c.For(fmt.Sprint("acct_", i)).Fetch(t.Context(), "", "cus_1")
		if err != nil {
			t.Fatal(err)
		}
		if a.Asked <= last {
			t.Errorf("request %d has %d after %d", i, a.Asked, last)
		}
		last = a.Asked
	}
	if last < newClock().now.Add(-2*time.Hour).UnixNano() {
		t.Errorf("%d is not the clock's: after a restart it would be smaller", last)
	}
}

func TestReplayedAnswerIsOld(t *testing.T) {
	s := newBadStripe(t, says(200, someCustomer, "Idempotent-Replayed", "true", "Stripe-Version", "2026-05-27.dahlia"))
	c, _ := newClient(t, s.URL, nil)
	a, err := c.CreateCustomer(t.Context(), "k", stripe.CustomerParams{})
	if err != nil || !a.Replayed || a.SentAt != 0 || a.APIVersion != "2026-05-27.dahlia" || a.RequestID != "req_1" {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestDeletedIsNotMissing(t *testing.T) {
	s := newBadStripe(t, says(200, `{"id":"cus_1","object":"customer","deleted":true}`))
	c, _ := newClient(t, s.URL, nil)
	a, err := c.Fetch(t.Context(), "", "cus_1")
	if err != nil || !a.Deleted || a.Type != "customer" || a.SentAt == 0 {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestFetchPath(t *testing.T) {
	for _, tc := range []struct{ objectType, id, path string }{
		{"", "cus_1", "/v1/customers/cus_1"},
		{"", "sub_1", "/v1/subscriptions/sub_1"},
		{"", "sub_sched_1", "/v1/subscription_schedules/sub_sched_1"},
		{"", "in_1", "/v1/invoices/in_1"},
		{"", "inpay_1", "/v1/invoice_payments/inpay_1"},
		{"", "ch_1", "/v1/charges/ch_1"},
		{"", "py_1", "/v1/charges/py_1"},
		{"", "re_1", "/v1/refunds/re_1"},
		{"", "pyr_1", "/v1/refunds/pyr_1"},
		{"", "du_1", "/v1/disputes/du_1"},
		{"", "dp_1", "/v1/disputes/dp_1"},
		{"", "cn_1", "/v1/credit_notes/cn_1"},
		{"", "pm_1", "/v1/payment_methods/pm_1"},
		{"", "card_1", "/v1/payment_methods/card_1"},
		{"", "src_1", "/v1/payment_methods/src_1"},
		{"source", "src_1", "/v1/payment_methods/src_1"},
		{"", "cs_test_1", "/v1/checkout/sessions/cs_test_1"},
		{"", "prod_1", "/v1/products/prod_1"},
		{"product", "Gold plan/é", "/v1/products/Gold%20plan%2F%C3%A9"},
		{"", "price_1", "/v1/prices/price_1"},
		{"", "plan_1", "/v1/prices/plan_1"},
		{"plan", "gold", "/v1/plans/gold"},
		{"", "pi_1", "/v1/payment_intents/pi_1"},
		{"", "evt_1", "/v1/events/evt_1"},
		{"v2.core.event", "evt_1", "/v2/core/events/evt_1"},
		{"", "gold", ""},
		{"", "cus_", ""},
		{"", "", ""},
		{"customer", "", ""},
		{"customer", "..", ""},
		{"customer", strings.Repeat("x", 300), ""},
		{"rocket", "cus_1", ""},
	} {
		t.Run(tc.objectType+" "+tc.id, func(t *testing.T) {
			s := newBadStripe(t, says(200, fmt.Sprintf(`{"id":%q,"object":"x"}`, tc.id)))
			c, _ := newClient(t, s.URL, nil)
			_, err := c.Fetch(t.Context(), tc.objectType, tc.id, "a", "b")
			if tc.path == "" {
				if err == nil || len(s.requests()) != 0 {
					t.Errorf("asked %v, %v", s.requests(), err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			r := s.requests()[0]
			if r.path != tc.path || r.method != "GET" || !slices.Equal(r.form["expand[]"], []string{"a", "b"}) {
				t.Errorf("asked %s %s %v", r.method, r.path, r.form)
			}
		})
	}
}

func TestGetLeavesThePathAlone(t *testing.T) {
	for _, path := range []string{"", "customers", "//evil.example/v1/", "/v3/x", "/v1/../x", "/v1/x?y=1", "/v1/x#y", "/v1/x\r\ny"} {
		s := newBadStripe(t, says(200, someCustomer))
		c, _ := newClient(t, s.URL, nil)
		if _, err := c.Get(t.Context(), path); err == nil || len(s.requests()) != 0 {
			t.Errorf("%q: asked %v, %v", path, s.requests(), err)
		}
		if _, err := c.ListPage(t.Context(), path, nil); err == nil || len(s.requests()) != 0 {
			t.Errorf("%q: asked %v, %v", path, s.requests(), err)
		}
	}
}

// listOf serves n events, evt_1 the oldest, as Stripe pages them.
func listOf(n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		number := func(name string) int {
			i, _ := strconv.Atoi(strings.TrimPrefix(q.Get(name), "evt_"))
			return i
		}
		limit := number("limit")
		high, low := n, 1
		if q.Has("starting_after") {
			high = number("starting_after") - 1
		}
		if q.Has("ending_before") {
			low = number("ending_before") + 1
		}
		more := high-low+1 > limit
		switch {
		case more && q.Has("ending_before"):
			high = low + limit - 1
		case more:
			low = high - limit + 1
		}
		var data []string
		for i := high; i >= low; i-- {
			data = append(data, fmt.Sprintf(`{"id":"evt_%d","object":"event"}`, i))
		}
		fmt.Fprintf(w, `{"object":"list","has_more":%v,"data":[%s]}`, more, strings.Join(data, ","))
	}
}

func TestList(t *testing.T) {
	for _, tc := range []struct {
		params      url.Values
		first, last string
		count       int
		pages       int
	}{
		{nil, "evt_250", "evt_1", 250, 3},
		{url.Values{"limit": {"7"}, "starting_after": {"evt_31"}}, "evt_30", "evt_1", 30, 5},
		{url.Values{"ending_before": {"evt_40"}}, "evt_41", "evt_250", 210, 3},
		{url.Values{"ending_before": {"evt_250"}}, "", "", 0, 1},
	} {
		t.Run(tc.params.Encode(), func(t *testing.T) {
			s := newBadStripe(t, listOf(250))
			c, _ := newClient(t, s.URL, nil)
			before := tc.params.Encode()
			var ids []string
			for a, err := range c.List(t.Context(), "/v1/events", tc.params) {
				if err != nil {
					t.Fatal(err)
				}
				if a.SentAt == 0 || a.Asked == 0 || a.Type != "event" || !strings.Contains(string(a.Object), a.ID) {
					t.Fatalf("got %+v", a)
				}
				ids = append(ids, a.ID)
			}
			if len(ids) != tc.count || tc.count > 0 && (ids[0] != tc.first || ids[len(ids)-1] != tc.last) {
				t.Errorf("got %d: %v", len(ids), ids)
			}
			seen := map[string]bool{}
			for _, id := range ids {
				seen[id] = true
			}
			if len(seen) != tc.count {
				t.Errorf("%d of %d are different", len(seen), len(ids))
			}
			if got := len(s.requests()); got != tc.pages {
				t.Errorf("%d pages", got)
			}
			if tc.params.Encode() != before {
				t.Errorf("the caller's parameters are now %v", tc.params)
			}
		})
	}
}

func TestListEnds(t *testing.T) {
	page := func(data string) http.HandlerFunc {
		return says(200, `{"object":"list","has_more":true,"data":[`+data+`]}`)
	}
	ev := `{"id":"evt_1","object":"event"}`
	for _, tc := range []struct {
		name    string
		answers []http.HandlerFunc
		is      error
		got     int
	}{
		{"the same page for ever", []http.HandlerFunc{page(ev)}, stripe.ErrRubbish, 2},
		{"nothing, and more", []http.HandlerFunc{page("")}, stripe.ErrRubbish, 0},
		{"objects without ids", []http.HandlerFunc{page(`{"object":"x"}`)}, stripe.ErrRubbish, 1},
		{"no list", []http.HandlerFunc{says(200, ev)}, stripe.ErrRubbish, 0},
		{"not of objects", []http.HandlerFunc{page(ev + `,1`)}, stripe.ErrRubbish, 0},
		{"away on the second page", []http.HandlerFunc{page(ev), fails(500, "api_error", "")}, stripe.ErrUnavailable, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newBadStripe(t, tc.answers...)
			c, _ := newClient(t, s.URL, nil)
			n := 0
			var last error
			for _, err := range c.List(t.Context(), "/v1/events", nil) {
				if last = err; err == nil {
					n++
				}
			}
			if n != tc.got || !errors.Is(last, tc.is) {
				t.Errorf("got %d, then %v", n, last)
			}
		})
	}
	t.Run("at objects without ids, be it in the middle", func(t *testing.T) {
		s := newBadStripe(t, page(`{"object":"x"}`))
		c, _ := newClient(t, s.URL, nil)
		err := drain(c.List(t.Context(), "/v1/events", url.Values{"starting_after": {"evt_1"}}))
		if n := len(s.requests()); n != 1 || !errors.Is(err, stripe.ErrRubbish) {
			t.Errorf("%d pages, %v", n, err)
		}
	})
	t.Run("when the caller has enough", func(t *testing.T) {
		s := newBadStripe(t, listOf(250))
		c, _ := newClient(t, s.URL, nil)
		for range c.List(t.Context(), "/v1/events", nil) {
			break
		}
		if n := len(s.requests()); n != 1 {
			t.Errorf("%d pages", n)
		}
	})
}

func TestListsOfOneObject(t *testing.T) {
	s := newBadStripe(t, says(200, `{"object":"list","has_more":false,"data":[]}`))
	c, _ := newClient(t, s.URL, nil)
	ctx := t.Context()
	for _, tc := range []struct {
		list func() error
		want string // empty: an error
	}{
		{func() error { return drain(c.InvoicePayments(ctx, "in_1")) }, "/v1/invoice_payments invoice=in_1"},
		{func() error { return drain(c.InvoicePayments(ctx, "pi_1")) }, "/v1/invoice_payments payment[payment_intent]=pi_1&payment[type]=payment_intent"},
		{func() error { return drain(c.InvoicePayments(ctx, "ch_1")) }, ""},
		{func() error { return drain(c.InvoiceLines(ctx, "in_1")) }, "/v1/invoices/in_1/lines "},
		{func() error { return drain(c.InvoiceLines(ctx, "")) }, ""},
		{func() error { return drain(c.CreditNoteLines(ctx, "cn_1")) }, "/v1/credit_notes/cn_1/lines "},
		{func() error { return drain(c.CustomerPaymentMethods(ctx, "cus_1")) }, "/v1/customers/cus_1/payment_methods "},
		{func() error { return drain(c.SubscriptionItems(ctx, "sub_1")) }, "/v1/subscription_items subscription=sub_1"},
		{func() error { return drain(c.Refunds(ctx, "py_1")) }, "/v1/refunds charge=py_1"},
		{func() error { return drain(c.Refunds(ctx, "pi_1")) }, "/v1/refunds payment_intent=pi_1"},
		{func() error { return drain(c.Refunds(ctx, "re_1")) }, ""},
		{func() error { return drain(c.ActiveEntitlements(ctx, "cus_1")) }, "/v1/entitlements/active_entitlements customer=cus_1"},
		{func() error { _, err := c.WebhookEndpoints(ctx); return err }, "/v1/webhook_endpoints "},
		{func() error {
			_, err := c.PromotionCode(ctx, "SAVE")
			if !errors.Is(err, stripe.ErrNotFound) {
				t.Errorf("got %v", err)
			}
			return nil
		}, "/v1/promotion_codes active=true&code=SAVE"},
	} {
		n := len(s.requests())
		err := tc.list()
		all := s.requests()[n:]
		if tc.want == "" {
			if err == nil || len(all) != 0 {
				t.Errorf("asked %v, %v", all, err)
			}
			continue
		}
		if err != nil || len(all) != 1 {
			t.Fatalf("asked %v, %v", all, err)
		}
		all[0].form.Del("limit")
		form, _ := url.QueryUnescape(all[0].form.Encode())
		if got := all[0].path + " " + form; got != tc.want {
			t.Errorf("asked %s, want %s", got, tc.want)
		}
	}
}

func drain(list func(func(stripe.Answer, error) bool)) (last error) {
	for _, err := range list {
		last = err
	}
	return last
}
