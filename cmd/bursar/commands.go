package main

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/bursarhq/bursar/internal/api"
)

// commands is the table of what can be typed: a row for each command, whose
// type is in the file of that name.
type commands struct {
	Serve     serveCommand     `cmd:"" help:"Run the service: webhook endpoint, API, workers."`
	Demo      demoCommand      `cmd:"" help:"Serve with a simulated Stripe account whose tenants live through months in a minute."`
	Migrate   migrateCommand   `cmd:"" help:"Bring the database's schema up to date."`
	Events    eventsCommand    `cmd:"" help:"Look into the inbox, and apply events again."`
	Reconcile reconcileCommand `cmd:"" help:"Compare with Stripe, and apply the events and objects that never arrived."`
	Backfill  backfillCommand  `cmd:"" help:"Import an existing Stripe account, and tell nobody."`
	Explain   explainCommand   `cmd:"" help:"Say why a tenant has the plan and status that it has, and every change that led there."`
	Invoices  invoicesCommand  `cmd:"" help:"Look at invoices' documents."`
	Notices   noticesCommand   `cmd:"" help:"Look at mails."`
	Webhooks  webhooksCommand  `cmd:"" help:"Look after the endpoints that Bursar's own webhooks go to, and send messages again."`
	Keys      keysCommand      `cmd:"" help:"Make, list and revoke keys of the API."`
	Backup    backupCommand    `cmd:"" help:"Write a consistent copy of the SQLite database, also while serving."`
	Doctor    doctorCommand    `cmd:"" help:"Check configuration, database, Stripe, clock, plans, inbox and mail, a line for each."`
	Trigger   triggerCommand   `cmd:"" help:"Build realistic signed events and post them to an endpoint."`
	Simulate  simulateCommand  `cmd:"" help:"Run the simulated Stripe account alone: an API, signed webhooks that misbehave, a clock."`
	Verify    verifyCommand    `cmd:"" help:"Say whether a webhook's signature is good and, if not, exactly why."`

	Completion completionCommand `cmd:"" help:"Print a script that completes commands and flags in a shell."`
	Version    versionCommand    `cmd:"" help:"Print the version, its commit, Go's version and the schema's."`
}

const about = "The billing back office between Stripe and a SaaS: receives Stripe's webhooks and keeps tenants, plans, subscriptions, invoices, payments and notices true in your database."

// usageError is a mistake of whoever typed the command: exit status 2.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func misused(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// errFailed ends a command with exit status 1 that has already said why.
var errFailed = errors.New("failed")

// parser returns the parser of command lines, and what they are parsed into.
// exit is called after --help was printed.
func (s *system) parser(exit func(int)) (*kong.Kong, *commands, error) {
	var c commands
	plugSettings(reflect.ValueOf(&c).Elem())
	k, err := kong.New(&c,
		kong.Name("bursar"), kong.Description(about),
		kong.Writers(s.stdout, s.stderr), kong.Exit(exit),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.ExplicitGroups([]kong.Group{{Key: "settings", Title: "Settings:"}}),
	)
	return k, &c, err
}

// run runs one command line and returns its exit status.
func (s *system) run(ctx context.Context, args []string) int {
	helped := false
	k, _, err := s.parser(func(int) { helped = true })
	if err != nil {
		fmt.Fprintln(s.stderr, "bursar:", err)
		return 1
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := k.Parse(args)
	if helped {
		return 0
	}
	command := "bursar"
	if wrong := (*kong.ParseError)(nil); errors.As(err, &wrong) && wrong.Context != nil && wrong.Context.Selected() != nil {
		command = wrong.Context.Selected().FullPath()
	}
	if err == nil {
		command = parsed.Selected().FullPath()
		parsed.BindTo(ctx, (*context.Context)(nil))
		err = parsed.Run(s)
	} else {
		err = usageError{err}
	}
	if problem := (*api.Problem)(nil); errors.As(err, &problem) {
		err = errors.New(problem.Detail)
	}
	switch wrong := (usageError{}); {
	case err == nil:
		return 0
	case errors.As(err, &wrong):
		fmt.Fprintf(s.stderr, "bursar: %v\nTry %q.\n", err, command+" --help")
		return 2
	case errors.Is(err, errFailed):
	default:
		fmt.Fprintln(s.stderr, "bursar:", err)
	}
	return 1
}

// examples is the detailed help of a command: lines to be typed, each with what
// it does after a #.
func examples(lines ...string) string {
	return "Examples:\n\n    " + strings.Join(lines, "\n    ") + "\n"
}
