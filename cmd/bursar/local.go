package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/internal/api"
	"github.com/bursarhq/bursar/internal/store"
)

// local is the API on the configured database, in this process: what a command
// shows and does is what the service would show and do, whether it runs or not.
// What a command causes to leave the process is a row like any other, which the
// service performs.
type local struct {
	b       *bursar.Bursar
	key     string
	account string
}

// openLocal opens it for an account; the empty one is the own. change may change what
// the settings came to.
func (from Settings) openLocal(ctx context.Context, s *system, account string, change ...func(*bursar.Config)) (*local, error) {
	cfg, err := from.load(s)
	if err != nil {
		return nil, err
	}
	if err := cfg.checkDatabaseFile(); err != nil {
		return nil, err
	}
	plans, _, err := LoadPlans(cfg.Plans)
	if err != nil {
		return nil, err
	}
	l := &local{key: newKey(), account: account}
	seller, err := LoadSeller(cfg.Seller)
	if err != nil {
		return nil, err
	}
	open := cfg.bursar(plans, seller, slog.New(slog.DiscardHandler), s)
	open.NoMigrate, open.APIKeys, open.RateLimit = true, []string{l.key}, -1
	for _, fn := range change {
		fn(&open)
	}
	if l.b, err = bursar.Open(ctx, open); err != nil {
		return nil, err
	}
	return l, nil
}

func (l *local) close() { l.b.Close() }

// ask sends a request and decodes the answer; errors are fetch's.
func (l *local) ask(ctx context.Context, method, path string, query url.Values, into any) error {
	body, err := l.fetch(ctx, method, path, query)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

// post sends a body and decodes the answer; errors are fetch's.
func (l *local) post(ctx context.Context, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := l.do(r)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, into)
}

// fetch sends a request and returns the answer's body. An answer that is an error
// comes back as *api.Problem.
func (l *local) fetch(ctx context.Context, method, path string, query url.Values) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, path+"?"+query.Encode(), http.NoBody)
	if err != nil {
		return nil, err
	}
	return l.do(r)
}

func (l *local) do(r *http.Request) ([]byte, error) {
	if l.account != "" {
		query := r.URL.Query()
		query.Set("account", l.account)
		r.URL.RawQuery = query.Encode()
	}
	r.Header.Set("Authorization", "Bearer "+l.key)
	w := &kept{header: http.Header{}, status: http.StatusOK}
	l.b.APIHandler().ServeHTTP(w, r)
	if w.status >= http.StatusBadRequest {
		var p api.Problem
		if err := json.Unmarshal(w.body.Bytes(), &p); err != nil {
			return nil, fmt.Errorf("%s %s: status %d: %w", r.Method, r.URL.Path, w.status, err)
		}
		return nil, &p
	}
	return w.body.Bytes(), nil
}

// listRows asks for up to limit rows of a list, page by page; all of them where limit
// is 0. more says that there are further ones.
func listRows[T any](ctx context.Context, l *local, path string, query url.Values, limit int) (rows []T, more bool, err error) {
	const most = 100 // in one page
	rows = []T{}
	for {
		want := most
		if limit > 0 {
			want = min(most, limit-len(rows))
		}
		query.Set("limit", fmt.Sprint(want))
		var page api.List[T]
		if err := l.ask(ctx, http.MethodGet, path, query, &page); err != nil {
			return nil, false, err
		}
		rows = append(rows, page.Data...)
		if page.NextCursor == nil || limit > 0 && len(rows) == limit {
			return rows, page.NextCursor != nil, nil
		}
		query.Set("cursor", *page.NextCursor)
	}
}

// printPage prints what listRows found as a table, and says where there is more.
func printPage(s *system, rows [][]string, more bool) error {
	err := printTable(s.stdout, rows)
	if err == nil && more {
		_, err = fmt.Fprintln(s.stderr, "There are more; say --limit 0 for all.")
	}
	return err
}

// kept is an answer that stays in this process.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *kept) Header() http.Header         { return k.header }
func (k *kept) WriteHeader(status int)      { k.status = status }
func (k *kept) Write(b []byte) (int, error) { return k.body.Write(b) }

// storeKey names something of an account in a database's own mode.
func storeKey(ctx context.Context, db *store.Store, account string) (store.Key, error) {
	mode, err := db.Meta(ctx, "mode")
	return store.Key{Account: account, Livemode: mode == "live"}, err
}
