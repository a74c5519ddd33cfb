package webhook

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// DefaultTolerance is how far a timestamp may be from now, in either
// direction, unless Options say otherwise. Stripe's libraries use the same
// five minutes (for the past alone). A retry is signed afresh, so that a
// genuine delivery is never older than its journey.
const DefaultTolerance = 5 * time.Minute

// Options say how a timestamp is judged.
type Options struct {
	// Tolerance is how far the signed timestamp may be in the past or in the
	// future. Zero and less mean DefaultTolerance: it cannot be switched off.
	Tolerance time.Duration
	// Now is the time to compare with; the zero value means the present.
	Now time.Time
}

// check wraps ErrTimestamp unless the Unix second is within the tolerance.
func (o Options) check(unix int64) error {
	tolerance, now := o.Tolerance, o.Now
	if tolerance <= 0 {
		tolerance = DefaultTolerance
	}
	if now.IsZero() {
		now = time.Now()
	}
	signed := time.Unix(unix, 0)
	if age := now.Sub(signed); age > tolerance {
		return fmt.Errorf("%w: timestamp is %s in the past, more than %s allowed", ErrTimestamp, span(age), tolerance)
	}
	if ahead := signed.Sub(now); ahead > tolerance {
		return fmt.Errorf("%w: timestamp is %s in the future, more than %s allowed", ErrTimestamp, span(ahead), tolerance)
	}
	return nil
}

// span is a duration as people say it. It is rounded up, so that "5m0s, more
// than 5m0s" cannot come of it.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= 3*day {
		return strconv.FormatInt(int64(d/day), 10) + " days"
	}
	rounded := d.Truncate(time.Millisecond)
	if rounded < d {
		rounded += time.Millisecond
	}
	return rounded.String()
}

// maxTimestampDigits keeps a timestamp within what time.Time can carry, and
// leaves room for the milliseconds that some senders write by mistake: those
// are out of tolerance, which says more than malformed.
const maxTimestampDigits = 15

// unixSeconds reads a timestamp as its sender signs it: digits and nothing
// else.
func unixSeconds(s string) (int64, error) {
	if s == "" || len(s) > maxTimestampDigits || strings.Trim(s, "0123456789") != "" {
		return 0, fmt.Errorf("%w: timestamp %s is not a Unix time in seconds", ErrMalformed, quote(s))
	}
	return strconv.ParseInt(s, 10, 64)
}

// quote shows what a stranger sent, at no more length than a log line bears.
func quote(s string) string {
	const most = 40
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + "…"
	}
	return strconv.QuoteToASCII(s)
}
