package stripetest

import (
	"slices"
	"strings"
	"testing"
)

// present and absent are what a row of the table expects at a path.
const (
	present = "present" // the key is there, perhaps null
	absent  = "absent"
	filled  = "filled" // there and not null
)

func presence(o Object, path string) string {
	parent, key := o, path
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		hash, ok := o.Get(path[:i]).(Object)
		if !ok {
			return absent
		}
		parent, key = hash, path[i+1:]
	}
	value, ok := parent[key]
	switch {
	case !ok:
		return absent
	case value == nil:
		return present
	}
	return filled
}

// TestFieldMoves says, for every move of a field between API versions that the
// simulator knows, where the field is before the version and from it on.
func TestFieldMoves(t *testing.T) {
	const basil, clover, dahlia = "2025-03-31.basil", "2025-09-30.clover", "2026-03-25.dahlia"
	moves := []struct {
		since, before string // the version that moved it, and one before
		scenario, typ string
		path          string
		was, is       string
	}{
		{basil, "2025-02-24.acacia", "renewal", "customer.subscription.created", "current_period_end", filled, absent},
		{basil, "2025-02-24.acacia", "renewal", "customer.subscription.created", "current_period_start", filled, absent},
		{basil, "2024-06-20", "renewal", "customer.subscription.created", "items.data.0.current_period_end", absent, filled},
		{basil, "2024-06-20", "renewal", "customer.subscription.created", "items.data.0.current_period_start", absent, filled},
		{basil, "2024-06-20", "renewal", "customer.subscription.created", "discount", present, absent},
		{basil, "2024-06-20", "renewal", "invoice.paid", "subscription", filled, absent},
		{basil, "2024-06-20", "renewal", "invoice.paid", "subscription_details", filled, absent},
		{basil, "2024-06-20", "renewal", "invoice.paid", "quote", present, absent},
		{basil, "2024-06-20", "renewal", "invoice.paid", "parent.subscription_details.subscription", absent, filled},
		{basil, "2024-06-20", "renewal", "invoice.paid", "paid", filled, absent},
		{basil, "2024-06-20", "renewal", "invoice.paid", "paid_out_of_band", filled, absent},
		{basil, "2024-06-20", "renewal", "invoice.paid", "charge", filled, absent},
		{basil, "2024-06-20", "renewal", "invoice.paid", "payment_intent", filled, absent},
		{basil, "2024-06-20", "renewal", "invoice.paid", "payments", absent, absent},
		{basil, "2024-06-20", "renewal", "invoice.paid", "tax", present, absent},
		{basil, "2024-06-20", "renewal", "invoice.paid", "total_tax_amounts", filled, absent},
		{basil, "2024-06-20", "renewal", "invoice.paid", "total_taxes", absent, filled},
		{basil, "2024-06-20", "renewal", "invoice.paid", "discount", present, absent},
		{basil, "2024-06-20", "renewal", "invoice.paid", "lines.data.0.price", filled, absent},
		{basil, "2024-06-20", "renewal", "invoice.paid", "lines.data.0.plan", filled, absent},
		{basil, "2024-06-20", "renewal", "invoice.paid", "lines.data.0.pricing.price_details.price", absent, filled},
		{basil, "2024-06-20", "renewal", "invoice.paid", "lines.data.0.type", filled, absent},
		{basil, "2024-06-20", "renewal", "invoice.paid", "lines.data.0.subscription", filled, absent},
		{basil, "2024-06-20", "renewal", "invoice.paid", "lines.data.0.subscription_item", filled, absent},
		{basil, "2024-06-20", "renewal", "invoice.paid", "lines.data.0.proration", filled, absent},
		{basil, "2024-06-20", "renewal", "invoice.paid", "lines.data.0.tax_amounts", filled, absent},
		{basil, "2024-06-20", "renewal", "invoice.paid", "lines.data.0.parent.subscription_item_details.subscription_item", absent, filled},
		{basil, "2024-06-20", "renewal", "charge.succeeded", "invoice", filled, absent},
		{basil, "2024-06-20", "renewal", "payment_intent.succeeded", "invoice", filled, absent},
		{basil, "2024-06-20", "quantity-changes", "invoiceitem.created", "subscription", filled, absent},
		{basil, "2024-06-20", "quantity-changes", "invoiceitem.created", "price", filled, absent},
		{basil, "2024-06-20", "quantity-changes", "invoiceitem.created", "parent.subscription_details.subscription", absent, filled},
		{basil, "2024-06-20", "credit-note", "credit_note.created", "refund", filled, absent},
		{basil, "2024-06-20", "credit-note", "credit_note.created", "refunds.0.refund", absent, filled},
		{basil, "2024-06-20", "credit-note", "credit_note.created", "tax_amounts", filled, absent},
		{"2025-05-28.basil", basil, "credit-note", "credit_note.created", "post_payment_amount", absent, filled},
		{"2025-06-30.basil", basil, "renewal", "customer.subscription.created", "billing_mode.type", absent, filled},
		{dahlia, clover, "renewal", "invoice.paid", "lines.data.0.quantity_decimal", absent, filled},
		{"2026-09-30.endive", dahlia, "trial-pauses", "customer.subscription.paused", "status_details.paused.subscription.type", absent, filled},
		{"2022-11-15", "2022-08-01", "refund-partial-then-full", "charge.refunded", "refunds.data.0.id", filled, absent},
		{"2022-11-15", "2022-08-01", "renewal", "payment_intent.succeeded", "charges.data.0.id", filled, absent},
		{"2022-11-15", "2022-08-01", "renewal", "payment_intent.succeeded", "latest_charge", absent, filled},
		{"2026-07-29.dahlia", dahlia, "refund-partial-then-full", "refund.created", "payment_method", absent, filled},
		{"2024-04-10", "2023-10-16", "catalog-changes", "product.updated", "features", filled, absent},
		{"2024-04-10", "2023-10-16", "catalog-changes", "product.updated", "marketing_features", absent, filled},
	}
	for _, m := range moves {
		t.Run(m.since+" "+m.typ+" "+m.path, func(t *testing.T) {
			a := New(t).Calm()
			if _, err := a.Play(m.scenario, Play{}); err != nil {
				t.Fatal(err)
			}
			before, since := a.EventsIn(m.before, m.typ), a.EventsIn(m.since, m.typ)
			if len(before) == 0 {
				t.Fatalf("no %s", m.typ)
			}
			if got := presence(before[0].Object, m.path); got != m.was {
				t.Errorf("%s: %s is %s, want %s", m.before, m.path, got, m.was)
			}
			if got := presence(since[0].Object, m.path); got != m.is {
				t.Errorf("%s: %s is %s, want %s", m.since, m.path, got, m.is)
			}
		})
	}
}

func TestDiscountMoves(t *testing.T) {
	a := New(t).Calm()
	result, err := a.Play("renewal", Play{})
	if err != nil {
		t.Fatal(err)
	}
	coupon := must(a.Post("/v1/coupons", Form{"percent_off": "50", "duration": "forever"}))(t)
	must(a.Post("/v1/subscriptions/"+result.Subscription, Form{"discounts[0][coupon]": coupon.ID()}))(t)
	for _, c := range []struct{ version, discount, coupon string }{
		{"2020-08-27", filled, "discount.coupon.id"},
		{"2024-06-20", filled, "discount.coupon.id"},
		{"2025-08-27.basil", absent, "discounts.0.coupon.id"},
		{"2025-09-30.clover", absent, "discounts.0.source.coupon"},
		{DefaultVersion, absent, "discounts.0.source.coupon"},
	} {
		updated := a.EventsIn(c.version, "customer.subscription.updated")
		o := updated[len(updated)-1].Object
		if got := presence(o, "discount"); got != c.discount {
			t.Errorf("%s: discount is %s, want %s", c.version, got, c.discount)
		}
		r := apiRequest{
			method: "GET", path: "/v1/subscriptions/" + result.Subscription, version: c.version,
			params: paramsOf(Form{"expand[0]": "discounts"}),
		}
		answer, failure := a.serve(r)
		if failure != nil {
			t.Fatal(failure)
		}
		if got := answer.Str(c.coupon); got != coupon.ID() {
			t.Errorf("%s: %s is %q, want %q", c.version, c.coupon, got, coupon.ID())
		}
	}
}

// TestUIModeWasRenamed is a change of values, not of keys.
func TestUIModeWasRenamed(t *testing.T) {
	a := New(t).Calm()
	if _, err := a.Play("checkout-paid", Play{}); err != nil {
		t.Fatal(err)
	}
	for version, want := range map[string]string{"2025-11-17.clover": "hosted", "2026-03-25.dahlia": "hosted_page"} {
		if got := a.EventsIn(version, "checkout.session.completed")[0].Object.Str("ui_mode"); got != want {
			t.Errorf("%s: ui_mode is %q, want %q", version, got, want)
		}
	}
}

// TestPreviousAttributesAreTrue undoes every update: the object before it, in
// that version, is the one that the last event of the same object showed.
func TestPreviousAttributesAreTrue(t *testing.T) {
	versions := []string{
		"2020-08-27", "2022-11-15", "2024-06-20", "2025-02-24.acacia", "2025-03-31.basil", "2025-11-17.clover",
		"2026-03-25.dahlia",
	}
	for _, s := range Scenarios() {
		a := New(t).Calm()
		if _, err := a.Play(s.Name, Play{}); err != nil {
			t.Fatal(err)
		}
		for _, version := range versions {
			last := map[string]Object{}
			for _, e := range a.EventsIn(version) {
				id := e.Object.ID()
				before, seen := last[id]
				last[id] = e.Object
				if !strings.HasSuffix(e.Type, ".updated") || !seen || id == "" {
					continue
				}
				if len(e.Previous) == 0 && !equal(before, e.Object) {
					t.Errorf("%s %s: %s of %s says nothing of what changed", s.Name, version, e.Type, id)
				}
				restored := undo(e.Object, e.Previous)
				if !equal(withoutNulls(restored), withoutNulls(before)) {
					t.Errorf("%s %s: undoing %s of %s gives another object than was shown:\n%s\n%s",
						s.Name, version, e.Type, id, restored.JSON(), before.JSON())
				}
			}
		}
	}
}

// withoutNulls is for comparing: a null in previous_attributes may stand for a
// key that was not there.
func withoutNulls(o Object) Object {
	c := Object{}
	for key, value := range o {
		if value != nil {
			c[key] = value
		}
	}
	return c
}

// undo puts previous values back.
func undo(after, previous Object) Object {
	o := after.clone()
	for key, was := range previous {
		hash, ok1 := was.(Object)
		now, ok2 := o[key].(Object)
		if ok1 && ok2 {
			o[key] = undo(now, hash)
			continue
		}
		o[key] = was
	}
	return o
}

// TestAPeriodsChangeIsWhereTheVersionHasIt: the same renewal is told by the
// item on basil, by the subscription before.
func TestAPeriodsChangeIsWhereTheVersionHasIt(t *testing.T) {
	a := New(t).Calm()
	if _, err := a.Play("renewal", Play{}); err != nil {
		t.Fatal(err)
	}
	keys := func(version string) []string {
		updates := a.EventsIn(version, "customer.subscription.updated")
		var names []string
		for key := range updates[len(updates)-1].Previous {
			names = append(names, key)
		}
		slices.Sort(names)
		return names
	}
	if got, want := keys("2026-03-25.dahlia"), []string{"items", "latest_invoice"}; !slices.Equal(got, want) {
		t.Errorf("dahlia: %v, want %v", got, want)
	}
	if got, want := keys("2024-06-20"), []string{"current_period_end", "current_period_start", "latest_invoice"}; !slices.Equal(got, want) {
		t.Errorf("2024-06-20: %v, want %v", got, want)
	}
}

// TestAcaciaIsAHybrid: the last versions before basil show some of its fields
// beside their own.
func TestAcaciaIsAHybrid(t *testing.T) {
	a := New(t).Calm()
	if _, err := a.Play("renewal", Play{}); err != nil {
		t.Fatal(err)
	}
	o := a.EventsIn("2024-12-18.acacia", "invoice.paid")[0].Object
	for path, want := range map[string]string{"parent": present, "total_taxes": filled, "subscription": filled, "paid": filled} {
		if got := presence(o, path); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
}

// TestHiddenFactsStayHidden: no version's JSON has a key with an underscore.
func TestHiddenFactsStayHidden(t *testing.T) {
	a := New(t).Calm()
	if _, err := a.Play("subscription-lifecycle", Play{}); err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"2019-12-03", "2024-06-20", DefaultVersion} {
		for _, e := range a.EventsIn(version) {
			if strings.Contains(string(e.Payload), `"_`) {
				t.Fatalf("%s %s: %s", version, e.Type, e.Payload)
			}
		}
	}
}

// must is for calls that return an Object and an error.
func must(o Object, err error) func(testing.TB) Object {
	return func(t testing.TB) Object {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
}
