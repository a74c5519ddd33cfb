package api

import (
	"net/http"
	"strconv"
)

// document serves a document of the object in the path. An If-None-Match is of no
// use to it: the bytes never change, so clients may keep them.
func (s *server) document(kind, thing string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		body, err := s.Document(r.Context(), s.key(r.Context(), r.URL.Query().Get("account"), kind+":"+id))
		if err != nil {
			s.problemOf(r.Context(), "document", absent(err, thing, id)).write(w)
			return
		}
		writePDF(w, kind+"-"+id, body)
	}
}

func writePDF(w http.ResponseWriter, name string, body []byte) {
	w.Header().Set("Content-Type", "application/pdf")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("Content-Disposition", `inline; filename="`+name+`.pdf"`)
	_, _ = w.Write(body) // the client hung up
}

// linked serves a document to whoever has a signed link that has not expired.
func (s *server) linked(w http.ResponseWriter, r *http.Request) {
	k, ok := s.Linked(r)
	if !ok {
		s.refused(r, "link not valid")
		problem(http.StatusForbidden, "link_invalid", "This link is not valid, or no longer.").write(w)
		return
	}
	body, err := s.Document(r.Context(), k)
	if err != nil {
		s.problemOf(r.Context(), "document", absent(err, "document", k.ID)).write(w)
		return
	}
	writePDF(w, "document", body)
}

// documentRows are the routes of documents.
func (s *server) documentRows() []route {
	if s.Document == nil {
		return nil
	}
	rows := []route{
		{Read, "GET /v1/invoices/{id}/pdf", "The invoice as a document.", streams("application/pdf", s.document("invoice", "invoice"))},
		{Read, "GET /v1/credit-notes/{id}/pdf", "The credit note as a document.", streams("application/pdf", s.document("credit_note", "credit note"))},
	}
	if s.Linked != nil {
		rows = append(rows, route{Open, "GET /documents/{document}", "A document by a signed link.", serves(s.linked)})
	}
	return rows
}
