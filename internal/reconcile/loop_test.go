package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
	"github.com/bursarhq/bursar/internal/stripe"
	"github.com/bursarhq/bursar/stripetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// process is one of several on a database, each with a client of its own.
type process struct {
	*Reconciler
	asked    atomic.Int64
	observed []Report
}

func start(t *testing.T, s *store.Store, acct *stripetest.Account, poll time.Duration) *process {
	t.Helper()
	p := &process{}
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		acct.ServeHTTP(w, r)
	}))
	t.Cleanup(api.Close)
	client, err := stripe.NewClient(stripe.ClientConfig{Key: "sk_test_1", Base: api.URL, RPS: -1, Now: acct.Now})
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	engine, err := apply.New(t.Context(), s, apply.Policy{}, "test", log)
	if err != nil {
		t.Fatal(err)
	}
	p.Reconciler = New(Config{
		Store: s, Engine: engine, Accounts: []Account{{Client: client}}, Log: log, Now: acct.Now, Poll: poll,
		Observe: func(r Report) { p.observed = append(p.observed, r) },
	})
	p.settling = time.Millisecond
	return p
}

// eachAccount runs a test on both engines, on the clock of an account that tells no
// webhook.
func eachAccount(t *testing.T, fn func(t *testing.T, s *store.Store, acct *stripetest.Account)) {
	t.Helper()
	var acct *stripetest.Account
	fresh := func() { acct = stripetest.New(t).Calm() }
	fresh()
	storetest.EachAt(t, func() time.Time { return acct.Now() }, func(t *testing.T, s *store.Store) {
		fn(t, s, acct)
		fresh()
	})
}

// TestLease: of two processes one works, until it has been silent for long, or says
// that it ends.
func TestLease(t *testing.T) {
	eachAccount(t, func(t *testing.T, s *store.Store, acct *stripetest.Account) {
		a, b := start(t, s, acct, 0), start(t, s, acct, 0)
		works := func(p *process) (yes bool) {
			t.Helper()
			if err := p.leading(t.Context(), func(context.Context) error { yes = true; return nil }); err != nil {
				t.Fatal(err)
			}
			return yes
		}
		want := func(what string, forA, forB bool) {
			t.Helper()
			if gotB, gotA := works(b), works(a); gotA != forA || gotB != forB {
				t.Errorf("%s: %v and %v, want %v and %v", what, gotA, gotB, forA, forB)
			}
		}
		if !works(a) {
			t.Error("the first does not")
		}
		want("beside it", true, false)
		acct.Advance(lease - time.Second)
		want("it is renewed", true, false)
		acct.Advance(lease + time.Second) // a has died
		want("after it", false, true)
		b.release(t.Context())
		if !works(a) {
			t.Error("it has to wait for one that ended in order")
		}
		a.release(t.Context())
		a.release(t.Context())
		broken := errors.New("broken")
		if err := b.leading(t.Context(), func(context.Context) error { return broken }); !errors.Is(err, broken) {
			t.Error(err)
		}
	})
}

// TestOneOfTwoPolls runs both: when the one that asks is stopped, the other one goes on.
func TestOneOfTwoPolls(t *testing.T) {
	eachAccount(t, func(t *testing.T, s *store.Store, acct *stripetest.Account) {
		run := func(p *process) (stop func()) {
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- p.Run(ctx) }()
			return func() {
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}
		}
		asks := func(p *process, times int64) {
			t.Helper()
			for deadline := time.Now().Add(time.Minute); p.asked.Load() < times; <-time.After(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("it asks %d times", p.asked.Load())
				}
			}
		}
		a, b := start(t, s, acct, time.Millisecond), start(t, s, acct, time.Millisecond)
		stopA := run(a)
		asks(a, 1)
		stopB := run(b)
		asks(a, a.asked.Load()+20)
		if n := b.asked.Load(); n != 0 {
			t.Errorf("the second asks %d times", n)
		}
		stopA()
		asks(b, 1)
		stopB()
	})
}

// TestSlice goes through everything a few requests at a time, once a day.
func TestSlice(t *testing.T) {
	eachAccount(t, func(t *testing.T, s *store.Store, acct *stripetest.Account) {
		p := start(t, s, acct, 0)
		for i := range slice*100 + 50 { // more than one slice reads
			if _, err := acct.Post("/v1/customers", stripetest.Form{"metadata[tenant]": fmt.Sprint("t", i)}); err != nil {
				t.Fatal(err)
			}
			if i%100 == 0 {
				acct.Advance(time.Second)
			}
		}
		acct.Advance(time.Hour)
		if _, err := p.Once(t.Context(), Options{}); err != nil {
			t.Fatal(err)
		}
		acct.Advance(time.Hour)
		next := func() Report {
			t.Helper()
			p.asked.Store(0)
			p.observed = nil
			if err := p.slice(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := p.asked.Load(); len(p.observed) != 1 || n != int64(p.observed[0].Requests) || n > slice {
				t.Fatalf("%d requests: %+v", n, p.observed)
			}
			return p.observed[0]
		}
		first := next()
		if first.Requests != slice || first.Swept || len(first.Drifted) != 0 {
			t.Errorf("the first: %+v", first)
		}
		// What drifts behind the sweep's place is for the next sweep.
		product, err := acct.Post("/v1/products", stripetest.Form{"name": "Behind"})
		if err != nil {
			t.Fatal(err)
		}
		second := next()
		if !second.Swept || len(second.Drifted) != 0 || first.Objects+second.Objects < slice*100+50 {
			t.Errorf("the second: %+v", second)
		}
		if third := next(); third.Requests != 0 {
			t.Errorf("on the same day: %+v", third)
		}
		acct.Advance(sweepEvery + time.Second)
		if fourth := next(); len(fourth.Drifted) != 1 || fourth.Drifted[0].ID != product.ID() || fourth.Drifted[0].Result != store.Applied {
			t.Errorf("a day later: %+v", fourth)
		}
		if fifth := next(); !fifth.Swept || len(fifth.Drifted) != 0 {
			t.Errorf("its end: %+v", fifth)
		}
	})
}
