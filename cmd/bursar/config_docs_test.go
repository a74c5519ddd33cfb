package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

//go:generate go test . -run ^TestConfigDocs$ -update

var update = flag.Bool("update", false, "write the generated documents anew")

// configDocs is the document around the table of settings.
const configDocs = `<!-- Generated from cmd/bursar/config.go; make generate writes it anew. -->

# Configuration

Every setting can be given in three places. Flags beat the environment, the environment beats the
file, and the file beats the defaults.

| place | ` + "`BURSAR_RATE_LIMIT` there" + ` | ` + "`STRIPE_SECRET_KEY` there" + ` |
|---|---|---|
| flag | ` + "`--rate-limit 50/s`" + ` | ` + "`--stripe-secret-key …`" + ` |
| environment | ` + "`BURSAR_RATE_LIMIT=50/s`" + ` | ` + "`STRIPE_SECRET_KEY=…`" + ` |
| file, named by ` + "`--config bursar.yaml`" + ` | ` + "`rate_limit: 50/s`" + ` | ` + "`stripe_secret_key: …`" + ` |

- A value that is not accepted, a flag or a key in the file that does not exist, and a key that
  stands there twice stop the start with one line that says so. A variable that looks like a
  setting and is none is warned of.
- An empty variable counts as not set. An empty flag, or an empty string in the file, means "none".
- In the file, what is separated by commas may also be a list.
- Paths are relative to the working directory.
- A secret (🔒) can be read from a file: set the same name with ` + "`_FILE`" + ` (in the configuration file
  ` + "`_file`" + `, as a flag ` + "`-file`" + `) to its path. Secrets are never logged or shown; a flag, though, is seen
  by everybody who may list the machine's processes.

## Settings

%s
## Further endpoints

Each endpoint at Stripe signs with a secret of its own. More than the one at ` + "`/webhooks/stripe`" + ` are
named in the file, and receive at ` + "`/webhooks/stripe/{name}`" + `:

` + "```yaml" + `
endpoints:
  - name: connect                # letters, digits, points, hyphens, underscores
    secret: whsec_…              # required; a list while it is being rolled; or secret_file
    key: sk_live_…               # for its account's API; or key_file
    account: acct_…              # whose events these are; left out: the own account's
` + "```" + `

## Further endpoints for outgoing webhooks

Bursar's own webhooks ([docs/webhooks.md](webhooks.md)) go to ` + "`BURSAR_OUTBOUND_URL`" + `, whose endpoint is called
` + "`default`" + `, and to those that the file names:

` + "```yaml" + `
outbound_endpoints:
  - name: books                  # letters, digits, points, hyphens, underscores
    url: https://books.example.com/bursar
    secret: whsec_…              # required; a list while it is being rolled; or secret_file
    events: [invoice.*]          # left out: all of them
` + "```" + `
`

// TestConfigDocs wants docs/config.md to say what the table says.
func TestConfigDocs(t *testing.T) {
	var table strings.Builder
	table.WriteString("| variable | default | takes | what it does |\n|---|---|---|---|\n")
	escape := strings.NewReplacer("|", `\|`, "<", `\<`)
	for _, s := range settings(new(Config)) {
		initial := "none"
		switch {
		case s.otherwise != "":
			initial = s.otherwise
		case s.initial != "":
			initial = "`" + s.initial + "`"
		}
		lock := ""
		if s.value.secret {
			lock = " 🔒"
		}
		fmt.Fprintf(&table, "| `%s`%s | %s | %s | %s |\n", s.name, lock, initial, escape.Replace(s.value.accepts), s.doc)
	}
	want := fmt.Sprintf(configDocs, &table)
	const path = "../../docs/config.md"
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(path); err != nil || string(have) != want {
		t.Errorf("%s is not what the settings say (%v); run make generate", path, err)
	}
}
