package bursar_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// floors are the house of ARCHITECTURE.md: each room with the floor it is on.
// A room's packages import rooms of lower floors, and one another. A folder
// below a room's belongs to the room.
var floors = map[string]int{
	"cmd/bursar": 5,
	"examples":   5, // what users copy

	".": 4, // the facade, which alone has nothing below it

	"internal/api":       3,
	"internal/dashboard": 3,
	"internal/reconcile": 3,

	"internal/receive": 2,
	"internal/apply":   2,
	"internal/effect":  2,
	"internal/command": 2,

	"internal/store":    1,
	"internal/mail":     1,
	"internal/pdf":      1,
	"internal/outbound": 1,
	"internal/einvoice": 1,
	"client":            1,
	"stripetest":        1,

	"billing":         0,
	"webhook":         0,
	"internal/stripe": 0,
}

// forTests are what a test may import from any floor.
var forTests = []string{".", "internal/store/storetest", "stripetest"}

// clocks are the files outside cmd that may ask what time it is. Everywhere
// else now is a parameter, so that a test can choose it.
var clocks = map[string]string{
	"bursar.go":               "the default of the facade's clock",
	"internal/store/store.go": "the default of a store's clock",
	"stripetest/account.go":   "the default of an account's signing clock",
	"webhook/clock.go":        "the default of a verifier's clock",
}

// rulesFile has the table of events: the one Go file outside stripetest, which
// plays Stripe, that an event type stands in.
const rulesFile = "internal/apply/rules.go"

// namesakes are the files that an event type stands in without being decided
// by.
var namesakes = map[string]string{
	"internal/mail/samples.go":       "the event in a sample of a mail",
	"internal/stripe/order_state.go": "invoice.paid is a field there",
}

// TestFloors reads the module's files itself: a test that asks another program
// to do so is served from the cache when they change.
func TestFloors(t *testing.T) {
	files := readModule(t, os.DirFS("."))
	for _, fault := range slices.Concat(files.strayFolders(), files.upwardImports(), files.strayStripe(), files.strayClocks(clocks), files.strayEvents(namesakes)) {
		t.Error(fault)
	}
}

// module is the Go files of the module, by path.
type module struct {
	name  string
	files map[string]*ast.File
}

// readModule reads all files but those of nested modules and testdata.
func readModule(t *testing.T, root fs.FS) module {
	t.Helper()
	m := module{files: map[string]*ast.File{}}
	mod, err := fs.ReadFile(root, "go.mod")
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(mod), "\n")
	m.name = strings.TrimPrefix(first, "module ")
	err = fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name == "." {
				return nil
			}
			_, noModule := fs.Stat(root, path.Join(name, "go.mod"))
			if base := entry.Name(); noModule == nil || base == "testdata" || base[0] == '.' || base[0] == '_' {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		source, err := fs.ReadFile(root, name)
		if err != nil {
			return err
		}
		m.files[name], err = parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// each calls visit for every file, in the order of their paths.
func (m module) each(visit func(name string, file *ast.File)) {
	for _, name := range slices.Sorted(maps.Keys(m.files)) {
		visit(name, m.files[name])
	}
}

func isTest(name string) bool { return strings.HasSuffix(name, "_test.go") }

// room returns the room that a folder belongs to.
func room(folder string) (string, bool) {
	for at := folder; at != "."; at = path.Dir(at) {
		if _, ok := floors[at]; ok {
			return at, true
		}
	}
	return ".", folder == "."
}

func (m module) strayFolders() (faults []string) {
	seen := map[string]bool{}
	m.each(func(name string, _ *ast.File) {
		folder := path.Dir(name)
		if _, ok := room(folder); !ok && !seen[folder] {
			seen[folder] = true
			faults = append(faults, folder+": give it a floor")
		}
	})
	return faults
}

func (m module) upwardImports() (faults []string) {
	m.each(func(name string, file *ast.File) {
		from, ok := room(path.Dir(name))
		if !ok {
			return
		}
		for _, folder := range m.imports(file) {
			to, ok := room(folder)
			if !ok || from == to || floors[to] < floors[from] || isTest(name) && slices.Contains(forTests, folder) {
				continue
			}
			faults = append(faults, fmt.Sprintf("%s (floor %d) imports %s (floor %d)", name, floors[from], folder, floors[to]))
		}
	})
	return faults
}

// imports are the folders of this module that a file imports.
func (m module) imports(file *ast.File) (folders []string) {
	for _, imported := range paths(file) {
		if imported == m.name {
			folders = append(folders, ".")
		} else if folder, ok := strings.CutPrefix(imported, m.name+"/"); ok {
			folders = append(folders, folder)
		}
	}
	return folders
}

func paths(file *ast.File) (all []string) {
	for _, spec := range file.Imports {
		if imported, err := strconv.Unquote(spec.Path.Value); err == nil {
			all = append(all, imported)
		}
	}
	return all
}

// byHandFile has what Bursar is measured against: a handler that is written with Stripe's
// library, as one would.
const byHandFile = "throughput_test.go"

// strayStripe keeps Stripe's library to the one package that talks to Stripe.
func (m module) strayStripe() (faults []string) {
	m.each(func(name string, file *ast.File) {
		for _, imported := range paths(file) {
			if in, _ := room(path.Dir(name)); strings.HasPrefix(imported, "github.com/stripe/stripe-go") && in != "internal/stripe" && name != byHandFile {
				faults = append(faults, name+": only internal/stripe imports stripe-go")
			}
		}
	})
	return faults
}

// strayClocks finds what asks for the time and is not listed, and what is
// listed and does not.
func (m module) strayClocks(listed map[string]string) (faults []string) {
	asks := map[string]bool{}
	m.each(func(name string, file *ast.File) {
		if isTest(name) || path.Dir(name) == "internal/store/storetest" || strings.HasPrefix(name, "cmd/") || !slices.Contains(paths(file), "time") {
			return
		}
		ast.Inspect(file, func(node ast.Node) bool {
			call, ok := node.(*ast.SelectorExpr)
			if !ok || !slices.Contains([]string{"Now", "Since", "Until"}, call.Sel.Name) {
				return true
			}
			if in, ok := call.X.(*ast.Ident); ok && in.Name == "time" {
				if asks[name] = true; listed[name] == "" {
					faults = append(faults, fmt.Sprintf("%s: time.%s: pass now, or list the file with a reason", name, call.Sel.Name))
				}
			}
			return true
		})
	})
	for _, name := range slices.Sorted(maps.Keys(listed)) {
		if !asks[name] {
			faults = append(faults, name+": is listed as a clock and is none")
		}
	}
	return faults
}

var eventType = regexp.MustCompile(`^[a-z_0-9.]+\.[a-z_]+$`)

// eventTypes are the literals of the Type fields in the table of events.
func (m module) eventTypes() map[string]bool {
	types := map[string]bool{}
	file := m.files[rulesFile]
	if file == nil {
		return types
	}
	ast.Inspect(file, func(node ast.Node) bool {
		field, ok := node.(*ast.KeyValueExpr)
		if !ok {
			return true
		}
		if key, ok := field.Key.(*ast.Ident); ok && key.Name == "Type" {
			if text, ok := literal(field.Value); ok && eventType.MatchString(text) {
				types[text] = true
			}
		}
		return true
	})
	return types
}

// strayEvents finds event types of the table in another file that is not
// listed, what is listed and has none, and the table where nothing of it is
// found.
func (m module) strayEvents(listed map[string]string) (faults []string) {
	types, has := m.eventTypes(), map[string]bool{}
	m.each(func(name string, file *ast.File) {
		if in, _ := room(path.Dir(name)); isTest(name) || name == rulesFile || in == "stripetest" {
			return
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if expression, ok := node.(ast.Expr); ok {
				if text, ok := literal(expression); ok && types[text] {
					if has[name] = true; listed[name] != "" {
						return true
					}
					faults = append(faults, fmt.Sprintf("%s: %q stands in %s, and nowhere else", name, text, rulesFile))
				}
			}
			return true
		})
	})
	for _, name := range slices.Sorted(maps.Keys(listed)) {
		if !has[name] {
			faults = append(faults, name+": is listed as having an event type and has none")
		}
	}
	if m.files[rulesFile] != nil && len(types) == 0 {
		faults = append(faults, rulesFile+": has no Type that is an event's")
	}
	return faults
}

func literal(expression ast.Expr) (string, bool) {
	basic, ok := expression.(*ast.BasicLit)
	if !ok || basic.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(basic.Value)
	return text, err == nil
}

// TestFloorsFind builds houses that are wrong in one place each.
func TestFloorsFind(t *testing.T) {
	const rules = "package apply\n\nvar rules = []rule{{Type: \"charge.refunded\"}, {Type: \"invoice.paid\"}}\n"
	imports := func(folder string) string {
		return fmt.Sprintf("package p\n\nimport _ %q\n", path.Join("example.com/m", folder))
	}
	for _, test := range []struct{ name, file, source, want string }{
		{"a folder without a floor", "internal/util/x.go", "package util\n", "internal/util: give it a floor"},
		{"a folder under no room", "internal/x.go", "package internal\n", "internal: give it a floor"},
		{"a room's subfolder", "internal/store/schema/x.go", "package schema\n", ""},
		{"down", "internal/apply/x.go", imports("internal/store"), ""},
		{"down to a subfolder", "internal/apply/x.go", imports("internal/store/rows"), ""},
		{"up", "internal/store/x.go", imports("internal/apply"), "internal/store/x.go (floor 1) imports internal/apply (floor 2)"},
		{"up to the facade", "internal/api/x.go", imports(""), "internal/api/x.go (floor 3) imports . (floor 4)"},
		{"the facade, down", "x.go", imports("internal/api"), ""},
		{"a neighbor", "internal/apply/x.go", imports("internal/receive"), "internal/apply/x.go (floor 2) imports internal/receive (floor 2)"},
		{"a neighbor's subfolder", "internal/apply/x.go", imports("internal/receive/lane"), "internal/apply/x.go (floor 2) imports internal/receive/lane (floor 2)"},
		{"the own room", "internal/store/storetest/x.go", imports("internal/store"), ""},
		{"a test's neighbor", "internal/apply/x_test.go", imports("internal/receive"), "internal/apply/x_test.go (floor 2) imports internal/receive (floor 2)"},
		{"a test's doubles", "webhook/x_test.go", imports("stripetest"), ""},
		{"a test's databases", "billing/x_test.go", imports("internal/store/storetest"), ""},
		{"a test's facade", "client/x_test.go", imports(""), ""},
		{"doubles outside of tests", "internal/mail/x.go", imports("stripetest"), "internal/mail/x.go (floor 1) imports stripetest (floor 1)"},
		{"stripe-go", "webhook/x.go", "package webhook\n\nimport _ \"github.com/stripe/stripe-go/v85/webhook\"\n", "webhook/x.go: only internal/stripe imports stripe-go"},
		{"stripe-go at home", "internal/stripe/x.go", "package stripe\n\nimport _ \"github.com/stripe/stripe-go/v85\"\n", ""},
		{"a clock", "internal/apply/x.go", "package apply\n\nimport \"time\"\n\nvar now = time.Now()\n", "internal/apply/x.go: time.Now: pass now, or list the file with a reason"},
		{"a clock in disguise", "x.go", "package bursar\n\nimport \"time\"\n\nvar now = time.Since\n", "x.go: time.Since: pass now, or list the file with a reason"},
		{"a listed clock", "internal/effect/clock.go", "package effect\n\nimport \"time\"\n\nvar now = time.Now\n", ""},
		{"a listed clock that is none", "internal/effect/clock.go", "package effect\n", "internal/effect/clock.go: is listed as a clock and is none"},
		{"the command's clock", "cmd/bursar/x.go", "package main\n\nimport \"time\"\n\nvar now = time.Now()\n", ""},
		{"a test's clock", "billing/x_test.go", "package billing\n\nimport \"time\"\n\nvar now = time.Now()\n", ""},
		{"an event twice", "internal/apply/refund.go", "package apply\n\nvar x = \"charge.refunded\"\n", `internal/apply/refund.go: "charge.refunded" stands in internal/apply/rules.go, and nowhere else`},
		{"an event twice, in a switch", "internal/effect/x.go", "package effect\n\nfunc f(s string) {\n\tswitch s {\n\tcase `invoice.paid`:\n\t}\n}\n", `internal/effect/x.go: "invoice.paid" stands in internal/apply/rules.go, and nowhere else`},
		{"an event in a test", "internal/apply/x_test.go", "package apply\n\nvar x = \"charge.refunded\"\n", ""},
		{"an event in the double", "stripetest/x.go", "package stripetest\n\nvar x = \"charge.refunded\"\n", ""},
		{"an event without a rule", "internal/effect/x.go", "package effect\n\nvar x = \"plan.changed\"\n", ""},
		{"a listed namesake", "internal/stripe/namesake.go", "package stripe\n\nvar x = \"invoice.paid\"\n", ""},
		{"a listed namesake that is none", "internal/stripe/namesake.go", "package stripe\n", "internal/stripe/namesake.go: is listed as having an event type and has none"},
		{"a test database's clock", "internal/store/storetest/x.go", "package storetest\n\nimport \"time\"\n\nvar now = time.Now()\n", ""},
		{"no events", rulesFile, "package apply\n", rulesFile + ": has no Type that is an event's"},
		{"a nested module", "tools/x.go", imports("internal/apply"), ""},
		{"testdata", "billing/testdata/x.go", imports("internal/apply"), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			house := fstest.MapFS{
				"go.mod":       {Data: []byte("module example.com/m\n\ngo 1.26\n")},
				"tools/go.mod": {Data: []byte("module example.com/m/tools\n")},
				rulesFile:      {Data: []byte(rules)},
			}
			house[test.file] = &fstest.MapFile{Data: []byte(test.source)}
			clocks, namesakes := map[string]string{}, map[string]string{}
			switch path.Base(test.file) {
			case "clock.go":
				clocks[test.file] = "a worker"
			case "namesake.go":
				namesakes[test.file] = "a field"
			}
			m := readModule(t, house)
			faults := slices.Concat(m.strayFolders(), m.upwardImports(), m.strayStripe(), m.strayClocks(clocks), m.strayEvents(namesakes))
			if have := strings.Join(faults, "\n"); have != test.want {
				t.Errorf("have %q, want %q", have, test.want)
			}
		})
	}
}
