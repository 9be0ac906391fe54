package message

import (
	"strings"
	"testing"
	"time"

	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
)

// The notice is true in every state, and asks nobody to wait.
func TestStalledNotice_SaysWhatIsKnown(t *testing.T) {
	for name, row := range map[string]struct {
		s    scene
		says string
	}{
		"pending":   {newScene("", bot.Pending, stalled), "Nothing was revoked."},
		"approved":  {newScene("", bot.Approved, waits(429, time.Minute), stalled), "Nothing was revoked."},
		"executing": {newScene("", bot.Executing, stalled), "I do not know whether anything was revoked."},
		"unknown":   {newScene("", bot.Unknown, stalled), "I do not know whether anything was revoked."},
		"after an unclear call": {newScene("", bot.Approved, waits(429, time.Minute), afterUnclear, stalled),
			"I do not know whether anything was revoked."},
		"a drill": {newScene("", bot.Approved, drill, stalled), "Nothing was changed."},
	} {
		m := StalledNotice(row.s.r.ID, &row.s.r, row.s.v)
		text, _ := read(t, m)
		if !strings.Contains(text, row.says) || !strings.Contains(text, "I cannot go on with "+row.s.r.ID) ||
			strings.Contains(text, "revoke in the Entra portal") == row.s.r.Drill {
			t.Errorf("%s: %s", name, text)
		}
	}
	text, _ := read(t, StalledNotice("REQ-ACDEFG", nil, newScene("", bot.Pending).v))
	for _, words := range []string{"I cannot read what is stored", "Treat it as not done", bottest.Alice, bottest.Emergency, "revoke in the Entra portal"} {
		if !strings.Contains(text, words) {
			t.Errorf("it does not say %q: %s", words, text)
		}
	}
}

// The card and receipts of a stalled request promise nothing.
func TestStalledCard_PromisesNothing(t *testing.T) {
	for _, s := range allSayings() {
		if s.scene.r.StalledAt.IsZero() || s.key != bot.CardKey && bot.KeyKind(s.key) != "receipt" {
			continue
		}
		text, _ := read(t, s.m)
		if !strings.Contains(text, "Each try fails") {
			t.Errorf("%s does not say that it cannot go on:\n%s", s, text)
		}
		for _, promise := range []string{
			"nobody needs to do anything", "I look again", "I try again", "Next try", "next answer here", "asking Microsoft",
			"asked all the same", "Expires ",
		} {
			if strings.Contains(text, promise) {
				t.Errorf("%s promises %q:\n%s", s, promise, text)
			}
		}
	}
}
