package engine_test

import (
	"slices"
	"testing"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// votesJudge asks who may do what a row says, whether their approval counts, and
// whether there are enough approvals.
type votesJudge struct{ complaints }

func (j votesJudge) see(s step) {
	row, now, m, p := s.row, s.now, s.actor, s.request
	switch row.Action {
	case "requested":
		j.requested(s)
	case "previewed_again":
		if need := now.least(p.lane, p.target).approvals; row.Need < need {
			j.complain(s, "the card asks for %d approvals; the rules want %d", row.Need, need)
		}
	case "joined":
		if j.inherited(s) {
			break
		}
		if s.asking(p.target) == nil || !now.somebody(m) || authz.LaneOf(m.of.id, p.target.id) != p.lane {
			j.complain(s, "they did not ask for the same")
		}
	case "cancel_asked", "cancel_asked_again":
		if !s.did(authz.Cancel) || p.lane != authz.Self || !p.asked(m) {
			j.complain(s, "they may not ask to cancel it")
		}
	case "approval":
		j.approval(s)
	case string(bot.Approved):
		if s.byPerson() {
			j.approval(s)
			j.enough(s)
			if len(s.acts) > 0 && !s.mayRevoke() {
				j.complain(s, "their button said that others must approve, too")
			}
		}
	case "approval_lapsed":
		why := authz.Reason(row.Reason) // why a whole decision is taken back
		if m := s.lapsed(); !slices.Contains(slices.Concat(p.approvals, p.givers, p.partial), m) {
			j.complain(s, "there is no such approval")
		} else if why != bot.TooOld && why != bot.TargetChanged && now.surelyCounts(m, p) {
			j.complain(s, "the approval still counts")
		}
	case string(bot.Executing):
		switch {
		case p.decisions == 0:
			j.complain(s, "nobody decided")
		case p.givers != nil:
			j.stillEnough(s)
		}
	case string(bot.Denied), "deny_pressed", "deny_asked":
		if !s.did(authz.Deny) || !now.decides(m) || m.of == p.target {
			j.complain(s, "they may not deny it")
		}
	case string(bot.Cancelled):
		if !s.did(authz.Cancel) || p.lane != authz.ThirdParty || !now.somebody(m) || !p.asked(m) || p.others(m.of) ||
			m.of == p.target || m.of.blocked.always(true, now.from) {
			j.complain(s, "they may not cancel it")
		}
	case string(bot.Void):
		j.void(s)
	case "refused":
		j.refused(s)
	}
}

// inherited reports whether a request takes over an asker of another one for the same,
// because the decision on that one no longer holds and it ends in favour of this one.
func (j votesJudge) inherited(s step) bool {
	return slices.ContainsFunc(s.before.requests, func(q *tracked) bool {
		return q != s.request && q.state == bot.Approved && q.target == s.request.target && q.lane == s.request.lane &&
			q.drill == s.request.drill && slices.Contains(q.askers, s.actor)
	})
}

// stillEnough wants every approval of the decision to count for a while after it, too.
// The facts may be twice as old as at a click.
func (j votesJudge) stillEnough(s step) {
	now := s.now
	now.from = now.from.Add(now.from.Sub(s.row.At))
	for _, m := range s.request.givers {
		if !now.counts(m, s.request) {
			j.complain(s, "the approval of %s does not count any more", m.id)
		}
	}
}

func (j votesJudge) requested(s step) {
	row, now, m, p := s.row, s.now, s.actor, s.request
	a := s.asking(p.target)
	if a == nil || !now.somebody(m) {
		j.complain(s, "nobody asked for it")
		return
	}
	rule, need := now.lane(p.lane), now.least(p.lane, p.target)
	if rule.WhoMayRequest != nil && !now.within(rule.WhoMayRequest, m) {
		j.complain(s, "they may not ask")
	}
	if need.untouchable {
		j.complain(s, "nobody may touch the target")
	}
	if rule.ReasonRequired && a.reason == "" {
		j.complain(s, "a reason is missing")
	}
	if row.Need < need.approvals || row.Need > now.most(p.lane, p.target).approvals {
		j.complain(s, "the card asks for %d approvals; the rules want %d", row.Need, need.approvals)
	}
}

func (j votesJudge) approval(s step) {
	now, m, p := s.now, s.actor, s.request
	if !s.did(authz.Confirm, authz.Retry) {
		j.complain(s, "they pressed nothing")
		return
	}
	if !now.counts(m, p) {
		j.complain(s, "their confirmation does not count")
	}
	if p.approvedBy(m) {
		j.complain(s, "they count twice")
	}
	if now.least(p.lane, p.target).untouchable {
		j.complain(s, "nobody may touch the target")
	}
}

// enough counts people, and only those with an approval that counts at this moment.
func (j votesJudge) enough(s step) {
	people := map[*human]bool{}
	for _, a := range append(slices.Clone(s.request.approvals), s.actor) {
		if s.now.counts(a, s.request) {
			people[a.of] = true
		}
	}
	if need := max(1, s.now.least(s.request.lane, s.request.target).approvals); len(people) < need {
		j.complain(s, "%d people of %d", len(people), need)
	}
}

// void wants somebody who may confirm. For the bot it wants somebody who asks for the
// same while the card asks for too few approvals.
func (j votesJudge) void(s step) {
	now, p := s.now, s.request
	switch s.row.Actor {
	case "policy":
	case "bot":
		if p.state == bot.Approved && s.row.Changed != string(bot.Unrecorded) {
			return // somebody approved it, and the account has changed
		}
		joins := slices.ContainsFunc(s.acts, func(a act) bool { return a.kind == authz.Ask && a.target == p.target && a.drill == p.drill })
		if !joins || now.most(p.lane, p.target).approvals <= p.need {
			j.complain(s, "nobody asked for more")
		}
	default:
		if !s.did(authz.Confirm) || !now.counts(s.actor, p) {
			j.complain(s, "they may not confirm it")
		}
	}
}

// refused wants a true reason. freezesJudge checks freezes.
func (j votesJudge) refused(s step) {
	now, m, p := s.now, s.actor, s.request
	if s.rushed() {
		return
	}
	if m == nil {
		j.complain(s, "nobody knows them")
		return
	}
	if p == nil {
		p = &tracked{} // there is no such request
	}
	so := true
	switch authz.Reason(s.row.Reason) {
	case authz.NotApprover:
		so = !now.surelyWithin(now.Approvers, m)
	case authz.AccountBlocked:
		so = m.of.blocked.ever(true, now.from)
	case authz.Guest:
		so = m.guest.ever(true, now.from)
	case authz.NotAMember:
		so = m.deleted.ever(true, now.from)
	case authz.TargetMayNotDecide:
		so = p.lane == authz.ThirdParty && m.of == p.target
	case authz.TargetMayNotEnd:
		so = p.lane == authz.Self && m.of == p.target
	case authz.RequesterMayNotDecide:
		so = p.asked(m) && !now.most(p.lane, p.target).requester
	case authz.AlreadyApproved:
		so = p.approvedBy(m)
	case bot.LastApproval:
		so = len(p.approvals)+1 >= now.least(p.lane, p.target).approvals && slices.ContainsFunc(s.acts, func(a act) bool {
			return a.button == bot.ActionApprove || a.button == bot.ActionApproveRetry
		})
	case authz.NotRequester:
		so = !p.asked(m)
	case authz.OthersAskedToo:
		so = p.others(m.of)
	case authz.TargetProtected:
		so = s.request == nil || now.most(p.lane, p.target).untouchable
	case authz.MembershipUnknown:
		so = now.quiet
	case bot.LookupFailed:
		so = now.quiet || now.blind // the target's roles are looked up, too
	}
	if !so {
		j.complain(s, "the reason is not true")
	}
}

func TestVotesJudge(t *testing.T) {
	ask := func() step { return newStep("requested", "BOB", authz.Ask) }
	approve := func() step { return newStep("approval", "ALICE", authz.Confirm) }
	lapse := func(s *step) { s.row.Origin, s.request.approvals = "approval of BOB", s.request.askers }
	refuse := func(actor string, why authz.Reason) step {
		s := newStep("refused", actor, authz.Confirm)
		s.row.Reason = string(why)
		return s
	}
	bobApproves := func(s *step) { s.now.Approvers, s.now.ThirdParty.RequesterMayApprove = authz.Circle{"BOB"}, true }
	nobodyApproves := func(s *step) { s.now.Approvers = nil }
	nobodyActs := func(s *step) { s.acts = nil }
	nobodyApproved := func(s *step) { s.request.approvals = nil }
	actorIsTarget := func(s *step) { s.request.target = s.actor.of }
	targetIsBlocked := func(s *step) { s.now.Protected = []authz.Protection{{Users: []string{"CAROL"}, Block: true}} }
	selfReport := func(s *step) { s.request.lane, s.request.target = authz.Self, s.now.town.human("id-of-BOB") }
	needsTwo := func(s *step) { s.now.ThirdParty.Approvals = 2 }
	judgeTwins(t, "votes", func(j *judges) judge { return j.votes }, []twin{
		{"ask", ask(), nil, nobodyActs, "nobody asked for it"},
		{"ask as one of a circle", ask(), nil, func(s *step) { s.now.ThirdParty.WhoMayRequest = authz.Circle{"ALICE"} }, "they may not ask"},
		{"ask with a reason", ask(), func(s *step) { s.now.ThirdParty.ReasonRequired = true },
			func(s *step) { s.acts[0].reason = "" }, "a reason is missing"},
		{"ask for one approval", ask(), nil, needsTwo, "asks for 1 approvals; the rules want 2"},
		{"ask about anybody", ask(), nil, targetIsBlocked, "nobody may touch the target"},
		{"join", newStep("joined", "ALICE", authz.Ask), nil, selfReport, "they did not ask for the same"},
		{"ask to cancel", newStep("cancel_asked", "BOB", authz.Cancel), selfReport,
			func(s *step) { s.request.askers = nil }, "they may not ask to cancel"},
		{"approve", approve(), nil, nobodyApproves, "their confirmation does not count"},
		{"approve anybody", approve(), nil, targetIsBlocked, "nobody may touch the target"},
		{"approve by a button", approve(), nil, nobodyActs, "they pressed nothing"},
		{"approve as a person", approve(), nil, func(s *step) { s.row.Actor = "bot" }, "they pressed nothing"},
		{"approve once", approve(), nil, func(s *step) { s.request.approvals = []*member{s.actor} }, "they count twice"},
		{"approve as the second", newStep("approved", "AMIR", authz.Confirm), func(s *step) {
			needsTwo(s)
			s.request.approvals = []*member{s.now.town.member("ALICE")}
		}, nobodyApproved, "1 people of 2"},
		{"approve by a button that says so", newStep("approved", "ALICE", authz.Confirm), nil,
			func(s *step) { s.acts[0].button = bot.ActionApprove }, "their button said that others must approve, too"},
		{"refuse the last approval", refuse("ALICE", bot.LastApproval), func(s *step) { s.acts[0].button = bot.ActionApprove },
			needsTwo, "the reason is not true"},
		{"try again", newStep("approved", "AMIR", authz.Retry), func(s *step) { s.executed(bot.Failed) }, nobodyActs, "they pressed nothing"},
		{"lapse", newStep("approval_lapsed", "bot"), lapse, bobApproves, "the approval still counts"},
		{"lapse of an approval", newStep("approval_lapsed", "bot"), lapse, nobodyApproved, "there is no such approval"},
		{"execute", newStep("executing", "bot"), func(s *step) { s.executed(bot.Approved) },
			func(s *step) { s.request.decisions = 0 }, "nobody decided"},
		{"execute what still holds", newStep("executing", "bot"), func(s *step) { s.executed(bot.Approved) },
			func(s *step) { s.now.Approvers = authz.Circle{"AMIR"} }, "the approval of ALICE does not count any more"},
		{"take back", newStep("approval_lapsed", "bot"), func(s *step) {
			s.executed(bot.Approved)
			s.row.Origin, s.now.Approvers = "approval of ALICE", nil
		}, func(s *step) { s.now.Approvers = authz.Circle{"ALICE"} }, "the approval still counts"},
		{"void what waited", newStep("void", "bot"), func(s *step) { s.executed(bot.Approved) },
			func(s *step) { s.row.Changed = string(bot.Unrecorded) }, "nobody asked for more"},
		{"deny", newStep("denied", "ALICE", authz.Deny), nil, actorIsTarget, "they may not deny it"},
		{"cancel", newStep("cancelled", "BOB", authz.Cancel), nil,
			func(s *step) { s.request.askers = s.now.town.members }, "they may not cancel it"},
		{"find a change", newStep("void", "ALICE", authz.Confirm), nil, nobodyApproves, "they may not confirm it"},
		{"find that more is needed", newStep("void", "bot"), func(s *step) {
			needsTwo(s)
			s.acts = []act{{who: s.now.town.member("BOB"), kind: authz.Ask, target: s.request.target}}
		}, nobodyActs, "nobody asked for more"},
		{"preview again", newStep("previewed_again", "ALICE"), nil, needsTwo, "asks for 1 approvals; the rules want 2"},
		{"refuse who does not approve", refuse("BOB", authz.NotApprover), nil, bobApproves, "the reason is not true"},
		{"refuse in a rush", refuse("BOB", authz.NotApprover), func(s *step) { bobApproves(s); s.acts = append(s.acts, act{}) },
			func(s *step) { s.acts = s.acts[:1] }, "the reason is not true"},
		{"refuse the target", refuse("ALICE", authz.TargetMayNotDecide), actorIsTarget,
			func(s *step) { s.request.target = nil }, "the reason is not true"},
		{"refuse somebody known", refuse("BOB", authz.NotApprover), nil, func(s *step) { s.actor = nil }, "nobody knows them"},
		{"refuse when nobody answers", refuse("ALICE", bot.LookupFailed), func(s *step) { s.now.quiet = true },
			func(s *step) { s.now.quiet = false }, "the reason is not true"},
	})
}
