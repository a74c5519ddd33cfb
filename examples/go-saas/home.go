package main

import (
	"html/template"
	"log"
	"net/http"

	"github.com/bursarhq/bursar/client"
)

var page = template.Must(template.New("home").Parse(`<!doctype html>
<meta charset="utf-8"><title>{{.Team}}</title>
<p>{{.Team}} is on {{.Plan}} ({{.Status}}) and may have {{.Features.projects}} projects.</p>
{{if eq .Status "past_due"}}<p>Your last payment failed: please give us another card.</p>{{end}}
{{if not .Subscription.EndsAt.IsZero}}<p>It ends on {{.Subscription.EndsAt.Format "2 January 2006"}}.</p>{{end}}
<form method="post" action="/{{.Team}}/projects"><button>Add a project</button></form>
<form method="post" action="/{{.Team}}/upgrade">
<button name="plan" value="pro">Pro</button> <button name="plan" value="team">Team</button></form>
<form method="post" action="/{{.Team}}/billing"><button>Billing</button></form>
<ul>{{range .Invoices}}<li>Invoice {{.Number}}: {{.Status}}</li>{{end}}</ul>
`))

func (a *app) home(w http.ResponseWriter, r *http.Request) {
	ctx, team := r.Context(), r.PathValue("team")
	data := struct {
		client.Entitlements
		Team         string
		Subscription client.Subscription
		Invoices     []client.Invoice
	}{Team: team}
	var err error
	if data.Entitlements, err = a.bursar.Entitlements(ctx, team); err != nil {
		fail(w, err)
		return
	}
	if data.Subscription, err = a.bursar.Subscription(ctx, team); err != nil {
		fail(w, err)
		return
	}
	invoices, err := a.bursar.Invoices(ctx, team, client.Page{Limit: 5})
	if err != nil {
		fail(w, err)
		return
	}
	data.Invoices = invoices.Data
	if err := page.Execute(w, data); err != nil {
		log.Print(err)
	}
}
