package stripetest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/bursarhq/bursar/stripetest"
	"github.com/bursarhq/bursar/webhook"
)

// app is what is tested: it keeps the status of each subscription.
type app struct {
	secret string
	status map[string]string
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := webhook.Verify(body, r.Header.Get("Stripe-Signature"), []string{a.secret}, webhook.Options{}); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var event struct {
		Data struct {
			Object struct{ ID, Object, Status string }
		}
	}
	if err := json.Unmarshal(body, &event); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if o := event.Data.Object; o.Object == "subscription" {
		a.status[o.ID] = o.Status
	}
}

// A scenario is one line; the app sees its webhooks, signed.
func Example() {
	acct := stripetest.NewAccount(stripetest.Config{}).Calm()
	defer acct.Close()
	app := &app{status: map[string]string{}}
	app.secret = acct.Deliver(app).Secret()

	result, err := acct.Play("renewal-fails-ends", stripetest.Play{Tenant: "acme"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(app.status[result.Subscription])
	// Output: canceled
}

// The same by hand: requests to the API, a buyer, and time.
func ExampleAccount_Complete() {
	acct := stripetest.NewAccount(stripetest.Config{}).Calm()
	defer acct.Close()
	price, err := acct.Post("/v1/prices", stripetest.Form{
		"product_data[name]": "Pro", "currency": "eur", "unit_amount": "1900", "recurring[interval]": "month",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	session, err := acct.Post("/v1/checkout/sessions", stripetest.Form{
		"mode": "subscription", "line_items[0][price]": price.ID(), "client_reference_id": "acme",
		"success_url": "https://app.example/welcome",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	session, err = acct.Complete(session.ID(), stripetest.Buyer{Email: "owner@acme.example"})
	if err != nil {
		fmt.Println(err)
		return
	}
	acct.Advance(62 * 24 * time.Hour)
	for _, e := range acct.Events("invoice.paid") {
		fmt.Println(e.Created.Format(time.DateOnly), e.Object.Int("amount_paid"), e.Object.Str("currency"))
	}
	fmt.Println(session.Str("status"))
	// Output:
	// 2026-01-15 1900 eur
	// 2026-02-15 1900 eur
	// 2026-03-15 1900 eur
	// complete
}

// An app that is to survive Stripe is tested against more than calm weather.
func ExampleAccount_Misbehave() {
	acct := stripetest.NewAccount(stripetest.Config{Seed: 42})
	defer acct.Close()
	acct.Misbehave(stripetest.Chaos{Duplicate: 1, Delay: 1, MaxDelay: time.Minute})
	seen := map[string]int{}
	acct.Deliver(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var event struct{ ID string }
		if err := json.NewDecoder(r.Body).Decode(&event); err == nil {
			seen[event.ID]++
		}
	}))
	if _, err := acct.Post("/v1/customers", stripetest.Form{"email": "a@example.com"}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("at once:", len(seen))
	acct.Settle()
	for _, times := range seen {
		fmt.Println("in the end:", times, "times")
	}
	// Output:
	// at once: 0
	// in the end: 2 times
}

// Requests can be made to fail; After loses only the answer.
func ExampleAccount_Inject() {
	acct := stripetest.NewAccount(stripetest.Config{}).Calm()
	defer acct.Close()
	acct.Inject(stripetest.Fault{Path: "/v1/subscriptions", Status: http.StatusTooManyRequests, Times: 2})
	acct.Inject(stripetest.Fault{Method: http.MethodPost, Status: http.StatusInternalServerError, After: true})
	acct.Inject(stripetest.Fault{Path: "/v1/invoices", Hang: true})
}

// One event, without an account.
func ExampleBuildEvent() {
	event, err := stripetest.BuildEvent("invoice.payment_failed", stripetest.EventOptions{
		Tenant: "acme", Customer: "cus_acme", APIVersion: "2024-06-20", Set: []string{"attempt_count=3"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(event.Type, event.Object.Str("customer"), event.Object.Int("attempt_count"), event.Object.Bool("paid"))
	// Output: invoice.payment_failed cus_acme 3 false
}
