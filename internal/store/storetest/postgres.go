package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

// EnvPostgres names the variable that holds the URL of a server to use in
// place of a throwaway cluster. Its user must be allowed to create databases.
const EnvPostgres = "BURSAR_TEST_POSTGRES_URL"

// EnvFsync names the variable that, set to "on", makes the throwaway cluster
// write as durably as a production one does, for what measures or crashes it.
const EnvFsync = "BURSAR_TEST_POSTGRES_FSYNC"

// errNoEngine says that this machine has no PostgreSQL to start.
var errNoEngine = errors.New("no PostgreSQL: set " + EnvPostgres + ", or install one whose initdb is in PATH or in /usr/lib/postgresql/*/bin")

// cluster is a running server and what it takes to end it.
type cluster struct {
	url  *url.URL // of the maintenance database
	stop func()   // idempotent; removes everything the cluster left on disk
}

// started is what shared returned, for Stop, which must not be what starts it.
var started atomic.Pointer[cluster]

// shared is the one server of this test process, started on first use.
var shared = sync.OnceValues(func() (*cluster, error) {
	if s := os.Getenv(EnvPostgres); s != "" {
		u, err := url.Parse(s)
		if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
			return nil, fmt.Errorf("%s must be a postgres:// URL", EnvPostgres)
		}
		c := &cluster{url: u, stop: func() {}}
		started.Store(c)
		return c, nil
	}
	c, err := startCluster()
	if err == nil {
		started.Store(c)
	}
	return c, err
})

// Postgres returns the URL of a new, empty database, which is dropped when
// the test ends, whoever is still connected.
func Postgres(tb testing.TB) string {
	tb.Helper()
	return PostgresFrom(tb, "")
}

// PostgresFrom is Postgres with the content of the named template, a result
// of Template. Without a name the database is empty.
func PostgresFrom(tb testing.TB, template string) string {
	tb.Helper()
	c := server(tb)
	name := uniqueName()
	if err := c.create(name, template); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.drop(name); err != nil {
			tb.Error(err)
		}
	})
	return c.database(name)
}

var templates struct {
	sync.Mutex
	byName map[string]*template
}

type template struct {
	once     sync.Once
	database string
	err      error
}

// Template makes, once per test process, a database that PostgresFrom can
// clone, and returns what PostgresFrom calls it. The first call for a name
// fills it; fill must have closed its connections when it returns, since
// PostgreSQL clones no database that is in use. It lives until Main ends.
func Template(tb testing.TB, name string, fill func(url string) error) string {
	tb.Helper()
	c := server(tb)
	templates.Lock()
	t := templates.byName[name]
	if t == nil {
		t = &template{database: uniqueName()}
		if templates.byName == nil {
			templates.byName = map[string]*template{}
		}
		templates.byName[name] = t
	}
	templates.Unlock()
	t.once.Do(func() {
		if t.err = c.create(t.database, ""); t.err == nil {
			t.err = fill(c.database(t.database))
		}
	})
	if t.err != nil {
		tb.Fatalf("template %s: %v", name, t.err)
	}
	return t.database
}

// Main runs the tests of a package, ends the cluster and exits. It is for
// TestMain. A package that goes without it leaves the cluster to the watcher
// that ends it together with the process, and its templates on a server that
// was given by URL.
func Main(m *testing.M) {
	code := m.Run()
	Stop()
	os.Exit(code)
}

// Stop ends what this process has started; no database can be had after it.
// It is for a TestMain that cannot be Main.
func Stop() {
	c := started.Load()
	if c == nil {
		return
	}
	templates.Lock()
	defer templates.Unlock()
	for _, t := range templates.byName {
		if err := c.drop(t.database); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
	templates.byName = nil
	c.stop()
}

// server returns the shared server, or ends the test: skipped where there is
// no engine, failed where there should be one.
func server(tb testing.TB) *cluster {
	tb.Helper()
	c, err := shared()
	switch {
	case err == nil:
		return c
	case errors.Is(err, errNoEngine) && !inCI():
		fmt.Fprintf(os.Stderr, "SKIPPED on PostgreSQL: %s: %v\n", tb.Name(), err)
		tb.Skip(err)
	default:
		tb.Fatal(err)
	}
	return nil
}

func inCI() bool {
	in, err := strconv.ParseBool(os.Getenv("CI"))
	return in && err == nil
}

func uniqueName() string {
	return fmt.Sprintf("bursar_test_%d_%s", os.Getpid(), strings.ToLower(rand.Text()[:12]))
}

func (c *cluster) database(name string) string {
	u := *c.url
	u.Path = "/" + name
	return u.String()
}

func (c *cluster) create(name, from string) error {
	sql := "CREATE DATABASE " + pgx.Identifier{name}.Sanitize()
	if from != "" {
		sql += " TEMPLATE " + pgx.Identifier{from}.Sanitize()
	}
	return c.exec(sql)
}

func (c *cluster) drop(name string) error {
	return c.exec("DROP DATABASE IF EXISTS " + pgx.Identifier{name}.Sanitize() + " WITH (FORCE)")
}

// exec runs one statement on a connection of its own, so that tests that run
// in parallel share nothing.
func (c *cluster) exec(sql string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, c.url.String())
	if err != nil {
		return fmt.Errorf("storetest: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("storetest: %s: %w", sql, err)
	}
	return nil
}
