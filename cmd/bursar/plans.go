package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/bursarhq/bursar/billing"
)

// defaultPlans is the catalog's file where BURSAR_PLANS names none.
const defaultPlans = "plans.yaml"

// LoadPlans reads the plan catalog at path. Without a path that is plans.yaml
// in the working directory and, where that does not exist, the built-in
// catalog; from then is empty, which deserves a warning.
//
// An error about the content shows the place, with its line and a caret.
func LoadPlans(path string) (catalog *billing.Catalog, from string, err error) {
	from = path
	if path == "" {
		from = defaultPlans
	}
	content, err := os.ReadFile(from)
	if path == "" && errors.Is(err, fs.ErrNotExist) {
		return billing.Builtin(), "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("BURSAR_PLANS: %w", err)
	}
	catalog, err = parsePlans(content)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", from, err)
	}
	return catalog, from, nil
}

// plansFile is the file's shape. Numbers are read as they stand there, since
// the decoder would cut an amount of 29.5 to 29 without a word.
type plansFile struct {
	Plans []struct {
		ID          string         `yaml:"id"`
		Name        string         `yaml:"name"`
		Description string         `yaml:"description"`
		Default     bool           `yaml:"default"`
		TrialDays   any            `yaml:"trial_days"`
		Features    map[string]any `yaml:"features"`
		Prices      []struct {
			ID       string `yaml:"id"`
			Amount   any    `yaml:"amount"`
			Currency string `yaml:"currency"`
			Interval string `yaml:"interval"`
			Archived bool   `yaml:"archived"`
		} `yaml:"prices"`
	} `yaml:"plans"`
}

func parsePlans(content []byte) (*billing.Catalog, error) {
	tree, err := parser.ParseBytes(content, 0)
	if err != nil {
		return nil, err
	}
	if len(tree.Docs) > 1 {
		return nil, &yaml.SyntaxError{Message: "a second document; there may be one", Token: tree.Docs[1].Start}
	}
	var file plansFile
	if err := yaml.UnmarshalWithOptions(content, &file, yaml.Strict()); err != nil {
		return nil, err
	}
	plans := make([]billing.Plan, len(file.Plans))
	for i, p := range file.Plans {
		plan := billing.Plan{ID: p.ID, Name: p.Name, Description: p.Description, Default: p.Default, Features: p.Features}
		if p.TrialDays != nil {
			days, ok := wholeNumber(p.TrialDays)
			if !ok {
				return nil, annotate(tree, &billing.CatalogError{Plan: i, Price: -1, Field: "trial_days", Reason: "not a whole number of days"})
			}
			plan.TrialDays = int(days)
		}
		for j, q := range p.Prices {
			amount, ok := wholeNumber(q.Amount)
			if !ok {
				return nil, annotate(tree, &billing.CatalogError{Plan: i, Price: j, Field: "amount", Reason: "not a whole number of the currency's minor unit; 2900 is USD 29.00"})
			}
			plan.Prices = append(plan.Prices, billing.Price{ID: q.ID, Amount: amount, Currency: q.Currency, Interval: q.Interval, Archived: q.Archived})
		}
		plans[i] = plan
	}
	catalog, err := billing.NewCatalog(plans)
	if err != nil {
		return nil, annotate(tree, err)
	}
	return catalog, nil
}

// wholeNumber reads an integer as the decoder hands it out.
func wholeNumber(value any) (int64, bool) {
	switch n := value.(type) {
	case uint64:
		return int64(n), n <= 1<<63-1
	case int64:
		return n, true
	}
	return 0, false
}

// annotate shows the place in the file that a *billing.CatalogError is about:
// the field, else what should have it.
func annotate(tree *ast.File, err error) error {
	var wrong *billing.CatalogError
	if !errors.As(err, &wrong) {
		return err
	}
	at := "$.plans"
	places := []string{at}
	if wrong.Plan >= 0 {
		at += fmt.Sprintf("[%d]", wrong.Plan)
		places = append(places, at)
	}
	if wrong.Price >= 0 {
		at += fmt.Sprintf(".prices[%d]", wrong.Price)
		places = append(places, at)
	}
	if wrong.Field != "" {
		places = append(places, at+"."+wrong.Field)
	}
	for _, place := range slices.Backward(places) {
		path, err := yaml.PathString(place)
		if err != nil {
			return fmt.Errorf("%w (%w)", wrong, err)
		}
		if node, err := path.FilterFile(tree); err == nil && node != nil {
			return &yaml.SyntaxError{Message: wrong.Error(), Token: node.GetToken()}
		}
	}
	return wrong
}
