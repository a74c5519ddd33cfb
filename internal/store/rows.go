package store

// The rows, one struct per table, a field per column in the column's order.
// Text that holds JSON is encoded and decoded by the rules. Times that end in At
// are Unix microseconds by our clock, all others Unix seconds by Stripe's;
// zero and empty mean "none".

// Key is how every object of Stripe's is known: ids are unique per account and mode.
type Key struct {
	Account  string `db:"account"` // the connected account, else the endpoint's, else empty
	Livemode bool   `db:"livemode"`
	ID       string `db:"id"`
}

// With is the key of another object of the same account and mode.
func (k Key) With(id string) Key { k.ID = id; return k }

// Event statuses.
const (
	Applied = "applied"
	Stale   = "stale"   // older than what is known
	Parked  = "parked"  // waits for an object or for its customer's tenant
	Ignored = "ignored" // no rule, or the other mode
	Failed  = "failed"  // its rule failed; will be retried
	Dead    = "dead"    // gave up
)

// InboxEvent is one event that was received.
type InboxEvent struct {
	Key           // ID is the event's id
	Seq           int64
	Type          string
	ObjectID      string
	ObjectType    string
	Customer      string
	APIVersion    string
	Source        string
	Created       int64
	Final         int64
	Born          bool
	ObservedAt    int64
	Status        string
	Error         string
	ReceivedAt    int64
	AppliedAt     int64
	Deliveries    int64
	Attempts      int64
	NextAttemptAt int64
	Rev           int64
}

// Object refers to the newest snapshot of one of Stripe's objects.
type Object struct {
	Key
	Type       string
	Customer   string
	Seq        int64
	Created    int64
	Final      int64
	Born       bool
	ObservedAt int64
	Tied       bool
	Uncertain  bool
	Rev        int64
}

// Wait says what an event waits for.
type Wait struct {
	Key  // ID is the event's id
	OnID string
	Rev  int64
}

// Tenant is the app's account.
type Tenant struct {
	Key
	Name             string
	Email            string
	Metadata         string // JSON object
	StripeName       string
	StripeEmail      string
	StripeCustomerID string
	Plan             string
	Status           string
	StatusReason     string
	Access           bool
	Quantity         int64
	ValidUntil       int64
	Subscription     string
	PaymentMethod    string
	StripeFeatures   string // JSON array
	Timeline         int64
	Outbound         int64 // the number of the last event that was told
	ToldFeatures     string
	CreatedAt        int64
	UpdatedAt        int64
	ErasedAt         int64
	Rev              int64
}

// Customer is a customer at Stripe and whose it is.
type Customer struct {
	Key
	Tenant               string
	Name                 string
	Email                string
	Created              int64
	Deleted              bool
	DefaultPaymentMethod string
	Locale               string
	Features             string // JSON array
	FirstSeenAt          int64
	Rev                  int64
}

// CustomerLink is one statement of whose a customer is.
type CustomerLink struct {
	Key      // ID is what said it: an event's id, or "put"
	Customer string
	Tenant   string
	Source   string
	At       int64
	Rev      int64
}

// Subscription is a subscription as Stripe tells it and as the app acts on it.
type Subscription struct {
	Key
	Customer             string
	StripeStatus         string
	KnownStatus          string
	Status               string
	StatusReason         string
	Plan                 string
	Price                string
	Quantity             int64
	Access               bool
	Currency             string
	Items                string // JSON array of stripe.Item
	CurrentPeriodStart   int64
	CurrentPeriodEnd     int64
	TrialEnd             int64
	CancelAt             int64
	CancelAtPeriodEnd    bool
	CanceledAt           int64
	EndedAt              int64
	DefaultPaymentMethod string
	LatestInvoice        string
	Schedule             string
	CollectionMethod     string
	CollectionPaused     bool
	CancellationReason   string
	ScheduledPlan        string
	ScheduledChangeAt    int64
	ToldStatus           string // by outgoing webhooks, as the two below
	ToldPlan             string
	ToldTrialEnd         int64
	Created              int64
	Rev                  int64
}

// Schedule is a subscription schedule.
type Schedule struct {
	Key
	Customer     string
	Subscription string
	Status       string
	CurrentStart int64
	CurrentEnd   int64
	Phases       string // JSON array of stripe.Phase
	Rev          int64
}

// Invoice is an invoice and what is known of its failures and refunds.
type Invoice struct {
	Key
	Customer           string
	Subscription       string
	Number             string
	StripeStatus       string
	Status             string
	BillingReason      string
	CollectionMethod   string
	Currency           string
	Subtotal           int64
	Discount           int64
	Tax                int64
	Total              int64
	AmountPaid         int64
	AmountDue          int64
	AmountRefunded     int64
	Lines              string // JSON array of stripe.Line
	Notes              string // JSON array of text
	Created            int64
	FinalizedAt        int64 // Stripe's seconds, as are the following
	DueDate            int64
	PaidAt             int64
	VoidedAt           int64
	AttemptCount       int64
	NextPaymentAttempt int64
	FailedAttempts     int64
	FailedAt           int64
	Charge             string
	PaymentIntent      string
	HostedInvoiceURL   string `db:"hosted_invoice_url"`
	InvoicePDF         string `db:"invoice_pdf"`
	Deleted            bool
	Spent              bool
	ToldIssued         bool // by outgoing webhooks, as the one below
	ToldRefunded       int64
	Rev                int64
}

// PaymentLink says which payment paid which invoice.
type PaymentLink struct {
	Key
	Invoice       string
	PaymentIntent string
	Charge        string
	Status        string
	AmountPaid    int64
	Currency      string
	PaidAt        int64
	Rev           int64
}

// Charge is a charge.
type Charge struct {
	Key
	Customer       string
	PaymentIntent  string
	Invoice        string
	Status         string
	Currency       string
	Amount         int64
	AmountCaptured int64
	AmountRefunded int64
	Captured       bool
	Created        int64
	AsOf           int64
	FailureCode    string
	PaymentMethod  string
	Refunds        string // JSON array of stripe.Refund
	Rev            int64
}

// Refund is a refund.
type Refund struct {
	Key
	Charge        string
	PaymentIntent string
	Status        string
	Amount        int64
	Currency      string
	Reason        string
	Created       int64
	Rev           int64
}

// Dispute is a dispute.
type Dispute struct {
	Key
	Charge        string
	PaymentIntent string
	Status        string
	Amount        int64
	Currency      string
	Reason        string
	Created       int64
	Rev           int64
}

// CreditNote is a credit note.
type CreditNote struct {
	Key
	Customer string
	Invoice  string
	Number   string
	Status   string
	Reason   string
	Currency string
	Amount   int64
	Created  int64
	VoidedAt int64
	Rev      int64
}

// PaymentMethod is a payment method, kept after it was detached.
type PaymentMethod struct {
	Key
	Customer string
	Attached bool
	Type     string
	Brand    string
	Last4    string `db:"last4"`
	ExpMonth int64
	ExpYear  int64
	Created  int64
	Rev      int64
}

// Payment is one row of the ledger.
type Payment struct {
	Key           // ID is that of the charge, intent, invoice, refund or dispute
	Customer      string
	Type          string
	Status        string
	Amount        int64
	Currency      string
	Invoice       string
	Charge        string
	PaymentIntent string
	Created       int64
	Rev           int64
}

// Product is a product at Stripe.
type Product struct {
	Key
	Name        string
	Description string
	Active      bool
	Deleted     bool
	Rev         int64
}

// Price is a price at Stripe.
type Price struct {
	Key
	Product           string
	Nickname          string
	Active            bool
	Deleted           bool
	Currency          string
	UnitAmount        int64
	UnitAmountDecimal string
	Interval          string
	IntervalCount     int64
	Rev               int64
}

// TimelineEntry is one change that Bursar saw.
type TimelineEntry struct {
	Account  string
	Livemode bool
	Tenant   string
	No       int64
	At       int64
	What     string
	Was      string
	IsNow    string
	Why      string
	Event    string
	Actor    string
}

// Effect statuses. Pending and Running have something left to do.
const (
	Pending    = "pending"
	Running    = "running"
	Sent       = "sent"
	Skipped    = "skipped" // no runner existed when it was planned; never sent later
	Superseded = "superseded"
)

// Effect is something that leaves the process, or a notice.
type Effect struct {
	Key       // ID is the effect's key
	Kind      string
	Seq       int64
	Name      string
	Customer  string
	Tenant    string
	ObjectID  string
	EventID   string
	Recipient string
	Subject   string
	Data      string // JSON
	Status    string
	Reason    string
	Attempts  int64
	DueAt     int64
	CreatedAt int64
	DoneAt    int64
	Rev       int64
}

// payload is the bytes that were signed, compressed.
type payload struct {
	Seq  int64
	Dict int64
	Body []byte
}
