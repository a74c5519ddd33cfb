package paper

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pdfcpu/pdfcpu/pkg/api"

	"github.com/bursarhq/bursar/internal/pdf/typeset"
)

var meta = Meta{Title: "Größe (1)", Author: "A & B", Subject: "x\\y", Language: "de", Creator: "Bursar", Created: time.Date(2026, 11, 25, 12, 30, 0, 0, time.FixedZone("", 3600))}

// finish writes the file and has an independent implementation check it.
func finish(t *testing.T, f *File) []byte {
	t.Helper()
	var out bytes.Buffer
	n, err := f.WriteTo(&out)
	if err != nil || n != int64(out.Len()) {
		t.Fatalf("%d of %d bytes, %v", n, out.Len(), err)
	}
	api.DisableConfigDir()
	if err := api.Validate(bytes.NewReader(out.Bytes()), nil); err != nil {
		t.Errorf("pdfcpu: %v", err)
	}
	return out.Bytes()
}

func TestFile(t *testing.T) {
	f := New(meta)
	p := f.Page(200, 100)
	p.Fill(Box{X: 10, Y: 20, Width: 30, Height: 40}, Color{255, 0, 51})
	p.Link(Box{X: 1, Y: 2, Width: 3, Height: 4}, "https://x.example/(a)")
	f.Page(300, 400)
	file := finish(t, f)

	if got, want := string(p.content), "1 0 0.2 rg\n10 40 30 40 re f\n"; got != want {
		t.Errorf("content %q, want %q", got, want)
	}
	for _, want := range []string{
		"/Count 2", "/MediaBox[0 0 300 400]", `/Rect[1 94 4 98]`, `(https://x.example/\(a\))`,
		"/Title <FEFF", `/Author (A & B)`, `/Subject (x\\y)`, "/CreationDate(D:20261125113000Z)", "/Lang (de)",
	} {
		if !bytes.Contains(file, []byte(want)) {
			t.Errorf("no %s", want)
		}
	}
	if bytes.Contains(file, []byte("/Metadata")) {
		t.Error("a plain file claims to be an archive's")
	}
}

func TestText(t *testing.T) {
	setter := typeset.NewLibrary(typeset.Fonts{}).Setter("en")
	defer setter.Release()
	f := New(meta)
	p := f.Page(200, 100)
	p.Text(10, 20, setter.Line("AVA", typeset.Text{Size: 10}), Color{})
	p.Text(10, 40, typeset.Line{}, Color{}) // nothing
	p.Text(10, 60, setter.Line("क्षि ทั้", typeset.Text{Size: 10, Bold: true}), Color{})
	file := finish(t, f)
	if want := "/W[0[600 639 600"; !bytes.Contains(file, []byte(want)) {
		t.Errorf("no %s: the widths of the missing sign, of A and of V", want)
	}

	content := string(p.content)
	// Glyphs are numbered as they come: A is 1, V 2. Kerning moves them together.
	if !strings.HasPrefix(content, "0 0 0 rg\nBT\n/F1 10 Tf\n1 0 0 1 10 80 Tm\n[<0001>40<0002>40<0001>]TJ\nET\n") {
		t.Errorf("AVA is drawn as %q", content)
	}
	for _, want := range []string{"/Span<</ActualText<FEFF0915094D0937093F", "BDC\n", "EMC\n", "2 Tr\n", "0 Tr\n", " Ts\n"} {
		if !strings.Contains(content, want) {
			t.Errorf("no %q in %q", want, content)
		}
	}
}

func TestSameCallsSameBytes(t *testing.T) {
	library := typeset.NewLibrary(typeset.Fonts{})
	write := func() []byte {
		setter := library.Setter("en")
		defer setter.Release()
		f := New(meta)
		p := f.Page(200, 100)
		for _, text := range []string{"Latin", "Кирилица", "中文", "עברית"} {
			p.Text(10, 20, setter.Line(text, typeset.Text{Size: 10}), Color{})
		}
		return finish(t, f)
	}
	if !bytes.Equal(write(), write()) {
		t.Error("other bytes the second time")
	}
}

func pictures(t *testing.T, img image.Image) (asPNG, asJPEG []byte) {
	t.Helper()
	var p, j bytes.Buffer
	if err := errors.Join(png.Encode(&p, img), jpeg.Encode(&j, img, nil)); err != nil {
		t.Fatal(err)
	}
	return p.Bytes(), j.Bytes()
}

func TestImages(t *testing.T) {
	solid, clear := image.NewNRGBA(image.Rect(0, 0, 20, 10)), image.NewNRGBA(image.Rect(0, 0, 2000, 500))
	for i := range 200 {
		solid.SetNRGBA(i%20, i/20, color.NRGBA{200, 100, 0, 255})
	}
	for y := range 500 {
		for x := range 2000 {
			clear.SetNRGBA(x, y, color.NRGBA{200, 100, 0, uint8(x / 8)})
		}
	}
	solidPNG, solidJPEG := pictures(t, solid)
	clearPNG, clearJPEG := pictures(t, clear)
	grayPNG, grayJPEG := pictures(t, image.NewGray(image.Rect(0, 0, 5, 5)))
	for name, c := range map[string]struct {
		data          []byte
		width, height int
		alpha, kept   bool
	}{
		"png":             {solidPNG, 20, 10, false, false},
		"jpeg":            {solidJPEG, 20, 10, false, true},
		"transparent png": {clearPNG, keptSide, keptSide / 4, true, false},
		"large jpeg":      {clearJPEG, keptSide, keptSide / 4, false, false},
		"gray png":        {grayPNG, 5, 5, false, false},
		"gray jpeg":       {grayJPEG, 5, 5, false, false},
	} {
		img, err := NewImage(c.data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if img.Width != c.width || img.Height != c.height || (img.alpha != nil) != c.alpha || bytes.Equal(img.data, c.data) != c.kept {
			t.Errorf("%s: %d by %d, transparent %v, as it was %v", name, img.Width, img.Height, img.alpha != nil, bytes.Equal(img.data, c.data))
		}
		f := New(meta)
		p := f.Page(100, 100)
		p.Image(img, Box{X: 1, Y: 2, Width: 30, Height: 20})
		p.Image(img, Box{X: 1, Y: 42, Width: 30, Height: 20})
		file := finish(t, f)
		if n := bytes.Count(file, []byte("/I1 ")); n != 1 || bytes.Contains(file, []byte("/I2 ")) {
			t.Errorf("%s: an image that is drawn twice is in the file more than once", name)
		}
	}
}

// Scaling keeps a color as it is, also beside transparent pixels.
func TestScaleKeepsColors(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 2*keptSide, 4))
	for y := range 4 {
		for x := 0; x < 2*keptSide; x += 2 {
			img.SetNRGBA(x, y, color.NRGBA{200, 100, 50, 255}) // every other one
		}
	}
	got := color.NRGBAModel.Convert(scale(img).At(7, 1)).(color.NRGBA)
	if got.R != 200 || got.G != 100 || got.B != 50 || got.A != 127 {
		t.Errorf("got %v", got)
	}
}

func TestRefusedImages(t *testing.T) {
	good, photo := pictures(t, image.NewNRGBA(image.Rect(0, 0, 300, 300)))
	wide, _ := pictures(t, image.NewGray(image.Rect(0, 0, MaxImageSide+1, 1)))
	for name, data := range map[string][]byte{
		"empty": nil, "text": []byte("GIF89a is not asked for"), "cut png": good[:len(good)-20], "cut jpeg": photo[:len(photo)/2],
		"wide": wide, "heavy": append(bytes.Clone(good), make([]byte, MaxImageBytes)...),
	} {
		if _, err := NewImage(data); !errors.Is(err, ErrImage) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestArchive(t *testing.T) {
	m := meta
	m.Archive, m.Extension = true, `<rdf:Description rdf:about="" xmlns:e="urn:e"><e:x>1</e:x></rdf:Description>`
	f := New(m)
	f.Page(100, 100)
	f.Attach(Attachment{Name: "facture-é.xml", MIME: "text/xml", Description: "e-invoice", Relationship: "Alternative", Data: []byte("<a/>")})
	file := finish(t, f)
	for _, want := range []string{"/OutputIntents[", "/S/GTS_PDFA1", "/AFRelationship/Alternative", "/Subtype/text#2Fxml", "/AF[", "/EmbeddedFiles", "<pdfaid:part>3</pdfaid:part>", "<e:x>1</e:x>", "A &amp; B", "<xmp:CreateDate>2026-11-25T11:30:00Z"} {
		if !bytes.Contains(file, []byte(want)) {
			t.Errorf("no %s", want)
		}
	}

	decoder := xml.NewDecoder(bytes.NewReader(f.xmp()))
	for {
		if _, err := decoder.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("the metadata are no XML: %v", err)
		}
	}

	attached, err := api.ExtractAttachmentsRaw(bytes.NewReader(file), "", nil, nil)
	if err != nil || len(attached) != 1 || attached[0].FileName != "facture-é.xml" {
		t.Fatalf("attachments: %+v, %v", attached, err)
	}
	if data, err := io.ReadAll(attached[0]); err != nil || string(data) != "<a/>" {
		t.Errorf("the attachment holds %q, %v", data, err)
	}
}

// TestQPDF has a strict reader look at offsets, lengths and streams.
func TestQPDF(t *testing.T) {
	if _, err := exec.LookPath("qpdf"); err != nil {
		t.Skip("qpdf is not installed")
	}
	m := meta
	m.Archive = true
	f := New(m)
	f.Page(100, 100)
	f.Attach(Attachment{Name: "a.xml", MIME: "text/xml", Relationship: "Data", Data: []byte("<a/>")})
	path := filepath.Join(t.TempDir(), "a.pdf")
	if err := os.WriteFile(path, finish(t, f), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("qpdf", "--check", path).CombinedOutput(); err != nil || bytes.Contains(out, []byte("WARNING")) {
		t.Errorf("%v: %s", err, out)
	}
}

func TestColorProfile(t *testing.T) {
	p := sRGB()
	if int(binary.BigEndian.Uint32(p)) != len(p) || string(p[36:40]) != "acsp" {
		t.Fatalf("size %d of %d, signature %q", binary.BigEndian.Uint32(p), len(p), p[36:40])
	}
	// Red, green and blue together are the white of the connection space, D50.
	var white [3]float64
	for i := range int(binary.BigEndian.Uint32(p[128:])) {
		entry := p[132+12*i:]
		at, size := binary.BigEndian.Uint32(entry[4:]), binary.BigEndian.Uint32(entry[8:])
		if int(at+size) > len(p) || at%4 != 0 {
			t.Errorf("tag %s is at %d, %d long", entry[:4], at, size)
		}
		if string(entry[1:4]) == "XYZ" {
			for j := range white {
				white[j] += float64(int32(binary.BigEndian.Uint32(p[int(at)+8+4*j:]))) / 65536
			}
		}
	}
	for j, want := range []float64{0.9642, 1, 0.8249} {
		if d := white[j] - want; d > 0.001 || d < -0.001 {
			t.Errorf("white is %v", white)
		}
	}
}

func TestNumbersAndStrings(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 1: "1", -0.0001: "0", 10.5: "10.5", 100: "100", -3.14159: "-3.142", 0.0004: "0"} {
		if got := num(v); got != want {
			t.Errorf("num(%v) = %s", v, got)
		}
	}
	for s, want := range map[string]string{`a(b)\`: `(a\(b\)\\)`, "é": "<FEFF00E9>", "🙂": "<FEFFD83DDE42>", "a\nb": "<FEFF0061000A0062>", "": "()"} {
		if got := text(s); got != want {
			t.Errorf("text(%q) = %s", s, got)
		}
	}
	if got := name("text/x (1)"); got != "/text#2Fx#20#281#29" {
		t.Errorf("name: %s", got)
	}
}
