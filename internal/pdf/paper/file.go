package paper

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"
	"unicode/utf16"

	"github.com/bursarhq/bursar/internal/pdf/typeset"
)

// Meta is what a file says about itself.
type Meta struct {
	Title   string
	Author  string
	Subject string
	// Language is a BCP 47 tag.
	Language string
	Creator  string
	Created  time.Time
	// Archive adds what PDF/A-3b asks for: XMP metadata and a color profile.
	Archive bool
	// Extension is XMP (one or more rdf:Description) for the metadata of an
	// archive file.
	Extension string
}

// Attachment is a file inside the file.
type Attachment struct {
	Name        string
	MIME        string
	Description string
	// Relationship to the document: Data, Source, Alternative, Supplement.
	Relationship string
	Data         []byte
}

// File is a PDF file in the making. Fill it with pages, then write it once.
type File struct {
	meta        Meta
	pages       []*Page
	fonts       map[*typeset.Face]*fontUse
	fontOrder   []*fontUse
	images      map[*Image]int // number of the resource
	imageOrder  []*Image
	attachments []Attachment

	objects [][]byte // object i+1
}

// New is an empty file.
func New(meta Meta) *File {
	return &File{meta: meta, fonts: map[*typeset.Face]*fontUse{}, images: map[*Image]int{}}
}

// Page appends a page.
func (f *File) Page(width, height float64) *Page {
	p := &Page{file: f, width: width, height: height}
	f.pages = append(f.pages, p)
	return p
}

// Pages are the pages so far; they can be drawn on until the file is written.
func (f *File) Pages() []*Page { return f.pages }

// Attach adds a file to the file.
func (f *File) Attach(a Attachment) { f.attachments = append(f.attachments, a) }

// WriteTo writes the file. It may be called once.
func (f *File) WriteTo(w io.Writer) (int64, error) {
	catalog, tree, info := f.reserve(), f.reserve(), f.reserve()

	resources := f.reserve()
	var kids bytes.Buffer
	for _, p := range f.pages {
		fmt.Fprintf(&kids, "%d 0 R ", f.page(p, tree, resources))
	}
	f.set(tree, "<</Type/Pages/Count %d/Kids[%s]>>", len(f.pages), bytes.TrimSpace(kids.Bytes()))
	f.set(resources, "<</ProcSet[/PDF/Text/ImageC/ImageB]/Font<<%s>>/XObject<<%s>>>>", f.fontResources(), f.imageResources())
	f.set(info, "<</Title %s/Author %s/Subject %s/Creator %s/Producer %s/CreationDate(%s)/ModDate(%[6]s)>>",
		text(f.meta.Title), text(f.meta.Author), text(f.meta.Subject), text(f.meta.Creator), text(f.meta.Creator), date(f.meta.Created))

	extra := f.attach()
	if f.meta.Archive {
		extra += f.archive()
	}
	f.set(catalog, "<</Type/Catalog/Pages %d 0 R/Lang %s/ViewerPreferences<</DisplayDocTitle true>>%s>>", tree, text(f.meta.Language), extra)

	var out bytes.Buffer
	out.WriteString("%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
	offsets := make([]int, len(f.objects))
	for i, body := range f.objects {
		offsets[i] = out.Len()
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, body)
	}
	id := sha256.Sum256(out.Bytes())
	xref := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, at := range offsets {
		fmt.Fprintf(&out, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&out, "trailer\n<</Size %d/Root %d 0 R/Info %d 0 R/ID[<%x><%[4]x>]>>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, catalog, info, id[:16], xref)
	n, err := w.Write(out.Bytes())
	return int64(n), err
}

// page writes one page and answers its object.
func (f *File) page(p *Page, tree, resources int) int {
	content := f.stream("", p.content)
	annotations := ""
	for _, l := range p.links {
		annotations += fmt.Sprintf("<</Type/Annot/Subtype/Link/F 4/Border[0 0 0]/Rect[%s %s %s %s]/A<</S/URI/URI %s>>>>",
			num(l.x), num(p.height-l.y-l.height), num(l.x+l.width), num(p.height-l.y), ascii(l.address))
	}
	if annotations != "" {
		annotations = "/Annots[" + annotations + "]"
	}
	return f.add("<</Type/Page/Parent %d 0 R/MediaBox[0 0 %s %s]/Resources %d 0 R/Contents %d 0 R%s>>",
		tree, num(p.width), num(p.height), resources, content, annotations)
}

// attach writes the attachments and answers the catalog's entries for them.
func (f *File) attach() string {
	var names, associated bytes.Buffer
	for _, a := range f.attachments {
		stream := f.stream(fmt.Sprintf("/Type/EmbeddedFile/Subtype%s/Params<</ModDate(%s)/Size %d>>", name(a.MIME), date(f.meta.Created), len(a.Data)), a.Data)
		spec := f.add("<</Type/Filespec/F %s/UF %s/AFRelationship%s/Desc %s/EF<</F %d 0 R/UF %[5]d 0 R>>>>",
			text(a.Name), text(a.Name), name(a.Relationship), text(a.Description), stream)
		fmt.Fprintf(&names, "%s %d 0 R", text(a.Name), spec)
		fmt.Fprintf(&associated, "%d 0 R ", spec)
	}
	if names.Len() == 0 {
		return ""
	}
	return fmt.Sprintf("/Names<</EmbeddedFiles<</Names[%s]>>>>/AF[%s]", names.Bytes(), bytes.TrimSpace(associated.Bytes()))
}

func (f *File) reserve() int {
	f.objects = append(f.objects, nil)
	return len(f.objects)
}

func (f *File) set(object int, format string, args ...any) {
	f.objects[object-1] = fmt.Appendf(nil, format, args...)
}

func (f *File) add(format string, args ...any) int {
	object := f.reserve()
	f.set(object, format, args...)
	return object
}

// stream adds a compressed stream with further entries for its dictionary.
func (f *File) stream(entries string, data []byte) int {
	return f.raw(entries+"/Filter/FlateDecode", deflate(data))
}

// raw adds a stream as it is.
func (f *File) raw(entries string, data []byte) int {
	object := f.reserve()
	body := fmt.Appendf(nil, "<<%s/Length %d>>\nstream\n", entries, len(data))
	body = append(body, data...)
	f.objects[object-1] = append(body, "\nendstream"...)
	return object
}

// compressors are kept: making one costs more than compressing a page.
var compressors = sync.Pool{New: func() any { return zlib.NewWriter(io.Discard) }}

func deflate(data []byte) []byte {
	var out bytes.Buffer
	z := compressors.Get().(*zlib.Writer)
	defer compressors.Put(z)
	z.Reset(&out)
	_, _ = z.Write(data) // a bytes.Buffer does not fail
	z.Close()
	return out.Bytes()
}

// num writes a length with at most three decimals.
func num(v float64) string { return string(appendNum(nil, v)) }

func appendNum(b []byte, v float64) []byte {
	if v < 0.0005 && v > -0.0005 {
		return append(b, '0')
	}
	b = strconv.AppendFloat(b, v, 'f', 3, 64)
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	if b[len(b)-1] == '.' {
		b = b[:len(b)-1]
	}
	return b
}

// text writes a text string: plain where it is ASCII, else UTF-16.
func text(s string) string {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return utf16Hex([]rune(s))
		}
	}
	return ascii(s)
}

func utf16Hex(s []rune) string {
	out := []byte("<FEFF")
	for _, u := range utf16.Encode(s) {
		out = fmt.Appendf(out, "%04X", u)
	}
	return string(append(out, '>'))
}

// ascii writes a string of bytes.
func ascii(s string) string {
	out := []byte{'('}
	for i := range len(s) {
		switch c := s[i]; {
		case c == '(' || c == ')' || c == '\\':
			out = append(out, '\\', c)
		case c < ' ' || c > '~':
			out = fmt.Appendf(out, "\\%03o", c)
		default:
			out = append(out, c)
		}
	}
	return string(append(out, ')'))
}

// name writes a name, its special characters escaped.
func name(s string) string {
	out := []byte{'/'}
	for i := range len(s) {
		c := s[i]
		if c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '-' || c == '+' || c == '.' || c == '_' {
			out = append(out, c)
		} else {
			out = fmt.Appendf(out, "#%02X", c)
		}
	}
	return string(out)
}

func date(t time.Time) string { return t.UTC().Format("D:20060102150405Z") }
