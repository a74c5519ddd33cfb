package stripe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"

	stripego "github.com/stripe/stripe-go/v85"
)

// Answer is one object as Stripe's API told it.
type Answer struct {
	Object  json.RawMessage // as sent
	Value   Value           // of Object
	ID      string
	Type    string // its field object
	Deleted bool   // a tombstone {id, object, deleted:true}

	// SentAt is the second (Unix, Stripe's clock) at which the request was sent.
	// It is the latest time of which the answer is known to be true. Zero where
	// that is not known, see Replayed.
	SentAt int64
	// Asked grows with every request of this client and, by the clock, of its
	// successors: of two answers the one with the larger number was asked for
	// later.
	Asked int64
	// Replayed: Stripe repeated what it had answered to the same idempotency key
	// before, so that the object may have changed long since.
	Replayed bool

	RequestID  string
	APIVersion string
}

// Page is one page of a list.
type Page struct {
	Data    []json.RawMessage // in Stripe's order, the newest first
	HasMore bool              // in the direction asked for

	// As in Answer.
	SentAt     int64
	Asked      int64
	RequestID  string
	APIVersion string

	values []Value
}

// pageLimit is the most that Stripe puts on a page.
const pageLimit = "100"

// Get fetches one object by its path, which begins with /v1/ or /v2/. expand
// names fields that shall hold objects instead of ids
// (docs.stripe.com/api/expanding_objects), or that are only included on request.
func (c *Client) Get(ctx context.Context, path string, expand ...string) (Answer, error) {
	params := url.Values{}
	if len(expand) > 0 {
		params["expand[]"] = expand
	}
	if err := checkPath(path); err != nil {
		return Answer{}, err
	}
	return c.answer(ctx, &request{method: http.MethodGet, path: path, form: params.Encode()})
}

// Fetch fetches one object. objectType is Stripe's word (subscription,
// checkout.session); empty, it is told by the id's prefix (TypeOf).
func (c *Client) Fetch(ctx context.Context, objectType, id string, expand ...string) (Answer, error) {
	path, err := pathOf(objectType, id)
	if err != nil {
		return Answer{}, err
	}
	a, err := c.Get(ctx, path, expand...)
	if err == nil && a.ID != id {
		return Answer{}, &Error{
			what: "GET " + path, Status: http.StatusOK, RequestID: a.RequestID,
			Message: "answered another object", kind: ErrRubbish, Retryable: true,
		}
	}
	return a, err
}

// Account fetches the account that the calls are made for.
func (c *Client) Account(ctx context.Context) (Answer, error) {
	return c.Get(ctx, "/v1/account")
}

// ListPage fetches one page of the list at path. params are Stripe's: limit (100
// unless said), starting_after, ending_before and the list's own filters. Mind
// that /v1/subscriptions leaves out what is canceled unless status=all.
func (c *Client) ListPage(ctx context.Context, path string, params url.Values) (Page, error) {
	if err := checkPath(path); err != nil {
		return Page{}, err
	}
	if !params.Has("limit") {
		params = cloneValues(params)
		params.Set("limit", pageLimit)
	}
	q := &request{method: http.MethodGet, path: path, form: params.Encode()}
	x, v, err := c.do(ctx, q)
	if err != nil {
		return Page{}, err
	}
	data := v.Get("data")
	if data.Kind() != KindArray {
		return Page{}, q.rubbish(x, "not a list")
	}
	p := Page{
		HasMore: v.Get("has_more").Bool(), SentAt: x.sentAt(), Asked: x.asked,
		RequestID: x.header.Get("Request-Id"), APIVersion: x.apiVersion(),
	}
	for e := range data.All() {
		if e.Kind() != KindObject {
			return Page{}, q.rubbish(x, "not a list of objects")
		}
		p.Data = append(p.Data, e.Raw())
		p.values = append(p.values, e)
	}
	return p, nil
}

// Answers are the objects of the page, each with the page's times.
func (p *Page) Answers() []Answer {
	all := make([]Answer, len(p.Data))
	for i, v := range p.values {
		all[i] = Answer{SentAt: p.SentAt, Asked: p.Asked, RequestID: p.RequestID, APIVersion: p.APIVersion}
		all[i].read(v)
	}
	return all
}

// List goes through the whole list at path, page by page, in Stripe's order, the
// newest first; with ending_before in params the other way, from that object on
// towards the newest. It ends with the first error.
func (c *Client) List(ctx context.Context, path string, params url.Values) iter.Seq2[Answer, error] {
	return func(yield func(Answer, error) bool) {
		params, cursor := cloneValues(params), "starting_after"
		if params.Has("ending_before") {
			cursor = "ending_before"
		}
		for {
			p, err := c.ListPage(ctx, path, params)
			if err != nil {
				yield(Answer{}, err)
				return
			}
			all := p.Answers()
			if cursor == "ending_before" {
				slices.Reverse(all)
			}
			for _, a := range all {
				if !yield(a, nil) {
					return
				}
			}
			if !p.HasMore {
				return
			}
			// A list that does not move on would be read for ever.
			if len(all) == 0 || all[len(all)-1].ID == "" || all[len(all)-1].ID == params.Get(cursor) {
				yield(Answer{}, &Error{
					what: "GET " + path, Status: http.StatusOK, RequestID: p.RequestID,
					Message: "the list does not move on", kind: ErrRubbish, Retryable: true,
				})
				return
			}
			params.Set(cursor, all[len(all)-1].ID)
		}
	}
}

// answer makes a call that answers one object.
func (c *Client) answer(ctx context.Context, q *request) (Answer, error) {
	x, v, err := c.do(ctx, q)
	if err != nil {
		return Answer{}, err
	}
	a := Answer{
		Asked: x.asked, RequestID: x.header.Get("Request-Id"), APIVersion: x.apiVersion(),
		Replayed: x.header.Get("Idempotent-Replayed") == "true",
	}
	if !a.Replayed {
		a.SentAt = x.sentAt()
	}
	a.read(v)
	if a.Type == "" || a.ID == "" {
		return Answer{}, q.rubbish(x, "not one of Stripe's objects")
	}
	return a, nil
}

func (a *Answer) read(v Value) {
	a.Value, a.Object = v, v.Raw()
	a.ID, a.Type, a.Deleted = v.Get("id").Str(), v.Get("object").Str(), v.Get("deleted").Bool()
}

// Part is an object that was expanded within the answer, at path, as an answer of its
// own, and the answer with the id in its place. Without one there it returns false.
func (a *Answer) Part(path ...string) (part, rest Answer, ok bool) {
	v := a.Value.Get(path...)
	if v.Kind() != KindObject || v.ID() == "" {
		return Answer{}, *a, false
	}
	part, rest = *a, *a
	part.read(v)
	id, err := json.Marshal(part.ID)
	if err != nil {
		return Answer{}, *a, false
	}
	folded, err := Parse(bytes.Replace(a.Object, part.Object, id, 1))
	if err != nil {
		return Answer{}, *a, false
	}
	rest.read(folded)
	return part, rest, true
}

func (x *exchange) apiVersion() string {
	if v := x.header.Get("Stripe-Version"); v != "" {
		return v
	}
	return stripego.APIVersion
}

func checkPath(path string) error {
	if !strings.HasPrefix(path, "/v1/") && !strings.HasPrefix(path, "/v2/") || strings.ContainsAny(path, "?# \r\n") ||
		slices.ContainsFunc(strings.Split(path, "/"), func(s string) bool { return s == "." || s == ".." }) {
		return errors.New("stripe: a path of the API begins with /v1/ or /v2/ and has no query")
	}
	return nil
}

func cloneValues(v url.Values) url.Values {
	c := make(url.Values, len(v)+2)
	for k, vs := range v {
		c[k] = slices.Clone(vs)
	}
	return c
}

// segment is an id as a part of a path.
func segment(id string) (string, error) {
	if id == "" || id == "." || id == ".." || len(id) > maxID {
		return "", fmt.Errorf("stripe: %q is not an id", id)
	}
	return url.PathEscape(id), nil
}
