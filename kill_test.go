package bursar_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

// TestKill is the promise "nothing lost": a server is killed with -9 at random
// moments under load, twenty times; every event that it acknowledged is there
// afterwards, applied, once.
func TestKill(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	storetest.EachURL(t, func(t *testing.T, url string) {
		acknowledged := map[string]int{}
		next := 0
		for range 20 {
			next = underFire(t, url, next, acknowledged)
		}
		if len(acknowledged) < 100 {
			t.Fatalf("only %d events were acknowledged: that proves little", len(acknowledged))
		}
		s, err := store.Open(context.Background(), url, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for id, n := range acknowledged {
			var status string
			var count, payloads int
			err := s.Writer().QueryRow(`SELECT COUNT(*), MIN(i.status), COUNT(p.seq) FROM inbox AS i LEFT JOIN payloads AS p ON p.seq = i.seq WHERE i.event_id = $1`, id).
				Scan(&count, &status, &payloads)
			if err != nil {
				t.Fatalf("%s: %v", id, err)
			}
			if count != 1 || payloads != 1 || (status != "applied" && status != "stale") {
				t.Fatalf("%s: %d rows, %d payloads, %s", id, count, payloads, status)
			}
			var plan string
			if err := s.Writer().QueryRow(`SELECT plan FROM tenants WHERE id = $1`, fmt.Sprintf("t%d", n)).Scan(&plan); err != nil || plan != "pro" {
				t.Fatalf("t%d: %q %v", n, plan, err)
			}
		}
		var lines, tenants int
		if err := s.Writer().QueryRow(`SELECT (SELECT COUNT(*) FROM timeline WHERE what = 'plan'), (SELECT COUNT(*) FROM tenants)`).Scan(&lines, &tenants); err != nil {
			t.Fatal(err)
		}
		if lines != tenants {
			t.Fatalf("%d tenants changed their plan %d times", tenants, lines)
		}
		t.Logf("%d events acknowledged over 20 kills", len(acknowledged))
	})
}

// underFire starts a server, posts events to it from many sides, and kills it.
func underFire(t *testing.T, url string, next int, acknowledged map[string]int) int {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+url)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the server did not start: %v", err)
	}
	target := "http://" + strings.TrimSpace(addr) + "/webhooks/stripe"

	ctx, cancel := context.WithCancel(context.Background())
	var mu sync.Mutex
	var wg sync.WaitGroup
	first := make(chan struct{})
	var once sync.Once
	for range 16 {
		wg.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for ctx.Err() == nil {
				mu.Lock()
				n := next
				next++
				mu.Unlock()
				id := eventID(n)
				body := subscriptionEvent(id, n%200, time.Now())
				// Stripe delivers again what was not acknowledged; so does this, once.
				for range 2 {
					status, _, err := post(ctx, client, target, body)
					if err == nil && status == http.StatusOK {
						mu.Lock()
						acknowledged[id] = n % 200
						mu.Unlock()
						once.Do(func() { close(first) })
					}
				}
			}
		})
	}
	select {
	case <-first:
	case <-time.After(30 * time.Second):
		t.Error("nothing was acknowledged")
	}
	// A random moment is the point here, not a condition.
	time.Sleep(time.Duration(rand.IntN(250)) * time.Millisecond)
	if err := child.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = child.Wait() // it was killed
	cancel()
	wg.Wait()
	return next
}
