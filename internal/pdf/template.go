package pdf

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"

	"github.com/bursarhq/bursar/internal/pdf/paper"
	"github.com/bursarhq/bursar/internal/pdf/typeset"
)

// DefaultTemplate is the layout that documents have unless a template says
// otherwise: the text to start a template of one's own from.
//
//go:embed layout/default.yaml
var DefaultTemplate []byte

// ErrTemplate is wrapped by the errors of a template that cannot be used.
var ErrTemplate = errors.New("template cannot be used")

// Template is how documents look, and the texts on them. Lengths are in
// millimeters, sizes in points.
type Template struct {
	Page struct {
		Size   string `yaml:"size"`
		Margin struct {
			Top    float64 `yaml:"top"`
			Right  float64 `yaml:"right"`
			Bottom float64 `yaml:"bottom"`
			Left   float64 `yaml:"left"`
		} `yaml:"margin"`
	} `yaml:"page"`
	Colors struct {
		Text   hexColor `yaml:"text"`
		Muted  hexColor `yaml:"muted"`
		Accent hexColor `yaml:"accent"`
		Rule   hexColor `yaml:"rule"`
		Shade  hexColor `yaml:"shade"`
	} `yaml:"colors"`
	Fonts struct {
		Regular string   `yaml:"regular"`
		Bold    string   `yaml:"bold"`
		More    []string `yaml:"more"`
	} `yaml:"fonts"`
	Sizes struct {
		Title    float64 `yaml:"title"`
		Headline float64 `yaml:"headline"`
		Name     float64 `yaml:"name"`
		Text     float64 `yaml:"text"`
		Small    float64 `yaml:"small"`
	} `yaml:"sizes"`
	Logo struct {
		Width  float64 `yaml:"width"`
		Height float64 `yaml:"height"`
		Align  string  `yaml:"align"`
	} `yaml:"logo"`
	Bar     float64                      `yaml:"bar"`
	Blocks  []string                     `yaml:"blocks"`
	Columns []Column                     `yaml:"columns"`
	Labels  map[string]map[string]string `yaml:"labels"`

	fonts typeset.Fonts
}

// Column is one column of the lines.
type Column struct {
	Show  string  `yaml:"show"`
	Width float64 `yaml:"width"`
}

// hexColor is a color as #RRGGBB.
type hexColor paper.Color

func (c *hexColor) UnmarshalText(text []byte) error {
	var red, green, blue uint8
	if n, err := fmt.Sscanf(string(text), "#%02x%02x%02x", &red, &green, &blue); err != nil || n != 3 || len(text) != 7 {
		return fmt.Errorf("color %q: #RRGGBB is needed", text)
	}
	*c = hexColor{red, green, blue}
	return nil
}

var defaultTemplate = sync.OnceValue(func() *Template {
	t, err := ParseTemplate(DefaultTemplate, nil)
	if err != nil {
		panic(err)
	}
	return t
})

// ParseTemplate reads a template. What it does not say is as in
// [DefaultTemplate]; what is not known there is an error that shows the line.
// Fonts are read from files, which may be nil if there are none.
func ParseTemplate(text []byte, files fs.FS) (*Template, error) {
	// Once alone, so that an error shows the line; then laid over the default.
	if err := yaml.UnmarshalWithOptions(text, &Template{}, yaml.Strict()); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: %w", ErrTemplate, err)
	}
	var base, own map[string]any
	if err := yaml.Unmarshal(DefaultTemplate, &base); err != nil {
		return nil, fmt.Errorf("%w: layout/default.yaml: %w", ErrTemplate, err)
	}
	if err := yaml.Unmarshal(text, &own); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: %w", ErrTemplate, err)
	}
	merged, err := yaml.Marshal(overlay(base, own))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTemplate, err)
	}
	t := &Template{}
	if err := yaml.Unmarshal(merged, t); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTemplate, err)
	}
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTemplate, err)
	}
	if err := t.loadFonts(files); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTemplate, err)
	}
	return t, nil
}

// overlay is base with what own says: mappings are merged, all else is replaced.
func overlay(base, own map[string]any) map[string]any {
	for key, value := range own {
		inner, ok := value.(map[string]any)
		if outer, both := base[key].(map[string]any); ok && both {
			overlay(outer, inner)
		} else if value != nil {
			base[key] = value
		}
	}
	return base
}

func (t *Template) check() error {
	page, ok := pageSizes[t.Page.Size]
	if !ok {
		return fmt.Errorf("page.size %q: a4 or letter", t.Page.Size)
	}
	m := t.Page.Margin
	for _, v := range []float64{m.Top, m.Right, m.Bottom, m.Left} {
		if v < 0 || v > 60 {
			return fmt.Errorf("page.margin %v: 0 to 60 mm", v)
		}
	}
	s := t.Sizes
	for _, v := range []float64{s.Title, s.Headline, s.Name, s.Text, s.Small} {
		if v < 4 || v > 48 {
			return fmt.Errorf("sizes %v: 4 to 48 points", v)
		}
	}
	if t.Logo.Width <= 0 || t.Logo.Height <= 0 || t.Logo.Width > 100 || t.Logo.Height > 60 {
		return fmt.Errorf("logo %v by %v mm: more than 0, 100 by 60 at most", t.Logo.Width, t.Logo.Height)
	}
	if t.Logo.Align != "left" && t.Logo.Align != "right" {
		return fmt.Errorf("logo.align %q: left or right", t.Logo.Align)
	}
	if t.Bar < 0 || t.Bar > 30 {
		return fmt.Errorf("bar %v: 0 to 30 mm", t.Bar)
	}
	for _, b := range t.Blocks {
		if blocks[b] == nil {
			return fmt.Errorf("blocks: %q is none; there are %s", b, sortedKeys(blocks))
		}
	}
	taken := 0.0
	for _, c := range t.Columns {
		if cells[c.Show] == nil {
			return fmt.Errorf("columns: %q cannot be shown; what can is %s", c.Show, sortedKeys(cells))
		}
		if c.Width < 0 {
			return fmt.Errorf("columns: width %v of %s", c.Width, c.Show)
		}
		taken += c.Width
	}
	if !slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Show == "description" }) {
		return errors.New("columns: description must be among them")
	}
	if room := page.width/millimeter - m.Left - m.Right - taken; room < minDescription/millimeter {
		return fmt.Errorf("columns: they leave %.0f mm for the description, %.0f are needed", room, minDescription/millimeter)
	}
	for locale, texts := range t.Labels {
		for key := range texts {
			if _, ok := embeddedLabels()["en"][key]; !ok {
				return fmt.Errorf("labels.%s: %q is no label; labels/en.yaml has them all", locale, key)
			}
		}
	}
	lower := make(map[string]map[string]string, len(t.Labels))
	for locale, texts := range t.Labels {
		lower[strings.ToLower(locale)] = texts
	}
	t.Labels = lower
	return nil
}

func (t *Template) loadFonts(files fs.FS) error {
	load := func(name string) (*typeset.Face, error) {
		if name == "" {
			return nil, nil //nolint:nilnil // no font is named, and none is meant
		}
		if files == nil {
			return nil, fmt.Errorf("font %s: there is no folder to read it from", name)
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("font %s: %w", name, err)
		}
		return typeset.NewFace(fontName(name), data)
	}
	var err error
	if t.fonts.Regular, err = load(t.Fonts.Regular); err != nil {
		return err
	}
	if t.fonts.Bold, err = load(t.Fonts.Bold); err != nil {
		return err
	}
	if t.fonts.Bold != nil && t.fonts.Regular == nil {
		return errors.New("fonts: bold without regular")
	}
	for _, name := range t.Fonts.More {
		face, err := load(name)
		if err != nil {
			return err
		}
		t.fonts.More = append(t.fonts.More, face)
	}
	return nil
}

// fontName is a name for the PDF file: the file's, without what PDF would have
// to escape.
func fontName(file string) string {
	file = file[strings.LastIndexByte(file, '/')+1:]
	file, _, _ = strings.Cut(file, ".")
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '-' {
			return r
		}
		return -1
	}, file)
}

func sortedKeys[V any](m map[string]V) string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return strings.Join(keys, ", ")
}

const millimeter = 72 / 25.4 // points

type size struct{ width, height float64 }

var pageSizes = map[string]size{
	"a4":     {210 * millimeter, 297 * millimeter},
	"letter": {612, 792},
}
