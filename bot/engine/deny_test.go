package engine_test

import (
	"strings"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
	"revoke-sessions/bot/slacktest"
)

// formsFail has Slack open no form, in some way.
func (s *stage) formsFail(how slacktest.Fault) {
	how.Method = "views.open"
	s.slack.Inject(how)
}

// However Slack does not open the form: the press is on record, nothing is carried
// out by itself, and the next press denies.
func TestDenyWithoutAForm(t *testing.T) {
	const not, unsure = "Slack did not open the form", "I am not sure that the form for your reason opened"
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
		"opened, unheard":    {slacktest.Fault{Reset: true, After: true}, unsure},
	} {
		t.Run(name, func(t *testing.T) {
			s, own, at := twoCards(t, func(p *authz.Policy) { p.Self.Execute = true })
			s.formsFail(row.how)
			s.actsOut(t, s.pressed(theApprover, at, bot.ActionDeny, own))
			if text := s.told(t, theApprover); !strings.Contains(text, row.says) || !strings.Contains(text, "press Deny again: that denies "+own+" at once, without a reason.") &&
				!strings.Contains(text, "Press Deny again: that denies "+own+" at once, without a reason.") {
				t.Errorf("they read %s", text)
			}
			if text := s.says(t, at); !strings.Contains(text, "pressed Deny, and the form for the reason may not have opened. Nothing is denied yet.") || !strings.Contains(text, "presses Deny again, that denies it at once, without a reason.") {
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

// Two presses in one moment are one: nobody had read what the second does.
func TestDenyWithoutAFormTwiceAtOnce(t *testing.T) {
	s, own, at := twoCards(t, func(*authz.Policy) {})
	s.formsFail(slacktest.Fault{Error: "expired_trigger_id"})
	for range 2 {
		s.actsOut(t, s.pressed(theApprover, at, bot.ActionDeny, own)) // the clock stands
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

// Who may deny is looked up at the second press, too.
func TestDenyWithoutAFormByWhoIsNoApproverAnyMore(t *testing.T) {
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

// A form that opened, and was never submitted, holds the clock as well; also where a
// fresh card took the place of the one on which Deny was pressed.
func TestDenyWhoseFormNeverComes(t *testing.T) {
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

// What a fresh card takes the place of is not carried out by itself either.
func TestDenyWithoutAFormStaysOnAFreshCard(t *testing.T) {
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

// An approved request that waits can be denied in the same way.
func TestDenyWithoutAFormOfWhatWaits(t *testing.T) {
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

// What the policy decided is not carried out over somebody who acts while it waits
// for Microsoft: not where the form of a Deny never comes back, nor where another
// request had the account revoked.
func TestDenyOfWhatThePolicyDecided(t *testing.T) {
	for name, row := range map[string]struct {
		acts  func(*testing.T, *stage, bot.Place, string)
		why   string
		calls int
	}{
		"a form that never comes": {func(t *testing.T, s *stage, at bot.Place, own string) {
			s.actsOut(t, s.pressed(theApprover, at, bot.ActionDeny, own))
		}, "an approver has pressed Deny, and has not finished", 1},
		"no form": {func(t *testing.T, s *stage, at bot.Place, own string) {
			s.formsFail(slacktest.Fault{Error: "expired_trigger_id"})
			s.actsOut(t, s.pressed(theApprover, at, bot.ActionDeny, own))
		}, "an approver has pressed Deny, and has not finished", 1},
		"another revoke": {func(t *testing.T, s *stage, _ bot.Place, _ string) {
			s.revokesByHand(t, "")
			s.passes(t, time.Second) // and it is verified
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

// A press of Deny counts also while the account is read for the policy's decision.
func TestDenyWhileThePolicyDecides(t *testing.T) {
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

// renamed has the person renamed, so that the next click voids the card, and answers
// the request that takes its place.
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
