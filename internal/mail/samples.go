package mail

import (
	"time"

	"github.com/bursarhq/bursar/billing"
)

// The samples are one customer's story, so that a preview of any kind looks like
// a mail that somebody could get.

func sampleDay(month time.Month, day int) time.Time {
	return time.Date(2026, month, day, 9, 30, 0, 0, time.UTC)
}

func usd(cents int64) billing.Money { return billing.Money{Amount: cents, Currency: "usd"} }

var (
	sampleCard = Method{Type: "card", Brand: "visa", Last4: "4242", ExpMonth: 12, ExpYear: 2026}

	sampleLinks = Links{
		Pay:       "https://invoice.stripe.com/i/acct_1Example/test_YWNjdF8xRXhhbXBsZQ",
		Update:    "https://billing.example.com/l/update?token=c2FtcGxl",
		Invoice:   "https://billing.example.com/l/invoice?token=c2FtcGxl",
		Subscribe: "https://app.example.com/plans",
		Dashboard: "https://billing.example.com/dashboard/tenants/lovelace",
	}

	sampleInvoice = Invoice{
		ID: "in_1Sample", Number: "LOVE-0007",
		IssuedAt: sampleDay(time.November, 1), PaidAt: sampleDay(time.November, 1), DueDate: sampleDay(time.November, 1),
		Lines: []Line{
			{Description: "Pro (per seat)", Quantity: 3, Amount: usd(8700)},
			{Description: "Extra storage", Quantity: 1, Amount: usd(500)},
		},
		Subtotal: usd(9200), Discount: usd(920), Tax: usd(1573), Total: usd(9853), AmountPaid: usd(9853),
	}

	sampleCustomer = Data{
		Name: "Ada Lovelace", Tenant: "lovelace", Subscription: "sub_1Sample",
		Plan: "Pro", NextPlan: "Free", Amount: usd(9853), Interval: "month", IntervalCount: 1,
		Invoice: sampleInvoice, Method: sampleCard, Links: sampleLinks,
	}
)

var samplePaymentFailed = sampleCustomer.with(func(d *Data) {
	d.Attempt, d.MaxAttempts = 2, 3
	d.NextAttempt = sampleDay(time.November, 6)
	d.Reason = "Your card has insufficient funds."
})

var sampleActionRequired = sampleCustomer

var sampleRecovered = sampleCustomer.with(func(d *Data) {
	d.Invoice.PaidAt = sampleDay(time.November, 6)
})

var sampleDowngraded = sampleCustomer.with(func(d *Data) {
	d.Attempt, d.MaxAttempts = 3, 3
})

var sampleEnded = sampleCustomer.with(func(d *Data) {
	d.EndedAt = sampleDay(time.December, 1)
})

var sampleTrialEnding = sampleCustomer.with(func(d *Data) {
	d.TrialEnd = sampleDay(time.November, 14)
	d.Amount = usd(2900)
	d.Invoice = Invoice{}
})

var sampleCardExpiring = sampleCustomer.with(func(d *Data) {
	d.Amount, d.Invoice = billing.Money{}, Invoice{}
})

var sampleReceipt = sampleCustomer

var sampleRefund = sampleCustomer.with(func(d *Data) {
	d.Amount = usd(2000)
	d.RefundedAt = sampleDay(time.November, 9)
})

var sampleDispute = Data{
	Tenant: "lovelace", Name: "Ada Lovelace", Amount: usd(9853), Reason: "fraudulent",
	Invoice: Invoice{ID: "in_1Sample", Number: "LOVE-0007"},
	Dispute: Dispute{ID: "du_1Sample", Charge: "ch_3Sample", Status: "needs_response", DueBy: sampleDay(time.November, 20)},
	Links:   sampleLinks,
}

var samplePriceUnmapped = Data{
	Tenant: "lovelace", Subscription: "sub_1Sample", Amount: usd(4900), Interval: "month", IntervalCount: 1,
	Price: Price{ID: "price_1Sample", Product: "Pro, old terms"},
	Links: sampleLinks,
}

var sampleEventDead = Data{
	Tenant: "lovelace",
	Event: Event{
		ID: "evt_1Sample", Type: "invoice.paid", Attempts: 12, Received: sampleDay(time.November, 2),
		Error: "apply invoice in_1Sample: total is not an integer",
	},
	Links: sampleLinks,
}

var sampleEndpointSilent = Data{
	Endpoint: Endpoint{Name: "https://billing.example.com/webhooks/stripe", LastEvent: sampleDay(time.November, 2), Silence: 26 * time.Hour, Missed: 14},
	Links:    sampleLinks,
}

var sampleOutboundDisabled = Data{
	Endpoint: Endpoint{Name: "crm"}, Reason: "nothing was accepted for three days; last: the endpoint answered 500",
	Links: sampleLinks,
}

var sampleConflict = Data{
	Conflict: Conflict{Customer: "cus_Sample", Owner: "lovelace", Claimed: "babbage", Source: "metadata", Event: "evt_1Sample"},
	Links:    sampleLinks,
}

func (d Data) with(change func(*Data)) Data {
	change(&d)
	return d
}
