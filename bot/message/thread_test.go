package message

import (
	"slices"
	"strings"
	"testing"

	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
)

// The thread stands under the card: it shows what is still open and what to do, and only
// its notification says what happened.
func TestResult_DoesNotRepeatTheCard(t *testing.T) {
	for name, row := range map[string]struct {
		s            scene
		spoken, show string
	}{
		"revoked":  {newScene("", bot.Verified), "✅ Carol Target's sessions are revoked.", "Still open, and until when"},
		"a doubt":  {newScene("", bot.NotVisibleYet, toldUnmoved), "❓ Carol Target: Microsoft accepted the revoke, but the account does not show it.", "Still open: everything"},
		"a guest":  {newScene("", bot.Revoked, guest), "⛔ Carol Target: Microsoft accepted the revoke, but a guest's", "Next: ask the home organisation"},
		"failed":   {newScene("", bot.Failed), "⛔ Carol Target: Microsoft refused. Nothing was revoked.", "The bot's app may not do this"},
		"unknown":  {newScene("", bot.Unknown), "❓ Carol Target: not known yet whether", "Checking the account; next answer here"},
		"denied":   {newScene("", bot.Denied), "⛔ Carol Target: denied by <@U0ALICE>. Nothing was revoked.", "Wrong? Phone @U0ALICE, or ask again"},
		"expired":  {newScene("", bot.Expired), "⛔ Carol Target: nobody decided in 8 hours.", "Ask again with"},
		"lost":     {newScene("", bot.Lost), "❓ Carol Target: not known whether", "Look in Entra's audit log."},
		"a drill":  {newScene("", bot.Drilled, drill), "🧪 DRILL: Carol Target: rehearsed. Nothing was changed.", "In a real revoke, this message would now list"},
		"replaced": {newScene("", bot.Void), "⛔ Carol Target: closed. Changed since the card was made", "A new card follows: REQ-"},
	} {
		m := result(&row.s.r, row.s.v)
		_, shown := read(t, m)
		if !strings.HasPrefix(m.Text, row.spoken) || !strings.HasPrefix(shown, row.show) {
			t.Errorf("%s: it says\n%s\nand shows\n%s", name, m.Text, shown)
		}
		if alone, _ := read(t, resultAlone(&row.s.r, row.s.v)); !strings.Contains(alone, row.s.r.Name()) {
			t.Errorf("%s: without a card it is about nobody: %s", name, alone)
		}
	}
}

// The thread rings the people who approved: the edit of the card rings nobody.
func TestResult_RingsTheApprovers(t *testing.T) {
	for _, s := range []scene{
		newScene("verified", bot.Verified, together), newScene("failed", bot.Failed, together), newScene("unknown", bot.Unknown, together),
		newScene("rehearsed", bot.Drilled, drill, together), newScene("in doubt", bot.NotVisibleYet, toldUnmoved, together),
	} {
		for _, who := range []string{bottest.Alice, bottest.Dave} {
			if shown := shownBlocks(t, result(&s.r, s.v)); !strings.Contains(shown, `"user_id":"`+who+`"`) {
				t.Errorf("%s: it does not ring %s: %s", s.name, who, shown)
			}
		}
	}
}

func TestExposure_SaysWhatSurvives(t *testing.T) {
	s := newScene("", bot.Verified, ofBob, func(s *scene) { s.r.Words.Reason = "lost my phone" })
	text := result(&s.r, s.v).Text
	for _, want := range []string{
		"A sign-in in the last minute before the revoke may survive. If one shows up, revoke again.",
		"A password reset alone does not end sessions of apps that signed in without it.",
		"Slack on the lost phone included",
		"Bob Borrower can open the Slack account settings and press “Sign out of all other sessions”.",
		"<" + signOutMember + "|sign one member out>", "<" + signOutEveryone + "|sign everybody out>",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
}

// Each message about a state begins with one sign, and words follow.
func TestSign_EachStateHasOne(t *testing.T) {
	for _, s := range allSayings() {
		if !slices.Contains([]string{"receipt", "outcome", "stuck", "unmoved_note", "unread_note", "result"}, s.kind()) || s.pointsBelow() {
			continue
		}
		want := sign(&s.scene.r)
		switch {
		case s.scene.r.Drill:
			want = signDrill + " DRILL:"
		case s.kind() == "unread_note" && s.scene.r.State == bot.Unreachable:
			want = signUnknown
		}
		first, _, _ := strings.Cut(s.m.Text, "\n")
		if !strings.HasPrefix(first, want+" ") {
			t.Errorf("%s does not begin with %s: %s", s, want, first)
		}
		n := 0
		for _, sign := range []string{signDone, signEnded, signWaits, signUnknown, signDrill} {
			n += strings.Count(s.m.Text, sign)
		}
		if n != 1 {
			t.Errorf("%s has %d signs: %s", s, n, s.m.Text)
		}
	}
}
