package stripetest_test

import (
	"os"
	"strings"
	"testing"

	"github.com/bursarhq/bursar/stripetest"
)

// What docs/testing.md shows; app is in example_test.go.

func TestRenewalsThatFail(t *testing.T) {
	acct := stripetest.New(t, stripetest.Seed(7))
	app := &app{status: map[string]string{}}
	app.secret = acct.Deliver(app).Secret()
	got, err := acct.Play("renewal-fails-ends", stripetest.Play{Tenant: "acme"})
	acct.Settle()
	if status := app.status[got.Subscription]; err != nil || status != "canceled" {
		t.Errorf("%s, %v", status, err)
	}
}

// TestDocsCompile: the Go in docs/testing.md is the Go of this file.
func TestDocsCompile(t *testing.T) {
	page, err := os.ReadFile("../docs/testing.md")
	if err != nil {
		t.Fatal(err)
	}
	source := ""
	for _, name := range []string{"example_app_test.go", "example_test.go"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		source += string(b)
	}
	blocks := strings.Split(string(page), "```go\n")[1:]
	if len(blocks) == 0 {
		t.Error("no Go there")
	}
	for _, b := range blocks {
		b, _, _ = strings.Cut(b, "```")
		if !strings.Contains(source, b) {
			t.Errorf("this is in no test:\n%s", b)
		}
	}
}
