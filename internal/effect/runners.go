package effect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bursarhq/bursar/internal/store"
)

// Runner performs one kind of effects. A Run answers for one row; a Tick looks
// after something that has no rows, and is run every so often.
type Runner struct {
	Kind string
	Run  func(ctx context.Context, e store.Effect) (Outcome, error)
	Tick func(ctx context.Context) error
	// Every is how often the kind is looked at even when nobody wakes it: a row
	// whose job was lost is found by that.
	Every time.Duration
	// MaxAttempts is after how many failures a row is failed for good; 12 where 0.
	MaxAttempts int64
	// Parallel is how many rows are performed at once; 1 where 0.
	Parallel int
}

// Outcome is what became of an effect.
type Outcome struct {
	Status string // sent, skipped, superseded
	Reason string
	// Of a notice: to whom it went, and under which subject.
	Recipient, Subject string
}

// Deps are what the runners work with; what is nil has no runner.
type Deps struct {
	// Refetch asks Stripe for an object and applies the answer as an event.
	Refetch func(ctx context.Context, e store.Effect) (Outcome, error)
	// RetryEvents tries the failed events again whose time has come.
	RetryEvents func(ctx context.Context) error
	// SettleWaits applies the parked events whose reason to wait is gone.
	SettleWaits func(ctx context.Context) error
	// SettleOverdue looks at invoices that are past their grace.
	SettleOverdue func(ctx context.Context) error
	// TellCards looks for cards that are about to expire.
	TellCards func(ctx context.Context) error
	// TellSilence looks whether Stripe's events still arrive.
	TellSilence func(ctx context.Context) error
	// Retain drops payloads that are older than they are kept.
	Retain func(ctx context.Context) error
	// Notify sends a notice.
	Notify func(ctx context.Context, e store.Effect) (Outcome, error)
	// Document makes a document.
	Document func(ctx context.Context, e store.Effect) (Outcome, error)
	// Cancel cancels a subscription at Stripe, if dunning still justifies it.
	Cancel func(ctx context.Context, e store.Effect) (Outcome, error)
	// Hook calls a program's handler.
	Hook func(ctx context.Context, e store.Effect) (Outcome, error)
	// Outbound delivers outgoing webhooks; it has a kind, and a row, for each endpoint.
	Outbound *Outbound
}

// Runners is the table of what is performed.
func Runners(d Deps) []Runner {
	all := []Runner{
		{Kind: "refetch", Every: time.Minute, Parallel: 4, Run: d.Refetch},
		{Kind: "event_retry", Every: 5 * time.Second, Tick: d.RetryEvents},
		{Kind: "waits", Every: time.Minute, Tick: d.SettleWaits},
		{Kind: "overdue", Every: time.Minute, Tick: d.SettleOverdue},
		{Kind: "cards", Every: time.Hour, Tick: d.TellCards},
		{Kind: "silence", Every: 10 * time.Minute, Tick: d.TellSilence},
		{Kind: "retention", Every: time.Hour, Tick: d.Retain},
		{Kind: "notice", Every: time.Minute, Parallel: 4, MaxAttempts: 20, Run: d.Notify},
		{Kind: "document", Every: time.Minute, Parallel: 2, Run: d.Document},
		{Kind: "cancel", Every: time.Minute, Run: d.Cancel},
		{Kind: "hook", Every: time.Minute, Parallel: 4, MaxAttempts: 20, Run: d.Hook},
	}
	all = append(all, d.Outbound.Runners()...)
	var out []Runner
	for _, r := range all {
		if r.Run != nil || r.Tick != nil {
			out = append(out, r)
		}
	}
	return out
}

// Kinds are the kinds of effects (not ticks) that the runners perform.
func Kinds(runners []Runner) map[string]bool {
	out := map[string]bool{}
	for _, r := range runners {
		if r.Run != nil {
			out[r.Kind] = true
		}
	}
	return out
}

// ErrPermanent says that trying again does not help.
var ErrPermanent = errors.New("for good")

// RetryAfter says when trying again makes sense.
type RetryAfter struct {
	Err   error
	Delay time.Duration
}

func (e *RetryAfter) Error() string { return fmt.Sprintf("%v (again in %s)", e.Err, e.Delay) }
func (e *RetryAfter) Unwrap() error { return e.Err }
