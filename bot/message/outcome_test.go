package message

import (
	"strings"
	"testing"

	"revoke-sessions/bot"
	"revoke-sessions/graph"
)

// If the bot has no answer on record, no message blames Microsoft for an unclear one; if
// Microsoft was silent or unclear, no message blames the record.
func TestNoAnswer_SaysWhoseSilence(t *testing.T) {
	const ours, theirs = "on record", "no clear answer"
	unclear := func(s *scene) {
		a := s.r.Attempts.Last()
		if a == nil {
			return
		}
		a.Outcome, a.Code, a.Status = graph.OutcomeUnknown, "", 502
		if s.r.State.Accepted() {
			s.r.Seen = true
		}
	}
	lost := func(s *scene) {
		unclear(s)
		if a := s.r.Attempts.Last(); a != nil {
			a.Code, a.Status, a.Unclear = bot.CodeInterrupted, 0, true
		}
	}
	said := map[string]int{}
	for _, state := range []bot.State{bot.Unknown, bot.Revoked, bot.Verified, bot.NotVisibleYet, bot.Unreachable} {
		for name, row := range map[string]struct {
			option    sceneOption
			says, not string
		}{"lost": {lost, ours, theirs}, "unclear": {unclear, theirs, ours}} {
			s := newScene(string(state), state, row.option)
			for _, m := range sayings(s) {
				if strings.Contains(m.m.Text, row.not) {
					t.Errorf("%s, %s: %q", name, m, m.m.Text)
				}
				if strings.Contains(m.m.Text, row.says) {
					said[name]++
				}
			}
			if text := TerminalOutcome(&s.r); strings.Contains(text, row.not) {
				t.Errorf("%s, at the command line: %q", name, text)
			}
		}
	}
	if said["lost"] == 0 || said["unclear"] == 0 {
		t.Errorf("nothing says why: %v", said)
	}
}
