// Bursar is the billing back office between Stripe and a SaaS. bursar --help
// lists its commands.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(program()) }

// program runs the command that the arguments name and returns the exit status:
// 0 on success, 1 on failure, 2 on wrong usage.
func program() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal asks to stop; the second, no longer caught, stops.
	context.AfterFunc(ctx, stop)
	return newSystem().run(ctx, os.Args[1:])
}
