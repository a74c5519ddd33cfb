// Package effect is stage 3: what leaves the process, after the commit. The rows
// in the effects table are the truth; River runs them: it wakes a worker that
// claims what is due of a kind, performs it, and marks it. While receiving is busy,
// gate.go makes them wait. runners.go is the table of kinds.
package effect
