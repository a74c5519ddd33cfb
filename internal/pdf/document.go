package pdf

import (
	"errors"
	"fmt"
	"time"
)

// Kind is what a document is.
type Kind string

// The invoice holds the finalized invoice and never changes; a payment goes on
// a receipt, a refund on a credit note.
const (
	Invoice    Kind = "invoice"
	Receipt    Kind = "receipt"
	CreditNote Kind = "credit_note"
)

// Document is everything that a document shows. Amounts are integers in the
// currency's minor unit by Stripe's exponents; those of a credit note are
// positive. Dates are shown as they are in their own location; a zero one is not
// shown.
type Document struct {
	Kind   Kind
	Number string
	// InvoiceNumber is the invoice that a receipt or a credit note is about.
	InvoiceNumber string
	// Currency is a lowercase ISO 4217 code, as Stripe has it.
	Currency string
	// Locale is the buyer's, a BCP 47 tag: the language of the labels, the
	// formats of dates and amounts. Unknown ones are shown in English.
	Locale string
	// PageSize is "a4", "letter" or empty, for the template's.
	PageSize string

	IssuedAt               time.Time
	DueAt                  time.Time
	PeriodStart, PeriodEnd time.Time // of the service

	Seller, Buyer Party
	Fields        []Field // shown beside the dates: a purchase order's number

	Lines     []Line
	Discounts []Discount
	Taxes     []Tax // one for each rate
	Totals    Totals
	// Payments are what was paid on a receipt, what was given back on a credit
	// note. An invoice shows none.
	Payments []Payment

	// PayURL is where an invoice can be paid; other than http and https
	// addresses are left out.
	PayURL string
	// Reason is Stripe's word for why a credit note was issued: duplicate,
	// fraudulent, order_change, product_unsatisfactory.
	Reason string
	// Notes are shown below the totals, a paragraph each.
	Notes []string
}

// Party is who sells or buys.
type Party struct {
	Name    string
	Address Address
	Email   string
	Phone   string
	TaxIDs  []TaxID
	// Registration is a line such as "Amtsgericht München HRB 12345".
	Registration string
	// Footer stands at the bottom of every page (the seller's only).
	Footer string
}

// Address is a postal address; Country is ISO 3166-1 alpha-2.
type Address struct {
	Line1, Line2, City, State, PostalCode, Country string
}

// TaxID is a tax id with Stripe's word for its type (eu_vat, us_ein, …).
type TaxID struct{ Type, Value string }

// Field is a label and what stands beside it.
type Field struct{ Label, Value string }

// Line is one line of a document.
type Line struct {
	Description string
	// Quantity is a decimal number ("3", "0.25"); empty: 1.
	Quantity string
	// UnitAmount is in minor units and may have a fraction ("2900", "0.5"); empty:
	// not shown.
	UnitAmount             string
	Amount                 int64 // before discounts and exclusive taxes
	Discount               int64 // what discounts take off, positive
	PeriodStart, PeriodEnd time.Time
	Proration              bool
	Taxes                  []Tax
}

// Discount is one discount of the whole document.
type Discount struct {
	Name    string // as the buyer knows it: a coupon's name, a code
	Percent string // decimal; empty where it is an amount
	Amount  int64  // positive
}

// Tax is one rate of tax.
type Tax struct {
	Name      string // VAT, GST, Sales tax; empty: the label "Tax"
	Percent   string // decimal; empty where it is not known
	Taxable   int64
	Amount    int64
	Inclusive bool // contained in the prices
	// Reason is Stripe's word for why (taxability_reason): standard_rated,
	// reverse_charge, customer_exempt, zero_rated, …
	Reason string
}

// Totals are Stripe's, never computed here: what is shown is what was charged.
type Totals struct {
	Subtotal          int64 // before discounts and exclusive taxes
	TotalExcludingTax int64
	Total             int64
	// AppliedBalance is what the customer's balance changed of what is due:
	// negative where credit was used.
	AppliedBalance int64
	AmountDue      int64
	// AmountPaid is what has been paid by all payments of a receipt.
	AmountPaid int64
}

// PaymentKind is how money moved.
type PaymentKind string

// A payment is a charge unless it says otherwise.
const (
	Charged         PaymentKind = ""
	Refunded        PaymentKind = "refund"
	CreditedBalance PaymentKind = "customer_balance"
	OutsideStripe   PaymentKind = "outside_stripe"
)

// Payment is money that moved.
type Payment struct {
	Kind   PaymentKind
	At     time.Time
	Amount int64 // positive
	// Brand and Last4 are the payment method's: visa and 4242, SEPA and 3000.
	Brand, Last4 string
}

// ErrDocument is wrapped by the errors of a document that cannot be rendered.
var ErrDocument = errors.New("document cannot be rendered")

func (d *Document) check() error {
	switch {
	case d.Kind != Invoice && d.Kind != Receipt && d.Kind != CreditNote:
		return fmt.Errorf("%w: kind %q", ErrDocument, d.Kind)
	case d.Number == "":
		return fmt.Errorf("%w: it has no number (a draft?)", ErrDocument)
	case d.Currency == "":
		return fmt.Errorf("%w: %s has no currency", ErrDocument, d.Number)
	case d.IssuedAt.IsZero():
		return fmt.Errorf("%w: %s has no date of issue", ErrDocument, d.Number)
	case d.PageSize != "" && pageSizes[d.PageSize] == (size{}):
		return fmt.Errorf("%w: page size %q; a4 and letter are known", ErrDocument, d.PageSize)
	}
	return nil
}
