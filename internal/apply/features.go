package apply

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/store"
)

// A tenant's row keeps what its app was last told of the plan's features, or would have
// been: their key, under which meta has them. So another plans.yaml is told of once to
// each tenant whom it concerns, with what was before, however often the walk over the
// tenants (Recompute) is broken off, and whoever else walks.

// featureKeys are the features of this catalog and of earlier ones.
type featureKeys struct {
	store  *store.Store
	byPlan map[string]string

	mu    sync.Mutex
	known map[string]map[string]any
}

// metaFeatures begins the names of meta's rows that hold features.
const metaFeatures = "features:"

// newFeatureKeys writes the catalog's features down, so that they are known when they
// are no longer in it.
func newFeatureKeys(ctx context.Context, s *store.Store, c *billing.Catalog) (*featureKeys, error) {
	f := &featureKeys{store: s, byPlan: map[string]string{}, known: map[string]map[string]any{}}
	for _, p := range c.Plans() {
		features := p.Features
		if features == nil {
			features = map[string]any{} // a plan without any and one with none say the same
		}
		text, err := json.Marshal(features) // sorted, thus the same for the same features
		if err != nil {
			return nil, fmt.Errorf("the features of plan %s: %w", p.ID, err)
		}
		sum := sha256.Sum256(text)
		key := hex.EncodeToString(sum[:8])
		if f.byPlan[p.ID] = key; f.known[key] != nil {
			continue
		}
		f.known[key] = features
		if was, err := s.Meta(ctx, metaFeatures+key); err != nil {
			return nil, err
		} else if was == "" {
			if _, err := s.FixMeta(ctx, metaFeatures+key, string(text)); err != nil {
				return nil, fmt.Errorf("keep the features of plan %s: %w", p.ID, err)
			}
		}
	}
	return f, nil
}

// of are the features behind a key; false where nobody wrote them down.
func (f *featureKeys) of(key string) (map[string]any, bool) {
	if key == "" {
		return nil, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if features, ok := f.known[key]; ok {
		return features, true
	}
	text, err := f.store.Meta(context.Background(), metaFeatures+key)
	if err != nil || text == "" {
		return nil, false // the unit of work will say what is the matter with the database
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var features map[string]any
	if d.Decode(&features) != nil {
		return nil, false
	}
	f.known[key], _ = plain(features).(map[string]any)
	return f.known[key], true
}

// plain has numbers in the types that a catalog has them in.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		n, _ := v.Float64() // this package wrote it
		return n
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = plain(v[name])
		}
	}
	return v
}

// planOf is the plan whose features a tenant has.
func (e *Engine) planOf(t *store.Tenant) billing.Plan {
	if plan, ok := e.Catalog.Plan(t.Plan); ok && t.Access {
		return plan
	}
	return e.Catalog.Default()
}

// featuresOf are the plan's features that a tenant was last told of; where that is not
// known, those that it has.
func (e *Engine) featuresOf(t *store.Tenant) map[string]any {
	if told, ok := e.features.of(t.ToldFeatures); ok {
		return told
	}
	return e.planOf(t).Features
}
