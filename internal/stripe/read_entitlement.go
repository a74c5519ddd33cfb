package stripe

import (
	"encoding/json"
	"fmt"
	"slices"
)

// EntitlementSummaryType is the object type of a customer's active entitlements. Only
// events have such objects, and they have no id; they are kept under this and the
// customer's: entitlements.active_entitlement_summary:cus_….
const EntitlementSummaryType = "entitlements.active_entitlement_summary"

// EntitlementSummaryOf is what an event would tell of a customer's entitlements, made
// of the customer and of the whole list that the API has of them.
func EntitlementSummaryOf(customer Answer, entitlements []Answer) Answer {
	data := []json.RawMessage{}
	a := customer
	for i, e := range entitlements {
		if data = append(data, e.Object); i == 0 { // of all that was asked for, the first
			a.SentAt, a.Asked = e.SentAt, e.Asked
		}
	}
	list, err := json.Marshal(data)
	if err != nil {
		list = []byte("[]") // what was parsed is JSON
	}
	a.Object = fmt.Appendf(nil, `{"object":%q,"customer":%q,"livemode":%t,"entitlements":{"object":"list","data":%s,"has_more":false}}`,
		EntitlementSummaryType, customer.ID, customer.Value.Get("livemode").Bool(), list)
	v, _ := Parse(a.Object)
	a.read(v)
	a.ID = EntitlementSummaryType + ":" + customer.ID
	return a
}

// ReadEntitlementSummary reads a customer's active entitlements. Nothing has
// moved.
func ReadEntitlementSummary(v Value) EntitlementSummary {
	entitlements, more := list(v.member("entitlements"))
	features := texts(entitlements, func(v Value) string { return v.member("lookup_key").text() })
	slices.Sort(features)
	return EntitlementSummary{Customer: ref(v.member("customer")), Features: slices.Compact(features), HasMore: more}
}
