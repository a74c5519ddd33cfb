package conformance

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bursarhq/bursar/stripetest"
)

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// olderParams are parameters that Stripe's document does not have: those of
// earlier versions, which the simulator goes on taking, and one of its own.
var olderParams = map[string][]string{
	"POST /v1/promotion_codes": {"coupon"}, // before 2025-09-30.clover
	"POST /v1/invoiceitems":    {"price"},  // before 2025-03-31.basil
	"POST /v1/prices":          {"id"},     // never: the simulator's own, so that a catalog can be fixed
}

// notInDocument are requests that Stripe's document of this version lacks.
var notInDocument = []string{
	"POST /v1/subscriptions/{}/pause", // since 2026-09-30.endive
	"GET /v2/core/events/{}",          // another document describes v2
}

// TestRoutesAreStripes says that every request which the simulator
// understands, and every parameter of it, is one of Stripe's.
func TestRoutesAreStripes(t *testing.T) {
	known := map[string]*operation{}
	for path, operations := range spec.Paths {
		for method, o := range operations {
			known[strings.ToUpper(method)+" "+placeholder.ReplaceAllString(path, "{}")] = o
		}
	}
	for _, r := range stripetest.Routes() {
		name := r.Method + " " + placeholder.ReplaceAllString(r.Pattern, "{}")
		o, ok := known[name]
		if !ok {
			if !slices.Contains(notInDocument, name) {
				t.Errorf("%s is not in Stripe's document", name)
			}
			continue
		}
		params := map[string]bool{}
		for _, p := range o.Parameters {
			params[p.Name] = true
		}
		for _, content := range o.RequestBody.Content {
			for p := range maps.Keys(content.Schema.Properties) {
				params[p] = true
			}
		}
		for _, p := range r.Params {
			if !params[p] && !slices.Contains(olderParams[name], p) {
				t.Errorf("%s has no parameter %s", name, p)
			}
		}
	}
}
