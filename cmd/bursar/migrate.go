package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"

	"github.com/bursarhq/bursar/internal/store"
)

type migrateCommand struct {
	Settings
	Status bool `help:"Only say at which version the schema is." xor:"what"`
	DryRun bool `help:"Only say what would be done." xor:"what"`
	JSON   bool `name:"json" help:"Print JSON."`
}

func (migrateCommand) Help() string {
	return examples(
		"bursar migrate",
		"bursar migrate --status --json",
		"bursar migrate --dry-run --database-url postgres://bursar@localhost/bursar",
	)
}

// schemaState is where a database is, and what it lacks.
type schemaState struct {
	Version int64   `json:"version"` // 0: it has no schema yet
	Newest  int64   `json:"newest"`  // that this binary knows
	Pending []int64 `json:"pending"` // versions that it lacks
	Applied []int64 `json:"applied"` // versions that this command has brought
}

// Run migrates, or says what there is to do.
func (c migrateCommand) Run(ctx context.Context, s *system) error {
	cfg, err := c.load(s)
	if err != nil {
		return err
	}
	was, err := schemaVersion(ctx, cfg.DatabaseURL.Reveal())
	if err != nil {
		return err
	}
	state := schemaState{Version: was, Newest: store.SchemaVersion(), Pending: versionsAfter(was), Applied: []int64{}}
	if state.Version > state.Newest {
		return fmt.Errorf("%w: it is at version %d, this binary knows %d; run the newer bursar", store.ErrNewerSchema, was, state.Newest)
	}
	if !c.Status && !c.DryRun {
		// Also where nothing is pending: the job queue has tables of its own.
		db, err := store.Open(ctx, cfg.DatabaseURL.Reveal(), store.Options{Now: s.now, Migrate: true})
		if err != nil {
			return err
		}
		if err := db.Close(); err != nil {
			return err
		}
		state.Version, state.Applied, state.Pending = state.Newest, state.Pending, []int64{}
	}
	if c.JSON {
		return printJSON(s.stdout, state)
	}
	_, err = fmt.Fprintln(s.stdout, c.sentence(state))
	return err
}

func (c migrateCommand) sentence(st schemaState) string {
	numbers := func(v []int64) string { return strings.Trim(fmt.Sprint(v), "[]") }
	switch {
	case len(st.Applied) > 0:
		return fmt.Sprintf("The schema is at version %d now; applied: %s.", st.Version, numbers(st.Applied))
	case len(st.Pending) == 0:
		return fmt.Sprintf("The schema is up to date, at version %d.", st.Version)
	case c.DryRun:
		return fmt.Sprintf("Would bring the schema from version %d to %d, applying: %s.", st.Version, st.Newest, numbers(st.Pending))
	}
	return fmt.Sprintf("The schema is at version %d of %d; pending: %s.", st.Version, st.Newest, numbers(st.Pending))
}

func versionsAfter(version int64) []int64 {
	pending := []int64{}
	for v := version + 1; v <= store.SchemaVersion(); v++ {
		pending = append(pending, v)
	}
	return pending
}

// schemaVersion looks at a database without changing anything, be it older or
// newer than this binary, or not there at all: 0.
func schemaVersion(ctx context.Context, databaseURL string) (int64, error) {
	driver, dsn, exists := "pgx", databaseURL, `SELECT to_regclass('goose_db_version') IS NOT NULL`
	if path, ok := strings.CutPrefix(databaseURL, "sqlite://"); ok {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return 0, nil
		}
		driver, dsn = "sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?mode=ro&_pragma=busy_timeout(10000)"
		exists = `SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'goose_db_version')`
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return 0, err
	}
	defer db.Close()
	var there bool
	if err := db.QueryRowContext(ctx, exists).Scan(&there); err != nil {
		return 0, fmt.Errorf("ask the database: %w", err)
	}
	if !there {
		return 0, nil
	}
	var version int64
	if err := db.QueryRowContext(ctx, `SELECT MAX(version_id) FROM goose_db_version`).Scan(&version); err != nil {
		return 0, fmt.Errorf("read the schema's version: %w", err)
	}
	return version, nil
}
