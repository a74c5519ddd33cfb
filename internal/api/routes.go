package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// route is one row of the table below.
type route struct {
	scope   Scope  // of the keys that may use it; the zero value is the strictest
	pattern string // method and path, as net/http has them
	does    string // for the API's description
	mount   mount
}

// table is everything that the API answers. To add something: a row here, its method
// in the noun's file. A row that the configuration switches off is not added at all.
func (s *server) table() []route {
	rows := []route{
		{Read, "GET /v1/plans", "The plans, in the order of the catalog.", answers(s.listPlans)},

		{Read, "GET /v1/tenants", "Tenants, the newest first.", answers(s.listTenants)},
		{Read, "GET /v1/tenants/{tenant}", "A tenant.", answers(s.getTenant)},
		{Write, "PUT /v1/tenants/{tenant}", "Create a tenant or change it. What is left out stays, null clears; metadata is replaced whole. Linking a customer applies what waited for it.", replies(s.putTenant)},
		{Admin, "DELETE /v1/tenants/{tenant}", "Forget who a tenant is: name, email, metadata and the payloads of its events. The ledger and the documents stay.", done(s.deleteTenant)},
		{Read, "GET /v1/tenants/{tenant}/entitlements", "What a tenant may do: one indexed read, made to be called on every request of an app.", answersOf(s.getEntitlements, entitlementsOf)},
		{Read, "GET /v1/tenants/{tenant}/subscription", "The subscription that decides the tenant's plan.", answers(s.getSubscription)},
		{Read, "GET /v1/tenants/{tenant}/subscriptions", "All subscriptions of a tenant.", answers(s.listSubscriptions)},
		{Read, "GET /v1/tenants/{tenant}/invoices", "The invoices of a tenant.", answers(s.listInvoices)},
		{Read, "GET /v1/tenants/{tenant}/payments", "The ledger of a tenant: payments, refunds, disputes.", answers(s.listPayments)},
		{Read, "GET /v1/tenants/{tenant}/payment-methods", "The payment methods that a tenant can be charged by.", answers(s.listPaymentMethods)},
		{Read, "GET /v1/tenants/{tenant}/notifications", "What a tenant was told, or would have been.", answers(s.listNotifications)},
		{Read, "GET /v1/tenants/{tenant}/timeline", "What changed of a tenant, and why.", answers(s.listTimeline)},

		{Read, "GET /v1/unlinked-customers", "Customers that no tenant has, and whose events wait for one.", answers(s.listUnlinkedCustomers)},
		{Read, "GET /v1/invoices/{id}", "An invoice.", answers(s.getInvoice)},

		{Read, "GET /v1/events", "The inbox: every event that was received.", answers(s.listEvents)},
		{Read, "GET /v1/events/{id}", "An event with its payload and what it changed.", answers(s.getEvent)},
		{Write, "POST /v1/events/{id}/replay", "Apply an event again. What was sent because of it is not sent twice.", answers(s.replayEvent)},
		{Read, "GET /v1/stats", "The state of the whole.", answers(s.getStats)},

		{Open, "GET /healthz", "Whether the process lives.", answers(s.getHealth)},
		{Open, "GET /readyz", "Whether requests should be sent here.", answers(s.getReadiness)},
		{Open, "GET /openapi.json", "This description.", serves(s.serveDescription)},
		{Open, "GET /docs", "This description, for people.", serves(serveDocs)},
		{Open, "GET /docs/{file}", "What that page is made of.", serves(serveDocs)},
	}
	rows = append(rows, s.documentRows()...)
	rows = append(rows, s.eInvoiceRows()...)
	rows = append(rows, s.outboundRows()...)
	rows = append(rows, s.commandRows()...)
	if s.Metrics != nil {
		rows = append(rows, route{Read, "GET /metrics", "Metrics for Prometheus.", serves(s.Metrics.ServeHTTP)})
	}
	return rows
}

func (r route) method() string { method, _, _ := strings.Cut(r.pattern, " "); return method }
func (r route) path() string   { _, path, _ := strings.Cut(r.pattern, " "); return path }

// mount puts a route's handler into the mux and into the description.
type mount func(*server, huma.API, huma.Operation)

type output[T any] struct{ Body T }

// answers is a handler that answers 200 and a body of JSON.
func answers[I, T any](fn func(context.Context, *I) (T, error)) mount {
	return func(s *server, api huma.API, op huma.Operation) {
		huma.Register(api, op, func(ctx context.Context, in *I) (*output[T], error) {
			body, err := fn(ctx, in)
			if err != nil {
				return nil, s.problemOf(ctx, op.OperationID, err)
			}
			return &output[T]{body}, nil
		})
	}
}

// answersOf is answers for a route of one tenant that is asked all the time. A request
// that says nothing but whose it is gets the same bytes without huma's search for
// parameters, which takes longer than the read; of is its input.
func answersOf[I, T any](fn func(context.Context, *I) (T, error), of func(tenant string) *I) mount {
	return func(s *server, api huma.API, op huma.Operation) {
		op.Middlewares = append(op.Middlewares, func(asked huma.Context, next func(huma.Context)) {
			r, w := humago.Unwrap(asked)
			if accept := r.Header.Get("Accept"); r.URL.RawQuery != "" || accept != "" && accept != "*/*" && accept != jsonType {
				next(asked)
				return
			}
			if body, err := fn(r.Context(), of(r.PathValue("tenant"))); err != nil {
				p := s.problemOf(r.Context(), op.OperationID, err)
				p.head(w)
				writeJSON(w, p)
			} else {
				w.Header().Set("Content-Type", jsonType)
				writeJSON(w, body)
			}
		})
		answers(fn)(s, api, op)
	}
}

// writeJSON writes as huma does, what always encodes.
func writeJSON(w http.ResponseWriter, v any) {
	_ = huma.DefaultJSONFormat.Marshal(w, v) // a client that has gone hears nothing
}

type statusOutput[T any] struct {
	Status int
	Body   T
}

// replies is a handler that also chooses its status.
func replies[I, T any](fn func(context.Context, *I) (int, T, error)) mount {
	return func(s *server, api huma.API, op huma.Operation) {
		huma.Register(api, op, func(ctx context.Context, in *I) (*statusOutput[T], error) {
			status, body, err := fn(ctx, in)
			if err != nil {
				return nil, s.problemOf(ctx, op.OperationID, err)
			}
			return &statusOutput[T]{status, body}, nil
		})
	}
}

// done is a handler that answers 204.
func done[I any](fn func(context.Context, *I) error) mount {
	return func(s *server, api huma.API, op huma.Operation) {
		huma.Register(api, op, func(ctx context.Context, in *I) (*struct{}, error) {
			if err := fn(ctx, in); err != nil {
				return nil, s.problemOf(ctx, op.OperationID, err)
			}
			return nil, nil
		})
	}
}

// serves is a handler of anything else than JSON; it is not described.
func serves(h http.HandlerFunc) mount {
	return func(s *server, _ huma.API, op huma.Operation) {
		gate{s}.HandleFunc(op.Method+" "+op.Path, h)
	}
}
