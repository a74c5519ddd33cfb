package stripe

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	stripego "github.com/stripe/stripe-go/v85"
)

// request is one call. Its body is encoded once, so that every try says the same.
type request struct {
	method string
	path   string // begins with /v1/ or /v2/, without a query
	form   string // application/x-www-form-urlencoded; of GET and DELETE the query
	key    string // idempotency key; empty for GET
}

func (q *request) what() string { return q.method + " " + q.path }

// exchange is one try as seen on the wire.
type exchange struct {
	asked          int64     // see Answer.Asked
	sent, received time.Time // our clock; received: the header's arrival
	status         int       // 0: no answer
	header         http.Header
	body           []byte
	err            error // why there is no answer, or only half of one
}

type exchangeKey struct{}

var errTooLarge = errors.New("too large")

// wire is the transport under stripe-go. It takes down what is exchanged, and
// bounds it; it removes what tells Stripe about this machine.
type wire struct {
	now  func() time.Time
	max  int64
	next http.RoundTripper
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	x := req.Context().Value(exchangeKey{}).(*exchange)
	req = req.Clone(req.Context())
	req.Header.Del("X-Stripe-Client-User-Agent")
	req.Header.Set("User-Agent", "Bursar stripe-go/"+stripego.ClientVersion)
	if req.Method == http.MethodGet {
		req.Header.Del("Content-Type")
	}

	x.sent = w.now()
	res, err := w.next.RoundTrip(req)
	x.received = w.now()
	if err != nil {
		x.err = err
		return nil, err
	}
	defer res.Body.Close()
	x.body, err = io.ReadAll(io.LimitReader(res.Body, w.max+1))
	switch {
	case err != nil:
		x.err = err
	case int64(len(x.body)) > w.max:
		x.err = errTooLarge
	}
	x.status, x.header = res.StatusCode, res.Header
	if x.err != nil {
		return nil, x.err
	}
	res.Body = io.NopCloser(bytes.NewReader(x.body))
	return res, nil
}

// heedless is where stripe-go would decode an answer to. We read what the wire
// took down instead.
type heedless struct{}

func (heedless) UnmarshalJSON([]byte) error              { return nil }
func (heedless) SetLastResponse(r *stripego.APIResponse) {}

// do makes the call until it succeeds, fails for good, has been tried often
// enough or the context ends. Every try passes the limiter and carries the same
// idempotency key. The answer is JSON, and as yet of any shape.
func (c *Client) do(ctx context.Context, q *request) (*exchange, Value, error) {
	var last *Error
	for try := 0; ; try++ {
		if err := c.admit(ctx); err != nil {
			return nil, Value{}, q.interrupted(last, err)
		}
		x := c.try(ctx, q)
		v, failure := c.judge(ctx, q, x)
		if failure == nil {
			return x, v, nil
		}
		last = failure
		if !failure.again || try >= c.retries || failure.RetryAfter > maxRetryAfter {
			return nil, Value{}, failure
		}
		if err := c.wait(ctx, c.pause(try, failure)); err != nil {
			return nil, Value{}, q.interrupted(last, err)
		}
	}
}

// try sends the request once.
func (c *Client) try(ctx context.Context, q *request) *exchange {
	x := &exchange{asked: c.nextAsk()}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, exchangeKey{}, x), c.timeout)
	defer cancel()
	params := &stripego.Params{Context: ctx}
	if q.key != "" {
		params.IdempotencyKey = &q.key
	}
	if c.account != "" {
		params.StripeAccount = &c.account
	}
	err := c.backend.CallRaw(q.method, q.path, c.key, []byte(q.form), params, &heedless{})
	if x.sent.IsZero() && err != nil {
		x.err = err
	}
	return x
}

// nextAsk grows with every request, also across restarts.
func (c *Client) nextAsk() int64 {
	for {
		last := c.lastAsks.Load()
		next := max(last+1, c.now().UnixNano())
		if c.lastAsks.CompareAndSwap(last, next) {
			return next
		}
	}
}

// judge reads an exchange: the answer, or what is wrong with it.
func (c *Client) judge(ctx context.Context, q *request, x *exchange) (Value, *Error) {
	switch {
	case errors.Is(x.err, errTooLarge):
		return Value{}, q.rubbish(x, fmt.Sprintf("more than %d bytes", c.wire.max))
	case x.err != nil && ctx.Err() != nil:
		return Value{}, q.interrupted(nil, ctx.Err())
	case x.err != nil:
		return Value{}, c.unanswered(q, x.err)
	case x.status >= 400:
		return Value{}, c.refused(q, x)
	case x.status >= 300:
		return Value{}, q.rubbish(x, "a redirect, which the API never sends")
	}
	v, err := Parse(x.body)
	if err != nil {
		return Value{}, q.rubbish(x, describe(x))
	}
	return v, nil
}

func (c *Client) unanswered(q *request, err error) *Error {
	e := &Error{what: q.what(), Message: err.Error(), kind: ErrUnavailable, Retryable: true, again: true}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		e.again = false // it will not be another one in a second
	}
	if errors.Is(err, context.DeadlineExceeded) {
		e.Message = fmt.Sprintf("no answer within %s", c.timeout)
	}
	return e
}

const (
	minPause = 500 * time.Millisecond
	maxPause = 8 * time.Second
	// maxRetryAfter is how long a call waits when Stripe asks it to; what is to
	// wait longer is for the caller's queue.
	maxRetryAfter = 30 * time.Second
)

// pause is how long to wait before the next try: twice as long every time, half
// of it at random, and never less than Stripe asks for.
func (c *Client) pause(try int, failure *Error) time.Duration {
	d := min(minPause<<min(try, 10), maxPause)
	jitter := time.Duration(c.jitter() * float64(d) / 2)
	return max(d/2, failure.RetryAfter) + jitter
}

// retryAfter reads the header, seconds or a date (RFC 9110 §10.2.3).
func retryAfter(s string, now time.Time) time.Duration {
	if s == "" {
		return 0
	}
	if n, err := strconv.ParseUint(s, 10, 31); err == nil {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(0, t.Sub(now))
	}
	return 0
}

// sentAt is the second, by Stripe's clock, at which the request was sent, never
// later than it was: what the answer shows is at least as new. Without a Date it
// is our own clock's.
func (x *exchange) sentAt() int64 {
	date, err := http.ParseTime(x.header.Get("Date"))
	if err != nil {
		return x.sent.Unix()
	}
	return date.Add(-max(0, x.received.Sub(x.sent))).Unix()
}
