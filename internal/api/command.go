package api

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/bursarhq/bursar/internal/command"
	"github.com/bursarhq/bursar/internal/stripe"
)

// commandRows are the routes of what goes out to Stripe.
func (s *server) commandRows() []route {
	if s.Commands == nil {
		return nil
	}
	return []route{
		{Write, "POST /v1/checkout-sessions", "Sell a plan: answers the address of Stripe's checkout page. Asked for the same again, the open session is handed out again.", commands(s.postCheckout)},
		{Write, "POST /v1/portal-sessions", "Let a tenant see to its payment methods and invoices: answers the address of Stripe's customer portal.", commands(s.postPortal)},
		{Write, "POST /v1/tenants/{tenant}/subscription/change", "Change plan, price or quantity of the subscription that decides the tenant's plan.", commands(s.postChange)},
		{Write, "POST /v1/tenants/{tenant}/subscription/cancel", "Cancel that subscription, at the period's end unless said otherwise.", commands(s.postCancel)},
		{Write, "POST /v1/tenants/{tenant}/subscription/resume", "Take a scheduled cancellation back.", commands(s.postResume)},
		{Write, "POST /v1/tenants/{tenant}/sync", "Fetch the tenant's state from Stripe now, for the page that a buyer comes back to before the event does.", commands(s.postSync)},
	}
}

// CheckoutRequest is the body of POST /v1/checkout-sessions.
type CheckoutRequest struct {
	OfAccount
	Body struct {
		Tenant                  string `json:"tenant" doc:"Created where it does not exist yet."`
		Plan                    string `json:"plan"`
		Interval                string `json:"interval,omitempty" enum:"day,week,month,year"`
		Currency                string `json:"currency,omitempty" doc:"Three letters."`
		Price                   string `json:"price,omitempty" doc:"One of the plan's, where interval and currency do not tell them apart."`
		SuccessURL              string `json:"success_url" doc:"Where the buyer goes then; {CHECKOUT_SESSION_ID} in it is replaced."`
		CancelURL               string `json:"cancel_url"`
		Quantity                int64  `json:"quantity,omitempty" minimum:"1"`
		TrialDays               *int64 `json:"trial_days,omitempty" minimum:"0" maximum:"730" doc:"The plan's where left out. A tenant has one trial."`
		ForceTrial              bool   `json:"force_trial,omitempty" doc:"Give another trial."`
		PromotionCode           string `json:"promotion_code,omitempty" doc:"A code, or its promo_ id."`
		AllowPromotionCodes     bool   `json:"allow_promotion_codes,omitempty" doc:"Let the buyer type one."`
		AutomaticTax            bool   `json:"automatic_tax,omitempty"`
		TaxIDCollection         bool   `json:"tax_id_collection,omitempty"`
		PaymentMethodCollection string `json:"payment_method_collection,omitempty" enum:"always,if_required"`
		Locale                  string `json:"locale,omitempty"`
	}
}

// CheckoutSession is an open checkout session of Stripe's.
type CheckoutSession struct {
	ID        string    `json:"id"`
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (s *server) postCheckout(ctx context.Context, in *CheckoutRequest) (CheckoutSession, error) {
	b := &in.Body
	session, err := s.Commands.Checkout(ctx, onTenant(ctx, OfTenant{in.OfAccount, b.Tenant}), command.Checkout{
		Plan: b.Plan, Interval: b.Interval, Currency: b.Currency, Price: b.Price, SuccessURL: b.SuccessURL, CancelURL: b.CancelURL,
		Quantity: b.Quantity, TrialDays: b.TrialDays, ForceTrial: b.ForceTrial, PromotionCode: b.PromotionCode,
		AllowPromotionCodes: b.AllowPromotionCodes, AutomaticTax: b.AutomaticTax, TaxIDCollection: b.TaxIDCollection,
		PaymentMethodCollection: b.PaymentMethodCollection, Locale: b.Locale,
	})
	return CheckoutSession{ID: session.ID, URL: session.URL, ExpiresAt: time.Unix(session.ExpiresAt, 0).UTC()}, absent(err, "tenant", b.Tenant)
}

// PortalRequest is the body of POST /v1/portal-sessions.
type PortalRequest struct {
	OfAccount
	Body struct {
		Tenant    string `json:"tenant"`
		ReturnURL string `json:"return_url"`
	}
}

// PortalSession is a session of Stripe's customer portal.
type PortalSession struct {
	URL string `json:"url"`
}

func (s *server) postPortal(ctx context.Context, in *PortalRequest) (PortalSession, error) {
	address, err := s.Commands.Portal(ctx, onTenant(ctx, OfTenant{in.OfAccount, in.Body.Tenant}), in.Body.ReturnURL)
	return PortalSession{address}, absent(err, "tenant", in.Body.Tenant)
}

// ChangeRequest is the body of POST /v1/tenants/{tenant}/subscription/change.
type ChangeRequest struct {
	OfTenant
	Body struct {
		Plan      string `json:"plan"`
		Interval  string `json:"interval,omitempty" enum:"day,week,month,year" doc:"The present one where left out and the plan has several."`
		Price     string `json:"price,omitempty"`
		Quantity  int64  `json:"quantity,omitempty" minimum:"1" doc:"The present one where left out."`
		Proration string `json:"proration,omitempty" enum:"create_prorations,always_invoice,none" doc:"Stripe's proration_behavior."`
		When      string `json:"when,omitempty" enum:"now,period_end" doc:"now unless said."`
	}
}

func (s *server) postChange(ctx context.Context, in *ChangeRequest) (Subscription, error) {
	b := &in.Body
	return s.after(ctx, in.OfTenant, s.Commands.Change(ctx, onTenant(ctx, in.OfTenant), command.Change{
		Plan: b.Plan, Interval: b.Interval, Price: b.Price, Quantity: b.Quantity, Proration: b.Proration, When: b.When,
	}))
}

// CancelRequest is the body of POST /v1/tenants/{tenant}/subscription/cancel, which
// may be left out.
type CancelRequest struct {
	OfTenant
	Body *struct {
		When string `json:"when,omitempty" enum:"period_end,now" doc:"period_end unless said."`
	}
}

func (s *server) postCancel(ctx context.Context, in *CancelRequest) (Subscription, error) {
	when := ""
	if in.Body != nil {
		when = in.Body.When
	}
	return s.after(ctx, in.OfTenant, s.Commands.Cancel(ctx, onTenant(ctx, in.OfTenant), when))
}

func (s *server) postResume(ctx context.Context, in *OfTenant) (Subscription, error) {
	return s.after(ctx, *in, s.Commands.Resume(ctx, onTenant(ctx, *in)))
}

func (s *server) postSync(ctx context.Context, in *OfTenant) (Subscription, error) {
	return s.after(ctx, *in, s.Commands.Sync(ctx, onTenant(ctx, *in)))
}

// after is the subscription as it is after a command.
func (s *server) after(ctx context.Context, of OfTenant, err error) (Subscription, error) {
	if err != nil {
		return Subscription{}, absent(err, "tenant", of.Tenant)
	}
	return s.getSubscription(ctx, &of)
}

func onTenant(ctx context.Context, of OfTenant) command.On {
	return command.On{Account: of.Account, Tenant: of.Tenant, Actor: callerOf(ctx).name}
}

// commands is answers for what asks Stripe: its errors are answered as such.
func commands[I, T any](fn func(context.Context, *I) (T, error)) mount {
	return answers(func(ctx context.Context, in *I) (T, error) {
		body, err := fn(ctx, in)
		if err != nil {
			err = commandProblem(err)
		}
		return body, err
	})
}

// refusals is where the errors of commands become answers; the text behind them was
// written for the client.
var refusals = []struct {
	err    error
	status int
	code   string
}{
	{command.ErrInvalid, http.StatusUnprocessableEntity, "invalid_parameter"},
	{command.ErrAlreadySubscribed, http.StatusConflict, "already_subscribed"},
	{command.ErrNotSubscribed, http.StatusConflict, "not_subscribed"},
	{command.ErrNothingScheduled, http.StatusConflict, "nothing_scheduled"},
	{command.ErrErased, http.StatusConflict, "tenant_erased"},
}

// commandProblem is the answer to an error of a command; what it does not know it
// leaves as it is.
func commandProblem(err error) error {
	for _, r := range refusals {
		if errors.Is(err, r.err) {
			_, detail, _ := strings.Cut(err.Error(), r.err.Error()+": ")
			return problem(r.status, r.code, "%s", detail)
		}
	}
	if errors.Is(err, command.ErrKeyMissing) {
		return problem(http.StatusServiceUnavailable, "stripe_key_missing", "This needs a Stripe key of the account: STRIPE_SECRET_KEY.")
	}
	e, ok := errors.AsType[*stripe.Error](err)
	if !ok {
		return err
	}
	p := stripeProblem(e)
	p.StripeRequestID = e.RequestID
	return p
}

func stripeProblem(e *stripe.Error) *Problem {
	switch {
	case e.Status == http.StatusPaymentRequired:
		code := e.Code
		if code == "" {
			code = "card_declined"
		}
		return problem(http.StatusPaymentRequired, code, "%s", e.Message)
	case errors.Is(e, stripe.ErrUnavailable) || errors.Is(e, context.Canceled):
		p := problem(http.StatusServiceUnavailable, "stripe_unavailable", "Stripe does not answer, or is too busy. Ask again.")
		if e.RetryAfter > 0 {
			return p.with("Retry-After", fmt.Sprint(math.Ceil(e.RetryAfter.Seconds())))
		}
		return p.with("Retry-After", retryAfter)
	case errors.Is(e, stripe.ErrRubbish):
		return problem(http.StatusBadGateway, "stripe_error", "What answered is not Stripe's API.")
	}
	detail := "Stripe refused it"
	for _, word := range []string{e.Code, e.Param} {
		if word != "" {
			detail += ", " + word
		}
	}
	return problem(http.StatusBadGateway, "stripe_error", "%s: %s", detail, e.Message)
}
