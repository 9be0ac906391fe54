package demo

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/testrun"
)

// local are orders that lead nowhere else.
func local() Orders {
	return Orders{
		Environment: map[string]string{"SLACK_API_URL": "http://127.0.0.1:1/api/", "REVOKE_DATABASE_URL": "sqlite:" + filepath.Join(os.TempDir(), folderPrefix+"1", "x.db")},
		GraphURL:    "https://127.0.0.1:2", Authority: "https://[::1]:3", timeTold: timeTold{time.Hour},
	}
}

func line(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n"
}

// TestHearStaysOnThisMachine: a bot whose clock is moved by hand meets nobody real.
func TestHearStaysOnThisMachine(t *testing.T) {
	slack := func(url string) func(*Orders) { return func(o *Orders) { o.Environment["SLACK_API_URL"] = url } }
	database := func(url string) func(*Orders) { return func(o *Orders) { o.Environment["REVOKE_DATABASE_URL"] = url } }
	for name, test := range map[string]struct {
		change func(*Orders)
		says   string
	}{
		"Slack itself":           {slack("https://slack.com/api/"), `the address of Slack is "https://slack.com/api/" and must be one of this machine`},
		"no Slack, which is its": {slack(""), `the address of Slack is ""`},
		"a name":                 {slack("https://localhost/"), "the address of Slack"},
		"a name like a number":   {slack("https://127.0.0.1.example/"), "the address of Slack"},
		"a user like a host":     {slack("https://127.0.0.1@slack.com/"), "the address of Slack"},
		"the next machine":       {slack("http://192.168.0.1/"), "the address of Slack"},
		"every address":          {slack("http://0.0.0.0/"), "the address of Slack"},
		"no address":             {slack("://"), "the address of Slack"},
		"Graph itself":           {func(o *Orders) { o.GraphURL = "https://graph.microsoft.com" }, `the address of Microsoft Graph is "https://graph.microsoft.com"`},
		"no Graph":               {func(o *Orders) { o.GraphURL = "" }, "the address of Microsoft Graph"},
		"the real sign-in":       {func(o *Orders) { o.Authority = "https://login.microsoftonline.com" }, "the address of Microsoft's sign-in"},
		"no sign-in":             {func(o *Orders) { o.Authority = "" }, "the address of Microsoft's sign-in"},
		"another protocol":       {slack("gopher://127.0.0.1/"), "the address of Slack"},
		"no protocol":            {slack("//127.0.0.1/"), "the address of Slack"},
		"a server's database":    {database("postgres://127.0.0.1/x"), "its database must be a file in the demo's temporary folder"},
		"production's database":  {database("sqlite:/var/lib/revoke-sessions/revoke.db"), "its database must be a file"},
		"one beside it":          {database("sqlite:revoke.db"), "its database must be a file"},
		"one by a detour":        {database("sqlite:" + os.TempDir() + "/" + folderPrefix + "1/../../x.db"), "its database must be a file"},
		"no database":            {func(o *Orders) { delete(o.Environment, "REVOKE_DATABASE_URL") }, "its database must be a file"},
		"another setting":        {func(o *Orders) { o.Environment["REVOKE_HTTP_ADDR"] = "0.0.0.0:80" }, "the demo only, which does not set REVOKE_HTTP_ADDR"},
	} {
		t.Run(name, func(t *testing.T) {
			o := local()
			test.change(&o)
			if _, _, _, err := Hear(t.Context(), strings.NewReader(line(t, o))); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v", err)
			}
		})
	}
	stage, err := NewStage(slacktest.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer stage.Close()
	if own := slices.Sorted(maps.Keys(stage.Environment("x", "y"))); !slices.Equal(own, settings) {
		t.Errorf("the demo sets %q, and its bot takes %q", own, settings)
	}
	for _, nothing := range []string{"", "\n", "run\n", "[]"} {
		if _, _, _, err := Hear(t.Context(), strings.NewReader(nothing)); err == nil || !strings.Contains(err.Error(), "Start revoke-sessions demo") {
			t.Errorf("%q: %v", nothing, err)
		}
	}
}

// TestHearUntilTheDemoHasGone moves the clock and ends with the input, or with what is
// no order.
func TestHearUntilTheDemoHasGone(t *testing.T) {
	for name, last := range map[string]string{"the end": "", "no order": "stay\n"} {
		t.Run(name, func(t *testing.T) {
			out, in := io.Pipe()
			go func() { _, _ = io.WriteString(in, line(t, local())) }()
			ctx, _, clock, err := Hear(t.Context(), out)
			if err != nil {
				t.Fatal(err)
			}
			if clock.Ahead() != time.Hour || time.Until(clock.Now()).Round(time.Minute) != time.Hour {
				t.Errorf("the clock is %s ahead", clock.Ahead())
			}
			if _, err := io.WriteString(in, line(t, timeTold{3 * time.Hour})); err != nil {
				t.Fatal(err)
			}
			if !testrun.Seen(20*time.Second, func() bool { return clock.Ahead() == 3*time.Hour }) || ctx.Err() != nil {
				t.Errorf("the clock is %s ahead, %v", clock.Ahead(), ctx.Err())
			}
			if last != "" {
				_, _ = io.WriteString(in, last) // it may have stopped reading
			}
			in.Close()
			<-ctx.Done()
		})
	}
}

// TestCallsThatRevoke are the two actions and no other POST: what goes wrong with them
// leaves the rest alone.
func TestCallsThatRevoke(t *testing.T) {
	for path, want := range map[string]bool{
		"/beta/users/x/invalidateAllRefreshTokens": true, "/v1.0/users/x/revokeSignInSessions": true,
		"/beta/users/x/checkMemberGroups": false, "/x/oauth2/v2.0/token": false, "/beta/users/x": false,
	} {
		if got := revokes(http.MethodPost, path); got != want {
			t.Errorf("%s: %v", path, got)
		}
		if revokes(http.MethodGet, path) {
			t.Errorf("GET %s revokes", path)
		}
	}
}

// TestLateButNotTooLate: the bot reads the account before it would ask a second time.
func TestLateButNotTooLate(t *testing.T) {
	if timing := Timing(); timing.Attempt+lateBy >= timing.SecondPost {
		t.Errorf("the account shows the revoke after %s, the second call follows after %s", timing.Attempt+lateBy, timing.SecondPost)
	}
	if timing := Timing(); slow >= timing.Attempt {
		t.Errorf("an answer after %s is late", slow)
	}
}
