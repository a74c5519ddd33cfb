// Package mocktest checks what the client sends against Stripe's own
// specification. It is a module of its own, so that the specification's megabytes
// are not a dependency of the program.
package mocktest
