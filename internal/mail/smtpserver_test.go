package mail

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// smtpServer is a real SMTP server in this process that misbehaves on demand.
// Each knob is asked for the n-th time it is met, from 1.
type smtpServer struct {
	t    *testing.T
	addr string

	onMail, onRcpt, onData func(n int) error
	dropAfterData          func(n int) bool
	user, password         string // a login is asked for where user is set

	mu    sync.Mutex
	calls map[string]int
	mails []received
	auths int
	hang  chan struct{} // closed when the test ends
}

type received struct{ from, to, raw string }

// listen starts the server; with implicit TLS, with STARTTLS where only a
// certificate is given, or in the clear.
func (s *smtpServer) listen(t *testing.T, cert *tls.Certificate, implicit bool) *smtpServer {
	t.Helper()
	s.t, s.calls, s.hang = t, map[string]int{}, make(chan struct{})
	srv := smtp.NewServer(s)
	srv.Domain, srv.AllowInsecureAuth = "mx.example", true
	srv.MaxLineLength = 1000 // RFC 5321 4.5.3.1.6
	srv.ErrorLog = log.New(io.Discard, "", 0)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	if cert != nil {
		srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*cert}}
		if implicit {
			l = tls.NewListener(l, srv.TLSConfig)
		}
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }()
	t.Cleanup(func() { close(s.hang); _ = srv.Close(); <-done })
	return s
}

func (s *smtpServer) count(what string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[what]++
	return s.calls[what]
}

func (s *smtpServer) received() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.mails...)
}

// one returns the only mail there is.
func (s *smtpServer) one() received {
	s.t.Helper()
	mails := s.received()
	if len(mails) != 1 {
		s.t.Fatalf("the server has %d mails, want 1", len(mails))
	}
	return mails[0]
}

func (s *smtpServer) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &smtpSession{server: s, conn: c}, nil
}

type smtpSession struct {
	server   *smtpServer
	conn     *smtp.Conn
	loggedIn bool
	current  received
}

func (s *smtpSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *smtpSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		s.server.mu.Lock()
		s.server.auths++
		s.server.mu.Unlock()
		if user != s.server.user || password != s.server.password {
			return smtp.ErrAuthFailed
		}
		s.loggedIn = true
		return nil
	}), nil
}

func (s *smtpSession) Mail(from string, _ *smtp.MailOptions) error {
	if s.server.user != "" && !s.loggedIn {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	s.current.from = from
	return knob(s.server.onMail, s.server.count("mail"))
}

func (s *smtpSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.current.to = to
	return knob(s.server.onRcpt, s.server.count("rcpt"))
}

func (s *smtpSession) Data(r io.Reader) error {
	n := s.server.count("data")
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := knob(s.server.onData, n); err != nil {
		return err
	}
	s.current.raw = string(raw)
	s.server.mu.Lock()
	s.server.mails = append(s.server.mails, s.current)
	s.server.mu.Unlock()
	if s.server.dropAfterData != nil && s.server.dropAfterData(n) {
		_ = s.conn.Conn().Close()
	}
	return nil
}

func (s *smtpSession) Reset()        {}
func (s *smtpSession) Logout() error { return nil }

func knob(f func(int) error, n int) error {
	if f == nil {
		return nil
	}
	return f(n)
}

func reply(code int, text string) *smtp.SMTPError {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.NoEnhancedCode, Message: text}
}

// script is a server that knows nothing but these answers: the first line of
// what it says, then an answer by the command's first word. An empty answer is
// none: the client waits. It returns its address and what it has heard.
func script(t *testing.T, greeting string, answers map[string]string) (addr string, heard func() []string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var lines []string
	var wg sync.WaitGroup
	var conns []net.Conn
	serve := func(c net.Conn) {
		if greeting == "" {
			_, _ = io.Copy(io.Discard, c)
			return
		}
		fmt.Fprintf(c, "%s\r\n", greeting)
		in, data := bufio.NewScanner(c), false
		for in.Scan() {
			line := in.Text()
			if data && line != "." {
				continue
			}
			mu.Lock()
			lines = append(lines, line)
			mu.Unlock()
			word := strings.ToUpper(strings.FieldsFunc(line+" ", func(r rune) bool { return r == ' ' })[0])
			data = word == "DATA"
			answer, ok := answers[word]
			if !ok {
				answer = map[string]string{"EHLO": "250 mx.example", "DATA": "354 go on"}[word]
				if answer == "" {
					answer = "250 ok"
				}
			}
			if answer != "" {
				fmt.Fprintf(c, "%s\r\n", answer)
			}
		}
	}
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			wg.Go(func() { serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
	return l.Addr().String(), func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), lines...)
	}
}

// certificate makes one for 127.0.0.1, and a pool that trusts it.
func certificate(t *testing.T) (*tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
