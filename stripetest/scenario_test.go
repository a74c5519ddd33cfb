package stripetest

import (
	"testing"
)

func TestEveryScenarioRuns(t *testing.T) {
	for _, s := range Scenarios() {
		t.Run(s.Name, func(t *testing.T) {
			a := New(t).Calm()
			if _, err := a.Play(s.Name, Play{Tenant: "acme"}); err != nil {
				t.Fatal(err)
			}
			for _, e := range a.Events() {
				t.Log(e.Created.Format("2006-01-02T15:04:05"), e.Type, e.Object.Str("status"))
			}
		})
	}
}
