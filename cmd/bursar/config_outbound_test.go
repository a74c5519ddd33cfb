package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bursarhq/bursar"
)

const goodSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"

func TestOutboundEndpoints(t *testing.T) {
	got := mustLoad(t, nil, vars{"BURSAR_OUTBOUND_URL": "https://app.example.com/hooks", "BURSAR_OUTBOUND_SECRET": goodSecret}, `
outbound_endpoints:
  - {name: books, url: "https://books.example.com/?a=b", secret: [`+goodSecret+`, whsec_c2VjcmV0], events: [invoice.*, tenant.linked]}
  - name: all
    url: http://10.0.0.1
    secret: whsec_c2VjcmV0
`)
	want := []bursar.OutboundEndpoint{
		{Name: "default", URL: "https://app.example.com/hooks", Secrets: []string{goodSecret}},
		{Name: "books", URL: "https://books.example.com/?a=b", Secrets: []string{goodSecret, "whsec_c2VjcmV0"}, Events: []string{"invoice.*", "tenant.linked"}},
		{Name: "all", URL: "http://10.0.0.1", Secrets: []string{"whsec_c2VjcmV0"}},
	}
	if diff := cmp.Diff(want, got.outbound()); diff != "" {
		t.Error(diff)
	}
	if got := mustLoad(t, nil, nil, "").outbound(); len(got) != 0 {
		t.Errorf("without any setting: %v", got)
	}
	const rest = ", url: https://h, secret: whsec_c2VjcmV0"
	for _, test := range []struct{ file, want string }{
		{"outbound_endpoints: x", "bursar.yaml:1:21: outbound_endpoints: write a list"},
		{"outbound_endpoints: [{name: default" + rest + "}]", `bursar.yaml:1:22: outbound_endpoints: a second "default"`},
		{"outbound_endpoints:\n- {name: a" + rest + "}\n- {name: a" + rest + "}", `bursar.yaml:3:3: outbound_endpoints: a second "a"`},
		{"outbound_endpoints: [{name: a b" + rest + "}]", "bursar.yaml:1:22: outbound_endpoints: write a name"},
		{"outbound_endpoints: [{name: a, url: https://h}]", `bursar.yaml:1:22: outbound_endpoints: "a" has no secret`},
		{"outbound_endpoints: [{name: a, secret: whsec_c2VjcmV0}]", `bursar.yaml:1:22: outbound_endpoints: "a" has no url`},
		{"outbound_endpoints: [{name: a, key: x}]", `bursar.yaml:1:32: outbound_endpoints: an endpoint has no "key"`},
		{"outbound_endpoints: [{name: a, url: ftp://h}]", `outbound_endpoints: url (bursar.yaml:1): "ftp://h" is not accepted; write a URL`},
		{"outbound_endpoints: [{name: a, url: https://h, secret: hidden}]", "outbound_endpoints: secret (bursar.yaml:1): its value is not accepted; write a secret of whsec_ and base64"},
		{"outbound_endpoints: [{name: a, events: invoice.paid}]", `outbound_endpoints: events (bursar.yaml:1): "invoice.paid" is not accepted; write types of events such as invoice.issued or invoice.*, separated by commas`},
	} {
		_, err := load(t, nil, nil, test.file)
		if err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s\nhave %v\nwant %s", test.file, err, test.want)
		}
	}
}
