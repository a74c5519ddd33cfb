package mail

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

var seller = Seller{
	Name: "Analytical Engines Ltd", Address: []string{"12 Dorset Street", "London W1U 6QS"}, TaxIDs: []string{"VAT GB123456789"},
	Website: "https://engines.example", Email: "billing@engines.example", Footer: "Registered in England, no. 1234567.",
}

func renderer(t *testing.T, o Options) *Renderer {
	t.Helper()
	r, err := NewRenderer(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func render(t *testing.T, r *Renderer, kind, locale string, d Data) Rendered {
	t.Helper()
	m, err := r.Render(Message{Kind: kind, Key: "k", Locale: locale, Date: sampleDay(time.November, 10), Data: d})
	if err != nil {
		t.Fatalf("%s in %q: %v", kind, locale, err)
	}
	if m.OverrideErr != nil {
		t.Fatalf("%s in %q: %v", kind, locale, m.OverrideErr)
	}
	return m
}

// The golden files hold the samples as text, in every language.
func TestTexts(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.Name, func(t *testing.T) {
			var got strings.Builder
			for _, tag := range Locales() {
				m, err := renderer(t, Options{Seller: seller, Locale: tag}).Preview(k.Name, tag)
				if err != nil {
					t.Fatal(err)
				}
				if m.Locale != tag {
					t.Errorf("asked for %s, got %s", tag, m.Locale)
				}
				fmt.Fprintf(&got, "-- %s --\nSubject: %s\n\n%s\n", tag, m.Subject, m.Text)
			}
			file := "testdata/" + k.Name + ".txt"
			if *update {
				if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("%s differs (-want +got); see it with -update:\n%s", file, diff)
			}
		})
	}
}

var (
	factRE = regexp.MustCompile(`\(pair "[^"]*" (.*)\)\}\}`)
	hrefRE = regexp.MustCompile(`href="([^"]*)"`)
	tagRE  = regexp.MustCompile(`<[^>]*>`)
)

// A translation tells the same facts under the same conditions as the English
// text does.
func TestTranslationsTellTheSame(t *testing.T) {
	facts := func(kind, tag string) []string {
		b, err := os.ReadFile("templates/" + kind + "." + tag + ".tmpl")
		if err != nil {
			t.Fatal(err)
		}
		var list []string
		for _, line := range strings.Split(string(b), "\n") {
			if m := factRE.FindStringSubmatch(line); m != nil {
				before, _, _ := strings.Cut(line, `"`)
				list = append(list, before+m[1])
			}
		}
		return list
	}
	for _, k := range kinds {
		english := facts(k.Name, "en")
		if len(english) < 3 {
			t.Errorf("%s has %d facts", k.Name, len(english))
		}
		for _, tag := range Locales() {
			if diff := cmp.Diff(english, facts(k.Name, tag)); diff != "" {
				t.Errorf("%s.%s (-en +%s):\n%s", k.Name, tag, tag, diff)
			}
		}
	}
	entries, err := os.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	if want := len(kinds)*len(languages) + 4; len(entries) != want {
		t.Errorf("%d files in templates, want %d", len(entries), want)
	}
}

// The page says what the text says, and links to where the text does.
func TestPageSaysWhatTheTextSays(t *testing.T) {
	r := renderer(t, Options{Seller: seller})
	for _, k := range kinds {
		m := render(t, r, k.Name, "en", k.Sample)
		page := strings.Join(strings.Fields(tagRE.ReplaceAllString(unescape(m.HTML), " ")), " ")
		var links []string
		for _, l := range hrefRE.FindAllStringSubmatch(m.HTML, -1) {
			links = append(links, unescape(l[1]))
		}
		for line := range strings.SplitSeq(m.Text, "\n") {
			switch line = strings.TrimSpace(line); {
			case line == "" || line == "--":
			case strings.HasPrefix(line, "https://"):
				if !slices.Contains(links, line) {
					t.Errorf("%s: the page lacks the link %s", k.Name, line)
				}
			default:
				label, value, isFact := strings.Cut(line, ": ")
				if isFact {
					line = label + " " + value
				}
				if line = strings.TrimSuffix(line, ":"); !strings.Contains(page, line) {
					t.Errorf("%s: the page lacks %q", k.Name, line)
				}
			}
		}
		if strings.Contains(m.HTML, "ZgotmplZ") {
			t.Errorf("%s: html/template refused a value", k.Name)
		}
	}
}

func unescape(s string) string {
	return strings.NewReplacer("&amp;", "&", "&#39;", "'", "&#34;", `"`, "&lt;", "<", "&gt;", ">", "&#43;", "+").Replace(s)
}

// What is not known leaves no gap: no empty rows, no buttons without an address,
// no half sentences.
func TestNothingKnown(t *testing.T) {
	for _, tag := range Locales() {
		r := renderer(t, Options{Locale: tag})
		for _, k := range kinds {
			m := render(t, r, k.Name, tag, Data{})
			for _, bad := range []string{"  ", " .", " ,", "<no value>", "%!", "0001", "XXX", "\n\n\n"} {
				if text := strings.ReplaceAll(m.Text, "\n  ", "\n"); strings.Contains(text, bad) || strings.Contains(m.Subject, bad) {
					t.Errorf("%s.%s: %q in %q\n%s", k.Name, tag, bad, m.Subject, m.Text)
				}
			}
			if strings.Contains(m.HTML, "href") || strings.Contains(m.HTML, "<tr><td class=\"line dim\"") {
				t.Errorf("%s.%s: a link or a row without anything to tell", k.Name, tag)
			}
		}
	}
}

// everyString sets every string that Data holds, but for links.
func everyString(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(s)
	case reflect.Slice:
		for i := range v.Len() {
			everyString(v.Index(i), s)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				everyString(f, s)
			}
		}
	}
}

func TestHostileText(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	for name, hostile := range map[string]string{
		"markup":   `<script>alert("1")</script><img src=x onerror=alert(1)>&amp;</td></table>`,
		"template": `{{.Seller}}{{template "layout" .}}`,
		"headers":  "Ada\r\nBcc: evil@example.com\r\nContent-Type: text/html\r\n\r\n<b>hi",
		"controls": "A\x00d\x1b[31ma\x07\u0085\u2028\u202elive\u2066\xff\xfe\u200f",
		"long":     long,
		"words":    strings.Repeat("lorem ipsum ", 1000),
	} {
		t.Run(name, func(t *testing.T) {
			evil := seller
			evil.Address, evil.TaxIDs = slices.Clone(seller.Address), slices.Clone(seller.TaxIDs)
			everyString(reflect.ValueOf(&evil).Elem(), hostile)
			evil.Website, evil.Email, evil.Accent = "", "", ""
			r := renderer(t, Options{Seller: evil})
			for _, k := range kinds {
				d := k.Sample
				d.Invoice.Lines = slices.Clone(d.Invoice.Lines)
				everyString(reflect.ValueOf(&d).Elem(), hostile)
				m := render(t, r, k.Name, hostile, d)
				for _, bad := range []string{"<script", "<img", "<b>hi"} {
					if strings.Contains(m.HTML, bad) {
						t.Errorf("%s: %q is markup", k.Name, bad)
					}
				}
				for _, bad := range []string{"\x00", "\x1b", "\u0085", "\u202e", "\u2066", "\u2028", "\xff", "\r", "Ada\nBcc"} {
					if strings.Contains(m.HTML+m.Subject+m.Text, bad) {
						t.Errorf("%s: %q got through", k.Name, bad)
					}
				}
				if strings.ContainsAny(m.Subject, "\r\n") || len([]rune(m.Subject)) > maxSubject {
					t.Errorf("%s: subject %q", k.Name, m.Subject)
				}
				if strings.Contains(m.HTML, hostile) && hostile != clean(hostile) {
					t.Errorf("%s: the page has it as it came", k.Name)
				}
				if len(m.HTML) > 400_000 {
					t.Errorf("%s: the page has %d bytes", k.Name, len(m.HTML))
				}
				if strings.Contains(m.HTML, "href") {
					t.Errorf("%s: hostile links became links", k.Name)
				}
			}
		})
	}
}

// Markup in a name is not swallowed either: it is shown.
func TestHostileTextIsShown(t *testing.T) {
	r := renderer(t, Options{Seller: seller})
	m := render(t, r, "invoice_receipt", "en", sampleReceipt.with(func(d *Data) { d.Name = `<b>Ada</b> & "Co" {{.X}}` }))
	if !strings.Contains(m.Text, `Hello <b>Ada</b> & "Co" {{.X}},`) {
		t.Errorf("text:\n%s", m.Text)
	}
	if !strings.Contains(m.HTML, "Hello &lt;b&gt;Ada&lt;/b&gt; &amp; &#34;Co&#34; {{.X}},") {
		t.Errorf("page:\n%s", m.HTML)
	}
}

func TestLinks(t *testing.T) {
	long := "https://invoice.stripe.com/i/" + strings.Repeat("a", 1500)
	if m := render(t, renderer(t, Options{}), "payment_failed", "en", Data{Links: Links{Pay: long}}); !strings.Contains(m.HTML, long+`"`) || !strings.Contains(m.Text, "\n"+long+"\n") {
		t.Error("a long link is not kept whole")
	}
	for _, s := range []string{
		"javascript:alert(1)", "data:text/html,x", "//evil.example", "/relative", "http:///nohost", "ftp://x.example", "https://x.example/\r\nBcc: y", "https://x.example/a b\x00",
		" https://x.example", "https://x\u202e.example/", "https://" + strings.Repeat("x", 5000), "HTTPS:evil",
	} {
		if got := webLink(s); got != "" {
			t.Errorf("%q is taken for the link %q", cut(s, 60), got)
		}
	}
	for _, s := range []string{"https://x.example/a?b=c&d=%20#e", "http://localhost:8000/", "https://x.example/é"} {
		if webLink(s) == "" {
			t.Errorf("%q is taken for no link", s)
		}
	}
	if got := webLink(`https://x.example/"><script>`); strings.ContainsAny(got, `"<>`) {
		t.Errorf("%q", got)
	}
}

func TestRenderRefuses(t *testing.T) {
	r := renderer(t, Options{})
	_, err := r.Render(Message{Kind: "payment_fialed", Key: "k", Date: sampleDay(1, 1)})
	if !errors.Is(err, ErrUnknownKind) {
		t.Errorf("unknown kind: %v", err)
	}
	if _, err := r.Preview("\r\nx", ""); !errors.Is(err, ErrUnknownKind) || strings.Contains(err.Error(), "\n") {
		t.Errorf("unknown kind: %v", err)
	}
	if _, err := r.Render(Message{Kind: "payment_failed", Date: sampleDay(1, 1)}); err == nil {
		t.Error("a message without a key is rendered")
	}
	if _, err := r.Render(Message{Kind: "payment_failed", Key: "k"}); err == nil {
		t.Error("a message without a date is rendered")
	}
}

func TestOff(t *testing.T) {
	r := renderer(t, Options{Off: []string{"card_expiring"}})
	for kind, want := range map[string]bool{"card_expiring": false, "payment_failed": true, "nonsense": false} {
		if r.Enabled(kind) != want {
			t.Errorf("Enabled(%s) = %v", kind, !want)
		}
	}
	if _, err := r.Preview("card_expiring", ""); err != nil {
		t.Errorf("a preview of what is switched off: %v", err)
	}
	if _, err := NewRenderer(Options{Off: []string{"card_expirng"}}); !errors.Is(err, ErrUnknownKind) || !strings.Contains(err.Error(), "card_expiring") {
		t.Errorf("a switch for what does not exist: %v", err)
	}
}

func TestSeller(t *testing.T) {
	var logo bytes.Buffer
	if err := png.Encode(&logo, image.NewGray(image.Rect(0, 0, 2, 2))); err != nil {
		t.Fatal(err)
	}
	with := seller
	with.Logo = logo.Bytes()
	r := renderer(t, Options{Seller: with})
	m := render(t, r, "payment_failed", "en", samplePaymentFailed)
	if m.Logo.ContentType != "image/png" || m.Logo.Name != "logo.png" || !strings.Contains(m.HTML, `src="cid:logo"`) {
		t.Errorf("logo %s %s", m.Logo.Name, m.Logo.ContentType)
	}
	if p := m.PreviewHTML(); strings.Contains(p, "cid:") || !strings.Contains(p, `src="data:image/png;base64,`) {
		t.Error("the preview does not hold the logo")
	}
	if m := render(t, r, "dispute_opened", "en", sampleDispute); len(m.Logo.Data) > 0 || strings.Contains(m.HTML, "cid:") || strings.Contains(m.Text, seller.Name) {
		t.Error("an operator's mail is dressed as the seller's")
	}

	for what, change := range map[string]func(*Seller){
		"SVG":           func(s *Seller) { s.Logo = []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`) },
		"text as logo":  func(s *Seller) { s.Logo = []byte("hello") },
		"large logo":    func(s *Seller) { s.Logo = append(slices.Clone(logo.Bytes()), make([]byte, 300<<10)...) },
		"accent":        func(s *Seller) { s.Accent = "red;}" },
		"website":       func(s *Seller) { s.Website = "javascript:alert(1)" },
		"email":         func(s *Seller) { s.Email = "x\r\ny@z.example" },
		"email of none": func(s *Seller) { s.Email = "nobody" },
	} {
		bad := seller
		change(&bad)
		if _, err := NewRenderer(Options{Seller: bad}); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
	for accent, want := range map[string]string{"#ffe600": "#000000", "#0a2540": "#ffffff", "#3451b2": "#ffffff", "#FFFFFF": "#000000"} {
		s := seller
		s.Accent = accent
		m := render(t, renderer(t, Options{Seller: s}), "payment_failed", "en", samplePaymentFailed)
		if !strings.Contains(m.HTML, "background:"+accent) || !strings.Contains(m.HTML, "color:"+want+";text-decoration:none") {
			t.Errorf("%s wants %s on it", accent, want)
		}
	}
}

func TestKinds(t *testing.T) {
	var names []string
	for _, k := range Kinds() {
		if k.About == "" || k.Audience != Customer && k.Audience != Operator {
			t.Errorf("%s: %+v", k.Name, k)
		}
		names = append(names, k.Name)
	}
	want := strings.Fields(`payment_failed payment_action_required payment_recovered subscription_downgraded subscription_ended trial_ending
		card_expiring invoice_receipt refund_issued dispute_opened price_unmapped event_dead endpoint_silent outbound_disabled tenant_conflict`)
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("kinds (-want +got):\n%s", diff)
	}
	Kinds()[0].Name = "x"
	if kinds[0].Name == "x" {
		t.Error("Kinds hands out the table itself")
	}
}

// docs/mails.md lists the kinds as the table has them.
func TestKindsAreDocumented(t *testing.T) {
	b, err := os.ReadFile("../../docs/mails.md")
	if err != nil {
		t.Fatal(err)
	}
	r := renderer(t, Options{})
	for _, k := range kinds {
		m := render(t, r, k.Name, "en", k.Sample)
		row := fmt.Sprintf("| `%s` | %s | %s | %s |\n", k.Name, k.Audience, k.About, m.Subject)
		if !strings.Contains(string(b), row) {
			t.Errorf("docs/mails.md lacks the row\n%s", row)
		}
	}
	for _, l := range reflect.VisibleFields(reflect.TypeFor[Data]()) {
		if !strings.Contains(string(b), "`."+l.Name) {
			t.Errorf("docs/mails.md does not tell of .%s", l.Name)
		}
	}
}
