package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"modernc.org/sqlite" // also the database/sql driver
)

var (
	// ErrNotFound says that there is no such row.
	ErrNotFound = errors.New("not found")
	// ErrUnavailable says that the database is out of reach; asking again later helps.
	ErrUnavailable = errors.New("the database is out of reach")
	// ErrNewerSchema says that the database was migrated by a newer binary.
	ErrNewerSchema = errors.New("the database has a newer schema than this binary knows")

	errConflict = errors.New("a row was changed by somebody else meanwhile")
)

// Store is an open database with an up-to-date schema.
type Store struct {
	d     dialect
	path  string // SQLite's file
	write *sql.DB
	read  *sql.DB
	pool  *pgxpool.Pool // PostgreSQL only: River shares it

	prepared   prepared // SQLite
	mayPrepare bool     // PostgreSQL: unless the URL says otherwise
	closed     atomic.Bool
	lookups    sync.Map // lookup to its text
	owners     string   // dialect.owners
	units      sync.Pool
	lastSeq    atomic.Int64
	now        func() time.Time

	// Enqueue is called within the transaction of a unit of work that wrote
	// effects, with when the first of each kind is due (Unix microseconds); it makes
	// the jobs that will perform them.
	Enqueue func(ctx context.Context, tx *Tx, due map[string]int64) error

	// HookTimeout is how long a hook may take: 250 ms on SQLite and 5 s on PostgreSQL
	// where 0.
	HookTimeout time.Duration
}

// Options are how a store is opened.
type Options struct {
	Now     func() time.Time // time.Now unless set
	Migrate bool             // bring the schema up to date; otherwise an old one is an error
	// MaxConns bounds the pool: 10 unless set.
	MaxConns int
}

// Open opens the database that the URL names, sqlite://PATH or postgres://….
func Open(ctx context.Context, databaseURL string, o Options) (*Store, error) {
	s := &Store{now: o.Now}
	if s.now == nil {
		s.now = time.Now
	}
	if o.MaxConns == 0 {
		o.MaxConns = 10
	}
	var err error
	switch {
	case strings.HasPrefix(databaseURL, "sqlite://"):
		err = s.openSQLite(ctx, strings.TrimPrefix(databaseURL, "sqlite://"))
	case strings.HasPrefix(databaseURL, "postgres://"), strings.HasPrefix(databaseURL, "postgresql://"):
		err = s.openPostgres(ctx, databaseURL, o.MaxConns)
	default:
		return nil, errors.New("the database URL must be sqlite://PATH or postgres://…")
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	s.owners = s.d.owners(tenantDef, customerDef)
	if err := s.start(ctx, o.Migrate); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) start(ctx context.Context, migrate bool) error {
	if err := s.checkOrdinals(ctx); err != nil {
		return err
	}
	if !migrate {
		return s.checkSchema(ctx)
	}
	if _, err := s.Migrate(ctx); err != nil {
		return err
	}
	_, err := s.write.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES ('live_since', $1) ON CONFLICT (key) DO NOTHING`,
		num(s.now().UnixMicro()))
	return err
}

func (s *Store) openSQLite(ctx context.Context, path string) error {
	if path == "" || path == ":memory:" {
		return errors.New("sqlite:// needs the path of a file")
	}
	s.d, s.path = sqliteDialect, path
	pragmas := "?_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=page_size(8192)&_pragma=journal_mode(WAL)" +
		// FULL: what was acknowledged survives a power cut, too.
		"&_pragma=synchronous(FULL)&_pragma=wal_autocheckpoint(4000)&_pragma=cache_size(-24000)&_pragma=foreign_keys(1)"
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() + pragmas
	var err error
	if s.write, err = sql.Open("sqlite", dsn); err != nil {
		return err
	}
	s.write.SetMaxOpenConns(1)
	s.write.SetConnMaxIdleTime(0)
	// Where another process turns the new file into one with a write-ahead log, SQLite is
	// busy and does not wait, whatever busy_timeout says. Where it has waited, that was enough.
	began := time.Now()
	err = tryAgain(ctx, 100, func() error { return s.write.PingContext(ctx) }, func(err error) bool {
		return busy(err) && time.Since(began) < 2*time.Second
	})
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	if s.read, err = sql.Open("sqlite", dsn+"&_pragma=query_only(1)"); err != nil {
		return err
	}
	s.read.SetMaxOpenConns(max(4, runtime.GOMAXPROCS(0)))
	s.read.SetMaxIdleConns(max(4, runtime.GOMAXPROCS(0)))
	return nil
}

// tryAgain does what another process that starts on the same SQLite file may be in the
// way of, so many times at most and while its error is one that may pass.
func tryAgain(ctx context.Context, times int, do func() error, may func(error) bool) error {
	for try := 1; ; try++ {
		err := do()
		if err == nil || try == times || !may(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond): // for the other one to get on
		}
	}
}

func busy(err error) bool {
	var lite *sqlite.Error
	return errors.As(err, &lite) && lite.Code()&0xff == 5 // SQLITE_BUSY
}

func (s *Store) openPostgres(ctx context.Context, databaseURL string, conns int) error {
	s.d = postgresDialect
	cfg, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		return errors.New("the database URL is not a PostgreSQL URL") // pgx's text holds the password
	}
	if cfg.MaxConns < int32(conns) {
		cfg.MaxConns = int32(conns)
	}
	s.mayPrepare = cfg.ConnConfig.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement
	if s.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		return err
	}
	s.write = stdlib.OpenDBFromPool(s.pool)
	s.read = s.write
	if err := s.write.PingContext(ctx); err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	return nil
}

// checkOrdinals makes sure that the driver binds $N by number: there are SQLite
// drivers that bind by the order of appearance, which would swap values silently.
func (s *Store) checkOrdinals(ctx context.Context) error {
	var a, b string
	if err := s.read.QueryRowContext(ctx, `SELECT CAST($2 AS TEXT), CAST($1 AS TEXT)`, "one", "two").Scan(&a, &b); err != nil {
		return fmt.Errorf("ask the database: %w", err)
	}
	if a != "two" || b != "one" {
		return errors.New("the database driver does not bind parameters by their number")
	}
	return nil
}

// Close closes the database.
func (s *Store) Close() error {
	var errs []error
	if s.write != nil {
		if s.d.name == sqliteDialect.name {
			errs = append(errs, s.closePrepared())
		}
		errs = append(errs, s.write.Close())
	}
	if s.read != nil && s.read != s.write {
		errs = append(errs, s.read.Close())
	}
	if s.pool != nil {
		s.pool.Close()
	}
	return errors.Join(errs...)
}

// Engine is "sqlite" or "postgres".
func (s *Store) Engine() string { return s.d.name }

// Writer is the pool that writes: one connection on SQLite. Whoever holds a
// transaction of it must not ask for another.
func (s *Store) Writer() *sql.DB { return s.write }

// Pool is PostgreSQL's pool, nil on SQLite.
func (s *Store) Pool() *pgxpool.Pool { return s.pool }

// Ping asks the database for a sign of life.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	if err := s.read.QueryRowContext(ctx, `SELECT 1 FROM meta LIMIT 1`).Scan(&one); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil
}

// seqBits are the lower bits of a sequence number, chance; the upper ones are
// microseconds, enough until the year 2112.
const seqBits = 11

// NextSeq is a number that grows with time: microseconds since 1970 in the upper
// bits, chance in the lower ones, so that several machines hardly ever meet; where
// they do, the database refuses the second and the unit of work runs again.
func (s *Store) NextSeq() int64 {
	for {
		last := s.lastSeq.Load()
		next := s.now().UnixMicro()<<seqBits | rand.Int64N(1<<seqBits)
		if next <= last {
			next = last + 1
		}
		if s.lastSeq.CompareAndSwap(last, next) {
			return next
		}
	}
}

// Meta reads one of the values that the store keeps about itself, empty where it is not set.
func (s *Store) Meta(ctx context.Context, key string) (string, error) {
	var v string
	err := s.read.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = $1`, key).Scan(&v)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return v, err
}

// SetMeta writes one of them.
func (s *Store) SetMeta(ctx context.Context, key, value string) error {
	_, err := s.write.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value`, key, value)
	return err
}

// FixMeta writes a value unless there is one, and returns the one that is there.
func (s *Store) FixMeta(ctx context.Context, key, value string) (string, error) {
	if _, err := s.write.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING`, key, value); err != nil {
		return "", err
	}
	var v string
	err := s.write.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = $1`, key).Scan(&v)
	return v, err
}

// Mode is the key of Meta under which stands whether the database holds live or
// test data; nothing before that is known.
const Mode = "mode"

// FixMode says which mode the database has unless it has one, and returns the one
// that it has. What the app said of its tenants before was kept as if it were test
// data; in a live database it becomes live.
func (s *Store) FixMode(ctx context.Context, mode string) (string, error) {
	err := s.inTx(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING`, Mode, mode)
		if err != nil {
			return err
		}
		first, err := r.RowsAffected()
		if err != nil {
			return err
		}
		if first == 1 && mode == "live" {
			for _, table := range []string{"tenants", "customers", "customer_links", "timeline"} {
				if _, err := tx.ExecContext(ctx, `UPDATE `+table+` SET livemode = TRUE WHERE NOT livemode`); err != nil {
					return err
				}
			}
		}
		return tx.QueryRowContext(ctx, `SELECT value FROM meta WHERE key = $1`, Mode).Scan(&mode)
	})
	return mode, err
}

// inTx runs fn in a transaction of its own, beside the units of work.
func (s *Store) inTx(ctx context.Context, fn func(*sql.Tx) error) error {
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// Backup writes a consistent copy of a SQLite database to a new file while it is in use.
func (s *Store) Backup(ctx context.Context, file string) error {
	if s.d.name != sqliteDialect.name {
		return errors.New("backup is for SQLite; use pg_dump for PostgreSQL")
	}
	_, err := s.write.ExecContext(ctx, `VACUUM INTO $1`, file)
	return err
}

// lookup is the text of a look-up, made once.
func (s *Store) lookup(l lookup) string {
	if q, ok := s.lookups.Load(l); ok {
		return q.(string)
	}
	q := s.d.by(l)
	s.lookups.Store(l, q)
	return q
}
