package engine_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/message"
	"revoke-sessions/bot/slacktest"
)

// noEntra answers at once that it knows nobody.
func noEntra() stuck {
	open := make(chan struct{})
	close(open)
	return stuck{open: open}
}

// needsReasons is a policy whose lanes both demand a reason.
func needsReasons(c *bot.Config) {
	c.Policy.Self.ReasonRequired, c.Policy.ThirdParty.ReasonRequired = true, true
}

// A form that the version before has stored and not carried out: its ack closed the form, so
// the answer is a private message, and no view is touched.
func TestForm_OfTheVersionBefore(t *testing.T) {
	w := newWorkshop(t)
	old := bot.Arrival{
		Kind: bot.FormArrival, Envelope: "E1", Key: bot.ActKey(bot.FormArrival, "V1"), UserID: "U0BOB", CallbackID: bot.FormCallback,
		PickedUser: "U0ALICE", Metadata: "41",
	}
	if _, fresh, err := w.db.Receive(t.Context(), old); !fresh || err != nil {
		t.Fatal(fresh, err)
	}
	w.clock.move(time.Minute) // past the claim of the process that stored it
	defer w.startAs(w.db, http.DefaultTransport, noEntra(), needsReasons)()
	w.wait("Bob reads why", func() bool {
		dms := w.slack.DMs("U0BOB")
		return len(dms) == 1 && strings.Contains(dms[0].Text, "Please say what happened.")
	})
	if calls := w.slack.CallsOf("views.update"); len(calls) > 0 {
		t.Errorf("%d calls to views.update", len(calls))
	}
}

// The process died after it had stored the form and before its ack: the next one shows the
// error in the form, where what was typed still is.
func TestForm_WhoseAckWasLost(t *testing.T) {
	w := newWorkshop(t)
	client, _, err := connect(t.Context(), w.slack, http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	var typed struct {
		Trigger string `json:"trigger_id"`
	}
	if err := json.Unmarshal(w.slack.As("U0BOB").Command("", "").Payload, &typed); err != nil {
		t.Fatal(err)
	}
	policy := authz.New("U0ALICE")
	view, err := client.OpenForm(t.Context(), bot.Secret(typed.Trigger), message.FormFor(bot.FormMetadata{Opened: 41}, bot.Filled{PickedUser: "U0BOB"}, &policy, nil))
	if err != nil {
		t.Fatal(err)
	}
	a := bot.Arrival{
		Kind: bot.FormArrival, Envelope: "E1", Key: "act", UserID: "U0BOB", CallbackID: bot.FormCallback, ViewID: view, PickedUser: "U0ALICE",
		Metadata: "41",
	}
	if _, fresh, err := w.db.Receive(t.Context(), a); !fresh || err != nil {
		t.Fatal(fresh, err)
	}
	w.clock.move(time.Minute)
	defer w.startAs(w.db, http.DefaultTransport, noEntra(), needsReasons)()
	var open []slacktest.View
	w.wait("the form shows the error", func() bool {
		open = w.slack.Views("U0BOB")
		return len(open) == 1 && strings.Contains(open[0].Plain(), "Please say what happened.")
	})
	if text := open[0].Plain(); !strings.Contains(text, "target: U0ALICE") || open[0].ID != view || open[0].PrivateMetadata != "41 1" {
		t.Errorf("the form is %s with metadata %s:\n%s", open[0].ID, open[0].PrivateMetadata, text)
	}
	if dms := w.slack.DMs("U0BOB"); len(dms) > 0 {
		t.Errorf("Bob reads it twice: %s", dms[0].Text)
	}
}

// TestForms_OnePersonCannotShutThem: Slack lets an app open about 100 forms a minute. One
// person who opens many takes no form from somebody who has lost a phone.
func TestForms_OnePersonCannotShutThem(t *testing.T) {
	s := newTown(t, 30, authz.New(theApprover, another))
	for range 60 {
		if err := s.deliver(s.typed(outsider, "xyzzy")); err != nil {
			t.Fatal(err)
		}
	}
	s.settled(t)
	if n := len(s.slack.CallsOf("views.open")); n > 20 {
		t.Errorf("%d forms were opened for one person at once", n)
	}
	if err := s.deliver(s.typed("U0H9", "lost my phone")); err != nil {
		t.Fatal(err)
	}
	s.settled(t)
	if open := s.slack.Views("U0H9"); len(open) != 1 {
		t.Errorf("somebody else has %d forms open", len(open))
	}
}
