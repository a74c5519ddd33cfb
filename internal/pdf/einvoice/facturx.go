package einvoice

import "github.com/bursarhq/bursar/internal/pdf"

// FileName is what the XML inside a PDF is called (Factur-X 1.0, section 6.2.2).
const FileName = "factur-x.xml"

// FacturX is the invoice to be carried by its own PDF, for
// [pdf.Renderer.RenderHybrid].
func FacturX(d pdf.Document) (pdf.Hybrid, error) {
	data, err := XML(d)
	if err != nil {
		return pdf.Hybrid{}, err
	}
	return pdf.Hybrid{Name: FileName, Description: "Factur-X invoice", Data: data, Extension: extension}, nil
}

// extension is the metadata by which readers know the file, and the description
// of their schema that PDF/A demands.
const extension = `<rdf:Description rdf:about="" xmlns:fx="urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#">` +
	`<fx:DocumentType>INVOICE</fx:DocumentType><fx:DocumentFileName>` + FileName + `</fx:DocumentFileName>` +
	`<fx:Version>1.0</fx:Version><fx:ConformanceLevel>EN 16931</fx:ConformanceLevel></rdf:Description>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/" xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>Factur-X PDFA Extension Schema</pdfaSchema:schema>
<pdfaSchema:namespaceURI>urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>fx</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq>
` + property1 + property2 + property3 + property4 + `</rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description>
`

const (
	property1 = propertyStart + "DocumentFileName" + propertyMiddle + "The name of the embedded XML document" + propertyEnd
	property2 = propertyStart + "DocumentType" + propertyMiddle + "The type of the hybrid document" + propertyEnd
	property3 = propertyStart + "Version" + propertyMiddle + "The version of the standard that the XML document follows" + propertyEnd
	property4 = propertyStart + "ConformanceLevel" + propertyMiddle + "The profile that the XML document follows" + propertyEnd

	propertyStart  = `<rdf:li rdf:parseType="Resource"><pdfaProperty:name>`
	propertyMiddle = `</pdfaProperty:name><pdfaProperty:valueType>Text</pdfaProperty:valueType><pdfaProperty:category>external</pdfaProperty:category><pdfaProperty:description>`
	propertyEnd    = "</pdfaProperty:description></rdf:li>\n"
)
