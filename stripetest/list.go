package stripetest

import "slices"

// page answers a list: newest first, limit 1–100 (10 by default),
// starting_after or ending_before an id, created[gte] and its like.
// https://docs.stripe.com/api/pagination
func page[T noun](a *Account, r apiRequest, oldestFirst []T, keep func(T) bool) (Object, *Error) {
	in := r.params
	limit := 10
	if in.has("limit") {
		limit = int(in.positive("limit"))
		if limit < 1 || limit > 100 {
			return nil, invalidCode("parameter_invalid_integer", "limit", "Limit must be between 1 and 100.")
		}
	}
	after, before := in.str("starting_after"), in.str("ending_before")
	within, err := in.createdRange()
	if err != nil {
		return nil, err
	}
	if after != "" && before != "" {
		return nil, invalid("ending_before", "You may only specify one of these parameters: starting_after, ending_before.")
	}
	var kept []T
	cursor := -1
	for _, n := range slices.Backward(oldestFirst) {
		id := n.ident()
		isCursor := id == after && after != "" || id == before && before != ""
		if isCursor {
			cursor = len(kept)
		}
		if keep(n) && within(n) {
			kept = append(kept, n)
		} else if isCursor && after != "" {
			cursor = len(kept) - 1 // what follows a filtered cursor
		}
	}
	if (after != "" || before != "") && cursor < 0 && !known(oldestFirst, after+before) {
		param := "starting_after"
		if before != "" {
			param = "ending_before"
		}
		return nil, noSuchParam("object", after+before, param)
	}
	more := false
	switch {
	case before != "":
		kept = kept[:max(0, cursor)]
		if more = len(kept) > limit; more {
			kept = kept[len(kept)-limit:]
		}
	default:
		if after != "" {
			kept = kept[cursor+1:]
		}
		if more = len(kept) > limit; more {
			kept = kept[:limit]
		}
	}
	o := list(r.path, each(kept, func(n T) any { return n.render() }))
	o["has_more"] = more
	return o, in.err()
}

func known[T noun](nouns []T, id string) bool {
	return slices.ContainsFunc(nouns, func(n T) bool { return n.ident() == id })
}

// createdRange reads created as an exact time or as gt, gte, lt, lte.
func (p *params) createdRange() (func(noun) bool, *Error) {
	c := p.at("created")
	if !p.has("created") {
		return func(noun) bool { return true }, nil
	}
	low, high := int64(-1), int64(1)<<62
	if c.leaf {
		low = p.integer("created")
		high = low
	}
	if c.has("gte") {
		low = c.integer("gte")
	}
	if c.has("gt") {
		low = c.integer("gt") + 1
	}
	if c.has("lte") {
		high = c.integer("lte")
	}
	if c.has("lt") {
		high = c.integer("lt") - 1
	}
	return func(n noun) bool {
		at := createdAt(n)
		return at >= low && at <= high
	}, p.err()
}

func createdAt(n noun) int64 {
	switch v := n.(type) {
	case *event:
		return v.created
	case interface{ createdTime() int64 }:
		return v.createdTime()
	}
	return 0
}

func (b *base) createdTime() int64 { return b.created }
