package stripetest

import (
	"slices"
	"strconv"
)

// The API's view of endpoints: https://docs.stripe.com/api/webhook_endpoints.

func (e *Endpoint) ident() string { return e.id }

func (e *Endpoint) createdTime() int64 { return e.created }

func (e *Endpoint) render() Object {
	status := "enabled"
	if e.disabled {
		status = "disabled"
	}
	return Object{
		"id": e.id, "object": "webhook_endpoint", "api_version": optional(e.version), "application": nil,
		"created": e.created, "description": optional(e.description), "enabled_events": strs(e.events),
		"livemode": e.acct.cfg.Livemode, "metadata": metadata(e.metadata), "status": status, "url": e.url,
	}
}

func createEndpoint(a *Account, r apiRequest) (Object, *Error) {
	in := r.params
	url := in.need("url")
	cfg := EndpointConfig{Events: in.strings("enabled_events"), APIVersion: in.str("api_version")}
	if len(cfg.Events) == 0 && in.err() == nil {
		return nil, missingParam("enabled_events")
	}
	description, meta := in.str("description"), in.mergeMetadata(nil)
	if err := in.err(); err != nil {
		return nil, err
	}
	if cfg.APIVersion != "" && !validVersion(cfg.APIVersion) {
		return nil, invalid("api_version", "Invalid API version: %s", cfg.APIVersion)
	}
	if len(a.endpoints) >= 16 {
		return nil, invalid("", "You have reached the maximum of 16 test webhook endpoints.")
	}
	e := a.newEndpoint(cfg)
	e.url, e.description, e.metadata = url, description, meta
	a.endpoints = append(a.endpoints, e)
	o := e.render()
	o["secret"] = e.secrets[0].secret
	return o, nil
}

func (a *Account) endpointOf(r apiRequest) (*Endpoint, *Error) {
	for _, e := range a.endpoints {
		if e.id == r.id {
			return e, nil
		}
	}
	return nil, noSuch("webhook endpoint", r.id)
}

func retrieveEndpoint(a *Account, r apiRequest) (Object, *Error) {
	e, err := a.endpointOf(r)
	if err != nil {
		return nil, err
	}
	return e.render(), nil
}

func updateEndpoint(a *Account, r apiRequest) (Object, *Error) {
	e, err := a.endpointOf(r)
	if err != nil {
		return nil, err
	}
	in := r.params
	url, events := in.str("url"), in.strings("enabled_events")
	disabled, description, meta := in.boolean("disabled"), in.str("description"), in.mergeMetadata(e.metadata)
	if err := in.err(); err != nil {
		return nil, err
	}
	e.metadata = meta
	if url != "" {
		e.url = url
	}
	if len(events) > 0 {
		e.events = events
	}
	if in.has("disabled") {
		e.disabled = disabled
	}
	if in.has("description") {
		e.description = description
	}
	return e.render(), nil
}

func deleteEndpoint(a *Account, r apiRequest) (Object, *Error) {
	e, err := a.endpointOf(r)
	if err != nil {
		return nil, err
	}
	a.endpoints = slices.DeleteFunc(a.endpoints, func(other *Endpoint) bool { return other == e })
	e.disabled = true
	return Object{"id": e.id, "object": "webhook_endpoint", "deleted": true}, nil
}

func listEndpoints(a *Account, r apiRequest) (Object, *Error) {
	return page(a, r, a.endpoints, func(*Endpoint) bool { return true })
}

// eventRetention is how long the Events API knows an event.
// https://docs.stripe.com/api/events
const eventRetention = 30 * day

func listEvents(a *Account, r apiRequest) (Object, *Error) {
	in := r.params
	types := in.strings("types")
	if t := in.str("type"); t != "" {
		if len(types) > 0 {
			return nil, invalid("types", "You may only specify one of these parameters: type, types.")
		}
		types = []string{t}
	}
	if len(types) > 20 {
		return nil, invalid("types", "You may specify up to 20 types.")
	}
	delivered := in.at("delivery_success")
	if delivered.leaf {
		in.boolean("delivery_success")
	}
	return page(a, r, a.events, func(e *event) bool {
		return e.created > a.now-eventRetention && (len(types) == 0 || slices.ContainsFunc(types, func(t string) bool { return typeMatches(t, e.typ) })) &&
			(!delivered.leaf || delivered.value == strconv.FormatBool(!e.failed))
	})
}

// typeMatches understands Stripe's group wildcard: invoice.*.
func typeMatches(pattern, typ string) bool {
	if pattern == "*" || pattern == typ {
		return true
	}
	n := len(pattern) - 1
	return n > 0 && pattern[n] == '*' && len(typ) > n && typ[:n] == pattern[:n]
}

func (a *Account) eventOf(r apiRequest) (*event, *Error) {
	e, ok := a.eventByID[r.id]
	if !ok || e.created <= a.now-eventRetention {
		return nil, noSuch("event", r.id)
	}
	return e, nil
}

// retrieveEvent shows an event as it was made: in the account's version,
// whatever the request's is, and whatever an endpoint's was.
func retrieveEvent(a *Account, r apiRequest) (Object, *Error) {
	e, err := a.eventOf(r)
	if err != nil {
		return nil, err
	}
	return e.render(), nil
}

func retrieveThinEvent(a *Account, r apiRequest) (Object, *Error) {
	e, err := a.eventOf(r)
	if err != nil {
		return nil, err
	}
	return e.thin(true), nil
}
