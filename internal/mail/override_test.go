package mail

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// folder writes templates into a folder of their own.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOverrides(t *testing.T) {
	dir := folder(t, map[string]string{
		"payment_failed.de.subject":  "Ach, {{.Name}}\n",
		"payment_failed.txt":         "For everybody: {{.Money .Amount}} on {{.Date .NextAttempt}}",
		"payment_failed.fr.html":     `{{template "p"}}Zut, {{.Name}}{{template "/p"}}{{template "button" (pair "Payer" .Links.Pay)}}`,
		"payment_failed.de-AT.html":  `<!doctype html><p>Servus {{.Name}}`,
		"trial_ending.it.subject":    "Prova",
		"trial_ending.it.txt":        "Finisce il {{.Date .TrialEnd}}",
		"trial_ending.it.html":       "<p>Finisce il {{.Date .TrialEnd}}</p>",
		"card_expiring.en-GB.txt":    "Your card, {{with .Card .Method}}{{$.Seller.Name}} {{.}}{{end}}",
		"dispute_opened.subject":     "DISPUTE {{.Dispute.ID}}",
		"README.md":                  "not a template {{",
		"refund_issued.html.disused": "{{",
	})
	r := renderer(t, Options{Seller: seller, Dir: dir, Locale: "en"})
	day := time.Date(2026, 11, 6, 0, 0, 0, 0, time.UTC)
	d := samplePaymentFailed.with(func(d *Data) { d.Name, d.NextAttempt = "<Ada>", day })

	for _, tt := range []struct {
		kind, locale, part string
		want               string // a regular expression
	}{
		{"payment_failed", "de", "subject", `^Ach, <Ada>$`},
		{"payment_failed", "de-CH", "subject", `^Ach, <Ada>$`},
		{"payment_failed", "fr", "subject", `^Votre paiement`},
		{"payment_failed", "en", "subject", `^Your payment`},
		{"payment_failed", "de", "txt", `^For everybody: \$98\.53 on November 6, 2026\n\n--\nAnalytical`}, // in the seller's locale
		{"payment_failed", "fr", "txt", `^For everybody`},
		{"payment_failed", "fr", "html", `(?s)<!doctype html>.*Zut, &lt;Ada&gt;</p>.*href="https://invoice\.stripe\.com.*Payer.*Registered in England`},
		{"payment_failed", "fr-CA", "html", `Zut, &lt;Ada&gt;`},
		{"payment_failed", "de-AT", "html", `^<!doctype html><p>Servus &lt;Ada&gt;$`},
		{"payment_failed", "de", "html", `Ihre Zahlung ist fehlgeschlagen`},
		{"trial_ending", "it", "txt", `^Finisce il 14 novembre 2026`},
		{"trial_ending", "it-CH", "html", `<html lang="it-CH">`},
		{"trial_ending", "de", "txt", `^Ihr Testzeitraum`},
		{"card_expiring", "en-GB", "txt", `^Your card, Analytical Engines Ltd Visa ending in 4242`},
		{"card_expiring", "en", "txt", `^Your card expires soon`},
		{"dispute_opened", "de", "subject", `^DISPUTE du_1Sample$`},
	} {
		data := d
		if tt.kind != "payment_failed" {
			k, _ := KindOf(tt.kind)
			data = k.Sample
		}
		m := render(t, r, tt.kind, tt.locale, data)
		got := map[string]string{"subject": m.Subject, "txt": m.Text, "html": m.HTML}[tt.part]
		if !regexp.MustCompile(tt.want).MatchString(got) {
			t.Errorf("%s.%s.%s: no %s in\n%s", tt.kind, tt.locale, tt.part, tt.want, got)
		}
	}
}

func TestLayoutOverride(t *testing.T) {
	dir := folder(t, map[string]string{
		"layout.txt":  "TOP {{.Kind}}\n{{template \"body\" .}}",
		"layout.html": `<main>{{template "body" .}}</main>`,
	})
	m := render(t, renderer(t, Options{Dir: dir, Seller: seller}), "payment_failed", "en", samplePaymentFailed)
	if !strings.HasPrefix(m.Text, "TOP payment_failed\n") || strings.Contains(m.Text, seller.Name) || !strings.Contains(m.Text, "Hello Ada Lovelace,") {
		t.Errorf("text:\n%s", m.Text)
	}
	if !strings.HasPrefix(m.HTML, "<main>") || !strings.Contains(m.HTML, "Hello Ada Lovelace,") {
		t.Errorf("page:\n%s", m.HTML)
	}
}

// What is broken is found when the folder is loaded, and the error says where.
func TestBrokenOverrides(t *testing.T) {
	for _, tt := range []struct{ file, text, want string }{
		{"payment_failed.de.html", "a\nb\n{{if}}", `payment_failed\.de\.html:3: missing value for if`},
		{"payment_failed.html", "a\n{{.Nmae}}", `payment_failed\.html:2:2: .*Nmae`},
		{"payment_failed.subject", "{{.Invoice.Nr}}", `payment_failed\.subject:1:\d+: .*Nr`},
		{"payment_failed.txt", "\n\n\n{{index .Invoice.Lines 1}}", `payment_failed\.txt:4:\d+: .*index out of range`},
		{"payment_failed.txt", "{{money .Amount}}", `payment_failed\.txt:1: function "money" not defined`},
		{"payment_failed.txt", "x\n{{template \"nowhere\"}}", `payment_failed\.txt:2:\d+: .*nowhere`},
		{"payment_failed.txt", "{{.Date .Amount}}", `payment_failed\.txt:1:\d+: .*expected time\.Time`},
		{"refund_issued.txt", "x{{if not .FullRefund}}ok{{else}}\n{{.Oops}}{{end}}", `refund_issued\.txt:2:\d+: .*Oops`},
		{"refund_issued.txt", "x{{if .RefundedAt.IsZero}}\n{{.Oops}}{{end}}", `refund_issued\.txt:2:\d+: .*Oops`},
		{"payment_failed.html", "\n<a href='{{if .Name}}\"{{end}}", `payment_failed\.html: .*ends in a non-text context`},
		{"payment_failed.html", " \n ", `payment_failed\.html: renders nothing`},
		{"payment_failed.subject", "", `payment_failed\.subject: renders nothing`},
		{"payment_fialed.html", "x", `payment_fialed\.html: unknown kind of notice; the kinds are payment_failed, `},
		{"payment_failed.german.html", "x", `payment_failed\.german\.html: "german" is no locale`},
		{"payment_failed.de_AT.html", "x", `payment_failed\.de_AT\.html: "de_AT" is no locale`},
		{"payment_failed.it.html", "x", `payment_failed\.it\.html: there are no built-in texts in "it", so payment_failed\.it\.subject`},
		{"layout.html", "\n{{template \"body\" .}}{{.Nope}}", `layout\.html:2:\d+: .*Nope`},
		{"layout.txt", "{{end}}", `layout\.txt:1: unexpected \{\{end\}\}`},
		{"layout.txt", "", `the layouts in .*renders nothing`},
		{"layout.html", "<a href='", `the layouts in .*ends in a non-text context`},
	} {
		dir := folder(t, map[string]string{tt.file: tt.text})
		_, err := NewRenderer(Options{Dir: dir})
		if err == nil {
			t.Errorf("%s %q is taken", tt.file, tt.text)
			continue
		}
		if !regexp.MustCompile(tt.want).MatchString(err.Error()) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s %q: %v\nwant %s", tt.file, tt.text, err, tt.want)
		}
	}
	if _, err := NewRenderer(Options{Dir: filepath.Join(t.TempDir(), "missing")}); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("a folder that is not there: %v", err)
	}
}

// A template that passed its check and fails all the same does not cost the
// customer the notice.
func TestOverrideThatFailsLater(t *testing.T) {
	dir := folder(t, map[string]string{
		"invoice_receipt.html":    `{{if eq .Invoice.Number "ODD-1"}}{{index .Invoice.Lines 7}}{{end}}mine`,
		"invoice_receipt.subject": `{{if ne .Invoice.Number "ODD-1"}}mine{{end}}`,
	})
	r := renderer(t, Options{Dir: dir})
	m, err := r.Render(Message{
		Kind: "invoice_receipt", Key: "k", Locale: "de", Date: sampleDay(time.May, 1),
		Data: sampleReceipt.with(func(d *Data) { d.Invoice.Number = "ODD-1" }),
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(m.HTML, "Danke für Ihre Zahlung") || !strings.Contains(m.Subject, "Zahlungsbeleg") {
		t.Errorf("not the built-in text: %q\n%s", m.Subject, m.HTML)
	}
	if m.OverrideErr == nil || !strings.Contains(m.OverrideErr.Error(), "invoice_receipt.html:1") || !strings.Contains(m.OverrideErr.Error(), "invoice_receipt.subject: renders nothing") {
		t.Errorf("OverrideErr: %v", m.OverrideErr)
	}
	if m := render(t, r, "invoice_receipt", "de", sampleReceipt); !strings.Contains(m.HTML, "mine") || m.Subject != "mine" {
		t.Error("the operator's templates are not used where they work")
	}
}

func TestFallbackChain(t *testing.T) {
	r := renderer(t, Options{Locale: "fr", Dir: folder(t, map[string]string{"refund_issued.fr.subject": "fr", "refund_issued.de-AT.subject": "de-AT"})})
	for locale, want := range map[string]string{"de-AT": "de-AT", "de": "Ihre Erstattung", "it": "fr", "": "fr", "en": "Your refund", "fr-BE": "fr"} {
		if m := render(t, r, "refund_issued", locale, sampleRefund); !strings.HasPrefix(m.Subject, want) {
			t.Errorf("%q: %q, want %q", locale, m.Subject, want)
		}
	}
}
