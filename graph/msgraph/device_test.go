package msgraph_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"revoke-sessions/graph"
	"revoke-sessions/graph/graphtest"
	"revoke-sessions/graph/msgraph"
)

// delegated is a tenant in which the bot signs in as Dora.
type delegated struct {
	*tenant
	dora        graphtest.User
	environment environment
	record      string // path
	credential  azcore.TokenCredential
	login       func(context.Context, func(string)) (azidentity.AuthenticationRecord, error)
}

func newDelegated(t *testing.T, change ...func(*graphtest.Config)) *delegated {
	t.Helper()
	d := &delegated{tenant: newTenant(t, change...)}
	d.dora = d.AddUser(graphtest.User{DisplayName: "Dora Bot", UserPrincipalName: "dora@contoso.example"})
	d.record = filepath.Join(t.TempDir(), "deeper", "login.json")
	d.environment = application(d.Server).with("REVOKE_LOGIN_RECORD", d.record)
	var err error
	d.credential, d.login, err = msgraph.LoginInMemory(d.environment.get, entraAt(d.Server))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// lastCode is the code that was handed out last.
func (d *delegated) lastCode() string {
	codes := d.UserCodes()
	return codes[len(codes)-1]
}

// logIn signs Dora in as soon as the code is shown.
func (d *delegated) logIn(t *testing.T) azidentity.AuthenticationRecord {
	t.Helper()
	record, err := d.login(t.Context(), func(string) {
		if err := d.ApproveDevice(d.lastCode(), d.dora.ID); err != nil {
			t.Error(err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return record
}

// polls counts how often the token endpoint was asked.
func (d *delegated) polls() (n int) {
	for _, r := range d.SignIns() {
		if strings.HasSuffix(r.Path, "/token") && r.Status != 0 {
			n++
		}
	}
	return n
}

func TestLogin(t *testing.T) {
	d := newDelegated(t)
	d.SlowDown(1)
	record, err := d.login(t.Context(), func(message string) {
		if !strings.Contains(message, d.lastCode()) || !strings.Contains(message, d.URL()) {
			t.Errorf("%q does not tell where to go and what to type", message)
		}
		go func() { // the person takes some time
			for changed := d.Changed(); d.polls() < 3; changed = d.Changed() {
				<-changed
			}
			if err := d.ApproveDevice(d.lastCode(), d.dora.ID); err != nil {
				t.Error(err)
			}
		}()
	})
	if err != nil {
		t.Fatal(err)
	}
	if who, err := msgraph.Account(record); err != nil || who != d.dora.ID || record.Username != d.dora.UserPrincipalName {
		t.Errorf("%q, %v, %+v", who, err, record)
	}
	info, err := os.Stat(d.record)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(d.record), ".login-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	text, err := os.ReadFile(d.record)
	if err != nil || strings.Contains(string(text), "eyJ") || !strings.Contains(string(text), d.dora.ID) {
		t.Errorf("%s, %v", text, err)
	}

	before := d.polls()
	mustReadCarol(t, d.tenant, d.credential)
	if d.polls() != before {
		t.Error("the token of the login was not used: it was asked for something else than kiota asks for")
	}
}

func TestLoginFails(t *testing.T) {
	for name, row := range map[string]struct {
		prepare func(*delegated)
		shown   func(*delegated) error
		code    string
		remedy  string
	}{
		"declined": {nil, func(d *delegated) error { return d.DeclineDevice(d.lastCode()) }, msgraph.CodeLoginDeclined, "refused in the browser"},
		"expired":  {nil, func(d *delegated) error { return d.ExpireDevice(d.lastCode()) }, msgraph.CodeLoginExpired, "in time"},
		"expired by our clock": {func(d *delegated) { d.SetDeviceCodeLifetime(time.Second) }, func(*delegated) error { return nil },
			msgraph.CodeLoginExpired, "in time"},
		"no public client": {func(d *delegated) { d.SetPublicClient(false) },
			func(d *delegated) error { return d.ApproveDevice(d.lastCode(), d.dora.ID) }, "AADSTS7000218", "public client flows"},
		"guest": {nil, func(d *delegated) error {
			guest := d.AddUser(graphtest.User{UserPrincipalName: "g#EXT#@contoso.example", UserType: "Guest"})
			return d.ApproveDevice(d.lastCode(), guest.ID)
		}, msgraph.CodeLoginGuest, "guest"},
		"blocked": {func(d *delegated) {
			d.Inject(graphtest.Fault{Entra: true, PathSuffix: "/token", Status: 400, Code: "AADSTS53003"})
		}, func(*delegated) error { return nil }, "AADSTS53003", "Conditional Access"},
		"network": {func(d *delegated) { d.Inject(graphtest.Fault{Entra: true, PathSuffix: "/devicecode", Reset: true}) },
			func(*delegated) error { return errors.New("there is no code to show") }, graph.CodeSignInUnreachable, "network"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDelegated(t)
			if row.prepare != nil {
				row.prepare(d)
			}
			_, err := d.login(t.Context(), func(string) {
				if err := row.shown(d); err != nil {
					t.Error(err)
				}
			})
			e := wantError(t, err)
			if e.Code != row.code || !strings.Contains(e.Remedy, row.remedy) || e.Outcome != graph.NotDone {
				t.Errorf("%+v", e)
			}
			if _, err := os.Stat(d.record); err == nil {
				t.Error("there is a record of a login that failed")
			}
		})
	}
}

func TestLoginIsInterrupted(t *testing.T) {
	d := newDelegated(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := d.login(ctx, func(string) {
		go func() { // while Entra says that it waits
			for changed := d.Changed(); d.polls() < 1; changed = d.Changed() {
				<-changed
			}
			cancel()
		}()
	})
	if e := wantError(t, err); !errors.Is(e, context.Canceled) || e.Code != graph.CodeSignInUnreachable {
		t.Errorf("%+v", e)
	}
}

func TestLoginNeedsSettings(t *testing.T) {
	for missing, e := range map[string]environment{
		"AZURE_TENANT_ID": {"AZURE_CLIENT_ID": "x"},
		"AZURE_CLIENT_ID": {"AZURE_TENANT_ID": "contoso.example"},
	} {
		_, err := msgraph.Login(t.Context(), e.get, msgraph.CredentialOptions{}, func(string) { t.Error("a code was shown") })
		if err == nil || !strings.Contains(err.Error(), missing+" is missing") {
			t.Errorf("%v", err)
		}
	}
}

// TestWhyThePersonIsSignedOut: azidentity has one text for all of these.
func TestWhyThePersonIsSignedOut(t *testing.T) {
	revoke := func(d *delegated, t *testing.T) {
		if _, err := d.client.Revoke(t.Context(), d.dora.ID); err != nil {
			t.Fatal(err)
		}
	}
	number := func(code string) func(*delegated, *testing.T) {
		return func(d *delegated, _ *testing.T) {
			d.Inject(graphtest.Fault{Entra: true, PathSuffix: "/token", Status: 400, Code: code})
		}
	}
	const again, never, network = "Run revoke-sessions login again", "Nobody is signed in", "network"
	for name, row := range map[string]struct {
		happens   func(*delegated, *testing.T)
		code      string
		retryable bool
		remedy    string
	}{
		"never signed in":   {func(d *delegated, t *testing.T) { remove(t, d.record) }, graph.CodeNotSignedIn, false, never},
		"a broken record":   {func(d *delegated, t *testing.T) { overwrite(t, d.record, "{}") }, graph.CodeNotSignedIn, false, never},
		"the cache is gone": {func(d *delegated, t *testing.T) { overwrite(t, d.record, otherRecord(t, d.record)) }, graph.CodeNotSignedIn, false, never},
		"revoked":           {revoke, "AADSTS50173", false, again},
		"unused for long":   {func(d *delegated, _ *testing.T) { d.IdleRefreshTokens() }, "AADSTS700082", false, again},
		"sign-in frequency": {number("AADSTS70043"), "AADSTS70043", false, again},
		"password changed":  {number("AADSTS50133"), "AADSTS50133", false, again},
		"second factor":     {number("AADSTS50076"), "AADSTS50076", false, "second factor"},
		"a passing trouble": {number("AADSTS90033"), "AADSTS90033", true, "short outage"},
		"disabled":          {func(d *delegated, _ *testing.T) { d.disableDora() }, "AADSTS50057", false, "disabled"},
		"connection reset":  {func(d *delegated, _ *testing.T) { d.Inject(graphtest.Fault{Entra: true, Reset: true}) }, graph.CodeSignInUnreachable, true, network},
		"nobody listens":    {func(d *delegated, _ *testing.T) { d.Server.Close() }, graph.CodeSignInUnreachable, true, network},
		"Entra is down": {func(d *delegated, _ *testing.T) {
			d.Inject(graphtest.Fault{Entra: true, PathSuffix: "/token", Status: 503, Body: []byte("{}")})
		}, graph.CodeSignInUnreachable, true, network},
		"a proxy's own page": {func(d *delegated, _ *testing.T) {
			d.Inject(graphtest.Fault{Entra: true, PathSuffix: "/token", Body: []byte("<p>SECRET-IN-BODY"), ContentType: "text/html"})
		}, graph.CodeUnreadable, false, "proxy"},
		"record not readable": {func(d *delegated, t *testing.T) { remove(t, d.record); mkdir(t, d.record) }, graph.CodeSignInFailed, false, "REVOKE_LOGIN_RECORD"},
	} {
		t.Run(name, func(t *testing.T) {
			// Each call needs a new token; see TestWorkloadIdentity.
			d := newDelegated(t, func(c *graphtest.Config) { c.TokenLifetime = time.Minute / 2 })
			d.logIn(t)
			mustReadCarol(t, d.tenant, d.credential)
			row.happens(d, t)
			_, err := getToken(t.Context(), d.credential, d.Server)
			e := wantError(t, err)
			if e.Code != row.code || e.Retryable != row.retryable || !strings.Contains(e.Remedy, row.remedy) || e.Outcome != graph.NotDone {
				t.Errorf("%+v", e)
			}
			// The client says the same.
			client, err := msgraph.New(msgraph.Config{Credential: d.credential, GraphURL: d.GraphURL(), Transport: d.Client().Transport})
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Revoke(t.Context(), d.carol.ID)
			if e := wantError(t, err); e.Code != row.code || e.Retryable != row.retryable {
				t.Errorf("through the client: %+v", e)
			}
		})
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, path string) {
	t.Helper()
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
}

func overwrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// otherRecord is a record like the one at path, of an account that the cache
// knows nothing of.
func otherRecord(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), `"homeAccountId": "`, `"homeAccountId": "0`)
}

func (d *delegated) disableDora() {
	dora := d.dora
	dora.AccountEnabled = new(false)
	d.AddUser(dora)
}

// TestALoginIsTakenOver: the bot need not be started anew after a login.
func TestALoginIsTakenOver(t *testing.T) {
	d := newDelegated(t)
	if _, err := getToken(t.Context(), d.credential, d.Server); wantError(t, err).Code != graph.CodeNotSignedIn {
		t.Fatal(err)
	}
	d.logIn(t)
	mustReadCarol(t, d.tenant, d.credential)
}

// TestATokenThatIsStillGood: Entra advises to renew it, and cannot be reached.
// TestRenewalRefusedIsNoOutage has the person who was signed out.
func TestATokenThatIsStillGood(t *testing.T) {
	d := newDelegated(t)
	d.SetRefreshIn(-time.Second)
	d.logIn(t)
	mustReadCarol(t, d.tenant, d.credential)
	d.Inject(graphtest.Fault{Entra: true, Reset: true})
	before := len(d.SignIns())
	mustReadCarol(t, d.tenant, d.credential)
	if len(d.SignIns()) == before {
		t.Error("Entra was not asked, so that this shows nothing")
	}
}

// TestATokenOfSomebodyElse: while one caller asks for a token, the others take
// the last one, but not once somebody else is signed in.
func TestATokenOfSomebodyElse(t *testing.T) {
	d := newDelegated(t)
	d.logIn(t)
	mustReadCarol(t, d.tenant, d.credential)
	defer msgraph.TakeTurn(d.credential)()
	mustReadCarol(t, d.tenant, d.credential)

	overwrite(t, d.record, otherRecord(t, d.record))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := getToken(ctx, d.credential, d.Server); wantError(t, err).Code != graph.CodeSignInUnreachable {
		t.Error(err)
	}
}

func TestAccount(t *testing.T) {
	const who, here, elsewhere = "AAAAAAAA-bbbb-cccc-dddd-eeeeeeeeeeee", "11111111-2222-3333-4444-555555555555", "66666666-2222-3333-4444-555555555555"
	for name, row := range map[string]struct {
		home, want string
	}{
		"member":     {who + "." + here, strings.ToLower(who)},
		"guest":      {who + "." + elsewhere, ""},
		"no tenant":  {who, ""},
		"no GUID":    {"x." + here, ""},
		"nothing":    {"", ""},
		"no account": {"." + here, ""},
	} {
		got, err := msgraph.Account(azidentity.AuthenticationRecord{HomeAccountID: row.home, TenantID: here})
		if got != row.want || (err == nil) != (row.want != "") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestLoginRecordPath(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", "/somewhere")
	t.Setenv("HOME", "/somewhere")
	path, err := msgraph.LoginRecordPath(environment{}.get)
	if err != nil || !strings.HasSuffix(filepath.ToSlash(path), "/revoke-sessions/login.json") {
		t.Errorf("%q, %v", path, err)
	}
	path, err = msgraph.LoginRecordPath(environment{"REVOKE_LOGIN_RECORD": " /x/y.json\n"}.get)
	if err != nil || path != "/x/y.json" {
		t.Errorf("%q, %v", path, err)
	}
}
