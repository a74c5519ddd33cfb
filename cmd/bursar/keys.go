package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/bursarhq/bursar/internal/store"
)

type keysCommand struct {
	Create keysCreateCommand `cmd:"" help:"Make an API key and print it, this once."`
	List   keysListCommand   `cmd:"" help:"List the keys that were made, without the keys themselves."`
	Revoke keysRevokeCommand `cmd:"" help:"Revoke a key: a running service refuses it from the next second on."`
}

// keyBytes is how much chance is in a key: 192 bits.
const keyBytes = 24

// newKey makes an API key.
func newKey() string {
	var b [keyBytes]byte
	rand.Read(b[:]) // never fails
	return "bk_" + hex.EncodeToString(b[:])
}

// apiKey is a key as it may be shown.
type shownKey struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	Scope     string     `json:"scope"`
	Key       string     `json:"key,omitempty"` // when it is made, and never again
	CreatedAt time.Time  `json:"created_at"`
	RevokedAt *time.Time `json:"revoked_at"`
}

type keysCreateCommand struct {
	Settings
	Name  string `arg:"" help:"What it is for. It is the actor in the timeline."`
	Scope string `help:"What it allows: read, write or admin." enum:"read,write,admin" default:"read"`
	JSON  bool   `name:"json" help:"Print JSON."`
}

func (keysCreateCommand) Help() string {
	return examples("bursar keys create app --scope write", "bursar keys create grafana --scope read --json")
}

// Run makes a key. The database has its hash alone.
func (c keysCreateCommand) Run(ctx context.Context, s *system) error {
	if c.Name == "" || len(c.Name) > 100 {
		return misused("NAME: write 1 to 100 bytes of text")
	}
	db, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	defer db.Close()
	key := newKey()
	hash := sha256.Sum256([]byte(key))
	made := shownKey{ID: "key_" + hex.EncodeToString(hash[:])[:12], Name: c.Name, Scope: c.Scope, Key: key, CreatedAt: s.now().UTC().Truncate(time.Microsecond)}
	if _, err := db.Writer().ExecContext(ctx, `INSERT INTO api_keys (id, name, scope, hash, created_at, revoked_at) VALUES ($1, $2, $3, $4, $5, 0)`,
		made.ID, made.Name, made.Scope, hex.EncodeToString(hash[:]), made.CreatedAt.UnixMicro()); err != nil {
		return fmt.Errorf("keep the key: %w", err)
	}
	if c.JSON {
		return printJSON(s.stdout, made)
	}
	_, err = fmt.Fprintf(s.stdout, "%s\n%s %q allows: %s. It cannot be shown again.\n", key, made.ID, made.Name, made.Scope)
	return err
}

type keysListCommand struct {
	Settings
	JSON bool `name:"json" help:"Print JSON."`
}

func (keysListCommand) Help() string { return examples("bursar keys list", "bursar keys list --json") }

// Run lists the keys, oldest first.
func (c keysListCommand) Run(ctx context.Context, s *system) error {
	db, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	defer db.Close()
	keys, err := readKeys(ctx, db)
	if err != nil {
		return err
	}
	if c.JSON {
		return printJSON(s.stdout, map[string]any{"data": keys})
	}
	rows := [][]string{{"ID", "NAME", "SCOPE", "CREATED", "REVOKED"}}
	for _, k := range keys {
		rows = append(rows, []string{k.ID, k.Name, k.Scope, shortTime(&k.CreatedAt), shortTime(k.RevokedAt)})
	}
	return printTable(s.stdout, rows)
}

func readKeys(ctx context.Context, db *store.Store) ([]shownKey, error) {
	rows, err := db.Writer().QueryContext(ctx, `SELECT id, name, scope, created_at, revoked_at FROM api_keys ORDER BY created_at, id`)
	if err != nil {
		return nil, fmt.Errorf("read the keys: %w", err)
	}
	defer rows.Close()
	keys := []shownKey{}
	for rows.Next() {
		var k shownKey
		var created, revoked int64
		if err := rows.Scan(&k.ID, &k.Name, &k.Scope, &created, &revoked); err != nil {
			return nil, fmt.Errorf("read the keys: %w", err)
		}
		k.CreatedAt = time.UnixMicro(created).UTC()
		if revoked != 0 {
			at := time.UnixMicro(revoked).UTC()
			k.RevokedAt = &at
		}
		keys = append(keys, k)
	}
	return keys, rows.Err()
}

type keysRevokeCommand struct {
	Settings
	ID   string `arg:"" help:"The key's id, as bursar keys list has it."`
	JSON bool   `name:"json" help:"Print JSON."`
}

func (keysRevokeCommand) Help() string { return examples("bursar keys revoke key_5f0c8a1b2c3d") }

// Run revokes a key. Its row stays, so that the timeline's actors stay known.
func (c keysRevokeCommand) Run(ctx context.Context, s *system) error {
	db, err := c.open(ctx, s)
	if err != nil {
		return err
	}
	defer db.Close()
	at := s.now().UTC().Truncate(time.Microsecond)
	r, err := db.Writer().ExecContext(ctx, `UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at = 0`, c.ID, at.UnixMicro())
	if err != nil {
		return fmt.Errorf("revoke the key: %w", err)
	}
	if n, err := r.RowsAffected(); err != nil {
		return err
	} else if n == 0 {
		return fmt.Errorf("%w: a key %s that is not revoked; bursar keys list shows them", store.ErrNotFound, c.ID)
	}
	if c.JSON {
		return printJSON(s.stdout, map[string]any{"id": c.ID, "revoked_at": at})
	}
	_, err = fmt.Fprintf(s.stdout, "%s is revoked\n", c.ID)
	return err
}

// open opens the database of the settings as it is.
func (from Settings) open(ctx context.Context, s *system) (*store.Store, error) {
	cfg, err := from.load(s)
	if err != nil {
		return nil, err
	}
	return cfg.openStore(ctx, s)
}
