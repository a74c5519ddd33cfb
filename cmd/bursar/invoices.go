package main

import (
	"context"
	"net/http"
	"net/url"
)

type invoicesCommand struct {
	PDF invoicesPDFCommand `cmd:"" name:"pdf" help:"Write an invoice's document."`
}

type invoicesPDFCommand struct {
	Settings
	ID      string `arg:"" help:"The invoice's id, in_…."`
	Output  string `short:"o" help:"Where it goes; - for standard output." required:"" placeholder:"FILE"`
	Account string `help:"Of this connected account instead of the own one." placeholder:"ACCT"`
}

func (invoicesPDFCommand) Help() string {
	return examples("bursar invoices pdf in_1PqY… -o invoice.pdf")
}

// Run writes the document that the API would answer.
func (c invoicesPDFCommand) Run(ctx context.Context, s *system) error {
	l, err := c.openLocal(ctx, s, c.Account)
	if err != nil {
		return err
	}
	defer l.close()
	document, err := l.fetch(ctx, http.MethodGet, "/v1/invoices/"+url.PathEscape(c.ID)+"/pdf", nil)
	if err != nil {
		return err
	}
	return s.writeTo(c.Output, document)
}
