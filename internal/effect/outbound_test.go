package effect_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bursarhq/bursar/internal/effect"
	"github.com/bursarhq/bursar/internal/outbound"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

// TestOutboundTroubles: whatever a receiver does, it has accepted each message once in
// the end, and the one that does nothing wrong has all of them before any time passes.
func TestOutboundTroubles(t *testing.T) {
	d := newDays()
	storetest.EachAt(t, d.now, func(t *testing.T, s *store.Store) {
		began := d.now()
		until := func(pause time.Duration) bool { return d.now().Before(began.Add(pause)) }
		var trapped atomic.Int64
		trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { trapped.Add(1) }))
		defer trap.Close()
		var receivers map[string]*receiver
		receivers = map[string]*receiver{
			"good": newReceiver(t, d, nil),
			"down": newReceiver(t, d, nil), // its listener is closed below
			"500": newReceiver(t, d, func(w http.ResponseWriter, _ *http.Request, _ string) bool {
				if until(time.Hour) {
					w.WriteHeader(http.StatusInternalServerError)
				}
				return until(time.Hour)
			}),
			"hang": newReceiver(t, d, func(w http.ResponseWriter, r *http.Request, _ string) bool {
				if until(time.Hour) {
					// Nobody else waits for it: the others get everything done meanwhile.
					d.settled(r.Context(), len(receivers)-1)
					if r.Context().Err() != nil {
						t.Error("the sender had to give up on the one that hangs before the others were done")
					}
					cut(w, "")
					return true
				}
				return false
			}),
			"redirect": newReceiver(t, d, func(w http.ResponseWriter, r *http.Request, _ string) bool {
				if until(time.Hour) {
					http.Redirect(w, r, trap.URL, http.StatusTemporaryRedirect)
				}
				return until(time.Hour)
			}),
		}
		cuts := []string{"", "HTTP/1.1 20", "HTTP/1.1 200 OK\r\nContent-Le"}
		receivers["cut"] = newReceiver(t, d, nil)
		receivers["cut"].trouble = func(w http.ResponseWriter, _ *http.Request, id string) bool {
			n := receivers["cut"].tries(id)
			bad := n <= len(cuts) && until(time.Hour)
			if bad {
				cut(w, cuts[n-1])
			}
			return bad
		}
		receivers["busy"] = newReceiver(t, d, nil)
		receivers["busy"].trouble = func(w http.ResponseWriter, _ *http.Request, id string) bool {
			if receivers["busy"].tries(id) == 1 && until(time.Hour) {
				w.Header().Set("Retry-After", "600")
				w.WriteHeader(http.StatusTooManyRequests)
				return true
			}
			return false
		}
		address := receivers["down"].srv.Listener.Addr().String()
		receivers["down"].srv.Close()

		const n = 50
		var endpoints []outbound.Endpoint
		want := map[string][]string{}
		for name, rc := range receivers {
			endpoints = append(endpoints, endpointFor(name, rc.srv.URL))
			want[name] = planOutbound(t, s, name, 0, n)
		}
		// Another process has claimed some and died.
		if dead, err := s.ClaimEffects(t.Context(), store.OutboundKind("500"), 2*time.Minute, 5); err != nil || len(dead) != 5 {
			t.Fatal(dead, err)
		}
		runLanes(t, s, d, effect.OutboundConfig{Endpoints: endpoints})
		all := func() bool {
			if receivers["down"].srv.Listener.Addr().String() == address && !until(time.Hour) {
				l, err := net.Listen("tcp", address)
				if err != nil {
					t.Fatal(err)
				}
				srv := &httptest.Server{Listener: l, Config: &http.Server{Handler: receivers["down"]}} //nolint:gosec // a test's
				srv.Start()
				t.Cleanup(srv.Close)
				receivers["down"].srv = &httptest.Server{Listener: nowhere{}}
			}
			for _, rc := range receivers {
				if rc.count() < n {
					return false
				}
			}
			return true
		}
		if !d.pass(len(receivers), 24*time.Hour, all) {
			t.Error("not everything was delivered within a day")
		}
		for name, rc := range receivers {
			got := slices.Clone(rc.accepted)
			slices.Sort(got)
			if !slices.Equal(got, want[name]) {
				t.Errorf("%s accepted %d messages, %d of them different ones, want each of %d once", name, len(got), len(slices.Compact(got)), n)
			}
			t.Logf("%-8s had the last of %d after %s", name, n, rc.last.Sub(began).Round(time.Second))
		}
		if good := receivers["good"]; good.last != began {
			t.Errorf("the good one had to wait for %s", good.last.Sub(began))
		}
		wantInOrder(t, receivers["good"])
		if trapped.Load() != 0 {
			t.Error("a redirect was followed")
		}
		var rows string
		if err := s.Writer().QueryRow(`SELECT COUNT(*) FROM effects WHERE status <> 'sent'`).Scan(&rows); err != nil || rows != "0" {
			t.Errorf("%s deliveries are not marked as sent: %v", rows, err)
		}
	})
}

// nowhere is a listener that is no more.
type nowhere struct{ net.Listener }

func (nowhere) Addr() net.Addr { return &net.TCPAddr{} }
func (nowhere) Close() error   { return nil }

// TestOutboundOrderAfterOutage: an endpoint that comes back is told what waited in its
// order; the few that it was asked with while it was away apart.
func TestOutboundOrderAfterOutage(t *testing.T) {
	d := newDays()
	storetest.EachAt(t, d.now, func(t *testing.T, s *store.Store) {
		began := d.now()
		rc := newReceiver(t, d, func(w http.ResponseWriter, _ *http.Request, _ string) bool {
			down := d.now().Before(began.Add(2 * time.Hour))
			if down {
				cut(w, "")
			}
			return down
		})
		ids := planOutbound(t, s, "app", 0, 3000)
		runLanes(t, s, d, effect.OutboundConfig{Endpoints: []outbound.Endpoint{endpointFor("app", rc.srv.URL)}})
		if !d.pass(1, 24*time.Hour, func() bool { return rc.count() == len(ids) }) {
			t.Fatal("not everything was delivered")
		}
		tried := 0
		for _, id := range ids {
			if rc.tries(id) > 1 {
				tried++
			}
		}
		// A probe every two minutes, and those that were under way at first.
		if tried > 100 {
			t.Errorf("%d messages were tried while nobody was there", tried)
		}
		if late := rc.last.Sub(began); late > 2*time.Hour+3*time.Minute {
			t.Errorf("the last came %s after the outage began", late)
		}
		rc.accepted = rc.accepted[1:] // the probe that found it back
		wantInOrder(t, rc)
	})
}

// TestOutboundDisabled: an endpoint that accepts nothing for three days is disabled,
// once, and what it was to be told waits until it is enabled.
func TestOutboundDisabled(t *testing.T) {
	d := newDays()
	storetest.EachAt(t, d.now, func(t *testing.T, s *store.Store) {
		began := d.now()
		var broken atomic.Bool
		broken.Store(true)
		rc := newReceiver(t, d, func(w http.ResponseWriter, _ *http.Request, _ string) bool {
			if broken.Load() {
				w.WriteHeader(http.StatusBadGateway)
			}
			return broken.Load()
		})
		var told []string
		var mu sync.Mutex
		runLanes(t, s, d, effect.OutboundConfig{
			Endpoints: []outbound.Endpoint{endpointFor("app", rc.srv.URL)},
			Disabled: func(_ context.Context, endpoint, reason string, since time.Time) error {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, endpoint+": "+reason)
				if since.Before(began.Truncate(time.Microsecond)) || since.After(began.Add(time.Hour)) {
					t.Errorf("it failed since %s, the first attempt was at %s", since, began)
				}
				if took := d.now().Sub(began); took < 72*time.Hour || took > 80*time.Hour {
					t.Errorf("it was disabled after %s", took)
				}
				return nil
			},
		})
		planOutbound(t, s, "app", 0, 20)
		disabled := func() bool { mu.Lock(); defer mu.Unlock(); return len(told) > 0 }
		if !d.pass(1, 5*24*time.Hour, disabled) {
			t.Fatal("it was never disabled")
		}
		planOutbound(t, s, "app", 20, 20)
		tried := len(rc.tried)
		d.pass(1, 24*time.Hour, func() bool { return false })
		if want := "app: nothing was accepted for three days; last: the endpoint answered 502"; len(told) != 1 || told[0] != want {
			t.Errorf("told %q, want %q", told, want)
		}
		if len(rc.tried) != tried {
			t.Error("a disabled endpoint was sent to")
		}
		broken.Store(false)
		if err := s.EnableOutbound(t.Context(), "app"); err != nil {
			t.Fatal(err)
		}
		if !d.pass(1, time.Hour, func() bool { return rc.count() == 40 }) {
			t.Errorf("it accepted %d of 40 once it was enabled", rc.count())
		}
		wantInOrder(t, rc)
		if err := s.EnableOutbound(t.Context(), "nobody"); !errors.Is(err, store.ErrNotFound) {
			t.Error(err)
		}
	})
}

// TestOutboundRefused: a message that an endpoint never accepts is given up on after
// three days, alone, and can be sent again under its id.
func TestOutboundRefused(t *testing.T) {
	d := newDays()
	storetest.EachAt(t, d.now, func(t *testing.T, s *store.Store) {
		var mended atomic.Bool
		const poison = "msg_00003"
		rc := newReceiver(t, d, func(w http.ResponseWriter, _ *http.Request, id string) bool {
			refused := id == poison && !mended.Load()
			if refused {
				w.WriteHeader(http.StatusBadRequest)
			}
			return refused
		})
		planOutbound(t, s, "app", 0, 10)
		runLanes(t, s, d, effect.OutboundConfig{Endpoints: []outbound.Endpoint{endpointFor("app", rc.srv.URL)}})
		status := func() string {
			got, _, _ := statusOf(t, s, store.OutboundKey("app", poison))
			return got
		}
		next := 100
		failed := func() bool { // there is news every few hours
			if next++; next%100 == 0 {
				planOutbound(t, s, "app", next, 1)
			}
			return status() == store.Failed
		}
		began := d.now()
		if !d.pass(1, 5*24*time.Hour, failed) {
			t.Fatalf("it is %s after %d attempts", status(), rc.tries(poison))
		}
		if took := d.now().Sub(began); took < 72*time.Hour || took > 80*time.Hour || rc.tries(poison) != 14 {
			t.Errorf("given up on after %d attempts in %s", rc.tries(poison), took)
		}
		mended.Store(true)
		if n, err := s.ReplayOutbound(t.Context(), store.Key{}, store.OutboundFilter{Endpoint: "app", Message: poison}); err != nil || n != 1 {
			t.Fatal(n, err)
		}
		if !d.pass(1, time.Hour, func() bool { return status() == store.Sent }) {
			t.Error(status())
		}
		if e, err := s.OutboundEndpoint(t.Context(), "app"); err != nil || e.DisabledAt != 0 {
			t.Error(e, err)
		}
	})
}

// TestOutboundGone: 410 says that an endpoint wants nothing more; another URL is
// another endpoint.
func TestOutboundGone(t *testing.T) {
	d := newDays()
	storetest.EachAt(t, d.now, func(t *testing.T, s *store.Store) {
		gone := newReceiver(t, d, func(w http.ResponseWriter, _ *http.Request, _ string) bool {
			w.WriteHeader(http.StatusGone)
			return true
		})
		planOutbound(t, s, "app", 0, 3)
		disabled := func() bool {
			e, err := s.OutboundEndpoint(t.Context(), "app")
			return err == nil && e.DisabledAt != 0 && strings.Contains(e.Reason, "410")
		}
		t.Run("gone", func(t *testing.T) {
			runLanes(t, s, d, effect.OutboundConfig{Endpoints: []outbound.Endpoint{endpointFor("app", gone.srv.URL)}})
			if !d.pass(1, time.Second, disabled) {
				t.Error("it is not disabled")
			}
		})
		other := newReceiver(t, d, nil)
		runLanes(t, s, d, effect.OutboundConfig{Endpoints: []outbound.Endpoint{endpointFor("app", other.srv.URL)}})
		if !d.pass(1, time.Hour, func() bool { return other.count() == 3 }) {
			t.Errorf("the other one accepted %d of 3", other.count())
		}
	})
}

// TestOutboundWhileBusy: while receiving is busy, deliveries are made all the same, in
// their order.
func TestOutboundWhileBusy(t *testing.T) {
	d := newDays()
	storetest.EachAt(t, d.now, func(t *testing.T, s *store.Store) {
		rc := newReceiver(t, d, nil)
		ids := planOutbound(t, s, "app", 0, 30)
		var asked atomic.Int64
		runLanes(t, s, d, effect.OutboundConfig{
			Endpoints: []outbound.Endpoint{endpointFor("app", rc.srv.URL)},
			Busy:      func() bool { asked.Add(1); return true },
		})
		if !d.pass(1, time.Hour, func() bool { return rc.count() == len(ids) }) {
			t.Fatalf("%d of %d were delivered", rc.count(), len(ids))
		}
		wantInOrder(t, rc)
		if asked.Load() < int64(len(ids)) {
			t.Errorf("receiving was asked %d times", asked.Load())
		}
	})
}

// TestOutboundDrain tells how fast what has piled up is delivered.
func TestOutboundDrain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		n := 10_000
		if testing.Short() {
			n = 1000
		}
		var mu sync.Mutex
		seen := map[string]int{}
		done := make(chan struct{})
		srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			seen[r.Header.Get("webhook-id")]++
			if len(seen) == n {
				close(done)
			}
		}))
		defer srv.Close()
		planOutbound(t, s, "app", 0, n)
		began := time.Now()
		o, err := effect.NewOutbound(t.Context(), effect.OutboundConfig{
			Store: s, Endpoints: []outbound.Endpoint{endpointFor("app", srv.URL)}, Now: time.Now, Log: slog.New(slog.DiscardHandler),
			Sender: outbound.NewSender(outbound.Options{Guard: outbound.Guard{AllowPrivate: true}}),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		stopped := make(chan error, 1)
		go func() { stopped <- o.Run(ctx) }()
		select {
		case <-done:
		case <-time.After(2 * time.Minute):
			t.Error("it takes longer than two minutes")
		}
		took := time.Since(began)
		cancel()
		<-stopped // everything is marked now
		fmt.Printf("%s: %d deliveries in %s, %.0f a second\n", s.Engine(), n, took.Round(time.Millisecond), float64(n)/took.Seconds())
		for id, times := range seen {
			if times != 1 {
				t.Errorf("%s came %d times", id, times)
			}
		}
		var left int
		if err := s.Writer().QueryRow(`SELECT COUNT(*) FROM effects WHERE status <> 'sent'`).Scan(&left); err != nil || left != 0 {
			t.Errorf("%d are not marked: %v", left, err)
		}
	})
}
