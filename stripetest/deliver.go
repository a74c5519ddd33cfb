package stripetest

import (
	"bytes"
	"container/heap"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/bursarhq/bursar/webhook"
)

// EndpointConfig says what an endpoint receives and how.
type EndpointConfig struct {
	Secret     string   // one is made if empty
	APIVersion string   // the account's if empty
	Events     []string // types, invoice.* or *; all if empty
	// Thin sends thin events (v2.core.event) instead of snapshots.
	Thin bool
	// Path is where an http.Handler is called; /webhooks/stripe if empty.
	Path string
}

// Endpoint is one receiver of an account's webhooks.
type Endpoint struct {
	acct        *Account
	id          string
	created     int64
	url         string
	handler     http.Handler // nil: post to url
	version     string
	events      []string
	thin        bool
	disabled    bool
	description string
	metadata    map[string]string
	secrets     []signingSecret // newest first
}

type signingSecret struct {
	secret string
	until  int64 // the account's time at which it stops signing; 0 for the current one
}

func (a *Account) newEndpoint(cfg EndpointConfig) *Endpoint {
	e := &Endpoint{
		acct: a, id: a.ids.long("we", a.now), created: a.now, version: cfg.APIVersion, thin: cfg.Thin,
		events: cfg.Events, metadata: map[string]string{},
	}
	if len(e.events) == 0 {
		e.events = []string{"*"}
	}
	if cfg.Secret == "" {
		cfg.Secret = "whsec_" + a.ids.letters(32)
	}
	e.secrets = []signingSecret{{secret: cfg.Secret}}
	return e
}

// Deliver sends the account's webhooks, from now on, to an http.Handler or to
// a URL (a string); anything else panics.
func (a *Account) Deliver(to any, configure ...EndpointConfig) *Endpoint {
	var cfg EndpointConfig
	if len(configure) > 0 {
		cfg = configure[0]
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.newEndpoint(cfg)
	switch v := to.(type) {
	case http.Handler:
		e.handler = v
		e.url = "http://stripetest.invalid" + cfg.Path
		if cfg.Path == "" {
			e.url += "/webhooks/stripe"
		}
	case string:
		e.url = v
	default:
		panic(fmt.Sprintf("stripetest: Deliver to %T: want an http.Handler or a URL", to))
	}
	a.endpoints = append(a.endpoints, e)
	return e
}

// ID is the endpoint's id, we_….
func (e *Endpoint) ID() string { return e.id }

// Secret is the current signing secret.
func (e *Endpoint) Secret() string {
	e.acct.mu.Lock()
	defer e.acct.mu.Unlock()
	return e.secrets[0].secret
}

// RollSecret makes a new secret and returns it. The old one goes on signing
// beside it for as long as said, up to 24 hours.
// https://docs.stripe.com/webhooks#roll-endpoint-secrets
func (e *Endpoint) RollSecret(overlap time.Duration) string {
	e.acct.mu.Lock()
	defer e.acct.mu.Unlock()
	overlap = min(overlap, 24*time.Hour)
	e.secrets[0].until = e.acct.now + int64(overlap/time.Second)
	e.secrets = append([]signingSecret{{secret: "whsec_" + e.acct.ids.letters(32)}}, e.secrets...)
	return e.secrets[0].secret
}

// Disable stops deliveries; those that fall due meanwhile are given up, as
// Stripe does.
func (e *Endpoint) Disable() { e.setDisabled(true) }

// Enable starts them again.
func (e *Endpoint) Enable() { e.setDisabled(false) }

func (e *Endpoint) setDisabled(disabled bool) {
	e.acct.mu.Lock()
	defer e.acct.mu.Unlock()
	e.disabled = disabled
}

// delivery is one event on its way to one endpoint.
type delivery struct {
	event    *event
	endpoint *Endpoint
	due      int64
	seq      int
	attempt  int  // 0 for the first
	drop     bool // lost on the way this time
	lost     bool // lost on the way every time
	copy     bool // a duplicate, which is not retried
}

type deliveryHeap []*delivery

func (h deliveryHeap) Len() int { return len(h) }
func (h deliveryHeap) Less(i, j int) bool {
	return h[i].due < h[j].due || h[i].due == h[j].due && h[i].seq < h[j].seq
}
func (h deliveryHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *deliveryHeap) Push(x any)   { *h = append(*h, x.(*delivery)) }
func (h *deliveryHeap) Pop() any {
	last := len(*h) - 1
	d := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return d
}

// retryAfter are the waits after a failed delivery. Stripe publishes only that
// they grow exponentially and last three days.
// https://docs.stripe.com/webhooks#automatic-retries
var retryAfter = []time.Duration{
	5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour,
	12 * time.Hour, 12 * time.Hour, 12 * time.Hour, 12 * time.Hour,
}

func (e *Endpoint) wants(typ string) bool {
	return !e.disabled && slices.ContainsFunc(e.events, func(p string) bool { return typeMatches(p, typ) })
}

// enqueue plans an event's deliveries, with whatever misfortune the dice say.
func (a *Account) enqueue(e *event) {
	for _, endpoint := range a.endpoints {
		if !endpoint.wants(e.typ) {
			continue
		}
		e.pending++
		d := &delivery{event: e, endpoint: endpoint, due: a.now}
		a.misfortune(d)
		a.push(d)
		if a.roll(a.chaos.Duplicate) {
			again := *d
			again.copy = true
			again.due = a.now + a.delay()
			a.push(&again)
		}
	}
}

func (a *Account) push(d *delivery) {
	a.queueSeq++
	d.seq = a.queueSeq
	heap.Push(&a.queue, d)
}

// nextDelivery is when the next one is due.
func (a *Account) nextDelivery() (int64, bool) {
	if len(a.queue) == 0 {
		return 0, false
	}
	return a.queue[0].due, true
}

// deliverDue delivers what is due by the clock. If that is going on already,
// the one who does it will do this too.
func (a *Account) deliverDue() { a.deliver(false) }

// Settle delivers everything that is still on its way, in the order in which
// it falls due, without moving the clock: duplicates, delayed ones, retries
// until they succeed or are given up. It waits for deliveries that are under
// way, so it must not be called from within a webhook handler.
func (a *Account) Settle() {
	a.mu.Lock()
	for a.delivering {
		a.idle.Wait()
	}
	a.mu.Unlock()
	a.deliver(true)
}

func (a *Account) deliver(all bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.delivering {
		return
	}
	a.delivering = true
	defer func() {
		a.delivering = false
		a.idle.Broadcast()
	}()
	for len(a.queue) > 0 && (all || a.queue[0].due <= a.now) {
		d := heap.Pop(&a.queue).(*delivery)
		a.attempt(d)
	}
}

// unlocked runs what must not hold the lock; a handler that panics or ends
// its goroutine leaves the lock as it was.
func (a *Account) unlocked(run func()) {
	a.mu.Unlock()
	defer a.mu.Lock()
	run()
}

// deliverSoon is for changes that came over HTTP: their webhooks follow after
// the answer.
func (a *Account) deliverSoon() {
	if len(a.queue) == 0 || a.delivering {
		return
	}
	a.background.Go(a.deliverDue)
}

// Delivery is one attempt that was made.
type Delivery struct {
	Event    string // id
	Type     string
	Endpoint string // id
	Attempt  int    // 1 for the first
	At       time.Time
	Status   int   // of the answer; 0 if there was none
	Err      error // why there was none; ErrLost if the account's chaos lost it
	Answer   string
}

// Deliveries are all attempts, oldest first.
func (a *Account) Deliveries() []Delivery {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.deliveries)
}

// attempt posts one delivery. The lock is released while it is on its way.
func (a *Account) attempt(d *delivery) {
	if d.endpoint.disabled {
		return
	}
	record := Delivery{
		Event: d.event.id, Type: d.event.typ, Endpoint: d.endpoint.id, Attempt: d.attempt + 1,
		At: time.Unix(max(d.due, a.now), 0).UTC(),
	}
	if d.drop || d.lost {
		record.Err = ErrLost
	} else {
		request := d.endpoint.request(d.event)
		a.unlocked(func() { record.Status, record.Answer, record.Err = d.endpoint.post(request) })
	}
	a.deliveries = append(a.deliveries, record)
	if record.Err == nil && record.Status >= 200 && record.Status < 300 {
		if !d.copy {
			d.event.pending--
		}
		return
	}
	d.event.failed = true
	if d.copy || d.attempt >= len(retryAfter) {
		return
	}
	d.due = max(d.due, a.now) + int64(retryAfter[d.attempt]/time.Second)
	d.attempt++
	d.drop = false
	a.push(d)
}

// signature is by every secret that is active.
func (e *Endpoint) signature(body []byte) string {
	var active []string
	for _, s := range e.secrets {
		if s.until == 0 || e.acct.now < s.until {
			active = append(active, s.secret)
		}
	}
	return webhook.SignAll(body, active, e.acct.cfg.SigningTime())
}

// request renders and signs an event afresh, as Stripe does for every attempt.
func (e *Endpoint) request(event *event) *http.Request {
	var body []byte
	if e.thin {
		body = event.thin(false).JSON()
	} else {
		version := e.version
		if version == "" {
			version = e.acct.cfg.APIVersion
		}
		body = event.renderIn(version).JSON()
	}
	r, err := http.NewRequestWithContext(e.acct.ctx, http.MethodPost, e.url, bytes.NewReader(body))
	if err != nil {
		// Deliver and the API take any URL; one that cannot be asked is one
		// that does not answer.
		r, _ = http.NewRequestWithContext(e.acct.ctx, http.MethodPost, "http://stripetest.invalid/", bytes.NewReader(body))
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	r.Header.Set("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
	r.Header.Set("Stripe-Signature", e.signature(body))
	return r
}

// keepAnswer is how much of an answer a Delivery has.
const keepAnswer = 4096

// post does not hold the lock.
func (e *Endpoint) post(r *http.Request) (status int, answer string, err error) {
	if e.handler != nil {
		w := &answerRecorder{header: http.Header{}}
		r.RequestURI = r.URL.RequestURI()
		r.RemoteAddr = "192.0.2.1:1234"
		e.handler.ServeHTTP(w, r)
		return w.status(), string(w.body.Bytes()[:min(keepAnswer, w.body.Len())]), nil
	}
	resp, err := e.acct.cfg.Client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, keepAnswer))
	return resp.StatusCode, string(body), err
}

// answerRecorder is the http.ResponseWriter of deliveries within the process.
type answerRecorder struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (w *answerRecorder) Header() http.Header { return w.header }

func (w *answerRecorder) WriteHeader(code int) {
	if w.code == 0 {
		w.code = code
	}
}

func (w *answerRecorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

func (w *answerRecorder) status() int {
	if w.code == 0 {
		return http.StatusOK
	}
	return w.code
}
