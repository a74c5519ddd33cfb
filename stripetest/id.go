package stripetest

import (
	"math/rand/v2"
	"strings"
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// idSource makes ids of Stripe's form from a seed: sub_ and then "1", six
// digits of the time, ten of the account and seven at random. Ids of different
// seconds therefore sort by time, as Stripe's do without promising it; those
// of one second do not, which Stripe's do not either.
type idSource struct {
	random  *rand.Rand
	account string
}

func newIDSource(seed uint64) *idSource {
	s := &idSource{random: rand.New(rand.NewPCG(seed, 0x69647321))}
	s.account = s.letters(10)
	return s
}

func (s *idSource) letters(n int) string {
	var b strings.Builder
	b.Grow(n)
	for range n {
		b.WriteByte(base62[s.random.IntN(len(base62))])
	}
	return b.String()
}

// digits is for what is printed on paper: invoice and receipt numbers.
func (s *idSource) digits(n int) string {
	const upper = "0123456789ABCDEF"
	var b strings.Builder
	for range n {
		b.WriteByte(upper[s.random.IntN(len(upper))])
	}
	return b.String()
}

// long is an id of the time-ordered sort: charges, events, invoices, prices.
func (s *idSource) long(prefix string, now int64) string {
	var stamp [6]byte
	for i := len(stamp) - 1; i >= 0; i-- {
		stamp[i] = base62[now%62]
		now /= 62
	}
	return prefix + "_1" + string(stamp[:]) + s.account + s.letters(7)
}

// short is an id of the older, unordered sort: customers, products, items.
func (s *idSource) short(prefix string) string { return prefix + "_" + s.letters(14) }
