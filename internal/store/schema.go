package store

import (
	"fmt"
	"reflect"
	"strings"
	"unicode"
)

// tableDef is what a row struct says of its table: columns by field, and the
// statements that read and write it.
type tableDef struct {
	name   string
	idCol  string // the column of Key.ID
	fields [][]int
	cols   []string
	types  []string // PostgreSQL's
	rev    int      // index of rev in cols, -1 where rows are only added
	sel    string   // SELECT … FROM name
	row    writes
	arrays writes // many rows, a parameter per column
	del    string
}

// writes are the statements for rows that are new and for rows that were there.
type writes struct{ insert, update string }

// define reads the columns from the struct's fields: the column is the field's
// name in snake case unless a db tag names it; an embedded Key is three columns.
func define(row any, name, idCol string) *tableDef {
	d := &tableDef{name: name, idCol: idCol, rev: -1}
	var walk func(t reflect.Type, path []int)
	walk = func(t reflect.Type, path []int) {
		for i := range t.NumField() {
			f := t.Field(i)
			at := append(append([]int(nil), path...), i)
			if f.Anonymous {
				walk(f.Type, at)
				continue
			}
			col := f.Tag.Get("db")
			if col == "" {
				col = snake(f.Name)
			}
			if col == "id" && idCol != "" {
				col = idCol
			}
			if col == "rev" {
				d.rev = len(d.cols)
			}
			d.fields = append(d.fields, at)
			d.cols = append(d.cols, col)
			d.types = append(d.types, map[reflect.Kind]string{
				reflect.String: "text", reflect.Int64: "bigint", reflect.Bool: "boolean", reflect.Slice: "bytea",
			}[f.Type.Kind()])
		}
	}
	walk(reflect.TypeOf(row), nil)
	all := strings.Join(d.cols, ", ")
	d.sel = "SELECT " + all + " FROM " + name

	var params, arrays, sets []string
	for i, c := range d.cols {
		params = append(params, fmt.Sprintf("$%d", i+1))
		arrays = append(arrays, fmt.Sprintf("unnest($%d::%s[])", i+1, d.types[i]))
		if c != "account" && c != "livemode" && c != idCol && c != "rev" {
			sets = append(sets, c+" = excluded."+c)
		}
	}
	onConflict := ""
	if d.rev >= 0 {
		// A row that somebody else has changed meanwhile has the statement fail, by a
		// division by zero. It is no UPDATE of many rows, for which PostgreSQL may choose
		// to read the table.
		sets = append(sets, fmt.Sprintf("rev = excluded.rev / CAST(%s.rev = excluded.rev - 1 AS INTEGER)", name))
		onConflict = fmt.Sprintf(" ON CONFLICT (account, livemode, %s) DO UPDATE SET %s", idCol, strings.Join(sets, ", "))
	}
	d.row.insert = fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", name, all, strings.Join(params, ", "))
	d.arrays.insert = fmt.Sprintf("INSERT INTO %s (%s) SELECT %s", name, all, strings.Join(arrays, ", "))
	d.row.update, d.arrays.update = d.row.insert+onConflict, d.arrays.insert+onConflict
	d.del = fmt.Sprintf("DELETE FROM %s WHERE account = $1 AND livemode = $2 AND %s = $3 AND rev = $4", name, idCol)
	return d
}

// snake turns a field's name into its column: CurrentPeriodEnd, current_period_end.
func snake(field string) string {
	var b strings.Builder
	runes := []rune(field)
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 && (unicode.IsLower(runes[i-1]) || (i+1 < len(runes) && unicode.IsLower(runes[i+1]))) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// targets are the pointers that a row is scanned into, in the columns' order.
func (d *tableDef) targets(row reflect.Value) []any {
	out := make([]any, len(d.fields))
	for i, at := range d.fields {
		out[i] = row.FieldByIndex(at).Addr().Interface()
	}
	return out
}

// values are a row's arguments, in the columns' order.
func (d *tableDef) values(row reflect.Value, out []any) []any {
	for _, at := range d.fields {
		out = append(out, row.FieldByIndex(at).Interface())
	}
	return out
}

// columns are many rows' arguments as one array per column.
func (d *tableDef) columns(rows []reflect.Value) []any {
	out := make([]any, len(d.fields))
	for i, at := range d.fields {
		switch d.types[i] {
		case "text":
			out[i] = column(rows, at, reflect.Value.String)
		case "bigint":
			out[i] = column(rows, at, reflect.Value.Int)
		case "boolean":
			out[i] = column(rows, at, reflect.Value.Bool)
		case "bytea":
			out[i] = column(rows, at, reflect.Value.Bytes)
		}
	}
	return out
}

func column[T any](rows []reflect.Value, at []int, get func(reflect.Value) T) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = get(r.FieldByIndex(at))
	}
	return out
}
