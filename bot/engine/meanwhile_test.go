package engine_test

import (
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/console"
	"revoke-sessions/bot/slacktest"
	"revoke-sessions/bot/testrun"
	"revoke-sessions/graph"
)

// twoCards is a town in which U0H2 has reported their own lost device; the request
// waits.
func twoCards(t *testing.T, change func(*authz.Policy)) (s *stage, own string, at bot.Place) {
	t.Helper()
	policy := authz.New(theApprover, another)
	change(&policy)
	s = newTown(t, 5, policy)
	if err := s.rest(); err != nil {
		t.Fatal(err)
	}
	own, at = s.asks(t, thePerson, "me lost my phone")
	return s, own, at
}

// asks carries out an ask, and returns the request and its card.
func (s *stage) asks(t *testing.T, who, text string) (id string, at bot.Place) {
	t.Helper()
	before := s.buttonsOf()
	s.actsOut(t, s.typed(who, text))
	s.passes(t, 2*time.Second)
	return s.fresh(t, before)
}

// fresh is the one request with a card that is not in before.
func (s *stage) fresh(t *testing.T, before map[string][]string) (id string, at bot.Place) {
	t.Helper()
	after := s.buttonsOf()
	for id := range before {
		delete(after, id)
	}
	if ids := slices.Collect(maps.Keys(after)); len(ids) == 1 {
		return ids[0], bot.Place{Channel: channelOfCards, TS: after[ids[0]][0]}
	}
	t.Fatalf("not one card is new, but %v", after)
	return "", bot.Place{}
}

// passes moves the clock and waits until all that is due is done.
func (s *stage) passes(t *testing.T, d time.Duration) {
	t.Helper()
	s.clock.move(d)
	if err := s.rest(); err != nil {
		t.Fatal(err)
	}
}

// revokes has an outsider ask about the person and an approver confirm.
func (s *stage) revokes(t *testing.T) (id string) {
	t.Helper()
	id, at := s.asks(t, outsider, "<@"+thePerson+"> stolen laptop")
	s.actsOut(t, s.pressed(theApprover, at, bot.ActionConfirm, id))
	return id
}

// revokesByHand revokes the person from the command line; an override reason overrides
// the policy.
func (s *stage) revokesByHand(t *testing.T, override string) {
	t.Helper()
	c := console.New(bot.Config{
		Policy: s.policy, Operation: graph.InvalidateAllRefreshTokens, Timing: bot.DefaultTiming(), Now: s.clock.now, Log: slog.New(slog.DiscardHandler),
	}, s.store, s.entra, console.Operator{Name: "root@host", Beside: true, Override: override})
	p, err := c.Look(t.Context(), bot.Whom{ObjectID: s.town.humans[2].id}, false)
	if err != nil {
		t.Fatal(err)
	}
	report, err := c.Revoke(t.Context(), p, "on call")
	if err != nil {
		t.Fatalf("%+v, %v", report, err)
	}
}

// cannotEdit makes every edit of a card fail until the faults are cleared.
func (s *stage) cannotEdit(at bot.Place) {
	s.slack.Inject(slacktest.Fault{Method: "chat.update", Error: "internal_error", Match: func(p map[string]string) bool { return p["ts"] == at.TS }})
}

func (s *stage) says(t *testing.T, at bot.Place) string {
	t.Helper()
	m, ok := s.standing(at)
	if !ok {
		t.Fatal("the card is gone")
	}
	return m.Plain()
}

func (s *stage) state(t *testing.T, id string) bot.Request {
	t.Helper()
	r, err := s.store.Request(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const (
	revokedAlready = "Already revoked for another request: "
	notSeenYet     = "Microsoft accepted a revoke for another request, but I have not seen it on the account yet: "
)

// TestMeanwhile_IsOnTheCard: if another request revoked the account, the card says so,
// and the next click on it counts.
func TestMeanwhile_IsOnTheCard(t *testing.T) {
	s, own, at := twoCards(t, func(*authz.Policy) {})
	other := s.revokes(t)
	s.passes(t, 30*time.Minute)
	text := s.says(t, at)
	for _, words := range []string{revokedAlready + other, "Nothing is revoked for this request yet."} {
		if !strings.Contains(text, words) {
			t.Errorf("the card does not say %q: %s", words, text)
		}
	}
	s.actsOut(t, s.pressed(theApprover, at, bot.ActionConfirm, own))
	if r := s.state(t, own); !r.State.Accepted() || len(s.entra.calls) != 2 {
		t.Errorf("it is %s, after %d calls", r.State, len(s.entra.calls))
	}
}

// TestMeanwhile_VoidsCardThatDoesNotSayIt: the first click on a card that could not be
// edited confirms nothing, and a fresh card says so.
func TestMeanwhile_VoidsCardThatDoesNotSayIt(t *testing.T) {
	s, own, at := twoCards(t, func(*authz.Policy) {})
	s.cannotEdit(at)
	other := s.revokes(t)
	s.passes(t, 30*time.Minute)
	before := s.buttonsOf()
	s.actsOut(t, s.pressed(theApprover, at, bot.ActionConfirm, own))
	if r := s.state(t, own); r.State != bot.Void || !slices.Equal(r.Changed, []bot.Difference{bot.RevokedMeanwhile}) || len(s.entra.calls) != 1 {
		t.Fatalf("it is %s, by %v, after %d calls", r.State, r.Changed, len(s.entra.calls))
	}
	if text := s.told(t, theApprover); !strings.Contains(text, "another request for this account was carried out, and the card did not say so. Nothing was revoked for this request.") {
		t.Errorf("they read %s", text)
	}
	s.slack.ClearFaults()
	s.passes(t, time.Minute)
	again, there := s.fresh(t, before)
	if text := s.says(t, there); !strings.Contains(text, revokedAlready+other) || !strings.Contains(text, "This replaces "+own) {
		t.Errorf("the fresh card says %s", text)
	}
	s.actsOut(t, s.pressed(theApprover, there, bot.ActionConfirm, again))
	if r := s.state(t, again); !r.State.Accepted() || len(s.entra.calls) != 2 {
		t.Errorf("it is %s, after %d calls", r.State, len(s.entra.calls))
	}
}

// TestMeanwhile_UsesTimeOfClick: a click from before the card said so is a click on the
// old card, however late it is carried out.
func TestMeanwhile_UsesTimeOfClick(t *testing.T) {
	s, own, at := twoCards(t, func(*authz.Policy) {})
	other, there := s.asks(t, outsider, "<@"+thePerson+"> stolen laptop")
	if _, _, err := s.store.Receive(t.Context(), s.pressed(another, at, bot.ActionConfirm, own)); err != nil {
		t.Fatal(err) // no process carries it out before the claim lapses
	}
	s.clock.move(time.Second)
	if err := s.deliver(s.pressed(theApprover, there, bot.ActionConfirm, other)); err != nil {
		t.Fatal(err)
	}
	if !testrun.Seen(patience, func() bool { return strings.Contains(s.says(t, at), notSeenYet+other) }) {
		t.Fatalf("the card says %s", s.says(t, at))
	}
	s.clock.move(bot.ClaimFor)
	if !testrun.Seen(patience, func() bool { return s.state(t, own).State != bot.Pending }) {
		t.Fatal("the late click was not carried out")
	}
	if r := s.state(t, own); r.State != bot.Void || len(s.entra.calls) != 1 {
		t.Errorf("it is %s, after %d calls", r.State, len(s.entra.calls))
	}
}

// TestMeanwhile_IgnoresWhatRevokedNothing: a drill, a refused call and a call without a
// known outcome do not count as a revoke.
func TestMeanwhile_IgnoresWhatRevokedNothing(t *testing.T) {
	for name, row := range map[string]struct {
		replies []reply
		ask     string
	}{
		"a drill":               {nil, "drill <@" + thePerson + "> rehearsal"},
		"refused by Microsoft":  {[]reply{saysNo}, "<@" + thePerson + "> stolen laptop"},
		"not known what became": {[]reply{lostUndone, lostUndone}, "<@" + thePerson + "> stolen laptop"},
	} {
		t.Run(name, func(t *testing.T) {
			s, own, at := twoCards(t, func(*authz.Policy) {})
			s.entra.mu.Lock()
			s.entra.replies = row.replies
			s.entra.mu.Unlock()
			id, there := s.asks(t, outsider, row.ask)
			s.actsOut(t, s.pressed(theApprover, there, bot.ActionConfirm, id))
			for range 4 {
				s.passes(t, 20*time.Second)
			}
			if text := s.says(t, at); strings.Contains(text, revokedAlready) || !strings.Contains(text, "Nothing is revoked yet.") {
				t.Errorf("it is %s; the other card says %s", s.state(t, id).State, text)
			}
			s.actsOut(t, s.pressed(another, at, bot.ActionConfirm, own))
			if r := s.state(t, own); !r.State.Accepted() {
				t.Errorf("it is %s", r.State)
			}
		})
	}
}

// TestMeanwhile_FromCommandLine: a revoke from the command line counts, too.
func TestMeanwhile_FromCommandLine(t *testing.T) {
	s, _, at := twoCards(t, func(*authz.Policy) {})
	s.revokesByHand(t, "")
	s.passes(t, 30*time.Second)
	if text := s.says(t, at); !strings.Contains(text, revokedAlready) {
		t.Errorf("the card says %s", text)
	}
}

// TestMeanwhile_BeforeTryAgain: the first "Try again" on a card that does not say so
// does nothing.
func TestMeanwhile_BeforeTryAgain(t *testing.T) {
	s, own, at := twoCards(t, func(*authz.Policy) {})
	s.entra.mu.Lock()
	s.entra.replies = []reply{saysNo}
	s.entra.mu.Unlock()
	s.actsOut(t, s.pressed(theApprover, at, bot.ActionConfirm, own))
	if r := s.state(t, own); r.State != bot.Failed {
		t.Fatalf("it is %s", r.State)
	}
	s.passes(t, time.Minute)
	s.cannotEdit(at)
	other := s.revokes(t)
	s.passes(t, time.Minute)
	s.actsOut(t, s.pressed(theApprover, at, bot.ActionRetry, own))
	if r := s.state(t, own); r.State != bot.Failed || len(s.entra.calls) != 2 {
		t.Fatalf("it is %s, after %d calls", r.State, len(s.entra.calls))
	}
	if text := s.told(t, theApprover); !strings.Contains(text, "Try again there if you still need it") {
		t.Errorf("they read %s", text)
	}
	s.slack.ClearFaults()
	s.passes(t, time.Minute)
	if text := s.says(t, at); !strings.Contains(text, revokedAlready+other) {
		t.Errorf("the card says %s", text)
	}
	s.actsOut(t, s.pressed(theApprover, at, bot.ActionRetry, own))
	if r := s.state(t, own); !r.State.Accepted() || len(s.entra.calls) != 3 {
		t.Errorf("it is %s, after %d calls", r.State, len(s.entra.calls))
	}
}

// TestMeanwhile_StopsAutomaticRevoke: nobody is signed out a second time because nobody
// decided.
func TestMeanwhile_StopsAutomaticRevoke(t *testing.T) {
	s, own, at := twoCards(t, func(p *authz.Policy) { p.Self.Execute = true })
	s.revokes(t)
	s.passes(t, time.Second) // for the verification
	s.passes(t, 16*time.Minute)
	if r := s.state(t, own); r.State != bot.Pending || r.NotExecuted != bot.RevokedAlready || len(s.entra.calls) != 1 {
		t.Errorf("it is %s, not carried out by itself for %q, after %d calls", r.State, r.NotExecuted, len(s.entra.calls))
	}
	if text := s.says(t, at); !strings.Contains(text, "Expires") {
		t.Errorf("the card says %s", text)
	}
}

// TestMeanwhile_WaitsUntilAccountShowsIt: Microsoft accepted a revoke that the account
// does not show. A report then waits until that is clear, and is carried out or left to
// people.
func TestMeanwhile_WaitsUntilAccountShowsIt(t *testing.T) {
	for name, shows := range map[string]bool{"it never does": false, "it does after all": true} {
		t.Run(name, func(t *testing.T) {
			s, own, at := twoCards(t, func(p *authz.Policy) { p.Self.Execute = true })
			s.passes(t, 13*time.Minute)
			s.entra.mu.Lock()
			s.entra.replies = []reply{saysYesOnly}
			s.entra.mu.Unlock()
			other := s.revokes(t)
			for _, pause := range append(bot.DefaultTiming().Verify, time.Minute, 30*time.Second) {
				s.passes(t, pause)
			}
			if r := s.state(t, own); r.State != bot.Pending || !r.Executes || r.NotExecuted != "" || len(s.entra.calls) != 1 {
				t.Fatalf("it is %s, not carried out by itself for %q, after %d calls", r.State, r.NotExecuted, len(s.entra.calls))
			}
			text := s.says(t, at)
			if !strings.Contains(text, notSeenYet+other) ||
				strings.Contains(text, revokedAlready) || strings.Contains(text, "Then press Deny") {
				t.Errorf("the card says %s", text)
			}
			if shows {
				s.entra.mu.Lock()
				s.town.humans[2].stamp = s.clock.now()
				s.entra.mu.Unlock()
			}
			for range 14 {
				s.passes(t, 30*time.Second)
			}
			r, text := s.state(t, own), s.says(t, at)
			switch {
			case shows && (r.State != bot.Pending || r.NotExecuted != bot.RevokedAlready || len(s.entra.calls) != 1 || !strings.Contains(text, revokedAlready+other)):
				t.Errorf("it is %s, not carried out by itself for %q, after %d calls, and says %s", r.State, r.NotExecuted, len(s.entra.calls), text)
			case !shows && (!r.State.Accepted() || len(s.entra.calls) != 2):
				t.Errorf("it is %s, not carried out by itself for %q, after %d calls", r.State, r.NotExecuted, len(s.entra.calls))
			}
		})
	}
}

// TestMeanwhile_IsOnApprovedCard: an approved request that waits says so, too, because
// it would sign the person out again. A reader can then stop it.
func TestMeanwhile_IsOnApprovedCard(t *testing.T) {
	for name, row := range map[string]struct {
		first  reply // to the call of the request that waits
		freeze bool
		says   []string
	}{
		"I could not reach Microsoft": {unreached, false, []string{notSeenYet}},
		"held back by a freeze":       {saysWait, true, []string{revokedAlready, "Is once enough? Then press Deny, which stops this request."}},
	} {
		t.Run(name, func(t *testing.T) {
			s, own, at := twoCards(t, func(*authz.Policy) {})
			other, there := s.asks(t, outsider, "<@"+thePerson+"> stolen laptop")
			s.entra.mu.Lock()
			s.entra.replies = []reply{row.first}
			s.entra.mu.Unlock()
			s.actsOut(t, s.pressed(theApprover, at, bot.ActionConfirm, own))
			if row.freeze {
				s.actsOut(t, s.typed(another, "freeze too many"))
				s.passes(t, time.Minute)
				s.revokesByHand(t, "it cannot wait")
			} else {
				s.actsOut(t, s.pressed(another, there, bot.ActionConfirm, other))
			}
			if err := s.rest(); err != nil {
				t.Fatal(err)
			}
			if r := s.state(t, own); r.State != bot.Approved || len(s.entra.calls) != 2 {
				t.Fatalf("it is %s, after %d calls", r.State, len(s.entra.calls))
			}
			text := s.says(t, at)
			for _, words := range append(row.says, "An approver can still stop this.") {
				if !strings.Contains(text, words) {
					t.Errorf("the card does not say %q: %s", words, text)
				}
			}
			s.formsFail(slacktest.Fault{Error: "expired_trigger_id"})
			s.actsOut(t, s.pressed(theApprover, at, bot.ActionDeny, own))
			s.clock.move(time.Millisecond)
			s.actsOut(t, s.pressed(theApprover, at, bot.ActionDeny, own))
			s.passes(t, 10*time.Minute)
			if r := s.state(t, own); r.State != bot.Denied || len(s.entra.calls) != 2 {
				t.Errorf("it is %s, after %d calls", r.State, len(s.entra.calls))
			}
		})
	}
}
