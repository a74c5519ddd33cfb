package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLoadSeller(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("logo.png", "bytes")
	s, err := LoadSeller(write("seller.yaml", `
name: Acme GmbH
address: {line1: Weg 1, postal_code: "10115", city: Berlin, country: DE}
tax_ids: [{type: eu_vat, value: DE123456789}]
logo: logo.png
page_size: a4
notices_off: [invoice_receipt]
`))
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "Acme GmbH" || s.Address.City != "Berlin" || s.TaxIDs[0].Value != "DE123456789" || string(s.Logo) != "bytes" || s.NoticesOff[0] != "invoice_receipt" {
		t.Errorf("%+v", s)
	}
	for text, want := range map[string]string{
		"nam: Acme":          "nam",
		"name: [Acme]":       "seller",
		"logo: missing.png":  "missing.png",
		"name: Acme\n  bad:": "seller",
	} {
		if _, err := LoadSeller(write("seller2.yaml", text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := LoadSeller(filepath.Join(dir, "none.yaml")); err == nil || !strings.Contains(err.Error(), "BURSAR_SELLER") {
		t.Error(err)
	}
}
