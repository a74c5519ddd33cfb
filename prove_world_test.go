package bursar_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/bursarhq/bursar"
	"github.com/bursarhq/bursar/stripetest"
)

// world is a simulated account and a Bursar that listens to it: where a history
// happens.
type world struct {
	seed    uint64
	acct    *stripetest.Account
	url     string // of the database
	api     *httptest.Server
	keyed   bool // Bursar has an API key, and may ask
	running bool // River performs effects meanwhile
	mixed   bool // everything comes in two API versions
	door    *door
	rng     *rand.Rand // of the operations, drawn anew for each

	seen []stripetest.Event  // see events
	ids  map[string][]string // of objects, by type, oldest first
	told map[string]bool     // ids that are in ids

	tenants map[string]string // by customer: who was ever said to have it
	log     []string          // what was done
	crashes int
}

// proveVersions are the API versions that histories are told in.
var proveVersions = []string{"2020-08-27", "2022-11-15", "2024-06-20", "2025-03-31.basil", "2025-11-17.clover", "2026-03-25.dahlia"}

// loseForever is how many webhooks never come at all. Nothing finds those yet.
const loseForever = 0

func pick[T any](rng *rand.Rand, list []T) T { return list[rng.IntN(len(list))] }

// newWorld makes the account, as the seed has it, and opens Bursar.
func newWorld(seed uint64, url string) (*world, error) {
	rng := rand.New(rand.NewPCG(seed, 1))
	cfg := stripetest.Config{Seed: seed, APIVersion: pick(rng, proveVersions)}
	chaos := stripetest.DefaultChaos
	if rng.IntN(4) == 0 {
		chaos = stripetest.HostileChaos
	}
	chaos.LoseForever = loseForever
	cfg.Chaos = &chaos
	cfg.AfterRetries = pick(rng, []string{"cancel", "unpaid", "past_due"})
	cfg.UncollectibleAfterRetries = rng.IntN(3) == 0
	w := &world{seed: seed, acct: stripetest.NewAccount(cfg), url: url, tenants: map[string]string{}, ids: map[string][]string{}, told: map[string]bool{}}
	w.keyed, w.running = rng.IntN(2) == 0, rng.IntN(16) == 0
	w.api = httptest.NewServer(w.acct)
	w.door = &door{world: w, crashIn: -1}
	if err := w.door.open(); err != nil {
		w.close()
		return nil, err
	}
	w.acct.Deliver(w.door, stripetest.EndpointConfig{Secret: secret})
	also := ""
	if rng.IntN(4) == 0 { // as during an upgrade: everything comes in two versions
		also, w.mixed = pick(rng, proveVersions), true
		w.acct.Deliver(w.door, stripetest.EndpointConfig{Secret: secret, APIVersion: also})
	}
	w.say("account in %s (also %q), key %v, River %v, %+v", cfg.APIVersion, also, w.keyed, w.running, chaos)
	return w, w.catalog()
}

func (w *world) say(format string, args ...any) {
	w.log = append(w.log, w.acct.Now().Format("01-02 15:04:05 ")+fmt.Sprintf(format, args...))
}

func (w *world) catalog() error {
	for _, p := range []struct{ id, amount, currency, interval string }{
		{"price_pro_monthly", "2900", "usd", "month"},
		{"price_pro_yearly", "29000", "usd", "year"},
		{"price_team_monthly", "9900", "usd", "month"},
		{"price_odd_monthly", "1234", "usd", "month"}, // in no plan
	} {
		if _, err := w.acct.Post("/v1/prices", stripetest.Form{
			"id": p.id, "currency": p.currency, "unit_amount": p.amount,
			"recurring[interval]": p.interval, "product_data[name]": p.id,
		}); err != nil {
			return err
		}
	}
	return nil
}

func (w *world) close() {
	w.acct.Close()
	w.api.Close()
	if w.door.b != nil {
		w.door.stop()
		w.door.b.Close()
	}
}

// events are all events of the account so far.
func (w *world) events() []stripetest.Event {
	for _, e := range w.acct.EventsFrom(len(w.seen)) {
		w.seen = append(w.seen, e)
		if id, object := e.Object.ID(), e.Object.Str("object"); id != "" && !w.told[id] {
			w.told[id] = true
			w.ids[object] = append(w.ids[object], id)
		}
	}
	return w.seen
}

// idsOf are all objects of a type that events told of, oldest first.
func (w *world) idsOf(object string) []string {
	w.events()
	return w.ids[object]
}

// overtaken counts the deliveries that a younger event's had been faster than.
func (w *world) overtaken() (n int) {
	age := map[string]int{}
	for i, e := range w.events() {
		age[e.ID] = i
	}
	newest := -1
	for _, d := range w.acct.Deliveries() {
		switch {
		case d.Status != http.StatusOK:
		case age[d.Event] < newest:
			n++
		default:
			newest = age[d.Event]
		}
	}
	return n
}

// door stands between the account and Bursar, so that Bursar can die behind it.
type door struct {
	world   *world
	b       *bursar.Bursar
	stop    func()
	crashIn int // deliveries until it dies; negative for never
	moment  int // when, of that delivery: before, during, after
	err     error
}

func (g *door) open() error {
	w := g.world
	cfg := bursar.Config{
		DatabaseURL: w.url, WebhookSecrets: []string{secret}, Plans: shopPlans(), Now: w.acct.Now, NoticeMaxAge: -1, Mode: "test",
		WebhookTolerance: 100 * 365 * 24 * time.Hour, Log: slog.New(slog.DiscardHandler), RateLimit: -1,
		TenantMetadata: []string{"tenant"},
	}
	if w.keyed {
		cfg.StripeSecretKey, cfg.StripeAPIBase = "sk_test_prove", w.api.URL
	}
	b, err := bursar.Open(context.Background(), cfg)
	if err != nil {
		return err
	}
	g.b, g.stop = b, func() {}
	if w.running {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() { defer close(done); _ = b.Run(ctx) }() // how it ended is of no interest: it may have died
		g.stop = func() { cancel(); <-done }
	}
	return nil
}

func (g *door) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	g.crashIn--
	if g.crashIn != 0 || g.err != nil {
		g.b.WebhookHandler().ServeHTTP(rw, r)
		return
	}
	switch g.moment {
	case 0: // before
		g.die()
	case 1: // after: it is committed, and the answer is lost
		g.b.WebhookHandler().ServeHTTP(httptest.NewRecorder(), r)
		g.die()
	default: // in the middle
		done := make(chan struct{})
		b := g.b
		go func() { defer close(done); b.WebhookHandler().ServeHTTP(httptest.NewRecorder(), r) }()
		g.die()
		<-done
	}
	rw.WriteHeader(http.StatusBadGateway)
}

// die ends Bursar without a word, and starts it again.
func (g *door) die() {
	g.world.crashes++
	g.world.say("CRASH (%d)", g.moment)
	b := g.b
	b.Abandon()
	g.stop()
	if err := g.open(); err != nil {
		g.err = fmt.Errorf("open again: %w", err)
	}
}

// perform has effects performed, and dies at the n-th question unless n is negative.
func (w *world) perform(n int) error {
	err := w.door.b.Perform(context.Background(), func() bool { n--; return n == 0 })
	if errors.Is(err, bursar.ErrDied) {
		w.door.die()
		err = nil
	}
	return errors.Join(err, w.door.err)
}

// rest brings everything to an end: what is on its way, what waits, what is due.
func (w *world) rest() error {
	w.door.crashIn = -1
	w.door.stop()
	w.door.stop = func() {}
	var left string
	for range 40 {
		w.acct.Settle()
		if err := w.perform(-1); err != nil {
			return err
		}
		var err error
		if left, err = w.unsettled(); err != nil || left == "" {
			return err
		}
		w.acct.Advance(3 * time.Minute)
	}
	return fmt.Errorf("does not come to rest: %s", left)
}

func (w *world) unsettled() (string, error) {
	rows, err := w.door.b.Store().Writer().Query(`
		SELECT key, status || ' ' || reason FROM effects WHERE status IN ('pending', 'running')
		UNION ALL SELECT event_id, type || ' ' || status || ' ' || error FROM inbox WHERE status IN ('failed', 'dead')`)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var left []string
	for rows.Next() {
		var a, b string
		if err := rows.Scan(&a, &b); err != nil {
			return "", err
		}
		left = append(left, a+" "+b)
	}
	return strings.Join(left, "; "), rows.Err()
}

// history is what is done to an account: each operation draws from a seed of its
// own, so that one can be left out and the others stay what they are.
type history struct {
	seed uint64
	ops  []uint64
	// grow adds operations until there are that many events, the catalog's eight among them.
	grow int
}

func newHistory(seed uint64) history {
	rng := rand.New(rand.NewPCG(seed, 2))
	h := history{seed: seed, grow: 50 + rng.IntN(60)}
	for range 6 + rng.IntN(12) {
		h.ops = append(h.ops, rng.Uint64())
	}
	return h
}

// outcome is what became of a history.
type outcome struct {
	events, deliveries, crashes, objects int
	uncertain                            []string // types of objects
	// overtaken are the deliveries that came after one of a younger event.
	overtaken int
	ops       []uint64 // those that were done
	log       []string
	faults    []string
}

// live lives through a history on a database, and compares what Bursar holds in the
// end with what is true.
func (h history) live(url string) (o outcome) {
	w, err := newWorld(h.seed, url)
	if err != nil {
		return outcome{faults: []string{err.Error()}}
	}
	defer w.close()
	defer func() {
		o.log, o.crashes = w.log, w.crashes
		if p := recover(); p != nil {
			o.faults = append(o.faults, fmt.Sprintf("panic: %v", p))
		}
	}()
	o.ops = h.ops
	more := rand.New(rand.NewPCG(h.seed, 3))
	for i := 0; i < len(o.ops) || (len(w.events()) < h.grow && i < 400); i++ {
		if i == len(o.ops) {
			o.ops = append(o.ops, more.Uint64())
		}
		if err := w.do(o.ops[i]); err != nil {
			o.faults = []string{err.Error()}
			return o
		}
	}
	if err := w.rest(); err != nil {
		o.faults = []string{err.Error()}
		return o
	}
	t := &truth{world: w, db: w.door.b.Store().Writer()}
	o.faults = t.compare()
	o.overtaken = w.overtaken()
	o.events, o.deliveries, o.uncertain, o.objects = len(w.events()), len(w.acct.Deliveries()), t.uncertain, t.objects
	return o
}
