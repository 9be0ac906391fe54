package engine_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// freezesJudge asks who may begin and end a freeze, and whether it stops what it must.
type freezesJudge struct{ complaints }

func (j freezesJudge) see(s step) {
	on := s.before.frozen()
	switch s.row.Action {
	case "frozen":
		j.begin(s)
	case "unfreeze_asked", "unfrozen":
		if on == nil {
			j.complain(s, "no freeze is on")
		} else {
			j.end(s, on)
		}
	case "held":
		if on == nil && s.row.Reason != string(bot.OtherRules) {
			j.complain(s, "no freeze is on")
		}
	case "refused":
		if !s.rushed() && s.actor != nil {
			j.refused(s, on)
		}
	default:
		if on != nil && stops(s.row) {
			j.complain(s, "a freeze is on")
		}
	}
}

// stops reports whether a freeze stops the act of a row. It does not stop Deny, Cancel
// and answers to earlier calls.
func stops(row bot.Row) bool {
	switch row.Action {
	case "approval", "reopened", "not_executed", "reminded", "escalated", string(bot.Executing), string(bot.Expired):
		return true
	case string(bot.Approved):
		return row.Actor != "bot" && row.Actor != "clock"
	case string(bot.Void):
		return row.Actor == "policy"
	}
	return false
}

// begin wants an approver who began no freeze within the last day.
func (j freezesJudge) begin(s step) {
	again := slices.ContainsFunc(s.before.freezes, func(f *pastFreeze) bool {
		return s.actor != nil && f.by == s.actor.of && s.row.At.Sub(f.began) < 24*time.Hour
	})
	if s.before.frozen() != nil || again || !s.did(authz.Freeze) || !s.now.decides(s.actor) {
		j.complain(s, "they may not freeze")
	}
}

// end wants the clock after the freeze's time, somebody who may end it alone, or two
// approvers if there are two.
func (j freezesJudge) end(s step, on *pastFreeze) {
	if s.row.Actor == "clock" {
		if lasted := s.row.At.Sub(on.began); lasted < on.max {
			j.complain(s, "it is over after %s of %s", lasted, on.max)
		}
		return
	}
	alone := s.now.unfreezesAlone(s.actor)
	if !s.did(authz.Unfreeze) || !alone && !s.now.decides(s.actor) {
		j.complain(s, "they may not unfreeze")
		return
	}
	// A form says what its submission does, and a press of the button does nothing.
	says := map[string]string{"unfreeze_asked": "Ask to end the freeze", "unfrozen": "End the freeze"}[s.row.Action]
	if promised := s.promised(); promised != "" && promised != says {
		j.complain(s, "the form said: %s", promised)
	}
	if s.row.Action == "unfreeze_asked" {
		// The bot does not count the vote of an account that no longer leads to a
		// person, so it may take another vote of that person.
		if slices.ContainsFunc(on.votes, func(m *member) bool { return m == s.actor || m.of == s.actor.of && s.now.surelySomebody(m) }) {
			j.complain(s, "they asked before")
		}
		return
	}
	votes := map[*human]bool{}
	for _, m := range s.now.town.members {
		if (m.of == s.actor.of || on.votedBy(m.of)) && s.now.decides(m) {
			votes[m.of] = true
		}
	}
	if n := s.now.deciders(s.row.At.Add(-10 * time.Minute)); !alone && len(votes) < 2 && n > 1 {
		j.complain(s, "one of %d approvers ended it alone", n)
	}
}

// refused wants a true reason, if the reason is about a freeze.
func (j freezesJudge) refused(s step, on *pastFreeze) {
	so := true
	switch authz.Reason(s.row.Reason) {
	case authz.Frozen, authz.AlreadyFrozen:
		so = on != nil
	case authz.NotFrozen:
		so = on == nil
	case bot.FreezeChanged:
		so = strings.HasSuffix(s.promised(), "nd the freeze")
	case authz.AlreadyVoted:
		so = on != nil && on.votedBy(s.actor.of)
	case authz.FrozeLately:
		so = slices.ContainsFunc(s.before.freezes, func(f *pastFreeze) bool { return f.by == s.actor.of })
	}
	if !so {
		j.complain(s, "the reason is not true")
	}
}

// call wants no call while a freeze is on, unless the freeze begins in this moment.
func (j freezesJudge) call(c revokeCall, acts []act) {
	begins := slices.ContainsFunc(acts, func(a act) bool { return a.kind == authz.Freeze })
	if c.frozen && !begins {
		j.complain("Entra", "a revoke of %s for %s while a freeze is on", c.target, c.request)
	}
}

func TestFreezesJudge(t *testing.T) {
	freeze := func() step { return newStep("frozen", "ALICE", authz.Freeze) }
	refuse := func(why authz.Reason) step {
		s := newStep("refused", "ALICE")
		s.row.Reason = string(why)
		return s
	}
	on := func(s *step) { s.frozenFor(time.Hour, "AMIR") }
	over := func(s *step) { s.before.freezes[0].ended = noon }
	began := func(ago time.Duration) func(*step) {
		return func(s *step) { s.before.freezes[0].began = noon.Add(-ago) }
	}
	votes := func(s *step) { s.before.freezes[0].votes = []*member{s.actor, s.now.town.member("AMIR")} }
	voted := func(s *step) { on(s); votes(s) }
	// Alice voted with an account of hers that is now deactivated.
	elsewhere := func(s *step) {
		on(s)
		old := &member{id: "ALICE-OLD", of: s.actor.of, findable: true}
		old.deleted.set(true, noon.Add(-time.Hour))
		s.before.freezes[0].votes = []*member{old}
	}
	known := func(s *step) { s.before.freezes[0].votes[0].deleted = fact{} }
	promises := func(what string) func(*step) { return func(s *step) { s.acts[0].promise = what } }
	votedAndPromised := func(s *step) { voted(s); promises("End the freeze")(s) }
	noVotes := func(s *step) { s.before.freezes[0].votes = nil }
	twins := []twin{
		{"freeze", freeze(), nil, func(s *step) { s.now.Approvers = nil }, "they may not freeze"},
		{"freeze by command", freeze(), nil, func(s *step) { s.acts = nil }, "they may not freeze"},
		{"freeze once", freeze(), nil, on, "they may not freeze"},
		{"freeze once a day", freeze(), func(s *step) { s.frozenFor(24*time.Hour, "ALICE"); over(s) },
			began(23 * time.Hour), "they may not freeze"},
		{"end by the clock", newStep("unfrozen", "clock"), on, began(59 * time.Minute), "it is over after 59m0s of 1h0m0s"},
		{"end a freeze", newStep("unfrozen", "clock"), on, over, "no freeze is on"},
		{"end as the second", newStep("unfrozen", "ALICE", authz.Unfreeze), voted, noVotes, "one of 2 approvers ended it alone"},
		{"end alone", newStep("unfrozen", "BOB", authz.Unfreeze), func(s *step) { on(s); s.now.Freeze.Unfreeze = authz.Circle{"BOB"} },
			func(s *step) { s.now.Freeze.Unfreeze = nil }, "they may not unfreeze"},
		{"ask to end", newStep("unfreeze_asked", "ALICE", authz.Unfreeze), on, votes, "they asked before"},
		{"ask to end, with another account", newStep("unfreeze_asked", "ALICE", authz.Unfreeze), elsewhere, known, "they asked before"},
		{"ask to end, by a form that ends it", newStep("unfreeze_asked", "ALICE", authz.Unfreeze), func(s *step) { on(s); promises("Ask to end the freeze")(s) },
			promises("End the freeze"), "the form said: End the freeze"},
		{"end by a form that only asks", newStep("unfrozen", "ALICE", authz.Unfreeze), votedAndPromised,
			promises("Ask to end the freeze"), "the form said: Ask to end the freeze"},
		{"end by a press", newStep("unfrozen", "ALICE", authz.Unfreeze), votedAndPromised, promises("nothing"), "the form said: nothing"},
		{"refuse a form that is not true any more", func() step {
			s := newStep("refused", "ALICE", authz.Unfreeze)
			s.row.Reason = string(bot.FreezeChanged)
			return s
		}(), promises("End the freeze"), promises(""), "the reason is not true"},
		{"hold back", newStep("held", "bot"), on, over, "no freeze is on"},
		{"refuse during a freeze", refuse(authz.Frozen), on, over, "the reason is not true"},
		{"refuse a second freeze", refuse(authz.AlreadyFrozen), on, over, "the reason is not true"},
		{"refuse to end no freeze", refuse(authz.NotFrozen), nil, on, "the reason is not true"},
		{"refuse a second vote", refuse(authz.AlreadyVoted), voted, noVotes, "the reason is not true"},
		{"refuse a freeze so soon", refuse(authz.FrozeLately), func(s *step) { s.frozenFor(time.Hour, "ALICE"); over(s) },
			func(s *step) { s.before.freezes = nil }, "the reason is not true"},
	}
	for _, x := range []struct{ action, actor string }{
		{"approval", "ALICE"}, {"approved", "ALICE"}, {"approved", "policy"}, {"executing", "bot"}, {"expired", "clock"}, {"void", "policy"},
		{"not_executed", "policy"}, {"reminded", "clock"}, {"escalated", "clock"},
	} {
		twins = append(twins, twin{x.action + " by " + x.actor, newStep(x.action, x.actor), nil, on, "a freeze is on"})
	}
	judgeTwins(t, "freezes", func(j *judges) judge { return j.freezes }, twins)
}

func TestFreezesJudge_OfCalls(t *testing.T) {
	j, c := newJudges(), revokeCall{request: "REQ-A", target: "id-of-CAROL", frozen: true}
	j.freezes.call(c, []act{{kind: authz.Freeze}})
	wantNothing(t, j)
	j.freezes.call(c, nil)
	wantComplaint(t, j, "freezes: Entra: ", "while a freeze is on")
}
