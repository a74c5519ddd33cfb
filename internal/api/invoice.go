package api

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
)

// Invoice is an invoice. Amounts are in the currency's minor unit.
type Invoice struct {
	ID                 string       `json:"id"`
	Number             *string      `json:"number"`
	Tenant             *string      `json:"tenant" doc:"null where nobody has its customer."`
	Subscription       *string      `json:"subscription"`
	Status             string       `json:"status" doc:"Stripe's, but void where all that was paid was refunded."`
	StripeStatus       string       `json:"stripe_status"`
	BillingReason      *string      `json:"billing_reason"`
	Currency           string       `json:"currency"`
	Subtotal           int64        `json:"subtotal"`
	Discount           int64        `json:"discount"`
	Tax                int64        `json:"tax"`
	Total              int64        `json:"total"`
	AmountPaid         int64        `json:"amount_paid"`
	AmountDue          int64        `json:"amount_due"`
	AmountRefunded     int64        `json:"amount_refunded"`
	Notes              []string     `json:"notes" nullable:"false"`
	Lines              []Line       `json:"lines" nullable:"false"`
	CreditNotes        []CreditNote `json:"credit_notes" nullable:"false" doc:"Those that were not voided."`
	IssuedAt           *time.Time   `json:"issued_at"`
	DueDate            *time.Time   `json:"due_date"`
	PaidAt             *time.Time   `json:"paid_at"`
	VoidedAt           *time.Time   `json:"voided_at"`
	AttemptCount       int64        `json:"attempt_count"`
	NextPaymentAttempt *time.Time   `json:"next_payment_attempt"`
	HostedInvoiceURL   *string      `json:"hosted_invoice_url" doc:"Stripe's page."`
	InvoicePDF         *string      `json:"invoice_pdf" doc:"Stripe's document."`
}

// Line is a line of an invoice.
type Line struct {
	Description string     `json:"description"`
	Amount      int64      `json:"amount"`
	Quantity    int64      `json:"quantity"`
	PeriodStart *time.Time `json:"period_start"`
	PeriodEnd   *time.Time `json:"period_end"`
}

// CreditNote is a credit note of an invoice.
type CreditNote struct {
	ID        string     `json:"id"`
	Number    *string    `json:"number"`
	Amount    int64      `json:"amount"`
	Reason    *string    `json:"reason"`
	CreatedAt *time.Time `json:"created_at"`
}

func (s *server) getInvoice(ctx context.Context, in *OfID) (Invoice, error) {
	row, err := s.read.Invoice(ctx, s.key(ctx, in.Account, in.ID))
	if err != nil {
		return Invoice{}, absent(err, "invoice", in.ID)
	}
	tenant, err := s.read.Owner(ctx, row.With(row.Customer))
	if err != nil {
		return Invoice{}, err
	}
	shapes, err := s.invoiceShapes(ctx, tenant, []store.Invoice{row})
	if err != nil {
		return Invoice{}, err
	}
	return shapes[0], nil
}

func (s *server) listInvoices(ctx context.Context, in *TenantList) (List[Invoice], error) {
	page, err := in.page()
	if err != nil {
		return List[Invoice]{}, err
	}
	k := s.key(ctx, in.Account, in.Tenant)
	if _, err := s.read.Tenant(ctx, k); err != nil {
		return List[Invoice]{}, absent(err, "tenant", in.Tenant)
	}
	rows, err := s.read.Invoices(ctx, k, page)
	if err != nil {
		return List[Invoice]{}, err
	}
	shapes, err := s.invoiceShapes(ctx, in.Tenant, rows.Rows)
	return List[Invoice]{Data: shapes, NextCursor: text(rows.Next)}, err
}

// invoiceShapes reads the credit notes of a tenant's invoices, all at once.
func (s *server) invoiceShapes(ctx context.Context, tenant string, rows []store.Invoice) ([]Invoice, error) {
	out := make([]Invoice, len(rows))
	if len(rows) == 0 {
		return out, nil
	}
	ids := make([]string, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	notes, err := s.read.CreditNotes(ctx, rows[0].Key, ids)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if out[i], err = invoiceShape(tenant, &rows[i]); err != nil {
			return nil, err
		}
		for _, n := range notes {
			if n.Invoice == rows[i].ID {
				out[i].CreditNotes = append(out[i].CreditNotes,
					CreditNote{ID: n.ID, Number: text(n.Number), Amount: n.Amount, Reason: text(n.Reason), CreatedAt: seconds(n.Created)})
			}
		}
	}
	return out, nil
}

func invoiceShape(tenant string, r *store.Invoice) (Invoice, error) {
	out := Invoice{
		ID: r.ID, Number: text(r.Number), Tenant: text(tenant), Subscription: text(r.Subscription), Status: r.Status, StripeStatus: r.StripeStatus,
		BillingReason: text(r.BillingReason), Currency: r.Currency, Subtotal: r.Subtotal, Discount: r.Discount, Tax: r.Tax, Total: r.Total,
		AmountPaid: r.AmountPaid, AmountDue: r.AmountDue, AmountRefunded: r.AmountRefunded, Notes: []string{}, Lines: []Line{}, CreditNotes: []CreditNote{},
		IssuedAt: seconds(r.FinalizedAt), DueDate: seconds(r.DueDate), PaidAt: seconds(r.PaidAt), VoidedAt: seconds(r.VoidedAt),
		AttemptCount: r.AttemptCount, NextPaymentAttempt: seconds(r.NextPaymentAttempt), HostedInvoiceURL: text(r.HostedInvoiceURL), InvoicePDF: text(r.InvoicePDF),
	}
	if err := json.Unmarshal([]byte(r.Notes), &out.Notes); err != nil {
		return out, fmt.Errorf("notes of invoice %s: %w", r.ID, err)
	}
	var lines []stripe.Line
	if err := json.Unmarshal([]byte(r.Lines), &lines); err != nil {
		return out, fmt.Errorf("lines of invoice %s: %w", r.ID, err)
	}
	for _, l := range lines {
		out.Lines = append(out.Lines, Line{
			Description: l.Description, Amount: l.Amount, Quantity: l.Quantity,
			PeriodStart: seconds(l.PeriodStart), PeriodEnd: seconds(l.PeriodEnd),
		})
	}
	return out, nil
}

// Payment is a row of the ledger.
type Payment struct {
	ID            string     `json:"id"`
	Type          string     `json:"type" enum:"payment,refund,dispute"`
	Status        string     `json:"status" doc:"Stripe's word."`
	Amount        int64      `json:"amount" minimum:"0" doc:"In the currency's minor unit, never negative."`
	Currency      string     `json:"currency"`
	Invoice       *string    `json:"invoice"`
	Charge        *string    `json:"charge"`
	PaymentIntent *string    `json:"payment_intent"`
	CreatedAt     *time.Time `json:"created_at"`
}

func (s *server) listPayments(ctx context.Context, in *TenantList) (List[Payment], error) {
	return tenantList(ctx, s, in, s.read.Payments, func(_ *store.Tenant, p *store.Payment) Payment {
		return Payment{
			ID: p.ID, Type: p.Type, Status: p.Status, Amount: p.Amount, Currency: p.Currency, Invoice: text(p.Invoice),
			Charge: text(p.Charge), PaymentIntent: text(p.PaymentIntent), CreatedAt: seconds(p.Created),
		}
	})
}
