package receive

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestBusy: the lane is busy when it has worked for most of the last moments, and soon
// no longer when nothing comes.
func TestBusy(t *testing.T) {
	for _, tt := range []struct {
		name          string
		commit, pause time.Duration
		busy          bool
	}{
		{"now and then", 5 * time.Millisecond, 45 * time.Millisecond, false},
		{"a little more than half", 11 * time.Millisecond, 9 * time.Millisecond, true},
		{"a little less than half", 9 * time.Millisecond, 11 * time.Millisecond, false},
		{"all the time", 20 * time.Millisecond, 0, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, h := receiver(t, Config{Apply: func(ctx context.Context, batch []Received) []Outcome {
					time.Sleep(tt.commit) // by the bubble's clock, here and below
					return applied(ctx, batch)
				}})
				if r.Busy() {
					t.Error("busy before anything came")
				}
				deliver := func() {
					if w := post(h, event("evt_1"), signed(event("evt_1"))); w.Code != 200 {
						t.Fatal(w.Code, w.Body)
					}
				}
				for began := time.Now(); time.Since(began) < 2*time.Second; time.Sleep(tt.pause) {
					deliver()
				}
				// In the long run, at whatever moment: a commit less or more shows little.
				if r.Busy() != tt.busy {
					t.Errorf("busy is %v", r.Busy())
				}
				time.Sleep(moments)
				if r.Busy() {
					t.Error("still busy when nothing has come for a while")
				}
				r.Close()
			})
		})
	}
}

// TestBusyWithOne: one transaction that takes long makes the lane busy while it lasts.
func TestBusyWithOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r, h := receiver(t, Config{Apply: func(ctx context.Context, batch []Received) []Outcome {
			<-release
			return applied(ctx, batch)
		}})
		go post(h, event("evt_1"), signed(event("evt_1")))
		synctest.Wait()
		if r.Busy() {
			t.Error("busy as soon as it begins")
		}
		time.Sleep(moments)
		if !r.Busy() {
			t.Error("not busy")
		}
		close(release)
		r.Close()
	})
}
