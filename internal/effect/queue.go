package effect

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"

	"github.com/bursarhq/bursar/internal/store"
)

// Config is what a queue needs.
type Config struct {
	Store   *store.Store
	Runners []Runner
	Log     *slog.Logger
	Now     func() time.Time
	// Busy says whether receiving is; effects then have but a share of the machine.
	// Nil: it never is.
	Busy func() bool
	// Poll is how often jobs are looked for; 200 ms where 0.
	Poll time.Duration
}

// Queue wakes the runners. Every process may have one: jobs are River's, each is
// run by one of them.
type Queue struct {
	cfg    Config
	kinds  map[string]*kind
	gate   *gate
	client client
}

// kind is one kind of effects: it is drained by one worker at a time, so that the others
// are free for other kinds.
type kind struct {
	Runner
	single single
}

// client is River's client for either engine.
type client interface {
	start(ctx context.Context) error
	stop(ctx context.Context) error
	insert(ctx context.Context, tx *store.Tx, jobs []river.InsertManyParams) error
	insertNow(ctx context.Context, args river.JobArgs, opts *river.InsertOpts) error
}

// drain is the one kind of job: work off what is due of a kind of effects.
type drain struct {
	Of string `json:"of"`
}

func (drain) Kind() string { return "drain" }

type worker struct {
	river.WorkerDefaults[drain]
	q *Queue
}

func (w *worker) Work(ctx context.Context, job *river.Job[drain]) error {
	k := w.q.kinds[job.Args.Of]
	if k == nil {
		return river.JobCancel(fmt.Errorf("nobody performs effects of the kind %s", job.Args.Of))
	}
	return k.single.do(func() error { return w.q.drain(ctx, &k.Runner) })
}

// maxJob bounds one job; a drain that has more to do leaves it to a next one.
const maxJob = 10 * time.Minute

func (w *worker) Timeout(*river.Job[drain]) time.Duration { return maxJob }

// New returns a queue; its Enqueue is to be given to the store.
func New(cfg Config) (*Queue, error) {
	if cfg.Poll == 0 {
		cfg.Poll = 200 * time.Millisecond
	}
	q := &Queue{cfg: cfg, kinds: map[string]*kind{}, gate: newGate(cfg.Busy, cfg.Now)}
	var periodic []*river.PeriodicJob
	for _, r := range cfg.Runners {
		q.kinds[r.Kind] = &kind{Runner: r}
		if r.Every > 0 {
			periodic = append(periodic, river.NewPeriodicJob(river.PeriodicInterval(r.Every),
				func() (river.JobArgs, *river.InsertOpts) { return drain{r.Kind}, &river.InsertOpts{MaxAttempts: 3} },
				&river.PeriodicJobOpts{RunOnStart: true}))
		}
	}
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &worker{q: q}); err != nil {
		return nil, err
	}
	rc := &river.Config{
		// One for each kind: none waits for another.
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: max(1, len(cfg.Runners))}},
		Workers:           workers,
		PeriodicJobs:      periodic,
		FetchCooldown:     min(20*time.Millisecond, cfg.Poll),
		FetchPollInterval: cfg.Poll,
		Logger:            slog.New(quiet{cfg.Log.Handler()}),
		// Jobs only wake; the rows tell what happened.
		CompletedJobRetentionPeriod: time.Hour,
		CancelledJobRetentionPeriod: time.Hour,
	}
	var err error
	if pool := cfg.Store.Pool(); pool != nil {
		var c *river.Client[pgx.Tx]
		if c, err = river.NewClient(riverpgxv5.New(pool), rc); err == nil {
			q.client = postgresClient{c}
		}
	} else {
		var c *sqliteRiver
		if c, err = river.NewClient(riversqlite.New(cfg.Store.Writer()), rc); err == nil {
			q.client = sqliteClient{c}
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the job queue: %w", err)
	}
	return q, nil
}

// quiet lets only what matters of River's log through: its own troubles.
type quiet struct{ slog.Handler }

func (h quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelError && h.Handler.Enabled(ctx, l)
}

// Enqueue makes the jobs for effects that a unit of work has written, within its
// transaction. due is by kind, Unix microseconds.
func (q *Queue) Enqueue(ctx context.Context, tx *store.Tx, due map[string]int64) error {
	var jobs []river.InsertManyParams
	for kind, at := range due {
		if q.kinds[kind] == nil {
			continue
		}
		opts := &river.InsertOpts{}
		if at > tx.Now {
			opts.ScheduledAt = time.UnixMicro(at)
		}
		jobs = append(jobs, river.InsertManyParams{Args: drain{kind}, InsertOpts: opts})
	}
	if len(jobs) == 0 {
		return nil
	}
	return q.client.insert(ctx, tx, jobs)
}

// Wake has a kind looked at, at a time or now.
func (q *Queue) Wake(ctx context.Context, kind string, at time.Time) error {
	return q.client.insertNow(ctx, drain{kind}, &river.InsertOpts{ScheduledAt: at})
}

// Run works until the context ends, then lets what runs finish, 10 seconds at most.
func (q *Queue) Run(ctx context.Context) error {
	// River's own context must outlive ctx: stopping is asked for below.
	if err := q.client.start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("start the job queue: %w", err)
	}
	<-ctx.Done()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := q.client.stop(stop); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stop the job queue: %w", err)
	}
	return nil
}

type sqliteClient struct{ c *sqliteRiver }

func (s sqliteClient) start(ctx context.Context) error { return s.c.Start(ctx) }
func (s sqliteClient) stop(ctx context.Context) error  { return s.c.StopAndCancel(ctx) }
func (s sqliteClient) insert(ctx context.Context, tx *store.Tx, jobs []river.InsertManyParams) error {
	_, err := s.c.InsertManyTx(ctx, tx.SQLite(), jobs)
	return err
}

func (s sqliteClient) insertNow(ctx context.Context, args river.JobArgs, opts *river.InsertOpts) error {
	_, err := s.c.Insert(ctx, args, opts)
	return err
}

type postgresClient struct{ c *river.Client[pgx.Tx] }

func (p postgresClient) start(ctx context.Context) error { return p.c.Start(ctx) }
func (p postgresClient) stop(ctx context.Context) error  { return p.c.StopAndCancel(ctx) }
func (p postgresClient) insert(ctx context.Context, tx *store.Tx, jobs []river.InsertManyParams) error {
	return tx.Postgres(ctx, func(c *pgx.Conn) error {
		_, err := p.c.InsertManyTx(ctx, borrowedTx{c}, jobs)
		return err
	})
}

func (p postgresClient) insertNow(ctx context.Context, args river.JobArgs, opts *river.InsertOpts) error {
	_, err := p.c.Insert(ctx, args, opts)
	return err
}
