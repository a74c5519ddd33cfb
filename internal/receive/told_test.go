package receive

import (
	"context"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// TestTold: half of a batch's answers are told when the database is first waited for,
// the others when it is again, and all of them when that is over.
func TestTold(t *testing.T) {
	batch := func(n int) (out []*waiting) {
		for range n {
			out = append(out, &waiting{answer: make(chan Outcome, 1), outcome: Outcome{Result: "applied"}})
		}
		return out
	}
	count := func(batch []*waiting) (n int) {
		for _, w := range batch {
			n += len(w.answer)
		}
		return n
	}
	var to told
	to.some() // nothing is ready yet
	to.all()
	for _, n := range []int{0, 1, 2, 5} {
		b := batch(n)
		to.later(b)
		if count(b) != 0 {
			t.Errorf("of %d, %d are told too early", n, count(b))
		}
		if to.some(); count(b) != (n+1)/2 {
			t.Errorf("of %d, %d are told at first", n, count(b))
		}
		if to.some(); count(b) != n {
			t.Errorf("of %d, %d are told at last", n, count(b))
		}
		to.some()
		b = batch(n)
		to.later(b)
		if to.all(); count(b) != n {
			t.Errorf("of %d, %d are told at the end", n, count(b))
		}
	}
}

// TestToldInTime: an answer is not kept back for long, whatever becomes of the next batch,
// and not at all where nothing is waited for.
func TestToldInTime(t *testing.T) {
	for waits, want := range map[bool]time.Duration{true: patience, false: 0} {
		synctest.Test(t, func(t *testing.T) {
			step := make(chan struct{})
			r, h := receiver(t, Config{Waits: waits, MaxBatch: 1, Apply: func(ctx context.Context, batch []Received) []Outcome {
				<-step
				return applied(ctx, batch)
			}})
			answered := make(chan time.Time, 2)
			deliver := func(id string) {
				if w := post(h, event(id), signed(event(id))); w.Code != http.StatusOK {
					t.Error(id, w.Code, w.Body)
				}
				answered <- time.Now()
			}
			go deliver("evt_1")
			synctest.Wait()
			go deliver("evt_2")
			synctest.Wait()
			step <- struct{}{} // evt_1 is committed, and evt_2 begins
			began := time.Now()
			if took := (<-answered).Sub(began); took != want {
				t.Errorf("waits %v: it took %v, want %v", waits, took, want)
			}
			step <- struct{}{}
			<-answered
			r.Close()
		})
	}
}

// TestHungUp: who hangs up does not undo what is queued, and it counts as what it became.
func TestHungUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		step := make(chan struct{})
		var got []string
		_, h := receiver(t, Config{
			Apply: func(ctx context.Context, batch []Received) []Outcome {
				<-step
				return applied(ctx, batch)
			},
			Observe: func(_, result string, _ time.Duration) { got = append(got, result) },
		})
		ctx, hangUp := context.WithCancel(t.Context())
		req := httptest.NewRequestWithContext(ctx, http.MethodPost, "/webhooks/stripe", strings.NewReader(event("evt_1")))
		req.Header.Set("Stripe-Signature", signed(event("evt_1")))
		go h.ServeHTTP(httptest.NewRecorder(), req)
		synctest.Wait()
		hangUp()
		synctest.Wait()
		close(step)
		synctest.Wait()
		if len(got) != 1 || got[0] != "applied" {
			t.Errorf("observed %q", got)
		}
	})
}

// TestToldMeanwhile: the answers of a batch are out before the database has committed the
// next one: on PostgreSQL because it is waited for, on SQLite at once.
func TestToldMeanwhile(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		began, step, first, second := make(chan struct{}, 2), make(chan struct{}), make(chan struct{}), make(chan struct{})
		var r *Receiver
		r, h := receiver(t, Config{Waits: s.Waits(), MaxBatch: 1, Apply: func(ctx context.Context, batch []Received) []Outcome {
			began <- struct{}{}
			<-step
			if r.told.timer != nil {
				r.told.timer.Stop() // it would tell them, too
			}
			err := s.Update(ctx, nil, func(tx *store.Tx) error {
				err := tx.Do(func() error { tx.Tenants.Edit(store.Key{ID: batch[0].Event.ID}).Quantity++; return nil })
				if batch[0].Event.ID == "evt_2" {
					select {
					case <-first:
					case <-time.After(10 * time.Second):
						t.Error("evt_1 waits for evt_2")
					}
				}
				return err
			})
			return []Outcome{{Result: "applied", Err: err}}
		}})
		deliver := func(id string, answered chan struct{}) {
			if w := post(h, event(id), signed(event(id))); w.Code != http.StatusOK {
				t.Error(id, w.Code, w.Body)
			}
			close(answered)
		}
		go deliver("evt_1", first)
		<-began
		go deliver("evt_2", second)
		for len(r.queue) == 0 { // else nothing is kept back
			runtime.Gosched()
		}
		step <- struct{}{}
		step <- struct{}{}
		<-second
	})
}
