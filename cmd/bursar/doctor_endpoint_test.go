package main

import (
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/stripe"
	"github.com/bursarhq/bursar/stripetest"
)

// atStripe is an account, and who asks the doctor about it.
type atStripe struct {
	*testing.T
	account *stripetest.Account
	env     vars
	config  string // the file
}

func newAtStripe(t *testing.T) *atStripe {
	t.Helper()
	s := &atStripe{T: t, account: stripetest.New(t, func(c *stripetest.Config) { c.Start = time.Now() })}
	server := httptest.NewServer(s.account)
	t.Cleanup(server.Close)
	dir := t.TempDir()
	s.config = filepath.Join(dir, "bursar.yaml")
	s.env = vars{
		"BURSAR_DATABASE_URL": "sqlite://" + filepath.Join(dir, "bursar.db"), "STRIPE_WEBHOOK_SECRET": "whsec_test",
		"STRIPE_SECRET_KEY": "sk_test_topsecret", "STRIPE_API_BASE": server.URL,
	}
	write(t, s.config, "")
	if r := runCommand(t, s.env, "migrate"); r.status != 0 {
		t.Fatal(r)
	}
	return s
}

// endpoint makes an endpoint at Stripe. A handler that is a URL is never called:
// nothing happens in the account.
func (s *atStripe) endpoint(url string, form stripetest.Form) string {
	s.Helper()
	form["url"] = url
	e, err := s.account.Post("/v1/webhook_endpoints", form)
	if err != nil {
		s.Fatal(err)
	}
	return e.ID()
}

// says wants a line of the doctor's.
func (s *atStripe) says(status int, line string, args ...string) {
	s.Helper()
	r := runCommand(s.T, s.env, append([]string{"doctor", "--config", s.config}, args...)...)
	if r.status != status || !strings.Contains("\n"+r.out, "\n"+line+"\n") {
		s.Errorf("status %d, want %d and %q:\n%s%s", r.status, status, line, r.out, r.errors)
	}
}

// enabled are the events that an endpoint is sent.
func (s *atStripe) enabled(id string) []string {
	s.Helper()
	e, err := s.account.Get("/v1/webhook_endpoints/"+id, nil)
	if err != nil {
		s.Fatal(err)
	}
	v, err := stripe.Parse(e.JSON())
	if err != nil {
		s.Fatal(err)
	}
	var types []string
	for e := range v.Get("enabled_events").All() {
		types = append(types, e.Str())
	}
	return types
}

func TestDoctorFixesTheEndpoint(t *testing.T) {
	const url = "https://app.example.com/webhooks/stripe"
	s := newAtStripe(t)
	s.says(0, "warn endpoint: none of the account's endpoints (0) posts to …/webhooks/stripe", "--fix")
	form := stripetest.Form{"enabled_events[0]": "invoice.*", "enabled_events[1]": "payout.paid"}
	var lacking []string
	for _, rule := range apply.Rules {
		switch {
		case strings.HasPrefix(rule.Type, "invoice."):
		case strings.HasPrefix(rule.Type, "customer."):
			form[fmt.Sprintf("enabled_events[%d]", len(form))] = rule.Type
		default:
			lacking = append(lacking, rule.Type)
		}
	}
	id := s.endpoint(url, form)
	list := strings.Join(lacking, ", ")
	s.says(0, "warn endpoint: "+url+" is not sent "+list+"; --fix has Stripe send them")
	before := s.enabled(id)
	s.says(0, "ok   endpoint: fixed: "+url+" is now sent "+list, "--fix")
	if want := slices.Concat(before, lacking); !slices.Equal(s.enabled(id), want) {
		t.Errorf("it is sent %q, want %q", s.enabled(id), want)
	}
	s.says(0, "ok   endpoint: "+url)
	s.says(0, "ok   endpoint: "+url, "--fix")

	if _, err := s.account.Post("/v1/webhook_endpoints/"+id, stripetest.Form{"disabled": "true"}); err != nil {
		t.Fatal(err)
	}
	s.says(1, "fail endpoint: "+url+" is disabled at Stripe; --fix enables it")
	s.says(0, "ok   endpoint: fixed: "+url+" was disabled and is enabled now", "--fix")
	s.says(0, "ok   endpoint: "+url)
}

// TestDoctorOfSeveralEndpoints shares an account with other services.
func TestDoctorOfSeveralEndpoints(t *testing.T) {
	s := newAtStripe(t)
	staging := s.endpoint("https://staging.example.com/webhooks/stripe", stripetest.Form{"enabled_events[0]": "invoice.*"})
	ours := s.endpoint("https://billing.example.com/webhooks/stripe", stripetest.Form{"enabled_events[0]": "invoice.*"})
	s.endpoint("https://app.example.com/hooks", stripetest.Form{"enabled_events[0]": "*"})
	s.says(1, "fail endpoint: 2 endpoints post to …/webhooks/stripe, of which --fix changes none; set BURSAR_PUBLIC_URL to say which is ours", "--fix")
	if n := len(s.enabled(staging)) + len(s.enabled(ours)); n != 2 {
		t.Errorf("they are sent %d", n)
	}
	s.env["BURSAR_PUBLIC_URL"] = "https://billing.example.com"
	runCommand(t, s.env, "doctor", "--fix")
	s.says(0, "ok   endpoint: https://billing.example.com/webhooks/stripe")
	if n := len(s.enabled(staging)); n != 1 {
		t.Errorf("the other service's is sent %d", n)
	}
}

func TestDoctorOnVersions(t *testing.T) {
	s := newAtStripe(t)
	s.says(0, "ok   api_version: no endpoint has one")
	make := func(url, version string) {
		t.Helper()
		s.endpoint(url, stripetest.Form{"enabled_events[0]": "*", "api_version": version})
	}
	make("https://a.example.com/webhooks/stripe", "2024-06-20")
	s.says(0, "ok   api_version: 2024-06-20")
	make("https://b.example.com/webhooks/stripe", "2027-02-24.fern")
	s.says(0, "warn api_version: several endpoints post here, each in its API version: one event comes in several shapes; "+
		"2027-02-24.fern is newer than what this Bursar knows ("+stripe.NewestVersion+"); Stripe changes no endpoint's version, so make another endpoint")
}

// TestDoctorOnFurtherEndpoints reads the file's.
func TestDoctorOnFurtherEndpoints(t *testing.T) {
	s := newAtStripe(t)
	s.endpoint("https://a.example.com/webhooks/stripe", stripetest.Form{"enabled_events[0]": "*"})
	further := func(key, account string) {
		t.Helper()
		write(t, s.config, fmt.Sprintf("endpoints: [{name: second, secret: whsec_second, key: %s, account: %s}]\n", key, account))
	}
	further("sk_test_second", s.account.ID())
	s.says(0, "ok   accounts: those of 1 further endpoint are as the file says")
	s.says(0, "warn endpoint: second: none of the account's endpoints (1) posts to …/webhooks/stripe/second")
	s.endpoint("https://a.example.com/webhooks/stripe/second", stripetest.Form{"enabled_events[0]": "*"})
	s.says(0, "ok   endpoint: https://a.example.com/webhooks/stripe; second: https://a.example.com/webhooks/stripe/second")
	further("sk_test_second", "acct_other")
	s.says(1, "fail accounts: second: its key is of "+s.account.ID()+", not of acct_other")
	further("sk_live_second", "acct_other")
	s.says(1, "fail accounts: second: its key is of the other mode than STRIPE_SECRET_KEY")
}
