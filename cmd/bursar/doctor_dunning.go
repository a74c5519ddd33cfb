package main

import (
	"context"
	"fmt"
	"strings"
)

// checkRetries looks whether Stripe goes on charging after dunning has taken the
// plan away. How often Stripe retries is a setting of its dashboard that the API
// does not tell; what an invoice's newest snapshot schedules, it does.
func checkRetries(ctx context.Context, x *examination) (level, string) {
	const retried = ` FROM invoices WHERE spent AND stripe_status = 'open' AND next_payment_attempt > 0`
	n, err := x.count(ctx, `SELECT COUNT(*)`+retried)
	if err != nil {
		return fail, err.Error()
	}
	if n == 0 {
		return ok, "Stripe retries no invoice that has taken the plan away"
	}
	rows, err := x.db.Writer().QueryContext(ctx, `SELECT id`+retried+` ORDER BY next_payment_attempt, id LIMIT 3`)
	if err != nil {
		return fail, fmt.Sprintf("ask the database: %v", err)
	}
	defer rows.Close()
	var ids []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return fail, err.Error()
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return fail, err.Error()
	}
	if n > len(ids) {
		ids = append(ids, "…")
	}
	return warn, fmt.Sprintf("Stripe goes on retrying %s after the %d attempts of BURSAR_DUNNING_MAX_ATTEMPTS: %s; let its retries end there, or raise the limit",
		counted(n, "invoice"), x.cfg.DunningMaxAttempts, strings.Join(ids, ", "))
}
