package api_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/bursarhq/bursar/internal/api"
	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/store"
)

func TestDocuments(t *testing.T) {
	linked := store.Key{ID: "invoice:in_1"}
	w := newSQLiteWorld(t, func(c *api.Config) {
		c.Document = func(_ context.Context, k store.Key) ([]byte, error) {
			switch k {
			case store.Key{ID: "invoice:in_1"}, store.Key{ID: "credit_note:cn_1"}, store.Key{Account: "acct_1", ID: "invoice:in_1"}:
				return []byte("%PDF " + k.Account + k.ID), nil
			case store.Key{ID: "invoice:in_2"}:
				return nil, fmt.Errorf("%w: invoice in_2 is a draft", apply.ErrConflict)
			}
			return nil, fmt.Errorf("%w: %s", store.ErrNotFound, k.ID)
		}
		c.Linked = func(r *http.Request) (store.Key, bool) { return linked, r.URL.Query().Get("sig") == "good" }
	})
	for request, want := range map[string]string{
		"GET /v1/invoices/in_1/pdf":                "%PDF invoice:in_1",
		"GET /v1/invoices/in_1/pdf?account=acct_1": "%PDF acct_1invoice:in_1",
		"GET /v1/credit-notes/cn_1/pdf":            "%PDF credit_note:cn_1",
	} {
		if a := w.want(request, "", 200, ""); string(a.body) != want || a.header.Get("Content-Type") != "application/pdf" {
			t.Errorf("%s: %s %s", request, a.header.Get("Content-Type"), a.body)
		}
		w.want(request, "", 401, "unauthorized", "Authorization: ")
	}
	w.want("GET /v1/invoices/in_2/pdf", "", 409, "conflict")
	w.want("GET /v1/invoices/in_3/pdf", "", 404, "invoice_not_found")
	w.want("GET /v1/credit-notes/in_1/pdf", "", 404, "credit_note_not_found")
	// A signed link needs no key.
	if a := w.want("GET /documents/in_1.pdf?sig=good", "", 200, "", "Authorization: "); string(a.body) != "%PDF invoice:in_1" {
		t.Error(string(a.body))
	}
	w.want("GET /documents/in_1.pdf?sig=bad", "", 403, "link_invalid", "Authorization: ")
	linked.ID = "invoice:in_9"
	w.want("GET /documents/in_9.pdf?sig=good", "", 404, "document_not_found", "Authorization: ")
	for _, path := range []string{"/v1/invoices/{id}/pdf", "/v1/credit-notes/{id}/pdf"} {
		if _, ok := w.spec.paths[path]["get"]; !ok {
			t.Errorf("%s is not described", path)
		}
	}
	newSQLiteWorld(t).want("GET /v1/invoices/in_1/pdf", "", 404, "not_found")
}
