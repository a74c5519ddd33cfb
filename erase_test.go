package bursar_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/stripetest"
)

// TestErased: of a tenant that has bought by way of every table, no column of any keeps
// its name, address or metadata, but those that the law wants kept.
func TestErased(t *testing.T) {
	eachShop(t, func(s *shop) {
		st, err := store.Open(s.Context(), s.url, store.Options{})
		if err != nil {
			s.Fatal(err)
		}
		defer st.Close()
		keyed := func(request, body, want string) {
			s.Helper()
			if got, v, err := ask(s.Context(), s.http.URL, request, body, "key"); err != nil && !errors.Is(err, io.EOF) || got != want {
				s.Fatalf("%s: %s %v %v", request, got, v, err)
			}
		}
		keyed("PUT /v1/tenants/acme", `{"name":"Ada Secret","email":"ada@secret.example","metadata":{"known":"secretly"}}`, "201")
		keyed("PUT /v1/tenants/acm", `{"name":"Bob Open"}`, "201")
		s.subscribe("acme", proMonthly)
		s.call("POST /v1/checkout-sessions", sell("acm", proMonthly), "200")
		if _, err := s.acct.Post("/v1/customers/"+s.call("GET /v1/tenants/acme", "", "200")["stripe_customer_id"].(string), stripetest.Form{"description": "Ada Secret"}); err != nil {
			s.Fatal(err)
		}
		keyed("POST /v1/tenants/acme/subscription/cancel", `{"when":"now"}`, "200")
		s.wait(time.Minute)
		if left := secrets(s, st); len(left) < 4 {
			s.Fatalf("there is nothing to be erased: %v", left)
		}
		keyed("DELETE /v1/tenants/acme", "", "204")
		s.wait(time.Minute)
		if left := secrets(s, st); len(left) > 0 {
			s.Errorf("left: %v", left)
		}
		keyed("DELETE /v1/tenants/acme", "", "204") // its answer is kept
		keyed("PUT /v1/tenants/acm", `{"name":"Bob Open"}`, "201")
		s.call("POST /v1/checkout-sessions", sell("acme", proMonthly), "409 tenant_erased")
		s.call("PUT /v1/tenants/acme", `{"name":"Ada Secret"}`, "409 conflict")
		if n := s.rows(`SELECT COUNT(*) FROM tenant_claims WHERE tenant = 'acm' AND customer <> '' AND session <> ''`); n != 1 {
			s.Error("another tenant's claims are gone")
		}
	})
}

// TestErasedWhileSold erases a tenant while Stripe makes its customer or its session: the
// command ends, and brings nothing of the tenant back. The customer that Stripe has made
// meanwhile is nobody's.
func TestErasedWhileSold(t *testing.T) {
	for path, owned := range map[string]int{"/v1/customers": 0, "/v1/checkout/sessions": 1} {
		t.Run(path, func(t *testing.T) {
			eachShop(t, func(s *shop) {
				s.call("PUT /v1/tenants/acme", `{"name":"Ada Secret","email":"ada@secret.example"}`, "201")
				asked := func(_ http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodPost && r.URL.Path == path {
						if got, _, err := s.send(s.Context(), "DELETE /v1/tenants/acme", ""); got != "204" {
							s.Error(got, err)
						}
					}
					return false
				}
				s.instead.Store(&asked)
				s.call("POST /v1/checkout-sessions", sell("acme", proMonthly), "409 tenant_erased")
				if n := s.rows(`SELECT COUNT(*) FROM tenant_claims WHERE customer_params || session_params <> ''`); n != 0 {
					s.Error("the claim is back")
				}
				if n := s.rows(`SELECT COUNT(*) FROM customers WHERE tenant <> ''`); n != owned {
					s.Errorf("%d customers are linked", n)
				}
			})
		})
	}
}

// kept are the tables that the law wants kept.
var kept = []string{"invoices", "documents"}

// secrets are the columns in which the word is found, compressed or not.
func secrets(s *shop, st *store.Store) []string {
	s.Helper()
	list := `SELECT name FROM sqlite_master WHERE type = 'table'`
	if st.Pool() != nil {
		list = `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`
	}
	names, err := st.Writer().Query(list)
	if err != nil {
		s.Fatal(err)
	}
	defer names.Close()
	var tables, found []string
	for names.Next() {
		var name string
		if err := names.Scan(&name); err != nil {
			s.Fatal(err)
		}
		tables = append(tables, name)
	}
	if err := names.Err(); err != nil {
		s.Fatal(err)
	}
	for _, table := range tables {
		if slices.Contains(kept, table) {
			continue
		}
		rows, err := st.Writer().Query(`SELECT * FROM ` + table)
		if err != nil {
			s.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			s.Fatal(err)
		}
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		for rows.Next() {
			if err := rows.Scan(values...); err != nil {
				s.Fatal(err)
			}
			for i, v := range values {
				text, ok := (*v.(*any)).([]byte)
				if !ok {
					text = fmt.Append(nil, *v.(*any))
				}
				if bytes.Contains(bytes.ToLower(text), []byte("secret")) {
					found = append(found, table+"."+columns[i])
				}
			}
		}
		if err := rows.Err(); err != nil {
			s.Fatal(err)
		}
	}
	seqs, err := st.Writer().Query(`SELECT seq FROM payloads ORDER BY seq`)
	if err != nil {
		s.Fatal(err)
	}
	defer seqs.Close()
	for seqs.Next() {
		var seq int64
		if err := seqs.Scan(&seq); err != nil {
			s.Fatal(err)
		}
		raw, err := st.Reader().Payload(s.Context(), seq)
		if err != nil {
			s.Fatal(err)
		}
		if bytes.Contains(bytes.ToLower(raw), []byte("secret")) {
			found = append(found, fmt.Sprintf("the payload %d", seq))
		}
	}
	if err := seqs.Err(); err != nil {
		s.Fatal(err)
	}
	return found
}
