package msgraph_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"revoke-sessions/graph"
	"revoke-sessions/graph/graphtest"
	"revoke-sessions/graph/msgraph"
)

// TestWorkloadIdentity: the platform changes the token file while the bot runs.
func TestWorkloadIdentity(t *testing.T) {
	// MSAL does not use a token in its last five minutes, so that each call
	// needs a new one.
	tenant := newTenant(t, func(c *graphtest.Config) { c.TokenLifetime = time.Minute })
	cluster, other := newIssuer(t, "https://cluster.example"), newIssuer(t, "https://cluster.example")
	stranger := newIssuer(t, "https://stranger.example")
	const subject = "system:serviceaccount:security:revoke-sessions"
	tenant.Federate(cluster, subject)
	later := time.Now().Add(time.Hour)

	path := file(t, "token", []byte(signed(t, cluster, subject, graphtest.FederatedAudience, later)))
	e := application(tenant.Server).with("AZURE_FEDERATED_TOKEN_FILE", path)
	credential := choose(t, tenant.Server, e, "workload identity")
	mustReadCarol(t, tenant, credential)

	for _, row := range []struct{ name, content, code string }{
		{"another subject", signed(t, cluster, "system:serviceaccount:default:x", graphtest.FederatedAudience, later), "AADSTS700213"},
		{"another audience", signed(t, cluster, subject, "https://kubernetes.default.svc", later), "AADSTS700212"},
		{"another issuer", signed(t, stranger, subject, graphtest.FederatedAudience, later), "AADSTS700211"},
		{"another key", signed(t, other, subject, graphtest.FederatedAudience, later), "AADSTS700027"},
		{"expired", signed(t, cluster, subject, graphtest.FederatedAudience, time.Now().Add(-time.Hour)), "AADSTS700024"},
		{"no token", "SECRET-IN-BODY", "AADSTS50027"},
		{"empty", "", graph.CodeSignInFailed},
		{"good again", signed(t, cluster, subject, graphtest.FederatedAudience, later), ""},
	} {
		if err := os.WriteFile(path, []byte(row.content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := getToken(t.Context(), credential, tenant.Server)
		if row.code == "" {
			if err != nil {
				t.Errorf("%s: %v", row.name, err)
			}
			continue
		}
		if e := wantError(t, err); e.Code != row.code || e.Retryable {
			t.Errorf("%s: %+v", row.name, e)
		}
	}

	// Nothing that is wrong on this machine passes for a network that is down.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	_, err := getToken(t.Context(), credential, tenant.Server)
	failed := wantError(t, err)
	if failed.Code != graph.CodeSignInFailed || !strings.Contains(failed.Remedy, "AZURE_FEDERATED_TOKEN_FILE") || !strings.Contains(failed.Err.Error(), path) {
		t.Errorf("%+v, %v", failed, failed.Err)
	}
}

func newIssuer(t *testing.T, url string) *graphtest.Issuer {
	t.Helper()
	issuer, err := graphtest.NewIssuer(url)
	if err != nil {
		t.Fatal(err)
	}
	return issuer
}

func signed(t *testing.T, issuer *graphtest.Issuer, subject, audience string, expires time.Time) string {
	t.Helper()
	token, err := issuer.Token(subject, audience, expires)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestManagedIdentity(t *testing.T) {
	const assigned = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
	for name, row := range map[string]struct {
		client, header, kind string
		code                 string // empty: it works
	}{
		"the machine's own": {"", "", "managed identity", ""},
		"one of many":       {assigned, "", "user-assigned managed identity", ""},
		"not assigned":      {"11111111-2222-3333-4444-555555555555", "", "user-assigned managed identity", graph.CodeSignInFailed},
		"not this machine":  {"", "SECRET-IN-BODY", "managed identity", graph.CodeSignInFailed},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			tenant.AssignIdentity(assigned)
			header := row.header
			if header == "" {
				header = tenant.IdentityHeader()
			}
			// azidentity looks at the process.
			t.Setenv("IDENTITY_ENDPOINT", tenant.IdentityEndpoint())
			t.Setenv("IDENTITY_HEADER", header)
			e := environment{"IDENTITY_ENDPOINT": tenant.IdentityEndpoint(), "AZURE_CLIENT_ID": row.client}
			credential := choose(t, tenant.Server, e, row.kind)
			if row.code == "" {
				mustReadCarol(t, tenant, credential)
				return
			}
			_, err := getToken(t.Context(), credential, tenant.Server)
			if e := wantError(t, err, tenant.IdentityHeader()); e.Code != row.code || e.Retryable {
				t.Errorf("%+v", e)
			}
		})
	}
}

// fakeCLI puts a program in place of the Azure CLI.
func fakeCLI(t *testing.T, script string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the Azure CLI's stand-in is a shell script")
	}
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "az"), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
}

func TestAzureCLI(t *testing.T) {
	tenant := newTenant(t)
	token, err := getToken(t.Context(), credentialFor(t, tenant.Server, tenant.Config().ClientSecret), tenant.Server)
	if err != nil {
		t.Fatal(err)
	}
	// It answers for this tenant alone.
	fakeCLI(t, fmt.Sprintf(`case "$*" in *"--tenant %s"*) echo '{"accessToken":"%s","expires_on":%d}';; *) exit 1;; esac`,
		tenant.Config().TenantID, token.Token, time.Now().Add(time.Hour).Unix()))
	e := environment{"AZURE_TENANT_ID": tenant.Config().TenantID, "AZURE_TOKEN_CREDENTIALS": "AzureCLICredential"}
	mustReadCarol(t, tenant, choose(t, tenant.Server, e, "Azure CLI"))
}

// A chain in which nothing works has no secret that could be checked.
func TestNothingInTheChainWorks(t *testing.T) {
	tenant := newTenant(t)
	machine := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "SECRET-IN-BODY", http.StatusBadRequest)
	}))
	t.Cleanup(machine.Close)
	// azidentity finds the machine's identity by these, and would else look for it on the network.
	t.Setenv("IDENTITY_ENDPOINT", machine.URL)
	t.Setenv("IDENTITY_HEADER", "x")
	credential := choose(t, tenant.Server, environment{}, "azidentity's default chain")
	_, err := getToken(t.Context(), credential, tenant.Server)
	if e := wantError(t, err); e.Code != graph.CodeSignInFailed || !strings.Contains(e.Remedy, "other ways to sign in") {
		t.Errorf("%s: %q", e.Code, e.Remedy)
	}
}

func TestAzureCLIFails(t *testing.T) {
	for name, row := range map[string]struct{ script, code string }{
		"logged out": {"echo 'Please run az login SECRET-IN-BODY' >&2; exit 1", graph.CodeSignInFailed},
		"revoked":    {"echo 'AADSTS50173: SECRET-IN-BODY' >&2; exit 1", "AADSTS50173"},
		"broken":     {"echo 'SECRET-IN-BODY'", graph.CodeSignInFailed},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			fakeCLI(t, row.script)
			credential := choose(t, tenant.Server, environment{"AZURE_TOKEN_CREDENTIALS": "AzureCLICredential"}, "Azure CLI")
			_, err := getToken(t.Context(), credential, tenant.Server)
			e := wantError(t, err)
			if e.Code != row.code || e.Retryable {
				t.Errorf("%+v", e)
			}
			if e.Code == graph.CodeSignInFailed && !strings.Contains(e.Remedy, "with the tool again") {
				t.Errorf("remedy %q", e.Remedy)
			}
		})
	}
}

// TestWhoseCLI: the account of the person whose CLI it is stands in the token.
func TestWhoseCLI(t *testing.T) {
	const who = "AAAAAAAA-bbbb-cccc-dddd-eeeeeeeeeeee"
	for name, row := range map[string]struct{ claims, want string }{
		"a person":          {`{"oid":"` + who + `","scp":"User.Read.All"}`, strings.ToLower(who)},
		"a person, by type": {`{"oid":"` + who + `","idtyp":"user"}`, strings.ToLower(who)},
		"an application":    {`{"oid":"` + who + `","idtyp":"app","roles":["User.Read.All"]}`, ""},
		"no object ID":      {`{"scp":"User.Read.All"}`, ""},
		"no JSON":           {"x", ""},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := newTenant(t)
			token := "e30." + base64.RawURLEncoding.EncodeToString([]byte(row.claims)) + ".x"
			fakeCLI(t, fmt.Sprintf(`echo '{"accessToken":"%s","expires_on":%d}'`, token, time.Now().Add(time.Hour).Unix()))
			credential := choose(t, tenant.Server, environment{"AZURE_TOKEN_CREDENTIALS": "AzureCLICredential"}, "Azure CLI")
			client, err := msgraph.New(msgraph.Config{Credential: credential, GraphURL: tenant.GraphURL(), Transport: tenant.Client().Transport})
			if err != nil {
				t.Fatal(err)
			}
			_, _ = client.User(t.Context(), tenant.carol.ID) // the double takes no such token
			if got := client.SignedInAs(); got != row.want {
				t.Errorf("%q, want %q", got, row.want)
			}
		})
	}
}
