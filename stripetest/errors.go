package stripetest

import (
	"fmt"
	"net/http"
)

// Error is an error as Stripe's API answers it.
// https://docs.stripe.com/api/errors
type Error struct {
	Status      int    // HTTP
	Type        string // api_error, card_error, idempotency_error, invalid_request_error
	Code        string
	Message     string
	Param       string
	DeclineCode string
	AdviceCode  string // try_again_later, do_not_try_again, confirm_card_data
	Charge      string
	// PaymentIntent is the intent that failed, as the answer shows it.
	PaymentIntent Object
	PaymentMethod Object
}

func (e *Error) Error() string {
	return fmt.Sprintf("stripe: %d %s: %s", e.Status, e.Type, e.Message)
}

// object is the hash that stands under "error", and in an intent's
// last_payment_error.
func (e *Error) object() Object {
	o := Object{"type": e.Type, "message": e.Message}
	for key, value := range map[string]string{
		"code": e.Code, "param": e.Param, "decline_code": e.DeclineCode,
		"advice_code": e.AdviceCode, "charge": e.Charge,
	} {
		if value != "" {
			o[key] = value
		}
	}
	if e.Code != "" {
		o["doc_url"] = "https://stripe.com/docs/error-codes/" + dashed(e.Code)
	}
	if e.PaymentMethod != nil {
		o["payment_method"] = e.PaymentMethod
	}
	if e.PaymentIntent != nil {
		o["payment_intent"] = e.PaymentIntent
	}
	return o
}

func dashed(code string) string {
	b := []byte(code)
	for i, c := range b {
		if c == '_' {
			b[i] = '-'
		}
	}
	return string(b)
}

func invalid(param, format string, args ...any) *Error {
	return &Error{
		Status: http.StatusBadRequest, Type: "invalid_request_error",
		Message: fmt.Sprintf(format, args...), Param: param,
	}
}

func invalidCode(code, param, format string, args ...any) *Error {
	e := invalid(param, format, args...)
	e.Code = code
	return e
}

func missingParam(param string) *Error {
	return invalidCode("parameter_missing", param, "Missing required param: %s.", param)
}

// noSuch is the 404 for an id in the path; Stripe answers the same body with
// 400 where the id stands in a parameter.
func noSuch(kind, id string) *Error {
	e := invalidCode("resource_missing", "id", "No such %s: '%s'", kind, id)
	e.Status = http.StatusNotFound
	return e
}

func noSuchParam(kind, id, param string) *Error {
	return invalidCode("resource_missing", param, "No such %s: '%s'", kind, id)
}
