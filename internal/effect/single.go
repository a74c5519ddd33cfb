package effect

import "sync"

// single has work done by one at a time. Who comes meanwhile does not wait: the one that
// is at it does it once more.
type single struct {
	mu             sync.Mutex
	running, again bool
}

func (s *single) do(work func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running {
		s.again = true
		return nil
	}
	s.running = true
	defer func() { s.running = false }()
	for {
		s.again = false
		if err := s.unlocked(work); err != nil || !s.again {
			return err
		}
	}
}

// unlocked locks again even where the work panics.
func (s *single) unlocked(work func() error) error {
	s.mu.Unlock()
	defer s.mu.Lock()
	return work()
}
