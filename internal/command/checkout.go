package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/bursarhq/bursar/billing"
	"github.com/bursarhq/bursar/internal/store"
	"github.com/bursarhq/bursar/internal/stripe"
)

// Checkout is what is to be sold. Plan, SuccessURL and CancelURL must be there;
// Interval, Currency and Price where the plan has more than one price.
type Checkout struct {
	Plan, Interval, Currency, Price string
	SuccessURL, CancelURL           string
	Quantity                        int64 // 1 where 0
	// TrialDays overrides the plan's; 0 sells without a trial. A tenant that has had
	// a trial gets no other one, unless ForceTrial says so.
	TrialDays  *int64
	ForceTrial bool

	PromotionCode           string // a promo_ id, or what buyers type
	AllowPromotionCodes     bool
	AutomaticTax            bool
	TaxIDCollection         bool
	PaymentMethodCollection string // always, if_required
	Locale                  string
}

// Session is an open checkout session.
type Session struct {
	ID, URL   string
	ExpiresAt int64 // Unix seconds
}

const (
	// maxTrialDays is Stripe's limit on trial_period_days.
	maxTrialDays = 730
	maxQuantity  = 999_999
	// maxLocale is longer than any locale of Stripe's.
	maxLocale = 20

	// spare is how long a session must still be open to be handed out again.
	spare = 5 * time.Minute
	// fresh is for how long a session that was seen open is not looked at again.
	fresh = 5 * time.Second
	// sessionLife is how long Stripe keeps a session open.
	sessionLife = 24 * time.Hour
)

func (in *Checkout) check() error {
	if err := checkURL("success_url", in.SuccessURL); err != nil {
		return err
	}
	if err := checkURL("cancel_url", in.CancelURL); err != nil {
		return err
	}
	switch {
	case in.Quantity < 0 || in.Quantity > maxQuantity:
		return invalid("quantity", "want 1 to %d", maxQuantity)
	case in.TrialDays != nil && (*in.TrialDays < 0 || *in.TrialDays > maxTrialDays):
		return invalid("trial_days", "want 0 to %d", maxTrialDays)
	case in.PromotionCode != "" && in.AllowPromotionCodes:
		return invalid("promotion_code", "give either it or allow_promotion_codes")
	case !slices.Contains([]string{"", "always", "if_required"}, in.PaymentMethodCollection):
		return invalid("payment_method_collection", "want always or if_required")
	case len(in.Locale) > maxLocale:
		return invalid("locale", "want one of Stripe's, such as de or pt-BR")
	}
	return nil
}

// Checkout answers a checkout session of Stripe's for the tenant, which is created
// where it does not exist yet. There is one open session for a tenant: asked for the
// same again it is handed out again, asked for something else it is closed first, so
// that nobody pays twice. ErrAlreadySubscribed where a subscription runs.
func (c *Commands) Checkout(ctx context.Context, on On, in Checkout) (s Session, err error) {
	if err := in.check(); err != nil {
		return s, err
	}
	plan, price, err := priceFor(c.Catalog, choice{in.Plan, in.Price, in.Interval, in.Currency})
	if err != nil {
		return s, err
	}
	err = c.do(ctx, on, func(ctx context.Context, j *job) error {
		past, err := j.mayBuy(ctx)
		if err != nil {
			return err
		}
		promotion, err := j.promotion(ctx, in.PromotionCode)
		if err != nil {
			return err
		}
		return j.withCustomer(ctx, func(customer string, isNew bool) error {
			s, err = j.checkout(ctx, past, isNew, func(past history) stripe.CheckoutParams {
				return stripe.CheckoutParams{
					Price: price.ID, Quantity: max(1, in.Quantity), SuccessURL: in.SuccessURL, CancelURL: in.CancelURL,
					Customer: customer, ClientReferenceID: j.tenant.ID, Metadata: map[string]string{j.TenantKey: j.tenant.ID},
					TrialDays: trialDays(in, plan, past), PromotionCode: promotion, AllowPromotionCodes: in.AllowPromotionCodes,
					AutomaticTax: in.AutomaticTax, TaxIDCollection: in.TaxIDCollection,
					PaymentMethodCollection: in.PaymentMethodCollection, Locale: in.Locale,
				}
			})
			return err
		})
	})
	return s, err
}

// checkout hands out or makes the session that is wanted, given what the tenant has had.
func (j *job) checkout(ctx context.Context, past history, isNew bool, want func(history) stripe.CheckoutParams) (Session, error) {
	params := want(past)
	if _, s, ok, err := j.handOut(ctx, params); ok || err != nil {
		return s, err
	}
	if !isNew {
		// What was bought a moment ago, or beside us, is known to Stripe first.
		err := j.syncSubscriptions(ctx, params.Customer)
		if err == nil {
			past, err = j.mayBuy(ctx)
		}
		if err != nil {
			return Session{}, err
		}
		params = want(past)
	}
	for {
		s, err := j.open(ctx, params)
		if !errors.Is(err, errLost) {
			return s, err
		}
		if ctx.Err() != nil {
			return Session{}, ctx.Err()
		}
		if err := j.refuseErased(ctx); err != nil {
			return Session{}, err
		}
	}
}

// mayBuy is what the tenant has had; ErrAlreadySubscribed where that still runs.
func (j *job) mayBuy(ctx context.Context) (history, error) {
	past, err := j.history(ctx)
	if err == nil && past.running != "" {
		err = fmt.Errorf("%w: %s has the subscription %s", ErrAlreadySubscribed, j.tenant.ID, past.running)
	}
	return past, err
}

// history is what a tenant has had.
type history struct {
	running string // a subscription that has not ended
	trialed bool
}

func (j *job) history(ctx context.Context) (h history, err error) {
	page := store.Page{Limit: 100}
	for {
		rows, err := j.read.Subscriptions(ctx, j.tenant, page)
		if err != nil {
			return h, err
		}
		for _, s := range rows.Rows {
			if running(&s) && h.running == "" {
				h.running = s.ID
			}
			// One whose first payment failed was never begun.
			if s.TrialEnd != 0 && s.StripeStatus != billing.IncompleteExpired {
				h.trialed = true
			}
		}
		if rows.Next == "" {
			return h, nil
		}
		if page.After, err = store.ParseCursor(rows.Next); err != nil {
			return h, err
		}
	}
}

// running says whether a subscription would be a second one beside a new one. An
// incomplete one waits for its first payment, which the buyer may never make.
func running(s *store.Subscription) bool {
	return !billing.Ended(s.StripeStatus) && s.StripeStatus != billing.Incomplete
}

func trialDays(in Checkout, plan billing.Plan, past history) int64 {
	if past.trialed && !in.ForceTrial {
		return 0
	}
	if in.TrialDays != nil {
		return *in.TrialDays
	}
	return int64(plan.TrialDays)
}

// promotion is the id of a promotion code.
func (j *job) promotion(ctx context.Context, code string) (string, error) {
	if code == "" || strings.HasPrefix(code, "promo_") {
		return code, nil
	}
	a, err := j.stripe.PromotionCode(ctx, code)
	if errors.Is(err, stripe.ErrNotFound) {
		return "", invalid("promotion_code", "there is no active code %q", code)
	}
	return a.ID, err
}

// handOut is the tenant's open session, if it is the one that is wanted, and the claim
// by which it is or is not.
func (j *job) handOut(ctx context.Context, want stripe.CheckoutParams) (c claim, s Session, ok bool, err error) {
	if c, err = j.claimed(ctx); err != nil || c.session == "" {
		return c, s, false, err
	}
	params, err := json.Marshal(want)
	now := j.read.Now()
	if err != nil || c.sessionParams != string(params) || c.sessionExpires <= now.Add(spare).Unix() {
		return c, s, false, err
	}
	if now.Sub(time.UnixMicro(c.sessionSeenAt)) > fresh {
		a, err := j.stripe.Fetch(ctx, "checkout.session", c.session)
		if errors.Is(err, stripe.ErrNotFound) || err == nil && a.Value.Get("status").Str() != "open" {
			return c, s, false, nil // open looks what has become of it
		} else if err != nil {
			return c, s, false, err
		}
		c.sessionSeenAt = now.UnixMicro()
		if err := j.save(ctx, &c); err != nil && !errors.Is(err, errLost) {
			return c, s, false, err
		}
	}
	return c, c.asSession(), true, nil
}

func (c *claim) asSession() Session {
	return Session{ID: c.session, URL: c.sessionURL, ExpiresAt: c.sessionExpires}
}

// open makes the session under the claimed key, after closing the one before. What
// another process has made meanwhile is handed out where it is what is wanted.
// errLost: look again.
func (j *job) open(ctx context.Context, want stripe.CheckoutParams) (Session, error) {
	params, err := json.Marshal(want)
	if err != nil {
		return Session{}, err
	}
	c, s, ok, err := j.handOut(ctx, want)
	if ok || err != nil {
		return s, err
	}
	age := j.read.Now().Sub(time.UnixMicro(c.sessionAt))
	// One that Stripe has not answered for yet, and that is wanted, is gone on with.
	goOn := c.sessionKey != "" && c.session == "" && c.sessionParams == string(params) && age <= renewAfter
	if c.sessionKey != "" && !goOn {
		if err := j.close(ctx, &c, age); err != nil {
			return Session{}, err
		}
	}
	if !goOn {
		c.dropSession()
		c.sessionKey, c.sessionParams, c.sessionAt = nonce(), string(params), j.read.Now().UnixMicro()
		if err := j.save(ctx, &c); err != nil {
			return Session{}, err
		}
	}
	if err := j.make(ctx, &c); err != nil {
		return Session{}, err
	}
	return c.asSession(), nil
}

// make asks Stripe for the session that is claimed and remembers it.
func (j *job) make(ctx context.Context, c *claim) error {
	var params stripe.CheckoutParams
	if err := json.Unmarshal([]byte(c.sessionParams), &params); err != nil {
		return fmt.Errorf("the claimed session of tenant %s: %w", j.tenant.ID, err)
	}
	params.Metadata = maps.Clone(params.Metadata)
	params.Metadata[j.SessionKey] = c.sessionKey
	a, err := j.stripe.CreateCheckoutSession(ctx, c.sessionKey, params)
	if refused(err) {
		c.dropSession()
		return errors.Join(err, j.save(ctx, c))
	} else if err != nil {
		return err
	}
	c.session, c.sessionURL, c.sessionExpires = a.ID, a.Value.Get("url").Str(), a.Value.Get("expires_at").Time()
	if c.sessionSeenAt = j.read.Now().UnixMicro(); a.Replayed {
		c.sessionSeenAt = 0
	}
	return j.save(ctx, c)
}

// close ends the session of a claim at Stripe, so that nobody can pay it beside the
// next one. One that was paid already is what ErrAlreadySubscribed is for.
func (j *job) close(ctx context.Context, c *claim, age time.Duration) error {
	if age > sessionLife {
		return nil
	}
	if c.session == "" {
		// Whether Stripe ever made it is not known; asked under the same key, it tells.
		// Where it does not, nobody was ever given the address to pay at.
		if err := j.make(ctx, c); errors.Is(err, errLost) {
			return err
		} else if err != nil {
			return nil //nolint:nilerr // see above
		}
	}
	_, err := j.stripe.ExpireCheckoutSession(ctx, c.sessionKey+".expire", c.session)
	if err == nil || errors.Is(err, stripe.ErrNotFound) {
		return nil
	}
	a, fetchErr := j.stripe.Fetch(ctx, "checkout.session", c.session)
	if fetchErr != nil {
		return err
	}
	switch a.Value.Get("status").Str() {
	case "expired":
		return nil
	case "complete":
		return j.bought(ctx, c, a)
	}
	return err
}

// bought learns what was bought with a session that is complete. It errs where that
// runs; otherwise the session is done with.
func (j *job) bought(ctx context.Context, c *claim, session stripe.Answer) error {
	var answers []stripe.Answer
	if id := session.Value.Get("subscription").ID(); id != "" {
		a, err := j.stripe.Fetch(ctx, "subscription", id)
		if err != nil {
			return err
		}
		answers = append(answers, a)
	}
	if err := j.ingest(ctx, answers...); err != nil {
		return err
	}
	c.dropSession()
	if err := j.save(ctx, c); err != nil {
		return err
	}
	_, err := j.mayBuy(ctx)
	return err
}
