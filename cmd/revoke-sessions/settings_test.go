package main

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

// output runs a command line with an environment and returns what it says.
func output(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out, err bytes.Buffer
	code = run(ctx, args, func(name string) string { return env[name] }, strings.NewReader(""), &out, &err, endpoints{environ: settingsIn(env)})
	return code, out.String(), err.String()
}

// settingsIn lists settings as os.Environ does.
func settingsIn(env map[string]string) func() []string {
	return func() (all []string) {
		for name, value := range env {
			all = append(all, name+"="+value)
		}
		return all
	}
}

// TestSettings breaks one setting at a time: the answer names it and the
// remedy, nothing is created, and no secret is repeated.
func TestSettings(t *testing.T) {
	good := map[string]string{
		"SLACK_BOT_TOKEN": "xoxb-secret-one", "SLACK_APP_TOKEN": "xapp-secret-two",
		"AZURE_TENANT_ID": "7e4a1d52-0b5f-4c1c-9d43-2f6f0f4b8a10", "AZURE_CLIENT_ID": "c2b8f1a6-93f4-4f0e-8a55-6d1f3b7c9e24", "AZURE_CLIENT_SECRET": "secret-three",
		"REVOKE_CHANNEL": "C0123456789", "REVOKE_APPROVERS": "U0123456789, U0123456780",
		"REVOKE_DATABASE_URL": "sqlite:" + filepath.Join(t.TempDir(), "none.db"),
	}
	secretFile := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(secretFile, []byte("xoxb-secret-four\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, broken := range []struct {
		name string
		set  map[string]string
		says []string
	}{
		{"nothing set", map[string]string{"SLACK_BOT_TOKEN": "", "SLACK_APP_TOKEN": "", "REVOKE_CHANNEL": "", "REVOKE_APPROVERS": ""},
			[]string{"SLACK_BOT_TOKEN is not set", "OAuth & Permissions", "SLACK_APP_TOKEN is not set", "connections:write", "REVOKE_CHANNEL is not set", "REVOKE_APPROVERS names nobody"}},
		{"tokens swapped", map[string]string{"SLACK_BOT_TOKEN": "xapp-secret-two", "SLACK_APP_TOKEN": "xoxb-secret-one"},
			[]string{"SLACK_BOT_TOKEN does not begin with xoxb-", "SLACK_APP_TOKEN does not begin with xapp-"}},
		{"a token twice", map[string]string{"SLACK_BOT_TOKEN_FILE": secretFile}, []string{"SLACK_BOT_TOKEN and SLACK_BOT_TOKEN_FILE are both set"}},
		{"a token file that is not there", map[string]string{"SLACK_BOT_TOKEN": "", "SLACK_BOT_TOKEN_FILE": "/nowhere/token"}, []string{"SLACK_BOT_TOKEN_FILE", "no such file"}},
		{"a channel's name", map[string]string{"REVOKE_CHANNEL": "#security"}, []string{"REVOKE_CHANNEL must be a channel's ID"}},
		{"approvers by name", map[string]string{"REVOKE_APPROVERS": "@alice"}, []string{`"@alice" is not a Slack user ID`}},
		{"a group by name", map[string]string{"REVOKE_APPROVERS": "entra:Security"}, []string{"REVOKE_APPROVERS", "entra:Security", "object ID"}},
		{"only commas", map[string]string{"REVOKE_APPROVERS": ", ,"}, []string{"REVOKE_APPROVERS names nobody"}},
		{"a policy that is not there", map[string]string{"REVOKE_POLICY": "/nowhere/policy.yml"}, []string{"REVOKE_POLICY", "no such file"}},
		{"another operation", map[string]string{"REVOKE_OPERATION": "revokeEverything"}, []string{"REVOKE_OPERATION"}},
		{"another cloud", map[string]string{"AZURE_CLOUD": "moon"}, []string{`AZURE_CLOUD is "moon"`, "usgov"}},
		{"Slack without TLS", map[string]string{"SLACK_API_URL": "http://slack.example/api/"}, []string{"SLACK_API_URL must begin with https://"}},
		{"Slack nowhere", map[string]string{"SLACK_API_URL": "foo"}, []string{"SLACK_API_URL must begin with https://"}},
		{"an address without a port", map[string]string{"REVOKE_HTTP_ADDR": "127.0.0.1"}, []string{"REVOKE_HTTP_ADDR must be host:port", "127.0.0.1:9464"}},
		{"a port that is none", map[string]string{"REVOKE_HTTP_ADDR": "127.0.0.1:70000"}, []string{"REVOKE_HTTP_ADDR must be host:port"}},
		{"somebody else's address", map[string]string{"REVOKE_HTTP_ADDR": "192.0.2.1:9464"}, []string{"REVOKE_HTTP_ADDR is 192.0.2.1:9464", "cannot be opened", "Choose another address"}},
		{"half a credential", map[string]string{"AZURE_CLIENT_ID": ""}, []string{"AZURE_CLIENT_ID is missing"}},
		{"a level nobody knows", map[string]string{"REVOKE_LOG": "loud"}, []string{"loud"}},
	} {
		t.Run(broken.name, func(t *testing.T) {
			env := maps.Clone(good)
			maps.Copy(env, broken.set)
			code, stdout, stderr := output(t, env, "run")
			if code != 2 || stdout != "" {
				t.Errorf("exit code %d and output %q, want 2 and none", code, stdout)
			}
			for _, words := range broken.says {
				if !strings.Contains(stderr, words) {
					t.Errorf("it does not say %q:\n%s", words, stderr)
				}
			}
			if strings.Contains(stderr, "secret-") {
				t.Errorf("it repeats a secret:\n%s", stderr)
			}
			if _, err := os.Stat(strings.TrimPrefix(env["REVOKE_DATABASE_URL"], "sqlite:")); err == nil {
				t.Error("it made a database")
			}
		})
	}
}

// TestSecretFromFile reads a token from the file that NAME_FILE names.
func TestSecretFromFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("  xoxb-in-a-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := secret(func(name string) string { return map[string]string{"T_FILE": file}[name] }, "T")
	if err != nil || string(got) != "xoxb-in-a-file" {
		t.Errorf("%q, %v", string(got), err)
	}
}

// TestWrongCommandLine: an answer, and exit code 2.
func TestWrongCommandLine(t *testing.T) {
	for _, args := range [][]string{{"fly"}, {"run", "--nonsense"}, {"demo", "--addr", "0.0.0.0:1"}, {"demo", "--addr", "nonsense"}} {
		if code, _, stderr := output(t, nil, args...); code != 2 || !strings.Contains(stderr, "revoke-sessions: ") {
			t.Errorf("%q: exit code %d, %s", args, code, stderr)
		}
	}
	if code, stdout, _ := output(t, nil, "version"); code != 0 || !strings.HasPrefix(stdout, "revoke-sessions ") {
		t.Errorf("version: exit code %d, %s", code, stdout)
	}
	if code, stdout, _ := output(t, nil, "run", "--help"); code != 0 || !strings.Contains(stdout, "REVOKE_APPROVERS") {
		t.Errorf("help: exit code %d, %s", code, stdout)
	}
}

// TestRefusedBySlack: each ends the process with a sentence.
func TestRefusedBySlack(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault slacktest.Fault
		says  string
	}{
		{"bot token", slacktest.Fault{Method: "auth.test", Error: "invalid_auth"}, "Check SLACK_BOT_TOKEN"},
		{"redirect", slacktest.Fault{Method: "auth.test", Status: http.StatusTemporaryRedirect}, "SLACK_API_URL must name the address itself\n"},
		{"app token", slacktest.Fault{Method: "apps.connections.open", Error: "not_allowed_token_type"}, "SLACK_APP_TOKEN holds a token of another kind"},
		{"two apps", slacktest.Fault{Method: "bots.info", Body: `{"ok":true,"bot":{"id":"B0BOT","app_id":"A0OTHER"}}`}, "app_mismatch"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			th := newTheatre(t)
			th.slack.Inject(tt.fault)
			var log bytes.Buffer
			if code := run(t.Context(), []string{"run"}, th.getenv, strings.NewReader(""), io.Discard, &log, th.at); code != 1 || !strings.Contains(log.String(), tt.says) {
				t.Errorf("exit code %d:\n%s", code, log.String())
			}
		})
	}
}

// TestStoppedWhileItStarts: told to stop, it stops, and that is no error, nor is
// what it had begun.
func TestStoppedWhileItStarts(t *testing.T) {
	for name, when := range map[string]func(th *theatre, stop func()){
		"before Slack answers": func(th *theatre, stop func()) {
			th.slack.Inject(slacktest.Fault{Method: "auth.test", Status: http.StatusServiceUnavailable})
			go func() {
				for len(th.slack.CallsOf("auth.test")) == 0 && th.t.Context().Err() == nil {
					time.Sleep(time.Millisecond)
				}
				stop()
			}()
		},
		"before Microsoft answers": func(th *theatre, stop func()) {
			th.at.around = func(to http.RoundTripper) http.RoundTripper {
				return roundTrip(func(r *http.Request) (*http.Response, error) { stop(); return to.RoundTrip(r) })
			}
		},
		"before its policy is on record": func(th *theatre, stop func()) {
			th.at.witness = func(e bot.Effect, over bool) {
				if e == "record policy_loaded" {
					stop()
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			th := newTheatre(t)
			ctx, stop := context.WithCancel(t.Context())
			when(th, stop)
			if code := run(ctx, []string{"run"}, th.getenv, strings.NewReader(""), io.Discard, th.log, th.at); code != 0 {
				t.Errorf("exit code %d", code)
			}
			if ctx.Err() == nil || strings.Contains(th.log.String(), `"ERROR"`) {
				t.Errorf("stopped %v, and the log says:\n%s", ctx.Err(), th.log)
			}
		})
	}
}

// TestConsentMissingAtStart: what would spoil the first report is in the log
// before it.
func TestConsentMissingAtStart(t *testing.T) {
	th := newTheatre(t)
	th.graphFault(false, []string{"reads", "status=403"})
	th.begin()
	th.poll("the log says so", func() bool { return strings.Contains(th.log.String(), "Microsoft Graph cannot be used") })
}

// TestChannelAtStart: nor does a channel that will not do come as a surprise.
func TestChannelAtStart(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*slacktest.Channel)
		says   string
	}{
		"not in it":         {func(c *slacktest.Channel) { c.Private, c.BotIsMember = false, false }, "the bot is not in the channel"},
		"private, not seen": {func(c *slacktest.Channel) { c.BotIsMember = false }, "private and the bot is not in it"},
		"archived":          {func(c *slacktest.Channel) { c.Archived = true }, "archived"},
		"shared":            {func(c *slacktest.Channel) { c.ExtShared = true }, "shared with another organisation"},
	} {
		t.Run(name, func(t *testing.T) {
			th := newTheatre(t)
			th.slack.UpdateChannel(approvals, tt.change)
			th.begin()
			th.poll("the log says so", func() bool { return strings.Contains(th.log.String(), tt.says) })
		})
	}
	th := newTheatre(t)
	th.begin()
	th.typed(bobID, "help")
	if strings.Contains(th.log.String(), "REVOKE_CHANNEL") {
		t.Error("a channel that will do is complained of")
	}
}

// TestSecondProcess on the same database is refused, with a sentence.
func TestSecondProcess(t *testing.T) {
	th := newTheatre(t)
	th.begin()
	var log bytes.Buffer
	if code := run(t.Context(), []string{"run"}, th.getenv, strings.NewReader(""), io.Discard, &log, th.at); code != 1 || !strings.Contains(log.String(), "another revoke-sessions is running") {
		t.Errorf("exit code %d:\n%s", code, log.String())
	}
}

// The same settings are read that are listed: the test's, and not those of the
// machine on which it runs.
func TestOnlyTheSettingsHandedIn(t *testing.T) {
	t.Setenv("REVOKE_POLCY", "x")
	if _, _, stderr := output(t, nil, "run"); strings.Contains(stderr, "REVOKE_POLCY") {
		t.Error(stderr)
	}
}

// A slip of the pen in a setting's name must not become a rule that is not there.
func TestUnknownSettings(t *testing.T) {
	for name, refused := range map[string]bool{"REVOKE_POLCY": true, "REVOKE_TEST_POSTGRES_URL": false, "REVOKED": false} {
		t.Run(name, func(t *testing.T) {
			_, _, stderr := output(t, map[string]string{name: "x"}, "run")
			if got := strings.Contains(stderr, name+" is not a setting of this version"); got != refused {
				t.Errorf("refused: %v, want %v\n%s", got, refused, stderr)
			}
		})
	}
}
