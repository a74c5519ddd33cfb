package billing

import (
	"testing"
	"time"
)

func TestExpiriesToTell(t *testing.T) {
	// It is the 31st there; in UTC the next month has begun.
	west := time.FixedZone("west", -8*3600)
	for _, tt := range []struct {
		now  time.Time
		want string
	}{
		{time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), "2026-03 2026-04"},
		{time.Date(2026, 1, 31, 23, 59, 59, 0, time.UTC), "2026-01 2026-02"},
		{time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC), "2026-11 2026-12"},
		{time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), "2026-12 2027-01"},
		{time.Date(2026, 12, 31, 20, 0, 0, 0, west), "2027-01 2027-02"},
	} {
		got := ExpiriesToTell(tt.now)
		if text := got[0].String() + " " + got[1].String(); text != tt.want {
			t.Errorf("%s: %s, want %s", tt.now, text, tt.want)
		}
		for _, e := range got {
			if now := tt.now.Unix(); now < e.Near() || now >= e.End() {
				t.Errorf("%s: %s is near from %d until %d", tt.now, e, e.Near(), e.End())
			}
		}
	}
	january := Expiry{2027, 1}
	if near, end := time.Unix(january.Near(), 0).UTC(), time.Unix(january.End(), 0).UTC(); near != time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC) || end != time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC) {
		t.Error(near, end)
	}
}

func TestSilent(t *testing.T) {
	const day = 86400
	for _, tt := range []struct {
		name  string
		quiet Quiet
		now   int64
		want  bool
	}{
		{"a day after a period's end", Quiet{Since: 100 * day, Running: 1, FirstEnd: 102 * day}, 103 * day, true},
		{"Stripe may still be telling", Quiet{Since: 100 * day, Running: 1, FirstEnd: 102 * day}, 103*day - 1, false},
		{"nothing was to be told", Quiet{Since: 100 * day, Running: 3, FirstEnd: 125 * day}, 120 * day, false},
		{"none of the periods is known", Quiet{Since: 100 * day, Running: 3}, 130*day - 1, false},
		{"for too long, whatever the periods", Quiet{Since: 100 * day, Running: 3, FirstEnd: 400 * day}, 130 * day, true},
		{"nobody has anything", Quiet{Since: 100 * day}, 900 * day, false},
	} {
		if got := tt.quiet.Silent(tt.now); got != tt.want {
			t.Errorf("%s: %t", tt.name, got)
		}
	}
}
