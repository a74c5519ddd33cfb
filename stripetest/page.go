package stripetest

import (
	"bytes"
	"errors"
	"html/template"
	"net/http"
	"strings"
)

// The pages that Stripe hosts, as plain as can be: Checkout, the customer
// portal and an invoice. They exist so that an app can be clicked through
// against a simulated account (Config.PublicURL makes the API's links lead
// here). A session's address is its own permission, as at Stripe.

type pageData struct {
	Title   string
	Problem string
	Lines   []string
	Cards   []string
	Subs    []portalRow
	Back    string
	Button  string // what the form does; no form if empty
}

type portalRow struct{ ID, Text, Action, Label string }

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<meta charset="utf-8"><title>{{.Title}}</title>
<style>body{font:16px/1.5 system-ui;max-width:34em;margin:3em auto;padding:0 1em}button{font:inherit}
.problem{color:#b00020}.note{color:#666}</style>
<h1>{{.Title}}</h1>
<p class="note">A simulated account: no money moves.</p>
{{with .Problem}}<p class="problem" role="alert">{{.}}</p>{{end}}
{{range .Lines}}<p>{{.}}</p>{{end}}
{{range .Subs}}<form method="post"><p>{{.Text}} <input type="hidden" name="subscription" value="{{.ID}}">
<button name="action" value="{{.Action}}">{{.Label}}</button></p></form>{{end}}
{{if .Button}}<form method="post">
<p><label>Card <select name="card">{{range .Cards}}<option>{{.}}</option>{{end}}</select></label></p>
<p><button>{{.Button}}</button></p></form>{{end}}
{{with .Back}}<p><a href="{{.}}">Back</a></p>{{end}}
`))

// servePage answers if the path is one of the pages'.
func (a *Account) servePage(w http.ResponseWriter, r *http.Request) bool {
	for prefix, serve := range map[string]func(http.ResponseWriter, *http.Request, string){
		"/c/pay/": a.checkoutPage, "/p/session/": a.portalPage, "/i/": a.invoicePage,
	} {
		if id, ok := strings.CutPrefix(r.URL.Path, prefix); ok && id != "" && !strings.Contains(id, "/") {
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			serve(w, r, id)
			return true
		}
	}
	return false
}

func show(w http.ResponseWriter, status int, data pageData) {
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action *")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the reader's loss
}

// cardsFirst are the cards to choose from, the one that works first.
func cardsFirst() []string {
	cards := []string{"pm_card_visa"}
	for _, name := range sortedCardNames {
		if name != cards[0] {
			cards = append(cards, name)
		}
	}
	return cards
}

func (a *Account) checkoutPage(w http.ResponseWriter, r *http.Request, id string) {
	a.mu.Lock()
	s, ok := a.sessions.get(id)
	if !ok {
		a.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	data := pageData{Title: "Pay " + a.cfg.Name, Back: s.cancelURL, Cards: cardsFirst(), Button: "Subscribe"}
	for _, item := range s.items {
		data.Lines = append(data.Lines, item.price.product.name+": "+display(item.price.amountOf(item.quantity), item.price.currency))
	}
	if s.mode != "subscription" {
		data.Button = "Pay"
	}
	if s.status != "open" {
		data.Button, data.Problem = "", "This session is "+s.status+"."
	}
	success := s.successURL
	a.mu.Unlock()
	if r.Method != http.MethodPost {
		show(w, http.StatusOK, data)
		return
	}
	if _, err := a.Complete(id, Buyer{Card: r.PostFormValue("card"), Name: "A buyer"}); err != nil {
		data.Problem = messageOf(err)
		show(w, http.StatusPaymentRequired, data)
		return
	}
	http.Redirect(w, r, strings.ReplaceAll(success, "{CHECKOUT_SESSION_ID}", id), http.StatusSeeOther)
}

// messageOf is what an error says to a person.
func messageOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Message
	}
	return err.Error()
}

func (a *Account) portalPage(w http.ResponseWriter, r *http.Request, id string) {
	a.mu.Lock()
	o, known := a.portals[id]
	a.mu.Unlock()
	if !known {
		http.NotFound(w, r)
		return
	}
	customer := o.Str("customer")
	data := pageData{Title: "Your subscriptions", Back: o.Str("return_url")}
	if r.Method == http.MethodPost {
		if err := a.portalAction(customer, r.PostFormValue("subscription"), r.PostFormValue("action")); err != nil {
			data.Problem = messageOf(err)
		}
	}
	a.mu.Lock()
	if c, ok := a.customers.get(customer); ok {
		for _, s := range c.subscriptions {
			if s.ended() {
				continue
			}
			row := portalRow{s.id, s.items[0].price.product.name + ", " + s.status, "cancel", "Cancel at the period's end"}
			if s.cancelAt != 0 {
				row = portalRow{s.id, s.items[0].price.product.name + ", ends " + dayOf(s.cancelAt), "resume", "Don't cancel"}
			}
			data.Subs = append(data.Subs, row)
		}
	}
	a.mu.Unlock()
	show(w, http.StatusOK, data)
}

func (a *Account) portalAction(customer, subscription, action string) error {
	a.mu.Lock()
	s, ok := a.subscriptions.get(subscription)
	a.mu.Unlock()
	if !ok || s.customer.id != customer {
		return noSuch("subscription", subscription)
	}
	if action == "resume" {
		return a.PortalResume(subscription)
	}
	return a.PortalCancel(subscription)
}

func (a *Account) invoicePage(w http.ResponseWriter, r *http.Request, id string) {
	a.mu.Lock()
	i, ok := a.invoices.get(id)
	if !ok || i.finalizedAt == 0 {
		a.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	data := pageData{Title: "Invoice " + i.number, Cards: cardsFirst(), Button: "Pay"}
	data.Lines = append(data.Lines, "Due: "+display(i.remaining(), i.currency), "Status: "+i.status)
	if i.status != "open" && i.status != "uncollectible" {
		data.Button = ""
	}
	waits := i.intent != nil && i.intent.status == "requires_action"
	a.mu.Unlock()
	if r.Method != http.MethodPost {
		show(w, http.StatusOK, data)
		return
	}
	var err error
	if waits {
		err = a.Authenticate(id)
	} else {
		_, err = a.Post("/v1/invoices/"+id+"/pay", Form{"payment_method": r.PostFormValue("card"), "off_session": "false"})
	}
	if err != nil {
		data.Problem = messageOf(err)
		show(w, http.StatusPaymentRequired, data)
		return
	}
	http.Redirect(w, r, r.URL.Path, http.StatusSeeOther)
}
