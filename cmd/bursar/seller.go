package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/goccy/go-yaml"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/internal/mail"
)

// sellerFile is the shape of BURSAR_SELLER's file.
type sellerFile struct {
	Name    string `yaml:"name"`
	Address struct {
		Line1      string `yaml:"line1"`
		Line2      string `yaml:"line2"`
		City       string `yaml:"city"`
		State      string `yaml:"state"`
		PostalCode string `yaml:"postal_code"`
		Country    string `yaml:"country"`
	} `yaml:"address"`
	TaxIDs []struct {
		Type  string `yaml:"type"`
		Value string `yaml:"value"`
	} `yaml:"tax_ids"`
	Registration string   `yaml:"registration"`
	Email        string   `yaml:"email"`
	Phone        string   `yaml:"phone"`
	Website      string   `yaml:"website"`
	Footer       string   `yaml:"footer"`
	Logo         string   `yaml:"logo"` // a path, from the file's own folder, as templates
	Accent       string   `yaml:"accent"`
	Locale       string   `yaml:"locale"`
	PageSize     string   `yaml:"page_size"`
	Templates    string   `yaml:"templates"`
	NoticesOff   []string `yaml:"notices_off"`
}

var (
	countryCode = regexp.MustCompile(`^[A-Z]{2}$`)
	hexColor    = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)
)

// LoadSeller reads the file that says who sells; without a path, nobody is named.
// An error about the content names the place.
func LoadSeller(path string) (bursar.Seller, error) {
	if path == "" {
		return bursar.Seller{}, nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return bursar.Seller{}, fmt.Errorf("BURSAR_SELLER: %w", err)
	}
	var f sellerFile
	if len(bytes.TrimSpace(content)) > 0 {
		if err := yaml.UnmarshalWithOptions(content, &f, yaml.Strict()); err != nil {
			return bursar.Seller{}, fmt.Errorf("%s: %w", path, err)
		}
	}
	seller, err := f.seller(filepath.Dir(path))
	if err != nil {
		return bursar.Seller{}, fmt.Errorf("%s: %w", path, err)
	}
	return seller, nil
}

func (f *sellerFile) seller(folder string) (bursar.Seller, error) {
	out := bursar.Seller{
		Name: f.Name, Address: bursar.SellerAddress(f.Address), Registration: f.Registration, Email: f.Email, Phone: f.Phone,
		Website: f.Website, Footer: f.Footer, Accent: f.Accent, Locale: f.Locale, PageSize: f.PageSize, NoticesOff: f.NoticesOff,
	}
	for _, id := range f.TaxIDs {
		out.TaxIDs = append(out.TaxIDs, bursar.SellerTaxID(id))
	}
	switch {
	case f.Address.Country != "" && !countryCode.MatchString(f.Address.Country):
		return out, fmt.Errorf("address.country: %q is not accepted; write two capital letters such as DE", f.Address.Country)
	case f.Accent != "" && !hexColor.MatchString(f.Accent):
		return out, fmt.Errorf("accent: %q is not accepted; write a color such as #336699", f.Accent)
	case f.PageSize != "" && f.PageSize != "a4" && f.PageSize != "letter":
		return out, fmt.Errorf("page_size: %q is not accepted; write a4 or letter", f.PageSize)
	}
	for _, kind := range f.NoticesOff {
		if _, err := mail.KindOf(kind); err != nil {
			return out, fmt.Errorf("notices_off: %w", err)
		}
	}
	inFolder := func(path string) string {
		if path == "" || filepath.IsAbs(path) {
			return path
		}
		return filepath.Join(folder, path)
	}
	if f.Templates != "" {
		out.Templates = inFolder(f.Templates)
		if info, err := os.Stat(out.Templates); err != nil {
			return out, fmt.Errorf("templates: %w", err)
		} else if !info.IsDir() {
			return out, errors.New("templates: not a folder")
		}
	}
	if f.Logo == "" {
		return out, nil
	}
	var err error
	if out.Logo, err = os.ReadFile(inFolder(f.Logo)); err != nil {
		return out, fmt.Errorf("logo: %w", err)
	}
	return out, nil
}

// mailOptions is a seller as mails show one.
func mailOptions(s bursar.Seller) mail.Options {
	o := mail.Options{
		Locale: s.Locale, Dir: s.Templates, Off: s.NoticesOff,
		Seller: mail.Seller{Name: s.Name, Website: s.Website, Email: s.Email, Footer: s.Footer, Logo: s.Logo, Accent: s.Accent},
	}
	for _, id := range s.TaxIDs {
		o.Seller.TaxIDs = append(o.Seller.TaxIDs, id.Value)
	}
	a := s.Address
	town := a.City
	if a.PostalCode != "" {
		town = a.PostalCode + " " + town
	}
	for _, line := range []string{a.Line1, a.Line2, town, a.Country} {
		if line != "" {
			o.Seller.Address = append(o.Seller.Address, line)
		}
	}
	return o
}
