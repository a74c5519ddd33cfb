package store

import (
	_ "embed"
	"sync"

	"github.com/klauspost/compress/s2"
)

// dictionaryText is what Stripe's JSON repeats in every event, the most frequent
// last. Its bytes are part of the database's format: never change them, add a
// second dictionary instead.
//
//go:embed dictionary.txt
var dictionaryText []byte

var dictionary = sync.OnceValue(func() *s2.Dict { return s2.MakeDict(dictionaryText, nil) })
