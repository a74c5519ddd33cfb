package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	netmail "net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const from = "Analytical Engines <billing@engines.example>"

func sender(t *testing.T, o SenderOptions) *Sender {
	t.Helper()
	if o.From == "" {
		o.From = from
	}
	s, err := NewSender(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sample(t *testing.T) Rendered {
	t.Helper()
	r, err := NewRenderer(Options{Seller: seller})
	if err != nil {
		t.Fatal(err)
	}
	m, err := r.Render(Message{Kind: "payment_failed", Key: "payment_failed:in_1:2", Date: sampleDay(time.November, 10), Data: samplePaymentFailed})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func header(t *testing.T, raw, name string) string {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return m.Header.Get(name)
}

func TestSend(t *testing.T) {
	srv := new(smtpServer).listen(t, nil, false)
	s := sender(t, SenderOptions{URL: "smtp://" + srv.addr})
	if err := s.Send(t.Context(), sample(t), "Ada <ada@lovelace.example>"); err != nil {
		t.Fatal(err)
	}
	got := srv.one()
	if got.from != "billing@engines.example" || got.to != "ada@lovelace.example" {
		t.Errorf("envelope %s → %s", got.from, got.to)
	}
	for name, want := range map[string]string{
		"From":                     `"Analytical Engines" <billing@engines.example>`,
		"To":                       `"Ada" <ada@lovelace.example>`,
		"Subject":                  "Your payment of $98.53 did not go through",
		"Date":                     "Tue, 10 Nov 2026 09:30:00 +0000",
		"Message-Id":               "<" + s.MessageID("payment_failed:in_1:2") + ">",
		"Auto-Submitted":           "auto-generated",
		"X-Auto-Response-Suppress": "All",
		"Content-Language":         "en",
		"User-Agent":               "",
		"X-Mailer":                 "",
	} {
		if h := header(t, got.raw, name); h != want {
			t.Errorf("%s: %q, want %q", name, h, want)
		}
	}
}

// A connection that breaks after the last line leaves it open whether the mail
// was taken; the next attempt must be recognizable as the same mail.
func TestSendAgainAfterDrop(t *testing.T) {
	srv := (&smtpServer{dropAfterData: func(n int) bool { return n == 1 }}).listen(t, nil, false)
	s := sender(t, SenderOptions{URL: "smtp://" + srv.addr})
	m := sample(t)
	err := s.Send(t.Context(), m, "ada@lovelace.example")
	if err == nil || Permanent(err) {
		t.Fatalf("first attempt: %v, want a temporary error", err)
	}
	if err := s.Send(t.Context(), m, "ada@lovelace.example"); err != nil {
		t.Fatalf("second attempt: %v", err)
	}
	mails := srv.received()
	if len(mails) != 2 {
		t.Fatalf("%d mails, want 2", len(mails))
	}
	a, b := header(t, mails[0].raw, "Message-Id"), header(t, mails[1].raw, "Message-Id")
	if a != b || a == "" {
		t.Errorf("Message-ID %q, then %q", a, b)
	}
	if a, b := header(t, mails[0].raw, "Date"), header(t, mails[1].raw, "Date"); a != b {
		t.Errorf("Date %q, then %q", a, b)
	}
}

func TestPermanent(t *testing.T) {
	for _, tt := range []struct {
		name      string
		server    *smtpServer
		permanent bool
		says      string
	}{
		{"rcpt 550", &smtpServer{onRcpt: func(int) error { return reply(550, "no such user") }}, true, "recipient: the server answered 550 no such user"},
		{"rcpt 450", &smtpServer{onRcpt: func(int) error { return reply(450, "greylisted") }}, false, "recipient: the server answered 450 greylisted"},
		{"rcpt 452", &smtpServer{onRcpt: func(int) error { return reply(452, "mailbox full") }}, false, "452"},
		{"mail 553", &smtpServer{onMail: func(int) error { return reply(553, "not yours") }}, true, "sender: the server answered 553"},
		{"mail 421", &smtpServer{onMail: func(int) error { return reply(421, "busy") }}, false, "421"},
		{"mail 530", &smtpServer{onMail: func(int) error { return reply(530, "log in first") }}, false, "530"},
		{"data 554", &smtpServer{onData: func(int) error { return reply(554, "spam") }}, true, "end of the mail: the server answered 554 spam"},
		{"data 451", &smtpServer{onData: func(int) error { return reply(451, "try later") }}, false, "451"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := tt.server.listen(t, nil, false)
			err := sender(t, SenderOptions{URL: "smtp://" + srv.addr}).Send(t.Context(), sample(t), "ada@lovelace.example")
			if err == nil || Permanent(err) != tt.permanent || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("permanent=%v: %v", Permanent(err), err)
			}
			if wrapped := fmt.Errorf("send: %w", err); Permanent(wrapped) != tt.permanent {
				t.Error("wrapping changes the answer")
			}
			if n := len(srv.received()); n != 0 {
				t.Errorf("%d mails were taken", n)
			}
		})
	}
	if Permanent(nil) || Permanent(errors.New("x")) {
		t.Error("what is not ours is permanent")
	}
}

func TestServerIsAway(t *testing.T) {
	srv := new(smtpServer).listen(t, nil, false)
	addr, _ := script(t, "554 go away", nil)
	for name, url := range map[string]string{"nobody listens": "smtp://127.0.0.1:1", "554 greeting": "smtp://" + addr, "not TLS": "smtps://" + srv.addr} {
		err := sender(t, SenderOptions{URL: url}).Send(t.Context(), sample(t), "ada@lovelace.example")
		if err == nil || Permanent(err) {
			t.Errorf("%s: permanent=%v: %v", name, Permanent(err), err)
		}
	}
}

func TestHangingServer(t *testing.T) {
	for _, tt := range []struct {
		name, greeting string
		answers        map[string]string
	}{
		{"silent", "", nil},
		{"EHLO", "220 mx", map[string]string{"EHLO": "", "HELO": ""}},
		{"RCPT", "220 mx", map[string]string{"RCPT": ""}},
		{"end of data", "220 mx", map[string]string{".": ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			addr, _ := script(t, tt.greeting, tt.answers)
			s := sender(t, SenderOptions{URL: "smtp://" + addr, Timeout: 100 * time.Millisecond})
			err := s.Send(t.Context(), sample(t), "ada@lovelace.example")
			if err == nil || Permanent(err) || !strings.Contains(err.Error(), "no answer within 100ms") {
				t.Errorf("permanent=%v: %v", Permanent(err), err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			go cancel()
			s.timeout = time.Hour
			if err := s.Send(ctx, sample(t), "ada@lovelace.example"); !errors.Is(err, context.Canceled) || Permanent(err) {
				t.Errorf("canceled: %v", err)
			}
		})
	}
}

// Once the mail is taken, a farewell that fails must not have it sent again.
func TestFarewellDoesNotMatter(t *testing.T) {
	for name, answer := range map[string]string{"refused": "500 what?", "unanswered": ""} {
		addr, heard := script(t, "220 mx", map[string]string{"QUIT": answer})
		s := sender(t, SenderOptions{URL: "smtp://" + addr})
		s.farewell = 10 * time.Millisecond
		if err := s.Send(t.Context(), sample(t), "ada@lovelace.example"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !slices.Contains(heard(), "QUIT") {
			t.Errorf("%s: no QUIT was sent: %q", name, heard())
		}
	}
}

func TestTLS(t *testing.T) {
	cert, pool := certificate(t)
	for _, scheme := range []string{"smtp", "smtps"} {
		t.Run(scheme, func(t *testing.T) {
			srv := (&smtpServer{user: "ada@engines", password: "p@ss:w/rd%"}).listen(t, cert, scheme == "smtps")
			url := scheme + "://ada%40engines:p%40ss%3Aw%2Frd%25@" + srv.addr
			s := sender(t, SenderOptions{URL: url, TLS: &tls.Config{RootCAs: pool}})
			if err := s.Check(t.Context()); err != nil {
				t.Fatalf("Check: %v", err)
			}
			if err := s.Send(t.Context(), sample(t), "ada@lovelace.example"); err != nil {
				t.Fatal(err)
			}
			srv.one()

			// An unknown certificate ends the conversation before the password.
			before := srv.auths
			err := sender(t, SenderOptions{URL: url}).Send(t.Context(), sample(t), "ada@lovelace.example")
			if err == nil || Permanent(err) || !strings.Contains(err.Error(), "certificate") {
				t.Errorf("unknown certificate: %v", err)
			}
			if srv.auths != before {
				t.Error("the password was sent to a stranger")
			}

			wrong := strings.Replace(url, "rd%25", "rd", 1)
			err = sender(t, SenderOptions{URL: wrong, TLS: &tls.Config{RootCAs: pool}}).Send(t.Context(), sample(t), "ada@lovelace.example")
			if err == nil || Permanent(err) || !strings.Contains(err.Error(), "login") || !strings.Contains(err.Error(), "535") {
				t.Errorf("wrong password: permanent=%v: %v", Permanent(err), err)
			}
			if err != nil && (strings.Contains(err.Error(), "p@ss") || strings.Contains(err.Error(), "p%40ss")) {
				t.Errorf("the error tells the password: %v", err)
			}
		})
	}
}

func TestNothingInTheClear(t *testing.T) {
	addr, heard := script(t, "220 mx", map[string]string{"EHLO": "250-mx\r\n250 AUTH PLAIN LOGIN"})
	s := sender(t, SenderOptions{URL: "smtp://u:secret@" + addr})
	s.requireTLS = true // as for every host that is not loopback
	err := s.Send(t.Context(), sample(t), "ada@lovelace.example")
	if err == nil || Permanent(err) || !strings.Contains(err.Error(), "offers no STARTTLS") {
		t.Errorf("permanent=%v: %v", Permanent(err), err)
	}
	for _, line := range heard() {
		if !strings.HasPrefix(line, "EHLO") {
			t.Errorf("the server heard %q", line)
		}
	}
}

func TestSenderOptions(t *testing.T) {
	for url, want := range map[string]struct {
		addr              string
		implicit, require bool
	}{
		"smtp://mail.example":                     {"mail.example:587", false, true},
		"smtp://mail.example:25/":                 {"mail.example:25", false, true},
		"smtps://u:p@mail.example":                {"mail.example:465", true, true},
		"smtp://localhost:1025":                   {"localhost:1025", false, false},
		"smtp://127.0.0.1":                        {"127.0.0.1:587", false, false},
		"smtp://[::1]:2525":                       {"[::1]:2525", false, false},
		"smtp://relay:25?starttls=optional":       {"relay:25", false, false},
		"smtp://localhost.attacker.example:1025":  {"localhost.attacker.example:1025", false, true},
		"smtp://user%40host:p%23w@mail.example:2": {"mail.example:2", false, true},
	} {
		s, err := NewSender(SenderOptions{URL: url, From: from})
		if err != nil {
			t.Errorf("%s: %v", url, err)
			continue
		}
		if s.addr != want.addr || s.implicitTLS != want.implicit || s.requireTLS != want.require {
			t.Errorf("%s: %s implicit=%v require=%v", url, s.addr, s.implicitTLS, s.requireTLS)
		}
	}
	for _, url := range []string{
		"", "mail.example:587", "http://mail.example", "smtp://", "smtp://:587", "smtp://u:hunter2#x@mail.example", "smtp://u:hunter2@mail.example:abc",
		"smtp://u:hunter2@mail.example/path", "smtp://mail.example?tls=off", "smtps://mail.example?starttls=optional", "smtp://u:hunter2%0a@mail.example",
		"smtp://u:hunter2%zz@mail.example",
	} {
		_, err := NewSender(SenderOptions{URL: url, From: from})
		if err == nil {
			t.Errorf("%q is taken", url)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: the error tells the password: %v", url, err)
		}
	}
	for _, from := range []string{"", "nobody", "a@b, c@d", "x\r\nBcc: y <a@b.example>", "a@bücher.example", `"a b"@c.example`} {
		if _, err := NewSender(SenderOptions{URL: "smtp://localhost", From: from}); err == nil {
			t.Errorf("the sender %q is taken", from)
		}
	}
}

func TestRecipientsThatAreNone(t *testing.T) {
	srv := new(smtpServer).listen(t, nil, false)
	s := sender(t, SenderOptions{URL: "smtp://" + srv.addr})
	for _, to := range []string{
		"", "ada", "ada@", "@x.example", "a@x.example, b@x.example", "a@x.example\r\nBcc: b@x.example", "a@x.example\nRCPT TO:<b@x.example>",
		"<a@x.example>\r\n DATA", `"a> SIZE=1"@x.example`, "a@[127.0.0.1]", "a@x.example\x00", "A\u2028B <a@x.example>",
		strings.Repeat("a", 65) + "@x.example", "a@" + strings.Repeat("x", 250) + ".example", strings.Repeat("n", 600) + " <a@x.example>",
	} {
		if err := s.Send(t.Context(), sample(t), to); !Permanent(err) {
			t.Errorf("%q: %v, want a permanent error", cut(to, 40), err)
		} else if strings.ContainsAny(err.Error(), "\r\n\x00") {
			t.Errorf("%q: the error has control characters: %q", to, err)
		}
	}
	if n := srv.count("mail") - 1; n != 0 {
		t.Errorf("the server was asked %d times", n)
	}
}

func TestInternationalAddress(t *testing.T) {
	srv := new(smtpServer).listen(t, nil, false)
	err := sender(t, SenderOptions{URL: "smtp://" + srv.addr}).Send(t.Context(), sample(t), "Zoë <zoë@lovelace.example>")
	if !Permanent(err) {
		t.Errorf("a server without SMTPUTF8: %v", err)
	}
	addr, heard := script(t, "220 mx", map[string]string{"EHLO": "250-mx\r\n250 SMTPUTF8"})
	s := sender(t, SenderOptions{URL: "smtp://" + addr})
	for _, to := range []string{"zoë@lovelace.example", "ada@lovelace.example"} {
		if err := s.Send(t.Context(), sample(t), to); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"MAIL FROM:<billing@engines.example> SMTPUTF8", "RCPT TO:<zoë@lovelace.example>", "MAIL FROM:<billing@engines.example>", "RCPT TO:<ada@lovelace.example>"}
	var got []string
	for _, line := range heard() {
		if strings.HasPrefix(line, "MAIL") || strings.HasPrefix(line, "RCPT") {
			got = append(got, line)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("heard %q, want %q", got, want)
	}
}

func TestSendConcurrently(t *testing.T) {
	srv := new(smtpServer).listen(t, nil, false)
	s, r := sender(t, SenderOptions{URL: "smtp://" + srv.addr}), renderer(t, Options{Seller: seller})
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			m, err := r.Render(Message{Kind: kinds[i%len(kinds)].Name, Key: fmt.Sprint(i), Date: sampleDay(time.May, 1), Locale: Locales()[i%4], Data: kinds[i%len(kinds)].Sample})
			if err == nil {
				err = s.Send(t.Context(), m, "ada@lovelace.example")
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	ids := map[string]bool{}
	for _, m := range srv.received() {
		ids[header(t, m.raw, "Message-Id")] = true
	}
	if len(ids) != 40 {
		t.Errorf("%d different mails, want 40", len(ids))
	}
}

func TestMessageID(t *testing.T) {
	seen := map[string]string{}
	for _, key := range []string{"payment_failed:in_1:1", "payment_failed:in_1:11", "payment_failed-in_1-1", "a\r\nBcc: b@c", strings.Repeat("é", 500), "<>@()"} {
		id := messageID(key, "engines.example")
		if id != messageID(key, "engines.example") {
			t.Errorf("%q: not the same twice", key)
		}
		if other, ok := seen[id]; ok {
			t.Errorf("%q and %q share %s", key, other, id)
		}
		seen[id] = key
		if a, err := netmail.ParseAddress(id); err != nil || a.Address != id || len(id) > 150 {
			t.Errorf("%q: %q is no message id: %v", key, id, err)
		}
	}
}
