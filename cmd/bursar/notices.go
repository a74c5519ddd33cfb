package main

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/bursarhq/bursar/internal/mail"
)

type noticesCommand struct {
	Preview noticesPreviewCommand `cmd:"" help:"Look at a mail, with made-up data and the seller of BURSAR_SELLER."`
}

type noticesPreviewCommand struct {
	Settings
	Kind   string `arg:"" help:"The kind of notice, such as payment_failed."`
	Output string `short:"o" help:"Where it goes: a page, or the plain text if the name ends in .txt; - for standard output." default:"-" placeholder:"FILE"`
	Locale string `help:"The recipient's; the seller's unless given." placeholder:"LOCALE"`
}

func (noticesPreviewCommand) Help() string {
	return examples("bursar notices preview payment_failed -o mail.html", "bursar notices preview trial_ending --locale de -o mail.txt", "bursar notices preview invoice_receipt --seller seller.yaml > mail.html")
}

func (noticesPreviewCommand) completions() []string { return noticeKinds() }

func noticeKinds() []string {
	var names []string
	for _, k := range mail.Kinds() {
		names = append(names, k.Name)
	}
	return names
}

// Run renders the mail.
func (c noticesPreviewCommand) Run(s *system) error {
	cfg, err := c.load(s)
	if err != nil {
		return err
	}
	seller, err := LoadSeller(cfg.Seller)
	if err != nil {
		return err
	}
	r, err := mail.NewRenderer(mailOptions(seller))
	if err != nil {
		return err
	}
	m, err := r.Preview(c.Kind, c.Locale)
	if errors.Is(err, mail.ErrUnknownKind) {
		return misused("there is no notice %q; write one of %s", c.Kind, strings.Join(noticeKinds(), ", "))
	} else if err != nil {
		return err
	}
	text := m.PreviewHTML()
	if filepath.Ext(c.Output) == ".txt" {
		text = "Subject: " + m.Subject + "\n\n" + m.Text
	}
	return s.writeTo(c.Output, []byte(text))
}
