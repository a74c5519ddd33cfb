package bursar_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/internal/store/storetest"
	"github.com/bursarhq/bursar/stripetest"
	"github.com/bursarhq/bursar/webhook"
)

// thinCalls counts what a hook is told of, by Stripe's event.
type thinCalls struct {
	mu sync.Mutex
	n  map[string]int
}

func (c *thinCalls) on(b *bursar.Bursar, types ...string) {
	c.n = map[string]int{}
	for _, typ := range types {
		b.On(typ, func(_ context.Context, _ *sql.Tx, ch bursar.Change) error {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.n[ch.Event]++
			return nil
		})
	}
}

// want wants each of Stripe's events of the types to have been told once.
func (c *thinCalls) want(s *shop, types ...string) {
	s.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	events := 0
	for _, typ := range types {
		for _, e := range s.acct.Events(typ) {
			if events++; c.n[e.ID] != 1 {
				s.Errorf("%s %s was told %d times", typ, e.ID, c.n[e.ID])
			}
		}
	}
	if len(c.n) != events || events == 0 {
		s.Errorf("told %v, want %d events", c.n, events)
	}
}

// TestThin: a change that comes as a snapshot and as a thin event, in either order or
// only as the latter, is one.
func TestThin(t *testing.T) {
	types := []string{"invoice.paid", "customer.subscription.created"}
	for name, first := range map[string]string{"snapshot first": "snapshot", "thin first": "thin", "thin alone": "alone"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachShop(t, func(s *shop) {
				s.reconcile(bursar.ReconcileOptions{}) // what was before there was an endpoint
				calls := &thinCalls{}
				calls.on(s.b, types...)
				var late [][]byte // the snapshots that come after the thin ones
				if first != "snapshot" {
					s.hook.Disable()
					s.acct.Deliver(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
						body, err := io.ReadAll(r.Body)
						if err != nil {
							t.Error(err)
						}
						late = append(late, body)
					}))
				}
				s.acct.Deliver(s.b.WebhookHandler(), stripetest.EndpointConfig{Secret: secret, Thin: true})
				session := s.call("POST /v1/checkout-sessions", sell("acme", proMonthly), "200")
				s.buy(session["id"].(string))
				d := &desk{TB: t, b: s.b}
				stop := d.run()
				s.until(func() bool {
					return s.rows(`SELECT COUNT(*) FROM effects WHERE key LIKE 'refetch:thin:%' AND done_at = 0`) == 0
				})
				stop()
				if first == "thin" {
					for _, body := range late {
						if got := postBody(s.b.WebhookHandler(), "/webhooks/stripe", body, s.acct.Now()); !strings.Contains(got, `"duplicate"`) && !strings.Contains(got, `"ignored"`) {
							t.Errorf("%s for %.80s", got, body)
						}
					}
				}
				s.wantPlan("acme", "pro trialing")
				calls.want(s, types...)
				if n := s.rows(`SELECT COUNT(*) FROM effects WHERE key LIKE 'refetch:thin:%' AND reason NOT LIKE 'evt_%'`); n != 0 {
					t.Errorf("%d objects were fetched, where there are events", n)
				}
				s.wantClean()
			})
		})
	}
}

// TestThinAccount: a thin event is its context's account's; without one, and where the
// context is no account alone, its endpoint's.
func TestThinAccount(t *testing.T) {
	eachShop(t, func(s *shop) {
		mux := http.NewServeMux()
		mux.Handle("/webhooks/stripe/{endpoint}", s.b.WebhookHandler())
		for context, want := range map[string]string{`null`: "acct_own", `"acct_other"`: "acct_other", `"acct_own/acct_below"`: "acct_own", `"org_1"`: "acct_own"} {
			id := "evt_" + strings.Trim(strings.ReplaceAll(context, "/", "_"), `"`)
			body := fmt.Sprintf(`{"id":%q,"object":"v2.core.event","type":"v1.customer.updated","created":%q,"livemode":false,"context":%s,
				"related_object":{"id":"cus_1","type":"customer","url":"/v1/customers/cus_1"}}`, id, s.acct.Now().Format(time.RFC3339), context)
			if got := postBody(mux, "/webhooks/stripe/second", []byte(body), s.acct.Now()); !strings.Contains(got, `"applied"`) {
				t.Error(got)
			}
			if n := s.rows(fmt.Sprintf(`SELECT COUNT(*) FROM inbox AS i JOIN effects AS e ON e.account = i.account AND e.object_id = i.object_id AND e.key LIKE '%%' || i.event_id WHERE i.event_id = '%s' AND i.account = '%s'`, id, want)); n != 1 {
				t.Errorf("context %s: it is not %s's", context, want)
			}
		}
	}, func(c *bursar.Config) {
		c.Endpoints = []bursar.Endpoint{{Name: "second", Secrets: []string{secret}, Account: "acct_own"}}
	})
}

// TestThinWithoutEvent: where Stripe has no such event any more, the object is asked for,
// also for a type that only thin events have.
func TestThinWithoutEvent(t *testing.T) {
	s := newShop(t, storetest.MigratedSQLite(t))
	sub := s.subscribe("acme", proMonthly)
	s.hook.Disable()
	s.cancelAtStripe(sub)
	s.acct.Settle()
	body := fmt.Sprintf(`{"id":"evt_gone","object":"v2.core.event","type":"v1.customer.subscription.cancel_at_changed","created":%q,"livemode":false,
		"related_object":{"id":%q,"type":"subscription","url":"/v1/subscriptions/x"}}`, s.acct.Now().Format(time.RFC3339), sub["id"])
	if got := postBody(s.b.WebhookHandler(), "/webhooks/stripe", []byte(body), s.acct.Now()); !strings.Contains(got, `"applied"`) {
		t.Error(got)
	}
	(&desk{TB: t, b: s.b}).run()
	s.until(func() bool { return s.rows(`SELECT COUNT(*) FROM tenants WHERE plan = 'free'`) == 1 })
}

// postBody posts a signed body to a handler and returns the answer.
func postBody(h http.Handler, path string, body []byte, now time.Time) string {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(string(body)))
	r.Header.Set("Stripe-Signature", webhook.Sign(body, secret, now))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Body.String()
}
