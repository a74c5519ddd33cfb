package conformance

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v85"

	"github.com/bursarhq/bursar/stripetest"
)

// client is stripe-go, unchanged, on a simulated account.
func client(t *testing.T, acct *stripetest.Account) *stripe.Client {
	t.Helper()
	server := httptest.NewServer(acct)
	t.Cleanup(server.Close)
	backend := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL:               stripe.String(server.URL),
		MaxNetworkRetries: stripe.Int64(2),
		LeveledLogger:     &stripe.LeveledLogger{Level: stripe.LevelNull},
	})
	return stripe.NewClient("sk_test_123", stripe.WithBackends(&stripe.Backends{
		API: backend, Connect: backend, Uploads: backend, MeterEvents: backend,
	}))
}

func TestStripeGoLivesThroughASubscription(t *testing.T) {
	ctx := context.Background()
	acct := stripetest.New(t).Calm()
	sc := client(t, acct)
	product, err := sc.V1Products.Create(ctx, &stripe.ProductCreateParams{Name: stripe.String("Pro")})
	if err != nil {
		t.Fatal(err)
	}
	price, err := sc.V1Prices.Create(ctx, &stripe.PriceCreateParams{
		Product: stripe.String(product.ID), Currency: stripe.String("usd"), UnitAmount: stripe.Int64(2900),
		Recurring: &stripe.PriceCreateRecurringParams{Interval: stripe.String("month")},
	})
	if err != nil {
		t.Fatal(err)
	}
	customer, err := sc.V1Customers.Create(ctx, &stripe.CustomerCreateParams{
		Email: stripe.String("a@example.com"), Metadata: map[string]string{"tenant": "acme"},
		PaymentMethod:   stripe.String("pm_card_visa"),
		InvoiceSettings: &stripe.CustomerCreateInvoiceSettingsParams{DefaultPaymentMethod: stripe.String("pm_card_visa")},
	})
	if err != nil {
		t.Fatal(err)
	}
	params := &stripe.SubscriptionCreateParams{
		Customer:        stripe.String(customer.ID),
		Items:           []*stripe.SubscriptionCreateItemParams{{Price: stripe.String(price.ID), Quantity: stripe.Int64(2)}},
		TrialPeriodDays: stripe.Int64(14),
	}
	params.AddExpand("latest_invoice.payments")
	sub, err := sc.V1Subscriptions.Create(ctx, params)
	if err != nil {
		t.Fatal(err)
	}
	if sub.Status != stripe.SubscriptionStatusTrialing || sub.LatestInvoice.Status != stripe.InvoiceStatusPaid {
		t.Fatalf("got %s with an invoice %s", sub.Status, sub.LatestInvoice.Status)
	}
	acct.Advance(15 * 24 * time.Hour)
	if sub, err = sc.V1Subscriptions.Retrieve(ctx, sub.ID, nil); err != nil {
		t.Fatal(err)
	}
	if sub.Status != stripe.SubscriptionStatusActive || sub.Items.Data[0].Quantity != 2 {
		t.Errorf("after the trial: %s × %d", sub.Status, sub.Items.Data[0].Quantity)
	}
	paid := 0
	for invoice, err := range sc.V1Invoices.List(ctx, &stripe.InvoiceListParams{Subscription: stripe.String(sub.ID)}).All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		paid += int(invoice.AmountPaid)
	}
	if paid != 5800 {
		t.Errorf("paid %d, want 5800", paid)
	}
	update := &stripe.SubscriptionUpdateParams{CancelAtPeriodEnd: stripe.Bool(true)}
	if sub, err = sc.V1Subscriptions.Update(ctx, sub.ID, update); err != nil || !sub.CancelAtPeriodEnd {
		t.Errorf("cancel at period end: %v, %v", sub.CancelAtPeriodEnd, err)
	}
	if sub, err = sc.V1Subscriptions.Cancel(ctx, sub.ID, nil); err != nil || sub.Status != stripe.SubscriptionStatusCanceled {
		t.Errorf("cancel: %v, %v", sub.Status, err)
	}
}

func TestStripeGoPagesThroughEverything(t *testing.T) {
	ctx := context.Background()
	acct := stripetest.New(t).Calm()
	const customers = 57
	for range customers {
		if _, err := acct.Post("/v1/customers", nil); err != nil {
			t.Fatal(err)
		}
		acct.Advance(time.Second)
	}
	sc := client(t, acct)
	seen := map[string]bool{}
	list := &stripe.CustomerListParams{}
	list.Limit = stripe.Int64(10)
	for c, err := range sc.V1Customers.List(ctx, list).All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		seen[c.ID] = true
	}
	if len(seen) != customers {
		t.Errorf("saw %d customers, want %d", len(seen), customers)
	}
	first := acct.Events("customer.created")[0]
	events := &stripe.EventListParams{Types: []*string{stripe.String("customer.created")}}
	events.EndingBefore = stripe.String(first.ID)
	last, count := int64(0), 0
	for e, err := range sc.V1Events.List(ctx, events).All(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Created < last {
			t.Errorf("%s is older than the one before", e.ID)
		}
		last = e.Created
		count++
	}
	if count != customers-1 {
		t.Errorf("saw %d events after the first, want %d", count, customers-1)
	}
}

func TestStripeGoReadsErrors(t *testing.T) {
	ctx := context.Background()
	acct := stripetest.New(t).Calm()
	sc := client(t, acct)
	var e *stripe.Error
	_, err := sc.V1Customers.Retrieve(ctx, "cus_none", nil)
	if !errors.As(err, &e) || e.Code != stripe.ErrorCodeResourceMissing || e.HTTPStatusCode != 404 || e.RequestID == "" {
		t.Errorf("missing customer: %v", err)
	}
	customer, err := sc.V1Customers.Create(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = sc.V1PaymentMethods.Attach(ctx, "pm_card_chargeDeclinedInsufficientFunds", &stripe.PaymentMethodAttachParams{Customer: &customer.ID})
	if !errors.As(err, &e) || e.Type != stripe.ErrorTypeCard || e.DeclineCode != stripe.DeclineCodeInsufficientFunds {
		t.Errorf("declined card: %v", err)
	}
	acct.Inject(stripetest.Fault{Path: "/v1/customers", Status: 429, Times: -1})
	_, err = sc.V1Customers.Retrieve(ctx, customer.ID, nil)
	if !errors.As(err, &e) || e.HTTPStatusCode != 429 || e.Code != stripe.ErrorCodeRateLimit {
		t.Errorf("rate limit: %v", err)
	}
	acct.Heal()
	// The connection is cut after the work was done: stripe-go's own retry,
	// under the same idempotency key, must not make a second customer.
	before := len(acct.Events("customer.created"))
	acct.Inject(stripetest.Fault{Method: "POST", Path: "/v1/customers", After: true})
	again, err := sc.V1Customers.Create(ctx, &stripe.CustomerCreateParams{Name: stripe.String("Once")})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(acct.Events("customer.created")) - before; n != 1 || again.Name != "Once" {
		t.Errorf("%d customers were made, want 1", n)
	}
}

func TestStripeGoAcceptsWebhooks(t *testing.T) {
	acct := stripetest.New(t).Calm()
	sc := client(t, acct)
	var snapshot, thin *stripetest.Endpoint
	snapshots, thins := 0, 0
	snapshot = acct.Deliver(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		event, err := sc.ConstructEvent(body, r.Header.Get("Stripe-Signature"), snapshot.Secret())
		if err != nil {
			t.Error(err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if event.Type != "" {
			snapshots++
		}
	}), stripetest.EndpointConfig{APIVersion: stripe.APIVersion})
	thin = acct.Deliver(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		event, err := sc.ParseEventNotification(body, r.Header.Get("Stripe-Signature"), thin.Secret())
		if err != nil {
			t.Error(err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if unknown, ok := event.(*stripe.UnknownEventNotification); ok && unknown.ID != "" {
			full, err := acct.Get("/v2/core/events/"+unknown.ID, nil)
			if err != nil || full.Str("snapshot_event") == "" {
				t.Errorf("%s cannot be fetched: %v", unknown.ID, err)
			}
			thins++
		}
	}), stripetest.EndpointConfig{Thin: true})
	if _, err := acct.Play("renewal", stripetest.Play{}); err != nil {
		t.Fatal(err)
	}
	if n := len(acct.Events()); snapshots != n || thins != n {
		t.Errorf("%d events gave %d snapshots and %d thin events", n, snapshots, thins)
	}
}
