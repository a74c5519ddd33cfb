// Package command is what goes out to Stripe because somebody asked for it: checkout
// and portal sessions, changes of a subscription, a refetch of a tenant.
//
// A command changes nothing here by itself. What Stripe answers is ingested by the
// rules that events go through, so that the event that follows finds it done.
// Whatever must exist once (a tenant's customer, its open checkout session) is
// claimed in the database under an Idempotency-Key before Stripe is asked, so that a
// crash in between, or a second process, meets the same object at Stripe.
package command
