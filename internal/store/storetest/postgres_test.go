//go:build unix

package storetest_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/bursarhq/bursar/internal/store/storetest"
)

// role, in the environment of this test binary, makes it play a package whose
// tests use storetest; see play.
const role = "BURSAR_STORETEST_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv(role) == "missing" {
		storetest.HideEngine()
	}
	storetest.Main(m)
}

func TestPostgresIsFreshAndEmpty(t *testing.T) {
	first, second := storetest.Postgres(t), storetest.Postgres(t)
	if first == second {
		t.Fatalf("both are %s", first)
	}
	query(t, first, "CREATE TABLE only_here (id BIGINT)")
	if n := query(t, second, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"); n != int64(0) {
		t.Errorf("a new database has %v tables", n)
	}
}

func TestPostgresSortsUnlikeBytes(t *testing.T) {
	if os.Getenv(storetest.EnvPostgres) != "" {
		t.Skip("a given server sorts as it likes")
	}
	if help, _ := exec.Command("initdb", "--help").Output(); !strings.Contains(string(help), "--icu-locale") {
		t.Skip("an initdb without ICU")
	}
	if first := query(t, storetest.Postgres(t), "SELECT min(v) FROM (VALUES ('a'), ('B')) AS t (v)"); first != "a" {
		t.Errorf("%v sorts first", first)
	}
}

func TestPostgresDropsWhatIsInUse(t *testing.T) {
	var url string
	t.Run("", func(t *testing.T) {
		url = storetest.Postgres(t)
		// Left open: the drop must not wait for it.
		if _, err := pgx.Connect(context.Background(), url); err != nil {
			t.Fatal(err)
		}
	})
	_, err := pgx.Connect(context.Background(), url)
	var refusal *pgconn.PgError
	if !errors.As(err, &refusal) || refusal.Code != "3D000" { // invalid_catalog_name
		t.Errorf("after its test the database answers: %v", err)
	}
}

func TestPostgresFromTemplate(t *testing.T) {
	fills := 0
	fill := func(url string) error {
		fills++
		query(t, url, "CREATE TABLE plans AS SELECT 42::BIGINT AS id")
		return nil
	}
	template := storetest.Template(t, "plans", fill)
	if again := storetest.Template(t, "plans", fill); again != template || fills != 1 {
		t.Errorf("filled %d times, as %s and %s", fills, template, again)
	}
	for range 3 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			url := storetest.PostgresFrom(t, template)
			query(t, url, "UPDATE plans SET id = id + 1")
			if id := query(t, url, "SELECT id FROM plans"); id != int64(43) {
				t.Errorf("id = %v: clones share their rows", id)
			}
		})
	}
}

func TestSQLite(t *testing.T) {
	first, second := storetest.SQLite(t), storetest.SQLite(t)
	path, ok := strings.CutPrefix(first, "sqlite://")
	if !ok || first == second {
		t.Fatalf("%s and %s", first, second)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v", path, err)
	}
}

// TestClusterGoesWithItsProcess starts a test process, ends it in one way or
// another, and wants its cluster and the cluster's folder gone.
func TestClusterGoesWithItsProcess(t *testing.T) {
	if os.Getenv(storetest.EnvPostgres) != "" {
		t.Skip("a given server stays")
	}
	storetest.Postgres(t) // skips where there is no engine
	for _, end := range []string{"exit", "stop", "kill"} {
		t.Run(end, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestPlay$", "-test.v")
			cmd.Env = append(os.Environ(), role+"="+end)
			output, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			release, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			url := readURL(t, output)
			query(t, url, "SELECT 1")
			if end == "kill" {
				cmd.Process.Kill()
			}
			release.Close()
			cmd.Wait()
			waitFor(t, "the cluster to end", func() bool {
				_, err := pgx.Connect(context.Background(), url)
				return err != nil
			})
			waitFor(t, "the cluster's folder to go", func() bool {
				_, err := os.Stat(clusterFolder(t, url))
				return errors.Is(err, os.ErrNotExist)
			})
		})
	}
}

// TestMissingEngine wants a skip that says so, and a failure in CI.
func TestMissingEngine(t *testing.T) {
	for _, test := range []struct{ ci, want string }{
		{"", "--- SKIP"}, {"false", "--- SKIP"}, {"1", "--- FAIL"}, {"true", "--- FAIL"},
	} {
		t.Run("CI="+test.ci, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestPlay$", "-test.v")
			cmd.Env = []string{role + "=missing", "CI=" + test.ci, "PATH=" + t.TempDir()}
			output, _ := cmd.CombinedOutput()
			if !strings.Contains(string(output), test.want) || !strings.Contains(string(output), "no PostgreSQL") {
				t.Errorf("want %s and a reason, have\n%s", test.want, output)
			}
		})
	}
}

// TestBadServerURL wants a given server that is no URL to fail, not to skip.
func TestBadServerURL(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestPlay$", "-test.v")
	cmd.Env = append(os.Environ(), role+"=exit", storetest.EnvPostgres+"=host=localhost")
	output, _ := cmd.CombinedOutput()
	if !strings.Contains(string(output), "--- FAIL") || !strings.Contains(string(output), "must be a postgres:// URL") {
		t.Errorf("have\n%s", output)
	}
}

// TestServerByURL has a second process use this one's cluster as the server
// that BURSAR_TEST_POSTGRES_URL names, and leave nothing on it.
func TestServerByURL(t *testing.T) {
	server := storetest.Postgres(t)
	databases := "SELECT count(*) FROM pg_database WHERE datname LIKE 'bursar_test_%'"
	before := query(t, server, databases)
	cmd := exec.Command(os.Args[0], "-test.run=^TestPlay$|^TestPostgresFromTemplate$", "-test.v")
	cmd.Env = append(os.Environ(), role+"=stop", storetest.EnvPostgres+"="+server)
	output, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(output), "PASS: TestPlay") {
		t.Fatalf("%v\n%s", err, output)
	}
	if after := query(t, server, databases); after != before {
		t.Errorf("%v databases before, %v after", before, after)
	}
}

// TestPlay is not a test but what the tests above run in a process of its own.
func TestPlay(t *testing.T) {
	end := os.Getenv(role)
	if end == "" {
		t.SkipNow()
	}
	url := storetest.Postgres(t)
	os.Stdout.WriteString("URL " + url + "\n")
	query(t, url, "SELECT 1")
	os.Stdin.Read(make([]byte, 1)) // until the parent lets go
	if end == "exit" {
		os.Exit(0) // past every Cleanup and past Main
	}
}

// query runs one statement and returns the only column of its only row, if it
// has one.
func query(tb testing.TB, url, sql string) any {
	tb.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		tb.Fatal(err)
	}
	defer rows.Close()
	var value any
	for rows.Next() {
		if err := rows.Scan(&value); err != nil {
			tb.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		tb.Fatal(err)
	}
	return value
}

func waitFor(tb testing.TB, what string, done func() bool) {
	tb.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline.C:
			tb.Fatalf("waited 30 s for %s", what)
		}
	}
}

// readURL reads what TestPlay prints up to its URL.
func readURL(t *testing.T, output io.Reader) string {
	t.Helper()
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "URL "); ok {
			go io.Copy(io.Discard, output)
			return url
		}
	}
	t.Fatal("the process ended without a URL")
	return ""
}

// clusterFolder is the folder of the cluster that url leads to.
func clusterFolder(t *testing.T, rawURL string) string {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("host")
}
