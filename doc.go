// Package bursar is the billing back office between Stripe and a SaaS: it
// receives Stripe's webhooks and keeps tenants, plans, subscriptions, invoices,
// payments and notices true in a database that belongs to the app.
//
//	b, err := bursar.Open(ctx, bursar.Config{WebhookSecrets: []string{secret}, Plans: plans})
//	b.On("entitlements.changed", setPlan) // a table of the app's own, in the same transaction
//	mux.Handle("/webhooks/stripe", b.WebhookHandler())
//	go b.Run(ctx)
//	e, err := b.Entitlements(ctx, "acme")
//
// The program cmd/bursar is this package behind settings and commands.
package bursar
