package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client asks one Bursar. It is safe for concurrent use.
type Client struct {
	base string
	key  string
	http *http.Client

	account string
}

// New returns a client of the Bursar at base, such as https://billing.example.com,
// with one of its API keys.
func New(base, key string) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("client: %q is not an address such as https://billing.example.com", base)
	}
	if key == "" || strings.ContainsAny(key, " \r\n") {
		return nil, errors.New("client: an API key has no spaces, and is not empty")
	}
	return &Client{base: strings.TrimSuffix(base, "/"), key: key, http: &http.Client{Timeout: time.Minute}}, nil
}

// With is the same client with another HTTP client.
func (c *Client) With(h *http.Client) *Client {
	d := *c
	d.http = h
	return &d
}

// For is the same client for a connected account (acct_…), empty for the own one.
func (c *Client) For(account string) *Client {
	d := *c
	d.account = account
	return &d
}

// Error is an answer of Bursar's that is not a success (RFC 9457).
type Error struct {
	Status int    `json:"status"`
	Title  string `json:"title"`
	Detail string `json:"detail"` // for people
	Code   string `json:"code"`   // for programs: tenant_not_found, already_subscribed, card_declined, …
	// StripeRequestID is of the request that Stripe refused, where it is Stripe's error.
	StripeRequestID string `json:"stripe_request_id"`
	// RetryAfter is how long Bursar asks to wait; zero where it does not.
	RetryAfter time.Duration `json:"-"`
}

func (e *Error) Error() string {
	text := fmt.Sprintf("bursar: %d %s", e.Status, e.Code)
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.StripeRequestID != "" {
		text += " (" + e.StripeRequestID + ")"
	}
	return text
}

// IsCode says whether an error is Bursar's with that code.
func IsCode(err error, code string) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Code == code
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 32 << 20

// idempotencyKey is the context's, for WithIdempotencyKey.
type idempotencyKey struct{}

// WithIdempotencyKey has the writes under ctx happen once: sent again with the key
// within a day, a request that succeeded gets the same answer.
func WithIdempotencyKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, idempotencyKey{}, key)
}

type request struct {
	method string
	path   string // escaped
	query  url.Values
	body   any // none where nil
}

func get(parts ...string) request { return request{method: http.MethodGet, path: pathOf(parts)} }

func post(body any, parts ...string) request {
	return request{method: http.MethodPost, path: pathOf(parts), body: body}
}

// pathOf escapes what may be an id.
func pathOf(parts []string) string {
	var b strings.Builder
	b.WriteString("/v1")
	for _, p := range parts {
		b.WriteString("/" + url.PathEscape(p))
	}
	return b.String()
}

func (c *Client) do(ctx context.Context, q request, into any) error {
	var body io.Reader
	if q.body != nil {
		text, err := json.Marshal(q.body)
		if err != nil {
			return fmt.Errorf("%s %s: %w", q.method, q.path, err)
		}
		body = bytes.NewReader(text)
	}
	address := c.base + q.path
	if c.account != "" {
		if q.query == nil {
			q.query = url.Values{}
		}
		q.query.Set("account", c.account)
	}
	if len(q.query) > 0 {
		address += "?" + q.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, q.method, address, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if key, ok := ctx.Value(idempotencyKey{}).(string); ok && q.method != http.MethodGet {
		req.Header.Set("Idempotency-Key", key)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("%s %s: %w", q.method, q.path, err)
	case len(text) > maxAnswer:
		return fmt.Errorf("%s %s: more than %d bytes", q.method, q.path, maxAnswer)
	case res.StatusCode/100 != 2:
		return problemOf(res, text)
	}
	if raw, ok := into.(*[]byte); ok {
		*raw = text
		return nil
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s %s: %w", q.method, q.path, err)
	}
	return nil
}

// problemOf reads an error; one that is not Bursar's (a proxy's) has no code.
func problemOf(res *http.Response, text []byte) *Error {
	e := &Error{}
	if json.Unmarshal(text, e) != nil {
		*e = Error{Title: http.StatusText(res.StatusCode)}
	}
	e.Status = res.StatusCode
	if n, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && n > 0 {
		e.RetryAfter = time.Duration(n) * time.Second
	}
	return e
}

// Page asks for a part of a list: the newest 20 where zero.
type Page struct {
	Limit  int    // 1 to 100
	Cursor string // NextCursor of the part before
}

func (p Page) in(q request) request {
	if q.query == nil {
		q.query = url.Values{}
	}
	if p.Limit != 0 {
		q.query.Set("limit", strconv.Itoa(p.Limit))
	}
	if p.Cursor != "" {
		q.query.Set("cursor", p.Cursor)
	}
	return q
}

// List is a part of a list, the newest first.
type List[T any] struct {
	Data       []T    `json:"data"`
	NextCursor string `json:"next_cursor"` // empty at the end
}

// one asks for one thing.
func one[T any](ctx context.Context, c *Client, q request) (T, error) {
	var v T
	err := c.do(ctx, q, &v)
	return v, err
}
