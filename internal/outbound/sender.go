package outbound

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/bursarhq/bursar/webhook"
)

// Timeout is how long one delivery may take, from the connection to the answer's
// first line, unless Options say otherwise.
const Timeout = 10 * time.Second

const (
	maxAnswer     = 16 << 10 // bytes of an answer's body that are read, so that its connection can be used again
	maxRetryAfter = time.Hour
)

// Options are how a Sender is made; the zero value is the strict one.
type Options struct {
	Guard     Guard
	Timeout   time.Duration // Timeout where 0
	UserAgent string
	// Connections is how many connections to one endpoint are kept for later: as many
	// as there are deliveries at once. 16 where 0.
	Connections int
}

// Sender posts webhooks. Its methods are safe for concurrent use.
type Sender struct {
	o      Options
	client *http.Client
}

// NewSender returns a sender. It follows no redirects, asks no proxy (which would
// connect in its stead, unguarded), and connects to what the guard allows alone.
func NewSender(o Options) *Sender {
	if o.Timeout <= 0 {
		o.Timeout = Timeout
	}
	if o.Connections <= 0 {
		o.Connections = 16
	}
	if o.UserAgent == "" {
		o.UserAgent = "Bursar"
	}
	dialer := &net.Dialer{Timeout: o.Timeout, KeepAlive: 30 * time.Second, Control: o.Guard.control}
	return &Sender{o: o, client: &http.Client{
		Timeout:       o.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: o.Timeout, ResponseHeaderTimeout: o.Timeout, ForceAttemptHTTP2: true,
			MaxResponseHeaderBytes: 64 << 10, MaxIdleConnsPerHost: o.Connections, IdleConnTimeout: 30 * time.Second,
		},
	}}
}

// StatusError is an answer that is no acceptance.
type StatusError struct {
	Status     int
	RetryAfter time.Duration // as the endpoint asks, an hour at most; 0 where it does not
}

func (e *StatusError) Error() string {
	switch {
	case e.Status/100 == 3:
		return fmt.Sprintf("the endpoint answered %d; redirects are not followed", e.Status)
	case e.Status == http.StatusGone:
		return "the endpoint answered 410: it wants no more webhooks"
	}
	return fmt.Sprintf("the endpoint answered %d", e.Status)
}

// Message is what is sent.
type Message struct {
	ID   string
	Body []byte
}

// Send posts a message to an endpoint, signed at now. It returns nil if the answer's
// status is 2xx, whatever becomes of the answer's body. A *StatusError is another
// answer; ErrRefused is wrapped where the guard refused the address; else the network
// failed. The texts hold neither secrets nor the URL.
func (s *Sender) Send(ctx context.Context, e Endpoint, m Message, now time.Time) error {
	headers, err := webhook.SignStandard(m.ID, now, m.Body, e.Secrets...)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(m.Body))
	if err != nil {
		return errors.New("the endpoint's URL cannot be posted to")
	}
	for name, values := range headers {
		r.Header[name] = values
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", s.o.UserAgent)
	resp, err := s.client.Do(r)
	if err != nil {
		if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
			if err = wrapped.Err; wrapped.Timeout() {
				return fmt.Errorf("no answer within %s", s.o.Timeout)
			}
		}
		return err
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer) // the status has said it all
	if resp.StatusCode/100 == 2 {
		return nil
	}
	return &StatusError{Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header.Get("Retry-After"), now)}
}

// retryAfter reads the header's two forms, seconds and a date.
func retryAfter(text string, now time.Time) time.Duration {
	var d time.Duration
	if n, err := strconv.ParseInt(text, 10, 32); err == nil {
		d = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}

// Close gives the kept connections up.
func (s *Sender) Close() { s.client.CloseIdleConnections() }
