package effect

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bursarhq/bursar/internal/pdf"
	"github.com/bursarhq/bursar/internal/pdf/einvoice"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
)

// ErrNoDocument says that there is nothing to make a document of: a draft.
var ErrNoDocument = errors.New("there is no document yet")

// Documents makes documents, once: the bytes are kept and never change.
type Documents struct {
	Store    *store.Store
	Reader   *store.Reader
	Renderer *pdf.Renderer
	Seller   pdf.Party
	PageSize string
	Locale   string // the seller's, for buyers whose own is unknown
	// Lines fetches all lines of an invoice or a credit note whose snapshot has only
	// the first; nil without an API key.
	Lines func(ctx context.Context, account, id string) ([]stripe.Line, error)
}

// Perform makes the document of a document effect.
func (d *Documents) Perform(ctx context.Context, e store.Effect) (Outcome, error) {
	_, err := d.Ensure(ctx, e.With(strings.TrimPrefix(e.ID, "document:")))
	if errors.Is(err, ErrNoDocument) || errors.Is(err, store.ErrNotFound) {
		return Outcome{Status: store.Superseded, Reason: err.Error()}, nil
	}
	return Outcome{Status: store.Sent}, err
}

// Ensure returns a document's bytes, making them where it was not made yet. k.ID is
// invoice:in_…, receipt:in_… or credit_note:cn_…. An invoice or a credit note that
// EN 16931 has a form for carries that within (Factur-X).
func (d *Documents) Ensure(ctx context.Context, k store.Key) ([]byte, error) {
	body, err := d.Reader.Document(ctx, k)
	if !errors.Is(err, store.ErrNotFound) {
		return body, err
	}
	doc, err := d.document(ctx, k)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	switch hybrid, possible := einvoice.FacturX(doc); {
	case possible == nil:
		err = d.Renderer.RenderHybrid(&b, doc, hybrid)
	case errors.Is(possible, einvoice.ErrNotPossible):
		err = d.Renderer.Render(&b, doc)
	default:
		err = possible
	}
	if err != nil {
		return nil, fmt.Errorf("render %s: %w", k.ID, err)
	}
	return d.Store.KeepDocument(ctx, k, "application/pdf", b.Bytes())
}

// document is what a document says; k.ID as for Ensure.
func (d *Documents) document(ctx context.Context, k store.Key) (pdf.Document, error) {
	kind, id, _ := strings.Cut(k.ID, ":")
	raw, err := d.Reader.NewestPayload(ctx, k.With(id))
	if err != nil {
		return pdf.Document{}, err
	}
	ev, err := stripe.ParseEvent(raw)
	if err != nil {
		return pdf.Document{}, err
	}
	switch kind {
	case "invoice", "receipt":
		return d.invoice(ctx, k.With(id), ev.Object, kind)
	case "credit_note":
		return d.creditNote(ctx, k.With(id), ev.Object)
	}
	return pdf.Document{}, fmt.Errorf("%w: documents of the kind %s", store.ErrNotFound, kind)
}

// EInvoice returns an invoice's XML as EN 16931 has it, made once as documents are.
// Where it has no form for the invoice, [einvoice.ErrNotPossible] is wrapped, with
// what is missing.
func (d *Documents) EInvoice(ctx context.Context, invoice store.Key) ([]byte, error) {
	k := invoice.With("xml:" + invoice.ID)
	body, err := d.Reader.Document(ctx, k)
	if !errors.Is(err, store.ErrNotFound) {
		return body, err
	}
	doc, err := d.document(ctx, invoice.With("invoice:"+invoice.ID))
	if err != nil {
		return nil, err
	}
	if body, err = einvoice.XML(doc); err != nil {
		return nil, err
	}
	return d.Store.KeepDocument(ctx, k, "application/xml", body)
}

func (d *Documents) invoice(ctx context.Context, k store.Key, object stripe.Value, kind string) (pdf.Document, error) {
	inv := stripe.ReadInvoice(object)
	if inv.Status == "draft" || inv.Status == "" {
		return pdf.Document{}, fmt.Errorf("%w: invoice %s is a draft", ErrNoDocument, k.ID)
	}
	if err := d.allLines(ctx, k, &inv.Lines, inv.LinesHaveMore); err != nil {
		return pdf.Document{}, err
	}
	doc := pdf.Document{
		Kind: pdf.Invoice, Number: cmp.Or(inv.Number, inv.ID), Currency: inv.Currency, PageSize: d.PageSize, Seller: d.Seller,
		IssuedAt: date(cmp.Or(inv.FinalizedAt, inv.Created)), DueAt: date(inv.DueDate), Taxes: taxes(inv.Taxes),
		Buyer: pdf.Party{Name: inv.CustomerName, Email: inv.CustomerEmail, Address: pdf.Address(inv.CustomerAddress)},
		Totals: pdf.Totals{
			Subtotal: inv.Subtotal, TotalExcludingTax: inv.Total - inv.Tax, Total: inv.Total,
			AppliedBalance: inv.AmountDue - inv.Total, AmountDue: inv.AmountDue,
		},
		Locale: d.locale(ctx, k.With(inv.Customer)),
	}
	for _, t := range inv.CustomerTaxIDs {
		doc.Buyer.TaxIDs = append(doc.Buyer.TaxIDs, pdf.TaxID(t))
	}
	if inv.Discount > 0 {
		doc.Discounts = []pdf.Discount{{Amount: inv.Discount}}
	}
	doc.Lines, doc.PeriodStart, doc.PeriodEnd = lines(inv.Lines)
	for _, note := range []string{inv.Description, inv.Footer} {
		if note != "" {
			doc.Notes = append(doc.Notes, note)
		}
	}
	if kind == "receipt" {
		if inv.Status != "paid" {
			return pdf.Document{}, fmt.Errorf("%w: invoice %s is not paid", ErrNoDocument, k.ID)
		}
		doc.Kind, doc.InvoiceNumber, doc.IssuedAt, doc.DueAt = pdf.Receipt, doc.Number, date(cmp.Or(inv.PaidAt, inv.Created)), time.Time{}
		doc.Totals.AmountPaid = inv.AmountPaid
		paid, err := d.payments(ctx, k, inv)
		if err != nil {
			return pdf.Document{}, err
		}
		doc.Payments = paid
	}
	return doc, nil
}

// payments are what paid an invoice, by the ledger.
func (d *Documents) payments(ctx context.Context, k store.Key, inv stripe.Invoice) ([]pdf.Payment, error) {
	rows, err := d.Reader.PaymentsOf(ctx, k)
	if err != nil {
		return nil, err
	}
	var out []pdf.Payment
	for _, p := range rows {
		if p.Type != "payment" || p.Status != "succeeded" {
			continue
		}
		pay := pdf.Payment{At: date(p.Created), Amount: p.Amount}
		if p.Brand != "" {
			pay.Brand, pay.Last4 = p.Brand, p.Last4
		}
		out = append(out, pay)
	}
	if len(out) == 0 && inv.AmountPaid > 0 {
		out = []pdf.Payment{{At: date(inv.PaidAt), Amount: inv.AmountPaid}}
	}
	return out, nil
}

func (d *Documents) creditNote(ctx context.Context, k store.Key, object stripe.Value) (pdf.Document, error) {
	cn := stripe.ReadCreditNote(object)
	if err := d.allLines(ctx, k, &cn.Lines, cn.LinesMore); err != nil {
		return pdf.Document{}, err
	}
	doc := pdf.Document{
		Kind: pdf.CreditNote, Number: cmp.Or(cn.Number, cn.ID), InvoiceNumber: cn.Invoice, Currency: cn.Currency, PageSize: d.PageSize,
		Seller: d.Seller, IssuedAt: date(cn.Created), Taxes: taxes(cn.Taxes), Reason: cn.Reason,
		Totals: pdf.Totals{Subtotal: cn.Subtotal, TotalExcludingTax: cn.Total - cn.Tax, Total: cn.Total, AmountDue: cn.Total},
		Locale: d.locale(ctx, k.With(cn.Customer)),
	}
	if cn.Memo != "" {
		doc.Notes = []string{cn.Memo}
	}
	doc.Lines, doc.PeriodStart, doc.PeriodEnd = lines(cn.Lines)
	// The buyer is the invoice's.
	if raw, err := d.Reader.NewestPayload(ctx, k.With(cn.Invoice)); err == nil {
		if ev, err := stripe.ParseEvent(raw); err == nil {
			inv := stripe.ReadInvoice(ev.Object)
			doc.InvoiceNumber = cmp.Or(inv.Number, cn.Invoice)
			doc.Buyer = pdf.Party{Name: inv.CustomerName, Email: inv.CustomerEmail, Address: pdf.Address(inv.CustomerAddress)}
			for _, t := range inv.CustomerTaxIDs {
				doc.Buyer.TaxIDs = append(doc.Buyer.TaxIDs, pdf.TaxID(t))
			}
		}
	}
	return doc, nil
}

// allLines completes a first page of lines: a document with some of them is wrong.
func (d *Documents) allLines(ctx context.Context, k store.Key, have *[]stripe.Line, more bool) error {
	if !more {
		return nil
	}
	if d.Lines == nil {
		return fmt.Errorf("%w: %s has more lines than its event told, and there is no API key to fetch them with", ErrPermanent, k.ID)
	}
	all, err := d.Lines(ctx, k.Account, k.ID)
	if err != nil {
		return fmt.Errorf("fetch the lines of %s: %w", k.ID, err)
	}
	*have = all
	return nil
}

func (d *Documents) locale(ctx context.Context, customer store.Key) string {
	rows, err := d.Reader.CustomersByID(ctx, customer, []string{customer.ID})
	if err == nil && len(rows) == 1 && rows[0].Locale != "" {
		return rows[0].Locale
	}
	return d.Locale
}

func lines(in []stripe.Line) (out []pdf.Line, from, to time.Time) {
	var first, last int64
	for _, l := range in {
		p := pdf.Line{
			Description: l.Description, Quantity: fmt.Sprint(max(l.Quantity, 1)), UnitAmount: l.UnitAmountDecimal, Amount: l.Amount,
			Discount: l.Discount, PeriodStart: date(l.PeriodStart), PeriodEnd: date(l.PeriodEnd), Proration: l.Proration, Taxes: taxes(l.Taxes),
		}
		out = append(out, p)
		if l.PeriodStart != 0 && (first == 0 || l.PeriodStart < first) {
			first = l.PeriodStart
		}
		last = max(last, l.PeriodEnd)
	}
	return out, date(first), date(last)
}

func taxes(in []stripe.Tax) []pdf.Tax {
	var out []pdf.Tax
	for _, t := range in {
		out = append(out, pdf.Tax{Name: t.Name, Percent: t.Percent, Taxable: t.TaxableAmount, Amount: t.Amount, Inclusive: t.Inclusive, Reason: t.Reason})
	}
	return out
}

// date is a time of Stripe's, zero where there is none.
func date(unix int64) time.Time {
	if unix == 0 {
		return time.Time{}
	}
	return time.Unix(unix, 0).UTC()
}
