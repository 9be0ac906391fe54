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
	switch {
	case err != nil:
		return azcore.AccessToken{}, newSignInError(ctx, err)
	case token.Token == "":
		return azcore.AccessToken{}, &signInError{code: graph.CodeSignInFailed}
	default:
		return token, nil
	}
}

// signInError is a token that was not obtained.
type signInError struct {
	code      string
	retryable bool
	// ended is the context's error when waiting was cut short.
	ended error
}

func (e *signInError) Error() string { return "signing in to Entra: " + e.code }
func (e *signInError) Unwrap() error { return e.ended }

var aadsts = regexp.MustCompile(`AADSTS[0-9]{4,9}`)

// transient are the numbers after which the same sign-in may succeed.
// Source: learn.microsoft.com/entra/identity-platform/reference-error-codes.
var transient = []string{"AADSTS90033", "AADSTS90090", "AADSTS50033"}

func newSignInError(ctx context.Context, err error) *signInError {
	e := &signInError{code: graph.CodeSignInFailed, ended: ctx.Err()}
	failed, isFailed := errors.AsType[*azidentity.AuthenticationFailedError](err)
	_, isRequired := errors.AsType[*azidentity.AuthenticationRequiredError](err)
	// azidentity's error for "no credential applies" has no exported type, but
	// this method, which AuthenticationFailedError has as well.
	_, isUnavailable := errors.AsType[interface {
		error
		NonRetriable()
	}](err)

	switch {
	case e.ended != nil:
		e.code, e.retryable = graph.CodeSignInUnreachable, true
	case isRequired:
	case !isFailed && isUnavailable:
		e.code = graph.CodeNoCredential
	case !isFailed:
	case failed.RawResponse == nil:
		// No answer from the token endpoint; azidentity keeps the cause as text.
		e.code, e.retryable = graph.CodeSignInUnreachable, true
	default:
		switch status := failed.RawResponse.StatusCode; {
		case status >= 500, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
			e.code, e.retryable = graph.CodeSignInUnreachable, true
		}
	}
	// The text holds the token endpoint's answer. Only the number is taken.
	if number := aadsts.FindString(err.Error()); number != "" {
		e.code = number
		e.retryable = e.retryable || slices.Contains(transient, number)
	}
	return e
}
