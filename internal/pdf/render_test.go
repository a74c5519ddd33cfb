package pdf_test

import (
	"bytes"
	"errors"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/pdfcpu/pdfcpu/pkg/api"

	"github.com/bursarhq/bursar/internal/pdf"
)

// validate has an independent implementation check the file's structure.
func validate(t *testing.T, file []byte) {
	t.Helper()
	api.DisableConfigDir()
	if err := api.Validate(bytes.NewReader(file), nil); err != nil {
		t.Errorf("pdfcpu: %v", err)
	}
}

func TestFilesAreValidAndSmall(t *testing.T) {
	r := newRenderer(t, pdf.Options{Logo: pdf.Logo{Name: "logo.png", Data: sampleLogo(t)}})
	for name, d := range goldenDocuments() {
		t.Run(name, func(t *testing.T) {
			file := render(t, r, d)
			validate(t, file)
			if len(file) > 100_000 {
				t.Errorf("%d bytes, more than 100 KB", len(file))
			}
		})
	}
}

// An issued document's bytes follow from its content alone: not from the clock,
// the renderer, or what it made before.
func TestSameBytes(t *testing.T) {
	documents := goldenDocuments()
	want := map[string][]byte{}
	for name, d := range documents {
		want[name] = render(t, newRenderer(t, pdf.Options{}), d)
	}
	shared := newRenderer(t, pdf.Options{})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for name, d := range documents {
				var got bytes.Buffer
				if err := shared.Render(&got, d); err != nil {
					t.Error(err)
				}
				if !bytes.Equal(got.Bytes(), want[name]) {
					t.Errorf("%s: other bytes from a shared renderer", name)
				}
			}
		})
	}
	group.Wait()
}

func TestPaperSizes(t *testing.T) {
	r := newRenderer(t, pdf.Options{})
	for size, box := range map[string]string{"": "[0 0 595.276 841.89]", "a4": "[0 0 595.276 841.89]", "letter": "[0 0 612 792]"} {
		d := sampleInvoice()
		d.PageSize = size
		if file := render(t, r, d); !bytes.Contains(file, []byte("/MediaBox"+box)) {
			t.Errorf("page size %q: no %s", size, box)
		}
	}
}

func TestAmountsInStripesUnits(t *testing.T) {
	r := newRenderer(t, pdf.Options{})
	for _, c := range []struct{ currency, locale, want string }{
		{"jpy", "ja", "￥500"},
		{"kwd", "en", "KWD 0.500"},
		{"isk", "en", "ISK 5"},
		{"ugx", "en", "UGX 5"},
		{"usd", "de-DE", "5,00 $"},
		{"usd", "xx-unknown", "$5.00"},
	} {
		d := sampleInvoice()
		d.Currency, d.Locale = c.currency, c.locale
		d.Lines, d.Taxes, d.Discounts = nil, nil, nil
		d.Totals = pdf.Totals{Subtotal: 500, Total: 500, AmountDue: 500}
		text := strings.ReplaceAll(extract(t, render(t, r, d))[0], "\u00a0", " ")
		if !strings.Contains(text, " | "+c.want+"\n") {
			t.Errorf("500 %s in %s: no %q in\n%s", c.currency, c.locale, c.want, text)
		}
	}
}

func TestRefusedDocuments(t *testing.T) {
	r := newRenderer(t, pdf.Options{})
	for name, spoil := range map[string]func(*pdf.Document){
		"kind":          func(d *pdf.Document) { d.Kind = "quote" },
		"no number":     func(d *pdf.Document) { d.Number = "" },
		"no currency":   func(d *pdf.Document) { d.Currency = "" },
		"date of issue": func(d *pdf.Document) { d.IssuedAt = day(1, 1, 1) },
		"page size":     func(d *pdf.Document) { d.PageSize = "a5" },
	} {
		d := sampleInvoice()
		spoil(&d)
		var out bytes.Buffer
		if err := r.Render(&out, d); !errors.Is(err, pdf.ErrDocument) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		if out.Len() > 0 {
			t.Errorf("%s: %d bytes were written", name, out.Len())
		}
	}
}

func TestWriteErrorNamesTheDocument(t *testing.T) {
	broken := errors.New("disk full")
	err := newRenderer(t, pdf.Options{}).Render(failing{broken}, sampleInvoice())
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "HEL-2026-0042") {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// scripts is a name in each script that users of Stripe have.
var scripts = map[string]string{
	"latin":       "Škoda Ångström Łódź Đặng İstanbul Œuvre ﬁn",
	"greek":       "Ελληνική Εταιρεία",
	"cyrillic":    "Українська компанія Ѓорѓе",
	"armenian":    "Հայկական ընկերություն",
	"georgian":    "ქართული კომპანია",
	"hebrew":      "חברה ישראלית",
	"arabic":      "الشركة العربية للبرمجيات",
	"persian":     "شرکت نرم‌افزار ایرانی گچپژ",
	"urdu":        "پاکستانی کمپنی",
	"devanagari":  "भारतीय क्षत्रिय कंपनी",
	"bengali":     "বাংলা কোম্পানি",
	"tamil":       "தமிழ் நிறுவனம்",
	"telugu":      "తెలుగు సంస్థ",
	"kannada":     "ಕನ್ನಡ ಕಂಪನಿ",
	"malayalam":   "മലയാളം കമ്പനി",
	"gujarati":    "ગુજરાતી કંપની",
	"gurmukhi":    "ਪੰਜਾਬੀ ਕੰਪਨੀ",
	"thai":        "บริษัทไทย จำกัด",
	"japanese":    "株式会社鷹栖ソフトウェア〜①㈱",
	"korean":      "주식회사 한국 뷁",
	"simplified":  "深圳市软件有限公司（中国）",
	"traditional": "臺灣軟體股份有限公司",
	"symbols":     "€ £ ¥ ₹ ₩ ₽ ₴ ₺ ₫ ₿ № § ™ ® “quoted” — … •",
}

func TestScripts(t *testing.T) {
	r := newRenderer(t, pdf.Options{})
	for script, name := range scripts {
		t.Run(script, func(t *testing.T) {
			d := sampleInvoice()
			d.Buyer.Name = name
			file := render(t, r, d)
			validate(t, file)
			// Joiners shape their neighbors and need not be found again.
			if text := extract(t, file)[0]; !strings.Contains(withoutJoiners(text), withoutJoiners(name)+"\n") {
				t.Errorf("the text does not have %q:\n%s", name, text)
			}
			if missing(t, file) {
				t.Errorf("a character of %q is in no font", name)
			}
		})
	}
}

// missing says whether a page shows the sign for a missing character.
func missing(t *testing.T, file []byte) bool {
	t.Helper()
	o := parseObjects(file)
	for number, body := range o {
		if !bytes.Contains(body, []byte("/Type/Page/")) {
			continue
		}
		content := o.stream(t, o.follow(t, o[number], "Contents"))
		for _, shown := range operation.FindAllSubmatch(content, -1) {
			for _, hex := range hexString.FindAllSubmatch(shown[7], -1) {
				for code := string(hex[1]); len(code) >= 4; code = code[4:] {
					if code[:4] == "0000" {
						return true
					}
				}
			}
		}
	}
	return false
}

func withoutJoiners(s string) string { return strings.ReplaceAll(s, "\u200c", "") }

func TestMissingCharacterShows(t *testing.T) {
	d := sampleInvoice()
	d.Buyer.Name = "Egypt 𓀀"
	if !missing(t, render(t, newRenderer(t, pdf.Options{}), d)) {
		t.Error("a hieroglyph left no trace")
	}
}

// TestOtherReaders has poppler, which most desktops read PDFs with, find the
// text: in the order of reading, whatever the direction.
func TestOtherReaders(t *testing.T) {
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Skip("poppler-utils is not installed")
	}
	r := newRenderer(t, pdf.Options{})
	for script, name := range scripts {
		d := sampleInvoice()
		d.Buyer.Name = name
		command := exec.Command("pdftotext", "-", "-")
		command.Stdin = bytes.NewReader(render(t, r, d))
		out, err := command.Output()
		if err != nil {
			t.Fatal(err)
		}
		clean := strings.NewReplacer("\u202a", "", "\u202b", "", "\u202c", "", "\u200c", "", "ﬁ", "fi")
		text := clean.Replace(string(out))
		if want := clean.Replace(name); !strings.Contains(text, want) {
			t.Errorf("%s: pdftotext does not find %q in\n%s", script, want, text)
		}
	}
}
