package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/bursarhq/bursar"
)

const (
	// progressAfter is how long a command takes before it says how far it is.
	progressAfter = 2 * time.Second
	// redrawEvery is how often a bar is drawn anew.
	redrawEvery = 100 * time.Millisecond
)

// progress says on standard error how far a reading of Stripe's lists is: by a bar on
// a terminal, by a line for each list elsewhere.
type progress struct {
	s     *system
	began time.Time
	drawn time.Time
	list  int // the step that has a line
}

func (s *system) progress() *progress { return &progress{s: s, began: s.now(), list: -1} }

func (p *progress) show(at bursar.ReconcileProgress) {
	now := p.s.now()
	if now.Sub(p.began) < progressAfter {
		return
	}
	where := fmt.Sprintf("%s: %d, %s in all", at.List, at.Objects, counted(at.Requests, "request"))
	if !terminal(p.s.stderr) {
		if p.list != at.Step {
			p.list = at.Step
			fmt.Fprintln(p.s.stderr, where)
		}
		return
	}
	if now.Sub(p.drawn) >= redrawEvery {
		p.drawn = now
		done := strings.Repeat("#", at.Step)
		fmt.Fprintf(p.s.stderr, "\r\x1b[K[%-*s] %s", at.Steps, done, where)
	}
}

// end takes the bar away.
func (p *progress) end() {
	if !p.drawn.IsZero() {
		fmt.Fprint(p.s.stderr, "\r\x1b[K")
	}
}
