package stripe

// ReadCustomer reads a customer or the tombstone of a deleted one. Moved:
// default_source, which sources of before the Payment Methods API still set,
// gives way to invoice_settings.default_payment_method.
func ReadCustomer(v Value) Customer {
	return Customer{
		ID:                   ref(v.member("id")),
		Name:                 v.member("name").text(),
		Email:                v.member("email").text(),
		Created:              v.member("created").Time(),
		Deleted:              v.member("deleted").Bool(),
		Metadata:             readMetadata(v.member("metadata")),
		DefaultPaymentMethod: ref(v.Get("invoice_settings", "default_payment_method"), v.member("default_source")),
		Currency:             v.member("currency").text(),
		Delinquent:           v.member("delinquent").Bool(),
		Address:              readAddress(v.member("address")),
		PreferredLocales:     texts(v.member("preferred_locales"), Value.text),
		TaxExempt:            v.member("tax_exempt").text(),
	}
}
