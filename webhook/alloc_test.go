//go:build !race

// The race detector makes sync.Pool forget at random, which costs allocations.

package webhook_test

import (
	"testing"

	"github.com/bursarhq/bursar/webhook"
)

// A verification that succeeds is on the path of every delivery.
func TestVerifyAllocatesNothing(t *testing.T) {
	v, err := webhook.NewVerifier("whsec_old", secret)
	if err != nil {
		t.Fatal(err)
	}
	header := webhook.SignAll(body, []string{secret, "whsec_new"}, signedAt)
	allocs := testing.AllocsPerRun(1000, func() {
		if err := v.Verify(body, header, webhook.Options{Now: signedAt}); err != nil {
			t.Fatal(err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
