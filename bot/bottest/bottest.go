// Package bottest holds the cast that the bot's tests share: people, hostile words, the
// Slack double with everybody in it, and the times of one story.
package bottest

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"revoke-sessions/bot/slacktest"
)

// Hostile holds words that a person may type, and names that a directory may hold.
var Hostile = map[string]string{
	"syntax": "<!channel> <@U0VICTIM> <!subteam^S0ALL> @here @everyone @victim " +
		"<https://evil.example|Entra> https://evil.example victim@evil.example",
	"formatting":    "*bold* _i_ ~s~ `code` ```block``` **x** __y__",
	"entities":      "&lt;!channel&gt; &amp; <<@U0VICTIM>> <!date^1^{date}^https://evil.example|x>",
	"bidi":          "\u202ecilbup si siht\u202c \u2066x\u2069 \u200e\u200f\u061c",
	"invisible":     "in\u200bvi\u2060si\ufeffble\u00ad \u3164\u115f\U000e0041\ue000",
	"lines":         "one\ntwo\r\n\ttabbed\u2028three\u2029\x00\x1b[31m\x7f\u0085four",
	"long":          strings.Repeat("<!here>&*_ ", 500),
	"long word":     strings.Repeat("ŵ", 5000),
	"invalid utf-8": "a\xff\xfe\xc3\x28 <!here>",
	"emoji":         "👩\u200d👩\u200d👧 🏴 नमस\u094dत\u0947 :skull:",
	"json":          `"},{"type":"user","user_id":"U0VICTIM"}`,
	"dialog":        "%s %d %! \\n ${x} </button>",
}

// Within is how long one step of a test may take before the test fails.
const Within = 30 * time.Second

// Deadline is a context that ends after Within, or with the test.
func Deadline(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Within)
	t.Cleanup(cancel)
	return ctx
}

// HTTPClient is a client whose calls may take Within. Its connections are closed when the
// test ends.
func HTTPClient(t testing.TB) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: Within}
}

// The people of the tests, and the channel of the cards.
const (
	Alice, Dave = "U0ALICE", "U0DAVE" // approvers
	Bob, Erin   = "U0BOB", "U0ERIN"   // requesters
	Carol       = "U0CAROL"           // the target
	victim      = "U0VICTIM"          // takes no part; nothing may mention them
	Cards       = "C0CARDS"           // the approvers' channel
	// LiveCard is the link to a card in Cards.
	LiveCard = "https://slacktest.slack.com/archives/C0CARDS/p1772620879000100"
	// Alert is the link to a message on which somebody ran a shortcut.
	Alert = "https://slacktest.slack.com/archives/C0ALERTS/p1772620879000200"
)

// Workspace starts the Slack double with everybody in it.
func Workspace(t testing.TB) *slacktest.Server {
	t.Helper()
	return workspaceWith(t, slacktest.Config{})
}

// PostedAll is a Workspace without rate limits, for tests that post every message.
func PostedAll(t testing.TB) *slacktest.Server {
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
	for _, id := range []string{Alice, Dave, Bob, Erin, Carol, victim} {
		name := map[string]string{Alice: "alice", Dave: "dave", Bob: "bob", Erin: "erin", Carol: "carol", victim: "victim"}[id]
		s.AddUser(slacktest.User{ID: id, Name: name, Email: name + "@contoso.example"})
	}
	s.AddUserGroup(slacktest.UserGroup{ID: "S0ALL", Handle: "all", Members: []string{victim}})
	s.AddChannel(slacktest.Channel{ID: Cards, Name: "security", Members: []string{Alice, Dave, victim}, BotIsMember: true})
	return s
}

// Typed sends a command and returns the secrets that Slack sent with it.
func Typed(t testing.TB, s *slacktest.Server, user, text string) (trigger, responseURL string) {
	t.Helper()
	var payload struct {
		TriggerID   string `json:"trigger_id"`
		ResponseURL string `json:"response_url"`
	}
	// There is no socket, so the double reports the app as unreachable; the secrets
	// still work.
	d := s.As(user).Command("", text)
	if err := json.Unmarshal(d.Payload, &payload); err != nil {
		t.Fatal(err)
	}
	return payload.TriggerID, payload.ResponseURL
}

// RateLimits are the three shapes of Slack's rate limit, and the second spelling of
// the last.
func RateLimits(method string) map[string]slacktest.Fault {
	return map[string]slacktest.Fault{
		"429 with a time":    {Method: method, RetryAfter: 7 * time.Second},
		"429 without a time": {Method: method, Status: 429},
		"200 ratelimited":    {Method: method, Error: "ratelimited"},
		"200 rate_limited":   {Method: method, Error: "rate_limited"},
	}
}

// The times of the story that all scenes tell.
var (
	AskedAt    = time.Date(2026, time.March, 4, 10, 41, 19, 0, time.UTC)
	ApprovedAt = AskedAt.Add(41 * time.Second)
	AcceptedAt = AskedAt.Add(48 * time.Second)
	JanuaryV   = time.Date(2026, time.January, 5, 8, 0, 0, 0, time.UTC) // the stamp before the revoke
	Today      = AskedAt.Add(time.Hour)                                 // when a reader looks
)

// Entra object IDs of people who are asked about.
const (
	CarolID = "0c0c0c0c-1111-4222-8333-444444444444"
	BobID   = "0b0b0b0b-1111-4222-8333-444444444444"
)

// Emergency is the configured emergency way.
const Emergency = "Call 555-0100."

// SlackSettings is the address of the workspace's account settings.
const SlackSettings = "https://slacktest.slack.com/account/settings"
