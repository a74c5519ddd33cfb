// Package life leads the example apps through the life of a customer, against a
// simulated Stripe account, and looks at what they show at each step.
package life

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bursarhq/bursar/stripetest"
)

// World is what the apps live in.
type World struct {
	*testing.T
	Stripe *stripetest.Account
	API    string // Stripe's address, for STRIPE_API_BASE
	// App sells; it is called by its address.
	App string
	// Gates are further apps, which only ask what a team may do.
	Gates []string
}

// New is a world whose Stripe sells the plans pro and team.
func New(t *testing.T) *World {
	t.Helper()
	w := &World{T: t, Stripe: stripetest.New(t).Calm()}
	for id, amount := range map[string]string{"price_pro": "2900", "price_team": "9900"} {
		w.stripe("/v1/prices", stripetest.Form{"id": id, "currency": "usd", "unit_amount": amount, "recurring[interval]": "month", "product_data[name]": id})
	}
	w.API = w.serve(w.Stripe)
	return w
}

// Run is the whole life. Every step says what the apps must show after it.
func (w *World) Run() {
	w.signUp()
	w.shows("free (none) and may have 1 projects")
	w.project(http.StatusSeeOther, http.StatusCreated)
	w.project(http.StatusPaymentRequired, http.StatusPaymentRequired)

	// The buyer is back before any webhook has come.
	w.Stripe.Misbehave(stripetest.Chaos{Delay: 1, MaxDelay: time.Hour})
	w.checkout("pro")
	w.shows("free (none) and may have 1 projects")
	if page := w.get(w.App + "/acme/welcome"); !strings.Contains(page, "acme is on pro (active) and may have 20 projects") {
		w.Errorf("the success page shows %s", page)
	}
	w.shows("pro (active) and may have 20 projects")
	w.Stripe.Calm()
	w.Stripe.Settle() // now they come
	w.shows("pro (active) and may have 20 projects")
	w.project(http.StatusSeeOther, http.StatusCreated)

	if at := w.post("/acme/upgrade", url.Values{"plan": {"team"}}); at != "/acme" {
		w.Errorf("the upgrade leads to %s", at)
	}
	w.shows("team (active) and may have 100 projects")

	w.card("pm_card_chargeCustomerFail")
	w.month()
	w.shows("team (past_due) and may have 100 projects")
	w.card("pm_card_visa")
	w.payInvoice()
	w.shows("team (active) and may have 100 projects")

	if at := w.post("/acme/billing", nil); !strings.HasPrefix(at, "https://billing.stripe.com/") {
		w.Errorf("billing leads to %s", at)
	}
	if err := w.Stripe.PortalCancel(w.subscription().ID()); err != nil {
		w.Fatal(err)
	}
	w.shows("team (active) and may have 100 projects")
	w.month()
	w.shows("free (canceled) and may have 1 projects")
	w.project(http.StatusPaymentRequired, http.StatusPaymentRequired)

	w.checkout("pro")
	w.shows("pro (active) and may have 20 projects")

	charge := w.first("/v1/charges", nil)
	w.stripe("/v1/refunds", stripetest.Form{"charge": charge.ID()})
	w.Stripe.Settle()
	w.shows("pro (active) and may have 20 projects") // a refund takes no plan away
	if page := w.get(w.App + "/acme"); strings.Count(page, ": void") != 1 {
		w.Errorf("the refunded invoice is not void: %s", page)
	}
}

func (w *World) signUp() {
	w.Helper()
	if at := w.post("/signup", url.Values{"team": {"acme"}, "email": {"owner@acme.example"}}); at != "/acme" {
		w.Fatalf("signing up leads to %s", at)
	}
}

// checkout has the buyer buy a plan on Stripe's page.
func (w *World) checkout(plan string) {
	w.Helper()
	if at := w.post("/acme/upgrade", url.Values{"plan": {plan}}); !strings.HasPrefix(at, "https://checkout.stripe.com/") {
		w.Fatalf("buying leads to %s", at)
	}
	if _, err := w.Stripe.Complete(w.first("/v1/checkout/sessions", nil).ID(), stripetest.Buyer{}); err != nil {
		w.Fatal(err)
	}
}

// card makes another card the one that pays.
func (w *World) card(name string) {
	w.Helper()
	sub := w.subscription()
	card := w.stripe("/v1/payment_methods/"+name+"/attach", stripetest.Form{"customer": sub.Str("customer")})
	w.stripe("/v1/subscriptions/"+sub.ID(), stripetest.Form{"default_payment_method": card.ID()})
}

func (w *World) payInvoice() {
	w.Helper()
	w.stripe("/v1/invoices/"+w.first("/v1/invoices", stripetest.Form{"status": "open"}).ID()+"/pay", nil)
	w.Stripe.Settle()
}

// month lets a month go by, and the hours in which Stripe charges for the next one.
func (w *World) month() {
	w.Helper()
	w.Stripe.AdvanceTo(time.Unix(w.subscription().Int("items.data.0.current_period_end"), 0).Add(2 * time.Hour))
	w.Stripe.Settle()
}

// shows wants all apps to show a sentence.
func (w *World) shows(want string) {
	w.Helper()
	for _, app := range append([]string{w.App}, w.Gates...) {
		if page := w.get(app + "/acme"); !strings.Contains(page, "acme is on "+want+".") {
			w.Errorf("%s shows %s, want %s", app, page, want)
		}
	}
}

// project has a project added in every app, and wants the statuses.
func (w *World) project(app, gate int) {
	w.Helper()
	for i, at := range append([]string{w.App}, w.Gates...) {
		want := app
		if i > 0 {
			want = gate
		}
		if got := w.do(http.MethodPost, at+"/acme/projects", nil); got.status != want {
			w.Errorf("%s answers %d to another project, want %d", at, got.status, want)
		}
	}
}

func (w *World) subscription() stripetest.Object {
	w.Helper()
	return w.first("/v1/subscriptions", nil)
}

// first is the newest object of a list at Stripe.
func (w *World) first(path string, form stripetest.Form) stripetest.Object {
	w.Helper()
	list, err := w.Stripe.Get(path, form)
	if err != nil {
		w.Fatal(err)
	}
	data, _ := list["data"].([]any)
	if len(data) == 0 {
		w.Fatalf("%s is empty", path)
	}
	return data[0].(stripetest.Object)
}

func (w *World) stripe(path string, form stripetest.Form) stripetest.Object {
	w.Helper()
	o, err := w.Stripe.Post(path, form)
	if err != nil {
		w.Fatal(err)
	}
	return o
}

// post answers where the app leads to.
func (w *World) post(path string, form url.Values) string {
	w.Helper()
	got := w.do(http.MethodPost, w.App+path, form)
	if got.status != http.StatusSeeOther {
		w.Fatalf("%s answers %d: %s", path, got.status, got.body)
	}
	return got.location
}

func (w *World) get(at string) string {
	w.Helper()
	return w.do(http.MethodGet, at, nil).body
}

type answer struct {
	status         int
	location, body string
}

// do follows nowhere.
func (w *World) do(method, at string, form url.Values) answer {
	w.Helper()
	request, err := http.NewRequestWithContext(w.Context(), method, at, strings.NewReader(form.Encode()))
	if err != nil {
		w.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		w.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		w.Fatal(err)
	}
	return answer{response.StatusCode, response.Header.Get("Location"), string(body)}
}
