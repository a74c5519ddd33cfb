package bursar_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
	"github.com/bursarhq/bursar/webhook"
)

// TestGrowth measures how receiving holds up between ten thousand and a million
// stored events and a hundred thousand subscriptions, and what reading
// entitlements among a million tenants costs beside a bare read by the same key.
func TestGrowth(t *testing.T) {
	measures(t)
	rounds, seconds := envInt("BURSAR_BENCH_ROUNDS", 5), envInt("BURSAR_BENCH_SECONDS", 3)
	storetest.EachURL(t, func(t *testing.T, url string) {
		engine := strings.SplitN(url, ":", 2)[0]
		rate := func() float64 {
			var rates []float64
			for range rounds {
				h, closeAll := withBursar(t, url)
				rates = append(rates, fire(t, h, time.Duration(seconds)*time.Second))
				closeAll()
			}
			return median(rates)
		}
		meetTenants(t, url) // an event for each
		settle(t, openStore(t, url))
		few := rate()
		fillUp(t, url, 100_000, 1_000_000)
		many := rate()
		fmt.Printf("%-10s receiving with 10 thousand events stored %.0f /s, with a million and 100 thousand subscriptions %.0f /s: %.2f of it\n", engine, few, many, many/few)
		readEntitlements(t, url, engine)
	})
}

// measures lets a test run that only prints figures, as make bench wants it, with the
// memory that bursar serve takes.
func measures(t *testing.T) {
	t.Helper()
	if os.Getenv(benchEnv) == "" {
		t.Skip("measures only; make bench runs it")
	}
	t.Setenv(storetest.EnvFsync, "on")
	was := debug.SetGCPercent(400)
	t.Cleanup(func() { debug.SetGCPercent(was) })
}

// fillUp copies one tenant, with customer, link, subscription and object, until
// there are so many, and one event, with its payload, until there are so many.
// There are ten times as many tenants as have a subscription.
func fillUp(t *testing.T, url string, subscriptions, events int) {
	t.Helper()
	s := openStore(t, url)
	db := s.Writer()
	var tenant, customer, sub, link, event string
	var seq int64
	row := db.QueryRow(`SELECT t.id, c.id, s.id, l.id, i.event_id, i.seq FROM tenants AS t JOIN customers AS c ON c.tenant = t.id JOIN subscriptions AS s ON s.customer = c.id
		JOIN customer_links AS l ON l.customer = c.id JOIN inbox AS i ON i.object_id = s.id ORDER BY i.seq LIMIT 1`)
	if err := row.Scan(&tenant, &customer, &sub, &link, &event, &seq); err != nil {
		t.Fatal(err)
	}
	c, n := "'cus_f'||n", "n"
	for _, copies := range []struct {
		table, where string
		count        int
		set          map[string]string
	}{
		{"tenants", "id = '" + tenant + "'", 10 * subscriptions, map[string]string{"id": "'f'||n", "stripe_customer_id": c, "subscription": "'sub_f'||n", "created_at": "x.created_at - n"}},
		{"customers", "id = '" + customer + "'", subscriptions, map[string]string{"id": c, "tenant": "'f'||n"}},
		{"customer_links", "id = '" + link + "'", subscriptions, map[string]string{"id": "'evt_l'||n", "customer": c, "tenant": "'f'||n"}},
		{"subscriptions", "id = '" + sub + "'", subscriptions, map[string]string{"id": "'sub_f'||n", "customer": c}},
		{"objects", "id = '" + sub + "'", subscriptions, map[string]string{"id": "'sub_f'||n", "customer": c, "seq": fmt.Sprint(seq, " - n")}},
		{"inbox", "event_id = '" + event + "'", events, map[string]string{"event_id": "'evt_0'||(10000000+n)", "seq": fmt.Sprint(seq, " - n"), "object_id": fmt.Sprint("'sub_f'||(n % ", subscriptions, ")"), "customer": fmt.Sprint("'cus_f'||(n % ", subscriptions, ")")}},
		{"payloads", fmt.Sprint("seq = ", seq), events, map[string]string{"seq": fmt.Sprint(seq, " - ", n)}},
	} {
		copyRows(t, db, copies.table, copies.where, copies.count, copies.set)
	}
	settle(t, s)
}

// settle has the engine do at once what it would do in its own time.
func settle(t *testing.T, s *store.Store) {
	t.Helper()
	steps := []string{"ANALYZE", "CHECKPOINT"}
	if s.Engine() == "sqlite" {
		steps[1] = "PRAGMA wal_checkpoint(TRUNCATE)"
	}
	for _, q := range steps {
		if _, err := s.Writer().Exec(q); err != nil {
			t.Fatal(err)
		}
	}
}

func copyRows(t *testing.T, db *sql.DB, table, where string, count int, set map[string]string) {
	t.Helper()
	rows, err := db.Query("SELECT * FROM " + table + " LIMIT 1")
	if err != nil {
		t.Fatal(err)
	}
	cols, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	values := make([]string, len(cols))
	for i, col := range cols {
		if values[i] = set[col]; values[i] == "" {
			values[i] = "x." + col
		}
	}
	_, err = db.Exec(fmt.Sprintf(`INSERT INTO %s (%s) WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < %d)
		SELECT %s FROM number CROSS JOIN (SELECT * FROM %s WHERE %s) AS x WHERE TRUE ON CONFLICT DO NOTHING`,
		table, strings.Join(cols, ", "), count, strings.Join(values, ", "), table, where))
	if err != nil {
		t.Fatalf("%s: %v", table, err)
	}
}

// readEntitlements reads them of tenants by chance, and in turn the bare row.
func readEntitlements(t *testing.T, url, engine string) {
	ctx := context.Background()
	b, err := bursar.Open(ctx, bursar.Config{
		DatabaseURL: url, WebhookSecrets: []string{secret}, APIKeys: []string{apiKey}, RateLimit: -1, Plans: plans(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	askEntitlements(t, b.Handler(), engine)
	s := openStore(t, url)
	const bareRead = `SELECT plan, status, access, valid_until FROM tenants WHERE id = $1 AND account = '' AND livemode = $2`
	prepared, err := s.Writer().Prepare(bareRead)
	if err != nil {
		t.Fatal(err)
	}
	bare := func(id string, into ...any) error { return prepared.QueryRow(id, false).Scan(into...) }
	if s.Engine() == "postgres" { // pgx prepares by itself
		bare = func(id string, into ...any) error { return s.Pool().QueryRow(ctx, bareRead, id, false).Scan(into...) }
	}
	const reads = 20_000
	var own, other []time.Duration
	for range 5 {
		began := time.Now()
		for i := range reads {
			if _, err := b.Entitlements(ctx, fmt.Sprint("f", 1+i*7919%1_000_000)); err != nil {
				t.Fatal(err)
			}
		}
		own = append(own, time.Since(began)/reads)
		began = time.Now()
		for i := range reads {
			var plan, status string
			var access bool
			var until int64
			if err := bare(fmt.Sprint("f", 1+i*7919%1_000_000), &plan, &status, &access, &until); err != nil {
				t.Fatal(err)
			}
		}
		other = append(other, time.Since(began)/reads)
	}
	slices.Sort(own)
	slices.Sort(other)
	fmt.Printf("%-10s entitlements among a million tenants %v, a bare indexed read %v: %.2f of it\n", engine, own[2], other[2], float64(own[2])/float64(other[2]))
}

// askEntitlements reads them over HTTP, and in turn asks a handler that does nothing.
func askEntitlements(t *testing.T, h http.Handler, engine string) {
	rounds, seconds := envInt("BURSAR_BENCH_ROUNDS", 5), envInt("BURSAR_BENCH_SECONDS", 3)
	var own, empty []float64
	for range rounds {
		own = append(own, askOften(t, h, time.Duration(seconds)*time.Second))
		empty = append(empty, askOften(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), time.Duration(seconds)*time.Second))
	}
	fmt.Printf("%-10s entitlements among a million tenants over HTTP %.0f /s, an empty handler %.0f /s: %.2f of it\n", engine, median(own), median(empty), median(own)/median(empty))
}

// askOften reads entitlements of tenants by chance over 64 connections and returns how many
// a second were answered with 200.
func askOften(t *testing.T, h http.Handler, d time.Duration) float64 {
	t.Helper()
	srv := httptest.NewServer(h)
	defer srv.Close()
	client := &http.Client{Transport: &http.Transport{MaxIdleConns: 64, MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	var n, ok atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range 64 {
		wg.Go(func() {
			for time.Since(began) < d {
				req, err := http.NewRequest(http.MethodGet, fmt.Sprint(srv.URL, "/v1/tenants/f", 1+n.Add(1)*7919%1_000_000, "/entitlements"), nil)
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("Authorization", "Bearer "+apiKey)
				resp, err := client.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Errorf("%d %v", resp.StatusCode, err)
					return
				}
				ok.Add(1)
			}
		})
	}
	wg.Wait()
	return float64(ok.Load()) / time.Since(began).Seconds()
}

// TestMemory measures how much memory bursar serve takes under full load.
func TestMemory(t *testing.T) {
	measures(t)
	if runtime.GOOS != "linux" {
		t.Skip("reads /proc")
	}
	binary := filepath.Join(t.TempDir(), "bursar")
	if out, err := exec.Command("go", "build", "-o", binary, "./cmd/bursar").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	seconds := 20 * envInt("BURSAR_BENCH_SECONDS", 3)
	storetest.EachURL(t, func(t *testing.T, url string) {
		serve := exec.Command(binary, "serve", "--listen", "127.0.0.1:0")
		serve.Dir = t.TempDir()
		serve.Env = append(os.Environ(), "BURSAR_DATABASE_URL="+url, "STRIPE_WEBHOOK_SECRET="+secret, "BURSAR_LOG_LEVEL=error")
		out, err := serve.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := serve.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = serve.Process.Kill(); _ = serve.Wait() }()
		var address string
		for lines := bufio.NewScanner(out); address == "" && lines.Scan(); {
			if _, after, ok := strings.Cut(lines.Text(), "http://"); ok {
				address = "http://" + strings.TrimRight(strings.Fields(after)[0], "/.,")
			}
		}
		if address == "" {
			t.Fatal("the server named no address")
		}
		rate := fireAt(t, strings.TrimSuffix(address, "/webhooks/stripe"), time.Duration(seconds)*time.Second)
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", serve.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(status)) {
			if peak, ok := strings.CutPrefix(line, "VmHWM:"); ok {
				fmt.Printf("%-10s bursar serve as a process of its own: %.0f /s for %d s, at most %s resident\n", strings.SplitN(url, ":", 2)[0], rate, seconds, strings.TrimSpace(peak))
			}
		}
	})
}

// TestReceivingUnderStorm measures receiving while ten thousand notices are pending, and
// how many of them go out meanwhile and while nothing is received.
func TestReceivingUnderStorm(t *testing.T) {
	measures(t)
	rounds, seconds := envInt("BURSAR_BENCH_ROUNDS", 5), envInt("BURSAR_BENCH_SECONDS", 3)
	d := time.Duration(seconds) * time.Second
	storetest.EachURL(t, func(t *testing.T, url string) {
		box := openPostbox(t)
		oneNotice(t, url, box)
		meetTenants(t, url)
		var calm, storm, meanwhile, alone []float64
		for round := range rounds {
			events, _ := underStorm(t, url, box, 0, func(b *bursar.Bursar) float64 { return fire(t, b.Handler(), d) })
			calm = append(calm, events)
			events, mails := underStorm(t, url, box, 10_000, func(b *bursar.Bursar) float64 {
				accept(t, b, failedPayment(fmt.Sprint("evt_storm", round+1), 1, round+2, time.Now())) // one more, which wakes the queue
				return fire(t, b.Handler(), d)
			})
			storm, meanwhile = append(storm, events), append(meanwhile, mails)
			_, mails = underStorm(t, url, box, 10_000, func(*bursar.Bursar) float64 {
				<-time.After(d)
				return 0
			})
			alone = append(alone, mails)
		}
		if median(meanwhile) == 0 || median(alone) == 0 {
			t.Error("no mail went out")
		}
		fmt.Printf("%-10s receiving %.0f /s, with ten thousand notices pending %.0f /s: %.2f of it (%.0f mails /s meanwhile, %.0f /s while nothing is received)\n",
			strings.SplitN(url, ":", 2)[0], median(calm), median(storm), median(storm)/median(calm), median(meanwhile), median(alone))
	})
}

// underStorm runs Bursar with so many notices pending, and returns what do measures and
// how many mails a second went out while it did.
func underStorm(t *testing.T, url string, box *postbox, notices int, do func(*bursar.Bursar) float64) (measured, mails float64) {
	t.Helper()
	b, err := bursar.Open(context.Background(), bursar.Config{
		DatabaseURL: url, WebhookSecrets: []string{secret}, Plans: plans(), Log: slog.New(slog.DiscardHandler),
		SMTPURL: box.url(), MailFrom: "billing@example.com",
	})
	if err != nil {
		t.Fatal(err)
	}
	pendingNotices(t, url, notices)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = b.Run(ctx) }()
	before, began := len(box.all()), time.Now()
	measured = do(b)
	mails = float64(len(box.all())-before) / time.Since(began).Seconds()
	cancel()
	<-done
	b.Close()
	return measured, mails
}

// oneNotice has Bursar plan a notice: of a payment that failed, to somebody whose address
// is known.
func oneNotice(t *testing.T, url string, box *postbox) {
	b, err := bursar.Open(context.Background(), bursar.Config{
		DatabaseURL: url, WebhookSecrets: []string{secret}, Plans: plans(), Log: slog.New(slog.DiscardHandler), SMTPURL: box.url(), MailFrom: "billing@example.com",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	accept(t, b, fmt.Appendf(nil, `{"id":"evt_owner","object":"event","created":%d,"livemode":false,"type":"customer.created","data":{"object":{"id":"cus_1","object":"customer","email":"owner@t1.example","metadata":{"tenant":"t1"},"created":1790000000}}}`,
		time.Now().Unix()))
	accept(t, b, subscriptionEvent("evt_storm", 1, time.Now()))
	accept(t, b, failedPayment("evt_storm0", 1, 1, time.Now()))
}

func accept(t *testing.T, b *bursar.Bursar, body []byte) {
	t.Helper()
	req := httptest.NewRequest(http.MethodPost, "/webhooks/stripe", bytes.NewReader(body))
	req.Header.Set("Stripe-Signature", webhook.Sign(body, secret, time.Now()))
	w := httptest.NewRecorder()
	if b.Handler().ServeHTTP(w, req); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
}

// pendingNotices leaves so many notices to be sent, copies of one that Bursar planned.
func pendingNotices(t *testing.T, url string, count int) {
	t.Helper()
	s := openStore(t, url)
	db := s.Writer()
	if _, err := db.Exec(`UPDATE effects SET status = 'sent' WHERE status IN ('pending', 'running')`); err != nil {
		t.Fatal(err)
	}
	if count == 0 {
		return
	}
	var key string
	var seq int64
	if err := db.QueryRow(`SELECT key, (SELECT MIN(seq) FROM effects) FROM effects WHERE kind = 'notice' ORDER BY seq DESC LIMIT 1`).Scan(&key, &seq); err != nil {
		t.Fatal(err)
	}
	copyRows(t, db, "effects", "key = '"+key+"'", count, map[string]string{
		"key": fmt.Sprintf("'storm%d:'||n", seq), "seq": fmt.Sprint(seq, " - n"), "status": "'pending'", "due_at": "0", "attempts": "0", "done_at": "0",
	})
}
