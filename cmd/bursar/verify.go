package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/bursarhq/bursar/webhook"
)

type verifyCommand struct {
	Settings `settings:"STRIPE_WEBHOOK_SECRET BURSAR_WEBHOOK_TOLERANCE"`

	Payload string   `required:"" help:"The file that holds the request's body, byte for byte; - for standard input." placeholder:"FILE"`
	Header  string   `required:"" help:"The value of the request header Stripe-Signature."`
	Secret  []string `help:"The endpoint's signing secret; several are tried. Where none is given: STRIPE_WEBHOOK_SECRET." placeholder:"WHSEC" sep:","`
	Now     string   `help:"Judge the timestamp as of then: RFC 3339 or Unix seconds." placeholder:"TIME"`
	JSON    bool     `name:"json" help:"Print JSON."`
}

func (verifyCommand) Help() string {
	return examples(
		`bursar verify --payload body.json --header "t=1769000000,v1=5257a8…" --secret whsec_…`,
		`bursar verify --payload - --header "$SIGNATURE" --now 2026-01-21T12:53:20Z < body.json`,
	)
}

// verdict is what verify has found.
type verdict struct {
	Good   bool     `json:"good"`
	Code   string   `json:"code"`   // as the webhook endpoint would answer; empty where it is good
	Reason string   `json:"reason"` // empty where it is good
	Hints  []string `json:"hints"`
}

// Run says whether the signature is good; it fails where it is not.
func (c verifyCommand) Run(s *system) error {
	cfg, err := c.load(s)
	if err != nil {
		return err
	}
	secrets := c.Secret
	if len(secrets) == 0 {
		secrets = reveal(cfg.WebhookSecrets)
	}
	if len(secrets) == 0 {
		return misused("--secret: none is given, and STRIPE_WEBHOOK_SECRET is not set")
	}
	o := webhook.Options{Tolerance: cfg.WebhookTolerance, Now: s.now()}
	if c.Now != "" {
		if o.Now, err = parseTime(c.Now); err != nil {
			return misused("--now: %w", err)
		}
	}
	payload, err := c.read(s)
	if err != nil {
		return err
	}
	err = webhook.Verify(payload, c.Header, secrets, o)
	if errors.Is(err, webhook.ErrNoSecret) {
		return misused("--secret: %w", err)
	}
	v := verdict{Good: err == nil, Code: webhook.Code(err), Hints: []string{}}
	if err != nil {
		v.Reason = strings.TrimPrefix(err.Error(), "webhook: ")
		v.Hints = append(v.Hints, hints(err, payload, func(other []byte) error { return webhook.Verify(other, c.Header, secrets, o) })...)
	}
	if c.JSON {
		err = printJSON(s.stdout, v)
	} else {
		err = v.print(s.stdout)
	}
	if err == nil && !v.Good {
		return errFailed
	}
	return err
}

func (c verifyCommand) read(s *system) ([]byte, error) {
	if c.Payload == "-" {
		return io.ReadAll(s.stdin)
	}
	b, err := os.ReadFile(c.Payload)
	if err != nil {
		return nil, fmt.Errorf("--payload: %w", err)
	}
	return b, nil
}

func (v verdict) print(w io.Writer) error {
	if v.Good {
		_, err := fmt.Fprintln(w, "good: the signature is genuine and its timestamp within the tolerance")
		return err
	}
	lines := append([]string{fmt.Sprintf("bad: %s (%s)", v.Reason, v.Code)}, v.Hints...)
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

// changes are what happens to bodies on the way from Stripe to a file.
var changes = []struct {
	hint string
	undo func([]byte) []byte
}{
	{"a line end was added after the body", func(b []byte) []byte { return bytes.TrimRight(b, "\r\n") }},
	{"the line end after the body was taken away", func(b []byte) []byte { return append(bytes.Clone(b), '\n') }},
	{"line ends were changed to CR LF", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")) }},
	{"the JSON was compacted: something parsed the body and wrote it anew", indented},
	{"the JSON was indented: something parsed the body and wrote it anew", compacted},
	{"a byte order mark was put before the body", func(b []byte) []byte { return bytes.TrimPrefix(b, []byte("\uFEFF")) }},
}

func indented(b []byte) []byte {
	var out bytes.Buffer
	if json.Indent(&out, bytes.TrimSpace(b), "", "  ") != nil {
		return b
	}
	return out.Bytes()
}

func compacted(b []byte) []byte {
	var out bytes.Buffer
	if json.Compact(&out, b) != nil {
		return b
	}
	return out.Bytes()
}

// hints say what to look at. A mismatch is tried to be undone: by changing the
// body back as programs on its way may have changed it.
func hints(reason error, payload []byte, verify func([]byte) error) []string {
	switch {
	case errors.Is(reason, webhook.ErrTimestamp):
		return []string{"The signature itself is genuine. Compare this machine's clock; for an old recording say --now."}
	case !errors.Is(reason, webhook.ErrMismatch):
		return nil
	}
	for _, change := range changes {
		if err := verify(change.undo(payload)); err == nil || errors.Is(err, webhook.ErrTimestamp) {
			return []string{"This is not the body that was signed: " + change.hint + ". Keep the bytes as they came."}
		}
	}
	return []string{"Either the secret is another endpoint's (or mode's), or the body is not byte for byte the one that was signed."}
}

// parseTime reads a time as people and Stripe write it.
func parseTime(text string) (time.Time, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.Unix(n, 0).UTC(), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not accepted; write a time such as 2026-01-31T00:00:00Z, or Unix seconds", text)
	}
	return t, nil
}
