package apply

// Rule is one row of the table below: what an event does.
type Rule struct {
	Type   string // Stripe's event type
	Object string // the object that the event is about
	Does   string // for docs/events.md
	Apply  func(*change) error

	// snapshot marks the one rule per object that also takes objects that were
	// fetched: what the API answers is applied as this event would be.
	snapshot bool
	// perCustomer says that the object has no id, but there is one per customer.
	perCustomer bool
}

// Rules says what every event does. An event that has no row is kept as ignored.
// To add one: a row here, its function in the noun's file, a fixture in testdata.
var Rules = []Rule{
	{Type: "checkout.session.completed", Object: "checkout.session", Does: "links the customer to the tenant that the session names", Apply: sessionCompleted, snapshot: true},
	{Type: "checkout.session.async_payment_succeeded", Object: "checkout.session", Does: "links the customer to the tenant that the session names", Apply: sessionCompleted},

	{Type: "customer.created", Object: "customer", Does: "name, email, default payment method; metadata links the customer to a tenant", Apply: customerChanged},
	{Type: "customer.updated", Object: "customer", Does: "name, email, default payment method; metadata links the customer to a tenant", Apply: customerChanged, snapshot: true},
	{Type: "customer.deleted", Object: "customer", Does: "the customer is no longer listed; its history and late events stay the tenant's", Apply: customerChanged},

	{Type: "customer.subscription.created", Object: "subscription", Does: "the subscription: status, price, plan, quantity, periods, trial, scheduled end", Apply: subscriptionChanged},
	{Type: "customer.subscription.updated", Object: "subscription", Does: "the subscription: status, price, plan, quantity, periods, trial, scheduled end", Apply: subscriptionChanged, snapshot: true},
	{Type: "customer.subscription.paused", Object: "subscription", Does: "the subscription", Apply: subscriptionChanged},
	{Type: "customer.subscription.resumed", Object: "subscription", Does: "the subscription", Apply: subscriptionChanged},
	{Type: "customer.subscription.pending_update_applied", Object: "subscription", Does: "the subscription", Apply: subscriptionChanged},
	{Type: "customer.subscription.pending_update_expired", Object: "subscription", Does: "the subscription", Apply: subscriptionChanged},
	{Type: "customer.subscription.deleted", Object: "subscription", Does: "canceled; the plan falls to the default one unless another subscription runs; notice subscription_ended", Apply: subscriptionChanged},
	{Type: "customer.subscription.trial_will_end", Object: "subscription", Does: "the subscription; notice trial_ending while it is trialing", Apply: trialWillEnd},

	{Type: "subscription_schedule.created", Object: "subscription_schedule", Does: "scheduled_plan, scheduled_change_at", Apply: scheduleChanged},
	{Type: "subscription_schedule.updated", Object: "subscription_schedule", Does: "scheduled_plan, scheduled_change_at", Apply: scheduleChanged, snapshot: true},
	{Type: "subscription_schedule.expiring", Object: "subscription_schedule", Does: "scheduled_plan, scheduled_change_at", Apply: scheduleChanged},
	{Type: "subscription_schedule.completed", Object: "subscription_schedule", Does: "nothing is scheduled any more", Apply: scheduleChanged},
	{Type: "subscription_schedule.released", Object: "subscription_schedule", Does: "nothing is scheduled any more", Apply: scheduleChanged},
	{Type: "subscription_schedule.canceled", Object: "subscription_schedule", Does: "nothing is scheduled any more", Apply: scheduleChanged},
	{Type: "subscription_schedule.aborted", Object: "subscription_schedule", Does: "nothing is scheduled any more", Apply: scheduleChanged},

	{Type: "invoice.created", Object: "invoice", Does: "the invoice record", Apply: invoiceChanged},
	{Type: "invoice.finalized", Object: "invoice", Does: "the invoice record", Apply: invoiceChanged},
	{Type: "invoice.updated", Object: "invoice", Does: "the invoice record", Apply: invoiceChanged, snapshot: true},
	{Type: "invoice.sent", Object: "invoice", Does: "the invoice record", Apply: invoiceChanged},
	{Type: "invoice.overdue", Object: "invoice", Does: "the invoice record", Apply: invoiceChanged},
	{Type: "invoice.voided", Object: "invoice", Does: "the invoice record; lifts the dunning that it caused", Apply: invoiceChanged},
	{Type: "invoice.marked_uncollectible", Object: "invoice", Does: "the invoice record", Apply: invoiceChanged},
	{Type: "invoice.deleted", Object: "invoice", Does: "the draft is gone", Apply: invoiceChanged},
	{Type: "invoice.paid", Object: "invoice", Does: "paid: one ledger row, dunning lifted; notice payment_recovered if a payment had failed", Apply: invoiceChanged},
	{Type: "invoice.payment_succeeded", Object: "invoice", Does: "as invoice.paid", Apply: invoiceChanged},
	{Type: "invoice.payment_failed", Object: "invoice", Does: "the attempt is recorded; notice payment_failed per attempt; at the limit the default plan and notice subscription_downgraded", Apply: invoicePaymentFailed},
	{Type: "invoice.payment_action_required", Object: "invoice", Does: "notice payment_action_required with the hosted page", Apply: invoiceActionRequired},

	{Type: "invoice_payment.paid", Object: "invoice_payment", Does: "which payment paid which invoice", Apply: invoicePaymentPaid, snapshot: true},

	{Type: "payment_method.attached", Object: "payment_method", Does: "the tenant's payment methods", Apply: paymentMethodChanged},
	{Type: "payment_method.updated", Object: "payment_method", Does: "the tenant's payment methods", Apply: paymentMethodChanged, snapshot: true},
	{Type: "payment_method.automatically_updated", Object: "payment_method", Does: "the tenant's payment methods", Apply: paymentMethodChanged},
	{Type: "payment_method.detached", Object: "payment_method", Does: "the payment method is gone; a default is cleared", Apply: paymentMethodChanged},

	{Type: "charge.succeeded", Object: "charge", Does: "ledger", Apply: chargeChanged},
	{Type: "charge.failed", Object: "charge", Does: "ledger", Apply: chargeChanged},
	{Type: "charge.pending", Object: "charge", Does: "ledger", Apply: chargeChanged},
	{Type: "charge.captured", Object: "charge", Does: "ledger", Apply: chargeChanged},
	{Type: "charge.updated", Object: "charge", Does: "ledger", Apply: chargeChanged, snapshot: true},
	{Type: "charge.refunded", Object: "charge", Does: "ledger; the invoice's amount_refunded and note, void by policy when all of it went back", Apply: chargeChanged},

	{Type: "refund.created", Object: "refund", Does: "ledger by refund id; the invoice's amount_refunded", Apply: refundChanged},
	{Type: "refund.updated", Object: "refund", Does: "ledger by refund id; the invoice's amount_refunded", Apply: refundChanged, snapshot: true},
	{Type: "refund.failed", Object: "refund", Does: "the refund is taken back", Apply: refundChanged},

	{Type: "credit_note.created", Object: "credit_note", Does: "the invoice's credit notes", Apply: creditNoteChanged},
	{Type: "credit_note.updated", Object: "credit_note", Does: "the invoice's credit notes", Apply: creditNoteChanged, snapshot: true},
	{Type: "credit_note.voided", Object: "credit_note", Does: "the invoice's credit notes", Apply: creditNoteChanged},

	{Type: "charge.dispute.created", Object: "dispute", Does: "ledger; notice dispute_opened to the operator", Apply: disputeChanged},
	{Type: "charge.dispute.updated", Object: "dispute", Does: "ledger; notice dispute_opened to the operator", Apply: disputeChanged, snapshot: true},
	{Type: "charge.dispute.closed", Object: "dispute", Does: "ledger; notice dispute_opened to the operator", Apply: disputeChanged},
	{Type: "charge.dispute.funds_withdrawn", Object: "dispute", Does: "ledger; notice dispute_opened to the operator", Apply: disputeChanged},
	{Type: "charge.dispute.funds_reinstated", Object: "dispute", Does: "ledger; notice dispute_opened to the operator", Apply: disputeChanged},

	{Type: "product.created", Object: "product", Does: "the catalog's names", Apply: productChanged},
	{Type: "product.updated", Object: "product", Does: "the catalog's names", Apply: productChanged, snapshot: true},
	{Type: "product.deleted", Object: "product", Does: "the catalog's names", Apply: productChanged},
	{Type: "price.created", Object: "price", Does: "the catalog's amounts", Apply: priceChanged},
	{Type: "price.updated", Object: "price", Does: "the catalog's amounts", Apply: priceChanged, snapshot: true},
	{Type: "price.deleted", Object: "price", Does: "the catalog's amounts", Apply: priceChanged},

	{Type: "entitlements.active_entitlement_summary.updated", Object: "entitlements.active_entitlement_summary", Does: "Stripe's own features of the customer, merged under the plan's", Apply: entitlementsChanged, perCustomer: true, snapshot: true},
}

// Filled by init, since the rules' functions look rules up themselves.
var ruleOf, snapshotRule = map[string]*Rule{}, map[string]*Rule{}

func init() { //nolint:gochecknoinits // see above
	for i := range Rules {
		ruleOf[Rules[i].Type] = &Rules[i]
		if Rules[i].snapshot {
			snapshotRule[Rules[i].Object] = &Rules[i]
		}
	}
}

// Rule is the rule of an event type, nil where there is none.
func (e *Engine) Rule(eventType string) *Rule { return ruleOf[eventType] }

// SnapshotType is the event type as which a fetched object is applied, empty where
// there is no rule for such objects.
func SnapshotType(object string) string {
	if r := snapshotRule[object]; r != nil {
		return r.Type
	}
	return ""
}
