package stripe

import "slices"

// maxChain bounds the search for a path: more events of one object in one
// second than this are not put in order by their links.
const maxChain = 12

// chainEnds returns the snapshots at which a path through all of one second's
// snapshots can end; B follows A where A agrees with B's previous_attributes.
// The path begins at before (the newest snapshot of an earlier second, -1 for
// none) or at the one snapshot that says nothing of what was before it. An empty
// answer means that there is no such path.
func chainEnds(all []Snapshot, among []int, before int) []int {
	var linked, mute []int
	for _, k := range among {
		if all[k].Previous.Len() > 0 {
			linked = append(linked, k)
		} else {
			mute = append(mute, k)
		}
	}
	if len(linked) == 0 {
		return nil
	}
	// A snapshot without previous_attributes that says what another one says is
	// that one's companion (invoice.finalized beside invoice.updated), or where a
	// way there and back began (charge.succeeded, refunded, and the refund failed).
	var companions []int
	mute = slices.DeleteFunc(mute, func(m int) bool {
		if before >= 0 && sameState(&all[m], &all[before]) {
			return true
		}
		companion := slices.ContainsFunc(linked, func(k int) bool { return sameState(&all[m], &all[k]) })
		if companion {
			companions = append(companions, m)
		}
		return companion
	})
	if len(mute) == 0 {
		return linkedEnds(all, linked, companions, before)
	}
	if !oneState(all, mute) {
		return nil
	}
	if ends := linkedEnds(all, linked, nil, lastID(all, mute)); len(ends) > 0 {
		return ends
	}
	// An answer that stands neither before the events, which lead on without it, nor
	// between two of them, comes after them.
	if before >= 0 && !slices.ContainsFunc(mute, func(m int) bool { return all[m].Asked == 0 }) && len(linkedEnds(all, linked, companions, before)) > 0 {
		return mute
	}
	return nil
}

// linkedEnds returns where a path from before through all that is linked can end.
func linkedEnds(all []Snapshot, linked, companions []int, before int) []int {
	// Two event objects of one request with one content are one change; without a
	// request that is only assumed where the events make no path as they are.
	linked = dropTwins(all, linked, true)
	once := dropTwins(all, linked, false)
	for _, nodes := range [][]int{linked, once} {
		ends := pathEnds(all, nodes, before, agrees)
		if len(ends) > 1 && !oneState(all, ends) {
			if exact := pathEnds(all, nodes, before, follows); len(exact) > 0 {
				ends = exact
			}
		}
		if len(ends) > 1 && before < 0 && len(companions) > 0 && oneState(all, companions) && !oneState(all, ends) {
			if back := pathEnds(all, nodes, lastID(all, companions), agrees); len(back) > 0 {
				ends = back
			}
		}
		if len(ends) > 0 {
			return ends
		}
	}
	return nil
}

// dropTwins keeps one of the events that tell the same change: that with the last id,
// in whatever order they are.
func dropTwins(all []Snapshot, among []int, sameRequest bool) []int {
	var out []int
	for _, k := range among {
		twin := slices.IndexFunc(out, func(o int) bool {
			a, b := &all[o], &all[k]
			if sameRequest && (a.Request == "" || a.Request != b.Request) {
				return false
			}
			return equal(a.Previous, b.Previous) && equal(a.Object, b.Object)
		})
		switch {
		case twin < 0:
			out = append(out, k)
		case all[k].ID > all[out[twin]].ID:
			out[twin] = k
		}
	}
	return out
}

// pathEnds searches the paths that visit every node once, each step being one that
// next allows, and returns the nodes at which one can end.
func pathEnds(all []Snapshot, nodes []int, before int, next func(a, b *Snapshot) bool) []int {
	n := len(nodes)
	if n > maxChain {
		return nil
	}
	var follows [maxChain][maxChain]bool
	for b := range n {
		for a := range n {
			follows[a][b] = a != b && next(&all[nodes[a]], &all[nodes[b]])
		}
	}
	// reach[mask] holds, as bits, the nodes at which a path over mask can end.
	reach := make([]uint16, 1<<n)
	for b := range n {
		if before < 0 || next(&all[before], &all[nodes[b]]) {
			reach[1<<b] |= 1 << b
		}
	}
	for mask := 1; mask < 1<<n; mask++ {
		for a := range n {
			if reach[mask]&(1<<a) == 0 {
				continue
			}
			for b := range n {
				if mask&(1<<b) == 0 && follows[a][b] {
					reach[mask|1<<b] |= 1 << b
				}
			}
		}
	}
	var ends []int
	for b := range n {
		if reach[1<<n-1]&(1<<b) != 0 {
			ends = append(ends, nodes[b])
		}
	}
	return ends
}
