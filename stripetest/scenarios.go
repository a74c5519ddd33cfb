package stripetest

// scenarios is the table of stories, a row each.
var scenarios = []Scenario{
	{"subscription-lifecycle", "sign-up with a trial, conversion, renewal, a failed payment that recovers, an upgrade, a partial refund, cancellation at the period's end", lifecycle},
	{"checkout-paid", "sign-up without a trial: paid at once", func(s *story) { s.signUp("price_pro_monthly", nil) }},
	{"checkout-abandoned", "a checkout session that nobody completes expires", abandoned},
	{"checkout-async", "a bank debit that is paid days after the session", func(s *story) {
		s.signUp("price_pro_monthly", Form{"card": "pm_sepaDebit_success"})
		s.days(4)
	}},
	{"trial-converts", "a trial of 14 days with a card becomes a paid subscription", func(s *story) {
		s.signUp("price_pro_monthly", Form{"subscription_data[trial_period_days]": "14"})
		s.days(15)
	}},
	{"trial-ends-unpaid", "a trial whose card is declined at its end, through to the end of dunning", func(s *story) {
		s.signUp("price_pro_monthly", Form{"subscription_data[trial_period_days]": "14"})
		s.useCard("pm_card_chargeCustomerFail")
		s.days(30)
	}},
	{"trial-pauses", "a trial without a card pauses at its end and is resumed", func(s *story) {
		s.signUp("price_pro_monthly", trialWithoutCard("pause"))
		s.days(20)
		s.useCard("pm_card_visa")
		s.step("the subscription is resumed")
		s.post(s.sub()+"/resume", Form{"billing_cycle_anchor": "now"})
	}},
	{"trial-cancels", "a trial without a card is canceled at its end", func(s *story) {
		s.signUp("price_pro_monthly", trialWithoutCard("cancel"))
		s.days(15)
	}},
	{"renewal", "one renewal that is paid", func(s *story) {
		s.signUp("price_pro_monthly", nil)
		s.days(32)
	}},
	{"renewal-fails-recovers", "a renewal fails; a retry after a new card succeeds", func(s *story) {
		s.signUp("price_pro_monthly", nil)
		s.useCard("pm_card_chargeCustomerFail")
		s.days(34)
		s.useCard("pm_card_mastercard")
		s.days(10)
	}},
	{"renewal-fails-ends", "a renewal fails at every retry: Stripe cancels", func(s *story) {
		s.signUp("price_pro_monthly", nil)
		s.useCard("pm_card_chargeCustomerFail")
		s.days(50)
	}},
	{"renewal-needs-action", "a renewal that the bank wants to have confirmed, and is", needsActionStory},
	{"upgrade-prorated", "an upgrade in the middle of the period, invoiced at once", func(s *story) {
		s.signUp("price_basic_monthly", nil)
		s.days(10)
		s.change("price_pro_monthly", Form{"proration_behavior": "always_invoice"})
	}},
	{"upgrade-to-yearly", "from monthly to yearly: a new billing cycle at once", func(s *story) {
		s.signUp("price_pro_monthly", nil)
		s.days(10)
		s.change("price_pro_yearly", nil)
	}},
	{"upgrade-pending", "an upgrade that waits for its payment, which never comes", func(s *story) {
		s.signUp("price_basic_monthly", nil)
		s.useCard("pm_card_chargeCustomerFail")
		s.days(5)
		s.change("price_pro_monthly", Form{"proration_behavior": "always_invoice", "payment_behavior": "pending_if_incomplete"})
		s.days(2)
	}},
	{"downgrade-at-period-end", "a schedule moves to the smaller plan at the renewal", downgrade},
	{"quantity-changes", "seats are added, and prorated on the next invoice", func(s *story) {
		s.signUp("price_pro_monthly", nil)
		s.days(10)
		s.change("price_pro_monthly", Form{"items[0][quantity]": "5"})
		s.days(25)
	}},
	{"cancel-at-period-end", "a cancellation that takes effect at the period's end", func(s *story) {
		s.signUp("price_pro_monthly", nil)
		s.days(5)
		s.step("%s cancels at the period's end", s.play.Tenant)
		s.post(s.sub(), Form{"cancel_at_period_end": "true"})
		s.days(30)
	}},
	{"cancel-undone", "a cancellation is scheduled and taken back", func(s *story) {
		s.signUp("price_pro_monthly", nil)
		s.days(5)
		s.post(s.sub(), Form{"cancel_at_period_end": "true"})
		s.days(5)
		s.post(s.sub(), Form{"cancel_at_period_end": "false"})
		s.days(25)
	}},
	{"cancel-now", "a cancellation that takes effect at once", func(s *story) {
		s.signUp("price_pro_monthly", nil)
		s.days(5)
		s.step("%s cancels now", s.play.Tenant)
		s.do(func() error { _, err := s.acct.Delete(s.sub(), nil); return err })
	}},
	{"portal-cancel-flexible", "the portal cancels by cancel_at alone", func(s *story) {
		s.signUp("price_pro_monthly", Form{"subscription_data[billing_mode][type]": "flexible"})
		s.days(5)
		s.step("%s cancels in the portal", s.play.Tenant)
		s.do(func() error { return s.acct.PortalCancel(s.result.Subscription) })
		s.days(30)
	}},
	{"resubscribe-before-old-ends", "a second subscription begins while the first, canceled, still runs", func(s *story) {
		s.signUp("price_pro_monthly", nil)
		s.days(5)
		s.post(s.sub(), Form{"cancel_at_period_end": "true"})
		s.days(20)
		s.signUp("price_basic_monthly", nil)
		s.days(10)
	}},
	{"refund-partial-then-full", "two refunds of one payment, the second of the rest", refunds},
	{"refund-fails", "a refund goes out and comes back", func(s *story) {
		s.signUp("price_pro_monthly", Form{"card": "pm_card_refundFail"})
		s.days(2)
		s.post("/v1/refunds", Form{"charge": s.charge(), "amount": "1000"})
		s.hours(1)
	}},
	{"credit-note", "a paid invoice is credited in part", (*story).creditNote},
	{"dispute-lost", "a chargeback, lost", disputeStory(false)},
	{"dispute-won", "a chargeback, won", disputeStory(true)},
	{"pause-collection", "collection is paused for a renewal: its invoice is void", func(s *story) {
		s.signUp("price_pro_monthly", nil)
		s.days(5)
		s.post(s.sub(), Form{"pause_collection[behavior]": "void"})
		s.days(30)
		s.post(s.sub(), Form{"pause_collection": ""})
	}},
	{"first-payment-incomplete", "a first payment that never comes: incomplete, then expired", incomplete},
	{"invoice-sent-overdue", "an invoice that is sent, becomes overdue and is paid by transfer", sentInvoice},
	{"card-expires", "the network replaces a card that is about to expire; it is then detached", func(s *story) {
		s.signUp("price_pro_monthly", nil)
		card := s.get(s.sub(), nil).Str("default_payment_method")
		s.days(3)
		s.do(func() error { return s.acct.ReplaceCard(card, "1881", 6, 2031) })
		s.days(3)
		s.useCard("pm_card_mastercard")
		s.post("/v1/payment_methods/"+card+"/detach", nil)
	}},
	{"customer-deleted", "a customer is deleted with a running subscription", func(s *story) {
		s.signUp("price_pro_monthly", nil)
		s.days(3)
		s.do(func() error { _, err := s.acct.Delete("/v1/customers/"+s.result.Customer, nil); return err })
	}},
	{"catalog-changes", "products and prices are renamed, archived and deleted", catalogChanges},
	{"entitlements", "Stripe's own entitlements come with a subscription and go with it", entitlements},
}

func trialWithoutCard(end string) Form {
	return Form{
		"no_card": "true", "payment_method_collection": "if_required", "subscription_data[trial_period_days]": "14",
		"subscription_data[trial_settings][end_behavior][missing_payment_method]": end,
	}
}

func lifecycle(s *story) {
	s.signUp("price_basic_monthly", Form{"subscription_data[trial_period_days]": "14"})
	s.step("the trial ends and is paid")
	s.days(15)
	s.step("a month later it renews")
	s.days(31)
	s.useCard("pm_card_chargeCustomerFail")
	s.step("the next renewal fails")
	s.days(31)
	s.useCard("pm_card_visa")
	s.step("a retry succeeds")
	s.days(5)
	s.change("price_pro_monthly", Form{"proration_behavior": "always_invoice"})
	s.step("a part is refunded")
	s.post("/v1/refunds", Form{"charge": s.charge(), "amount": "500", "reason": "requested_by_customer"})
	s.days(3)
	s.step("%s cancels at the period's end", s.play.Tenant)
	s.post(s.sub(), Form{"cancel_at_period_end": "true"})
	s.days(31)
}

func abandoned(s *story) {
	s.step("%s opens Checkout and leaves", s.play.Tenant)
	session := s.post("/v1/checkout/sessions", Form{
		"mode": "subscription", "line_items[0][price]": "price_pro_monthly", "success_url": "https://app.example/welcome",
		"client_reference_id": s.play.Tenant,
	})
	s.result.Session = session.ID()
	s.hours(25)
}

func needsActionStory(s *story) {
	s.signUp("price_pro_monthly", nil)
	s.useCard("pm_card_authenticationRequired")
	s.days(32)
	s.step("the customer confirms the payment")
	s.do(func() error { return s.acct.Authenticate(s.openInvoice()) })
}

func downgrade(s *story) {
	s.signUp("price_pro_monthly", nil)
	s.days(10)
	s.step("a change to price_basic_monthly is scheduled for the period's end")
	schedule := s.post("/v1/subscription_schedules", Form{"from_subscription": s.result.Subscription})
	path := "/v1/subscription_schedules/" + schedule.ID()
	s.post(path, Form{
		"end_behavior":                  "release",
		"phases[0][items][0][price]":    "price_pro_monthly",
		"phases[0][start_date]":         decimal(schedule.Int("phases.0.start_date")),
		"phases[0][end_date]":           decimal(schedule.Int("phases.0.end_date")),
		"phases[1][items][0][price]":    "price_basic_monthly",
		"phases[1][duration][interval]": "month",
	})
	s.days(60)
}

func refunds(s *story) {
	s.signUp("price_pro_monthly", nil)
	charge := s.charge()
	s.days(2)
	s.step("a part is refunded")
	s.post("/v1/refunds", Form{"charge": charge, "amount": "1000", "reason": "requested_by_customer"})
	s.days(2)
	s.step("the rest is refunded")
	s.post("/v1/refunds", Form{"charge": charge})
}

func disputeStory(won bool) func(*story) {
	return func(s *story) {
		s.signUp("price_pro_monthly", nil)
		s.days(10)
		s.step("the cardholder disputes the payment")
		var id string
		s.do(func() error {
			o, err := s.acct.Dispute(s.charge(), "fraudulent")
			id = o.ID()
			return err
		})
		s.days(3)
		s.post("/v1/disputes/"+id, Form{"evidence[uncategorized_text]": "The customer used the service."})
		s.days(20)
		s.do(func() error { return s.acct.CloseDispute(id, won) })
	}
}

func incomplete(s *story) {
	s.step("%s subscribes with a card that is declined", s.play.Tenant)
	c := s.post("/v1/customers", Form{"email": s.play.Email, "metadata[tenant]": s.play.Tenant})
	s.result.Customer = c.ID()
	card := s.post("/v1/payment_methods/pm_card_chargeCustomerFail/attach", Form{"customer": c.ID()})
	sub := s.post("/v1/subscriptions", Form{
		"customer": c.ID(), "items[0][price]": "price_pro_monthly", "default_payment_method": card.ID(),
		"metadata[tenant]": s.play.Tenant,
	})
	s.result.Subscription = sub.ID()
	s.hours(24)
}

func sentInvoice(s *story) {
	s.step("%s subscribes and is sent an invoice", s.play.Tenant)
	c := s.post("/v1/customers", Form{"email": s.play.Email, "metadata[tenant]": s.play.Tenant})
	s.result.Customer = c.ID()
	sub := s.post("/v1/subscriptions", Form{
		"customer": c.ID(), "items[0][price]": "price_pro_monthly", "collection_method": "send_invoice",
		"days_until_due": "14", "metadata[tenant]": s.play.Tenant,
	})
	s.result.Subscription = sub.ID()
	s.days(16)
	s.step("the transfer arrives")
	s.post("/v1/invoices/"+s.openInvoice()+"/pay", Form{"paid_out_of_band": "true"})
}

func catalogChanges(s *story) {
	s.post("/v1/products/prod_pro", Form{"name": "Pro, renamed"})
	s.post("/v1/prices/price_basic_monthly", Form{"nickname": "Basic, monthly"})
	s.post("/v1/prices/price_pro_yearly", Form{"active": "false"})
	extra := s.post("/v1/products", Form{"name": "Extra"})
	s.days(1)
	s.do(func() error { _, err := s.acct.Delete("/v1/products/"+extra.ID(), nil); return err })
}

func entitlements(s *story) {
	f := s.post("/v1/entitlements/features", Form{"name": "Single sign-on", "lookup_key": "sso"})
	s.post("/v1/products/prod_pro/features", Form{"entitlement_feature": f.ID()})
	s.signUp("price_pro_monthly", nil)
	s.days(3)
	s.do(func() error { _, err := s.acct.Delete(s.sub(), nil); return err })
}

func (s *story) creditNote() {
	s.signUp("price_pro_monthly", nil)
	s.days(2)
	invoice := s.get(s.sub(), nil).Str("latest_invoice")
	s.step("a credit note over 10.00")
	note := s.post("/v1/credit_notes", Form{
		"invoice": invoice, "amount": "1000", "refund_amount": "1000", "reason": "product_unsatisfactory",
	})
	s.note = note.ID()
}
