package main

import (
	"errors"
	"fmt"
	"log"
	"net/http"

	"github.com/bursarhq/bursar"
)

// handler has Stripe's endpoint beside the program's own routes.
func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /webhooks/stripe", a.bursar.WebhookHandler())
	mux.HandleFunc("POST /signup", a.signUp)
	mux.HandleFunc("GET /{team}", a.home)
	mux.HandleFunc("POST /{team}/projects", a.addProject)
	mux.HandleFunc("POST /{team}/upgrade", a.upgrade)
	mux.HandleFunc("GET /{team}/welcome", a.welcome)
	mux.HandleFunc("POST /{team}/billing", a.billing)
	return mux
}

func (a *app) signUp(w http.ResponseWriter, r *http.Request) {
	team, email := r.FormValue("team"), r.FormValue("email")
	if err := a.bursar.PutTenant(r.Context(), team, bursar.TenantPatch{Email: &email}); err != nil {
		fail(w, err)
		return
	}
	if _, err := a.db.ExecContext(r.Context(), `INSERT INTO teams (id) VALUES ($1) ON CONFLICT DO NOTHING`, team); err != nil {
		fail(w, err)
		return
	}
	http.Redirect(w, r, "/"+team, http.StatusSeeOther)
}

// home reads nothing but the program's own table.
func (a *app) home(w http.ResponseWriter, r *http.Request) {
	var team, plan, status string
	var may int64
	err := a.db.QueryRowContext(r.Context(), `SELECT id, plan, status, may_have FROM teams WHERE id = $1`, r.PathValue("team")).Scan(&team, &plan, &status, &may)
	if err != nil {
		fail(w, err)
		return
	}
	fmt.Fprintf(w, "%s is on %s (%s) and may have %d projects.\n", team, plan, status, may)
	invoices, err := a.bursar.Invoices(r.Context(), team, 5)
	if err != nil {
		log.Print(err)
	}
	for _, i := range invoices {
		fmt.Fprintf(w, "Invoice %s: %s\n", i.Number, i.Status)
	}
}

// addProject needs no look at Bursar: the limit stands in the row that it changes.
func (a *app) addProject(w http.ResponseWriter, r *http.Request) {
	team := r.PathValue("team")
	result, err := a.db.ExecContext(r.Context(), `UPDATE teams SET projects = projects + 1 WHERE id = $1 AND projects < may_have`, team)
	if err != nil {
		fail(w, err)
		return
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		http.Error(w, "Your plan has no room for another project.", http.StatusPaymentRequired)
		return
	}
	http.Redirect(w, r, "/"+team, http.StatusSeeOther)
}

func (a *app) upgrade(w http.ResponseWriter, r *http.Request) {
	team, plan := r.PathValue("team"), r.FormValue("plan")
	session, err := a.bursar.Checkout(r.Context(), team, bursar.Checkout{
		Plan: plan, SuccessURL: a.url + "/" + team + "/welcome", CancelURL: a.url + "/" + team,
	})
	if errors.Is(err, bursar.ErrAlreadySubscribed) {
		_, err = a.bursar.ChangeSubscription(r.Context(), team, bursar.SubscriptionChange{Plan: plan})
		session.URL = "/" + team
	}
	if err != nil {
		fail(w, err)
		return
	}
	http.Redirect(w, r, session.URL, http.StatusSeeOther)
}

func (a *app) welcome(w http.ResponseWriter, r *http.Request) {
	if _, err := a.bursar.Sync(r.Context(), r.PathValue("team")); err != nil {
		fail(w, err)
		return
	}
	a.home(w, r)
}

func (a *app) billing(w http.ResponseWriter, r *http.Request) {
	team := r.PathValue("team")
	portal, err := a.bursar.Portal(r.Context(), team, a.url+"/"+team)
	if err != nil {
		fail(w, err)
		return
	}
	http.Redirect(w, r, portal, http.StatusSeeOther)
}

func fail(w http.ResponseWriter, err error) {
	log.Print(err)
	http.Error(w, "Something went wrong.", http.StatusInternalServerError)
}
