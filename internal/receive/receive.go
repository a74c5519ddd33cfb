// Package receive is stage 1: the endpoint that Stripe posts events to. It
// verifies, gathers what comes at once and has it stored and applied in one
// transaction. It answers 200 only for what is durably committed.
package receive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
	"github.com/bursarhq/bursar/webhook"
)

// Received is a verified event on its way into the store.
type Received struct {
	Event   *stripe.Event
	Packed  store.Packed
	Account string // the endpoint's, for events that name none
	Told    any    // what Read has read
}

// Outcome is what became of it. With Err it was not stored.
type Outcome struct {
	Result string // applied, duplicate, stale, parked, ignored, failed
	Err    error
}

// Config is what a receiver needs. The zero values of the limits are the defaults.
type Config struct {
	// Apply stores and applies a batch in one transaction, and answers for each in order.
	Apply func(context.Context, []Received) []Outcome
	// Waits says that Apply waits for a database, and lets others work meanwhile
	// (store.WhileWaiting).
	Waits bool
	// Read reads ahead what Apply will want to know of an event.
	Read func(*stripe.Event) any
	Log  *slog.Logger
	Now  func() time.Time

	MaxBody   int64         // bytes; 1 MiB
	Tolerance time.Duration // 5 minutes
	MaxBatch  int           // events per transaction; 256
	MaxQueue  int           // events that wait; 2048
	MaxBytes  int64         // bytes that wait; 64 MiB
	Timeout   time.Duration // of one transaction; 20 seconds

	// Observe is told of every request that was answered; eventType is empty where
	// none was verified. Batch is told of every transaction's number of events.
	Observe func(eventType, result string, took time.Duration)
	Batch   func(events int)
}

// Receiver gathers events. Close it to drain.
type Receiver struct {
	cfg   Config
	queue chan *waiting
	bytes *semaphore.Weighted
	load  load // of the lane
	told  told

	mu     sync.RWMutex // held for reading while a request enqueues
	closed bool
	done   chan struct{}
}

type waiting struct {
	Received
	size    int64
	answer  chan Outcome
	outcome Outcome
}

// New starts a receiver.
func New(cfg Config) *Receiver {
	if cfg.MaxBody == 0 {
		cfg.MaxBody = 1 << 20
	}
	if cfg.MaxBatch == 0 {
		cfg.MaxBatch = 256
	}
	if cfg.MaxQueue == 0 {
		cfg.MaxQueue = 2048
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 64 << 20
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 20 * time.Second
	}
	if cfg.Read == nil {
		cfg.Read = func(*stripe.Event) any { return nil }
	}
	if cfg.Observe == nil {
		cfg.Observe = func(string, string, time.Duration) {}
	}
	if cfg.Batch == nil {
		cfg.Batch = func(int) {}
	}
	r := &Receiver{cfg: cfg, queue: make(chan *waiting, cfg.MaxQueue), bytes: semaphore.NewWeighted(max(cfg.MaxBytes, cfg.MaxBody)), done: make(chan struct{})}
	go r.lane()
	return r
}

// Close stops taking events and returns when all that were taken are answered.
func (r *Receiver) Close() {
	r.mu.Lock()
	if !r.closed {
		r.closed = true
		close(r.queue)
	}
	r.mu.Unlock()
	<-r.done
}

// Busy reports whether the lane has had work for most of the last moments: what else the
// process does would hold it up.
func (r *Receiver) Busy() bool { return r.load.over(0.5, r.cfg.Now()) }

// lane commits what has queued while it was committing: no waiting, and the more
// comes at once the more goes into one transaction.
func (r *Receiver) lane() {
	defer close(r.done)
	for first := range r.queue {
		batch := []*waiting{first}
	gather:
		for len(batch) < r.cfg.MaxBatch {
			select {
			case w, ok := <-r.queue:
				if !ok {
					break gather
				}
				batch = append(batch, w)
			default:
				break gather
			}
		}
		r.commit(batch)
	}
}

func (r *Receiver) commit(batch []*waiting) {
	events := make([]Received, len(batch))
	for i, w := range batch {
		events[i] = w.Received
	}
	// The requests' contexts play no part: who hangs up does not undo what others wait for.
	ctx, cancel := context.WithTimeout(context.Background(), r.cfg.Timeout)
	r.load.set(true, r.cfg.Now())
	outcomes := r.apply(store.WhileWaiting(ctx, r.told.some), events)
	r.load.set(false, r.cfg.Now())
	cancel()
	r.cfg.Batch(len(batch))
	r.told.all()
	for i, w := range batch {
		r.bytes.Release(w.size)
		w.outcome = outcomes[i]
	}
	if r.cfg.Waits && len(r.queue) > 0 {
		r.told.later(batch)
	} else {
		tell(batch)
	}
}

// apply answers for every event even where the code below it breaks.
func (r *Receiver) apply(ctx context.Context, events []Received) (outcomes []Outcome) {
	defer func() {
		if p := recover(); p != nil {
			r.cfg.Log.Error("applying a batch panicked", "panic", fmt.Sprint(p))
			outcomes = make([]Outcome, len(events))
			for i := range outcomes {
				outcomes[i].Err = fmt.Errorf("panic: %v", p)
			}
		}
	}()
	return r.cfg.Apply(ctx, events)
}

var (
	errBusy     = errors.New("too many events wait already")
	errDraining = errors.New("the server is shutting down")
)

// submit queues an event and waits for its outcome, even when the client hangs up: what
// is queued is applied all the same.
func (r *Receiver) submit(ev Received) Outcome {
	w := &waiting{Received: ev, size: int64(len(ev.Event.Body)), answer: make(chan Outcome, 1)}
	r.mu.RLock()
	if r.closed {
		r.mu.RUnlock()
		return Outcome{Err: errDraining}
	}
	if !r.bytes.TryAcquire(w.size) {
		r.mu.RUnlock()
		return Outcome{Err: errBusy}
	}
	select {
	case r.queue <- w:
		r.mu.RUnlock()
	default:
		r.mu.RUnlock()
		r.bytes.Release(w.size)
		return Outcome{Err: errBusy}
	}
	return <-w.answer
}

// Endpoint is one address that Stripe posts to.
type Endpoint struct {
	Verifier *webhook.Verifier
	Account  string
}

// Handler serves an endpoint (contract §3).
func (r *Receiver) Handler(ep Endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		began := r.cfg.Now()
		eventType, result := r.serve(w, req, ep)
		r.cfg.Observe(eventType, result, r.cfg.Now().Sub(began))
	})
}

func (r *Receiver) serve(w http.ResponseWriter, req *http.Request, ep Endpoint) (eventType, result string) {
	if req.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return "", refuse(w, http.StatusMethodNotAllowed, "method_not_allowed", "events are posted")
	}
	body, err := readBody(w, req, r.cfg.MaxBody)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		r.cfg.Log.Warn("webhook refused", "client", req.RemoteAddr, "reason", "the body is too large", "limit", r.cfg.MaxBody)
		return "", refuse(w, http.StatusRequestEntityTooLarge, "body_too_large", fmt.Sprintf("the body is larger than %d bytes (BURSAR_MAX_BODY)", r.cfg.MaxBody))
	} else if err != nil {
		return "", refuse(w, http.StatusBadRequest, "payload_malformed", "the body could not be read")
	}
	if err := ep.Verifier.Verify(body, req.Header.Get(webhook.HeaderStripe), webhook.Options{Tolerance: r.cfg.Tolerance, Now: r.cfg.Now()}); err != nil {
		r.cfg.Log.Warn("webhook refused", "client", req.RemoteAddr, "reason", err.Error())
		return "", refuse(w, http.StatusBadRequest, webhook.Code(err), err.Error())
	}
	ev, err := stripe.ParseEvent(body)
	if err != nil {
		r.cfg.Log.Warn("webhook refused", "client", req.RemoteAddr, "reason", err.Error())
		return "", refuse(w, http.StatusBadRequest, "payload_malformed", err.Error())
	}
	o := r.submit(Received{Event: ev, Packed: store.Pack(body), Account: ep.Account, Told: r.read(ev)})
	switch {
	case errors.Is(o.Err, errBusy), errors.Is(o.Err, errDraining):
		return ev.Type, unavailable(w, o.Err.Error())
	case o.Err != nil:
		r.cfg.Log.Error("event not stored", "event", ev.ID, "type", ev.Type, "reason", o.Err.Error())
		return ev.Type, unavailable(w, "the event could not be stored")
	}
	w.Header().Set("Content-Type", "application/json")
	b := make([]byte, 0, 128)
	b = append(b, `{"received":true,"id":`...)
	b = strconv.AppendQuote(b, ev.ID) // ids are letters, digits, _ and -
	b = append(b, `,"result":`...)
	b = strconv.AppendQuote(b, o.Result)
	b = append(b, "}\n"...)
	_, _ = w.Write(b) // who hung up has the event in the store all the same
	return ev.Type, o.Result
}

// read reads ahead. What panics will do so again where it is applied, and where the event
// is kept all the same.
func (r *Receiver) read(ev *stripe.Event) (told any) {
	defer func() {
		if recover() != nil {
			told = nil
		}
	}()
	return r.cfg.Read(ev)
}

func readBody(w http.ResponseWriter, req *http.Request, limit int64) ([]byte, error) {
	if req.ContentLength > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	body := http.MaxBytesReader(w, req.Body, limit)
	if n := req.ContentLength; n > 0 {
		b := make([]byte, n)
		_, err := io.ReadFull(body, b)
		return b, err
	}
	return io.ReadAll(body)
}

func unavailable(w http.ResponseWriter, detail string) string {
	w.Header().Set("Retry-After", "5")
	return refuse(w, http.StatusServiceUnavailable, "unavailable", detail)
}

// refuse answers with a problem (RFC 9457) and returns its code.
func refuse(w http.ResponseWriter, status int, code, detail string) string {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	fmt.Fprintf(w, "{\"status\":%d,\"title\":%q,\"detail\":%s,\"code\":%q}\n", status, http.StatusText(status), quote(detail), code)
	return code
}

func quote(s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		return []byte(`""`) // text always encodes
	}
	return b
}
