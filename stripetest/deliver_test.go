package stripetest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bursarhq/bursar/webhook"
)

// inbox is a receiver that verifies what it is given.
type inbox struct {
	mu       sync.Mutex
	t        *testing.T
	endpoint *Endpoint
	events   []Object
	refuse   func(delivery int) bool // answers 500
	asked    int
}

func (i *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		i.t.Error(err)
	}
	if err := webhook.Verify(body, r.Header.Get("Stripe-Signature"), []string{i.endpoint.Secret()}, webhook.Options{}); err != nil {
		i.t.Errorf("signature: %v", err)
	}
	i.asked++
	if i.refuse != nil && i.refuse(i.asked) {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		i.t.Error(err)
	}
	i.events = append(i.events, fromJSON(value, "").(Object))
}

func (i *inbox) ids() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	var ids []string
	for _, e := range i.events {
		ids = append(ids, e.ID())
	}
	return ids
}

func listen(t *testing.T, a *Account, cfg ...EndpointConfig) *inbox {
	i := &inbox{t: t}
	i.endpoint = a.Deliver(i, cfg...)
	return i
}

func eventIDs(a *Account) []string {
	var ids []string
	for _, e := range a.Events() {
		ids = append(ids, e.ID)
	}
	return ids
}

func TestCalmDeliversOnceInOrder(t *testing.T) {
	a := New(t).Calm()
	in := listen(t, a)
	if _, err := a.Play("subscription-lifecycle", Play{}); err != nil {
		t.Fatal(err)
	}
	if got, want := in.ids(), eventIDs(a); !slices.Equal(got, want) {
		t.Errorf("delivered %d, made %d", len(got), len(want))
	}
}

// TestDefaultMisbehaves: by default there are duplicates, disorder, second
// objects and losses that a retry makes good.
func TestDefaultMisbehaves(t *testing.T) {
	a := New(t)
	in := listen(t, a)
	if _, err := a.Play("subscription-lifecycle", Play{}); err != nil {
		t.Fatal(err)
	}
	a.Settle()
	got, made := in.ids(), eventIDs(a)
	unique := slices.Compact(slices.Sorted(slices.Values(got)))
	if len(unique) != len(made) {
		t.Errorf("%d of %d events arrived", len(unique), len(made))
	}
	if len(got) == len(unique) {
		t.Error("nothing arrived twice")
	}
	position := map[string]int{}
	for k, id := range made {
		position[id] = k
	}
	if slices.IsSortedFunc(got, func(x, y string) int { return position[x] - position[y] }) {
		t.Error("everything arrived in order")
	}
	lost := 0
	for _, d := range a.Deliveries() {
		if errors.Is(d.Err, ErrLost) {
			lost++
		}
	}
	if lost == 0 {
		t.Error("no attempt was lost")
	}
	if n := len(a.Lost()); n != 0 {
		t.Errorf("%d events are lost for good", n)
	}
	type change struct{ typ, object string }
	seen := map[change]int{}
	twins := 0
	for _, e := range a.Events() {
		c := change{e.Type, string(e.Object.JSON())}
		if seen[c]++; seen[c] > 1 {
			twins++
		}
	}
	if twins == 0 {
		t.Error("no change had two Event objects")
	}
}

func TestHostileLosesForGood(t *testing.T) {
	a := New(t).Misbehave(HostileChaos)
	in := listen(t, a)
	if _, err := a.Play("subscription-lifecycle", Play{}); err != nil {
		t.Fatal(err)
	}
	a.Settle()
	lost := a.Lost()
	if len(lost) == 0 {
		t.Fatal("nothing was lost")
	}
	got := in.ids()
	for _, e := range lost {
		if slices.Contains(got, e.ID) {
			t.Errorf("%s is lost but arrived", e.ID)
		}
		if _, err := a.Get("/v1/events/"+e.ID, nil); err != nil && a.Now().Sub(e.Created) < 29*24*time.Hour {
			t.Errorf("the Events API does not know %s: %v", e.ID, err)
		}
	}
}

// TestSeedDecides: the same seed gives the same bytes in the same order,
// another gives others.
func TestSeedDecides(t *testing.T) {
	run := func(seed uint64) ([]string, []Delivery) {
		a := New(t, Seed(seed))
		in := listen(t, a)
		if _, err := a.Play("renewal-fails-recovers", Play{}); err != nil {
			t.Fatal(err)
		}
		a.Settle()
		var bodies []string
		for _, e := range in.events {
			bodies = append(bodies, string(e.JSON()))
		}
		return bodies, a.Deliveries()
	}
	bodies1, deliveries1 := run(7)
	bodies2, deliveries2 := run(7)
	if !slices.Equal(bodies1, bodies2) || !reflect.DeepEqual(deliveries1, deliveries2) {
		t.Error("two runs from one seed differ")
	}
	if bodies3, _ := run(8); slices.Equal(bodies1, bodies3) {
		t.Error("two seeds give the same")
	}
}

// TestChaosDoesNotChangeTheStory: ids and times are those of a calm account.
func TestChaosDoesNotChangeTheStory(t *testing.T) {
	calm, wild := New(t).Calm(), New(t).Misbehave(Chaos{Duplicate: 0.5, Delay: 0.5, MaxDelay: time.Hour, LoseOnce: 0.3})
	listen(t, calm)
	listen(t, wild)
	for _, a := range []*Account{calm, wild} {
		if _, err := a.Play("upgrade-prorated", Play{}); err != nil {
			t.Fatal(err)
		}
		a.Settle()
	}
	if !slices.Equal(eventIDs(calm), eventIDs(wild)) {
		t.Error("the events differ")
	}
}

// TestRetries: what is refused comes again, freshly signed, until it is taken
// or three days are over.
func TestRetries(t *testing.T) {
	a := New(t).Calm()
	in := listen(t, a, EndpointConfig{Events: []string{"customer.created"}})
	in.refuse = func(n int) bool { return n <= 3 }
	must(a.Post("/v1/customers", nil))(t)
	if len(in.ids()) != 0 || in.asked != 1 {
		t.Fatalf("asked %d times, took %d", in.asked, len(in.ids()))
	}
	a.Advance(time.Minute)
	if in.asked != 1 {
		t.Errorf("asked %d times within a minute", in.asked)
	}
	a.Advance(24 * time.Hour)
	if in.asked != 4 || len(in.ids()) != 1 {
		t.Errorf("asked %d times, took %d; want 4 and 1", in.asked, len(in.ids()))
	}
	in.refuse = func(int) bool { return true }
	must(a.Post("/v1/customers", nil))(t)
	a.Settle()
	deliveries := a.Deliveries()
	first, last := deliveries[4], deliveries[len(deliveries)-1]
	if last.Attempt != 1+len(retryAfter) || last.At.Sub(first.At) > 3*24*time.Hour {
		t.Errorf("gave up after attempt %d, %v", last.Attempt, last.At.Sub(first.At))
	}
	undelivered := must(a.Get("/v1/events", Form{"delivery_success": "false"}))(t)
	if data, _ := undelivered["data"].([]any); len(data) != 2 {
		t.Errorf("%d events failed at least once, want 2", len(data))
	}
}

// TestEveryAttemptIsSignedAfresh, by the signing clock.
func TestEveryAttemptIsSignedAfresh(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	a := New(t, func(c *Config) { c.SigningTime = func() time.Time { now = now.Add(time.Second); return now } }).Calm()
	var headers []string
	a.Deliver(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		headers = append(headers, r.Header.Get("Stripe-Signature"))
		if len(headers) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	must(a.Post("/v1/customers", nil))(t)
	a.Settle()
	if len(headers) != 2 || headers[0] == headers[1] {
		t.Errorf("%q", headers)
	}
}

// TestRollSecret: both secrets sign for as long as said, then the new one only.
func TestRollSecret(t *testing.T) {
	a := New(t).Calm()
	var body []byte
	var header string
	endpoint := a.Deliver(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		header = r.Header.Get("Stripe-Signature")
	}))
	old := endpoint.Secret()
	fresh := endpoint.RollSecret(2 * time.Hour)
	good := func(secret string) bool {
		return webhook.Verify(body, header, []string{secret}, webhook.Options{}) == nil
	}
	must(a.Post("/v1/customers", nil))(t)
	if !good(old) || !good(fresh) {
		t.Errorf("while both are active: old %t, new %t", good(old), good(fresh))
	}
	a.Advance(3 * time.Hour)
	must(a.Post("/v1/customers", nil))(t)
	if good(old) || !good(fresh) {
		t.Errorf("afterwards: old %t, new %t", good(old), good(fresh))
	}
}

func TestEndpointsOfTheirOwn(t *testing.T) {
	a := New(t).Calm()
	old := listen(t, a, EndpointConfig{APIVersion: "2020-08-27", Events: []string{"invoice.*", "customer.created"}})
	thin := listen(t, a, EndpointConfig{Thin: true, Secret: "whsec_chosen"})
	if _, err := a.Play("checkout-paid", Play{}); err != nil {
		t.Fatal(err)
	}
	for _, e := range old.events {
		if e.Str("api_version") != "2020-08-27" || e.Str("type") != "customer.created" && !strings.HasPrefix(e.Str("type"), "invoice.") {
			t.Errorf("%s in %s", e.Str("type"), e.Str("api_version"))
		}
	}
	if len(thin.events) != len(a.Events()) || thin.endpoint.Secret() != "whsec_chosen" {
		t.Errorf("%d thin events of %d", len(thin.events), len(a.Events()))
	}
	last := thin.events[len(thin.events)-1]
	if last.Str("object") != "v2.core.event" || last.Str("type") != "v1.checkout.session.completed" ||
		!strings.HasPrefix(last.Str("related_object.url"), "/v1/checkout/sessions/cs_test_") || last["data"] != nil {
		t.Errorf("%s", last.JSON())
	}
	full := must(a.Get("/v2/core/events/"+last.ID(), nil))(t)
	if got, want := full.Str("snapshot_event"), a.Events()[len(a.Events())-1].ID; got != want {
		t.Errorf("snapshot_event is %s, want %s", got, want)
	}
}

// TestDisabledEndpoint: nothing is made up for later.
func TestDisabledEndpoint(t *testing.T) {
	a := New(t).Calm()
	in := listen(t, a)
	in.endpoint.Disable()
	must(a.Post("/v1/customers", nil))(t)
	in.endpoint.Enable()
	must(a.Post("/v1/customers", nil))(t)
	a.Settle()
	if n := len(in.ids()); n != 1 {
		t.Errorf("%d events arrived, want the one since it is enabled", n)
	}
}

// TestHandlerMayCallTheAPI: no lock is held while a webhook is handled, and the
// events that it causes are delivered too.
func TestHandlerMayCallTheAPI(t *testing.T) {
	a := New(t).Calm()
	var types []string
	a.Deliver(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var e struct {
			Type string
			Data struct{ Object struct{ ID string } }
		}
		if err := json.Unmarshal(body, &e); err != nil {
			t.Error(err)
		}
		types = append(types, e.Type)
		if e.Type == "customer.created" {
			must(a.Post("/v1/customers/"+e.Data.Object.ID, Form{"name": "Named by the webhook"}))(t)
		}
	}))
	must(a.Post("/v1/customers", nil))(t)
	if want := []string{"customer.created", "customer.updated"}; !slices.Equal(types, want) {
		t.Errorf("%v, want %v", types, want)
	}
}

// TestHandlerMayAdvanceTheClock, with deliveries still to come.
func TestHandlerMayAdvanceTheClock(t *testing.T) {
	a := New(t).Misbehave(Chaos{Delay: 1, MaxDelay: time.Hour})
	calls := 0
	a.Deliver(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if calls++; calls == 1 {
			a.Advance(24 * time.Hour)
		}
	}))
	for range 3 {
		must(a.Post("/v1/customers", nil))(t)
	}
	a.Advance(2 * time.Hour)
	if calls != 3 || a.Now().Sub(DefaultStart) < 24*time.Hour {
		t.Errorf("%d calls, at %v", calls, a.Now())
	}
}

// TestOverHTTP: a URL is posted to, and what a client does over HTTP is
// followed by its webhooks.
func TestOverHTTP(t *testing.T) {
	a := New(t).Calm()
	in := &inbox{t: t}
	app := httptest.NewServer(in)
	defer app.Close()
	in.endpoint = a.Deliver(app.URL + "/webhooks/stripe")
	api := httptest.NewServer(a)
	defer api.Close()
	request, err := http.NewRequest(http.MethodPost, api.URL+"/v1/customers", strings.NewReader("email=a%40example.com"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer sk_test_x")
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	requestID := answer.Header.Get("Request-Id")
	a.background.Wait()
	a.Settle()
	if len(in.ids()) != 1 || in.events[0].Str("request.id") != requestID {
		t.Errorf("%d events, request %q, want %q", len(in.ids()), in.events[0].Str("request.id"), requestID)
	}
}

// TestRedirectsAreFailures, as at Stripe.
func TestRedirectsAreFailures(t *testing.T) {
	a := New(t).Calm()
	app := httptest.NewServer(http.RedirectHandler("/elsewhere", http.StatusFound))
	defer app.Close()
	a.Deliver(app.URL)
	must(a.Post("/v1/customers", nil))(t)
	if d := a.Deliveries(); len(d) != 1 || d[0].Status != http.StatusFound {
		t.Errorf("%+v", d)
	}
	if n := len(a.Lost()); n != 1 {
		t.Errorf("%d events are undelivered, want 1", n)
	}
}

// TestAPanicLeavesTheAccountUsable.
func TestAPanicLeavesTheAccountUsable(t *testing.T) {
	a := New(t).Calm()
	calls := 0
	a.Deliver(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if calls++; calls == 1 {
			panic("the app's bug")
		}
	}))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = a.Post("/v1/customers", nil)
	}()
	must(a.Post("/v1/customers", nil))(t)
	if calls != 2 {
		t.Errorf("%d calls", calls)
	}
}

func TestManyCallersAtOnce(t *testing.T) {
	a := New(t)
	in := listen(t, a)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if _, err := a.Post("/v1/customers", Form{"email": "a@example.com"}); err != nil {
					t.Error(err)
				}
				a.Advance(time.Second)
			}
		})
	}
	wg.Wait()
	a.Settle()
	unique := map[string]bool{}
	for _, id := range in.ids() {
		unique[id] = true
	}
	if made := len(a.Events()); len(unique) != made || made < 160 {
		t.Errorf("%d arrived of %d", len(unique), made)
	}
}

// TestCloseEndsADeliveryThatHangs.
func TestCloseEndsADeliveryThatHangs(t *testing.T) {
	a := NewAccount(Config{Chaos: &Chaos{}})
	arrived := make(chan struct{})
	app := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server see that the client left
		close(arrived)
		<-r.Context().Done()
	}))
	defer app.Close()
	a.Deliver(app.URL)
	done := make(chan error)
	go func() {
		_, err := a.Post("/v1/customers", nil)
		done <- err
	}()
	<-arrived
	a.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if d := a.Deliveries(); len(d) != 1 || d[0].Err == nil {
		t.Errorf("%+v", d)
	}
}
