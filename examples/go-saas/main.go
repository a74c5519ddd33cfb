// Go-saas is a small SaaS that runs its billing on a Bursar beside it, over HTTP: teams
// sign up, buy a plan, and may have as many projects as their plan allows.
//
//	bursar serve &
//	BURSAR_URL=http://127.0.0.1:8000 BURSAR_API_KEY=… go run ./examples/go-saas
package main

import (
	"cmp"
	"log"
	"net/http"
	"os"
	"sync"

	"github.com/bursarhq/bursar/client"
)

func main() {
	bursar, err := client.New(cmp.Or(os.Getenv("BURSAR_URL"), "http://127.0.0.1:8000"), os.Getenv("BURSAR_API_KEY"))
	if err != nil {
		log.Fatal(err)
	}
	log.Print("http://127.0.0.1:3000/acme")
	log.Fatal(http.ListenAndServe("127.0.0.1:3000", newApp(bursar, "http://127.0.0.1:3000")))
}

// app is the SaaS. A real one would have users, sessions and a database.
type app struct {
	bursar *client.Client
	url    string // where the buyers come back to

	mu       sync.Mutex
	projects map[string]int64 // by team
}

func newApp(bursar *client.Client, url string) http.Handler {
	a := &app{bursar: bursar, url: url, projects: map[string]int64{}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /signup", a.signUp)
	mux.HandleFunc("GET /{team}", a.home)
	mux.HandleFunc("POST /{team}/projects", a.addProject)
	mux.HandleFunc("POST /{team}/upgrade", a.upgrade)
	mux.HandleFunc("GET /{team}/welcome", a.welcome)
	mux.HandleFunc("POST /{team}/billing", a.billing)
	return mux
}

// signUp makes the team a tenant. It has the default plan until it buys another.
func (a *app) signUp(w http.ResponseWriter, r *http.Request) {
	team, email := r.FormValue("team"), r.FormValue("email")
	if _, err := a.bursar.PutTenant(r.Context(), team, client.TenantPatch{Email: &email}); err != nil {
		fail(w, err)
		return
	}
	http.Redirect(w, r, "/"+team, http.StatusSeeOther)
}

// addProject is what the plan decides about: one read of Bursar's, for every request.
func (a *app) addProject(w http.ResponseWriter, r *http.Request) {
	team := r.PathValue("team")
	e, err := a.bursar.Entitlements(r.Context(), team)
	if err != nil {
		fail(w, err)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if limit, _ := e.Features["projects"].(int64); a.projects[team] >= limit {
		http.Error(w, "Your plan has no room for another project.", http.StatusPaymentRequired)
		return
	}
	a.projects[team]++
	http.Redirect(w, r, "/"+team, http.StatusSeeOther)
}

// upgrade sells a plan: to a new customer by Stripe's Checkout, to one who pays already
// by changing the subscription.
func (a *app) upgrade(w http.ResponseWriter, r *http.Request) {
	team, plan := r.PathValue("team"), r.FormValue("plan")
	session, err := a.bursar.Checkout(r.Context(), client.Checkout{
		Tenant: team, Plan: plan, SuccessURL: a.url + "/" + team + "/welcome", CancelURL: a.url + "/" + team,
	})
	if client.IsCode(err, "already_subscribed") {
		_, err = a.bursar.ChangeSubscription(r.Context(), team, client.Change{Plan: plan})
		session.URL = "/" + team
	}
	if err != nil {
		fail(w, err)
		return
	}
	http.Redirect(w, r, session.URL, http.StatusSeeOther)
}

// welcome is where the buyer comes back to, often before Stripe's webhook: Sync has
// Bursar ask Stripe, so that nobody who has just paid sees the free plan.
func (a *app) welcome(w http.ResponseWriter, r *http.Request) {
	if _, err := a.bursar.Sync(r.Context(), r.PathValue("team")); err != nil {
		fail(w, err)
		return
	}
	a.home(w, r)
}

// billing leads to Stripe's portal: another card, old invoices, the way out.
func (a *app) billing(w http.ResponseWriter, r *http.Request) {
	team := r.PathValue("team")
	portal, err := a.bursar.Portal(r.Context(), team, a.url+"/"+team)
	if err != nil {
		fail(w, err)
		return
	}
	http.Redirect(w, r, portal, http.StatusSeeOther)
}

// fail is for when Bursar refuses or is away.
func fail(w http.ResponseWriter, err error) {
	log.Print(err)
	http.Error(w, "Billing cannot be reached right now.", http.StatusBadGateway)
}
