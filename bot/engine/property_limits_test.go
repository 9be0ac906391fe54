package engine_test

import (
	"slices"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// limitsJudge asks whether somebody does more than the limits allow. It keeps its own
// counts, because no other judge needs them.
type limitsJudge struct {
	complaints
	uses []use
	// done are the requests with a call that may have taken effect.
	done map[*tracked]bool
}

// use is one use of something that the policy limits.
type use struct {
	kind, who string
	at        time.Time
	request   *tracked
}

func (j *limitsJudge) see(s step) {
	p, limits := s.request, s.now.Limits
	if slices.ContainsFunc(s.calls, func(c revokeCall) bool { return !c.reply.resolved() }) {
		if j.done == nil {
			j.done = map[*tracked]bool{}
		}
		j.done[p] = true
	}
	switch s.row.Action {
	case "requested":
		if p.lane == authz.ThirdParty { // a report of one's own device has no limit
			j.use(s, bot.PerRequester, s.actor.of.id, limits.PerRequester)
		}
	case "approval", string(bot.Approved):
		if m := s.actor; m != nil && m.of != nil && !p.drill && !p.own(m) {
			j.use(s, bot.PerApprover, m.of.id, limits.PerApprover)
		}
		if s.row.Action == string(bot.Approved) && (s.actor != nil || s.row.Actor == "policy") {
			j.write(s, s.actor)
		}
	case string(bot.Executing):
		if len(s.open()) == 1 { // a second call; the decision counted the first
			var giver *member
			if n := len(p.givers); n > 0 {
				giver = p.givers[n-1]
			}
			j.write(s, giver)
		}
	case "reopened":
		var kept []string
		for _, m := range append(slices.Clone(p.givers), p.partial...) {
			kept = append(kept, m.of.id)
		}
		j.giveBack(p, kept)
	case string(bot.Void):
		if authz.Reason(s.row.Reason) != bot.NotOnRecord {
			j.giveBack(p, nil)
		}
	case string(bot.Denied):
		if p.state == bot.Approved {
			j.giveBack(p, nil)
		}
	}
}

// giveBack removes the uses of decisions that were taken back, unless a call may have
// taken effect. Asks still count, and so do the approvals in kept.
func (j *limitsJudge) giveBack(p *tracked, kept []string) {
	if j.done[p] {
		return
	}
	j.uses = slices.DeleteFunc(j.uses, func(u use) bool {
		return u.request == p && u.kind != bot.PerRequester && !(u.kind == bot.PerApprover && slices.Contains(kept, u.who))
	})
}

// write counts a call to Graph. A call that no approver decided counts apart, so that
// somebody with a lost phone cannot use up what approvers need.
func (j *limitsJudge) write(s step, giver *member) {
	target, total := bot.PerTarget, bot.Total
	switch {
	case s.request.drill:
		return
	case giver == nil || s.request.own(giver):
		target, total = bot.OwnTarget, bot.OwnTotal
	}
	j.use(s, target, s.request.target.id, s.now.Limits.PerTarget)
	j.use(s, total, "", s.now.Limits.Total)
}

func (j *limitsJudge) use(s step, kind, who string, limit authz.Limit) {
	j.uses = append(j.uses, use{kind, who, s.row.At, s.request})
	n := 0
	for _, u := range j.uses {
		if u.kind == kind && u.who == who && u.at.After(s.row.At.Add(-limit.Within)) {
			n++
		}
	}
	if limit.N > 0 && n > limit.N {
		j.complain(s, "%s is %d in %s; this is number %d", kind, limit.N, limit.Within, n)
	}
}

// TestLimitsJudge shows each row twice. The second is one use too many, unless the
// period of the limit has passed.
func TestLimitsJudge(t *testing.T) {
	limit := authz.Limit{N: 1, Within: time.Hour}
	approval := newStep("approval", "ALICE")
	byPolicy := newStep("approved", "policy")
	own := newStep("approved", "CAROL")
	own.request.lane, own.request.need = authz.Self, 0
	second := newStep("executing", "bot")
	second.executed(bot.Unknown, lostUndone)
	drill := newStep("approved", "ALICE")
	drill.request.drill = true
	selfReport := newStep("requested", "CAROL")
	selfReport.request.lane = authz.Self
	for name, x := range map[string]struct {
		step   step
		limits authz.Limits
		says   string // empty: no limit applies
	}{
		"requester":           {newStep("requested", "BOB"), authz.Limits{PerRequester: limit}, "per_requester is 1 in 1h0m0s; this is number 2"},
		"reporter":            {selfReport, authz.Limits{PerRequester: limit}, ""},
		"approver":            {approval, authz.Limits{PerApprover: limit}, "per_approver is 1"},
		"approval, no call":   {approval, authz.Limits{PerTarget: limit, Total: limit}, ""},
		"target":              {newStep("approved", "ALICE"), authz.Limits{PerTarget: limit}, "per_target is 1"},
		"total":               {newStep("approved", "ALICE"), authz.Limits{Total: limit}, "total is 1"},
		"policy":              {byPolicy, authz.Limits{PerTarget: limit}, "per_target_own is 1"},
		"policy, total":       {byPolicy, authz.Limits{Total: limit}, "total_own is 1"},
		"own device":          {own, authz.Limits{PerTarget: limit}, "per_target_own is 1"},
		"own device, no vote": {own, authz.Limits{PerApprover: limit}, ""},
		"second call":         {second, authz.Limits{PerTarget: limit}, "per_target is 1"},
		"drill":               {drill, authz.Limits{PerApprover: limit, PerTarget: limit, Total: limit}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			j, s := newJudges(), x.step
			s.now.Limits = x.limits
			j.limits.see(s)
			wantNothing(t, j)
			j.limits.see(s)
			if x.says == "" {
				wantNothing(t, j)
				return
			}
			wantComplaint(t, j, "limits: row 7, ", x.says)
			s.row.At = noon.Add(limit.Within)
			j.limits.see(s)
			wantNothing(t, j)
		})
	}
}

// TestLimitsJudge_CountsApart proves that reports of own devices use up nothing of
// others.
func TestLimitsJudge_CountsApart(t *testing.T) {
	j := newJudges()
	for _, s := range []step{newStep("approved", "policy"), newStep("approved", "ALICE")} {
		s.now.Limits = authz.Limits{PerTarget: authz.Limit{N: 1, Within: time.Hour}, Total: authz.Limit{N: 1, Within: time.Hour}}
		j.limits.see(s)
	}
	wantNothing(t, j)
}

// TestLimitsJudge_GivesBack proves that a decision that was taken back no longer
// counts, unless a call may have taken effect, and that a kept approval still counts.
func TestLimitsJudge_GivesBack(t *testing.T) {
	one := authz.Limit{N: 1, Within: time.Hour}
	for name, x := range map[string]struct {
		row     string
		reason  authz.Reason
		pending bool // nothing was decided
		kept    bool // Alice's approval still counts
		replies []reply
		limits  authz.Limits
		says    string
	}{
		"reopened":           {row: "reopened", limits: authz.Limits{PerTarget: one, Total: one, PerApprover: one}},
		"reopened, wait":     {row: "reopened", replies: []reply{saysWait, saysNo}, limits: authz.Limits{Total: one}},
		"reopened, kept":     {row: "reopened", kept: true, limits: authz.Limits{PerApprover: one}, says: "per_approver is 1"},
		"reopened, unclear":  {row: "reopened", replies: []reply{lostUndone}, limits: authz.Limits{PerTarget: one}, says: "per_target is 1"},
		"denied":             {row: "denied", limits: authz.Limits{Total: one}},
		"denied, undecided":  {row: "denied", pending: true, limits: authz.Limits{PerApprover: one}, says: "per_approver is 1"},
		"void":               {row: "void", limits: authz.Limits{Total: one}},
		"void, not recorded": {row: "void", reason: bot.NotOnRecord, limits: authz.Limits{Total: one}, says: "total is 1"},
		"failed":             {row: "failed", limits: authz.Limits{Total: one}, says: "total is 1"},
	} {
		t.Run(name, func(t *testing.T) {
			j, s := newJudges(), newStep("approved", "ALICE")
			s.now.Limits = x.limits
			j.limits.see(s)
			back := s
			if !x.pending {
				back.executed(bot.Approved, x.replies...)
			}
			if !x.kept {
				s.request.givers = nil
			}
			back.row.Action, back.row.Reason = x.row, string(x.reason)
			j.limits.see(back)
			j.limits.see(s)
			if x.says == "" {
				wantNothing(t, j)
				return
			}
			wantComplaint(t, j, "limits: row 7, ", x.says)
		})
	}
}
