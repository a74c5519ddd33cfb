package main

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bursarhq/bursar/stripetest"
)

// TestTimeGoesOn has a clock tell that hours have passed.
func TestTimeGoesOn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	sv, err := listen(ctx, "127.0.0.1:0", "")
	if err != nil {
		t.Fatal(err)
	}
	sv.log = slog.New(slog.DiscardHandler)
	account := stripetest.NewAccount(stripetest.Config{Chaos: &stripetest.Chaos{}})
	defer account.Close()
	start := account.Now()
	var hours atomic.Int64
	ended := make(chan error, 1)
	go func() {
		ended <- serveAccount(ctx, sv, account, func() time.Time { return start.Add(time.Duration(hours.Load()) * time.Hour) })
	}()
	get(t, baseURLOf(sv.main)) // it is up, and has looked at the clock
	hours.Store(3)
	waitFor(t, "three hours to pass", func() bool { return account.Now().Equal(start.Add(3 * time.Hour)) })
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestManner(t *testing.T) {
	calm, mild, hostile := simulateCommand{Calm: true}.manner(), simulateCommand{}.manner(), simulateCommand{Chaos: true}.manner()
	if *calm != (stripetest.Chaos{}) || mild.LoseForever != 0 || mild.Duplicate == 0 || hostile.LoseForever == 0 || hostile.MaxDelay > time.Minute {
		t.Errorf("%+v\n%+v\n%+v", calm, mild, hostile)
	}
}
