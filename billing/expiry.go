package billing

import (
	"fmt"
	"time"
)

// Expiry is the month through which a card is good, in UTC.
type Expiry struct {
	Year  int64
	Month int64 // from 1
}

// ExpiriesToTell are the expiries that are near: the present month and the next. A
// card that has expired is nothing to warn of; its payments fail, and that is told.
func ExpiriesToTell(now time.Time) [2]Expiry {
	year, month, _ := now.UTC().Date()
	next := time.Date(year, month+1, 1, 0, 0, 0, 0, time.UTC)
	return [2]Expiry{{int64(year), int64(month)}, {int64(next.Year()), int64(next.Month())}}
}

// Near is when the expiry begins to be near, in Unix seconds.
func (e Expiry) Near() int64 { return e.first(-1) }

// End is when the card is no longer good, in Unix seconds.
func (e Expiry) End() int64 { return e.first(1) }

func (e Expiry) first(months int64) int64 {
	return time.Date(int(e.Year), time.Month(e.Month+months), 1, 0, 0, 0, 0, time.UTC).Unix()
}

// String is the month as keys have it: 2026-12.
func (e Expiry) String() string { return fmt.Sprintf("%04d-%02d", e.Year, e.Month) }
