package msgraph

import (
	"context"
	"errors"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"revoke-sessions/graph"
)

// Codes of Login's errors. The first two are OAuth's own.
const (
	// CodeLoginDeclined: whoever typed the code refused.
	CodeLoginDeclined = "authorization_declined"
	// CodeLoginExpired: nobody typed the code in time.
	CodeLoginExpired = "expired_token"
	// CodeLoginGuest: the account belongs to another organisation.
	CodeLoginGuest = "guest_account"
)

var loginRemedies = map[string]string{
	CodeLoginDeclined: "The sign-in was refused in the browser. Run the login again and agree there.",
	CodeLoginExpired:  "Nobody entered the code in time. Run the login again.",
	CodeLoginGuest: "The account is a guest here, so that the bot could not tell when it is asked to revoke itself. " +
		"Sign in with an account of this organisation.",
}

// Login signs a person in whose rights the bot is to use, in a tenant that
// does not let applications revoke sessions. AZURE_TENANT_ID and
// AZURE_CLIENT_ID are needed, of an app registration that allows public client
// flows and has Graph's permissions delegated.
//
// show gets Entra's text with the address and the code to type there. Login
// then waits until that has happened, the code has expired (15 minutes) or ctx
// ends. The sign-in is kept, encrypted, where the operating system keeps such
// things, under the user that runs this; where it cannot be kept, that is an
// error before anybody is asked. The record, in which nothing is secret, goes
// to the file of LoginRecordPath. Afterwards Credential works with
// AZURE_TOKEN_CREDENTIALS=DeviceCodeCredential; a bot that is running takes
// over by itself.
//
// Errors from Entra are *graph.Error.
func Login(ctx context.Context, getenv func(string) string, options CredentialOptions,
	show func(message string)) (azidentity.AuthenticationRecord, error) {
	s, err := readSettings(getenv, options)
	if err != nil {
		return azidentity.AuthenticationRecord{}, err
	}
	for _, needed := range []string{"AZURE_TENANT_ID", "AZURE_CLIENT_ID"} {
		if !s.set(needed) {
			return azidentity.AuthenticationRecord{}, fmt.Errorf("to log in, %s is missing", needed)
		}
	}
	cache, err := persistentCache()
	if err != nil {
		return azidentity.AuthenticationRecord{}, err
	}
	d, err := newDevice(s, cache)
	if err != nil {
		return azidentity.AuthenticationRecord{}, err
	}
	return d.login(ctx, show)
}

// login has somebody sign in and stores the record.
func (d *device) login(ctx context.Context, show func(message string)) (azidentity.AuthenticationRecord, error) {
	none := azidentity.AuthenticationRecord{}
	inner, err := d.open(none, show)
	if err != nil {
		return none, fmt.Errorf("setting up the login: %w", err)
	}
	hearing, h := listening(ctx)
	// kiota asks with EnableCAE, and the cache is another one without it.
	record, err := inner.Authenticate(hearing, &policy.TokenRequestOptions{
		Scopes: []string{d.graphURL + "/.default"}, EnableCAE: true,
	})
	if err != nil {
		return none, loginError(ctx, err, h).asGraphError()
	}
	if _, err := Account(record); err != nil {
		return none, (&signInError{code: CodeLoginGuest, detail: err.Error(), remedy: loginRemedies[CodeLoginGuest]}).asGraphError()
	}
	text, err := writeRecord(d.path, record)
	if err != nil {
		return none, err
	}
	d.use(inner, record, text)
	return record, nil
}

// loginError judges why nobody signed in.
func loginError(ctx context.Context, err error, h *heard) *signInError {
	code := h.kind
	if ctx.Err() == nil && (code == "authorization_pending" || code == "slow_down") {
		// MSAL looks at the clock itself and stops asking.
		code = CodeLoginExpired
	}
	if remedy, ok := loginRemedies[code]; ok {
		return &signInError{code: code, remedy: remedy}
	}
	if ctx.Err() != nil {
		// That Entra was still waiting is no reason.
		return ranOut(ctx)
	}
	return asSignInError(ctx, err, h)
}

// errNoCache says that a sign-in cannot be kept on this machine.
var errNoCache = errors.New("a person's sign-in cannot be kept on this machine")

// notSignedIn is a sign-in of which there is nothing on this machine.
func notSignedIn(detail string) *signInError {
	return &signInError{code: graph.CodeNotSignedIn, detail: detail}
}
