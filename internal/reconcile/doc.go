// Package reconcile finds what webhooks never brought, and applies it by the way that
// webhooks go: first the events that Stripe has and the inbox has not, then the objects
// that differ from their newest snapshot. Polling is its first half at another pace;
// a backfill is its second half over everything that there is.
package reconcile
