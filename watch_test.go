package bursar_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

// expressions are what the dashboard and the rules ask Prometheus for, by where.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	var rules struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr         string
				Labels, Annotations map[string]string
			}
		}
	}
	text, err := os.ReadFile("docs/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &rules); err != nil {
		t.Fatal(err)
	}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			if r.Alert == "" || out[r.Alert] != "" || r.Labels["severity"] == "" || r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("the rule %q lacks something, or is there twice", r.Alert)
			}
			out[r.Alert] = r.Expr
		}
	}
	var dashboard struct {
		Panels []struct {
			ID      int
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
	}
	if text, err = os.ReadFile("docs/grafana.json"); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	taken := map[[2]int]string{}
	for _, p := range dashboard.Panels {
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x > 23 {
					t.Fatalf("the panel %q lies on %q", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		for i, target := range p.Targets {
			out[fmt.Sprintf("%s, %d", p.Title, i)] = target.Expr
		}
	}
	return out
}

// TestWatch: every metric and label that the dashboard and the rules name is
// exported, and every metric of Bursar's is on the dashboard or in a rule.
func TestWatch(t *testing.T) {
	asked := expressions(t)
	d := openDesk(t, storetest.MigratedSQLite(t), bursar.Config{NoticeMaxAge: -1})
	d.story(1, customerOf(1), told{typ: "invoice.payment_failed", object: fmt.Sprintf(invoiceN, "open", 0, 1)})
	exported := map[string][]string{} // labels by name
	for _, m := range regexp.MustCompile(`(?m)^(bursar_\w+)(?:\{(.*)\})? `).FindAllStringSubmatch(string(d.get("/metrics").body), -1) {
		exported[m[1]] = nil
		for _, label := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(m[2], -1) {
			exported[m[1]] = append(exported[m[1]], label[1])
		}
	}
	if len(exported) < 10 {
		t.Fatalf("only %v", exported)
	}
	used := map[string]bool{}
	for where, expr := range asked {
		names := regexp.MustCompile(`\b(bursar_\w+)(?:\{([^}]*)\})?`).FindAllStringSubmatch(expr, -1)
		if len(names) == 0 {
			t.Errorf("%s asks for nothing of Bursar's: %s", where, expr)
		}
		for _, m := range names {
			labels, ok := exported[m[1]]
			if !ok {
				t.Errorf("%s: there is no %s", where, m[1])
				continue
			}
			used[family(m[1])] = true
			labels = append([]string{"job"}, labels...) // Prometheus adds it
			wanted := regexp.MustCompile(`(\w+)=`).FindAllStringSubmatch(m[2], -1)
			for _, by := range regexp.MustCompile(`by \(([^)]*)\)`).FindAllStringSubmatch(expr, -1) {
				for _, l := range strings.Split(by[1], ", ") {
					wanted = append(wanted, []string{"", l})
				}
			}
			for _, l := range wanted {
				if !slices.Contains(labels, l[1]) {
					t.Errorf("%s: %s has no label %s", where, m[1], l[1])
				}
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(exported)) {
		if !used[family(name)] {
			t.Errorf("nobody looks at %s", name)
		}
	}
}

// family is the metric of a histogram's series.
func family(name string) string {
	for _, suffix := range []string{"_bucket", "_sum", "_count"} {
		name = strings.TrimSuffix(name, suffix)
	}
	return name
}
