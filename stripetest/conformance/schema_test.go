package conformance

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stripe/stripe-mock/embedded"
)

// schema is the part of OpenAPI 3.0 that Stripe's document uses.
type schema struct {
	Ref        string             `json:"$ref"`
	Type       string             `json:"type"`
	Nullable   bool               `json:"nullable"`
	Enum       []any              `json:"enum"`
	Properties map[string]*schema `json:"properties"`
	Required   []string           `json:"required"`
	Items      *schema            `json:"items"`
	AnyOf      []*schema          `json:"anyOf"`
	MaxLength  int                `json:"maxLength"`
}

type operation struct {
	Parameters []struct {
		Name string `json:"name"`
		In   string `json:"in"`
	} `json:"parameters"`
	RequestBody struct {
		Content map[string]struct {
			Schema *schema `json:"schema"`
		} `json:"content"`
	} `json:"requestBody"`
}

type document struct {
	Components struct {
		Schemas map[string]*schema `json:"schemas"`
	} `json:"components"`
	Paths map[string]map[string]*operation `json:"paths"`
}

var spec document

func TestMain(m *testing.M) {
	if err := json.Unmarshal(embedded.OpenAPISpec, &spec); err != nil {
		panic(err)
	}
	m.Run()
}

// unlisted are keys that Stripe sends and its document leaves out, as its
// events of 2025-11-17.clover show.
var unlisted = map[string][]string{
	"subscription_item": {"plan"},
	"subscription":      {"status_details"}, // 2026-09-30.endive, after this document
	"items":             {"total_count"},
	"lines":             {"total_count"},
	"refunds":           {"total_count"},
	"charge":            {"destination", "dispute", "order", "source"},
	"payment_intent":    {"source"},
}

// check says where a value does not fit a schema; path is for the message.
func check(path string, s *schema, value any) []string {
	if s.Ref != "" {
		name := strings.TrimPrefix(s.Ref, "#/components/schemas/")
		return check(path, spec.Components.Schemas[name], value)
	}
	if value == nil {
		if s.Nullable {
			return nil
		}
		return []string{path + ": null is not allowed"}
	}
	if len(s.AnyOf) > 0 {
		return checkAny(path, s.AnyOf, value)
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, value) {
		return []string{fmt.Sprintf("%s: %v is not one of %v", path, value, s.Enum)}
	}
	wrong := func() []string { return []string{fmt.Sprintf("%s: %T is not %s", path, value, s.Type)} }
	switch s.Type {
	case "object":
		o, ok := value.(map[string]any)
		if !ok {
			return wrong()
		}
		return checkObject(path, s, o)
	case "array":
		array, ok := value.([]any)
		if !ok {
			return wrong()
		}
		var problems []string
		for i, element := range array {
			problems = append(problems, check(fmt.Sprintf("%s.%d", path, i), s.Items, element)...)
		}
		return problems
	case "string":
		text, ok := value.(string)
		if !ok {
			return wrong()
		}
		if s.MaxLength > 0 && len(text) > s.MaxLength {
			return []string{fmt.Sprintf("%s: longer than %d", path, s.MaxLength)}
		}
	case "integer":
		if n, ok := value.(float64); !ok || n != float64(int64(n)) {
			return wrong()
		}
	case "number":
		if _, ok := value.(float64); !ok {
			return wrong()
		}
	case "boolean":
		if _, ok := value.(bool); !ok {
			return wrong()
		}
	}
	return nil
}

// checkAny takes the best of the alternatives: the one with the fewest
// problems.
func checkAny(path string, anyOf []*schema, value any) []string {
	var best []string
	for i, alternative := range anyOf {
		problems := check(path, alternative, value)
		if len(problems) == 0 {
			return nil
		}
		if i == 0 || len(problems) < len(best) {
			best = problems
		}
	}
	return best
}

func checkObject(path string, s *schema, o map[string]any) []string {
	var problems []string
	for _, name := range s.Required {
		if _, ok := o[name]; !ok {
			problems = append(problems, path+": "+name+" is missing")
		}
	}
	if len(s.Properties) == 0 {
		return problems // free: metadata
	}
	kind, _ := o["object"].(string)
	last := path[strings.LastIndexByte(path, '.')+1:]
	for name, value := range o {
		property, ok := s.Properties[name]
		if !ok {
			if !slices.Contains(unlisted[kind], name) && !slices.Contains(unlisted[last], name) {
				problems = append(problems, path+"."+name+": Stripe's document does not know it")
			}
			continue
		}
		problems = append(problems, check(path+"."+name, property, value)...)
	}
	return problems
}
