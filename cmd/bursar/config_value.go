package main

import (
	"encoding/base64"
	"log/slog"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// value is where a setting's text goes, and what text that may be.
type value struct {
	accepts string            // completes "write …"
	set     func(string) bool // false: not accepted, nothing set
	secret  bool              // never shown, and readable from NAME_FILE
	redact  bool              // a secret of which all but the password is shown
}

// shown is an accepted text as it may be shown.
func (v value) shown(text string) string {
	switch {
	case v.redact:
		return NewSecret(text).Redacted()
	case v.secret:
		return NewSecret(text).String()
	}
	return text
}

// Off is a duration that was switched off.
const Off time.Duration = -1

// Rate is so many requests in a time. The zero Rate is no limit.
type Rate struct {
	Count int
	Per   time.Duration
}

// PerSecond returns the rate in requests a second; 0 means no limit.
func (r Rate) PerSecond() float64 {
	if r.Per <= 0 {
		return 0
	}
	return float64(r.Count) / r.Per.Seconds()
}

// parsed is a value that parse reads and to holds.
func parsed[T any](to *T, accepts string, parse func(string) (T, bool)) value {
	return value{accepts: accepts, set: func(text string) bool {
		v, ok := parse(text)
		if ok {
			*to = v
		}
		return ok
	}}
}

func text(to *string, accepts string) value {
	return parsed(to, accepts, func(s string) (string, bool) { return s, s != "" })
}

func boolean(to *bool) value {
	return parsed(to, "true or false", func(s string) (bool, bool) {
		v, err := strconv.ParseBool(s)
		return v, err == nil
	})
}

func choice(to *string, words ...string) value {
	last := len(words) - 1
	accepts := strings.Join(words[:last], ", ") + " or " + words[last]
	return parsed(to, accepts, func(s string) (string, bool) { return s, slices.Contains(words, s) })
}

func count(to *int) value {
	return parsed(to, "a whole number from 1 on", func(s string) (int, bool) {
		n, err := strconv.Atoi(s)
		return n, err == nil && n >= 1
	})
}

func logLevel(to *slog.Level) value {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	return parsed(to, "debug, info, warn or error", func(s string) (slog.Level, bool) {
		level, ok := levels[s]
		return level, ok
	})
}

// least is what a duration may be at the least.
type least int

const (
	positive least = iota
	orZero
	orOff
)

func duration(to *time.Duration, at least) value {
	accepts := "a duration such as 90s, 5m, 12h or 7d"
	if at == orOff {
		accepts += ", or off"
	}
	return parsed(to, accepts, func(s string) (time.Duration, bool) {
		if s == "off" {
			return Off, at == orOff
		}
		d, ok := parseDuration(s)
		return d, ok && (d > 0 || d == 0 && at == orZero)
	})
}

// parseDuration reads Go's durations, which may begin with days of 24 hours:
// 7d, 1d12h.
func parseDuration(s string) (time.Duration, bool) {
	const day = 24 * time.Hour
	var total time.Duration
	if days, rest, ok := strings.Cut(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, false
		}
		if total, s = time.Duration(n)*day, rest; s == "" {
			return total, true
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || total+d < total {
		return 0, false
	}
	return total + d, true
}

var sizeUnits = map[string]int64{
	"": 1, "B": 1,
	"kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9,
	"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30,
}

func size(to *int64) value {
	return parsed(to, "a size such as 65536, 512KiB, 1MiB or 1MB", func(s string) (int64, bool) {
		digits := strings.TrimRight(s, "BKGMki")
		n, err := strconv.ParseInt(digits, 10, 32)
		unit, ok := sizeUnits[strings.TrimPrefix(s, digits)]
		return n * unit, err == nil && ok && n > 0
	})
}

func rate(to *Rate) value {
	units := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}
	return parsed(to, "a rate such as 100/s, 600/m or 5000/h, or off", func(s string) (Rate, bool) {
		if s == "off" {
			return Rate{}, true
		}
		number, unit, _ := strings.Cut(s, "/")
		n, err := strconv.Atoi(number)
		per, ok := units[unit]
		return Rate{n, per}, err == nil && ok && n > 0
	})
}

func address(to *string) value {
	return parsed(to, "an address such as 127.0.0.1:8000 or :8000", func(s string) (string, bool) {
		host, port, err := net.SplitHostPort(s)
		if err != nil || strings.ContainsAny(host, " /") {
			return "", false
		}
		_, err = strconv.ParseUint(port, 10, 16)
		return s, err == nil
	})
}

// webURL accepts absolute http and https URLs.
func webURL(s string) (*url.URL, bool) {
	u, err := url.Parse(s)
	return u, err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil && u.Fragment == ""
}

func baseURL(to *string) value {
	return parsed(to, "a URL such as https://billing.example.com, without user, query and fragment", func(s string) (string, bool) {
		u, ok := webURL(s)
		return strings.TrimRight(s, "/"), ok && u.RawQuery == "" && !u.ForceQuery
	})
}

func targetURL(to *string) value {
	return parsed(to, "a URL such as https://app.example.com/hooks?from=bursar, without user and fragment", func(s string) (string, bool) {
		_, ok := webURL(s)
		return s, ok
	})
}

func mailAddress(to *string) value {
	return parsed(to, "a mail address such as billing@example.com or Example <billing@example.com>", func(s string) (string, bool) {
		_, err := mail.ParseAddress(s)
		return s, err == nil
	})
}

// list is a list of items, separated by commas, none of them empty.
func list[T any](to *[]T, accepts string, item func(string) (T, bool)) value {
	return parsed(to, accepts+", separated by commas", func(s string) ([]T, bool) { return split(s, item) })
}

func split[T any](s string, item func(string) (T, bool)) ([]T, bool) {
	var items []T
	for text := range strings.SplitSeq(s, ",") {
		v, ok := item(strings.TrimSpace(text))
		if !ok {
			return nil, false
		}
		items = append(items, v)
	}
	return items, true
}

// metadataKey accepts what Stripe does: 40 characters, no square brackets.
func metadataKey(s string) (string, bool) {
	return s, s != "" && len([]rune(s)) <= 40 && !strings.ContainsAny(s, "[]")
}

func prefix(s string) (netip.Prefix, bool) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err == nil
}

func origin(s string) (string, bool) {
	u, ok := webURL(s)
	return s, ok && s == u.Scheme+"://"+u.Host
}

// form is what a secret looks like.
type form struct {
	accepts string
	matches func(string) bool
}

func pattern(accepts, expression string) form {
	return form{accepts, regexp.MustCompile(expression).MatchString}
}

var (
	password      = form{"any text", func(s string) bool { return s != "" }}
	apiKey        = pattern("a key without spaces", `^[!-~]+$`)
	webhookSecret = pattern("a secret that begins with whsec_", `^whsec_[!-~]+$`)
	stripeKey     = pattern("a key that begins with sk_test_, sk_live_, rk_test_ or rk_live_", `^[sr]k_(test|live)_[!-~]+$`)
	account       = pattern("an id that begins with acct_", `^acct_[A-Za-z0-9_]+$`)

	standardSecret = form{"a secret of whsec_ and base64", func(s string) bool {
		encoded, ok := strings.CutPrefix(s, "whsec_")
		key, err := base64.StdEncoding.DecodeString(encoded)
		return ok && err == nil && len(key) > 0
	}}
	smtpForm = form{"a URL such as smtp://user:pass@host:587 or smtps://host", func(s string) bool {
		u, err := url.Parse(s)
		return err == nil && (u.Scheme == "smtp" || u.Scheme == "smtps") && u.Hostname() != ""
	}}
	databaseForm = form{"sqlite://PATH or postgres://…", func(s string) bool {
		if path, ok := strings.CutPrefix(s, "sqlite://"); ok {
			return path != ""
		}
		u, err := url.Parse(s)
		return err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") && u.Opaque == "" && strings.HasPrefix(s, u.Scheme+"://")
	}}
)

func secret(to *Secret, f form) value {
	v := parsed(to, f.accepts, func(s string) (Secret, bool) { return NewSecret(s), f.matches(s) })
	v.secret = true
	return v
}

// secretURL is a URL that may hold a password.
func secretURL(to *Secret, f form) value {
	v := secret(to, f)
	v.redact = true
	return v
}

// secrets is one or more secrets, separated by commas or, as they may well be
// in a file, by line ends.
func secrets(to *[]Secret, f form) value {
	v := parsed(to, f.accepts+", or several, separated by commas", func(s string) ([]Secret, bool) {
		return split(strings.ReplaceAll(s, "\n", ","), func(s string) (Secret, bool) { return NewSecret(s), f.matches(s) })
	})
	v.secret = true
	return v
}

// keyMode is the mode that one of Stripe's keys is of, empty without a key.
func keyMode(key Secret) string {
	switch _, rest, _ := strings.Cut(key.Reveal(), "_"); {
	case strings.HasPrefix(rest, "live_"):
		return "live"
	case strings.HasPrefix(rest, "test_"):
		return "test"
	}
	return ""
}
