package bot

import (
	"errors"
	"testing"

	"revoke-sessions/bot/slacktest"
)

// Answers of a response URL with status 200, as Slack, or something between, gives
// them: only these say that somebody reads what was sent.
func TestAnswerIsDeliveredOnlyWhereSlackSaysSo(t *testing.T) {
	s := workspace(t)
	a := connected(t, s)
	_, responseURL := typed(t, s, bob, "x")
	for _, row := range []struct {
		body, code string
	}{
		{body: "ok"},
		{body: "ok\n"},
		{body: " "},
		{body: `{"ok":true}`},
		{body: `{"ok": true, "warning": "missing_charset"}`},
		{body: `{"ok":false}`, code: incomplete},
		{body: `{}`, code: incomplete},
		{body: `null`, code: incomplete},
		{body: `{"ok":"true"}`, code: incomplete},
		{body: `{"ok":false,"error":"expired_url"}`, code: "expired_url"},
		{body: `{"ok":false,"error":"used_url"}`, code: "used_url"},
		{body: `{"ok":false,"error":"https://evil.example/<!here>"}`, code: incomplete},
		{body: `{"ok":false,"error":"rate_limited"}`, code: ratelimited},
		{body: "expired_url", code: incomplete},
		{body: "This URL has expired", code: incomplete},
		{body: "<html><body>Sign in to the proxy. ok</body></html>", code: incomplete},
	} {
		s.Inject(slacktest.Fault{Method: "response_url", Body: row.body, Times: 1})
		err := a.Answer(deadline(t), Secret(responseURL), note("hello"))
		e, failed := errors.AsType[*SlackError](err)
		switch {
		case row.code == "" && err != nil:
			t.Errorf("%q: %v", row.body, err)
		case row.code != "" && (!failed || e.Code != row.code):
			t.Errorf("%q: %v, want %s", row.body, err, row.code)
		}
	}
}
