package stripe_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bursarhq/bursar/internal/stripe"
)

// slow does not answer until the client has hung up.
func slow(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// truncated promises more than it sends.
func truncated(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	w.Write([]byte(`{"id":"cus_1","obj`))
}

func hangsUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// endless sends spaces, small on the wire, for as long as somebody reads them.
func endless(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Encoding", "gzip")
	z := gzip.NewWriter(w)
	block := bytes.Repeat([]byte(" "), 1<<20)
	for {
		if _, err := z.Write(block); err != nil {
			return
		}
	}
}

func TestMisbehavior(t *testing.T) {
	ok := says(200, someCustomer)
	html := func(status int) http.HandlerFunc {
		return says(status, "<html>Sorry</html>", "Content-Type", "text/html; charset=utf-8")
	}
	api, invalid := "api_error", "invalid_request_error"
	for _, tc := range []struct {
		name    string
		answers []http.HandlerFunc
		tries   int
		is      error // nil: success, unless status is set
		status  int
		later   bool // Retryable
		code    string
	}{
		{"well", []http.HandlerFunc{ok}, 1, nil, 0, false, ""},
		{"500, then well", []http.HandlerFunc{fails(500, api, ""), ok}, 2, nil, 0, false, ""},
		{"a page of a proxy's, then well", []http.HandlerFunc{html(502), html(503), ok}, 3, nil, 0, false, ""},
		{"locked, then well", []http.HandlerFunc{fails(409, invalid, "lock_timeout"), ok}, 2, nil, 0, false, ""},
		{"the key in use, then well", []http.HandlerFunc{fails(409, "idempotency_error", "idempotency_key_in_use"), ok}, 2, nil, 0, false, ""},
		{"too many, then well", []http.HandlerFunc{fails(429, invalid, "rate_limit"), ok}, 2, nil, 0, false, ""},
		{"hung up, then well", []http.HandlerFunc{hangsUp, ok}, 2, nil, 0, false, ""},
		{"truncated, then well", []http.HandlerFunc{truncated, ok}, 2, nil, 0, false, ""},
		{"slow, then well", []http.HandlerFunc{slow, ok}, 2, nil, 0, false, ""},
		{"400, of which Stripe says to try again", []http.HandlerFunc{fails(400, invalid, "lock_timeout", "Stripe-Should-Retry", "true"), ok}, 2, nil, 0, false, ""},

		{"500 for ever", []http.HandlerFunc{fails(500, api, "")}, 4, stripe.ErrUnavailable, 500, true, ""},
		{"a proxy's page for ever", []http.HandlerFunc{html(502)}, 4, stripe.ErrUnavailable, 502, true, ""},
		{"429 for ever", []http.HandlerFunc{fails(429, invalid, "rate_limit")}, 4, stripe.ErrUnavailable, 429, true, "rate_limit"},
		{"locked for ever", []http.HandlerFunc{fails(409, invalid, "lock_timeout")}, 4, stripe.ErrUnavailable, 409, true, "lock_timeout"},
		{"slow for ever", []http.HandlerFunc{slow}, 4, stripe.ErrUnavailable, 0, true, ""},
		{"truncated for ever", []http.HandlerFunc{truncated}, 4, stripe.ErrUnavailable, 0, true, ""},
		{"500, of which Stripe says not to try again", []http.HandlerFunc{fails(500, api, "", "Stripe-Should-Retry", "false"), ok}, 1, stripe.ErrUnavailable, 500, true, ""},

		{"a declined card", []http.HandlerFunc{fails(402, "card_error", "card_declined"), ok}, 1, nil, 402, false, "card_declined"},
		{"a bad parameter", []http.HandlerFunc{fails(400, invalid, "parameter_unknown"), ok}, 1, nil, 400, false, "parameter_unknown"},
		{"a wrong key", []http.HandlerFunc{fails(401, invalid, ""), ok}, 1, nil, 401, false, ""},
		{"a missing object", []http.HandlerFunc{fails(404, invalid, "resource_missing"), ok}, 1, stripe.ErrNotFound, 404, false, "resource_missing"},
		{"a parameter that names a missing object", []http.HandlerFunc{fails(400, invalid, "resource_missing"), ok}, 1, nil, 400, false, "resource_missing"},
		{"an unknown path", []http.HandlerFunc{fails(404, invalid, ""), ok}, 1, nil, 404, false, ""},

		{"another service's 404", []http.HandlerFunc{html(404), ok}, 1, stripe.ErrRubbish, 404, true, ""},
		{"a firewall's 403", []http.HandlerFunc{says(403, `{"message":"no"}`), ok}, 1, stripe.ErrRubbish, 403, true, ""},
		{"a proxy's 409", []http.HandlerFunc{html(409), ok}, 1, stripe.ErrRubbish, 409, true, ""},
		{"a page", []http.HandlerFunc{html(200), ok}, 1, stripe.ErrRubbish, 200, true, ""},
		{"nothing", []http.HandlerFunc{says(200, ""), ok}, 1, stripe.ErrRubbish, 200, true, ""},
		{"half an object", []http.HandlerFunc{says(200, `{"id":"cus_1","object":"cus`), ok}, 1, stripe.ErrRubbish, 200, true, ""},
		{"an array", []http.HandlerFunc{says(200, `[`+someCustomer+`]`), ok}, 1, stripe.ErrRubbish, 200, true, ""},
		{"an object that is not Stripe's", []http.HandlerFunc{says(200, `{"id":"cus_1"}`), ok}, 1, stripe.ErrRubbish, 200, true, ""},
		{"another object", []http.HandlerFunc{says(200, `{"id":"cus_2","object":"customer"}`), ok}, 1, stripe.ErrRubbish, 200, true, ""},
		{"a redirect", []http.HandlerFunc{says(302, someCustomer, "Location", "/v1/customers/cus_1"), ok}, 1, stripe.ErrRubbish, 302, true, ""},
		{"too much", []http.HandlerFunc{says(200, `{"id":"cus_1","object":"customer","name":"`+strings.Repeat("x", 8<<20)+`"}`), ok}, 1, stripe.ErrRubbish, 200, true, ""},
		{"too much when unpacked", []http.HandlerFunc{endless, ok}, 1, stripe.ErrRubbish, 200, true, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newBadStripe(t, tc.answers...)
			c, _ := newClient(t, s.URL, func(cfg *stripe.ClientConfig) {
				if strings.HasPrefix(tc.name, "slow") {
					cfg.Timeout = 500 * time.Millisecond // each try must have reached the server by then
				}
			})
			a, err := c.Fetch(t.Context(), "customer", "cus_1")
			if got := len(s.requests()); got != tc.tries {
				t.Errorf("%d tries, want %d", got, tc.tries)
			}
			if tc.is == nil && tc.status == 0 {
				if err != nil || a.ID != "cus_1" || string(a.Object) != someCustomer {
					t.Errorf("got %+v, %v", a, err)
				}
				return
			}
			if tc.is != nil && !errors.Is(err, tc.is) {
				t.Errorf("got %v, want %v", err, tc.is)
			}
			for _, other := range []error{stripe.ErrNotFound, stripe.ErrUnavailable, stripe.ErrRubbish, context.Canceled, context.DeadlineExceeded} {
				if other != tc.is && errors.Is(err, other) {
					t.Errorf("%v is %v", err, other)
				}
			}
			e, ok := errors.AsType[*stripe.Error](err)
			if !ok {
				t.Fatalf("got %v (%T)", err, err)
			}
			if e.Status != tc.status && !errors.Is(err, stripe.ErrRubbish) || e.Retryable != tc.later || e.Code != tc.code {
				t.Errorf("got status %d, code %q, retryable %v, want %d, %q, %v", e.Status, e.Code, e.Retryable, tc.status, tc.code, tc.later)
			}
			if !strings.Contains(err.Error(), "GET /v1/customers/cus_1") {
				t.Errorf("%q does not name the call", err)
			}
		})
	}
}

func TestErrorFields(t *testing.T) {
	s := newBadStripe(t, says(402, `{"error":{"type":"card_error","code":"card_declined","decline_code":"insufficient_funds",
		"message":"Your card has\n  insufficient funds. `+clientKey+`","param":"payment_method"}}`))
	c, _ := newClient(t, s.URL, nil)
	_, err := c.Fetch(t.Context(), "", "cus_1")
	e, ok := errors.AsType[*stripe.Error](err)
	if !ok {
		t.Fatal(err)
	}
	const want = "stripe: GET /v1/customers/cus_1: 402 card_error card_declined insufficient_funds payment_method: " +
		"Your card has insufficient funds. sk_test_… (req_1)"
	if e.Error() != want {
		t.Errorf("got  %s\nwant %s", e, want)
	}
	if e.Type != "card_error" || e.DeclineCode != "insufficient_funds" || e.Param != "payment_method" || e.RequestID != "req_1" {
		t.Errorf("got %+v", e)
	}
}

func TestLongMessageIsCut(t *testing.T) {
	s := newBadStripe(t, says(400, `{"error":{"message":"`+strings.Repeat("é", 5000)+`"}}`))
	c, _ := newClient(t, s.URL, nil)
	_, err := c.Fetch(t.Context(), "", "cus_1")
	if n := len(err.Error()); n > 600 || n < 500 || !utf8.ValidString(err.Error()) {
		t.Errorf("%d bytes: %v", n, err)
	}
}

func TestAway(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	c, k := newClient(t, s.URL, nil)
	_, err := c.Fetch(t.Context(), "", "cus_1")
	if !errors.Is(err, stripe.ErrUnavailable) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v", err)
	}
	// Half of 500 ms, 1 s and 2 s: the other half is at random.
	if got := k.slept; len(got) != 3 || got[0] != 250*time.Millisecond || got[1] != 500*time.Millisecond || got[2] != time.Second {
		t.Errorf("slept %v", got)
	}
}

func TestUntrustedCertificateIsNotTriedAgain(t *testing.T) {
	s := httptest.NewUnstartedServer(says(200, someCustomer))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it would tell of the handshake
	s.StartTLS()
	defer s.Close()
	c, k := newClient(t, s.URL, nil)
	_, err := c.Fetch(t.Context(), "", "cus_1")
	if !errors.Is(err, stripe.ErrUnavailable) || !strings.Contains(err.Error(), "certificate") || len(k.slept) != 0 {
		t.Errorf("got %v after %v", err, k.slept)
	}
}

func TestRetryAfter(t *testing.T) {
	for _, tc := range []struct {
		header string
		slept  time.Duration // 0: gave up
		tells  time.Duration
	}{
		{"", 250 * time.Millisecond, 0},
		{"7", 7 * time.Second, 0},
		{"0", 250 * time.Millisecond, 0},
		{"soon", 250 * time.Millisecond, 0},
		{"-5", 250 * time.Millisecond, 0},
		{"31", 0, 31 * time.Second},
		{"9999999999999", 250 * time.Millisecond, 0},
	} {
		t.Run(tc.header, func(t *testing.T) {
			s := newBadStripe(t, fails(429, "invalid_request_error", "rate_limit", "Retry-After", tc.header), says(200, someCustomer))
			c, k := newClient(t, s.URL, nil)
			_, err := c.Fetch(t.Context(), "", "cus_1")
			if tc.slept > 0 {
				if err != nil || len(k.slept) != 1 || k.slept[0] != tc.slept {
					t.Errorf("slept %v, %v", k.slept, err)
				}
				return
			}
			if e, ok := errors.AsType[*stripe.Error](err); !ok || e.RetryAfter != tc.tells || !errors.Is(err, stripe.ErrUnavailable) || len(k.slept) != 0 {
				t.Errorf("slept %v, %+v", k.slept, err)
			}
		})
	}
	t.Run("a date", func(t *testing.T) {
		k := newClock()
		date := k.now.Truncate(time.Second).Add(9 * time.Second).UTC()
		s := newBadStripe(t, fails(503, "api_error", "", "Retry-After", date.Format(http.TimeFormat)), says(200, someCustomer))
		c, _ := newClient(t, s.URL, func(cfg *stripe.ClientConfig) { cfg.Now, cfg.Sleep = k.Now, k.Sleep })
		if _, err := c.Fetch(t.Context(), "", "cus_1"); err != nil {
			t.Fatal(err)
		}
		if len(k.slept) != 1 || k.slept[0] <= 8*time.Second || k.slept[0] > 9*time.Second {
			t.Errorf("slept %v", k.slept)
		}
	})
}

func TestJitterIsHalf(t *testing.T) {
	s := newBadStripe(t, fails(500, "api_error", ""))
	c, k := newClient(t, s.URL, func(cfg *stripe.ClientConfig) {
		cfg.MaxNetworkRetries = 6
		cfg.Jitter = func() float64 { return 0.5 }
	})
	c.Fetch(t.Context(), "", "cus_1")
	want := []time.Duration{375, 750, 1500, 3000, 6000, 6000} // ms: three quarters, 8 s at most
	if len(k.slept) != len(want) {
		t.Fatalf("slept %v", k.slept)
	}
	for i, w := range want {
		if k.slept[i] != w*time.Millisecond {
			t.Errorf("pause %d is %v", i, k.slept[i])
		}
	}
}

func TestSameKeyAndBodyOnEveryTry(t *testing.T) {
	s := newBadStripe(t, fails(500, "api_error", ""), truncated, fails(429, "invalid_request_error", ""), says(200, someCustomer))
	c, _ := newClient(t, s.URL, nil)
	_, err := c.CreateCustomer(t.Context(), "tenant-acme-1", stripe.CustomerParams{
		Name: new("Acme"), Metadata: map[string]string{"tenant": "acme", "a": "1", "b": "2", "c": "3"},
	})
	if err != nil {
		t.Fatal(err)
	}
	all := s.requests()
	if len(all) != 4 {
		t.Fatalf("%d tries", len(all))
	}
	for _, r := range all {
		if r.header.Get("Idempotency-Key") != "tenant-acme-1" || r.body != all[0].body || r.method != "POST" || r.form.Get("metadata[tenant]") != "acme" {
			t.Errorf("got %s %q %q", r.method, r.header.Get("Idempotency-Key"), r.body)
		}
	}
}

func TestStripeKeepsA500ForItsKey(t *testing.T) {
	s := newBadStripe(t, fails(500, "api_error", "", "Stripe-Should-Retry", "false"))
	c, _ := newClient(t, s.URL, nil)
	_, err := c.CreateCustomer(t.Context(), "k", stripe.CustomerParams{})
	if e, ok := errors.AsType[*stripe.Error](err); !ok || e.Retryable || len(s.requests()) != 1 {
		t.Errorf("got %+v", err)
	}
}

func TestNoRedirect(t *testing.T) {
	thief := newBadStripe(t, says(200, someCustomer))
	s := newBadStripe(t, says(307, "", "Location", thief.URL+"/v1/customers/cus_1"))
	c, _ := newClient(t, s.URL, nil)
	if _, err := c.CreateCustomer(t.Context(), "k", stripe.CustomerParams{}); !errors.Is(err, stripe.ErrRubbish) {
		t.Errorf("got %v", err)
	}
	if n := len(thief.requests()); n != 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}

func TestContext(t *testing.T) {
	t.Run("canceled while Stripe is slow", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := newBadStripe(t, func(w http.ResponseWriter, r *http.Request) { cancel(); slow(w, r) })
		c, _ := newClient(t, s.URL, nil)
		_, err := c.Fetch(ctx, "", "cus_1")
		if !errors.Is(err, context.Canceled) || errors.Is(err, stripe.ErrUnavailable) || len(s.requests()) != 1 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("canceled between tries", func(t *testing.T) {
		s := newBadStripe(t, fails(500, "api_error", "api_down"))
		ctx, cancel := context.WithCancel(t.Context())
		c, _ := newClient(t, s.URL, func(cfg *stripe.ClientConfig) {
			cfg.Sleep = func(ctx context.Context, _ time.Duration) error { cancel(); return ctx.Err() }
		})
		_, err := c.Fetch(ctx, "", "cus_1")
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "api_down") || len(s.requests()) != 1 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("canceled before", func(t *testing.T) {
		s := newBadStripe(t, says(200, someCustomer))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		c, _ := newClient(t, s.URL, nil)
		if _, err := c.Fetch(ctx, "", "cus_1"); !errors.Is(err, context.Canceled) || len(s.requests()) != 0 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a deadline that the pause would pass", func(t *testing.T) {
		s := newBadStripe(t, fails(429, "invalid_request_error", "rate_limit", "Retry-After", "20"))
		c, k := newClient(t, s.URL, nil)
		ctx, cancel := context.WithDeadline(t.Context(), k.now.Add(10*time.Second))
		defer cancel()
		_, err := c.Fetch(ctx, "", "cus_1")
		if !errors.Is(err, stripe.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || len(k.slept) != 0 {
			t.Errorf("got %v after %v", err, k.slept)
		}
	})
	t.Run("a deadline that the rate limit would pass", func(t *testing.T) {
		s := newBadStripe(t, fails(500, "api_error", "api_down"))
		c, k := newClient(t, s.URL, func(cfg *stripe.ClientConfig) { cfg.RPS = 0.01 })
		ctx, cancel := context.WithDeadline(t.Context(), k.now.Add(10*time.Second))
		defer cancel()
		_, err := c.Fetch(ctx, "", "cus_1")
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "api_down") || len(s.requests()) != 1 {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a deadline in a slow try", func(t *testing.T) {
		s := newBadStripe(t, slow)
		c, _ := newClient(t, s.URL, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := c.Fetch(ctx, "", "cus_1")
		if !errors.Is(err, stripe.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || len(s.requests()) != 1 {
			t.Errorf("got %v", err)
		}
	})
}
