package billing

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// Plan is what a tenant has. The catalog hands its plans out without copying
// them; whoever gets one must leave its map and its slice as they are.
type Plan struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`

	// Default marks the one plan that a tenant has without a subscription.
	Default bool `json:"default"`

	// TrialDays is the trial that a new subscription begins with.
	TrialDays int `json:"trial_days"`

	// Features is the app's own business: names, and JSON values of which
	// the integers are int64 and all other numbers float64.
	Features map[string]any `json:"features"`

	Prices []Price `json:"prices"`
}

// Price is one of Stripe's prices, by which a subscription is recognized as
// being of a plan.
type Price struct {
	ID       string `json:"id"`
	Amount   int64  `json:"amount"`   // in the currency's minor unit, as Stripe counts it
	Currency string `json:"currency"` // three letters, lower case
	Interval string `json:"interval"` // day, week, month or year

	// Archived prices are recognized, but not sold anymore.
	Archived bool `json:"archived"`
}

// Catalog is the plans that an app sells. It never changes; its zero value is
// of no use.
type Catalog struct {
	plans    []Plan
	byID     map[string]int
	byPrice  map[string]priceAt
	fallback int // the default plan
	hash     string
}

type priceAt struct{ plan, price int }

// CatalogError is what NewCatalog has against a list of plans.
type CatalogError struct {
	Plan   int    // index of the plan, -1 if it is the list as a whole
	Price  int    // index of the price in the plan, -1 if it is none
	Field  string // snake_case, empty if it is the plan or the price as a whole
	Reason string
}

// Error names the place as plans[1].prices[0].currency.
func (e *CatalogError) Error() string {
	at := "plans"
	if e.Plan >= 0 {
		at = fmt.Sprintf("%s[%d]", at, e.Plan)
	}
	if e.Price >= 0 {
		at = fmt.Sprintf("%s.prices[%d]", at, e.Price)
	}
	if e.Field != "" {
		at += "." + e.Field
	}
	return at + ": " + e.Reason
}

const (
	planIDForm = `[A-Za-z0-9._:-]{1,128}`

	// maxTrialDays is Stripe's limit on trial_period_days.
	maxTrialDays = 730
)

var (
	planID    = regexp.MustCompile(`^` + planIDForm + `$`)
	priceID   = regexp.MustCompile(`^[!-~]{1,255}$`) // printable ASCII without a space
	currency  = regexp.MustCompile(`^[a-z]{3}$`)
	intervals = []string{"day", "week", "month", "year"}
)

// NewCatalog checks the plans and keeps a copy, in their order. A plan without
// a name is called by its id. Every error is a *CatalogError, for the first
// thing found wrong.
func NewCatalog(plans []Plan) (*Catalog, error) {
	c := &Catalog{
		plans:    make([]Plan, 0, len(plans)),
		byID:     make(map[string]int, len(plans)),
		byPrice:  make(map[string]priceAt),
		fallback: -1,
	}
	for i, p := range plans {
		if err := c.add(i, p); err != nil {
			return nil, err
		}
	}
	if c.fallback < 0 {
		return nil, &CatalogError{Plan: -1, Price: -1, Reason: "exactly one plan must have default: true, and none has"}
	}
	canonical, err := json.Marshal(c.plans)
	if err != nil {
		return nil, &CatalogError{Plan: -1, Price: -1, Reason: err.Error()}
	}
	sum := sha256.Sum256(canonical)
	c.hash = hex.EncodeToString(sum[:])
	return c, nil
}

func (c *Catalog) add(i int, p Plan) error {
	wrong := func(field, format string, args ...any) error {
		return &CatalogError{Plan: i, Price: -1, Field: field, Reason: fmt.Sprintf(format, args...)}
	}
	if !planID.MatchString(p.ID) {
		return wrong("id", "%q is not %s", p.ID, planIDForm)
	}
	if _, ok := c.byID[p.ID]; ok {
		return wrong("id", "a second plan %q", p.ID)
	}
	if p.Default {
		if c.fallback >= 0 {
			return wrong("default", "exactly one plan must have default: true, and %q has it already", c.plans[c.fallback].ID)
		}
		c.fallback = i
	}
	if p.TrialDays < 0 || p.TrialDays > maxTrialDays {
		return wrong("trial_days", "%d is not between 0 and %d", p.TrialDays, maxTrialDays)
	}
	if p.Name == "" {
		p.Name = p.ID
	}
	features, err := normalize(p.Features)
	if err != nil {
		return wrong("features", "%v", err)
	}
	p.Features = features.(map[string]any)

	p.Prices = append([]Price{}, p.Prices...)
	for j, price := range p.Prices {
		if field, reason := price.fault(); reason != "" {
			return &CatalogError{Plan: i, Price: j, Field: field, Reason: reason}
		}
		if at, ok := c.byPrice[price.ID]; ok {
			owner := p.ID
			if at.plan != i {
				owner = c.plans[at.plan].ID
			}
			reason := fmt.Sprintf("price %q is in plan %q already", price.ID, owner)
			return &CatalogError{Plan: i, Price: j, Field: "id", Reason: reason}
		}
		c.byPrice[price.ID] = priceAt{plan: i, price: j}
	}
	c.byID[p.ID] = i
	c.plans = append(c.plans, p)
	return nil
}

// fault returns the first field that is wrong and why; no reason means none.
func (p Price) fault() (field, reason string) {
	switch {
	case !priceID.MatchString(p.ID):
		return "id", fmt.Sprintf("%q is not the id of a price", p.ID)
	case p.Amount < 0:
		return "amount", fmt.Sprintf("%d is negative", p.Amount)
	case !currency.MatchString(p.Currency):
		return "currency", fmt.Sprintf("%q is not three lower-case letters", p.Currency)
	case !slices.Contains(intervals, p.Interval):
		return "interval", fmt.Sprintf("%q is not day, week, month or year", p.Interval)
	}
	return "", ""
}

// Builtin is the catalog of an app that has none: one plan, free.
func Builtin() *Catalog {
	c, err := NewCatalog([]Plan{{ID: "free", Name: "Free", Default: true}})
	if err != nil {
		panic(err) // the line above is wrong
	}
	return c
}

// Plan returns the plan with that id.
func (c *Catalog) Plan(id string) (Plan, bool) {
	i, ok := c.byID[id]
	if !ok {
		return Plan{}, false
	}
	return c.plans[i], true
}

// ByPrice returns the plan that the price is of, archived or not.
func (c *Catalog) ByPrice(priceID string) (Plan, Price, bool) {
	at, ok := c.byPrice[priceID]
	if !ok {
		return Plan{}, Price{}, false
	}
	p := c.plans[at.plan]
	return p, p.Prices[at.price], true
}

// Default returns the plan that a tenant has without a subscription.
func (c *Catalog) Default() Plan { return c.plans[c.fallback] }

// Plans returns the plans in their order.
func (c *Catalog) Plans() []Plan { return slices.Clone(c.plans) }

// Hash is the same for two catalogs if and only if they say the same in the
// same order. It is safe to store.
func (c *Catalog) Hash() string { return c.hash }

var errNotJSON = errors.New("has a value that JSON does not have")

// normalize copies a feature's value in the types that Plan promises, so that
// it does not matter which decoder read it.
func normalize(value any) (any, error) {
	switch v := value.(type) {
	case nil, bool, string, int64:
		return v, nil
	case int:
		return int64(v), nil
	case uint64:
		if v > 1<<63-1 {
			return float64(v), nil
		}
		return int64(v), nil
	case float64:
		// Neither NaN nor the infinities survive this difference.
		if v-v != 0 {
			return nil, errNotJSON
		}
		return v, nil
	case []any:
		list := make([]any, len(v))
		for i := range v {
			item, err := normalize(v[i])
			if err != nil {
				return nil, err
			}
			list[i] = item
		}
		return list, nil
	case map[string]any:
		object := make(map[string]any, len(v))
		for name := range v {
			item, err := normalize(v[name])
			if err != nil {
				return nil, fmt.Errorf("%s %w", name, err)
			}
			object[name] = item
		}
		return object, nil
	}
	return nil, fmt.Errorf("%w: %T", errNotJSON, value)
}
