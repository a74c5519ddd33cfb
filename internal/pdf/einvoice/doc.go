// Package einvoice writes invoices and credit notes as EN 16931 asks for, in the
// syntax of UN/CEFACT's Cross Industry Invoice, alone or inside the PDF
// (Factur-X and ZUGFeRD, profile EN 16931).
//
// The XML says what the document says: amounts are taken from it, never computed
// anew, and where they do not add up as the standard demands there is an error
// instead of an invoice.
package einvoice
