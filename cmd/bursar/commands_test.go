package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/bursarhq/bursar/stripetest"
)

// promised are the commands that users are told of, with the flags that they are
// told of. What is renamed or taken away here breaks somebody's script.
var promised = map[string]string{
	"serve":           "--listen --config",
	"demo":            "--listen --api-key",
	"trigger":         "--list --to --secret --tenant --customer --set --api-version --chaos --json",
	"simulate":        "--listen --webhook-url --secret --seed --calm --chaos",
	"migrate":         "--status --dry-run --json",
	"events list":     "--type --status --tenant --since --limit --json",
	"events show":     "--json",
	"events replay":   "--type --status --tenant --since --json",
	"explain":         "--json",
	"reconcile":       "--dry-run --json",
	"backfill":        "--map --json",
	"verify":          "--payload --header --secret --now --json",
	"doctor":          "--fix --json",
	"invoices pdf":    "--output",
	"notices preview": "--output",
	"keys create":     "--scope --json",
	"keys list":       "--json",
	"keys revoke":     "--json",
	"backup":          "--json",
	"completion":      "",
	"version":         "--json",

	"webhooks list":       "--json",
	"webhooks enable":     "--json",
	"webhooks deliveries": "--status --tenant --limit --json",
	"webhooks replay":     "--status --tenant --since --json",
}

func testSystem() *system {
	return &system{stdin: strings.NewReader(""), stdout: new(bytes.Buffer), stderr: new(bytes.Buffer), lookup: vars{}.lookup, environ: func() []string { return nil }}
}

func parserOfTest(t *testing.T) *kong.Kong {
	t.Helper()
	k, _, err := testSystem().parser(func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// leaves are the commands by path.
func leaves(n *kong.Node, path string, into map[string]*kong.Node) map[string]*kong.Node {
	for _, child := range n.Children {
		at := strings.TrimSpace(path + " " + child.Name)
		if child.Leaf() {
			into[at] = child
		} else {
			leaves(child, at, into)
		}
	}
	return into
}

func TestPromisedCommands(t *testing.T) {
	have := leaves(parserOfTest(t).Model.Node, "", map[string]*kong.Node{})
	for path, flags := range promised {
		node := have[path]
		if node == nil {
			t.Errorf("bursar %s: there is no such command", path)
			continue
		}
		names := map[string]bool{}
		for _, f := range node.Flags {
			names["--"+f.Name] = true
		}
		for flag := range strings.FieldsSeq(flags) {
			if !names[flag] {
				t.Errorf("bursar %s: has no %s", path, flag)
			}
		}
	}
	for path := range have {
		if _, ok := promised[path]; !ok {
			t.Errorf("bursar %s: is not in the list of what users are told of", path)
		}
	}
}

// TestHelp wants an example in the help of every command, and every example to be
// one that can be typed.
func TestHelp(t *testing.T) {
	for path, node := range leaves(parserOfTest(t).Model.Node, "", map[string]*kong.Node{}) {
		_, text, ok := strings.Cut(node.Detail, "Examples:\n\n")
		if !ok || node.Help == "" {
			t.Errorf("bursar %s: the help has no example", path)
			continue
		}
		own := false
		for line := range strings.Lines(text) {
			for _, args := range commandLines(line) {
				own = own || strings.HasPrefix(strings.Join(args, " ")+" ", path+" ")
				if _, err := parserOfTest(t).Parse(args); err != nil {
					t.Errorf("bursar %s: the example %q: %v", path, strings.TrimSpace(line), err)
				}
			}
		}
		if !own {
			t.Errorf("bursar %s: no example is its own", path)
		}
	}
}

// commandLines are the arguments of each bursar in a line of shell.
func commandLines(line string) (all [][]string) {
	var args []string
	within := false
	for _, word := range shellWords(line) {
		switch {
		case word == "&&" || word == ">" || word == "<" || strings.HasSuffix(word, ")") && !strings.Contains(word, "$("):
			if word = strings.TrimSuffix(word, ")"); within && word != "" && !strings.ContainsAny(word, "&<>") {
				args = append(args, word)
			}
			if within {
				all = append(all, args)
			}
			args, within = nil, false
		case within:
			args = append(args, word)
		case strings.TrimLeft(word, "<(") == "bursar":
			within = true
		}
	}
	if within {
		all = append(all, args)
	}
	return all
}

func shellWords(line string) (words []string) {
	var b strings.Builder
	quote, depth := rune(0), 0
	for _, r := range strings.TrimSpace(line) + " " {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote = r
		case quote == 0 && r == ' ' && depth == 0:
			if b.Len() > 0 {
				words = append(words, b.String())
			}
			b.Reset()
		default:
			if r == '(' && strings.HasSuffix(b.String(), "$") {
				depth++
			} else if r == ')' && depth > 0 {
				depth--
			}
			b.WriteRune(r)
		}
	}
	return words
}

// TestColored asks a terminal: https://no-color.org.
func TestColored(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("there is no terminal to be had: ", err)
	}
	defer terminal.Close()
	s := testSystem()
	for _, test := range []struct {
		env  vars
		want bool
	}{{vars{}, true}, {vars{"NO_COLOR": "1"}, false}, {vars{"NO_COLOR": ""}, true}, {vars{"TERM": "dumb"}, false}} {
		if s.lookup = test.env.lookup; s.colored(terminal) != test.want {
			t.Errorf("%v: %v", test.env, !test.want)
		}
	}
	s.lookup = vars{}.lookup
	if s.colored(new(bytes.Buffer)) {
		t.Error("a buffer is colored")
	}
	s.stdout = terminal
	if text := s.paint(fail); text != "\x1b[31mfail\x1b[0m" {
		t.Errorf("%q", text)
	}
}

// TestPlan holds chaos to what it is to be: nothing is lost for good, something
// comes twice, something late, something only at the second attempt.
func TestPlan(t *testing.T) {
	var events []stripetest.Event
	for i := range 12 {
		events = append(events, stripetest.Event{ID: fmt.Sprint("evt_", i)})
	}
	order := func(deliveries []planned) (ids []string) {
		for _, d := range deliveries {
			ids = append(ids, d.event.ID)
		}
		return ids
	}
	calm := order(plan(events, false, nil))
	for seed := range uint64(200) {
		deliveries := plan(events, true, rand.New(rand.NewPCG(seed, 1)))
		got, notes := map[string]bool{}, map[string]int{}
		for _, d := range deliveries {
			notes[d.note]++
			if d.drop {
				if got[d.event.ID] && notes["again"] == 0 {
					t.Fatalf("seed %d: %s is lost after it came", seed, d.event.ID)
				}
				continue
			}
			got[d.event.ID] = true
		}
		if len(got) != len(events) || notes["again"] == 0 || notes["lost on the way"] == 0 || notes["retry"] != notes["lost on the way"] {
			t.Fatalf("seed %d: %d of %d events arrive, %v", seed, len(got), len(events), notes)
		}
		if slices.Equal(order(deliveries), calm) {
			t.Fatalf("seed %d: in order", seed)
		}
	}
	if got := plan(events[:1], true, rand.New(rand.NewPCG(1, 1))); len(got) < 3 {
		t.Errorf("one event: %d deliveries", len(got))
	}
}
