package api_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bursarhq/bursar/internal/api"
)

// grant puts a key into the database, as a command does.
func (w *world) grant(key, name, scope string) {
	w.Helper()
	sum := sha256.Sum256([]byte(key))
	if _, err := w.s.Writer().Exec(`INSERT INTO api_keys (id, name, scope, hash, created_at, revoked_at) VALUES ($1, $2, $3, $4, 1, 0)`,
		"ak_"+name, name, scope, hex.EncodeToString(sum[:])); err != nil {
		w.Fatal(err)
	}
}

func as(key string) string { return "Authorization: Bearer " + key }

func TestKeys(t *testing.T) {
	each(t, func(w *world) {
		w.grant("bk_reader", "dash", "read")
		w.grant("bk_writer", "app", "write")
		w.grant("bk_odd", "odd", "owner")
		const put = "PUT /v1/tenants/acme"
		for _, c := range []struct {
			request, auth string
			status        int
			code          string
		}{
			{"GET /v1/plans", "Authorization: ", 401, "unauthorized"},
			{"GET /v1/plans", "Authorization: Bearer", 401, "unauthorized"},
			{"GET /v1/plans", "Authorization: Bearer   ", 401, "unauthorized"},
			{"GET /v1/plans", "Authorization: Basic " + masterKey, 401, "unauthorized"},
			{"GET /v1/plans", as("bk_maste"), 401, "unauthorized"},
			{"GET /v1/plans", as(masterKey + "x"), 401, "unauthorized"},
			{"GET /v1/plans", "Authorization: bearer  " + masterKey, 200, ""},
			{"GET /v1/plans", as("bk_reader"), 200, ""},
			{"GET /v1/plans", as("bk_writer"), 200, ""},
			{"GET /v1/plans", as("bk_odd"), 401, "unauthorized"},
			{put, as("bk_reader"), 403, "insufficient_scope"},
			{put, as("bk_writer"), 201, ""},
			{put, as(masterKey), 200, ""},
			// Who has no key is not told what there is.
			{"GET /v1/nowhere", "Authorization: ", 401, "unauthorized"},
			{"GET /v1", "Authorization: ", 401, "unauthorized"},
			{"DELETE /v1/plans", "Authorization: ", 401, "unauthorized"},
			{"GET /metrics", "Authorization: ", 401, "unauthorized"},
			{"GET /v1/nowhere", as("bk_reader"), 404, "not_found"},
			{"GET /v1/plans/", as("bk_reader"), 404, "not_found"},
			{"GET /nowhere", "Authorization: ", 404, "not_found"},
			{"DELETE /v1/plans", as("bk_reader"), 405, "method_not_allowed"},
			{"GET /healthz", "Authorization: ", 200, ""},
		} {
			a := w.want(c.request, "", c.status, c.code, c.auth)
			if challenge := a.header.Get("WWW-Authenticate"); (c.status == 401 || c.status == 403) != strings.HasPrefix(challenge, "Bearer") {
				w.Errorf("%s: %d with WWW-Authenticate %q", c.request, c.status, challenge)
			}
		}
		if allow := w.call("DELETE /v1/plans", "").header.Get("Allow"); allow != "GET, HEAD" {
			w.Errorf("Allow: %q", allow)
		}
	})
}

func TestEveryRouteWantsAKey(t *testing.T) {
	w := newSQLiteWorld(t)
	w.grant("bk_reader", "dash", "read")
	open := map[string]bool{"/healthz": true, "/readyz": true}
	for path, operations := range w.spec.paths {
		for method := range operations {
			request := strings.ToUpper(method) + " " + strings.NewReplacer("{", "", "}", "").Replace(path)
			if open[path] {
				w.want(request, "", 200, "", "Authorization: ")
				continue
			}
			w.want(request, "", 401, "unauthorized", "Authorization: ")
			if method != "get" {
				w.want(request, "", 403, "insufficient_scope", as("bk_reader"))
			}
		}
	}
}

func TestNoKeys(t *testing.T) {
	w := newSQLiteWorld(t, func(c *api.Config) { c.Keys = nil })
	w.want("GET /v1/plans", "", 401, "unauthorized")
	w.want("GET /v1/plans", "", 401, "unauthorized", "Authorization: ")
	w.grant("bk_reader", "dash", "read")
	w.want("GET /v1/plans", "", 200, "", as("bk_reader"))
	if _, err := api.New(api.Config{Store: w.s, Engine: w.e, Keys: []string{"a", ""}}); err == nil {
		t.Error("an empty key is accepted")
	}
}

func TestRevokedKey(t *testing.T) {
	each(t, func(w *world) {
		w.grant("bk_reader", "dash", "read")
		w.want("GET /v1/plans", "", 200, "", as("bk_reader"))
		if _, err := w.s.Writer().Exec(`UPDATE api_keys SET revoked_at = 1`); err != nil {
			w.Fatal(err)
		}
		w.clock.advance(time.Second)
		w.want("GET /v1/plans", "", 401, "unauthorized", as("bk_reader"))
	})
}

func TestActor(t *testing.T) {
	each(t, func(w *world) {
		w.grant("bk_app", "app", "write")
		w.want("PUT /v1/tenants/a", `{"stripe_customer_id":"cus_1"}`, 201, "", as("bk_app"))
		w.want("PUT /v1/tenants/b", `{"stripe_customer_id":"cus_2"}`, 201, "")
		for tenant, want := range map[string]string{"a": "app", "b": "key1"} {
			entries := w.call("GET /v1/tenants/"+tenant+"/timeline", "").json(w)["data"].([]any)
			if len(entries) != 1 || entries[0].(obj)["actor"] != want {
				w.Errorf("%s: %v", tenant, entries)
			}
		}
	})
}

func TestRateLimit(t *testing.T) {
	w := newSQLiteWorld(t, func(c *api.Config) { c.RateLimit = 0.5; c.Keys = append(c.Keys, "bk_other") })
	w.want("GET /v1/plans", "", 200, "")
	if a := w.want("GET /v1/plans", "", 429, "rate_limited"); a.header.Get("Retry-After") != "2" {
		t.Error(a.header)
	}
	w.want("GET /v1/plans", "", 200, "", as("bk_other"))
	w.want("GET /healthz", "", 200, "")
	w.clock.advance(1999 * time.Millisecond)
	if a := w.want("GET /v1/plans", "", 429, "rate_limited"); a.header.Get("Retry-After") != "1" {
		t.Error(a.header)
	}
	w.clock.advance(time.Millisecond)
	w.want("GET /v1/plans", "", 200, "")
}

func TestCORS(t *testing.T) {
	const origin = "https://app.example.com"
	off, on := newSQLiteWorld(t), newSQLiteWorld(t, func(c *api.Config) { c.CORSOrigins = []string{origin} })
	preflight := func(w *world, origin string) answer {
		return w.call("OPTIONS /v1/plans", "", "Authorization: ", "Origin: "+origin, "Access-Control-Request-Method: GET")
	}
	if a := preflight(off, origin); a.status != 401 || a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error(a.status, a.header)
	}
	if a := preflight(on, "https://evil.example.com"); a.status != 401 || a.header.Get("Access-Control-Allow-Origin") != "" || a.header.Get("Vary") != "Origin" {
		t.Error(a.status, a.header)
	}
	a := preflight(on, origin)
	if a.status != http.StatusNoContent || a.header.Get("Access-Control-Allow-Origin") != origin || !strings.Contains(a.header.Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Error(a.status, a.header)
	}
	if a := on.want("GET /v1/plans", "", 200, "", "Origin: "+origin); a.header.Get("Access-Control-Allow-Origin") != origin {
		t.Error(a.header)
	}
	// A page must be able to read why it was refused.
	if a := on.want("GET /v1/plans", "", 401, "unauthorized", "Authorization: ", "Origin: "+origin); a.header.Get("Access-Control-Allow-Origin") != origin {
		t.Error(a.header)
	}
}

func TestReadiness(t *testing.T) {
	var draining error
	w := newSQLiteWorld(t, func(c *api.Config) { c.Ready = func() error { return draining } })
	w.want("GET /readyz", "", 200, "", "Authorization: ")
	draining = context.Canceled
	if a := w.want("GET /readyz", "", 503, "not_ready", "Authorization: "); a.header.Get("Retry-After") == "" {
		t.Error(a.header)
	}
	draining = nil
	w.s.Close()
	w.want("GET /readyz", "", 503, "unavailable", "Authorization: ")
	w.want("GET /healthz", "", 200, "", "Authorization: ")
	a := w.want("GET /v1/tenants", "", 503, "unavailable")
	if a.header.Get("Retry-After") == "" || strings.Contains(string(a.body), "sql") {
		t.Error(a.header, string(a.body))
	}
	if !strings.Contains(w.log.String(), "sql: database is closed") {
		t.Error("the log does not say why:", w.log)
	}
}
