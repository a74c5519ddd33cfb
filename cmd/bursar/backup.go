package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

type backupCommand struct {
	Settings
	File string `arg:"" help:"Where the copy goes; there must be no such file yet." type:"path"`
	JSON bool   `name:"json" help:"Print JSON."`
}

func (backupCommand) Help() string {
	return examples("bursar backup bursar-$(date +%F).db", "bursar backup --database-url sqlite:///var/lib/bursar/bursar.db /mnt/backup/bursar.db")
}

// Run copies the database.
func (c backupCommand) Run(ctx context.Context, s *system) error {
	cfg, err := c.load(s)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(c.File); err == nil {
		return fmt.Errorf("%s is there already; a backup never overwrites", c.File)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	db, err := cfg.openStore(ctx, s)
	if err != nil {
		return err
	}
	defer db.Close()
	if err := db.Backup(ctx, c.File); err != nil {
		return err
	}
	info, err := os.Stat(c.File)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s.stdout, map[string]any{"file": c.File, "bytes": info.Size()})
	}
	_, err = fmt.Fprintf(s.stdout, "%s: %d bytes\n", c.File, info.Size())
	return err
}
