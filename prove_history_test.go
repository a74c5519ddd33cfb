package bursar_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/bursarhq/bursar/stripetest"
)

// operation is something that happens to an account, and how often. What the
// account refuses has not happened, and is no fault.
type operation struct {
	weight int
	name   string
	do     func(w *world) error
}

var operations = []operation{
	{12, "some days go by", func(w *world) error { return w.pass(time.Duration(1+w.rng.IntN(12)) * 24 * time.Hour) }},
	{8, "a month goes by", func(w *world) error { return w.pass(31 * 24 * time.Hour) }},
	{3, "hours go by", func(w *world) error { return w.pass(time.Duration(1+w.rng.IntN(30)) * time.Hour) }},
	{1, "half a year goes by", func(w *world) error { return w.pass(183 * 24 * time.Hour) }},

	{5, "a customer is made", func(w *world) error { _, err := w.newCustomer(); return err }},
	{2, "a customer is renamed", func(w *world) error {
		return w.post("/v1/customers/"+w.customer(), form{"name": fmt.Sprint("Name ", w.rng.IntN(3)), "email": fmt.Sprintf("o%d@x.example", w.rng.IntN(3))})
	}},
	{2, "a customer is given to a tenant", (*world).claim},
	{1, "a customer is deleted", func(w *world) error { return w.delete("/v1/customers/" + w.customer()) }},

	{8, "a checkout", (*world).checkout},
	{6, "a subscription is made", (*world).subscribe},
	{6, "an upgrade or a downgrade", (*world).change},
	{3, "another quantity", func(w *world) error {
		sub := w.sub()
		return w.post("/v1/subscriptions/"+sub.ID(), form{"items[0][id]": sub.Str("items.data.0.id"), "items[0][quantity]": fmt.Sprint(1 + w.rng.IntN(6))})
	}},
	{2, "there and back within a second", func(w *world) error {
		id := w.customer()
		for _, name := range []string{"Here", "There", "Here", "There"}[w.rng.IntN(2) : 3+w.rng.IntN(2)] {
			if err := w.post("/v1/customers/"+id, form{"name": name}); err != nil {
				return err
			}
		}
		return nil
	}},
	{2, "a change is undone within a second", func(w *world) error {
		path := "/v1/subscriptions/" + w.sub().ID()
		for _, v := range []string{"true", "false", "true"}[:2+w.rng.IntN(2)] {
			if err := w.post(path, form{"cancel_at_period_end": v}); err != nil {
				return err
			}
		}
		return nil
	}},
	{4, "something is made and undone within a second", (*world).undo},
	{3, "a change is scheduled", (*world).schedule},
	{1, "a schedule is released", func(w *world) error {
		return w.post("/v1/subscription_schedules/"+w.one("subscription_schedule")+"/release", nil)
	}},
	{1, "a schedule is canceled", func(w *world) error {
		return w.post("/v1/subscription_schedules/"+w.one("subscription_schedule")+"/cancel", nil)
	}},
	{2, "collection is paused", func(w *world) error {
		return w.post("/v1/subscriptions/"+w.sub().ID(), form{"pause_collection[behavior]": pick(w.rng, []string{"void", "keep_as_draft", "mark_uncollectible"})})
	}},
	{2, "collection goes on", func(w *world) error { return w.post("/v1/subscriptions/"+w.sub().ID(), form{"pause_collection": ""}) }},
	{2, "a paused one is resumed", func(w *world) error {
		return w.post("/v1/subscriptions/"+w.sub().ID()+"/resume", form{"billing_cycle_anchor": "now"})
	}},
	{2, "a trial is cut short", func(w *world) error { return w.post("/v1/subscriptions/"+w.sub().ID(), form{"trial_end": "now"}) }},

	{2, "canceled at the period's end", func(w *world) error {
		return w.post("/v1/subscriptions/"+w.sub().ID(), form{"cancel_at_period_end": "true"})
	}},
	{2, "canceled in the portal", func(w *world) error { return refused(w.acct.PortalCancel(w.sub().ID())) }},
	{2, "taken back in the portal", func(w *world) error { return refused(w.acct.PortalResume(w.sub().ID())) }},
	{1, "canceled at a time", func(w *world) error {
		return w.post("/v1/subscriptions/"+w.sub().ID(), form{"cancel_at": fmt.Sprint(w.acct.Now().Add(time.Duration(5+w.rng.IntN(60)) * 24 * time.Hour).Unix())})
	}},
	{2, "canceled now", func(w *world) error { return w.delete("/v1/subscriptions/" + w.sub().ID()) }},

	{6, "another card", func(w *world) error { return w.useCard(w.sub(), w.card()) }},
	{2, "a card is attached", func(w *world) error {
		return w.post("/v1/payment_methods/"+w.card()+"/attach", form{"customer": w.customer()})
	}},
	{2, "a card is detached", func(w *world) error { return w.post("/v1/payment_methods/"+w.one("payment_method")+"/detach", nil) }},
	{2, "a card is replaced", func(w *world) error {
		return refused(w.acct.ReplaceCard(w.one("payment_method"), fmt.Sprint(1000+w.rng.IntN(9000)), int64(1+w.rng.IntN(12)), int64(2030+w.rng.IntN(5))))
	}},
	{1, "a card is updated", func(w *world) error {
		return w.post("/v1/payment_methods/"+w.one("payment_method"), form{"card[exp_month]": fmt.Sprint(1 + w.rng.IntN(12)), "card[exp_year]": "2033"})
	}},

	{4, "an invoice is paid", func(w *world) error {
		f := form{}
		if w.rng.IntN(3) == 0 {
			f["paid_out_of_band"] = "true"
		}
		return w.post("/v1/invoices/"+w.openInvoice()+"/pay", f)
	}},
	{1, "an invoice is voided", func(w *world) error { return w.post("/v1/invoices/"+w.openInvoice()+"/void", nil) }},
	{1, "an invoice is given up", func(w *world) error { return w.post("/v1/invoices/"+w.openInvoice()+"/mark_uncollectible", nil) }},
	{1, "the bank is satisfied", func(w *world) error { return refused(w.acct.Authenticate(w.openInvoice())) }},
	{3, "a one-off invoice", (*world).oneOff},

	{5, "a refund", func(w *world) error {
		f := form{"charge": w.one("charge")}
		if w.rng.IntN(2) == 0 {
			f["amount"] = fmt.Sprint(1 + w.rng.IntN(1500))
		}
		return w.post("/v1/refunds", f)
	}},
	{2, "a refund fails", func(w *world) error { return refused(w.acct.FailRefund(w.one("refund"))) }},
	{2, "a dispute", func(w *world) error { _, err := w.acct.Dispute(w.one("charge"), "fraudulent"); return refused(err) }},
	{1, "evidence", func(w *world) error {
		return w.post("/v1/disputes/"+w.one("dispute"), form{"evidence[uncategorized_text]": "It was used."})
	}},
	{2, "a dispute is closed", func(w *world) error { return refused(w.acct.CloseDispute(w.one("dispute"), w.rng.IntN(2) == 0)) }},
	{3, "a credit note", (*world).creditNote},
	{1, "a credit note is voided", func(w *world) error { return w.post("/v1/credit_notes/"+w.one("credit_note")+"/void", nil) }},
	{1, "a product is renamed", func(w *world) error {
		return w.post("/v1/products/"+w.one("product"), form{"name": fmt.Sprint("Product ", w.rng.IntN(9))})
	}},
	{1, "a price is renamed", func(w *world) error {
		return w.post("/v1/prices/"+w.one("price"), form{"nickname": fmt.Sprint("Price ", w.rng.IntN(9))})
	}},

	{4, "effects are performed", func(w *world) error { return w.perform(-1) }},
	{1, "the worker dies", func(w *world) error { return w.perform(1 + w.rng.IntN(6)) }},
	{2, "the server dies", func(w *world) error { w.door.crashIn, w.door.moment = 1+w.rng.IntN(8), w.rng.IntN(3); return nil }},
}

type form = stripetest.Form

// do performs the operation that n stands for.
func (w *world) do(n uint64) error {
	w.rng = rand.New(rand.NewPCG(n, 4))
	total := 0
	for _, o := range operations {
		total += o.weight
	}
	at := w.rng.IntN(total)
	for _, o := range operations {
		if at -= o.weight; at < 0 {
			w.say("%s", o.name)
			if err := o.do(w); err != nil {
				return fmt.Errorf("%s: %w", o.name, err)
			}
			break
		}
	}
	if w.rng.IntN(3) > 0 { // else the next one falls into the same second
		w.acct.Advance(time.Duration(1+w.rng.IntN(40)) * time.Second)
	}
	return w.door.err
}

// refused drops an error: the account did not do it.
func refused(error) error { return nil }

func (w *world) pass(d time.Duration) error {
	w.acct.Advance(d)
	return nil
}

func (w *world) post(path string, f form) error {
	_, err := w.acct.Post(path, f)
	return refused(err)
}

func (w *world) delete(path string) error {
	_, err := w.acct.Delete(path, nil)
	return refused(err)
}

// one is the id of some object of a type, empty without any.
func (w *world) one(object string) string {
	ids := w.idsOf(object)
	if len(ids) == 0 {
		return ""
	}
	return pick(w.rng, ids)
}

func (w *world) customer() string { return w.one("customer") }

// sub is some subscription, rather a newer one.
func (w *world) sub() stripetest.Object {
	ids := w.idsOf("subscription")
	if len(ids) == 0 {
		return stripetest.Object{"id": "sub_none"}
	}
	id := ids[len(ids)-1-w.rng.IntN(min(3, len(ids)))]
	o, err := w.acct.Get("/v1/subscriptions/"+id, nil)
	if err != nil {
		return stripetest.Object{"id": "sub_none"}
	}
	return o
}

func (w *world) openInvoice() string {
	var open []string
	for _, id := range w.idsOf("invoice") {
		if o, err := w.acct.Get("/v1/invoices/"+id, nil); err == nil && (o.Str("status") == "open" || o.Str("status") == "uncollectible") {
			open = append(open, id)
		}
	}
	if len(open) == 0 {
		return "in_none"
	}
	return pick(w.rng, open)
}

func (w *world) card() string {
	if w.rng.IntN(3) == 0 {
		return pick(w.rng, []string{"pm_card_mastercard", "pm_card_amex", "pm_card_refundFail", "pm_card_pendingRefund", "pm_card_createDispute", "pm_card_authenticationRequired", "pm_sepaDebit_success", "pm_sepaDebit_failed", "pm_card_createDisputeInquiry"})
	}
	return pick(w.rng, []string{"pm_card_visa", "pm_card_visa", "pm_card_chargeCustomerFail"})
}

func (w *world) price() string {
	return pick(w.rng, []string{"price_pro_monthly", "price_pro_monthly", "price_team_monthly", "price_pro_yearly", "price_odd_monthly"})
}

func (w *world) tenant() string { return fmt.Sprint("t", 1+w.rng.IntN(3)) }

// newCustomer makes a customer of a tenant, or of nobody yet.
func (w *world) newCustomer() (string, error) {
	f, tenant := form{"email": fmt.Sprintf("o%d@x.example", w.rng.IntN(9)), "name": "Owner"}, ""
	if w.rng.IntN(6) > 0 {
		tenant = w.tenant()
		f["metadata[tenant]"] = tenant
	}
	c, err := w.acct.Post("/v1/customers", f)
	if err != nil {
		return "", err
	}
	w.tenants[c.ID()] = tenant
	return c.ID(), nil
}

func (w *world) claim() error {
	id := w.customer()
	if id == "" || w.tenants[id] != "" {
		return nil
	}
	tenant := w.tenant()
	if _, err := w.acct.Post("/v1/customers/"+id, form{"metadata[tenant]": tenant}); err == nil {
		w.tenants[id] = tenant
	}
	return nil
}

func (w *world) checkout() error {
	tenant := w.tenant()
	f := form{
		"mode": "subscription", "line_items[0][price]": w.price(), "line_items[0][quantity]": fmt.Sprint(1 + w.rng.IntN(3)),
		"success_url": "https://app.example/ok",
	}
	customer := w.customer()
	if customer == "" || w.tenants[customer] == "" || w.rng.IntN(2) == 0 {
		f["customer_email"] = "buyer@x.example"
	} else {
		f["customer"], tenant = customer, w.tenants[customer]
	}
	f["client_reference_id"], f["subscription_data[metadata][tenant]"] = tenant, tenant
	if w.rng.IntN(3) == 0 {
		f["subscription_data[trial_period_days]"] = fmt.Sprint(3 + w.rng.IntN(14))
	}
	buyer := stripetest.Buyer{Card: w.card(), Name: "Buyer"}
	if w.rng.IntN(6) == 0 {
		f["payment_method_collection"], buyer.NoCard = "if_required", true
		f["subscription_data[trial_period_days]"] = "7"
		f["subscription_data[trial_settings][end_behavior][missing_payment_method]"] = pick(w.rng, []string{"pause", "cancel", "create_invoice"})
	}
	session, err := w.acct.Post("/v1/checkout/sessions", f)
	if err != nil {
		return refused(err)
	}
	if done, err := w.acct.Complete(session.ID(), buyer); err == nil {
		w.tenants[done.Str("customer")] = tenant
	}
	return nil
}

func (w *world) subscribe() error {
	id := w.customer()
	if id == "" || w.rng.IntN(3) == 0 {
		var err error
		if id, err = w.newCustomer(); err != nil {
			return err
		}
	}
	f := form{"customer": id, "items[0][price]": w.price(), "items[0][quantity]": fmt.Sprint(1 + w.rng.IntN(3))}
	if tenant := w.tenants[id]; tenant != "" && w.rng.IntN(2) == 0 {
		f["metadata[tenant]"] = tenant
	}
	f["billing_mode[type]"] = pick(w.rng, []string{"classic", "flexible"})
	if w.rng.IntN(4) == 0 {
		f["collection_method"], f["days_until_due"] = "send_invoice", "10"
	} else if card, err := w.acct.Post("/v1/payment_methods/"+w.card()+"/attach", form{"customer": id}); err == nil {
		f["default_payment_method"] = card.ID()
	}
	if w.rng.IntN(3) == 0 {
		f["trial_period_days"] = fmt.Sprint(1 + w.rng.IntN(14))
	}
	return w.post("/v1/subscriptions", f)
}

func (w *world) change() error {
	sub := w.sub()
	f := form{"items[0][id]": sub.Str("items.data.0.id"), "items[0][price]": w.price(), "proration_behavior": pick(w.rng, []string{"create_prorations", "always_invoice", "none"})}
	if f["proration_behavior"] == "always_invoice" && w.rng.IntN(3) == 0 {
		f["payment_behavior"] = "pending_if_incomplete"
	}
	return w.post("/v1/subscriptions/"+sub.ID(), f)
}

func (w *world) schedule() error {
	sub := w.sub()
	made, err := w.acct.Post("/v1/subscription_schedules", form{"from_subscription": sub.ID()})
	if err != nil {
		return refused(err)
	}
	return w.post("/v1/subscription_schedules/"+made.ID(), form{
		"end_behavior":                  pick(w.rng, []string{"release", "cancel"}),
		"phases[0][items][0][price]":    made.Str("phases.0.items.0.price"),
		"phases[0][start_date]":         fmt.Sprint(made.Int("phases.0.start_date")),
		"phases[0][end_date]":           fmt.Sprint(made.Int("phases.0.end_date")),
		"phases[1][items][0][price]":    w.price(),
		"phases[1][duration][interval]": "month",
	})
}

func (w *world) undo() error {
	switch w.rng.IntN(4) {
	case 0:
		made, err := w.acct.Post("/v1/subscription_schedules", form{"from_subscription": w.sub().ID()})
		if err != nil {
			return refused(err)
		}
		return w.post("/v1/subscription_schedules/"+made.ID()+pick(w.rng, []string{"/release", "/cancel"}), nil)
	case 1:
		made, err := w.acct.Dispute(w.one("charge"), "duplicate")
		if err != nil {
			return refused(err)
		}
		return refused(w.acct.CloseDispute(made.ID(), w.rng.IntN(2) == 0))
	case 2:
		id := w.openInvoice()
		made, err := w.acct.Post("/v1/credit_notes", form{"invoice": id, "amount": "100"})
		if err != nil {
			return refused(err)
		}
		return w.post("/v1/credit_notes/"+made.ID()+"/void", nil)
	default:
		made, err := w.acct.Post("/v1/payment_methods/"+w.card()+"/attach", form{"customer": w.customer()})
		if err != nil {
			return refused(err)
		}
		return w.post("/v1/payment_methods/"+made.ID()+"/detach", nil)
	}
}

func (w *world) useCard(sub stripetest.Object, name string) error {
	customer := sub.Str("customer")
	card, err := w.acct.Post("/v1/payment_methods/"+name+"/attach", form{"customer": customer})
	if err != nil {
		return refused(err)
	}
	if err := w.post("/v1/customers/"+customer, form{"invoice_settings[default_payment_method]": card.ID()}); err != nil {
		return err
	}
	return w.post("/v1/subscriptions/"+sub.ID(), form{"default_payment_method": card.ID()})
}

func (w *world) oneOff() error {
	id := w.customer()
	inv, err := w.acct.Post("/v1/invoices", form{"customer": id})
	if err != nil {
		return refused(err)
	}
	if err := w.post("/v1/invoiceitems", form{"customer": id, "invoice": inv.ID(), "amount": fmt.Sprint(100 + w.rng.IntN(5000)), "currency": "usd", "description": "Work"}); err != nil {
		return err
	}
	path := "/v1/invoices/" + inv.ID()
	switch w.rng.IntN(4) {
	case 0:
		return w.delete(path)
	case 1: // it finalizes by itself, in an hour
		return nil
	}
	if err := w.post(path+"/finalize", nil); err != nil {
		return err
	}
	return w.post(path+"/pay", nil)
}

func (w *world) creditNote() error {
	id := w.one("invoice")
	f := form{"invoice": id, "amount": fmt.Sprint(50 + w.rng.IntN(900))}
	if o, err := w.acct.Get("/v1/invoices/"+id, nil); err == nil && o.Str("status") == "paid" {
		f[pick(w.rng, []string{"refund_amount", "credit_amount", "out_of_band_amount"})] = f["amount"]
	}
	return w.post("/v1/credit_notes", f)
}
