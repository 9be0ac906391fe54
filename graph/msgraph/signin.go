package msgraph

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"revoke-sessions/graph"
)

// signIn asks a credential for tokens and turns its errors, which quote the
// token endpoint's whole answer, into ones that quote nothing.
type signIn struct{ credential azcore.TokenCredential }

// GetToken is what kiota calls before each request.
func (s signIn) GetToken(ctx context.Context, options policy.TokenRequestOptions) (azcore.AccessToken, error) {
	token, err := s.credential.GetToken(ctx, options)
	if err != nil {
		return azcore.AccessToken{}, asSignInError(ctx, err, nil)
	}
	if token.Token == "" {
		return azcore.AccessToken{}, &signInError{code: graph.CodeSignInFailed}
	}
	return token, nil
}

// signInError is a token that was not obtained.
type signInError struct {
	code      string
	retryable bool
	// detail says what happened where no code does: on this machine, before
	// anything was sent. It holds names of settings and files.
	detail string
	// remedy is what to do about it; empty means graph.Remedy's.
	remedy string
	// ended is the context's error when waiting was cut short.
	ended error
}

func (e *signInError) Error() string {
	text := "signing in to Entra: " + e.code
	if e.detail != "" {
		text += ": " + e.detail
	}
	return text
}

func (e *signInError) Unwrap() error { return e.ended }

// asGraphError is the error as people get it.
func (e *signInError) asGraphError() *graph.Error {
	failed := &graph.Error{
		Op: "sign in to Entra", Code: e.code, Outcome: graph.NotDone, Retryable: e.retryable, Remedy: e.remedy, Err: e,
	}
	if failed.Remedy == "" {
		failed.Remedy = graph.Remedy(0, e.code)
	}
	return failed
}

// ranOut is a sign-in that the caller's context cut short.
func ranOut(ctx context.Context) *signInError {
	return &signInError{code: graph.CodeSignInUnreachable, retryable: true, ended: ctx.Err()}
}

var aadsts = regexp.MustCompile(`AADSTS[0-9]{4,9}`)

// transient are the numbers after which the same sign-in may succeed.
// Source: learn.microsoft.com/entra/identity-platform/reference-error-codes.
var transient = []string{"AADSTS90033", "AADSTS90090", "AADSTS50033"}

// asSignInError judges why a credential gave no token. h is what Entra said
// meanwhile, nil where nobody listened.
func asSignInError(ctx context.Context, err error, h *heard) *signInError {
	if e, judged := errors.AsType[*signInError](err); judged {
		return e
	}
	if h != nil && h.failed != nil {
		return h.failed
	}
	if ctx.Err() != nil {
		return ranOut(ctx).numbered(err, h)
	}
	e := &signInError{code: graph.CodeSignInFailed}
	_, isFailed := errors.AsType[*azidentity.AuthenticationFailedError](err)
	_, isRequired := errors.AsType[*azidentity.AuthenticationRequiredError](err)
	// azidentity's error for "no credential applies" has no exported type, but
	// this method, which AuthenticationFailedError has as well.
	_, isUnavailable := errors.AsType[interface {
		error
		NonRetriable()
	}](err)

	switch status, answered := statusOf(err, h); {
	case isUnavailable && !isFailed && !isRequired:
		e.code = graph.CodeNoCredential
	case h != nil && h.silent, !answered && h == nil && isFailed:
		// No answer from the token endpoint; azidentity keeps the cause as text.
		e.code, e.retryable = graph.CodeSignInUnreachable, true
	case status >= 500, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		e.code, e.retryable = graph.CodeSignInUnreachable, true
	case answered && status < 400:
		// A proxy's page, most likely: azidentity could not use it.
		e.code = graph.CodeUnreadable
	case !answered && isRequired && h != nil:
		// Entra was not even asked, for there was nothing to show to it.
		e = notSignedIn("")
	}
	return e.numbered(err, h)
}

// statusOf is the status of Entra's last answer.
func statusOf(err error, h *heard) (status int, answered bool) {
	if h != nil {
		return h.status, h.status != 0
	}
	if failed, ok := errors.AsType[*azidentity.AuthenticationFailedError](err); ok && failed.RawResponse != nil {
		return failed.RawResponse.StatusCode, true
	}
	return 0, false
}

// remedyExpired goes with AADSTS700027 where Entra adds that it knows the
// certificate, but that its time is over: the number alone does not tell.
const remedyExpired = "The bot's certificate has expired, or the clock of the machine it runs on is wrong. " +
	"Make a new certificate and upload it to the app registration."

// numbered puts in the number that Entra gave. The error's text holds the
// token endpoint's answer; only the number is taken from it.
func (e *signInError) numbered(err error, h *heard) *signInError {
	number := aadsts.FindString(err.Error())
	if h != nil && h.number != "" {
		number = h.number
	}
	if number != "" {
		e.code = number
		e.retryable = e.retryable || slices.Contains(transient, number)
		if h != nil && h.expired {
			e.remedy = remedyExpired
		}
	}
	return e
}
