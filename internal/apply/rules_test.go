package apply_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
	"github.com/bursarhq/bursar/internal/stripe"
	"github.com/bursarhq/bursar/stripetest"
)

var writeDocs = flag.Bool("write-docs", false, "write docs/events.md")

var update = flag.Bool("update", false, "write the fixtures' wants anew, and the fixtures that are missing")

// shapes are the API versions in which every fixture has its event: the oldest
// that Stripe still sends to old endpoints, and one after the great move of fields.
var shapes = []string{"2020-08-27", "2025-11-17.clover"}

// TestRules applies every rule's fixture, testdata/<event type>.txtar, in an old
// and in a new shape, to a tenant that has the customer, and compares what came of it.
func TestRules(t *testing.T) {
	for _, rule := range apply.Rules {
		t.Run(rule.Type, func(t *testing.T) {
			file := filepath.Join("testdata", rule.Type+".txtar")
			a, err := txtar.ParseFile(file)
			if errors.Is(err, fs.ErrNotExist) && *update {
				a, err = newFixture(t, rule.Type), nil
			}
			if err != nil {
				t.Fatalf("a rule needs a fixture: %v", err)
			}
			for _, shape := range shapes {
				event := section(a, shape+".json")
				if event == nil {
					t.Fatalf("%s has no event in the shape of %s", file, shape)
				}
				got := []byte(applyFixture(t, event.Data))
				want := section(a, shape+".want")
				if want == nil {
					a.Files = append(a.Files, txtar.File{Name: shape + ".want"})
					want = &a.Files[len(a.Files)-1]
				}
				if *update {
					want.Data = got
				} else if diff := cmp.Diff(string(want.Data), string(got)); diff != "" {
					t.Errorf("%s (- want, + got):\n%s", shape, diff)
				}
			}
			if *update {
				if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestFixturesHaveRules fails on a fixture whose rule is gone.
func TestFixturesHaveRules(t *testing.T) {
	types := map[string]bool{}
	for _, r := range apply.Rules {
		if types[r.Type] {
			t.Errorf("%s has two rules", r.Type)
		}
		types[r.Type] = true
	}
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no fixtures", err)
	}
	for _, f := range files {
		if name := strings.TrimSuffix(filepath.Base(f), ".txtar"); !types[name] {
			t.Errorf("%s has no rule", f)
		}
	}
}

func section(a *txtar.Archive, name string) *txtar.File {
	for i := range a.Files {
		if a.Files[i].Name == name {
			return &a.Files[i]
		}
	}
	return nil
}

func newFixture(t *testing.T, eventType string) *txtar.Archive {
	t.Helper()
	a := &txtar.Archive{Comment: []byte(eventType + "\n")}
	for _, shape := range shapes {
		// Those that the simulated account has no recipe for look like their neighbors.
		like := eventType
		if n := map[string]string{
			"subscription_schedule.aborted": "subscription_schedule.canceled", "charge.captured": "charge.succeeded",
			"price.deleted": "price.updated",
		}[eventType]; n != "" {
			like = n
		}
		ev, err := stripetest.BuildEvent(like, stripetest.EventOptions{APIVersion: shape, Tenant: "acme"})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := json.Indent(&b, bytes.ReplaceAll(ev.Payload, []byte(like), []byte(eventType)), "", " "); err != nil {
			t.Fatal(err)
		}
		a.Files = append(a.Files, txtar.File{Name: shape + ".json", Data: append(b.Bytes(), '\n')})
	}
	return a
}

// applyFixture applies an event to an empty store with the tenant acme and returns
// the answer and the rows.
func applyFixture(t *testing.T, body []byte) string {
	t.Helper()
	s, err := store.Open(t.Context(), storetest.MigratedSQLite(t), store.Options{Migrate: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	w := newWorld(t, s, apply.Policy{NoticeMaxAge: -time.Second})
	ev, err := stripe.ParseEvent(body)
	if err != nil {
		t.Fatal(err)
	}
	if ev.Customer != "" {
		p := apply.TenantPatch{StripeCustomerID: apply.Patch{Set: true, Value: ev.Customer}}
		if _, err := w.e.PutTenant(context.Background(), store.Key{ID: "acme"}, p, "test"); err != nil {
			t.Fatal(err)
		}
	}
	r := w.e.Apply(t.Context(), []*apply.Delivery{{Event: ev, Packed: store.Pack(body), Source: "webhook"}})[0]
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	var b strings.Builder
	fmt.Fprintln(&b, strings.TrimSpace(r.Status+" "+r.Reason))
	tables := dump(t, s.Writer())
	for _, name := range sortedNames(tables) {
		if name == "objects" || name == "events" {
			continue
		}
		for line := range strings.Lines(tables[name]) {
			fmt.Fprintln(&b, name+": "+withoutEmpty(line))
		}
	}
	return b.String()
}

func sortedNames(m map[string]string) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// withoutEmpty drops the columns that say nothing.
func withoutEmpty(line string) string {
	var out []string
	for _, f := range strings.Split(strings.TrimSpace(line), " ") {
		if _, v, ok := strings.Cut(f, "="); !ok || (v != "" && v != "0" && v != "false" && v != "[]") {
			out = append(out, f)
		}
	}
	return strings.Join(out, " ")
}
