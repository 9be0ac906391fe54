package engine_test

import (
	"strconv"
	"strings"
	"testing"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/testrun"
)

// TestDenyForm_NamesNobodyToStrangers: a forged press of Deny, on a card that is not posted
// yet, names a request. The form that is submitted with that press in its metadata does not
// come back with the person's name.
func TestDenyForm_NamesNobodyToStrangers(t *testing.T) {
	s := newTown(t, 6, authz.New(theApprover, another))
	s.slack.UpdateChannel(channelOfCards, func(c *slacktest.Channel) { c.Archived = true })
	s.actsOut(t, s.typed(thePerson, "<@U0H5> lost phone"))
	open, err := s.store.Open(t.Context(), "", 5)
	if err != nil || len(open) != 1 {
		t.Fatal(open, err)
	}
	forged := bot.Place{Channel: s.slack.DirectChannel(outsider), TS: "1.2"}
	s.actsOut(t, s.pressed(outsider, forged, bot.ActionDeny, open[0].ID))
	pressed := int64(0)
	for n := int64(1); n < 9 && pressed == 0; n++ {
		if a, err := s.store.Arrival(t.Context(), n); err == nil && a.UserID == outsider && a.Value == open[0].ID {
			pressed = n
		}
	}
	s.actsOut(t, s.typed(outsider, ""))
	views := s.slack.Views(outsider)
	if pressed == 0 || len(views) != 1 {
		t.Fatalf("press %d, %d forms", pressed, len(views))
	}
	f := s.arrival(bot.FormArrival, outsider)
	f.CallbackID, f.ViewID, f.Metadata, f.Reason = bot.DenyCallback, views[0].ID, strconv.FormatInt(pressed, 10), "x"
	before := s.slack.Views(outsider)[0].Hash
	s.actsOut(t, f)
	if !testrun.Seen(patience, func() bool { return s.slack.Views(outsider)[0].Hash != before }) {
		t.Fatal("the form was not answered")
	}
	s.settled(t)
	shown := s.answersTo(outsider)
	for _, v := range s.slack.Views(outsider) {
		shown += v.Plain()
	}
	if strings.Contains(shown, open[0].Name()) || strings.Contains(shown, "Deny REQ-") {
		t.Errorf("a stranger reads:\n%s", shown)
	}
}
