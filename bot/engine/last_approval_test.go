package engine_test

import (
	"strings"
	"testing"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// TestLastApproval_TakesItsOwnButton: a button that says that others must approve, too,
// never leads to a call, even if somebody was faster. A card of an older version has only
// the other button, which counts.
func TestLastApproval_TakesItsOwnButton(t *testing.T) {
	policy := authz.New(theApprover, another)
	policy.Self.Approvals = 2
	s := newTown(t, 6, policy)
	own, at := s.asks(t, thePerson, "me lost my phone")

	s.actsOut(t, s.pressed(theApprover, at, bot.ActionApprove, own))
	s.actsOut(t, s.pressed(another, at, bot.ActionApprove, own)) // their card did not show the first one yet
	if r := s.state(t, own); r.State != bot.Pending || len(r.Approvals) != 1 || len(s.entra.calls) != 0 {
		t.Fatalf("it is %s, with %d approvals and %d calls", r.State, len(r.Approvals), len(s.entra.calls))
	}
	if text := s.told(t, another); !strings.Contains(text, "Your approval would now be the last one, but your button did not say so.") ||
		!strings.Contains(text, "@"+theApprover+" approved (1 of 2).") || strings.Contains(text, "nobody") {
		t.Errorf("they read %s", text)
	}
	if n := s.count(t, bot.ActRefused, string(bot.LastApproval)); n != 1 {
		t.Errorf("%d rows tell of it", n)
	}
	s.actsOut(t, s.pressed(another, at, bot.ActionConfirm, own))
	if r := s.state(t, own); !r.State.Accepted() {
		t.Errorf("after the button that says so, it is %s", r.State)
	}
}

// TestLastApproval_OldButtonCounts: the only button of an older card says that it revokes.
// The first of two approvers who presses it reads that nothing is revoked yet.
func TestLastApproval_OldButtonCounts(t *testing.T) {
	policy := authz.New(theApprover, another)
	policy.Self.Approvals = 2
	s := newTown(t, 4, policy)
	own, at := s.asks(t, thePerson, "me lost my phone")
	s.actsOut(t, s.pressed(theApprover, at, bot.ActionConfirm, own))
	if r := s.state(t, own); r.State != bot.Pending || len(r.Approvals) != 1 {
		t.Fatalf("it is %s, with %d approvals", r.State, len(r.Approvals))
	}
	if text := s.told(t, theApprover); !strings.Contains(text, "Your approval counts. It revokes nothing by itself.") {
		t.Errorf("they read %s", text)
	}
	if text := s.says(t, at); !strings.Contains(text, "approved (1 of 2). Waiting for one more: @"+another) {
		t.Errorf("the card says %s", text)
	}
	s.actsOut(t, s.pressed(another, at, bot.ActionConfirm, own))
	if r := s.state(t, own); !r.State.Accepted() {
		t.Errorf("it is %s", r.State)
	}
}
