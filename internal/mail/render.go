package mail

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Options say how a Renderer speaks. The zero value renders the built-in texts
// in English for a seller without a name.
type Options struct {
	Seller Seller
	Locale string // the seller's; for recipients whose own is unknown or has no texts, and for operators
	// Dir holds templates that replace built-in ones, by file name: KIND.LOCALE.PART
	// or KIND.PART for every locale, PART being subject, txt or html; also
	// layout.html and layout.txt.
	Dir string
	Off []string // kinds that are not to be sent
	// Zone is where dates are told from; nil means UTC.
	Zone *time.Location
}

// Renderer turns messages into mails. It never changes after NewRenderer and is
// safe for concurrent use.
type Renderer struct {
	seller    sellerView
	logo      Attachment
	locale    string
	zone      *time.Location
	off       []string
	overrides map[partID]part
	builtin   map[partID]part
}

// NewRenderer checks everything that can be wrong with the options, the
// templates in Dir included: those are parsed, and executed with every kind's
// sample and with data that lacks everything. An error names the file and line.
func NewRenderer(o Options) (*Renderer, error) {
	r := &Renderer{locale: "en", zone: o.Zone, off: slices.Clone(o.Off)}
	if o.Locale != "" {
		if r.locale = canonicalLocale(o.Locale); r.locale == "" {
			return nil, fmt.Errorf("mail: %q is no locale; write en, de-AT, …", o.Locale)
		}
	}
	if r.zone == nil {
		r.zone = time.UTC
	}
	for _, name := range o.Off {
		if _, err := KindOf(name); err != nil {
			return nil, fmt.Errorf("%w; the kinds are %s", err, strings.Join(kindNames(), ", "))
		}
	}
	var err error
	if r.logo, err = o.Seller.logo(); err != nil {
		return nil, err
	}
	if r.seller, err = viewSeller(o.Seller); err != nil {
		return nil, err
	}
	if err := r.load(o.Dir); err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	return r, nil
}

func (r *Renderer) load(dir string) error {
	fr, err := readFrames(dir, r.seller)
	if err != nil {
		return err
	}
	r.builtin = builtin(fr)
	if r.overrides, err = readOverrides(dir, fr); err != nil {
		return err
	}
	if dir == "" {
		return nil
	}
	for _, id := range slices.SortedFunc(maps.Keys(r.overrides), partID.compare) {
		if err := r.check(id, r.overrides[id]); err != nil {
			return err
		}
	}
	// The built-in texts are sound; in a layout of the operator's they may not be.
	for _, id := range slices.SortedFunc(maps.Keys(r.builtin), partID.compare) {
		if err := r.check(id, r.builtin[id]); err != nil {
			return fmt.Errorf("the layouts in %s: %w", dir, err)
		}
	}
	return nil
}

func kindNames() []string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = k.Name
	}
	return names
}

// Enabled reports whether notices of this kind are to be sent. An unknown kind
// is not.
func (r *Renderer) Enabled(kind string) bool {
	_, err := KindOf(kind)
	return err == nil && !slices.Contains(r.off, kind)
}

// Render makes a mail of a message. It does not ask whether the kind is
// switched off. It fails with ErrUnknownKind, or where the message lacks its key
// or date.
func (r *Renderer) Render(m Message) (Rendered, error) {
	kind, err := KindOf(m.Kind)
	if err != nil {
		return Rendered{}, err
	}
	if m.Key == "" || m.Date.IsZero() {
		return Rendered{}, fmt.Errorf("mail: render %s: a message needs its key and its date", m.Kind)
	}
	out := Rendered{Kind: m.Kind, Key: m.Key, Date: m.Date, Attachments: m.Attachments}
	v := r.view(kind, m.Data.sanitized())
	wish := chain(m.Locale)
	if v.Operator {
		wish = nil // an operator reads the seller's language
	}
	var failed [3]error
	out.Subject, _, failed[0] = r.execute(partID{kind: kind.Name, part: "subject"}, wish, v)
	out.Subject = cut(clean(out.Subject), maxSubject)
	v.Subject = out.Subject
	out.Text, out.Locale, failed[1] = r.execute(partID{kind: kind.Name, part: "txt"}, wish, v)
	out.Text = wrap(out.Text)
	out.HTML, _, failed[2] = r.execute(partID{kind: kind.Name, part: "html"}, wish, v)
	if !v.Operator {
		out.Logo = r.logo
	}
	out.OverrideErr = errors.Join(failed[:]...)
	if out.Subject == "" || out.Locale == "" || out.HTML == "" {
		return Rendered{}, fmt.Errorf("mail: render %s: %w", m.Kind, out.OverrideErr)
	}
	return out, nil
}

// Preview renders a kind with its sample data.
func (r *Renderer) Preview(kind, locale string) (Rendered, error) {
	k, err := KindOf(kind)
	if err != nil {
		return Rendered{}, err
	}
	return r.Render(Message{
		Kind: kind, Key: "preview:" + kind, Locale: locale,
		Date: sampleDay(time.November, 10), Data: k.Sample,
	})
}

// view is the dot of every template.
type view struct {
	Data
	format   // Money, Date, … in the text's locale
	Seller   sellerView
	Kind     string
	Subject  string // empty while the subject itself is made
	Operator bool
}

func (r *Renderer) view(k Kind, d Data) view {
	return view{Data: d, Seller: r.seller, Kind: k.Name, Operator: k.Audience == Operator}
}

// sellerView is the seller in clean strings.
type sellerView struct {
	Name, Website, Email, Footer string
	Address, TaxIDs              []string
	HasLogo                      bool
	Accent                       string // #rrggbb
	OnAccent                     string // black or white, whichever reads better on Accent
}

var hexColor = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)

const defaultAccent = "#3451b2"

func viewSeller(s Seller) (sellerView, error) {
	v := sellerView{
		Name: cut(clean(s.Name), 200), Website: webLink(s.Website), Footer: cut(clean(s.Footer), maxString),
		HasLogo: len(s.Logo) > 0, Accent: s.Accent,
	}
	if s.Website != "" && v.Website == "" {
		return v, fmt.Errorf("mail: the seller's website %q is no http(s) address", s.Website)
	}
	if s.Email != "" {
		a, err := parseAddress(s.Email)
		if err != nil {
			return v, fmt.Errorf("mail: the seller's e-mail address %q: %w", s.Email, err)
		}
		v.Email = a.Address
	}
	for _, line := range s.Address {
		v.Address = append(v.Address, cut(clean(line), 200))
	}
	for _, id := range s.TaxIDs {
		v.TaxIDs = append(v.TaxIDs, cut(clean(id), 200))
	}
	if v.Accent == "" {
		v.Accent = defaultAccent
	}
	if !hexColor.MatchString(v.Accent) {
		return v, fmt.Errorf("mail: the accent %q is no color; write #rrggbb", s.Accent)
	}
	v.OnAccent = onColor(v.Accent)
	return v, nil
}

// onColor is the text color on a background, by its perceived brightness
// (W3C's AERT formula), with white preferred down to where it stops being legible.
func onColor(hex string) string {
	rgb, _ := strconv.ParseUint(hex[1:], 16, 32)
	brightness := (299*(rgb>>16&0xff) + 587*(rgb>>8&0xff) + 114*(rgb&0xff)) / 1000
	if brightness > 150 {
		return "#000000"
	}
	return "#ffffff"
}
