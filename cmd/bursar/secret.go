package main

import (
	"fmt"
	"io"
	"net/url"
)

// Secret is a value that is used and never shown: however it is printed,
// logged or marshaled, it reads "[set]", or "" where there is none.
type Secret struct{ value string }

// NewSecret keeps value from being shown.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return s.value }

// IsSet reports whether there is a secret.
func (s Secret) IsSet() bool { return s.value != "" }

// String returns "[set]" or "".
func (s Secret) String() string {
	if s.value == "" {
		return ""
	}
	return "[set]"
}

// Format prints String for every verb, so that not even a wrong one reaches
// the field.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) }

// MarshalText serves JSON, YAML and log/slog.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Redacted returns a URL without its password and its query, and "[set]" for
// any other secret.
func (s Secret) Redacted() string {
	u, err := url.Parse(s.value)
	if err != nil || u.Scheme == "" || u.Opaque != "" {
		return s.String()
	}
	u.RawQuery, u.Fragment = "", ""
	if _, has := u.User.Password(); has {
		u.User = url.User(u.User.Username())
	}
	return u.String()
}
