package api_test

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bursarhq/bursar/internal/api"
)

// scrape reads the metrics: values by name and labels.
func scrape(tb testing.TB, text string) map[string]string {
	tb.Helper()
	values := map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), " "); ok && name != "#" {
			values[name] = value
		}
	}
	return values
}

func TestMetrics(t *testing.T) {
	var m *api.Metrics
	each(t, func(w *world) {
		m.Received("invoice.paid", "applied")
		m.Received("invoice.paid", "applied")
		m.Received("something.else", "ignored")
		m.Received("something.new", "ignored")
		m.Ack(3 * time.Millisecond)
		m.Batch(3)
		w.want("PUT /v1/tenants/acme", `{"stripe_customer_id":"cus_1"}`, 201, "")
		w.event("customer.created", `{"id":"cus_2","object":"customer","created":1}`)
		w.event("customer.subscription.created", subscription("sub_1", "active", "price_unknown"))
		w.event("invoice.payment_failed", `{"id":"in_1","object":"invoice","customer":"cus_1","status":"open","currency":"usd","created":1,"attempt_count":1}`)
		if _, err := w.s.Writer().Exec(`UPDATE inbox SET status = 'failed' WHERE event_id = 'evt_0003'`); err != nil {
			w.Fatal(err)
		}
		w.clock.advance(90 * time.Second)
		got := scrape(w, string(w.want("GET /metrics", "", 200, "").body))
		for name, want := range map[string]string{
			`bursar_events_received_total{result="applied",type="invoice.paid"}`: "2",
			`bursar_events_received_total{result="ignored",type="other"}`:        "2",
			`bursar_ack_seconds_bucket{le="0.005"}`:                              "1",
			`bursar_ack_seconds_bucket{le="0.0025"}`:                             "0",
			`bursar_batch_events_bucket{le="4"}`:                                 "1",
			`bursar_batch_events_bucket{le="2"}`:                                 "0",
			`bursar_store_up`:                                                    "1",
			`bursar_unsettled_events`:                                            "1",
			`bursar_unsettled_oldest_seconds`:                                    "90",
			`bursar_parked_events`:                                               "1",
			`bursar_dead_events`:                                                 "0",
			`bursar_unmapped_prices`:                                             "1",
			`bursar_effects{kind="notice",status="pending"}`:                     "2",
		} {
			if got[name] != want {
				w.Errorf("%s: got %q, want %s", name, got[name], want)
			}
		}
		if got["go_goroutines"] == "" {
			w.Error("nothing of the runtime is told")
		}
		stats := w.call("GET /v1/stats", "").json(w)
		if stats["oldest_unsettled_seconds"] != 90.0 || stats["oldest_parked_seconds"] != 90.0 {
			w.Error(stats)
		}
		// The open listener tells the same, and goes on when the database is away.
		w.s.Close()
		answer := httptest.NewRecorder()
		m.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil))
		got = scrape(w, answer.Body.String())
		if answer.Code != http.StatusOK || got["bursar_store_up"] != "0" || got["bursar_unsettled_events"] != "" {
			w.Error(answer.Code, got)
		}
	}, func(c *api.Config) {
		m = api.NewMetrics(c.Store, []string{"invoice.paid"})
		c.Metrics = m.Handler()
	})
}

func TestNoMetrics(t *testing.T) {
	newSQLiteWorld(t).want("GET /metrics", "", 404, "not_found")
}
