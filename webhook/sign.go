package webhook

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// Sign is the value of HeaderStripe with which Stripe would send payload at t:
// "t=<seconds>,v1=<hex>". It is for tests and simulators. An empty secret
// signs nothing: the result is empty, which a receiver takes for a missing
// signature.
func Sign(payload []byte, secret string, t time.Time) string {
	return SignAll(payload, []string{secret}, t)
}

// SignAll is Sign while a secret is being rolled: one v1 element per secret,
// in their order. Without a secret, or with an empty one among them, the
// result is empty.
func SignAll(payload []byte, secrets []string, t time.Time) string {
	v, err := NewVerifier(secrets...)
	if err != nil {
		return ""
	}
	timestamp := strconv.FormatInt(t.Unix(), 10)
	var b strings.Builder
	b.WriteString("t=" + timestamp)
	for _, k := range v.keys {
		sum := k.sum(payload, timestamp)
		b.WriteString(",v1=" + hex.EncodeToString(sum[:]))
	}
	return b.String()
}
