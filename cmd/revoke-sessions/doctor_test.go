package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/store"
	"revoke-sessions/graph/graphtest"
)

// clinic is a theatre whose Entra gives tokens that can be read.
func clinic(t testing.TB) *theatre {
	th := newTheatre(t)
	th.entra.ReadableTokens()
	th.more = map[string]string{}
	return th
}

// doctor runs it and reads its JSON.
func (th *theatre) doctor(args ...string) (code int, found map[string]finding, names []string) {
	th.t.Helper()
	code, stdout, stderr := th.command(append([]string{"doctor", "--json"}, args...)...)
	var all []finding
	if err := json.Unmarshal([]byte(stdout), &all); err != nil {
		th.t.Fatalf("exit code %d, %v\n%s\n%s", code, err, stdout, stderr)
	}
	found = map[string]finding{}
	for _, f := range all {
		found[f.Check] = f
		names = append(names, f.Check)
	}
	return code, found, names
}

// command runs a command line on the stage and holds what it says to what must
// not be in it.
func (th *theatre) command(args ...string) (code int, stdout, stderr string) {
	th.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var out, err bytes.Buffer
	code = run(ctx, args, th.getenv, strings.NewReader(""), &out, &err, th.at)
	said := out.String() + err.String()
	for _, secret := range []string{th.slack.BotToken(), th.slack.AppToken(), th.entra.Config().ClientSecret, "eyJ", "Bearer ", "ticket=", "@contoso.example"} {
		if strings.Contains(said, secret) {
			th.t.Errorf("it tells %q:\n%s", secret, said)
		}
	}
	return code, out.String(), err.String()
}

// harmless demands that nothing was posted or revoked, and no database made.
func (th *theatre) harmless() {
	th.t.Helper()
	for _, c := range th.slack.Calls() {
		if !slices.Contains([]string{"auth.test", "bots.info", "users.info", "users.lookupByEmail", "usergroups.users.list", "conversations.info", "apps.connections.open"}, c.Method) {
			th.t.Errorf("it called %s", c.Method)
		}
	}
	if acks := th.slack.Acks(); len(acks) > 0 {
		th.t.Errorf("it acked %v", acks)
	}
	for _, r := range th.entra.Requests() {
		if r.Method != http.MethodGet && !strings.HasSuffix(r.Path, "/checkMemberGroups") {
			th.t.Errorf("it sent %s %s", r.Method, r.Path)
		}
	}
	if left, err := os.ReadDir(th.folder); err != nil || len(left) > 0 {
		th.t.Errorf("it left %v, %v", left, err)
	}
}

var inOrder = []string{
	"settings", "slack_bot_token", "slack_scopes", "slack_app_token", "slack_channel", "slack_socket", "slack_sockets_open", "slack_messages_tab", "slack_home_tab",
	"entra_token", "entra_permissions", "entra_user", "entra_administrators", "groups", "database", "rules", "clock", "policy",
}

// healthy is how every check ends where nothing is wrong.
func healthy() map[string]result {
	all := map[string]result{}
	for _, name := range inOrder {
		all[name] = well
	}
	for _, name := range []string{"slack_sockets_open", "slack_messages_tab", "slack_home_tab", "rules"} {
		all[name] = unchecked
	}
	return all
}

func TestDoctorFindsNothing(t *testing.T) {
	th := clinic(t)
	opened := th.sockets()
	code, found, names := th.doctor()
	if n := opened.Load(); n != 0 {
		t.Errorf("it opened %d sockets", n)
	}
	if code != 0 || !slices.Equal(names, inOrder) {
		t.Errorf("exit code %d, checks %q", code, names)
	}
	for name, want := range healthy() {
		f := found[name]
		if f.Result != want || !strings.HasSuffix(f.Says, ".") || want == well && f.Remedy != "" {
			t.Errorf("%+v, want %s", f, want)
		}
	}
	for name, words := range map[string][]string{
		"slack_bot_token":    {"@revoke-sessions", "A0SLACKTEST", "slacktest (T0SLACKTEST)"},
		"slack_app_token":    {"connections:write", "belongs to the app A0SLACKTEST, as SLACK_BOT_TOKEN does"},
		"slack_channel":      {"#security-approvals", "private"},
		"slack_sockets_open": {"not checked", "click"},
		"slack_messages_tab": {"not checked", "first drill"},
		"slack_home_tab":     {"not checked", "no database yet"},
		"entra_token":        {"client secret", "public"},
		"database":           {"There is no database", "revoke-sessions.db"},
		"policy":             {"could decide now: 2"},
	} {
		if f := found[name]; !containsAll(f.Says, words) {
			t.Errorf("%s does not say %q: %s", name, words, f.Says)
		}
	}
	th.harmless()

	code, stdout, stderr := th.command("doctor")
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if code != 0 || stderr != "" || !strings.HasPrefix(lines[0], "ok    All settings") ||
		lines[len(lines)-1] != "Nothing was found that stops the bot from working: 14 ok, 0 warn, 0 FAIL, 4 skip." {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
}

// ailment is one thing that is wrong, and everything that doctor says of it.
type ailment struct {
	name   string
	make   func(*theatre)
	args   []string
	check  string
	want   result
	says   []string
	remedy []string
	// also are the other checks that do not end as they do where nothing is
	// wrong.
	also map[string]result
}

func set(name, value string) func(*theatre) { return func(th *theatre) { th.more[name] = value } }

func lackingScope(scope string) func(*theatre) {
	return func(th *theatre) {
		th.slack.SetScopes(slices.DeleteFunc(slices.Clone(slacktest.DefaultScopes), func(s string) bool { return s == scope })...)
	}
}

func withdraw(permission string) func(*theatre) {
	return func(th *theatre) { th.entra.Withdraw(permission) }
}

func slackFault(f slacktest.Fault) func(*theatre) { return func(th *theatre) { th.slack.Inject(f) } }

func entraFault(f graphtest.Fault) func(*theatre) { return func(th *theatre) { th.entra.Inject(f) } }

func policyOf(text string) func(*theatre) {
	return func(th *theatre) {
		th.policy = filepath.Join(th.t.TempDir(), "policy.yml")
		if err := os.WriteFile(th.policy, []byte(text), 0o600); err != nil {
			th.t.Fatal(err)
		}
	}
}

func all(steps ...func(*theatre)) func(*theatre) {
	return func(th *theatre) {
		for _, step := range steps {
			step(th)
		}
	}
}

const (
	strangeGroup         = "0f0f0f0f-1111-4222-8333-444444444444"
	policyWithRoles      = "version: 1\napprovers: [" + aliceID + ", " + amirID + "]\nprotected:\n  - match: {roles: privileged}\n    approvals: 1\n"
	policyWithSlackGroup = "version: 1\napprovers: [" + aliceID + ", " + amirID + ", S0123]\n"
	policyWithEntraGroup = "version: 1\napprovers: [" + aliceID + ", " + amirID + ", \"entra:" + strangeGroup + "\"]\n"
)

func nobodyAsksSlack(more map[string]result) map[string]result {
	all := map[string]result{"slack_scopes": unchecked, "slack_channel": unchecked, "policy": unchecked}
	maps.Copy(all, more)
	return all
}

var noEntra = map[string]result{"entra_permissions": unchecked, "entra_user": unchecked, "entra_administrators": unchecked, "policy": unchecked}

func ailments() []ailment {
	return []ailment{
		{name: "an address that is none", make: set("REVOKE_HTTP_ADDR", "9464"), check: "settings", want: broken, says: []string{"REVOKE_HTTP_ADDR"}, remedy: []string{"environment"}},
		{name: "an operation nobody knows", make: set("REVOKE_OPERATION", "revokeEverything"), check: "settings", want: broken, says: []string{"REVOKE_OPERATION is \"revokeEverything\""}, remedy: []string{"environment"}},
		{name: "tokens in the clear", make: set("SLACK_API_URL", "http://slack.example/api/"), check: "settings", want: broken, says: []string{"SLACK_API_URL must begin with https://"}, remedy: []string{"environment"},
			also: nobodyAsksSlack(map[string]result{"slack_bot_token": unchecked, "slack_app_token": unchecked, "slack_socket": unchecked})},

		{name: "no bot token", make: set("SLACK_BOT_TOKEN", ""), check: "slack_bot_token", want: broken, says: []string{"SLACK_BOT_TOKEN is not set"}, remedy: []string{"Take the Bot User OAuth Token", "OAuth & Permissions"}, also: nobodyAsksSlack(nil)},
		{name: "a person's token", make: set("SLACK_BOT_TOKEN", "xoxp-1"), check: "slack_bot_token", want: broken, says: []string{"does not begin with xoxb-"}, remedy: []string{"OAuth & Permissions"}, also: nobodyAsksSlack(nil)},
		{name: "a token file that is not there", make: all(set("SLACK_BOT_TOKEN", ""), set("SLACK_BOT_TOKEN_FILE", "/nowhere/token")), check: "slack_bot_token", want: broken, says: []string{"SLACK_BOT_TOKEN_FILE", "no such file"}, remedy: []string{"OAuth & Permissions"}, also: nobodyAsksSlack(nil)},
		{name: "a bot token of nobody", make: set("SLACK_BOT_TOKEN", "xoxb-1"), check: "slack_bot_token", want: broken, says: []string{"auth.test", "invalid_auth"}, remedy: []string{"Copy the Bot User OAuth Token again", "Restrict API Token Usage"}, also: nobodyAsksSlack(nil)},
		{name: "Slack asks to wait", make: slackFault(slacktest.Fault{Method: "auth.test", RetryAfter: 7 * time.Second}), check: "slack_bot_token", want: broken, says: []string{"Slack asked the bot to wait"}, remedy: []string{"Try again in a minute"}, also: nobodyAsksSlack(nil)},
		{name: "Slack does not answer", make: slackFault(slacktest.Fault{Method: "auth.test", Status: http.StatusServiceUnavailable}), check: "slack_bot_token", want: broken, says: []string{"Slack answered 503"}, remedy: []string{"status.slack.com"}, also: nobodyAsksSlack(nil)},
		{name: "no scope to ask who we are", make: lackingScope("users:read"), check: "slack_bot_token", want: broken, says: []string{"lacks the scope users:read"}, remedy: []string{"reinstall the app"},
			also: map[string]result{"slack_scopes": broken, "slack_channel": unchecked, "policy": unchecked}},

		{name: "a scope for the policy's group", make: all(policyOf(policyWithSlackGroup), lackingScope("usergroups:read")), check: "slack_scopes", want: broken,
			says: []string{"SLACK_BOT_TOKEN lacks the scope usergroups:read (the policy's Slack group S0123 needs it)."}, remedy: []string{"Add the scope under OAuth & Permissions and reinstall the app."},
			also: map[string]result{"groups": broken, "policy": broken}},
		{name: "a scope that nothing needs", make: lackingScope("usergroups:read"), check: "slack_scopes", want: doubtful, says: []string{"usergroups:read (user groups that the policy names)"}, remedy: []string{"reinstall"}},
		{name: "a scope for posting", make: lackingScope("chat:write"), check: "slack_scopes", want: broken, says: []string{"chat:write (the bot needs it for: cards"}, remedy: []string{"reinstall"}},
		{name: "a scope for commands", make: lackingScope("commands"), check: "slack_scopes", want: broken, says: []string{"commands (the bot needs it for: the slash command)"}, remedy: []string{"reinstall"}},
		{name: "a scope for addresses", make: lackingScope("users:read.email"), check: "slack_scopes", want: broken, says: []string{"users:read.email"}, remedy: []string{"reinstall"}, also: map[string]result{"policy": broken}},
		{name: "a scope for addresses that do not count", make: all(policyOf("version: 1\napprovers: ["+aliceID+", "+amirID+"]\nidentity: {match: [map], map: {"+aliceID+": "+objectID(2)+", "+amirID+": "+objectID(3)+"}}\n"), lackingScope("users:read.email")),
			check: "slack_scopes", want: doubtful, says: []string{"users:read.email"}, remedy: []string{"reinstall"}},
		{name: "scopes untold", make: slackFault(slacktest.Fault{Method: "auth.test", Body: `{"ok":true,"url":"https://slacktest.slack.com/","team":"slacktest","user":"bot","team_id":"T0SLACKTEST","user_id":"U0BOT","bot_id":"B0BOT"}`}),
			check: "slack_scopes", want: unchecked, says: []string{"not checked", "did not name them"}},

		{name: "no app token", make: set("SLACK_APP_TOKEN", ""), check: "slack_app_token", want: broken, says: []string{"SLACK_APP_TOKEN is not set"}, remedy: []string{"Make an app-level token with connections:write"}, also: map[string]result{"slack_socket": unchecked}},
		{name: "an app token of nobody", make: set("SLACK_APP_TOKEN", "xapp-1"), check: "slack_app_token", want: broken, says: []string{"invalid_auth"}, remedy: []string{"Copy it again", "SLACK_APP_TOKEN"}, also: map[string]result{"slack_socket": unchecked}},
		{name: "an app token without its scope", make: func(th *theatre) { th.slack.SetAppScopes("authorizations:read") }, check: "slack_app_token", want: broken, says: []string{"missing_scope"}, remedy: []string{"lacks the scope connections:write"}, also: map[string]result{"slack_socket": unchecked}},
		{name: "tokens of two apps", make: slackFault(slacktest.Fault{Method: "bots.info", Body: `{"ok":true,"bot":{"id":"B0BOT","app_id":"A0OTHER"}}`}), check: "slack_app_token", want: broken, says: []string{"app A0SLACKTEST", "to the app A0OTHER"}, remedy: []string{"settings of one app"}},

		{name: "a channel's name", make: set("REVOKE_CHANNEL", "#security"), check: "slack_channel", want: broken, says: []string{"REVOKE_CHANNEL must be a channel's ID"}, remedy: []string{"Open the channel's details"}},
		{name: "no such channel", make: set("REVOKE_CHANNEL", "C0NOWHERE"), check: "slack_channel", want: broken, says: []string{"C0NOWHERE", "the channel does not exist"}, remedy: []string{"/invite @revoke-sessions"}},
		{name: "not in the channel", make: inChannel(func(c *slacktest.Channel) { c.Private, c.BotIsMember = false, false }), check: "slack_channel", want: broken, says: []string{"the bot is not in the channel"}, remedy: []string{"/invite"}},
		{name: "an archived channel", make: inChannel(func(c *slacktest.Channel) { c.Archived = true }), check: "slack_channel", want: broken, says: []string{"archived"}, remedy: []string{"Unarchive"}},
		{name: "a shared channel", make: inChannel(func(c *slacktest.Channel) { c.ExtShared = true }), check: "slack_channel", want: broken, says: []string{"shared with another organisation"}, remedy: []string{"not shared"}},
		{name: "a public channel", make: inChannel(func(c *slacktest.Channel) { c.Private = false }), check: "slack_channel", want: doubtful, says: []string{"public channel", "whole workspace"}, remedy: []string{"private"}},
		{name: "a scope for the channel", make: lackingScope("groups:read"), check: "slack_channel", want: broken, says: []string{"lacks the scope groups:read"}, remedy: []string{"reinstall"}, also: map[string]result{"slack_scopes": doubtful}},

		{name: "Socket Mode is off", make: func(th *theatre) { th.slack.Disconnect(slacktest.LinkDisabled) }, check: "slack_socket", want: broken, says: []string{"socket_mode_not_enabled"}, remedy: []string{"Socket Mode is on"}, also: map[string]result{"slack_app_token": unchecked}},
		{name: "sockets that cannot be opened", args: []string{"--count-sockets"}, make: slackFault(slacktest.Fault{Method: "socket", Status: http.StatusBadGateway}), check: "slack_socket", want: broken, says: []string{"it does not work"}, remedy: []string{"WebSockets"}},
		{name: "too many sockets", args: []string{"--count-sockets"}, make: func(th *theatre) { th.slack.SetStrangers(slacktest.MaxSockets) }, check: "slack_socket", want: broken, says: []string{"disconnect too_many_websockets"}, remedy: []string{"no more than 10 sockets"}},
		{name: "nobody connected", args: []string{"--count-sockets"}, make: all(), check: "slack_sockets_open", want: well, says: []string{"No other socket is open"}},
		{name: "tokens of two apps, by the greeting", args: []string{"--count-sockets"}, make: slackFault(slacktest.Fault{Method: "bots.info", Body: `{"ok":true,"bot":{"id":"B0BOT","app_id":"A0OTHER"}}`}),
			check: "slack_socket", want: broken, says: []string{"The socket belongs to the app A0SLACKTEST, but SLACK_BOT_TOKEN to the app A0OTHER"}, remedy: []string{"settings of one app"}, also: map[string]result{"slack_app_token": broken, "slack_sockets_open": well}},
		{name: "strangers", args: []string{"--count-sockets"}, make: func(th *theatre) { th.slack.SetStrangers(3) }, check: "slack_sockets_open", want: doubtful, says: []string{"3 other sockets", "somebody else"}, remedy: []string{"revoke this one"}},

		{name: "half a credential", make: set("AZURE_CLIENT_ID", ""), check: "entra_token", want: broken, says: []string{"AZURE_CLIENT_ID is missing"}, remedy: []string{"README"}, also: noEntra},
		{name: "another cloud", make: set("AZURE_CLOUD", "moon"), check: "entra_token", want: broken, says: []string{`AZURE_CLOUD is "moon"`}, remedy: []string{"README"}, also: noEntra},
		{name: "a wrong secret", make: set("AZURE_CLIENT_SECRET", "wrong"), check: "entra_token", want: broken, says: []string{"client secret", "AADSTS7000215"}, remedy: []string{"secret"}, also: noEntra},

		{name: "no leave to revoke", make: withdraw("User.RevokeSessions.All"), check: "entra_permissions", want: broken, says: []string{"The app lacks the application permission User.RevokeSessions.All"}, remedy: []string{"admin consent"}},
		{name: "another permission for another operation", make: all(withdraw("User.RevokeSessions.All"), grant("User.ReadWrite.All"), set("REVOKE_OPERATION", "revokeSignInSessions")), check: "entra_permissions", want: well},
		{name: "only the fallback is permitted", make: all(withdraw("User.RevokeSessions.All"), grant("User.ReadWrite.All"), set("REVOKE_FALLBACK", "revokeSignInSessions")), check: "entra_permissions", want: doubtful, says: []string{"the bot uses revokeSignInSessions for every revoke"}, remedy: []string{"User.RevokeSessions.All"}},
		{name: "a broader permission", make: all(withdraw("User.Read.All"), withdraw("GroupMember.Read.All"), withdraw("RoleManagement.Read.Directory"), grant("Directory.Read.All")), check: "entra_permissions", want: well},
		{name: "roles for the cards", make: withdraw("RoleManagement.Read.Directory"), check: "entra_permissions", want: doubtful, says: []string{"RoleManagement.Read.Directory", "cards cannot say"}, remedy: []string{"unknown"}, also: map[string]result{"entra_administrators": unchecked}},
		{name: "roles for a rule", make: all(policyOf(policyWithRoles), withdraw("RoleManagement.Read.Directory")), check: "entra_permissions", want: broken, says: []string{"RoleManagement.Read.Directory (the policy's rule about privileged roles needs it)"}, remedy: []string{"admin consent"}, also: map[string]result{"entra_administrators": unchecked}},
		{name: "no role for administrators", make: appWithoutRole, check: "entra_administrators", want: doubtful, says: []string{"The app holds no role", "administrator role", "may refuse the revoke"}, remedy: []string{"Privileged Authentication Administrator"}},
		{name: "a role for some accounts", make: all(appWithoutRole, appRole(graphtest.HelpdeskAdministrator, "")), check: "entra_administrators", want: doubtful, says: []string{"holds no role"}, remedy: []string{"Privileged Authentication Administrator"}},
		{name: "a role in a part of the organisation", make: all(appWithoutRole, appRole(graphtest.PrivilegedAuthenticationAdministrator, strangeGroup)), check: "entra_administrators", want: doubtful, says: []string{"holds no role"}, remedy: []string{"whole organisation"}},
		{name: "the highest role", make: all(appWithoutRole, appRole(graphtest.GlobalAdministrator, "")), check: "entra_administrators", want: well},
		{name: "roles that do not come", make: entraFault(graphtest.Fault{PathSuffix: "/transitiveRoleAssignments", Status: 503}), check: "entra_administrators", want: unchecked, says: []string{"not checked: whether Microsoft lets the bot revoke administrators", "503"}, remedy: []string{"Try again"}},
		{name: "sign-ins for the cards", make: withdraw("AuditLog.Read.All"), check: "entra_permissions", want: doubtful, says: []string{"AuditLog.Read.All", "last signed in"}, remedy: []string{"unknown"}},
		{name: "groups for the policy", make: all(policyOf(policyWithEntraGroup), knownGroup, withdraw("GroupMember.Read.All")), check: "entra_permissions", want: broken, says: []string{"GroupMember.Read.All (the policy's Entra group " + strangeGroup}, remedy: []string{"admin consent"},
			also: map[string]result{"groups": broken, "policy": broken}},

		{name: "no leave to read users", make: entraFault(graphtest.Fault{Method: http.MethodGet, PathSuffix: "/users", Times: 1, Status: http.StatusForbidden}), check: "entra_user", want: broken, says: []string{"look for any account", "403"}, remedy: []string{"Grant the bot the permission User.Read.All"}},
		{name: "an account half read", make: func(th *theatre) {
			for n := range 5 {
				u, _ := th.entra.User(objectID(n + 1))
				u.Missing, u.Null = []string{"isManagementRestricted"}, []string{"signInSessionsValidFromDateTime"}
				th.entra.AddUser(u)
			}
		}, check: "entra_user", want: doubtful, says: []string{"isManagementRestricted, signInSessionsValidFromDateTime"}, remedy: []string{"User.Read.All"}},

		{name: "a Slack group that is not there", make: policyOf(policyWithSlackGroup), check: "groups", want: broken, says: []string{"S0123", "no_such_subteam"}, remedy: []string{"Correct the ID in the policy"}, also: map[string]result{"policy": broken}},
		{name: "an Entra group that is not there", make: policyOf(policyWithEntraGroup), check: "groups", want: broken, says: []string{strangeGroup, "404"}, remedy: []string{"No such group"}, also: map[string]result{"policy": broken}},
		{name: "several groups that are not there", make: policyOf(strings.Replace(policyWithEntraGroup, "[", "[S0123, S0456, ", 1)), check: "groups", want: broken,
			says: []string{"S0123", "S0456", strangeGroup}, remedy: []string{"a paid plan of Slack. No such group"}, also: map[string]result{"policy": broken}},
		{name: "groups that are there", make: all(policyOf(strings.Replace(policyWithEntraGroup, "[", "[S0123, ", 1)), knownGroup, func(th *theatre) {
			th.slack.AddUserGroup(slacktest.UserGroup{ID: "S0123", Members: []string{aliceID}})
		}), check: "groups", want: well, says: []string{"S0123 (members: 1)", "Secur ity, members: 1"}},

		{name: "a database nowhere", make: set("REVOKE_DATABASE_URL", "sqlite:/nowhere/x.db"), check: "database", want: broken, says: []string{"/nowhere/x.db", "no such file"}, remedy: []string{"folder"}},
		{name: "a PostgreSQL where none listens", make: set("REVOKE_DATABASE_URL", "postgres://bot:secret@127.0.0.1:1/x"), check: "database", want: broken, says: []string{"postgres://127.0.0.1:1/x", "connection refused"}, remedy: []string{"PostgreSQL runs there", "password"}},
		{name: "a database of another kind", make: set("REVOKE_DATABASE_URL", "mysql:x"), check: "database", want: broken, says: []string{"sqlite:PATH"}, remedy: []string{"Correct REVOKE_DATABASE_URL"}},

		{name: "a newer database", make: schema(99), check: "database", want: broken, says: []string{"has schema 99"}, remedy: []string{"Use the newer"}},
		{name: "an older database", make: schema(1), check: "database", want: doubtful, says: []string{"has schema 1"}, remedy: []string{"start this version of the bot once"}},
		{name: "a slow clock at Slack", make: func(th *theatre) { th.slack.SetClockSkew(-2 * time.Minute) }, check: "clock", want: doubtful, says: []string{"Slack's is 1", "seconds behind"}, remedy: []string{"NTP"}},
		{name: "a fast clock at Microsoft", make: func(th *theatre) { th.entra.SetClockSkew(10 * time.Minute) }, check: "clock", want: broken, says: []string{"Microsoft's is ", "ahead of"}, remedy: []string{"NTP"}},

		{name: "a policy that cannot be read", make: policyOf("version: 7\n"), check: "policy", want: broken, says: []string{"REVOKE_POLICY", "policy.yml: line 1: version must be", "; line 1: no approvers are named"}, remedy: []string{"policy check"}, also: map[string]result{"groups": unchecked}},
		{name: "nobody named without a policy file", make: set("REVOKE_APPROVERS", ""), check: "policy", want: broken, says: []string{"REVOKE_APPROVERS names nobody"}, remedy: []string{"Set REVOKE_APPROVERS to the Slack user IDs"}, also: map[string]result{"groups": unchecked}},
		{name: "too few approvers", make: func(th *theatre) {
			th.slack.UpdateUser(amirID, func(u *slacktest.User) { u.EmailUnconfirmed = true })
		}, check: "policy", want: broken, says: []string{"a request about one of the approvers needs", "could decide now: 1", amirID + " (Slack does not show the e-mail address as confirmed)"}, remedy: []string{"SSO", "identity.map", "Name more approvers"}},
		{name: "an approver more than needed who signs in by SSO", make: all(set("REVOKE_APPROVERS", aliceID+","+amirID+","+bobID), func(th *theatre) {
			th.slack.UpdateUser(bobID, func(u *slacktest.User) { u.EmailUnconfirmed = true })
		}), check: "policy", want: doubtful, says: []string{"enough approvers, but some who are named could not decide", "could decide now: 2", bobID + " (Slack does not show"}, remedy: []string{"SSO", "identity.map"}},
		{name: "an approver more than needed without an account", make: all(set("REVOKE_APPROVERS", aliceID+","+amirID+","+bobID), func(th *theatre) {
			th.slack.UpdateUser(bobID, func(u *slacktest.User) { u.Email = "nobody@contoso.example" })
		}), check: "policy", want: doubtful, says: []string{"could decide now: 2", bobID + " (no Entra account"}, remedy: []string{"under identity.map"}},
		{name: "more approvers than are looked up", make: func(th *theatre) {
			names := aliceID
			for n := range 61 {
				names += fmt.Sprintf(",U0STRANGER%02d", n)
			}
			set("REVOKE_APPROVERS", names)(th)
		}, check: "policy", want: doubtful, says: []string{"there are too many to check everybody", "could decide now: 1", "of 50 who were checked; at least 62 are named"}, remedy: []string{"Name fewer approvers"}},
		{name: "approvers whom nobody could look up", make: slackFault(slacktest.Fault{Method: "users.info", Status: http.StatusServiceUnavailable}), check: "policy", want: doubtful, says: []string{"not known whether", "users.info"}, remedy: []string{"Try again"}},
	}
}

// schema gives the bot a database whose schema is said to be another.
func schema(version int) func(*theatre) {
	return func(th *theatre) {
		path := filepath.Join(th.t.TempDir(), "other.db")
		th.more["REVOKE_DATABASE_URL"] = "sqlite:" + path
		s, err := store.Open(th.t.Context(), "sqlite:"+path, store.Options{})
		if err != nil {
			th.t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			th.t.Fatal(err)
		}
		db, err := sql.Open("sqlite", path)
		if err != nil {
			th.t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.Exec(fmt.Sprintf("PRAGMA user_version = %d", version)); err != nil {
			th.t.Fatal(err)
		}
	}
}

func inChannel(change func(*slacktest.Channel)) func(*theatre) {
	return func(th *theatre) { th.slack.UpdateChannel(approvals, change) }
}

func grant(permission string) func(*theatre) {
	return func(th *theatre) { th.entra.Grant(permission) }
}

func appWithoutRole(th *theatre) {
	th.entra.UnassignRole(graphtest.ServicePrincipalID, graphtest.PrivilegedAuthenticationAdministrator, "")
}

func appRole(role, unit string) func(*theatre) {
	return func(th *theatre) { th.entra.AssignRole(graphtest.ServicePrincipalID, role, unit) }
}

func knownGroup(th *theatre) {
	th.entra.AddGroup(graphtest.Group{ID: strangeGroup, DisplayName: "Secu\u202er\nity", Members: []string{objectID(2)}})
}

// TestDoctorFinds has one thing wrong at a time: doctor names it and what to
// do, says the same as ever of what does not depend on it, and changes nothing.
func TestDoctorFinds(t *testing.T) {
	for _, a := range ailments() {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			th := clinic(t)
			a.make(th)
			code, found, names := th.doctor(a.args...)
			want := healthy()
			if slices.Contains(a.args, "--count-sockets") {
				if want["slack_sockets_open"] = well; a.check == "slack_socket" {
					want["slack_sockets_open"] = unchecked
				}
			}
			maps.Copy(want, a.also)
			want[a.check] = a.want
			failures := 0
			for _, name := range names {
				f := found[name]
				if f.Result != want[name] {
					t.Errorf("%s %s, want %s: %s %s", f.Result, name, want[name], f.Says, f.Remedy)
				}
				if f.Result == broken {
					failures++
				}
				if (f.Result == broken || f.Result == doubtful) != (f.Remedy != "") && f.Result != unchecked {
					t.Errorf("%s %s has the remedy %q", f.Result, name, f.Remedy)
				}
				if strings.HasPrefix(f.Says, "not checked: ") != (f.Result == unchecked) {
					t.Errorf("%s %s: %s", f.Result, name, f.Says)
				}
				if strings.Contains(f.Says+f.Remedy, "\n") || strings.Contains(f.Says+f.Remedy, "..") {
					t.Errorf("%s: %q %q", name, f.Says, f.Remedy)
				}
			}
			if f := found[a.check]; !containsAll(f.Says, a.says) || !containsAll(f.Remedy, a.remedy) {
				t.Errorf("it says %q with the remedy %q, want %q and %q", f.Says, f.Remedy, a.says, a.remedy)
			}
			if (code == 1) != (failures > 0) || code > 1 {
				t.Errorf("exit code %d with %d failures", code, failures)
			}
			th.harmless()
		})
	}
}

// Without Slack, Entra is still looked at; with nothing set, everything is said
// at once.
func TestDoctorWithNothing(t *testing.T) {
	env := map[string]string{"REVOKE_DATABASE_URL": "sqlite:" + filepath.Join(t.TempDir(), "none.db"), "AZURE_TOKEN_CREDENTIALS": "EnvironmentCredential"}
	code, stdout, stderr := output(t, env, "doctor")
	for _, words := range []string{
		"FAIL  SLACK_BOT_TOKEN is not set.", "FAIL  SLACK_APP_TOKEN is not set.", "FAIL  REVOKE_CHANNEL is not set", "FAIL  The settings for the sign-in to Entra",
		"FAIL  REVOKE_APPROVERS names nobody", "ok    There is no database", "\n      Take the Bot User OAuth Token",
	} {
		if !strings.Contains(stdout, words) {
			t.Errorf("it does not say %q:\n%s", words, stdout)
		}
	}
	if code != 1 || !strings.Contains(stderr, "doctor found problems that stop the bot from working: 2 ok, 0 warn, 5 FAIL, 11 skip") {
		t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	if code, _, _ := output(t, env, "doctor", "--colour"); code != 2 {
		t.Errorf("a flag that is none: exit code %d", code)
	}
}

// A token that cannot be read is no fault.
func TestDoctorWithSealedToken(t *testing.T) {
	th := newTheatre(t)
	code, found, _ := th.doctor()
	if f := found["entra_permissions"]; code != 0 || f.Result != unchecked || !containsAll(f.Says, []string{"cannot be read", "not an error"}) {
		t.Errorf("exit code %d, %+v", code, f)
	}
	if f := found["entra_user"]; f.Result != well {
		t.Errorf("%+v", f)
	}
}

// What a person's token permits is judged by its scopes.
func TestDoctorWithAPerson(t *testing.T) {
	for name, tt := range map[string]struct {
		scopes, fallback string
		want             result
		says             string
	}{
		"enough":    {"User.RevokeSessions.All User.Read.All Directory.Read.All AuditLog.Read.All", "", well, "The Entra roles of the person who signed in decide whose sessions they may revoke"},
		"a broader": {"Directory.ReadWrite.All AuditLog.Read.All", "", well, "delegated permissions are enough"},
		"too few":   {"User.Read.All Directory.Read.All AuditLog.Read.All", "", broken, "The person who signed in lacks the delegated permission User.RevokeSessions.All"},
		// From what a person may not, there is no fallback.
		"for the fallback": {"User.ReadWrite.All Directory.Read.All AuditLog.Read.All", "revokeSignInSessions", broken, "lacks the delegated permission User.RevokeSessions.All"},
	} {
		t.Run(name, func(t *testing.T) {
			th := clinic(t)
			az := t.TempDir()
			token := "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"aud":"x","scp":"`+tt.scopes+`"}`)) + ".e30"
			answer := `{"accessToken":"` + token + `","expires_on":4102444800,"tenant":"x","tokenType":"Bearer"}`
			if err := os.WriteFile(filepath.Join(az, "az"), []byte("#!/bin/sh\necho '"+answer+"'\n"), 0o700); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", az+":"+os.Getenv("PATH"))
			th.more = map[string]string{"AZURE_TOKEN_CREDENTIALS": "AzureCLICredential", "AZURE_TENANT_ID": "", "AZURE_CLIENT_ID": "", "AZURE_CLIENT_SECRET": "", "REVOKE_FALLBACK": tt.fallback}
			_, found, _ := th.doctor()
			if f := found["entra_permissions"]; f.Result != tt.want || !strings.Contains(f.Says, tt.says) {
				t.Errorf("%+v", f)
			}
			if f := found["entra_token"]; f.Result != well || !strings.Contains(f.Says, "Azure CLI") {
				t.Errorf("%+v", f)
			}
		})
	}
}

// What the token allows is read out of the token that was got, and no other.
func TestDoctorTakesOneToken(t *testing.T) {
	th := clinic(t)
	az := t.TempDir()
	token := "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"aud":"x","scp":"User.ReadWrite.All User.RevokeSessions.All Directory.Read.All AuditLog.Read.All"}`)) + ".e30"
	script := "#!/bin/sh\n[ -e " + az + "/once ] && exit 1\n: > " + az + "/once\necho '" + `{"accessToken":"` + token + `","expires_on":4102444800,"tenant":"x","tokenType":"Bearer"}` + "'\n"
	if err := os.WriteFile(filepath.Join(az, "az"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", az+":"+os.Getenv("PATH"))
	th.more = map[string]string{"AZURE_TOKEN_CREDENTIALS": "AzureCLICredential", "AZURE_TENANT_ID": "", "AZURE_CLIENT_ID": "", "AZURE_CLIENT_SECRET": ""}
	_, found, _ := th.doctor()
	if f := found["entra_permissions"]; f.Result != well {
		t.Errorf("%+v", f)
	}
}

// Beside a running bot, doctor changes nothing in the database, and every click
// reaches the bot: also one that is made while doctor runs.
func TestDoctorBesideTheBot(t *testing.T) {
	th := clinic(t)
	th.begin()
	th.typed(bobID, "me lost my phone")
	th.card()
	th.quiet()
	before, opened := th.stored(), th.sockets()
	posted := len(th.slack.CallsOf("chat.postMessage"))
	code, found, _ := th.doctor()
	if f := found["database"]; code != 0 || f.Result != well || !strings.Contains(f.Says, "can be written to") {
		t.Errorf("exit code %d, %+v", code, f)
	}
	if after := th.stored(); before != after {
		t.Errorf("the database held %s and holds %s", before, after)
	}
	if n := len(th.slack.CallsOf("chat.postMessage")) - posted; n != 0 || len(th.entra.Posts()) != 0 {
		t.Errorf("posted %d messages, revoked %v", n, th.entra.Posts())
	}

	// Somebody clicks in the middle, while doctor waits to print a line.
	out := &turnstile{at: "SLACK_APP_TOKEN", reached: make(chan struct{}), goOn: make(chan struct{})}
	ended := make(chan int, 1)
	go func() {
		ended <- run(context.Background(), []string{"doctor"}, th.getenv, strings.NewReader(""), out, io.Discard, th.at)
	}()
	<-out.reached
	th.click(aliceID, "request.confirm")
	th.cardSays("sessions are revoked")
	close(out.goOn)
	if code := <-ended; code != 0 {
		t.Errorf("exit code %d", code)
	}

	if n := opened.Load(); n != 0 {
		t.Errorf("it opened %d sockets, where clicks could get lost", n)
	}
	code, found, _ = th.doctor("--count-sockets")
	if f := found["slack_sockets_open"]; code != 0 || f.Result != well || !strings.Contains(f.Says, "One other socket is open") {
		t.Errorf("exit code %d, %+v", code, f)
	}
	th.typed(bobID, "help")
}

// Doctor says whether Slack took the last Home tab: it cannot ask Slack.
func TestDoctorOnTheHomeTab(t *testing.T) {
	t.Parallel()
	th := clinic(t)
	th.begin()
	says := func(when string, want result, words ...string) {
		t.Helper()
		code, found, _ := th.doctor()
		f := found["slack_home_tab"]
		if code != 0 || f.Result != want || !containsAll(f.Says, words) || want == doubtful && !strings.Contains(f.Remedy, "manifest.yml") {
			t.Errorf("%s: exit code %d, %+v", when, code, f)
		}
	}
	tab := func() (code string, at time.Time) {
		code, at, err := th.reader().HomeTab(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return code, at
	}
	says("before anybody opened it", unchecked, "not checked", "the bot has published none yet")
	th.acked(th.slack.As(bobID).OpenHome())
	th.poll("Slack took it", func() bool { code, at := tab(); return code == "" && !at.IsZero() })
	says("taken before", well, "Slack took a Home tab at ")

	th.installs("") // a manifest of before the tab
	th.clock.advance(10 * time.Second)
	th.typed(bobID, "me lost my phone")
	th.poll("it was refused", func() bool { code, _ := tab(); return code != "" })
	says("refused before", doubtful, "Slack refused a Home tab at ", "(not_enabled)", "Everything else works")

	th.installs(manifestFile)
	th.clock.advance(61 * time.Minute)
	th.acked(th.slack.As(bobID).OpenHome())
	th.poll("Slack took it again", func() bool { code, _ := tab(); return code == "" })
	says("taken again", well, "Slack took a Home tab at ")
}

// sockets counts those that are opened from now on.
func (th *theatre) sockets() *atomic.Int64 {
	var opened atomic.Int64
	th.slack.Inject(slacktest.Fault{Method: "socket", Match: func(map[string]string) bool {
		opened.Add(1)
		return false
	}})
	return &opened
}

// turnstile is an output that stops at a word until it may go on.
type turnstile struct {
	at            string
	reached, goOn chan struct{}
	stopped       bool
}

func (o *turnstile) Write(text []byte) (int, error) {
	if !o.stopped && strings.Contains(string(text), o.at) {
		o.stopped = true
		close(o.reached)
		<-o.goOn
	}
	return len(text), nil
}

// stored counts the rows of every table, and names the head of the chain.
func (th *theatre) stored() string {
	th.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(th.folder, "revoke-sessions.db")+"?mode=ro&_pragma=busy_timeout(1000)")
	if err != nil {
		th.t.Fatal(err)
	}
	defer db.Close()
	counts := `SELECT (SELECT hash FROM audit_head)`
	for _, table := range []string{"arrivals", "requests", "askers", "words", "places", "audit", "freezes", "uses", "notices", "sqlite_schema"} {
		counts += ` || ' ` + table + `: ' || (SELECT count(*) FROM ` + table + `)`
	}
	var all string
	if err := db.QueryRow(counts).Scan(&all); err != nil {
		th.t.Fatal(err)
	}
	return all
}
