package stripetest

// routes is the API: one row per request, the fixed segments before {id}. The
// parameters are the ones a row reads, and those of Stripe's that it takes and
// does nothing with.
var routes = []route{
	{method: "GET", pattern: "/v1/account", serve: retrieveAccount},

	{method: "POST", pattern: "/v1/customers", serve: createCustomer, params: "name email phone description address balance tax_exempt preferred_locales metadata invoice_settings payment_method tax_id_data test_clock shipping tax invoice_prefix next_invoice_sequence"},
	{method: "GET", pattern: "/v1/customers", serve: listCustomers, params: "email created test_clock"},
	{method: "GET", pattern: "/v1/customers/{id}", serve: retrieve("customer", "customer")},
	{method: "POST", pattern: "/v1/customers/{id}", serve: updateCustomer, params: "name email phone description address balance tax_exempt preferred_locales metadata invoice_settings shipping tax invoice_prefix next_invoice_sequence"},
	{method: "DELETE", pattern: "/v1/customers/{id}", serve: deleteCustomer},
	{method: "GET", pattern: "/v1/customers/{id}/payment_methods", serve: listCustomerMethods, params: "type allow_redisplay"},

	{method: "POST", pattern: "/v1/products", serve: createProduct, params: "id name description active unit_label tax_code marketing_features default_price_data metadata images url statement_descriptor shippable"},
	{method: "GET", pattern: "/v1/products", serve: listProducts, params: "active created ids shippable url"},
	{method: "GET", pattern: "/v1/products/{id}", serve: retrieve("product", "product")},
	{method: "POST", pattern: "/v1/products/{id}", serve: updateProduct, params: "name description active unit_label tax_code marketing_features default_price metadata images url statement_descriptor shippable"},
	{method: "DELETE", pattern: "/v1/products/{id}", serve: deleteProduct},
	{method: "POST", pattern: "/v1/products/{id}/features", serve: attachFeature, params: "entitlement_feature"},

	{method: "POST", pattern: "/v1/prices", serve: createPrice, params: "id currency product product_data unit_amount unit_amount_decimal recurring billing_scheme tiers tiers_mode nickname lookup_key tax_behavior active metadata transfer_lookup_key"},
	{method: "GET", pattern: "/v1/prices", serve: listPrices, params: "active created currency lookup_keys product recurring type"},
	{method: "GET", pattern: "/v1/prices/{id}", serve: retrieve("price", "price")},
	{method: "POST", pattern: "/v1/prices/{id}", serve: updatePrice, params: "active nickname lookup_key tax_behavior metadata transfer_lookup_key"},

	{method: "POST", pattern: "/v1/coupons", serve: createCoupon, params: "id name percent_off amount_off currency duration duration_in_months max_redemptions redeem_by metadata"},
	{method: "GET", pattern: "/v1/coupons", serve: listCoupons, params: "created"},
	{method: "GET", pattern: "/v1/coupons/{id}", serve: retrieve("coupon", "coupon")},
	{method: "DELETE", pattern: "/v1/coupons/{id}", serve: deleteCoupon},
	{method: "POST", pattern: "/v1/promotion_codes", serve: createPromotionCode, params: "promotion coupon code metadata"},
	{method: "GET", pattern: "/v1/promotion_codes", serve: listPromotionCodes, params: "code created active"},
	{method: "GET", pattern: "/v1/promotion_codes/{id}", serve: retrieve("promotion_code", "promotion code")},

	{method: "POST", pattern: "/v1/tax_rates", serve: createTaxRate, params: "display_name percentage inclusive country tax_type description jurisdiction state active metadata"},
	{method: "GET", pattern: "/v1/tax_rates", serve: listTaxRates, params: "active created inclusive"},
	{method: "GET", pattern: "/v1/tax_rates/{id}", serve: retrieve("tax_rate", "tax rate")},

	{method: "POST", pattern: "/v1/payment_methods", serve: createMethod, params: "type card billing_details metadata allow_redisplay"},
	{method: "GET", pattern: "/v1/payment_methods", serve: listMethods, params: "customer type allow_redisplay"},
	{method: "GET", pattern: "/v1/payment_methods/{id}", serve: retrieve("payment_method", "PaymentMethod")},
	{method: "POST", pattern: "/v1/payment_methods/{id}", serve: updateMethod, params: "card billing_details metadata allow_redisplay"},
	{method: "POST", pattern: "/v1/payment_methods/{id}/attach", serve: attachMethod, params: "customer"},
	{method: "POST", pattern: "/v1/payment_methods/{id}/detach", serve: detachMethod},

	{method: "POST", pattern: "/v1/checkout/sessions", serve: createSession, params: "mode line_items success_url cancel_url return_url customer customer_email client_reference_id metadata subscription_data payment_intent_data setup_intent_data discounts allow_promotion_codes automatic_tax tax_id_collection payment_method_collection payment_method_types billing_address_collection customer_creation customer_update currency locale expires_at ui_mode phone_number_collection consent_collection custom_fields custom_text invoice_creation payment_method_options saved_payment_method_options submit_type after_expiration adaptive_pricing redirect_on_completion name_collection branding_settings"},
	{method: "GET", pattern: "/v1/checkout/sessions", serve: listSessions, params: "customer customer_details created payment_intent payment_link status subscription"},
	{method: "GET", pattern: "/v1/checkout/sessions/{id}", serve: retrieve("checkout.session", "checkout.session")},
	{method: "GET", pattern: "/v1/checkout/sessions/{id}/line_items", serve: sessionItems},
	{method: "POST", pattern: "/v1/checkout/sessions/{id}/expire", serve: expireSession},

	{method: "POST", pattern: "/v1/billing_portal/sessions", serve: createPortalSession, params: "customer return_url configuration flow_data locale on_behalf_of"},

	{method: "POST", pattern: "/v1/subscriptions", serve: createSubscription, params: "customer items trial_period_days trial_end default_payment_method payment_behavior collection_method days_until_due cancel_at_period_end cancel_at metadata proration_behavior billing_cycle_anchor billing_mode automatic_tax discounts default_tax_rates trial_settings off_session payment_settings description currency invoice_settings"},
	{method: "GET", pattern: "/v1/subscriptions", serve: listSubscriptions, params: "customer price status created collection_method current_period_end current_period_start test_clock"},
	{method: "GET", pattern: "/v1/subscriptions/{id}", serve: retrieve("subscription", "subscription")},
	{method: "POST", pattern: "/v1/subscriptions/{id}", serve: updateSubscription, params: "items proration_behavior proration_date billing_cycle_anchor cancel_at_period_end cancel_at trial_end default_payment_method metadata pause_collection payment_behavior discounts automatic_tax default_tax_rates collection_method days_until_due trial_settings cancellation_details description off_session payment_settings invoice_settings"},
	{method: "DELETE", pattern: "/v1/subscriptions/{id}", serve: cancelSubscription, params: "prorate invoice_now cancellation_details"},
	{method: "POST", pattern: "/v1/subscriptions/{id}/resume", serve: resumeSubscription, params: "billing_cycle_anchor proration_behavior proration_date"},
	{method: "POST", pattern: "/v1/subscriptions/{id}/pause", serve: pauseSubscription},

	{method: "POST", pattern: "/v1/subscription_schedules", serve: createSchedule, params: "from_subscription customer start_date phases end_behavior metadata default_settings billing_mode"},
	{method: "GET", pattern: "/v1/subscription_schedules", serve: listSchedules, params: "customer created canceled_at completed_at released_at scheduled"},
	{method: "GET", pattern: "/v1/subscription_schedules/{id}", serve: retrieve("subscription_schedule", "subscription_schedule")},
	{method: "POST", pattern: "/v1/subscription_schedules/{id}", serve: updateSchedule, params: "phases end_behavior metadata proration_behavior default_settings"},
	{method: "POST", pattern: "/v1/subscription_schedules/{id}/release", serve: releaseSchedule, params: "preserve_cancel_date"},
	{method: "POST", pattern: "/v1/subscription_schedules/{id}/cancel", serve: cancelSchedule, params: "invoice_now prorate"},

	{method: "POST", pattern: "/v1/invoices", serve: createInvoice, params: "customer auto_advance collection_method days_until_due due_date description footer currency automatic_tax default_payment_method default_tax_rates metadata pending_invoice_items_behavior"},
	{method: "GET", pattern: "/v1/invoices", serve: listInvoices, params: "customer subscription status collection_method created due_date"},
	{method: "GET", pattern: "/v1/invoices/{id}", serve: retrieve("invoice", "invoice")},
	{method: "POST", pattern: "/v1/invoices/{id}", serve: updateInvoice, params: "metadata auto_advance description footer due_date default_payment_method"},
	{method: "DELETE", pattern: "/v1/invoices/{id}", serve: deleteInvoice},
	{method: "GET", pattern: "/v1/invoices/{id}/lines", serve: listLines},
	{method: "POST", pattern: "/v1/invoices/{id}/finalize", serve: finalizeInvoice, params: "auto_advance"},
	{method: "POST", pattern: "/v1/invoices/{id}/pay", serve: payInvoiceRoute, params: "payment_method paid_out_of_band off_session forgive"},
	{method: "POST", pattern: "/v1/invoices/{id}/void", serve: voidInvoiceRoute},
	{method: "POST", pattern: "/v1/invoices/{id}/mark_uncollectible", serve: markUncollectible},
	{method: "POST", pattern: "/v1/invoices/{id}/send", serve: sendInvoice},
	{method: "POST", pattern: "/v1/invoiceitems", serve: createInvoiceItem, params: "customer amount currency description quantity pricing price invoice metadata"},
	{method: "GET", pattern: "/v1/invoiceitems/{id}", serve: retrieve("invoiceitem", "invoiceitem")},
	{method: "GET", pattern: "/v1/invoice_payments", serve: listInvoicePayments, params: "invoice status payment created"},
	{method: "GET", pattern: "/v1/invoice_payments/{id}", serve: retrieve("invoice_payment", "invoice_payment")},

	{method: "POST", pattern: "/v1/credit_notes", serve: createCreditNote, params: "invoice amount lines refund_amount credit_amount out_of_band_amount reason memo metadata"},
	{method: "GET", pattern: "/v1/credit_notes", serve: listCreditNotes, params: "invoice customer created"},
	{method: "GET", pattern: "/v1/credit_notes/{id}", serve: retrieve("credit_note", "credit_note")},
	{method: "GET", pattern: "/v1/credit_notes/{id}/lines", serve: creditNoteLines},
	{method: "POST", pattern: "/v1/credit_notes/{id}", serve: updateCreditNote, params: "memo metadata"},
	{method: "POST", pattern: "/v1/credit_notes/{id}/void", serve: voidCreditNote},

	{method: "POST", pattern: "/v1/payment_intents", serve: createIntent, params: "capture_method amount currency customer description payment_method confirm off_session setup_future_usage metadata receipt_email payment_method_types automatic_payment_methods return_url"},
	{method: "GET", pattern: "/v1/payment_intents", serve: listIntents, params: "customer created"},
	{method: "GET", pattern: "/v1/payment_intents/{id}", serve: retrieve("payment_intent", "payment_intent")},
	{method: "POST", pattern: "/v1/payment_intents/{id}/confirm", serve: confirmIntent, params: "payment_method off_session return_url"},
	{method: "POST", pattern: "/v1/payment_intents/{id}/capture", serve: captureIntent},
	{method: "POST", pattern: "/v1/payment_intents/{id}/cancel", serve: cancelIntentRoute, params: "cancellation_reason"},

	{method: "GET", pattern: "/v1/charges", serve: listCharges, params: "customer payment_intent created"},
	{method: "GET", pattern: "/v1/charges/{id}", serve: retrieve("charge", "charge")},
	{method: "POST", pattern: "/v1/charges/{id}", serve: updateCharge, params: "description metadata"},

	{method: "POST", pattern: "/v1/refunds", serve: createRefund, params: "charge payment_intent amount reason metadata"},
	{method: "GET", pattern: "/v1/refunds", serve: listRefunds, params: "charge payment_intent created"},
	{method: "GET", pattern: "/v1/refunds/{id}", serve: retrieve("refund", "refund")},
	{method: "POST", pattern: "/v1/refunds/{id}", serve: updateRefund, params: "metadata"},

	{method: "GET", pattern: "/v1/disputes", serve: listDisputes, params: "charge payment_intent created"},
	{method: "GET", pattern: "/v1/disputes/{id}", serve: retrieve("dispute", "dispute")},
	{method: "POST", pattern: "/v1/disputes/{id}", serve: updateDispute, params: "evidence submit metadata"},
	{method: "POST", pattern: "/v1/disputes/{id}/close", serve: closeDisputeRoute},

	{method: "GET", pattern: "/v1/events", serve: listEvents, params: "type types created delivery_success"},
	{method: "GET", pattern: "/v1/events/{id}", serve: retrieveEvent},
	{method: "GET", pattern: "/v2/core/events/{id}", serve: retrieveThinEvent},

	{method: "POST", pattern: "/v1/webhook_endpoints", serve: createEndpoint, params: "url enabled_events api_version description metadata"},
	{method: "GET", pattern: "/v1/webhook_endpoints", serve: listEndpoints},
	{method: "GET", pattern: "/v1/webhook_endpoints/{id}", serve: retrieveEndpoint},
	{method: "POST", pattern: "/v1/webhook_endpoints/{id}", serve: updateEndpoint, params: "url enabled_events disabled description metadata"},
	{method: "DELETE", pattern: "/v1/webhook_endpoints/{id}", serve: deleteEndpoint},

	{method: "POST", pattern: "/v1/entitlements/features", serve: createFeature, params: "name lookup_key metadata"},
	{method: "GET", pattern: "/v1/entitlements/features", serve: listFeatures, params: "lookup_key archived"},
	{method: "GET", pattern: "/v1/entitlements/features/{id}", serve: retrieve("entitlements.feature", "feature")},
	{method: "GET", pattern: "/v1/entitlements/active_entitlements", serve: listEntitlements, params: "customer"},

	{method: "POST", pattern: "/v1/test_helpers/test_clocks", serve: createClock, params: "frozen_time name"},
	{method: "GET", pattern: "/v1/test_helpers/test_clocks", serve: listClocks},
	{method: "GET", pattern: "/v1/test_helpers/test_clocks/{id}", serve: retrieve("test_helpers.test_clock", "test_clock")},
	{method: "POST", pattern: "/v1/test_helpers/test_clocks/{id}/advance", serve: advanceClockRoute, params: "frozen_time"},
	{method: "DELETE", pattern: "/v1/test_helpers/test_clocks/{id}", serve: deleteClock},
}
