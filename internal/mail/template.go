package mail

import (
	"bytes"
	"cmp"
	"embed"
	"fmt"
	htmltemplate "html/template"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	texttemplate "text/template"
	"text/template/parse"
)

//go:embed templates
var files embed.FS

// partID names one of the three texts of a kind in a locale. An empty locale
// stands for all of them.
type partID struct{ kind, locale, part string }

func (id partID) compare(other partID) int {
	return cmp.Or(strings.Compare(id.kind, other.kind), strings.Compare(id.locale, other.locale), strings.Compare(id.part, other.part))
}

// partNames are a mail's texts, and the endings of the files that replace them.
var partNames = []string{"subject", "txt", "html"}

// part is a text ready to be executed.
type part struct {
	file   string
	locale string // of its words
	run    func(io.Writer, *view) error
}

// source is a template's text under the name that its errors carry.
type source struct{ name, text string }

func builtinFile(name string) source {
	b, err := files.ReadFile("templates/" + name)
	if err != nil {
		panic(err) // embedded: missing only if this package was built wrongly
	}
	return source{name, string(b)}
}

// frames are the templates that a body is set in, body itself not included.
type frames struct {
	text *texttemplate.Template
	html *htmltemplate.Template
}

// functions are what templates have besides the view's methods.
func functions(seller sellerView) map[string]any {
	return map[string]any{
		"word":     word,
		"pair":     func(label, value string) pair { return pair{label, value} },
		"accent":   func() string { return seller.Accent },
		"onaccent": func() string { return seller.OnAccent },
	}
}

// pair is what the blocks row, total and button take: a label, and a value or
// an address. A block whose value is empty shows nothing.
type pair struct{ Label, Value string }

// parseFrames reads the blocks, and the layouts that are set around bodies.
func parseFrames(text, html source, seller sellerView) (frames, error) {
	blocks := builtinFile("blocks.txt")
	t, err := texttemplate.New(blocks.name).Funcs(functions(seller)).Parse(blocks.text)
	if err == nil {
		err = addText(t, "layout", text)
	}
	if err != nil {
		return frames{}, err
	}
	blocks = builtinFile("blocks.html")
	h, err := htmltemplate.New(blocks.name).Funcs(functions(seller)).Parse(blocks.text)
	if err == nil {
		err = addHTML(h, "layout", html)
	}
	return frames{t, h}, err
}

// addText makes src the template called name; its errors go on naming src.
func addText(set *texttemplate.Template, name string, src source) error {
	t, err := set.New(src.name).Parse(src.text)
	if err == nil {
		_, err = set.AddParseTree(name, treeOf(t.Tree, src))
	}
	return err
}

// addHTML is addText for HTML.
func addHTML(set *htmltemplate.Template, name string, src source) error {
	t, err := set.New(src.name).Parse(src.text)
	if err == nil {
		_, err = set.AddParseTree(name, treeOf(t.Tree, src))
	}
	return err
}

// treeOf is tree, or that of a file in which there is nothing.
func treeOf(tree *parse.Tree, src source) *parse.Tree {
	if tree != nil {
		return tree
	}
	return &parse.Tree{Name: src.name, ParseName: src.name, Root: &parse.ListNode{NodeType: parse.NodeList}}
}

// builtin lists every kind in every language. Each file defines "subject" and
// "body"; the body is read twice, with blocks that make text and with blocks that
// make HTML. It is read when it is first wanted: most processes send a few kinds
// in a language or two.
func builtin(fr frames) map[partID]part {
	parts := make(map[partID]part)
	for _, lang := range languages {
		for _, k := range kinds {
			src := builtinFile(k.Name + "." + lang.tag + ".tmpl")
			read := sync.OnceValues(func() (frames, error) { return fr.with(src) })
			add := func(name string, run func(frames, io.Writer, *view) error) {
				parts[partID{k.Name, lang.tag, name}] = part{src.name, lang.tag, func(w io.Writer, v *view) error {
					set, err := read()
					if err != nil {
						return err
					}
					return run(set, w, v)
				}}
			}
			add("subject", func(set frames, w io.Writer, v *view) error { return set.text.ExecuteTemplate(w, "subject", v) })
			add("txt", func(set frames, w io.Writer, v *view) error { return set.text.ExecuteTemplate(w, "layout", v) })
			add("html", func(set frames, w io.Writer, v *view) error { return set.html.ExecuteTemplate(w, "layout", v) })
		}
	}
	return parts
}

// with is a copy of the frames that has src's definitions too.
func (fr frames) with(src source) (frames, error) {
	t, err := texttemplate.Must(fr.text.Clone()).New(src.name).Parse(src.text)
	if err != nil {
		return frames{}, err
	}
	h, err := htmltemplate.Must(fr.html.Clone()).New(src.name).Parse(src.text)
	return frames{t, h}, err
}

// execute runs the part that fits the wish best and returns its locale beside
// the text. Where one of the operator's templates fails, the next best takes its
// place and the error is returned too; the text is empty only if all failed.
func (r *Renderer) execute(id partID, wish []string, v view) (text, locale string, failure error) {
	home := append(chain(r.locale), languages[0].tag)
	for p := range r.candidates(id, append(slices.Clone(wish), home...)) {
		v.format = newFormat(regional(p.locale, wish, home), r.zone)
		var out bytes.Buffer
		err := p.run(&out, &v)
		if err == nil && strings.TrimSpace(out.String()) == "" {
			err = fmt.Errorf("%s: renders nothing", p.file)
		}
		if err == nil {
			return out.String(), v.format.Locale, failure
		}
		if failure == nil {
			failure = fmt.Errorf("mail: %w", err)
		}
	}
	return "", "", failure
}

// candidates yields parts, best first. Within a language the operator's own texts
// come before those that the operator wrote for every locale, and these before the
// built-in ones.
func (r *Renderer) candidates(id partID, tags []string) iter.Seq[part] {
	return func(yield func(part) bool) {
		try := func(from map[partID]part, tag string) bool {
			id.locale = tag
			p, ok := from[id]
			return !ok || yield(p)
		}
		for len(tags) > 0 {
			n := 1
			for n < len(tags) && sameLanguage(tags[n], tags[0]) {
				n++
			}
			for _, tag := range tags[:n] {
				if !try(r.overrides, tag) {
					return
				}
			}
			if !try(r.overrides, "") {
				return
			}
			for _, tag := range tags[:n] {
				if !try(r.builtin, tag) {
					return
				}
			}
			tags = tags[n:]
		}
	}
}

// regional is the most particular locale that speaks the language of a text: a
// German text tells an Austrian amounts the Austrian way. A text for all locales
// is in the seller's.
func regional(tag string, wish, home []string) string {
	if tag == "" {
		return home[0]
	}
	for _, list := range [][]string{wish, home} {
		for _, other := range list {
			if sameLanguage(other, tag) {
				return other
			}
		}
	}
	return tag
}

func sameLanguage(a, b string) bool {
	a, _, _ = strings.Cut(a, "-")
	b, _, _ = strings.Cut(b, "-")
	return a == b
}
