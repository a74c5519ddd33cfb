package command

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
)

var (
	// ErrKeyMissing says that there is no key to ask Stripe with.
	ErrKeyMissing = errors.New("no Stripe key")
	// ErrInvalid says that what is asked cannot be right; the text behind it names
	// the field and is meant for the client.
	ErrInvalid = errors.New("invalid")
	// ErrAlreadySubscribed says that the tenant has a running subscription.
	ErrAlreadySubscribed = errors.New("already subscribed")
	// ErrNotSubscribed says that the tenant has no running subscription.
	ErrNotSubscribed = errors.New("not subscribed")
	// ErrNothingScheduled says that there is no cancellation to take back.
	ErrNothingScheduled = errors.New("nothing scheduled")
	// ErrErased says that the tenant was erased.
	ErrErased = errors.New("erased")
)

// Config is what commands work with. Timeout and Log apart, all of it must be there.
type Config struct {
	Store   *store.Store
	Catalog *billing.Catalog
	// Client asks Stripe about an account, nil where there is no key.
	Client func(account string) *stripe.Client
	// Livemode is the database's mode, if it is known yet.
	Livemode func() (live, known bool)
	// ValidTenant says whether an id can be a tenant's.
	ValidTenant func(id string) bool
	// Ingest applies what Stripe answered, in one transaction, as the events would be.
	Ingest func(ctx context.Context, from Origin, answers ...stripe.Answer) error

	TenantKey  string // the metadata key that names the tenant
	SessionKey string // the metadata key that marks our own checkout sessions

	// Timeout bounds what a command waits for Stripe, all calls and tries together.
	// 25 seconds where 0: an Idempotency-Key of the API is taken for abandoned after a minute.
	Timeout time.Duration
}

// Origin is whose data an answer is of, and who asked for it.
type Origin struct{ Account, Actor string }

// On is what every command is about.
type On struct {
	Account string // a connected account; empty: the own one
	Tenant  string
	Actor   string // who asks, for the timeline
}

// Commands carries commands out. It is safe for concurrent use.
type Commands struct {
	Config
	read *store.Reader
	turn turns
}

// New returns the commands.
func New(c Config) *Commands {
	if c.Timeout == 0 {
		c.Timeout = 25 * time.Second
	}
	return &Commands{Config: c, read: c.Store.Reader(), turn: turns{of: map[store.Key]*turn{}}}
}

// job is one command while it runs.
type job struct {
	*Commands
	stripe *stripe.Client
	tenant store.Key
	from   Origin
}

// Where a command's order of work is: check the input, take the tenant's turn, look,
// ask Stripe, ingest. do is all of it but the first.
func (c *Commands) do(ctx context.Context, on On, fn func(context.Context, *job) error) error {
	client := c.Client(on.Account)
	if client == nil {
		return ErrKeyMissing
	}
	if !c.ValidTenant(on.Tenant) {
		return fmt.Errorf("%w: tenant: want [A-Za-z0-9._:-]{1,128}", ErrInvalid)
	}
	live, known := c.Livemode()
	if known && live != client.Livemode() {
		return fmt.Errorf("%w: it is of the other mode than the database", ErrKeyMissing)
	}
	j := &job{
		Commands: c, stripe: client, from: Origin{on.Account, on.Actor},
		tenant: store.Key{Account: on.Account, Livemode: client.Livemode(), ID: on.Tenant},
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	leave, err := c.turn.take(ctx, j.tenant)
	if err != nil {
		return err
	}
	defer leave()
	return fn(ctx, j)
}

// ingest applies what Stripe answered. An answer that Stripe repeated may be an old
// one and is asked for anew. Who has gone meanwhile does not keep it from being
// applied: Stripe has carried the command out.
func (j *job) ingest(ctx context.Context, answers ...stripe.Answer) error {
	for i, a := range answers {
		if !a.Replayed {
			continue
		}
		fresh, err := j.stripe.Fetch(ctx, a.Type, a.ID)
		if err != nil {
			return err
		}
		answers[i] = fresh
	}
	if len(answers) == 0 {
		return nil
	}
	return j.Ingest(context.WithoutCancel(ctx), j.from, answers...)
}

// known is the tenant's row; store.ErrNotFound where there is none.
func (j *job) known(ctx context.Context) (store.Tenant, error) {
	return j.read.Tenant(ctx, j.tenant)
}

// nonce is an Idempotency-Key that nobody has used.
func nonce() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return "bursar-" + hex.EncodeToString(b)
}

func invalid(field, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", ErrInvalid, field, fmt.Sprintf(format, args...))
}

// maxURL is what Stripe takes.
const maxURL = 5000

// checkURL wants an address that a browser can be sent to.
func checkURL(field, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || len(text) > maxURL {
		return invalid(field, "want a URL such as https://app.example/billing")
	}
	return nil
}
