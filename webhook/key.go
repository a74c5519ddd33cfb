package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"sync"
)

// key is a signing secret whose HMAC states wait in a pool: a state that has
// been reset once keeps the hash of the padded key, so that the key is
// expanded once per state and not once per request. Safe for concurrent use.
type key struct {
	states sync.Pool // of *state
}

type state struct {
	mac    hash.Hash
	prefix []byte // what is signed before the body
	sum    []byte
}

func newKey(secret []byte) *key {
	k := &key{}
	k.states.New = func() any {
		return &state{
			mac:    hmac.New(sha256.New, secret),
			prefix: make([]byte, 0, 64),
			sum:    make([]byte, 0, sha256.Size),
		}
	}
	return k
}

// sum is the HMAC-SHA256 of the parts, each followed by a full stop, and of
// the payload.
func (k *key) sum(payload []byte, parts ...string) (sum [sha256.Size]byte) {
	s := k.states.Get().(*state)
	s.mac.Reset()
	s.prefix = s.prefix[:0]
	for _, p := range parts {
		s.prefix = append(s.prefix, p...)
		s.prefix = append(s.prefix, '.')
	}
	s.mac.Write(s.prefix)
	s.mac.Write(payload)
	s.sum = s.mac.Sum(s.sum[:0])
	copy(sum[:], s.sum)
	k.states.Put(s)
	return sum
}
