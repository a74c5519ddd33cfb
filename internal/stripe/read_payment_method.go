package stripe

import "strings"

// ReadPaymentMethod reads a payment method, or what came before it: a source,
// which is alike but spells brands as people do, or a card or bank_account,
// which have no type and whose details are their own.
func ReadPaymentMethod(v Value) PaymentMethod {
	p := PaymentMethod{
		ID:       ref(v.member("id")),
		Customer: ref(v.member("customer")),
		Type:     v.member("type").text(),
		Created:  v.member("created").Time(),
	}
	details := v.member(p.Type)
	if object := v.member("object").Str(); object == "card" || object == "bank_account" {
		p.Type, details = object, v
	}
	p.Brand = cardBrand(text(details.member("brand"), details.member("bank_name"), details.member("bank")))
	p.Last4 = details.member("last4").text()
	p.ExpMonth = details.member("exp_month").Int()
	p.ExpYear = details.member("exp_year").Int()
	return p
}

// cardBrand is a brand as payment methods spell it; the legacy objects say "Visa"
// and "American Express". Anything else is a bank's name and stays.
func cardBrand(s string) string {
	switch s {
	case "American Express":
		return "amex"
	case "Diners Club":
		return "diners"
	case "Discover", "JCB", "MasterCard", "UnionPay", "Visa", "Unknown":
		return strings.ToLower(s)
	}
	return s
}
