package typeset

import (
	"embed"
	"fmt"
	"sync"

	"github.com/go-text/typesetting/language"
	"github.com/klauspost/compress/zstd"
)

//go:embed fonts/*.zst
var embedded embed.FS

// embeddedFace parses a font of fonts/ when it is first needed, once per process.
func embeddedFace(file, name string) func() *Face {
	return sync.OnceValue(func() *Face {
		packed, err := embedded.ReadFile("fonts/" + file + ".ttf.zst")
		if err != nil {
			panic(err)
		}
		unpack, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
		if err != nil {
			panic(err)
		}
		defer unpack.Close()
		data, err := unpack.DecodeAll(packed, nil)
		if err != nil {
			panic(fmt.Errorf("font %s: %w", file, err))
		}
		face, err := NewFace(name, data)
		if err != nil {
			panic(err) // a test loads them all
		}
		return face
	})
}

// family is the fonts for some scripts. A family without a bold font is
// thickened where bold is asked for.
type family struct {
	scripts       []language.Script
	regular, bold func() *Face
}

var (
	latin = &family{
		scripts: []language.Script{language.Latin, language.Greek, language.Cyrillic},
		regular: embeddedFace("latin-regular", "NotoSans-Regular"),
		bold:    embeddedFace("latin-bold", "NotoSans-Bold"),
	}
	cjk = &family{
		scripts: []language.Script{language.Han, language.Hiragana, language.Katakana, language.Hangul, language.Bopomofo},
		regular: embeddedFace("cjk-regular", "NotoSansCJK-Regular"),
	}
	families = []*family{
		latin,
		cjk,
		{scripts: []language.Script{language.Arabic}, regular: embeddedFace("arabic-regular", "NotoSansArabic-Regular"), bold: embeddedFace("arabic-bold", "NotoSansArabic-Bold")},
		{scripts: []language.Script{language.Hebrew}, regular: embeddedFace("hebrew-regular", "NotoSansHebrew-Regular"), bold: embeddedFace("hebrew-bold", "NotoSansHebrew-Bold")},
		{scripts: []language.Script{language.Thai}, regular: embeddedFace("thai-regular", "NotoSansThai-Regular")},
		{scripts: []language.Script{language.Armenian}, regular: embeddedFace("armenian-regular", "NotoSansArmenian-Regular")},
		{scripts: []language.Script{language.Georgian}, regular: embeddedFace("georgian-regular", "NotoSansGeorgian-Regular")},
		{scripts: []language.Script{language.Devanagari}, regular: embeddedFace("devanagari-regular", "NotoSansDevanagari-Regular")},
		{scripts: []language.Script{language.Bengali}, regular: embeddedFace("bengali-regular", "NotoSansBengali-Regular")},
		{scripts: []language.Script{language.Gurmukhi}, regular: embeddedFace("gurmukhi-regular", "NotoSansGurmukhi-Regular")},
		{scripts: []language.Script{language.Gujarati}, regular: embeddedFace("gujarati-regular", "NotoSansGujarati-Regular")},
		{scripts: []language.Script{language.Tamil}, regular: embeddedFace("tamil-regular", "NotoSansTamil-Regular")},
		{scripts: []language.Script{language.Telugu}, regular: embeddedFace("telugu-regular", "NotoSansTelugu-Regular")},
		{scripts: []language.Script{language.Kannada}, regular: embeddedFace("kannada-regular", "NotoSansKannada-Regular")},
		{scripts: []language.Script{language.Malayalam}, regular: embeddedFace("malayalam-regular", "NotoSansMalayalam-Regular")},
	}
	byScript = func() map[language.Script]*family {
		m := map[language.Script]*family{}
		for _, f := range families {
			for _, s := range f.scripts {
				m[s] = f
			}
		}
		return m
	}()
)

// Fonts are a user's own. Regular and Bold come before the embedded fonts for
// every character they have (Regular is thickened where Bold is nil); More are
// asked for what neither they nor the embedded fonts have.
type Fonts struct {
	Regular, Bold *Face
	More          []*Face
}

// Library chooses a font for each character. It may be used by many goroutines.
type Library struct {
	own     Fonts
	setters sync.Pool
}

// NewLibrary is the embedded fonts and a user's own.
func NewLibrary(own Fonts) *Library {
	l := &Library{own: own}
	l.setters.New = func() any { return newSetter(l) }
	return l
}

// chosen is a font for a character.
type chosen struct {
	face    *Face
	thicken bool // bold was asked for, and the font is not
}

// face is the font that shows r. Where no font has it, it is the main font, which
// shows its sign for a missing character. Within is the script of the text
// around r, for what belongs to no script itself (the Arabic comma, dandas).
func (l *Library) face(r rune, within language.Script, bold bool) chosen {
	main := pick(latin, bold)
	if l.own.Regular != nil {
		main = chosen{l.own.Regular, bold && l.own.Bold == nil}
		if bold && l.own.Bold != nil {
			main = chosen{face: l.own.Bold}
		}
		if main.face.has(r) {
			return main
		}
	}
	f := byScript[language.LookupScript(r)]
	if f == nil {
		f = latin
		if around := byScript[within]; around != nil && !latin.regular().has(r) {
			f = around
		}
	}
	if c := pick(f, bold); c.face.has(r) {
		return c
	}
	if f != latin {
		if c := pick(latin, bold); c.face.has(r) {
			return c
		}
	}
	if f != cjk && (r >= 0x2150 && r < 0x2800 || r >= 0x3000 && r < 0x3400 || r >= 0xFF00 && r < 0xFFF0) {
		if c := pick(cjk, bold); c.face.has(r) {
			return c
		}
	}
	for _, face := range l.own.More {
		if face.has(r) {
			return chosen{face, bold}
		}
	}
	return main
}

func pick(f *family, bold bool) chosen {
	if bold && f.bold != nil {
		return chosen{face: f.bold()}
	}
	return chosen{f.regular(), bold}
}
