package mail

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Message is a notice to be rendered. Who gets it is Send's business.
type Message struct {
	Kind string // one of Kinds
	// Key is the notice's own, unique for ever; every attempt to send it has the
	// same one.
	Key string
	// Locale is the recipient's, BCP 47, most wanted first where it names several
	// ("de-AT,de,en"); empty means the seller's.
	Locale      string
	Date        time.Time // when the notice arose: the Date header
	Data        Data
	Attachments []Attachment
}

// Attachment is a file that goes with a mail.
type Attachment struct {
	Name        string
	ContentType string // application/octet-stream if empty
	Data        []byte
}

// Rendered is a mail that only lacks its recipient.
type Rendered struct {
	Kind, Key   string
	Locale      string // the locale that the text is in
	Date        time.Time
	Subject     string
	Text        string
	HTML        string // refers to the logo as cid:logo
	Logo        Attachment
	Attachments []Attachment
	// OverrideErr is set where a template of the operator's failed on this very
	// data, although it had passed when it was loaded. The built-in one was used in
	// its place: a customer is owed the notice whatever the template does.
	OverrideErr error
}

// logoID is the Content-ID of the seller's logo.
const logoID = "logo"

// PreviewHTML is the mail for a browser, with the logo inside the page.
func (m Rendered) PreviewHTML() string {
	if len(m.Logo.Data) == 0 {
		return m.HTML
	}
	data := "data:" + m.Logo.ContentType + ";base64," + base64.StdEncoding.EncodeToString(m.Logo.Data)
	return strings.ReplaceAll(m.HTML, `src="cid:`+logoID+`"`, `src="`+data+`"`)
}

// Seller is who sends the customers' mails.
type Seller struct {
	Name    string
	Address []string // lines
	TaxIDs  []string
	Website string // http(s); the name and logo link to it
	Email   string // where customers may ask
	Footer  string // a sentence at the end of each mail
	Logo    []byte // PNG, JPEG or GIF (mail programs do not show SVG); shown 40 pixels high
	Accent  string // #rrggbb of buttons; empty means Bursar's own
}

// logo checks the bytes by what they are, not by their name.
func (s Seller) logo() (Attachment, error) {
	if len(s.Logo) == 0 {
		return Attachment{}, nil
	}
	kind := http.DetectContentType(s.Logo)
	switch kind {
	case "image/png", "image/jpeg", "image/gif":
	default:
		return Attachment{}, fmt.Errorf("mail: the logo is %s; mail programs show PNG, JPEG and GIF", kind)
	}
	if len(s.Logo) > 200<<10 {
		return Attachment{}, fmt.Errorf("mail: the logo has %d bytes and would travel with every mail; at most %d are taken", len(s.Logo), 200<<10)
	}
	return Attachment{Name: "logo." + strings.TrimPrefix(kind, "image/"), ContentType: kind, Data: s.Logo}, nil
}
