package stripe_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bursarhq/bursar/internal/stripe"
)

// instant answers every request at once, without a network, and takes down when.
type instant struct {
	mu         sync.Mutex
	at         []time.Time
	background atomic.Int64
}

func (i *instant) RoundTrip(r *http.Request) (*http.Response, error) {
	i.mu.Lock()
	i.at = append(i.at, time.Now())
	i.mu.Unlock()
	if strings.Contains(r.URL.Path, "sub_") {
		i.background.Add(1)
	}
	id := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{}, Request: r,
		Body: io.NopCloser(strings.NewReader(`{"id":"` + id + `","object":"x"}`)),
	}, nil
}

// most is the largest number of requests within a second.
func (i *instant) most() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	best, from := 0, 0
	for to, at := range i.at {
		for at.Sub(i.at[from]) >= time.Second {
			from++
		}
		best = max(best, to-from+1)
	}
	return best
}

func limited(t *testing.T, key string, rps float64) (*stripe.Client, *instant) {
	wire := &instant{}
	c, err := stripe.NewClient(stripe.ClientConfig{Key: key, Now: time.Now, HTTPClient: &http.Client{Transport: wire}, RPS: rps})
	if err != nil {
		t.Fatal(err)
	}
	return c, wire
}

func TestRateStaysUnderStripes(t *testing.T) {
	for _, tc := range []struct {
		key            string
		rps            float64
		atMost, atLast int // requests within a second
	}{
		{"sk_test_0123456789", 0, 25, 20},  // Stripe allows 25
		{"sk_live_0123456789", 0, 100, 60}, // and 100
		{"sk_test_0123456789", 4, 5, 4},
		{"sk_test_0123456789", 0.5, 1, 1},
		{"sk_test_0123456789", -1, 400, 400},
	} {
		synctest.Test(t, func(t *testing.T) {
			c, wire := limited(t, tc.key, tc.rps)
			var all sync.WaitGroup
			for range 200 { // accounts share one limit
				all.Go(func() { c.Fetch(t.Context(), "", "cus_1") })
				all.Go(func() { c.For("acct_1").Fetch(t.Context(), "", "cus_1") })
			}
			all.Wait()
			if got := wire.most(); got > tc.atMost || got < tc.atLast {
				t.Errorf("%v/s with %s: up to %d in a second, want %d to %d", tc.rps, tc.key[:8], got, tc.atLast, tc.atMost)
			}
		})
	}
}

// Stripe allows an endpoint 25 requests a second, and a sweep asks only one.
func TestSweepsStayUnderAnEndpointsLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, wire := limited(t, "sk_live_0123456789", 90)
		var sweeps sync.WaitGroup
		for range 200 {
			sweeps.Go(func() { c.Fetch(stripe.Background(t.Context()), "", "sub_1") })
		}
		sweeps.Wait()
		if got := wire.most(); got > 25 || got < 20 {
			t.Errorf("up to %d in a second", got)
		}
	})
}

func TestSweepsDoNotStarveCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, wire := limited(t, "sk_test_0123456789", 0)
		ctx, cancel := context.WithCancel(t.Context())
		var sweeps sync.WaitGroup
		for range 500 {
			sweeps.Go(func() { c.Fetch(stripe.Background(ctx), "", "sub_1") })
		}
		time.Sleep(10 * time.Second) // of the bubble
		synctest.Wait()
		if got := wire.background.Load(); got < 90 || got > 105 {
			t.Errorf("%d requests of the background in ten seconds, want ten a second", got)
		}
		start := time.Now()
		for range 8 {
			if _, err := c.CreateCustomer(ctx, "k", stripe.CustomerParams{}); err != nil {
				t.Fatal(err)
			}
		}
		// Eight commands, of which some go at once and the others at no less than
		// half the rate.
		if took := time.Since(start); took > 800*time.Millisecond {
			t.Errorf("eight commands took %v", took)
		}
		cancel()
		sweeps.Wait()
	})
}

func TestWaitingForTheLimitEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, wire := limited(t, "sk_test_0123456789", 0.01)
		c.Fetch(t.Context(), "", "cus_1")

		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		_, err := c.Fetch(ctx, "", "cus_1")
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, stripe.ErrUnavailable) || time.Since(start) != 0 {
			t.Errorf("got %v after %v", err, time.Since(start))
		}

		ctx, cancel = context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err = c.Fetch(ctx, "", "cus_1"); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		// Who gave up does not keep his place.
		start = time.Now()
		if _, err := c.Fetch(t.Context(), "", "cus_1"); err != nil || time.Since(start) > 100*time.Second {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
		if n := len(wire.at); n != 2 {
			t.Errorf("%d requests", n)
		}
	})
}
