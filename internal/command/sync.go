package command

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
)

// latestInvoices is how many invoices of each customer a sync looks at.
const latestInvoices = "20"

// Sync refetches what Stripe knows of the tenant: its customers, their subscriptions
// and schedules, latest invoices and payment methods. What the events tell later is
// then known already. A tenant that does not exist is store.ErrNotFound.
func (c *Commands) Sync(ctx context.Context, on On) error {
	return c.do(ctx, on, func(ctx context.Context, j *job) error {
		if _, err := j.known(ctx); err != nil {
			return err
		}
		customers, err := j.read.Customers(ctx, j.tenant, []string{j.tenant.ID})
		if err != nil {
			return err
		}
		for _, cust := range customers {
			if cust.Deleted {
				continue
			}
			if err := j.syncCustomer(ctx, cust.ID); err != nil {
				return err
			}
		}
		return nil
	})
}

func (j *job) syncCustomer(ctx context.Context, id string) error {
	a, err := j.stripe.Fetch(ctx, "customer", id)
	if errors.Is(err, stripe.ErrNotFound) {
		return nil // it was of another account, or is gone without a trace
	} else if err != nil {
		return err
	}
	if err := j.ingest(ctx, a); err != nil || a.Deleted {
		return err
	}
	if err := j.syncPaymentMethods(ctx, id); err != nil {
		return err
	}
	if err := j.syncSubscriptions(ctx, id); err != nil {
		return err
	}
	page, err := j.stripe.ListPage(ctx, "/v1/invoices", url.Values{"customer": {id}, "limit": {latestInvoices}, "expand[]": {"data.payments"}})
	if err != nil {
		return err
	}
	return j.ingest(ctx, page.Answers()...)
}

// syncSubscriptions ingests all subscriptions of a customer, ended ones too, with
// the schedules of those that have one.
func (j *job) syncSubscriptions(ctx context.Context, customer string) error {
	var answers []stripe.Answer
	for a, err := range j.stripe.List(ctx, "/v1/subscriptions", url.Values{"customer": {customer}, "status": {"all"}}) {
		if err != nil {
			return err
		}
		answers = append(answers, a)
	}
	for _, a := range answers {
		schedule := a.Value.Get("schedule").ID()
		if schedule == "" {
			continue
		}
		s, err := j.stripe.Fetch(ctx, "subscription_schedule", schedule)
		if err != nil {
			return err
		}
		answers = append(answers, s)
	}
	return j.ingest(ctx, answers...)
}

// syncPaymentMethods ingests what is attached to a customer, and what we believe is
// and Stripe no longer lists.
func (j *job) syncPaymentMethods(ctx context.Context, customer string) error {
	var answers []stripe.Answer
	listed := map[string]bool{}
	for a, err := range j.stripe.CustomerPaymentMethods(ctx, customer) {
		if err != nil {
			return err
		}
		answers, listed[a.ID] = append(answers, a), true
	}
	page := store.Page{Limit: 100}
	for {
		rows, err := j.read.PaymentMethodsOf(ctx, j.tenant, page)
		if err != nil {
			return err
		}
		for _, m := range rows.Rows {
			if m.Customer != customer || listed[m.ID] {
				continue
			}
			a, err := j.stripe.Fetch(ctx, "payment_method", m.ID)
			if errors.Is(err, stripe.ErrNotFound) {
				continue
			} else if err != nil {
				return fmt.Errorf("payment method %s: %w", m.ID, err)
			}
			answers = append(answers, a)
		}
		if rows.Next == "" {
			return j.ingest(ctx, answers...)
		}
		if page.After, err = store.ParseCursor(rows.Next); err != nil {
			return err
		}
	}
}
