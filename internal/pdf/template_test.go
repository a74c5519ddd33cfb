package pdf_test

import (
	"bytes"
	"errors"
	"image"
	"image/png"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/bursarhq/bursar/internal/pdf"
)

func template(t *testing.T, text string) *pdf.Template {
	t.Helper()
	tpl, err := pdf.ParseTemplate([]byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return tpl
}

func page(t *testing.T, tpl *pdf.Template, d pdf.Document) (text string, file []byte) {
	t.Helper()
	file = render(t, newRenderer(t, pdf.Options{Template: tpl}), d)
	validate(t, file)
	return extract(t, file)[0], file
}

// An empty template is the default one, and one that names a single thing
// changes that alone.
func TestTemplateChangesOnlyWhatItSays(t *testing.T) {
	want := render(t, newRenderer(t, pdf.Options{}), sampleInvoice())
	for name, text := range map[string]string{
		"nothing": "", "itself": string(pdf.DefaultTemplate), "one of many": "page: {size: a4}\nsizes: {small: 7.5}\n",
	} {
		if _, file := page(t, template(t, text), sampleInvoice()); !bytes.Equal(file, want) {
			t.Errorf("%s: the document differs from the default one", name)
		}
	}
}

func TestTemplateLooks(t *testing.T) {
	defaultText, _ := page(t, nil, sampleInvoice())

	_, file := page(t, template(t, "page: {size: letter}"), sampleInvoice())
	if !bytes.Contains(file, []byte("/MediaBox[0 0 612 792]")) {
		t.Error("page.size: letter is not letter")
	}
	d := sampleInvoice()
	d.PageSize = "a4"
	if _, file = page(t, template(t, "page: {size: letter}"), d); !bytes.Contains(file, []byte("/MediaBox[0 0 595")) {
		t.Error("a document that asks for A4 got something else")
	}

	text, _ := page(t, template(t, "blocks: [parties, lines]"), sampleInvoice())
	for _, gone := range []string{"Invoice number", "Subtotal", "Amount due", "Pay online", "Thank you"} {
		if strings.Contains(text, gone) || !strings.Contains(defaultText, gone) {
			t.Errorf("blocks: %q should stand in the default document alone", gone)
		}
	}
	if !strings.Contains(text, "Pro plan, monthly | 3") || !strings.Contains(text, "Bill to") {
		t.Errorf("blocks: lines or parties are missing in\n%s", text)
	}

	text, _ = page(t, template(t, "columns: [{show: amount, width: 30}, {show: description}]"), sampleInvoice())
	if !strings.Contains(text, "€87.00 | Pro plan, monthly\n") || strings.Contains(text, "Quantity") {
		t.Errorf("columns: amount and description are expected, in this order:\n%s", text)
	}

	content := func(tpl *pdf.Template) string {
		_, file := page(t, tpl, sampleInvoice())
		o := parseObjects(file)
		for _, body := range o {
			if bytes.Contains(body, []byte("/Type/Page/")) {
				return string(o.stream(t, o.follow(t, body, "Contents")))
			}
		}
		t.Fatal("no page")
		return ""
	}
	red := "1 0 0 rg"
	if !strings.Contains(content(template(t, `colors: {accent: "#FF0000"}`)), red) || strings.Contains(content(nil), red) {
		t.Error("colors.accent does not color the band")
	}
	if !strings.Contains(content(template(t, "sizes: {title: 31}")), " 31 Tf") {
		t.Error("sizes.title does not set the title")
	}
}

func TestTemplateTexts(t *testing.T) {
	tpl := template(t, `
labels:
  en: {title.invoice: Tax invoice}
  de-CH: {vat_id: MWST-Nr.}
  ko: {title.invoice: 청구서, amount_due: 납부할 금액}
`)
	for _, c := range []struct{ locale, want, also string }{
		{"en-AU", "Tax invoice\n", "Amount due"},
		{"de-CH", "MWST-Nr. DE123456789", "Rechnungsnummer"},
		{"de_CH", "MWST-Nr. DE123456789", "Rechnungsnummer"},
		{"de-DE", "USt-IdNr. DE123456789", "Rechnungsnummer"},
		{"ko-KR", "청구서\n", "Subtotal"}, // what a new language lacks is English
		{"ko-KR", "납부할 금액", "2026년 12월 9일"},
	} {
		d := sampleInvoice()
		d.Locale = c.locale
		text, _ := page(t, tpl, d)
		if !strings.Contains(text, c.want) || !strings.Contains(text, c.also) {
			t.Errorf("%s: no %q or no %q in\n%s", c.locale, c.want, c.also, text)
		}
	}
}

func TestTemplateErrorsSayWhere(t *testing.T) {
	for text, want := range map[string]string{
		"colour: red":                `unknown field "colour"`,
		"page: {size: a5}":           `page.size "a5"`,
		"page: {margin: {left: 90}}": "page.margin 90",
		`colors: {text: "blue"}`:     `color "blue"`,
		`colors: {text: "#12345"}`:   `color "#12345"`,
		"sizes: {text: 90}":          "sizes 90",
		"logo: {align: middle}":      "logo.align",
		"logo: {width: 0}":           "logo 0 by 17",
		"bar: -1":                    "bar -1",
		"blocks: [header, footer]":   `"footer" is none; there are header`,
		"columns: [{show: weight}]":  `"weight" cannot be shown`,
		"columns: [{show: amount}]":  "description must be among them",
		"columns: [{show: description}, {show: amount, width: 150}]": "mm for the description",
		"labels: {en: {titel: Rechnung}}":                            `labels.en: "titel" is no label`,
		"fonts: {regular: x.ttf}":                                    "x.ttf",
		"fonts: {bold: x.ttf}":                                       "x.ttf",
		"page: [":                                                    "[1:",
	} {
		_, err := pdf.ParseTemplate([]byte(text), nil)
		if !errors.Is(err, pdf.ErrTemplate) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v; %q was expected in it", text, err, want)
		}
	}
}

func TestOwnFonts(t *testing.T) {
	const brand = "/usr/share/fonts/truetype/noto/NotoSerif-Bold.ttf"
	data, err := os.ReadFile(brand)
	if err != nil {
		t.Skip("fonts-noto-core is not installed")
	}
	files := fstest.MapFS{"brand/Our Font.ttf": {Data: data}, "broken.ttf": {Data: data[:3000]}, "text.ttf": {Data: []byte("no font at all")}}
	tpl, err := pdf.ParseTemplate([]byte(`fonts: {regular: brand/Our Font.ttf}`), files)
	if err != nil {
		t.Fatal(err)
	}
	d := sampleInvoice()
	d.Buyer.Name = "Brand 中文"
	text, file := page(t, tpl, d)
	if !bytes.Contains(file, []byte("+OurFont")) || bytes.Contains(file, []byte("+NotoSans-Regular")) {
		t.Error("the document is not set in its own font")
	}
	if !strings.Contains(text, "Brand 中文") || !bytes.Contains(file, []byte("+NotoSansCJK")) {
		t.Error("what the own font lacks does not come from the embedded ones")
	}
	for _, name := range []string{"broken.ttf", "text.ttf", "missing.ttf"} {
		if _, err := pdf.ParseTemplate([]byte("fonts: {regular: "+name+"}"), files); !errors.Is(err, pdf.ErrTemplate) || !strings.Contains(err.Error(), strings.TrimSuffix(name, ".ttf")) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestLogo(t *testing.T) {
	good := sampleLogo(t)
	r := newRenderer(t, pdf.Options{Logo: pdf.Logo{Name: "logo.png", Data: good}})
	file := render(t, r, sampleInvoice())
	if !bytes.Contains(file, []byte("/Subtype/Image/Width 480/Height 150")) || !bytes.Contains(file, []byte("/SMask")) {
		t.Error("the logo or its transparency is not in the document")
	}
	if text := extract(t, file)[0]; strings.HasPrefix(text, "Helmsman") {
		t.Error("the seller's name stands in the logo's place")
	}

	var large bytes.Buffer
	if err := png.Encode(&large, image.NewGray(image.Rect(0, 0, 5000, 10))); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"text.png":   {[]byte("<svg/>"), "neither PNG nor JPEG"},
		"cut.png":    {good[:len(good)/2], "png"},
		"large.png":  {large.Bytes(), "5000 by 10 pixels"},
		"heavy.jpeg": {make([]byte, 2<<20), "2097152 bytes"},
	} {
		_, err := pdf.New(pdf.Options{Logo: pdf.Logo{Name: name, Data: c.data}})
		if !errors.Is(err, pdf.ErrLogo) || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v; %q was expected in it", name, err, c.want)
		}
	}
}

// Every label that the code asks for is one of English's, every other language
// has the same ones with the same placeholders, and none is left over.
func TestLabels(t *testing.T) {
	english := labels(t, "en")
	placeholder := regexp.MustCompile(`\{[a-z]+\}`)
	for _, language := range pdf.Languages {
		texts := labels(t, language)
		for key, text := range english {
			other, ok := texts[key]
			if !ok {
				t.Errorf("%s: no %s", language, key)
			}
			for _, p := range placeholder.FindAllString(text, -1) {
				if !strings.Contains(other, p) {
					t.Errorf("%s: %s has no %s", language, key, p)
				}
			}
		}
		for key := range texts {
			if _, ok := english[key]; !ok {
				t.Errorf("%s: %s is in no other language", language, key)
			}
		}
	}

	// In the code a label is a literal, or the family of labels ("title.") that a
	// kind, a word of Stripe's or a column's name completes.
	var source []byte
	for _, file := range []string{"header.go", "labels.go", "lines.go", "party.go", "sheet.go", "totals.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		source = append(source, text...)
	}
	for _, m := range regexp.MustCompile(`\.text\("([a-z_.]+)"[,)]`).FindAllSubmatch(source, -1) {
		if _, ok := english[string(m[1])]; !ok {
			t.Errorf("the code asks for %q, which is no label", m[1])
		}
	}
	for key := range english {
		family, _, _ := strings.Cut(key, ".")
		if !bytes.Contains(source, []byte(`"`+key+`"`)) && !bytes.Contains(source, []byte(`"`+family+`."+`)) {
			t.Errorf("label %s is asked for nowhere", key)
		}
	}
}

func labels(t *testing.T, language string) map[string]string {
	t.Helper()
	data, err := os.ReadFile("labels/" + language + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, line := range strings.Split(string(data), "\n") {
		if key, text, ok := strings.Cut(line, ": "); ok && !strings.HasPrefix(line, "#") {
			if _, twice := texts[key]; twice {
				t.Errorf("%s: %s twice", language, key)
			}
			texts[key] = text
		}
	}
	return texts
}
