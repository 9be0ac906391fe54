package notify

import (
	"testing"

	"github.com/slack-go/slack"
	"go.uber.org/goleak"

	"revoke-sessions/bot/bottest"
	"revoke-sessions/bot/slackapi"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/testrun"
)

func TestMain(m *testing.M) {
	testrun.Parallel(8)
	goleak.VerifyTestMain(m)
}

// connected returns a client of the workspace after its auth.test. Its connections are
// closed when the test ends.
func connected(t testing.TB, s *slacktest.Server) *slackapi.Client {
	t.Helper()
	hc := bottest.HTTPClient(t)
	a := slackapi.NewClient(slack.New(s.BotToken(), slack.OptionAPIURL(s.APIURL()), slack.OptionHTTPClient(hc)), s.APIURL(), hc)
	if _, err := a.Connect(bottest.Deadline(t)); err != nil {
		t.Fatal(err)
	}
	return a
}
