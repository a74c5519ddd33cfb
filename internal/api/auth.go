package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/bursarhq/bursar/internal/store"
)

// Scope is what a key allows, and what a route wants. The zero value is the strictest.
type Scope int

// Scopes, each with all that follow.
const (
	Admin Scope = iota
	Write
	Read
	Open // no key is asked for
)

func (s Scope) String() string { return [...]string{"admin", "write", "read", "open"}[s] }

// allows says whether a key of scope s may use a route that wants another.
func (s Scope) allows(wanted Scope) bool { return s <= wanted }

// parseScope reads a scope as the table of keys has it.
func parseScope(text string) (Scope, bool) {
	for s := Admin; s <= Read; s++ {
		if s.String() == text {
			return s, true
		}
	}
	return Open, false
}

// caller is whoever sent a request.
type caller struct {
	id    string // unique among keys
	name  string // the actor in the timeline
	scope Scope
}

type callerKey struct{}

// callerOf is who sent the request; handlers run only where there is somebody, unless
// their route is open.
func callerOf(ctx context.Context) caller {
	c, ok := ctx.Value(callerKey{}).(caller)
	if !ok {
		return caller{scope: Open}
	}
	return c
}

// keyring knows the keys: those of the configuration, which may do everything, and
// those of the database.
type keyring struct {
	fixed []fixedKey
	read  *store.Reader
	limit float64

	mu     sync.Mutex
	found  map[[sha256.Size]byte]foundKey
	limits map[string]*rate.Limiter
}

type fixedKey struct {
	digest [sha256.Size]byte
	caller caller
}

type foundKey struct {
	caller caller
	until  time.Time
}

const (
	// foundKept is how long a key of the database is not looked up again: a key that
	// was revoked works for no longer than that.
	foundKept = time.Second
	// foundMost bounds the memory that they take.
	foundMost = 1000
)

var errNoKey = errors.New("no such key")

func newKeyring(keys []string, read *store.Reader, limit float64) (*keyring, error) {
	k := &keyring{read: read, limit: limit, found: map[[sha256.Size]byte]foundKey{}, limits: map[string]*rate.Limiter{}}
	for i, key := range keys {
		if key == "" {
			return nil, errors.New("an API key is empty")
		}
		name := fmt.Sprintf("key%d", i+1)
		k.fixed = append(k.fixed, fixedKey{sha256.Sum256([]byte(key)), caller{id: name, name: name, scope: Admin}})
	}
	return k, nil
}

// find is whose a key is; errNoKey where it is nobody's.
func (k *keyring) find(ctx context.Context, key string) (caller, error) {
	digest := sha256.Sum256([]byte(key))
	var match *caller
	for i := range k.fixed { // all of them: the time says nothing
		if subtle.ConstantTimeCompare(k.fixed[i].digest[:], digest[:]) == 1 {
			match = &k.fixed[i].caller
		}
	}
	if match != nil {
		return *match, nil
	}
	now := k.read.Now()
	k.mu.Lock()
	known, ok := k.found[digest]
	k.mu.Unlock()
	if ok && now.Before(known.until) {
		return known.caller, nil
	}
	row, err := k.read.APIKey(ctx, hex.EncodeToString(digest[:]))
	if errors.Is(err, store.ErrNotFound) {
		return caller{}, errNoKey
	} else if err != nil {
		return caller{}, err
	}
	scope, ok := parseScope(row.Scope)
	if !ok {
		return caller{}, errNoKey
	}
	c := caller{id: row.ID, name: row.Name, scope: scope}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.found) >= foundMost {
		clear(k.found)
	}
	k.found[digest] = foundKey{c, now.Add(foundKept)}
	return c, nil
}

// wait is how long a caller has to wait before its next request: zero where it may
// go on. A key may save up the requests of one second.
func (k *keyring) wait(c caller) time.Duration {
	if k.limit <= 0 {
		return 0
	}
	k.mu.Lock()
	l := k.limits[c.id]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(k.limit), max(1, int(math.Ceil(k.limit))))
		k.limits[c.id] = l
	}
	k.mu.Unlock()
	now := k.read.Now()
	r := l.ReserveN(now, 1)
	d := r.DelayFrom(now)
	if d > 0 {
		r.CancelAt(now)
	}
	return d
}

// authenticate finds out who sent the request, and whether it is not too many of them.
func (s *server) authenticate(r *http.Request) (*http.Request, *Problem) {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	key = strings.TrimSpace(key)
	if !strings.EqualFold(scheme, "Bearer") || key == "" {
		s.refused(r, "no key")
		return nil, problem(http.StatusUnauthorized, "unauthorized", "Send a key: Authorization: Bearer KEY.").with("WWW-Authenticate", "Bearer")
	}
	c, err := s.keys.find(r.Context(), key)
	if errors.Is(err, errNoKey) {
		s.refused(r, "unknown key")
		return nil, problem(http.StatusUnauthorized, "unauthorized", "The key is not known.").with("WWW-Authenticate", `Bearer error="invalid_token"`)
	} else if err != nil {
		return nil, s.problemOf(r.Context(), "authenticate", err)
	}
	if d := s.keys.wait(c); d > 0 {
		seconds := strconv.Itoa(int(math.Ceil(d.Seconds())))
		return nil, problem(http.StatusTooManyRequests, "rate_limited", "Too many requests with this key.").with("Retry-After", seconds)
	}
	return r.WithContext(context.WithValue(r.Context(), callerKey{}, c)), nil
}

// refused logs who was not let in.
func (s *server) refused(r *http.Request, reason string) {
	s.log.WarnContext(r.Context(), "request refused", "client", r.RemoteAddr, "request", r.Method+" "+r.URL.Path, "reason", reason)
}

// permit wants the caller's scope to be enough for a route.
func permit(c caller, wanted Scope) *Problem {
	if c.scope.allows(wanted) {
		return nil
	}
	return problem(http.StatusForbidden, "insufficient_scope", "The key's scope is %s, this needs %s.", c.scope, wanted).
		with("WWW-Authenticate", fmt.Sprintf(`Bearer error="insufficient_scope", scope="%s"`, wanted))
}
