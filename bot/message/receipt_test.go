package message

import (
	"strings"
	"testing"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/bottest"
)

func TestReceipt_SaysWhoApprovedAndWhoIsMissing(t *testing.T) {
	three := func(s *scene) { s.v.Deciders = append(s.v.Deciders, bottest.Erin) }
	for want, s := range map[string]scene{
		"⏳ Waiting for <@U0ALICE> or <@U0DAVE>. I'll update":                                      newScene("", bot.Pending, ofBob),
		"⏳ Carol Target: waiting for one of <@U0ALICE>, <@U0DAVE>, <@U0ERIN>. I'll update":        newScene("", bot.Pending, func(s *scene) { s.v.Deciders = []string{bottest.Alice, bottest.Dave, bottest.Erin} }),
		"⏳ Carol Target: waiting for 2 approvals: <@U0ALICE>, <@U0DAVE>. I'll update":             newScene("", bot.Pending, needs(2)),
		"⏳ Carol Target: <@U0ALICE> approved (1 of 2). Waiting for one more: <@U0DAVE>.":          newScene("", bot.Pending, needs(2, bottest.Alice)),
		"⏳ Waiting for <@U0DAVE>. I'll update":                                                    newScene("", bot.Pending, ofBob, func(s *scene) { s.v.Deciders = []string{bottest.Dave} }),
		"⏳ Carol Target: <@U0ALICE> approved (1 of 3). Waiting for 2 more: <@U0DAVE>, <@U0ERIN>.": newScene("", bot.Pending, needs(3, bottest.Alice), three),
		"⏳ Carol Target: waiting until a freeze is over. Then an approver decides.":               newScene("", bot.Pending, frozen),
	} {
		if got := receipt(&s.r, s.v, bottest.Bob).Text; !strings.HasPrefix(got, want) {
			t.Errorf("the receipt says\n%s\nwant\n%s", got, want)
		}
	}
}

// Somebody who confirmed for themselves is not told who approved.
func TestReceipt_OwnConfirmation(t *testing.T) {
	s := newScene("", bot.Verified, ofBob, alone, byBob)
	if got := receipt(&s.r, s.v, bottest.Bob).Text; !strings.HasPrefix(got, "✅ Done: your sessions are revoked (you decided this yourself). ") {
		t.Errorf("the receipt says %s", got)
	}
	if got := card(&s.r, s.v).Text; !strings.Contains(got, "Decided by <@U0BOB>, who reported it.") || strings.Contains(got, "Approved by") {
		t.Errorf("the card says %s", got)
	}
	s = newScene("", bot.Verified, ofBob, together)
	if got := receipt(&s.r, s.v, bottest.Bob).Text; !strings.Contains(got, "(approved by <@U0DAVE> and <@U0ALICE>)") {
		t.Errorf("the receipt of two approvals says %s", got)
	}
}

// The button says what its click does, and is gone once it can do nothing.
func TestCancelButton_SaysWhatItDoes(t *testing.T) {
	for name, row := range map[string]struct {
		s           scene
		label, says string
	}{
		"a report":             {newScene("", bot.Pending, ofBob), "Cancel report", "This asks the approvers to cancel. Your report stays open until"},
		"a request":            {newScene("", bot.Pending), "Cancel request", "This ends your request about Carol Target. Nothing is revoked."},
		"a drill":              {newScene("", bot.Pending, drill), "Cancel request", "DRILL: This ends your request about Carol Target. Nothing is changed."},
		"a report, asked":      {newScene("", bot.Pending, ofBob, cancelWish), "", ""},
		"a request of several": {newScene("", bot.Pending, joined), "", ""},
	} {
		label, says := "", ""
		for _, b := range buttonsOf(t, receipt(&row.s.r, row.s.v, bottest.Bob)) {
			if b.ActionID != bot.ActionCancel {
				continue
			}
			if label = b.Text; b.Confirm == nil || b.Confirm.Confirm != label || b.Confirm.Deny != "Go back" {
				t.Fatalf("%s: the dialog is %+v", name, b.Confirm)
			}
			says = b.Confirm.Text
		}
		if label != row.label || !strings.HasPrefix(says, row.says) || says == "" && row.says != "" {
			t.Errorf("%s: the button is %q and says %q", name, label, says)
		}
	}
	asked := newScene("", bot.Pending, ofBob, cancelWish)
	if got := receipt(&asked.r, asked.v, bottest.Bob).Text; !strings.Contains(got, "Your Slack account asked to cancel") {
		t.Errorf("the receipt does not say that cancelling was asked: %s", got)
	}
}

// The receipt of a report leads to Slack's own page; without its address it has the words.
func TestReceipt_SlackOnTheLostDevice(t *testing.T) {
	const words = "From a computer, open your Slack account settings and press “Sign out of all other sessions”."
	noURL := func(s *scene) { s.v.SlackSettings = "" }
	for name, row := range map[string]struct {
		s           scene
		words, link bool
	}{
		"waits":              {newScene("", bot.Pending, ofBob), true, true},
		"revoked":            {newScene("", bot.Revoked, ofBob), true, true},
		"no address":         {newScene("", bot.Pending, ofBob, noURL), true, false},
		"a drill":            {newScene("", bot.Pending, ofBob, drill), false, false},
		"somebody else's":    {newScene("", bot.Pending), false, false},
		"denied, and untold": {newScene("", bot.Denied, ofBob), false, false},
	} {
		m := receipt(&row.s.r, row.s.v, bottest.Bob)
		link, buttons := "", 0
		for _, b := range buttonsOf(t, m) {
			if b.ActionID == bot.ActionOpenSettings {
				link, buttons = b.URL, buttons+1
			}
		}
		if strings.Contains(m.Text, words) != row.words || buttons > 0 != row.link || row.link && link != bottest.SlackSettings {
			t.Errorf("%s: the link is %q, and it says %s", name, link, m.Text)
		}
	}
}

func TestLostThing_PhoneOnlyIfTheySaidSo(t *testing.T) {
	for reason, want := range map[string]string{
		"lost my phone": "phone", "Phone stolen": "phone", "my PHONE!": "phone",
		"lost my laptop": "device", "I phoned you": "device", "my smartphone": "device", "headphones": "device", "": "device",
	} {
		for lane, want := range map[authz.Lane]string{authz.Self: want, authz.ThirdParty: "device"} {
			r := &bot.Request{Lane: lane, Words: bot.Words{Reason: reason}}
			if got := lostThing(r); got != want {
				t.Errorf("%s, %q: %s, want %s", lane, reason, got, want)
			}
		}
	}
}
