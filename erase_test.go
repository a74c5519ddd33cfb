package bursar_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/bursarhq/bursar/stripetest"
)

// TestErased: of a tenant that has bought, no column of any table keeps its name, address
// or metadata, but those that the law wants kept. What it was sent is TestErase's.
func TestErased(t *testing.T) {
	eachShop(t, func(s *shop) {
		keyed := func(request, body, want string) {
			s.Helper()
			if got, v, err := ask(s.Context(), s.http.URL, request, body, "key"); err != nil || got != want {
				s.Fatalf("%s: %s %v %v", request, got, v, err)
			}
		}
		keyed("PUT /v1/tenants/acme", `{"name":"Ada Secret","email":"ada@secret.example","metadata":{"known":"secretly"}}`, "201")
		keyed("PUT /v1/tenants/acm", `{"name":"Bob Open"}`, "201")
		s.subscribe("acme", proMonthly)
		s.call("POST /v1/checkout-sessions", sell("acm", proMonthly), "200")
		customer := s.call("GET /v1/tenants/acme", "", "200")["stripe_customer_id"].(string)
		if _, err := s.acct.Post("/v1/customers/"+customer, stripetest.Form{"description": "Ada Secret"}); err != nil {
			s.Fatal(err)
		}
		keyed("POST /v1/tenants/acme/subscription/cancel", `{"when":"now"}`, "200")
		s.wait(time.Minute)
		if left := s.secrets(); len(left) < 4 {
			s.Fatalf("there is nothing to be erased: %v", left)
		}
		keyed("DELETE /v1/tenants/acme", "", "204")
		s.wait(time.Minute)
		if left := s.secrets(); len(left) > 0 {
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
	for what, owned := range map[string]int{"customers": 0, "checkout/sessions": 1} {
		t.Run(what, func(t *testing.T) {
			eachShop(t, func(s *shop) {
				s.call("PUT /v1/tenants/acme", `{"name":"Ada Secret","email":"ada@secret.example"}`, "201")
				asked := func(_ http.ResponseWriter, r *http.Request) bool {
					if r.Method == http.MethodPost && r.URL.Path == "/v1/"+what {
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

// secrets are the columns in which the word is found, and the payloads, which are packed.
func (s *shop) secrets() (found []string) {
	s.Helper()
	st := s.b.Store()
	list := `SELECT name FROM sqlite_master WHERE type = 'table'`
	if st.Pool() != nil {
		list = `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'`
	}
	_, tables := s.cells(list)
	for _, t := range tables {
		table := string(t[0])
		if slices.Contains(kept, table) {
			continue
		}
		columns, rows := s.cells(`SELECT * FROM ` + table)
		for _, row := range rows {
			for i, cell := range row {
				if isSecret(cell) {
					found = append(found, table+"."+columns[i])
				}
			}
		}
	}
	_, payloads := s.cells(`SELECT seq FROM payloads`)
	for _, p := range payloads {
		seq, err := strconv.ParseInt(string(p[0]), 10, 64)
		if err != nil {
			s.Fatal(err)
		}
		raw, err := st.Reader().Payload(s.Context(), seq)
		if err != nil {
			s.Fatal(err)
		}
		if isSecret(raw) {
			found = append(found, fmt.Sprintf("payload %d", seq))
		}
	}
	return found
}

func isSecret(text []byte) bool { return bytes.Contains(bytes.ToLower(text), []byte("secret")) }

// cells runs a query and returns its columns and its rows as text.
func (s *shop) cells(query string) (columns []string, table [][][]byte) {
	s.Helper()
	rows, err := s.b.Store().Writer().Query(query)
	if err != nil {
		s.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	if columns, err = rows.Columns(); err != nil {
		s.Fatal(err)
	}
	for rows.Next() {
		row, into := make([][]byte, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := rows.Scan(into...); err != nil {
			s.Fatalf("%s: %v", query, err)
		}
		table = append(table, row)
	}
	if err := rows.Err(); err != nil {
		s.Fatal(err)
	}
	return columns, table
}
