// Package billing holds Bursar's own nouns and policies, pure: what a tenant has
// by what is known of its subscriptions, when dunning is spent, how much of a
// payment was refunded, how money is written.
//
// Nothing here reads a clock or a database.
package billing
