package store

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// allBinary asks for all columns in their binary format.
var allBinary = []int16{pgtype.BinaryFormatCode}

// wire holds one statement's arguments as they are sent
// (postgresql.org/docs/current/protocol-message-formats.html, Bind).
type wire struct {
	buf     []byte
	values  [][]byte
	formats []int16
}

// encode takes lists in their binary format, which names the type of their elements,
// and single values as text, of which the server makes whatever it wants.
func (w *wire) encode(args []any) error {
	w.buf, w.values, w.formats = w.buf[:0], w.values[:0], w.formats[:0]
	for i, arg := range args {
		from, format := len(w.buf), int16(pgtype.BinaryFormatCode)
		switch arg := arg.(type) {
		case []string:
			appendList(w, pgtype.TextOID, arg, func(b []byte, v string) []byte { return append(b, v...) })
		case []int64:
			appendList(w, pgtype.Int8OID, arg, func(b []byte, v int64) []byte { return binary.BigEndian.AppendUint64(b, uint64(v)) })
		case []bool:
			appendList(w, pgtype.BoolOID, arg, func(b []byte, v bool) []byte { return append(b, bit(v)) })
		case [][]byte:
			appendList(w, pgtype.ByteaOID, arg, func(b, v []byte) []byte { return append(b, v...) })
		case string:
			w.buf, format = append(w.buf, arg...), pgtype.TextFormatCode
		case int64:
			w.buf, format = strconv.AppendInt(w.buf, arg, 10), pgtype.TextFormatCode
		case bool:
			w.buf, format = strconv.AppendBool(w.buf, arg), pgtype.TextFormatCode
		default:
			return fmt.Errorf("argument %d is a %T", i+1, arg)
		}
		// Where buf grows, what was sliced of it before stays what it is.
		w.values, w.formats = append(w.values, w.buf[from:len(w.buf):len(w.buf)]), append(w.formats, format)
	}
	return nil
}

func bit(v bool) byte {
	if v {
		return 1
	}
	return 0
}

// appendList adds an array of one dimension: the number of dimensions, whether there is
// a NULL, the elements' type, their number, the first one's index, and each with its length.
func appendList[T any](w *wire, oid uint32, list []T, value func([]byte, T) []byte) {
	b := w.buf
	for _, n := range [...]uint32{1, 0, oid, uint32(len(list)), 1} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	for _, v := range list {
		at := len(b)
		b = value(append(b, 0, 0, 0, 0), v)
		binary.BigEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	}
	w.buf = b
}

// decode takes a row of the types that columns have.
func decode(targets []any, columns []pgconn.FieldDescription, values [][]byte) error {
	if len(targets) != len(values) {
		return fmt.Errorf("%d columns for %d", len(values), len(targets))
	}
	for i, target := range targets {
		ok, v, oid := values[i] != nil, values[i], columns[i].DataTypeOID
		switch into := target.(type) {
		case *string:
			*into, ok = string(v), ok && oid == pgtype.TextOID
		case *int64:
			if ok = ok && oid == pgtype.Int8OID && len(v) == 8; ok {
				*into = int64(binary.BigEndian.Uint64(v))
			}
		case *bool:
			*into, ok = len(v) == 1 && v[0] == 1, ok && oid == pgtype.BoolOID
		case *[]byte:
			*into, ok = slices.Clone(v), ok && oid == pgtype.ByteaOID
		default:
			ok = false
		}
		if !ok {
			return fmt.Errorf("column %d, %s, is no value for a %T", i+1, columns[i].Name, target)
		}
	}
	return nil
}
