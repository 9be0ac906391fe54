package bot

import (
	"context"
	"encoding/json"
	"flag"
	"net/http"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"go.uber.org/goleak"

	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/testrun"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) {
	testrun.Parallel(8)
	goleak.VerifyTestMain(m)
}

// within bounds how long anything in a test may take before it has failed.
const within = 30 * time.Second

func deadline(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	t.Cleanup(cancel)
	return ctx
}

// The people of the tests, and the channel of the cards.
const (
	alice, dave = "U0ALICE", "U0DAVE" // approvers
	bob, erin   = "U0BOB", "U0ERIN"   // ask
	carol       = "U0CAROL"           // is asked about
	victim      = "U0VICTIM"          // is nobody's business
	cards       = "C0CARDS"           // channel
	liveCard    = "https://slacktest.slack.com/archives/C0CARDS/p1772620879000100"
)

// workspace is the Slack double with everybody in it.
func workspace(t testing.TB) *slacktest.Server {
	t.Helper()
	return workspaceWith(t, slacktest.Config{})
}

// postedAll is a workspace to which a test posts every message that there is.
func postedAll(t testing.TB) *slacktest.Server {
	t.Helper()
	return workspaceWith(t, slacktest.Config{NoRateLimits: "every message is posted in a row"})
}

func workspaceWith(t testing.TB, config slacktest.Config) *slacktest.Server {
	t.Helper()
	s, err := slacktest.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for _, id := range []string{alice, dave, bob, erin, carol, victim} {
		name := map[string]string{alice: "alice", dave: "dave", bob: "bob", erin: "erin", carol: "carol", victim: "victim"}[id]
		s.AddUser(slacktest.User{ID: id, Name: name, Email: name + "@contoso.example"})
	}
	s.AddUserGroup(slacktest.UserGroup{ID: "S0ALL", Handle: "all", Members: []string{victim}})
	s.AddChannel(slacktest.Channel{ID: cards, Name: "security", Members: []string{alice, dave, victim}, BotIsMember: true})
	return s
}

// adapter speaks to any address as production does. Its connections end with
// the test.
func adapter(t testing.TB, apiURL, token string) *Slack {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	hc := &http.Client{Transport: transport, Timeout: within}
	return NewSlack(slack.New(token, slack.OptionAPIURL(apiURL), slack.OptionHTTPClient(hc)), apiURL, hc)
}

// connected is the adapter for a workspace, past its auth.test.
func connected(t testing.TB, s *slacktest.Server) *Slack {
	t.Helper()
	a := adapter(t, s.APIURL(), s.BotToken())
	if _, err := a.Connect(deadline(t)); err != nil {
		t.Fatal(err)
	}
	return a
}

// typed is a command as it was sent, with the secrets that came with it.
func typed(t testing.TB, s *slacktest.Server, user, text string) (trigger, responseURL string) {
	t.Helper()
	var payload struct {
		TriggerID   string `json:"trigger_id"`
		ResponseURL string `json:"response_url"`
	}
	// There is no socket, so the double says that the app was not reached; the
	// secrets are good all the same.
	d := s.As(user).Command("", text)
	if err := json.Unmarshal(d.Payload, &payload); err != nil {
		t.Fatal(err)
	}
	return payload.TriggerID, payload.ResponseURL
}
