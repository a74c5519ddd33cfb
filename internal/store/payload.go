package store

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/klauspost/compress/s2"
)

// Payloads are compressed by S2, with a dictionary of what Stripe's JSON repeats
// in every event. The dictionary's number stands in the row, and a dictionary that
// was ever used stays for ever.
const (
	dictNone int64 = iota // no dictionary
	dictJSON              // dictionary.txt
)

// Packed is a payload ready to be stored; packing is done before the transaction.
type Packed struct {
	dict int64
	body []byte
}

// Pack compresses the bytes that were signed.
func Pack(raw []byte) Packed {
	room, ok := packing.Get().(*[]byte)
	if !ok {
		room = new([]byte)
	}
	packed := dictionary().Encode(*room, raw)
	p := Packed{dict: dictJSON, body: bytes.Clone(packed)}
	if cap(packed) <= 64<<10 {
		*room = packed[:cap(packed)]
	}
	packing.Put(room)
	return p
}

// packing holds buffers: what is packed is much smaller than what it may need.
var packing sync.Pool

// Len is the number of bytes that will be stored.
func (p Packed) Len() int { return len(p.body) }

func unpack(dict int64, body []byte) ([]byte, error) {
	switch dict {
	case dictNone:
		return s2.Decode(nil, body)
	case dictJSON:
		return dictionary().Decode(nil, body)
	}
	return nil, fmt.Errorf("the payload needs dictionary %d, which this binary does not have", dict)
}
