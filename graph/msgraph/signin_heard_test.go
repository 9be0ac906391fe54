package msgraph_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	azlog "github.com/Azure/azure-sdk-for-go/sdk/azcore/log"

	"revoke-sessions/graph"
	"revoke-sessions/graph/graphtest"
	"revoke-sessions/graph/msgraph"
)

// TestThatEntraKnowsTheCloudSaysNothing: azidentity asks which clouds there are
// before it looks for a sign-in and finds none. The answer to that is none to
// whether anybody is signed in.
func TestThatEntraKnowsTheCloudSaysNothing(t *testing.T) {
	const id = "11111111-2222-3333-4444-555555555555"
	record := file(t, "login.json", []byte(`{"authority":"https://login.microsoftonline.com","clientId":"`+id+
		`","homeAccountId":"`+id+"."+id+`","tenantId":"`+id+`","username":"dora@contoso.example","version":"1.0"}`))
	e := environment{"AZURE_TENANT_ID": id, "AZURE_CLIENT_ID": id, "REVOKE_LOGIN_RECORD": record}
	asked := 0
	credential, _, err := msgraph.LoginInMemory(e.get, msgraph.CredentialOptions{
		Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if !strings.Contains(r.URL.Path, "/discovery/instance") {
				return nil, fmt.Errorf("asked for %s", r.URL.Path)
			}
			asked++
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: r, Body: io.NopCloser(strings.NewReader(
				`{"tenant_discovery_endpoint":"https://login.microsoftonline.com/x","metadata":[{"preferred_network":` +
					`"login.microsoftonline.com","preferred_cache":"login.windows.net","aliases":["login.microsoftonline.com"]}]}`))}, nil
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = credential.GetToken(t.Context(), forGraph)
	if e := wantError(t, err); e.Code != graph.CodeNotSignedIn || !strings.Contains(e.Remedy, "revoke-sessions login") {
		t.Errorf("%+v", e)
	}
	if asked == 0 {
		t.Error("nothing was asked, so that this shows nothing")
	}
}

// TestTheLastAnswerCounts: the first try got none, the second a plain no.
func TestTheLastAnswerCounts(t *testing.T) {
	tenant := newTenant(t)
	tenant.Inject(graphtest.Fault{Entra: true, PathSuffix: "/token", Reset: true, Times: 1})
	_, err := getToken(t.Context(), credentialFor(t, tenant.Server, "SECRET-VALUE-4"), tenant.Server)
	if e := wantError(t, err, "SECRET-VALUE-4"); e.Code != "AADSTS7000215" || e.Retryable {
		t.Errorf("%+v", e)
	}
}

// TestAzidentityLogsNoSecret: AZURE_SDK_GO_LOGGING=all makes azidentity talk.
func TestAzidentityLogsNoSecret(t *testing.T) {
	var mu sync.Mutex
	var said strings.Builder
	azlog.SetListener(func(_ azlog.Event, text string) {
		mu.Lock()
		defer mu.Unlock()
		said.WriteString(text)
	})
	defer azlog.SetListener(nil)

	d := newDelegated(t)
	secrets := []string{d.Config().ClientSecret, "SECRET-VALUE-3", "eyJ"}
	d.logIn(t)
	var names []string
	mine := newKeyPair(t, "bot")
	d.RegisterCertificate(mine.certificate)
	for _, e := range []environment{
		application(d.Server).with("AZURE_CLIENT_SECRET", d.Config().ClientSecret),
		application(d.Server).with("AZURE_CLIENT_SECRET", "SECRET-VALUE-3"),
		application(d.Server).with("AZURE_CLIENT_CERTIFICATE_PATH", file(t, "bot.pem", mine.pem(t))),
	} {
		credential, name, err := msgraph.Credential(e.get, entraAt(d.Server))
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
		if token, err := getToken(t.Context(), credential, d.Server); err == nil {
			secrets = append(secrets, token.Token)
		}
	}
	token, err := getToken(t.Context(), d.credential, d.Server)
	if err != nil {
		t.Fatal(err)
	}
	secrets = append(secrets, token.Token)
	text, err := os.ReadFile(d.record)
	if err != nil {
		t.Fatal(err)
	}

	mu.Lock()
	defer mu.Unlock()
	if !strings.Contains(said.String(), "acquired a token") {
		t.Fatal("azidentity said nothing, so that this shows nothing")
	}
	for _, secret := range secrets {
		if secret == "" || strings.Contains(said.String()+string(text)+strings.Join(names, ""), secret) {
			t.Errorf("%.6q… stands in the log, the record or a name", secret)
		}
	}
}
