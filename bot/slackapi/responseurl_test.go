package slackapi

import (
	"errors"
	"testing"

	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slacktest"
)

// A response URL, or a proxy before it, may answer 200 in many ways. Only a few of them
// mean that the answer was delivered.
func TestAnswer_DeliveredOnlyIfSlackSaysSo(t *testing.T) {
	s := bottest.Workspace(t)
	a := connected(t, s)
	_, responseURL := bottest.Typed(t, s, bottest.Bob, "x")
	for _, row := range []struct {
		body, code string
	}{
		{body: "ok"},
		{body: "ok\n"},
		{body: " "},
		{body: `{"ok":true}`},
		{body: `{"ok": true, "warning": "missing_charset"}`},
		{body: `{"ok":false}`, code: Incomplete},
		{body: `{}`, code: Incomplete},
		{body: `null`, code: Incomplete},
		{body: `{"ok":"true"}`, code: Incomplete},
		{body: `{"ok":false,"error":"expired_url"}`, code: "expired_url"},
		{body: `{"ok":false,"error":"used_url"}`, code: "used_url"},
		{body: `{"ok":false,"error":"https://evil.example/<!here>"}`, code: Incomplete},
		{body: `{"ok":false,"error":"rate_limited"}`, code: Ratelimited},
		{body: "expired_url", code: Incomplete},
		{body: "This URL has expired", code: Incomplete},
		{body: "<html><body>Sign in to the proxy. ok</body></html>", code: Incomplete},
	} {
		s.Inject(slacktest.Fault{Method: "response_url", Body: row.body, Times: 1})
		err := a.Answer(bottest.Deadline(t), bot.Secret(responseURL), message.Note("hello"))
		e, failed := errors.AsType[*Error](err)
		switch {
		case row.code == "" && err != nil:
			t.Errorf("%q: %v", row.body, err)
		case row.code != "" && (!failed || e.Code != row.code):
			t.Errorf("%q: %v, want %s", row.body, err, row.code)
		}
	}
}
