package api_test

import (
	"regexp"
	"strings"
	"testing"
)

func TestDocs(t *testing.T) {
	w := newSQLiteWorld(t)
	outside := regexp.MustCompile(`(https?:)?//[a-z]`)
	for path, media := range map[string]string{"/docs": "text/html", "/docs/page.css": "text/css", "/docs/page.js": "text/javascript"} {
		a := w.call("GET "+path, "", "Authorization: ")
		if a.status != 200 || !strings.HasPrefix(a.header.Get("Content-Type"), media) {
			t.Errorf("%s: %d %s", path, a.status, a.header.Get("Content-Type"))
		}
		if policy := a.header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; script-src 'self';") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: %s", path, policy)
		}
		if found := outside.FindString(string(a.body)); found != "" {
			t.Errorf("%s loads %s", path, found)
		}
		if strings.Contains(string(a.body), "innerHTML") || strings.Contains(string(a.body), "<style") || strings.Contains(string(a.body), "onclick") {
			t.Errorf("%s has what the policy forbids", path)
		}
	}
	for _, path := range []string{"/docs/", "/docs/nothing", "/docs/..%2fdoc.go", "/docs/page.html%00"} {
		if a := w.call("GET "+path, "", "Authorization: "); a.status < 400 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	a := w.call("GET /openapi.json", "", "Authorization: ")
	for _, wrong := range []string{"ErrorModel", "$schema", "example.com/"} {
		if strings.Contains(string(a.body), wrong) {
			t.Errorf("the description has %s", wrong)
		}
	}
}
