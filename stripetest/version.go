package stripetest

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Every object is built in the newest shape. An older API version is reached
// by undoing, newest first, the changes that came after it, as Stripe does:
// https://stripe.com/blog/api-versioning. A version is compared by its date,
// the first ten characters.

var versionForm = regexp.MustCompile(`^20\d\d-[01]\d-[0-3]\d(\.[a-z]+)?$`)

func validVersion(version string) bool { return versionForm.MatchString(version) }

// versionChange is one change of shape: since is the first version that shows
// the new one, undo brings one object of the kind back to the old one.
type versionChange struct {
	since string
	kind  string // the object's "object"
	undo  func(o Object, version string)
}

// versionChanges, newest first.
var versionChanges = []versionChange{
	{"2026-09-30", "subscription", dropKeys("status_details")},
	{"2026-07-29", "refund", dropKeys("customer", "payment_method")},
	{"2026-05-27", "invoice", dropKeys("amount_paid_off_stripe")},

	{"2026-03-25", "checkout.session", oldUIMode},
	{"2026-03-25", "line_item", dropKeys("quantity_decimal", "subtotal")},
	{"2026-03-25", "invoiceitem", dropKeys("quantity_decimal")},
	{"2026-03-25", "subscription", dropKeys("billing_schedules")},

	{"2025-09-30", "discount", discountWithCoupon},
	{"2025-09-30", "promotion_code", promotionWithCoupon},

	{"2025-06-30", "subscription", dropKeys("billing_mode")},
	{"2025-06-30", "subscription_schedule", dropKeys("billing_mode")},
	{"2025-05-28", "credit_note", dropKeys("pre_payment_amount", "post_payment_amount")},

	// Basil, the great one.
	{"2025-03-31", "subscription", subscriptionBeforeBasil},
	{"2025-03-31", "subscription_item", dropKeys("current_period_start", "current_period_end")},
	{"2025-03-31", "subscription_schedule", scheduleBeforeBasil},
	{"2025-03-31", "invoice", invoiceBeforeBasil},
	{"2025-03-31", "line_item", lineBeforeBasil},
	{"2025-03-31", "invoiceitem", invoiceItemBeforeBasil},
	{"2025-03-31", "charge", reveal("_invoice", "invoice")},
	{"2025-03-31", "payment_intent", reveal("_invoice", "invoice")},
	{"2025-03-31", "credit_note", creditNoteBeforeBasil},
	{"2025-03-31", "price", priceBeforeBasil},
	{"2025-03-31", "plan", planBeforeBasil},
	{"2025-03-31", "checkout.session", reveal("_shipping", "shipping_details")},

	{"2024-04-10", "product", productFeatures},

	{"2022-11-15", "charge", reveal("_refunds", "refunds")},
	{"2022-11-15", "payment_intent", intentWithCharges},
}

// undoing is what has to be undone to reach one version, by kind of object.
type undoing struct {
	version string
	undo    map[string][]func(Object, string)
}

var undoings sync.Map // version to *undoing

func undoingFor(version string) *undoing {
	if known, ok := undoings.Load(version); ok {
		return known.(*undoing)
	}
	u := &undoing{version: version, undo: map[string][]func(Object, string){}}
	for _, change := range versionChanges {
		if version < change.since {
			u.undo[change.kind] = append(u.undo[change.kind], change.undo)
		}
	}
	undoings.Store(version, u)
	return u
}

// inVersion is the object in the shape of a version. It shares what is the
// same in both with the original, which stays as it is: rendered objects are
// never written to.
func inVersion(o Object, version string) Object {
	u := undoingFor(version)
	if len(u.undo) == 0 {
		return o
	}
	return u.object(o)
}

// object undoes what o holds first, so that a parent sees its children
// finished, and then o itself.
func (u *undoing) object(o Object) Object {
	kind, _ := o["object"].(string)
	if kind == "event" || kind == "v2.core.event" {
		return o // rendered in its version already
	}
	changed := o
	own := func() {
		if sameMap(changed, o) {
			changed = maps.Clone(o)
		}
	}
	for key, value := range o {
		if now, is := u.value(value); is {
			own()
			changed[key] = now
		}
	}
	for _, undo := range u.undo[kind] {
		own()
		undo(changed, u.version)
	}
	return changed
}

// value says whether undoing changed the value.
func (u *undoing) value(value any) (any, bool) {
	switch v := value.(type) {
	case Object:
		now := u.object(v)
		return now, !sameMap(now, v)
	case []any:
		var out []any
		for i, element := range v {
			now, is := u.value(element)
			if is && out == nil {
				out = slices.Clone(v)
			}
			if is {
				out[i] = now
			}
		}
		return out, out != nil
	}
	return nil, false
}

func sameMap(x, y Object) bool {
	return reflect.ValueOf(x).UnsafePointer() == reflect.ValueOf(y).UnsafePointer()
}

// eventTypeIn is the name that an event had then.
func eventTypeIn(typ, version string) string {
	if typ == "payment_method.automatically_updated" && version < "2020-08-27" {
		return "payment_method.card_automatically_updated"
	}
	return typ
}

func dropKeys(keys ...string) func(Object, string) {
	return func(o Object, _ string) {
		for _, key := range keys {
			delete(o, key)
		}
	}
}

// reveal shows a hidden fact under its old name; null where there is none.
func reveal(hidden, name string) func(Object, string) {
	return func(o Object, _ string) { o[name] = o[hidden] }
}

func move(o Object, from, to string) {
	o[to] = o[from]
	delete(o, from)
}

func oldUIMode(o Object, _ string) {
	mode := map[string]string{"hosted_page": "hosted", "embedded_page": "embedded", "elements": "custom"}
	if old, ok := mode[o.Str("ui_mode")]; ok {
		o["ui_mode"] = old
	}
}

func discountWithCoupon(o Object, _ string) {
	delete(o, "source")
	o["coupon"] = o["_coupon"]
}

func promotionWithCoupon(o Object, _ string) {
	delete(o, "promotion")
	o["coupon"] = o["_coupon"]
}

func productFeatures(o Object, _ string) {
	move(o, "marketing_features", "features")
	o["type"] = o["_type"]
}

func intentWithCharges(o Object, _ string) {
	charges, _ := o["_charges"].([]any)
	all := list("/v1/charges?payment_intent="+o.Str("id"), charges)
	all["total_count"] = int64(len(charges))
	o["charges"] = all
	delete(o, "latest_charge")
}

// hybrid says whether a version is one of acacia's, which show some of basil's
// new fields beside the old ones.
func hybrid(version string) bool {
	return version >= "2024-09-30" && version < "2025-03-31" && strings.HasSuffix(version, ".acacia")
}
