package stripetest

import (
	"context"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// DefaultStart is where an account's clock begins unless Config.Start says so.
var DefaultStart = time.Date(2026, time.January, 15, 10, 0, 0, 0, time.UTC)

// DefaultVersion is the API version of an account and of its endpoints unless
// they say otherwise.
const DefaultVersion = "2026-03-25.dahlia"

// Config is what an account is made of. The zero value is a test-mode account
// in dollars that misbehaves as DefaultChaos says.
type Config struct {
	// Seed decides ids and misbehavior: equal seeds and equal calls give
	// equal events, byte for byte.
	Seed       uint64
	Start      time.Time // DefaultStart if zero
	APIVersion string    // the account's default, DefaultVersion if empty
	// SecretKey is the only API key that is accepted; if empty, any sk_ or rk_
	// key is.
	SecretKey string
	Livemode  bool
	Country   string // US if empty
	Currency  string // usd if empty
	Name      string // the account's business name

	// Chaos is how delivery misbehaves; DefaultChaos if nil.
	Chaos *Chaos
	// SigningTime is the time that signatures carry and rate limits use; a
	// receiver compares it with its own clock. time.Now if nil.
	SigningTime func() time.Time
	// Client posts to endpoints that are URLs; one with a timeout of 30 s and
	// without redirects if nil.
	Client *http.Client

	// Retries are the waits between a failed payment of an invoice and the
	// next one. If nil: eight within two weeks, as Smart Retries recommends.
	// https://docs.stripe.com/billing/revenue-recovery/smart-retries
	Retries []time.Duration
	// AfterRetries is what becomes of the subscription then: cancel (default),
	// unpaid or past_due.
	AfterRetries string
	// UncollectibleAfterRetries marks the invoice then; it stays open otherwise.
	UncollectibleAfterRetries bool
	// UpcomingDays is how long before a renewal invoice.upcoming comes; 7 if 0,
	// never if negative.
	UpcomingDays int
	// RateLimit is the number of requests that one second (of SigningTime)
	// allows; no limit if 0.
	RateLimit int
	// PublicURL is where the account's pages (checkout, portal, invoices) are;
	// Stripe's own addresses if empty.
	PublicURL string
}

// Account is a Stripe account in memory: an http.Handler that speaks Stripe's
// API, signed webhooks, and a clock. It is safe for concurrent use.
//
// One lock guards all state. It is never held while a webhook is posted, so a
// handler may call the API from within.
type Account struct {
	cfg   Config
	chaos Chaos

	ctx    context.Context // until Close
	cancel context.CancelFunc

	mu      sync.Mutex
	idle    *sync.Cond // signaled when a round of deliveries ends
	ids     *idSource
	dice    *rand.Rand // misbehavior; apart from ids, so that a calm run has the same ids
	now     int64      // Unix seconds
	tasks   taskHeap
	taskSeq int

	id            string
	nextCustomer  string // the id of the next customer; new from the seed if empty
	index         map[string]noun
	customers     table[*customer]
	products      table[*product]
	prices        table[*price]
	coupons       table[*coupon]
	promotions    table[*promotionCode]
	taxRates      table[*taxRate]
	methods       table[*paymentMethod]
	subscriptions table[*subscription]
	schedules     table[*schedule]
	invoices      table[*invoice]
	invoiceItems  table[*invoiceItem]
	payments      table[*invoicePayment]
	intents       table[*paymentIntent]
	charges       table[*charge]
	refunds       table[*refund]
	disputes      table[*dispute]
	creditNotes   table[*creditNote]
	sessions      table[*checkoutSession]
	clocks        table[*testClock]
	features      table[*feature]

	events    []*event // oldest first
	eventByID map[string]*event
	shown     map[string]Object // each object as its last event showed it
	request   Object            // the API request that is being served; nil for Stripe's own doing

	endpoints  []*Endpoint
	queue      deliveryHeap
	deliveries []Delivery
	queueSeq   int
	delivering bool
	background sync.WaitGroup

	portals    map[string]Object // customer portal sessions
	idempotent map[string]*replay
	faults     []*Fault
	limiter    limiter
}

// NewAccount makes an account that belongs to no test; a server closes it with
// Close.
func NewAccount(cfg Config) *Account {
	if cfg.Start.IsZero() {
		cfg.Start = DefaultStart
	}
	if cfg.APIVersion == "" {
		cfg.APIVersion = DefaultVersion
	}
	if cfg.Country == "" {
		cfg.Country = "US"
	}
	if cfg.Currency == "" {
		cfg.Currency = "usd"
	}
	if cfg.Name == "" {
		cfg.Name = "Simulated Inc."
	}
	if cfg.SigningTime == nil {
		cfg.SigningTime = time.Now
	}
	if cfg.Retries == nil {
		cfg.Retries = smartRetries
	}
	if cfg.UpcomingDays == 0 {
		cfg.UpcomingDays = 7
	}
	if cfg.Client == nil {
		cfg.Client = &http.Client{
			Timeout:       30 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	}
	a := &Account{
		cfg:        cfg,
		chaos:      DefaultChaos,
		ids:        newIDSource(cfg.Seed),
		dice:       rand.New(rand.NewPCG(cfg.Seed, 0x64696365)),
		now:        cfg.Start.Unix(),
		index:      map[string]noun{},
		eventByID:  map[string]*event{},
		shown:      map[string]Object{},
		portals:    map[string]Object{},
		idempotent: map[string]*replay{},
	}
	if cfg.Chaos != nil {
		a.chaos = *cfg.Chaos
	}
	a.idle = sync.NewCond(&a.mu)
	a.ctx, a.cancel = context.WithCancel(context.Background())
	a.id = "acct_1" + a.ids.letters(5) + a.ids.account
	return a
}

// TB is the part of testing.TB that New needs.
type TB interface {
	Helper()
	Cleanup(func())
	Logf(format string, args ...any)
	Failed() bool
}

// New makes an account for one test and closes it when the test ends. If the
// test fails, a seed that was chosen is logged.
func New(t TB, configure ...func(*Config)) *Account {
	t.Helper()
	var cfg Config
	for _, set := range configure {
		set(&cfg)
	}
	a := NewAccount(cfg)
	t.Cleanup(func() {
		a.Close()
		if t.Failed() && cfg.Seed != 0 {
			t.Logf("stripetest: seed %d", cfg.Seed)
		}
	})
	return a
}

// Seed is for New.
func Seed(seed uint64) func(*Config) { return func(c *Config) { c.Seed = seed } }

// APIVersion is for New: the account's default version.
func APIVersion(version string) func(*Config) {
	return func(c *Config) { c.APIVersion = version }
}

// Close ends what runs in the background, deliveries that hang among it, and
// drops what was not delivered.
func (a *Account) Close() {
	a.cancel()
	a.mu.Lock()
	a.queue = nil
	a.endpoints = nil
	a.mu.Unlock()
	a.background.Wait()
}

// ID is the account's id, acct_….
func (a *Account) ID() string { return a.id }

// Post is POST to the API without HTTP: the same code, the same errors
// (always *Error). Events are delivered before it returns.
func (a *Account) Post(path string, form Form) (Object, error) {
	return a.call(http.MethodPost, path, form)
}

// Get is GET from the API without HTTP.
func (a *Account) Get(path string, form Form) (Object, error) {
	return a.call(http.MethodGet, path, form)
}

// Delete is DELETE of the API without HTTP.
func (a *Account) Delete(path string, form Form) (Object, error) {
	return a.call(http.MethodDelete, path, form)
}

func (a *Account) call(method, path string, form Form) (Object, error) {
	r := apiRequest{method: method, path: path, params: paramsOf(form), version: a.cfg.APIVersion}
	object, err := a.serve(r)
	a.deliverDue()
	if err != nil {
		return nil, err
	}
	return object.clone(), nil // it may share parts with others
}

// noun is a thing with an id that Stripe's API shows.
type noun interface {
	ident() string
	render() Object // in the newest version's shape
}

// base is what every noun has.
type base struct {
	acct     *Account
	id       string
	created  int64
	metadata map[string]string
}

func (b *base) ident() string { return b.id }

func (a *Account) newBase(id string) base {
	return base{acct: a, id: id, created: a.now, metadata: map[string]string{}}
}

// table keeps the nouns of one kind in the order in which they were made.
type table[T noun] struct {
	byID  map[string]T
	order []T
}

func (t *table[T]) get(id string) (T, bool) {
	n, ok := t.byID[id]
	return n, ok
}

func add[T noun](a *Account, t *table[T], n T) {
	if t.byID == nil {
		t.byID = map[string]T{}
	}
	t.byID[n.ident()] = n
	t.order = append(t.order, n)
	a.index[n.ident()] = n
}

// remove is for the few nouns of which nothing remains.
func remove[T interface {
	noun
	comparable
}](a *Account, t *table[T], n T) {
	delete(t.byID, n.ident())
	delete(a.index, n.ident())
	t.order = slices.DeleteFunc(t.order, func(other T) bool { return other == n })
}
