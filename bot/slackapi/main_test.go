package slackapi

import (
	"testing"

	"github.com/slack-go/slack"
	"go.uber.org/goleak"

	"revoke-sessions/bot/bottest"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/testrun"
)

func TestMain(m *testing.M) {
	testrun.Parallel(8)
	goleak.VerifyTestMain(m)
}

// adapter is a client for any address, built as in production. Its connections end
// with the test.
func adapter(t testing.TB, apiURL, token string) *Client {
	t.Helper()
	hc := bottest.HTTPClient(t)
	return NewClient(slack.New(token, slack.OptionAPIURL(apiURL), slack.OptionHTTPClient(hc)), apiURL, hc)
}

// connected is an adapter for the workspace that has called Connect.
func connected(t testing.TB, s *slacktest.Server) *Client {
	t.Helper()
	a := adapter(t, s.APIURL(), s.BotToken())
	if _, err := a.Connect(bottest.Deadline(t)); err != nil {
		t.Fatal(err)
	}
	return a
}
