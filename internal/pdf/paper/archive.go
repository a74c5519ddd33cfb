package paper

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"math"
	"time"
)

// archive writes what PDF/A-3b asks for (ISO 19005-3) and answers the catalog's
// entries for it.
func (f *File) archive() string {
	profile := f.stream("/N 3", sRGB())
	intent := f.add("<</Type/OutputIntent/S/GTS_PDFA1/OutputConditionIdentifier(sRGB)/Info(sRGB IEC61966-2.1)/DestOutputProfile %d 0 R>>", profile)
	// Uncompressed, so that it is found without a PDF reader.
	metadata := f.raw("/Type/Metadata/Subtype/XML", f.xmp())
	return fmt.Sprintf("/Metadata %d 0 R/OutputIntents[%d 0 R]", metadata, intent)
}

// xmp repeats the file's information, as PDF/A demands, and says what it claims
// to be.
func (f *File) xmp() []byte {
	var out bytes.Buffer
	created := f.meta.Created.UTC().Format(time.RFC3339)
	out.WriteString("<?xpacket begin=\"\ufeff\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n" +
		`<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` + "\n")
	out.WriteString(`<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"><pdfaid:part>3</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance></rdf:Description>` + "\n")
	fmt.Fprintf(&out, `<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:format>application/pdf</dc:format>`+
		`<dc:title><rdf:Alt><rdf:li xml:lang="x-default">%s</rdf:li></rdf:Alt></dc:title>`+
		`<dc:creator><rdf:Seq><rdf:li>%s</rdf:li></rdf:Seq></dc:creator>`+
		`<dc:description><rdf:Alt><rdf:li xml:lang="x-default">%s</rdf:li></rdf:Alt></dc:description></rdf:Description>`+"\n",
		escape(f.meta.Title), escape(f.meta.Author), escape(f.meta.Subject))
	fmt.Fprintf(&out, `<rdf:Description rdf:about="" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"><pdf:Producer>%s</pdf:Producer></rdf:Description>`+"\n", escape(f.meta.Creator))
	fmt.Fprintf(&out, `<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"><xmp:CreatorTool>%s</xmp:CreatorTool><xmp:CreateDate>%s</xmp:CreateDate><xmp:ModifyDate>%[2]s</xmp:ModifyDate></rdf:Description>`+"\n", escape(f.meta.Creator), created)
	out.WriteString(f.meta.Extension)
	out.WriteString("</rdf:RDF></x:xmpmeta>\n<?xpacket end=\"w\"?>")
	return out.Bytes()
}

func escape(s string) string {
	var out bytes.Buffer
	_ = xml.EscapeText(&out, []byte(s)) // a bytes.Buffer does not fail
	return out.String()
}

// sRGB is a color profile (ICC.1:2001-04, matrix and curves) of the sRGB space,
// computed from its definition in IEC 61966-2-1.
func sRGB() []byte {
	curve := make([]byte, 0, 12+2*256)
	curve = append(curve, "curv\x00\x00\x00\x00"...)
	curve = binary.BigEndian.AppendUint32(curve, 256)
	for i := range 256 {
		v := float64(i) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		curve = binary.BigEndian.AppendUint16(curve, uint16(math.Round(v*65535)))
	}
	const description = "sRGB IEC61966-2.1"
	desc := append([]byte("desc\x00\x00\x00\x00"), binary.BigEndian.AppendUint32(nil, uint32(len(description)+1))...)
	desc = append(desc, description...)
	desc = append(desc, make([]byte, 1+4+4+2+1+67)...)

	// The primaries are adapted to D50, the profile connection space's white.
	tags := []struct {
		tag  string
		data []byte
	}{
		{"desc", desc},
		{"cprt", append([]byte("text\x00\x00\x00\x00"), "No copyright, use freely\x00"...)},
		{"wtpt", xyz(0.95045, 1, 1.08905)},
		{"rXYZ", xyz(0.43607, 0.22249, 0.01392)},
		{"gXYZ", xyz(0.38515, 0.71687, 0.09708)},
		{"bXYZ", xyz(0.14307, 0.06061, 0.71410)},
		{"rTRC", curve},
		{"gTRC", curve},
		{"bTRC", curve},
	}
	head := make([]byte, 128)
	copy(head[4:], "\x00\x00\x00\x00\x02\x10\x00\x00mntrRGB XYZ ")
	copy(head[24:], []byte{7, 0xD0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0}) // 1 January 2000
	copy(head[36:], "acsp")
	copy(head[68:], xyz(0.9642, 1, 0.8249)[8:])

	table := binary.BigEndian.AppendUint32(nil, uint32(len(tags)))
	var body []byte
	start, shared := 128+4+12*len(tags), 0
	for _, t := range tags {
		at := start + len(body)
		if t.tag == "gTRC" || t.tag == "bTRC" {
			at = shared // all three curves are one
		} else {
			body = append(body, t.data...)
			for len(body)%4 != 0 {
				body = append(body, 0)
			}
		}
		if t.tag == "rTRC" {
			shared = at
		}
		table = append(table, t.tag...)
		table = binary.BigEndian.AppendUint32(table, uint32(at))
		table = binary.BigEndian.AppendUint32(table, uint32(len(t.data)))
	}
	profile := append(append(head, table...), body...)
	binary.BigEndian.PutUint32(profile, uint32(len(profile)))
	return profile
}

// xyz is a tag of three numbers with 16 fractional bits.
func xyz(values ...float64) []byte {
	out := []byte("XYZ \x00\x00\x00\x00")
	for _, v := range values {
		out = binary.BigEndian.AppendUint32(out, uint32(int32(math.Round(v*65536))))
	}
	return out
}
