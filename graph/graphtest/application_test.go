package graphtest_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/graph/graphtest"
)

// withApps may register applications and grant permissions.
func withApps(c *graphtest.Config) {
	c.Roles = []string{"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All"}
}

// says is the code and the message of an error.
func (r reply) says(t *testing.T) string {
	t.Helper()
	of, _ := r.json(t)["error"].(map[string]any)
	code, _ := of["code"].(string)
	message, _ := of["message"].(string)
	return code + ": " + message
}

const graphApp = "00000003-0000-0000-c000-000000000000"

func quoted(query string) string { return "?" + url.PathEscape(query) }

// An application is registered, gets a service principal, a secret and a permission, and
// then signs in and may do what was granted, no more.
func TestApplicationFromNothing(t *testing.T) {
	s := start(t, withApps)
	carol := s.AddUser(graphtest.User{UserPrincipalName: "carol@contoso.example"})
	reads := graphtest.PermissionIDs()["User.Read.All"]
	made := s.send(http.MethodPost, "/v1.0/applications", `{"displayName": "the bot", "requiredResourceAccess":
		[{"resourceAppId": "`+graphApp+`", "resourceAccess": [{"id": "`+reads+`", "type": "Role"}]}]}`, nil)
	if made.status != http.StatusCreated {
		t.Fatalf("%d %s", made.status, made.body)
	}
	id, appID := made.json(t)["id"].(string), made.json(t)["appId"].(string)
	for _, path := range []string{"/v1.0/applications/" + id, "/beta/Applications('" + id + "')", "/v1.0/applications(appId='" + strings.ToUpper(appID) + "')"} {
		if got := s.get(path, url.Values{"$select": {"displayName,signInAudience"}}).json(t); got["displayName"] != "the bot" || got["signInAudience"] != "AzureADMyOrg" {
			t.Errorf("%s: %v", path, got)
		}
	}
	secret := s.send(http.MethodPost, "/v1.0/applications/"+id+"/addPassword", `{"passwordCredential": {"displayName": "first"}}`, nil)
	text, _ := secret.json(t)["secretText"].(string)
	if secret.status != http.StatusOK || len(text) < 16 || secret.json(t)["hint"] != text[:3] || secret.json(t)["endDateTime"] != "2028-11-22T10:00:00Z" {
		t.Fatalf("%d %s", secret.status, secret.body)
	}
	if r := s.do(http.MethodGet, "/v1.0/applications/"+id); strings.Contains(r.body, text) || !strings.Contains(r.body, `"hint":"`+text[:3]+`"`) {
		t.Errorf("%s", r.body)
	}
	form := s.tokenForm()
	form.Set("client_id", appID)
	form.Set("client_secret", text)
	if r := s.postForm(s.Config().TenantID, form); !r.describes(t, 400, "unauthorized_client", "AADSTS700016") {
		t.Errorf("without a service principal: %d %s", r.status, r.body)
	}
	principal := s.send(http.MethodPost, "/v1.0/servicePrincipals", `{"appId": "`+appID+`"}`, nil)
	if principal.status != http.StatusCreated {
		t.Fatalf("%d %s", principal.status, principal.body)
	}
	to := principal.json(t)["id"].(string)

	registrar := s.token
	as := func() string {
		token, _ := s.postForm(s.Config().TenantID, form).json(t)["access_token"].(string)
		return token
	}
	s.token = as()
	if r := s.do(http.MethodGet, "/v1.0/users/"+carol.ID); r.status != http.StatusForbidden {
		t.Errorf("before the grant: %d", r.status)
	}
	s.token = registrar
	grant := `{"principalId": "` + to + `", "resourceId": "` + graphtest.GraphPrincipalID + `", "appRoleId": "` + reads + `"}`
	if r := s.send(http.MethodPost, "/v1.0/servicePrincipals/"+graphtest.GraphPrincipalID+"/appRoleAssignedTo", grant, nil); r.status != http.StatusCreated {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if got := list(t, s.get("/v1.0/servicePrincipals/"+to+"/appRoleAssignments", url.Values{"$select": {"appRoleId"}})); !cmp.Equal(got, []any{map[string]any{"appRoleId": reads}}) {
		t.Errorf("%v", got)
	}
	s.ReadableTokens()
	s.token = as()
	if r := s.do(http.MethodGet, "/v1.0/users/"+carol.ID); r.status != http.StatusOK {
		t.Errorf("after the grant: %d %s", r.status, r.body)
	}
	if r := s.do(http.MethodPost, "/v1.0/users/"+carol.ID+"/revokeSignInSessions"); r.status != http.StatusForbidden {
		t.Errorf("it may what was not granted: %d", r.status)
	}
	if r := s.do(http.MethodGet, "/v1.0/applications"); r.status != http.StatusForbidden {
		t.Errorf("it may what the application of Config may: %d", r.status)
	}
	form.Set("client_secret", s.Config().ClientSecret)
	if r := s.postForm(s.Config().TenantID, form); !r.describes(t, 401, "invalid_client", "AADSTS7000215") {
		t.Errorf("another one's secret: %d %s", r.status, r.body)
	}
	want := []graphtest.Application{{ID: id, AppID: appID, DisplayName: "the bot", SignInAudience: "AzureADMyOrg", PrincipalID: to, Granted: []string{"User.Read.All"},
		Required:  []graphtest.RequiredResource{{ResourceAppID: graphApp, Access: []graphtest.ResourceAccess{{ID: reads, Type: "Role"}}}},
		Passwords: []graphtest.Password{{KeyID: secret.json(t)["keyId"].(string), DisplayName: "first", Secret: text, Start: s.clock.Now(), End: s.clock.Now().AddDate(2, 0, 0)}}}}
	if diff := cmp.Diff(want, s.Applications()); diff != "" {
		t.Error(diff)
	}
	if unknown := s.Unknown(); len(unknown) != 0 {
		t.Errorf("%+v", unknown)
	}
}

func TestApplicationSecretEnds(t *testing.T) {
	s := start(t, withApps)
	app := s.AddApplication(graphtest.Application{DisplayName: "the bot", Granted: []string{"User.Read.All"}})
	var keys, secrets []string
	for range 2 {
		r := s.send(http.MethodPost, "/v1.0/applications(appId='"+app.AppID+"')/addPassword", `{"passwordCredential": {"endDateTime": "2026-11-22T12:00:00Z"}}`, nil)
		keys, secrets = append(keys, r.json(t)["keyId"].(string)), append(secrets, r.json(t)["secretText"].(string))
	}
	status := func(secret string) int {
		form := s.tokenForm()
		form.Set("client_id", app.AppID)
		form.Set("client_secret", secret)
		return s.postForm(s.Config().TenantID, form).status
	}
	remove := func(key string) int {
		return s.send(http.MethodPost, "/v1.0/applications/"+app.ID+"/removePassword", `{"keyId": "`+key+`"}`, nil).status
	}
	if status(secrets[0]) != 200 || remove(keys[0]) != 204 || remove(keys[0]) != 400 || status(secrets[0]) != 401 || status(secrets[1]) != 200 {
		t.Errorf("a removed secret signs in, or the other does not: %+v", s.Applications())
	}
	s.clock.advance(3 * time.Hour)
	if status(secrets[1]) != 401 || status("") != 401 {
		t.Error("an expired secret, or none, signs in")
	}
}

func TestApplicationLists(t *testing.T) {
	s := start(t, withApps)
	for range 2 {
		s.AddApplication(graphtest.Application{DisplayName: "it's ours"})
	}
	other := s.AddApplication(graphtest.Application{DisplayName: "it's ours too", PrincipalID: "7a0d3c55-2f1b-4a8e-9c7d-3e5f6a7b8c9d"})
	for filter, want := range map[string]int{
		"displayName eq 'IT''S OURS'":     2,
		"appId eq '" + other.AppID + "'":  1,
		"appId eq 'none of them'":         0,
		"displayName eq 'it''s ours too'": 1,
	} {
		if got := list(t, s.get("/v1.0/applications", url.Values{"$filter": {filter}})); len(got) != want {
			t.Errorf("%s: %d, want %d", filter, len(got), want)
		}
	}
	first := s.get("/v1.0/applications", url.Values{"$top": {"2"}}).json(t)
	next, _ := first["@odata.nextLink"].(string)
	if rest := list(t, s.do(http.MethodGet, strings.TrimPrefix(next, s.GraphURL()))); len(rest) != 1 {
		t.Errorf("%v", first)
	}
	for filter, want := range map[string]string{
		"appId eq '" + other.AppID + "'": other.PrincipalID,
		"appId eq '" + graphApp + "'":    graphtest.GraphPrincipalID,
	} {
		found := list(t, s.get("/v1.0/servicePrincipals", url.Values{"$filter": {filter}, "$select": {"id"}}))
		if !cmp.Equal(found, []any{map[string]any{"id": want}}) {
			t.Errorf("%s: %v", filter, found)
		}
	}
	roles := s.get("/v1.0/servicePrincipals(appId='"+graphApp+"')", url.Values{"$select": {"appRoles"}}).json(t)["appRoles"].([]any)
	if len(roles) != len(graphtest.PermissionIDs()) || !slices.ContainsFunc(roles, func(r any) bool {
		role := r.(map[string]any)
		return role["value"] == "User.RevokeSessions.All" && role["id"] == "77f3a031-c388-4f99-b373-dc68676a979e" && role["isEnabled"] == true
	}) {
		t.Errorf("%v", roles)
	}
}

func TestApplicationErrors(t *testing.T) {
	s := start(t, withApps)
	app := s.AddApplication(graphtest.Application{DisplayName: "the bot", Granted: []string{"User.Read.All"},
		Federated: []graphtest.FederatedCredential{{Name: "first", Issuer: "https://issuer.example", Subject: "me"}}})
	ids := graphtest.PermissionIDs()
	grant := func(principal, role string) string {
		return `{"principalId": "` + principal + `", "resourceId": "` + graphtest.GraphPrincipalID + `", "appRoleId": "` + role + `"}`
	}
	federated := func(name, issuer, subject string) string {
		return `{"name": "` + name + `", "issuer": "` + issuer + `", "subject": "` + subject + `", "audiences": ["api://AzureADTokenExchange"]}`
	}
	at, to := "/v1.0/applications/"+app.ID, "/v1.0/servicePrincipals/"+app.PrincipalID+"/appRoleAssignments"
	for name, row := range map[string]struct {
		method, path, body string
		status             int
		says               string
	}{
		"no name":          {"POST", "/v1.0/applications", `{}`, 400, "Request_BadRequest: A value is required for property 'displayName'"},
		"an odd audience":  {"POST", "/v1.0/applications", `{"displayName": "x", "signInAudience": "me"}`, 400, "Request_BadRequest: Invalid value specified for property 'signInAudience'"},
		"an odd ID":        {"PATCH", at, `{"requiredResourceAccess": [{"resourceAppId": "` + graphApp + `", "resourceAccess": [{"id": "User.Read.All", "type": "Role"}]}]}`, 400, "Request_BadRequest: Invalid value"},
		"no JSON":          {"PATCH", at, `displayName`, 400, "BadRequest: Unable to read JSON"},
		"nobody's":         {"PATCH", "/v1.0/applications/" + nobody, `{}`, 404, "Request_ResourceNotFound: "},
		"nobody's secret":  {"POST", "/v1.0/applications/" + nobody + "/addPassword", `{}`, 404, "Request_ResourceNotFound: "},
		"a past secret":    {"POST", at + "/addPassword", `{"passwordCredential": {"endDateTime": "2020-01-01T00:00:00Z"}}`, 400, "Request_BadRequest: Invalid value"},
		"a second":         {"POST", "/v1.0/servicePrincipals", `{"appId": "` + app.AppID + `"}`, 409, "Request_MultipleObjectsWithSameKeyValue: "},
		"of no app":        {"POST", "/v1.0/servicePrincipals", `{"appId": "` + nobody + `"}`, 400, "Request_BadRequest: The appId '" + nobody + "' of the service principal does not reference"},
		"granted before":   {"POST", to, grant(app.PrincipalID, ids["User.Read.All"]), 400, "Request_BadRequest: Permission being assigned already exists"},
		"no permission":    {"POST", to, grant(app.PrincipalID, nobody), 400, "Request_BadRequest: Permission being assigned was not found"},
		"to nobody":        {"POST", to, grant(nobody, ids["AuditLog.Read.All"]), 404, "Request_ResourceNotFound: Resource '" + nobody},
		"to another":       {"POST", "/v1.0/servicePrincipals/" + graphtest.GraphPrincipalID + "/appRoleAssignments", grant(app.PrincipalID, ids["AuditLog.Read.All"]), 400, "Request_BadRequest: Not a valid reference update"},
		"the same name":    {"POST", at + "/federatedIdentityCredentials", federated("First", "https://issuer.example", "you"), 409, "Request_MultipleObjectsWithSameKeyValue: "},
		"the same subject": {"POST", at + "/federatedIdentityCredentials", federated("second", "https://issuer.example", "me"), 400, "InvalidFederatedIdentityCredentialValue: The combination"},
		"no https":         {"POST", at + "/federatedIdentityCredentials", federated("second", "http://issuer.example", "you"), 400, "InvalidFederatedIdentityCredentialValue: "},
		"an odd name":      {"POST", at + "/federatedIdentityCredentials", federated("a b", "https://issuer.example", "you"), 400, "InvalidFederatedIdentityCredentialValue: "},
		"another field":    {"PATCH", at, `{"notes": "x"}`, 501, "graphtestNotModelled: "},
		"another filter":   {"GET", "/v1.0/applications" + quoted("$filter=startswith(displayName,'x')"), ``, 501, "graphtestNotModelled: "},
		"owners":           {"GET", at + "/owners", ``, 501, "graphtestNotModelled: "},
	} {
		t.Run(name, func(t *testing.T) {
			if r := s.send(row.method, row.path, row.body, nil); r.status != row.status || !strings.HasPrefix(r.says(t), row.says) {
				t.Errorf("%d %s, want %d %s", r.status, r.body, row.status, row.says)
			}
		})
	}
	if r := s.send(http.MethodPost, at+"/federatedIdentityCredentials", federated("second", "https://issuer.example", "you"), nil); r.status != http.StatusCreated {
		t.Errorf("%d %s", r.status, r.body)
	}
	if got := list(t, s.do(http.MethodGet, at+"/federatedIdentityCredentials")); len(got) != 2 {
		t.Errorf("%v", got)
	}
}

// Each thing takes its permission.
func TestApplicationPermissions(t *testing.T) {
	s := start(t, withApps)
	app := s.AddApplication(graphtest.Application{DisplayName: "the bot", PrincipalID: "7a0d3c55-2f1b-4a8e-9c7d-3e5f6a7b8c9d"})
	at := "/v1.0/applications/" + app.ID
	grant := `{"principalId": "` + app.PrincipalID + `", "resourceId": "` + graphtest.GraphPrincipalID + `", "appRoleId": "` + graphtest.PermissionIDs()["User.Read.All"] + `"}`
	calls := []struct{ method, path, body string }{
		{"GET", at, ""},
		{"GET", "/v1.0/servicePrincipals(appId='" + app.AppID + "')", ""},
		{"GET", "/v1.0/servicePrincipals/" + app.PrincipalID + "/appRoleAssignments", ""},
		{"PATCH", at, `{"displayName": "x"}`},
		{"POST", at + "/addPassword", `{}`},
		{"POST", "/v1.0/servicePrincipals/" + app.PrincipalID + "/appRoleAssignments", grant},
	}
	for has, want := range map[string][]int{
		"Application.Read.All":            {200, 200, 200, 403, 403, 403},
		"AppRoleAssignment.ReadWrite.All": {403, 403, 403, 403, 403, 403},
		"Application.ReadWrite.All":       {200, 200, 200, 204, 200, 403},
		"User.RevokeSessions.All":         {403, 403, 403, 403, 403, 403},
	} {
		for _, permission := range []string{"Application.Read.All", "AppRoleAssignment.ReadWrite.All", "Application.ReadWrite.All", "User.RevokeSessions.All"} {
			s.Withdraw(permission)
		}
		s.Grant(has)
		for i, c := range calls {
			if r := s.send(c.method, c.path, c.body, nil); r.status != want[i] {
				t.Errorf("with %s: %s %s: %d, want %d", has, c.method, c.path, r.status, want[i])
			}
		}
	}
}
