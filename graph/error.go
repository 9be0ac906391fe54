package graph

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Outcome says what is known of a call's effect.
type Outcome string

// What is known after a call.
const (
	// Done: Microsoft said that it was done.
	Done Outcome = "done"
	// NotDone: Microsoft said no, or the request never left.
	NotDone Outcome = "not_done"
	// OutcomeUnknown: the request may have been carried out. Only reading the
	// stamps can tell.
	OutcomeUnknown Outcome = "unknown"
)

// Error is a call to Entra or Graph that did not end in a yes. Its text is
// safe to log and to show: it never holds a token, a header or a response
// body. Err is kept for errors.Is and is not part of the text.
type Error struct {
	// Op says what was being done: "revoke sessions", "read the account".
	Op string
	// Operation is the action that ran last; empty for reads.
	Operation Operation
	// Status is the HTTP status, 0 when there was no answer.
	Status int
	// Code is Graph's error code or an AADSTS number; empty when unknown.
	Code            string
	RequestID       string
	ClientRequestID string
	// Outcome is never Done.
	Outcome Outcome
	// Retryable says that the same call may succeed later, unchanged.
	Retryable bool
	// RetryAfter is how long Microsoft asked to wait; 0 when it did not.
	RetryAfter time.Duration
	// Remedy is one or two sentences for a person: what it means and what to
	// do. Never empty.
	Remedy string
	// Also is the call that was refused before the one that this error is
	// about, when that was a fallback; otherwise nil.
	Also *Refusal
	// Header is the answer's, without what could sign anybody in; nil when
	// there was no answer.
	Header http.Header
	Err    error
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	switch {
	case e.Status != 0:
		fmt.Fprintf(&b, ": Microsoft answered %d", e.Status)
		if e.Code != "" {
			fmt.Fprintf(&b, " (%s)", e.Code)
		}
	case e.Code != "":
		fmt.Fprintf(&b, ": %s", e.Code)
	default:
		b.WriteString(": no answer from Microsoft")
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, ", request-id %s", e.RequestID)
	}
	if e.Also != nil {
		fmt.Fprintf(&b, ": this was %s, after %s was answered with %d", e.Operation, e.Also.Operation, e.Also.Status)
		if e.Also.Code != "" {
			fmt.Fprintf(&b, " (%s)", e.Also.Code)
		}
		if e.Also.RequestID != "" {
			fmt.Fprintf(&b, ", request-id %s", e.Also.RequestID)
		}
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// AsError returns the *Error in err's chain, or nil.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return nil
}

// IsNotFound reports whether Graph said that there is no such account; a 404
// that is not Graph's own, from a proxy say, or that is about the operation, is
// no word about the account.
func IsNotFound(err error) bool {
	e := AsError(err)
	return e != nil && e.Status == http.StatusNotFound &&
		e.Code != CodeUnreadable && e.Code != CodeOperationGone && e.Code != CodeNothingFound
}
