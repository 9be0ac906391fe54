package msgraph_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"revoke-sessions/graph"
	"revoke-sessions/graph/graphtest"
	"revoke-sessions/graph/msgraph"
)

func TestHowASignInFails(t *testing.T) {
	for name, row := range map[string]struct {
		secret    string
		fault     graphtest.Fault
		code      string
		retryable bool
	}{
		"wrong secret": {"SECRET-VALUE-1", graphtest.Fault{Entra: true, Method: "NONE"}, "AADSTS7000215", false},
		"blocked":      {"", graphtest.Fault{Entra: true, Status: 400, Code: "AADSTS53003"}, "AADSTS53003", false},
		"transient":    {"", graphtest.Fault{Entra: true, Status: 400, Code: "AADSTS90033"}, "AADSTS90033", true},
		"no number":    {"", graphtest.Fault{Entra: true, PathSuffix: "/token", Status: 400, Body: []byte(`{"error":"SECRET-IN-BODY"}`)}, graph.CodeSignInFailed, false},
		"html":         {"", graphtest.Fault{Entra: true, PathSuffix: "/token", Status: 502, Body: []byte("<p>SECRET-IN-BODY"), ContentType: "text/html"}, graph.CodeSignInUnreachable, true},
		"429":          {"", graphtest.Fault{Entra: true, Status: 429, Body: []byte("{}")}, graph.CodeSignInUnreachable, true},
		"reset":        {"", graphtest.Fault{Entra: true, Reset: true}, graph.CodeSignInUnreachable, true},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			secret := row.secret
			if secret == "" {
				secret = tenant.Config().ClientSecret
			}
			client, err := msgraph.New(msgraph.Config{
				Credential: credentialFor(t, tenant.Server, secret),
				GraphURL:   tenant.GraphURL(), Transport: tenant.Client().Transport,
			})
			if err != nil {
				t.Fatal(err)
			}
			tenant.Inject(row.fault)
			_, err = client.Revoke(t.Context(), tenant.carol.ID)
			e := wantError(t, err, secret, tenant.Config().ClientSecret, tenant.Config().TenantID)
			if e.Outcome != graph.NotDone || e.Status != 0 || e.Code != row.code || e.Retryable != row.retryable {
				t.Errorf("%+v", e)
			}
			if e.Remedy != graph.Remedy(0, row.code) {
				t.Errorf("remedy %q", e.Remedy)
			}
			if n := len(tenant.Requests()); n != 0 {
				t.Errorf("%d requests reached Graph", n)
			}
			// The sign-in is tried twice at most, for somebody waits.
			attempts := map[string]int{}
			for _, r := range tenant.SignIns() {
				if attempts[r.Path]++; attempts[r.Path] > 2 {
					t.Errorf("%d requests to %s", attempts[r.Path], r.Path)
				}
			}
		})
	}
}

func TestASignInThatHangs(t *testing.T) {
	tenant := newTenant(t)
	tenant.Inject(graphtest.Fault{Entra: true, Hang: true})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		for changed := tenant.Changed(); len(tenant.SignIns()) == 0; changed = tenant.Changed() {
			<-changed
		}
		cancel()
	}()
	_, err := tenant.client.Revoke(ctx, tenant.carol.ID)
	e := wantError(t, err)
	if e.Outcome != graph.NotDone || !e.Retryable || e.Code != graph.CodeSignInUnreachable || !errors.Is(e, context.Canceled) {
		t.Errorf("%+v", e)
	}
}

// failing is a credential that gives no token.
type failing struct{ err error }

func (f failing) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{}, f.err
}

func TestErrorsOfOtherCredentials(t *testing.T) {
	for name, row := range map[string]struct {
		err  error
		code string
	}{
		"none applies":     {azidentity.NewCredentialUnavailableError("SECRET-IN-BODY"), graph.CodeNoCredential},
		"needs a person":   {&azidentity.AuthenticationRequiredError{}, graph.CodeSignInFailed},
		"something else":   {errors.New("SECRET-IN-BODY"), graph.CodeSignInFailed},
		"number somewhere": {errors.New("AADSTS700082: SECRET-IN-BODY"), "AADSTS700082"},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := msgraph.New(msgraph.Config{Credential: failing{row.err}})
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Revoke(t.Context(), anybody)
			if e := wantError(t, err); e.Code != row.code || e.Outcome != graph.NotDone || e.Retryable {
				t.Errorf("%+v", e)
			}
		})
	}
}

func TestAnExpiredTokenIsNotDone(t *testing.T) {
	tenant := newTenant(t)
	if _, err := tenant.client.User(t.Context(), tenant.carol.ID); err != nil {
		t.Fatal(err)
	}
	tenant.ExpireTokens()
	_, err := tenant.client.Revoke(t.Context(), tenant.carol.ID)
	if e := wantError(t, err); e.Status != 401 || e.Outcome != graph.NotDone || e.Code != "InvalidAuthenticationToken" {
		t.Errorf("%+v", e)
	}
}

func TestNew(t *testing.T) {
	for name, row := range map[string]struct {
		config msgraph.Config
		want   string // part of the error; empty: none
	}{
		"defaults":          {msgraph.Config{Credential: staticToken("t")}, ""},
		"with a slash":      {msgraph.Config{Credential: staticToken("t"), GraphURL: "https://graph.microsoft.us/"}, ""},
		"no credential":     {msgraph.Config{}, "credential"},
		"http":              {msgraph.Config{Credential: staticToken("t"), GraphURL: "http://graph.microsoft.com"}, "https://"},
		"no host":           {msgraph.Config{Credential: staticToken("t"), GraphURL: "https://"}, "https://"},
		"no scheme":         {msgraph.Config{Credential: staticToken("t"), GraphURL: "graph.microsoft.com"}, "https://"},
		"with a version":    {msgraph.Config{Credential: staticToken("t"), GraphURL: "https://graph.microsoft.com/beta"}, "alone"},
		"with a password":   {msgraph.Config{Credential: staticToken("t"), GraphURL: "https://u:SECRET@x.example"}, "alone"},
		"with a query":      {msgraph.Config{Credential: staticToken("t"), GraphURL: "https://x.example?a=b"}, "alone"},
		"unknown operation": {msgraph.Config{Credential: staticToken("t"), Operation: "delete"}, `"delete"`},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := msgraph.New(row.config)
			if row.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				client.Close()
				return
			}
			if err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "SECRET") {
				t.Errorf("%v, want %q", err, row.want)
			}
		})
	}
}
