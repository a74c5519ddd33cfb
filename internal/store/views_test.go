package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }

type cells map[string]any

// insert writes a row of a table; the columns that are not named have their zero value.
func insert(t *testing.T, s *store.Store, table string, row cells) {
	t.Helper()
	rows, err := s.Writer().Query("SELECT * FROM " + table + " LIMIT 0")
	if err != nil {
		t.Fatal(err)
	}
	types, err := rows.ColumnTypes()
	if err := errors.Join(err, rows.Err(), rows.Close()); err != nil {
		t.Fatal(err)
	}
	var cols, params []string
	var args []any
	row = maps.Clone(row)
	for i, c := range types {
		v, given := row[c.Name()]
		if !given {
			v = map[string]any{"TEXT": "", "BOOL": false, "BOOLEAN": false, "BIGINT": int64(0), "INT8": int64(0)}[c.DatabaseTypeName()]
		}
		delete(row, c.Name())
		cols, params, args = append(cols, c.Name()), append(params, fmt.Sprintf("$%d", i+1)), append(args, v)
	}
	if len(row) > 0 {
		t.Fatalf("%s has no columns %v", table, row)
	}
	q := fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table, strings.Join(cols, ", "), strings.Join(params, ", "))
	if _, err := s.Writer().Exec(q, args...); err != nil {
		t.Fatalf("%s: %v", q, err)
	}
}

// answer runs a query and returns its columns and its rows, cells parted by |.
func answer(t *testing.T, s *store.Store, query string) (columns, lines []string) {
	t.Helper()
	rows, err := s.Writer().Query(query)
	if err != nil {
		t.Fatalf("%s\n%v", query, err)
	}
	defer rows.Close()
	if columns, err = rows.Columns(); err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		raw := make([]sql.NullString, len(columns))
		into := make([]any, len(columns))
		for i := range raw {
			into[i] = &raw[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		var line []string
		for _, c := range raw {
			text := "NULL"
			if c.Valid {
				text = c.String
			}
			switch text { // the engines' words for a boolean
			case "true":
				text = "1"
			case "false":
				text = "0"
			}
			line = append(line, text)
		}
		lines = append(lines, strings.Join(line, "|"))
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s\n%v", query, err)
	}
	return columns, lines
}

const december = 1796083200 // 2026-12-01

// shop fills the tables with two tenants' objects, and a customer's that is nobody's.
func shop(t *testing.T, s *store.Store) {
	t.Helper()
	insert(t, s, "customers", cells{"id": "cus_1", "tenant": "acme", "name": "Acme", "email": "a@acme.example", "created": 5, "default_payment_method": "pm_1"})
	insert(t, s, "customers", cells{"id": "cus_2", "tenant": "beta", "created": 6})
	insert(t, s, "customers", cells{"id": "cus_3"})
	item := `{"id":"si_%s","price":"price_%s","product":"prod_1","quantity":%d,"unit_amount":%d,"currency":"usd","interval":"%s","interval_count":1,"current_period_end":9}`
	insert(t, s, "subscriptions", cells{
		"id": "sub_1", "customer": "cus_1", "stripe_status": "active", "status": "active", "currency": "usd", "current_period_end": december,
		"cancel_at_period_end": true, "items": "[" + fmt.Sprintf(item, "1", "m", 2, 2900, "month") + "," + fmt.Sprintf(item, "2", "y", 1, 12000, "year") + "]",
	})
	insert(t, s, "subscriptions", cells{
		"id": "sub_2", "customer": "cus_2", "stripe_status": "past_due", "status": "canceled", "currency": "usd", "cancel_at": december + 1,
		"cancellation_reason": "cancellation_requested", "items": "[" + fmt.Sprintf(item, "3", "m", 1, 1000, "month") + "]",
	})
	insert(t, s, "subscriptions", cells{"id": "sub_3", "customer": "cus_3", "stripe_status": "canceled", "status": "canceled", "items": "null"})
	insert(t, s, "schedules", cells{"id": "sub_sched_1", "customer": "cus_1", "subscription": "sub_1", "status": "active", "current_start": 1, "current_end": 2, "phases": "[]"})
	insert(t, s, "invoices", cells{
		"id": "in_1", "customer": "cus_1", "subscription": "sub_1", "number": "A-1", "stripe_status": "paid", "status": "void", "currency": "usd",
		"total": 2900, "amount_due": 2900, "amount_paid": 2900, "paid_at": 1769904000, "lines": `[{"id":"il_1","description":"Pro","amount":2900,"quantity":1,"period_start":1,"period_end":2,"proration":true},{"description":"","amount":0,"quantity":1,"period_start":0,"period_end":0}]`,
	})
	insert(t, s, "invoices", cells{"id": "in_2", "customer": "cus_2", "number": "B-1", "stripe_status": "open", "status": "open", "currency": "usd", "amount_due": 1000, "attempt_count": 2, "lines": "null"})
	insert(t, s, "invoices", cells{"id": "in_3", "customer": "cus_2", "stripe_status": "draft", "status": "draft", "currency": "usd", "amount_due": 7, "lines": ""})
	insert(t, s, "payment_links", cells{"id": "inpay_1", "invoice": "in_1", "payment_intent": "pi_1", "status": "paid", "amount_paid": 2900, "currency": "usd", "paid_at": 3})
	insert(t, s, "payment_links", cells{"id": "in_2", "invoice": "in_2", "charge": "ch_2"})
	insert(t, s, "charges", cells{"id": "ch_1", "customer": "cus_1", "payment_intent": "pi_1", "status": "succeeded", "currency": "usd", "amount": 2900, "amount_captured": 2900, "captured": true, "created": 1769904000})
	insert(t, s, "charges", cells{"id": "ch_2", "customer": "cus_2", "status": "failed", "failure_code": "card_declined", "currency": "usd", "amount": 1000, "created": 1769904000})
	insert(t, s, "charges", cells{"id": "ch_3", "customer": "cus_2", "status": "failed", "currency": "usd", "amount": 900, "created": 1769904000})
	insert(t, s, "refunds", cells{"id": "re_1", "charge": "ch_1", "status": "succeeded", "amount": 400, "currency": "usd", "created": 4})
	insert(t, s, "disputes", cells{"id": "du_1", "charge": "ch_1", "status": "needs_response", "reason": "fraudulent", "amount": 2900, "currency": "usd", "created": 5})
	insert(t, s, "payments", cells{"id": "re_1", "customer": "cus_1", "type": "refund"})
	insert(t, s, "payments", cells{"id": "du_1", "customer": "cus_1", "type": "dispute"})
	insert(t, s, "credit_notes", cells{"id": "cn_1", "customer": "cus_1", "invoice": "in_1", "number": "A-1-CN", "status": "issued", "currency": "usd", "amount": 400, "created": 6})
	insert(t, s, "payment_methods", cells{"id": "pm_1", "customer": "cus_1", "attached": true, "type": "card", "brand": "visa", "last4": "4242", "exp_month": 11, "exp_year": 2026, "created": 1})
	insert(t, s, "payment_methods", cells{"id": "pm_2", "customer": "cus_2", "type": "card", "exp_month": 1, "exp_year": 2027})
	insert(t, s, "products", cells{"id": "prod_1", "name": "Pro", "active": true})
	insert(t, s, "prices", cells{"id": "price_m", "product": "prod_1", "active": true, "currency": "usd", "unit_amount": 2900, "interval": "month", "interval_count": 1})
	// The same ids of another account: nothing may meet them.
	insert(t, s, "customers", cells{"account": "acct_9", "id": "cus_1", "tenant": "other", "default_payment_method": "pm_1"})
}

func TestViews(t *testing.T) {
	want := map[string][]string{
		"stripe_customers": {
			"|0|cus_1|acme|Acme|a@acme.example|pm_1|NULL|5|0", "|0|cus_2|beta|NULL|NULL|NULL|NULL|6|0",
			"|0|cus_3|NULL|NULL|NULL|NULL|NULL|NULL|0", "acct_9|0|cus_1|other|NULL|NULL|pm_1|NULL|NULL|0",
		},
		"stripe_subscriptions": {
			"|0|sub_1|acme|cus_1|active|usd|NULL|0|NULL|1796083200|NULL|1|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL",
			"|0|sub_2|beta|cus_2|past_due|usd|NULL|0|NULL|NULL|NULL|0|1796083201|NULL|NULL|cancellation_requested|NULL|NULL|NULL|NULL",
			"|0|sub_3|NULL|cus_3|canceled|NULL|NULL|0|NULL|NULL|NULL|0|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL",
		},
		"stripe_subscription_items": {
			"|0|si_1|acme|sub_1|price_m|prod_1|2|usd|2900|NULL|month|1|NULL|9",
			"|0|si_2|acme|sub_1|price_y|prod_1|1|usd|12000|NULL|year|1|NULL|9",
			"|0|si_3|beta|sub_2|price_m|prod_1|1|usd|1000|NULL|month|1|NULL|9",
		},
		"stripe_subscription_schedules": {"|0|sub_sched_1|acme|cus_1|sub_1|active|1|2"},
		"stripe_invoices": {
			"|0|in_1|acme|cus_1|sub_1|A-1|paid|NULL|NULL|usd|0|0|0|2900|2900|2900|0|NULL|NULL|NULL|NULL|1769904000|NULL|NULL|NULL|0",
			"|0|in_2|beta|cus_2|NULL|B-1|open|NULL|NULL|usd|0|0|0|0|1000|0|2|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|0",
			"|0|in_3|beta|cus_2|NULL|NULL|draft|NULL|NULL|usd|0|0|0|0|7|0|0|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|0",
		},
		"stripe_invoice_line_items": {
			"|0|NULL|acme|in_1|NULL|NULL|1|usd|0|NULL|0|NULL|NULL",
			"|0|il_1|acme|in_1|Pro|NULL|1|usd|2900|NULL|1|1|2",
		},
		"stripe_invoice_payments": {"|0|inpay_1|acme|in_1|pi_1|NULL|paid|2900|usd|3"},
		"stripe_charges": {
			"|0|ch_1|acme|cus_1|pi_1|NULL|NULL|succeeded|NULL|usd|2900|2900|0|1|1769904000",
			"|0|ch_2|beta|cus_2|NULL|NULL|NULL|failed|card_declined|usd|1000|0|0|0|1769904000",
			"|0|ch_3|beta|cus_2|NULL|NULL|NULL|failed|NULL|usd|900|0|0|0|1769904000",
		},
		"stripe_refunds":         {"|0|re_1|acme|cus_1|ch_1|NULL|succeeded|NULL|usd|400|4"},
		"stripe_disputes":        {"|0|du_1|acme|cus_1|ch_1|NULL|needs_response|fraudulent|usd|2900|5"},
		"stripe_credit_notes":    {"|0|cn_1|acme|cus_1|in_1|A-1-CN|issued|NULL|usd|400|6|NULL"},
		"stripe_payment_methods": {"|0|pm_1|acme|cus_1|1|card|visa|4242|11|2026|1", "|0|pm_2|beta|cus_2|0|card|NULL|NULL|1|2027|NULL"},
		"stripe_products":        {"|0|prod_1|Pro|NULL|1|0"},
		"stripe_prices":          {"|0|price_m|prod_1|NULL|1|usd|2900|NULL|month|1|0"},
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		shop(t, s)
		for view, lines := range want {
			if _, got := answer(t, s, "SELECT * FROM "+view+" ORDER BY account, COALESCE(id, '')"); !slices.Equal(got, lines) {
				t.Errorf("%s:\n%s\nwant\n%s", view, strings.Join(got, "\n"), strings.Join(lines, "\n"))
			}
		}
	})
}

func document(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/sql.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestViewsDocument compares the document's table with the views that there are.
func TestViewsDocument(t *testing.T) {
	told := map[string][]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(stripe_\\w+)` \\| (.*) \\|$").FindAllStringSubmatch(document(t), -1) {
		told[m[1]] = []string{"account", "livemode", "id"}
		for _, col := range strings.Split(m[2], ", ") {
			told[m[1]] = append(told[m[1]], strings.Trim(col, "`"))
		}
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		list := `SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY name`
		if s.Engine() == "postgres" {
			list = `SELECT viewname FROM pg_views WHERE schemaname = 'public' ORDER BY viewname`
		}
		_, views := answer(t, s, list)
		if want := slices.Sorted(maps.Keys(told)); !slices.Equal(views, want) {
			t.Fatalf("views %v\nthe document has %v", views, want)
		}
		for _, v := range views {
			if columns, _ := answer(t, s, "SELECT * FROM "+v+" LIMIT 0"); !slices.Equal(columns, told[v]) {
				t.Errorf("%s has %v\nthe document says %v", v, columns, told[v])
			}
		}
	})
}

// TestQueries runs the document's queries.
func TestQueries(t *testing.T) {
	want := map[string][]string{
		"Monthly recurring revenue":                       {"usd|7800"},
		"Who owes money":                                  {"beta|B-1|usd|1000|2|NULL|NULL"},
		"Who is about to leave":                           {"acme|sub_1|1796083200|NULL", "beta|sub_2|1796083201|cancellation_requested"},
		"Cards that expire before they are charged again": {"acme|visa|4242|11|2026|1796083200"},
		"Why payments fail":                               {"card_declined|usd|1|1000", "other|usd|1|900"},
		"What came in and what went back, by tenant":      {"acme|usd|2900|400"},
		"Paid invoices by month":                          {"2026-02|usd|1|2900"},
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		shop(t, s)
		ran := map[string]bool{}
		other := map[string]string{"sqlite": "-- PostgreSQL\n", "postgres": "-- SQLite\n"}[s.Engine()]
		for _, section := range strings.Split(document(t), "\n### ")[1:] {
			heading, rest, _ := strings.Cut(section, "\n")
			for _, block := range strings.Split(rest, "```sql\n")[1:] {
				query, _, closed := strings.Cut(block, "```")
				if !closed {
					t.Fatalf("%s: the block does not end", heading)
				}
				if strings.HasPrefix(query, other) {
					continue
				}
				_, got := answer(t, s, query)
				if !slices.Equal(got, want[heading]) {
					t.Errorf("%s: %q, want %q", heading, got, want[heading])
				}
				ran[heading] = true
			}
		}
		if len(ran) != len(want) {
			t.Errorf("ran only %v", ran)
		}
	})
}
