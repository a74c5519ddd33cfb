package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/bursarhq/bursar"
)

type reconcileCommand struct {
	Settings
	DryRun bool `help:"Print what differs, and change nothing."`
	JSON   bool `name:"json" help:"Print JSON."`
}

func (reconcileCommand) Help() string {
	return "Events since the last time come first, from Stripe's list of the last 30 days; then objects are compared with what is known of them. " +
		"It may run beside bursar serve, which does the same by and by. One that was killed is taken up where it was.\n\n" +
		examples("bursar reconcile --dry-run", "bursar reconcile --json")
}

// Run compares and heals. It fails where something could not be healed.
func (c reconcileCommand) Run(ctx context.Context, s *system) error {
	l, err := c.openLocal(ctx, s, "")
	if err != nil {
		return err
	}
	defer l.close()
	p := s.progress()
	rep, err := l.b.Reconcile(ctx, bursar.ReconcileOptions{DryRun: c.DryRun, Progress: p.show})
	p.end()
	if err != nil {
		return interrupted(ctx, err)
	}
	if c.JSON {
		err = printJSON(s.stdout, rep)
	} else {
		err = printReport(s.stdout, &rep)
	}
	if err != nil {
		return err
	}
	if n := rep.Unhealed(); n > 0 {
		return fmt.Errorf("%s could not be applied; they are tried again, see bursar events list --status failed", counted(n, "event"))
	}
	return nil
}

// interrupted is the error of a run that goes on the next time.
func interrupted(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, bursar.ErrStripeKeyMissing):
		return errors.New("STRIPE_SECRET_KEY: none is set; Stripe cannot be asked")
	case ctx.Err() != nil:
		return errors.New("interrupted; the next run goes on from here")
	}
	return err
}

// printReport says what was found, a line each, and what it took.
func printReport(w io.Writer, rep *bursar.ReconcileReport) error {
	missed, drifted := "had been missed", "had drifted"
	if rep.DryRun {
		missed, drifted = "missing", "drifted"
	}
	if rep.Gap {
		fmt.Fprintln(w, "The last comparison is longer ago than Stripe keeps events: all objects were compared.")
	}
	rows := [][]string{{"EVENT", "TYPE", "OBJECT", "CREATED", "RESULT"}}
	for _, f := range rep.Missed {
		rows = append(rows, []string{f.ID, f.Type, dash(f.Object), shortTime(&f.Created), dash(f.Result)})
	}
	if err := printSection(w, counted(len(rep.Missed), "event")+" "+missed, rows); err != nil {
		return err
	}
	rows = [][]string{{"OBJECT", "TYPE", "WHAT", "RESULT"}}
	for _, f := range rep.Drifted {
		rows = append(rows, []string{f.ID, f.Type, f.What, dash(f.Result)})
	}
	if err := printSection(w, counted(len(rep.Drifted), "object")+" "+drifted, rows); err != nil {
		return err
	}
	rows = [][]string{{"SUBSCRIPTION", "STATUS", "CUSTOMER", "TENANT"}}
	for _, m := range rep.PayingWithoutAccess {
		rows = append(rows, []string{m.Subscription, m.StripeStatus, dash(m.Customer), dash(m.Tenant)})
	}
	if err := printSection(w, counted(len(rep.PayingWithoutAccess), "subscription")+" paid for without access", rows); err != nil {
		return err
	}
	rows = [][]string{{"TENANT", "CUSTOMER", "SUBSCRIPTION"}}
	for _, m := range rep.AccessWithoutPaying {
		rows = append(rows, []string{m.Tenant, dash(m.Customer), dash(m.Subscription)})
	}
	if err := printSection(w, counted(len(rep.AccessWithoutPaying), "tenant")+" with access without paying", rows); err != nil {
		return err
	}
	if len(rep.Refused) > 0 {
		fmt.Fprintf(w, "The key may not read %s.\n", strings.Join(rep.Refused, ", "))
	}
	nothing := ""
	if rep.Clean() {
		nothing = "Nothing differs. "
	}
	_, err := fmt.Fprintf(w, "%sLooked at %s and %s with %s.\n", nothing,
		counted(rep.Events, "event"), counted(rep.Objects, "object"), counted(rep.Requests, "request"))
	return err
}

// printSection prints a table under a title, unless it has only heads.
func printSection(w io.Writer, title string, rows [][]string) error {
	if len(rows) == 1 {
		return nil
	}
	fmt.Fprintln(w, title+":")
	if err := printTable(w, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w)
	return err
}
