package effect_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/bursarhq/bursar/internal/effect"
	"github.com/bursarhq/bursar/internal/outbound"
	"github.com/bursarhq/bursar/internal/store"
)

const outboundSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"

// days is a clock on which days pass in no time: it jumps to when the first of the
// lanes wants to go on, once all of them have nothing to do.
type days struct {
	mu     sync.Mutex
	at     time.Time
	timers []timer
	idle   *sync.Cond
}

type timer struct {
	at   time.Time
	fire chan time.Time
}

func newDays() *days {
	d := &days{at: time.Now()}
	d.idle = sync.NewCond(&d.mu)
	return d
}

func (d *days) now() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.at
}

func (d *days) after(pause time.Duration) <-chan time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := timer{d.at.Add(pause), make(chan time.Time, 1)}
	d.timers = append(d.timers, t)
	d.idle.Broadcast()
	return t.fire
}

// settled waits until so many lanes have nothing to do, or the context ends.
func (d *days) settled(ctx context.Context, lanes int) {
	defer context.AfterFunc(ctx, func() { d.mu.Lock(); defer d.mu.Unlock(); d.idle.Broadcast() })()
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.timers) < lanes && ctx.Err() == nil {
		d.idle.Wait()
	}
}

// forget drops what lanes that are stopped were waiting for: it would pass for the
// pauses of the next ones, and time for them while they work.
func (d *days) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.timers = nil
}

// pass lets time pass until done, or until so much has passed.
func (d *days) pass(lanes int, most time.Duration, done func() bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for end := d.at.Add(most); ; {
		for len(d.timers) < lanes {
			d.idle.Wait()
		}
		d.mu.Unlock()
		ok := done()
		d.mu.Lock()
		if ok || d.at.After(end) {
			return ok
		}
		i := 0
		for j := range d.timers {
			if d.timers[j].at.Before(d.timers[i].at) {
				i = j
			}
		}
		t := d.timers[i]
		d.timers = slices.Delete(d.timers, i, i+1)
		d.at = t.at
		t.fire <- t.at
	}
}

// receiver is an endpoint that keeps what it accepted.
type receiver struct {
	t    *testing.T
	days *days
	srv  *httptest.Server
	// trouble may answer a request itself, and says whether it did.
	trouble func(w http.ResponseWriter, r *http.Request, id string) bool

	mu       sync.Mutex
	accepted []string // ids, in order
	bodies   map[string]string
	tried    map[string]int
	last     time.Time
}

func newReceiver(t *testing.T, d *days, trouble func(http.ResponseWriter, *http.Request, string) bool) *receiver {
	rc := &receiver{t: t, days: d, trouble: trouble, bodies: map[string]string{}, tried: map[string]int{}}
	rc.srv = httptest.NewServer(rc)
	t.Cleanup(rc.srv.Close)
	return rc
}

func (rc *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		rc.t.Error(err)
	}
	id := r.Header.Get("webhook-id")
	rc.mu.Lock()
	if was, ok := rc.bodies[id]; ok && was != string(body) {
		rc.t.Errorf("%s has another body than before", id)
	}
	rc.bodies[id] = string(body)
	rc.tried[id]++
	rc.mu.Unlock()
	// The signature is judged by the scheme's own library. The clock is another one
	// than its.
	wh, err := standardwebhooks.NewWebhook(outboundSecret)
	if err != nil {
		rc.t.Error(err)
	}
	if err := wh.VerifyIgnoringTimestamp(body, r.Header); err != nil {
		rc.t.Errorf("%s: %v", id, err)
	}
	if rc.trouble != nil && rc.trouble(w, r, id) {
		return
	}
	rc.mu.Lock()
	rc.accepted = append(rc.accepted, id)
	rc.last = rc.days.now()
	rc.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

func (rc *receiver) count() int {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	return len(rc.accepted)
}

func (rc *receiver) tries(id string) int {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	return rc.tried[id]
}

// cut breaks a request's connection.
func cut(w http.ResponseWriter, answer string) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = io.WriteString(conn, answer) // either end may be gone
	conn.Close()
}

// planOutbound plans n messages of some tenants for an endpoint.
func planOutbound(t *testing.T, s *store.Store, endpoint string, from, n int) (ids []string) {
	t.Helper()
	for first := from; first < from+n; first += 500 {
		err := s.Update(context.Background(), nil, func(tx *store.Tx) error {
			return tx.Do(func() error {
				for i := first; i < min(first+500, from+n); i++ {
					tenant, id := fmt.Sprintf("tenant%d", i%7), fmt.Sprintf("msg_%05d", i)
					ids = append(ids, id)
					tx.AddEffect(store.Effect{
						Key: store.Key{ID: store.OutboundKey(endpoint, id)}, Kind: store.OutboundKind(endpoint), Name: "invoice.issued", Tenant: tenant, ObjectID: id,
						Data: fmt.Sprintf(`{"id":%q,"tenant":%q,"sequence":%d}`, id, tenant, i), Seq: tx.NextSeq(), Status: store.Pending, DueAt: tx.Now, CreatedAt: tx.Now,
					})
				}
				tx.Wake(store.OutboundKind(endpoint), tx.Now)
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return ids
}

// runLanes runs deliveries to endpoints until the test ends.
func runLanes(t *testing.T, s *store.Store, d *days, c effect.OutboundConfig) {
	t.Helper()
	c.Store, c.Now, c.After = s, d.now, d.after
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Sender = outbound.NewSender(outbound.Options{Guard: outbound.Guard{AllowPrivate: true}})
	o, err := effect.NewOutbound(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		c.Sender.Close()
		d.forget()
	})
}

func endpointFor(name, url string) outbound.Endpoint {
	return outbound.Endpoint{Name: name, URL: url, Secrets: []string{outboundSecret}}
}

// wantInOrder wants each tenant's messages in the order in which they were planned.
func wantInOrder(t *testing.T, rc *receiver) {
	t.Helper()
	last := map[string]int64{}
	for _, id := range rc.accepted {
		var m struct {
			Tenant   string
			Sequence int64
		}
		if err := json.Unmarshal([]byte(rc.bodies[id]), &m); err != nil {
			t.Fatal(err)
		}
		if was, ok := last[m.Tenant]; ok && m.Sequence < was {
			t.Errorf("%s: %d after %d", m.Tenant, m.Sequence, was)
		}
		last[m.Tenant] = m.Sequence
	}
}
