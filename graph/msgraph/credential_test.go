package msgraph_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"revoke-sessions/graph"
	"revoke-sessions/graph/graphtest"
	"revoke-sessions/graph/msgraph"
)

// environment stands in for the process's.
type environment map[string]string

func (e environment) get(name string) string { return e[name] }

// with is e and some settings more: names and values in turn.
func (e environment) with(settings ...string) environment {
	more := environment{}
	for name, value := range e {
		more[name] = value
	}
	for i := 0; i < len(settings); i += 2 {
		more[settings[i]] = settings[i+1]
	}
	return more
}

// application is the environment of an app that has no proof yet.
func application(server *graphtest.Server) environment {
	return environment{"AZURE_TENANT_ID": server.Config().TenantID, "AZURE_CLIENT_ID": server.Config().ClientID}
}

// entraAt sends sign-ins to a double.
func entraAt(server *graphtest.Server) msgraph.CredentialOptions {
	return msgraph.CredentialOptions{
		AuthorityHost: server.URL(), GraphURL: server.GraphURL(),
		Transport: server.Client().Transport, DisableInstanceDiscovery: true,
	}
}

// choose makes a credential that must be made, by the way that is named.
func choose(t *testing.T, server *graphtest.Server, e environment, name string) azcore.TokenCredential {
	t.Helper()
	credential, got, err := msgraph.Credential(e.get, entraAt(server))
	if err != nil || got != name {
		t.Fatalf("%q, %v, want %q", got, err, name)
	}
	return credential
}

// getToken asks as kiota does.
func getToken(ctx context.Context, credential azcore.TokenCredential, server *graphtest.Server) (azcore.AccessToken, error) {
	return credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{server.GraphURL() + "/.default"}, EnableCAE: true})
}

// mustReadCarol proves that a credential gets tokens that Graph takes.
func mustReadCarol(t *testing.T, tenant *tenant, credential azcore.TokenCredential) {
	t.Helper()
	client, err := msgraph.New(msgraph.Config{
		Credential: credential, GraphURL: tenant.GraphURL(), Transport: tenant.Client().Transport,
	})
	if err != nil {
		t.Fatal(err)
	}
	if user, err := client.User(t.Context(), tenant.carol.ID); err != nil || user.ID != tenant.carol.ID {
		t.Fatalf("%+v, %v", user, err)
	}
}

// file writes a file of the test's own.
func file(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhichCredential(t *testing.T) {
	const id = "11111111-2222-3333-4444-555555555555\n"
	token := file(t, "token", []byte("a.b.c\n"))
	mine := newKeyPair(t, "bot")
	certificate := file(t, "bot.pem", mine.pem(t))
	const tenantID, clientID, secret = "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"
	const chosen, federated, path = "AZURE_TOKEN_CREDENTIALS", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_CERTIFICATE_PATH"
	app := environment{tenantID: id, clientID: id}
	for name, row := range map[string]struct {
		settings environment
		want     string
	}{
		"secret":                   {app.with(secret, "s"), "client secret"},
		"secret in a file":         {app.with(secret+"_FILE", token), "client secret"},
		"certificate":              {app.with(path, certificate), "client certificate"},
		"workload identity":        {app.with(federated, token), "workload identity"},
		"secret before the rest":   {app.with(secret, "s", path, certificate, federated, token), "client secret"},
		"certificate before token": {app.with(path, certificate, federated, token), "client certificate"},
		"nothing":                  {environment{}, "azidentity's default chain"},
		"client ID alone":          {environment{clientID: id}, "azidentity's default chain"},
		"App Service":              {environment{"IDENTITY_ENDPOINT": "http://127.0.0.1:1/"}, "managed identity"},
		"App Service, one of many": {environment{"IDENTITY_ENDPOINT": "http://127.0.0.1:1/", clientID: id}, "user-assigned managed identity"},
		"prod with a secret":       {app.with(secret, "s", chosen, "prod"), "client secret"},
		"prod with nothing":        {environment{chosen: "prod"}, "azidentity's default chain"},
		"dev leaves the secret":    {app.with(secret, "s", chosen, "dev"), "azidentity's default chain"},
		"environment":              {app.with(secret, "s", chosen, "EnvironmentCredential"), "client secret"},
		"environment, certificate": {app.with(path, certificate, chosen, "EnvironmentCredential"), "client certificate"},
		"workload, chosen":         {app.with(secret, "s", federated, token, chosen, "WorkloadIdentityCredential"), "workload identity"},
		"managed, chosen":          {environment{chosen: "managedidentitycredential\n"}, "managed identity"},
		"managed, one of many":     {app.with(chosen, "ManagedIdentityCredential"), "user-assigned managed identity"},
		"Azure CLI":                {environment{tenantID: id, chosen: "AzureCLICredential"}, "Azure CLI"},
		"Azure Developer CLI":      {environment{chosen: "AzureDeveloperCLICredential"}, "Azure Developer CLI"},
		"Azure PowerShell":         {environment{chosen: "AzurePowerShellCredential"}, "Azure PowerShell"},
	} {
		t.Run(name, func(t *testing.T) {
			credential, got, err := msgraph.Credential(row.settings.get, msgraph.CredentialOptions{})
			if err != nil || credential == nil || got != row.want {
				t.Errorf("%q, %v, want %q", got, err, row.want)
			}
		})
	}
}

func TestSettingsThatCannotWork(t *testing.T) {
	const id = "11111111-2222-3333-4444-555555555555"
	const tenantID, clientID, secret = "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"
	const chosen, federated, path = "AZURE_TOKEN_CREDENTIALS", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_CERTIFICATE_PATH"
	const hidden = "SECRET-VALUE-2"
	app := environment{tenantID: id, clientID: id}
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	empty := file(t, "empty", []byte("\n"))
	for name, row := range map[string]struct {
		settings environment
		says     []string
	}{
		"no tenant":                {environment{clientID: id, secret: hidden}, []string{secret, tenantID + " is missing"}},
		"no client":                {environment{tenantID: id, secret: hidden}, []string{clientID + " is missing"}},
		"secret alone":             {environment{secret: hidden}, []string{tenantID + " is missing"}},
		"secret file alone":        {environment{secret + "_FILE": empty}, []string{tenantID + " is missing"}},
		"no secret":                {app, []string{secret + " is missing", chosen}},
		"tenant alone":             {environment{tenantID: id}, []string{clientID, secret, "are missing"}},
		"certificate, no tenant":   {environment{path: empty, clientID: id}, []string{tenantID + " is missing"}},
		"token file, no app":       {environment{federated: empty, tenantID: id}, []string{clientID + " is missing"}},
		"password, no certificate": {app.with("AZURE_CLIENT_CERTIFICATE_PASSWORD", hidden), []string{path + " is missing"}},
		"secret of one space":      {app.with(secret, " "), []string{secret + " is missing"}},
		"secret twice":             {app.with(secret, hidden, secret+"_FILE", empty), []string{secret + "_FILE", "keep one"}},
		"secret file missing":      {app.with(secret+"_FILE", nowhere), []string{secret + "_FILE", nowhere}},
		"secret file empty":        {app.with(secret+"_FILE", empty), []string{secret + "_FILE", "is empty"}},
		"token file missing":       {app.with(federated, nowhere), []string{federated, nowhere}},
		"token file empty":         {app.with(federated, empty), []string{federated, "is empty"}},
		"unknown choice":           {app.with(chosen, "ClientSecret"), []string{`"ClientSecret"`, "dev, prod, EnvironmentCredential, WorkloadIdentityCredential, ManagedIdentityCredential, AzureCLICredential, AzureDeveloperCLICredential, AzurePowerShellCredential, DeviceCodeCredential"}},
		"azidentity's case":        {app.with(chosen, "DEV"), []string{`"DEV"`}},
		"environment of nothing":   {app.with(chosen, "EnvironmentCredential"), []string{secret, path, "are missing"}},
		"environment, half":        {environment{clientID: id, secret: hidden, chosen: "EnvironmentCredential"}, []string{tenantID + " is missing"}},
		"workload, no file":        {app.with(chosen, "WorkloadIdentityCredential"), []string{federated + " is missing"}},
		"workload, no tenant":      {environment{clientID: id, federated: empty, chosen: "WorkloadIdentityCredential"}, []string{tenantID + " is missing"}},
		"device, no app":           {environment{tenantID: id, chosen: "DeviceCodeCredential"}, []string{clientID + " is missing"}},
		"device, no tenant":        {environment{clientID: id, chosen: "DeviceCodeCredential"}, []string{tenantID + " is missing"}},
		"no such tenant":           {environment{tenantID: "not/a tenant", clientID: "x", secret: hidden}, []string{"client secret", "tenantID"}},
		"no such cloud":            {app.with(secret, hidden, "AZURE_CLOUD", "moon"), []string{"AZURE_CLOUD", `"moon"`, "usgov-dod"}},
		"authority over http":      {app.with(secret, hidden, "AZURE_AUTHORITY_HOST", "http://login.example"), []string{"AZURE_AUTHORITY_HOST", "https://"}},
		"authority of another": {app.with(secret, hidden, "AZURE_AUTHORITY_HOST", "https://login.microsoftonline.us/"),
			[]string{"AZURE_AUTHORITY_HOST", "usgov", "AZURE_CLOUD says public"}},
	} {
		t.Run(name, func(t *testing.T) {
			credential, _, err := msgraph.Credential(row.settings.get, msgraph.CredentialOptions{})
			if err == nil || credential != nil {
				t.Fatalf("%v, %v, want an error", credential, err)
			}
			for _, want := range row.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), hidden) {
				t.Errorf("%q tells the secret", err)
			}
		})
	}
}

func TestWhereToSignIn(t *testing.T) {
	const id = "11111111-2222-3333-4444-555555555555"
	for name, row := range map[string]struct {
		cloud, authority, option, want string
	}{
		"nothing set":         {"", "", "", "login.microsoftonline.com"},
		"a cloud":             {"usgov", "", "", "login.microsoftonline.us"},
		"the cloud's own":     {"usgov-dod", "https://login.microsoftonline.us/", "", "login.microsoftonline.us"},
		"china":               {"china", "", "", "login.chinacloudapi.cn"},
		"a private authority": {"", "https://login.contoso.example", "", "login.contoso.example"},
		"the option":          {"usgov", "https://login.contoso.example", "https://login.test.example", "login.test.example"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Value
			e := environment{"AZURE_TENANT_ID": id, "AZURE_CLIENT_ID": id, "AZURE_CLIENT_SECRET": "s",
				"AZURE_CLOUD": row.cloud, "AZURE_AUTHORITY_HOST": row.authority}
			credential, _, err := msgraph.Credential(e.get, msgraph.CredentialOptions{
				AuthorityHost: row.option, DisableInstanceDiscovery: true,
				Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
					asked.Store(r.URL.Host)
					return nil, errors.New("no network in this test")
				}),
			})
			if err != nil {
				t.Fatal(err)
			}
			_, err = credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"https://graph.microsoft.com/.default"}})
			if e := wantError(t, err); e.Code != graph.CodeSignInUnreachable || !e.Retryable {
				t.Errorf("%+v", e)
			}
			if asked.Load() != row.want {
				t.Errorf("asked %v, want %s", asked.Load(), row.want)
			}
		})
	}
}

func TestSecretFromAFile(t *testing.T) {
	tenant := newTenant(t)
	path := file(t, "secret", []byte(tenant.Config().ClientSecret+"\n"))
	mustReadCarol(t, tenant, choose(t, tenant.Server, application(tenant.Server).with("AZURE_CLIENT_SECRET_FILE", path), "client secret"))
}

func TestARedirectDoesNotGetTheSecret(t *testing.T) {
	tenant := newTenant(t)
	tenant.Inject(graphtest.Fault{Entra: true, PathSuffix: "/token", Times: 1, Status: http.StatusTemporaryRedirect,
		Header: http.Header{"Location": {"/elsewhere"}}})
	credential := choose(t, tenant.Server, application(tenant.Server).with("AZURE_CLIENT_SECRET", tenant.Config().ClientSecret), "client secret")
	_, err := getToken(t.Context(), credential, tenant.Server)
	if e := wantError(t, err, tenant.Config().ClientSecret); e.Code != graph.CodeUnreadable {
		t.Errorf("%+v", e)
	}
	for _, r := range tenant.SignIns() {
		if r.Path == "/elsewhere" {
			t.Error("the redirect was followed")
		}
	}
}
