package main

import (
	"github.com/goccy/go-yaml/ast"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/internal/outbound"
)

// OutboundEndpoint is a further endpoint that Bursar's own webhooks go to.
type OutboundEndpoint struct {
	Name    string
	URL     string
	Secrets []Secret // at least one
	Events  []string // all where empty
}

// defaultOutbound is what the endpoint of BURSAR_OUTBOUND_URL is called.
const defaultOutbound = "default"

var outboundKeys = map[string]bool{"name": true, "url": true, "secret": true, "secret_file": true, "events": true}

// readOutbound reads the list of further endpoints for outgoing webhooks.
func (f *configFile) readOutbound(node ast.Node) error {
	seen := map[string]bool{defaultOutbound: true}
	further := endpointList{"outbound_endpoints", "name, url, secret and events", outboundKeys}
	return f.each(further, node, func(item ast.Node, values map[string]given) error {
		e := OutboundEndpoint{Name: values["name"].text}
		err := further.fill(values, []setting{
			{name: "url", value: targetURL(&e.URL)},
			{name: "secret", value: secrets(&e.Secrets, standardSecret)},
			{name: "events", value: list(&e.Events, "types of events such as invoice.issued or invoice.*", eventPattern)},
		})
		if err != nil {
			return err
		}
		switch {
		case !endpointName.MatchString(e.Name):
			return f.wrong(item, "outbound_endpoints: write a name of letters, digits, points, hyphens and underscores")
		case seen[e.Name]:
			return f.wrong(item, "outbound_endpoints: a second %q; default is that of BURSAR_OUTBOUND_URL", e.Name)
		case e.URL == "":
			return f.wrong(item, "outbound_endpoints: %q has no url", e.Name)
		case len(e.Secrets) == 0:
			return f.wrong(item, "outbound_endpoints: %q has no secret", e.Name)
		}
		seen[e.Name] = true
		f.outbound = append(f.outbound, e)
		return nil
	})
}

func eventPattern(s string) (string, bool) { return s, outbound.CheckPattern(s) == nil }

// outbound is every endpoint that Bursar's own webhooks go to.
func (c Config) outbound() []bursar.OutboundEndpoint {
	var out []bursar.OutboundEndpoint
	if c.OutboundURL != "" && c.OutboundSecret.IsSet() {
		out = append(out, bursar.OutboundEndpoint{Name: defaultOutbound, URL: c.OutboundURL, Secrets: []string{c.OutboundSecret.Reveal()}})
	}
	for _, e := range c.OutboundEndpoints {
		out = append(out, bursar.OutboundEndpoint{Name: e.Name, URL: e.URL, Secrets: reveal(e.Secrets), Events: e.Events})
	}
	return out
}
