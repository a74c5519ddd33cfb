package api

import (
	"net/http"
	"strconv"
)

// eInvoiceRows is the route of e-invoices.
func (s *server) eInvoiceRows() []route {
	if s.EInvoice == nil {
		return nil
	}
	return []route{{
		Read, "GET /v1/invoices/{id}/xml",
		"The invoice as XML after EN 16931 (Cross Industry Invoice). 404 e_invoice_not_possible says what the seller's settings, or the invoice, lack for it.",
		streams("application/xml", s.eInvoice),
	}}
}

func (s *server) eInvoice(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	body, err := s.EInvoice(r.Context(), s.key(r.Context(), r.URL.Query().Get("account"), id))
	if err != nil {
		s.problemOf(r.Context(), "e-invoice", absent(err, "invoice", id)).write(w)
		return
	}
	w.Header().Set("Content-Type", "application/xml")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("Content-Disposition", `attachment; filename="invoice-`+id+`.xml"`)
	_, _ = w.Write(body) // the client hung up
}
