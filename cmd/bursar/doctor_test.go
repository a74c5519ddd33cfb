package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
	"github.com/bursarhq/bursar/internal/stripe"
	"github.com/bursarhq/bursar/stripetest"
)

// TestDoctorOnTheInbox shows the doctor what goes wrong by itself only rarely.
func TestDoctorOnTheInbox(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		engine, err := apply.New(t.Context(), s, apply.Policy{}, "", slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		e, err := stripetest.BuildEvent("customer.created", stripetest.EventOptions{At: time.Now()})
		if err != nil {
			t.Fatal(err)
		}
		ev, err := stripe.ParseEvent(e.Payload)
		if err != nil {
			t.Fatal(err)
		}
		if r := engine.Apply(t.Context(), []*apply.Delivery{{Event: ev, Packed: store.Pack(e.Payload), Source: "webhook"}}); r[0].Err != nil {
			t.Fatal(r[0].Err)
		}
		x := &examination{s: testSystem(), cfg: mustLoad(t, nil, nil, ""), db: s}
		for _, test := range []struct {
			change string
			find   func(context.Context, *examination) (level, string)
			level  level
			text   string
		}{
			{`UPDATE inbox SET status = 'applied'`, checkEvents, ok, "none is failed or dead"},
			{`UPDATE inbox SET status = 'failed'`, checkEvents, warn, "1 failed, the oldest of 20"},
			{`UPDATE inbox SET status = 'dead'`, checkEvents, fail, "1 dead, 0 failed, the oldest of 20"},
			{`UPDATE inbox SET livemode = FALSE`, checkOtherMode, ok, "every event is of test mode"},
			{`UPDATE inbox SET livemode = TRUE`, checkOtherMode, warn, "1 are not of test mode"},
			{`UPDATE inbox SET account = 'acct_1'`, checkOtherMode, ok, "every"}, // a platform is sent both
			{`UPDATE objects SET uncertain = FALSE`, checkUncertain, ok, "none"},
			{`UPDATE objects SET uncertain = TRUE`, checkUncertain, warn, "with STRIPE_SECRET_KEY"},
		} {
			if _, err := s.Writer().Exec(test.change); err != nil {
				t.Fatal(err)
			}
			if level, text := test.find(t.Context(), x); level != test.level || !strings.Contains(text, test.text) {
				t.Errorf("%s: %s %s", test.change, level, text)
			}
		}
		x.cfg.StripeSecretKey = NewSecret("sk_test_x")
		if level, text := checkUncertain(t.Context(), x); level != warn || !strings.Contains(text, "wait for Stripe to be asked") {
			t.Errorf("with a key: %s %s", level, text)
		}
	})
}

func TestUnsent(t *testing.T) {
	if missing := unsent([]string{"*"}); len(missing) > 0 {
		t.Errorf("all are sent, but %v", missing)
	}
	if missing := unsent(nil); len(missing) != len(apply.Rules) {
		t.Errorf("none is sent, but %d", len(apply.Rules)-len(missing))
	}
	missing := unsent([]string{"invoice.*", "customer.created"})
	if slices.Contains(missing, "invoice.paid") || slices.Contains(missing, "customer.created") || !slices.Contains(missing, "customer.updated") {
		t.Errorf("%v", missing)
	}
}

func TestDifferences(t *testing.T) {
	ours := billing.Price{ID: "price_1", Amount: 2900, Currency: "usd", Interval: "month"}
	theirs := stripe.Price{UnitAmount: 2900, Currency: "usd", Interval: "month", Active: true}
	if d := differences(ours, theirs); len(d) > 0 {
		t.Errorf("the same: %v", d)
	}
	theirs.Active = false
	if d := fmt.Sprint(differences(ours, theirs)); d != "[{fail price_1 is archived at Stripe}]" {
		t.Error(d)
	}
	ours.Archived = true
	theirs.Currency, theirs.Interval = "eur", "year"
	if d := differences(ours, theirs); len(d) != 2 || d[0] != (remark{warn, "price_1: currency is usd in the catalog and eur at Stripe, which counts"}) {
		t.Errorf("%+v", d)
	}
}

func TestPostsTo(t *testing.T) {
	x := &examination{}
	for url, want := range map[string]string{
		"https://app.example.com/webhooks/stripe": "", "https://app.example.com/api/webhooks/stripe/": "",
		"https://app.example.com/webhooks/stripe/connect": "connect",
		"https://app.example.com/hooks":                   "none", "https://app.example.com/webhooks/stripes": "none",
	} {
		for _, name := range []string{"", "connect"} {
			if x.postsTo(&site{name: name}, url) != (name == want) {
				t.Errorf("%s, to %q: %v", url, name, name != want)
			}
		}
	}
	x.cfg.PublicURL = "https://billing.example.com"
	if !x.postsTo(&site{}, "https://billing.example.com/hooks") || x.postsTo(&site{}, "https://billing.example.community/hooks") ||
		x.postsTo(&site{}, "https://billing.example.com/webhooks/stripe/connect") {
		t.Error("by BURSAR_PUBLIC_URL")
	}
}

// TestClock moves Stripe's clock.
func TestClock(t *testing.T) {
	x := &examination{cfg: mustLoad(t, nil, nil, "")}
	x.answer.SentAt = 1
	for skew, want := range map[time.Duration]level{0: ok, -29 * time.Second: ok, 30 * time.Second: warn, -299 * time.Second: warn, 5 * time.Minute: fail, -time.Hour: fail} {
		x.skew = skew
		if level, text := checkClock(t.Context(), x); level != want {
			t.Errorf("%s: %s %s", skew, level, text)
		}
	}
}
