package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/command"
	"github.com/bursarhq/bursar/internal/store"
)

// Config is what the API stands on. Store and Engine must be there; the zero values
// of the rest are safe: without keys only those of the database are accepted.
type Config struct {
	Store   *store.Store
	Engine  *apply.Engine
	Catalog *billing.Catalog // the engine's where nil

	Keys        []string     // with all scopes; called key1, key2, … in the timeline
	CORSOrigins []string     // whose pages may call the API
	RateLimit   float64      // requests a second for each key; 0: no limit
	Metrics     http.Handler // /metrics; not there where nil
	Log         *slog.Logger // nowhere where nil
	Version     string       // the binary's, for the API's description
	// Document returns a document's bytes (invoice:in_…, credit_note:cn_…); the routes
	// of documents are not there where nil. Linked reads a signed link to one.
	Document func(context.Context, store.Key) ([]byte, error)
	Linked   func(*http.Request) (store.Key, bool)
	// EInvoice returns an invoice's XML by the invoice's key; its route is not there where nil.
	EInvoice func(context.Context, store.Key) ([]byte, error)
	// Outbound are the endpoints of outgoing webhooks.
	Outbound Outbound
	// Commands go out to Stripe; their routes are not there where nil.
	Commands *command.Commands
	// Ready may say why no more requests should be sent here: the server is on its
	// way out. That the store can be reached is asked besides.
	Ready func() error
}

// server is the API's state. Handlers are its methods.
type server struct {
	Config
	log    *slog.Logger
	read   *store.Reader
	keys   *keyring
	mux    *http.ServeMux
	routes map[string]route // by pattern
	stats  memos[Stats]

	description []byte // OpenAPI
}

// New returns the handler of everything that routes.go lists.
func New(c Config) (http.Handler, error) {
	s := &server{Config: c, log: c.Log, mux: http.NewServeMux(), routes: map[string]route{}}
	if c.Store == nil || c.Engine == nil {
		return nil, errors.New("the API needs a store and an engine")
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.Catalog == nil {
		s.Catalog = c.Engine.Catalog
	}
	s.read = c.Store.Reader()
	var err error
	if s.keys, err = newKeyring(c.Keys, s.read, c.RateLimit); err != nil {
		return nil, err
	}
	if err := s.register(); err != nil {
		return nil, err
	}
	return s, nil
}

// register mounts the table's rows.
func (s *server) register() error {
	table := s.table()
	for _, row := range table {
		if _, ok := s.routes[row.pattern]; ok {
			return fmt.Errorf("the route %s is there twice", row.pattern)
		}
		s.routes[row.pattern] = row
	}
	api := humago.New(gate{s}, humaConfig(s.Version))
	for _, row := range table {
		row.mount(s, api, operation(row, api))
	}
	return s.describe(api)
}

// gate is the mux behind which every handler has its route's guard.
type gate struct{ s *server }

func (g gate) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	g.s.mux.HandleFunc(pattern, g.s.guard(g.s.routes[pattern], h))
}

func (g gate) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.s.mux.ServeHTTP(w, r) }

// keyed says whether a key is asked for before anything else is told, even that
// there is no such route.
func keyed(path string) bool {
	return path == "/v1" || strings.HasPrefix(path, "/v1/") || path == "/metrics"
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler { //nolint:errorlint // net/http's own comparison
			s.log.ErrorContext(r.Context(), "a request panicked", "request", r.Method+" "+r.URL.Path, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			s.problemOf(r.Context(), r.URL.Path, errors.New("panic")).write(w)
		} else if p != nil {
			panic(p)
		}
	}()
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if s.cors(w, r) {
		return
	}
	if keyed(r.URL.Path) {
		known, refusal := s.authenticate(r)
		if refusal != nil {
			refusal.write(w)
			return
		}
		r = known
	}
	if p := readable(r.URL); p != nil {
		p.write(w)
		return
	}
	if h, pattern := s.mux.Handler(r); pattern == "" {
		notRouted(h, r).write(w)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// readable refuses what no database takes as text.
func readable(u *url.URL) *Problem {
	query, err := url.QueryUnescape(u.RawQuery)
	for _, text := range []string{u.Path, query} {
		if err != nil || strings.ContainsRune(text, 0) || !utf8.ValidString(text) {
			return invalid("the request's address", "want UTF-8 without NUL")
		}
	}
	return nil
}

// notRouted is the answer where the mux has no route: it knows whether another
// method would do.
func notRouted(h http.Handler, r *http.Request) *Problem {
	answer := &headerOnly{header: http.Header{}}
	h.ServeHTTP(answer, r)
	if answer.status == http.StatusMethodNotAllowed {
		return problem(answer.status, "method_not_allowed", "%s is not for %s.", r.Method, r.URL.Path).with("Allow", answer.header.Get("Allow"))
	}
	return problem(http.StatusNotFound, "not_found", "There is nothing at %s.", r.URL.Path)
}

type headerOnly struct {
	header http.Header
	status int
}

func (h *headerOnly) Header() http.Header         { return h.header }
func (h *headerOnly) WriteHeader(status int)      { h.status = status }
func (h *headerOnly) Write(b []byte) (int, error) { return len(b), nil }

// key is that of an object of the account that a request is about.
func (s *server) key(ctx context.Context, account, id string) store.Key {
	return s.Engine.Key(ctx, account, id)
}
