package message

import (
	"flag"
	"testing"

	"github.com/slack-go/slack"
	"go.uber.org/goleak"

	"revoke-sessions/bot/bottest"
	"revoke-sessions/bot/slackapi"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/testrun"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) {
	testrun.Parallel(8)
	goleak.VerifyTestMain(m)
}

// connected is a client for the workspace that has called Connect. Its connections end
// with the test.
func connected(t testing.TB, s *slacktest.Server) *slackapi.Client {
	t.Helper()
	hc := bottest.HTTPClient(t)
	a := slackapi.NewClient(slack.New(s.BotToken(), slack.OptionAPIURL(s.APIURL()), slack.OptionHTTPClient(hc)), s.APIURL(), hc)
	if _, err := a.Connect(bottest.Deadline(t)); err != nil {
		t.Fatal(err)
	}
	return a
}
