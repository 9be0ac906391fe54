package entraapp

import (
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"revoke-sessions/graph"
	"revoke-sessions/graph/graphtest"
)

const graphApp = "00000003-0000-0000-c000-000000000000"

// minimal are the permissions without which the bot cannot work.
var minimal = []string{string(graph.MayRevoke), string(graph.MayReadUsers)}

// asks is what an application asks of Graph to have some permissions.
func asks(permissions ...string) []graphtest.RequiredResource {
	of := graphtest.RequiredResource{ResourceAppID: graphApp}
	for _, name := range permissions {
		of.Access = append(of.Access, graphtest.ResourceAccess{ID: graphtest.PermissionIDs()[name], Type: "Role"})
	}
	return []graphtest.RequiredResource{of}
}

// secretIn reads a secret from a file that is its owner's alone.
func (s *stage) secretIn(name string) string {
	s.t.Helper()
	path := filepath.Join(s.folder, name)
	info, err := os.Stat(path)
	if err != nil {
		s.t.Fatal(err)
	}
	if info.Mode() != 0o600 {
		s.t.Errorf("%s has the mode %s", name, info.Mode())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// signsIn signs in with what the script printed, and returns what the bot may do then: read
// an account, read its groups, and revoke its sessions.
func (s *stage) signsIn(set map[string]string) (status [3]int) {
	s.t.Helper()
	secret, err := os.ReadFile(set["AZURE_CLIENT_SECRET_FILE"])
	if err != nil {
		s.t.Fatal(err)
	}
	user := s.AddUser(graphtest.User{})
	response, err := s.Client().PostForm(s.URL()+"/"+set["AZURE_TENANT_ID"]+"/oauth2/v2.0/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {set["AZURE_CLIENT_ID"]}, "client_secret": {strings.TrimSpace(string(secret))},
		"scope": {s.GraphURL() + "/.default"},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	var token struct {
		Value string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&token); err != nil || token.Value == "" {
		s.t.Fatalf("it does not sign in: %d, %v", response.StatusCode, err)
	}
	for i, call := range []struct{ method, path, body string }{
		{http.MethodGet, "/beta/users/" + user.ID, ""},
		{http.MethodPost, "/beta/users/" + user.ID + "/checkMemberGroups", `{"groupIds": []}`},
		{http.MethodPost, "/beta/users/" + user.ID + "/invalidateAllRefreshTokens", ""},
	} {
		request, err := http.NewRequest(call.method, s.URL()+call.path, strings.NewReader(call.body))
		if err != nil {
			s.t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token.Value)
		answer, err := s.Client().Do(request)
		if err != nil {
			s.t.Fatal(err)
		}
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		status[i] = answer.StatusCode
	}
	return status
}

// A new app with a secret: what is printed signs in, and the secret is in its file and
// nowhere else. A second run changes nothing.
func TestNewApp(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	first := s.run("--secret-file", "secret")
	first.ends(t, 0, "User.RevokeSessions.All = 77f3a031-c388-4f99-b373-dc68676a979e (Revoke all sign in sessions for a user)", "was made")
	if strings.Index(first.err, "77f3a031") > strings.Index(first.err, "was made") {
		t.Error("the permissions are not shown before the app is made")
	}
	app, secret := s.app(), s.secretIn("secret")
	want := graphtest.Application{ID: app.ID, AppID: app.AppID, PrincipalID: app.PrincipalID, DisplayName: "revoke-sessions", SignInAudience: "AzureADMyOrg",
		Required: asks(minimal...), Granted: minimal, Passwords: app.Passwords}
	if diff := cmp.Diff(want, app); diff != "" || app.PrincipalID == "" || len(app.Passwords) != 1 {
		t.Fatal(diff, app)
	}
	if p := app.Passwords[0]; p.Secret != secret || p.End.Sub(p.Start).Round(time.Hour) != 180*24*time.Hour || !strings.HasPrefix(p.DisplayName, "revoke-sessions 20") {
		t.Errorf("%+v", p)
	}
	set := first.environment(t)
	if diff := cmp.Diff(map[string]string{"AZURE_TENANT_ID": s.Config().TenantID, "AZURE_CLIENT_ID": app.AppID,
		"AZURE_CLIENT_SECRET_FILE": filepath.Join(s.folder, "secret")}, set); diff != "" {
		t.Error(diff)
	}
	if got := s.signsIn(set); got != [3]int{200, 403, 204} {
		t.Errorf("what it may: %v", got)
	}
	s.nowhere(secret, first)

	before := s.writes()
	again := s.run("--app-id", app.AppID, "--secret-file", "secret")
	again.ends(t, 0, "Nothing had to be changed.")
	if diff := cmp.Diff(before, s.writes()); diff != "" {
		t.Errorf("the second run changed something: %s", diff)
	}
	if diff := cmp.Diff(set, again.environment(t)); diff != "" {
		t.Error(diff)
	}
	s.nowhere(secret, again)
}

// nowhere wants a secret neither on the terminal nor among the arguments of a program, which
// ps shows to others, nor in the folder of the Azure CLI, where it may write a log.
func (s *stage) nowhere(secret string, r result) {
	s.t.Helper()
	for where, text := range map[string]string{"output": r.out, "errors": r.err, "arguments": strings.Join(r.log, "")} {
		if strings.Contains(text, secret) {
			s.t.Errorf("the secret is in the %s: %s", where, text)
		}
	}
	files := 0
	err := filepath.WalkDir(s.cli, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), secret) {
			s.t.Errorf("the secret is in %s", path)
		}
		return err
	})
	if err != nil || files < 3 {
		s.t.Errorf("%d files: %v", files, err)
	}
}

// An app of the same name, whoever made it, is not touched, also where Graph looks for it on
// several pages.
func TestNamesake(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	app := s.AddApplication(graphtest.Application{DisplayName: "Revoke-Sessions"})
	s.SetEmptyPages(1)
	r := s.run("--secret-file", "secret")
	r.ends(t, 2, "There is an app named revoke-sessions already", "--app-id "+app.AppID, "Nothing was changed.")
	if diff := cmp.Diff(app, s.app()); diff != "" || len(s.writes()) > 0 || r.out != "" {
		t.Error(diff, s.writes(), r.out)
	}
	if _, err := os.Stat(filepath.Join(s.folder, "secret")); err == nil {
		t.Error("a file was made")
	}
}

// What an app has stays: other permissions, and its secrets.
func TestFoundApp(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	vault := graphtest.RequiredResource{ResourceAppID: "cfa8b339-82a2-471a-a3c9-0fc0be7a4093",
		Access: []graphtest.ResourceAccess{{ID: "f53da476-18e3-4152-8e01-aec403e6edc0", Type: "Scope"}}}
	// A delegated permission is another one, also where it has the same ID.
	ours := graphtest.RequiredResource{ResourceAppID: graphApp, Access: []graphtest.ResourceAccess{
		{ID: graphtest.PermissionIDs()["User.Read.All"], Type: "Scope"}, {ID: graphtest.PermissionIDs()["AuditLog.Read.All"], Type: "Role"}}}
	old := graphtest.Password{KeyID: "1d0c7c1e-3a53-4b8e-9a0e-1f6a4a7b2c33", DisplayName: "old", Secret: "oldsecret", Start: time.Now(), End: time.Now().AddDate(1, 0, 0)}
	app := s.AddApplication(graphtest.Application{DisplayName: "it's ours", Required: []graphtest.RequiredResource{vault, ours},
		Passwords: []graphtest.Password{old}, Granted: []string{"AuditLog.Read.All"}})
	r := s.run("--app-id", app.AppID, "--roles", "--sign-ins", "--secret-file", "new secret", "--days", "30")
	r.ends(t, 0, "The app it's ours is there", "The permissions that it lacked were added", "az ad app credential list --id "+app.AppID)
	all := []string{"User.RevokeSessions.All", "User.Read.All", "GroupMember.Read.All", "RoleManagement.Read.Directory"}
	want := app
	want.Granted = append([]string{"AuditLog.Read.All"}, all...)
	ours.Access = append(ours.Access, asks(all...)[0].Access...)
	want.Required = []graphtest.RequiredResource{ours, vault}
	now := s.app()
	if len(now.Passwords) != 2 || !now.Passwords[0].End.Equal(old.End) || now.Passwords[0].Secret != old.Secret || now.Passwords[1].Secret != s.secretIn("new secret") {
		t.Errorf("%+v", now.Passwords)
	}
	if p := now.Passwords[1]; p.End.Sub(p.Start).Round(time.Hour) != 30*24*time.Hour {
		t.Errorf("%+v", p)
	}
	now.Passwords = want.Passwords
	if diff := cmp.Diff(want, now); diff != "" {
		t.Error(diff)
	}
	if got := s.signsIn(r.environment(t)); got != [3]int{200, 200, 204} {
		t.Errorf("what it may: %v", got)
	}
}

// Who may not consent gets all the rest done, and who may does that later.
func TestConsentByAnother(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.Withdraw(mayConsent)
	const name, missing = "Sitzungen beenden (Bot)", "User.RevokeSessions.All User.Read.All GroupMember.Read.All. A Privileged Role Administrator"
	r := s.run("--name", name, "--groups")
	app := s.app()
	r.ends(t, 3, "The app got no credential", "An administrator's consent is missing for "+missing, "--app-id "+app.AppID)
	if len(r.environment(t)) != 2 || app.DisplayName != name || len(app.Passwords) > 0 || len(app.Granted) > 0 || strings.Count(strings.Join(s.writes(), "\n"), "appRoleAssignedTo") != 1 {
		t.Errorf("%s\n%+v\n%s", r.out, app, s.writes())
	}
	s.Grant(mayConsent)
	before := len(s.writes())
	s.run("--app-id", app.AppID, "--groups").ends(t, 0, "Consent was given to GroupMember.Read.All.")
	if now := s.app(); len(now.Granted) != 3 || len(s.writes()) != before+3 {
		t.Errorf("%+v\n%s", now, s.writes())
	}
	s.Withdraw(mayConsent)
	s.run("--app-id", app.AppID, "--groups").ends(t, 0, "Nothing had to be changed.")
}

// Who may register nothing reads why, and is left with nothing.
func TestRegisteringRefused(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.Grant("Application.Read.All")
	s.Withdraw(mayRegister)
	r := s.run("--secret-file", "secret")
	r.ends(t, 1, "Microsoft Graph did not carry out: post https://graph.microsoft.com/v1.0/applications", "Insufficient privileges")
	if _, err := os.Stat(filepath.Join(s.folder, "secret")); err == nil || r.out != "" || strings.Contains(r.err, "To go on") {
		t.Errorf("%s%s", r.out, r.err)
	}
}

func TestFederated(t *testing.T) {
	t.Parallel()
	s := newStageIn(t, usgov)
	const issuer, subject = "https://oidc.example/7e4a/", "system:serviceaccount:security:revoke-sessions"
	r := s.run("--issuer", issuer, "--subject", subject)
	r.ends(t, 0, "may sign in as the app.", "AZURE_FEDERATED_TOKEN_FILE")
	app := s.app()
	if len(app.Federated) != 1 || len(app.Passwords) > 0 {
		t.Fatalf("%+v", app)
	}
	if f := app.Federated[0]; f.Issuer != issuer || f.Subject != subject || !slices.Equal(f.Audiences, []string{"api://AzureADTokenExchangeUSGov"}) {
		t.Errorf("%+v", f)
	}
	if diff := cmp.Diff(map[string]string{"AZURE_TENANT_ID": s.Config().TenantID, "AZURE_CLIENT_ID": app.AppID, "AZURE_CLOUD": "usgov"}, r.environment(t)); diff != "" {
		t.Error(diff)
	}
	before := s.writes()
	s.run("--app-id", app.AppID, "--issuer", issuer, "--subject", subject).ends(t, 0, "may sign in as the app already", "Nothing had to be changed.")
	if diff := cmp.Diff(before, s.writes()); diff != "" {
		t.Error(diff)
	}
}

func TestFederatedForAnotherAudience(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	app := s.AddApplication(graphtest.Application{DisplayName: "x", Required: asks(minimal...), Granted: minimal,
		Federated: []graphtest.FederatedCredential{{ID: "1", Name: "x", Issuer: "https://oidc.example", Subject: "me", Audiences: []string{"mine"}}}})
	s.run("--app-id", app.AppID, "--issuer", "https://oidc.example", "--subject", "me").ends(t, 1, "with another audience than api://AzureADTokenExchange")
	if len(s.writes()) > 0 {
		t.Error(s.writes())
	}
}

// Microsoft may ask to wait before each step, and a new app may not be known everywhere yet.
func TestWaits(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for _, f := range []graphtest.Fault{
		{Method: http.MethodGet, PathSuffix: "appId='" + graphApp + "')", Status: 503},
		{Method: http.MethodGet, PathSuffix: "/applications", Status: 429, Times: 2},
		{Method: http.MethodPost, PathSuffix: "/applications", Status: 429},
		{Method: http.MethodGet, PathSuffix: "/servicePrincipals", Status: 429},
		{Method: http.MethodPost, PathSuffix: "/servicePrincipals", Status: 400, Message: "The appId 'x' of the service principal does not reference a valid application object."},
		{Method: http.MethodPost, PathSuffix: "/addPassword", Status: 404, Times: 2},
		{Method: http.MethodGet, PathSuffix: "/appRoleAssignments", Status: 404},
		{Method: http.MethodPost, PathSuffix: "/appRoleAssignedTo", Status: 400, Message: "Not a valid reference update."},
	} {
		f.Times = max(1, f.Times)
		s.Inject(f)
	}
	r := s.run("--secret-file", "secret")
	r.ends(t, 0, "Microsoft asks to wait (429).", "Microsoft is not available (503).", "The new app is not known everywhere in Entra yet.", "Trying again in 10 seconds.")
	if diff := cmp.Diff([]string{"5", "5", "10", "5", "5", "5", "5", "10", "5", "5"}, r.waits()); diff != "" {
		t.Error(diff)
	}
	if app := s.app(); !slices.Equal(app.Granted, minimal) || len(app.Passwords) != 1 || app.Passwords[0].Secret != s.secretIn("secret") {
		t.Errorf("%+v", app)
	}
}

// It does not wait for ever, and says how to go on.
func TestWaitsHaveABound(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	clear := s.Inject(graphtest.Fault{Method: http.MethodPost, PathSuffix: "/addPassword", Status: 429, Message: "Too many requests"})
	r := s.run("--secret-file", "secret")
	app := s.app()
	r.ends(t, 1, "/addPassword\n  Too many requests\n", "secret was not written. If the app has a secret named revoke-sessions 20", "run this again with --app-id "+app.AppID)
	if _, err := os.Stat(filepath.Join(s.folder, "secret")); err == nil || r.out != "" || !slices.Equal(r.waits(), []string{"5", "10", "20", "40", "60"}) {
		t.Errorf("%s%s%v", r.out, r.err, r.waits())
	}
	clear()
	s.run("--app-id", app.AppID, "--secret-file", "secret").ends(t, 0)
	if got := s.app(); len(got.Passwords) != 1 || got.Passwords[0].Secret != s.secretIn("secret") || !slices.Equal(got.Granted, minimal) {
		t.Errorf("%+v", got)
	}
}

// What was carried out although the answer was lost is not done twice.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	lose := func(suffix string) {
		s.Inject(graphtest.Fault{Method: http.MethodPost, PathSuffix: suffix, Apply: true, Status: 503, Times: 1})
	}
	for _, suffix := range []string{"/applications", "/servicePrincipals", "/addPassword", "/appRoleAssignedTo"} {
		lose(suffix)
	}
	r := s.run("--secret-file", "secret")
	r.ends(t, 0)
	app := s.app()
	if !slices.Equal(app.Granted, minimal) || len(app.Passwords) != 1 || app.Passwords[0].Secret != s.secretIn("secret") || len(r.waits()) != 4 {
		t.Errorf("%+v\n%v", app, r.waits())
	}
	if got := s.signsIn(r.environment(t)); got != [3]int{200, 403, 204} {
		t.Errorf("what it may: %v", got)
	}
	lose("/federatedIdentityCredentials")
	r = s.run("--app-id", app.AppID, "--issuer", "https://oidc.example", "--subject", "me")
	r.ends(t, 0)
	if app := s.app(); len(app.Federated) != 1 || len(r.waits()) != 1 {
		t.Errorf("%+v\n%v", app, r.waits())
	}
}

// A dry run changes nothing, and what it prints does what a run would have done.
func TestDryRun(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	r := s.run("--dry-run", "--secret-file", "it's secret", "--groups")
	r.ends(t, 0, "Nothing was changed.")
	if len(s.writes()) > 0 || len(s.Applications()) > 0 {
		t.Fatal(s.writes())
	}
	var does, reads int
	for line := range strings.Lines(r.out) {
		switch {
		case strings.HasPrefix(line, "# az account show "), strings.HasPrefix(line, "# az rest --method get "):
			reads++
		case strings.HasPrefix(line, "az rest --method post "):
			does++
		default:
			t.Errorf("it prints %q", line)
		}
	}
	if reads != 3 || does != 6 || !strings.Contains(r.out, `--output tsv > 'it'\''s secret'`) {
		t.Errorf("%d and %d commands:\n%s", reads, does, r.out)
	}

	app := s.AddApplication(graphtest.Application{DisplayName: "it's ours"})
	of := []string{"--app-id", app.AppID, "--secret-file", "it's secret"}
	r = s.run(append(of, "--dry-run")...)
	r.ends(t, 0, "Nothing was changed.")
	if len(s.writes()) > 0 {
		t.Fatal(s.writes())
	}
	// The service principal has no ID before it is made.
	commands := strings.SplitAfter(r.out, "/v1.0/servicePrincipals --query id")
	if len(commands) != 2 {
		t.Fatal(r.out)
	}
	made := s.shell("bash", "-c", "umask 077\n"+commands[0]+commands[1][:strings.Index(commands[1], "\n")])
	principal := strings.TrimSpace(made.out)
	made = s.shell("bash", "-c", "umask 077\n"+strings.ReplaceAll(commands[1][strings.Index(commands[1], "\n"):], "PRINCIPAL-ID", principal))
	if made.code != 0 {
		t.Fatalf("%+v", made)
	}
	s.run(of...).ends(t, 0, "Nothing had to be changed.")
	if got := s.app(); got.Passwords[0].Secret != s.secretIn("it's secret") || !slices.Equal(got.Granted, minimal) {
		t.Errorf("%+v", got)
	}
}

// A file that is there is never written to, and its app is left as it is.
func TestSecretFiles(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	ends := map[string]time.Time{"valid": time.Now().AddDate(0, 1, 0), "expired": time.Now().AddDate(0, -1, 0)}
	app := graphtest.Application{DisplayName: "x", Required: asks(minimal...), Granted: minimal}
	for secret, end := range ends {
		app.Passwords = append(app.Passwords, graphtest.Password{KeyID: secret, Secret: secret, Start: end.AddDate(-1, 0, 0), End: end})
	}
	app = s.AddApplication(app)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(s.folder, name), []byte(text), 0o600); err != nil {
			t.Error(err)
		}
	}
	write("valid", "valid\n")
	write("expired", "expired\n")
	write("foreign", "another")
	if err := os.Symlink("nowhere", filepath.Join(s.folder, "link")); err != nil {
		t.Fatal(err)
	}
	s.run("--app-id", app.AppID, "--secret-file", "valid").ends(t, 0, "valid holds a secret of the app", "Nothing had to be changed.")
	for _, name := range []string{"expired", "foreign", "link"} {
		s.run("--app-id", app.AppID, "--secret-file", name).ends(t, 2, name+" does not hold a valid secret of the app x", "Nothing was changed.")
	}
	s.run("--name", "new", "--secret-file", "valid").ends(t, 2, "valid is there already", "Nothing was changed.")
	if len(s.writes()) > 0 || s.secretIn("foreign") != "another" {
		t.Error(s.writes())
	}
	s.run("--app-id", app.AppID, "--secret-file", "no/folder").ends(t, 1, "no/folder cannot be made.")
	// A file that comes while it runs.
	s.OnRequest(func(r graphtest.Request) {
		if strings.HasSuffix(r.Path, "/servicePrincipals") {
			write("late", "another")
		}
	})
	s.run("--app-id", app.AppID, "--secret-file", "late").ends(t, 1, "late cannot be made.")
	if len(s.writes()) > 0 || len(s.app().Passwords) != 2 || s.secretIn("late") != "another" {
		t.Error(s.writes())
	}
	s.OnRequest(nil)
	s.Inject(graphtest.Fault{Method: http.MethodPost, PathSuffix: "/addPassword", Body: []byte("{}")})
	s.run("--app-id", app.AppID, "--secret-file", "none").ends(t, 1, "answered no secret", "none was not written")
	if _, err := os.Lstat(filepath.Join(s.folder, "none")); err == nil {
		t.Error("an empty file is left")
	}
}

func TestOtherApps(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	several := s.AddApplication(graphtest.Application{DisplayName: "several", SignInAudience: "AzureADMultipleOrgs"})
	s.run("--app-id", several.AppID).ends(t, 2, "The app several is not for this tenant alone", "Nothing was changed.")
	r := s.run("--app-id", several.ID)
	r.ends(t, 2, "cannot be read", "does not exist", "Nothing was changed.")
	if len(r.waits()) > 0 {
		t.Error("it waits for an app that this run has not made")
	}
	// A cloud whose Graph has not all permissions.
	s.Inject(graphtest.Fault{PathSuffix: "appId='" + graphApp + "')", Body: []byte(`{"id": "x", "appRoles": [
		{"id": "1", "value": "User.RevokeSessions.All", "displayName": "y", "isEnabled": true, "allowedMemberTypes": ["Application"]},
		{"id": "2", "value": "User.Read.All", "displayName": "z", "isEnabled": false, "allowedMemberTypes": ["Application"]}]}`)})
	s.run().ends(t, 2, "no application permission User.Read.All", "Nothing was changed.")
	if len(s.writes()) > 0 {
		t.Error(s.writes())
	}
	if err := os.Remove(filepath.Join(s.cli, "azureProfile.json")); err != nil {
		t.Fatal(err)
	}
	s.run().ends(t, 1, "Sign in with the Azure CLI first: az login")
}

// Wrong options end before anything is asked.
func TestOptions(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	const id = "c2b8f1a6-93f4-4f0e-8a55-6d1f3b7c9e24"
	for _, c := range []struct {
		says    string
		options []string
	}{
		{"Unknown option: --secret.", []string{"--secret", "x"}},
		{"--name needs a value.", []string{"--name"}},
		{"--name needs a value.", []string{"--name", ""}},
		{"--name must not contain any of", []string{"--name", "a&b"}},
		{"--name must not contain quotation marks", []string{"--name", `a"b`}},
		{"--subject must not contain quotation marks", []string{"--issuer", "https://x.example", "--subject", "a\nb"}},
		{"--app-id is not an application (client) ID: revoke-sessions.", []string{"--app-id", "revoke-sessions"}},
		{"Give --name for a new app, or --app-id", []string{"--app-id", id, "--name", "x"}},
		{"Give --secret-file, or --issuer and --subject.", []string{"--secret-file", "x", "--issuer", "https://x.example", "--subject", "y"}},
		{"--issuer and --subject belong together.", []string{"--subject", "y"}},
		{"--issuer must begin with https://.", []string{"--issuer", "http://x.example", "--subject", "y"}},
		{"--days belongs to --secret-file.", []string{"--days", "3"}},
		{"--days must be a number from 1 to 999.", []string{"--secret-file", "x", "--days", "0"}},
		{"--days must be a number from 1 to 999.", []string{"--secret-file", "x", "--days", "1y"}},
	} {
		r := s.run(c.options...)
		r.ends(t, 2, c.says, "See --help.")
		if len(r.log) > 0 || r.out != "" {
			t.Errorf("%q: %s%v", c.options, r.out, r.log)
		}
	}
	help := s.run("--help")
	if help.code != 0 || len(help.log) > 0 {
		t.Errorf("%+v", help)
	}
	for _, permission := range []graph.Permission{graph.MayRevoke, graph.MayReadUsers, graph.MayReadGroups, graph.MayReadRoles, graph.MayReadSignIns} {
		if !strings.Contains(help.out, string(permission)) {
			t.Errorf("--help does not name %s", permission)
		}
	}
	for line := range strings.Lines(help.out) {
		if len(line) > 100 {
			t.Errorf("too wide: %s", line)
		}
	}
}

// The variables that it prints are among those that the bot reads, and the clouds those that
// the bot knows.
func TestVariables(t *testing.T) {
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	var bot strings.Builder
	for _, name := range []string{"credential.go", "credential_environment.go", "credential_kinds.go", "cloud.go"} {
		source, err := os.ReadFile(filepath.Join("../../../graph/msgraph", name))
		if err != nil {
			t.Fatal(err)
		}
		bot.Write(source)
	}
	for _, name := range []string{"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET_FILE", "AZURE_CLOUD", "AZURE_FEDERATED_TOKEN_FILE",
		"https://graph.microsoft.us", "usgov", "https://microsoftgraph.chinacloudapi.cn", "china"} {
		if !strings.Contains(string(text), name) || !strings.Contains(bot.String(), name) {
			t.Errorf("%s is not in the script, or the bot does not know it", name)
		}
	}
}

func TestShellcheck(t *testing.T) {
	program, err := exec.LookPath("shellcheck")
	if err != nil {
		t.Skip("SKIPPED: shellcheck is not installed")
	}
	if out, err := exec.Command(program, script).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
