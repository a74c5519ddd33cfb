package stripe

import (
	"bytes"
	"iter"
	"reflect"
)

// sameState says whether two snapshots of one object say the same, as far as
// Bursar reads them: two API versions of one state are the same state.
func sameState(a, b *Snapshot) bool {
	if !a.Object.Exists() || !b.Object.Exists() {
		return !a.Object.Exists() && !b.Object.Exists()
	}
	if a.APIVersion != b.APIVersion {
		return SameObject(a.ObjectType, a.Object, b.Object)
	}
	if read, ok := readers[a.ObjectType]; ok {
		return reflect.DeepEqual(read(a.Object), read(b.Object))
	}
	return equal(a.Object, b.Object)
}

var readers = map[string]func(Value) any{
	"customer":       func(v Value) any { return ReadCustomer(v) },
	"subscription":   func(v Value) any { return ReadSubscription(v) },
	"invoice":        func(v Value) any { i := ReadInvoice(v); i.HostedInvoiceURL, i.InvoicePDF = "", ""; return i },
	"charge":         func(v Value) any { return ReadCharge(v) },
	"refund":         func(v Value) any { return ReadRefund(v) },
	"payment_method": func(v Value) any { return ReadPaymentMethod(v) },
}

// agrees says whether b can directly follow a: a says, on everything that b's
// previous_attributes name, what they say it was.
func agrees(a, b *Snapshot) bool {
	if b.Previous.Len() == 0 || !a.Object.Exists() {
		return false
	}
	sameVersion := a.APIVersion == b.APIVersion
	for key, was := range b.Previous.Members() {
		is := a.Object.Get(key)
		if moved, ok := movedFields[a.ObjectType+"."+key]; ok && !sameVersion {
			if !moved(b.Previous, a.Object) {
				return false
			}
			continue
		}
		if !is.Exists() && !sameVersion {
			continue // the other version does not have the field
		}
		if !covers(is, was) {
			return false
		}
	}
	return true
}

// follows is agrees, and wants a to say what b says on everything else, too: what
// b's previous_attributes do not name has not changed. Stripe sometimes leaves a
// change out of them, so this is asked only where agreeing leaves several answers.
func follows(a, b *Snapshot) bool {
	if !agrees(a, b) || a.APIVersion != b.APIVersion {
		return false
	}
	for key, v := range b.Object.Members() {
		if !b.Previous.Get(key).Exists() && !equal(a.Object.Get(key), v) {
			return false
		}
	}
	return true
}

// movedFields compares fields that sit in different places in different API
// versions, by what the readers make of them.
var movedFields = map[string]func(previous, object Value) bool{
	"subscription.current_period_start": func(p, o Value) bool {
		return p.Get("current_period_start").Int() == ReadSubscription(o).CurrentPeriodStart
	},
	"subscription.current_period_end": func(p, o Value) bool {
		return p.Get("current_period_end").Int() == ReadSubscription(o).CurrentPeriodEnd
	},
	"subscription.items": func(p, o Value) bool {
		was, is := ReadSubscription(p).Items, ReadSubscription(o).Items
		if len(was) != len(is) {
			return false
		}
		for i := range was {
			if was[i].ID != is[i].ID || was[i].Price != is[i].Price || was[i].Quantity != is[i].Quantity {
				return false
			}
			if e := was[i].CurrentPeriodEnd; e != 0 && is[i].CurrentPeriodEnd != 0 && e != is[i].CurrentPeriodEnd {
				return false
			}
		}
		return true
	},
	"subscription.plan":     func(Value, Value) bool { return true },
	"subscription.discount": func(Value, Value) bool { return true },
	"invoice.paid": func(p, o Value) bool {
		return p.Get("paid").Bool() == (o.Get("status").Str() == "paid")
	},
	"invoice.subscription": func(p, o Value) bool { return p.Get("subscription").ID() == ReadInvoice(o).Subscription },
	"invoice.tax":          func(p, o Value) bool { return p.Get("tax").Int() == ReadInvoice(o).Tax },
	"invoice.lines":        func(Value, Value) bool { return true },
}

// covers says whether is says what was says: every member that was names has its
// value; absent and null are the same, and so are an id and its expanded object.
func covers(is, was Value) bool {
	if was.IsNull() {
		return is.IsNull()
	}
	switch was.Kind() {
	case KindObject:
		if is.Kind() == KindString {
			return was.Get("id").Exists() && was.ID() == is.Str()
		}
		if is.Kind() != KindObject {
			return false
		}
		for key, v := range was.Members() {
			if !covers(is.Get(key), v) {
				return false
			}
		}
		return true
	case KindArray:
		if is.Kind() != KindArray || is.Len() != was.Len() {
			return false
		}
		next, stop := pull(is)
		defer stop()
		for w := range was.All() {
			if v, _ := next(); !covers(v, w) {
				return false
			}
		}
		return true
	case KindString:
		return is.ID() == was.Str()
	}
	return bytes.Equal(is.Raw(), was.Raw())
}

// equal says whether two values are the same JSON, whatever the order of keys.
func equal(a, b Value) bool { return covers(a, b) && covers(b, a) }

func pull(v Value) (func() (Value, bool), func()) { return iter.Pull(v.All()) }
