package webhook

import (
	"crypto/hmac"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of Standard Webhooks, in the spelling of http.Header. HeaderID
// stays the same however often a message is sent: the receiver recognizes
// repetitions by it.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp"
	HeaderSignature = "Webhook-Signature"
)

const (
	secretPrefix    = "whsec_"
	standardVersion = "v1," // HMAC-SHA256; v1a is ed25519
	maxIDBytes      = 256
)

// SignStandard returns the three headers with which payload is sent under id
// at t: one v1 signature per secret, so that a secret can be rolled. A secret
// is base64, "whsec_" before it or not; the specification asks for a key of 24
// to 64 bytes.
//
// The id is visible ASCII without a full stop, of 256 bytes at most
// (ErrMalformed otherwise): the full stop separates the id from what follows
// it, so that one within it could move the boundary. ErrNoSecret is wrapped if
// there is no secret, or one that is empty or not base64.
func SignStandard(id string, t time.Time, payload []byte, secrets ...string) (http.Header, error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	if t.Unix() < 0 {
		return nil, fmt.Errorf("%w: timestamp %d is before 1970", ErrMalformed, t.Unix())
	}
	keys, err := standardKeys(secrets)
	if err != nil {
		return nil, err
	}
	timestamp := strconv.FormatInt(t.Unix(), 10)
	signatures := make([]string, len(keys))
	for i, k := range keys {
		sum := k.sum(payload, id, timestamp)
		signatures[i] = standardVersion + base64.StdEncoding.EncodeToString(sum[:])
	}
	return http.Header{
		HeaderID:        {id},
		HeaderTimestamp: {timestamp},
		HeaderSignature: {strings.Join(signatures, " ")},
	}, nil
}

// VerifyStandard returns nil if h carries a v1 signature of payload that one
// of the secrets made, at a time within the tolerance. Signatures of other
// versions are passed over. Payload and errors are as for Verifier.Verify,
// secrets as for SignStandard.
func VerifyStandard(payload []byte, h http.Header, secrets []string, o Options) error {
	keys, err := standardKeys(secrets)
	if err != nil {
		return err
	}
	for _, name := range []string{HeaderID, HeaderTimestamp, HeaderSignature} {
		if strings.Trim(h.Get(name), blanks) == "" {
			return fmt.Errorf("%w: no %s", ErrMissing, strings.ToLower(name))
		}
	}
	id, timestamp := h.Get(HeaderID), h.Get(HeaderTimestamp)
	if err := checkID(id); err != nil {
		return err
	}
	unix, err := unixSeconds(timestamp)
	if err != nil {
		return err
	}
	signatures, err := standardSignatures(h.Get(HeaderSignature))
	if err != nil {
		return err
	}
	if len(signatures) == 0 {
		return fmt.Errorf("%w: the header carries no v1 signature", ErrMismatch)
	}
	for _, k := range keys {
		sum := k.sum(payload, id, timestamp)
		// The text is compared, not what it decodes to: base64 has several
		// spellings of the same bytes, and only one of them was sent.
		want := []byte(base64.StdEncoding.EncodeToString(sum[:]))
		for _, s := range signatures {
			if hmac.Equal([]byte(s), want) {
				return o.check(unix)
			}
		}
	}
	return fmt.Errorf("%w: none of %d v1 signatures was made by any of %d secrets over this id, this timestamp and these %d bytes",
		ErrMismatch, len(signatures), len(keys), len(payload))
}

// standardSignatures are the v1 signatures of "v1,… v1,… v1a,…", in base64.
func standardSignatures(header string) ([]string, error) {
	if len(header) > maxHeaderBytes {
		return nil, fmt.Errorf("%w: %d bytes, more than %d", ErrMalformed, len(header), maxHeaderBytes)
	}
	elements := strings.Fields(header)
	if len(elements) > maxHeaderElements {
		return nil, fmt.Errorf("%w: %d signatures, more than %d", ErrMalformed, len(elements), maxHeaderElements)
	}
	var signatures []string
	for _, e := range elements {
		if !strings.Contains(e, ",") {
			return nil, fmt.Errorf("%w: signature %s is not of the form version,base64", ErrMalformed, quote(e))
		}
		if s, ok := strings.CutPrefix(e, standardVersion); ok {
			signatures = append(signatures, s)
		}
	}
	return signatures, nil
}

func standardKeys(secrets []string) ([]*key, error) {
	if len(secrets) == 0 {
		return nil, fmt.Errorf("%w: none given", ErrNoSecret)
	}
	keys := make([]*key, len(secrets))
	for i, s := range secrets {
		raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, secretPrefix))
		if err != nil {
			// The decoder's own error is left out: it names bytes of the secret.
			return nil, fmt.Errorf("%w: secret %d of %d is not base64 after %s", ErrNoSecret, i+1, len(secrets), secretPrefix)
		}
		if len(raw) == 0 {
			return nil, fmt.Errorf("%w: secret %d of %d is empty", ErrNoSecret, i+1, len(secrets))
		}
		keys[i] = newKey(raw)
	}
	return keys, nil
}

func checkID(id string) error {
	if id == "" || len(id) > maxIDBytes {
		return fmt.Errorf("%w: webhook id of %d bytes, between 1 and %d allowed", ErrMalformed, len(id), maxIDBytes)
	}
	for i := range len(id) {
		if c := id[i]; c <= ' ' || c > '~' || c == '.' {
			return fmt.Errorf("%w: webhook id %s holds %q", ErrMalformed, quote(id), c)
		}
	}
	return nil
}
