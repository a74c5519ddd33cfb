package apply

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
