package stripe

import (
	"encoding/json"
	"os"
	"testing"
)

// An event of 5 KB, laid out as Stripe lays out its deliveries.
func sampleEvent(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/subscription_updated.json")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func BenchmarkParse(b *testing.B) {
	body := sampleEvent(b)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseEvent(b *testing.B) {
	body := sampleEvent(b)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseEvent(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadSubscription(b *testing.B) {
	e, err := ParseEvent(sampleEvent(b))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if s := ReadSubscription(e.Object); s.Status != "active" {
			b.Fatal(s.Status)
		}
	}
}

func BenchmarkReadInvoice(b *testing.B) {
	v := parse1(b, invoiceNew)
	b.ReportAllocs()
	for b.Loop() {
		if i := ReadInvoice(v); i.Status != "paid" {
			b.Fatal(i.Status)
		}
	}
}

// What the receive path does with an event.
func BenchmarkEventToSubscription(b *testing.B) {
	body := sampleEvent(b)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		e, err := ParseEvent(body)
		if err != nil {
			b.Fatal(err)
		}
		if s := ReadSubscription(e.Object); s.Status != "active" {
			b.Fatal(s.Status)
		}
	}
}

// For comparison: the checking alone, and a small struct.
func BenchmarkEncodingJSON(b *testing.B) {
	body := sampleEvent(b)
	b.Run("valid", func(b *testing.B) {
		for b.Loop() {
			if !json.Valid(body) {
				b.Fatal("not valid")
			}
		}
	})
	b.Run("envelope", func(b *testing.B) {
		for b.Loop() {
			var e struct {
				ID, Type string
				Created  int64
				Data     struct {
					Object struct{ ID, Status, Customer string }
				}
			}
			if err := json.Unmarshal(body, &e); err != nil {
				b.Fatal(err)
			}
		}
	})
}
