package stripe

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	stripego "github.com/stripe/stripe-go/v85"
)

// ClientConfig is what NewClient needs. Only Key and Now have no default.
type ClientConfig struct {
	// Key is a secret or restricted key, sk_ or rk_, live or test.
	Key string
	// Base is another address of Stripe's API, for a simulator; empty for Stripe.
	// With a live key it must be https, except on this machine.
	Base string
	// Account is the connected account that every call is made for
	// (Stripe-Account); empty for the key's own. For makes clients for others.
	Account string

	// RPS is how many requests a second leave at most, all lanes together. Zero:
	// 60 in live and 20 in test mode, where Stripe allows 100 and 25
	// (docs.stripe.com/rate-limits), so that the app's own calls have room.
	// Negative: no limit.
	RPS float64
	// MaxNetworkRetries is how often a call is tried again. Zero: 3. Negative: never.
	MaxNetworkRetries int
	// Timeout bounds one try, from dialing to the last byte. Zero: 20 seconds.
	Timeout time.Duration
	// MaxResponse bounds an answer, in bytes. Zero: 8 MiB.
	MaxResponse int64

	// HTTPClient lends its Transport, nothing else. Nil: one of our own.
	HTTPClient *http.Client
	// Now is the clock; it should carry a monotonic reading, as time.Now does.
	Now func() time.Time
	// Sleep waits, or returns the context's error early. Nil: a timer.
	Sleep func(context.Context, time.Duration) error
	// Jitter answers a number in [0,1) for the waits between tries. Nil: random.
	Jitter func() float64
}

// Client calls Stripe's API. It is safe for concurrent use. What is read comes
// back as Stripe sent it, so that it goes through the same readers as events;
// what is commanded takes an idempotency key. Errors wrap *Error.
type Client struct {
	key      string
	live     bool
	account  string
	timeout  time.Duration
	retries  int
	now      func() time.Time
	sleep    func(context.Context, time.Duration) error
	jitter   func() float64
	backend  stripego.Backend
	wire     *wire
	lanes    *lanes
	lastAsks *atomic.Int64
}

const (
	defaultTimeout     = 20 * time.Second
	defaultMaxResponse = 8 << 20
	defaultRetries     = 3
	defaultLiveRPS     = 60
	defaultTestRPS     = 20
)

// NewClient checks the configuration; it does not call Stripe. Its errors do not
// contain the key.
func NewClient(cfg ClientConfig) (*Client, error) {
	live, err := keyMode(cfg.Key)
	if err != nil {
		return nil, err
	}
	base, err := checkBase(cfg.Base, live)
	if err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		return nil, errors.New("stripe: a client needs a clock")
	}
	c := &Client{
		key: cfg.Key, live: live, account: cfg.Account,
		timeout: defaultTimeout, retries: defaultRetries, lastAsks: new(atomic.Int64),
		now: cfg.Now, sleep: cfg.Sleep, jitter: cfg.Jitter,
	}
	if cfg.Timeout > 0 {
		c.timeout = cfg.Timeout
	}
	if cfg.MaxNetworkRetries != 0 {
		c.retries = max(0, cfg.MaxNetworkRetries)
	}
	if c.sleep == nil {
		c.sleep = Sleep
	}
	if c.jitter == nil {
		c.jitter = rand.Float64
	}
	rps := cfg.RPS
	if rps == 0 && live {
		rps = defaultLiveRPS
	} else if rps == 0 {
		rps = defaultTestRPS
	}
	c.lanes = newLanes(rps)
	c.wire = &wire{now: cfg.Now, max: defaultMaxResponse, next: transport(cfg.HTTPClient)}
	if cfg.MaxResponse > 0 {
		c.wire.max = cfg.MaxResponse
	}
	// stripe-go encodes and addresses; waiting, limits and retries are ours, in
	// one place (do), because it retries neither 429 nor by Retry-After.
	c.backend = stripego.GetBackendWithConfig(stripego.APIBackend, &stripego.BackendConfig{
		URL:               &base,
		HTTPClient:        &http.Client{Transport: c.wire, CheckRedirect: noRedirect},
		LeveledLogger:     &stripego.LeveledLogger{Level: stripego.LevelNull},
		MaxNetworkRetries: new(int64),
		EnableTelemetry:   new(bool),
	})
	return c, nil
}

// Livemode is the key's mode.
func (c *Client) Livemode() bool { return c.live }

// For is the same client for a connected account, empty for the key's own. Both
// share connections and limits.
func (c *Client) For(account string) *Client {
	d := *c
	d.account = account
	return &d
}

// Close drops idle connections. The client can still be used.
func (c *Client) Close() {
	(&http.Client{Transport: c.wire.next}).CloseIdleConnections()
}

// keyMode reports whether the key is a live one.
func keyMode(key string) (live bool, err error) {
	if key == "" {
		return false, errors.New("stripe: no secret key")
	}
	kind, rest, _ := strings.Cut(key, "_")
	mode, secret, _ := strings.Cut(rest, "_")
	switch {
	case kind == "pk":
		return false, errors.New("stripe: a publishable key (pk_) cannot call the API; use a secret (sk_) or restricted (rk_) key")
	case kind != "sk" && kind != "rk", mode != "live" && mode != "test", secret == "":
		return false, errors.New("stripe: a secret key begins with sk_live_, sk_test_, rk_live_ or rk_test_")
	}
	for _, r := range key {
		if r <= ' ' || r > '~' {
			return false, errors.New("stripe: the secret key has a space, a line break or another character that keys do not have")
		}
	}
	return mode == "live", nil
}

// checkBase answers the address to call. A live key is never sent in the clear
// to another machine.
func checkBase(base string, live bool) (string, error) {
	if base == "" {
		return stripego.APIURL, nil
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return "", errors.New("stripe: the API's base is a URL such as https://api.stripe.com")
	}
	if path := strings.TrimSuffix(u.Path, "/"); (path != "" && path != "/v1") || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", errors.New("stripe: the API's base has only a scheme and a host")
	}
	if live && u.Scheme == "http" && !isLoopback(u.Hostname()) {
		return "", errors.New("stripe: with a live key the API's base must be https")
	}
	return u.Scheme + "://" + u.Host, nil
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

func transport(lent *http.Client) http.RoundTripper {
	if lent != nil && lent.Transport != nil {
		return lent.Transport
	}
	own := http.DefaultTransport.(*http.Transport).Clone()
	own.MaxIdleConnsPerHost = 32
	return own
}

// noRedirect: Stripe's API does not redirect, and the key is not for whoever does.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Sleep returns after a while, or with the context's error when that ends first.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// checkKey says whether an idempotency key can be sent. Stripe keeps what came
// of a key for at least 24 hours (docs.stripe.com/api/idempotent_requests).
func checkKey(key string) error {
	if key == "" || len(key) > 255 {
		return fmt.Errorf("stripe: an idempotency key has 1 to 255 characters, not %d", len(key))
	}
	for _, r := range key {
		if r <= ' ' || r > '~' {
			return errors.New("stripe: an idempotency key has printable ASCII characters only")
		}
	}
	return nil
}
