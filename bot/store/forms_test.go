package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// submission is the n-th one of a view.
func submission(view string, n int) bot.Arrival {
	a := arrival(n)
	a.Kind, a.CallbackID, a.ViewID, a.Text = bot.FormArrival, bot.FormCallback, view, ""
	a.Reason = fmt.Sprintf("reason %d", n)
	a.Key = bot.ActKey(a.Kind, view, a.Reason)
	return a
}

// leads makes a request from a submission.
func leads(r bot.Request, a bot.Arrival) bot.Change {
	return bot.Change{Request: r, Audit: []bot.Entry{requested(r)}, Settles: a.ID, ViewKey: a.ViewKey()}
}

// One view leads to one request, however often and in whatever words it is submitted.
func testFormLeadsOnce(t *testing.T, open opener) {
	c := newClock()
	s := open(t, c.now)
	refused, first, second, other := receive(t, s, submission("V1", 1)), receive(t, s, submission("V1", 2)), receive(t, s, submission("V1", 3)),
		receive(t, s, submission("V2", 4))
	ledTo := func(a bot.Arrival, want string, wantSent bool) {
		t.Helper()
		if id, sent, err := s.FormLedTo(deadline(t), a.ViewKey()); err != nil || id != want || sent != wantSent {
			t.Errorf("%s led to %q %v %v, want %q %v", a.ViewID, id, sent, err, want, wantSent)
		}
	}
	if err := s.Record(deadline(t), refused.ID, bot.Entry{Action: "refused"}); err != nil {
		t.Fatal(err)
	}
	ledTo(first, "", false)
	r := commit(t, s, leads(pending("REQ-FIRST2", "carol"), first))
	ledTo(first, "REQ-FIRST2", true)
	ledTo(second, "REQ-FIRST2", true)
	ledTo(other, "", false)

	for name, change := range map[string]bot.Change{
		"another request": leads(pending("REQ-SECND2", "dan"), second), "to join the request": leads(r, second),
	} {
		if _, err := s.Commit(deadline(t), change); !errors.Is(err, bot.ErrSent) {
			t.Errorf("%s: %v, want ErrSent", name, err)
		}
	}
	if _, pending, err := s.PendingFor(deadline(t), "dan", authz.ThirdParty, false); err != nil || pending {
		t.Errorf("a second request was stored: %v", err)
	}
	if stored, err := s.Request(deadline(t), r.ID); err != nil || stored.Version != r.Version {
		t.Errorf("the request is at version %d, %v", stored.Version, err)
	}
	// The refused commit settled nothing: the second submission is still to be answered.
	c.move(time.Minute)
	if got := due(t, s).Arrivals; len(got) != 2 || got[0].ID != second.ID {
		t.Errorf("due are %+v", got)
	}
	commit(t, s, leads(pending("REQ-ATHER2", "erin"), other))
	ledTo(other, "REQ-ATHER2", true)

	// A second delivery of what led to a request is stored, and led nowhere new.
	again := submission("V1", 2)
	again.Envelope = "another"
	receive(t, s, again)
	ledTo(again, "REQ-FIRST2", true)

	// The text is erased, the mark is not.
	c.move(31 * time.Minute)
	if err := s.Forget(deadline(t), 0); err != nil {
		t.Fatal(err)
	}
	ledTo(first, "", true)
}

// Of many submissions of one view at once, one leads to a request.
func testFormLeadsOnceAtOnce(t *testing.T, open opener) {
	s := open(t, newClock().now)
	const n = 20
	var forms []bot.Arrival
	for i := range n {
		forms = append(forms, receive(t, s, submission("V1", i)))
	}
	won := 0
	for _, err := range atOnce(n, func(i int) error {
		_, err := s.Commit(deadline(t), leads(pending(fmt.Sprintf("REQ-ATNC%02d", i), fmt.Sprintf("target-%d", i)), forms[i]))
		return err
	}) {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, bot.ErrSent):
			t.Errorf("%v, want ErrSent", err)
		}
	}
	if won != 1 {
		t.Errorf("%d submissions led to a request", won)
	}
}

// Rows of the version before have the key of the view, and no note of a request.
func testFormOfEarlierVersion(t *testing.T, open opener) {
	s := open(t, newClock().now)
	old := submission("V1", 1)
	old.Key = old.ViewKey()
	stored := old
	stored.ViewID = ""
	receive(t, s, stored)
	if id, sent, err := s.FormLedTo(deadline(t), old.ViewKey()); id != "" || !sent || err != nil {
		t.Errorf("led to %q %v %v", id, sent, err)
	}
	late := receive(t, s, submission("V1", 2))
	if _, err := s.Commit(deadline(t), leads(pending("REQ-LATER2", "carol"), late)); !errors.Is(err, bot.ErrSent) {
		t.Errorf("a second submission: %v, want ErrSent", err)
	}
}
