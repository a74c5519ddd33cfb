package effect

import (
	"errors"
	"testing"
)

// TestSingle: who comes while it is done has it done once more, by the one that is at it.
func TestSingle(t *testing.T) {
	var s single
	times := 0
	var work func() error
	work = func() error {
		if times++; times == 1 {
			for range 3 { // come meanwhile
				if err := s.do(work); err != nil {
					t.Error(err)
				}
			}
			if times != 1 {
				t.Error("two are at it")
			}
		}
		return nil
	}
	if err := s.do(work); err != nil || times != 2 {
		t.Errorf("done %d times, %v", times, err)
	}
	broken := errors.New("broken")
	if err := s.do(func() error { return broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = s.do(func() error { panic("broken") })
	}()
	if err := s.do(work); err != nil || times != 3 {
		t.Errorf("after a panic: done %d times, %v", times, err)
	}
}
