package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/internal/apply"
)

type backfillCommand struct {
	Settings
	Map  []string `help:"Whose the customers are: a metadata key that names the tenant, or a CSV file with the columns customer and tenant. May be given again." placeholder:"KEY|FILE.csv"`
	JSON bool     `name:"json" help:"Print JSON."`
}

func (backfillCommand) Help() string {
	return "No mail and no outgoing webhook comes of it, then or later. One that was killed is taken up where it was. Customers belong to the tenants that " +
		"their metadata names (BURSAR_TENANT_METADATA), or as --map says; what belongs to no tenant is kept until it is linked. " +
		"A file for --map has lines such as cus_123,acme.\n\n" +
		examples("bursar backfill", "bursar backfill --map account_id", "bursar backfill --map customers.csv")
}

// Run imports the account.
func (c backfillCommand) Run(ctx context.Context, s *system) error {
	tenants, keys := map[string]string{}, []string{}
	for _, from := range c.Map {
		if !strings.HasSuffix(strings.ToLower(from), ".csv") {
			keys = append(keys, from)
			continue
		}
		rows, err := readTenants(from)
		if err != nil {
			return fmt.Errorf("--map: %w", err)
		}
		maps.Copy(tenants, rows)
	}
	l, err := c.openLocal(ctx, s, "", func(cfg *bursar.Config) { cfg.TenantMetadata = slices.Concat(keys, cfg.TenantMetadata) })
	if err != nil {
		return err
	}
	defer l.close()
	p := s.progress()
	got, err := l.b.Backfill(ctx, bursar.BackfillOptions{Tenants: tenants, Progress: p.show})
	p.end()
	if err != nil {
		return interrupted(ctx, err)
	}
	if c.JSON {
		err = printJSON(s.stdout, got)
	} else {
		err = printBackfilled(s.stdout, &got)
	}
	if err == nil && got.Failed > 0 {
		err = fmt.Errorf("%s could not be applied; they are tried again, see bursar events list --status failed", counted(got.Failed, "object"))
	}
	return err
}

// readTenants reads a file of customers and whose they are. A first line whose first
// column is no customer's id is taken for heads.
func readTenants(file string) (map[string]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in := csv.NewReader(f)
	in.FieldsPerRecord, in.TrimLeadingSpace, in.Comment = 2, true, '#'
	tenants := map[string]string{}
	for first := true; ; first = false {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			return tenants, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		customer, tenant := strings.TrimSpace(strings.TrimPrefix(row[0], "\ufeff")), strings.TrimSpace(row[1])
		line, _ := in.FieldPos(0)
		switch known, twice := tenants[customer]; {
		case !strings.HasPrefix(customer, "cus_") && first:
			continue
		case !strings.HasPrefix(customer, "cus_"):
			return nil, fmt.Errorf("%s: line %d: %q is not a customer's id", file, line, customer)
		case !apply.ValidTenant(tenant):
			return nil, fmt.Errorf("%s: line %d: a tenant's id is [A-Za-z0-9._:-]{1,128}, not %q", file, line, tenant)
		case twice && known != tenant:
			return nil, fmt.Errorf("%s: line %d: %s is already %s's", file, line, customer, known)
		}
		tenants[customer] = tenant
	}
}

func printBackfilled(w io.Writer, got *bursar.Backfilled) error {
	if got.Resumed {
		fmt.Fprintln(w, "Went on where the last run had ended.")
	}
	rows := [][]string{{"TYPE", "IMPORTED"}}
	for _, typ := range slices.Sorted(maps.Keys(got.Applied)) {
		rows = append(rows, []string{typ, fmt.Sprint(got.Applied[typ])})
	}
	if len(rows) > 1 {
		if err := printTable(w, rows); err != nil {
			return err
		}
	}
	if got.Linked > 0 {
		fmt.Fprintf(w, "%s linked by --map.\n", counted(got.Linked, "customer"))
	}
	if got.Parked > 0 {
		fmt.Fprintf(w, "%s parked: no tenant has their customers yet, see GET /v1/unlinked-customers.\n", counted(got.Parked, "object"))
	}
	if len(got.Refused) > 0 {
		fmt.Fprintf(w, "The key may not read %s.\n", strings.Join(got.Refused, ", "))
	}
	_, err := fmt.Fprintf(w, "Looked at %s with %s.\n", counted(got.Objects, "object"), counted(got.Requests, "request"))
	return err
}
