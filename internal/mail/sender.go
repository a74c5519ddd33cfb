package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"strings"
	"time"
)

// SenderOptions say where mails go out.
type SenderOptions struct {
	// URL is smtp://user:password@host:587 (STARTTLS) or smtps://… (TLS from the
	// first byte, port 465). STARTTLS is required, so that neither the password nor
	// a customer's invoice crosses a network in the clear, unless the host is this
	// machine's loopback or the URL ends in ?starttls=optional (a relay in a private
	// network). Special characters in user and password are percent-encoded.
	URL string
	// From is the sender's mailbox, `Acme Billing <billing@acme.example>`. Its
	// domain also ends every Message-ID.
	From string
	// Timeout bounds one Send from dialing to the server's answer; zero means a
	// minute. A server may take its time after the last line: giving up early is
	// how one mail becomes two.
	Timeout time.Duration
	// TLS replaces the system's trust, for a private authority. Its ServerName is
	// set to the URL's host where it is empty.
	TLS *tls.Config
}

// Sender hands mails to one SMTP server. It holds no connection: each Send
// dials. It is safe for concurrent use.
type Sender struct {
	host, addr     string
	user, password string
	implicitTLS    bool // smtps
	requireTLS     bool
	tls            *tls.Config
	from           *mail.Address
	domain         string // of from
	timeout        time.Duration
	farewell       time.Duration // how long QUIT may take
}

const urlForm = "mail: the SMTP URL must look like smtp://user:password@host:587 or smtps://user:password@host:465, " +
	"with special characters in the password percent-encoded"

// NewSender checks the options and sends nothing. Its errors never repeat the
// URL, which holds a password.
func NewSender(o SenderOptions) (*Sender, error) {
	u, err := url.Parse(o.URL)
	if err != nil || u.Opaque != "" || u.Hostname() == "" || (u.Path != "" && u.Path != "/") || u.Fragment != "" {
		return nil, errors.New(urlForm)
	}
	s := &Sender{host: u.Hostname(), timeout: o.Timeout, farewell: 2 * time.Second, requireTLS: true}
	port := "587"
	switch u.Scheme {
	case "smtp":
		s.requireTLS = !isLoopback(s.host)
	case "smtps":
		s.implicitTLS, port = true, "465"
	default:
		return nil, errors.New(urlForm)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	for name, values := range u.Query() {
		if name != "starttls" || s.implicitTLS || len(values) != 1 || values[0] != "optional" {
			return nil, errors.New("mail: the SMTP URL takes no parameter but starttls=optional, and that with smtp:// only")
		}
		s.requireTLS = false
	}
	s.addr = net.JoinHostPort(s.host, port)
	if u.User != nil {
		s.user = u.User.Username()
		s.password, _ = u.User.Password()
		if strings.ContainsAny(s.user+s.password, "\r\n\x00") {
			return nil, errors.New("mail: the SMTP URL's user and password must not hold line breaks")
		}
	}

	s.from, err = parseAddress(o.From)
	if err != nil {
		return nil, fmt.Errorf("mail: the sender %q: %w", o.From, err)
	}
	if !isASCII(s.from.Address) {
		return nil, fmt.Errorf("mail: the sender %q: write the domain in ASCII (xn--…)", o.From)
	}
	s.domain = s.from.Address[strings.LastIndexByte(s.from.Address, '@')+1:]

	if s.timeout <= 0 {
		s.timeout = time.Minute
	}
	s.tls = &tls.Config{}
	if o.TLS != nil {
		s.tls = o.TLS.Clone()
	}
	if s.tls.ServerName == "" {
		s.tls.ServerName = s.host
	}
	if s.tls.MinVersion == 0 {
		s.tls.MinVersion = tls.VersionTLS12
	}
	return s, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// MessageID is the Message-ID, without brackets, that a notice with this key is
// sent under.
func (s *Sender) MessageID(key string) string { return messageID(key, s.domain) }

// Send hands one mail to the server and returns nil once the server has taken
// it. The error says at which step it failed; Permanent tells whether to try
// again. An attempt that broke after the last line may have been delivered: the
// next one carries the same Message-ID.
func (s *Sender) Send(ctx context.Context, m Rendered, to string) error {
	rcpt, err := parseAddress(to)
	if err != nil {
		return &permanentError{fmt.Errorf("mail: the recipient %q: %w", cut(clean(to), 100), err)}
	}
	raw, err := s.compose(m, rcpt)
	if err != nil {
		return &permanentError{err}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, fmt.Errorf("no answer within %v", s.timeout))
	defer cancel()
	c, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	return c.transfer(ctx, s.from.Address, rcpt.Address, raw)
}

// Check connects, encrypts and logs in as Send would, and sends no mail.
func (s *Sender) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.timeout, fmt.Errorf("no answer within %v", s.timeout))
	defer cancel()
	c, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	c.quit(ctx)
	return nil
}
