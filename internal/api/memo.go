package api

import (
	"sync"
	"time"
)

// memo keeps an answer for which much of the database has to be looked at: what took
// longer than slow is good for ten times as long as it took, so that asking again and
// again takes a tenth of a core at most. What was fast is not kept.
type memo[T any] struct {
	mu    sync.Mutex
	value T
	until time.Time
}

const (
	slow     = 250 * time.Millisecond
	slowKept = 10
)

func (m *memo[T]) get(now func() time.Time, read func() (T, error)) (T, error) {
	m.mu.Lock() // who asks meanwhile waits for the same answer
	defer m.mu.Unlock()
	began := now()
	if began.Before(m.until) {
		return m.value, nil
	}
	v, err := read()
	if err != nil {
		return v, err
	}
	ended := now()
	if took := ended.Sub(began); took > slow {
		m.value, m.until = v, ended.Add(slowKept*took)
	}
	return v, nil
}

// memos are a memo for each of a few things; the zero value is ready.
type memos[T any] struct {
	mu sync.Mutex
	of map[string]*memo[T]
}

// memosMost bounds how many; beyond it they begin anew.
const memosMost = 100

func (m *memos[T]) named(name string) *memo[T] {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.of[name] == nil {
		if m.of == nil || len(m.of) >= memosMost {
			m.of = map[string]*memo[T]{}
		}
		m.of[name] = &memo[T]{}
	}
	return m.of[name]
}
