package main

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func TestBehind(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, test := range []struct {
		peer      string
		forwarded []string
		want      string
	}{
		{"192.0.2.1:80", nil, "192.0.2.1:80"},
		{"192.0.2.1:80", []string{"198.51.100.7"}, "192.0.2.1:80"}, // nobody whom we trust says so
		{"10.1.1.1:80", nil, "10.1.1.1:80"},
		{"10.1.1.1:80", []string{"198.51.100.7"}, "198.51.100.7:0"},
		{"[::ffff:10.1.1.1]:80", []string{"198.51.100.7:4711"}, "198.51.100.7:4711"},
		{"[fd00::1]:80", []string{"[2001:db8::7]:4711"}, "[2001:db8::7]:4711"},
		{"[fd00::1]:80", []string{"2001:db8::7"}, "[2001:db8::7]:0"},
		{"10.1.1.1:80", []string{"203.0.113.9, 198.51.100.7, 10.2.2.2"}, "198.51.100.7:0"}, // the first is the client's own word
		{"10.1.1.1:80", []string{"203.0.113.9", "198.51.100.7"}, "198.51.100.7:0"},
		{"10.1.1.1:80", []string{"198.51.100.7, unknown"}, "10.1.1.1:80"},
		{"10.1.1.1:80", []string{"10.3.3.3, 10.2.2.2"}, "10.3.3.3:0"},
		{"@", []string{"198.51.100.7"}, "@"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = test.peer
		if test.forwarded != nil {
			r.Header["X-Forwarded-For"] = test.forwarded
		}
		got := ""
		behind(proxies, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr })).ServeHTTP(nil, r)
		if got != test.want {
			t.Errorf("%s, %q: %s, want %s", test.peer, test.forwarded, got, test.want)
		}
	}
}

// TestRefusedByClient wants the log to name who was refused.
func TestRefusedByClient(t *testing.T) {
	log := &safeBuffer{}
	s := serveLogging(t, log, vars{"BURSAR_DATABASE_URL": "sqlite://" + t.TempDir() + "/bursar.db", "STRIPE_WEBHOOK_SECRET": "whsec_a", "BURSAR_TRUSTED_PROXIES": "127.0.0.1"})
	for path, method := range map[string]string{"/v1/plans": http.MethodGet, "/webhooks/stripe": http.MethodPost, "/documents/x": http.MethodGet} {
		r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Forwarded-For", "198.51.100.7")
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode < 400 {
			t.Errorf("%s: %s", path, resp.Status)
		}
	}
	if n := strings.Count(log.String(), `"client":"198.51.100.7:0"`); n != 3 {
		t.Errorf("%d lines name the client:\n%s", n, log.String())
	}
}
