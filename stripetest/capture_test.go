package stripetest

import (
	"slices"
	"testing"
)

func hold(t *testing.T, a *Account) Object {
	t.Helper()
	p, err := a.Post("/v1/payment_intents", Form{
		"amount": "4900", "currency": "usd", "payment_method": "pm_card_visa", "capture_method": "manual", "confirm": "true",
	})
	if err != nil {
		t.Fatal(err)
	}
	if p.Str("status") != "requires_capture" || p.Int("amount_capturable") != 4900 || p.Int("amount_received") != 0 {
		t.Errorf("%s", p.JSON())
	}
	return p
}

// TestCapture: money is held until it is captured, all of it.
func TestCapture(t *testing.T) {
	a := New(t).Calm()
	p := hold(t, a)
	charge := "/v1/charges/" + p.Str("latest_charge")
	if c, _ := a.Get(charge, nil); c.Bool("captured") || c.Int("amount_captured") != 0 || c.Str("status") != "succeeded" {
		t.Errorf("%s", c.JSON())
	}
	for path, form := range map[string]Form{"/v1/refunds": {"charge": p.Str("latest_charge")}, "/v1/payment_intents/" + p.ID() + "/confirm": nil} {
		if _, err := a.Post(path, form); err == nil {
			t.Errorf("%s of what is only held", path)
		}
	}
	if _, err := a.Dispute(p.Str("latest_charge"), "fraudulent"); err == nil {
		t.Error("what is only held was disputed")
	}
	n := len(a.EventTypes())
	p, err := a.Post("/v1/payment_intents/"+p.ID()+"/capture", nil)
	if err != nil || p.Str("status") != "succeeded" || p.Int("amount_capturable") != 0 || p.Int("amount_received") != 4900 {
		t.Errorf("%s %v", p.JSON(), err)
	}
	if got := a.EventTypes()[n:]; !slices.Equal(got, []string{"charge.captured", "payment_intent.succeeded"}) {
		t.Errorf("%v", got)
	}
	if c, _ := a.Get(charge, nil); !c.Bool("captured") || c.Int("amount_captured") != 4900 {
		t.Errorf("%s", c.JSON())
	}
	if _, err := a.Post("/v1/payment_intents/"+p.ID()+"/capture", nil); err == nil {
		t.Error("captured twice")
	}
}

// TestRelease: a hold that is canceled is given back.
func TestRelease(t *testing.T) {
	a := New(t).Calm()
	p := hold(t, a)
	if _, err := a.Post("/v1/payment_intents/"+p.ID()+"/cancel", nil); err != nil {
		t.Fatal(err)
	}
	if c, _ := a.Get("/v1/charges/"+p.Str("latest_charge"), nil); !c.Bool("refunded") || c.Bool("captured") {
		t.Errorf("%s", c.JSON())
	}
	if got := a.EventTypes(); !slices.Equal(got[len(got)-2:], []string{"charge.refunded", "payment_intent.canceled"}) {
		t.Errorf("%v", got)
	}
}

// TestDeletePrice: one that was used stays.
func TestDeletePrice(t *testing.T) {
	a := New(t).Calm()
	if _, err := a.Play("checkout-paid", Play{}); err != nil {
		t.Fatal(err)
	}
	if err := a.DeletePrice("price_pro_monthly"); err == nil {
		t.Error("a price in use was deleted")
	}
	if err := a.DeletePrice("price_pro_yearly"); err != nil {
		t.Error(err)
	}
	if _, err := a.Get("/v1/prices/price_pro_yearly", nil); err == nil {
		t.Error("it is still there")
	}
	if list, err := a.Get("/v1/prices", nil); err != nil || len(list["data"].([]any)) != 2 {
		t.Errorf("%s %v", list.JSON(), err)
	}
	if got := a.EventTypes(); got[len(got)-1] != "price.deleted" {
		t.Errorf("%v", got)
	}
}
