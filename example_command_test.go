package bursar_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/stripetest"
)

// openExample opens a Bursar beside a simulated Stripe account.
func openExample() (b *bursar.Bursar, acct *stripetest.Account, done func()) {
	acct = stripetest.NewAccount(stripetest.Config{}).Calm()
	for _, p := range shopPlans().Plans() {
		for _, price := range p.Prices {
			_, err := acct.Post("/v1/prices", stripetest.Form{
				"id": price.ID, "product_data[name]": p.Name, "currency": price.Currency,
				"unit_amount": fmt.Sprint(price.Amount), "recurring[interval]": price.Interval,
			})
			if err != nil {
				panic(err)
			}
		}
	}
	api := httptest.NewServer(acct)
	dir, err := os.MkdirTemp("", "bursar")
	if err != nil {
		panic(err)
	}
	b, err = bursar.Open(context.Background(), bursar.Config{
		DatabaseURL: "sqlite://" + filepath.Join(dir, "bursar.db"), Plans: shopPlans(),
		StripeSecretKey: "sk_test_example", StripeAPIBase: api.URL, Now: acct.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		panic(err)
	}
	return b, acct, func() {
		b.Close()
		api.Close()
		acct.Close()
		os.RemoveAll(dir)
	}
}

// Sell a plan, and know of it on the page that the buyer comes back to.
func ExampleBursar_Checkout() {
	b, stripe, done := openExample()
	defer done()
	ctx := context.Background()

	session, err := b.Checkout(ctx, "acme", bursar.Checkout{
		Plan: "pro", Interval: "month",
		SuccessURL: "https://app.example/welcome", CancelURL: "https://app.example/pricing",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	// The buyer goes to session.URL, and pays there.
	if _, err := stripe.Complete(session.ID, stripetest.Buyer{}); err != nil {
		fmt.Println(err)
		return
	}
	sub, err := b.Sync(ctx, "acme")
	fmt.Println(sub.Plan, sub.Status, err)

	_, err = b.Checkout(ctx, "acme", bursar.Checkout{
		Plan: "team", Currency: "usd",
		SuccessURL: "https://app.example/welcome", CancelURL: "https://app.example/pricing",
	})
	fmt.Println(errors.Is(err, bursar.ErrAlreadySubscribed))
	// Output:
	// pro trialing <nil>
	// true
}

// Change, cancel, think better of it.
func ExampleBursar_ChangeSubscription() {
	b, stripe, done := openExample()
	defer done()
	ctx := context.Background()
	session, err := b.Checkout(ctx, "acme", bursar.Checkout{
		Plan: "team", Currency: "usd", SuccessURL: "https://app.example/ok", CancelURL: "https://app.example/no",
	})
	if err == nil {
		_, err = stripe.Complete(session.ID, stripetest.Buyer{})
	}
	if err == nil {
		_, err = b.Sync(ctx, "acme")
	}
	if err != nil {
		fmt.Println(err)
		return
	}

	stripe.Advance(time.Hour)
	sub, err := b.ChangeSubscription(ctx, "acme", bursar.SubscriptionChange{Plan: "pro", Interval: "month", Quantity: 3})
	fmt.Println(sub.Plan, sub.Quantity, err)
	stripe.Advance(time.Hour)
	sub, err = b.CancelSubscription(ctx, "acme", bursar.PeriodEnd)
	fmt.Println(sub.Status, sub.EndsAt.Format(time.DateOnly), err)
	stripe.Advance(time.Hour)
	sub, err = b.ResumeSubscription(ctx, "acme")
	fmt.Println(sub.Status, sub.EndsAt.IsZero(), err)
	_, err = b.ResumeSubscription(ctx, "acme")
	fmt.Println(errors.Is(err, bursar.ErrNothingScheduled))
	// Output:
	// pro 3 <nil>
	// active 2026-02-15 <nil>
	// active true <nil>
	// true
}

// Let a tenant see to its cards and invoices on Stripe's own pages.
func ExampleBursar_Portal() {
	b, _, done := openExample()
	defer done()
	ctx := context.Background()
	name := "Acme"
	if err := b.PutTenant(ctx, "acme", bursar.TenantPatch{Name: &name}); err != nil {
		fmt.Println(err)
		return
	}
	url, err := b.Portal(ctx, "acme", "https://app.example/billing")
	fmt.Println(url != "", err)
	// Output: true <nil>
}
