package store

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// held gathers reads of a number's negative, each of which waits for the test's word.
type held struct {
	gather[int, int]
	asked [][]int    // what was read, in order
	goOn  chan error // what the next read comes to: errPanic that it panics
}

var errPanic = errors.New("panic")

// dead is a number that the test's word does not reach.
const dead = -1

func newHeld() *held {
	h := &held{goOn: make(chan error)}
	h.now = time.Now // the bubble's
	h.one = func(ctx context.Context, k int) (int, error) {
		values, err := h.many(ctx, []int{k})
		return append(values, 0)[0], err
	}
	h.many = func(ctx context.Context, keys []int) ([]int, error) {
		h.asked = append(h.asked, keys)
		goOn := h.goOn
		if keys[0] == dead {
			goOn = nil
		}
		select {
		case err := <-goOn:
			if errors.Is(err, errPanic) {
				panic(err)
			} else if err != nil {
				return nil, err
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		var values []int
		for _, k := range keys {
			values = append(values, -k)
		}
		return values, nil
	}
	return h
}

// answer lets the next read end.
func (h *held) answer(err error) {
	h.goOn <- err
	synctest.Wait()
}

type got struct {
	v   int
	err error
}

// ask reads in a goroutine of its own, and returns when that waits.
func (h *held) ask(ctx context.Context, k int) <-chan got {
	out := make(chan got, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				out <- got{err: p.(error)}
			}
		}()
		v, err := h.get(ctx, k)
		out <- got{v, err}
	}()
	synctest.Wait()
	return out
}

// want wants these reads, and none that still runs.
func (h *held) want(t *testing.T, asked ...[]int) {
	t.Helper()
	synctest.Wait()
	if !reflect.DeepEqual(h.asked, asked) {
		t.Errorf("read %v, want %v", h.asked, asked)
	}
	if h.reading != 0 || h.next != nil {
		t.Errorf("%d still read, %v waits", h.reading, h.next)
	}
}

func TestGather(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHeld()
		first := h.ask(t.Context(), 1)
		second, third := h.ask(t.Context(), 2), h.ask(t.Context(), 3)
		h.answer(nil)
		if g := <-first; g != (got{v: -1}) {
			t.Error(g)
		}
		fourth := h.ask(t.Context(), 4) // that came when the shared read ran
		h.answer(nil)
		for v, c := range map[int]<-chan got{-2: second, -3: third} {
			if g := <-c; g != (got{v: v}) {
				t.Error(g)
			}
		}
		h.answer(nil)
		if g := <-fourth; g != (got{v: -4}) {
			t.Error(g)
		}
		fifth := h.ask(t.Context(), 5)
		h.answer(nil)
		if g := <-fifth; g != (got{v: -5}) {
			t.Error(g)
		}
		h.want(t, []int{1}, []int{2, 3}, []int{4}, []int{5})
	})
}

func TestGatherTellsErrors(t *testing.T) {
	away := errors.New("away")
	for _, c := range []struct {
		alone, shared error
		text          string // of what those who share are told
	}{
		{alone: away, text: ""},
		{shared: away, text: "away"},
		{alone: errPanic, text: ""},
		{shared: errPanic, text: "a shared read panicked: panic"},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := newHeld()
			first := h.ask(t.Context(), 1)
			others := []<-chan got{h.ask(t.Context(), 2), h.ask(t.Context(), 3)}
			h.answer(c.alone)
			if g := <-first; !errors.Is(g.err, c.alone) {
				t.Error(g)
			}
			h.answer(c.shared)
			for _, other := range others {
				if g := <-other; (g.err != nil) != (c.text != "") || g.err != nil && !strings.HasPrefix(g.err.Error(), c.text) {
					t.Errorf("alone %v, shared %v: %v", c.alone, c.shared, g)
				}
			}
			h.want(t, []int{1}, []int{2, 3})
		})
	}
}

func TestGatherCallerGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHeld()
		gone, leave := context.WithCancel(t.Context())
		canceled := func(c <-chan got) {
			t.Helper()
			if g := <-c; !errors.Is(g.err, context.Canceled) {
				t.Error(g)
			}
		}
		// Whoever reads alone takes the read along; those who wait read all the same.
		first := h.ask(gone, 1)
		second, third := h.ask(t.Context(), 2), h.ask(gone, 3)
		leave()
		canceled(first)
		canceled(third)
		h.answer(nil)
		if g := <-second; g != (got{v: -2}) {
			t.Error(g)
		}
		h.want(t, []int{1}, []int{2, 3})

		// A shared read ends when all have gone, and one that nobody waits for is none.
		h.asked = nil
		gone, leave = context.WithCancel(t.Context())
		first = h.ask(t.Context(), 1)
		second, third = h.ask(gone, 2), h.ask(gone, 3)
		h.answer(nil)
		<-first
		leave()
		canceled(second)
		canceled(third)
		h.want(t, []int{1}, []int{2, 3})
		first, second = h.ask(t.Context(), 4), h.ask(gone, 5)
		canceled(second)
		h.answer(nil)
		<-first
		h.want(t, []int{1}, []int{2, 3}, []int{4})
	})
}

// TestGatherPatience: a read that does not end holds up those who come soon, but not
// for long.
func TestGatherPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHeld()
		stuck, leave := context.WithCancel(t.Context())
		first, second := h.ask(stuck, dead), h.ask(t.Context(), 2)
		time.Sleep(patience) // by the bubble's clock, here and below
		third := h.ask(t.Context(), 3)
		if h.reading != 1 {
			t.Error(h.reading)
		}
		time.Sleep(time.Nanosecond)
		fourth := h.ask(t.Context(), 4)
		h.answer(nil)
		for v, c := range map[int]<-chan got{-2: second, -3: third, -4: fourth} {
			if g := <-c; g != (got{v: v}) {
				t.Error(g)
			}
		}
		leave()
		if g := <-first; !errors.Is(g.err, context.Canceled) {
			t.Error(g)
		}
		h.want(t, []int{dead}, []int{2, 3, 4})
	})
}
