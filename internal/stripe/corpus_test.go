package stripe

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// corpus is recorded payloads of many API versions, kept outside the module.
const corpus = "../../../shared/corpus"

// corpusEvents calls visit for every event in the corpus, one file per event or
// a list of the Events API.
func corpusEvents(t *testing.T, visit func(name string, body []byte)) {
	t.Helper()
	if _, err := os.Stat(corpus); err != nil {
		t.Skipf("no corpus of recorded payloads: %v", err)
	}
	err := filepath.WalkDir(corpus, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, corpus+"/")
		v, err := Parse(body)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return nil
		}
		list := v
		if v.Get("object").Str() == "list" {
			list = v.Get("data")
		}
		for e := range list.All() {
			visit(name, withEventID(e))
		}
		if list.Kind() == KindObject && !v.Get("type").IsNull() {
			visit(name, withEventID(v))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// withEventID is an event under an id as Stripe makes them: recordings whose ids
// were made alike have the file's name there.
func withEventID(e Value) []byte {
	id := e.Get("id")
	at := id.d.nodes[id.i].off - e.d.nodes[e.i].off
	return slices.Concat(e.Raw()[:at], []byte(`"evt_1"`), e.Raw()[int(at)+len(id.Raw()):])
}

// Every recorded event parses as encoding/json reads it.
func TestCorpusParse(t *testing.T) {
	events := 0
	corpusEvents(t, func(name string, body []byte) {
		events++
		v, err := Parse(body)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		decoder := json.NewDecoder(strings.NewReader(string(body)))
		decoder.UseNumber()
		var want any
		if err := decoder.Decode(&want); err != nil {
			t.Fatal(err)
		}
		same(t, v, want)
		e, err := ParseEvent(body)
		if err != nil {
			if !corpusGaps[name] {
				t.Errorf("%s: %v", name, err)
			}
			return
		}
		if (e.ObjectType == "" || e.Created == 0) && !corpusGaps[name] {
			t.Errorf("%s: object type %q, created %d", name, e.ObjectType, e.Created)
		}
	})
	t.Logf("%d events", events)
	if events < 1000 {
		t.Errorf("only %d events", events)
	}
}

// corpusChecks says what is never missing in a recorded object; it answers what
// is, by object type.
var corpusChecks = map[string]func(Value) []string{
	"customer": func(v Value) []string {
		c := ReadCustomer(v)
		return missing("ID", c.ID, "Created", c.Created)
	},
	"subscription": func(v Value) []string {
		s := ReadSubscription(v)
		m := missing("ID", s.ID, "Customer", s.Customer, "Status", s.Status, "Created", s.Created, "StartDate", s.StartDate, "CurrentPeriodStart", s.CurrentPeriodStart,
			"CurrentPeriodEnd", s.CurrentPeriodEnd, "CollectionMethod", s.CollectionMethod, "Items", len(s.Items), "known status", KnownSubscriptionStatus(s.Status))
		for _, i := range s.Items {
			m = append(m, missing("item.Price", i.Price, "item.Product", i.Product, "item.Interval", i.Interval, "item.IntervalCount", i.IntervalCount,
				"item.Currency", i.Currency, "item.UnitAmountDecimal", i.UnitAmountDecimal, "item.CurrentPeriodEnd", i.CurrentPeriodEnd)...)
		}
		return m
	},
	"invoice": func(v Value) []string {
		i := ReadInvoice(v)
		m := missing("Customer", i.Customer, "Status", i.Status, "Currency", i.Currency, "Created", i.Created, "CollectionMethod", i.CollectionMethod,
			"PeriodStart", i.PeriodStart, "PeriodEnd", i.PeriodEnd)
		switch i.Status {
		case "open", "paid", "void", "uncollectible":
			m = append(m, missing("ID", i.ID, "FinalizedAt", i.FinalizedAt)...)
		}
		if i.Status == "paid" {
			m = append(m, missing("PaidAt", i.PaidAt)...)
		}
		if i.Total != i.AmountDue && i.StartingBalance == 0 && i.Total > 0 && i.Status != "paid" {
			m = append(m, "AmountDue")
		}
		exclusive, lines := int64(0), int64(0)
		for _, tax := range i.Taxes {
			if !tax.Inclusive {
				exclusive += tax.Amount
			}
		}
		for _, line := range i.Lines {
			lines += line.Amount
			m = append(m, missing("line.ID", line.ID, "line.PeriodEnd", line.PeriodEnd)...)
		}
		if i.Subtotal-i.Discount+exclusive != i.Total {
			m = append(m, "a sum that is the total")
		}
		if !i.LinesHaveMore && lines != i.Subtotal {
			m = append(m, "lines that are the subtotal")
		}
		return m
	},
	"invoice_payment": func(v Value) []string {
		p := ReadInvoicePayment(v)
		return missing("ID", p.ID, "Invoice", p.Invoice, "Status", p.Status, "PaymentIntent", p.PaymentIntent, "AmountPaid", p.AmountPaid, "Currency", p.Currency, "PaidAt", p.PaidAt)
	},
	"charge": func(v Value) []string {
		c := ReadCharge(v)
		m := missing("ID", c.ID, "Status", c.Status, "Currency", c.Currency, "Amount", c.Amount, "Created", c.Created, "PaymentMethod", c.PaymentMethod)
		if c.Captured {
			m = append(m, missing("AmountCaptured", c.AmountCaptured)...)
		}
		if c.Status == "failed" {
			m = append(m, missing("FailureCode", c.FailureCode, "FailureMessage", c.FailureMessage)...)
		}
		return m
	},
	"refund": func(v Value) []string {
		r := ReadRefund(v)
		return missing("ID", r.ID, "Charge", r.Charge, "Status", r.Status, "Amount", r.Amount, "Currency", r.Currency, "Created", r.Created)
	},
	"dispute": func(v Value) []string {
		d := ReadDispute(v)
		return missing("ID", d.ID, "Charge", d.Charge, "Status", d.Status, "Amount", d.Amount, "Reason", d.Reason, "EvidenceDueBy", d.EvidenceDueBy)
	},
	"credit_note": func(v Value) []string {
		c := ReadCreditNote(v)
		return missing("ID", c.ID, "Number", c.Number, "Invoice", c.Invoice, "Customer", c.Customer, "Amount", c.Amount, "Lines", len(c.Lines))
	},
	"payment_method": func(v Value) []string {
		p := ReadPaymentMethod(v)
		m := missing("ID", p.ID, "Type", p.Type)
		if p.Type == "card" {
			m = append(m, missing("Brand", p.Brand, "Last4", p.Last4, "ExpMonth", p.ExpMonth, "ExpYear", p.ExpYear)...)
		}
		return m
	},
	"checkout.session": func(v Value) []string {
		s := ReadCheckoutSession(v)
		return missing("ID", s.ID, "Mode", s.Mode)
	},
	"subscription_schedule": func(v Value) []string {
		s := ReadSchedule(v)
		m := missing("ID", s.ID, "Customer", s.Customer, "Status", s.Status, "Phases", len(s.Phases))
		for _, p := range s.Phases {
			m = append(m, missing("phase.StartDate", p.StartDate, "phase.Items", len(p.Items))...)
		}
		return m
	},
	"product": func(v Value) []string {
		p := ReadProduct(v)
		return missing("ID", p.ID, "Name", p.Name, "Created", p.Created)
	},
	"price": func(v Value) []string { return missingOfPrice(ReadPrice(v)) },
	"plan":  func(v Value) []string { return missingOfPrice(ReadPrice(v)) },
	"entitlements.active_entitlement_summary": func(v Value) []string {
		return missing("Customer", ReadEntitlementSummary(v).Customer)
	},
	"payment_intent": func(v Value) []string {
		p := ReadPaymentIntent(v)
		m := missing("ID", p.ID, "Status", p.Status, "Amount", p.Amount, "Currency", p.Currency, "Created", p.Created)
		if p.Status == "succeeded" {
			m = append(m, missing("LatestCharge", p.LatestCharge, "AmountPaid", p.AmountPaid, "PaymentMethod", p.PaymentMethod)...)
		}
		return m
	},
}

func missingOfPrice(p Price) []string {
	return missing("ID", p.ID, "Product", p.Product, "Currency", p.Currency, "Type", p.Type, "BillingScheme", p.BillingScheme, "UnitAmountDecimal", p.UnitAmountDecimal, "Created", p.Created)
}

// missing is those of the named values that are zero.
func missing(pairs ...any) []string {
	var names []string
	for pair := range slices.Chunk(pairs, 2) {
		switch pair[1] {
		case "", 0, int64(0), false:
			names = append(names, pair[0].(string))
		}
	}
	return names
}

func TestCorpusObjects(t *testing.T) {
	seen := map[string]int{}
	corpusEvents(t, func(name string, body []byte) {
		e, err := ParseEvent(body)
		if err != nil {
			return // TestCorpusParse's business
		}
		check, ok := corpusChecks[e.ObjectType]
		if !ok || e.Object.Get("deleted").Bool() {
			return
		}
		seen[e.ObjectType]++
		if m := check(e.Object); len(m) > 0 && !corpusGaps[name] {
			t.Errorf("%s %s: %s has no %s", name, e.APIVersion, e.ObjectType, strings.Join(m, ", "))
		}
	})
	t.Logf("objects: %v", seen)
	for kind := range corpusChecks {
		if seen[kind] == 0 {
			t.Errorf("no %s in the corpus", kind)
		}
	}
}

// corpusGaps names recordings that were cut or made up by hand.
var corpusGaps = map[string]bool{
	"integrallis+stripe_event/spec/support/fixtures/evt_charge_succeeded.json":                     true, // of 2011
	"stripe+stripe-dotnet/src/StripeTests/Resources/api_fixtures/events/event_pre_2017-05-25.json": true, // data.object is null
}
