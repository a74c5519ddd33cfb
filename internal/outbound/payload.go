package outbound

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
	"time"
)

// Event is what an endpoint receives. Names and meanings of the fields are those of
// the API; docs/webhooks.md and docs/webhooks.schema.json describe them.
type Event struct {
	ID        string    `json:"id"` // of the webhook-id header, too: the same however often it is sent
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"` // when Bursar saw it
	Tenant    string    `json:"tenant"`
	Account   *string   `json:"account"` // the connected account; null: the own one
	Livemode  bool      `json:"livemode"`
	Sequence  int64     `json:"sequence"` // grows with every event of the tenant
	Cause     Cause     `json:"cause"`
	Data      any       `json:"data"`
}

// Cause is why it happened.
type Cause struct {
	Event *string `json:"event"` // Stripe's, null where none caused it
	Actor string  `json:"actor"` // stripe, policy, or the name of an API key
}

// SubscriptionData is the data of subscription.* events.
type SubscriptionData struct {
	Subscription Subscription          `json:"subscription"`
	Previous     *PreviousSubscription `json:"previous"` // null where nothing was told of it yet
}

// Subscription is a subscription as the app should act on it.
type Subscription struct {
	ID                 string     `json:"id"`
	Plan               *string    `json:"plan"`
	Status             string     `json:"status"`
	StripeStatus       string     `json:"stripe_status"`
	StatusReason       *string    `json:"status_reason"`
	Access             bool       `json:"access"`
	StripePrice        *string    `json:"stripe_price"`
	Quantity           int64      `json:"quantity"`
	CurrentPeriodStart *time.Time `json:"current_period_start"`
	CurrentPeriodEnd   *time.Time `json:"current_period_end"`
	TrialEndsAt        *time.Time `json:"trial_ends_at"`
	EndsAt             *time.Time `json:"ends_at"`
	EndedAt            *time.Time `json:"ended_at"`
}

// PreviousSubscription is what was last told of it.
type PreviousSubscription struct {
	Plan   *string `json:"plan"`
	Status string  `json:"status"`
}

// InvoiceData is the data of invoice.* events.
type InvoiceData struct {
	Invoice Invoice `json:"invoice"`
}

// Invoice is an invoice. Amounts are in the currency's minor unit.
type Invoice struct {
	ID             string     `json:"id"`
	Number         *string    `json:"number"`
	Subscription   *string    `json:"subscription"`
	Status         string     `json:"status"`
	StripeStatus   string     `json:"stripe_status"`
	BillingReason  *string    `json:"billing_reason"`
	Currency       string     `json:"currency"`
	Subtotal       int64      `json:"subtotal"`
	Discount       int64      `json:"discount"`
	Tax            int64      `json:"tax"`
	Total          int64      `json:"total"`
	AmountPaid     int64      `json:"amount_paid"`
	AmountDue      int64      `json:"amount_due"`
	AmountRefunded int64      `json:"amount_refunded"`
	IssuedAt       *time.Time `json:"issued_at"`
	DueDate        *time.Time `json:"due_date"`
	PaidAt         *time.Time `json:"paid_at"`
}

// LinkData is the data of tenant.linked.
type LinkData struct {
	StripeCustomerID string  `json:"stripe_customer_id"`
	Source           string  `json:"source"` // who said so: put, own_session, metadata, session, created
	PreviousTenant   *string `json:"previous_tenant"`
}

// EntitlementsData is the data of entitlements.changed.
type EntitlementsData struct {
	Entitlements Entitlements `json:"entitlements"`
	Previous     Entitlements `json:"previous"`
}

// Entitlements is what a tenant may do.
type Entitlements struct {
	Plan       *string        `json:"plan"`
	Status     string         `json:"status"`
	Access     bool           `json:"access"`
	Features   map[string]any `json:"features"`
	Quantity   int64          `json:"quantity"`
	ValidUntil *time.Time     `json:"valid_until"`
}

// MessageID is the id of a tenant's event: of a database (when that first started),
// an account and mode, a tenant, and the event's number. Two databases with the same
// tenants must not make the same ids, for a receiver takes one id once.
func MessageID(database int64, account string, livemode bool, tenant string, sequence int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s\x00%t\x00%s\x00%d", database, account, livemode, tenant, sequence))
	return "msg_" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16]))
}
