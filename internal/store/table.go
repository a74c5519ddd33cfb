package store

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Table is one table within a unit of work: the rows that were loaded, by key
// and by index, and above them the overlay of the event that is being applied.
// What Get and By return is shared and must not be changed; Edit hands out a row
// to change.
type Table[R comparable] struct {
	tx      *Tx
	def     *tableDef
	byKey   lookup
	key     func(*R) *Key
	rev     func(*R) *int64
	base    map[Key]*cell[R]
	over    map[Key]*R // nil: deleted
	want    map[Key]struct{}
	indexes []*Index[R]
}

type cell[R comparable] struct {
	row *R // nil: not there
	was *R // as it is in the database; nil: not there
}

// Index finds rows by the value of one column.
type Index[R comparable] struct {
	t      *Table[R]
	lookup lookup
	val    func(*R) string
	loaded map[Key]struct{} // Key.ID is the column's value
	want   map[Key]struct{}
	rows   map[Key]map[Key]struct{}
}

func newTable[R comparable](tx *Tx, def *tableDef, key func(*R) *Key, rev func(*R) *int64) *Table[R] {
	t := &Table[R]{tx: tx, def: def, byKey: lookup{def: def, col: def.idCol}, key: key, rev: rev, base: map[Key]*cell[R]{}, over: map[Key]*R{}, want: map[Key]struct{}{}}
	tx.tables = append(tx.tables, t)
	return t
}

func (t *Table[R]) index(col string, val func(*R) string) *Index[R] {
	ix := &Index[R]{t: t, lookup: lookup{def: t.def, col: col}, val: val, loaded: map[Key]struct{}{}, want: map[Key]struct{}{}, rows: map[Key]map[Key]struct{}{}}
	t.indexes = append(t.indexes, ix)
	return ix
}

// Get returns the row, nil where there is none.
func (t *Table[R]) Get(k Key) *R {
	if r, ok := t.over[k]; ok {
		return r
	}
	if c, ok := t.base[k]; ok {
		return c.row
	}
	t.want[k] = struct{}{}
	t.tx.miss()
	return t.base[k].row
}

// Want asks for a row to be there at the next load, without needing it now.
func (t *Table[R]) Want(k Key) {
	if _, ok := t.base[k]; !ok && k.ID != "" {
		t.want[k] = struct{}{}
	}
}

// Edit returns the row to be changed, a new one where there is none.
func (t *Table[R]) Edit(k Key) *R {
	if r := t.over[k]; r != nil {
		return r
	}
	r := new(R)
	if now := t.Get(k); now != nil {
		*r = *now
	} else {
		*t.key(r) = k
	}
	t.over[k] = r
	return r
}

// Delete removes the row.
func (t *Table[R]) Delete(k Key) {
	t.Get(k)
	t.over[k] = nil
}

// By returns the rows whose column has the value, ordered by key.
func (ix *Index[R]) By(k Key) []*R {
	t := ix.t
	if _, ok := ix.loaded[k]; !ok {
		ix.want[k] = struct{}{}
		t.tx.miss()
	}
	var out []*R
	for rk := range ix.rows[k] {
		if _, over := t.over[rk]; !over {
			out = append(out, t.base[rk].row)
		}
	}
	for rk, r := range t.over {
		if r != nil && rk.Account == k.Account && rk.Livemode == k.Livemode && ix.val(r) == k.ID {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b *R) int { return compareKeys(*t.key(a), *t.key(b)) })
	return out
}

// Want asks for the rows to be there at the next load.
func (ix *Index[R]) Want(k Key) {
	if _, ok := ix.loaded[k]; !ok && k.ID != "" {
		ix.want[k] = struct{}{}
	}
}

func compareKeys(a, b Key) int {
	return cmp.Or(strings.Compare(a.Account, b.Account), strings.Compare(a.ID, b.ID))
}

// merge makes the overlay's rows the rows.
func (t *Table[R]) merge() {
	for k, r := range t.over {
		c := t.base[k]
		t.unlink(k, c.row)
		c.row = r
		t.link(k, r)
	}
	clear(t.over)
}

func (t *Table[R]) discard() { clear(t.over) }

func (t *Table[R]) link(k Key, r *R) {
	if r == nil {
		return
	}
	for _, ix := range t.indexes {
		v := k.With(ix.val(r))
		if ix.rows[v] == nil {
			ix.rows[v] = map[Key]struct{}{}
		}
		ix.rows[v][k] = struct{}{}
	}
}

func (t *Table[R]) unlink(k Key, r *R) {
	if r == nil {
		return
	}
	for _, ix := range t.indexes {
		delete(ix.rows[k.With(ix.val(r))], k)
	}
}

// wanted adds what reads the rows that are wanted: a statement per account, mode
// and index.
func (t *Table[R]) wanted(wave []statement) []statement {
	for group, ids := range grouped(t.want) {
		wave = append(wave, t.read(t.tx.s.lookup(t.byKey), group, t.tx.s.d.listArg(ids, false), func() {
			for _, id := range ids {
				if k := group.With(id); t.base[k] == nil {
					t.base[k] = &cell[R]{}
				}
			}
		}))
	}
	clear(t.want)
	for _, ix := range t.indexes {
		for group, ids := range grouped(ix.want) {
			wave = append(wave, t.read(t.tx.s.lookup(ix.lookup), group, t.tx.s.d.listArg(ids, ix.lookup.numeric), func() {
				for _, id := range ids {
					ix.loaded[group.With(id)] = struct{}{}
				}
			}))
		}
		clear(ix.want)
	}
	return wave
}

func grouped(want map[Key]struct{}) map[Key][]string {
	if len(want) == 0 {
		return nil
	}
	out := map[Key][]string{}
	for k := range want {
		g := k.With("")
		out[g] = append(out[g], k.ID)
	}
	return out
}

func (t *Table[R]) read(q string, group Key, list any, after func()) statement {
	targets, keep := t.into()
	return statement{
		what: "load " + t.def.name, sql: q, args: []any{group.Account, group.Livemode, list}, after: after,
		row: func(s scan) error {
			err := s(targets...)
			if err == nil {
				keep()
			}
			return err
		},
	}
}

// into is where a row is scanned into, and what takes it from there.
func (t *Table[R]) into() (targets []any, keep func() Key) {
	row := new(R)
	return t.def.targets(reflect.ValueOf(row).Elem()), func() Key {
		k := *t.key(row)
		if t.base[k] == nil { // what is there already may have been changed
			r := new(R)
			*r = *row
			t.base[k] = &cell[R]{row: r, was: r}
			t.link(k, r)
		}
		return k
	}
}

// changed adds what writes back the rows that have changed, in the keys' order so
// that two units of work never wait for each other in a circle.
func (t *Table[R]) changed(wave []statement) []statement {
	var dirty []Key
	for k, c := range t.base {
		if c.row != c.was && (c.row == nil || c.was == nil || *c.row != *c.was) {
			dirty = append(dirty, k)
		}
	}
	slices.SortFunc(dirty, compareKeys)
	var fresh, known []reflect.Value
	for _, k := range dirty {
		c := t.base[k]
		if c.row == nil {
			wave = append(wave, statement{
				what: "delete from " + t.def.name, sql: t.def.del, must: 1,
				args: []any{k.Account, k.Livemode, k.ID, *t.rev(c.was)},
			})
			continue
		}
		if c.was == nil {
			*t.rev(c.row) = 1
			fresh = append(fresh, reflect.ValueOf(c.row).Elem())
			continue
		}
		*t.rev(c.row) = *t.rev(c.was) + 1
		known = append(known, reflect.ValueOf(c.row).Elem())
	}
	return t.tx.s.d.write(t.tx.s.d.write(wave, t.def, fresh, true), t.def, known, false)
}

// clear drops all rows and returns how many there were.
func (t *Table[R]) clear() int {
	rows := len(t.base)
	clear(t.base)
	clear(t.over)
	clear(t.want)
	for _, ix := range t.indexes {
		clear(ix.loaded)
		clear(ix.want)
		clear(ix.rows)
	}
	return rows
}

func num(n int64) string { return strconv.FormatInt(n, 10) }
