package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
	"github.com/bursarhq/bursar/stripetest"
	"github.com/bursarhq/bursar/webhook"
)

// result is what a command line came to.
type result struct {
	status      int
	out, errors string
}

// runCommand runs a command line in this process.
func runCommand(t *testing.T, env vars, args ...string) result {
	t.Helper()
	return runCommandUntil(t.Context(), env, args...)
}

// runCommandUntil is runCommand, told to stop when the context ends.
func runCommandUntil(ctx context.Context, env vars, args ...string) result {
	var out, errors safeBuffer
	s := &system{stdin: strings.NewReader(""), stdout: &out, stderr: &errors, lookup: env.lookup, environ: func() []string { return nil }, now: time.Now}
	status := s.run(ctx, args)
	return result{status, out.String(), errors.String()}
}

// served is a service that runs in this process until stop.
type served struct {
	url  string
	stop func() (status int)
}

// serve starts bursar serve.
func serve(t *testing.T, env vars, args ...string) *served {
	t.Helper()
	return serveLogging(t, new(safeBuffer), env, args...)
}

// serveLogging is serve, with a log that can be read.
func serveLogging(t *testing.T, errors *safeBuffer, env vars, args ...string) *served {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var out safeBuffer
	s := &system{stdin: strings.NewReader(""), stdout: &out, stderr: errors, lookup: env.lookup, environ: func() []string { return nil }, now: time.Now}
	ended := make(chan int, 1)
	go func() { ended <- s.run(ctx, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)) }()
	stop := func() int {
		cancel()
		status := <-ended
		ended <- status
		return status
	}
	t.Cleanup(func() { stop() })
	waitFor(t, "an address", func() bool {
		if len(ended) > 0 {
			t.Fatalf("serve ended: %s", errors.String())
		}
		return anyAddress.MatchString(out.String())
	})
	return &served{url: anyAddress.FindString(out.String()), stop: stop}
}

func waitFor(t *testing.T, what string, there func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patienceOfTests); !there(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// TestStopsInOrder asks a service to stop while a webhook is on its way: the webhook
// is answered, new ones are not taken, and the status is 0.
func TestStopsInOrder(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		env := vars{"STRIPE_WEBHOOK_SECRET": "whsec_test", "BURSAR_DATABASE_URL": url}
		var log safeBuffer
		sv := serveLogging(t, &log, env)
		e, err := stripetest.BuildEvent("customer.created", stripetest.EventOptions{At: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		address := strings.TrimPrefix(sv.url, "http://")
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		half := len(e.Payload) / 2
		fmt.Fprintf(conn, "POST /webhooks/stripe HTTP/1.1\r\nHost: bursar\r\nExpect: 100-continue\r\nContent-Length: %d\r\nStripe-Signature: %s\r\n\r\n",
			len(e.Payload), webhook.Sign(e.Payload, "whsec_test", time.Now()))
		// net/http drops a request whose headers it reads after the stop; the handler has
		// begun once the body is asked for.
		answers := bufio.NewReader(conn)
		for _, want := range []string{"HTTP/1.1 100 Continue", ""} {
			if line, _, err := answers.ReadLine(); string(line) != want || err != nil {
				t.Fatalf("asked with %q %v", line, err)
			}
		}
		if _, err := conn.Write(e.Payload[:half]); err != nil {
			t.Fatal(err)
		}
		stopped := make(chan int)
		go func() { stopped <- sv.stop() }()
		waitFor(t, "new connections to be refused", func() bool {
			other, err := net.Dial("tcp", address)
			if err == nil {
				other.Close()
			}
			return err != nil
		})
		if _, err := conn.Write(e.Payload[half:]); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if resp.StatusCode != http.StatusOK || !bytes.Contains(body, []byte(e.ID)) {
			t.Errorf("answered %d %s %v", resp.StatusCode, body, err)
		}
		if status := <-stopped; status != 0 {
			t.Errorf("status %d: %s", status, log.String())
		}
		if r := runCommand(t, env, "events", "list"); !strings.Contains(r.out, e.ID) {
			t.Errorf("what was acknowledged is not there: %+v", r)
		}
	})
}

// TestStopsWhileOpening asks a service to stop that has not come up yet.
func TestStopsWhileOpening(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		env := vars{"STRIPE_WEBHOOK_SECRET": "whsec_test", "BURSAR_DATABASE_URL": url}
		r := runCommandUntil(ctx, env, "serve", "--listen", "127.0.0.1:0")
		if r.status != 0 || r.out != "" || !strings.Contains(r.errors, "stopped before") {
			t.Errorf("%+v", r)
		}
	})
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// TestRoles asks each role for what it answers; the limits of requests hold for all.
func TestRoles(t *testing.T) {
	url := storetest.Migrated(t)
	env := vars{"STRIPE_WEBHOOK_SECRET": "whsec_test", "BURSAR_DATABASE_URL": url}
	for role, want := range map[string]map[string]int{
		"receive": {"/healthz": 200, "/webhooks/stripe": 405, "/v1/plans": 401, "/docs": 200},
		"work":    {"/healthz": 200, "/readyz": 200, "/webhooks/stripe": 404, "/v1/plans": 404},
	} {
		sv := serve(t, env, "--role", role)
		for path, status := range want {
			if got, body := get(t, sv.url+path); got != status {
				t.Errorf("%s: %s: %d %s", role, path, got, body)
			}
		}
		if status := sv.stop(); status != 0 {
			t.Errorf("%s: status %d", role, status)
		}
	}
	r := runCommand(t, vars{"STRIPE_WEBHOOK_SECRET": "whsec_test"}, "serve", "--role", "work")
	if r.status != 1 || !strings.Contains(r.errors, "BURSAR_ROLE: work needs PostgreSQL") {
		t.Errorf("on SQLite: %+v", r)
	}
}

// TestLimits sends headers that are too large and ones that never end.
func TestLimits(t *testing.T) {
	sv := serve(t, vars{"STRIPE_WEBHOOK_SECRET": "whsec_test", "BURSAR_DATABASE_URL": storetest.MigratedSQLite(t)})
	conn, err := net.Dial("tcp", strings.TrimPrefix(sv.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	go fmt.Fprintf(conn, "GET /healthz HTTP/1.1\r\nHost: bursar\r\nX-Much: %s\r\n\r\n", strings.Repeat("x", 100<<10))
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("large headers: %d", resp.StatusCode)
	}
	server := (&service{log: slog.New(slog.DiscardHandler)}).server(nil)
	if server.ReadHeaderTimeout != 5*time.Second || server.ReadTimeout != 30*time.Second || server.IdleTimeout != 2*time.Minute {
		t.Errorf("%+v", server)
	}
}

// TestKeysAreHashed looks for a key in the database's bytes.
func TestKeysAreHashed(t *testing.T) {
	url := storetest.MigratedSQLite(t)
	env := vars{"BURSAR_DATABASE_URL": url}
	runCommand(t, env, "migrate")
	r := runCommand(t, env, "keys", "create", "app")
	key, _, _ := strings.Cut(r.out, "\n")
	if r.status != 0 || len(key) != len("bk_")+2*keyBytes {
		t.Fatalf("%+v", r)
	}
	hash := sha256.Sum256([]byte(key))
	found := false
	path := strings.TrimPrefix(url, "sqlite://")
	files, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, []byte(key)) {
			t.Errorf("%s holds the key", file)
		}
		found = found || bytes.Contains(content, []byte(hex.EncodeToString(hash[:])))
	}
	if !found {
		t.Error("the hash is nowhere")
	}
}

// TestNewerSchema meets a database of a later version: one line, and nothing done.
func TestNewerSchema(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		newer := store.SchemaVersion() + 1
		if _, err := s.Writer().Exec(fmt.Sprintf(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, TRUE)`, newer)); err != nil {
			t.Fatal(err)
		}
		env := vars{"BURSAR_DATABASE_URL": databaseURL(t, s), "STRIPE_WEBHOOK_SECRET": "whsec_test"}
		for _, args := range [][]string{{"migrate"}, {"migrate", "--status"}, {"serve", "--listen", "127.0.0.1:0"}, {"events", "list"}, {"keys", "list"}} {
			r := runCommand(t, env, args...)
			want := fmt.Sprintf("the database has a newer schema than this binary knows: it is at version %d", newer)
			if r.status != 1 || !strings.Contains(r.errors, want) || strings.Count(r.errors, "\nbursar:") > 1 {
				t.Errorf("%v: %+v", args, r)
			}
		}
		if r := runCommand(t, env, "doctor"); r.status != 1 || !strings.Contains(r.out, "fail database: ") {
			t.Errorf("doctor: %+v", r)
		}
	})
}

// databaseURL finds out where a store is.
func databaseURL(t *testing.T, s *store.Store) string {
	t.Helper()
	if pool := s.Pool(); pool != nil {
		return pool.Config().ConnString()
	}
	var n int
	var name, file string
	if err := s.Writer().QueryRow(`PRAGMA database_list`).Scan(&n, &name, &file); err != nil {
		t.Fatal(err)
	}
	return "sqlite://" + file
}
