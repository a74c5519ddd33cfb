package bursar_test

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

// postbox is an SMTP server in this process that keeps what it is given.
type postbox struct {
	addr string
	// drop says whether the connection is cut after the n-th mail was taken, before
	// that is answered: the sender cannot know. refuse answers the n-th with "later".
	drop, refuse func(n int) bool

	mu      sync.Mutex
	offered int
	letters []letter
	dropped map[string]int // by Message-ID
}

type letter struct {
	to, id string
	header mail.Header
	body   string
}

func openPostbox(t *testing.T) *postbox {
	t.Helper()
	p := &postbox{dropped: map[string]int{}}
	srv := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &postman{box: p, conn: c}, nil }))
	srv.Domain, srv.ErrorLog = "mx.example", log.New(io.Discard, "", 0)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.addr = l.Addr().String()
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Serve(l) }() // returns when it is closed
	t.Cleanup(func() { _ = srv.Close(); <-done })
	return p
}

func (p *postbox) url() string { return "smtp://" + p.addr }

func (p *postbox) all() []letter {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]letter(nil), p.letters...)
}

type postman struct {
	box  *postbox
	conn *smtp.Conn
	to   string
}

func (*postman) Mail(string, *smtp.MailOptions) error        { return nil }
func (s *postman) Rcpt(to string, _ *smtp.RcptOptions) error { s.to = to; return nil }
func (*postman) Reset()                                      {}
func (*postman) Logout() error                               { return nil }
func (s *postman) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	body, err := io.ReadAll(m.Body)
	if err != nil {
		return err
	}
	p := s.box
	p.mu.Lock()
	defer p.mu.Unlock()
	p.offered++
	if p.refuse != nil && p.refuse(p.offered) {
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.NoEnhancedCode, Message: "later"}
	}
	l := letter{to: s.to, id: strings.Trim(m.Header.Get("Message-ID"), "<>"), header: m.Header, body: string(body)}
	p.letters = append(p.letters, l)
	if p.drop != nil && p.drop(p.offered) {
		p.dropped[l.id]++
		return s.conn.Conn().Close()
	}
	return nil
}

// eventually waits for a condition.
func eventually(t testing.TB, within time.Duration, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(within); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, within)
		}
	}
}

// openStore opens the database beside a running Bursar, to look into it.
func openStore(t testing.TB, url string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), url, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func count(t testing.TB, s *store.Store, query string, args ...any) (n int) {
	t.Helper()
	if err := s.Writer().QueryRow(query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

const failuresPerTenant = 4 // one more than dunning's limit

func failedPayment(id string, tenant, attempt int, created time.Time) []byte {
	return fmt.Appendf(nil, `{"id":%q,"object":"event","api_version":"2025-11-17.clover","created":%d,"livemode":false,"type":"invoice.payment_failed","data":{"object":{
"id":"in_%d","object":"invoice","customer":"cus_%d","number":"N-%d","status":"open","billing_reason":"subscription_cycle","collection_method":"charge_automatically","currency":"usd",
"amount_due":2900,"amount_paid":0,"total":2900,"subtotal":2900,"attempt_count":%d,"created":1790000000,"parent":{"type":"subscription_details","subscription_details":{"subscription":"sub_%d"}},
"lines":{"object":"list","data":[{"id":"il_1","object":"line_item","amount":2900,"quantity":1,"description":"Pro","period":{"start":1790000000,"end":1792592000}}]}}}}`,
		id, created.Unix(), tenant, tenant, tenant, attempt, tenant)
}

// TestStorm is the worst day: every card fails, Stripe tells of it again and again
// and in any order, some of it before the customer is known, and the mail server
// hangs up now and then. Every tenant gets one mail for each attempt, and one
// about the end of dunning; what the server had taken when it hung up comes again
// under the same Message-ID.
func TestStorm(t *testing.T) {
	tenants, copies := 500, 5
	if testing.Short() {
		tenants = 50
	}
	storetest.EachURL(t, func(t *testing.T, url string) {
		box := openPostbox(t)
		box.drop = func(n int) bool { return n%97 == 0 }
		box.refuse = func(n int) bool { return n%83 == 0 }
		d := openDesk(t, url, bursar.Config{SMTPURL: box.url(), MailFrom: "Bursar <billing@bursar.example>", NoticeMaxAge: -1})
		d.run()
		now := time.Now()
		var running, events [][]byte
		for n := range tenants {
			running = append(running, fmt.Appendf(nil, `{"id":"evt_s%d","object":"event","created":%d,"livemode":false,"type":"customer.subscription.created","data":{"object":{"id":"sub_%d","object":"subscription","customer":"cus_%d","status":"active","created":1790000000,"items":{"data":[{"id":"si_%d","quantity":1,"price":{"id":"price_pro"}}]}}}}`,
				n, now.Add(-time.Hour).Unix(), n, n, n))
			events = append(events, fmt.Appendf(nil, `{"id":"evt_c%d","object":"event","created":%d,"livemode":false,"type":"customer.created","data":{"object":{"id":"cus_%d","object":"customer","email":"owner@t%d.example","metadata":{"tenant":"t%d"},"created":1790000000}}}`,
				n, now.Add(-time.Hour).Unix(), n, n, n))
			for attempt := 1; attempt <= failuresPerTenant; attempt++ {
				for i := range copies { // the same event again and again, and two Event objects for one change
					events = append(events, failedPayment(fmt.Sprintf("evt_%d_%d_%d", n, attempt, i%2), n, attempt, now.Add(time.Duration(attempt)*time.Minute)))
				}
			}
		}
		rand.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		d.postAll(running)
		began := time.Now()
		d.postAll(events)
		posted := time.Since(began)

		s := openStore(t, url)
		want := tenants * (failuresPerTenant + 1)
		eventually(t, 5*time.Minute, "all notices are settled", func() bool {
			return count(t, s, `SELECT COUNT(*) FROM effects WHERE kind = 'notice' AND status = 'sent'`) == want ||
				count(t, s, `SELECT COUNT(*) FROM effects WHERE kind = 'notice' AND status NOT IN ('pending', 'running', 'sent')`) > 0
		})
		t.Logf("%d events in %v (%.0f/s), mails settled after %v", len(events), posted.Round(time.Millisecond), float64(len(events))/posted.Seconds(), time.Since(began).Round(time.Millisecond))
		if n := count(t, s, `SELECT COUNT(*) FROM effects WHERE kind = 'notice'`); n != want {
			t.Errorf("%d notices, want %d", n, want)
		}
		if n := count(t, s, `SELECT COUNT(*) FROM inbox WHERE status NOT IN ('applied', 'stale')`); n != 0 {
			t.Errorf("%d events are not settled", n)
		}
		copiesOf, to := map[string]int{}, map[string]string{}
		for _, l := range box.all() {
			copiesOf[l.id]++
			if to[l.id] != "" && to[l.id] != l.to {
				t.Errorf("%s went to %s and to %s", l.id, to[l.id], l.to)
			}
			to[l.id] = l.to
		}
		if len(copiesOf) != want {
			t.Errorf("%d Message-IDs, want %d", len(copiesOf), want)
		}
		found := map[string]bool{}
		for id, n := range copiesOf {
			if n != 1+box.dropped[id] {
				t.Errorf("%s came %d times, and the connection broke %d times", id, n, box.dropped[id])
			}
			key, _, _ := strings.Cut(id, ".")
			found[to[id]+" "+key] = true
		}
		for n := range tenants {
			for attempt := 1; attempt <= failuresPerTenant; attempt++ {
				if key := fmt.Sprintf("owner@t%d.example payment_failed-in_%d-%d", n, n, attempt); !found[key] {
					t.Errorf("no mail %s", key)
				}
			}
			if key := fmt.Sprintf("owner@t%d.example subscription_downgraded-sub_%d-in_%d", n, n, n); !found[key] {
				t.Errorf("no mail %s", key)
			}
		}
		if len(box.dropped) == 0 {
			t.Error("no connection broke: that proves little")
		}
		t.Logf("%d mails, %d of them again after a broken connection", len(copiesOf), len(box.all())-len(copiesOf))
	})
}

// postAll posts from many sides at once; what is not acknowledged is an error.
func (d *desk) postAll(events [][]byte) {
	d.Helper()
	work := make(chan []byte)
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			for body := range work {
				if a := d.post(body); a.status != http.StatusOK || a.code() == "failed" {
					d.Errorf("%d %s", a.status, a.body)
				}
			}
		})
	}
	for _, body := range events {
		work <- body
	}
	close(work)
	wg.Wait()
}
