// Package pdf makes invoices, receipts and credit notes.
//
// A [Document] says what is to be shown, a [Template] how; a [Renderer] holds
// the parsed fonts and the logo and may be used by many goroutines. The same
// document and template give the same bytes, whenever and wherever.
package pdf
