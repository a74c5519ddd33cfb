package bursar_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

// sender delivers events as Stripe does: what is not acknowledged comes again.
type sender struct {
	d       *desk
	stop    func()          // begin nothing new
	stopped <-chan struct{} // it was called
	over    context.Context // the test is
	wg      sync.WaitGroup

	mu           sync.Mutex
	next         int
	acknowledged map[string]int // tenant by event
	refused      int
}

const awayTenants = 50

func (d *desk) sendAlways() *sender {
	stopped := make(chan struct{})
	over, end := context.WithCancel(context.Background())
	s := &sender{d: d, stop: sync.OnceFunc(func() { close(stopped) }), stopped: stopped, over: over, acknowledged: map[string]int{}}
	d.Cleanup(func() { end(); s.stop(); s.wg.Wait() })
	for range 8 {
		s.wg.Go(func() {
			for {
				select {
				case <-s.stopped:
					return
				default:
				}
				s.mu.Lock()
				n := s.next
				s.next++
				s.mu.Unlock()
				s.deliver(n)
			}
		})
	}
	return s
}

func (s *sender) deliver(n int) {
	id, began := eventID(n), time.Now()
	body := subscriptionEvent(id, n%awayTenants, began)
	for time.Since(began) < 2*time.Minute && s.over.Err() == nil {
		a := s.d.post(body)
		s.mu.Lock()
		switch {
		case a.status == http.StatusOK: // failed, too: it is stored, and Bursar tries it again
			s.acknowledged[id] = n % awayTenants
		case a.status == http.StatusServiceUnavailable && a.header.Get("Retry-After") != "":
			s.refused++
		default:
			s.d.Errorf("event %s: %d %s", id, a.status, a.body)
		}
		done := s.acknowledged[id] == n%awayTenants && a.status == http.StatusOK
		s.mu.Unlock()
		if done {
			return
		}
		time.Sleep(20 * time.Millisecond) // the sender's own pause, shorter than Stripe's
	}
	if s.over.Err() == nil {
		s.d.Errorf("event %s was never acknowledged", id)
	}
}

func (s *sender) counts() (acknowledged, refused int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.acknowledged), s.refused
}

// more waits until so many more are acknowledged.
func (s *sender) more(n int) {
	s.d.Helper()
	from, _ := s.counts()
	eventually(s.d, time.Minute, "events are acknowledged", func() bool { now, _ := s.counts(); return now >= from+n })
}

// refusals waits until so many more are refused.
func (s *sender) refusals(n int) {
	s.d.Helper()
	_, from := s.counts()
	eventually(s.d, time.Minute, "events are refused", func() bool { _, now := s.counts(); return now >= from+n })
}

// check ends the sending and compares what was acknowledged with what is there.
func (s *sender) check(t *testing.T, url string) {
	t.Helper()
	s.stop()
	s.wg.Wait()
	st := openStore(t, url)
	eventually(t, time.Minute, "no event is left failed", func() bool { return count(t, st, `SELECT COUNT(*) FROM inbox WHERE status = 'failed'`) == 0 })
	for id := range s.acknowledged {
		if n := count(t, st, `SELECT COUNT(*) FROM inbox AS i JOIN payloads AS p ON p.seq = i.seq WHERE i.event_id = $1 AND i.status IN ('applied', 'stale')`, id); n != 1 {
			t.Errorf("event %s is there %d times", id, n)
		}
	}
	if n := count(t, st, `SELECT COUNT(*) FROM inbox`); n != len(s.acknowledged) {
		t.Errorf("%d events are there, %d were acknowledged", n, len(s.acknowledged))
	}
	if n := count(t, st, `SELECT COUNT(*) FROM timeline WHERE what = 'plan'`); n != awayTenants {
		t.Errorf("%d tenants changed their plan %d times", awayTenants, n)
	}
	if a := s.d.get("/readyz"); a.status != http.StatusOK {
		t.Errorf("readyz: %d %s", a.status, a.body)
	}
	t.Logf("%d events acknowledged, %d deliveries refused meanwhile", len(s.acknowledged), s.refused)
}

// TestPostgresConnectionsCut: the server ends Bursar's connections again and again.
func TestPostgresConnectionsCut(t *testing.T) {
	target := storetest.Migrated(t)
	d := openDesk(t, target, bursar.Config{})
	d.run()
	s := d.sendAlways()
	s.more(2 * awayTenants)
	admin, err := pgx.Connect(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(context.Background())
	cut, times := 0, 40
	if testing.Short() {
		times = 10
	}
	for range times {
		var n int
		if err := admin.QueryRow(t.Context(), `SELECT COUNT(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		cut += n
		s.more(1) // it comes back by itself between two cuts
	}
	s.more(2 * awayTenants)
	if cut < times {
		t.Errorf("only %d connections were cut: that proves little", cut)
	}
	s.check(t, target)
}

// gate is a way to the database that can be shut.
type gate struct {
	listener net.Listener
	to       string // socket

	mu    sync.Mutex
	shut  bool
	conns map[net.Conn]bool
}

func openGate(t *testing.T, socket string) *gate {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{listener: l, to: socket, conns: map[net.Conn]bool{}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { g.pass(c) })
		}
	})
	t.Cleanup(func() { l.Close(); g.close(true); wg.Wait() })
	return g
}

func (g *gate) pass(c net.Conn) {
	defer c.Close()
	up, err := net.Dial("unix", g.to)
	if err != nil {
		return
	}
	defer up.Close()
	g.mu.Lock()
	if g.shut {
		g.mu.Unlock()
		return
	}
	g.conns[c], g.conns[up] = true, true
	g.mu.Unlock()
	done := make(chan struct{})
	go func() { defer close(done); _, _ = io.Copy(up, c); up.Close() }() // either end may hang up
	_, _ = io.Copy(c, up)
	c.Close()
	<-done
	g.mu.Lock()
	delete(g.conns, c)
	delete(g.conns, up)
	g.mu.Unlock()
}

// close shuts the gate, in the middle of whatever passes through it, or opens it.
func (g *gate) close(shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = shut
	if shut {
		for c := range g.conns {
			_ = c.Close()
		}
	}
}

// TestPostgresAway: the database is out of reach for a while, three times.
func TestPostgresAway(t *testing.T) {
	if os.Getenv(storetest.EnvPostgres) != "" {
		t.Skip("needs the throwaway cluster's socket")
	}
	target := storetest.Migrated(t)
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	g := openGate(t, filepath.Join(u.Query().Get("host"), ".s.PGSQL."+u.Query().Get("port")))
	through := fmt.Sprintf("postgres://%s@%s%s?sslmode=disable", u.User.Username(), g.listener.Addr(), u.Path)
	d := openDesk(t, through, bursar.Config{})
	d.run()
	s := d.sendAlways()
	s.more(2 * awayTenants)
	for range 3 {
		g.close(true)
		s.refusals(20)
		if a := d.get("/readyz"); a.status != http.StatusServiceUnavailable {
			t.Errorf("readyz while the database is away: %d %s", a.status, a.body)
		}
		g.close(false)
		s.more(awayTenants)
	}
	s.check(t, target)
}

// TestSQLiteDiskFull: the disk under the file is full for a while.
func TestSQLiteDiskFull(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", dir).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "SKIPPED: %s: no small disk can be mounted here: %s\n", t.Name(), strings.TrimSpace(string(out)))
		t.Skip("needs to mount a tmpfs")
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
	target := "sqlite://" + filepath.Join(dir, "bursar.db")
	d := openDesk(t, target, bursar.Config{})
	stop := d.run()
	s := d.sendAlways()
	s.more(2 * awayTenants)
	filler := filepath.Join(dir, "filler")
	for range 3 {
		fill(t, filler)
		s.refusals(20)
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		s.more(awayTenants)
	}
	s.check(t, target)
	stop()
	d.srv.Close()
	if err := d.b.Close(); err != nil {
		t.Error(err)
	}
}

// fill writes a file until there is no room left.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, block := range [][]byte{make([]byte, 1<<20), make([]byte, 4096)} {
		for err = nil; err == nil; {
			_, err = f.Write(block)
		}
	}
}
