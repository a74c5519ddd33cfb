package stripe

// nonEmpty is the first of the arrays that has an element.
func nonEmpty(arrays ...Value) Value {
	for _, v := range arrays {
		if first(v).Exists() {
			return v
		}
	}
	return Value{}
}

// readInvoiceTaxes reads the taxes of a whole invoice: total_taxes, before
// 2025-03-31.basil total_tax_amounts. Where there is neither, as before tax
// rates (2019), tax is one amount at tax_percent.
func readInvoiceTaxes(v Value) []Tax {
	if amounts := nonEmpty(v.member("total_taxes"), v.member("total_tax_amounts")); amounts.Exists() {
		return readTaxes(amounts, v)
	}
	if tax := v.member("tax").Int(); tax != 0 {
		return []Tax{{Amount: tax, Percent: decimal(v.member("tax_percent"))}}
	}
	return nil
}

// readTaxes reads an array of amounts of tax. Moved with 2025-03-31.basil:
// tax_rate to tax_rate_details.tax_rate, inclusive to tax_behavior. The rates
// themselves are looked up where they are spelled out: in the amount, else in the
// document.
func readTaxes(amounts, document Value) []Tax {
	return each(amounts, func(v Value) Tax {
		rate := v.Get("tax_rate_details", "tax_rate")
		if ref(rate) == "" {
			rate = v.member("tax_rate")
		}
		t := Tax{
			Amount:        v.member("amount").Int(),
			TaxableAmount: v.member("taxable_amount").Int(),
			Inclusive:     v.member("inclusive").Bool() || v.member("tax_behavior").Str() == "inclusive",
			Rate:          ref(rate),
			Reason:        v.member("taxability_reason").text(),
		}
		if rate.Kind() != KindObject && t.Rate != "" {
			rate = findRate(t.Rate, document)
		}
		t.Percent = decimal(rate.member("percentage"))
		t.Name = rate.member("display_name").text()
		return t
	})
}

// findRate looks for a tax rate that is spelled out somewhere in the document.
func findRate(id string, document Value) Value {
	if rate := pick(document.member("default_tax_rates"), id); rate.Exists() {
		return rate
	}
	lines, _ := list(document.member("lines"))
	for line := range lines.All() {
		if rate := pick(line.member("tax_rates"), id); rate.Exists() {
			return rate
		}
	}
	return Value{}
}

// pick is the element with that id.
func pick(array Value, id string) Value {
	for e := range array.All() {
		if e.member("id").Str() == id {
			return e
		}
	}
	return Value{}
}

func readTaxIDs(v Value) []TaxID {
	return each(v, func(v Value) TaxID {
		return TaxID{Type: v.member("type").text(), Value: v.member("value").text()}
	})
}
