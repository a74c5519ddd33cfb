package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// session is one conversation with the server. The commands are issued here,
// one by one, rather than by go-mail's Client, because it matters which of them
// failed: a 5xx to RCPT ends the notice, one to AUTH does not, and a QUIT that
// fails after the mail was taken must not have it sent again.
type session struct {
	conn net.Conn // the TCP connection, under whatever TLS
	smtp *smtp.Client
	stop func() bool // ends the watch over the context

	farewell time.Duration // how long the answer to QUIT is waited for
}

// connect dials, greets, encrypts and logs in. Once ctx is done the connection
// is closed, whatever command is waiting.
func (s *Sender) connect(ctx context.Context) (_ *session, err error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.addr)
	if err != nil {
		return nil, answered(ctx, "connect to "+s.addr, err)
	}
	c := &session{conn: conn, farewell: s.farewell}
	c.stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	if s.implicitTLS {
		secure := tls.Client(conn, s.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, answered(ctx, "TLS with "+s.addr, err)
		}
		conn = secure
	}
	if c.smtp, err = smtp.NewClient(conn, s.host); err != nil {
		return nil, answered(ctx, "greeting of "+s.addr, err)
	}
	if err := c.smtp.Hello(s.domain); err != nil {
		return nil, answered(ctx, "EHLO", err)
	}
	if !s.implicitTLS {
		if err := s.startTLS(ctx, c); err != nil {
			return nil, err
		}
	}
	if s.user != "" {
		if err := s.login(ctx, c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func (s *Sender) startTLS(ctx context.Context, c *session) error {
	offered, _ := c.smtp.Extension("STARTTLS")
	switch {
	case offered:
		if err := c.smtp.StartTLS(s.tls); err != nil {
			return answered(ctx, "STARTTLS with "+s.addr, err)
		}
	case s.requireTLS:
		return fmt.Errorf("mail: %s offers no STARTTLS, and without it nothing is sent to a host that is not loopback", s.addr)
	}
	return nil
}

// login takes the first mechanism that the server knows. PLAIN and LOGIN refuse
// a connection without TLS to any host but localhost by themselves.
func (s *Sender) login(ctx context.Context, c *session) error {
	_, offered := c.smtp.Extension("AUTH")
	mechanisms := strings.Fields(offered)
	var auth smtp.Auth
	switch {
	case slices.Contains(mechanisms, "PLAIN"):
		auth = smtp.PlainAuth("", s.user, s.password, s.host, false)
	case slices.Contains(mechanisms, "LOGIN"):
		auth = smtp.LoginAuth(s.user, s.password, s.host, false)
	case slices.Contains(mechanisms, "SCRAM-SHA-256"):
		auth = smtp.ScramSHA256Auth(s.user, s.password)
	case slices.Contains(mechanisms, "CRAM-MD5"):
		auth = smtp.CRAMMD5Auth(s.user, s.password)
	default:
		return fmt.Errorf("mail: %s offers no login that Bursar knows (it offers: %s)", s.addr, cut(clean(offered), 100))
	}
	if err := c.smtp.Auth(auth); err != nil {
		return answered(ctx, "login at "+s.addr, err)
	}
	return nil
}

// transfer hands over one mail. It returns nil as soon as the server has
// answered the last line with success.
func (c *session) transfer(ctx context.Context, from, to string, raw []byte) error {
	c.smtp.SkipSMTPUTF8(isASCII(to))
	if !isASCII(to) {
		if ok, _ := c.smtp.Extension("SMTPUTF8"); !ok {
			return &permanentError{errors.New("mail: the server takes no addresses beyond ASCII")}
		}
	}
	if err := c.smtp.Mail("<" + from + ">"); err != nil {
		return refused(ctx, "sender", err)
	}
	if err := c.smtp.Rcpt("<" + to + ">"); err != nil {
		return refused(ctx, "recipient", err)
	}
	w, err := c.smtp.Data()
	if err != nil {
		return refused(ctx, "DATA", err)
	}
	// A failed write is never followed by Close or QUIT: either would end the
	// text with a dot and have half a mail delivered.
	if _, err := w.Write(raw); err != nil {
		return answered(ctx, "writing the mail", err)
	}
	if err := w.Close(); err != nil {
		return refused(ctx, "end of the mail", err)
	}
	// The mail is the server's from here on. What happens to the farewell is of
	// no interest.
	c.quit(ctx)
	return nil
}

// quit says goodbye, and waits for the answer only briefly.
func (c *session) quit(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, c.farewell)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = c.conn.Close() })()
	_ = c.smtp.Quit()
}

// close frees the connection. It may be called after quit.
func (c *session) close() {
	c.stop()
	_ = c.conn.Close()
}
