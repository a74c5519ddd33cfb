package mail

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"unicode/utf8"
)

// parseAddress reads one mailbox, `ada@example.com` or `Ada <ada@example.com>`,
// and refuses what could end a header or an SMTP command early: control
// characters, quoted local parts, address literals, more than one mailbox.
func parseAddress(s string) (*mail.Address, error) {
	if strings.ContainsFunc(s, isUnsafe) {
		return nil, errors.New("an address must not hold control characters")
	}
	if len(s) > 500 {
		return nil, errors.New("the address is too long")
	}
	a, err := mail.ParseAddress(s)
	if err != nil {
		// The parser's own text may quote the address; the caller names it.
		return nil, errors.New("not an e-mail address")
	}
	at := strings.LastIndexByte(a.Address, '@')
	local, domain := a.Address[:at], a.Address[at+1:]
	// RFC 5321 4.5.3.1: 64 octets of local part, 256 of path with its brackets.
	if len(local) == 0 || len(local) > 64 || len(domain) == 0 || len(a.Address) > 254 {
		return nil, errors.New("the address is too long")
	}
	if strings.ContainsAny(local, " \"(),:;<>@[]\\") || strings.ContainsAny(domain, " \"(),:;<>@[]\\") {
		return nil, errors.New("quoted addresses and address literals are not taken")
	}
	a.Name = cut(clean(a.Name), 100)
	return a, nil
}

// isASCII says whether an address needs no SMTPUTF8 (RFC 6531).
func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// messageID is the Message-ID, without brackets, of the notice with this key:
// the same for every attempt, so that a mailbox that got the mail before the
// connection broke can tell the second copy from a second notice. The key's
// readable part is there for people who search logs; the hash makes it unique.
func messageID(key, domain string) string {
	sum := sha256.Sum256([]byte(key))
	readable := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-':
			return r
		}
		return '-'
	}, key)
	if len(readable) > 80 {
		readable = readable[:80]
	}
	return fmt.Sprintf("%s.%s@%s", readable, hex.EncodeToString(sum[:10]), domain)
}
