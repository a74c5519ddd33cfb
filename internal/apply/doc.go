// Package apply is stage 2: it turns events into rows. rules.go is the table that
// says which event does what; a rule sees its object as it is known and changes
// rows through the unit of work; settle computes from facts what is shown.
//
// Nothing here talks to Stripe or to anybody else: what leaves the process is a
// row in effects, performed after the commit.
package apply
