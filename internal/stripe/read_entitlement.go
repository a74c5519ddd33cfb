package stripe

import "slices"

// ReadEntitlementSummary reads a customer's active entitlements. Nothing has
// moved.
func ReadEntitlementSummary(v Value) EntitlementSummary {
	entitlements, more := list(v.member("entitlements"))
	features := texts(entitlements, func(v Value) string { return v.member("lookup_key").text() })
	slices.Sort(features)
	return EntitlementSummary{Customer: ref(v.member("customer")), Features: slices.Compact(features), HasMore: more}
}
