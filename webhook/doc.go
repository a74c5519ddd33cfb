// Package webhook holds the two signatures that Bursar speaks.
//
// Stripe's, inbound: a [Verifier] (or [Verify], for a single call) tells
// whether a request was signed by Stripe, and [Sign] makes the same header for
// tests and simulators.
//
// Standard Webhooks, outbound: [SignStandard] makes the three headers that
// Bursar's own webhooks carry, and [VerifyStandard] is for the program that
// receives them.
//
// Both work on the raw bytes of the body, before anything parses it: a body
// that was decoded and encoded again no longer matches its signature. Both
// refuse to work without a secret. Neither remembers what it has seen, so
// that a receiver has to recognize repetitions by the event's id.
//
// Sources: https://docs.stripe.com/webhooks and
// https://www.standardwebhooks.com.
package webhook
