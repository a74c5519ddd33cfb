package mail

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/png"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// leaf is one part of a mail, decoded.
type leaf struct {
	path, kind, disposition, file, id string
	body                              []byte
}

// leaves takes a mail apart as a mail program would.
func leaves(t *testing.T, raw string) (netmail.Header, []leaf) {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	var list []leaf
	var walk func(path string, header map[string][]string, body io.Reader)
	walk = func(path string, header map[string][]string, body io.Reader) {
		get := func(name string) string {
			if len(header[name]) == 0 {
				return ""
			}
			return header[name][0]
		}
		kind, params, err := mime.ParseMediaType(get("Content-Type"))
		if err != nil {
			t.Fatalf("%s: %v", get("Content-Type"), err)
		}
		if strings.HasPrefix(kind, "multipart/") {
			parts := multipart.NewReader(body, params["boundary"])
			for {
				p, err := parts.NextRawPart()
				if err == io.EOF {
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				walk(path+"/"+strings.TrimPrefix(kind, "multipart/"), p.Header, p)
			}
		}
		switch enc := get("Content-Transfer-Encoding"); enc {
		case "quoted-printable":
			body = quotedprintable.NewReader(body)
		case "base64":
			body = base64.NewDecoder(base64.StdEncoding, body)
		default:
			t.Errorf("%s in %q", kind, enc)
		}
		b, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		l := leaf{path: path, kind: kind, id: get("Content-Id"), body: b}
		if d := get("Content-Disposition"); d != "" {
			var dp map[string]string
			if l.disposition, dp, err = mime.ParseMediaType(d); err != nil {
				t.Fatalf("%q: %v", d, err)
			}
			if l.file, err = new(mime.WordDecoder).DecodeHeader(dp["filename"]); err != nil {
				t.Fatal(err)
			}
		}
		list = append(list, l)
	}
	walk("", m.Header, m.Body)
	return m.Header, list
}

func composed(t *testing.T, m Rendered, to string) string {
	t.Helper()
	a, err := parseAddress(to)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := sender(t, SenderOptions{URL: "smtp://localhost"}).compose(m, a)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestCompose(t *testing.T) {
	var logo bytes.Buffer
	if err := png.Encode(&logo, image.NewGray(image.Rect(0, 0, 2, 2))); err != nil {
		t.Fatal(err)
	}
	s := seller
	s.Logo = logo.Bytes()
	pdf := bytes.Repeat([]byte("%PDF-1.7\r\n.\r\n\x00\xff"), 5000)
	m, err := renderer(t, Options{Seller: s}).Render(Message{
		Kind: "invoice_receipt", Key: "k", Locale: "fr", Date: sampleDay(time.November, 10), Data: sampleReceipt,
		Attachments: []Attachment{{Name: "Facture nº 7.pdf", ContentType: "application/pdf", Data: pdf}},
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := new(smtpServer).listen(t, nil, false)
	if err := sender(t, SenderOptions{URL: "smtp://" + srv.addr}).Send(t.Context(), m, "ada@lovelace.example"); err != nil {
		t.Fatal(err)
	}
	h, parts := leaves(t, srv.one().raw)
	if subject, err := new(mime.WordDecoder).DecodeHeader(h.Get("Subject")); err != nil || subject != m.Subject || !strings.Contains(subject, "reçu") {
		t.Errorf("subject %q, %v", subject, err)
	}
	want := []leaf{
		{path: "/mixed/related/alternative", kind: "text/plain", body: []byte(m.Text)},
		{path: "/mixed/related/alternative", kind: "text/html", body: []byte(m.HTML)},
		{path: "/mixed/related", kind: "image/png", disposition: "inline", file: "logo.png", id: "<logo>", body: logo.Bytes()},
		{path: "/mixed", kind: "application/pdf", disposition: "attachment", file: "Facture nº 7.pdf", body: pdf},
	}
	if len(parts) != len(want) {
		t.Fatalf("%d parts, want %d", len(parts), len(want))
	}
	for i, w := range want {
		got := parts[i]
		if w.disposition == "" { // line ends are CRLF on the wire
			got.body = bytes.ReplaceAll(got.body, []byte("\r\n"), []byte("\n"))
		}
		if !bytes.Equal(got.body, w.body) {
			t.Errorf("%s: %d bytes came out of %d", w.kind, len(got.body), len(w.body))
		}
		got.body, w.body = nil, nil
		if !reflect.DeepEqual(got, w) {
			t.Errorf("part %+v, want %+v", got, w)
		}
	}
}

func TestLinesAreShort(t *testing.T) {
	for _, subject := range []string{strings.Repeat("x", 10_000), strings.Repeat("Zahlungsmethodenänderung ", 40)} {
		m := sample(t)
		m.Subject = subject
		linesAreShort(t, m)
	}
}

func linesAreShort(t *testing.T, m Rendered) {
	m.Text, m.HTML = strings.Repeat("é", 10_000), strings.Repeat("x", 10_000)
	m.Key = strings.Repeat("k", 500)
	m.Attachments = []Attachment{{Name: strings.Repeat("ü", 300) + ".pdf", Data: make([]byte, 5000)}}
	for line := range strings.SplitSeq(composed(t, m, strings.Repeat("n", 90)+" <"+strings.Repeat("a", 60)+"@x.example>"), "\r\n") {
		if len(line) > 998 {
			t.Errorf("a line of %d: %.80s", len(line), line)
		}
		if len(line) > 76 && !strings.Contains(line, ": ") && !strings.HasPrefix(line, " ") {
			t.Errorf("a body line of %d: %.80s", len(line), line)
		}
		if strings.ContainsAny(line, "\r\n") {
			t.Errorf("a bare line end in %.80q", line)
		}
		for i := range len(line) {
			if line[i] >= 0x80 {
				t.Fatalf("not ASCII: %.80q", line)
			}
		}
	}
}

// Whatever comes in from outside, the headers are these and no others.
func TestHeadersCannotBeInjected(t *testing.T) {
	const evil = "x\r\nBcc: evil@example.com\nX-Evil: 1\r\n\r\n<b>body</b>\x00\u2028"
	s := seller
	s.Name, s.Footer, s.Address, s.TaxIDs = evil, evil, []string{evil}, []string{evil}
	r := renderer(t, Options{Seller: s})
	headers := []string{"Auto-Submitted", "Content-Language", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To", "X-Auto-Response-Suppress"}
	for _, k := range kinds {
		d := k.Sample
		d.Invoice.Lines = slices.Clone(d.Invoice.Lines)
		everyString(reflect.ValueOf(&d).Elem(), evil)
		m, err := r.Render(Message{
			Kind: k.Name, Key: evil, Locale: evil, Date: sampleDay(time.May, 1), Data: d,
			Attachments: []Attachment{{Name: evil + ".pdf", ContentType: "application/pdf", Data: []byte("%PDF")}},
		})
		if err != nil {
			t.Fatal(err)
		}
		// Nor by whoever fills in Rendered by hand.
		m.Subject, m.Locale = m.Subject+evil, m.Locale+evil
		h, parts := leaves(t, composed(t, m, `"Ada; x" <ada@lovelace.example>`))
		var got []string
		for name, values := range h {
			got = append(got, name)
			if len(values) != 1 {
				t.Errorf("%s: %d times %s", k.Name, len(values), name)
			}
		}
		for _, name := range []string{"Subject", "Content-Language"} {
			decoded, err := new(mime.WordDecoder).DecodeHeader(h.Get(name))
			if err != nil || strings.ContainsAny(decoded, "\r\n\x00\u2028") {
				t.Errorf("%s: %s shows as %q, %v", k.Name, name, decoded, err)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, headers) {
			t.Errorf("%s: headers %q", k.Name, got)
		}
		if len(parts) != 3 || strings.ContainsAny(parts[2].file, "\r\n\x00/") {
			t.Errorf("%s: parts %+v", k.Name, parts)
		}
	}
	m := sample(t)
	for _, kind := range []string{"application/pdf\r\nBcc: x@y.example", "text", "a b/c", "application/pdf; name=\"\x00\""} {
		m.Attachments = []Attachment{{Name: "a", ContentType: kind}}
		a, _ := parseAddress("ada@lovelace.example")
		if _, err := sender(t, SenderOptions{URL: "smtp://localhost"}).compose(m, a); err == nil {
			t.Errorf("the media type %q is taken", kind)
		}
	}
}

func TestFileName(t *testing.T) {
	for in, want := range map[string]string{
		"invoice.pdf":                     "invoice.pdf",
		"../../etc/passwd":                "-..-etc-passwd",
		"":                                "attachment",
		"..":                              "attachment",
		"a\"b\\c:d\r\n.pdf":               "a-b-c-d .pdf",
		strings.Repeat("ü", 300) + ".pdf": strings.Repeat("ü", 40) + "…" + strings.Repeat("ü", 15) + ".pdf",
	} {
		if got := fileName(in); got != want {
			t.Errorf("fileName(%q) = %q, want %q", in, got, want)
		}
	}
}
