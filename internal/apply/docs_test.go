package apply_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/bursarhq/bursar/internal/apply"
)

//go:generate go test -run TestEventsDoc -write-docs .

const eventsDoc = "../../docs/events.md"

// TestEventsDoc holds docs/events.md to the table of rules; make generate writes it.
func TestEventsDoc(t *testing.T) {
	var b strings.Builder
	b.WriteString(`# Events

What each of Stripe's events does, generated from ` + "`internal/apply/rules.go`" + `. Enable these on your endpoint; whatever
else arrives is stored and ignored. All of it happens in the transaction that stores the event. A notice is
sent once, however often and in whatever order the events come.

| event | object | what it does |
|---|---|---|
`)
	for _, r := range apply.Rules {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", r.Type, r.Object, r.Does)
	}
	if *writeDocs {
		if err := os.WriteFile(eventsDoc, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(eventsDoc)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != b.String() {
		t.Error("docs/events.md is not what the rules say; run make generate")
	}
}
