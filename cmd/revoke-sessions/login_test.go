package main

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/graph/graphtest"
)

// doraID is Dora's object ID, with whose account the bot signs in; her Slack
// account is here, too.
const (
	doraID    = "00000000-0000-4000-8000-0000000000dd"
	doraSlack = "U0DORA"
)

// withLogin is a theatre whose bot works in the name of a person. It skips the
// test where the machine has no safe place for a sign-in.
func withLogin(t *testing.T) *theatre {
	t.Helper()
	th := newTheatre(t)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(th.folder, "cache"))
	th.more = map[string]string{
		"AZURE_CLIENT_SECRET":     "",
		"AZURE_TOKEN_CREDENTIALS": "DeviceCodeCredential",
		"REVOKE_LOGIN_RECORD":     filepath.Join(th.folder, "login", "login.json"),
	}
	th.addPerson(doraSlack, "dora", "Dora Bot", doraID)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, says := th.login(ctx); strings.Contains(says, "cannot be kept on this machine") {
		t.Skip("this machine has no safe place for a sign-in: ", says)
	}
	return th
}

// login runs the command in this process and returns all that it says.
func (th *theatre) login(ctx context.Context) (code int, says string) {
	th.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var out lockedBuffer
	code = run(ctx, []string{"login"}, th.getenv, strings.NewReader(""), &out, &out, th.at)
	return code, out.String()
}

// whenCodeIsShown does something with the next code that Entra hands out.
func (th *theatre) whenCodeIsShown(do func(code string)) {
	before := len(th.entra.UserCodes())
	done := make(chan struct{})
	th.t.Cleanup(func() { <-done })
	ctx, cancel := context.WithTimeout(th.t.Context(), patience)
	th.t.Cleanup(cancel)
	go func() {
		defer close(done)
		for changed := th.entra.Changed(); ; changed = th.entra.Changed() {
			if codes := th.entra.UserCodes(); len(codes) > before {
				do(codes[len(codes)-1])
				return
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
	}()
}

// loggedIn signs somebody in for the bot, which may be running.
func (th *theatre) loggedIn(objectID string) string {
	th.t.Helper()
	th.whenCodeIsShown(func(code string) {
		if err := th.entra.ApproveDevice(code, objectID); err != nil {
			th.t.Error(err)
		}
	})
	code, says := th.login(th.t.Context())
	if code != 0 {
		th.t.Fatalf("login: exit code %d: %s", code, says)
	}
	return says
}

func TestLogin(t *testing.T) {
	th := withLogin(t)
	th.entra.Update(doraID, func(u *graphtest.User) { u.UserPrincipalName = "do\u202era\x1b[2J@contoso.example" })
	says := th.loggedIn(doraID)
	record := th.more["REVOKE_LOGIN_RECORD"]
	for _, words := range []string{
		th.entra.UserCodes()[0], th.entra.URL() + "/device", "Ctrl-C", "Signed in: dora[2J@contoso.example\n", record, "AZURE_TOKEN_CREDENTIALS=DeviceCodeCredential",
		"as the same user",
	} {
		if !strings.Contains(says, words) {
			t.Errorf("%q is not said:\n%s", words, says)
		}
	}
	if info, err := os.Stat(record); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestLoginFails(t *testing.T) {
	for name, row := range map[string]struct {
		before func(*theatre)
		typed  func(th *theatre, code string) error
		says   []string
	}{
		"declined": {nil, func(th *theatre, code string) error { return th.entra.DeclineDevice(code) }, []string{"refused in the browser", "authorization_declined"}},
		"expired":  {nil, func(th *theatre, code string) error { return th.entra.ExpireDevice(code) }, []string{"Nobody entered the code in time. Run the login again.", "expired_token"}},
		"a guest": {func(th *theatre) { th.entra.Update(doraID, func(u *graphtest.User) { u.UserType = "Guest" }) },
			func(th *theatre, code string) error { return th.entra.ApproveDevice(code, doraID) }, []string{"Sign in with an account of this organisation", "guest_account"}},
		"no public client": {func(th *theatre) { th.entra.SetPublicClient(false) },
			func(th *theatre, code string) error { return th.entra.ApproveDevice(code, doraID) }, []string{"public client flows", "AADSTS7000218"}},
		"network down": {func(th *theatre) { th.entra.Inject(graphtest.Fault{Entra: true, Reset: true}) }, nil,
			[]string{"Entra's sign-in could not be reached", "network", "sign_in_unreachable"}},
		"another app": {func(th *theatre) { th.more["AZURE_CLIENT_ID"] = "11111111-2222-3333-4444-555555555555" }, nil,
			[]string{"Check AZURE_CLIENT_ID", "AADSTS700016"}},
		"no place for the record": {func(th *theatre) { th.more["REVOKE_LOGIN_RECORD"] = filepath.Join(os.DevNull, "login.json") },
			func(th *theatre, code string) error { return th.entra.ApproveDevice(code, doraID) }, []string{"writing the record of the sign-in"}},
	} {
		t.Run(name, func(t *testing.T) {
			th := withLogin(t)
			if row.before != nil {
				row.before(th)
			}
			if row.typed != nil {
				th.whenCodeIsShown(func(code string) {
					if err := row.typed(th, code); err != nil {
						t.Error(err)
					}
				})
			}
			code, says := th.login(t.Context())
			if code != 1 {
				t.Errorf("exit code %d", code)
			}
			for _, words := range append(row.says, "Nobody was signed in") {
				if !strings.Contains(says, words) {
					t.Errorf("%q is not said:\n%s", words, says)
				}
			}
			if strings.Contains(says, "Signed in:") || strings.Contains(says, "Trace ID") {
				t.Errorf("too much is said:\n%s", says)
			}
			if _, err := os.Stat(th.more["REVOKE_LOGIN_RECORD"]); err == nil {
				t.Error("there is a record")
			}
		})
	}
}

// TestLoginIsStopped: Ctrl-C while Entra waits for the code.
func TestLoginIsStopped(t *testing.T) {
	th := withLogin(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	th.whenCodeIsShown(func(string) { stop() })
	code, says := th.login(ctx)
	if code != 1 || !strings.Contains(says, "stopped. Nobody was signed in. An earlier sign-in is unchanged") || strings.Contains(says, "network") {
		t.Errorf("exit code %d:\n%s", code, says)
	}
}

func TestLoginNeedsSettings(t *testing.T) {
	for name, row := range map[string]struct {
		env   map[string]string
		says  []string
		quiet string
	}{
		"nothing":        {nil, []string{"AZURE_TENANT_ID is not set: take the Directory (tenant) ID", "AZURE_CLIENT_ID is not set: take the Application (client) ID"}, "AZURE_CLOUD"},
		"no client":      {map[string]string{"AZURE_TENANT_ID": "x"}, []string{"AZURE_CLIENT_ID is not set"}, "AZURE_TENANT_ID"},
		"no tenant":      {map[string]string{"AZURE_CLIENT_ID": "x", "AZURE_TENANT_ID": " "}, []string{"AZURE_TENANT_ID is not set"}, "AZURE_CLIENT_ID"},
		"unknown clouds": {map[string]string{"AZURE_CLIENT_ID": "x", "AZURE_TENANT_ID": "x", "AZURE_CLOUD": "moon"}, []string{`AZURE_CLOUD is "moon"`, "usgov"}, "not set"},
	} {
		code, stdout, stderr := output(t, row.env, "login")
		if code != 2 || stdout != "" || strings.Contains(stderr, row.quiet) {
			t.Errorf("%s: exit code %d, %s%s", name, code, stdout, stderr)
		}
		for _, words := range row.says {
			if !strings.Contains(stderr, words) {
				t.Errorf("%s: %q is not said: %s", name, words, stderr)
			}
		}
	}
	if code, stdout, _ := output(t, nil, "login", "--help"); code != 0 || !strings.Contains(stdout, "REVOKE_LOGIN_RECORD") || !strings.Contains(stdout, "public client flows") {
		t.Errorf("help: exit code %d, %s", code, stdout)
	}
}

// TestLoginWhereNothingCanBeKept: in a process of its own, for the place is
// tried out once in a process.
func TestLoginWhereNothingCanBeKept(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere the place does not depend on XDG_CACHE_HOME")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	login := exec.CommandContext(t.Context(), self, "login")
	login.Env = append(os.Environ(), childEnv+"={}", "XDG_CACHE_HOME="+os.DevNull, "AZURE_TENANT_ID=contoso.example", "AZURE_CLIENT_ID=x")
	out, err := login.CombinedOutput()
	if login.ProcessState.ExitCode() != 1 {
		t.Errorf("%v", err)
	}
	for _, words := range []string{"cannot be kept on this machine", "seccomp", "add_key", "let the bot use an app of its own", "Nobody was signed in"} {
		if !strings.Contains(string(out), words) {
			t.Errorf("%q is not said:\n%s", words, out)
		}
	}
}

// TestTheBotWorksInAPersonsName: it refuses to revoke the person it is signed in
// as, asked and at the click, also when that person changes while it runs.
func TestTheBotWorksInAPersonsName(t *testing.T) {
	th := withLogin(t)
	th.loggedIn(doraID)
	th.begin()
	th.typed(bobID, "<@"+doraSlack+"> acts strangely")
	th.sees(false, []string{"only:bob", "The bot signs in to Entra with this account", "would sign the bot out", "revoke-sessions login"})
	th.refusedFor(false, []string{string(bot.OwnAccount)})
	if cards := th.cards(); len(cards) != 0 {
		t.Errorf("there is a card: %s", plain(cards[0]))
	}

	th.typed(bobID, "<@"+carolID+"> stolen laptop")
	th.card()
	th.loggedIn(th.entraID("carol")) // beside the running bot
	th.click(aliceID, bot.ActionConfirm)
	th.sees(false, []string{"only:alice", "The bot signs in to Entra with this account"})
	th.refusedFor(false, []string{string(bot.OwnAccount), "2"})
	th.posts(false, []string{"0"})

	th.loggedIn(doraID)
	th.click(aliceID, bot.ActionConfirm)
	th.cardSays("Carol Target's sessions are revoked")
	th.posts(false, []string{"1"})
}

// TestTheLastDefence: what the bot itself cannot see in time, the client holds
// back. A policy has the request carried out with nobody clicking.
func TestTheLastDefence(t *testing.T) {
	th := withLogin(t)
	th.policy = filepath.Join(t.TempDir(), "policy.yml")
	const text = "{version: 1, approvers: [U0ALICE, U0AMIR], lanes: {self: {on_timeout: execute}}}"
	if err := os.WriteFile(th.policy, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	th.loggedIn(doraID)
	th.begin()
	th.typed(bobID, "me lost my phone")
	th.card()
	th.loggedIn(th.entraID("bob"))
	th.later(false, []string{"20m"})
	th.cardSays("Nothing was revoked", "would sign the bot out", "revoke-sessions login")
	th.posts(false, []string{"0"})
}

// TestThePersonIsSignedOut: whoever asks reads what is wrong with the bot, and
// it is in the log.
func TestThePersonIsSignedOut(t *testing.T) {
	for name, row := range map[string]struct {
		happens func(*theatre)
		says    []string
		code    string
	}{
		"revoked": {func(th *theatre) {
			th.entra.Update(doraID, func(u *graphtest.User) { u.RefreshTokensValidFrom = time.Now() })
		},
			[]string{"was revoked, or its password was changed", "Run revoke-sessions login again, as the user that runs the bot"}, "AADSTS50173"},
		"unused for long": {func(th *theatre) { th.entra.IdleRefreshTokens() }, []string{"has expired", "Run revoke-sessions login again"}, "AADSTS700082"},
		"nobody": {func(th *theatre) {
			if err := os.Remove(th.more["REVOKE_LOGIN_RECORD"]); err != nil {
				th.t.Fatal(err)
			}
		}, []string{"Nobody is signed in for the bot on this machine", "Run revoke-sessions login"}, "not_signed_in"},
		"network": {func(th *theatre) {
			th.entra.Inject(graphtest.Fault{Entra: true, Reset: true})
			th.entra.Inject(graphtest.Fault{Method: http.MethodGet, Reset: true})
		}, []string{"Microsoft Entra did not answer", "try again in a moment"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			th := withLogin(t)
			th.entra.SetRefreshIn(-time.Second) // so that each call renews the sign-in
			th.loggedIn(doraID)
			th.begin()
			// Nor does it ask Entra any more: whoever came meanwhile would be served
			// with the token of before.
			th.poll("the bot is signed in, and asks nothing more by itself", func() bool {
				log := th.log.String()
				return strings.Contains(log, "looked whether approvers could decide") && strings.Contains(log, "administrator")
			})
			row.happens(th)
			th.typed(bobID, "me lost my phone")
			th.sees(false, append([]string{"only:bob", "Nothing was sent", emergency}, row.says...))
			th.refusedFor(false, []string{string(bot.LookupFailed)})
			th.posts(false, []string{"0"})
			th.end()
			log := th.log.String()
			if !strings.Contains(log, row.code) || row.code != "" && !strings.Contains(log, row.says[0]) {
				t.Errorf("not in the log: %s", row.code)
			}
			if row.code == "" && strings.Contains(log, "revoke-sessions login") {
				t.Error("a login is asked for, where the network is down")
			}
		})
	}
}

// The command line refuses the account that it is signed in as, also where the
// policy is passed over, and leaves the row that the bot leaves.
func TestTheCommandLineRefusesItsOwnAccount(t *testing.T) {
	th := withLogin(t)
	th.loggedIn(doraID)
	for _, args := range [][]string{nil, {"--override-policy", "ordered by the CISO"}} {
		code, out, says := th.revokes(t.Context(), append([]string{"--user-id", "dora@contoso.example", "--confirm=false", "--reason", "acts strangely"}, args...)...)
		if code != 1 || !strings.Contains(out, "refused: ") || !strings.Contains(out, "would sign the bot out") || strings.Contains(out, "--override-policy") {
			t.Errorf("exit code %d\n%s\n%s", code, out, says)
		}
	}
	rows := th.audit()
	if last := rows[len(rows)-1]; last.Action != "refused" || last.Reason != string(bot.OwnAccount) || !strings.HasPrefix(last.Actor, "os:") || last.TargetID != doraID {
		t.Errorf("on record is %+v", last)
	}
	if th.count("refused") != 2 || th.count("policy_overridden") != 0 {
		t.Errorf("on record is %+v", rows)
	}
	if code, out, _ := th.revokes(t.Context(), "--user-id", "dora@contoso.example", "--what-if"); code != 1 || !strings.Contains(out, "would sign the bot out") || th.count("refused") != 2 {
		t.Errorf("exit code %d\n%s", code, out)
	}
	th.posts(false, []string{"0"})
}
