package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"revoke-sessions/authz"
	"revoke-sessions/bot"
)

// twin is a permitted row, and one change that makes it forbidden. It proves that the
// judge can complain, and does not always complain.
type twin struct {
	name   string
	step   step
	before func(*step) // what happened before; may be nil
	forbid func(*step)
	says   string
}

// judgeTwins shows each row to one judge, both permitted and forbidden.
func judgeTwins(t *testing.T, rule string, pick func(*judges) judge, all []twin) {
	t.Helper()
	for _, x := range all {
		t.Run(x.name, func(t *testing.T) {
			s := x.step
			if x.before != nil {
				x.before(&s)
			}
			permitted := newJudges()
			pick(permitted).see(s)
			wantNothing(t, permitted)
			x.forbid(&s)
			forbidden := newJudges()
			pick(forbidden).see(s)
			wantComplaint(t, forbidden, fmt.Sprintf("%s: row 7, %s of REQ-A by %s", rule, s.row.Action, s.row.Actor), x.says)
		})
	}
}

func wantNothing(t *testing.T, j *judges) {
	t.Helper()
	if len(j.wrong) > 0 {
		t.Errorf("complaints about what is permitted: %q", j.wrong)
	}
}

// wantComplaint wants one complaint and forgets it.
func wantComplaint(t *testing.T, j *judges, begins, says string) {
	t.Helper()
	if len(j.wrong) != 1 || !strings.HasPrefix(j.wrong[0], begins) || !strings.Contains(j.wrong[0], says) {
		t.Errorf("the complaints are %q; want one that begins with %q and says %q", j.wrong, begins, says)
	}
	j.wrong = nil
}

// noon is when the rows of the judges' tests are written.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// newStep is a row for the tests of the judges. It is about REQ-A: a minute ago Bob
// asked to revoke Carol's sessions, which takes one approval of Alice or Amir. The
// actor did what kinds say.
func newStep(action, actor string, kinds ...authz.Action) step {
	w := &town{}
	for _, name := range []string{"ALICE", "AMIR", "BOB", "CAROL"} {
		h := &human{id: "id-of-" + name}
		w.humans = append(w.humans, h)
		w.members = append(w.members, &member{id: name, of: h, findable: true})
	}
	one := authz.Rule{Approvals: 1}
	policy := authz.Policy{
		Approvers: authz.Circle{"ALICE", "AMIR"}, Self: one, ThirdParty: one, Expiry: time.Hour,
		Freeze: authz.FreezeRule{Max: time.Hour}, Reminders: authz.Reminders{After: 10 * time.Minute, EscalateAfter: 20 * time.Minute},
	}
	bob, carol := w.member("BOB"), w.human("id-of-CAROL")
	p := &tracked{
		id: "REQ-A", lane: authz.ThirdParty, target: carol, askers: []*member{bob}, state: bot.Pending, created: noon.Add(-time.Minute),
		need: 1, wait: time.Hour, rows: map[string]int{},
	}
	s := step{
		row: bot.Row{Seq: 7, Entry: bot.Entry{Action: action, Request: p.id, Actor: actor, TargetID: carol.id, Need: 1, At: noon}},
		now: rules{Policy: policy, town: w, from: noon.Add(-time.Minute)}, actor: w.member(actor), request: p,
		before: &record{requests: []*tracked{p}},
	}
	for _, kind := range kinds {
		s.acts = append(s.acts, act{who: s.actor, kind: kind, target: carol, reason: "stolen"})
	}
	return s
}

// frozenFor begins a freeze before the row.
func (s *step) frozenFor(ago time.Duration, by string) {
	s.before.freezes = append(s.before.freezes, &pastFreeze{began: noon.Add(-ago), max: s.now.Freeze.Max, by: s.now.town.member(by).of})
}

// executed has Alice approve the request a minute ago, with one call for each reply.
func (s *step) executed(state bot.State, replies ...reply) {
	s.request.decide(noon.Add(-time.Minute), []*member{s.now.town.member("ALICE")})
	s.request.state, s.request.calls = state, len(replies)
	for _, how := range replies {
		s.calls = append(s.calls, revokeCall{request: s.request.id, target: s.request.target.id, at: noon.Add(-time.Minute), reply: how})
	}
}
