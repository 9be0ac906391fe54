package engine_test

import (
	"strings"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

// formsFail makes Slack open no form, in the given way.
func (s *stage) formsFail(how slacktest.Fault) {
	how.Method = "views.open"
	s.slack.Inject(how)
}

// TestDeny_FormDoesNotOpen: in each way of failing, the press is on record, nothing is
// carried out automatically, and the next press denies.
func TestDeny_FormDoesNotOpen(t *testing.T) {
	const not, unsure = "Slack did not open the form", "I don't know whether the form for your reason opened"
	for name, row := range map[string]struct {
		how  slacktest.Fault
		says string
	}{
		"too late":           {slacktest.Fault{Error: "expired_trigger_id"}, not},
		"used before":        {slacktest.Fault{Error: "exchanged_trigger_id"}, not},
		"a code of tomorrow": {slacktest.Fault{Error: "view_moon_phase"}, not},
		"asked too often":    {slacktest.Fault{RetryAfter: 30 * time.Second}, not},
		"no answer":          {slacktest.Fault{Reset: true}, unsure},
		"Slack is ill":       {slacktest.Fault{Error: "internal_error"}, unsure},
		"opened, no answer":  {slacktest.Fault{Reset: true, After: true}, unsure},
	} {
		t.Run(name, func(t *testing.T) {
			s, own, at := twoCards(t, func(p *authz.Policy) { p.Self.Execute = true })
			s.formsFail(row.how)
			s.actsOut(t, s.pressed(theApprover, at, bot.ActionDeny, own))
			if text := s.told(t, theApprover); !strings.Contains(text, row.says) || !strings.Contains(text, "press Deny again: that denies "+own+" at once, without a reason.") &&
				!strings.Contains(text, "Press Deny again: that denies "+own+" at once, without a reason.") {
				t.Errorf("they read %s", text)
			}
			if text := s.says(t, at); !strings.Contains(text, "pressed Deny, and the form for the reason may not have opened. Nothing is denied yet.") || !strings.Contains(text, "press Deny again, that denies it at once, without a reason.") {
				t.Errorf("the card says %s", text)
			}
			if n := s.count(t, "deny_asked", ""); n != 1 {
				t.Errorf("%d rows tell of the press", n)
			}
			s.passes(t, 16*time.Minute)
			if r := s.state(t, own); r.State != bot.Pending || len(s.entra.calls) != 0 {
				t.Fatalf("it is %s, after %d calls", r.State, len(s.entra.calls))
			}
			s.actsOut(t, s.pressed(theApprover, at, bot.ActionDeny, own))
			if r := s.state(t, own); r.State != bot.Denied || len(s.entra.calls) != 0 {
				t.Errorf("it is %s, after %d calls", r.State, len(s.entra.calls))
			}
		})
	}
}

// TestDeny_TwoPressesAtOnceAreOne, because nobody had read what the second one does.
func TestDeny_TwoPressesAtOnceAreOne(t *testing.T) {
	s, own, at := twoCards(t, func(*authz.Policy) {})
	s.formsFail(slacktest.Fault{Error: "expired_trigger_id"})
	for range 2 {
		s.actsOut(t, s.pressed(theApprover, at, bot.ActionDeny, own)) // the clock does not move
	}
	if r := s.state(t, own); r.State != bot.Pending || len(r.DenyAsked) != 1 {
		t.Errorf("it is %s, with %d who pressed Deny", r.State, len(r.DenyAsked))
	}
	s.passes(t, time.Second)
	s.actsOut(t, s.pressed(another, at, bot.ActionDeny, own))
	if r := s.state(t, own); r.State != bot.Pending || len(r.DenyAsked) != 2 {
		t.Errorf("another approver's first press: it is %s, with %d who pressed Deny", r.State, len(r.DenyAsked))
	}
}

// TestDeny_SecondPressChecksApprover: the right to deny is looked up at the second
// press, too.
func TestDeny_SecondPressChecksApprover(t *testing.T) {
	s, own, at := twoCards(t, func(*authz.Policy) {})
	s.formsFail(slacktest.Fault{Error: "expired_trigger_id"})
	s.actsOut(t, s.pressed(theApprover, at, bot.ActionDeny, own))
	s.entra.mu.Lock()
	s.town.humans[1].blocked.set(true, s.clock.now())
	s.entra.mu.Unlock()
	s.passes(t, 6*time.Minute)
	s.actsOut(t, s.pressed(theApprover, at, bot.ActionDeny, own))
	if r := s.state(t, own); r.State != bot.Pending {
		t.Errorf("it is %s", r.State)
	}
}

// TestDeny_FormIsNeverSubmitted: a form that opened prevents the automatic revoke, too,
// even if a fresh card replaced the one on which Deny was pressed.
func TestDeny_FormIsNeverSubmitted(t *testing.T) {
	for name, renamed := range map[string]bool{"the same card": false, "a fresh card": true} {
		t.Run(name, func(t *testing.T) {
			s, own, at := twoCards(t, func(p *authz.Policy) { p.Self.Execute = true })
			before := s.buttonsOf()
			s.actsOut(t, s.pressed(theApprover, at, bot.ActionDeny, own))
			if n := s.count(t, "deny_pressed", ""); n != 1 {
				t.Errorf("%d rows tell of the press", n)
			}
			if renamed {
				own, at = s.renamed(t, at, own, before)
			}
			s.passes(t, 16*time.Minute)
			if r := s.state(t, own); r.State != bot.Pending || r.NotExecuted != bot.DenyAsked || len(s.entra.calls) != 0 {
				t.Errorf("it is %s, not carried out by itself for %q, after %d calls", r.State, r.NotExecuted, len(s.entra.calls))
			}
			s.actsOut(t, s.pressed(another, at, bot.ActionConfirm, own))
			if r := s.state(t, own); !r.State.Accepted() {
				t.Errorf("nobody could confirm it: it is %s", r.State)
			}
		})
	}
}

// TestDeny_FreshCardKeepsPress: a fresh card is not carried out automatically either.
func TestDeny_FreshCardKeepsPress(t *testing.T) {
	s, own, at := twoCards(t, func(p *authz.Policy) { p.Self.Execute = true })
	before := s.buttonsOf()
	s.formsFail(slacktest.Fault{Error: "expired_trigger_id"})
	s.actsOut(t, s.pressed(theApprover, at, bot.ActionDeny, own))
	own, at = s.renamed(t, at, own, before)
	if text := s.says(t, at); !strings.Contains(text, "Nothing is denied yet.") {
		t.Errorf("the fresh card says %s", text)
	}
	s.passes(t, 16*time.Minute)
	if r := s.state(t, own); r.State != bot.Pending || len(s.entra.calls) != 0 {
		t.Fatalf("it is %s, after %d calls", r.State, len(s.entra.calls))
	}
	s.actsOut(t, s.pressed(theApprover, at, bot.ActionDeny, own))
	if r := s.state(t, own); r.State != bot.Denied {
		t.Errorf("it is %s", r.State)
	}
}

// TestDeny_ApprovedRequestThatWaits can be denied without a form in the same way.
func TestDeny_ApprovedRequestThatWaits(t *testing.T) {
	s, own, at := twoCards(t, func(*authz.Policy) {})
	s.entra.mu.Lock()
	s.entra.replies = []reply{saysWait}
	s.entra.mu.Unlock()
	s.formsFail(slacktest.Fault{Error: "expired_trigger_id"})
	s.actsOut(t, s.pressed(another, at, bot.ActionConfirm, own))
	s.passes(t, 2*time.Second)
	s.actsOut(t, s.pressed(theApprover, at, bot.ActionDeny, own))
	if text := s.says(t, at); !strings.Contains(text, "Nothing is denied yet.") {
		t.Errorf("the card says %s", text)
	}
	s.passes(t, 2*time.Second)
	s.actsOut(t, s.pressed(theApprover, at, bot.ActionDeny, own))
	s.passes(t, 10*time.Minute)
	if r := s.state(t, own); r.State != bot.Denied || len(s.entra.calls) != 1 {
		t.Errorf("it is %s, after %d calls", r.State, len(s.entra.calls))
	}
}

// TestDeny_StopsPolicyDecision: while a decision of the policy waits for Microsoft, a
// press of Deny without a submitted form stops it, and so does another revoke of the
// account.
func TestDeny_StopsPolicyDecision(t *testing.T) {
	for name, row := range map[string]struct {
		acts  func(*testing.T, *stage, bot.Place, string)
		why   string
		calls int
	}{
		"a form that never comes": {func(t *testing.T, s *stage, at bot.Place, own string) {
			s.actsOut(t, s.pressed(theApprover, at, bot.ActionDeny, own))
		}, "an approver pressed Deny and has not finished", 1},
		"no form": {func(t *testing.T, s *stage, at bot.Place, own string) {
			s.formsFail(slacktest.Fault{Error: "expired_trigger_id"})
			s.actsOut(t, s.pressed(theApprover, at, bot.ActionDeny, own))
		}, "an approver pressed Deny and has not finished", 1},
		"another revoke": {func(t *testing.T, s *stage, _ bot.Place, _ string) {
			s.revokesByHand(t, "")
			s.passes(t, time.Second) // for the verification
		}, "another request for this account was carried out meanwhile", 2},
	} {
		t.Run(name, func(t *testing.T) {
			s, own, at := twoCards(t, func(p *authz.Policy) { p.Self.Execute = true })
			s.entra.mu.Lock()
			s.entra.replies = []reply{saysWait}
			s.entra.mu.Unlock()
			s.passes(t, 16*time.Minute)
			if r := s.state(t, own); r.State != bot.Approved || len(s.entra.calls) != 1 {
				t.Fatalf("it is %s, after %d calls", r.State, len(s.entra.calls))
			}
			row.acts(t, s, at, own)
			for range 4 {
				s.passes(t, 20*time.Second)
			}
			if r := s.state(t, own); r.State != bot.Pending || r.Executes || len(s.entra.calls) != row.calls {
				t.Fatalf("it is %s, after %d calls", r.State, len(s.entra.calls))
			}
			if text := s.says(t, at); !strings.Contains(text, row.why) {
				t.Errorf("the card says %s", text)
			}
			s.actsOut(t, s.pressed(another, at, bot.ActionConfirm, own))
			if r := s.state(t, own); !r.State.Accepted() {
				t.Errorf("nobody could confirm it: it is %s", r.State)
			}
		})
	}
}

// TestDeny_PressedWhilePolicyDecides: a press counts even while the account is read for
// the decision of the policy.
func TestDeny_PressedWhilePolicyDecides(t *testing.T) {
	s, own, _ := twoCards(t, func(p *authz.Policy) { p.Self.Execute = true })
	r := s.state(t, own)
	s.passes(t, 14*time.Minute)
	pressed := 0
	s.entra.mu.Lock()
	s.entra.during = func(id string) {
		if id != r.Target.ID || s.clock.now().Before(r.ExpiresAt) {
			return
		}
		if pressed++; pressed == 1 {
			e := bot.Entry{Action: "deny_pressed", Request: own, Actor: theApprover, ActorEntraID: s.town.humans[0].id, TargetID: id}
			if err := s.store.Record(t.Context(), 0, e); err != nil {
				t.Error(err)
			}
		}
	}
	s.entra.mu.Unlock()
	s.passes(t, 2*time.Minute)
	if r := s.state(t, own); pressed == 0 || r.State != bot.Pending || r.NotExecuted != bot.DenyAsked || len(r.Decisions) != 0 || len(s.entra.calls) != 0 {
		t.Errorf("it is %s, not carried out by itself for %q, after %d decisions and %d calls", r.State, r.NotExecuted, len(r.Decisions), len(s.entra.calls))
	}
}

// renamed changes the name of the person, so that the next click voids the card. It
// returns the request that replaces it.
func (s *stage) renamed(t *testing.T, at bot.Place, own string, before map[string][]string) (string, bot.Place) {
	t.Helper()
	s.entra.mu.Lock()
	s.town.humans[2].upn = "renamed@contoso.example"
	s.entra.mu.Unlock()
	s.passes(t, 6*time.Minute)
	s.actsOut(t, s.pressed(another, at, bot.ActionConfirm, own))
	s.passes(t, 2*time.Second)
	return s.fresh(t, before)
}
