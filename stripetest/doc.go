// Package stripetest is a Stripe account in memory: the part of Stripe's API
// that a billing back office uses, webhooks signed as Stripe signs them, and a
// clock that is advanced as Stripe's test clocks are.
//
//	acct := stripetest.New(t)
//	endpoint := acct.Deliver(app)          // an http.Handler, or a URL
//	app.Secret = endpoint.Secret()
//	acct.Play("renewal-fails-recovers", stripetest.Play{Tenant: "acme"})
//	acct.Settle()                          // everything has been delivered
//
// It is stateful: what is created can be fetched, a subscription renews when
// the clock reaches its period's end, a declined card starts dunning. Every
// change makes the events that Stripe makes, with their previous_attributes,
// rendered in the API version of the endpoint that receives them.
//
// Delivery misbehaves unless it is told to be Calm: events come twice, late,
// out of order, as two Event objects for one change, or only with a retry. All
// of it follows from Config.Seed, so a failure can be run again.
//
// The account is driven in three ways: over HTTP, as an http.Handler under any
// Stripe client; in the process by Post, Get and Delete, which are the same
// requests without HTTP; and by what no API offers, such as Complete (the buyer
// on Checkout's page), PortalCancel, Dispute, FailRefund and Advance.
//
// Where it simplifies Stripe, docs/simulator.md says so.
package stripetest
