package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/internal/store"
)

type versionCommand struct {
	JSON bool `name:"json" help:"Print JSON."`
}

func (versionCommand) Help() string { return examples("bursar version", "bursar version --json") }

// buildVersion is what this binary was built from.
type buildVersion struct {
	Version string `json:"version"`
	Commit  string `json:"commit"` // empty where it was not built from a repository
	Go      string `json:"go"`
	Schema  int64  `json:"schema"` // the newest that the binary knows
}

func readVersion() buildVersion {
	v := buildVersion{Version: bursar.Version, Go: runtime.Version(), Schema: store.SchemaVersion()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	modified := ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			v.Commit = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = "+modified"
		}
	}
	if v.Commit != "" {
		v.Commit += modified
	}
	return v
}

// Run prints the version.
func (c versionCommand) Run(s *system) error {
	v := readVersion()
	if c.JSON {
		return printJSON(s.stdout, v)
	}
	commit := v.Commit
	if commit == "" {
		commit = "unknown"
	}
	_, err := fmt.Fprintf(s.stdout, "bursar %s\ncommit %s\n%s\nschema %d\n", v.Version, commit, v.Go, v.Schema)
	return err
}
