// Package stripe holds Stripe's words: the envelope of an event, tolerant
// readers of the objects that Bursar uses, for every API version from 2019 to
// 2026-10-28.endive, the function that decides which of two snapshots of one
// object is newer, and the outbound client.
//
// Nothing here knows a database or a tenant. Times are Unix seconds, as Stripe
// sends them; amounts are integers in the currency's minor unit by Stripe's own
// exponents. A field that Stripe did not send is the zero value.
package stripe
