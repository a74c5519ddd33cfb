package outbound_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/bursarhq/bursar/internal/outbound"
	"github.com/bursarhq/bursar/webhook"
)

const (
	secret    = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
	oldSecret = "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4"
)

// proxied is how often the proxy that the environment names was asked.
var proxied atomic.Int64

func TestMain(m *testing.M) {
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { proxied.Add(1) }))
	for _, name := range []string{"HTTP_PROXY", "http_proxy"} {
		if err := os.Setenv(name, proxy.URL); err != nil { // net/http looks once
			panic(err)
		}
	}
	os.Exit(m.Run())
}

var anywhere = outbound.Options{Guard: outbound.Guard{AllowPrivate: true}, Timeout: 300 * time.Millisecond}

func send(t *testing.T, o outbound.Options, url string) error {
	t.Helper()
	s := outbound.NewSender(o)
	defer s.Close()
	return s.Send(t.Context(), outbound.Endpoint{URL: url, Secrets: []string{secret}}, outbound.Message{ID: "msg_1", Body: []byte(`{"id":"msg_1"}`)}, time.Now())
}

// TestSigned: what arrives is believed by the scheme's own library, under the new
// secret as under the old one, and by ours.
func TestSigned(t *testing.T) {
	var header http.Header
	var body []byte
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		header = r.Header.Clone()
		body, _ = io.ReadAll(r.Body) // compared below
	}))
	defer srv.Close()
	s := outbound.NewSender(anywhere)
	defer s.Close()
	m := outbound.Message{ID: "msg_1", Body: []byte(`{"id":"msg_1","text":"ä \u2028"}`)}
	if err := s.Send(t.Context(), outbound.Endpoint{URL: srv.URL + "/hooks?a=b", Secrets: []string{secret, oldSecret}}, m, time.Now()); err != nil {
		t.Fatal(err)
	}
	if string(body) != string(m.Body) || header.Get("Webhook-Id") != m.ID || header.Get("Content-Type") != "application/json" || header.Get("User-Agent") != "Bursar" {
		t.Errorf("%s %v", body, header)
	}
	for _, sec := range []string{secret, oldSecret} {
		wh, err := standardwebhooks.NewWebhook(sec)
		if err != nil {
			t.Fatal(err)
		}
		if err := wh.Verify(body, header); err != nil {
			t.Error(err)
		}
		if err := wh.Verify(append(body, ' '), header); err == nil {
			t.Error("another body is believed, too")
		}
		if err := webhook.VerifyStandard(body, header, []string{sec}, webhook.Options{}); err != nil {
			t.Error(err)
		}
	}
}

// TestAnswers is what endpoints do, and what is made of it.
func TestAnswers(t *testing.T) {
	var trapped atomic.Int64
	trap := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { trapped.Add(1) }))
	defer trap.Close()
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	raw := func(answer string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				panic(err)
			}
			_, _ = io.WriteString(conn, answer) // the sender may be gone
			conn.Close()
		}
	}
	redirect := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, trap.URL, code) }
	}
	for _, test := range []struct {
		name string
		does http.HandlerFunc
		want string // in the error; empty: accepted
	}{
		{"200", status(200), ""},
		{"202", status(202), ""},
		{"204", status(204), ""},
		{"400", status(400), "the endpoint answered 400"},
		{"410", status(410), "it wants no more webhooks"},
		{"500", status(500), "the endpoint answered 500"},
		{"301", redirect(301), "redirects are not followed"},
		{"302", redirect(302), "redirects are not followed"},
		{"307", redirect(307), "redirects are not followed"},
		{"308", redirect(308), "redirects are not followed"},
		{"hangs", func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then does the server see that the sender has gone
			<-r.Context().Done()
		}, "no answer within 300ms"},
		{"closes at once", raw(""), "EOF"},
		{"closes within its status", raw("HTTP/1.1 2"), ""},
		{"closes within its headers", raw("HTTP/1.1 200 OK\r\nX"), "malformed"},
		{"closes within its body", raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"), ""},
		{"is no HTTP", raw("SSH-2.0-OpenSSH_9.2\r\n\r\n"), "malformed"},
		{"answers without end", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		}, ""},
		{"has endless headers", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 100<<10)) }, "server response headers exceeded"},
	} {
		t.Run(test.name, func(t *testing.T) {
			srv := httptest.NewServer(test.does)
			defer srv.Close()
			err := send(t, anywhere, srv.URL+"/hidden?token=hidden")
			switch {
			case test.name == "closes within its status": // HTTP/1.1 2 is no status at all
				if err == nil {
					t.Error("it is taken for an acceptance")
				}
			case test.want == "" && err != nil, test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("have %v, want %q", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "hidden") {
				t.Errorf("the error shows the URL: %v", err)
			}
		})
	}
	if trapped.Load() != 0 {
		t.Error("a redirect was followed")
	}
}

func TestRetryAfter(t *testing.T) {
	for _, test := range []struct {
		header string
		want   time.Duration
	}{
		{"", 0},
		{"30", 30 * time.Second},
		{"-30", 0},
		{"999999", time.Hour},
		{"soon", 0},
		{time.Now().Add(10 * time.Minute).UTC().Format(http.TimeFormat), 10 * time.Minute},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", test.header)
			w.WriteHeader(http.StatusServiceUnavailable)
		}))
		var s *outbound.StatusError
		if err := send(t, anywhere, srv.URL); !errors.As(err, &s) || s.Status != http.StatusServiceUnavailable || (s.RetryAfter-test.want).Abs() > 2*time.Second {
			t.Errorf("%q: %v %v", test.header, err, s)
		}
		srv.Close()
	}
}

// TestGuarded: the address is asked for after the name was resolved, for every one
// that it has, and nothing is connected to where it is refused. No proxy goes around it.
func TestGuarded(t *testing.T) {
	reached := atomic.Int64{}
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer srv.Close()
	_, port, err := net.SplitHostPort(srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "[::]", "127.1", "2130706433", "0x7f.1", "017700000001"} {
		err := send(t, outbound.Options{Timeout: 2 * time.Second}, fmt.Sprintf("http://%s:%s/", host, port))
		if err == nil {
			t.Errorf("%s was sent to", host)
		}
	}
	for _, host := range []string{"127.0.0.1", "localhost"} {
		if err := send(t, outbound.Options{Timeout: 2 * time.Second}, fmt.Sprintf("http://%s:%s/", host, port)); !errors.Is(err, outbound.ErrRefused) {
			t.Errorf("%s: %v", host, err)
		}
	}
	// No such name; a proxy would be asked for it all the same.
	if err := send(t, anywhere, "http://webhooks.invalid/"); err == nil || proxied.Load() != 0 {
		t.Error("webhooks.invalid was sent to")
	}
	if reached.Load() != 0 {
		t.Error("a request went through")
	}
	if err := send(t, anywhere, fmt.Sprintf("http://localhost:%s/", port)); err != nil || reached.Load() != 1 {
		t.Errorf("allowed: %v", err)
	}
}

func TestTakes(t *testing.T) {
	for _, test := range []struct {
		events []string
		typ    string
		want   bool
	}{
		{nil, outbound.InvoiceIssued, true},
		{[]string{"invoice.issued"}, outbound.InvoiceIssued, true},
		{[]string{"invoice.issued"}, outbound.InvoiceRefunded, false},
		{[]string{"invoice.*"}, outbound.InvoiceRefunded, true},
		{[]string{"tenant.linked", "subscription.*"}, outbound.SubscriptionPastDue, true},
		{[]string{"tenant.linked", "subscription.*"}, outbound.InvoiceIssued, false},
		{[]string{"*"}, outbound.TenantLinked, true},
	} {
		if got := (outbound.Endpoint{Events: test.events}).Takes(test.typ); got != test.want {
			t.Errorf("%v takes %s: %t", test.events, test.typ, got)
		}
	}
	for _, bad := range []string{"", "invoice.paid", "invoice", "*.issued", "x*"} {
		if outbound.CheckPattern(bad) == nil {
			t.Errorf("%q is a pattern", bad)
		}
	}
	ids := map[string]bool{}
	for _, id := range []string{
		outbound.MessageID(1, "", false, "acme", 1), outbound.MessageID(2, "", false, "acme", 1), outbound.MessageID(1, "acct_1", false, "acme", 1),
		outbound.MessageID(1, "", true, "acme", 1), outbound.MessageID(1, "", false, "acme.", 1), outbound.MessageID(1, "", false, "acme", 11),
	} {
		if _, err := webhook.SignStandard(id, time.Unix(1, 0), nil, secret); err != nil || ids[id] {
			t.Errorf("%s: there twice, or %v", id, err)
		}
		ids[id] = true
	}
}
