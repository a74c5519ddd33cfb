package mail

import (
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	texttemplate "text/template"
	"time"
)

// readFrames takes the operator's layouts where there are some, else the
// built-in ones.
func readFrames(dir string, seller sellerView) (frames, error) {
	var layouts [2]source
	for i, name := range []string{"layout.txt", "layout.html"} {
		layouts[i] = builtinFile(name)
		if dir == "" {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return frames{}, err
		}
		layouts[i] = source{filepath.Join(dir, name), string(b)}
	}
	return parseFrames(layouts[0], layouts[1], seller)
}

// readOverrides parses the folder's templates. A file with one of the three
// endings whose name is no kind's is an error rather than a template that
// nobody ever sees.
func readOverrides(dir string, fr frames) (map[partID]part, error) {
	overrides := make(map[partID]part)
	if dir == "" {
		return overrides, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("the templates' folder: %w", err)
	}
	for _, e := range entries {
		ending := strings.TrimPrefix(filepath.Ext(e.Name()), ".")
		if e.IsDir() || !slices.Contains(partNames, ending) || e.Name() == "layout.txt" || e.Name() == "layout.html" {
			continue
		}
		path := filepath.Join(dir, e.Name())
		name, locale, _ := strings.Cut(strings.TrimSuffix(e.Name(), "."+ending), ".")
		if _, err := KindOf(name); err != nil {
			return nil, fmt.Errorf("%s: %w; the kinds are %s", path, ErrUnknownKind, strings.Join(kindNames(), ", "))
		}
		if canonicalLocale(locale) != locale {
			return nil, fmt.Errorf("%s: %q is no locale; write KIND.LOCALE.%s with a locale like en or de-AT", path, locale, ending)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		run, err := parseOverride(ending, source{path, string(b)}, fr)
		if err != nil {
			return nil, err
		}
		overrides[partID{name, locale, ending}] = part{path, locale, run}
	}
	return overrides, complete(overrides)
}

// parseOverride reads one file. A subject stands alone; a text and a page are set
// in the layout, except for a page that brings its own <!doctype html>.
func parseOverride(ending string, src source, fr frames) (func(io.Writer, *view) error, error) {
	if strings.TrimSpace(src.text) == "" {
		return nil, fmt.Errorf("%s: renders nothing", src.name)
	}
	switch ending {
	case "subject":
		t, err := texttemplate.Must(fr.text.Clone()).New(src.name).Parse(src.text)
		if err != nil {
			return nil, err
		}
		return func(w io.Writer, v *view) error { return t.Execute(w, v) }, nil
	case "txt":
		t := texttemplate.Must(fr.text.Clone())
		if err := addText(t, "body", src); err != nil {
			return nil, err
		}
		return func(w io.Writer, v *view) error { return t.ExecuteTemplate(w, "layout", v) }, nil
	}
	h := htmltemplate.Must(fr.html.Clone())
	if err := addHTML(h, "body", src); err != nil {
		return nil, err
	}
	entry := "layout"
	if start := strings.ToLower(strings.TrimSpace(src.text)); strings.HasPrefix(start, "<!doctype") || strings.HasPrefix(start, "<html") {
		entry = "body"
	}
	return func(w io.Writer, v *view) error { return h.ExecuteTemplate(w, entry, v) }, nil
}

// complete asks for all three texts of a kind in a language that has no built-in
// ones: a page in Italian under a subject in English is nobody's wish.
func complete(overrides map[partID]part) error {
	for _, id := range slices.SortedFunc(maps.Keys(overrides), partID.compare) {
		if id.locale == "" {
			continue
		}
		if slices.ContainsFunc(Locales(), func(tag string) bool { return sameLanguage(tag, id.locale) }) {
			continue
		}
		for _, name := range partNames {
			if _, ok := overrides[partID{id.kind, id.locale, name}]; !ok {
				return fmt.Errorf("%s: there are no built-in texts in %q, so %s.%s.%s is needed too", overrides[id].file, id.locale, id.kind, id.locale, name)
			}
		}
	}
	return nil
}

// check executes a template with its kind's sample, with the sample's opposite
// (every flag turned over) and with data that lacks everything, and returns the
// first error. Only the sample has to render something.
func (r *Renderer) check(id partID, p part) error {
	k, err := KindOf(id.kind)
	if err != nil {
		return err
	}
	opposite := k.Sample.sanitized()
	flip(reflect.ValueOf(&opposite).Elem())
	for i, data := range []Data{k.Sample.sanitized(), opposite, {}} {
		v := r.view(k, data)
		v.Subject = "…"
		v.format = newFormat(regional(p.locale, nil, append(chain(r.locale), languages[0].tag)), r.zone)
		var out strings.Builder
		if err := p.run(&out, &v); err != nil {
			if !strings.Contains(err.Error(), p.file) {
				err = fmt.Errorf("%s: %w", p.file, err) // html/template's own complaints lack it
			}
			return err
		}
		if i == 0 && strings.TrimSpace(out.String()) == "" {
			return fmt.Errorf("%s: renders nothing", p.file)
		}
	}
	return nil
}

// flip turns over what templates branch on: booleans, and times and texts that
// are there or not.
func flip(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.String:
		if v.String() == "" {
			v.SetString("sample")
		} else {
			v.SetString("")
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			if v.Interface().(time.Time).IsZero() {
				v.Set(reflect.ValueOf(sampleDay(time.November, 12)))
			} else {
				v.SetZero()
			}
			return
		}
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() {
				flip(f)
			}
		}
	}
}
