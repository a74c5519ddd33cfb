package stripe

// index finds the members of one object without walking along all of them: the
// readers ask a large object for nearly everything that it has.
type index struct {
	v     Value
	slots [indexSlots]uint32 // nodes of members, by tag, 0 for none
	usual bool               // whether slots is filled
}

const indexSlots = 256

// indexOf is an index of v. An object with very many members, or with a rough
// name among them, is searched as ever.
func indexOf(v Value) index {
	x := index{v: v}
	if v.Kind() != KindObject {
		return x
	}
	nodes, free := v.d.nodes, indexSlots/2
	for j, end := v.inside(); j < end; {
		n := &nodes[j]
		if n.tag == roughTag || free == 0 {
			return x
		}
		s := slotOf(n.tag)
		for x.slots[s] != 0 && !x.names(x.slots[s], n) {
			s = (s + 1) % indexSlots
		}
		x.slots[s] = j // of members with one name the last one stays
		j, free = n.next, free-1
	}
	x.usual = true
	return x
}

func slotOf(tag uint16) uint32 { return uint32(tag^tag>>5) % indexSlots }

// names reports whether member j has the name of n.
func (x *index) names(j uint32, n *node) bool {
	m, body := &x.v.d.nodes[j], x.v.d.body
	return m.tag == n.tag && string(body[m.key:m.key+m.keyLen]) == string(body[n.key:n.key+n.keyLen])
}

// member is v.Get(name).
func (x *index) member(name string) Value {
	if !x.usual {
		return x.v.member(name)
	}
	tag := tagOf(name)
	for s := slotOf(tag); x.slots[s] != 0; s = (s + 1) % indexSlots {
		n := &x.v.d.nodes[x.slots[s]]
		if n.tag == tag && string(x.v.d.body[n.key:n.key+n.keyLen]) == name {
			return Value{x.v.d, x.slots[s]}
		}
	}
	return Value{}
}
