package main

import (
	"fmt"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/bursarhq/bursar"
)

// progressAfter is how long a command takes before it says how far it is.
const progressAfter = 2 * time.Second

// progress says on standard error how far a reading of Stripe's lists is: by a bar on
// a terminal, by a line for each list elsewhere.
type progress struct {
	s     *system
	began time.Time
	bar   *progressbar.ProgressBar // nil until it is shown
	list  int                      // the step that has a line
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
	if p.bar == nil {
		p.bar = progressbar.NewOptions(at.Steps, progressbar.OptionSetWriter(p.s.stderr), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(false), progressbar.OptionSetElapsedTime(false))
	}
	p.bar.Describe(where)
	_ = p.bar.Set(at.Step) // a bar that cannot be drawn stops nothing
}

// end takes the bar away.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
