package einvoice_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"pgregory.net/rapid"

	"github.com/bursarhq/bursar/internal/pdf"
	"github.com/bursarhq/bursar/internal/pdf/einvoice"
)

var update = flag.Bool("update", false, "write testdata/*.xml anew")

func day(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// standard is two rates, a discount on a line, a proration credit and credit
// from the customer's balance.
func standard() pdf.Document {
	from, to := day(2026, 11, 25), day(2026, 12, 25)
	vat := []pdf.Tax{{Name: "VAT", Percent: "19.0"}}
	return pdf.Document{
		Kind: pdf.Invoice, Number: "HEL-2026-0042", Currency: "eur", Locale: "de",
		IssuedAt: from, DueAt: day(2026, 12, 9), PeriodStart: from, PeriodEnd: to,
		Seller: pdf.Party{
			Name: "Helmsman Software GmbH", Address: pdf.Address{Line1: "Große Elbstraße 27", City: "Hamburg", PostalCode: "22767", Country: "DE"},
			Email: "billing@helmsman.example", Phone: "+49 40 1234567", TaxIDs: []pdf.TaxID{{Type: "eu_vat", Value: "DE123456789"}, {Type: "de_stn", Value: "22/815/08154"}},
		},
		Buyer: pdf.Party{
			Name: "Bäckerei <Krümel> & Söhne", Address: pdf.Address{Line1: "Am Markt 1", City: "Bremen", PostalCode: "28195", Country: "de"},
			TaxIDs: []pdf.TaxID{{Type: "eu_vat", Value: "DE 987 654 321"}},
		},
		Lines: []pdf.Line{
			{Description: "Pro, monatlich", Quantity: "3", UnitAmount: "2900", Amount: 8700, Discount: 870, PeriodStart: from, PeriodEnd: to, Taxes: vat},
			{Description: "Nicht genutzte Zeit", Quantity: "1", UnitAmount: "-203", Amount: -203, PeriodStart: day(2026, 11, 18), PeriodEnd: from, Proration: true, Taxes: vat},
			{Description: "Aufrufe", Quantity: "12840", UnitAmount: "0.05", Amount: 642, Taxes: vat},
			{Description: "Handbuch", Quantity: "1", UnitAmount: "1800", Amount: 1800, Taxes: []pdf.Tax{{Name: "VAT", Percent: "7"}}},
		},
		Discounts: []pdf.Discount{{Name: "WELCOME10", Percent: "10", Amount: 870}},
		Taxes: []pdf.Tax{
			{Name: "VAT", Percent: "19", Taxable: 8269, Amount: 1571},
			{Name: "VAT", Percent: "7", Taxable: 1800, Amount: 126},
		},
		Totals: pdf.Totals{Subtotal: 10939, TotalExcludingTax: 10069, Total: 11766, AppliedBalance: -500, AmountDue: 11266},
		Notes:  []string{"Vielen Dank."},
	}
}

func documents() map[string]pdf.Document {
	all := map[string]pdf.Document{"standard": standard()}

	d := standard()
	d.Lines = []pdf.Line{{Description: "Team plan", Amount: 10000}}
	d.Discounts, d.Taxes = nil, []pdf.Tax{{Name: "VAT", Percent: "0", Taxable: 10000, Reason: "reverse_charge"}}
	d.Buyer.Address.Country, d.Buyer.TaxIDs = "FR", []pdf.TaxID{{Type: "eu_vat", Value: "FR12345678901"}}
	d.Totals = pdf.Totals{Subtotal: 10000, TotalExcludingTax: 10000, Total: 10000, AmountDue: 10000}
	d.DueAt = time.Time{}
	all["reverse-charge"] = d

	d = standard()
	d.Lines = []pdf.Line{{Description: "Plan", Quantity: "2", UnitAmount: "5950", Amount: 11900, Taxes: []pdf.Tax{{Percent: "19", Amount: 1900, Inclusive: true}}}}
	d.Discounts, d.Taxes = nil, []pdf.Tax{{Percent: "19", Taxable: 10000, Amount: 1900, Inclusive: true}}
	d.Totals = pdf.Totals{Subtotal: 11900, TotalExcludingTax: 10000, Total: 11900, AmountDue: 11900}
	all["inclusive"] = d

	d = standard()
	d.Lines = []pdf.Line{{Description: "Plan", Quantity: "1", UnitAmount: "10000", Amount: 10000, Taxes: []pdf.Tax{{Percent: "19"}}}}
	d.Taxes = []pdf.Tax{{Percent: "19", Taxable: 9130, Amount: 1735}}
	d.Totals = pdf.Totals{Subtotal: 10000, TotalExcludingTax: 9130, Total: 10865, AmountDue: 10865}
	all["document-discount"] = d

	d = standard()
	d.Kind, d.Number, d.InvoiceNumber = pdf.CreditNote, "HEL-2026-0042-CN-01", "HEL-2026-0042"
	d.Lines, d.Discounts = []pdf.Line{{Description: "Pro, monatlich", Quantity: "1", UnitAmount: "2900", Amount: 2900, Taxes: []pdf.Tax{{Percent: "19"}}}}, nil
	d.Taxes = []pdf.Tax{{Percent: "19", Taxable: 2900, Amount: 551}}
	d.Totals = pdf.Totals{Subtotal: 2900, TotalExcludingTax: 2900, Total: 3451}
	all["credit-note"] = d

	d = standard()
	d.Currency = "usd"
	d.Seller = pdf.Party{Name: "Helmsman Inc.", Address: pdf.Address{Line1: "1 Main St", City: "Austin", State: "TX", PostalCode: "78701", Country: "US"}, TaxIDs: []pdf.TaxID{{Type: "us_ein", Value: "12-3456789"}}}
	d.Lines, d.Discounts, d.Taxes = []pdf.Line{{Description: "Pro", Amount: 2900}}, nil, nil
	d.Totals = pdf.Totals{Subtotal: 2900, TotalExcludingTax: 2900, Total: 2900, AmountDue: 0}
	all["outside"] = d
	return all
}

func write(t *testing.T, d pdf.Document) []byte {
	t.Helper()
	out, err := einvoice.XML(d)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestGolden(t *testing.T) {
	for name, d := range documents() {
		t.Run(name, func(t *testing.T) {
			got := write(t, d)
			path := filepath.Join("testdata", name+".xml")
			if *update {
				if err := os.WriteFile(path, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("it differs from %s; it is now:\n%s", path, got)
			}
		})
	}
}

// TestSchema validates against the official schema, which is not ours to ship:
// BURSAR_TEST_FACTURX_XSD is the path of Factur-X_1.07.3_EN16931.xsd.
func TestSchema(t *testing.T) {
	schema := os.Getenv("BURSAR_TEST_FACTURX_XSD")
	if schema == "" {
		t.Skip("BURSAR_TEST_FACTURX_XSD is not set")
	}
	for name, d := range documents() {
		command := exec.Command("xmllint", "--noout", "--schema", schema, "-")
		command.Stdin = bytes.NewReader(write(t, d))
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
}

// node is an element of the XML, for the checks of business rules.
type node struct {
	name     string
	text     string
	attrs    map[string]string
	children []*node
}

func parse(t *testing.T, data []byte) *node {
	t.Helper()
	root := &node{}
	stack := []*node{root}
	for decoder := xml.NewDecoder(bytes.NewReader(data)); ; {
		token, err := decoder.Token()
		if err == io.EOF {
			return root.children[0]
		}
		if err != nil {
			t.Fatal(err)
		}
		top := stack[len(stack)-1]
		switch e := token.(type) {
		case xml.StartElement:
			n := &node{name: e.Name.Local, attrs: map[string]string{}}
			for _, a := range e.Attr {
				n.attrs[a.Name.Local] = a.Value
			}
			top.children = append(top.children, n)
			stack = append(stack, n)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			top.text += strings.TrimSpace(string(e))
		}
	}
}

// all finds the elements at a path below n.
func (n *node) all(path string) []*node {
	first, rest, more := strings.Cut(path, "/")
	var found []*node
	for _, c := range n.children {
		if c.name == first && more {
			found = append(found, c.all(rest)...)
		} else if c.name == first {
			found = append(found, c)
		}
	}
	return found
}

func (n *node) one(path string) string {
	if found := n.all(path); len(found) > 0 {
		return found[0].text
	}
	return ""
}

func sum(t *testing.T, parts ...string) *big.Rat {
	t.Helper()
	total := new(big.Rat)
	for _, p := range parts {
		r, ok := new(big.Rat).SetString(p)
		if !ok && p != "" {
			t.Fatalf("%q is no amount", p)
		}
		if p != "" {
			total.Add(total, r)
		}
	}
	return total
}

func texts(nodes []*node) []string {
	var out []string
	for _, n := range nodes {
		out = append(out, n.text)
	}
	return out
}

// TestBusinessRules checks the sums that EN 16931 demands, from the XML alone.
func TestBusinessRules(t *testing.T) {
	for name, d := range documents() {
		t.Run(name, func(t *testing.T) {
			root := parse(t, write(t, d))
			trade := root.all("SupplyChainTradeTransaction")[0]
			lines := trade.all("IncludedSupplyChainTradeLineItem")
			settlement := trade.all("ApplicableHeaderTradeSettlement")[0]
			totals := settlement.all("SpecifiedTradeSettlementHeaderMonetarySummation")[0]
			equal := func(rule string, a, b *big.Rat) {
				if a.Cmp(b) != 0 {
					t.Errorf("%s: %s is not %s", rule, a.FloatString(2), b.FloatString(2))
				}
			}
			const lineTotal = "SpecifiedLineTradeSettlement/SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount"
			var nets []string
			for _, l := range lines {
				net := l.one(lineTotal)
				nets = append(nets, net)

				price, basis := sum(t, l.one("SpecifiedLineTradeAgreement/NetPriceProductTradePrice/ChargeAmount")), sum(t, "1")
				if b := l.one("SpecifiedLineTradeAgreement/NetPriceProductTradePrice/BasisQuantity"); b != "" {
					basis = sum(t, b)
				}
				if price.Sign() < 0 {
					t.Errorf("BR-27: price %s", price)
				}
				value := new(big.Rat).Mul(price, sum(t, l.one("SpecifiedLineTradeDelivery/BilledQuantity")))
				value.Quo(value, basis)
				off := sum(t, texts(l.all("SpecifiedLineTradeSettlement/SpecifiedTradeAllowanceCharge/ActualAmount"))...)
				equal("line net", value.Sub(value, off), sum(t, net))
			}
			equal("BR-CO-10", sum(t, nets...), sum(t, totals.one("LineTotalAmount")))
			off := sum(t, texts(settlement.all("SpecifiedTradeAllowanceCharge/ActualAmount"))...)
			equal("BR-CO-11", off, sum(t, totals.one("AllowanceTotalAmount")))
			basis := sum(t, totals.one("TaxBasisTotalAmount"))
			equal("BR-CO-13", new(big.Rat).Sub(sum(t, nets...), off), basis)
			taxes := settlement.all("ApplicableTradeTax")
			var amounts, bases []string
			for _, tax := range taxes {
				amounts, bases = append(amounts, tax.one("CalculatedAmount")), append(bases, tax.one("BasisAmount"))
				rate := sum(t, tax.one("RateApplicablePercent"))
				exact := rate.Mul(rate, sum(t, tax.one("BasisAmount")))
				exact.Quo(exact, big.NewRat(100, 1))
				if exact.FloatString(2) != tax.one("CalculatedAmount") {
					t.Errorf("BR-CO-17: %s should be %s", tax.one("CalculatedAmount"), exact.FloatString(2))
				}
				if category := tax.one("CategoryCode"); slices.Contains([]string{"AE", "E", "O"}, category) != (tax.one("ExemptionReason") != "") {
					t.Errorf("category %s: exemption reason %q", category, tax.one("ExemptionReason"))
				}
			}
			tax := sum(t, totals.one("TaxTotalAmount"))
			equal("BR-CO-14", sum(t, amounts...), tax)
			equal("bases", sum(t, bases...), basis)
			grand := sum(t, totals.one("GrandTotalAmount"))
			equal("BR-CO-15", new(big.Rat).Add(basis, tax), grand)
			equal("BR-CO-16", new(big.Rat).Sub(grand, sum(t, totals.one("TotalPrepaidAmount"))), sum(t, totals.one("DuePayableAmount")))
			if d.Kind == pdf.Invoice && sum(t, totals.one("DuePayableAmount")).Sign() > 0 && len(settlement.all("SpecifiedTradePaymentTerms")) == 0 {
				t.Error("BR-CO-25: something is due, and neither when nor on which terms")
			}
		})
	}
}

func TestParties(t *testing.T) {
	root := parse(t, write(t, standard()))
	agreement := root.all("SupplyChainTradeTransaction/ApplicableHeaderTradeAgreement")[0]
	var ids []string
	for _, id := range append(agreement.all("SellerTradeParty/SpecifiedTaxRegistration/ID"), agreement.all("BuyerTradeParty/SpecifiedTaxRegistration/ID")...) {
		ids = append(ids, id.attrs["schemeID"]+" "+id.text)
	}
	if want := []string{"VA DE123456789", "FC 22/815/08154", "VA DE987654321"}; !slices.Equal(ids, want) {
		t.Errorf("tax ids %q, want %q", ids, want)
	}
	if name := agreement.one("BuyerTradeParty/Name"); name != "Bäckerei <Krümel> & Söhne" {
		t.Errorf("buyer %q", name)
	}
	if country := agreement.one("BuyerTradeParty/PostalTradeAddress/CountryID"); country != "DE" {
		t.Errorf("country %q", country)
	}
	// BR-O-02: who is outside the scope of VAT names no VAT id.
	d := documents()["outside"]
	d.Seller.TaxIDs = []pdf.TaxID{{Type: "eu_vat", Value: "DE123456789"}}
	if bytes.Contains(write(t, d), []byte("DE123456789")) {
		t.Error("BR-O-02: a VAT id beside category O")
	}
}

func TestNotPossible(t *testing.T) {
	for want, spoil := range map[string]func(*pdf.Document){
		"neither an invoice nor":     func(d *pdf.Document) { d.Kind = pdf.Receipt },
		"no number":                  func(d *pdf.Document) { d.Number = "" },
		"no date of issue":           func(d *pdf.Document) { d.IssuedAt = time.Time{} },
		"more than two decimals":     func(d *pdf.Document) { d.Currency = "kwd" },
		"the buyer has no name":      func(d *pdf.Document) { d.Buyer.Name = "" },
		"buyer's address has no":     func(d *pdf.Document) { d.Buyer.Address.Country = "" },
		"seller's address has no":    func(d *pdf.Document) { d.Seller.Address.Country = "" },
		"no lines":                   func(d *pdf.Document) { d.Lines = nil },
		"the seller has no VAT id":   func(d *pdf.Document) { d.Seller.TaxIDs = nil },
		"line 4: its tax is not":     func(d *pdf.Document) { d.Lines[3].Taxes = nil },
		"line 1: it has 2 taxes":     func(d *pdf.Document) { d.Lines[0].Taxes = append(d.Lines[0].Taxes, pdf.Tax{Percent: "1"}) },
		"line 3: the rate":           func(d *pdf.Document) { d.Lines[2].Taxes = []pdf.Tax{{Amount: 5}} },
		`line 1: quantity "many"`:    func(d *pdf.Document) { d.Lines[0].Quantity = "many" },
		"its lines make 82.69":       func(d *pdf.Document) { d.Lines = d.Lines[:3] },
		"are not its total, 117.67":  func(d *pdf.Document) { d.Totals.Total++ },
		"to which VAT rate":          func(d *pdf.Document) { d.Lines[0].Discount = 0 },
		"without the buyer's VAT id": func(d *pdf.Document) { *d = documents()["reverse-charge"]; d.Buyer.TaxIDs = nil },
		"BR-O-11":                    func(d *pdf.Document) { d.Lines[3].Taxes[0].Reason = "not_collecting" },
	} {
		d := standard()
		spoil(&d)
		if _, err := einvoice.XML(d); !errors.Is(err, einvoice.ErrNotPossible) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v; %q was expected in it", err, want)
		}
	}
}

// Whatever names and notes hold, the result is well-formed and says the same.
func TestAnyTextIsWellFormed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.String().Draw(rt, "text")
		d := standard()
		d.Buyer.Name, d.Lines[0].Description, d.Notes[0] = "x"+text, "y"+text, "z"+text
		root := parse(t, write(t, d))
		got := root.one("SupplyChainTradeTransaction/ApplicableHeaderTradeAgreement/BuyerTradeParty/Name")
		want := strings.TrimSpace(strings.Map(func(r rune) rune {
			switch {
			case r == '\r':
				return r
			case r < ' ' && r != '\t' && r != '\n', r == 0xFFFE, r == 0xFFFF:
				return '\ufffd'
			}
			return r
		}, "x"+text))
		if got != want {
			rt.Errorf("%q came back as %q", want, got)
		}
	})
}

// TestFacturX reads the invoice back out of its PDF.
func TestFacturX(t *testing.T) {
	d := standard()
	hybrid, err := einvoice.FacturX(d)
	if err != nil {
		t.Fatal(err)
	}
	renderer, err := pdf.New(pdf.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := renderer.RenderHybrid(&file, d, hybrid); err != nil {
		t.Fatal(err)
	}
	api.DisableConfigDir()
	if err := api.Validate(bytes.NewReader(file.Bytes()), nil); err != nil {
		t.Errorf("pdfcpu: %v", err)
	}
	attached, err := api.ExtractAttachmentsRaw(bytes.NewReader(file.Bytes()), "", nil, nil)
	if err != nil || len(attached) != 1 || attached[0].FileName != "factur-x.xml" {
		t.Fatalf("attachments %+v, %v", attached, err)
	}
	if data, err := io.ReadAll(attached[0]); err != nil || !bytes.Equal(data, write(t, d)) {
		t.Errorf("the attachment is not the invoice: %v", err)
	}
	for _, want := range []string{"/AFRelationship/Alternative", "<fx:ConformanceLevel>EN 16931<", "<pdfaid:part>3<", "/GTS_PDFA1"} {
		if !bytes.Contains(file.Bytes(), []byte(want)) {
			t.Errorf("no %s", want)
		}
	}
	if _, metadata, ok := strings.Cut(file.String(), "<?xpacket begin"); ok {
		metadata, _, _ = strings.Cut("<?xpacket begin"+metadata, "\nendstream")
		parse(t, []byte(metadata))
	} else {
		t.Error("no metadata")
	}
}
