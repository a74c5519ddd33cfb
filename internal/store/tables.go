package store

import (
	"context"
)

// Tx is the unit of work: an identity map over the rows that a batch of events
// touches. A rule reads and writes it as if there were one event; rows are loaded
// and written back in bulk.
//
// What a rule needs and is not there yet stops it (see DoEach); it is loaded for
// all events of the batch together, and the rule runs again.
type Tx struct {
	// Now is the time of the unit of work, Unix microseconds.
	Now int64

	Inbox          *Table[InboxEvent]
	Objects        *Table[Object]
	Waits          *Table[Wait]
	Tenants        *Table[Tenant]
	Customers      *Table[Customer]
	Links          *Table[CustomerLink]
	Subscriptions  *Table[Subscription]
	Schedules      *Table[Schedule]
	Invoices       *Table[Invoice]
	PaymentLinks   *Table[PaymentLink]
	Charges        *Table[Charge]
	Refunds        *Table[Refund]
	Disputes       *Table[Dispute]
	CreditNotes    *Table[CreditNote]
	PaymentMethods *Table[PaymentMethod]
	Payments       *Table[Payment]
	Products       *Table[Product]
	Prices         *Table[Price]
	Effects        *Table[Effect]

	InboxBySeq            *Index[InboxEvent]
	InboxByObject         *Index[InboxEvent] // the newest 100 of an object
	WaitsOn               *Index[Wait]
	CustomersByTenant     *Index[Customer]
	LinksByCustomer       *Index[CustomerLink]
	SubscriptionsBy       *Index[Subscription] // customer
	SchedulesBySub        *Index[Schedule]
	UnpaidBySubscription  *Index[Invoice]
	PaymentLinksByInvoice *Index[PaymentLink]
	PaymentLinksByIntent  *Index[PaymentLink]
	PaymentLinksByCharge  *Index[PaymentLink]
	ChargesByInvoice      *Index[Charge]
	ChargesByIntent       *Index[Charge]
	RefundsByCharge       *Index[Refund]
	RefundsByIntent       *Index[Refund]
	DisputesByCharge      *Index[Dispute]
	CreditNotesByInvoice  *Index[CreditNote]
	PaymentMethodsBy      *Index[PaymentMethod] // customer
	PaymentsByInvoice     *Index[Payment]
	PaymentsByCharge      *Index[Payment]

	s           *Store
	ctx         context.Context //nolint:containedctx // the unit of work lives within one call
	session     session
	tables      []tableOps
	discovering bool
	failed      error // the database failed: the whole unit of work is void

	payloads     map[int64][]byte // raw, by seq
	payloadsWant map[int64]struct{}
	ownersWant   map[Key]struct{} // customers
	packed       []payload
	packedNew    []payload
	timeline     []TimelineEntry
	timelineNew  []TimelineEntry
	// Apart are the events that want a unit of work of their own, after this one.
	Apart []Key

	hooks    []Hook
	hooksNew []Hook
	last     []statement      // after all rows are written
	due      map[string]int64 // by kind of effect
}

type tableOps interface {
	wanted(wave []statement) []statement
	merge()
	discard()
	changed(wave []statement) []statement
	clear() int
}

var (
	inboxDef    = define(InboxEvent{}, "inbox", "event_id")
	objectDef   = define(Object{}, "objects", "id")
	waitDef     = define(Wait{}, "waits", "event_id")
	tenantDef   = define(Tenant{}, "tenants", "id")
	customerDef = define(Customer{}, "customers", "id")
	linkDef     = define(CustomerLink{}, "customer_links", "id")
	subDef      = define(Subscription{}, "subscriptions", "id")
	scheduleDef = define(Schedule{}, "schedules", "id")
	invoiceDef  = define(Invoice{}, "invoices", "id")
	payLinkDef  = define(PaymentLink{}, "payment_links", "id")
	chargeDef   = define(Charge{}, "charges", "id")
	refundDef   = define(Refund{}, "refunds", "id")
	disputeDef  = define(Dispute{}, "disputes", "id")
	noteDef     = define(CreditNote{}, "credit_notes", "id")
	methodDef   = define(PaymentMethod{}, "payment_methods", "id")
	paymentDef  = define(Payment{}, "payments", "id")
	productDef  = define(Product{}, "products", "id")
	priceDef    = define(Price{}, "prices", "id")
	effectDef   = define(Effect{}, "effects", "key")
	timelineDef = define(TimelineEntry{}, "timeline", "")
	payloadDef  = define(payload{}, "payloads", "")
)

// unit is a unit of work of a session. There are so many maps in one that they are
// worth being used again.
func (s *Store) unit(ctx context.Context, session session) *Tx {
	tx, ok := s.units.Get().(*Tx)
	if !ok {
		tx = newTx(s)
	}
	tx.ctx, tx.session, tx.Now = ctx, session, s.now().UnixMicro()
	return tx
}

// release gives it back after its end: nobody has it then. Its rows stay with whoever
// has them.
func (tx *Tx) release() {
	rows := 0
	for _, t := range tx.tables {
		rows += t.clear()
	}
	if rows > 10_000 {
		return // maps never shrink
	}
	tx.ctx, tx.session, tx.failed = nil, nil, nil
	tx.packed, tx.packedNew, tx.timeline, tx.timelineNew = nil, nil, nil, nil
	tx.hooks, tx.hooksNew, tx.last, tx.Apart = nil, nil, nil, nil
	clear(tx.payloads)
	clear(tx.payloadsWant)
	clear(tx.ownersWant)
	clear(tx.due)
	tx.s.units.Put(tx)
}

func newTx(s *Store) *Tx {
	tx := &Tx{s: s, payloads: map[int64][]byte{}, payloadsWant: map[int64]struct{}{}, ownersWant: map[Key]struct{}{}, due: map[string]int64{}}
	tx.Inbox = newTable(tx, inboxDef, func(r *InboxEvent) *Key { return &r.Key }, func(r *InboxEvent) *int64 { return &r.Rev })
	tx.Objects = newTable(tx, objectDef, func(r *Object) *Key { return &r.Key }, func(r *Object) *int64 { return &r.Rev })
	tx.Waits = newTable(tx, waitDef, func(r *Wait) *Key { return &r.Key }, func(r *Wait) *int64 { return &r.Rev })
	tx.Tenants = newTable(tx, tenantDef, func(r *Tenant) *Key { return &r.Key }, func(r *Tenant) *int64 { return &r.Rev })
	tx.Customers = newTable(tx, customerDef, func(r *Customer) *Key { return &r.Key }, func(r *Customer) *int64 { return &r.Rev })
	tx.Links = newTable(tx, linkDef, func(r *CustomerLink) *Key { return &r.Key }, func(r *CustomerLink) *int64 { return &r.Rev })
	tx.Subscriptions = newTable(tx, subDef, func(r *Subscription) *Key { return &r.Key }, func(r *Subscription) *int64 { return &r.Rev })
	tx.Schedules = newTable(tx, scheduleDef, func(r *Schedule) *Key { return &r.Key }, func(r *Schedule) *int64 { return &r.Rev })
	tx.Invoices = newTable(tx, invoiceDef, func(r *Invoice) *Key { return &r.Key }, func(r *Invoice) *int64 { return &r.Rev })
	tx.PaymentLinks = newTable(tx, payLinkDef, func(r *PaymentLink) *Key { return &r.Key }, func(r *PaymentLink) *int64 { return &r.Rev })
	tx.Charges = newTable(tx, chargeDef, func(r *Charge) *Key { return &r.Key }, func(r *Charge) *int64 { return &r.Rev })
	tx.Refunds = newTable(tx, refundDef, func(r *Refund) *Key { return &r.Key }, func(r *Refund) *int64 { return &r.Rev })
	tx.Disputes = newTable(tx, disputeDef, func(r *Dispute) *Key { return &r.Key }, func(r *Dispute) *int64 { return &r.Rev })
	tx.CreditNotes = newTable(tx, noteDef, func(r *CreditNote) *Key { return &r.Key }, func(r *CreditNote) *int64 { return &r.Rev })
	tx.PaymentMethods = newTable(tx, methodDef, func(r *PaymentMethod) *Key { return &r.Key }, func(r *PaymentMethod) *int64 { return &r.Rev })
	tx.Payments = newTable(tx, paymentDef, func(r *Payment) *Key { return &r.Key }, func(r *Payment) *int64 { return &r.Rev })
	tx.Products = newTable(tx, productDef, func(r *Product) *Key { return &r.Key }, func(r *Product) *int64 { return &r.Rev })
	tx.Prices = newTable(tx, priceDef, func(r *Price) *Key { return &r.Key }, func(r *Price) *int64 { return &r.Rev })
	tx.Effects = newTable(tx, effectDef, func(r *Effect) *Key { return &r.Key }, func(r *Effect) *int64 { return &r.Rev })

	tx.InboxBySeq = tx.Inbox.index("seq", func(r *InboxEvent) string { return num(r.Seq) })
	tx.InboxBySeq.lookup.numeric = true
	tx.InboxByObject = tx.Inbox.index("object_id", func(r *InboxEvent) string { return r.ObjectID })
	tx.InboxByObject.lookup.newest = 100
	tx.WaitsOn = tx.Waits.index("on_id", func(r *Wait) string { return r.OnID })
	tx.CustomersByTenant = tx.Customers.index("tenant", func(r *Customer) string { return r.Tenant })
	tx.LinksByCustomer = tx.Links.index("customer", func(r *CustomerLink) string { return r.Customer })
	tx.SubscriptionsBy = tx.Subscriptions.index("customer", func(r *Subscription) string { return r.Customer })
	tx.SchedulesBySub = tx.Schedules.index("subscription", func(r *Schedule) string { return r.Subscription })
	tx.UnpaidBySubscription = tx.Invoices.index("subscription", func(r *Invoice) string {
		if r.StripeStatus != "open" && r.StripeStatus != "uncollectible" {
			return ""
		}
		return r.Subscription
	})
	tx.UnpaidBySubscription.lookup.where = " AND stripe_status IN ('open', 'uncollectible') AND subscription <> ''"
	tx.PaymentLinksByInvoice = tx.PaymentLinks.index("invoice", func(r *PaymentLink) string { return r.Invoice })
	tx.PaymentLinksByIntent = tx.PaymentLinks.index("payment_intent", func(r *PaymentLink) string { return r.PaymentIntent })
	tx.PaymentLinksByIntent.lookup.where = " AND payment_intent <> ''"
	tx.PaymentLinksByCharge = tx.PaymentLinks.index("charge", func(r *PaymentLink) string { return r.Charge })
	tx.PaymentLinksByCharge.lookup.where = " AND charge <> ''"
	tx.ChargesByInvoice = tx.Charges.index("invoice", func(r *Charge) string { return r.Invoice })
	tx.ChargesByInvoice.lookup.where = " AND invoice <> ''"
	tx.ChargesByIntent = tx.Charges.index("payment_intent", func(r *Charge) string { return r.PaymentIntent })
	tx.ChargesByIntent.lookup.where = " AND payment_intent <> ''"
	tx.RefundsByCharge = tx.Refunds.index("charge", func(r *Refund) string { return r.Charge })
	tx.RefundsByCharge.lookup.where = " AND charge <> ''"
	tx.RefundsByIntent = tx.Refunds.index("payment_intent", func(r *Refund) string { return r.PaymentIntent })
	tx.RefundsByIntent.lookup.where = " AND payment_intent <> ''"
	tx.DisputesByCharge = tx.Disputes.index("charge", func(r *Dispute) string { return r.Charge })
	tx.CreditNotesByInvoice = tx.CreditNotes.index("invoice", func(r *CreditNote) string { return r.Invoice })
	tx.PaymentMethodsBy = tx.PaymentMethods.index("customer", func(r *PaymentMethod) string { return r.Customer })
	tx.PaymentsByInvoice = tx.Payments.index("invoice", func(r *Payment) string { return r.Invoice })
	tx.PaymentsByInvoice.lookup.where = " AND invoice <> ''"
	return tx
}
