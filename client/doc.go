// Package client is the API of a Bursar that runs elsewhere: what it knows of
// tenants, and the commands that go out to Stripe through it.
//
//	c, err := client.New("http://127.0.0.1:8000", os.Getenv("BURSAR_API_KEY"))
//	e, err := c.Entitlements(ctx, "acme")
//
// What Bursar answers as null is the zero value here. Amounts are integers in the
// currency's minor unit. An answer that is not a success is an *Error.
package client
