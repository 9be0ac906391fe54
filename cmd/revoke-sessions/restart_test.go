package main

import (
	"net/http"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/graph/graphtest"
)

// resumed is within what a bot that is started again on SQLite must have gone
// on with what was left: a second, and what a busy machine takes to start a
// process. It holds all claims itself, and waits for none to lapse.
const resumed = 4 * time.Second

// TestRestartResumes kills the bot on SQLite and starts it again.
func TestRestartResumes(t *testing.T) {
	for _, left := range []struct {
		name string
		// hold has the bot stay in the middle of its work, which when says.
		hold func(*theatre)
		when func(*theatre) bool
		act  bot.State // the first that is done about it
	}{
		{"a stored click", func(th *theatre) {
			th.slack.Inject(slacktest.Fault{Method: "users.info", Hang: true})
		}, func(*theatre) bool { return true }, bot.Approved},
		{"a call", func(th *theatre) {
			th.entra.Inject(graphtest.Fault{Method: http.MethodPost, Apply: true, Hang: true})
		}, func(th *theatre) bool { return len(th.entra.Posts()) == 1 }, bot.Unknown},
	} {
		t.Run(left.name, func(t *testing.T) {
			th := newTheatre(t)
			th.at.timing = productions()
			th.spawn()
			th.asked()
			left.hold(th)
			th.click(aliceID, bot.ActionConfirm)
			th.poll("it is in the middle of it", func() bool { return left.when(th) })
			th.kill()
			th.slack.ClearFaults()
			th.entra.ClearFaults()
			began := time.Now()
			th.spawn()
			th.cardSays("sessions are revoked", "Verified")
			for _, row := range th.audit() {
				if row.Action == string(left.act) {
					took := row.At.Sub(began)
					if t.Logf("%s after %.2f s", row.Action, took.Seconds()); took > resumed {
						t.Errorf("went on after %s, want it within %s", took, resumed)
					}
				}
			}
			th.once(t, 1)
		})
	}
}
