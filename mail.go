package bursar

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/bursarhq/bursar/internal/effect"
	"github.com/bursarhq/bursar/internal/mail"
	"github.com/bursarhq/bursar/internal/pdf"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
)

// Seller is who sells: what stands on documents and mails. The zero value is a
// seller without a name.
type Seller struct {
	Name    string
	Address SellerAddress
	TaxIDs  []SellerTaxID
	// Registration is a line such as "Amtsgericht München HRB 12345".
	Registration string
	Email, Phone string
	Website      string
	Footer       string
	Logo         []byte // PNG or JPEG
	Accent       string // #rrggbb
	Locale       string // for whom no locale is known; en where empty
	PageSize     string // a4 or letter
	// Templates is a folder of mail templates that replace built-in ones (docs/mails.md);
	// its file document.yaml, where there is one, is the layout of documents.
	Templates  string
	NoticesOff []string // kinds of notices that are not sent
}

// SellerAddress is a postal address; Country is ISO 3166-1 alpha-2.
type SellerAddress struct{ Line1, Line2, City, State, PostalCode, Country string }

// SellerTaxID is a tax id with Stripe's word for its type, such as eu_vat.
type SellerTaxID struct{ Type, Value string }

func (b *Bursar) openMail(ctx context.Context) error {
	s := b.cfg.Seller
	party := pdf.Party{Name: s.Name, Address: pdf.Address(s.Address), Email: s.Email, Phone: s.Phone, Registration: s.Registration, Footer: s.Footer}
	var lines, taxIDs []string
	for _, id := range s.TaxIDs {
		party.TaxIDs = append(party.TaxIDs, pdf.TaxID(id))
		taxIDs = append(taxIDs, id.Value)
	}
	for _, line := range []string{s.Address.Line1, s.Address.Line2, s.Address.PostalCode + " " + s.Address.City, s.Address.Country} {
		if line != "" && line != " " {
			lines = append(lines, line)
		}
	}
	renderer, err := newRenderer(s)
	if err != nil {
		return fmt.Errorf("documents: %w", err)
	}
	b.docs = &effect.Documents{Store: b.store, Reader: b.reader, Renderer: renderer, Seller: party, PageSize: s.PageSize, Locale: s.Locale}
	if len(b.clients) > 0 {
		b.docs.Lines = b.fetchLines
	}
	b.notices = &effect.Notices{Reader: b.reader, Catalog: b.cfg.Plans, Dunning: b.cfg.Dunning, Operator: b.cfg.OperatorEmail, Documents: b.docs, Log: b.cfg.Log}
	b.notices.Renderer, err = mail.NewRenderer(mail.Options{
		Locale: s.Locale, Dir: s.Templates, Off: s.NoticesOff,
		Seller: mail.Seller{Name: s.Name, Address: lines, TaxIDs: taxIDs, Website: s.Website, Email: s.Email, Footer: s.Footer, Logo: s.Logo, Accent: s.Accent},
	})
	if err != nil {
		return err
	}
	if b.cfg.SMTPURL != "" {
		if b.notices.Sender, err = mail.NewSender(mail.SenderOptions{URL: b.cfg.SMTPURL, From: b.cfg.MailFrom}); err != nil {
			return err
		}
	}
	if b.cfg.PublicURL != "" {
		b.notices.Link = b.link
		b.notices.Endpoint = b.cfg.PublicURL + "/webhooks/stripe"
	}
	return b.openLinks(ctx)
}

func newRenderer(s Seller) (*pdf.Renderer, error) {
	o := pdf.Options{Logo: pdf.Logo{Name: "logo", Data: s.Logo}}
	if s.Templates == "" {
		return pdf.New(o)
	}
	files := os.DirFS(s.Templates)
	text, err := fs.ReadFile(files, "document.yaml")
	if os.IsNotExist(err) {
		return pdf.New(o)
	}
	if err == nil {
		o.Template, err = pdf.ParseTemplate(text, files)
	}
	if err != nil {
		return nil, err
	}
	return pdf.New(o)
}

func (b *Bursar) noticesOff() map[string]bool {
	off := map[string]bool{}
	for _, kind := range b.cfg.Seller.NoticesOff {
		off[kind] = true
	}
	return off
}

func (b *Bursar) fetchLines(ctx context.Context, account, id string) ([]stripe.Line, error) {
	c := b.client(account)
	if c == nil {
		return nil, fmt.Errorf("%w: no API key for the account %s", effect.ErrPermanent, account)
	}
	pages, read := c.InvoiceLines, stripe.ReadInvoiceLine
	if stripe.TypeOf(id) == "credit_note" {
		pages, read = c.CreditNoteLines, stripe.ReadCreditNoteLine
	}
	var out []stripe.Line
	for a, err := range pages(stripe.Background(ctx), id) {
		if err != nil {
			return nil, err
		}
		out = append(out, read(a.Value))
	}
	return out, nil
}

// linkLife is for how long a link to a document works.
const linkLife = 30 * 24 * time.Hour

// openLinks reads the key that links are signed with, made at the first start.
func (b *Bursar) openLinks(ctx context.Context) error {
	fresh := make([]byte, 32)
	_, _ = rand.Read(fresh) // never fails
	text, err := b.store.FixMeta(ctx, "link_key", hex.EncodeToString(fresh))
	if err != nil {
		return err
	}
	b.linkKey, err = hex.DecodeString(text)
	return err
}

func (b *Bursar) signLink(account, document, expires string) string {
	mac := hmac.New(sha256.New, b.linkKey)
	fmt.Fprintf(mac, "%s\n%s\n%s", account, document, expires)
	return hex.EncodeToString(mac.Sum(nil))
}

// link is a signed address of a document.
func (b *Bursar) link(k store.Key) string {
	expires := strconv.FormatInt(b.cfg.Now().Add(linkLife).Unix(), 10)
	q := url.Values{"expires": {expires}, "signature": {b.signLink(k.Account, k.ID, expires)}}
	if k.Account != "" {
		q.Set("account", k.Account)
	}
	return b.cfg.PublicURL + "/documents/" + url.PathEscape(k.ID) + "?" + q.Encode()
}

// linked is the document of a signed link, if it is one and still valid.
func (b *Bursar) linked(r *http.Request) (store.Key, bool) {
	q, document := r.URL.Query(), r.PathValue("document")
	k := b.key(r.Context(), document)
	k.Account = q.Get("account")
	want := b.signLink(k.Account, document, q.Get("expires"))
	expires, err := strconv.ParseInt(q.Get("expires"), 10, 64)
	return k, hmac.Equal([]byte(want), []byte(q.Get("signature"))) && err == nil && b.cfg.Now().Unix() < expires
}
