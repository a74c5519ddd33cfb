package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// configFile is what bursar.yaml says: scalars, and lists of them, under the
// settings' keys, and the lists of endpoints. Values are kept as they are
// written, so that 7d and 1_000 are read by the same code as in a variable.
type configFile struct {
	values    map[string]given
	endpoints []Endpoint
	outbound  []OutboundEndpoint

	name string
}

// readConfigFile reads the file at path; without a path it is empty. A key
// that is none, or stands there twice, is an error. Errors are one line,
// without the text around the place: a secret may be in it.
func readConfigFile(path string, rows []setting) (*configFile, error) {
	f := &configFile{values: map[string]given{}, name: filepath.Base(path)}
	if path == "" {
		return f, nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--config: %w", err)
	}
	known := map[string]bool{}
	for _, s := range rows {
		known[s.key()] = true
		known[s.key()+"_file"] = s.value.secret
	}
	top, err := f.mapping(content)
	if err != nil {
		return nil, err
	}
	for _, entry := range top {
		key := entry.Key.GetToken().Value
		switch {
		case key == "endpoints":
			err = f.readEndpoints(entry.Value)
		case key == "outbound_endpoints":
			err = f.readOutbound(entry.Value)
		case !known[key]:
			err = f.wrong(entry.Key, "there is no setting %q", key)
		default:
			err = f.read(f.values, entry)
		}
		if err != nil {
			return nil, err
		}
	}
	return f, nil
}

// layer is the file as a place where settings are given.
func (f *configFile) layer() layer {
	return layer{setting.key, "_file", func(name string) (given, bool) {
		g, ok := f.values[name]
		return g, ok
	}}
}

// mapping returns the entries of the file's only document.
func (f *configFile) mapping(content []byte) ([]*ast.MappingValueNode, error) {
	parsed, err := parser.ParseBytes(content, 0)
	var syntax yaml.Error
	if errors.As(err, &syntax) {
		return nil, f.at(syntax.GetToken(), "%s", syntax.GetMessage())
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.name, err)
	}
	if len(parsed.Docs) > 1 {
		return nil, f.at(parsed.Docs[1].Start, "a second document; there may be one")
	}
	for _, doc := range parsed.Docs {
		if doc.Body == nil {
			continue
		}
		return f.entries(doc.Body)
	}
	return nil, nil
}

func (f *configFile) entries(node ast.Node) ([]*ast.MappingValueNode, error) {
	m, ok := node.(*ast.MappingNode)
	if !ok {
		return nil, f.wrong(node, "write settings as key: value")
	}
	return m.Values, nil
}

// read puts one entry's value into values. An entry without one is left out.
func (f *configFile) read(values map[string]given, entry *ast.MappingValueNode) error {
	key := entry.Key.GetToken().Value
	var texts []string
	switch node := entry.Value.(type) {
	case *ast.NullNode:
		return nil
	case *ast.SequenceNode:
		for _, item := range node.Values {
			text, err := f.scalar(key, item)
			if err != nil {
				return err
			}
			if strings.Contains(text, ",") {
				return f.wrong(item, "%s: an item holds a comma", key)
			}
			texts = append(texts, text)
		}
	default:
		text, err := f.scalar(key, node)
		if err != nil {
			return err
		}
		texts = []string{text}
	}
	line := entry.Key.GetToken().Position.Line
	values[key] = given{strings.Join(texts, ","), fmt.Sprintf("%s:%d", f.name, line)}
	return nil
}

func (f *configFile) scalar(key string, node ast.Node) (string, error) {
	switch node := node.(type) {
	case *ast.LiteralNode:
		return strings.TrimSpace(node.Value.Value), nil
	case *ast.StringNode, *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode:
		return node.GetToken().Value, nil
	}
	return "", f.wrong(node, "%s: write one value or a list of values", key)
}

var (
	endpointName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

	endpointKeys = map[string]bool{"name": true, "secret": true, "secret_file": true, "key": true, "key_file": true, "account": true}
)

// endpointList is a list of endpoints in the file.
type endpointList struct {
	name string // of the list
	want string // what an endpoint has, in words
	keys map[string]bool
}

// each reads the list's items, and calls take for each.
func (f *configFile) each(l endpointList, node ast.Node, take func(item ast.Node, values map[string]given) error) error {
	sequence, ok := node.(*ast.SequenceNode)
	if !ok {
		return f.wrong(node, "%s: write a list of %s", l.name, l.want)
	}
	for _, item := range sequence.Values {
		entries, err := f.entries(item)
		if err != nil {
			return err
		}
		values := map[string]given{}
		for _, entry := range entries {
			if key := entry.Key.GetToken().Value; !l.keys[key] {
				return f.wrong(entry.Key, "%s: an endpoint has no %q", l.name, key)
			}
			if err := f.read(values, entry); err != nil {
				return err
			}
		}
		if err := take(item, values); err != nil {
			return err
		}
	}
	return nil
}

// readEndpoints reads the list of further endpoints.
func (f *configFile) readEndpoints(node ast.Node) error {
	seen := map[string]bool{}
	further := endpointList{"endpoints", "name, secret, key and account", endpointKeys}
	return f.each(further, node, func(item ast.Node, values map[string]given) error {
		e := Endpoint{Name: values["name"].text}
		err := further.fill(values, []setting{
			{name: "secret", value: secrets(&e.Secrets, webhookSecret)},
			{name: "key", value: secret(&e.Key, stripeKey)},
			{name: "account", value: parsed(&e.Account, account.accepts, func(s string) (string, bool) { return s, account.matches(s) })},
		})
		if err != nil {
			return err
		}
		switch {
		case !endpointName.MatchString(e.Name):
			return f.wrong(item, "endpoints: write a name of letters, digits, points, hyphens and underscores")
		case seen[e.Name]:
			return f.wrong(item, "endpoints: a second %q", e.Name)
		case len(e.Secrets) == 0:
			return f.wrong(item, "endpoints: %q has no secret", e.Name)
		}
		seen[e.Name] = true
		f.endpoints = append(f.endpoints, e)
		return nil
	})
}

// fill sets what one item of the list gives, by rows as those of the settings.
func (l endpointList) fill(values map[string]given, rows []setting) error {
	in := layer{setting.key, "_file", func(name string) (given, bool) {
		g, ok := values[name]
		return g, ok
	}}
	for _, s := range rows {
		g, err := s.find([]layer{in})
		if err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
		if g.text != "" && !s.value.set(g.text) {
			return fmt.Errorf("%s: %w", l.name, s.refuse(g))
		}
	}
	return nil
}

// wrong is an error about a place in the file.
func (f *configFile) wrong(node ast.Node, format string, args ...any) error {
	return f.at(node.GetToken(), format, args...)
}

func (f *configFile) at(t *token.Token, format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	if t == nil {
		return fmt.Errorf("%s: %s", f.name, message)
	}
	return fmt.Errorf("%s:%d:%d: %s", f.name, t.Position.Line, t.Position.Column, message)
}
