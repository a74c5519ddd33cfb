package stripetest

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// FuzzParams: no form panics, and what is read is the same in any order.
func FuzzParams(f *testing.F) {
	for _, s := range []string{"", "a=b", "a[b]=c&a[]=d", "a[=x", "a]=x", "items[0][price]=p&items[10][price]=q", "a[b][c][d]=1&a=2", "%", "[x]=1", "a[][]=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, encoded string) {
		p, err := parseParams(encoded)
		if err != nil {
			return
		}
		for _, key := range p.keys {
			p.str(key)
			p.integer(key)
			p.boolean(key)
			p.elements(key)
			p.at(key).mergeMetadata(nil)
		}
		p.canonical()
	})
}

// TestBadInputNeverPanics sends every route requests made at random out of its
// own parameters, known ids and nonsense, and goes on living.
func TestBadInputNeverPanics(t *testing.T) {
	for seed := range uint64(4) {
		a := New(t, Seed(seed)).Calm()
		for _, scenario := range []string{"downgrade-at-period-end", "dispute-won", "credit-note", "trial-pauses"} {
			if _, err := a.Play(scenario, Play{}); err != nil {
				t.Fatal(err)
			}
		}
		var ids []string
		for id := range a.index {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		random := rand.New(rand.NewPCG(seed, 1))
		values := []string{"", "0", "-1", "1", "5", "true", "now", "99999999999", "9223372036854775807", "usd", "month", "x", "inf", "pm_card_visa", "pm_card_chargeCustomerFail", "all", "DE"}
		value := func() string {
			if random.IntN(2) == 0 {
				return ids[random.IntN(len(ids))]
			}
			return values[random.IntN(len(values))]
		}
		shapes := []string{"%s", "%s", "%s", "%s[0]", "%s[0][price]", "%s[0][items][0][price]", "%s[0][id]", "%s[0][amount]", "%s[type]", "%s[enabled]", "%s[interval]", "%s[behavior]", "%s[0][coupon]", "%s[trial_period_days]", "%s[0][quantity]", "%s[payment_intent]", "%s[default_payment_method]"}
		for range 1500 {
			route := routes[random.IntN(len(routes))]
			if strings.HasSuffix(route.pattern, "/advance") {
				continue // goes on in the background, as long as it is told to
			}
			form := Form{}
			names := strings.Fields(route.params)
			for range random.IntN(6) {
				if len(names) > 0 {
					form[fmt.Sprintf(shapes[random.IntN(len(shapes))], names[random.IntN(len(names))])] = value()
				}
			}
			if random.IntN(10) == 0 {
				form["expand[0]"] = []string{"customer", "data.customer", "latest_invoice.payments", "x.y", "lines.data.price"}[random.IntN(5)]
			}
			path := strings.ReplaceAll(route.pattern, "{id}", value())
			o, err := a.call(route.method, path, form)
			if err == nil {
				o.JSON()
			} else if e := err.(*Error); e.Status < 400 || e.Message == "" || e.Type == "" {
				t.Errorf("%s %s %v: %+v", route.method, path, form, e)
			}
			if random.IntN(20) == 0 {
				a.Advance(time.Duration(random.IntN(72)) * time.Hour)
			}
		}
		for _, version := range []string{"2020-08-27", "2025-03-31.basil"} {
			a.EventsIn(version)
		}
	}
}

// TestBadRequestsOverHTTP: whatever is not a request gets an answer.
func TestBadRequestsOverHTTP(t *testing.T) {
	a := New(t).Calm()
	for _, body := range []string{"\x00", "a=%", strings.Repeat("a[b]", 5000) + "=1", strings.Repeat("x", 2<<20)} {
		r := httptest.NewRequest(http.MethodPost, "/v1/customers", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer sk_test_x")
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if w.Code != 400 || !strings.Contains(w.Body.String(), `"error"`) {
			t.Errorf("%.20q: %d %.200s", body, w.Code, w.Body.String())
		}
	}
}
