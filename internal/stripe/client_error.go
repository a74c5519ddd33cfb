package stripe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// What an *Error is, for errors.Is.
var (
	// ErrNotFound: Stripe knows no such object, or not any more (404
	// resource_missing). A deleted customer, product or price is no error but an
	// Answer with Deleted set.
	ErrNotFound = errors.New("no such object")
	// ErrUnavailable: no answer, or one that asks to come back later (5xx, 429, a
	// lock), after all tries. Of a command it is not known whether it was carried
	// out: repeat it under the same key.
	ErrUnavailable = errors.New("not reachable or too busy")
	// ErrRubbish: an answer that is not Stripe's: not JSON, too large, a redirect,
	// another object than the one asked for.
	ErrRubbish = errors.New("not an answer of Stripe's API")
)

// Error is an answer of Stripe that is not a success, or the lack of one. Its
// text has no secrets and no parameters; Message is Stripe's and is meant for
// developers, or for the cardholder where Type is card_error.
type Error struct {
	Status      int    // of HTTP; 0 where no answer came
	Type        string // api_error, card_error, idempotency_error, invalid_request_error
	Code        string // docs.stripe.com/error-codes
	DeclineCode string
	Message     string
	Param       string
	RequestID   string
	// Retryable: the same call under the same key may succeed later.
	Retryable bool
	// RetryAfter is how long Stripe asked to wait; zero where it did not.
	RetryAfter time.Duration

	what  string // GET /v1/customers/cus_1
	kind  error  // one of the sentinels, or nil
	cause error  // the context's error that ended the waiting, or nil
	again bool   // worth another try at once
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "stripe: %s:", e.what)
	if e.Status != 0 {
		fmt.Fprintf(&b, " %d", e.Status)
	}
	for _, word := range []string{e.Type, e.Code, e.DeclineCode, e.Param} {
		if word != "" {
			b.WriteString(" " + word)
		}
	}
	if e.Status != 0 && e.Message != "" {
		b.WriteString(":")
	}
	b.WriteString(" " + e.Message)
	if e.RequestID != "" {
		b.WriteString(" (" + e.RequestID + ")")
	}
	return strings.TrimSpace(b.String())
}

// Unwrap gives errors.Is the sentinel and, where it was the context that ended
// the waiting, the context's error.
func (e *Error) Unwrap() []error {
	var all []error
	for _, err := range []error{e.kind, e.cause} {
		if err != nil {
			all = append(all, err)
		}
	}
	return all
}

// interrupted is the error of a call whose context ended while waiting; last is
// what had been wrong until then, or nil.
func (q *request) interrupted(last *Error, cause error) *Error {
	e := &Error{what: q.what(), Message: "gave up waiting"}
	if last != nil {
		*e = *last
	}
	e.cause, e.Retryable = cause, true
	// Who canceled did not learn anything about Stripe.
	if e.kind == nil && errors.Is(cause, context.DeadlineExceeded) {
		e.kind = ErrUnavailable
	}
	return e
}

func (q *request) rubbish(x *exchange, why string) *Error {
	return &Error{
		what: q.what(), Status: x.status, RequestID: x.header.Get("Request-Id"),
		Message: why, kind: ErrRubbish, Retryable: true,
	}
}

// refused reads an answer of 400 or more,
// https://docs.stripe.com/api/errors.
func (c *Client) refused(q *request, x *exchange) *Error {
	e := &Error{what: q.what(), Status: x.status, RequestID: x.header.Get("Request-Id")}
	busy := x.status == http.StatusConflict || x.status == http.StatusTooManyRequests || x.status >= 500
	v, err := Parse(x.body)
	if told := v.Get("error"); err == nil && told.Kind() == KindObject {
		e.Type, e.Code, e.DeclineCode = c.clean(told.Get("type")), c.clean(told.Get("code")), c.clean(told.Get("decline_code"))
		e.Message, e.Param = c.clean(told.Get("message")), c.clean(told.Get("param"))
	} else if !busy || x.status == http.StatusConflict {
		// A proxy's page, or another service than Stripe's: its 404 says nothing
		// about the object.
		return q.rubbish(x, describe(x))
	} else {
		e.Message = describe(x)
	}
	e.Retryable = busy
	switch {
	case busy:
		e.kind = ErrUnavailable
	case x.status == http.StatusNotFound && (e.Code == "resource_missing" || e.Code == "not_found"): // v1, v2
		e.kind = ErrNotFound
	}
	switch x.header.Get("Stripe-Should-Retry") {
	case "true":
		e.Retryable, e.again = true, true
	case "false":
		// Stripe keeps a 500 for the key it came of, and would only repeat it.
		e.Retryable = busy && (x.status < 500 || q.key == "")
	default:
		e.again = busy
	}
	if e.Retryable {
		e.RetryAfter = retryAfter(x.header.Get("Retry-After"), x.received)
	}
	return e
}

// maxMessage is how much of a message is kept, in bytes.
const maxMessage = 500

// clean is text of the other side for an error: one line, no key, not endless.
func (c *Client) clean(v Value) string {
	s := strings.ReplaceAll(v.Str(), c.key, c.key[:8]+"…")
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > maxMessage {
		s = strings.ToValidUTF8(s[:maxMessage], "") + "…"
	}
	return s
}

// describe names an answer without quoting it: nobody knows what is in there.
func describe(x *exchange) string {
	kind, _, _ := strings.Cut(x.header.Get("Content-Type"), ";")
	if kind == "" || len(kind) > 60 {
		kind = "unknown content"
	}
	return fmt.Sprintf("%d bytes of %s", len(x.body), strings.TrimSpace(kind))
}
