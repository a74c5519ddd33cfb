package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/store"
)

// These checks look at what has been received.

func checkEvents(ctx context.Context, x *examination) (level, string) {
	backlogs, err := x.db.Reader().Backlogs(ctx)
	if err != nil {
		return fail, err.Error()
	}
	count := map[string]int{}
	var oldest time.Time
	for _, b := range backlogs {
		count[b.Status] += int(b.Events)
		if at := time.UnixMicro(b.Oldest); b.Status != store.Parked && (oldest.IsZero() || at.Before(oldest)) {
			oldest = at
		}
	}
	dead, failed := count[store.Dead], count[store.Failed]
	since := ""
	if !oldest.IsZero() {
		since = ", the oldest of " + shortTime(&oldest)
	}
	switch {
	case dead > 0:
		return fail, fmt.Sprintf("%d dead, %d failed%s; bursar events list --status dead shows why", dead, failed, since)
	case failed > 0:
		return warn, fmt.Sprintf("%d failed%s; they are tried again; bursar events list --status failed shows why", failed, since)
	}
	return ok, "none is failed or dead"
}

// checkOtherMode looks for events of the mode that this database does not hold: who
// sent them signs with one of our secrets, which is then of the wrong mode. A secret
// itself does not say of which one it is. What came long ago does not count.
func checkOtherMode(ctx context.Context, x *examination) (level, string) {
	held, err := x.db.Meta(ctx, "mode")
	if err != nil {
		return fail, err.Error()
	}
	if held == "" {
		return ok, "the first event decides which mode it is"
	}
	const recent = 1000
	n, err := x.count(ctx, `SELECT COUNT(*) FROM (SELECT livemode, account FROM inbox ORDER BY seq DESC LIMIT $1) AS recent WHERE account = '' AND livemode <> $2`, recent, x.of.Livemode)
	switch {
	case err != nil:
		return fail, err.Error()
	case n == 0:
		return ok, "every event is of " + held + " mode"
	}
	return warn, fmt.Sprintf("of the last %d events %d are not of %s mode and were ignored: a secret in STRIPE_WEBHOOK_SECRET is of an endpoint of the other mode", recent, n, held)
}

func checkUnlinked(ctx context.Context, x *examination) (level, string) {
	unlinked, err := x.db.Reader().UnlinkedCustomers(ctx, x.of, store.Page{Limit: 4})
	if err != nil {
		return fail, err.Error()
	}
	if len(unlinked.Rows) == 0 {
		return ok, "every customer has a tenant"
	}
	const shown = 3
	var ids []string
	for _, u := range unlinked.Rows[:min(shown, len(unlinked.Rows))] {
		ids = append(ids, u.ID)
	}
	if unlinked.Next != "" || len(unlinked.Rows) > shown {
		ids = append(ids, "…")
	}
	return warn, "events are parked for customers without a tenant: " + strings.Join(ids, ", ")
}

func checkUnmapped(ctx context.Context, x *examination) (level, string) {
	prices, err := x.db.Reader().UnmappedPrices(ctx)
	if err != nil {
		return fail, err.Error()
	}
	var unmapped []string
	for _, p := range prices {
		if x.plans != nil {
			if _, _, mapped := x.plans.ByPrice(p.ID); mapped {
				continue // the next start of serve settles it
			}
		}
		unmapped = append(unmapped, fmt.Sprintf("%s (%s)", p.ID, counted(int(p.Subscriptions), "subscription")))
	}
	if len(unmapped) == 0 {
		return ok, "every price that is subscribed to is in a plan"
	}
	return warn, "subscribed to, and in no plan: " + strings.Join(unmapped, ", ")
}

func checkUncertain(ctx context.Context, x *examination) (level, string) {
	n, err := x.count(ctx, `SELECT COUNT(*) FROM objects WHERE uncertain`)
	switch {
	case err != nil:
		return fail, err.Error()
	case n == 0:
		return ok, "none: the order of all snapshots is known"
	case !x.cfg.StripeSecretKey.IsSet():
		return warn, fmt.Sprintf("of %s only the event's id decides which snapshot is the newest; with STRIPE_SECRET_KEY Stripe is asked", counted(n, "object"))
	}
	return warn, fmt.Sprintf("%s wait for Stripe to be asked which snapshot is the newest", counted(n, "object"))
}

// linksFrom is the first API version whose invoices no longer say which payment
// paid them: https://docs.stripe.com/changelog/basil/2025-03-31/add-support-for-multiple-partial-payments-on-invoices.
const linksFrom = "2025-03-31"

// checkPaymentLinks wants somebody to tell which payment paid which invoice.
func checkPaymentLinks(ctx context.Context, x *examination) (level, string) {
	if x.cfg.StripeSecretKey.IsSet() {
		return ok, "which payment paid which invoice is asked for where events do not tell"
	}
	invoices, err := x.count(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM inbox WHERE object_type = 'invoice' AND status = 'applied' AND api_version >= $1 LIMIT 1) AS found`, linksFrom)
	if err != nil {
		return fail, err.Error()
	}
	if invoices == 0 {
		return ok, "no invoice came in an API version whose invoices do not name their payment"
	}
	var types []string
	for _, rule := range apply.Rules {
		if rule.Object != "invoice_payment" {
			continue
		}
		types = append(types, rule.Type)
		n, err := x.count(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM inbox WHERE type = $1 LIMIT 1) AS found`, rule.Type)
		if err != nil {
			return fail, err.Error()
		}
		if n > 0 {
			return ok, rule.Type + " tells which payment paid which invoice"
		}
	}
	return warn, "payments and invoices cannot be matched: have Stripe send " + strings.Join(types, ", ") + ", or set STRIPE_SECRET_KEY"
}

// count asks for one number.
func (x *examination) count(ctx context.Context, query string, args ...any) (int, error) {
	var n int
	if err := x.db.Writer().QueryRowContext(ctx, query, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("ask the database: %w", err)
	}
	return n, nil
}
