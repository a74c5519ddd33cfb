package receive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bursarhq/bursar/internal/stripe"
	"github.com/bursarhq/bursar/webhook"
)

const secret = "whsec_test"

func receiver(t *testing.T, cfg Config) (*Receiver, http.Handler) {
	t.Helper()
	cfg.Log, cfg.Now = slog.New(slog.DiscardHandler), time.Now
	r := New(cfg)
	t.Cleanup(r.Close)
	v, err := webhook.NewVerifier(secret)
	if err != nil {
		t.Fatal(err)
	}
	return r, r.Handler(Endpoint{Verifier: v})
}

func applied(_ context.Context, batch []Received) []Outcome {
	out := make([]Outcome, len(batch))
	for i := range out {
		out[i].Result = "applied"
	}
	return out
}

func event(id string) string {
	return fmt.Sprintf(`{"id":%q,"object":"event","type":"x.y","created":1700000000,"data":{"object":{"id":"x_1"}}}`, id)
}

func post(h http.Handler, body, signature string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodPost, "/webhooks/stripe", strings.NewReader(body))
	if signature != "" {
		req.Header.Set("Stripe-Signature", signature)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

func signed(body string) string { return webhook.Sign([]byte(body), secret, time.Now()) }

// TestReadAhead: what was read ahead comes with the event; where reading panics the
// event is applied without.
func TestReadAhead(t *testing.T) {
	for _, want := range []any{"read", nil} {
		var told any = "nothing was applied"
		_, h := receiver(t, Config{
			Read: func(*stripe.Event) any {
				if want == nil {
					panic("a reader's fault")
				}
				return want
			},
			Apply: func(ctx context.Context, batch []Received) []Outcome {
				told = batch[0].Told
				return applied(ctx, batch)
			},
		})
		if w := post(h, event("evt_1"), signed(event("evt_1"))); w.Code != http.StatusOK || told != want {
			t.Errorf("%d, told %v, want %v", w.Code, told, want)
		}
	}
}

// TestAnswers is the table of contract §3.
func TestAnswers(t *testing.T) {
	outcome := Outcome{Result: "applied"}
	_, h := receiver(t, Config{MaxBody: 1000, Apply: func(_ context.Context, batch []Received) []Outcome { return []Outcome{outcome} }})
	ok := event("evt_1")
	for _, tt := range []struct {
		name, body, signature string
		outcome               Outcome
		status                int
		want                  string
	}{
		{"applied", ok, signed(ok), Outcome{Result: "applied"}, 200, `{"received":true,"id":"evt_1","result":"applied"}`},
		{"duplicate", ok, signed(ok), Outcome{Result: "duplicate"}, 200, `{"received":true,"id":"evt_1","result":"duplicate"}`},
		{"failed is stored", ok, signed(ok), Outcome{Result: "failed"}, 200, `{"received":true,"id":"evt_1","result":"failed"}`},
		{"no signature", ok, "", outcome, 400, "signature_missing"},
		{"rubbish for a signature", ok, "t=x", outcome, 400, "signature_malformed"},
		{"another body", ok, signed(event("evt_2")), outcome, 400, "signature_mismatch"},
		{"an hour ago", ok, webhook.Sign([]byte(ok), secret, time.Now().Add(-time.Hour)), outcome, 400, "timestamp_out_of_tolerance"},
		{"in an hour", ok, webhook.Sign([]byte(ok), secret, time.Now().Add(time.Hour)), outcome, 400, "timestamp_out_of_tolerance"},
		{"not an event", `[1]`, signed(`[1]`), outcome, 400, "payload_malformed"},
		{"too large", strings.Repeat(" ", 1001), "", outcome, 413, "body_too_large"},
		{"not stored", ok, signed(ok), Outcome{Err: errors.New("secret detail")}, 503, "unavailable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			outcome = tt.outcome
			w := post(h, tt.body, tt.signature)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) || strings.Contains(w.Body.String(), "secret detail") {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if w.Code == 503 && w.Header().Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			if w.Code >= 400 {
				var p struct {
					Status int
					Code   string
				}
				if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != tt.status || p.Code != tt.want || w.Header().Get("Content-Type") != "application/problem+json" {
					t.Errorf("not a problem: %s %v", w.Body, err)
				}
			}
		})
	}
	req := httptest.NewRequest(http.MethodGet, "/", nil)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	if w.Code != 405 || w.Header().Get("Allow") != "POST" {
		t.Errorf("GET: %d %v", w.Code, w.Header())
	}
}

// TestGathers: what queues while a transaction runs goes into the next one together,
// and each request gets its own answer.
func TestGathers(t *testing.T) {
	entered, release := make(chan int, 100), make(chan struct{})
	_, h := receiver(t, Config{Apply: func(_ context.Context, batch []Received) []Outcome {
		entered <- len(batch)
		<-release
		out := make([]Outcome, len(batch))
		for i, r := range batch {
			out[i].Result = "result of " + r.Event.ID
		}
		return out
	}})
	var wg sync.WaitGroup
	ask := func(id string) {
		wg.Go(func() {
			b := event(id)
			if w := post(h, b, signed(b)); !strings.Contains(w.Body.String(), "result of "+id) {
				t.Errorf("%s: %s", id, w.Body)
			}
		})
	}
	ask("evt_first")
	if n := <-entered; n != 1 {
		t.Fatalf("a batch of %d", n)
	}
	for i := range 20 {
		ask(fmt.Sprintf("evt_%d", i))
	}
	release <- struct{}{}
	total := 0
	for total < 20 {
		total += <-entered
		release <- struct{}{}
	}
	wg.Wait()
}

// TestBackPressure: beyond the bound the answer is 503, and what was taken is answered.
func TestBackPressure(t *testing.T) {
	entered, release := make(chan struct{}, 10), make(chan struct{})
	r, h := receiver(t, Config{MaxQueue: 1, Apply: func(ctx context.Context, batch []Received) []Outcome {
		entered <- struct{}{}
		<-release
		return applied(ctx, batch)
	}})
	answers := make(chan int, 2)
	for _, id := range []string{"evt_1", "evt_2"} {
		go func() {
			b := event(id)
			answers <- post(h, b, signed(b)).Code
		}()
		if id == "evt_1" {
			<-entered // it is being committed, the queue is empty again
		}
	}
	for len(r.queue) == 0 {
		time.Sleep(time.Millisecond) // until the second has queued; nothing else tells
	}
	b := event("evt_3")
	if w := post(h, b, signed(b)); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	close(release)
	for range 2 {
		if code := <-answers; code != 200 {
			t.Error(code)
		}
	}
}

// TestDrain: closing answers what was taken and refuses what comes then.
func TestDrain(t *testing.T) {
	entered, release := make(chan struct{}, 1), make(chan struct{})
	r, h := receiver(t, Config{Apply: func(ctx context.Context, batch []Received) []Outcome {
		entered <- struct{}{}
		<-release
		return applied(ctx, batch)
	}})
	code := make(chan int, 1)
	b := event("evt_1")
	go func() { code <- post(h, b, signed(b)).Code }()
	<-entered
	closed := make(chan struct{})
	go func() { r.Close(); close(closed) }()
	close(release)
	<-closed
	if c := <-code; c != 200 {
		t.Errorf("what was taken got %d", c)
	}
	if w := post(h, b, signed(b)); w.Code != 503 {
		t.Errorf("after closing: %d", w.Code)
	}
}

// TestPanic: a panic below does not end the lane.
func TestPanic(t *testing.T) {
	n := 0
	_, h := receiver(t, Config{Apply: func(ctx context.Context, batch []Received) []Outcome {
		if n++; n == 1 {
			panic("oh")
		}
		return applied(ctx, batch)
	}})
	b := event("evt_1")
	if w := post(h, b, signed(b)); w.Code != 503 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := post(h, b, signed(b)); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestTruncatedBody: a body that ends too early is refused.
func TestTruncatedBody(t *testing.T) {
	_, h := receiver(t, Config{Apply: applied})
	req := httptest.NewRequest(http.MethodPost, "/", io.LimitReader(strings.NewReader(event("evt_1")), 10))
	req.ContentLength = 100
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	if w.Code != 400 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
