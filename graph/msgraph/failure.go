package msgraph

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/microsoftgraph/msgraph-beta-sdk-go/models/odataerrors"

	"revoke-sessions/graph"
)

// maxRetryAfter is the longest wait that is believed. Graph asks for seconds
// or minutes.
const maxRetryAfter = 24 * time.Hour

// failure turns a call that did not end in a yes into an error. It never
// prints err, which may panic or hold a response body; of err it keeps only
// what is known to be harmless.
func failure(op string, x *exchange, err error) *graph.Error {
	remedy := graph.Remedy
	if op == opRead {
		remedy = graph.RemedyForAccounts
	}
	return failureOf(op, x, err, remedy)
}

// failureOf is failure where remedy says what failing means. What a sign-in that
// failed says of itself counts for more.
func failureOf(op string, x *exchange, err error, remedy func(status int, code string) string) *graph.Error {
	e := &graph.Error{
		Op:              op,
		Status:          x.status,
		RequestID:       plain(x.header.Get("request-id")),
		ClientRequestID: plain(x.clientRequestID),
		Outcome:         graph.NotDone,
		Header:          x.shown,
		Err:             harmless(x, err),
	}
	if failed, ok := errors.AsType[*signInError](err); ok {
		// Nothing left the bot, or Graph had refused the token before with 401.
		e.Code, e.Retryable = failed.code, failed.retryable
		if failed.remedy != "" {
			e.Remedy = failed.remedy
			return e
		}
	} else {
		e.Code = code(x, err)
		e.Outcome, e.Retryable, e.RetryAfter = judge(x)
	}
	e.Remedy = remedy(e.Status, e.Code)
	return e
}

// judge says what is known after a call that did not end in a yes. An unknown
// outcome is not Retryable: the account must be read first. A read changes
// nothing, so that it is never unknown and may be repeated instead.
func judge(x *exchange) (outcome graph.Outcome, retryable bool, after time.Duration) {
	after, asked := retryAfter(x)
	switch {
	case x.neverLeft():
		return graph.NotDone, x.reached || x.ended != nil, 0
	case x.status == http.StatusTooManyRequests,
		x.status == http.StatusServiceUnavailable && asked:
		// A plain refusal: come back later.
		return graph.NotDone, true, after
	case x.status >= 400 && x.status < 500:
		return graph.NotDone, x.status == http.StatusRequestTimeout || x.status == http.StatusConflict ||
			x.status == http.StatusLocked, after
	case x.reads():
		return graph.NotDone, x.status == 0 || x.status >= 500, after
	default:
		return graph.OutcomeUnknown, false, 0
	}
}

// retryAfter reads the Retry-After header: seconds, or a date by Microsoft's
// own clock. asked is false when there is none that can be read.
func retryAfter(x *exchange) (wait time.Duration, asked bool) {
	value := strings.TrimSpace(x.header.Get("Retry-After"))
	if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, maxRetryAfter.Seconds()) * float64(time.Second)), true
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	now, err := http.ParseTime(x.header.Get("Date"))
	if err != nil {
		now = x.answeredAt
	}
	return min(max(at.Sub(now), 0), maxRetryAfter), true
}

// code names what went wrong: by Graph's code if there is one, otherwise by
// one of package graph's.
func code(x *exchange, err error) string {
	if c := graphCode(err); c != "" {
		return c
	}
	switch {
	case errors.Is(err, errOwnAccount):
		return graph.CodeOwnAccount
	case x.status == http.StatusNotFound:
		// Graph's own 404 has a code; this one is somebody else's.
		return graph.CodeUnreadable
	case x.status >= 300:
		return "" // the status says it
	case errors.Is(err, errPanic) || errors.Is(err, errHeldBack):
		return graph.CodeInternal
	case errors.Is(x.ended, context.Canceled):
		return graph.CodeCanceled
	case x.ended != nil:
		return graph.CodeTimeout
	case x.status != 0 && x.body != nil:
		return graph.CodeUnreadable
	case x.status != 0 || !x.neverLeft():
		return graph.CodeConnectionLost
	case !x.reached:
		return graph.CodeInternal
	default:
		return dialCode(err)
	}
}

// dialCode tells why no connection came about.
func dialCode(err error) string {
	_, noName := errors.AsType[*net.DNSError](err)
	_, badCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	_, unknownAuthority := errors.AsType[x509.UnknownAuthorityError](err)
	_, noTLS := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case noName:
		return graph.CodeDNS
	case errors.Is(err, syscall.ECONNREFUSED):
		return graph.CodeRefused
	case badCertificate || unknownAuthority || noTLS:
		return graph.CodeTLS
	default:
		return graph.CodeNoConnection
	}
}

// graphCode is the code of Graph's JSON error. It asks the error step by step,
// because ODataError.Error dereferences what need not be there.
func graphCode(err error) string {
	odata, ok := errors.AsType[*odataerrors.ODataError](err)
	if !ok {
		return ""
	}
	if main := odata.GetErrorEscaped(); main != nil && main.GetCode() != nil {
		return plain(*main.GetCode())
	}
	return ""
}

var plainText = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

// plain lets a code or a request ID through, and nothing that could be more.
func plain(s string) string {
	if plainText.MatchString(s) {
		return s
	}
	return ""
}

// harmless is the part of err that callers may ask for with errors.Is.
func harmless(x *exchange, err error) error {
	if x.ended != nil {
		return x.ended
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return errno
	}
	for _, known := range []error{io.EOF, io.ErrUnexpectedEOF, errPanic, errHeldBack} {
		if errors.Is(err, known) {
			return known
		}
	}
	return nil
}

// cutShort is the context error in err's chain, or nil.
func cutShort(err error) error {
	for _, known := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return known
		}
	}
	return nil
}

// refused is the error for something that was not sent.
func refused(op, code string) *graph.Error {
	return &graph.Error{Op: op, Code: code, Outcome: graph.NotDone, Remedy: graph.Remedy(0, code)}
}
