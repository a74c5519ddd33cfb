package store

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// dialect is what differs between the engines: how a list is passed, and how
// many rows are written at once. Everything else is one SQL text.
type dialect struct {
	name string
	// list is the membership test of a list parameter.
	list func(param int) string
	// listArg makes the parameter of a list of text or of integers.
	listArg func(ids []string, numeric bool) any
	// unnest says that rows are written from arrays in one statement; otherwise
	// one prepared statement is run per row.
	unnest bool
}

var sqliteDialect = dialect{
	name: "sqlite",
	list: func(n int) string { return fmt.Sprintf("IN (SELECT value FROM json_each($%d))", n) },
	listArg: func(ids []string, numeric bool) any {
		if numeric {
			return "[" + strings.Join(ids, ",") + "]"
		}
		b, err := json.Marshal(ids)
		if err != nil {
			panic(err) // text always encodes
		}
		return string(b)
	},
}

var postgresDialect = dialect{
	name: "postgres",
	list: func(n int) string { return fmt.Sprintf("= ANY($%d)", n) },
	listArg: func(ids []string, numeric bool) any {
		if !numeric {
			return ids
		}
		out := make([]int64, len(ids))
		for i, id := range ids {
			out[i], _ = strconv.ParseInt(id, 10, 64) // they were formatted by us
		}
		return out
	},
	unnest: true,
}

// lookup finds rows by the values of one column, of one account and mode.
type lookup struct {
	def     *tableDef
	col     string
	where   string // a further condition, with the leading AND
	numeric bool
	newest  int // at most so many for each value, what is final first; 0: all
}

const newestFirst = "ORDER BY final DESC, created DESC, event_id"

// by is the text of a look-up: $1 the account, $2 the mode, $3 the list.
func (d dialect) by(l lookup) string {
	cols := strings.Join(l.def.cols, ", ")
	switch {
	case d.unnest:
		// One search of the index per value, whatever the planner believes of the
		// table: without statistics it reads all of an account's rows instead.
		typ, last := "text", "OFFSET 0"
		if l.numeric {
			typ = "bigint"
		}
		if l.newest > 0 {
			last = fmt.Sprintf("%s LIMIT %d", newestFirst, l.newest)
		}
		return fmt.Sprintf(`SELECT found.* FROM unnest($3::%s[]) AS want (v) CROSS JOIN LATERAL (
			SELECT %s FROM %s WHERE account = $1 AND livemode = $2 AND %s = want.v%s %s) AS found`, typ, cols, l.def.name, l.col, l.where, last)
	case l.newest > 0:
		return fmt.Sprintf(`SELECT %s FROM (SELECT %s, row_number() OVER (PARTITION BY %s %s) AS n
			FROM %s WHERE account = $1 AND livemode = $2 AND %s %s%s) AS newest WHERE n <= %d`, cols, cols, l.col, newestFirst, l.def.name, l.col, d.list(3), l.where, l.newest)
	}
	return fmt.Sprintf("%s WHERE account = $1 AND livemode = $2 AND %s %s%s", l.def.sel, l.col, d.list(3), l.where)
}

// owners is the text that finds, of an account $1 and a mode $2, the tenants of the
// customers $3, each with each of its customers: columns of the one and of the other.
func (d dialect) owners(tenants, customers *tableDef) string {
	cols := func(def *tableDef, as string) string { return as + "." + strings.Join(def.cols, ", "+as+".") }
	from := `tenants AS t CROSS JOIN customers AS c WHERE t.account = $1 AND t.livemode = $2 AND c.account = $1 AND c.livemode = $2 AND c.tenant = t.id
		AND t.id IN (SELECT tenant FROM customers WHERE account = $1 AND livemode = $2 AND id ` + d.list(3) + ` AND tenant <> '')`
	if d.unnest { // as in by
		from = `(SELECT DISTINCT of.tenant FROM unnest($3::text[]) AS want (id) CROSS JOIN LATERAL (
				SELECT tenant FROM customers WHERE account = $1 AND livemode = $2 AND id = want.id AND tenant <> '' OFFSET 0) AS of) AS own
			CROSS JOIN LATERAL (SELECT * FROM tenants WHERE account = $1 AND livemode = $2 AND id = own.tenant OFFSET 0) AS t
			CROSS JOIN LATERAL (SELECT * FROM customers WHERE account = $1 AND livemode = $2 AND tenant = own.tenant OFFSET 0) AS c`
	}
	return fmt.Sprintf(`SELECT %s, %s FROM %s`, cols(tenants, "t"), cols(customers, "c"), from)
}

// each is the text that searches a table once for every value of the list $3, of the
// account $1 and the mode $2: the value's place in the list, from 0 on, and columns of
// the row, where there is one.
func (d dialect) each(def *tableDef, cols, where string) string {
	if d.unnest { // OFFSET 0 as in by
		return fmt.Sprintf(`SELECT want.n - 1, found.* FROM unnest((SELECT $3::text[])) WITH ORDINALITY AS want (v, n) CROSS JOIN LATERAL (
			SELECT %s FROM %s WHERE account = $1 AND livemode = $2 AND %s = want.v%s OFFSET 0) AS found`, cols, def.name, def.idCol, where)
	}
	return fmt.Sprintf(`SELECT want.key, %s FROM json_each($3) AS want CROSS JOIN %s AS t
		WHERE account = $1 AND livemode = $2 AND t.%s = want.value%s`, cols, def.name, def.idCol, where)
}

// write adds what writes rows in bulk. A row that is new and there all the same, or
// that was changed meanwhile, is somebody else's work: the statement fails, and the
// unit of work runs again.
func (d dialect) write(wave []statement, def *tableDef, rows []reflect.Value, fresh bool) []statement {
	if len(rows) == 0 {
		return wave
	}
	texts := def.row
	if d.unnest {
		texts = def.arrays
	}
	st := statement{what: "write " + def.name, sql: texts.update}
	if fresh {
		st.sql = texts.insert
	}
	if d.unnest {
		st.args = def.columns(rows)
		return append(wave, st)
	}
	st.each = func(yield func([]any) bool) {
		args := make([]any, 0, len(def.cols))
		for _, r := range rows {
			if !yield(def.values(r, args[:0])) {
				return
			}
		}
	}
	return append(wave, st)
}
