package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

// otherHost is another host, which must not hear of anything.
func otherHost(t *testing.T) (url string, asked *atomic.Int64) {
	t.Helper()
	asked = &atomic.Int64{}
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(other.Close)
	return other.URL, asked
}

// Whatever the running bot asks of Slack, and wherever it answers, a redirect takes
// nothing to another host.
func TestTheBotFollowsNoRedirect(t *testing.T) {
	url, asked := otherHost(t)
	r := newRaid(t, attack{policy: bySlackGroup})
	all := []string{
		"users.info", "users.lookupByEmail", "usergroups.users.list", "conversations.info", "conversations.open",
		"chat.postMessage", "chat.update", "views.open", "response_url",
	}
	for _, method := range all {
		r.slack.Inject(slacktest.Fault{Method: method, Status: http.StatusTemporaryRedirect, Location: url + "/" + method, Times: 2})
	}
	for range 4 {
		r.typed(bobID, "")
		r.typed(bobID, "<@"+carolID+"> stolen laptop")
		r.typed(bobID, "help")
		r.quiet()
	}
	r.slack.ClearFaults()
	r.ask(bobID, "<@"+amirID+"> stolen laptop")
	r.slack.Inject(slacktest.Fault{Method: "chat.update", Status: http.StatusTemporaryRedirect, Location: url, Times: 1})
	r.click(aliceID, bot.ActionConfirm)
	r.cardSays("sessions are revoked")
	if n := asked.Load(); n != 0 {
		t.Errorf("another host was asked %d times", n)
	}
	for _, method := range []string{"users.info", "chat.postMessage", "chat.update", "views.open"} {
		if len(r.slack.CallsOf(method)) == 0 {
			t.Errorf("nothing was asked of %s, so that nothing was redirected", method)
		}
	}
}

// Nor does what opens a socket, or doctor.
func TestDoctorAndTheSocketFollowNoRedirect(t *testing.T) {
	url, asked := otherHost(t)
	for _, method := range []string{"auth.test", "bots.info", "conversations.info", "apps.connections.open", "users.info"} {
		th := clinic(t)
		th.slack.Inject(slacktest.Fault{Method: method, Status: http.StatusTemporaryRedirect, Location: url + "/" + method})
		th.doctor("--count-sockets")
		if len(th.slack.CallsOf(method)) == 0 {
			t.Errorf("doctor asked nothing of %s", method)
		}
	}
	th := newTheatre(t)
	th.slack.Inject(slacktest.Fault{Method: "apps.connections.open", Status: http.StatusTemporaryRedirect, Location: url, Times: 2})
	th.begin()
	if n := asked.Load(); n != 0 {
		t.Errorf("another host was asked %d times", n)
	}
}

// Every client that this program makes, the doubles aside, says what it does with a redirect, so that a
// new one is not forgotten.
func TestEveryClientDecidesAboutRedirects(t *testing.T) {
	client := regexp.MustCompile(`http\.(Client\{|DefaultClient|Get\(|Post\(|PostForm\(|Head\()`)
	found := 0
	err := filepath.WalkDir("../..", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/findings/") || strings.Contains(path, "test/") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, at := range client.FindAllIndex(text, -1) {
			found++
			body, _, _ := strings.Cut(string(text[at[0]:]), "\n\t}\n")
			if !strings.Contains(body, "CheckRedirect:") {
				t.Errorf("%s: a client that follows redirects, and takes a token or words along: %.60s", path, body)
			}
		}
		return nil
	})
	if err != nil || found < 4 {
		t.Errorf("%d clients found, %v: does this test still know what they look like?", found, err)
	}
}
