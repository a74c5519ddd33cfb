package stripe

// The objects below are what the rules use of Stripe's objects, in one shape
// for every API version. Ids are Stripe's; a field that may hold an id or an
// expanded object holds the id. Enum values that Bursar does not know are kept
// as they came.

// Customer is https://docs.stripe.com/api/customers/object.
type Customer struct {
	ID       string
	Name     string
	Email    string
	Created  int64
	Deleted  bool // a tombstone {id, object, deleted:true}, or a customer.deleted event
	Metadata map[string]string

	// DefaultPaymentMethod is invoice_settings.default_payment_method, else the
	// legacy default_source.
	DefaultPaymentMethod string
	Currency             string
	Delinquent           bool
	Address              Address
	PreferredLocales     []string // BCP 47, most preferred first
	TaxExempt            string   // none, exempt, reverse
}

// Address is a postal address; Country is ISO 3166-1 alpha-2.
type Address struct {
	Line1      string `json:"line1,omitempty"`
	Line2      string `json:"line2,omitempty"`
	City       string `json:"city,omitempty"`
	State      string `json:"state,omitempty"`
	PostalCode string `json:"postal_code,omitempty"`
	Country    string `json:"country,omitempty"`
}

// TaxID is one tax id of a customer or of an account.
type TaxID struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// Subscription is https://docs.stripe.com/api/subscriptions/object.
type Subscription struct {
	ID       string
	Customer string
	Status   string
	Currency string
	Created  int64
	Metadata map[string]string
	Items    []Item // in Stripe's order; only the first page where has_more

	// Periods are the first item's where items carry them (basil and later),
	// else the subscription's.
	CurrentPeriodStart int64
	CurrentPeriodEnd   int64
	TrialStart         int64
	TrialEnd           int64
	// CancelAt and CancelAtPeriodEnd both mean "scheduled to cancel"; flexible
	// billing mode sets only the first.
	CancelAt          int64
	CancelAtPeriodEnd bool
	CanceledAt        int64 // when it was asked for, not when it ended
	EndedAt           int64
	StartDate         int64

	DefaultPaymentMethod string // else the legacy default_source
	LatestInvoice        string
	Schedule             string
	CollectionMethod     string // charge_automatically, send_invoice
	CollectionPaused     bool   // pause_collection is set
	CancellationReason   string // cancellation_details.reason
	PausedReason         string // status_details.paused.subscription.type (endive)
	ItemsHaveMore        bool
}

// Item is one subscription item. Its price may be a legacy plan.
type Item struct {
	ID                 string `json:"id"`
	Price              string `json:"price"`
	Product            string `json:"product,omitempty"`
	Quantity           int64  `json:"quantity"`
	UnitAmount         int64  `json:"unit_amount,omitempty"`
	UnitAmountDecimal  string `json:"unit_amount_decimal,omitempty"`
	Currency           string `json:"currency,omitempty"`
	Interval           string `json:"interval,omitempty"` // day, week, month, year
	IntervalCount      int64  `json:"interval_count,omitempty"`
	CurrentPeriodStart int64  `json:"current_period_start,omitempty"`
	CurrentPeriodEnd   int64  `json:"current_period_end,omitempty"`
}

// Invoice is https://docs.stripe.com/api/invoices/object.
type Invoice struct {
	ID            string // empty for invoice.upcoming
	Number        string
	Customer      string
	Subscription  string // parent.subscription_details, else subscription, else a line's
	Status        string // draft, open, paid, uncollectible, void
	BillingReason string
	Currency      string
	Created       int64
	Metadata      map[string]string

	Subtotal        int64
	Discount        int64 // sum of total_discount_amounts
	Tax             int64 // total_taxes, else total_tax_amounts, else tax
	Total           int64
	AmountPaid      int64
	AmountDue       int64
	AmountRemaining int64
	StartingBalance int64

	AttemptCount       int64
	Attempted          bool
	NextPaymentAttempt int64
	CollectionMethod   string
	DueDate            int64
	FinalizedAt        int64 // status_transitions.finalized_at
	PaidAt             int64
	VoidedAt           int64
	UncollectibleAt    int64
	PeriodStart        int64
	PeriodEnd          int64

	// Charge and PaymentIntent are the legacy links, or the first of payments
	// where that was expanded; on basil and later they are usually absent.
	Charge        string
	PaymentIntent string
	Payments      []InvoicePayment // payments.data where it was included

	HostedInvoiceURL string
	InvoicePDF       string
	Lines            []Line // the first page
	LinesHaveMore    bool
	Taxes            []Tax // per rate, of the whole invoice
	Deleted          bool

	CustomerName      string
	CustomerEmail     string
	CustomerAddress   Address
	CustomerTaxIDs    []TaxID
	CustomerTaxExempt string
	Description       string
	Footer            string
	AccountName       string
	AccountCountry    string
}

// Line is one line of an invoice or of a credit note.
type Line struct {
	ID                string `json:"id,omitempty"`
	Description       string `json:"description"`
	Amount            int64  `json:"amount"`
	Quantity          int64  `json:"quantity"`
	UnitAmountDecimal string `json:"unit_amount_decimal,omitempty"` // minor units, may be fractional
	Price             string `json:"price,omitempty"`
	PeriodStart       int64  `json:"period_start"`
	PeriodEnd         int64  `json:"period_end"`
	Proration         bool   `json:"proration,omitempty"`
	Discount          int64  `json:"discount,omitempty"`
	Taxes             []Tax  `json:"taxes,omitempty"`
}

// Tax is one amount of tax. Percent is Stripe's decimal string where the rate
// is known (an expanded tax_rate), else empty.
type Tax struct {
	Amount        int64  `json:"amount"`
	TaxableAmount int64  `json:"taxable_amount,omitempty"`
	Inclusive     bool   `json:"inclusive,omitempty"`
	Rate          string `json:"rate,omitempty"` // the tax rate's id
	Percent       string `json:"percent,omitempty"`
	Name          string `json:"name,omitempty"` // VAT, GST, Sales tax
	Reason        string `json:"reason,omitempty"`
}

// InvoicePayment is https://docs.stripe.com/api/invoice-payment/object: which
// payment paid which invoice (2025-05-28.basil and later).
type InvoicePayment struct {
	ID            string
	Invoice       string
	Status        string // open, paid, canceled
	AmountPaid    int64
	Currency      string
	PaymentIntent string
	Charge        string
	Created       int64
	PaidAt        int64
}

// Charge is https://docs.stripe.com/api/charges/object.
type Charge struct {
	ID             string
	Customer       string
	PaymentIntent  string
	Invoice        string // absent on basil and later
	PaymentMethod  string
	Status         string // succeeded, pending, failed
	Currency       string
	Amount         int64
	AmountCaptured int64
	AmountRefunded int64 // cumulative
	Refunded       bool  // fully
	Captured       bool
	Disputed       bool
	Created        int64
	FailureCode    string
	FailureMessage string
	Refunds        []Refund // refunds.data where it was included (before 2022-11-15, or expanded)
}

// Refund is https://docs.stripe.com/api/refunds/object.
type Refund struct {
	ID            string `json:"id"`
	Charge        string `json:"charge,omitempty"`
	PaymentIntent string `json:"payment_intent,omitempty"`
	Customer      string `json:"customer,omitempty"` // 2026-07-29.dahlia and later
	Status        string `json:"status"`             // pending, requires_action, succeeded, failed, canceled
	Amount        int64  `json:"amount"`
	Currency      string `json:"currency"`
	Reason        string `json:"reason,omitempty"`
	FailureReason string `json:"failure_reason,omitempty"`
	Created       int64  `json:"created"`
}

// Dispute is https://docs.stripe.com/api/disputes/object.
type Dispute struct {
	ID            string
	Charge        string
	PaymentIntent string
	Status        string
	Amount        int64
	Currency      string
	Reason        string
	Created       int64
	EvidenceDueBy int64
}

// CreditNote is https://docs.stripe.com/api/credit_notes/object.
type CreditNote struct {
	ID         string
	Number     string
	Customer   string
	Invoice    string
	Status     string // issued, void
	Type       string // pre_payment, post_payment, mixed
	Reason     string
	Memo       string
	Currency   string
	Amount     int64
	Subtotal   int64
	Total      int64
	Tax        int64
	Discount   int64
	Created    int64
	VoidedAt   int64
	Refunds    []string // ids
	Lines      []Line
	LinesMore  bool
	Taxes      []Tax
	Prepayment int64 // pre_payment_amount
}

// PaymentMethod is https://docs.stripe.com/api/payment_methods/object, or a
// legacy card or source.
type PaymentMethod struct {
	ID       string
	Customer string // empty once detached
	Type     string
	Brand    string // a card's brand, a bank's name
	Last4    string
	ExpMonth int64
	ExpYear  int64
	Created  int64
}

// CheckoutSession is https://docs.stripe.com/api/checkout/sessions/object.
type CheckoutSession struct {
	ID                string
	Customer          string
	CustomerEmail     string // customer_details.email, else customer_email
	CustomerName      string
	Subscription      string
	Invoice           string
	PaymentIntent     string
	PaymentLink       string
	ClientReferenceID string
	Mode              string // payment, setup, subscription
	Status            string // open, complete, expired
	PaymentStatus     string // paid, unpaid, no_payment_required
	Metadata          map[string]string
	Created           int64
	ExpiresAt         int64
	URL               string
}

// Schedule is https://docs.stripe.com/api/subscription_schedules/object.
type Schedule struct {
	ID           string
	Customer     string
	Subscription string // else released_subscription
	Status       string // not_started, active, completed, released, canceled
	EndBehavior  string
	CurrentStart int64 // current_phase.start_date
	CurrentEnd   int64
	Phases       []Phase
	Created      int64
}

// Phase is one phase of a schedule.
type Phase struct {
	StartDate int64
	EndDate   int64
	Items     []Item // Price and Quantity only
}

// Product is https://docs.stripe.com/api/products/object.
type Product struct {
	ID          string
	Name        string
	Description string
	Active      bool
	Deleted     bool
	Created     int64
	Metadata    map[string]string
}

// Price is https://docs.stripe.com/api/prices/object, or a legacy plan.
type Price struct {
	ID                string
	Product           string
	Nickname          string
	LookupKey         string
	Active            bool
	Deleted           bool
	Currency          string
	UnitAmount        int64
	UnitAmountDecimal string
	Type              string // one_time, recurring
	Interval          string
	IntervalCount     int64
	UsageType         string // licensed, metered
	BillingScheme     string // per_unit, tiered
	TrialPeriodDays   int64
	Created           int64
}

// EntitlementSummary is
// https://docs.stripe.com/api/entitlements/active-entitlement/object, the
// features that Stripe itself grants a customer.
type EntitlementSummary struct {
	Customer string
	Features []string // lookup keys, sorted
	HasMore  bool
}

// PaymentIntent is https://docs.stripe.com/api/payment_intents/object.
type PaymentIntent struct {
	ID            string
	Customer      string
	Invoice       string // absent on basil and later
	Status        string
	Amount        int64
	AmountPaid    int64 // amount_received
	Currency      string
	LatestCharge  string // latest_charge, else the newest of charges.data
	PaymentMethod string
	Created       int64
}
