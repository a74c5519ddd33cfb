package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bursarhq/bursar/internal/store"
)

// knownRules is the key under which the store keeps the event types that had a rule
// at the last start, separated by blanks.
const knownRules = "rules"

// ApplyNewRules applies the events that were ignored for want of a rule which this
// Bursar has, without telling anybody: it is old news. It returns how many they were.
// It is done once for a rule; where it is interrupted it begins anew.
func (e *Engine) ApplyNewRules(ctx context.Context) (int, error) {
	var types []string
	for _, r := range Rules {
		types = append(types, r.Type)
	}
	was, err := e.store.Meta(ctx, knownRules)
	if err != nil {
		return 0, err
	}
	now := strings.Join(types, " ")
	if was == now {
		return 0, nil
	}
	n := 0
	for _, typ := range types {
		// A store that never noted its rules is new, or was filled by the first ones.
		if was == "" || slices.Contains(strings.Fields(was), typ) {
			continue
		}
		applied, err := e.applyIgnored(ctx, typ)
		if n += applied; err != nil {
			return n, fmt.Errorf("apply the events of type %s that were ignored: %w", typ, err)
		}
	}
	return n, e.store.SetMeta(ctx, knownRules, now)
}

func (e *Engine) applyIgnored(ctx context.Context, typ string) (n int, err error) {
	after := int64(0)
	for {
		events, err := e.store.IgnoredEvents(ctx, typ, after, 100)
		if err != nil || len(events) == 0 {
			return n, err
		}
		for _, ev := range events {
			after = ev.Seq
			r, err := e.rerun(ctx, ev.Key, false, "an older Bursar had no rule for it", func(tx *store.Tx, row *store.InboxEvent) bool {
				// Else somebody was faster, or its payload is no longer kept.
				return row.Status == store.Ignored && tx.Payload(row.Seq) != nil
			})
			if err != nil {
				return n, err
			}
			if r.Status != "" {
				n++
			}
		}
	}
}
