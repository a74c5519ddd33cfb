package bursar_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"
	stripewebhook "github.com/stripe/stripe-go/v85/webhook"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/internal/receive"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
	"github.com/bursarhq/bursar/webhook"
)

// benchEnv names the variable that lets TestThroughput run: make bench sets it. It
// measures and prints; it asserts nothing, because machines are shared.
const benchEnv = "BURSAR_BENCH"

// TestThroughput measures how many events a second are accepted and applied over
// HTTP, beside three handlers that tell how good that is:
//
//	(a) the same handler without a database
//	(b) a bare group commit of the same bytes on the same engine and driver
//	(c) the handler that one would write by hand with stripe-go: one transaction per request
func TestThroughput(t *testing.T) {
	measures(t)
	rounds, seconds := envInt("BURSAR_BENCH_ROUNDS", 5), envInt("BURSAR_BENCH_SECONDS", 3)
	fmt.Printf("accepted and applied events a second over HTTP, 64 connections, %d-byte payloads, medians of %d rounds of %d s; a write and its fsync take %v\n", len(bigEvent(0)), rounds, seconds, syncTime(t))
	storetest.EachURL(t, func(t *testing.T, url string) {
		names := []string{"bursar", "(a) no database", "(b) bare group commit", "(c) by hand"}
		handlers := []func(*testing.T, string) (http.Handler, func()){withBursar, withoutDatabase, bareCommit, byHand}
		rates := make([][]float64, len(names))
		meetTenants(t, url)
		for range rounds {
			for i, open := range handlers { // side by side: the machine drifts
				h, closeAll := open(t, url)
				fire(t, h, time.Second) // until connections, statements and caches are there
				rates[i] = append(rates[i], fire(t, h, time.Duration(seconds)*time.Second))
				closeAll()
			}
		}
		engine := strings.SplitN(url, ":", 2)[0]
		own := median(rates[0])
		for i, name := range names {
			fmt.Printf("%-10s %-22s %8.0f /s   bursar is %5.2f of it\n", engine, name, median(rates[i]), own/median(rates[i]))
		}
	})
}

// syncTime is what the disk takes to keep 8 kB: (c) waits for that with each event.
func syncTime(t *testing.T) time.Duration {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "sync"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	took := make([]time.Duration, 101)
	for i := range took {
		began := time.Now()
		if _, err := f.WriteAt(make([]byte, 8<<10), 0); err != nil {
			t.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took[len(took)/2].Round(10 * time.Microsecond)
}

func envInt(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

func median(v []float64) float64 {
	v = slices.Clone(v)
	slices.Sort(v)
	return v[len(v)/2]
}

var eventNumber atomic.Int64

// benchTenants are so many that none is heard of twice in a second, which would have to
// be told apart by what the events say: Stripe's clock has no more than seconds.
const benchTenants = 10_000

// meetTenants has all of them created: that costs a multiple of a change.
func meetTenants(t *testing.T, url string) {
	t.Helper()
	h, closeAll := withBursar(t, url)
	defer closeAll()
	for last := eventNumber.Load() + benchTenants; eventNumber.Load() < last && !t.Failed(); {
		fire(t, h, 200*time.Millisecond)
	}
}

// bigEvent is a customer.subscription.updated of 5 KB about one of the tenants.
func bigEvent(n int64) []byte {
	b := subscriptionEvent("evt_1"+strconv.FormatInt(time.Now().UnixNano()+n, 36)+strconv.FormatInt(n, 36), int(n%benchTenants), time.Now())
	fill := bytes.Repeat([]byte(`{"id":"il_1","object":"line_item","amount":2900,"description":"1 x Pro (at $29.00 / month)","discountable":true},`), 36)
	return bytes.Replace(b, []byte(`"cancel_at_period_end":false,`), fmt.Appendf(nil, `"cancel_at_period_end":false,"filler":[%s0],`, fill[:]), 1)
}

// fire posts distinct signed events over 64 connections and returns how many a
// second were answered with 200.
func fire(t *testing.T, h http.Handler, d time.Duration) float64 {
	t.Helper()
	srv := httptest.NewServer(h)
	defer srv.Close()
	return fireAt(t, srv.URL, d)
}

func fireAt(t *testing.T, address string, d time.Duration) float64 {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConns: 64, MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	var ok atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range 64 {
		wg.Go(func() {
			for time.Since(began) < d {
				status, answer, err := post(context.Background(), client, address+"/webhooks/stripe", bigEvent(eventNumber.Add(1)))
				if err != nil || status != http.StatusOK {
					t.Errorf("%d %s %v", status, answer, err)
					return
				}
				ok.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(ok.Load()) / time.Since(began).Seconds()
}

func withBursar(t *testing.T, url string) (http.Handler, func()) {
	b, err := bursar.Open(context.Background(), bursar.Config{DatabaseURL: url, WebhookSecrets: []string{secret}, Plans: plans(), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = b.Run(ctx) }()
	return b.Handler(), func() { cancel(); <-done; b.Close() }
}

func withoutDatabase(*testing.T, string) (http.Handler, func()) {
	r := receive.New(receive.Config{Log: slog.New(slog.DiscardHandler), Now: time.Now, Apply: func(_ context.Context, batch []receive.Received) []receive.Outcome {
		out := make([]receive.Outcome, len(batch))
		for i := range out {
			out[i].Result = "applied"
		}
		return out
	}})
	v, err := webhook.NewVerifier(secret)
	if err != nil {
		panic(err)
	}
	return r.Handler(receive.Endpoint{Verifier: v}), r.Close
}

// bareCommit reads the body and inserts it, gathered as Bursar gathers.
func bareCommit(t *testing.T, url string) (http.Handler, func()) {
	s, db := rawTable(t, url)
	type waiting struct {
		id   string
		body []byte
		done chan error
	}
	queue := make(chan waiting, 2048)
	var lane sync.WaitGroup
	lane.Go(func() {
		for first := range queue {
			batch := []waiting{first}
		gather:
			for len(batch) < 256 {
				select {
				case w, ok := <-queue:
					if !ok {
						break gather
					}
					batch = append(batch, w)
				default:
					break gather
				}
			}
			ids, bodies := make([]string, len(batch)), make([][]byte, len(batch))
			for i, w := range batch {
				ids[i], bodies[i] = w.id, w.body
			}
			err := insertAll(db, s.Engine(), ids, bodies)
			for _, w := range batch {
				w.done <- err
			}
		}
	})
	n := atomic.Int64{}
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			done := make(chan error, 1)
			queue <- waiting{fmt.Sprintf("evt_%d_%d", time.Now().UnixNano(), n.Add(1)), body, done}
			err = <-done
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
	return h, func() { close(queue); lane.Wait(); s.Close() }
}

func rawTable(t *testing.T, url string) (*store.Store, *sql.DB) {
	s, err := store.Open(context.Background(), url, store.Options{Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	blob := map[string]string{"sqlite": "BLOB", "postgres": "BYTEA"}[s.Engine()]
	for _, q := range []string{
		"CREATE TABLE IF NOT EXISTS raw_events (id TEXT PRIMARY KEY, body " + blob + ")",
		"CREATE TABLE IF NOT EXISTS raw_subscriptions (id TEXT PRIMARY KEY, status TEXT, price TEXT, created BIGINT)",
		"CREATE TABLE IF NOT EXISTS raw_tenants (id TEXT PRIMARY KEY, plan TEXT, status TEXT)",
	} {
		if _, err := s.Writer().Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	return s, s.Writer()
}

func insertAll(db *sql.DB, engine string, ids []string, bodies [][]byte) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if engine == "postgres" {
		if _, err := tx.Exec(`INSERT INTO raw_events (id, body) SELECT * FROM unnest($1::text[], $2::bytea[])`, ids, bodies); err != nil {
			return err
		}
		return tx.Commit()
	}
	st, err := tx.Prepare(`INSERT INTO raw_events (id, body) VALUES ($1, $2)`)
	if err != nil {
		return err
	}
	for i := range ids {
		if _, err := st.Exec(ids[i], bodies[i]); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// byHand is what one would write with stripe-go: verify, decode, and in a
// transaction of the request's own keep the event and change subscription and tenant.
func byHand(t *testing.T, url string) (http.Handler, func()) {
	s, db := rawTable(t, url)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var ev stripe.Event
		if err == nil {
			ev, err = stripewebhook.ConstructEventWithOptions(body, r.Header.Get("Stripe-Signature"), secret, stripewebhook.ConstructEventOptions{IgnoreAPIVersionMismatch: true})
		}
		var sub stripe.Subscription
		if err == nil {
			err = json.Unmarshal(ev.Data.Raw, &sub)
		}
		if err == nil {
			err = writeByHand(r.Context(), db, ev.ID, body, &sub, ev.Created)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		}
	})
	return h, func() { s.Close() }
}

func writeByHand(ctx context.Context, db *sql.DB, id string, body []byte, sub *stripe.Subscription, created int64) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for _, q := range []struct {
		text string
		args []any
	}{
		{`INSERT INTO raw_events (id, body) VALUES ($1, $2) ON CONFLICT DO NOTHING`, []any{id, body}},
		{
			`INSERT INTO raw_subscriptions (id, status, price, created) VALUES ($1, $2, $3, $4)
			ON CONFLICT (id) DO UPDATE SET status = excluded.status, price = excluded.price, created = excluded.created WHERE raw_subscriptions.created <= excluded.created`,
			[]any{sub.ID, string(sub.Status), sub.Items.Data[0].Price.ID, created},
		},
		{
			`INSERT INTO raw_tenants (id, plan, status) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET plan = excluded.plan, status = excluded.status`,
			[]any{sub.Metadata["tenant"], sub.Items.Data[0].Price.ID, string(sub.Status)},
		},
	} {
		if _, err := tx.ExecContext(ctx, q.text, q.args...); err != nil {
			return err
		}
	}
	return tx.Commit()
}
