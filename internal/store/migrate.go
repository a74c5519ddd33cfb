package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// engineFS shows one engine's migrations out of the folder that holds both.
type engineFS struct {
	fs.FS
	engine string
}

// isFor says whether a migration is for an engine: NAME.ENGINE.sql is for that one,
// NAME.sql for both.
func isFor(engine, file string) bool {
	return strings.HasSuffix(file, "."+engine+".sql") || strings.Count(file, ".") == 1
}

func (e engineFS) ReadDir(name string) ([]fs.DirEntry, error) {
	all, err := fs.ReadDir(e.FS, name)
	var out []fs.DirEntry
	for _, f := range all {
		if f.IsDir() || isFor(e.engine, f.Name()) {
			out = append(out, f)
		}
	}
	return out, err
}

func (s *Store) provider() (*goose.Provider, error) {
	sub, err := fs.Sub(schemaFiles, "schema")
	if err != nil {
		return nil, err
	}
	dialect, opts := goose.DialectSQLite3, []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if s.pool != nil {
		locker, err := lock.NewPostgresSessionLocker()
		if err != nil {
			return nil, err
		}
		dialect, opts = goose.DialectPostgres, append(opts, goose.WithSessionLocker(locker))
	}
	return goose.NewProvider(dialect, s.write, engineFS{sub, s.d.name}, opts...)
}

// SchemaVersion is the newest migration that this binary knows.
func SchemaVersion() int64 {
	files, _ := engineFS{schemaFiles, sqliteDialect.name}.ReadDir("schema") // it is embedded
	return int64(len(files))
}

// MigrationStatus is one migration and whether the database has it.
type MigrationStatus struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`
	Applied bool   `json:"applied"`
}

// Migrations tells which migrations there are and which the database has.
func (s *Store) Migrations(ctx context.Context) ([]MigrationStatus, error) {
	p, err := s.provider()
	if err != nil {
		return nil, err
	}
	if err := s.refuseNewer(ctx, p); err != nil {
		return nil, err
	}
	all, err := p.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the schema's version: %w", err)
	}
	var out []MigrationStatus
	for _, m := range all {
		out = append(out, MigrationStatus{m.Source.Version, m.Source.Path, m.State == goose.StateApplied})
	}
	return out, nil
}

// Migrate brings the schema up to date and returns the versions that it applied.
// A SQLite file that has a schema is copied beside itself first.
func (s *Store) Migrate(ctx context.Context) ([]int64, error) {
	p, err := s.provider()
	if err != nil {
		return nil, err
	}
	var applied []int64
	// Two processes may start on one SQLite file at once: each migration is a
	// transaction of its own, so the loser's fails whole, and its second look finds
	// the work done. PostgreSQL has a session lock.
	err = tryAgain(ctx, 20, func() (err error) {
		if applied, err = s.migrate(ctx, p); err == nil {
			err = s.migrateRiver(ctx)
		}
		return err
	}, func(err error) bool { return s.pool == nil && !errors.Is(err, ErrNewerSchema) })
	return applied, err
}

func (s *Store) migrate(ctx context.Context, p *goose.Provider) ([]int64, error) {
	if err := s.refuseNewer(ctx, p); err != nil {
		return nil, err
	}
	version, err := p.GetDBVersion(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the schema's version: %w", err)
	}
	if version == SchemaVersion() {
		return nil, nil
	}
	if version > 0 && s.path != "" {
		copyPath := fmt.Sprintf("%s.before-%04d", s.path, SchemaVersion())
		if _, err := os.Stat(copyPath); errors.Is(err, fs.ErrNotExist) {
			if err := s.Backup(ctx, copyPath); err != nil {
				return nil, fmt.Errorf("copy the database beside itself before migrating: %w", err)
			}
		}
	}
	results, err := p.Up(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	var out []int64
	for _, r := range results {
		out = append(out, r.Source.Version)
	}
	return out, nil
}

func (s *Store) refuseNewer(ctx context.Context, p *goose.Provider) error {
	version, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	if version > SchemaVersion() {
		return fmt.Errorf("%w: it is at version %d, this binary knows %d; run the newer bursar", ErrNewerSchema, version, SchemaVersion())
	}
	return nil
}

// checkSchema refuses to work on a schema that is not this binary's.
func (s *Store) checkSchema(ctx context.Context) error {
	var version int64
	err := s.read.QueryRowContext(ctx, `SELECT MAX(version_id) FROM goose_db_version`).Scan(&version)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return errors.New("the database has no schema yet; run bursar migrate or bursar serve")
	}
	switch {
	case version > SchemaVersion():
		return fmt.Errorf("%w: it is at version %d, this binary knows %d; run the newer bursar", ErrNewerSchema, version, SchemaVersion())
	case version < SchemaVersion():
		return fmt.Errorf("the database's schema is at version %d, this binary needs %d; run bursar migrate", version, SchemaVersion())
	}
	return nil
}

func (s *Store) migrateRiver(ctx context.Context) error {
	var err error
	if s.pool != nil {
		m, e := rivermigrate.New(riverpgxv5.New(s.pool), nil)
		if e == nil {
			_, e = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
		}
		err = e
	} else {
		m, e := rivermigrate.New(riversqlite.New(s.write), nil)
		if e == nil {
			_, e = m.Migrate(ctx, rivermigrate.DirectionUp, nil)
		}
		err = e
	}
	if err != nil {
		return fmt.Errorf("migrate the job queue's tables: %w", err)
	}
	return nil
}
