package api

import (
	"encoding/json"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bursarhq/bursar/internal/apply"
	"github.com/bursarhq/bursar/internal/store"
)

// What requests have in common. huma reads the parameters from the fields' tags.

// OfAccount is whose data is meant.
type OfAccount struct {
	Account string `query:"account" maxLength:"255" doc:"A connected account (acct_…); the own account where left out."`
}

// OfTenant names a tenant in the path.
type OfTenant struct {
	OfAccount
	Tenant string `path:"tenant" doc:"The tenant's id."`
}

// OfID names one of Stripe's objects in the path.
type OfID struct {
	OfAccount
	ID string `path:"id" doc:"Stripe's id."`
}

// InPages asks for a part of a list.
type InPages struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"How many, at most."`
	Cursor string `query:"cursor" maxLength:"500" doc:"next_cursor of the part before; the beginning where left out."`
}

func (p InPages) page() (store.Page, error) {
	after, err := store.ParseCursor(p.Cursor)
	return store.Page{Limit: p.Limit, After: after}, err
}

// TenantList asks for a part of one of a tenant's lists.
type TenantList struct {
	OfTenant
	InPages
}

// List is a part of a list.
type List[T any] struct {
	Data       []T     `json:"data" nullable:"false"`
	NextCursor *string `json:"next_cursor" doc:"What to send as cursor for what follows; null at the end."`
}

// listOf makes the answer of rows.
func listOf[R, T any](rows store.List[R], shape func(*R) T) List[T] {
	l := List[T]{Data: make([]T, len(rows.Rows)), NextCursor: text(rows.Next)}
	for i := range rows.Rows {
		l.Data[i] = shape(&rows.Rows[i])
	}
	return l
}

// text is null where it is empty.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// number is null where it is zero.
func number(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}

// seconds is a time by Stripe's clock, null where there is none.
func seconds(unix int64) *time.Time {
	if unix == 0 {
		return nil
	}
	t := time.Unix(unix, 0).UTC()
	return &t
}

// micros is a time by our clock, null where there is none.
func micros(unix int64) *time.Time {
	if unix == 0 {
		return nil
	}
	t := time.UnixMicro(unix).UTC()
	return &t
}

// Clearable is text of a change: left out it changes nothing, null clears it.
type Clearable struct{ apply.Patch }

// Schema is text or null.
func (Clearable) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Nullable: true}
}

// ClearableMap is metadata of a change: left out it changes nothing, null clears it,
// anything else replaces it whole.
type ClearableMap struct{ value *map[string]string }

// UnmarshalJSON takes an object of text, or null.
func (m *ClearableMap) UnmarshalJSON(b []byte) error {
	value := map[string]string{}
	if err := json.Unmarshal(b, &value); err != nil {
		return err
	}
	if value == nil {
		value = map[string]string{}
	}
	m.value = &value
	return nil
}

// Schema has Stripe's limits on metadata.
func (ClearableMap) Schema(huma.Registry) *huma.Schema {
	most, longest := 50, 500
	return &huma.Schema{
		Type: huma.TypeObject, Nullable: true, MaxProperties: &most,
		AdditionalProperties: &huma.Schema{Type: huma.TypeString, MaxLength: &longest},
	}
}

// Object is JSON that is passed on as it is.
type Object json.RawMessage

// MarshalJSON is itself.
func (o Object) MarshalJSON() ([]byte, error) {
	if o == nil {
		return []byte("null"), nil
	}
	return o, nil
}

// Schema is any object, or null.
func (Object) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, Nullable: true, AdditionalProperties: true}
}
