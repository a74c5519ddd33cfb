package apply

import "strings"

// WithRule has an event type applied by fn until the test ends.
func WithRule(cleanup func(func()), eventType string, fn func(eventID string) error) {
	was, had := ruleOf[eventType]
	ruleOf[eventType] = &Rule{Type: eventType, Apply: func(c *change) error {
		c.tx.Products.Edit(c.key.With("prod_of_" + c.ev.ID)).Name = "written by the rule"
		return fn(c.ev.ID)
	}}
	cleanup(func() {
		delete(ruleOf, eventType)
		if had {
			ruleOf[eventType] = was
		}
	})
}

// WithoutRule is a Bursar that has no rule for an event type yet, until the function
// that it returns is called. Its store has noted the rules that there are.
func WithoutRule(eventType string, noted func(types string)) (restore func()) {
	was := ruleOf[eventType]
	delete(ruleOf, eventType)
	var types []string
	for _, r := range Rules {
		if r.Type != eventType {
			types = append(types, r.Type)
		}
	}
	noted(strings.Join(types, " "))
	return func() { ruleOf[eventType] = was }
}

// AfterCommit has fn called when a unit of work is committed, before what it left for later.
func AfterCommit(e *Engine, fn func()) { e.committed = fn }
