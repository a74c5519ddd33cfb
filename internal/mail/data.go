package mail

import (
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"time"

	"github.com/bursarhq/bursar/billing"
)

// Data is what a mail can tell. Each kind uses some of it (see docs/mails.md and
// the samples), a template may use all of it, and what is the zero value is left
// out of the mail. Strings are plain text; whatever they hold, markup or
// controls, is shown as text. Zero times are unknown ones.
type Data struct {
	Name   string // whom the mail greets; empty greets nobody by name
	Tenant string // the app's id of the account

	Subscription string // Stripe's id
	Plan         string // the plan's name as customers know it
	NextPlan     string // the plan that the tenant has from now on
	OtherPlan    string // the plan of another subscription that goes on

	// Amount is what the notice is about: what was charged or is owed, refunded,
	// disputed, or what a trial turns into.
	Amount        billing.Money
	Interval      string // day, week, month, year: how often Amount comes again
	IntervalCount int    // every so many intervals; 0 means 1

	Invoice Invoice
	Method  Method

	Attempt     int       // the attempt that failed, from 1
	MaxAttempts int       // after which dunning is spent; 0 unknown
	NextAttempt time.Time // when Stripe tries again
	// Reason is why: of a failed payment the issuer's text for customers (never a
	// decline code), of a dispute or an end Stripe's word.
	Reason string

	TrialEnd   time.Time
	EndedAt    time.Time
	RefundedAt time.Time
	FullRefund bool // everything that was paid on the invoice has been refunded

	Links Links

	// For the operator.

	Event    Event
	Dispute  Dispute
	Price    Price
	Conflict Conflict
	Endpoint Endpoint
}

// Links are absolute http(s) addresses; anything else is taken as not given. A
// button is there where its link is.
type Links struct {
	Pay       string // Stripe's hosted_invoice_url, or the page that asks for authentication
	Update    string // where the payment method is changed
	Invoice   string // the invoice document
	Subscribe string // where a plan is chosen
	Dashboard string // the operator's page about the matter
}

// Invoice is the invoice that a notice is about.
type Invoice struct {
	ID       string
	Number   string
	IssuedAt time.Time
	PaidAt   time.Time
	DueDate  time.Time
	Lines    []Line
	// Subtotal is before discount and tax; Discount is what comes off it.
	Subtotal, Discount, Tax, Total, AmountPaid billing.Money
}

// Line is one line of an invoice.
type Line struct {
	Description string
	Quantity    int64 // 0 and 1 are not shown
	Amount      billing.Money
}

// Label is the description with its quantity.
func (l Line) Label() string {
	if l.Quantity <= 1 {
		return l.Description
	}
	return fmt.Sprintf("%s × %d", l.Description, l.Quantity)
}

// Method is a payment method.
type Method struct {
	Type     string // Stripe's: card, sepa_debit, …
	Brand    string // Stripe's: visa, mastercard, …
	Last4    string
	ExpMonth int
	ExpYear  int
}

// Event is an event that Bursar could not apply.
type Event struct {
	ID       string
	Type     string
	Error    string
	Attempts int
	Received time.Time
}

// Dispute is a dispute about a charge.
type Dispute struct {
	ID     string
	Charge string
	Status string    // Stripe's
	DueBy  time.Time // for evidence
}

// Price is a price that no plan in the catalog has.
type Price struct {
	ID      string
	Product string // its name at Stripe, else its id
}

// Conflict is a customer whom an event links to a tenant while another has it.
type Conflict struct {
	Customer string // Stripe's id
	Owner    string // the tenant that keeps the customer
	Claimed  string // the tenant that the event named
	Source   string // what named it: metadata, checkout session, …
	Event    string // Stripe's id of the event
}

// Endpoint is a webhook endpoint that has gone quiet, or Bursar's own that accepts nothing.
type Endpoint struct {
	Name      string
	LastEvent time.Time     // received; zero if there was none
	Silence   time.Duration // how long it has been quiet
	Missed    int           // events that the Events API had and the endpoint did not
}

// How much of a string a mail shows, in characters. An error may go on for a
// few lines; the dashboard has all of it.
const (
	maxString  = 500
	maxSubject = 150
	maxLink    = 2000 // Stripe's hosted pages have long tokens
)

// sanitized is a copy of d in which every string is one clean line of at most
// maxString, and every link is one. It goes over the fields by reflection so that
// a field that is added later cannot be forgotten.
func (d Data) sanitized() Data {
	links := Links{
		Pay:       webLink(d.Links.Pay),
		Update:    webLink(d.Links.Update),
		Invoice:   webLink(d.Links.Invoice),
		Subscribe: webLink(d.Links.Subscribe),
		Dashboard: webLink(d.Links.Dashboard),
	}
	d.Invoice.Lines = slices.Clone(d.Invoice.Lines)
	sanitize(reflect.ValueOf(&d).Elem())
	d.Links = links
	return d
}

func sanitize(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(cut(clean(v.String()), maxString))
	case reflect.Slice:
		for i := range v.Len() {
			sanitize(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				sanitize(f)
			}
		}
	}
}

// webLink is s if it is an absolute http or https address that can stand in a
// text as it is, else empty.
func webLink(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(s) > maxLink || clean(s) != s {
		return ""
	}
	return u.String()
}
