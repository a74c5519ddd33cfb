package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/stripetest"
)

// These tests walk everything that the program promises, as a whole program beside an
// account at Stripe: every command, setting, route and event is called. What exactly
// each answers others test. Where the project's contract is beside the tree, they also
// look whether something of it is missing here.

const contractFile = "../../../shared/contract.md"

// contract returns a section of the contract, by its number.
func contract(t *testing.T, number string) string {
	t.Helper()
	text, err := os.ReadFile(contractFile)
	if err != nil {
		t.Skipf("no contract to compare with: %v", err)
	}
	_, section, ok := strings.Cut(string(text), "\n## "+number+". ")
	if !ok {
		t.Fatalf("%s has no section %s", contractFile, number)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	return section
}

var quoted = regexp.MustCompile("`([^`]+)`")

// contractRows are the rows of a section's tables: what stands in backquotes in the
// first cell, and the whole line.
func contractRows(t *testing.T, number string) (rows []contractRow) {
	t.Helper()
	for line := range strings.Lines(contract(t, number)) {
		cells := regexp.MustCompile(`^\| (.*?) \| (.*)\|`).FindStringSubmatch(line)
		if cells == nil {
			continue
		}
		var names []string
		for _, q := range quoted.FindAllStringSubmatch(cells[1], -1) {
			names = append(names, q[1])
		}
		if len(names) > 0 {
			rows = append(rows, contractRow{names, line})
		}
	}
	if len(rows) == 0 {
		t.Fatalf("section %s has no table", number)
	}
	return rows
}

type contractRow struct {
	names []string
	line  string
}

// walk is a program that runs beside an account in which much has happened: of acme's
// subscription nothing is left, those of beta and gamma run.
type walk struct {
	*testing.T
	dir     string
	env     vars
	account *stripetest.Account
	served  *served
	ids     map[string]string // what stands for {it} in a path
}

func newWalk(t *testing.T) *walk {
	t.Helper()
	w := &walk{T: t, dir: t.TempDir(), account: stripetest.New(t, func(c *stripetest.Config) { c.Start = time.Now().Add(-300 * 24 * time.Hour) }).Calm(), ids: map[string]string{}}
	stripe := httptest.NewServer(w.account)
	t.Cleanup(stripe.Close)
	write(t, w.file("plans.yaml"), `plans:
  - {id: free, name: Free, default: true, features: {projects: 1}}
  - {id: basic, name: Basic, prices: [{id: price_basic_monthly, amount: 900, currency: usd, interval: month}]}
  - id: pro
    name: Pro
    features: {projects: 20}
    prices: [{id: price_pro_monthly, amount: 2900, currency: usd, interval: month}, {id: price_pro_yearly, amount: 29000, currency: usd, interval: year}]
`)
	write(t, w.file("seller.yaml"), "name: Example Inc.\naddress: {line1: 1 Main Street, city: Springfield, postal_code: \"12345\", state: IL, country: US}\ntax_ids: [{type: us_ein, value: 12-3456789}]\nemail: billing@example.com\nphone: \"+1 555 0100\"\n")
	w.env = vars{
		"BURSAR_DATABASE_URL": "sqlite://" + w.file("bursar.db"), "BURSAR_API_KEY": "bk_walk", "BURSAR_PLANS": w.file("plans.yaml"), "BURSAR_SELLER": w.file("seller.yaml"),
		"STRIPE_WEBHOOK_SECRET": "whsec_walk", "STRIPE_SECRET_KEY": "sk_test_walk", "STRIPE_API_BASE": stripe.URL, "BURSAR_RATE_LIMIT": "off",
		"BURSAR_OUTBOUND_URL": "https://app.invalid/hooks", "BURSAR_OUTBOUND_SECRET": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3",
	}
	w.served = serve(t, w.env)
	w.account.Deliver(w.served.url+"/webhooks/stripe", stripetest.EndpointConfig{Secret: "whsec_walk"})
	for tenant, story := range map[string]string{"acme": "subscription-lifecycle", "beta": "checkout-paid"} {
		if _, err := w.account.Play(story, stripetest.Play{Tenant: tenant}); err != nil {
			t.Fatal(err)
		}
	}
	paid, err := w.account.Get("/v1/invoices", stripetest.Form{"status": "paid"})
	if err != nil {
		t.Fatal(err)
	}
	note, err := w.account.Post("/v1/credit_notes", stripetest.Form{"invoice": paid["data"].([]any)[0].(stripetest.Object).ID(), "amount": "100", "credit_amount": "100"})
	if err != nil {
		t.Fatal(err)
	}
	buyer, err := w.account.Post("/v1/customers", stripetest.Form{
		"name": "Gamma", "email": "owner@gamma.example", "address[country]": "US", "address[line1]": "2 Main Street", "metadata[tenant]": "gamma",
		"payment_method": "pm_card_visa", "invoice_settings[default_payment_method]": "pm_card_visa",
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.account.Post("/v1/subscriptions", stripetest.Form{"customer": buyer.ID(), "items[0][price]": "price_pro_monthly"}); err != nil {
		t.Fatal(err)
	}
	w.account.Settle()
	w.ids["note"] = note.ID()
	w.ids["dir"], w.ids["server"], w.ids["tenant"], w.ids["endpoint"] = w.dir, w.served.url, "acme", "default"
	for name, list := range map[string]string{"event": "/v1/events", "invoice": "/v1/tenants/gamma/invoices"} {
		var page struct{ Data []struct{ ID string } }
		if _, body := w.ask("GET "+list, ""); json.Unmarshal(body, &page) != nil || len(page.Data) == 0 {
			t.Fatalf("%s: %s", list, body)
		}
		w.ids[name] = page.Data[len(page.Data)-1].ID
	}
	return w
}

func (w *walk) file(name string) string { return filepath.Join(w.dir, name) }

// TestContract calls everything on one program.
func TestContract(t *testing.T) {
	w := newWalk(t)
	for _, part := range []struct {
		name string
		run  func(*testing.T, *walk)
	}{{"routes", walkRoutes}, {"events", walkEvents}, {"commands", walkCommands}, {"settings", walkSettings}} {
		t.Run(part.name, func(t *testing.T) {
			here := *w
			here.T = t
			part.run(t, &here)
		})
	}
}

// commandsWalked are the arguments of commands that end by themselves, and how they
// end. The others, and what all of them do wrong, have tests of their own.
var commandsWalked = map[string]string{
	"trigger":         "customer.updated --to {server}/webhooks/stripe",
	"migrate":         "--status",
	"events list":     "--limit 3",
	"events show":     "{event}",
	"events replay":   "{event}",
	"explain":         "acme",
	"reconcile":       "--dry-run",
	"backfill":        "",
	"doctor":          "--fix",
	"verify":          "--payload {dir}/plans.yaml --header t=1,v1=00 --now 1 --secret whsec_other",
	"invoices pdf":    "{invoice} -o {dir}/invoice.pdf",
	"notices preview": "payment_failed -o {dir}/mail.html",
	"keys create":     "walker --scope read",
	"keys list":       "",
	"keys revoke":     "{key}",
	"backup":          "{dir}/copy.db",
	"completion":      "bash",
	"version":         "",

	"webhooks list":       "",
	"webhooks enable":     "default",
	"webhooks deliveries": "default --limit 3",
	"webhooks replay":     "default --status failed",
}

// walkCommands calls every command, with --json where it has that.
func walkCommands(t *testing.T, w *walk) {
	have := leaves(parserOfTest(t).Model.Node, "", map[string]*kong.Node{})
	for path := range have {
		words := strings.Fields(path)
		if r := runCommand(t, nil, append(words, "--help")...); r.status != 0 || !strings.Contains(r.out, "Examples:\n") {
			t.Errorf("bursar %s --help: status %d: %s", path, r.status, r.out)
		}
		if r := runCommand(t, nil, append(words, "--no-such-flag")...); r.status != 2 || strings.Count(r.errors, "\n") > 2 {
			t.Errorf("bursar %s --no-such-flag: status %d: %s", path, r.status, r.errors)
		}
		args, ends := commandsWalked[path]
		if !ends {
			if path != "serve" && path != "demo" && path != "simulate" {
				t.Errorf("bursar %s is not called", path)
			}
			continue
		}
		if strings.Contains(args, "{key}") {
			var made struct{ ID string }
			w.json(&made, "keys", "create", "revoked", "--json")
			args = strings.Replace(args, "{key}", made.ID, 1)
		}
		words = append(words, strings.Fields(w.fill(args))...)
		want, asJSON := 0, slices.ContainsFunc(have[path].Flags, func(f *kong.Flag) bool { return f.Name == "json" })
		if path == "verify" {
			want = 1 // says that it is not good
		}
		if asJSON {
			words = append(words, "--json")
		}
		r := runCommand(t, w.env, words...)
		if path == "doctor" && strings.Contains(r.out, "\"fail\"") {
			want = 1 // of two tenants much is wrong; that it can say so is enough
		}
		if r.status != want {
			t.Errorf("bursar %s: status %d, want %d: %s%s", strings.Join(words, " "), r.status, want, r.out, r.errors)
		}
		if asJSON && !json.Valid([]byte(r.out)) {
			t.Errorf("bursar %s: not JSON: %s", strings.Join(words, " "), r.out)
		}
	}
	t.Run("as the contract has them", func(t *testing.T) {
		for _, row := range contractRows(t, "1") {
			flags := map[string]bool{}
			for _, name := range row.names {
				for _, path := range alternatives(name) {
					node := have[path]
					if node == nil {
						t.Errorf("bursar %s: there is no such command", path)
						continue
					}
					for _, f := range node.Flags {
						flags["--"+f.Name] = true
					}
				}
			}
			for _, flag := range regexp.MustCompile(`--[a-z-]+`).FindAllString(row.line, -1) {
				if !flags[flag] {
					t.Errorf("%s: has no %s", row.names, flag)
				}
			}
		}
	})
}

// alternatives are the commands that a cell names: bursar keys create|list.
func alternatives(name string) []string {
	word := regexp.MustCompile(`^[a-z|]+$`)
	paths := []string{""}
	for _, w := range strings.Fields(name)[1:] {
		if !word.MatchString(w) {
			break
		}
		var longer []string
		for _, path := range paths {
			for _, one := range strings.Split(w, "|") {
				longer = append(longer, strings.TrimSpace(path+" "+one))
			}
		}
		paths = longer
	}
	return paths
}

// wrongValues are not accepted; where a setting is not listed, a question mark is
// not. A folder can be no file.
var wrongValues = map[string]string{
	"BURSAR_PLANS": "/", "BURSAR_SELLER": "/", "BURSAR_TENANT_METADATA": "a,,b", "BURSAR_API_KEY": "a b",
	"BURSAR_DASHBOARD_PASSWORD": "", // any text is one
}

// walkSettings starts the program with each setting wrong. That each is accepted, and
// what of, TestEverySetting and TestValues say.
func walkSettings(t *testing.T, w *walk) {
	rows := settings(new(Config))
	for _, row := range rows {
		wrong, listed := wrongValues[row.name]
		if !listed {
			wrong = "?"
		} else if wrong == "" {
			continue
		}
		env := maps.Clone(w.env)
		env["BURSAR_LISTEN"], env[row.name] = strings.TrimPrefix(w.served.url, "http://"), wrong // where it is accepted, the address is taken
		r := runCommand(t, env, "serve")
		if r.status != 1 || r.out != "" || strings.Count(r.errors, "\n") != 1 {
			t.Errorf("%s=%s: status %d\n%s%s", row.name, wrong, r.status, r.out, r.errors)
		}
		if !strings.Contains(r.errors, row.name) && !strings.Contains(r.errors, wrong+":") {
			t.Errorf("%s=%s is not named: %s", row.name, wrong, r.errors)
		}
	}
	t.Run("as the contract has them", func(t *testing.T) {
		of := map[string]setting{}
		for _, row := range rows {
			of[row.name] = row
		}
		for _, row := range contractRows(t, "2") {
			initials := quoted.FindAllStringSubmatch(strings.Split(row.line, "|")[2], -1)
			for i, name := range row.names {
				s, ok := of[name]
				if delete(of, name); !ok {
					t.Errorf("%s: there is no such setting", name)
				}
				// A row of two settings gives the defaults in their order.
				if i < len(initials) && s.otherwise == "" && s.initial != "" && !strings.Contains(fmt.Sprint(initials), s.initial) {
					t.Errorf("%s is %q unless set, which is not one of %q", name, s.initial, initials)
				}
			}
		}
		for name := range of {
			t.Errorf("%s is not in the contract", name)
		}
	})
}

// walkEvents posts an event of every type that has a rule, and one of a type that has
// none.
func walkEvents(t *testing.T, w *walk) {
	args := []string{"trigger", "--json", "--to", w.served.url + "/webhooks/stripe", "--tenant", "triggered"}
	for _, rule := range apply.Rules {
		args = append(args, rule.Type)
	}
	var out struct{ Data []posted }
	w.json(&out, append(args, "invoiceitem.created")...)
	got := map[string]bool{}
	for _, p := range out.Data {
		rule := slices.ContainsFunc(apply.Rules, func(r apply.Rule) bool { return r.Type == p.Type })
		if p.Status != 200 || rule && p.Answer != "applied" && p.Answer != "stale" && p.Answer != "parked" || !rule && p.Answer != "ignored" {
			t.Errorf("%s: %d %s", p.Type, p.Status, p.Answer)
		}
		got[p.Type] = true
	}
	if len(got) <= len(apply.Rules) {
		t.Errorf("%d types were posted, and there are %d rules", len(got), len(apply.Rules))
	}
	t.Run("as the contract has them", func(t *testing.T) {
		for _, row := range contractRows(t, "5") {
			for _, pattern := range eventPatterns(row) {
				if !slices.ContainsFunc(apply.Rules, func(r apply.Rule) bool { return matches(pattern, r.Type) }) {
					t.Errorf("%s has no rule", pattern)
				}
			}
		}
	})
}

// eventPatterns are the types that a row names: a.created/updated is two of them, and
// async_payment_succeeded stands for the one before it with another ending. The star
// stands for any.
func eventPatterns(row contractRow) (patterns []string) {
	last := ""
	for _, name := range row.names {
		if !strings.Contains(name, ".") && last != "" {
			name = last[:strings.LastIndex(last, ".")+1] + name
		}
		first, rest, _ := strings.Cut(name, "/")
		last = first
		patterns = append(patterns, first)
		for _, end := range strings.FieldsFunc(rest, func(r rune) bool { return r == '/' }) {
			patterns = append(patterns, first[:strings.LastIndex(first, ".")+1]+end)
		}
	}
	return patterns
}

func matches(pattern, typ string) bool {
	prefix, wild := strings.CutSuffix(pattern, "*")
	return pattern == typ || wild && strings.HasPrefix(typ, prefix)
}

// json runs a command that prints JSON.
func (w *walk) json(into any, args ...string) {
	w.Helper()
	r := runCommand(w.T, w.env, args...)
	if err := json.Unmarshal([]byte(r.out), into); r.status != 0 || err != nil {
		w.Fatalf("bursar %s: status %d, %v: %s%s", strings.Join(args, " "), r.status, err, r.out, r.errors)
	}
}

// fill puts ids in place of their names.
func (w *walk) fill(text string) string {
	for name, id := range w.ids {
		text = strings.ReplaceAll(text, "{"+name+"}", id)
	}
	return text
}
