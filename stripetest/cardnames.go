package stripetest

import (
	"maps"
	"slices"
)

// sortedCardNames makes a search by a card's number find the same one always.
var sortedCardNames = slices.Sorted(maps.Keys(testCards))

// TestCards are the names of the test payment methods that an account knows.
func TestCards() []string { return slices.Clone(sortedCardNames) }
