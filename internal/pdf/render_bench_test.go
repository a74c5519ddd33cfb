package pdf_test

import (
	"fmt"
	"io"
	"testing"

	"github.com/bursarhq/bursar/internal/pdf"
)

func BenchmarkRender(b *testing.B) {
	long := sampleInvoice()
	for i := range 296 {
		l := long.Lines[i%4]
		l.Description = fmt.Sprintf("%s (%d)", l.Description, i)
		long.Lines = append(long.Lines, l)
	}
	japanese := sampleInvoice()
	japanese.Locale = "ja"
	for _, c := range []struct {
		name     string
		document pdf.Document
		logo     bool
	}{
		{"latin", sampleInvoice(), false},
		{"latin with logo", sampleInvoice(), true},
		{"japanese", japanese, false},
		{"300 lines", long, false},
	} {
		b.Run(c.name, func(b *testing.B) {
			o := pdf.Options{}
			if c.logo {
				o.Logo = pdf.Logo{Name: "logo.png", Data: sampleLogo(b)}
			}
			r := newRenderer(b, o)
			size := len(render(b, r, c.document)) // loads the fonts
			for b.Loop() {
				if err := r.Render(io.Discard, c.document); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "documents/s")
			b.ReportMetric(float64(size), "bytes")
		})
	}
}

// BenchmarkNew is what a start costs: fonts are parsed once for the process.
func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		newRenderer(b, pdf.Options{})
	}
}
