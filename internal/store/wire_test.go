package store_test

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/store/storetest"
)

func connect(t *testing.T) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), storetest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// TestWire sends one of everything that a statement's arguments can be, and reads the
// same from PostgreSQL, with prepared statements and without.
func TestWire(t *testing.T) {
	for _, prepared := range []bool{true, false} {
		t.Run(fmt.Sprint("prepared ", prepared), func(t *testing.T) {
			type row struct {
				Text  string
				N     int64
				Yes   bool
				Bytes []byte
			}
			want := []row{
				{"", 0, false, nil},
				{"é ' \\ {},\"", math.MaxInt64, true, []byte{0, 1, 255}},
				{strings.Repeat("x", 10_000), math.MinInt64, false, []byte("b")},
			}
			var texts []string
			var numbers []int64
			var bools []bool
			var blobs [][]byte
			for _, r := range want {
				texts, numbers, bools, blobs = append(texts, r.Text), append(numbers, r.N), append(bools, r.Yes), append(blobs, r.Bytes)
			}
			var got []row
			take := func(scan func(...any) error) error {
				var r row
				err := scan(&r.Text, &r.N, &r.Yes, &r.Bytes)
				if len(r.Bytes) == 0 {
					r.Bytes = nil
				}
				got = append(got, r)
				return err
			}
			var after int
			c := connect(t)
			// Alone, since the first argument's first byte is the first of all.
			if err := store.Pipeline(t.Context(), c, prepared, store.Asked{What: "empty", SQL: "SELECT $1::text, 0::bigint, FALSE, ''::bytea", Args: []any{""}, Row: take}); err != nil {
				t.Fatal(err)
			}
			err := store.Pipeline(t.Context(), c, prepared,
				store.Asked{What: "scalars", SQL: "SELECT $1::text, $2::bigint, $3::boolean, ''::bytea WHERE NOT $4::boolean", Args: []any{"é", int64(-7), true, false}, Row: take},
				store.Asked{
					What: "lists", SQL: "SELECT * FROM unnest($1::text[], $2::bigint[], $3::boolean[], $4::bytea[])", Args: []any{texts, numbers, bools, blobs},
					Row: take, After: func() { after = len(got) },
				},
				store.Asked{What: "an empty list", SQL: "SELECT v, 0::bigint, FALSE, ''::bytea FROM unnest($1::text[]) AS t (v)", Args: []any{[]string{}}, Row: take},
			)
			want = append([]row{{}, {"é", -7, true, nil}}, want...)
			if err != nil || !reflect.DeepEqual(got, want) || after != len(want) {
				t.Errorf("%v: %.300v; after %d", err, got, after)
			}
		})
	}
}

// TestWireRefuses: what is not of the types that rows have is an error that names it, and
// the connection is of use afterwards.
func TestWireRefuses(t *testing.T) {
	c := connect(t)
	for _, e := range []struct {
		sql, want string
		args      []any
		into      any
	}{
		{"SELECT NULL::text", "column 1", nil, new(string)},
		{"SELECT 1::int", "column 1", nil, new(int64)},
		{"SELECT 'x'::text AS name", "column 1, name, is no value for a *int64", nil, new(int64)},
		{"SELECT 'x'::text", "*float64", nil, new(float64)},
		{"SELECT 'a'::text, 'b'::text", "2 columns for 1", nil, new(string)},
		{"SELECT $1::text", "argument 1 is a float64", []any{1.5}, new(string)},
		{"SELECT $1::text", "byte sequence", []any{"\xff"}, new(string)},
		{"SELECT nonsense", "nonsense", nil, new(string)},
	} {
		err := store.Pipeline(t.Context(), c, true, store.Asked{What: "it", SQL: e.sql, Args: e.args, Row: func(scan func(...any) error) error { return scan(e.into) }})
		if err == nil || !strings.Contains(err.Error(), e.want) || !strings.HasPrefix(err.Error(), "it: ") {
			t.Errorf("%s: %v, want one of %q", e.sql, err, e.want)
		}
		if c.IsClosed() {
			t.Errorf("%s: the connection is closed", e.sql)
			c = connect(t)
		}
	}
}
