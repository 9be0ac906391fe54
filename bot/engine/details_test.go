package engine_test

import (
	"strings"
	"testing"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/testrun"
)

// details presses Details and returns what the person's modal then shows.
func (s *stage) details(t *testing.T, who string, at bot.Place, request string) string {
	t.Helper()
	s.actsOut(t, s.pressed(who, at, bot.ActionDetails, request))
	shown := ""
	if !testrun.Seen(patience, func() bool {
		views := s.slack.Views(who)
		if len(views) == 1 {
			shown = slacktest.Message{Blocks: views[0].Blocks}.Plain()
		}
		return shown != "" && !strings.Contains(shown, "Loading")
	}) {
		t.Fatalf("%s waited in vain: %s", who, shown)
	}
	s.slack.As(who).Close(s.slack.Views(who)[0].ID)
	return shown
}

// TestDetails_ReaderIsLookedUp: the button only names a request. What its modal shows
// depends on who reads it.
func TestDetails_ReaderIsLookedUp(t *testing.T) {
	s := newTown(t, 6, authz.New(theApprover, another))
	own, at := s.asks(t, thePerson, "me lost my phone")
	object := "Object ID: " + s.town.members[2].of.id
	for name, row := range map[string]struct {
		who, request string
		want, not    string
	}{
		"an approver":                {theApprover, own, object, "Only approvers"},
		"the person who asked":       {thePerson, own, "Only approvers can see facts about the account.", object},
		"somebody else":              {outsider, own, "I can't find that request among yours.", object},
		"an approver, without an ID": {theApprover, "REQ-ACDEFG", "I can't find that request among yours.", object},
		"a forged value":             {theApprover, "*", "I can't find that request among yours.", object},
	} {
		t.Run(name, func(t *testing.T) {
			if shown := s.details(t, row.who, at, row.request); !strings.Contains(shown, row.want) || strings.Contains(shown, row.not) {
				t.Errorf("they read:\n%s", shown)
			}
		})
	}
	elsewhere := bot.Place{Channel: "C0OTHER", TS: "1.2"}
	if shown := s.details(t, outsider, elsewhere, own); strings.Contains(shown, object) {
		t.Errorf("on a copied card, somebody else reads:\n%s", shown)
	}
	if r := s.state(t, own); r.State != bot.Pending {
		t.Errorf("it is %s", r.State)
	}
}

// TestDetails_DoNotOpen: if Slack opens no modal, the person reads so, and nothing
// happens.
func TestDetails_DoNotOpen(t *testing.T) {
	s, own, at := twoCards(t, func(*authz.Policy) {})
	s.formsFail(slacktest.Fault{Error: "expired_trigger_id"})
	s.actsOut(t, s.pressed(theApprover, at, bot.ActionDetails, own))
	if text := s.told(t, theApprover); !strings.Contains(text, "I could not show the details. Nothing was changed.") {
		t.Errorf("they read %s", text)
	}
	s.slack.ClearFaults()
	s.slack.Inject(slacktest.Fault{Method: "views.update", Error: "not_found"}) // closed before it was filled
	s.actsOut(t, s.pressed(theApprover, at, bot.ActionDetails, own))
	if r := s.state(t, own); r.State != bot.Pending {
		t.Errorf("it is %s", r.State)
	}
}

// TestDetails_NotFilled: if Slack opens the modal and does not fill it, the person reads so
// in a message, and does not wait for a modal that says Loading.
func TestDetails_NotFilled(t *testing.T) {
	s, own, at := twoCards(t, func(*authz.Policy) {})
	s.slack.Inject(slacktest.Fault{Method: "views.update", Error: "internal_error"})
	s.actsOut(t, s.pressed(theApprover, at, bot.ActionDetails, own))
	if text := s.told(t, theApprover); !strings.Contains(text, "I could not show the details.") {
		t.Errorf("they read %s", text)
	}
}
