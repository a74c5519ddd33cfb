package stripetest

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxBody bounds a request to the API.
const maxBody = 1 << 20

// ServeHTTP is Stripe's API. Point a client's base URL here.
func (a *Account) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if a.servePage(w, req) {
		return
	}
	a.mu.Lock()
	r := apiRequest{
		method: req.Method, path: req.URL.Path, version: a.cfg.APIVersion,
		requestID: a.newRequestID(), key: req.Header.Get("Idempotency-Key"),
	}
	date := time.Unix(a.now, 0).UTC().Format(http.TimeFormat)
	a.mu.Unlock()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Date", date)
	h.Set("Request-Id", r.requestID)
	if r.key != "" {
		h.Set("Idempotency-Key", r.key)
	}
	if version := req.Header.Get("Stripe-Version"); version != "" {
		r.version = version
	}
	h.Set("Stripe-Version", r.version)
	answer := a.answer(w, req, r)
	if answer == nil {
		return // the connection is gone, by request
	}
	w.WriteHeader(answer.status)
	_, _ = w.Write(answer.body) // the client's loss
	a.mu.Lock()
	a.deliverSoon()
	a.mu.Unlock()
}

// answered is a whole answer, as it is kept for an idempotency key.
type answered struct {
	status int
	body   []byte
}

func errorAnswer(e *Error, requestID string) *answered {
	o := e.object()
	o["request_log_url"] = "https://dashboard.stripe.com/test/logs/" + requestID
	return &answered{e.Status, Object{"error": o}.JSON()}
}

func (a *Account) answer(w http.ResponseWriter, req *http.Request, r apiRequest) *answered {
	fail := func(e *Error) *answered { return errorAnswer(e, r.requestID) }
	if e := a.authorize(req); e != nil {
		return fail(e)
	}
	if !validVersion(r.version) {
		return fail(invalid("", "Invalid Stripe API version: %s", r.version))
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	if err != nil {
		e := invalid("", "The request body could not be read: %v", err)
		return fail(e)
	}
	encoded := req.URL.RawQuery
	if len(body) > 0 && !strings.HasPrefix(req.Header.Get("Content-Type"), "application/json") {
		encoded += "&" + string(body)
	}
	params, e := parseParams(encoded)
	if e != nil {
		return fail(e)
	}
	r.params = params
	fault := a.faultFor(r)
	if fault != nil && !fault.After {
		return fault.answer(w, req, r)
	}
	if e := a.limited(w); e != nil {
		return fail(e)
	}
	result := a.once(w, r)
	if fault != nil {
		return fault.answer(w, req, r)
	}
	return result
}

// authorize reads the key from Authorization: Bearer, or Basic's user.
func (a *Account) authorize(req *http.Request) *Error {
	key, basic := "", false
	if key, _, basic = req.BasicAuth(); !basic {
		key = strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
	}
	e := invalid("", "")
	e.Status = http.StatusUnauthorized
	switch {
	case key == "":
		e.Message = "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
		return e
	case a.cfg.SecretKey != "" && key != a.cfg.SecretKey,
		a.cfg.SecretKey == "" && !strings.HasPrefix(key, "sk_") && !strings.HasPrefix(key, "rk_"):
		shown := key[:min(8, len(key))]
		e.Message = fmt.Sprintf("Invalid API Key provided: %s%s", shown, strings.Repeat("*", 12))
		return e
	}
	return nil
}

// replay is the first answer under an idempotency key.
type replay struct {
	request string
	answer  *answered
	at      int64
	id      string
	done    chan struct{}
}

// once answers a POST that carries an idempotency key a single time. An answer
// to a request that never began (a parameter error) is not kept.
// https://docs.stripe.com/api/idempotent_requests
func (a *Account) once(w http.ResponseWriter, r apiRequest) *answered {
	run := func() *answered {
		object, err := a.serve(r)
		if err != nil {
			return errorAnswer(err, r.requestID)
		}
		return &answered{http.StatusOK, object.JSON()}
	}
	if r.key == "" || r.method != http.MethodPost {
		return run()
	}
	if len(r.key) > 255 {
		return errorAnswer(invalid("", "Idempotency keys can be at most 255 characters."), r.requestID)
	}
	said := r.method + " " + r.path + "\n" + r.params.canonical()
	a.mu.Lock()
	first, used := a.idempotent[r.key]
	if used && first.answer != nil && a.now-first.at > day {
		used = false
	}
	if !used {
		first = &replay{request: said, at: a.now, id: r.requestID, done: make(chan struct{})}
		a.idempotent[r.key] = first
	}
	a.mu.Unlock()
	if used {
		return a.again(w, r, first, said)
	}
	answer := run()
	a.mu.Lock()
	defer a.mu.Unlock()
	first.answer = answer
	if answer.status >= 400 && answer.status < 500 && answer.status != http.StatusPaymentRequired {
		delete(a.idempotent, r.key)
	}
	close(first.done)
	return answer
}

func (a *Account) again(w http.ResponseWriter, r apiRequest, first *replay, said string) *answered {
	if first.request != said {
		return errorAnswer(&Error{
			Status: http.StatusBadRequest, Type: "idempotency_error",
			Message: fmt.Sprintf("Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '%s' if you meant to execute a different request.", r.key),
		}, r.requestID)
	}
	select {
	case <-first.done:
	default:
		return errorAnswer(&Error{
			Status: http.StatusConflict, Type: "idempotency_error", Code: "idempotency_key_in_use",
			Message: "There is currently another in-progress request using this Stripe-Idempotency-Key.",
		}, r.requestID)
	}
	w.Header().Set("Idempotent-Replayed", "true")
	w.Header().Set("Original-Request", first.id)
	return first.answer
}

// limiter counts the requests of one second of the signing clock.
type limiter struct {
	second int64
	count  int
}

func (a *Account) limited(w http.ResponseWriter) *Error {
	if a.cfg.RateLimit <= 0 {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := a.cfg.SigningTime().Unix(); now != a.limiter.second {
		a.limiter = limiter{second: now}
	}
	a.limiter.count++
	if a.limiter.count <= a.cfg.RateLimit {
		return nil
	}
	w.Header().Set("Stripe-Rate-Limited-Reason", "global-rate")
	return rateLimitError()
}

func rateLimitError() *Error {
	return &Error{
		Status: http.StatusTooManyRequests, Type: "invalid_request_error", Code: "rate_limit",
		Message: "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
	}
}

// Fault is something that goes wrong with requests to the API.
type Fault struct {
	Method string // any if empty
	Path   string // a prefix, such as /v1/subscriptions; any if empty
	// Times is how many requests it hits; 1 if 0, all of them if negative.
	Times  int
	Status int // of the answer: 429, 500, 503, …; the connection is cut if 0
	Code   string
	// Hang never answers: until the client gives up.
	Hang bool
	// Delay answers late.
	Delay time.Duration
	// After does the work first, so that only the answer is lost: what
	// idempotency keys are for.
	After       bool
	RetryAfter  time.Duration // the header, in whole seconds
	ShouldRetry string        // the header Stripe-Should-Retry: true or false
}

// Inject makes requests go wrong. Faults are used in the order in which they
// were injected.
func (a *Account) Inject(f Fault) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if f.Times == 0 {
		f.Times = 1
	}
	a.faults = append(a.faults, &f)
}

// Heal takes back what was injected.
func (a *Account) Heal() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.faults = nil
}

func (a *Account) faultFor(r apiRequest) *Fault {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, f := range a.faults {
		if f.Times != 0 && (f.Method == "" || f.Method == r.method) && strings.HasPrefix(r.path, f.Path) {
			if f.Times > 0 {
				f.Times--
			}
			hit := *f
			return &hit
		}
	}
	return nil
}

func (f *Fault) answer(w http.ResponseWriter, req *http.Request, r apiRequest) *answered {
	if f.Hang {
		<-req.Context().Done()
		return nil
	}
	if f.Delay > 0 {
		timer := time.NewTimer(f.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-req.Context().Done():
			return nil
		}
	}
	if f.Status == 0 {
		panic(http.ErrAbortHandler)
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter/time.Second)))
	}
	if f.ShouldRetry != "" {
		w.Header().Set("Stripe-Should-Retry", f.ShouldRetry)
	}
	e := &Error{Status: f.Status, Type: "api_error", Code: f.Code, Message: "An unknown error occurred."}
	switch {
	case f.Status == http.StatusTooManyRequests:
		w.Header().Set("Stripe-Rate-Limited-Reason", "global-rate")
		e = rateLimitError()
		if f.Code != "" {
			e.Code = f.Code
		}
	case f.Status < http.StatusInternalServerError:
		e.Type = "invalid_request_error"
	}
	return errorAnswer(e, r.requestID)
}
