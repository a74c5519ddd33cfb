package stripe

import "reflect"

// SameObject says whether an answer of the API says what a snapshot says that may be
// of another API version. Compared is what both can tell: what some versions leave
// out, or show only on request, is no difference.
func SameObject(objectType string, snapshot, answer Value) bool {
	if !snapshot.Exists() || !answer.Exists() {
		return false
	}
	if snapshot.Get("deleted").Bool() || answer.Get("deleted").Bool() {
		return snapshot.Get("deleted").Bool() == answer.Get("deleted").Bool()
	}
	read, ok := toldAlways[objectType]
	if !ok {
		return equal(snapshot, answer)
	}
	return reflect.DeepEqual(read(snapshot), read(answer))
}

// toldAlways reads of each object what every API version tells.
var toldAlways = map[string]func(Value) any{
	"customer": func(v Value) any {
		c := ReadCustomer(v)
		c.Currency = "" // derived by Stripe, and told by no event
		return c
	},
	"subscription": func(v Value) any {
		s := ReadSubscription(v)
		s.PausedReason = ""
		return s
	},
	"invoice": func(v Value) any {
		i := ReadInvoice(v)
		i.HostedInvoiceURL, i.InvoicePDF = "", "" // they carry a signature that changes
		i.Charge, i.PaymentIntent, i.Payments = "", "", nil
		return i
	},
	"charge": func(v Value) any {
		c := ReadCharge(v)
		c.Invoice, c.Refunds = "", nil
		return c
	},
	"refund": func(v Value) any {
		r := ReadRefund(v)
		r.Customer = ""
		return r
	},
	"payment_method":        func(v Value) any { return ReadPaymentMethod(v) },
	"subscription_schedule": func(v Value) any { return ReadSchedule(v) },
	"credit_note":           func(v Value) any { return ReadCreditNote(v) },
	"dispute":               func(v Value) any { return ReadDispute(v) },
	EntitlementSummaryType: func(v Value) any {
		e := ReadEntitlementSummary(v)
		e.HasMore = false
		return e
	},
	"product":          func(v Value) any { return ReadProduct(v) },
	"price":            func(v Value) any { return ReadPrice(v) },
	"checkout.session": func(v Value) any { return ReadCheckoutSession(v) },
}
