package stripetest

import (
	"net/http"
	"testing"
)

// BenchmarkYear is one subscription's year: a trial, twelve renewals, one of
// which fails and recovers, an upgrade and a refund, with every webhook
// rendered, signed and delivered.
func BenchmarkYear(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		a := NewAccount(Config{Chaos: &Chaos{}})
		got := 0
		a.Deliver(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { got++ }))
		if err := year(a); err != nil {
			b.Fatal(err)
		}
		if got < 150 {
			b.Fatalf("%d webhooks are too few for a year", got)
		}
		b.ReportMetric(float64(got), "webhooks")
		a.Close()
	}
}

func year(a *Account) error {
	s := &story{acct: a}
	s.play.defaults()
	s.catalog()
	s.signUp("price_basic_monthly", Form{"subscription_data[trial_period_days]": "14"})
	s.days(15)
	for range 5 {
		s.days(31)
	}
	s.useCard("pm_card_chargeCustomerFail")
	s.days(31)
	s.useCard("pm_card_visa")
	s.days(10)
	s.change("price_pro_monthly", Form{"proration_behavior": "always_invoice"})
	s.post("/v1/refunds", Form{"charge": s.charge(), "amount": "500"})
	for range 6 {
		s.days(31)
	}
	return s.err
}

func BenchmarkEventRender(b *testing.B) {
	a := NewAccount(Config{Chaos: &Chaos{}})
	if _, err := a.Play("renewal", Play{}); err != nil {
		b.Fatal(err)
	}
	for _, version := range []string{"2020-08-27", DefaultVersion} {
		b.Run(version, func(b *testing.B) {
			for b.Loop() {
				for _, e := range a.events {
					e.renderIn(version).JSON()
				}
			}
			b.ReportMetric(float64(len(a.events)), "events")
		})
	}
}
