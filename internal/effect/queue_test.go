package effect_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/bursarhq/bursar/internal/effect"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

// plan writes an effect as a rule does, within a unit of work.
func plan(t *testing.T, s *store.Store, kind, key string) {
	t.Helper()
	err := s.Update(context.Background(), nil, func(tx *store.Tx) error {
		return tx.Do(func() error {
			row := tx.Effects.Edit(store.Key{ID: key})
			row.Kind, row.Seq, row.Status, row.DueAt, row.CreatedAt, row.Data = kind, tx.NextSeq(), store.Pending, tx.Now, tx.Now, "{}"
			tx.Wake(kind, tx.Now)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func statusOf(t *testing.T, s *store.Store, key string) (status, reason string, attempts int) {
	t.Helper()
	if err := s.Writer().QueryRow(`SELECT status, reason, attempts FROM effects WHERE key = $1`, key).Scan(&status, &reason, &attempts); err != nil {
		t.Fatal(err)
	}
	return status, reason, attempts
}

// TestQueue: effects are performed once each; what fails is tried again, what fails
// for good is failed, what is no longer true is superseded.
func TestQueue(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var mu sync.Mutex
		calls := map[string]int{}
		done := make(chan string, 100)
		runners := []effect.Runner{{Kind: "test", MaxAttempts: 3, Parallel: 2, Run: func(_ context.Context, e store.Effect) (effect.Outcome, error) {
			mu.Lock()
			calls[e.ID]++
			n := calls[e.ID]
			mu.Unlock()
			switch e.ID {
			case "test:flaky":
				if n < 3 {
					return effect.Outcome{}, &effect.RetryAfter{Err: errors.New("not yet"), Delay: 10 * time.Millisecond}
				}
			case "test:hopeless":
				done <- e.ID
				return effect.Outcome{}, fmt.Errorf("%w: no", effect.ErrPermanent)
			case "test:untrue":
				done <- e.ID
				return effect.Outcome{Status: store.Superseded, Reason: "old"}, nil
			}
			done <- e.ID
			return effect.Outcome{Status: store.Sent, Recipient: "a@example.com"}, nil
		}}}
		stop := work(t, effect.Config{Store: s, Runners: runners})

		keys := []string{"test:flaky", "test:hopeless", "test:untrue"}
		for i := range 20 {
			keys = append(keys, fmt.Sprintf("test:%d", i))
		}
		for _, k := range keys {
			plan(t, s, "test", k)
		}
		plan(t, s, "nobody", "nobody:1")
		for range keys {
			select {
			case <-done:
			case <-time.After(60 * time.Second):
				t.Fatal("not all effects were performed")
			}
		}
		stop()
		for key, want := range map[string]string{"test:flaky": "sent 3", "test:hopeless": "failed 1", "test:untrue": "superseded 1", "test:7": "sent 1", "nobody:1": "pending 0"} {
			status, reason, attempts := statusOf(t, s, key)
			if got := fmt.Sprintf("%s %d", status, attempts); got != want {
				t.Errorf("%s: %s (%s), want %s", key, got, reason, want)
			}
		}
	})
}

// TestKindsApart: a kind whose effects hang does not keep the workers from another, however
// often it is woken.
func TestKindsApart(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		begun, other := make(chan struct{}, 10), make(chan struct{})
		stop := work(t, effect.Config{
			Store: s,
			Runners: []effect.Runner{
				{Kind: "hangs", Run: func(ctx context.Context, _ store.Effect) (effect.Outcome, error) {
					begun <- struct{}{}
					select {
					case <-other:
					case <-ctx.Done():
					}
					return effect.Outcome{Status: store.Sent}, ctx.Err()
				}},
				{Kind: "other", Run: func(context.Context, store.Effect) (effect.Outcome, error) {
					close(other)
					return effect.Outcome{Status: store.Sent}, nil
				}},
			},
		})
		wait := func(c <-chan struct{}, what string) {
			t.Helper()
			select {
			case <-c:
			case <-time.After(60 * time.Second):
				t.Fatal(what)
			}
		}
		plan(t, s, "hangs", "hangs:1")
		wait(begun, "nothing is performed")
		for i := range 5 {
			plan(t, s, "hangs", fmt.Sprintf("hangs:%d", i+2))
		}
		plan(t, s, "other", "other:1")
		wait(other, "the other kind has no worker")
		for range 5 { // what came while the first hung is performed, too
			wait(begun, "some are forgotten")
		}
		stop()
	})
}

// TestStopWhileBusy: a queue that waits for receiving stops at once, and what it had
// claimed and not begun is as it was.
func TestStopWhileBusy(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const n = 200 // at the gate's pace they take a second
		for i := range n {
			plan(t, s, "test", fmt.Sprintf("test:%d", i))
		}
		begun := make(chan struct{}, n)
		stop := work(t, effect.Config{
			Store: s, Busy: func() bool { return true },
			Runners: []effect.Runner{{Kind: "test", Parallel: 2, Every: time.Minute, Run: func(context.Context, store.Effect) (effect.Outcome, error) {
				begun <- struct{}{}
				return effect.Outcome{Status: store.Sent}, nil
			}}},
		})
		for range 3 {
			select {
			case <-begun:
			case <-time.After(60 * time.Second):
				t.Fatal("nothing gets through")
			}
		}
		stop()
		sent := len(begun) + 3
		if sent > 20 {
			t.Errorf("%d were performed: it did not stop at once", sent)
		}
		for where, want := range map[string]int{"status = 'sent' AND attempts = 1": sent, "status = 'pending' AND attempts = 0 AND due_at = created_at": n - sent} {
			var rows int
			if err := s.Writer().QueryRow(`SELECT COUNT(*) FROM effects WHERE ` + where).Scan(&rows); err != nil || rows != want {
				t.Errorf("%d rows are %s, want %d (%v)", rows, where, want, err)
			}
		}
	})
}

// work has a queue work. stop ends it, when what runs is finished, and marked.
func work(t *testing.T, cfg effect.Config) (stop func()) {
	t.Helper()
	cfg.Log, cfg.Now, cfg.Poll = slog.New(slog.DiscardHandler), time.Now, 20*time.Millisecond
	q, err := effect.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Store.Enqueue = q.Enqueue
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- q.Run(ctx) }()
	return func() {
		t.Helper()
		cancel()
		if err := <-stopped; err != nil {
			t.Fatal(err)
		}
	}
}

// TestRollback: what a unit of work that fails has planned is not performed, nor woken.
func TestRollback(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		q, err := effect.New(effect.Config{Store: s, Log: slog.New(slog.DiscardHandler), Runners: []effect.Runner{{
			Kind: "test",
			Run: func(context.Context, store.Effect) (effect.Outcome, error) {
				return effect.Outcome{Status: store.Sent}, nil
			},
		}}})
		if err != nil {
			t.Fatal(err)
		}
		enqueued := false
		s.Enqueue = func(ctx context.Context, tx *store.Tx, due map[string]int64) error {
			if err := q.Enqueue(ctx, tx, due); err != nil {
				t.Fatal(err)
			}
			enqueued = true
			return errors.New("the commit fails")
		}
		err = s.Update(t.Context(), nil, func(tx *store.Tx) error {
			return tx.Do(func() error {
				row := tx.Effects.Edit(store.Key{ID: "test:1"})
				row.Kind, row.Seq, row.Status, row.Data = "test", tx.NextSeq(), store.Pending, "{}"
				tx.Wake("test", tx.Now)
				return nil
			})
		})
		if err == nil || !enqueued {
			t.Fatal("the unit of work did not fail")
		}
		for _, table := range []string{"effects", "river_job"} {
			var n int
			if err := s.Writer().QueryRow(`SELECT COUNT(*) FROM ` + table).Scan(&n); err != nil || n != 0 {
				t.Errorf("%s: %d rows, %v", table, n, err)
			}
		}
	})
}

// TestLease: an effect whose worker died is another's when its lease is over.
func TestLease(t *testing.T) {
	now := time.Now()
	storetest.EachAt(t, func() time.Time { return now }, func(t *testing.T, s *store.Store) {
		plan(t, s, "test", "test:1")
		first, err := s.ClaimEffects(t.Context(), "test", time.Minute, 10)
		if err != nil || len(first) != 1 {
			t.Fatal(first, err)
		}
		if again, err := s.ClaimEffects(t.Context(), "test", time.Minute, 10); err != nil || len(again) != 0 {
			t.Fatal("claimed twice", again, err)
		}
		now = now.Add(2 * time.Minute)
		second, err := s.ClaimEffects(t.Context(), "test", time.Minute, 10)
		if err != nil || len(second) != 1 || second[0].Attempts != 2 {
			t.Fatal(second, err)
		}
		// The first worker was only slow: its mark comes too late and changes nothing.
		if err := s.FinishEffects(t.Context(), []store.EffectDone{{Effect: first[0], Status: store.Failed}}); err != nil {
			t.Fatal(err)
		}
		if err := s.FinishEffects(t.Context(), []store.EffectDone{{Effect: second[0], Status: store.Sent, Reason: "with a NUL\x00"}}); err != nil {
			t.Fatal(err)
		}
		if status, _, _ := statusOf(t, s, "test:1"); status != store.Sent {
			t.Error(status)
		}
	})
}
