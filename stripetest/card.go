package stripetest

// testCard is what one of Stripe's test payment methods does.
// https://docs.stripe.com/testing
type testCard struct {
	kind, brand, last4, country, funding string

	attachCode, attachDecline string // attaching fails
	code, decline             string // every charge fails
	hard                      bool   // do_not_try_again: retries are counted, not made
	// authenticate: every payment needs the customer; offSession: only those
	// made without one, and only until set up.
	authenticate, offSession bool

	dispute    string // the reason of the dispute that follows a charge
	inquiry    bool
	refund     string // what becomes of a refund: failed, pending
	async      bool   // the payment is processing first
	asyncFails bool
}

func visa(last4 string) testCard {
	return testCard{kind: "card", brand: "visa", last4: last4, country: "US", funding: "credit"}
}

func (c testCard) with(change func(*testCard)) testCard { change(&c); return c }

func declined(last4, code, decline string) testCard {
	return visa(last4).with(func(c *testCard) {
		c.attachCode, c.attachDecline, c.code, c.decline = code, decline, code, decline
	})
}

func branded(brand, last4, country string) testCard {
	return testCard{kind: "card", brand: brand, last4: last4, country: country, funding: "credit"}
}

// testCards are the payment methods that exist in every test account. Naming
// one makes a new payment method that behaves like it.
var testCards = map[string]testCard{
	"pm_card_visa":                            visa("4242"),
	"pm_card_visa_debit":                      visa("5556").with(func(c *testCard) { c.funding = "debit" }),
	"pm_card_mastercard":                      branded("mastercard", "4444", "US"),
	"pm_card_mastercard_debit":                branded("mastercard", "8210", "US").with(func(c *testCard) { c.funding = "debit" }),
	"pm_card_mastercard_prepaid":              branded("mastercard", "5100", "US").with(func(c *testCard) { c.funding = "prepaid" }),
	"pm_card_amex":                            branded("amex", "8431", "US"),
	"pm_card_discover":                        branded("discover", "9424", "US"),
	"pm_card_diners":                          branded("diners", "0004", "US"),
	"pm_card_jcb":                             branded("jcb", "0505", "JP"),
	"pm_card_unionpay":                        branded("unionpay", "0005", "CN"),
	"pm_card_de":                              branded("visa", "0016", "DE"),
	"pm_card_gb":                              branded("visa", "0000", "GB"),
	"pm_card_fr":                              branded("visa", "0003", "FR"),
	"pm_card_us":                              visa("4242"),
	"pm_card_chargeDeclined":                  declined("0002", "card_declined", "generic_decline"),
	"pm_card_visa_chargeDeclined":             declined("0002", "card_declined", "generic_decline"),
	"pm_card_chargeDeclinedInsufficientFunds": declined("9995", "card_declined", "insufficient_funds"),
	"pm_card_visa_chargeDeclinedInsufficientFunds":     declined("9995", "card_declined", "insufficient_funds"),
	"pm_card_chargeDeclinedLostCard":                   declined("9987", "card_declined", "lost_card").with(hardDecline),
	"pm_card_visa_chargeDeclinedLostCard":              declined("9987", "card_declined", "lost_card").with(hardDecline),
	"pm_card_chargeDeclinedStolenCard":                 declined("9979", "card_declined", "stolen_card").with(hardDecline),
	"pm_card_visa_chargeDeclinedStolenCard":            declined("9979", "card_declined", "stolen_card").with(hardDecline),
	"pm_card_chargeDeclinedFraudulent":                 declined("0019", "card_declined", "fraudulent"),
	"pm_card_chargeDeclinedExpiredCard":                declined("0069", "expired_card", ""),
	"pm_card_chargeDeclinedIncorrectCvc":               declined("0127", "incorrect_cvc", ""),
	"pm_card_chargeDeclinedProcessingError":            declined("0119", "processing_error", ""),
	"pm_card_visa_chargeDeclinedVelocityLimitExceeded": declined("6975", "card_declined", "card_velocity_exceeded"),
	// Attaches, then fails every charge: the card of dunning tests.
	"pm_card_chargeCustomerFail": visa("0341").with(func(c *testCard) {
		c.code, c.decline = "card_declined", "generic_decline"
	}),
	"pm_card_authenticationRequired":                   visa("3155").with(func(c *testCard) { c.authenticate = true }),
	"pm_card_threeDSecure2Required":                    visa("3220").with(func(c *testCard) { c.authenticate = true }),
	"pm_card_authenticationRequiredOnSetup":            visa("3155").with(func(c *testCard) { c.offSession = true }),
	"pm_card_authenticationRequiredSetupForOffSession": visa("0446").with(func(c *testCard) { c.offSession = true }),
	"pm_card_createDispute":                            visa("0259").with(func(c *testCard) { c.dispute = "fraudulent" }),
	"pm_card_createDisputeProductNotReceived":          visa("2685").with(func(c *testCard) { c.dispute = "product_not_received" }),
	"pm_card_createDisputeInquiry": visa("1976").with(func(c *testCard) {
		c.dispute, c.inquiry = "fraudulent", true
	}),
	"pm_card_refundFail":    visa("5126").with(func(c *testCard) { c.refund = "failed" }),
	"pm_card_pendingRefund": visa("7726").with(func(c *testCard) { c.refund = "pending" }),
	"pm_usBankAccount_success": {
		kind: "us_bank_account", brand: "STRIPE TEST BANK", last4: "6789", country: "US", async: true,
	},
	"pm_usBankAccount_insufficientFunds": {
		kind: "us_bank_account", brand: "STRIPE TEST BANK", last4: "2227", country: "US", async: true, asyncFails: true,
	},
	"pm_sepaDebit_success": {kind: "sepa_debit", brand: "19043", last4: "3201", country: "AT", async: true},
	"pm_sepaDebit_failed":  {kind: "sepa_debit", brand: "19043", last4: "3202", country: "AT", async: true, asyncFails: true},
}

func hardDecline(c *testCard) { c.hard = true }

// declineMessages are what Stripe says to the cardholder, by decline or error
// code.
var declineMessages = map[string]string{
	"generic_decline":         "Your card was declined.",
	"insufficient_funds":      "Your card has insufficient funds.",
	"lost_card":               "Your card was declined.",
	"stolen_card":             "Your card was declined.",
	"fraudulent":              "Your card was declined.",
	"card_velocity_exceeded":  "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
	"expired_card":            "Your card has expired.",
	"incorrect_cvc":           "Your card's security code is incorrect.",
	"processing_error":        "An error occurred while processing your card. Try again in a little bit.",
	"authentication_required": "Your card was declined. This transaction requires authentication.",
}

func (c testCard) error(code, decline string) *Error {
	key := decline
	if key == "" {
		key = code
	}
	e := &Error{Status: 402, Type: "card_error", Code: code, DeclineCode: decline, Message: declineMessages[key]}
	switch {
	case c.hard:
		e.AdviceCode = "do_not_try_again"
	case decline != "":
		e.AdviceCode = "try_again_later"
	}
	return e
}
