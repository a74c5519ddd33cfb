package webhook

import "errors"

// The causes for which a signature is refused. What Verify and VerifyStandard
// return wraps exactly one of them and says in its text what was seen and what
// was expected; the text never holds a secret or a computed signature.
var (
	// ErrMissing: a header that carries the signature is absent or empty.
	ErrMissing = errors.New("webhook: signature header missing")
	// ErrMalformed: a header is there and cannot be read.
	ErrMalformed = errors.New("webhook: signature header malformed")
	// ErrMismatch: no signature belongs to this body, timestamp and secret.
	ErrMismatch = errors.New("webhook: signature does not match")
	// ErrTimestamp: the signature is genuine, but too old or from the future.
	ErrTimestamp = errors.New("webhook: timestamp out of tolerance")
	// ErrNoSecret: there is no secret, or one that is empty or unreadable. It
	// is the receiver's mistake, never the sender's.
	ErrNoSecret = errors.New("webhook: no usable signing secret")
)

var codes = []struct {
	cause error
	code  string
}{
	{ErrMissing, "signature_missing"},
	{ErrMalformed, "signature_malformed"},
	{ErrMismatch, "signature_mismatch"},
	{ErrTimestamp, "timestamp_out_of_tolerance"},
}

// Code is the code under which the API reports err: signature_missing,
// signature_malformed, signature_mismatch or timestamp_out_of_tolerance. It is
// empty for anything that is not the sender's mistake: nil, ErrNoSecret, and
// errors of other packages.
func Code(err error) string {
	for _, c := range codes {
		if errors.Is(err, c.cause) {
			return c.code
		}
	}
	return ""
}
