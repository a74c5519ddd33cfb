package bursar_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

// childBackfills names the variable that has a child (childEnv) import the account, and
// end.
const childBackfills = "BURSAR_TEST_CHILD_BACKFILLS"

func backfillAsChild(b *bursar.Bursar) {
	if os.Getenv(childBackfills) == "" {
		return
	}
	if _, err := b.Backfill(context.Background(), bursar.BackfillOptions{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	b.Close()
	os.Exit(0)
}

// TestKillInABackfill kills the process with -9 at its third request, the next one at
// its fifth and so on, before it is answered or just after, until one comes to the end.
// Everything is there then, and once.
func TestKillInABackfill(t *testing.T) {
	if testing.Short() {
		t.Skip("starts some dozen of processes")
	}
	eachOldShop(t, func(s *shop) {
		kills, asked := 0, 0
		for ended := false; !ended; {
			var mu sync.Mutex
			var victim *child
			n, at := 0, 3+2*kills
			instead := func(w http.ResponseWriter, r *http.Request) bool {
				mu.Lock()
				defer mu.Unlock()
				if asked, n = asked+1, n+1; n < at {
					return false
				}
				if n == at && kills%2 == 1 { // it hears the answer, and dies of it
					recorded := httptest.NewRecorder()
					s.acct.ServeHTTP(recorded, r)
					_, _ = w.Write(recorded.Body.Bytes())
				}
				_ = victim.Process.Kill()
				return true
			}
			mu.Lock()
			s.instead.Store(&instead)
			victim = s.process(childBackfills + "=1")
			mu.Unlock()
			err := victim.Wait()
			if ended = err == nil; !ended {
				if kills++; n < at {
					s.Fatalf("the process number %d, after %d requests: %v", kills, n, err)
				}
			}
		}
		s.asks(nil)
		if kills < 3 {
			s.Fatalf("%d kills at %d requests", kills, asked)
		}
		killed := s.imported()
		if again := s.backfill(bursar.BackfillOptions{}); len(again.Applied) != 0 || again.Resumed {
			s.Errorf("another one: %+v", again)
		}
		s.url = storetest.MigratedSQLite(s.T)
		s.b = s.open()
		s.backfill(bursar.BackfillOptions{})
		if whole := s.imported(); killed != whole {
			s.Errorf("after %d kills\n%s\nwithout\n%s", kills, killed, whole)
		}
	})
}

// imported is how many rows there are.
func (s *shop) imported() (text string) {
	for _, table := range []string{
		"inbox", "objects", "payloads", "tenants", "customers", "subscriptions", "schedules", "invoices", "charges", "refunds", "credit_notes", "disputes",
		"payment_methods", "payments", "payment_links", "products", "prices", "timeline", "effects",
	} {
		text += fmt.Sprintf("%s %d, ", table, s.rows("SELECT COUNT(*) FROM "+table))
	}
	return text
}
