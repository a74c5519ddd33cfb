package bursar_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

// replay asks for messages to be sent again, and says how that was answered.
func (d *desk) replay(endpoint, body string) string {
	d.Helper()
	r := d.request(http.MethodPost, "/v1/webhook-endpoints/"+endpoint+"/replay", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+apiKey)
	a := d.do(r)
	if a.status == http.StatusOK {
		return strings.TrimSpace(string(a.body))
	}
	return fmt.Sprintf("%d %s", a.status, a.code())
}

// TestOutboundRestart: a start with other features in the plans is told to those whom
// that concerns; what was sent loses its body with the payloads of events, and keeps
// its id.
func TestOutboundRestart(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		app := newListener(t)
		start := func(catalog *billing.Catalog, retention time.Duration) (d *desk, stop func()) {
			d = openDesk(t, url, bursar.Config{
				NoticeMaxAge: -1, Plans: catalog, Retention: retention, OutboundAllowPrivate: true,
				Outbound: []bursar.OutboundEndpoint{{Name: "app", URL: app.URL, Secrets: []string{appSecret}}},
			})
			return d, d.run()
		}
		d, stop := start(plans(), 0)
		d.story(1, customerOf(1), told{typ: "customer.subscription.created", object: fmt.Sprintf(subN, "active", 0, "price_pro")})
		d.story(2, customerOf(2))
		heard := func() int { return len(strings.Fields(app.types())) } // the tenants' in any order
		eventually(t, time.Minute, "the app is told", func() bool { return heard() == 4 })
		stop()

		other := plans().Plans()
		for i := range other {
			if other[i].ID == "pro" {
				other[i].Features = map[string]any{"projects": int64(77)}
			}
		}
		catalog, err := billing.NewCatalog(other)
		if err != nil {
			t.Fatal(err)
		}
		_, stop = start(catalog, 0)
		eventually(t, time.Minute, "the app is told of the features", func() bool { return heard() == 5 })
		e := app.events[4]
		if e["type"] != "entitlements.changed" || e["tenant"] != "t1" || !strings.Contains(fmt.Sprint(e["data"].(map[string]any)["entitlements"]), "projects:77") {
			t.Errorf("%v", e)
		}
		s := openStore(t, url)
		eventually(t, time.Minute, "all are marked", func() bool {
			return count(t, s, `SELECT COUNT(*) FROM effects WHERE status = 'sent' AND data <> ''`) == 5
		})
		stop()

		d, _ = start(catalog, time.Nanosecond)
		eventually(t, time.Minute, "the bodies are dropped", func() bool {
			return count(t, s, `SELECT COUNT(*) FROM effects WHERE kind = 'outbound/app' AND data <> ''`) == 0
		})
		deliveries := d.list("/v1/webhook-endpoints/app/deliveries")
		if len(deliveries) != 5 || deliveries[0]["payload"] != nil || deliveries[0]["id"] != e["id"] || deliveries[0]["status"] != "sent" {
			t.Errorf("%v", deliveries)
		}
		if got := d.replay("app", fmt.Sprintf(`{"id":%q}`, e["id"])); got != "410 gone" {
			t.Error(got)
		}
		if got := d.replay("app", `{"status":"sent"}`); got != `{"replayed":0}` {
			t.Error(got)
		}
		if heard() != 5 {
			t.Errorf("told in the end: %s", app.types())
		}
	})
}
