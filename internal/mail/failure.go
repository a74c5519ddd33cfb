package mail

import (
	"context"
	"errors"
	"fmt"
	"net/textproto"
)

// permanentError marks a mail that no further attempt can deliver.
type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// Permanent reports whether trying again cannot help: the address is no
// address, or the server refused this very mail (5xx to MAIL, RCPT or DATA).
// Everything else is worth another attempt: 4xx, the network, timeouts, and also
// a server that does not let us in (TLS, login, 530, 535), since those are
// mended in the configuration and the notice is still owed.
func Permanent(err error) bool {
	var p *permanentError
	return errors.As(err, &p)
}

// answered wraps what went wrong while the server was asked for step. The
// server's own words are cut to one line, because they end up in a row that
// people read.
func answered(ctx context.Context, step string, err error) error {
	var reply *textproto.Error
	switch {
	case errors.As(err, &reply):
		return fmt.Errorf("mail: %s: the server answered %d %s", step, reply.Code, cut(clean(reply.Msg), 300))
	case ctx.Err() != nil:
		// The connection was closed under the command; say why.
		return fmt.Errorf("mail: %s: %w", step, context.Cause(ctx))
	}
	return fmt.Errorf("mail: %s: %w", step, err)
}

// refused is answered for the commands that are about this mail, where 5xx is
// the last word.
func refused(ctx context.Context, step string, err error) error {
	wrapped := answered(ctx, step, err)
	var reply *textproto.Error
	if !errors.As(err, &reply) || reply.Code < 500 || reply.Code > 599 {
		return wrapped
	}
	switch reply.Code {
	case 530, 534, 535, 538: // RFC 4954: about the login, not about the mail
		return wrapped
	}
	return &permanentError{wrapped}
}
