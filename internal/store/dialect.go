package store

import (
	"encoding/json"
	"fmt"
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
