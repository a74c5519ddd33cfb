package main

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bursarhq/bursar/internal/mail"
)

// TestMailbox: what the demo sends can be looked at, with its documents; and so can
// every kind of notice.
func TestMailbox(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dir := filepath.Join(t.TempDir(), "mails")
	box, err := openMailbox(l, dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	sender, err := mail.NewSender(mail.SenderOptions{URL: "smtp://" + box.smtp, From: "billing@demo.example"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := mail.NewRenderer(mailOptions(demoSeller))
	if err != nil {
		t.Fatal(err)
	}
	kinds := mail.Kinds()
	for _, kind := range kinds {
		m, err := r.Render(mail.Message{
			Kind: kind.Name, Key: kind.Name + ":in_1", Locale: "de", Date: time.Unix(1790000000, 0), Data: kind.Sample,
			Attachments: []mail.Attachment{{Name: "invoice-1.pdf", ContentType: "application/pdf", Data: []byte("%PDF-1.7\nof " + kind.Name)}},
		})
		if err == nil {
			err = sender.Send(t.Context(), m, "owner@acme.example")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	h, err := box.handler()
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string, want int) (body, kind string) {
		t.Helper()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		b, err := io.ReadAll(w.Body)
		if w.Code != want || err != nil {
			t.Errorf("%s: %d, want %d, %v", path, w.Code, want, err)
		}
		return string(b), w.Header().Get("Content-Type")
	}
	list, _ := get("/", 200)
	for i, kind := range kinds {
		if link := fmt.Sprintf(`<a href="/%d/invoice-1.pdf">`, i+1); !strings.Contains(list, link) || !strings.Contains(list, `<a href="/kinds/`+kind.Name+`">`) {
			t.Errorf("the list lacks %s, or its sample", kind.Name)
		}
		for name, want := range map[string]string{"text": "text/plain; charset=utf-8", "page": "text/html; charset=utf-8", "invoice-1.pdf": "application/pdf; charset=utf-8"} {
			body, kindOf := get(fmt.Sprintf("/%d/%s", i+1, name), 200)
			if kindOf != want || body == "" || strings.HasSuffix(name, ".pdf") && body != "%PDF-1.7\nof "+kind.Name {
				t.Errorf("%s, %s: %s %.100q", kind.Name, name, kindOf, body)
			}
		}
		if page, _ := get("/kinds/"+kind.Name, 200); !strings.Contains(page, "<html") {
			t.Errorf("%s: %.100q", kind.Name, page)
		}
		if _, err := os.Stat(filepath.Join(dir, fmt.Sprintf("%04d-%s-in_1.eml", i+1, kind.Name))); err != nil {
			t.Error(err)
		}
	}
	if text, _ := get("/7/text", 200); !strings.Contains(text, "läuft bald ab") {
		t.Errorf("in German: %s", text)
	}
	for _, path := range []string{"/0/page", fmt.Sprintf("/%d/page", len(kinds)+1), "/x/page", "/1/nothing", "/kinds/nothing", "/1"} {
		get(path, 404)
	}
}
