package msgraph_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"revoke-sessions/graph"
	"revoke-sessions/graph/graphtest"
	"revoke-sessions/graph/msgraph"
)

// patience bounds every wait of these tests; none is expected to take long.
const patience = 30 * time.Second

// tenant is a double, a client that signs in to it through azidentity, and an
// account.
type tenant struct {
	*graphtest.Server
	client *msgraph.Client
	carol  graphtest.User
}

func newTenant(t *testing.T, change ...func(*graphtest.Config)) *tenant {
	t.Helper()
	var config graphtest.Config
	for _, f := range change {
		f(&config)
	}
	server, err := graphtest.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	modelled(t, server)
	client := clientFor(t, server, server.Client().Transport)
	carol := server.AddUser(graphtest.User{
		DisplayName:       "Carol Target",
		UserPrincipalName: "carol@contoso.example",
		Mail:              "carol.target@contoso.example",
		ProxyAddresses:    []string{"SMTP:carol.target@contoso.example", "smtp:c@contoso.example"},
	})
	return &tenant{Server: server, client: client, carol: carol}
}

// modelled fails a test whose client asked for what the double does not model: what
// came of it says nothing of Entra and Graph.
func modelled(t *testing.T, server *graphtest.Server) {
	t.Cleanup(func() {
		for _, r := range server.Unknown() {
			t.Errorf("graphtest does not model %s %s?%s", r.Method, r.Path, r.Query.Encode())
		}
	})
}

// clientFor signs in to the server and asks it through a transport.
func clientFor(t *testing.T, server *graphtest.Server, transport http.RoundTripper) *msgraph.Client {
	t.Helper()
	client, err := msgraph.New(msgraph.Config{
		Credential: credentialFor(t, server, server.Config().ClientSecret),
		GraphURL:   server.GraphURL(),
		Transport:  transport,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func credentialFor(t *testing.T, server *graphtest.Server, secret string) azcore.TokenCredential {
	t.Helper()
	environment := map[string]string{
		"AZURE_TENANT_ID":     server.Config().TenantID,
		"AZURE_CLIENT_ID":     server.Config().ClientID,
		"AZURE_CLIENT_SECRET": secret,
	}
	credential, name, err := msgraph.Credential(
		func(name string) string { return environment[name] },
		msgraph.CredentialOptions{
			AuthorityHost:            server.URL(),
			Transport:                server.Client().Transport,
			DisableInstanceDiscovery: true,
		})
	if err != nil || name != "client secret" {
		t.Fatalf("credential %q: %v", name, err)
	}
	return credential
}

// staticToken is a credential that has a token already.
type staticToken string

func (s staticToken) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(s), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// wantError checks what every error of the client has to be.
func wantError(t *testing.T, err error, secrets ...string) *graph.Error {
	t.Helper()
	var e *graph.Error
	if !errors.As(err, &e) {
		t.Fatalf("%T is not a *graph.Error", err)
	}
	if e.Remedy == "" || e.Op == "" || e.Outcome == graph.Done || e.Outcome == "" {
		t.Errorf("incomplete: %#v", e)
	}
	for link := error(e); link != nil; link = errors.Unwrap(link) {
		said := link.Error() // must not panic
		for _, secret := range append(secrets, "Bearer", "SECRET-IN-BODY", "eyJ") {
			if strings.Contains(said, secret) {
				t.Errorf("the text %q tells %q", said, secret)
			}
		}
	}
	return e
}
