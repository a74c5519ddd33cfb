package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/bursarhq/bursar/internal/store"
)

// Settings is embedded by commands that take settings: the flags of all of
// them, and --config. A tag on it, settings, says "shown" where the command's help
// is to list them, or names the only ones that the command takes.
type Settings struct {
	Config string `help:"The YAML file of settings. Each setting is a flag, too: see bursar serve --help." placeholder:"FILE" group:"settings" type:"path"`
	kong.Plugins
}

// plugSettings gives every Settings below v its flags.
func plugSettings(v reflect.Value) {
	for i := range v.NumField() {
		field, tag := v.Field(i), v.Type().Field(i).Tag.Get("settings")
		if field.Kind() != reflect.Struct {
			continue
		}
		source, ok := field.Addr().Interface().(*Settings)
		switch {
		case !ok:
			plugSettings(field)
		case tag == "":
			source.Plugins = kong.Plugins{settingFlags(hidden)}
		case tag == "shown":
			source.Plugins = kong.Plugins{settingFlags(shown)}
		default:
			source.Plugins = kong.Plugins{settingFlags(shown, strings.Fields(tag)...)}
		}
	}
}

// load gathers the settings.
func (from Settings) load(s *system) (Config, error) {
	return LoadConfig(givenFlags(from.Plugins[0]), s.lookup, from.Config)
}

// logger writes what the settings let through to stderr.
func (c Config) logger(s *system) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "json" || c.LogFormat == "" && !terminal(s.stderr) {
		return slog.New(slog.NewJSONHandler(s.stderr, o))
	}
	return slog.New(slog.NewTextHandler(s.stderr, o))
}

// openStore opens the database as it is, for a command that works on what is
// there: it makes no file and changes no schema.
func (c Config) openStore(ctx context.Context, s *system) (*store.Store, error) {
	if err := c.checkDatabaseFile(); err != nil {
		return nil, err
	}
	return store.Open(ctx, c.DatabaseURL.Reveal(), store.Options{Now: s.now})
}

// checkDatabaseFile wants SQLite's file to be there.
func (c Config) checkDatabaseFile() error {
	path, ok := strings.CutPrefix(c.DatabaseURL.Reveal(), "sqlite://")
	if !ok {
		return nil
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("BURSAR_DATABASE_URL: there is no database %s yet; run bursar serve or bursar migrate", path)
	} else if err != nil {
		return fmt.Errorf("BURSAR_DATABASE_URL: %w", err)
	}
	return nil
}
