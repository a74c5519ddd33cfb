package stripe_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bursarhq/bursar/internal/stripe"
)

const clientKey = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"

// badStripe answers the n-th request with the n-th of its answers, and the last
// one ever after. It takes down what it was asked.
type badStripe struct {
	*httptest.Server
	mu      sync.Mutex
	answers []http.HandlerFunc
	asked   []asked
}

type asked struct {
	method, path string
	form         url.Values // of query and body
	body         string
	header       http.Header
}

func newBadStripe(t *testing.T, answers ...http.HandlerFunc) *badStripe {
	s := &badStripe{answers: answers}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *badStripe) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	for k, v := range r.URL.Query() {
		form[k] = append(form[k], v...)
	}
	s.mu.Lock()
	n := min(len(s.asked), len(s.answers)-1)
	s.asked = append(s.asked, asked{r.Method, r.URL.EscapedPath(), form, string(body), r.Header.Clone()})
	s.mu.Unlock()
	s.answers[n](w, r)
}

func (s *badStripe) requests() []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]asked(nil), s.asked...)
}

// says answers a status, a body and headers (name, value, name, value, …).
func says(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Request-Id", "req_1")
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func fails(status int, kind, code string, header ...string) http.HandlerFunc {
	return says(status, fmt.Sprintf(`{"error":{"type":%q,"code":%q,"message":"It did not work.","param":"id"}}`, kind, code), header...)
}

const someCustomer = `{"id":"cus_1","object":"customer"}`

// clock is a clock that moves when somebody sleeps, and remembers how long.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func newClock() *clock { return &clock{now: time.Now()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	c.slept = append(c.slept, d)
	c.mu.Unlock()
	c.advance(d)
	return ctx.Err()
}

// newClient is a client of base on a clock of its own; change may be nil.
func newClient(t *testing.T, base string, change func(*stripe.ClientConfig)) (*stripe.Client, *clock) {
	t.Helper()
	k := newClock()
	cfg := stripe.ClientConfig{Key: clientKey, Base: base, Now: k.Now, Sleep: k.Sleep, Jitter: func() float64 { return 0 }, RPS: -1}
	if change != nil {
		change(&cfg)
	}
	c, err := stripe.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, k
}

func TestNewClientRefuses(t *testing.T) {
	live := "sk_live_0123456789abcdef"
	for _, tc := range []struct {
		name string
		cfg  stripe.ClientConfig
		want string // in the error; empty: none
	}{
		{"a test key", stripe.ClientConfig{Key: clientKey}, ""},
		{"a restricted live key", stripe.ClientConfig{Key: "rk_live_0123456789"}, ""},
		{"no key", stripe.ClientConfig{}, "no secret key"},
		{"a publishable key", stripe.ClientConfig{Key: "pk_test_0123456789"}, "publishable"},
		{"a signing secret", stripe.ClientConfig{Key: "whsec_test_0123456789"}, "sk_live_"},
		{"a mode and nothing else", stripe.ClientConfig{Key: "sk_test_"}, "sk_live_"},
		{"another mode", stripe.ClientConfig{Key: "sk_prod_0123456789"}, "sk_live_"},
		{"a line break", stripe.ClientConfig{Key: clientKey + "\n"}, "line break"},
		{"a host for a base", stripe.ClientConfig{Key: clientKey, Base: "api.stripe.com"}, "is a URL"},
		{"a path", stripe.ClientConfig{Key: clientKey, Base: "https://example.com/stripe"}, "only a scheme"},
		{"Stripe's own path", stripe.ClientConfig{Key: clientKey, Base: "https://example.com/v1/"}, ""},
		{"a password", stripe.ClientConfig{Key: clientKey, Base: "https://u:p@example.com"}, "only a scheme"},
		{"a live key in the clear", stripe.ClientConfig{Key: live, Base: "http://example.com"}, "must be https"},
		{"a test key in the clear", stripe.ClientConfig{Key: clientKey, Base: "http://example.com"}, ""},
		{"a live key on this machine", stripe.ClientConfig{Key: live, Base: "http://127.0.0.1:12111"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.cfg.Now = time.Now
			_, err := stripe.NewClient(tc.cfg)
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("got %v", err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("got %v, want one with %q", err, tc.want)
			case err != nil && len(tc.cfg.Key) > 8 && strings.Contains(err.Error(), tc.cfg.Key[8:]):
				t.Errorf("the key is in %q", err)
			}
		})
	}
	if _, err := stripe.NewClient(stripe.ClientConfig{Key: clientKey}); err == nil {
		t.Error("a client without a clock was made")
	}
}

func TestLivemode(t *testing.T) {
	for key, want := range map[string]bool{
		"sk_live_0123456789": true, "rk_live_0123456789": true,
		"sk_test_0123456789": false, "rk_test_live_0123456789": false,
	} {
		c, err := stripe.NewClient(stripe.ClientConfig{Key: key, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		if c.Livemode() != want {
			t.Errorf("%s: livemode is %v", key[:8], !want)
		}
	}
}

func TestWhatIsSent(t *testing.T) {
	t.Setenv("CLAUDECODE", "1") // one of the programs that stripe-go tells Stripe of
	t.Setenv("OPENCODE", "1")
	s := newBadStripe(t, says(200, someCustomer))
	c, _ := newClient(t, s.URL, nil)
	for range 2 { // telemetry would tell of the first request with the second one
		if _, err := c.Fetch(t.Context(), "", "cus_1"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.For("acct_1").CreateCustomer(t.Context(), "k1", stripe.CustomerParams{}); err != nil {
		t.Fatal(err)
	}
	all := s.requests()
	for _, r := range all {
		for _, name := range []string{"X-Stripe-Client-User-Agent", "X-Stripe-Client-Telemetry"} {
			if v := r.header.Get(name); v != "" {
				t.Errorf("%s is sent: %s", name, v)
			}
		}
		if ua := r.header.Get("User-Agent"); !strings.HasPrefix(ua, "Bursar ") || strings.Contains(ua, "Agent/") {
			t.Errorf("User-Agent is %q", ua)
		}
		if got := r.header.Get("Authorization"); got != "Bearer "+clientKey {
			t.Errorf("Authorization is %q", got)
		}
		if got := r.header.Get("Stripe-Version"); !strings.Contains(got, ".") {
			t.Errorf("Stripe-Version is %q", got)
		}
	}
	if got := all[1].header.Get("Stripe-Account") + all[1].header.Get("Idempotency-Key"); got != "" {
		t.Errorf("a read of the own account has %q", got)
	}
	if got := all[2].header.Get("Stripe-Account"); got != "acct_1" {
		t.Errorf("Stripe-Account is %q", got)
	}
}
