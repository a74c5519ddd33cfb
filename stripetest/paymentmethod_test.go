package stripetest

import "testing"

// TestDetachedIsNotUpdated: what belongs to nobody is not changed, neither by the
// API nor by the network's updater, and no event tells otherwise.
func TestDetachedIsNotUpdated(t *testing.T) {
	a := New(t).Calm()
	c, err := a.Post("/v1/customers", nil)
	if err != nil {
		t.Fatal(err)
	}
	card, err := a.Post("/v1/payment_methods/pm_card_visa/attach", Form{"customer": c.ID()})
	if err != nil {
		t.Fatal(err)
	}
	path := "/v1/payment_methods/" + card.ID()
	if _, err := a.Post(path, Form{"card[exp_year]": "2031"}); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Post(path+"/detach", nil); err != nil {
		t.Fatal(err)
	}
	n := len(a.EventTypes())
	if _, err := a.Post(path, Form{"card[exp_year]": "2032"}); err == nil {
		t.Error("a detached card was updated")
	}
	if err := a.ReplaceCard(card.ID(), "1881", 6, 2032); err == nil {
		t.Error("a detached card was replaced")
	}
	if o, err := a.Get(path, nil); err != nil || o.Int("card.exp_year") != 2031 {
		t.Errorf("%s %v", o.JSON(), err)
	}
	if since := a.EventsFrom(n); len(since) != 0 {
		t.Errorf("%v", since)
	}
	if since := a.EventsFrom(n - 1); len(since) != 1 || since[0].Type != "payment_method.detached" {
		t.Errorf("%v", since)
	}
	if len(a.EventsFrom(n+5)) != 0 || len(a.EventsFrom(-1)) != n {
		t.Error("beyond the ends")
	}
}
