package mail

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"net/mail"
	"strings"

	gomail "github.com/wneessen/go-mail"
)

// compose writes the mail as it goes over the wire: text and HTML as
// alternatives, the logo related to the HTML, attachments beside them, all of it
// quoted-printable or base64, so that no line is longer than 76 characters.
func (s *Sender) compose(m Rendered, to *mail.Address) ([]byte, error) {
	if m.Key == "" {
		return nil, errors.New("mail: a mail without a key would have no stable Message-ID")
	}
	if m.Date.IsZero() {
		return nil, fmt.Errorf("mail: %s has no date", m.Key)
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.SetMessageIDWithValue(s.MessageID(m.Key))
	msg.SetDateWithValue(m.Date)
	msg.FromMailAddress(s.from)
	msg.ToMailAddress(to)
	msg.Subject(cut(clean(m.Subject), maxSubject))
	if m.Locale != "" {
		msg.SetGenHeader(gomail.HeaderContentLang, clean(m.Locale))
	}
	// RFC 3834, and what Exchange heeds instead: nobody's vacation notice answers.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")

	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	if len(m.Logo.Data) > 0 && strings.Contains(m.HTML, "cid:"+logoID) {
		msg.EmbedReadSeeker(m.Logo.Name, bytes.NewReader(m.Logo.Data),
			gomail.WithFileContentID("<"+logoID+">"), gomail.WithFileContentType(gomail.ContentType(m.Logo.ContentType)))
	}
	for _, a := range m.Attachments {
		kind, err := attachmentType(a)
		if err != nil {
			return nil, err
		}
		msg.AttachReadSeeker(fileName(a.Name), bytes.NewReader(a.Data), gomail.WithFileContentType(kind))
	}
	var raw bytes.Buffer
	if _, err := msg.WriteTo(&raw); err != nil {
		return nil, fmt.Errorf("mail: compose %s: %w", m.Key, err)
	}
	return raw.Bytes(), nil
}

// attachmentType is the attachment's media type, written anew so that nothing
// but a media type gets into the header.
func attachmentType(a Attachment) (gomail.ContentType, error) {
	if a.ContentType == "" {
		return "application/octet-stream", nil
	}
	kind, params, err := mime.ParseMediaType(a.ContentType)
	if err != nil || !strings.Contains(kind, "/") || strings.ContainsFunc(a.ContentType, isUnsafe) {
		return "", fmt.Errorf("mail: the attachment %q has no media type: %q", clean(a.Name), clean(a.ContentType))
	}
	return gomail.ContentType(mime.FormatMediaType(kind, params)), nil
}

// fileName is an attachment's name as every file system takes it.
func fileName(name string) string {
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`"/\:*?<>|;%`, r) {
			return '-'
		}
		return r
	}, clean(name))
	name = strings.Trim(name, ". ")
	if name == "" {
		return "attachment"
	}
	// The end stays, since it tells programs what the file is.
	if runes := []rune(name); len(runes) > 60 {
		name = string(runes[:40]) + "…" + string(runes[len(runes)-19:])
	}
	return name
}
