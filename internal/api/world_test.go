package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/api"
	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
	"github.com/bursarhq/bursar/internal/stripe"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// began is when the worlds of the tests begin.
var began = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const masterKey = "bk_master"

// world is a store, an engine and the API on them, at a time that the test chooses.
type world struct {
	testing.TB
	s     *store.Store
	e     *apply.Engine
	api   http.Handler
	http  *httptest.Server
	clock *clock
	log   *bytes.Buffer
	spec  *spec
	n     int
}

type clock struct{ micros atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.micros.Store(began.UnixMicro())
	return c
}

func (c *clock) now() time.Time          { return time.UnixMicro(c.micros.Load()) }
func (c *clock) advance(d time.Duration) { c.micros.Add(d.Microseconds()) }

// each runs a test in a world on both engines.
func each(t *testing.T, fn func(w *world), change ...func(*api.Config)) {
	t.Helper()
	c := newClock()
	storetest.EachAt(t, c.now, func(t *testing.T, s *store.Store) {
		t.Cleanup(func() { c.micros.Store(began.UnixMicro()) }) // the next engine's world begins then, too
		fn(newWorld(t, s, c, change...))
	})
}

// newSQLiteWorld is a world on SQLite, where both engines would tell the same.
func newSQLiteWorld(tb testing.TB, change ...func(*api.Config)) *world {
	tb.Helper()
	c := newClock()
	s, err := store.Open(context.Background(), storetest.MigratedSQLite(tb), store.Options{Migrate: true, Now: c.now})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return newWorld(tb, s, c, change...)
}

func newWorld(tb testing.TB, s *store.Store, c *clock, change ...func(*api.Config)) *world {
	tb.Helper()
	plans, err := billing.NewCatalog([]billing.Plan{
		{ID: "free", Name: "Free", Default: true, Features: map[string]any{"projects": int64(1), "sso": false}},
		{ID: "pro", Name: "Pro", Description: "For teams", TrialDays: 14, Features: map[string]any{"projects": int64(20), "sso": true}, Prices: []billing.Price{
			{ID: "price_pro_monthly", Amount: 2900, Currency: "usd", Interval: "month"},
			{ID: "price_pro_yearly", Amount: 29000, Currency: "usd", Interval: "year"},
			{ID: "price_pro_2019", Amount: 1900, Currency: "usd", Interval: "month", Archived: true},
		}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	w := &world{TB: tb, s: s, clock: c, log: &bytes.Buffer{}}
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	w.e, err = apply.New(context.Background(), s, apply.Policy{Catalog: plans, Runners: map[string]bool{"notice": true}}, "", slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	config := api.Config{Store: s, Engine: w.e, Keys: []string{masterKey}, Log: log, Version: "test"}
	for _, fn := range change {
		fn(&config)
	}
	if w.api, err = api.New(config); err != nil {
		tb.Fatal(err)
	}
	w.http = httptest.NewServer(w.api)
	tb.Cleanup(w.http.Close)
	w.spec = readSpec(tb, w.api)
	return w
}

type obj = map[string]any

// event delivers an event whose object is given as JSON.
func (w *world) event(typ, object string) string {
	w.Helper()
	w.n++
	return w.deliver(fmt.Sprintf(`{"id":"evt_%04d","object":"event","type":%q,"api_version":"2025-11-17.clover","created":%d,"livemode":false,"data":{"object":%s},"request":null,"pending_webhooks":1}`,
		w.n, typ, w.clock.now().Unix(), object))
}

func (w *world) deliver(body string) string {
	w.Helper()
	ev, err := stripe.ParseEvent([]byte(body))
	if err != nil {
		w.Fatalf("%v\n%s", err, body)
	}
	r := w.e.Apply(context.Background(), []*apply.Delivery{{Event: ev, Packed: store.Pack([]byte(body)), Source: "webhook"}})[0]
	if r.Err != nil {
		w.Fatal(r.Err)
	}
	return r.Status
}

// answer is what a request was answered.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) json(tb testing.TB) obj {
	tb.Helper()
	var v obj
	if err := json.Unmarshal(a.body, &v); err != nil {
		tb.Fatalf("%v: %s", err, a.body)
	}
	return v
}

// call sends a request and checks the answer against the description.
func (w *world) call(request string, body string, headers ...string) answer {
	w.Helper()
	a := w.send(request, body, headers...)
	method, path, _ := strings.Cut(request, " ")
	w.spec.check(w, method, path, a)
	return a
}

// send sends a request with the master key unless headers name another.
func (w *world) send(request string, body string, headers ...string) answer {
	w.Helper()
	method, path, _ := strings.Cut(request, " ")
	req, err := http.NewRequestWithContext(context.Background(), method, w.http.URL+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+masterKey)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if value == "" {
			req.Header.Del(name)
		} else {
			req.Header.Set(name, value)
		}
	}
	res, err := w.http.Client().Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer res.Body.Close()
	a := answer{status: res.StatusCode, header: res.Header}
	if a.body, err = io.ReadAll(res.Body); err != nil {
		w.Fatal(err)
	}
	return a
}

// want calls and compares the status and, of problems, the code.
func (w *world) want(request, body string, status int, code string, headers ...string) answer {
	w.Helper()
	a := w.call(request, body, headers...)
	got := ""
	if a.status >= 400 {
		got, _ = a.json(w)["code"].(string)
	}
	if a.status != status || got != code {
		w.Errorf("%s: got %d %s, want %d %s: %s", request, a.status, got, status, code, a.body)
	}
	return a
}
