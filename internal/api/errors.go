package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/effect"
	"github.com/bursarhq/bursar/internal/pdf/einvoice"
	"github.com/bursarhq/bursar/internal/store"
)

// Problem is an error as a client sees it (RFC 9457). Code is for programs and does
// not change; Detail is for people.
type Problem struct {
	Status int    `json:"status" doc:"The HTTP status"`
	Title  string `json:"title" doc:"The HTTP status in words"`
	Detail string `json:"detail" doc:"What is wrong, for people"`
	Code   string `json:"code" doc:"What is wrong, for programs" example:"tenant_not_found"`
	// StripeRequestID is where Stripe is to blame.
	StripeRequestID string `json:"stripe_request_id,omitempty" doc:"The request that Stripe refused, to look up in its log" example:"req_a1b2c3"`

	header http.Header
}

func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus, GetHeaders and ContentType are how huma writes it.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders are the headers that go with it.
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType is RFC 9457's.
func (p *Problem) ContentType(string) string { return problemType }

const (
	jsonType    = "application/json"
	problemType = "application/problem+json"
)

func problem(status int, code, format string, args ...any) *Problem {
	return &Problem{Status: status, Title: http.StatusText(status), Code: code, Detail: fmt.Sprintf(format, args...)}
}

func (p *Problem) with(header, value string) *Problem {
	if p.header == nil {
		p.header = http.Header{}
	}
	p.header.Set(header, value)
	return p
}

// invalid is a parameter that cannot be right.
func invalid(name, format string, args ...any) *Problem {
	return problem(http.StatusUnprocessableEntity, "invalid_parameter", "%s: %s", name, fmt.Sprintf(format, args...))
}

// absent says which thing was not found, where it is that; other errors it leaves
// as they are. The code is the thing's name and _not_found.
func absent(err error, thing, id string) error {
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return problem(http.StatusNotFound, strings.ReplaceAll(thing, " ", "_")+"_not_found", "There is no %s %q.", thing, id)
}

// sentinels is where the errors of the floors below become answers. The first that
// fits counts; what is not here is 500, and its text stays here. told says that the
// text behind the sentinel's own was written for the client.
var sentinels = []struct {
	err    error
	status int
	code   string
	told   bool
	detail string // where it is not told
}{
	{err: apply.ErrInvalid, status: http.StatusUnprocessableEntity, code: "invalid_parameter", told: true},
	{err: apply.ErrConflict, status: http.StatusConflict, code: "conflict", told: true},
	{err: apply.ErrGone, status: http.StatusGone, code: "gone", told: true},
	{err: effect.ErrNoDocument, status: http.StatusConflict, code: "no_document", told: true},
	{err: einvoice.ErrNotPossible, status: http.StatusNotFound, code: "e_invoice_not_possible", told: true},
	{err: store.ErrCursor, status: http.StatusUnprocessableEntity, code: "invalid_parameter", detail: "cursor: not a cursor of this list"},
	{err: store.ErrNotFound, status: http.StatusNotFound, code: "not_found", detail: "There is no such thing."},
	{err: store.ErrKeyReused, status: http.StatusConflict, code: "idempotency_key_reused", detail: "This Idempotency-Key was used with another body."},
	{err: store.ErrKeyInUse, status: http.StatusConflict, code: "idempotency_key_in_use", detail: "The first request with this Idempotency-Key is still running."},
	{err: store.ErrUnavailable, status: http.StatusServiceUnavailable, code: "unavailable", detail: "The database is out of reach. Ask again."},
	// The client has gone, or the server is on its way out.
	{err: context.Canceled, status: http.StatusServiceUnavailable, code: "unavailable", detail: "The request was interrupted. Ask again."},
	{err: context.DeadlineExceeded, status: http.StatusServiceUnavailable, code: "unavailable", detail: "This took too long. Ask again."},
}

// retryAfter is in how many seconds a client may ask again.
const retryAfter = "2"

// problemOf is the answer to an error. What is this side's fault is logged.
func (s *server) problemOf(ctx context.Context, what string, err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	for _, row := range sentinels {
		if !errors.Is(err, row.err) {
			continue
		}
		p = problem(row.status, row.code, "%s", row.detail)
		if row.told {
			_, p.Detail, _ = strings.Cut(err.Error(), row.err.Error()+": ")
		}
		if p.Status == http.StatusServiceUnavailable {
			p = p.with("Retry-After", retryAfter)
			s.log.WarnContext(ctx, "a request could not be answered", "request", what, "error", err)
		}
		return p
	}
	s.log.ErrorContext(ctx, "a request failed", "request", what, "error", err)
	return problem(http.StatusInternalServerError, "internal", "Something went wrong on this side. The log says what.")
}

// codes are those of the errors that are found before a handler runs.
var codes = map[int]string{
	http.StatusBadRequest:            "invalid_json",
	http.StatusNotAcceptable:         "not_acceptable",
	http.StatusRequestEntityTooLarge: "body_too_large",
	http.StatusUnsupportedMediaType:  "unsupported_media_type",
	http.StatusUnprocessableEntity:   "invalid_parameter",
}

// transform turns huma's own errors into ours.
func transform(_ huma.Context, _ string, v any) (any, error) {
	m, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	code := codes[m.Status]
	if code == "" {
		code = "internal"
	}
	var details []string
	for _, e := range m.Errors {
		name := e.Location
		if _, field, ok := strings.Cut(name, "."); ok {
			name = field // limit rather than query.limit
		}
		if name == "" || m.Status == http.StatusInternalServerError {
			continue
		}
		details = append(details, name+": "+e.Message)
	}
	if len(details) == 0 {
		details = []string{m.Detail}
	}
	return problem(m.Status, code, "%s", strings.Join(details, "; ")), nil
}

// write sends a problem where huma does not.
func (p *Problem) write(w http.ResponseWriter) {
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // numbers and text always encode
	}
	p.head(w)
	_, _ = w.Write(body) // a client that has gone hears nothing
}

// head sends all but the body.
func (p *Problem) head(w http.ResponseWriter) {
	for name, values := range p.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
}
