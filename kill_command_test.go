package bursar_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/stripetest"
)

// childShop names the variable that makes a child (childEnv) command a simulated
// Stripe: the address of its API and the Unix second that it is there.
const childShop = "BURSAR_TEST_CHILD_SHOP"

// commanding makes the child's configuration a shop's, if that is what it is to be.
func commanding(cfg *bursar.Config) {
	base, at, shop := strings.Cut(os.Getenv(childShop), " ")
	if !shop {
		return
	}
	second, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		panic(err)
	}
	started := time.Now()
	cfg.Now = func() time.Time { return time.Unix(second, 0).Add(time.Since(started)) }
	cfg.StripeSecretKey, cfg.StripeAPIBase, cfg.Plans = "sk_test_shop", base, shopPlans()
	cfg.APIKeys, cfg.RateLimit = []string{"bk"}, -1
}

// child is a Bursar in a process of its own, on a shop's database.
type child struct {
	*exec.Cmd
	url string
}

// process starts one, with more in its environment; it is killed at the latest when the
// test ends.
func (s *shop) process(env ...string) *child {
	s.Helper()
	c := &child{Cmd: exec.Command(os.Args[0])}
	c.Env = append(append(os.Environ(), childEnv+"="+s.url, fmt.Sprintf("%s=%s %d", childShop, s.api, s.acct.Now().Unix())), env...)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(c.kill)
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		s.Fatalf("the server did not start: %v", err)
	}
	c.url = "http://" + strings.TrimSpace(addr)
	return c
}

// kill ends the process with -9 and waits until it is gone.
func (c *child) kill() {
	_ = c.Process.Kill() // it may have been killed
	_ = c.Wait()
}

// call sends it and wants a status; of problems, a code behind it.
func (s *shop) callChild(c *child, request, body, key, want string) object {
	s.Helper()
	got, v, err := ask(context.Background(), c.url, request, body, key)
	if err != nil || got != want {
		s.Fatalf("%s %s: got %s, want %s: %v %v", request, body, got, want, v, err)
	}
	return v
}

// wire keeps under which keys Stripe was asked to change something, by method and
// path, and kills where it is told to.
type wire struct {
	mu     sync.Mutex
	keys   map[string][]string
	victim *child // nil: nobody is killed any more
	at     string // method and the beginning of a path
	last   string // the victim's last request
}

// watch puts the wire before the shop's account.
func (s *shop) watch(victim *child, at string) *wire {
	w := &wire{keys: map[string][]string{}, victim: victim, at: at}
	instead := func(rw http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet {
			return false
		}
		request, key := r.Method+" "+r.URL.Path, r.Header.Get("Idempotency-Key")
		w.mu.Lock()
		defer w.mu.Unlock()
		w.keys[request] = append(w.keys[request], key)
		if w.victim == nil || !strings.HasPrefix(request, w.at) {
			return false
		}
		// Stripe has done it; whoever asked is dead before it hears of that.
		s.acct.ServeHTTP(httptest.NewRecorder(), r)
		w.victim.kill()
		w.victim, w.last = nil, request
		panic(http.ErrAbortHandler)
	}
	s.instead.Store(&instead)
	return w
}

// TestKillInACommand kills the process with -9 between Stripe's answer and our
// commit, at every request of a command that changes something at Stripe. Another
// process, told the same by an app that heard nothing, finds it done: Stripe has one
// customer, one session, one subscription, one change.
func TestKillInACommand(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some dozens of processes")
	}
	const (
		sameKey   = "under the same key"
		notAgain  = "not at all: it has been looked at first"
		toTheSame = "with the same end"

		sales   = "POST /v1/checkout-sessions"
		command = "POST /v1/tenants/acme/subscription/"
		upgrade = `{"plan":"team","proration":"always_invoice"}`
		later   = `{"plan":"team","when":"period_end"}`
	)
	for _, test := range []struct {
		name, request, body string
		at                  string // the request to Stripe that is the process's last
		want                string // what the app is told when it asks again
		then                string // how Stripe is asked again
		check               func(*shop, object)
	}{
		{"customer", sales, sell("acme", proMonthly), "POST /v1/customers", "200", sameKey, (*shop).soldOnce},
		{"session", sales, sell("acme", proMonthly), "POST /v1/checkout/sessions", "200", sameKey, (*shop).soldOnce},
		{"change", command + "change", upgrade, "POST /v1/subscriptions/", "200", notAgain, (*shop).upgradedOnce},
		{"schedule made", command + "change", later, "POST /v1/subscription_schedules", "200", notAgain, (*shop).scheduledOnce},
		{"schedule filled", command + "change", later, "POST /v1/subscription_schedules/", "200", toTheSame, (*shop).scheduledOnce},
		{"cancel", command + "cancel", `{}`, "POST /v1/subscriptions/", "200", notAgain, func(s *shop, v object) {
			if v["ends_at"] == nil || v["status"] != "active" {
				s.Errorf("%v", v)
			}
		}},
		{"cancel now", command + "cancel", `{"when":"now"}`, "DELETE /v1/subscriptions/", "409 not_subscribed", notAgain, func(s *shop, v object) {
			if now := s.call("GET /v1/tenants/acme/subscription", "", "200"); now["status"] != "canceled" || now["plan"] != "free" {
				s.Errorf("%v", now)
			}
		}},
	} {
		for _, key := range []string{"", "the app's own"} {
			name := test.name
			if key != "" {
				name += ", under a key"
			}
			t.Run(name, func(t *testing.T) {
				eachShop(t, func(s *shop) {
					if test.request != sales {
						s.subscribe("acme", proMonthly+`,"trial_days":0`)
					}
					s.hook.Disable() // no event helps
					victim := s.process()
					wire := s.watch(victim, test.at)
					if got, v, err := ask(context.Background(), victim.url, test.request, test.body, key); err == nil {
						s.Fatalf("the process survived: %s %v", got, v)
					}
					second := s.process()
					if key != "" { // for all that is known, the first is at it still
						s.callChild(second, test.request, test.body, key, "409 idempotency_key_in_use")
						second.kill()
						s.acct.Advance(2 * time.Minute)
						second = s.process()
					}
					v := s.callChild(second, test.request, test.body, key, test.want)
					again := s.callChild(second, test.request, test.body, key, test.want)
					if v["id"] != again["id"] {
						s.Errorf("%v\nthen %v", v, again)
					}
					test.check(s, v)
					wire.check(s, test.then == sameKey, test.then == notAgain)
				})
			})
		}
	}
}

// check wants a key on every request, and what the dead process asked for asked
// again under the same key, or not at all, or somehow.
func (w *wire) check(s *shop, sameKey, notAgain bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for request, keys := range w.keys {
		for _, key := range keys {
			if !strings.HasPrefix(key, "bursar-") {
				s.Errorf("%s under the key %q", request, key)
			}
		}
	}
	keys := w.keys[w.last]
	switch {
	case len(keys) == 0:
		s.Errorf("nobody was killed: %v", w.keys)
	case notAgain && len(keys) > 1:
		s.Errorf("%s was asked %d times", w.last, len(keys))
	case sameKey && (len(keys) < 2 || len(slices.Compact(slices.Clone(keys))) != 1):
		s.Errorf("%s under the keys %q", w.last, keys)
	}
}

// soldOnce buys, and wants one of everything.
func (s *shop) soldOnce(session object) {
	s.wantCounts(1, 1)
	s.buy(session["id"].(string))
	if n := s.count("/v1/subscriptions", stripetest.Form{"status": "all"}); n != 1 {
		s.Errorf("%d subscriptions", n)
	}
	if sub := s.call("POST /v1/tenants/acme/sync", "", "200"); sub["plan"] != "pro" {
		s.Errorf("%v", sub)
	}
}

// upgradedOnce wants the change to have been paid for once.
func (s *shop) upgradedOnce(sub object) {
	if sub["plan"] != "team" {
		s.Errorf("%v", sub)
	}
	l, err := s.acct.Get("/v1/invoices", stripetest.Form{"subscription": sub["id"].(string)})
	if err != nil {
		s.Fatal(err)
	}
	reasons := map[string]int{}
	for _, i := range l["data"].([]any) {
		reasons[i.(stripetest.Object).Str("billing_reason")]++
	}
	if reasons["subscription_update"] != 1 || reasons["subscription_create"] != 1 {
		s.Errorf("invoices by reason: %v", reasons)
	}
}

// scheduledOnce wants one schedule with the present and the next plan.
func (s *shop) scheduledOnce(sub object) {
	if sub["plan"] != "pro" || sub["scheduled_plan"] != "team" {
		s.Errorf("%v", sub)
	}
	l, err := s.acct.Get("/v1/subscription_schedules", nil)
	if err != nil {
		s.Fatal(err)
	}
	all := l["data"].([]any)
	if len(all) != 1 {
		s.Fatalf("%d schedules", len(all))
	}
	if phases := all[0].(stripetest.Object)["phases"].([]any); len(phases) != 2 {
		s.Errorf("phases %v", phases)
	}
}
