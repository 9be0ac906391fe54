package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// The people of these tests. In some of them the bot signs in to Entra as thePerson.
const (
	theAsker    = "U0H0"
	theApprover = "U0H1"
	thePerson   = "U0H2"
	another     = "U0H3" // a second approver, so that nobody reads that there are too few
	outsider    = "U0H4"
)

func newFive(t *testing.T) (s *stage, person string) {
	t.Helper()
	clock := &handClock{at: time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)}
	w := &town{identity: authz.Identity{ByEmail: true}}
	for i := range 5 {
		h := &human{id: fmt.Sprintf("00000000-0000-4000-8000-%012d", i), stamp: clock.now().Add(-time.Hour)}
		h.upn = fmt.Sprintf("h%d@contoso.example", i)
		h.mail, h.proxy = h.upn, h.upn
		w.humans = append(w.humans, h)
		w.members = append(w.members, &member{id: fmt.Sprintf("U0H%d", i), email: h.mail, of: h, findable: true})
	}
	s, err := newStage(t.TempDir(), w, authz.New(theApprover, another), clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.close(); err != nil {
			t.Error(err)
		}
	})
	return s, w.humans[2].id
}

// signsInAs makes the bot sign in as a person from now on.
func (s *stage) signsInAs(person string) {
	s.entra.mu.Lock()
	defer s.entra.mu.Unlock()
	s.entra.person = person
}

// actsOut delivers an arrival and waits until all its work is done.
func (s *stage) actsOut(t *testing.T, a bot.Arrival) {
	t.Helper()
	if err := s.deliver(a); err != nil {
		t.Fatal(err)
	}
	if err := s.rest(); err != nil {
		t.Fatal(err)
	}
}

// onlyCard is the only request, and the place of its card.
func (s *stage) onlyCard(t *testing.T) (id string, at bot.Place) {
	t.Helper()
	cards := s.buttonsOf()
	for id, all := range cards {
		if len(cards) == 1 && len(all) == 1 {
			return id, bot.Place{Channel: channelOfCards, TS: all[0]}
		}
	}
	t.Fatalf("not one card stands, but %v", cards)
	return "", bot.Place{}
}

// told is the first private answer that somebody reads; it comes after the audit row.
func (s *stage) told(t *testing.T, who string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.slack.Until(ctx, func() bool { return len(s.slack.Ephemerals(who)) > 0 }); err != nil {
		t.Fatalf("nothing was said: %v", err)
	}
	return s.slack.Ephemerals(who)[0].Plain()
}

// wantOwnAccountRow checks the last row, and the private answer to the person who
// acted.
func (s *stage) wantOwnAccountRow(t *testing.T, who string, wanted authz.Action, target, begins string) {
	t.Helper()
	rows, err := s.rows(0)
	if err != nil {
		t.Fatal(err)
	}
	e := rows[len(rows)-1].Entry
	if e.Action != "refused" || e.Reason != string(bot.OwnAccount) || e.Wanted != string(wanted) || e.Actor != who || e.TargetID != target {
		t.Errorf("%+v", e)
	}
	text := s.told(t, who)
	for _, words := range []string{
		begins, "The bot signs in to Entra with this account", "would sign the bot out", "Nothing was ", "in the Entra portal", "revoke-sessions login",
	} {
		if !strings.Contains(text, words) {
			t.Errorf("%q is not said: %s", words, text)
		}
	}
	if len(s.entra.calls) != 0 {
		t.Errorf("Entra was asked: %+v", s.entra.calls)
	}
}

func TestOwnAccount_Ask(t *testing.T) {
	for name, row := range map[string]struct {
		who, text, begins string
	}{
		"by somebody":         {theAsker, "<@" + thePerson + "> stolen laptop", ""},
		"by its address":      {theAsker, "h2@contoso.example stolen laptop", ""},
		"by its owner":        {thePerson, "me lost my phone", ""},
		"in a drill":          {theAsker, "drill <@" + thePerson + ">", "DRILL"},
		"by its object ID":    {theAsker, "00000000-0000-4000-8000-000000000002 stolen laptop", ""},
		"and by the approver": {theApprover, "<@" + thePerson + "> stolen laptop", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, person := newFive(t)
			s.signsInAs(strings.ToUpper(person))
			s.actsOut(t, s.typed(row.who, row.text))
			s.wantOwnAccountRow(t, row.who, authz.Ask, person, row.begins)
			if all := s.slack.Messages(channelOfCards); len(all) != 0 {
				t.Errorf("the channel reads of it: %s", all[0].Plain())
			}
		})
	}
}

// TestOwnAccount_Confirm: the bot was signed in as the target between card and click.
func TestOwnAccount_Confirm(t *testing.T) {
	s, person := newFive(t)
	s.actsOut(t, s.typed(theAsker, "<@"+thePerson+"> stolen laptop"))
	id, at := s.onlyCard(t)

	s.signsInAs(person)
	s.actsOut(t, s.pressed(theApprover, at, bot.ActionConfirm, id))
	s.wantOwnAccountRow(t, theApprover, authz.Confirm, person, "")
	// Somebody who may not decide does not learn this.
	s.actsOut(t, s.pressed(outsider, at, bot.ActionConfirm, id))
	if said := s.told(t, outsider); !strings.Contains(said, "You are not an approver") || strings.Contains(said, "signs in") {
		t.Errorf("somebody who is no approver is told: %s", said)
	}
	if r, err := s.store.Request(t.Context(), id); err != nil || r.State != bot.Pending {
		t.Errorf("%s, %v", r.State, err)
	}

	// The bot no longer signs in as the target.
	s.signsInAs("")
	s.actsOut(t, s.pressed(theApprover, at, bot.ActionConfirm, id))
	if len(s.entra.calls) != 1 || s.entra.calls[0].target != person {
		t.Errorf("%+v", s.entra.calls)
	}
}

// TestOwnAccount_Cancel: only what ends in a revoke is refused.
func TestOwnAccount_Cancel(t *testing.T) {
	s, person := newFive(t)
	s.actsOut(t, s.typed(theAsker, "<@"+thePerson+"> stolen laptop"))
	id, _ := s.onlyCard(t)
	s.signsInAs(person)
	s.actsOut(t, s.typed(theAsker, "cancel "+id))
	if r, err := s.store.Request(t.Context(), id); err != nil || r.State != bot.Cancelled {
		t.Errorf("%s, %v", r.State, err)
	}
}
