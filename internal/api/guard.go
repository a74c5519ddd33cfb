package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/store"
)

// maxBody is how large a request's body may be, in bytes.
const maxBody = 1 << 20

// guard wants what a route asks of every request: the scope and, of writes, a body
// that is JSON and happening once under an Idempotency-Key.
func (s *server) guard(row route, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if p := permit(callerOf(r.Context()), row.scope); p != nil {
			p.write(w)
			return
		}
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			next(w, r)
			return
		}
		body, p := readBody(w, r)
		if p != nil {
			p.write(w)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if len(r.Header.Values("Idempotency-Key")) == 0 {
			next(w, r)
			return
		}
		s.once(w, r, body, next)
	}
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, *Problem) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, problem(http.StatusRequestEntityTooLarge, codes[http.StatusRequestEntityTooLarge], "A body may have %d bytes.", maxBody)
	} else if err != nil {
		return nil, problem(http.StatusBadRequest, "body_incomplete", "The body ended early.")
	}
	if kind := r.Header.Get("Content-Type"); len(body) > 0 && kind != "" {
		if media, _, err := mime.ParseMediaType(kind); err != nil || media != "application/json" {
			return nil, problem(http.StatusUnsupportedMediaType, codes[http.StatusUnsupportedMediaType], "Send application/json.")
		}
	}
	return body, nil
}

// maxKey is how long an Idempotency-Key may be, as at Stripe.
const maxKey = 255

// once runs a write at most once under its key: while the answer is kept, the same
// request gets the same answer. Only a success is kept. What failed has changed
// nothing, so that the key may be used again.
func (s *server) once(w http.ResponseWriter, r *http.Request, body []byte, next http.HandlerFunc) {
	key := r.Header.Get("Idempotency-Key")
	if key == "" || len(key) > maxKey {
		invalid("Idempotency-Key", "want 1 to %d characters", maxKey).write(w)
		return
	}
	digest := sha256.Sum256(body)
	write := &store.Write{Scope: callerOf(r.Context()).id + " " + r.Method + " " + r.URL.RequestURI(), Key: key, Request: hex.EncodeToString(digest[:])}
	// What a DELETE answers tells of nobody, and must outlast the erasure that it is.
	if tenant := r.PathValue("tenant"); apply.ValidTenant(tenant) && r.Method != http.MethodDelete {
		write.Account, write.Tenant = r.URL.Query().Get("account"), tenant
	}
	kept, began, err := s.Store.Begin(r.Context(), write)
	if err != nil {
		s.problemOf(r.Context(), write.Scope, err).write(w)
		return
	}
	if !began {
		w.Header().Set("Idempotent-Replayed", "true")
		if len(kept.Body) > 0 {
			w.Header().Set("Content-Type", "application/json")
		}
		w.WriteHeader(kept.Status)
		_, _ = w.Write(kept.Body) // a client that has gone hears nothing
		return
	}
	// A client that goes away must not leave its key behind as one in use.
	ctx := context.WithoutCancel(r.Context())
	answer := &recorder{to: w, status: http.StatusOK}
	func() {
		settle := s.Store.Abandon
		defer func() { // also where the handler panics
			if err := settle(ctx, write); err != nil {
				s.log.ErrorContext(ctx, "an Idempotency-Key could not be settled", "request", write.Scope, "error", err)
			}
		}()
		next(answer, r)
		if answer.status/100 == 2 {
			settle = func(ctx context.Context, w *store.Write) error {
				return s.Store.Finish(ctx, w, store.Answer{Status: answer.status, Body: answer.body.Bytes()})
			}
		}
	}()
	answer.send()
}

// recorder holds an answer back until it is kept.
type recorder struct {
	to     http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.to.Header() }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }

// Unwrap is how net/http finds the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.to }

func (r *recorder) send() {
	r.to.WriteHeader(r.status)
	_, _ = r.to.Write(r.body.Bytes()) // a client that has gone hears nothing
}
