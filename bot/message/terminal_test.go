package message

import (
	"strings"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
	"revoke-sessions/graph"
)

// What the operator reads of one account names it.
func TestTerminalOutcome_NamesThePerson(t *testing.T) {
	for state, says := range map[bot.State]string{
		bot.Revoked: "Carol Target's sessions are revoked.",
		bot.Unknown: "It is not known whether Carol Target's sessions were revoked.",
		bot.Drilled: "🧪 DRILL: Microsoft Entra answered a read of Carol Target's account. Nothing was changed.",
	} {
		r := newScene("", state).r
		r.Drill = state == bot.Drilled
		if text := TerminalOutcome(&r); !strings.HasPrefix(text, says) {
			t.Errorf("%s: %s", state, text)
		}
	}
}

// Of a guest, whose sessions are elsewhere, nothing is called revoked.
func TestTerminalOutcome_ClaimsNothingOfGuest(t *testing.T) {
	r := newScene("", bot.Revoked).r
	r.Target.Guest = graph.Yes
	r.After = graph.Stamps{Sessions: bottest.AskedAt, RefreshTokens: bottest.AskedAt, ReadAt: r.AcceptedAt.Add(time.Second)}
	text := TerminalOutcome(&r)
	if strings.Contains(text, "are revoked") || !strings.Contains(text, "Carol Target is a guest") || !strings.HasSuffix(text, "says nothing about them.") {
		t.Error(text)
	}
}

func TestTerminalLimit_SaysWhoseAndWhen(t *testing.T) {
	free := time.Date(2026, 3, 5, 9, 0, 0, 0, time.UTC)
	for kind, whose := range map[string]string{
		bot.PerApprover: "one person", bot.PerTarget: "one account", bot.OwnTarget: "one account", bot.Total: "all accounts together",
	} {
		e := &bot.LimitError{Use: bot.Use{Kind: kind, Limit: authz.Limit{N: 3, Within: time.Hour}}, Free: free}
		want := "The policy's limit for " + whose + " is reached: 3 revokes in 1 hour. The next revoke is possible at 2026-03-05 09:00:00 UTC."
		if got := TerminalLimit(e); got != want {
			t.Errorf("%s: %s", kind, got)
		}
	}
}

func TestTerminalFreeze_SaysHowItEnds(t *testing.T) {
	f := &bot.Freeze{By: authz.Asker{SlackID: bottest.Dave}, Until: time.Date(2026, 3, 5, 9, 0, 0, 0, time.UTC)}
	const want = "Frozen by @" + bottest.Dave + ": no revoke starts. The freeze ends by itself at 2026-03-05 09:00:00 UTC, or earlier if approvers end it in Slack."
	if got := TerminalFreeze(f); got != want {
		t.Error(got)
	}
}
