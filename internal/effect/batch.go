package effect

import "iter"

// batches yields what comes over a channel until it is closed: each time all that came
// while the batch before was worked on. Where the loop ends early, what comes later is
// taken from the channel all the same, so that nobody waits to send it.
func batches[T any](c <-chan T) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		for first := range c {
			batch := []T{first}
			for n := len(c); n > 0; n-- {
				batch = append(batch, <-c)
			}
			if !yield(batch) {
				break
			}
		}
		for range c {
		}
	}
}
