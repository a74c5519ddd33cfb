package stripe

import "slices"

// ReadEntitlementSummary reads a customer's active entitlements. Nothing has
// moved.
func ReadEntitlementSummary(v Value) EntitlementSummary {
	entitlements, more := list(v.member("entitlements"))
	features := each(entitlements, func(v Value) string { return v.member("lookup_key").text() })
	slices.Sort(features)
	features = slices.Compact(features)
	if len(features) > 0 && features[0] == "" {
		features = features[1:]
	}
	return EntitlementSummary{Customer: ref(v.member("customer")), Features: features, HasMore: more}
}
