package bursar_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

const (
	cardN    = `{"id":"pm_N%s","object":"payment_method","type":"card","customer":%s,"created":1790000000,"card":{"brand":"visa","last4":"4242","exp_month":11,"exp_year":%d}}`
	chargedN = `{"id":"sub_N","object":"subscription","customer":"cus_N","status":"active","default_payment_method":"pm_N%s","current_period_end":%d,"created":1790000000,"items":{"data":[{"id":"si_N","quantity":1,"price":{"id":"price_pro"}}]}}`
)

// TestWatchNotices: what no event tells, a card that expires and a silence, is found
// and mailed, unless it is no longer so when the mail is sent.
func TestWatchNotices(t *testing.T) {
	const (
		operator = "ops@bursar.example"
		day      = 24 * time.Hour
		hers     = `"cus_N"`
	)
	start := time.Unix(1790000000, 0).UTC() // in September
	var clock atomic.Int64                  // Unix seconds
	at := func(d time.Duration) { clock.Store(start.Add(d).Unix()) }
	now := func() time.Time { return time.Unix(clock.Load(), 0) }
	card := func(which, customer string, year int) told {
		return told{typ: "payment_method.attached", object: fmt.Sprintf(cardN, which, customer, year)}
	}
	charged := func(which string, until time.Duration) told {
		return told{typ: "customer.subscription.created", object: fmt.Sprintf(chargedN, which, start.Add(until).Unix())}
	}
	storetest.EachURL(t, func(t *testing.T, url string) {
		at(0)
		box := openPostbox(t)
		cfg := bursar.Config{
			SMTPURL: box.url(), MailFrom: "billing@bursar.example", OperatorEmail: operator, PublicURL: "https://billing.example",
			Now: now, WebhookTolerance: 100 * 365 * day,
		}
		d := openDesk(t, url, cfg)
		begin := func(n int) []told { return []told{customerOf(n), card("", hers, 2026), charged("", 3*day)} }
		for n := 1; n <= 4; n++ {
			d.story(n, begin(n)...)
		}

		// In October another process plans what is to be told, and has gone before it is.
		at(20 * day)
		s, err := store.Open(t.Context(), url, store.Options{Now: now})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		e, err := apply.New(t.Context(), s, apply.Policy{Runners: map[string]bool{"notice": true}}, "", slog.New(slog.DiscardHandler))
		if err == nil {
			err = errors.Join(e.TellExpiringCards(t.Context(), now()), e.TellSilence(t.Context(), start, now()))
		}
		if err != nil {
			t.Fatal(err)
		}
		if n := count(t, s, `SELECT COUNT(*) FROM effects WHERE kind = 'notice' AND status = 'pending'`); n != 5 {
			t.Fatalf("%d notices, want those of four cards and a silence", n)
		}
		at(20*day + time.Second)
		detached, renewed, changed := card("", "null", 2026), card("", hers, 2030), charged("_new", 25*day)
		detached.typ, renewed.typ, changed.typ = "payment_method.detached", "payment_method.automatically_updated", "customer.subscription.updated"
		changed.previous = `{"default_payment_method":"pm_4"}`
		d.story(2, append(begin(2), detached)...)
		d.story(3, append(begin(3), renewed)...)
		d.story(4, append(begin(4), card("_new", hers, 2030), changed)...)

		settled := func(n int) {
			t.Helper()
			eventually(t, time.Minute, "every notice is settled", func() bool {
				return count(t, s, `SELECT COUNT(*) FROM effects WHERE kind = 'notice' AND status NOT IN ('pending', 'running')`) == n
			})
		}
		stop := d.run()
		settled(5)
		stop()
		d.srv.Close()

		// Four days later there was something to be told, and nothing came.
		d = openDesk(t, url, cfg)
		at(27 * day)
		d.run()
		settled(6)
		want := map[string][]string{
			"owner@t1.example card_expiring-pm_1-2026-11":                              {"Your card expires soon", "Pro", "4242", "11/2026"},
			fmt.Sprintf("%s endpoint_silent-stripe-%d", operator, 1790000001+20*86400): {"No webhooks from Stripe for 6 days", "https://billing.example/webhooks/stripe", start.Add(20 * day).Format("2006-01-02")},
		}
		for _, l := range box.all() {
			key := l.to + " " + l.keyOf()
			for _, text := range want[key] {
				if !strings.Contains(l.header.Get("Subject")+l.body, text) {
					t.Errorf("%s does not tell of %q:\n%s", key, text, l.body)
				}
			}
			if want[key] == nil {
				t.Errorf("%s came, or came twice", key)
			}
			delete(want, key)
		}
		for key := range want {
			t.Errorf("%s did not come", key)
		}
	})
}
