package message

import (
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// A request from the command line sends nothing to Slack, and no row says that it did.
func TestPlan_ConsoleRequestOwesNothing(t *testing.T) {
	now := time.Now()
	for _, s := range bot.States {
		r := bot.Request{
			ID: "REQ-ACDEFG", State: s, Lane: authz.ThirdParty, TargetSlackID: "U0CAROL", CreatedAt: now,
			Askers: []authz.Asker{{SlackID: bot.OperatorPrefix + "alice@laptop"}}, Attempts: []bot.Attempt{{Decision: 1}},
			Decisions: []bot.Verdict{{Kind: authz.Confirm, SlackID: bot.OperatorPrefix + "alice@laptop", At: now}},
		}
		if told := Plan(&r, View{Now: now}, "C0APPROVALS", nil); len(told) > 0 {
			t.Errorf("%s: %d messages are owed", s, len(told))
		}
		if r.Raise(&bot.Entry{}, now) {
			t.Errorf("%s: the row claims that people were told", s)
		}
		r.Askers[0].SlackID = "U0BOB"
		if told := Plan(&r, View{Now: now}, "C0APPROVALS", nil); len(told) == 0 {
			t.Errorf("%s: of a request in Slack nothing is owed", s)
		}
	}
}
