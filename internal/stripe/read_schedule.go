package stripe

// ReadSchedule reads a subscription schedule. Moved: phases[].plans to
// phases[].items (2020-08-27), renewal_behavior to end_behavior (2019-10-17).
// Once released, it names its subscription in released_subscription only.
func ReadSchedule(v Value) Schedule {
	current := v.member("current_phase")
	return Schedule{
		ID:           ref(v.member("id")),
		Customer:     ref(v.member("customer")),
		Subscription: ref(v.member("subscription"), v.member("released_subscription")),
		Status:       v.member("status").text(),
		EndBehavior:  text(v.member("end_behavior"), v.member("renewal_behavior")),
		CurrentStart: current.member("start_date").Time(),
		CurrentEnd:   current.member("end_date").Time(),
		Phases:       each(v.member("phases"), readPhase),
		Created:      v.member("created").Time(),
	}
}

func readPhase(v Value) Phase {
	return Phase{
		StartDate: v.member("start_date").Time(),
		EndDate:   v.member("end_date").Time(),
		Items: each(nonEmpty(v.member("items"), v.member("plans")), func(v Value) Item {
			return Item{Price: ref(v.member("price"), v.member("plan")), Quantity: v.member("quantity").Int()}
		}),
	}
}
