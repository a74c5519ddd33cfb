package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bursarhq/bursar/internal/api"
)

// demoSummary is what the months came to, as the API tells it.
type demoSummary struct {
	Tenants   int                       `json:"tenants"`
	Plans     map[string]map[string]int `json:"plans"` // tenants by plan, then status
	Invoices  map[string]int            `json:"invoices"`
	Notices   map[string]map[string]int `json:"notices"` // by kind, then status
	Events    map[string]int            `json:"events"`  // by status
	Webhooks  int64                     `json:"webhooks"`
	Refused   int64                     `json:"refused"`
	Agreeing  int                       `json:"agreeing"`  // tenants whose status is the account's
	Differing []string                  `json:"differing"` // those of whom it is not
}

// settled sums up once the mails are out, which takes a little longer than the story.
func (d *demo) settled(ctx context.Context) (*demoSummary, error) {
	for {
		sum, err := d.summarize(ctx)
		if err != nil {
			return nil, err
		}
		waiting := 0
		for _, statuses := range sum.Notices {
			waiting += statuses["pending"]
		}
		if waiting == 0 {
			return sum, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (d *demo) summarize(ctx context.Context) (*demoSummary, error) {
	sum := &demoSummary{
		Plans: map[string]map[string]int{}, Invoices: map[string]int{}, Notices: map[string]map[string]int{}, Events: map[string]int{},
		Webhooks: d.delivered.Load(), Refused: d.refused.Load(), Differing: []string{},
	}
	tenants, _, err := listRows[api.Tenant](ctx, d.api, "/v1/tenants", url.Values{}, 0)
	if err != nil {
		return nil, err
	}
	sum.Tenants = len(tenants)
	for _, t := range tenants {
		add(sum.Plans, dash(textOf(t.Plan)), t.Status)
		path := "/v1/tenants/" + url.PathEscape(t.ID)
		invoices, _, err := listRows[api.Invoice](ctx, d.api, path+"/invoices", url.Values{}, 0)
		if err != nil {
			return nil, err
		}
		for _, i := range invoices {
			sum.Invoices[i.Status]++
		}
		notices, _, err := listRows[api.Notification](ctx, d.api, path+"/notifications", url.Values{}, 0)
		if err != nil {
			return nil, err
		}
		for _, n := range notices {
			add(sum.Notices, n.Kind, n.Status)
		}
	}
	var stats api.Stats
	if err := d.api.ask(ctx, http.MethodGet, "/v1/stats", nil, &stats); err != nil {
		return nil, err
	}
	for status, n := range stats.Events {
		sum.Events[status] = int(n)
	}
	return sum, d.compare(ctx, sum)
}

// compare holds what Bursar knows to what the account says.
func (d *demo) compare(ctx context.Context, sum *demoSummary) error {
	for _, l := range d.lives {
		if l.subscription == "" {
			continue
		}
		truth, err := d.account.Get(l.path(), nil)
		if err != nil {
			return err
		}
		subscriptions, _, err := listRows[api.Subscription](ctx, d.api, "/v1/tenants/"+url.PathEscape(l.tenant)+"/subscriptions", url.Values{}, 0)
		if err != nil {
			return err
		}
		agrees := slices.ContainsFunc(subscriptions, func(s api.Subscription) bool {
			return textOf(s.ID) == l.subscription && textOf(s.StripeStatus) == truth.Str("status") && textOf(s.StripePrice) == truth.Str("items.data.0.price.id")
		})
		if agrees {
			sum.Agreeing++
		} else {
			sum.Differing = append(sum.Differing, l.tenant)
		}
	}
	return nil
}

func add(counts map[string]map[string]int, row, column string) {
	if counts[row] == nil {
		counts[row] = map[string]int{}
	}
	counts[row][column]++
}

func (sum *demoSummary) print(w io.Writer) error {
	fmt.Fprintln(w)
	if err := printCounts(w, "TENANTS", sum.Plans); err != nil {
		return err
	}
	fmt.Fprintln(w)
	if err := printCounts(w, "NOTICES", sum.Notices); err != nil {
		return err
	}
	fmt.Fprintf(w, "\ninvoices: %s\nevents:   %s\nwebhooks: %d, of which %d were refused\n", inline(sum.Invoices), inline(sum.Events), sum.Webhooks, sum.Refused)
	_, err := fmt.Fprintf(w, "Of %s Bursar's state is the account's; it differs for %d.\n", counted(sum.Agreeing, "tenant"), len(sum.Differing))
	return err
}

// printCounts prints a row for each key and a column for each of what is counted.
func printCounts(w io.Writer, title string, counts map[string]map[string]int) error {
	seen := map[string]bool{}
	for _, row := range counts {
		for column := range row {
			seen[column] = true
		}
	}
	columns := slices.Sorted(maps.Keys(seen))
	rows := [][]string{append([]string{title}, columns...)}
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		row := []string{name}
		for _, column := range columns {
			row = append(row, fmt.Sprint(counts[name][column]))
		}
		rows = append(rows, row)
	}
	return printTable(w, rows)
}

func inline(counts map[string]int) string {
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[key], key))
	}
	return strings.Join(parts, ", ")
}
