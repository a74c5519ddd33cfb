package stripetest

import (
	"net/http"
	"slices"
	"strings"
)

// apiRequest is one request to the API, whether it came over HTTP or not.
type apiRequest struct {
	method, path string
	id           string // what stands for {id} in the route
	params       *params
	version      string
	requestID    string
	key          string // Idempotency-Key
}

// route is one row of the table in routes.go.
type route struct {
	method, pattern string
	serve           func(*Account, apiRequest) (Object, *Error)
	params          string // the parameters it knows, at the top level
	segments        []string
	known           map[string]bool
}

func init() {
	for i := range routes {
		r := &routes[i]
		r.segments = strings.Split(strings.TrimPrefix(r.pattern, "/"), "/")
		r.known = map[string]bool{"expand": true}
		for name := range strings.FieldsSeq(r.params) {
			r.known[name] = true
		}
		if r.method == http.MethodGet && !strings.HasSuffix(r.pattern, "{id}") {
			for _, name := range [...]string{"limit", "starting_after", "ending_before"} {
				r.known[name] = true
			}
		}
	}
}

// find is the route of a path and what stands for {id} in it. Fixed segments
// beat {id}, since the table has them first.
func find(method, path string) (*route, string, *Error) {
	segments := strings.Split(strings.Trim(path, "/"), "/")
	for i := range routes {
		r := &routes[i]
		if r.method != method || len(r.segments) != len(segments) {
			continue
		}
		if id, ok := r.match(segments); ok {
			return r, id, nil
		}
	}
	e := invalid("", "Unrecognized request URL (%s: %s). If you are trying to list objects, remove the trailing slash. If you are trying to retrieve an object, make sure you passed a valid (non-empty) identifier in your code. Please see https://stripe.com/docs.", method, path)
	e.Status = http.StatusNotFound
	return nil, "", e
}

func (r *route) match(segments []string) (id string, ok bool) {
	for k, want := range r.segments {
		switch {
		case want == "{id}" && segments[k] != "":
			id = segments[k]
		case want != segments[k]:
			return "", false
		}
	}
	return id, true
}

// serve answers a request. The request is all or nothing to its caller, but
// as at Stripe a declined payment leaves its traces.
func (a *Account) serve(r apiRequest) (Object, *Error) {
	route, id, err := find(r.method, r.path)
	if err != nil {
		return nil, err
	}
	r.id = id
	for _, name := range r.params.keys {
		if !route.known[name] {
			return nil, invalidCode("parameter_unknown", name, "Received unknown parameter: %s", name)
		}
	}
	expand := r.params.strings("expand")
	if err := r.params.err(); err != nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if r.requestID == "" {
		r.requestID = a.newRequestID()
	}
	a.request = Object{"id": r.requestID, "idempotency_key": optional(r.key)}
	defer func() { a.request = nil }()
	if r.method == http.MethodGet {
		a.request = nil
	}
	object, err := route.serve(a, r)
	if err != nil {
		return nil, err
	}
	if len(expand) > 0 {
		object = object.clone() // what is rendered may be shared
	}
	for _, path := range expand {
		if err := a.expand(object, path); err != nil {
			return nil, err
		}
	}
	return inVersion(object, r.version), nil
}

func (a *Account) newRequestID() string { return "req_" + a.diceLetters(14) }

// maxExpand is how deep an expansion may go.
// https://docs.stripe.com/api/expanding_objects
const maxExpand = 4

// expand replaces ids along a dotted path by their objects, and adds what is
// shown only on request.
func (a *Account) expand(o Object, path string) *Error {
	segments := strings.Split(path, ".")
	depth := len(slices.DeleteFunc(slices.Clone(segments), func(s string) bool { return s == "data" }))
	if depth > maxExpand {
		return invalidCode("property_expansion_max_depth", "expand", "You cannot expand more than %d levels of a property. Property: %s", maxExpand, path)
	}
	return a.expandValue(o, segments, path)
}

func (a *Account) expandValue(value any, segments []string, path string) *Error {
	if len(segments) == 0 {
		return nil
	}
	switch v := value.(type) {
	case Object:
		return a.expandKey(v, segments, path)
	case []any:
		for _, element := range v {
			if err := a.expandValue(element, segments, path); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *Account) expandKey(o Object, segments []string, path string) *Error {
	key, rest := segments[0], segments[1:]
	value, shown := o[key]
	if !shown {
		if included := a.include(o, key); included != nil {
			o[key], value = included, included
		} else if value, shown = o["_"+key]; shown {
			key = "_" + key // an older version will reveal it
		} else {
			return invalid("expand", "This property cannot be expanded (%s).", path)
		}
	}
	switch v := value.(type) {
	case string:
		n, ok := a.index[v]
		if !ok {
			if len(rest) == 0 && isWord(v) {
				return invalid("expand", "This property cannot be expanded (%s).", path)
			}
			return nil
		}
		o[key] = n.render().clone()
	case []any:
		for i, element := range v {
			if id, ok := element.(string); ok {
				if n, ok := a.index[id]; ok {
					v[i] = n.render().clone()
				}
			}
		}
	}
	return a.expandValue(o[key], rest, path)
}

// isWord tells a plain value from an id.
func isWord(s string) bool { return !strings.Contains(s, "_") || strings.Contains(s, " ") }

// include is what an object shows only where it is asked for.
func (a *Account) include(o Object, key string) any {
	switch n := a.index[o.ID()].(type) {
	case *invoice:
		switch {
		case key == "payments":
			return list("/v1/invoice_payments?invoice="+n.id, n.renderPayments())
		case key == "confirmation_secret" && n.intent != nil:
			return Object{"client_secret": n.intent.secret, "type": "payment_intent"}
		}
	case *charge:
		if key == "refunds" {
			return n.refundList()
		}
	case *price:
		if key == "tiers" && n.tiersMode != "" {
			return n.renderTiers()
		}
	case *checkoutSession:
		if key == "line_items" {
			return list("/v1/checkout/sessions/"+n.id+"/line_items", n.lineItems())
		}
	case *customer:
		switch key {
		case "subscriptions":
			var data []any
			for _, s := range slices.Backward(n.subscriptions) {
				if !s.ended() {
					data = append(data, s.render())
				}
			}
			return list("/v1/customers/"+n.id+"/subscriptions", data)
		case "tax_ids":
			return list("/v1/customers/"+n.id+"/tax_ids", each(n.taxIDs, func(t Object) any { return t }))
		}
	}
	return nil
}

// retrieve answers GET for one object of a kind, the name in its "object".
func retrieve(kind, called string) func(*Account, apiRequest) (Object, *Error) {
	return func(a *Account, r apiRequest) (Object, *Error) {
		n, ok := a.index[r.id]
		if !ok {
			return nil, noSuch(called, r.id)
		}
		if i, isInvoice := n.(*invoice); isInvoice && i.deleted {
			return nil, noSuch(called, r.id)
		}
		o := n.render()
		if o["object"] != kind {
			return nil, noSuch(called, r.id)
		}
		return o, nil
	}
}

// Route is one request that the API understands.
type Route struct {
	Method  string
	Pattern string // with {id}
	Params  []string
}

// Routes are all of them.
func Routes() []Route {
	out := make([]Route, len(routes))
	for i, r := range routes {
		out[i] = Route{Method: r.method, Pattern: r.pattern, Params: strings.Fields(r.params)}
	}
	return out
}
