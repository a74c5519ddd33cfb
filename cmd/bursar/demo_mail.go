package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/mail"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/emersion/go-smtp"

	"github.com/bursarhq/bursar"
	notices "github.com/bursarhq/bursar/internal/mail"
)

// demoSeller is who sells in the demo.
var demoSeller = bursar.Seller{Name: "Demo"}

// mailbox is a mail server that keeps what it is given, and shows it: the demo's
// notices are sent as serve sends them, and end here.
type mailbox struct {
	smtp string // its address
	dir  string // where the mails are, a file each

	mu      sync.Mutex
	letters []letter
}

// letter is a mail as the list shows it.
type letter struct{ File, Date, To, Subject string }

// openMailbox takes mails at the listener until that is closed.
func openMailbox(l net.Listener, dir string, log *slog.Logger) (*mailbox, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	m := &mailbox{smtp: l.Addr().String(), dir: dir}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &delivery{box: m}, nil }))
	server.Domain, server.ErrorLog = "localhost", slog.NewLogLogger(log.Handler(), slog.LevelDebug)
	go func() { _ = server.Serve(l) }() // ends with its listener
	return m, nil
}

// delivery is a connection that mails come in by.
type delivery struct {
	box *mailbox
	to  string
}

func (*delivery) Mail(string, *smtp.MailOptions) error        { return nil }
func (d *delivery) Rcpt(to string, _ *smtp.RcptOptions) error { d.to = to; return nil }
func (*delivery) Reset()                                      {}
func (*delivery) Logout() error                               { return nil }

// Data keeps a mail.
func (d *delivery) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	parsed, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	l := letter{Date: parsed.Header.Get("Date"), To: d.to, Subject: parsed.Header.Get("Subject")}
	if subject, err := new(mime.WordDecoder).DecodeHeader(l.Subject); err == nil {
		l.Subject = subject
	}
	if at, err := parsed.Header.Date(); err == nil {
		l.Date = at.UTC().Format("2006-01-02 15:04")
	}
	key, _, _ := strings.Cut(strings.Trim(parsed.Header.Get("Message-ID"), "<>"), ".")
	m := d.box
	m.mu.Lock()
	defer m.mu.Unlock()
	l.File = fmt.Sprintf("%04d-%s.eml", len(m.letters)+1, filepath.Base(key))
	if err := os.WriteFile(filepath.Join(m.dir, l.File), raw, 0o600); err != nil {
		return err
	}
	m.letters = append(m.letters, l)
	return nil
}

// part is a text or a document of a mail.
type part struct {
	Name, Type string
	body       []byte
}

// parts takes a mail apart.
func parts(header interface{ Get(string) string }, body io.Reader) ([]part, error) {
	kind, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(kind, "multipart/") {
		var all []part
		for r := multipart.NewReader(body, params["boundary"]); ; {
			p, err := r.NextPart() // which decodes quoted-printable
			if errors.Is(err, io.EOF) {
				return all, nil
			} else if err != nil {
				return nil, err
			}
			inner, err := parts(p.Header, p)
			if err != nil {
				return nil, err
			}
			all = append(all, inner...)
		}
	}
	if strings.EqualFold(header.Get("Content-Transfer-Encoding"), "base64") {
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	p := part{Type: kind, Name: map[string]string{"text/plain": "text", "text/html": "page"}[kind]}
	if _, disposition, err := mime.ParseMediaType(header.Get("Content-Disposition")); err == nil && disposition["filename"] != "" {
		p.Name = disposition["filename"]
	}
	p.body, err = io.ReadAll(body)
	return []part{p}, err
}

func (m *mailbox) read(file string) ([]part, error) {
	raw, err := os.ReadFile(filepath.Join(m.dir, file))
	if err != nil {
		return nil, err
	}
	parsed, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	return parts(parsed.Header, parsed.Body)
}

// handler shows the mails: / lists them, the newest first; /N/NAME is a part of
// the N-th; /kinds/KIND is any notice with made-up data, since no story has them all.
func (m *mailbox) handler() (http.Handler, error) {
	samples, err := notices.NewRenderer(mailOptions(demoSeller))
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		m.mu.Lock()
		letters := append([]letter(nil), m.letters...)
		m.mu.Unlock()
		type row struct {
			letter
			No    int
			Parts []part
		}
		const shown = 500
		var rows []row
		for i := len(letters) - 1; i >= 0 && len(rows) < shown; i-- {
			found, err := m.read(letters[i].File)
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			rows = append(rows, row{letters[i], i + 1, found})
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		// A browser that has gone hears nothing.
		_ = mailPage.Execute(w, map[string]any{"Rows": rows, "All": len(letters), "Dir": m.dir, "Kinds": notices.Kinds()})
	})
	mux.HandleFunc("GET /kinds/{kind}", func(w http.ResponseWriter, r *http.Request) {
		sample, err := samples.Preview(r.PathValue("kind"), r.FormValue("locale"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		writeMail(w, "text/html", []byte(sample.PreviewHTML()))
	})
	mux.HandleFunc("GET /{no}/{name}", func(w http.ResponseWriter, r *http.Request) {
		no, err := strconv.Atoi(r.PathValue("no"))
		m.mu.Lock()
		file := ""
		if err == nil && no >= 1 && no <= len(m.letters) {
			file = m.letters[no-1].File
		}
		m.mu.Unlock()
		if file == "" {
			http.NotFound(w, r)
			return
		}
		found, err := m.read(file)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		for _, p := range found {
			if p.Name == r.PathValue("name") {
				writeMail(w, p.Type, p.body)
				return
			}
		}
		http.NotFound(w, r)
	})
	return mux, nil
}

// writeMail shows a part of a mail, which may do nothing but look good.
func writeMail(w http.ResponseWriter, kind string, body []byte) {
	w.Header().Set("Content-Type", mime.FormatMediaType(kind, map[string]string{"charset": "utf-8"}))
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(body) // a browser that has gone hears nothing
}

var mailPage = template.Must(template.New("mails").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>The demo's mails</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
td { border-top: 1px solid #8884; padding: .4rem .8rem .4rem 0; vertical-align: top }
td:first-child { white-space: nowrap; color: #888 }
a { margin-right: .8rem }
</style>
<h1>{{.All}} mails</h1>
<p>The newest first{{if gt .All (len .Rows)}}, {{len .Rows}} of them{{end}}. Load the page again for more; the files are in {{.Dir}}.</p>
<table>
{{range $row := .Rows}}<tr><td>{{.Date}}<td>{{.To}}<td>{{.Subject}}<td>{{range .Parts}}<a href="/{{$row.No}}/{{.Name}}">{{.Name}}</a>{{end}}
{{end}}</table>
<h2>Every kind, with made-up data</h2>
<table>
{{range .Kinds}}<tr><td>{{.Audience}}<td><a href="/kinds/{{.Name}}">{{.Name}}</a><td>{{.About}}
{{end}}</table>
`))
