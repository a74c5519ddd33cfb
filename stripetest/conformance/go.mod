module github.com/bursarhq/bursar/stripetest/conformance

go 1.26.0

require (
	github.com/bursarhq/bursar v0.0.0
	github.com/stripe/stripe-go/v85 v85.2.0
	github.com/stripe/stripe-mock v0.203.0
)

replace github.com/bursarhq/bursar => ../..
