package main

import (
	"fmt"

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
	sequence, ok := node.(*ast.SequenceNode)
	if !ok {
		return f.wrong(node, "outbound_endpoints: write a list of name, url, secret and events")
	}
	seen := map[string]bool{defaultOutbound: true}
	for _, item := range sequence.Values {
		entries, err := f.entries(item)
		if err != nil {
			return err
		}
		values := map[string]given{}
		for _, entry := range entries {
			if key := entry.Key.GetToken().Value; !outboundKeys[key] {
				return f.wrong(entry.Key, "outbound_endpoints: an endpoint has no %q", key)
			}
			if err := f.read(values, entry); err != nil {
				return err
			}
		}
		e, err := outboundEndpoint(values)
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
	}
	return nil
}

// outboundEndpoint sets what one item of the list gives, by rows as those of the
// settings.
func outboundEndpoint(values map[string]given) (OutboundEndpoint, error) {
	e := OutboundEndpoint{Name: values["name"].text}
	in := layer{setting.key, "_file", func(name string) (given, bool) {
		g, ok := values[name]
		return g, ok
	}}
	for _, s := range []setting{
		{name: "url", value: targetURL(&e.URL)},
		{name: "secret", value: secrets(&e.Secrets, standardSecret)},
		{name: "events", value: list(&e.Events, "types of events such as invoice.issued or invoice.*", eventPattern)},
	} {
		g, err := s.find([]layer{in})
		if err != nil {
			return OutboundEndpoint{}, fmt.Errorf("outbound_endpoints: %w", err)
		}
		if g.text != "" && !s.value.set(g.text) {
			return OutboundEndpoint{}, fmt.Errorf("outbound_endpoints: %w", s.refuse(g))
		}
	}
	return e, nil
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
