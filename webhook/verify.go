package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// HeaderStripe is the request header that carries Stripe's signature.
const HeaderStripe = "Stripe-Signature"

// Bounds of a header that is still read. Stripe sends one v1 element per
// active secret, so that a real header has two or three elements.
const (
	maxHeaderBytes    = 8 << 10
	maxHeaderElements = 64
)

// A Verifier knows the signing secrets of one Stripe endpoint: more than one
// while a secret is being rolled. It never changes and is safe for concurrent
// use. The zero value has no secret and accepts nothing.
type Verifier struct {
	keys []*key
}

// NewVerifier makes a Verifier of whole secrets, each as Stripe shows it
// ("whsec_…"). ErrNoSecret is wrapped if there is none, or if one is empty or
// blank: everybody can sign with an empty key.
func NewVerifier(secrets ...string) (*Verifier, error) {
	if len(secrets) == 0 {
		return nil, fmt.Errorf("%w: none given", ErrNoSecret)
	}
	v := &Verifier{keys: make([]*key, 0, len(secrets))}
	for i, s := range secrets {
		if strings.TrimSpace(s) == "" {
			return nil, fmt.Errorf("%w: secret %d of %d is empty", ErrNoSecret, i+1, len(secrets))
		}
		v.keys = append(v.keys, newKey([]byte(s)))
	}
	return v, nil
}

// Verify is Verifier.Verify for a caller that keeps no Verifier.
func Verify(payload []byte, header string, secrets []string, o Options) error {
	v, err := NewVerifier(secrets...)
	if err != nil {
		return err
	}
	return v.Verify(payload, header, o)
}

// Verify returns nil if header, the value of HeaderStripe, carries a v1
// signature of payload that one of the secrets made, at a time within the
// tolerance. Other schemes (Stripe's v0 among them) count for nothing.
//
// Payload is the request's body, byte for byte; it is not parsed. Otherwise
// the error wraps ErrMissing, ErrMalformed, ErrMismatch or ErrTimestamp, in
// this order of judgment: only a header whose signature is genuine can be out
// of tolerance.
func (v *Verifier) Verify(payload []byte, header string, o Options) error {
	if v == nil || len(v.keys) == 0 {
		return fmt.Errorf("%w: none given", ErrNoSecret)
	}
	var h stripeHeader
	if err := h.parse(header); err != nil {
		return err
	}
	if h.named == 0 {
		return fmt.Errorf("%w: the header carries no v1 signature", ErrMismatch)
	}
	if !v.made(payload, &h) {
		return fmt.Errorf("%w: none of %d v1 signatures was made by any of %d secrets over this timestamp and these %d bytes",
			ErrMismatch, h.named, len(v.keys), len(payload))
	}
	return o.check(h.unix)
}

func (v *Verifier) made(payload []byte, h *stripeHeader) bool {
	if h.n == 0 {
		return false
	}
	for _, k := range v.keys {
		want := k.sum(payload, h.timestamp)
		for i := range h.n {
			if hmac.Equal(h.signatures[i][:], want[:]) {
				return true
			}
		}
	}
	return false
}

// stripeHeader is what a Stripe-Signature header says. It is an array and not
// a slice so that reading one allocates nothing.
type stripeHeader struct {
	timestamp  string // as it was signed
	unix       int64
	named      int // v1 elements
	n          int // those that are 32 bytes in hexadecimal, in signatures
	signatures [maxHeaderElements][sha256.Size]byte
}

// parse reads "t=…,v1=…[,v1=…][,v0=…]". White space around an element is let
// pass, hexadecimal digits may be in either case, and a v1 element that cannot
// be a signature is one that does not match. Two timestamps that differ are
// refused: which of them was signed would be a guess.
func (h *stripeHeader) parse(header string) error {
	if strings.Trim(header, blanks) == "" {
		return fmt.Errorf("%w: no %s", ErrMissing, HeaderStripe)
	}
	if len(header) > maxHeaderBytes {
		return fmt.Errorf("%w: %d bytes, more than %d", ErrMalformed, len(header), maxHeaderBytes)
	}
	if n := strings.Count(header, ",") + 1; n > maxHeaderElements {
		return fmt.Errorf("%w: %d elements, more than %d", ErrMalformed, n, maxHeaderElements)
	}
	timed := false
	for rest, more := header, true; more; {
		var element string
		element, rest, more = strings.Cut(rest, ",")
		element = strings.Trim(element, blanks)
		scheme, value, ok := strings.Cut(element, "=")
		if !ok || scheme == "" {
			return fmt.Errorf("%w: element %s is not of the form scheme=value", ErrMalformed, quote(element))
		}
		switch scheme {
		case "t":
			if timed && value != h.timestamp {
				return fmt.Errorf("%w: two timestamps, %s and %s", ErrMalformed, quote(h.timestamp), quote(value))
			}
			unix, err := unixSeconds(value)
			if err != nil {
				return err
			}
			h.timestamp, h.unix, timed = value, unix, true
		case "v1":
			h.named++
			if decodeHex(&h.signatures[h.n], value) {
				h.n++
			}
		}
	}
	if !timed {
		return fmt.Errorf("%w: no timestamp (t=)", ErrMalformed)
	}
	return nil
}

// blanks are what HTTP allows around an element of a list.
const blanks = " \t"

func decodeHex(dst *[sha256.Size]byte, s string) bool {
	var src [2 * sha256.Size]byte
	if len(s) != len(src) {
		return false
	}
	copy(src[:], s)
	_, err := hex.Decode(dst[:], src[:])
	return err == nil
}
