package pdf

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/bursarhq/bursar/internal/pdf/paper"
	"github.com/bursarhq/bursar/internal/pdf/typeset"
)

// Options are what a renderer is made of; all of them may be left out.
type Options struct {
	// Template is the layout, [DefaultTemplate]'s if nil.
	Template *Template
	Logo     Logo
}

// Logo is the seller's: a PNG or a JPEG.
type Logo struct {
	Name string // for errors: the file's
	Data []byte
}

// ErrLogo is wrapped by the errors of a logo that cannot be used.
var ErrLogo = errors.New("logo cannot be used")

// Renderer makes documents of one look.
type Renderer struct {
	template *Template
	library  *typeset.Library
	logo     *paper.Image // nil: none
}

// New parses what all documents share, so that what is wrong with it shows at
// the start and not with the first invoice.
func New(o Options) (*Renderer, error) {
	r := &Renderer{template: o.Template}
	if r.template == nil {
		r.template = defaultTemplate()
	}
	r.library = typeset.NewLibrary(r.template.fonts)
	if len(o.Logo.Data) > 0 {
		var err error
		if r.logo, err = paper.NewImage(o.Logo.Data); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrLogo, o.Logo.Name, err)
		}
	}
	return r, nil
}

// Hybrid is an e-invoice that travels inside the document (Factur-X, ZUGFeRD).
type Hybrid struct {
	Name        string // factur-x.xml
	Description string
	Data        []byte
	// Extension is XMP that says which profile Data has.
	Extension string
}

// Render writes the document as a PDF.
func (r *Renderer) Render(w io.Writer, d Document) error {
	return r.render(w, d, nil)
}

// RenderHybrid writes the document as a PDF with the structure of PDF/A-3b and
// an e-invoice inside.
func (r *Renderer) RenderHybrid(w io.Writer, d Document, x Hybrid) error {
	return r.render(w, d, &x)
}

func (r *Renderer) render(w io.Writer, d Document, x *Hybrid) error {
	if err := d.check(); err != nil {
		return err
	}
	s := r.newSheet(&d, x)
	defer s.set.Release()
	s.newPage()
	for _, name := range r.template.Blocks {
		blocks[name](s)
	}
	s.closePages()
	if _, err := s.file.WriteTo(w); err != nil {
		return fmt.Errorf("document %s: %w", d.Number, err)
	}
	return nil
}

// blocks are the parts of a document by the template's names for them. Each
// draws itself at the sheet's y and moves it down.
var blocks map[string]func(*sheet)

func init() { // a literal would refer to itself by way of the template's checks
	blocks = map[string]func(*sheet){
		"header":     (*sheet).header,
		"parties":    (*sheet).parties,
		"headline":   (*sheet).headline,
		"lines":      (*sheet).lines,
		"totals":     (*sheet).totals,
		"settlement": (*sheet).settlement,
		"notes":      (*sheet).notes,
	}
}

// setterLanguage is the language whose forms of Han characters are used: the
// locale's, else that of the kana in the text, else the buyer's country's.
func setterLanguage(d *Document) string {
	locale := strings.ToLower(strings.ReplaceAll(d.Locale, "_", "-"))
	language, _, _ := strings.Cut(locale, "-")
	traditional := func(s string) bool {
		return strings.Contains(s, "hant") || strings.HasSuffix(s, "-tw") || strings.HasSuffix(s, "-hk") || strings.HasSuffix(s, "-mo")
	}
	switch {
	case language == "ja" || language == "ko":
		return language
	case language == "zh" && traditional(locale):
		return "zh-Hant"
	case language == "zh":
		return "zh-Hans"
	case language == "tr" || language == "ro" || language == "ca" || language == "nl" || language == "pl":
		return language // their Latin letters have forms of their own
	}
	switch strings.ToUpper(d.Buyer.Address.Country) {
	case "CN", "SG", "MY":
		return "zh-Hans"
	case "TW", "HK", "MO":
		return "zh-Hant"
	}
	return "ja"
}
